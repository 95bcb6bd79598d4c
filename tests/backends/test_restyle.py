# SPDX-License-Identifier: GPL-3.0-or-later
"""Films painted anew by miniatures of the real pipelines: length, size, joints, what is followed, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from galatea.backend.backends import restyle
from galatea.backend.networks import miniature, restyler
from galatea.backend.protocol.job import JobState, Result
from galatea.backend.protocol.store import JobStore

from . import films, tiny

torch = tiny.torch
QUICK = {"weights": "random:0", "prompt": "a horse of clay", "steps": 1, "guidance": 1.0, "side": 32}


@pytest.fixture(scope="module")
def backend() -> restyle.Backend:
    return restyle.Backend()


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return films.packed(tmp_path / "film.zip", [films.ball(20 + 6 * number) for number in range(7)])


@pytest.fixture
def short(tmp_path: Path) -> Path:
    """Not so many frames as any model makes."""
    return films.packed(tmp_path / "short.zip", [films.ball(20 + 6 * number) for number in range(3)])


def run(store: JobStore, backend: Any, inputs: dict[str, Path], seed: int = 0, **params: Any) -> Result:
    result = tiny.run(store, backend, inputs, seed, **{**QUICK, **params})
    assert result.state is JobState.DONE, result.failure
    return result


@pytest.mark.parametrize("family", ["wan", "ltx", "cogvideox", "svd"])
def test_each_family_paints_as_many_frames_as_the_film_has(
    store: JobStore, backend: Any, short: Path, family: str
) -> None:
    side = 64 if family == "svd" else 32
    first, second = (
        films.unpacked(store.files(run(store, backend, {"film": short}, seed, family=family, side=side))["film"])
        for seed in (0, 1)
    )
    assert len(first) == 3 and len({frame.shape for frame in first}) == 1
    grid = restyler.KINDS[type(miniature.pipeline(family, 0)).__name__][0].grid
    assert all(side % grid == 0 for side in first[0].shape[:2]) and first[0].shape[2] == 3
    assert not np.array_equal(first[2], second[2]), "the seed decides"


@pytest.fixture
def painted(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What each piece was asked; it is painted in the grey of its number."""
    asked: list[dict[str, Any]] = []

    def paint(self: Any, frames: Any, steer: Any, known: Any, wish: Any, seed: int, beat: Any) -> Any:
        beat(0.5)
        asked.append({"frames": list(frames), "steer": list(steer), "known": list(known), "wish": wish, "seed": seed})
        return [np.full_like(frame, 60 * len(asked)) for frame in frames]

    monkeypatch.setattr(restyler.Restyler, "restyle", paint)
    return asked


def test_pieces_pass_into_each_other_and_end_with_the_film(
    store: JobStore, backend: Any, film: Path, painted: list[Any]
) -> None:
    result = run(store, backend, {"film": film}, chunk=4, overlap=2)
    made = [int(frame.mean()) for frame in films.unpacked(store.files(result)["film"])]
    assert [len(piece["frames"]) for piece in painted] == [4, 4, 3]
    assert made == [60, 60, 80, 100, 140, 160, 180]
    assert [len(piece["known"]) for piece in painted] == [0, 2, 2], "Wan VACE is shown what is painted already"
    assert int(painted[1]["known"][0].mean()) == 60


def test_it_follows_the_depth_of_each_frame(
    store: JobStore, backend: Any, film: Path, painted: list[Any], tmp_path: Path
) -> None:
    depth = [np.full((64, 96), 5000 * number, np.uint16) for number in range(7)]
    edge = [np.full((64, 96), 65535 - 5000 * number, np.uint16) for number in range(7)]
    inputs = {"film": film, "depth": films.packed(tmp_path / "depth.zip", depth)}
    inputs["edge"] = films.packed(tmp_path / "edge.zip", edge)
    run(store, backend, inputs)
    assert [int(frame.mean()) for frame in painted[-1]["steer"]] == [5000 * number >> 8 for number in range(7)]
    run(store, backend, inputs, follow="edge")
    assert int(painted[-1]["steer"][0].mean()) == 255
    run(store, backend, inputs, follow="film")
    assert painted[-1]["steer"] == []
    short = {**inputs, "depth": films.packed(tmp_path / "short.zip", depth[:5])}
    failure = tiny.run(store, backend, short, **QUICK).failure
    assert failure and "5 frames, the film 7" in failure.message


def test_what_is_known_stands_under_the_mask_of_vace() -> None:
    made = restyler.load(0, "wan", torch.float32)
    frames = [films.ball(20 + number, 32, 32) for number in range(5)]
    steer = [np.full((32, 32, 3), 10 * number, np.uint8) for number in range(5)]
    known = [np.full((32, 32, 3), 200, np.uint8)] * 2
    pictures, guides = restyler._filled(frames, 5), restyler._filled(steer, 5)
    asked = made._WanVACEPipeline(pictures, guides, known, restyler.Wish("", "", 0.8, 0, -1, 24.0))
    assert [int(np.asarray(each).mean()) for each in asked["video"]] == [200, 200, 20, 30, 40]
    assert [each.getpixel((0, 0)) for each in asked["mask"]] == [0, 0, 255, 255, 255]
    assert asked["conditioning_scale"] == 0.8


def test_folders_of_the_hub_are_turned_into_what_takes_films(tmp_path: Path) -> None:
    """A text-to-video folder becomes its sibling; what is no video model is refused."""
    miniature.wan().save_pretrained(tmp_path / "wan")
    made = restyler.load(tmp_path / "wan", "wan", torch.float32)
    assert type(made.pipeline).__name__ == "WanVideoToVideoPipeline" and made.family.begins
    frames = [films.ball(20 + number, 32, 32) for number in range(3)]
    wish = restyler.Wish("clay", "", 0.9, 2, 1.0, 24.0)
    beats: list[float] = []
    assert len(made.restyle(frames, [], [], wish, 0, beats.append)) == 3 and beats[-1] == 1.0
    tiny.stable_diffusion().save_pretrained(tmp_path / "sd")
    with pytest.raises(Exception, match="restyles no films"):
        restyler.load(tmp_path / "sd", "wan", torch.float32)


def test_bad_requests_say_what_to_do(store: JobStore, backend: Any, film: Path, tmp_path: Path) -> None:
    def failure(**params: Any) -> Any:
        found = tiny.run(store, backend, {"film": film}, **{**QUICK, **params}).failure
        assert found
        return found

    assert "restyle.prompt" in failure(prompt=" ").message
    assert "film.passes" in failure(follow="normal").message
    assert "cannot follow depth" in failure(follow="depth", family="ltx").message
    assert "at most 1" in failure(strength=1.5, family="ltx").message
    absent = failure(weights="Wan-AI/Wan2.1-VACE-1.3B-diffusers")
    assert absent.kind == "weights" and "models pull Wan-AI/Wan2.1-VACE-1.3B-diffusers" in absent.message
    miniature.ltx().save_pretrained(tmp_path / "ltx")
    other = failure(weights=str(tmp_path / "ltx"), family="wan")
    assert "restyle.weights=Wan-AI" in other.message
