# SPDX-License-Identifier: GPL-3.0-or-later
"""From a folder of somebody's meshes to weights that know them: reading, splits, adapters, and that it helps."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

from galatea.backend.cli import main
from galatea.backend.cli.learn import ENCODER
from galatea.backend.learn import release
from galatea.backend.learn.model.network import Config, Lift
from galatea.backend.learn.things import build, folder, thing
from galatea.backend.learn.things.readers.files import Folder
from galatea.backend.learn.training import lora, tokens
from galatea.backend.learn.training.samples import Samples, mapped
from galatea.backend.learn.training.settings import Settings
from galatea.backend.learn.training.train import SHIPPED, Trainer, load_weights, save_weights
from galatea.backend.learn.views import shards
from galatea.backend.protocol.errors import UserError

from .test_training import TINY, made_up

NAMES = "abcdefgh"
SCORED = ("depth", "shape", "profile", "colour")
PRESETS = Path(__file__).resolve().parents[2] / "presets" / "training"


def quiet(line: str, share: float) -> None:
    """Progress that nobody reads."""


def chair() -> trimesh.Trimesh:
    """Z up, facing -Y, with one arm on +X, and a leg that is red."""
    parts = [trimesh.creation.box(bounds=[[x, y, 0], [x + 0.1, y + 0.1, 0.5]]) for x in (0, 0.9) for y in (0, 0.9)]
    parts.append(trimesh.creation.box(bounds=[[0, 0, 0.5], [1, 1, 0.6]]))
    parts.append(trimesh.creation.box(bounds=[[0, 0.9, 0.6], [1, 1, 1.5]]))
    parts.append(trimesh.creation.box(bounds=[[0.9, 0, 0.8], [1, 0.9, 0.9]]))
    for part in parts:
        part.visual.face_colors = np.tile([200, 200, 60, 255], (len(part.faces), 1))
    parts[0].visual.face_colors = np.tile([255, 0, 0, 255], (12, 1))
    return trimesh.util.concatenate(parts)


def y_up(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    turned = mesh.copy()
    turned.apply_transform(np.array([[1, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1.0]]))
    return turned


def lathe(seed: int) -> trimesh.Trimesh:
    """A turned body, each seed another one."""
    rng = np.random.default_rng(seed)
    heights = np.linspace(0, rng.uniform(0.7, 1.6), 9)
    radii = np.concatenate([[0], rng.uniform(0.1, 0.5, 7), [0]])
    mesh = trimesh.creation.revolve(np.stack([radii, heights], axis=1), sections=24)
    mesh.visual.face_colors = np.tile([*rng.integers(40, 255, 3), 255], (len(mesh.faces), 1))
    return mesh


class TestFolder:
    @pytest.mark.parametrize("kind", ["glb", "gltf", "obj", "ply", "stl", "off"])
    def test_every_format_stands_upright_and_faces_us(self, tmp_path: Path, kind: str) -> None:
        mesh = y_up(chair()) if kind in folder.Y_UPRIGHT else chair()
        if kind == "gltf":
            for name, data in trimesh.exchange.gltf.export_gltf(trimesh.Scene(mesh)).items():
                (tmp_path / name).write_bytes(data)
        else:
            mesh.export(tmp_path / f"chair.{kind}")
        (entry,) = folder.entries(tmp_path)
        got, wanted = entry.read(), chair()
        assert np.allclose(got.vertices.min(0), wanted.bounds[0], atol=1e-5)
        assert np.allclose(got.vertices.max(0), wanted.bounds[1], atol=1e-5)
        arm = got.vertices[(got.vertices[:, 2] > 0.7) & (got.vertices[:, 2] < 1)]
        assert arm[:, 0].min() > 0.8, "the arm is on the other side"

    def test_the_axis_can_be_told(self, tmp_path: Path) -> None:
        y_up(chair()).export(tmp_path / "chair.stl")
        (wrong,), (right,) = folder.entries(tmp_path), folder.entries(tmp_path, up="y")
        assert np.ptp(right.read().vertices, axis=0) == pytest.approx([1, 1, 1.5], abs=1e-5)
        assert np.ptp(wrong.read().vertices, axis=0) == pytest.approx([1, 1.5, 1], abs=1e-5)
        assert right.sha256 != wrong.sha256

    def test_colours_of_faces_arrive(self, tmp_path: Path) -> None:
        chair().export(tmp_path / "chair.ply")
        shape = folder.read(Folder(tmp_path), "chair.ply")
        picture = shape.textures[0]
        assert picture is not None
        u, v = shape.uv[:, 0].T
        seen = picture[((1 - v) * 256).astype(int), (u * 256).astype(int), :3].astype(int)
        assert np.abs(seen - np.asarray(chair().visual.face_colors)[:, :3]).max() <= 5
        assert (seen[:, 1] < 10).sum() == 12

    def test_names_categories_and_keys(self, tmp_path: Path) -> None:
        for place in (
            "Lamps/Big_redLamp.ply",
            "Lamps/desk/scene.ply",
            "big-red lamp.ply",
            "Büro/a.stl",
            "Büro/a.ply",
            "Cup/meshes/model.obj",
        ):
            (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / place).touch()
        (tmp_path / "notes.txt").touch()
        found = {entry.key: (entry.name, entry.category) for entry in folder.entries(tmp_path)}
        assert found == {
            "own--buro-a": ("a", "Büro"),
            "own--buro-a-2": ("a", "Büro"),
            "own--lamps-big_redlamp": ("big red lamp", "Lamps"),
            "own--lamps-desk-scene": ("desk", "Lamps"),
            "own--big-red-lamp": ("big red lamp", "own"),
            "own--cup-meshes-model": ("cup", "Cup"),
        }

    def test_a_twentieth_is_for_validation_and_at_least_one_of_eight(self, tmp_path: Path) -> None:
        for count in range(400):
            (tmp_path / f"{count}.ply").touch()
        splits = [entry.split for entry in folder.entries(tmp_path)]
        assert 8 < splits.count("val") < 40 and set(splits) == {"val", "train"}
        train = [entry for entry in folder.entries(tmp_path) if entry.split == "train"][:8]
        few = tmp_path / "few"
        few.mkdir()
        for number, entry in enumerate(train):
            (few / f"{entry.name}.ply").touch()
            splits = [found.split for found in folder.entries(few)]
            assert splits.count("val") == (number == 7), "of those that the hash leaves to training"
        (chosen,) = (entry.key for entry in folder.entries(few) if entry.split == "val")
        other = [entry.key for entry in folder.entries(few, {chosen}) if entry.split == "val"]
        assert len(other) == 1 and other != [chosen]

    def test_what_is_bad_is_told_and_left_out_and_what_changes_is_noticed(self, tmp_path: Path) -> None:
        meshes, data = tmp_path / "meshes", tmp_path / "data"
        (meshes / "vases").mkdir(parents=True)
        for seed in range(8):
            lathe(seed).export(meshes / "vases" / f"vase-{NAMES[seed]}.ply")
        first = next(entry for entry in folder.entries(meshes) if entry.split == "val")
        like = next(entry for entry in folder.entries(meshes) if entry.split == "train")
        broken = meshes / "vases" / f"{first.name.replace(' ', '-')}.ply"
        whole = broken.read_bytes()
        broken.write_bytes(whole[:200])
        (meshes / "car.fbx").write_bytes(b"Kaydara FBX Binary")
        (meshes / "copy.ply").write_bytes((meshes / "vases" / f"{like.name.replace(' ', '-')}.ply").read_bytes())
        trimesh.creation.box((1, 1, 0.001)).export(meshes / "sheet.stl")
        build.own(data, meshes, quiet)
        found = {record["key"]: record for record in build.records(data / "records" / "own.jsonl")}
        why = {record["name"]: record["reason"].split(":")[0] for record in found.values() if "reason" in record}
        assert why == {first.name: "broken", "car": "broken", "sheet": "flat", like.name: "copy"}
        assert ".glb" in found["own--car"]["reason"]
        stored = {path.stem: path.parent.name for path in (data / "things").rglob("*.npz")}
        assert stored == {key: record["split"] for key, record in found.items() if record["status"] == "kept"}
        assert list(stored.values()).count("val") == 1, "another one took the place of the broken one"
        one = thing.load(next((data / "things").rglob("*vase-g.npz")))
        assert one.meta["category"] == "vases" and one.meta["licence"] == folder.LICENCE
        assert "broken" in (data / "card.md").read_text()

        times = {path: path.stat().st_mtime_ns for path in (data / "things").rglob("*.npz")}
        build.own(data, meshes, quiet)
        assert times == {path: path.stat().st_mtime_ns for path in (data / "things").rglob("*.npz")}

        broken.write_bytes(whole)
        (meshes / "vases" / "vase-h.ply").unlink()
        build.own(data, meshes, quiet)
        again = {path.stem for path in (data / "things").rglob("*.npz")}
        assert again == stored.keys() - {"own--vases-vase-h"} | {first.key}

    def test_a_folder_without_a_mesh_is_a_mistake(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="no mesh"):
            build.own(tmp_path / "data", tmp_path, quiet)
        with pytest.raises(UserError, match="no folder"):
            build.own(tmp_path / "data", tmp_path / "none", quiet)
        assert not (tmp_path / "data").exists(), "nothing was made"
        (tmp_path / "a.glb").write_bytes(b"glTF")
        with pytest.raises(UserError, match="None of the 1 meshes"):
            build.own(tmp_path / "data", tmp_path, quiet)


def rows(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


class TestAdapters:
    def made(self, path: Path, seed: int = 3) -> Path:
        torch.manual_seed(seed)
        save_weights(path, Lift(Config(**TINY)))
        return path

    def test_they_change_nothing_at_first_and_merge_into_the_same(self, tmp_path: Path) -> None:
        torch.manual_seed(0)
        model = Lift(Config(**TINY)).eval()
        picture, word = torch.rand(1, 4, 128, 128), torch.randn(1, 257, 768)
        before = model(word, picture)
        lora.adapt(model, 4)
        assert all(torch.equal(a, b) for a, b in zip(before, model(word, picture), strict=True))
        adapted = {name.removesuffix(".a") for name, _ in model.named_parameters() if name.endswith("weight.0.a")}
        assert len(adapted) == 1 + 4 * TINY["layers"] + 4 + 2 * 2, "entrance, trunk, joints, two residual blocks"
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.requires_grad:
                    parameter += torch.randn_like(parameter) * 0.05
        after, plain = model(word, picture), lora.merged(model)
        assert plain.state_dict().keys() == Lift(Config(**TINY)).state_dict().keys()
        assert (after.front - before.front).abs().max() > 0.01
        assert all(torch.allclose(a, b, atol=1e-4) for a, b in zip(after, plain(word, picture), strict=True))

    def test_a_run_leaves_whole_weights_and_a_small_adapter(self, tmp_path: Path) -> None:
        made_up(tmp_path / "data", 6)
        init = self.made(tmp_path / "init.safetensors")
        samples = Samples([tmp_path / "data"], "train")
        settings = Settings(steps=6, batch=2, warmup=1, rate=3e-3, average=0.5, lora=4, save_each=3, tensorboard=False)
        whole = Trainer(settings, samples, None, tmp_path / "whole", init)
        whole.run(lambda row: None)

        def stop(row: dict[str, float]) -> None:
            if row["step"] == 4:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            Trainer(settings, samples, None, tmp_path / "cut", init).run(stop)
        trainer = Trainer(settings, samples, None, tmp_path / "cut", init)
        assert trainer.resume() and trainer.step == 3
        trainer.run(lambda row: None)
        assert [row["loss"] for row in rows(tmp_path / "cut")] == [row["loss"] for row in rows(tmp_path / "whole")]
        a, b = (mapped(tmp_path / name / "lift.safetensors") for name in ("whole", "cut"))
        assert all(np.array_equal(a[name], b[name]) for name in a)

        start, end = load_weights(init)[0].state_dict(), load_weights(tmp_path / "whole" / "lift.safetensors")[0]
        assert end.config == Config(**TINY)
        moved = {name for name, value in end.state_dict().items() if (value - start[name]).abs().max() > 1e-4}
        assert {"layers.0.qkv.weight", "middle.0.conv1.weight", "front.weight"} <= moved
        assert not moved & {"position", "stem1.weight", "enter.bias"}, "what is frozen moved"
        small = tmp_path / "whole" / "adapter.safetensors"
        assert small.stat().st_size < (tmp_path / "whole" / "lift.safetensors").stat().st_size / 2
        again = load_weights(small, init)[0].state_dict()
        gap = max((value - again[name]).abs().max().item() for name, value in end.state_dict().items())
        assert gap < 2e-3
        shutil.copyfile(ENCODER, tmp_path / release.ENCODER)
        release.release(small, tmp_path, init)
        modes = {(tmp_path / name).stat().st_mode for name in (release.WEIGHTS, release.CARD)}
        assert len(modes) == 1, "whoever may read the card may read the weights"
        released = load_weights(tmp_path / release.WEIGHTS)[0].state_dict()
        assert all(torch.allclose(released[name], value, atol=2e-3) for name, value in again.items())
        with pytest.raises(UserError, match="other weights"):
            load_weights(small, self.made(tmp_path / "other.safetensors", 4))

    def test_what_does_not_fit_is_refused(self, tmp_path: Path) -> None:
        made_up(tmp_path / "data", 2)
        samples = Samples([tmp_path / "data"], "train")
        init = self.made(tmp_path / "init.safetensors")
        with pytest.raises(UserError, match="--init"):
            Trainer(Settings(lora=4), samples, None, tmp_path / "a")
        with pytest.raises(UserError, match="another network"):
            Trainer(Settings(model={"width": 32}), samples, None, tmp_path / "a", init)
        settings = Settings(steps=1, batch=1, save_each=1, lora=2, tensorboard=False)
        Trainer(settings, samples, None, tmp_path / "a", init).run(lambda row: None)
        with pytest.raises(UserError, match="another folder"):
            Trainer(Settings(lora=3), samples, None, tmp_path / "a", init).resume()

    def test_the_presets_can_be_read(self) -> None:
        assert Settings.read(PRESETS / "lora.toml").lora > 0
        assert Settings.read(PRESETS / "full.toml").lora == 0
        assert Settings.read(PRESETS / "small.toml").model


def test_a_few_shapes_are_better_known_after_fine_tuning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The shipped weights, 8 meshes, 30 steps of adapters: on views that were not trained on the loss falls."""
    meshes, data = tmp_path / "meshes", tmp_path / "data"
    for seed in range(8):
        (meshes / "vases").mkdir(parents=True, exist_ok=True)
        lathe(seed).export(meshes / "vases" / f"vase-{NAMES[seed]}.glb")
    torch.set_num_threads(1)
    assert main(["data", "build", str(data), "--meshes", str(meshes), "--views", "3", "--workers", "0"]) == 0
    assert "own" in capsys.readouterr().out
    kept = sorted((data / "things" / "train").glob("*.npz"))
    assert len(kept) == 7 and len(list((data / "things" / "val").glob("*.npz"))) == 1

    unseen = tmp_path / "unseen"  # other views of what is trained on
    (unseen / "things" / "val").mkdir(parents=True)
    for path in kept:
        (unseen / "things" / "val" / path.name).write_bytes(path.read_bytes())
    shards.build(unseen, "val", 1, 99, quiet, 0)
    tokens.build(unseen, "val", ENCODER, quiet)

    settings = tmp_path / "quick.toml"
    text = (PRESETS / "lora.toml").read_text()
    for name, value in {
        "steps": 30,
        "batch": 4,
        "warmup": 3,
        "save_each": 30,
        "check_each": 30,
        "sheet_each": 0,
    }.items():
        text = "\n".join(f"{name} = {value}" if line.startswith(f"{name} =") else line for line in text.splitlines())
    settings.write_text(text)
    run = ["finetune", str(data), "--out", str(tmp_path / "run"), "--settings", str(settings), "--threads", "1"]
    assert main(run) == 0
    assert Path(capsys.readouterr().out.strip()) == tmp_path / "run" / "lift.safetensors"

    views = Samples([unseen], "val")
    scores = []
    for path in (SHIPPED, tmp_path / "run" / "lift.safetensors"):
        check = Settings(batch=1, tensorboard=False)
        scores.append(Trainer(check, views, None, tmp_path / "check", path).score(views))
    weights = Settings.read(settings).losses
    before, after = (sum(weights[name] * row[f"val_{name}"] for name in SCORED) for row in scores)
    assert after < 0.9 * before, scores
    assert scores[1]["val_profile"] < 0.85 * scores[0]["val_profile"], scores
    assert (tmp_path / "run" / "adapter.safetensors").stat().st_size < 1_000_000
