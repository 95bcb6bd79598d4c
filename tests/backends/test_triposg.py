# SPDX-License-Identifier: GPL-3.0-or-later
"""TripoSG and TripoSG-scribble from a picture to files, at tiny sizes in the layout of the hub."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image, ImageDraw
from safetensors.torch import load_file, save_file

from galatea.backend import sculpting
from galatea.backend.backends import triposg, triposg_scribble
from galatea.backend.networks import compiled, libraries, words
from galatea.backend.protocol import place
from galatea.backend.protocol.errors import JobCancelled, UserError
from galatea.backend.protocol.job import JobState, Request, Result
from galatea.backend.protocol.store import JobStore
from galatea.backend.protocol.weights import folder_of
from galatea.backend.runners.inline import InlineRunner

from ..networks.triposg_folder import SCRIBBLE, tiny

QUICK = {"steps": 3, "tokens": 64, "depth": 5, "device": "cpu", "precision": "fp32"}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny(tmp_path_factory.mktemp("triposg"))


@pytest.fixture(scope="module")
def scribbled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a text encoder and a tokenizer as the libraries write them."""
    folder = tiny(tmp_path_factory.mktemp("scribble"), SCRIBBLE)
    library = libraries.transformers()
    torch.manual_seed(0)
    sizes = {"hidden_size": 24, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    library.CLIPTextModelWithProjection(library.CLIPTextConfig(**sizes)).save_pretrained(folder / "text_encoder")
    words.tokenizer().save_pretrained(folder / "tokenizer")
    return folder


@pytest.fixture(scope="module")
def cutout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    picture = Image.new("RGBA", (200, 160))
    ImageDraw.Draw(picture).ellipse((40, 20, 150, 140), (220, 120, 40, 255))
    path = tmp_path_factory.mktemp("cut") / "cutout.png"
    picture.save(path)
    return path


@pytest.fixture
def drawing(tmp_path: Path) -> Path:
    picture = Image.new("RGB", (120, 90), "white")
    ImageDraw.Draw(picture).line((10, 10, 100, 80), "black", 4)
    picture.save(tmp_path / "drawing.png")
    return tmp_path / "drawing.png"


def run(store: JobStore, backend: Any, picture: Path, *, seed: int = 0, **params: Any) -> Result:
    spec = backend.spec
    request = Request.of(spec, {spec.inputs[0]: picture}, {**QUICK, **params}, seed=seed)
    runner = InlineRunner(store, lambda name: backend)
    runner.submit(request)
    runner.poll()
    result = store.result(request.id)
    assert result
    return result


def mesh(store: JobStore, result: Result) -> dict[str, np.ndarray]:
    assert result.state is JobState.DONE, result.failure
    with np.load(store.files(result)["mesh"]) as file:
        return dict(file)


def test_a_photo_becomes_a_closed_painted_body(store: JobStore, weights: Path, cutout: Path) -> None:
    result = run(store, triposg.Backend(), cutout, weights=str(weights), size_m=2.0, crumbs=0.0)
    made = mesh(store, result)
    body = trimesh.Trimesh(made["vertices"], made["faces"], process=False)
    assert body.is_watertight and body.volume > 0
    assert body.extents.max() == pytest.approx(2.0, rel=1e-5) and body.bounds[0, 2] == pytest.approx(0, abs=1e-6)
    assert made["colors"].shape == (len(made["vertices"]), 4) and 0 <= made["colors"].min() <= made["colors"].max() <= 1
    assert made["uv"].shape == (len(made["faces"]), 3, 2) and 0 <= made["uv"].min() <= made["uv"].max() <= 1
    albedo = np.asarray(Image.open(store.files(result)["albedo"]))
    assert albedo.shape[0] == albedo.shape[1] and abs(albedo[10, 10].astype(int) - (220, 120, 40)).max() < 12
    assert result.metrics["plan"] == "fp32 on cpu"
    assert 17**3 < result.metrics["places_asked"] <= 33**3


def test_the_seed_decides(store: JobStore, weights: Path, cutout: Path) -> None:
    backend = triposg.Backend()
    first, again, other = (
        mesh(store, run(store, backend, cutout, weights=str(weights), size_m=size, seed=seed))
        for size, seed in ((1.0, 0), (1.5, 0), (1.0, 1))
    )
    assert np.array_equal(first["faces"], again["faces"])
    assert np.allclose(first["vertices"] * 1.5, again["vertices"], atol=1e-6)
    assert len(first["vertices"]) != len(other["vertices"])


def test_settings_count(store: JobStore, weights: Path, cutout: Path) -> None:
    backend = triposg.Backend()
    seen = set()
    for changed in ({}, {"guidance": 1.0}, {"steps": 2}, {"tokens": 65}, {"precision": "int8"}):
        seen.add(mesh(store, run(store, backend, cutout, weights=str(weights), **changed))["vertices"].tobytes())
    assert len(seen) == 5


def test_both_extractions_find_the_same_body(store: JobStore, weights: Path, cutout: Path) -> None:
    backend = triposg.Backend()
    volumes = []
    for way in ("octree", "published"):
        made = mesh(store, run(store, backend, cutout, weights=str(weights), extraction=way, crumbs=0.05))
        volumes.append(trimesh.Trimesh(made["vertices"], made["faces"], process=False).volume)
    assert volumes[0] == pytest.approx(volumes[1], rel=0.1)


def test_compiled_it_makes_the_same_body(
    store: JobStore, weights: Path, cutout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "BACKEND", "eager")
    backend = triposg.Backend()
    bodies = [mesh(store, run(store, backend, cutout, weights=str(weights), compile=each)) for each in (False, True)]
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0
    assert len(bodies[0]["vertices"]) == len(bodies[1]["vertices"])
    assert np.allclose(bodies[0]["vertices"], bodies[1]["vertices"], atol=1e-4)


def test_weights_from_a_seed_take_sizes_that_lie_there(
    store: JobStore, weights: Path, cutout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "_chosen", tmp_path / "data")
    official = triposg.OFFICIAL
    for path in weights.glob("*/config.json"):
        target = folder_of(official.repository, official.revision) / path.parent.name
        target.mkdir(parents=True)
        shutil.copy(path, target)
    result = run(store, triposg.Backend(), cutout, weights="random:3")
    assert len(mesh(store, result)["faces"]) > 500


def test_no_weights(store: JobStore, cutout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "_chosen", tmp_path / "data")
    result = run(store, triposg.Backend(), cutout)
    assert result.failure and result.failure.kind == "weights"
    assert "7.9 GB" in result.failure.message and "models pull" in result.failure.message


def test_nothing_solid(store: JobStore, weights: Path, cutout: Path, tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    shutil.copytree(weights, folder)
    path = folder / "vae" / "diffusion_pytorch_model.safetensors"
    state = load_file(path)
    state["decoder.proj_out.weight"] *= 0
    state["decoder.proj_out.bias"] = torch.ones(1)  # the field is minus that: outside everywhere
    save_file(state, path)
    result = run(store, triposg.Backend(), cutout, weights=str(folder))
    assert result.failure and result.failure.message == sculpting.EMPTY


def test_an_empty_picture(store: JobStore, weights: Path, tmp_path: Path) -> None:
    Image.new("RGBA", (64, 64)).save(tmp_path / "nothing.png")
    result = run(store, triposg.Backend(), tmp_path / "nothing.png", weights=str(weights))
    assert result.failure and "Nothing stands out" in result.failure.message


class Told:
    """A report that remembers what it was told, and stops at a phase."""

    def __init__(self, folder: Path, stop: str = "") -> None:
        self.folder, self.stop = folder, stop
        self.phases: list[str] = []
        self.parts: list[float] = []
        self.metrics: dict[str, Any] = {}
        self.notes: list[str] = []
        self.device = ""

    def progress(self, phase: str, part: float) -> None:
        self.phases.append(phase)
        self.parts.append(part)
        if self.stop and phase.startswith(self.stop):
            raise JobCancelled

    def file(self, role: str, name: str, **meta: Any) -> Path:
        return self.folder / name

    def keep(self, name: str) -> Path:
        (self.folder / name).mkdir(parents=True, exist_ok=True)
        return self.folder / name

    def metric(self, name: str, value: Any) -> None:
        self.metrics[name] = value

    def warn(self, text: str) -> None:
        self.notes.append(text)

    log = warn


def test_what_was_stopped_goes_on_where_it_stood(weights: Path, cutout: Path, tmp_path: Path) -> None:
    given = {**QUICK, "steps": 6, "weights": str(weights)}
    request = Request.of(triposg.Backend.spec, {"cutout": cutout}, given)

    def go(report: Told) -> bytes:
        report.folder.mkdir(exist_ok=True)
        triposg.Backend().run(request, request.params, report)
        return (report.folder / "mesh.npz").read_bytes()

    whole = Told(tmp_path / "whole")
    wanted = go(whole)
    assert whole.parts == sorted(whole.parts) and whole.parts[-1] == 1.0
    assert any(phase.startswith("Shaping, step 6 of 6") and phase.endswith("left") for phase in whole.phases)
    assert whole.metrics["seconds_a_step"] >= 0 and "s a step with fp32 on cpu" in whole.notes[0]

    with pytest.raises(JobCancelled):
        go(Told(tmp_path / "cut", stop="Shaping, step 4"))
    second = Told(tmp_path / "cut")
    assert go(second) == wanted
    assert not any(phase.startswith("Shaping, step 3") for phase in second.phases)
    assert any(phase.startswith("Shaping, step 4") for phase in second.phases)

    (tmp_path / "cut" / "latents" / "begun.npz").write_bytes(b"half a file")
    third = Told(tmp_path / "cut")
    assert go(third) == wanted and any(phase.startswith("Shaping, step 1") for phase in third.phases)


def test_how_long_it_takes_is_told_by_what_it_took(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    now = [100.0]
    monkeypatch.setattr(sculpting.time, "monotonic", lambda: now[0])
    report = Told(tmp_path)
    pace = sculpting.Pace("Shaping", report, 0.0, 1.0, steps=10, done=2, where="int8 on cpu")
    pace(0.25)
    assert report.phases[-1] == "Shaping, step 3 of 10" and not report.notes
    now[0] += 60
    pace(0.3)
    assert report.phases[-1] == "Shaping, step 4 of 10, 7 min left"
    assert report.notes == ["60.0 s a step with int8 on cpu: 7 min for the other steps."]
    assert sculpting.spoken(40) == "40 s" and sculpting.spoken(7200) == "2.0 h"


def test_words_and_a_drawing_become_a_body(store: JobStore, scribbled: Path, drawing: Path) -> None:
    backend = triposg_scribble.Backend()

    def made(**params: Any) -> dict[str, np.ndarray]:
        return mesh(store, run(store, backend, drawing, weights=str(scribbled), **params))

    first = made(prompt="a cat with wings")
    body = trimesh.Trimesh(first["vertices"], first["faces"], process=False)
    assert body.is_watertight and body.volume > 0 and first["colors"].shape == (len(first["vertices"]), 3)
    for other in ({"prompt": "a chair"}, {"prompt": "a cat with wings", "invert": True}):
        assert made(**other)["vertices"].tobytes() != first["vertices"].tobytes()
    deaf = {"words": 0.0, "drawing": 0.0}
    assert np.array_equal(made(prompt="a", **deaf)["vertices"], made(prompt="b", invert=True, **deaf)["vertices"])


def test_a_drawing_without_words(store: JobStore, scribbled: Path, drawing: Path) -> None:
    result = run(store, triposg_scribble.Backend(), drawing, weights=str(scribbled), prompt="  ")
    assert result.failure and result.failure.kind == "usage" and "prompt" in result.failure.message


def test_a_folder_without_its_text_encoder(store: JobStore, weights: Path, drawing: Path, tmp_path: Path) -> None:
    tiny(tmp_path / "half", SCRIBBLE)
    result = run(store, triposg_scribble.Backend(), drawing, weights=str(tmp_path / "half"), prompt="a cat")
    assert result.failure and result.failure.kind == "weights" and "text encoder" in result.failure.message
    wrong = run(store, triposg_scribble.Backend(), drawing, weights=str(weights), prompt="a cat")
    assert wrong.failure and wrong.failure.kind == "weights"


def test_words_from_a_seed(
    store: JobStore, drawing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scribbled: Path
) -> None:
    monkeypatch.setattr(place, "_chosen", tmp_path / "data")
    official = triposg_scribble.OFFICIAL
    root = folder_of(official.repository, official.revision)
    for part in ("transformer", "vae", "image_encoder_dinov2"):
        (root / part).mkdir(parents=True)
        shutil.copy(scribbled / part / "config.json", root / part)
    result = run(store, triposg_scribble.Backend(), drawing, weights="random:1", prompt="a cat")
    assert len(mesh(store, result)["faces"]) > 500


@pytest.mark.parametrize("backend", [triposg.Backend, triposg_scribble.Backend])
def test_the_spec_can_be_shown(backend: Any) -> None:
    spec = backend.spec
    assert type(spec).from_json(json.loads(json.dumps(spec.to_json()))) == spec
    assert spec.free and spec.weights[0].license == "MIT"
    needed = dict(spec.memory)
    assert needed["fp16+offload"] < needed["int8"] < needed["fp16"] < 8 < needed["fp32"]


def test_a_bad_setting() -> None:
    with pytest.raises(UserError, match="depth"):
        triposg.Backend.spec.fill({"depth": 12})
