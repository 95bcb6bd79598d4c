# SPDX-License-Identifier: GPL-3.0-or-later
"""Models that look at several pictures at once say of each what they say of it alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from galatea.backend.backends import lift
from galatea.backend.protocol.event import Event
from galatea.backend.protocol.job import JobState, Request, Result
from galatea.backend.protocol.store import JobStore
from galatea.backend.worker.execute import execute
from galatea.backend.worker.together import execute_together

from .test_relief import Notes


@pytest.fixture(scope="module")
def cutouts(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three things of different shapes, colours and sizes."""
    folder, found = tmp_path_factory.mktemp("cut"), []
    for name, size, box in (
        ("plate", (300, 200), (10, 60, 290, 140)),
        ("ball", (150, 150), (20, 20, 130, 130)),
        ("post", (90, 400), (30, 5, 60, 390)),
    ):
        picture = Image.new("RGBA", size)
        ImageDraw.Draw(picture).ellipse(box, (40 + len(found) * 90, 120, 60, 255))
        picture.save(folder / f"{name}.png")
        found.append(folder / f"{name}.png")
    return found


def broken(folder: Path) -> Path:
    path = folder / "broken.png"
    path.write_bytes(b"\x89PNG\r\n")
    return path


def asked(spec: Any, pictures: Sequence[Path], **params: Any) -> list[Request]:
    return [Request.of(spec, {"cutout": picture}, params) for picture in pictures]


def made(store: JobStore, job: Request) -> dict[str, bytes]:
    result = store.result(job.id)
    assert result and result.state is JobState.DONE, result
    return {role: path.read_bytes() for role, path in store.files(result).items()}


def together(store: JobStore, backend: Any, jobs: Sequence[Request]) -> list[Result]:
    for job in jobs:
        store.add(job)
    events: list[Event] = []
    execute_together(store, [job.id for job in jobs], lambda step: backend, events.append)
    found = [store.result(job.id) for job in jobs]
    return [result for result in found if result]


def alone(root: Path, backend: Any, jobs: Sequence[Request]) -> list[dict[str, bytes]]:
    store = JobStore(root)
    for job in jobs:
        store.add(job)
        execute(store, job.id, lambda step: backend, lambda event: None)
    return [made(store, job) for job in jobs]


def test_lift_makes_the_same_files_of_several_as_of_each(store: JobStore, cutouts: list[Path], tmp_path: Path) -> None:
    backend = lift.Backend()
    jobs = asked(lift.Backend.spec, cutouts, grid=48, texture_size=256)
    [bad] = asked(lift.Backend.spec, [broken(tmp_path)], grid=48, texture_size=256)
    results = together(store, backend, [jobs[0], bad, *jobs[1:]])
    assert [str(result.state) for result in results] == ["done", "failed", "done", "done"]
    assert results[1].failure and "Cannot read" in results[1].failure.message
    assert [made(store, job) for job in jobs] == alone(tmp_path / "alone", backend, jobs)


def test_lift_says_the_same_of_several_in_one_forward(cutouts: list[Path], tmp_path: Path) -> None:
    """As on a GPU, where they go through the network together."""
    backend = lift.Backend()
    params = {param.name: param.default for param in lift.Backend.spec.params}
    pictures = [lift.framed(str(path), 256) for path in cutouts]
    notes: Any = Notes(tmp_path)
    single = [next(iter(backend.look([picture], params, notes))) for picture in pictures]
    assert backend._session and "together" not in notes.metrics
    sizes: list[int] = []

    class Card:
        """The same network on a device that is no CPU."""

        device, real = "cuda", backend._session

        def run(self, names: Any, feeds: Any) -> Any:
            sizes.append(len(feeds["picture"]))
            return self.real.run(names, feeds)

    backend._session = Card()  # type: ignore[assignment]
    several = list(backend.look(pictures, params, notes))
    assert sizes == [3] and notes.metrics["together"] == 3
    for (mine, guess), (picture, known) in zip(several, single, strict=True):
        assert mine is picture
        for one, other in zip(guess, known, strict=True):
            assert np.allclose(one, other, atol=1e-4)
    assert not np.allclose(several[0][1].front, several[1][1].front, atol=1e-2)


@pytest.mark.parametrize("at_once", [False, True], ids=["one by one", "at once"])
def test_triposr_makes_the_same_files_of_several_as_of_each(
    store: JobStore, cutouts: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: bool
) -> None:
    pytest.importorskip("torch")
    from galatea.backend.backends import triposr
    from galatea.backend.networks import triposr as network
    from galatea.backend.networks import weights as files

    path = tmp_path / "model.safetensors"
    model = network.load("random:0:tiny")
    files.write(path, model.network.state_dict(), {"config": json.dumps(network.TINY.plain())}, lambda part: None)
    backend = triposr.Backend()
    params = {"grid": 48, "threshold": 3.0, "precision": "fp32", "device": "cpu", "weights": str(path)}
    jobs = asked(triposr.Backend.spec, cutouts, **params)
    with monkeypatch.context() as patch:
        if at_once:  # as on a GPU
            patch.setattr(triposr, "_portions", lambda plan, pictures, report: [(pictures, lambda phase, part: None)])
        results = together(store, backend, jobs)
    assert [result.metrics.get("together") for result in results] == [3 if at_once else None] * 3
    assert [made(store, job) for job in jobs] == alone(tmp_path / "alone", backend, jobs)


def test_triposr_says_the_same_of_several_in_one_forward(cutouts: list[Path]) -> None:
    torch = pytest.importorskip("torch")
    from galatea.backend import images
    from galatea.backend.networks import picture
    from galatea.backend.networks import triposr as network

    model = network.load("random:0:tiny", dtype=torch.float32)
    shown = [picture.on_grey(picture.framed(images.load(str(path)).pixels)) for path in cutouts]
    known = torch.cat([model.codes(one[None]) for one in shown])
    with torch.inference_mode():
        side = model.network.config.picture
        several = model.network(torch.cat([picture.resized(picture.tensor(one[None]), side) for one in shown]))
    assert float((several - known).abs().max()) < 2e-5 * float(known.abs().max().clamp(min=1))
    assert torch.equal(model.codes(shown), known), "pictures of any sizes"
