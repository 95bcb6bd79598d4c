# SPDX-License-Identifier: GPL-3.0-or-later
"""Both Shap-E backends on the real classes in tiny sizes, with a renderer that holds a shape which is known."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from PIL import Image, ImageDraw

from galatea.backend.backends import shap_e_image, shap_e_text
from galatea.backend.networks import libraries, shap_e
from galatea.backend.protocol.job import JobState, Request, Result
from galatea.backend.protocol.store import JobStore

from . import tiny

torch = tiny.torch

SMALL = {"prompt": "a red chair", "steps": 3, "grid": 48}


def arm_and_nose(points: Any) -> tuple[Any, Any]:
    """In the model's space: a ball with an arm towards +X and a nose high up towards +Y; red grows with X."""

    def ball(x: float, y: float, z: float, radius: float) -> Any:
        return radius - (points - torch.tensor([x, y, z])).norm(dim=-1, keepdim=True)

    depth = torch.maximum(torch.maximum(ball(0, 0, 0, 0.45), ball(0.55, 0, 0, 0.25)), ball(0, 0.55, 0.35, 0.3))
    red = (points[..., :1] + 1) / 2
    return torch.tanh(4 * depth), torch.cat([red, torch.full_like(red, 0.5), torch.full_like(red, 0.25)], -1)


@pytest.fixture(scope="module")
def renderer() -> Any:
    return tiny.fitted_renderer(arm_and_nose)


@pytest.fixture(scope="module")
def weights(renderer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.shap_e(tmp_path_factory.mktemp("words"), renderer, of_words=True)


@pytest.fixture(scope="module")
def text() -> shap_e_text.Backend:
    return shap_e_text.Backend()


def mesh(store: JobStore, result: Result, role: str = "mesh") -> dict[str, np.ndarray]:
    with np.load(store.files(result)[role]) as file:
        return dict(file)


def test_words_become_a_closed_painted_body_that_faces_us(store: JobStore, weights: Path, text: Any) -> None:
    result = tiny.run(store, text, weights=str(weights), size_m=2.0, points=500, **SMALL)
    assert result.state is JobState.DONE, result.failure
    made = mesh(store, result)
    body = trimesh.Trimesh(made["vertices"], made["faces"], process=False)
    assert body.is_watertight and body.volume > 0
    assert body.extents.max() == pytest.approx(2.0, rel=1e-5) and body.bounds[0, 2] == pytest.approx(0, abs=1e-6)
    # From the model's space to ours it is turned half round: the arm at +X is at -X, the nose at +Y looks to -Y.
    low, high = body.bounds
    ends = {
        (axis, side): made["vertices"][np.abs(made["vertices"][:, axis] - bound[axis]) < 0.12 * (high - low)[axis]]
        for axis in (0, 1)
        for side, bound in (("low", low), ("high", high))
    }
    assert np.ptp(ends[0, "low"][:, 2]) < 0.85 * np.ptp(ends[0, "high"][:, 2]), "the arm is the thinner end"
    nose, back = (ends[1, side][:, 2].mean() / high[2] for side in ("low", "high"))
    assert nose > 0.6 and abs(back - 0.5) < 0.1, "the nose is high up"
    red = made["colors"][:, 0]
    assert np.corrcoef(red, made["vertices"][:, 0])[0, 1] < -0.95
    assert made["colors"][:, 1].mean() == pytest.approx(0.5, abs=0.06), "as the network says it: sRGB, not linear"

    cloud = trimesh.load(store.files(result)["points"])
    assert len(cloud.vertices) == 500
    distance = trimesh.proximity.closest_point_naive(body, cloud.vertices[:40])[1]
    assert distance.max() < 1e-4


def test_each_seed_is_an_object_and_the_first_goes_on(store: JobStore, weights: Path, text: Any) -> None:
    both = tiny.run(store, text, weights=str(weights), seed=4, candidates=2, **SMALL)
    alone = tiny.run(store, text, weights=str(weights), seed=5, **SMALL)
    assert {asset.role: asset.meta["seed"] for asset in both.assets} == {"mesh": 4, "mesh_02": 5}
    again, own = mesh(store, both, "mesh_02"), mesh(store, alone)
    assert np.array_equal(again["vertices"], own["vertices"]), "whatever else was made, to the bit"


def test_latents_follow_the_seed_and_the_words(weights: Path) -> None:
    model = shap_e.load(weights, "cpu", torch.float32)
    told: list[float] = []
    made = {
        (words, seed): shap_e.dream(model, words, [seed], 3, 5.0, told.append)
        for words in ("a chair", "a horse") for seed in (1, 2)
    }  # fmt: skip
    assert made["a chair", 1].shape == (1, 128, 16)
    assert np.abs(made["a chair", 1] - made["a chair", 2]).max() > 0.1
    assert np.abs(made["a chair", 1] - made["a horse", 1]).max() > 1e-5
    assert told[0] == 0.0 and max(told) == 1.0 and len(told) >= 4 * 5  # Heun asks twice a step


def test_nothing_solid_says_what_to_do(store: JobStore, tmp_path: Path, text: Any) -> None:
    empty = tiny.fitted_renderer(lambda p: (torch.full_like(p[..., :1], -0.9), torch.zeros_like(p)))
    folder = tiny.shap_e(tmp_path, empty, of_words=True)
    result = tiny.run(store, text, weights=str(folder), **SMALL)
    assert result.failure and result.failure.kind == "input"
    assert "nothing solid" in result.failure.message and "seed" in result.failure.message


def test_it_stops_between_two_steps_and_goes_on_from_finished_seeds(
    store: JobStore, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = shap_e_text.Backend()
    settings = {"weights": str(weights), "candidates": 2, **SMALL}
    request = Request.of(backend.spec, {}, {"device": "cpu", **settings})
    dreamt: list[int] = []
    real = shap_e.dream

    def dream(model: Any, given: Any, seeds: Any, *rest: Any) -> Any:
        dreamt.extend(seeds)
        if len(dreamt) == 2:
            store.cancel(request.id)  # takes effect at the next step of denoising
        return real(model, given, seeds, *rest)

    monkeypatch.setattr(shap_e, "dream", dream)
    assert tiny.run(store, backend, **settings).state is JobState.CANCELLED
    assert dreamt == [0, 1]
    result = tiny.run(store, backend, **settings)
    assert result.state is JobState.DONE and dreamt == [0, 1, 1], "the first seed was kept"


def test_the_published_folder_is_read_without_its_pickle(weights: Path, tmp_path: Path) -> None:
    """As on the hub: halved precision in safetensors, the renderer in `renderer`, a pickle in `shap_e_renderer`."""
    folder = tmp_path / "hub"
    shutil.copytree(weights, folder)
    shutil.move(folder / "shap_e_renderer", folder / "renderer")
    (folder / "shap_e_renderer").mkdir()
    (folder / "shap_e_renderer" / "diffusion_pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    for path in list(folder.rglob("*.safetensors")):
        path.rename(path.with_name(path.name.replace(".safetensors", ".fp16.safetensors")))
    model = shap_e.load(folder, "cpu", torch.float32)
    latent = np.zeros((128, 16), np.float32)
    whole = shap_e.surface(shap_e.load(weights, "cpu", torch.float32), latent, 32, lambda part: None)
    found = shap_e.surface(model, latent, 32, lambda part: None)
    assert found and whole and np.array_equal(found.vertices, whole.vertices)


def test_only_a_pickle_is_refused(store: JobStore, weights: Path, tmp_path: Path, text: Any) -> None:
    folder = tmp_path / "pickled"
    shutil.copytree(weights, folder)
    file = folder / "shap_e_renderer" / "diffusion_pytorch_model.safetensors"
    file.rename(file.with_suffix(".bin"))
    result = tiny.run(store, text, weights=str(folder), **SMALL)
    assert result.failure and result.failure.kind == "weights" and "safetensors" in result.failure.message


def test_no_words_and_the_wrong_model(store: JobStore, weights: Path, tmp_path: Path, text: Any) -> None:
    failure = tiny.run(store, text, weights=str(weights), **{**SMALL, "prompt": "  "}).failure
    assert failure and failure.kind == "usage" and "prompt" in failure.message
    picture = tmp_path / "cut.png"
    Image.new("RGBA", (64, 64), (200, 0, 0, 255)).save(picture)
    failure = tiny.run(store, shap_e_image.Backend(), {"cutout": picture}, weights=str(weights)).failure
    assert failure and failure.kind == "weights" and "words" in failure.message


def test_a_photo_becomes_a_mesh(store: JobStore, renderer: Any, tmp_path: Path) -> None:
    folder = tiny.shap_e(tmp_path / "picture", renderer, of_words=False)
    cut = Image.new("RGBA", (90, 60), (0, 0, 0, 0))
    ImageDraw.Draw(cut).ellipse((30, 10, 80, 50), fill=(30, 200, 60, 255))
    cut.save(tmp_path / "cut.png")
    backend = shap_e_image.Backend()
    result = tiny.run(store, backend, {"cutout": tmp_path / "cut.png"}, weights=str(folder), steps=3, grid=32)
    assert result.state is JobState.DONE, result.failure
    made = mesh(store, result)
    assert trimesh.Trimesh(made["vertices"], made["faces"], process=False).is_watertight

    seen = np.asarray(shap_e_image._on_white(str(tmp_path / "cut.png"))).astype(int)
    assert seen.shape == (512, 512, 3) and (seen[:20] > 250).all() and (seen[:, :20] > 250).all()
    assert (seen[256, 256] == (30, 200, 60)).all()
    assert 0.78 < (seen[256, :, 0] < 200).mean() < 0.82, "the longest side fills four fifths"


def test_random_weights_have_a_surface() -> None:
    torch.manual_seed(3)
    renderer = libraries.diffusers().pipelines.shap_e.renderer.ShapERenderer(
        param_shapes=((64, 93), (64, 64), (64, 64), (64, 64)), d_latent=32, d_hidden=64
    )
    shap_e.calm(renderer)

    class Held:
        shap_e_renderer = renderer

    latent = np.random.default_rng(0).normal(size=(256, 32)).astype(np.float32)
    found = shap_e.surface(shap_e.Model(Held, True), latent, 32, lambda part: None)
    assert found and 50 < len(found.faces) < 8000, "a body, no dust"
