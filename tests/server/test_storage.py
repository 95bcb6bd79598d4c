# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the server keeps what it delivers: a folder, and an object store that speaks S3."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from galatea.backend.protocol.errors import UserError
from galatea.backend.server.storage import Folder, Remote

from .conftest import Serving


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
