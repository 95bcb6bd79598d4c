# SPDX-License-Identifier: GPL-3.0-or-later
"""Uploads that lie, and some that do not: what the server takes from strangers, by what stands in it."""

from __future__ import annotations

import io
import shutil
import struct
import tempfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from galatea.backend.protocol.errors import UserError
from galatea.backend.server import checks, limits
from galatea.backend.server.limits import Limits, Refusal
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


def picture_of(wide: int, high: int) -> bytes:
    out = io.BytesIO()
    Image.new("1", (wide, high)).save(out, "PNG")
    return out.getvalue()


def animated() -> bytes:
    out = io.BytesIO()
    frames = [Image.new("RGB", (40, 30), (shade, 10, 10)) for shade in (0, 200)]
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:])
    return out.getvalue()


def packed(change: Any) -> bytes:
    """A GLB whose JSON was changed."""
    with tempfile.TemporaryDirectory() as folder:
        data: bytes = glb.write(Path(folder) / "m.glb", change).read_bytes()
        return data


def textured(data: bytes, times: int = 1, **view: Any) -> bytes:
    """A GLB with these textures, whatever they are."""

    def change(tree: Any) -> None:
        tree["images"] = [{"bufferView": len(tree["bufferViews"])}] * times
        tree["bufferViews"].append({"buffer": 0, "byteOffset": end, "byteLength": len(data), **view})
        tree["buffers"][0]["byteLength"] = end + len(data)

    end = 0
    plain = packed(lambda tree: None)
    end = len(plain) - 28 - struct.unpack("<I", plain[12:16])[0]
    made = packed(change)
    return made[:8] + struct.pack("<I", len(made) + len(data)) + made[12:] + data


def box(kind: bytes, *parts: bytes) -> bytes:
    """Of an MP4."""
    return struct.pack(">I4s", 8 + sum(map(len, parts)), kind) + b"".join(parts)


def mp4(
    wide: int = 64, high: int = 48, frames: int = 10, *, own: int = 1, kind: bytes = b"vide", more: bytes = b""
) -> bytes:
    """A head that says so, without pictures."""
    entry = box(b"avc1", bytes(24), struct.pack(">HH", wide, high), bytes(50))
    table = box(b"stbl", box(b"stsd", bytes(8), entry), box(b"stsz", bytes(8), struct.pack(">I", frames)))
    files = box(b"dinf", box(b"dref", bytes(8), box(b"url ", struct.pack(">I", own))))
    track = box(b"trak", box(b"mdia", box(b"hdlr", bytes(8), kind, bytes(12)), box(b"minf", files, table)))
    return box(b"ftyp", b"isom", bytes(4)) + box(b"moov", more, track) + box(b"mdat", bytes(9))


def element(name: int, *parts: bytes) -> bytes:
    """Of a WebM."""
    body = b"".join(parts)
    return name.to_bytes((name.bit_length() + 7) // 8, "big") + (1 << 56 | len(body)).to_bytes(8, "big") + body


def webm(wide: int = 64, high: int = 48, seconds: float = 3.0, more: bytes = b"") -> bytes:
    size = element(0xB0, wide.to_bytes(2, "big")) + element(0xBA, high.to_bytes(2, "big"))
    info = element(0x1549A966, element(0x4489, struct.pack(">d", seconds * 1000)))
    tracks = element(0x1654AE6B, element(0xAE, more, element(0xE0, size)))
    return element(0x1A45DFA3, element(0x4282, b"webm")) + element(0x18538067, info, tracks, element(0x1F43B675))


def many(tree: Any, **more: int) -> None:
    """A GLB of so many more of these, that all show its first mesh."""
    for key, count in more.items():
        tree[key] += [{"mesh": 0} if key == "nodes" else tree[key][-1]] * count


def often(tree: Any) -> None:
    """A mesh of many parts that many nodes show."""
    tree["meshes"][0]["primitives"] *= 999
    many(tree, nodes=9_000)


GOOD = {
    "png": picture("PNG"), "jpg": picture("JPEG"), "webp": picture("WEBP"), "glb": packed(lambda tree: None),
    "stl": b"\0" * 80 + struct.pack("<I", 1) + b"\0" * 50, "obj": b"# box\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n",
    "ply": b"ply\nformat ascii 1.0\nelement vertex 3\nelement face 1\nend_header\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n",
    "bvh": b"HIERARCHY\nROOT hips\n", "json": b'{"objects": [{"name": "ball"}]}', "mp4": mp4(), "webm": webm(),
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
    "glb with many nodes": packed(lambda tree: many(tree, nodes=10_001)),
    "glb with many meshes": packed(lambda tree: many(tree, meshes=10_001)),
    "glb with many accessors": packed(lambda tree: tree["accessors"].extend([{"count": 0}] * 100_001)),
    "glb with many parts": packed(
        lambda tree: tree["meshes"][0].update(primitives=tree["meshes"][0]["primitives"] * 10_001)
    ),
    "glb with one mesh very often": packed(often),
    "glb with a mesh that is not there": packed(lambda tree: tree["nodes"].append({"mesh": 99})),
    "glb packed where no list says so": packed(
        lambda tree: tree["meshes"][0]["primitives"][0].update(
            extensions={"KHR_draco_mesh_compression": {"bufferView": 0}}
        )
    ),
    "glb that multiplies itself": packed(
        lambda tree: tree["nodes"][0].update(extensions={"EXT_mesh_gpu_instancing": {"attributes": {"TRANSLATION": 0}}})
    ),
    "cut mp4": mp4()[:-20],
    "mp4 without a picture": mp4(kind=b"soun"),
    "mp4 with large pictures": mp4(4000, 3000),
    "mp4 with too many pictures": mp4(frames=40_000),
    "mp4 that names a file": mp4(own=0),
    "mp4 with a packed head": mp4(more=box(b"cmov", bytes(8))),
    "mp4 in fragments": mp4() + box(b"moof", bytes(8)),
    "mp4 of thousands of boxes": mp4() + box(b"free") * 5000,
    "mp4 with a box of no size": box(b"ftyp", b"isom", bytes(4)) + struct.pack(">I4s", 4, b"moov"),
    "cut webm": webm()[:80],
    "webm with large pictures": webm(4000, 3000),
    "webm that lasts": webm(seconds=700.0),
    "webm that lasts for no number of seconds": webm(seconds=float("nan")),
    "webm packed in itself": webm(more=element(0x6D80)),
    "mkv": webm().replace(b"webm", b"mkv "),
    "packed glb": packed(lambda tree: tree.setdefault("extensionsUsed", []).append("KHR_draco_mesh_compression")),
    "obj with a library": GOOD["obj"] + b"mtllib /etc/passwd\n",
    "ply that lies": GOOD["ply"].replace(b"vertex 3", b"vertex 900000000"),
    "scene with a file": b'{"objects": [{"name": "ball", "mesh": {"file": "/etc/passwd"}}]}',
    "deep json": b'{"a":' * 5000,
    "scene of nothing": b'{"objects": []}',
    "scene cut short": b'{"objects": [',
    "scene with a number of 400 digits": b'{"objects": [{"name": "ball", "mass": 1%s}]}' % (b"0" * 400),
    "many empty lines": b"\n" * 3000 + b"x",
    "many empty lines of an obj": b"v 0 0 0\n" + b"\n" * 300_000 + b" \t mtllib /etc/passwd\n",
    "ply that lies with wide gaps": GOOD["ply"].replace(b"element vertex 3", b"element  vertex\t900000000"),
    "glb with a picture as text": packed(lambda tree: tree.update(images=[{"uri": "data:image/png;base64,AAAA"}])),
    "glb with a picture of another kind": textured(b"II*\0" + b"\0" * 60),
    "glb with a bomb for a picture": textured(png(60_000, 60_000)),
    "glb with a picture at infinity": textured(picture("PNG"), byteOffset=1e999),
    "glb with too many pictures": textured(picture("PNG"), 257),
    "glb with pictures too large together": textured(picture_of(900, 900), 20),
    "animated webp": animated(),
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
    assert str(told.value).endswith(".") and "/etc" not in str(told.value) and str(tmp_path) not in str(told.value)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_textures_within_a_glb_are_taken(tmp_path: Path) -> None:
    for kind in ("PNG", "JPEG", "WEBP"):
        assert take(Uploads(tmp_path, LIMITS), textured(picture(kind)))[1].suffix == ".glb"


@pytest.mark.parametrize("kind", ["mp4", "webm"])
def test_films_of_other_programs_are_taken(kind: str, tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / f"film.{kind}"), "w") as film:
        stream = film.add_stream("libx264" if kind == "mp4" else "libvpx", rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for shade in (0, 100, 200):
            film.mux(stream.encode(av.VideoFrame.from_image(Image.new("RGB", (64, 48), (shade, 10, 10)))))
        film.mux(stream.encode())
    data = (tmp_path / f"film.{kind}").read_bytes()
    assert take(Uploads(tmp_path, LIMITS), data)[1].suffix == f".{kind}"
    with pytest.raises(UserError, match="64 x 48 px"):
        take(
            Uploads(tmp_path, Limits(pixels=1000, free=0)),
            data + b"\0\0\0\x08free" if kind == "mp4" else data + b"\xec\x80",
        )


def test_a_photo_of_a_phone_may_hold_a_smaller_one(tmp_path: Path) -> None:
    out = io.BytesIO()
    photo = Image.effect_noise((64, 48), 50).convert("RGB")
    photo.save(out, "MPO", save_all=True, append_images=[photo.resize((16, 12))])
    assert take(Uploads(tmp_path, LIMITS), out.getvalue())[1].suffix == ".jpg"


def test_a_disk_that_fills_up_meanwhile_stops_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = Uploads(tmp_path, Limits(free=1)).begin()
    part.write(b"\0" * 1000)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(limits.shutil, "disk_usage", lambda folder: usage._replace(free=0))
    with pytest.raises(Refusal) as told:
        part.write(b"\0" * 1000)
    assert told.value.status == 507
    with pytest.raises(Refusal):
        Uploads(tmp_path, Limits(free=1)).begin()


def test_a_file_above_the_limit_stops_where_it_is(tmp_path: Path) -> None:
    part = Uploads(tmp_path, LIMITS).begin()
    with pytest.raises(Refusal, match="larger than 4 MB"):
        for _ in range(100):
            part.write(b"\0" * (1 << 20))
    part.drop()
    assert part.size <= 5 << 20 and not list((tmp_path / "part").iterdir())


def test_every_role_has_kinds_that_exist() -> None:
    assert {kind for kinds in checks.ROLES.values() for kind in kinds} == set(GOOD) == set(checks.MEDIA)
