# SPDX-License-Identifier: GPL-3.0-or-later
"""TripoSR from a picture to files, at a tiny size in the layout of the hub."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image, ImageDraw

from galatea.backend.networks import triposr as network
from galatea.backend.networks import weights as files
from galatea.backend.protocol import place
from galatea.backend.protocol.job import JobState
from galatea.backend.protocol.store import JobStore

from .tiny import run

QUICK = {"grid": 48, "threshold": 3.0, "precision": "fp32"}


@pytest.fixture(scope="module")
def backend() -> object:
    from galatea.backend.backends import triposr

    return triposr.Backend()


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("triposr") / "model.safetensors"
    state = network.load("random:0:tiny").network.state_dict()
    files.write(path, state, {"config": json.dumps(network.TINY.plain())}, lambda part: None)
    return path


@pytest.fixture(scope="module")
def cutout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    picture = Image.new("RGBA", (120, 90))
    ImageDraw.Draw(picture).ellipse((20, 10, 90, 80), (220, 120, 40, 255))
    path = tmp_path_factory.mktemp("cut") / "cutout.png"
    picture.save(path)
    return path


def test_a_photo_becomes_a_closed_coloured_body(store: JobStore, backend: object, weights: Path, cutout: Path) -> None:
    result = run(store, backend, {"cutout": cutout}, weights=str(weights), size_m=2.0, **QUICK)
    assert result.state is JobState.DONE, result.failure
    with np.load(store.files(result)["mesh"]) as made:
        body = trimesh.Trimesh(made["vertices"], made["faces"], process=False)
        assert made["colors"].shape == made["vertices"].shape
        assert 0 <= made["colors"].min() < made["colors"].max() <= 1
    assert body.is_watertight and body.volume > 0
    assert body.extents.max() == pytest.approx(2.0, rel=1e-5) and body.bounds[0, 2] == pytest.approx(0, abs=1e-6)
    assert result.metrics["plan"] == "fp32 on cpu"


def test_near_the_surface_alone_and_everywhere_are_the_same(
    store: JobStore, backend: object, weights: Path, cutout: Path
) -> None:
    made = []
    for dense in (False, True):
        result = run(store, backend, {"cutout": cutout}, weights=str(weights), margin=1.0, dense=dense, **QUICK)
        with np.load(store.files(result)["mesh"]) as arrays:
            made.append({name: arrays[name] for name in ("vertices", "faces")})
    assert np.array_equal(made[0]["faces"], made[1]["faces"])
    assert np.abs(made[0]["vertices"] - made[1]["vertices"]).max() < 1e-4


def test_crumbs_take_their_colours_with_them(store: JobStore, backend: object, weights: Path, cutout: Path) -> None:
    counts = []
    for crumbs in (0.0, 1.0):
        result = run(store, backend, {"cutout": cutout}, weights=str(weights), crumbs=crumbs, **QUICK)
        with np.load(store.files(result)["mesh"]) as made:
            assert len(made["colors"]) == len(made["vertices"]) == made["faces"].max() + 1
            counts.append(len(made["vertices"]))
    assert counts[1] < counts[0]


def test_no_weights(
    store: JobStore, backend: object, cutout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "_chosen", tmp_path / "data")
    result = run(store, backend, {"cutout": cutout})
    assert result.failure and result.failure.kind == "weights"
    assert "1.7 GB" in result.failure.message and "models pull triposr" in result.failure.message


def test_no_surface(store: JobStore, backend: object, weights: Path, cutout: Path, tmp_path: Path) -> None:
    state, metadata = files.read(weights)
    last = max(int(name.split(".")[2]) for name in state if name.startswith("decoder."))
    state[f"decoder.layers.{last}.weight"] = state[f"decoder.layers.{last}.weight"] * 0
    files.write(tmp_path / "empty.safetensors", state, metadata, lambda part: None)
    result = run(store, backend, {"cutout": cutout}, weights=str(tmp_path / "empty.safetensors"), **QUICK)
    assert result.failure and "no surface" in result.failure.message
