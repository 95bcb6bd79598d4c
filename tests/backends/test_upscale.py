# SPDX-License-Identifier: GPL-3.0-or-later
"""Larger films: size, transparency, what is made once, and any factor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from galatea.backend import reel
from galatea.backend.backends import upscale
from galatea.backend.networks import enlarging
from galatea.backend.protocol import place
from galatea.backend.protocol.job import JobState
from galatea.backend.protocol.store import JobStore

from . import films, tiny

torch = tiny.torch


@pytest.fixture(scope="module")
def backend() -> upscale.Backend:
    return upscale.Backend()


@pytest.mark.parametrize(("factor", "size"), [(4.0, (384, 256)), (2.0, (192, 128)), (1.5, (144, 96))])
def test_each_frame_is_larger_and_shows_the_same(
    store: JobStore, backend: Any, tmp_path: Path, factor: float, size: tuple[int, int]
) -> None:
    frames = [films.ball(30 + 6 * number) for number in range(3)]
    film = films.packed(tmp_path / "film.zip", frames)
    result = tiny.run(store, backend, {"film": film}, weights="random:0", factor=factor)
    assert result.state is JobState.DONE, result.failure
    made = films.unpacked(store.files(result)["film"])
    assert [frame.shape for frame in made] == [(size[1], size[0], 3)] * 3
    for number, frame in enumerate(made):
        columns = np.flatnonzero(np.abs(frame[size[1] // 2].astype(int) - 150).sum(axis=1) > 80)
        assert abs(columns.mean() / size[0] * 96 - (30 + 6 * number)) < 1


def test_what_is_transparent_stays_so_without_a_dark_rim(backend: Any) -> None:
    model = enlarging.load(0)
    picture = films.ball(40, clear=True)
    picture[picture[..., 3] == 0] = 0
    made = upscale.larger(picture, (384, 256), model)
    assert made.shape == (256, 384, 4) and made[0, 0, 3] == 0 and made[128, 160, 3] == 255
    plain = upscale.larger(np.full((64, 96, 3), (220, 120, 40), np.uint8), (384, 256), model)
    seen = made[..., 3] > 20
    assert np.abs(made[seen][:, :3].astype(int) - plain[seen]).mean() < 12


def test_equal_frames_are_made_once_and_kept(
    store: JobStore, backend: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = [films.ball(x) for x in (30, 30, 40, 50)]
    film = films.packed(tmp_path / "film.zip", frames)
    asked: list[int] = []
    real = enlarging.Model.enlarge

    def enlarge(self: Any, *given: Any, **more: Any) -> Any:
        asked.append(1)
        if len(asked) == 3:
            raise RuntimeError("torn away")
        return real(self, *given, **more)

    monkeypatch.setattr(enlarging.Model, "enlarge", enlarge)
    settings = {"weights": "random:0", "factor": 2.0}
    assert tiny.run(store, backend, {"film": film}, **settings).state is JobState.FAILED
    again = tiny.run(store, backend, {"film": film}, **settings)
    assert again.state is JobState.DONE and len(asked) == 4, "two of three before, the third again and no more"
    made = films.unpacked(store.files(again)["film"])
    assert np.array_equal(made[0], made[1]) and not np.array_equal(made[1], made[2])


def test_bad_requests_say_what_to_do(
    store: JobStore, backend: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "_chosen", tmp_path / "data")
    film = films.packed(tmp_path / "film.zip", [films.ball(30)])
    for model in ("film", "photo"):
        failure = tiny.run(store, backend, {"film": film}, model=model).failure
        assert failure and failure.kind == "weights" and "models pull upscale" in failure.message
    wide = films.packed(tmp_path / "wide.zip", [np.zeros((16, 5000, 3), np.uint8)])
    failure = tiny.run(store, backend, {"film": wide}, weights="random:0").failure
    assert failure and failure.kind == "usage" and "upscale.factor" in failure.message


def test_both_weights_are_pinned() -> None:
    spec = upscale.Backend.spec
    assert all(len(weights.revision) == 40 and weights.free for weights in spec.weights)
    assert all(file.size and file.sha256 for weights in spec.weights for file in weights.files)


def _filmed(path: Path, frames: list[np.ndarray]) -> Path:
    """H.264 at the rate of a zip."""
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=int(reel.ZIP_RATE))
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("suffix", [".zip", ".mp4"])
def test_the_recipe_makes_a_film_smoother_and_larger(store: JobStore, tmp_path: Path, suffix: str) -> None:
    from galatea.backend.backends import interpolate
    from galatea.backend.flow import Drive, walk
    from galatea.backend.protocol.recipe import load_recipe
    from galatea.backend.runners.inline import InlineRunner

    recipe = load_recipe("film_to_film").merged(
        {name: {"weights": "random:0", "device": "cpu"} for name in ("interpolate", "upscale")}
    )
    recipe.check()
    frames = [films.ball(x, 32, 32) for x in (12, 16)]
    film = films.packed(tmp_path / "film.zip", frames)
    if suffix == ".mp4":
        film = _filmed(tmp_path / "film.mp4", frames)
    steps = {"interpolate": interpolate.Backend(), "upscale": upscale.Backend()}
    drive = Drive(walk(recipe, {"film": film}, store), store, InlineRunner(store, steps.__getitem__))
    while not drive.tick():
        pass
    assert drive.files and drive.files["film"].suffix == suffix
    assert [frame.shape for frame in films.unpacked(drive.files["film"])] == [(128, 128, 3)] * 4
    assert reel.read(drive.files["film"]).rate == 2 * reel.ZIP_RATE or suffix == ".zip"
