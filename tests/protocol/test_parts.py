# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of a film: together they are the whole, each frame once, and what is gathered is theirs and nothing else."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from galatea.backend.protocol import parts
from galatea.backend.protocol.catalog import spec_of
from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.job import Request
from galatea.backend.protocol.store import JobStore

FILM = replace(spec_of("film"), seeded="always")


@pytest.fixture
def whole(tmp_path: Path) -> Request:
    (tmp_path / "scene.blend").write_bytes(b"a scene")
    (tmp_path / "song.wav").write_bytes(b"a song")
    given = {"width": 64, "audio": str(tmp_path / "song.wav")}
    return Request.of(FILM, {"scene": tmp_path / "scene.blend"}, given, seed=7, program="Blender x")


def test_a_part_is_the_same_order_of_some_frames_and_without_the_sound(whole: Request) -> None:
    made = parts.requests(FILM, whole, 3, program="Blender x")
    assert [request.params["part"] for request in made] == ["1/3", "2/3", "3/3"]
    assert len({request.id for request in (whole, *made)}) == 4
    for request in made:
        assert (request.backend, request.inputs, request.seed) == (whole.backend, whole.inputs, 7)
        assert request.params == {**whole.params, "audio": "", "part": request.params["part"]}
    assert made == parts.requests(FILM, whole, 3, program="Blender x")
    assert made[0].id != parts.requests(FILM, whole, 3, program="Blender y")[0].id


def test_only_the_whole_of_a_film_can_be_shared_out(whole: Request) -> None:
    fake = spec_of("fake")
    assert parts.divisible(FILM, whole)
    assert not parts.divisible(FILM, parts.requests(FILM, whole, 2, program="Blender x")[0])
    assert not parts.divisible(fake, Request.of(fake))


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8])
def test_all_parts_are_the_whole_and_no_frame_is_in_two(count: int) -> None:
    numbers = [11, 12, 13, 20, 21, 22, 23, 30]
    cuts = [parts.cut(numbers, f"{k}/{count}") for k in range(1, count + 1)]
    assert [number for each in cuts for number in each] == numbers
    assert max(map(len, cuts)) - min(map(len, cuts)) <= 1


def test_of_fewer_frames_than_parts_each_has_one() -> None:
    cuts = [parts.cut([4, 5], f"{k}/5") for k in range(1, 6)]
    assert all(len(each) == 1 for each in cuts) and {each[0] for each in cuts} == {4, 5}
    assert parts.cut([4, 5], "") == [4, 5] and parts.cut([], "2/3") == []


def test_a_part_is_said_as_two_numbers() -> None:
    assert parts.read("1/1") == (1, 1) and parts.read(f"{parts.MOST}/{parts.MOST}") == (parts.MOST, parts.MOST)
    for text in ("", "2", "2/", "/2", "0/2", "3/2", "-1/2", "1/0", "a/b", "1/2/3", f"1/{parts.MOST + 1}"):
        with pytest.raises(UserError, match="no part of a film") as told:
            parts.read(text)
        assert told.value.kind == "usage"


@pytest.mark.parametrize("linked", [True, False])
def test_frames_of_a_part_come_to_the_whole_once(
    store: JobStore, whole: Request, linked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = parts.requests(FILM, whole, 2, program="Blender x")[0]
    for request in (whole, part):
        store.add(request)
    frames, controls = (store.keep(part.id) / name for name in ("frames", "controls"))
    for folder in (frames, controls, store.keep(whole.id) / "frames", store.keep(part.id) / "other"):
        folder.mkdir()
    for name in (
        "00001.png",
        "-0003.png",
        "00004.exr",
        "00005.claim",
        "00006.part.png",
        "00007.png.1.part",
        "00008.exr",
    ):
        (frames / name).write_text(f"new {name}")
    (controls / "00001.png").write_text("depth")
    (store.keep(part.id) / "other" / "00001.png").write_text("nobody asks")
    (store.keep(whole.id) / "frames" / "00004.exr").write_text("was here")
    (store.keep(whole.id) / "frames" / f"00001.{os.getpid()}.part.png").write_text("of an earlier death")
    if not linked:
        monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError("no second names here")))
    assert parts.gather(store, whole.id, part.id) == 4
    found = {
        path.relative_to(store.keep(whole.id)).as_posix(): path.read_text()
        for path in store.keep(whole.id).rglob("*.*")
    }
    assert found == {
        "frames/00001.png": "new 00001.png", "frames/-0003.png": "new -0003.png", "frames/00004.exr": "was here",
        "frames/00008.exr": "new 00008.exr", "controls/00001.png": "depth",
    }  # fmt: skip
    assert (store.keep(whole.id) / "frames/00001.png").samefile(frames / "00001.png") == linked
    assert parts.gather(store, whole.id, part.id) == 0, "they are there"
    assert parts.gather(store, whole.id, "film-" + "0" * 20) == 0, "it made none"
