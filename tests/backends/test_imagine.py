# SPDX-License-Identifier: GPL-3.0-or-later
"""Words to pictures on tiny pipelines of the real classes, the choice among them, and all the way to a mesh."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from PIL import Image, ImageDraw

from galatea.backend import footprint, images
from galatea.backend.backends import cutout, imagine, lift, pick
from galatea.backend.networks import painter
from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.job import JobState, Request, Result
from galatea.backend.protocol.recipe import PRESETS
from galatea.backend.protocol.store import JobStore

from . import tiny

torch = tiny.torch
QUICK = {"prompt": "a red box", "steps": 2, "candidates": 2}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("painters")
    made = {"sd": tiny.stable_diffusion(), "drawn": tiny.draughtsman(), "xl": tiny.xl(), "flux": tiny.flux()}
    for name, pipeline in made.items():
        pipeline.save_pretrained(root / name)
    return {name: root / name for name in made}


@pytest.fixture(scope="module")
def backend() -> imagine.Backend:
    return imagine.Backend()


def pixels(store: JobStore, result: Result, role: str) -> np.ndarray:
    return np.asarray(Image.open(store.files(result)[role]).convert("RGB"))


def test_words_become_pictures_a_cutout_and_a_mesh(store: JobStore, folders: dict[str, Path], backend: Any) -> None:
    gallery = tiny.run(store, backend, weights=str(folders["drawn"]), size=32, **QUICK)
    assert gallery.state is JobState.DONE, gallery.failure
    told = json.loads(store.files(gallery)["gallery"].read_text())
    assert [row["seed"] for row in told["candidates"]] == [0, 1]
    assert told["prompt"].startswith("a red box, one single object")

    chosen = tiny.run(store, pick.Backend(), store.files(gallery), device=None)
    assert chosen.state is JobState.DONE, chosen.failure
    cut = tiny.run(store, cutout.Backend(), {"image": store.files(chosen)["image"]}, device=None)
    assert cut.state is JobState.DONE, cut.failure
    made = tiny.run(store, lift.Backend(), {"cutout": store.files(cut)["cutout"]}, grid=64, device=None)
    assert made.state is JobState.DONE, made.failure
    with np.load(store.files(made)["mesh"]) as file:
        body = trimesh.Trimesh(file["vertices"], file["faces"], process=False)
    assert body.is_watertight and body.volume > 0.01


def test_the_seed_decides_and_how_many_there_are_does_not(
    store: JobStore, folders: dict[str, Path], backend: Any
) -> None:
    sd = str(folders["sd"])
    two = tiny.run(store, backend, weights=sd, seed=7, **QUICK)
    one = tiny.run(store, backend, weights=sd, seed=8, **{**QUICK, "candidates": 1})
    assert np.array_equal(pixels(store, two, "candidate_01"), pixels(store, one, "candidate_00"))
    assert not np.array_equal(pixels(store, two, "candidate_00"), pixels(store, two, "candidate_01"))
    assert [asset.meta["seed"] for asset in two.assets if asset.role != "gallery"] == [7, 8]


@pytest.mark.parametrize("kind", ["sd", "xl", "flux"])
def test_each_kind_of_pipeline_paints_and_edits(folders: dict[str, Path], kind: str) -> None:
    """What was asked reaches the pipeline; what it does not take is left out."""
    model = painter.load(folders[kind], torch.float32)
    told: list[float] = []
    ask = {"negative": "a crowd", "steps": 2, "size": (32, 32)}
    made = model.paint("a red box", 1, told.append, **ask)
    assert made.shape == (32, 32, 3) and made.dtype == np.uint8
    assert told == sorted(told) and told[0] == 0.0 and told[-1] == 1.0 and len(told) == 3, "each step once"
    assert not np.array_equal(made, model.paint("a blue horse", 1, told.append, **ask)), "the words count"
    photo = Image.new("RGB", (48, 32), (220, 30, 30))
    changed = model.paint("a red box", 1, told.append, picture=photo, strength=0.5, steps=4)
    assert changed.shape == (32, 48, 3)


def test_guidance_and_negative_words_count(folders: dict[str, Path]) -> None:
    model = painter.load(folders["sd"], torch.float32)
    made = [
        model.paint("a red box", 1, lambda part: None, steps=2, **more)
        for more in ({}, {"guidance": 0.0}, {"guidance": 12.0}, {"negative": "a crowd of horses"})
    ]
    assert all(not np.array_equal(made[0], other) for other in made[1:])


def test_a_given_picture_is_the_beginning(
    store: JobStore, folders: dict[str, Path], backend: Any, tmp_path: Path
) -> None:
    Image.new("RGB", (90, 60), (20, 200, 40)).save(tmp_path / "photo.png")
    settings = {"weights": str(folders["sd"]), "size": 48, **QUICK, "candidates": 1}
    mild, wild = (
        tiny.run(store, backend, {"image": tmp_path / "photo.png"}, strength=strength, **settings)
        for strength in (0.5, 1.0)
    )
    assert pixels(store, mild, "candidate_00").shape == (32, 48, 3)
    assert not np.array_equal(pixels(store, mild, "candidate_00"), pixels(store, wild, "candidate_00"))


def test_it_stops_within_a_picture_and_keeps_the_finished_ones(
    store: JobStore, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = imagine.Backend()
    settings = {"weights": str(folders["sd"]), **QUICK}
    request = Request.of(backend.spec, {}, {"device": "cpu", **settings})
    painted: list[int] = []
    real = painter.Painter.paint

    def paint(self: Any, prompt: str, seed: int, beat: Any, **more: Any) -> Any:
        painted.append(seed)
        if len(painted) == 2:
            store.cancel(request.id)
        return real(self, prompt, seed, beat, **more)

    monkeypatch.setattr(painter.Painter, "paint", paint)
    assert tiny.run(store, backend, **settings).state is JobState.CANCELLED
    assert tiny.run(store, backend, **settings).state is JobState.DONE
    assert painted == [0, 1, 1]


def test_what_the_safety_checker_blanks_is_said(store: JobStore, tmp_path: Path) -> None:
    tiny.guarded(tiny.stable_diffusion()).save_pretrained(tmp_path / "guarded")
    result = tiny.run(store, imagine.Backend(), weights=str(tmp_path / "guarded"), **{**QUICK, "candidates": 1})
    assert result.state is JobState.DONE, result.failure
    assert any("safety checker" in text for text in result.warnings)


def test_the_published_folder_in_halved_precision(folders: dict[str, Path], tmp_path: Path) -> None:
    """As on the hub: only .fp16.safetensors, and a safety checker that is named but was not fetched."""
    folder = tmp_path / "half"
    shutil.copytree(folders["sd"], folder)
    for path in list(folder.rglob("*.safetensors")):
        path.rename(path.with_name(path.name.replace(".safetensors", ".fp16.safetensors")))
    index = json.loads((folder / "model_index.json").read_text())
    index["safety_checker"] = ["stable_diffusion", "StableDiffusionSafetyChecker"]
    index["feature_extractor"] = ["transformers", "CLIPImageProcessor"]
    (folder / "model_index.json").write_text(json.dumps(index))
    whole, half = (
        painter.load(each, torch.float32).paint("a box", 0, lambda part: None, steps=1)
        for each in (folders["sd"], folder)
    )
    assert np.array_equal(whole, half)
    assert footprint.counts(folder) == footprint.counts(folders["sd"])
    spec = footprint.measured(imagine.Backend.spec, folders["sd"], 1.0, offload=True)
    numbers = sum(
        parameter.numel()
        for part in painter.load(folders["sd"], torch.float32).pipeline.components.values()
        if hasattr(part, "parameters")
        for parameter in part.parameters()
    )
    assert dict(spec.memory)["fp32"] == pytest.approx(1.0 + 4e-9 * numbers, rel=1e-6)
    assert 1.0 < dict(spec.memory)["fp16+offload"] < dict(spec.memory)["fp16"]


@pytest.mark.parametrize("name", ["diffusion_pytorch_model.bin", "diffusion_pytorch_model.ckpt"])
def test_a_pickle_is_not_opened(
    store: JobStore, folders: dict[str, Path], backend: Any, tmp_path: Path, name: str
) -> None:
    folder, mark = tmp_path / "pickled", tmp_path / "opened"
    shutil.copytree(folders["sd"], folder)
    (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    (folder / "unet" / name).write_bytes(f"cposix\nsystem\n(S'touch {mark}'\ntR.".encode())
    failure = tiny.run(store, backend, weights=str(folder), **QUICK).failure
    assert failure and failure.kind == "weights" and "pickle" in failure.message
    assert not mark.exists()
    failure = tiny.run(store, backend, weights=str(folder / "unet" / name), **QUICK).failure
    assert failure and failure.kind == "weights" and "pickle" in failure.message and not mark.exists()


def test_a_lora_bends_the_model_by_its_strength(
    store: JobStore, folders: dict[str, Path], backend: Any, tmp_path: Path
) -> None:
    """A LoRA of the real class, with weights that are not zero, saved as training scripts save it."""
    from peft import LoraConfig, get_peft_model_state_dict

    pipeline = painter.load(folders["sd"], torch.float32).pipeline
    names = [f"to_{part}" for part in "qkv"]
    pipeline.unet.add_adapter(LoraConfig(r=2, lora_alpha=2, init_lora_weights="gaussian", target_modules=names))
    torch.manual_seed(0)
    for name, value in pipeline.unet.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(value)
    layers = get_peft_model_state_dict(pipeline.unet)
    pipeline.save_lora_weights(tmp_path, unet_lora_layers=layers, weight_name="bend.safetensors")

    def painted(**params: Any) -> np.ndarray:
        asked = {"weights": str(folders["sd"]), **QUICK, "candidates": 1, **params}
        result = tiny.run(store, backend, **asked)
        assert result.state is JobState.DONE, result.failure
        return pixels(store, result, "candidate_00").astype(int)

    plain, file = painted(), str(tmp_path / "bend.safetensors")
    bent, again, none = (painted(lora=file, lora_strength=strength) for strength in (1.0, 0.5, 0.0))
    assert np.abs(bent - plain).max() > 2 and np.abs(bent - again).max() > 0
    assert np.array_equal(none, plain)


def test_bad_requests_say_what_to_do(store: JobStore, folders: dict[str, Path], backend: Any, tmp_path: Path) -> None:
    sd = str(folders["sd"])

    def failure(**params: Any) -> Any:
        return tiny.run(store, backend, **{"weights": sd, **QUICK, **params}).failure

    assert failure(prompt=" ").kind == "usage" and "prompt" in failure(prompt=" ").message
    assert "{words}" in failure(template="a chair").message
    (tmp_path / "lora.safetensors").write_bytes(b"no weights")
    lacking = failure(lora=str(tmp_path / "lora.safetensors"))
    assert lacking.kind in ("environment", "weights") and "lora" in lacking.message.lower()
    (tmp_path / "empty").mkdir()
    assert "model_index.json" in failure(weights=str(tmp_path / "empty")).message
    (tmp_path / "one.safetensors").write_bytes(b"\0" * 64)
    assert "damaged" in failure(weights=str(tmp_path / "one.safetensors")).message
    long = tiny.run(store, backend, weights=sd, **{**QUICK, "prompt": "very " * 40 + "old", "candidates": 1})
    assert any("longer than the model can read" in text for text in long.warnings)


def test_one_file_paints_what_its_folder_paints(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose numbers a file holds is read off their names; settings come from a folder of the same name beside it."""
    from safetensors.torch import save_file

    monkeypatch.setenv("GALATEA_HOME", str(tmp_path / "home"))
    file = tmp_path / "mine.safetensors"
    whole = painter.load(folders["sd"], torch.float32)
    save_file(tiny.one_file(whole.pipeline), file)
    with pytest.raises(UserError, match="galatea models pull stable-diffusion-v1-5/stable-diffusion-v1-5"):
        painter.load(file, torch.float32)
    shutil.copytree(folders["sd"], tmp_path / "mine", ignore=shutil.ignore_patterns("*.safetensors"))
    alone = painter.load(file, torch.float32)
    ask = {"steps": 2, "negative": "a crowd"}
    assert np.array_equal(
        alone.paint("a red box", 3, lambda part: None, **ask), whole.paint("a red box", 3, lambda part: None, **ask)
    )


@pytest.mark.parametrize("name", ["words_to_mesh", "words_to_character"])
def test_the_recipes_say_what_the_step_says(name: str) -> None:
    """The template in the preset file is there to be edited; until then it is the step's own."""
    data = tomllib.loads((PRESETS / "recipes" / f"{name}.toml").read_text(encoding="utf-8"))
    first = data["step"][0]
    assert data["inputs"] == [] and [step["do"] for step in data["step"]][:4] == ["imagine", "pick", "cutout", "lift"]
    filled = imagine.Backend.spec.fill({key: value for key, value in first.items() if key != "do"})
    assert filled == imagine.Backend.spec.fill({})


def drawing(*shapes: tuple[int, int, int, int], ground: Any = (205, 205, 205)) -> images.Picture:
    picture = Image.new("RGB", (256, 256), ground)
    for shape in shapes:
        ImageDraw.Draw(picture).ellipse(shape, fill=(150, 60, 30))
    return images.Picture(np.array(picture.convert("RGBA")), False, picture.size)


def test_the_score_tells_one_whole_object_from_the_rest() -> None:
    good = pick.judge(drawing((60, 50, 200, 210)))
    assert good["score"] > 0.8
    worse = {
        "one": drawing((20, 60, 120, 200), (140, 60, 240, 200)),
        "whole": drawing((60, 120, 200, 300)),
        "centred": drawing((5, 5, 90, 110)),
        "large": drawing((115, 115, 140, 140)),
    }
    for name, picture in worse.items():
        found = pick.judge(picture)
        assert found["score"] < 0.75 * good["score"] and found[name] < good[name] - 0.2, name
    noise = np.random.default_rng(0).integers(0, 255, (256, 256, 4), np.uint8)
    busy = pick.judge(images.Picture(noise, False, (256, 256)))
    assert busy["plain"] < 0.3 and busy["score"] < pick.POOR
    shaded = drawing((60, 50, 200, 210)).pixels.astype(float)
    shaded[..., :3] *= np.linspace(0.7, 1.1, 256)[None, :, None]
    uneven = pick.judge(images.Picture(np.clip(shaded, 0, 255).astype(np.uint8), False, (256, 256)))
    assert uneven["score"] > 0.7, "a ground that grows lighter is plain all the same"
    black = pick.judge(images.Picture(np.zeros((64, 64, 4), np.uint8), False, (64, 64)))
    assert black["score"] == 0.0


def test_the_best_goes_on_unless_the_user_chooses(store: JobStore, tmp_path: Path) -> None:
    inputs = {"gallery": tmp_path / "gallery.json"}
    inputs["gallery"].write_text("{}")
    for number, picture in enumerate((drawing((5, 5, 90, 110)), drawing((60, 50, 200, 210)))):
        inputs[f"candidate_{number:02d}"] = tmp_path / f"{number}.png"
        images.save(tmp_path / f"{number}.png", picture.pixels)
    best = tiny.run(store, pick.Backend(), inputs, device=None)
    mine = tiny.run(store, pick.Backend(), inputs, choose="0", device=None)
    assert best.metrics["chosen"] == 1 and mine.metrics["chosen"] == 0
    assert np.array_equal(pixels(store, mine, "image"), np.asarray(Image.open(tmp_path / "0.png").convert("RGB")))
    failure = tiny.run(store, pick.Backend(), inputs, choose="5", device=None).failure
    assert failure and "0 to 1" in failure.message
