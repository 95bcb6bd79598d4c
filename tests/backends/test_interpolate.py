# SPDX-License-Identifier: GPL-3.0-or-later
"""More frames: how many, when, what is left alone, and what a second attempt does not draw again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from galatea.backend.backends import interpolate
from galatea.backend.networks import rife
from galatea.backend.protocol.job import JobState, Request, Result
from galatea.backend.protocol.store import JobStore

from . import films, tiny

torch = tiny.torch


@pytest.fixture(scope="module")
def backend() -> interpolate.Backend:
    return interpolate.Backend()


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int, float]]:
    """What the network is asked: means of both frames and the moment; it answers with their mix."""
    asked: list[tuple[int, int, float]] = []

    def between(self: Any, first: Any, second: Any, moment: float, **_: Any) -> tuple[Any, float]:
        asked.append((round(first.mean()), round(second.mean()), round(moment, 3)))
        mixed = np.round(first * (1 - moment) + second * moment).astype(np.uint8)
        return mixed, float(abs(first.mean() - second.mean()) > 60)

    monkeypatch.setattr(rife.Model, "between", between)
    return asked


def run(store: JobStore, backend: Any, film: Path, **params: Any) -> Result:
    result = tiny.run(store, backend, {"film": film}, weights="random:0", **params)
    assert result.state is JobState.DONE, result.failure
    return result


def flat(*greys: int) -> list[np.ndarray]:
    return [np.full((32, 48, 3), grey, np.uint8) for grey in greys]


def greys(store: JobStore, result: Result) -> list[int]:
    return [round(frame.mean()) for frame in films.unpacked(store.files(result)["film"])]


def test_a_network_draws_between_the_frames_and_keeps_these(store: JobStore, backend: Any, tmp_path: Path) -> None:
    frames = [films.ball(20 + 4 * number) for number in range(4)]
    result = run(store, backend, films.packed(tmp_path / "film.zip", frames), cut=1.0)
    made = films.unpacked(store.files(result)["film"])
    assert len(made) == 8 and result.metrics["frames"] == 8 and result.metrics["drawn"] == 3
    assert all(np.array_equal(made[2 * number], frames[number]) for number in range(4))
    assert np.array_equal(made[7], frames[3]), "the last frame stands, so that the film is as long as it was"
    assert not np.array_equal(made[1], frames[0]) and not np.array_equal(made[1], frames[1])
    clear = [films.ball(20 + 4 * number, clear=True) for number in range(2)]
    result = run(store, backend, films.packed(tmp_path / "clear.zip", clear), cut=1.0)
    assert [frame.shape for frame in films.unpacked(store.files(result)["film"])] == [(64, 96, 4)] * 4


def test_any_rate_at_even_moments(store: JobStore, backend: Any, drawn: list[Any], tmp_path: Path) -> None:
    film = films.packed(tmp_path / "film.zip", flat(100, 110, 120, 130))
    assert greys(store, run(store, backend, film, factor=2.5)) == [100, 104, 108, 112, 116, 120, 124, 128, 130, 130]
    assert greys(store, run(store, backend, film, fps=48)) == [100, 105, 110, 115, 120, 125, 130, 130]
    slow = run(store, backend, film, slow=2.0, factor=4.0)
    assert len(greys(store, slow)) == 16 and slow.assets[0].meta["fps"] == 48
    failure = tiny.run(store, backend, {"film": film}, weights="random:0", fps=12).failure
    assert failure and "24 frames a second" in failure.message


def test_a_cut_stays_a_cut_and_what_stands_is_not_drawn(
    store: JobStore, backend: Any, drawn: list[Any], tmp_path: Path
) -> None:
    film = films.packed(tmp_path / "film.zip", flat(100, 100, 110, 220, 230))
    result = run(store, backend, film, factor=4.0)
    values = greys(store, result)
    assert values[:4] == [100] * 4 and values[4:8] == [100, 102, 105, 108]
    assert values[8:12] == [110, 110, 220, 220], "no frame that is a mix of two scenes"
    assert result.metrics["cuts"] == 1 and result.metrics["drawn"] == 6
    assert len(drawn) == 3 + 1 + 3, "a cut is asked about once"
    assert greys(store, run(store, backend, film, factor=4.0, cut=1.0))[8:12] == [110, 138, 165, 192]


def test_frames_drawn_on_twos_run_evenly(store: JobStore, backend: Any, drawn: list[Any], tmp_path: Path) -> None:
    film = films.packed(tmp_path / "film.zip", flat(100, 100, 110, 110, 120, 120, 120, 120, 130))
    evened = greys(store, run(store, backend, film, factor=1.0, repeats=2))
    assert evened == [100, 105, 110, 115, 120, 120, 120, 120, 130], "a rest that is longer stays a rest"
    assert greys(store, run(store, backend, film, factor=1.0)) == [100, 100, 110, 110, 120, 120, 120, 120, 130]


def test_what_was_drawn_is_not_drawn_again(
    store: JobStore, backend: Any, drawn: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = films.packed(tmp_path / "film.zip", flat(100, 110, 120, 130))
    settings = {"weights": "random:0", "device": "cpu", "factor": 2.0}
    request = Request.of(backend.spec, {"film": film}, settings)
    real = rife.Model.between

    def between(self: Any, *given: Any, **more: Any) -> Any:
        if len(drawn) == 2:
            store.cancel(request.id)
        return real(self, *given, **more)

    monkeypatch.setattr(rife.Model, "between", between)
    assert tiny.run(store, backend, {"film": film}, weights="random:0").state is JobState.CANCELLED
    before = len(drawn)
    monkeypatch.setattr(rife.Model, "between", real)
    assert greys(store, run(store, backend, film)) == [100, 105, 110, 115, 120, 125, 130, 130]
    assert before == 3 and len(drawn) == 3, "three frames in all, each once"


@pytest.mark.parametrize("content", [b"", b"no film", b"PK\x05\x06" + b"\0" * 18])
def test_what_is_no_film(store: JobStore, backend: Any, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(content)
    failure = tiny.run(store, backend, {"film": path}, weights="random:0").failure
    assert failure and failure.kind in ("input", "environment") and failure.message.endswith(".")


def test_frames_of_two_sizes_and_a_damaged_one(store: JobStore, backend: Any, tmp_path: Path) -> None:
    frames = [*flat(100, 110), np.zeros((16, 16, 3), np.uint8)]
    failure = tiny.run(store, backend, {"film": films.packed(tmp_path / "two.zip", frames)}, weights="random:0").failure
    assert failure and "Frame 3" in failure.message and "one size" in failure.message
    film = films.packed(tmp_path / "film.zip", flat(100, 110, 120))
    whole = film.read_bytes()
    film.write_bytes(whole.replace(b"IDAT", b"IDAX"))
    failure = tiny.run(store, backend, {"film": film}, weights="random:0").failure
    assert failure and "cannot be read" in failure.message


def test_no_weights(store: JobStore, backend: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from galatea.backend.protocol import place

    monkeypatch.setattr(place, "_chosen", tmp_path / "data")
    failure = tiny.run(store, backend, {"film": films.packed(tmp_path / "film.zip", flat(1, 9))}).failure
    assert failure and failure.kind == "weights" and "models pull interpolate" in failure.message


def test_a_film_with_sound(store: JobStore, backend: Any, drawn: list[Any], tmp_path: Path) -> None:
    """Twice the frames, as long, of the same colours, with its sound as it was."""
    av = pytest.importorskip("av")
    from fractions import Fraction

    from galatea.backend import reel

    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as out:
        picture, sound = out.add_stream("libx264", rate=24), out.add_stream("aac", rate=48000, layout="mono")
        picture.width, picture.height, picture.pix_fmt = 96, 64, "yuv420p"
        for number in range(12):
            frame = av.VideoFrame.from_ndarray(films.ball(30 + number), format="rgb24")
            for packet in picture.encode(frame):
                out.mux(packet)
        tone = av.AudioFrame.from_ndarray(np.sin(np.arange(24000)[None] / 20).astype(np.float32), "fltp", "mono")
        tone.sample_rate, tone.time_base, tone.pts = 48000, Fraction(1, 48000), 0
        for packet in [*picture.encode(), *sound.encode(tone), *sound.encode()]:
            out.mux(packet)
    result = run(store, backend, path)
    made = store.files(result)["film"]
    found = reel.read(made)
    assert (found.count, found.rate, found.size, made.suffix) == (24, 48, (96, 64), ".mp4")
    before, after = list(reel.read(path).frames()), list(found.frames())
    assert max(np.abs(before[n].astype(int) - after[2 * n]).mean() for n in range(12)) < 2
    with av.open(str(made)) as file:
        heard = np.concatenate([each.to_ndarray() for each in file.decode(audio=0)], axis=1)
        assert heard.shape[1] / 48000 == pytest.approx(0.5, abs=0.05) and np.abs(heard).max() > 0.5
