# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of the server by themselves: uploads that lie, storage in an object store, limits, the queue's order."""

from __future__ import annotations

import io
import json
import struct
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from galatea.backend.protocol.errors import UserError
from galatea.backend.server import checks
from galatea.backend.server.limits import Buckets, Limits, Refusal
from galatea.backend.server.storage import Folder, Remote, span
from galatea.backend.server.tokens import Tokens
from galatea.backend.server.uploads import Uploads

from ..golden import glb

LIMITS = Limits(pixels=1_000_000, upload=4 << 20, free=0)


def png(wide: int, high: int) -> bytes:
    """A picture that says so, of a few bytes: its pixels are all alike, or not there."""
    rows = zlib.compress(b"\0" * 1000)
    head = struct.pack(">IIBBBBB", wide, high, 8, 2, 0, 0, 0)
    out = b"\x89PNG\r\n\x1a\n"
    for kind, data in ((b"IHDR", head), (b"IDAT", rows), (b"IEND", b"")):
        out += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return out


def picture(kind: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), (200, 10, 10)).save(out, kind)
    return out.getvalue()


def packed(change: Any) -> bytes:
    """A GLB whose JSON was changed."""
    with tempfile.TemporaryDirectory() as folder:
        data: bytes = glb.write(Path(folder) / "m.glb", change).read_bytes()
        return data


GOOD = {
    "png": picture("PNG"), "jpg": picture("JPEG"), "webp": picture("WEBP"), "glb": packed(lambda tree: None),
    "stl": b"\0" * 80 + struct.pack("<I", 1) + b"\0" * 50, "obj": b"# box\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n",
    "ply": b"ply\nformat ascii 1.0\nelement vertex 3\nelement face 1\nend_header\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n",
    "bvh": b"HIERARCHY\nROOT hips\n", "json": b'{"objects": [{"name": "ball"}]}',
}  # fmt: skip
BAD = {
    "nothing": b"",
    "a script": b"#!/bin/sh\nrm -rf /\n",
    "a page": b"<html><script>alert(1)</script>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "a blend": b"BLENDER-v405",
    "a zip": b"PK\x03\x04" + b"\0" * 40,
    "a pickle": b"\x80\x04\x95",
    "cut png": picture("PNG")[:60],
    "cut jpg": picture("JPEG")[:200],
    "bomb": png(60_000, 60_000),
    "too many pixels": png(1001, 1000),
    "short of pixels": png(900, 900),
    "cut glb": packed(lambda tree: None)[:400],
    "glb that names a file": packed(lambda tree: tree["buffers"].append({"uri": "/etc/passwd", "byteLength": 4})),
    "glb with a picture elsewhere": packed(lambda tree: tree.setdefault("images", []).append({"uri": "../x.png"})),
    "glb with a bomb": packed(lambda tree: tree["accessors"].append({"count": 10**12, "componentType": 5126})),
    "packed glb": packed(lambda tree: tree.setdefault("extensionsUsed", []).append("KHR_draco_mesh_compression")),
    "obj with a library": GOOD["obj"] + b"mtllib /etc/passwd\n",
    "ply that lies": GOOD["ply"].replace(b"vertex 3", b"vertex 900000000"),
    "scene with a file": b'{"objects": [{"name": "ball", "mesh": {"file": "/etc/passwd"}}]}',
    "deep json": b'{"a":' * 5000,
    "scene of nothing": b'{"objects": []}',
}


def take(uploads: Uploads, data: bytes) -> tuple[str, Path]:
    part = uploads.begin()
    for at in range(0, len(data), 1000):
        part.write(data[at : at + 1000])
    return uploads.take(part)


@pytest.mark.parametrize("kind", GOOD)
def test_good_files_are_known_by_what_they_hold(kind: str, tmp_path: Path) -> None:
    id, path = take(Uploads(tmp_path, LIMITS), GOOD[kind])
    assert path.suffix == f".{kind}" and path.read_bytes() == GOOD[kind]
    assert Uploads(tmp_path, LIMITS).path(id) == path


@pytest.mark.parametrize("what", BAD)
def test_bad_files_are_refused_and_leave_nothing(what: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as told:
        take(Uploads(tmp_path, LIMITS), BAD[what])
    assert str(told.value).endswith(".") and "/etc" not in str(told.value)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_file_above_the_limit_stops_where_it_is(tmp_path: Path) -> None:
    part = Uploads(tmp_path, LIMITS).begin()
    with pytest.raises(Refusal, match="larger than 4 MB"):
        for _ in range(100):
            part.write(b"\0" * (1 << 20))
    part.drop()
    assert part.size <= 5 << 20 and not list((tmp_path / "part").iterdir())


def test_every_role_has_kinds_that_exist() -> None:
    assert {kind for kinds in checks.ROLES.values() for kind in kinds} == set(GOOD) == set(checks.MEDIA)


def test_ranges() -> None:
    assert [span(text, 100) for text in ("bytes=0-9", "bytes=90-", "bytes=-5", "bytes=0-999")] == [
        (0, 10), (90, 100), (95, 100), (0, 100),
    ]  # fmt: skip
    assert [span(text, 100) for text in ("", "bytes=", "bytes=9-1", "bytes=0-1,3-4", "lines=1-2")] == [None] * 5
    for text in ("bytes=100-", "bytes=-0"):
        with pytest.raises(ValueError, match="range"):
            span(text, 100)


def test_buckets_fill_again() -> None:
    now = [0.0]
    buckets = Buckets(2.0, 4.0, lambda: now[0])
    assert [buckets.wait("ada") for _ in range(5)] == [0, 0, 0, 0, 0.5]
    assert buckets.wait("bob") == 0
    now[0] = 0.5
    assert buckets.wait("ada") == 0 and buckets.wait("ada") > 0


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    moto = pytest.importorskip("moto.server")
    pytest.importorskip("s3fs")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    import boto3

    boto3.client("s3").create_bucket(Bucket="assets")
    yield "s3://assets/galatea"
    server.stop()


def test_an_object_store_and_a_folder_do_the_same(bucket: str, tmp_path: Path) -> None:
    source = tmp_path / "mesh.glb"
    source.write_bytes(bytes(range(256)) * 40_000)
    far = Remote(bucket)
    far.prove()
    for storage in (Folder(tmp_path / "jobs"), far):
        storage.put(source, "j1/mesh.glb")
        assert storage.there("j1/mesh.glb", source.stat().st_size) and not storage.there("j1/other", 1)
        assert b"".join(storage.read("j1/mesh.glb", 0, source.stat().st_size)) == source.read_bytes()
        assert b"".join(storage.read("j1/mesh.glb", 250, 260)) == bytes([*range(250, 256), 0, 1, 2, 3])
        storage.remove("j1")
        assert not storage.there("j1/mesh.glb", source.stat().st_size)
        storage.remove("j1")


def test_a_server_keeps_its_files_in_the_object_store(bucket: str, tmp_path: Path) -> None:
    from .conftest import Serving

    serving = Serving(tmp_path / "home", "--storage", bucket)
    try:
        serving.start()
        job = serving.until(serving.json("POST", "/v1/jobs", serving.fake("far away"), 201)["id"])
        assert job["state"] == "done", job
        status, headers, data = serving.ask("GET", job["assets"][0]["url"], headers={"Range": "bytes=0-2"})
        assert (status, data, headers["content-range"]) == (206, b"far", "bytes 0-2/11")
        assert not list(serving.home.glob("server/jobs/*/assets/*"))
    finally:
        serving.close()


def test_a_storage_that_is_not_there_is_said_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("s3fs")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(UserError, match="Check --storage") as told:
        Remote("s3://nothing/here").prove()
    assert "very-secret" not in json.dumps(str(told.value))


def test_a_server_whose_last_token_was_taken_away_is_shut(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path / "tokens.json")
    assert not tokens.wanted
    tokens.add("ann")
    tokens.remove("ann")
    assert tokens.wanted and not tokens.users() and Tokens(tmp_path / "tokens.json").wanted


def test_blank_lines_hold_nobody_up() -> None:
    assert checks._guess(b"\n" * 4000 + b"x", 4001) == ""
    assert checks._guess(b"# a\n\no b\n  v 0.5 1 2\n", 20) == "obj"
