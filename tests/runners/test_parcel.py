# SPDX-License-Identifier: GPL-3.0-or-later
"""What travels to a machine that does not see our disk and back, and the place of work there, without a cluster."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from galatea.backend.backends.fake import Backend
from galatea.backend.protocol.catalog import spec_of
from galatea.backend.protocol.event import Done, decode
from galatea.backend.protocol.job import JobState, Request, Result, sha256
from galatea.backend.protocol.place import data_folder
from galatea.backend.protocol.store import JobStore
from galatea.backend.runners.inline import InlineRunner
from galatea.backend.runners.ray_parcel import deliver, pack
from galatea.backend.runners.ray_place import HERE, Place
from galatea.backend.runners.runtimes import START, Runtimes
from galatea.backend.version import VERSION
from galatea.backend.worker.find import load

PATIENCE = 300  # seconds; the machine may be loaded


@pytest.fixture
def made(store: JobStore) -> tuple[Request, Path]:
    """A job that is done, and its file."""
    runner, request = InlineRunner(store, load), Request.of(Backend.spec)
    runner.submit(request)
    runner.poll()
    result = store.result(request.id)
    assert result
    return request, store.file(result, "text")


@pytest.fixture
def open_place(store: JobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Place]]:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    places: list[Place] = []

    def go(**more: Any) -> Place:
        offer = {
            "store": str(store.root),
            "probe": "",
            "home": str(data_folder()),
            "start": str(START),
            "timeout": None,
        }
        offer |= {"version": VERSION, "environment": {}, "runtimes": asdict(Runtimes.here()), **more}
        places.append(Place(offer))
        return places[-1]

    yield go
    for place in places:
        place.close()


def send(place: Place, store: JobStore, request: Request) -> list[str]:
    """Pack it, send what lacks, ask for it; the names of what was sent."""
    packed, files = pack(store, spec_of(request.backend), request)
    lacking = place.lacks([(file.name, file.size) for file in files])
    for file in files:
        if file.name in lacking:
            place.put(file.name, file.sha256, *file.pieces())
    place.submit(json.dumps(packed.to_json()), 0)
    return lacking


def done(place: Place, job: str) -> None:
    end = time.monotonic() + PATIENCE
    while Done(job) not in map(decode, place.look(0.1)):
        assert time.monotonic() < end


def fetch(place: Place, store: JobStore, job: str, folder: Path, *, kept: bool = False) -> list[str]:
    said = place.made(job, kept)
    files = {}
    for number, (name, size) in enumerate(said["files"]):
        files[name] = folder / str(number)
        files[name].write_bytes(b"".join(place.piece(job, name, at, 7) for at in range(0, size, 7)))
    deliver(store, Result.from_json(said["result"]), files)
    return list(files)


def test_a_job_goes_there_and_its_result_comes_back(
    open_place: Callable[..., Place], store: JobStore, tmp_path: Path
) -> None:
    from PIL import Image

    for name, mode in (("photo", "RGB"), ("mask", "L")):
        Image.new(mode, (64, 64), "white").save(tmp_path / f"{name}.png")
    inputs = {"image": tmp_path / "photo.png", "mask": tmp_path / "mask.png"}
    request = Request.of(spec_of("cutout"), inputs, {"resolution": 64})
    store.add(request)
    place = open_place()
    assert not place.hello()["shared"] and not place.hello()["trouble"]
    digest = request.hashes["image"]
    assert f"in/{digest}/photo.png" in send(place, store, request)
    done(place, request.id)
    fetch(place, store, request.id, tmp_path)
    result = store.result(request.id)
    assert result and result.state is JobState.DONE
    assert all(sha256(store.folder(request.id) / asset.path) == asset.sha256 for asset in result.assets)
    assert all(asset.path.startswith("out-1/") for asset in result.assets), "another attempt has a folder of its own"
    assert send(place, store, request) == [], "what is there is not sent again"
    done(place, request.id)
    [folder] = tmp_path.glob(f"galatea-ray-{os.getpid()}-*")
    assert len(list((folder / request.id).glob("out-*"))) == 2, "asked again it is done again: the asker's store counts"
    place.close()
    assert not folder.exists()


def test_what_led_to_a_job_is_told_without_its_files(
    open_place: Callable[..., Place], store: JobStore, made: tuple[Request, Path], tmp_path: Path
) -> None:
    first, text = made
    (tmp_path / "mask.png").write_bytes(b"of the user")
    second = Request.of(spec_of("cutout"), {"image": text, "mask": tmp_path / "mask.png"})
    store.add(second)
    cut = store.attempt(second.id) / "cutout.png"
    cut.write_bytes(b"x")
    third = Request.of(spec_of("relief"), {"cutout": cut})
    packed, files = pack(store, spec_of("relief"), third)
    there = {file.name: b"".join(file.pieces()) for file in files}
    assert packed.inputs == {"cutout": f"{second.id}/out-1/cutout.png"} and packed.id == third.id
    assert set(there) == {f"{second.id}/out-1/cutout.png", f"{second.id}/request.json"} | {
        f"{first.id}/request.json",
        f"{first.id}/result.json",
    }
    assert files[0].sha256 == third.hashes["cutout"], "it is proved over there"
    told = json.loads(there[f"{second.id}/request.json"])
    assert told["inputs"] == {"image": f"{HERE}{first.id}/out-1/text.txt", "mask": "mask.png"}
    assert json.loads(there[f"{first.id}/result.json"])["assets"] == []
    place = open_place()
    for file in files:
        place.put(file.name, file.sha256, *file.pieces())
    root = place._store.root.resolve()
    assert place._store.request(second.id).inputs["image"] == str(root / first.id / "out-1/text.txt")


def test_files_beside_a_model_and_files_of_parameters_go_along(store: JobStore, tmp_path: Path) -> None:
    (tmp_path / "maps").mkdir()
    for name in ("a.obj", "a.mtl", "maps/b.png", "c.txt", "clip.toml"):
        (tmp_path / name).write_text(name)
    model, clip = tmp_path / "a.obj", tmp_path / "clip.toml"
    packed, files = pack(store, spec_of("load"), Request.of(spec_of("load"), {"model": model}))
    folder = f"in/{sha256(model)}"
    assert packed.inputs == {"model": f"{folder}/a.obj"}
    assert {file.name for file in files} == {f"{folder}/{name}" for name in ("a.obj", "a.mtl", "maps/b.png")}
    move = spec_of("move")
    request = Request("move-" + "0" * 20, "move", {}, move.fill({"clip": str(clip)}), 0)
    packed, [file] = pack(store, move, request)
    assert packed.params["clip"] == f"{HERE}in/{sha256(clip)}/clip.toml" and file.source == clip


def test_frames_that_are_kept_go_there_and_come_back(store: JobStore, tmp_path: Path) -> None:
    film = spec_of("film")
    request = Request("film-" + "0" * 20, "film", {}, film.fill({}), 0)
    frames = store.keep(request.id) / "frames"
    frames.mkdir(parents=True)
    for name in ("0001.png", "0002.exr", "0003.png.part"):
        (frames / name).write_text(name)
    _, files = pack(store, film, request)
    assert [file.name for file in files] == [f"{request.id}/keep/frames/{name}" for name in ("0001.png", "0002.exr")]
    part = Request("film-" + "1" * 20, "film", {}, film.fill({"part": "1/2"}), 0)
    assert pack(store, film, part)[1] == []
    (tmp_path / "0").write_text("0004")
    deliver(store, Result(part.id, JobState.DONE), {"keep/frames/0004.png": tmp_path / "0"})
    assert (store.keep(part.id) / "frames/0004.png").read_text() == "0004"


def test_kept_frames_are_told_where_they_are_asked_for(
    open_place: Callable[..., Place], store: JobStore, made: tuple[Request, Path]
) -> None:
    request, _ = made
    place = open_place()
    send(place, store, request)
    done(place, request.id)
    frame = place._store.keep(request.id) / "frames/0001.png"
    frame.parent.mkdir()
    frame.write_text("frame")
    names = [[name for name, _ in place.made(request.id, kept)["files"]] for kept in (False, True)]
    assert names == [["out-1/text.txt"], ["out-1/text.txt", "keep/frames/0001.png"]]


def test_what_does_not_arrive_whole_or_leads_elsewhere_is_not_taken(open_place: Callable[..., Place]) -> None:
    place, good = open_place(), hashlib.sha256(b"good").hexdigest()
    with pytest.raises(OSError, match="did not arrive whole"):
        place.put("in/a.bin", good, b"go", b"at")
    assert place.lacks([("in/a.bin", 4)]) == ["in/a.bin"]
    place.put("in/a.bin", good, b"go", b"od")
    assert place.lacks([("in/a.bin", 4), ("in/a.bin", 5)]) == ["in/a.bin"], "another size is another file"
    with pytest.raises(OSError, match="not below the folder of jobs"):
        place.put("../a.bin", "", b"good")
    with pytest.raises(OSError, match="not below the folder of jobs"):
        place.piece("..", "a.bin", 0, 1)


def test_the_same_folder_is_known_by_what_lies_in_it(
    open_place: Callable[..., Place], store: JobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.root.mkdir()
    (store.root / ".probe-1").write_text(".probe-1")
    (store.root / ".probe-2").write_text("of another")
    assert open_place(probe=".probe-1").shared
    assert (store.root / f".probe-1.{os.getpid()}").exists(), "the asker sees that it can be written to"
    assert not open_place(probe=".probe-2").shared and not open_place(probe=".probe-3").shared
    assert not open_place(probe=".probe-1", store=str(store.root / ".probe-2")).shared, "not even a folder"
    assert len(list(tmp_path.glob("galatea-ray-*"))) == 3


def test_where_the_folder_is_the_same_the_home_is_the_askers(
    open_place: Callable[..., Place], store: JobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GALATEA_HOME", str(tmp_path / "theirs"))
    store.root.mkdir()
    (store.root / ".probe-1").write_text(".probe-1")
    tell = "import os, sys, pathlib; pathlib.Path(sys.argv[1], 'home').write_text(os.environ['GALATEA_HOME'])"
    runtimes = asdict(Runtimes([sys.executable, "-c", tell, "{store}"], ()))
    for probe, home in (("", "theirs"), (".probe-1", "ours")):
        place = open_place(probe=probe, home=str(tmp_path / "ours"), runtimes=runtimes)
        request = Request.of(Backend.spec, params={"text": home})
        place.submit(json.dumps(request.to_json()), 0)
        done(place, request.id)
        assert (place._store.root / "home").read_text() == str(tmp_path / home)


def test_folders_of_the_dead_are_swept_away(open_place: Callable[..., Place], tmp_path: Path) -> None:
    names = (f"galatea-ray-{number}-x" for number in (1 << 22, os.getpid()))
    dead, alive = (tmp_path / name for name in names)
    dead.mkdir()
    alive.mkdir()
    open_place()
    assert alive.exists() and not dead.exists()


def test_another_galatea_or_another_blender_is_said(open_place: Callable[..., Place]) -> None:
    other = {**asdict(Runtimes.here()), "identity": "blender 1 1"}
    assert "0.0.0 is asked for" in open_place(start="/nowhere", version="0.0.0").hello()["trouble"]
    assert "blender 1 1 is asked for" in open_place(start="/nowhere", runtimes=other).hello()["trouble"]
    assert not open_place(runtimes=other).hello()["trouble"], "the asker's own programs lie here"
    other["blender"] = ["/nowhere/blender"]
    assert "blender 1 1 is asked for" in open_place(runtimes=other).hello()["trouble"], "all but one"


def test_close_ends_what_is_at_work(open_place: Callable[..., Place], store: JobStore) -> None:
    store.root.mkdir()
    (store.root / ".probe-1").write_text(".probe-1")
    place, request = open_place(probe=".probe-1"), Request.of(Backend.spec, params={"trouble": "hang"})
    place.submit(json.dumps(request.to_json()), 0)
    end = time.monotonic() + PATIENCE
    while store.state(request.id) is not JobState.RUNNING:
        assert time.monotonic() < end
        time.sleep(0.01)
    place.close()
    assert store.state(request.id) is JobState.CANCELLED
