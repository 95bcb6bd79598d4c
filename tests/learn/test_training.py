# SPDX-License-Identifier: GPL-3.0-or-later
"""Training at small scale, but for real: a killed run is the run that was not killed; eight shapes are learned."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from safetensors.numpy import save_file

from galatea.backend.cli.learn import ENCODER
from galatea.backend.geometry import frustum
from galatea.backend.geometry.marching import isosurface
from galatea.backend.learn.evaluate import metrics
from galatea.backend.learn.evaluate.shape import Shape
from galatea.backend.learn.model.network import (
    DEPTHS,
    HALF_DEPTH,
    PLANES,
    SIDE,
    Config,
    Lift,
    Prediction,
    offsets,
    small,
    volume,
)
from galatea.backend.learn.things.thing import Thing, normalise, save
from galatea.backend.learn.training import tokens
from galatea.backend.learn.training.losses import losses, overlap
from galatea.backend.learn.training.samples import Samples, mapped, order
from galatea.backend.learn.training.settings import Settings
from galatea.backend.learn.training.train import Trainer, rate
from galatea.backend.learn.views import shards
from galatea.backend.protocol.errors import UserError

TINY = {"width": 64, "layers": 2, "heads": 4, "middle": 32, "fine": 32, "blocks": 1}


def made_up(data: Path, count: int) -> None:
    """Samples of the right shapes without meaning."""
    rng = np.random.default_rng(0)
    folder = data / "samples" / "train"
    folder.mkdir(parents=True)
    (data / "tokens" / "train").mkdir(parents=True)
    arrays = {
        "rgba": rng.integers(0, 255, (count, 224, 224, 4), np.uint8),
        "soft": (rng.random((count, SIDE, SIDE, DEPTHS)) > 0.7).astype(np.uint8) * 255,
        "depth": rng.uniform(-1, 1, (count, 112, 112)).astype(np.float16),
        "points": rng.uniform(-1, 1, (count, 512, 3)).astype(np.float16),
        "paint": rng.integers(0, 255, (count, 512, 3), np.uint8),
        "focal": rng.uniform(2, 4, count).astype(np.float32),
        "elevation": rng.uniform(0, 1, count).astype(np.float32),
    }
    save_file(arrays, folder / "0000.safetensors")
    save_file(
        {"tokens": rng.normal(size=(count, 257, 768)).astype(np.float16)},
        data / "tokens" / "train" / "0000.safetensors",
    )
    card = {"keys": [f"thing-{i}" for i in range(count)], "views": 1}
    (folder / "0000.json").write_text(json.dumps(card))


def run(data: Path, out: Path, settings: Path, *, kill_at: int = 0) -> list[dict[str, float]]:
    command = [sys.executable, "-m", "galatea.backend", "train", str(data), "--out", str(out)]
    command += ["--settings", str(settings), "--threads", "1"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    log = out / "log.jsonl"
    while kill_at and process.poll() is None:
        if log.is_file() and len(log.read_text().splitlines()) >= kill_at:
            os.kill(process.pid, signal.SIGKILL)
            break
    _, err = process.communicate(timeout=300)
    assert process.returncode == (-signal.SIGKILL if kill_at else 0), err
    return [json.loads(line) for line in log.read_text().splitlines() if line.endswith("}")]


@pytest.mark.skipif(os.name == "nt", reason="signals are not Windows'")
def test_a_killed_run_goes_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    made_up(tmp_path / "data", 6)
    settings = tmp_path / "tiny.toml"
    model = "\n".join(f"{name} = {value}" for name, value in TINY.items())
    settings.write_text(f"steps = 14\nbatch = 2\nwarmup = 3\nsave_each = 4\ncheck_each = 100\n[model]\n{model}\n")
    whole = run(tmp_path / "data", tmp_path / "whole", settings)
    run(tmp_path / "data", tmp_path / "killed", settings, kill_at=6)
    again = run(tmp_path / "data", tmp_path / "killed", settings)
    assert [row["step"] for row in again] == list(range(14))
    assert [row["loss"] for row in again] == [row["loss"] for row in whole]
    a, b = (mapped(tmp_path / name / "lift.safetensors") for name in ("whole", "killed"))
    assert all(np.array_equal(a[name], b[name]) for name in a)


def test_each_epoch_sees_every_sample_once_and_a_step_is_a_function_of_its_number() -> None:
    first = np.concatenate([order(12, 4, 7, step) for step in range(3)])
    second = np.concatenate([order(12, 4, 7, step) for step in range(3, 6)])
    assert sorted(first) == sorted(second) == list(range(12))
    assert not np.array_equal(first, second)
    assert np.array_equal(order(12, 4, 7, 5), second[-4:])


def test_a_shard_cut_short_is_refused(tmp_path: Path) -> None:
    made_up(tmp_path, 2)
    path = tmp_path / "samples" / "train" / "0000.safetensors"
    data = path.read_bytes()
    for size in (4, 20, len(data) - 1):
        path.write_bytes(data[:size])
        with pytest.raises(ValueError, match=r"cut short|no safetensors"):
            Samples([tmp_path], "train")


def test_what_was_dropped_does_not_train(tmp_path: Path) -> None:
    made_up(tmp_path, 4)
    (tmp_path / "dropped.txt").write_text("thing-1\nthing-3\n")
    samples = Samples([tmp_path], "train")
    assert samples.keys == ["thing-0", "thing-2"] and len(samples) == 2
    assert np.array_equal(samples[1]["focal"], mapped(tmp_path / "samples/train/0000.safetensors")["focal"][2])


def test_settings_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    for text, what in (
        ("speed = 1", "no setting speed"),
        ("steps = 'x'", "steps must be"),
        ("steps = [", "Cannot read"),
    ):
        path.write_text(text)
        with pytest.raises(UserError, match=what):
            Settings.read(path)
    assert rate(Settings(steps=100, warmup=10), 0) < rate(Settings(steps=100, warmup=10), 9) == Settings().rate


def plate(first: int, last: int) -> dict[str, torch.Tensor]:
    """A batch of two plates that span these cells of depth."""
    soft = torch.zeros(2, SIDE, SIDE, DEPTHS, dtype=torch.uint8)
    soft[:, 20:40, 10:50, first:last] = 255
    depth = torch.full((2, 112, 112), 65504.0)
    depth[:, 35:70, 18:87] = first / DEPTHS * 2 * HALF_DEPTH - HALF_DEPTH
    rgba = torch.zeros(2, 224, 224, 4, dtype=torch.uint8)
    rgba[:, 70:140, 35:175, 3] = 255
    return {
        "soft": soft,
        "depth": depth,
        "rgba": rgba,
        "points": torch.zeros(2, 5, 3),
        "paint": torch.full((2, 5, 3), 64, dtype=torch.uint8),
        "elevation": torch.zeros(2),
        "focal": torch.ones(2),
    }


def prediction(first: int, last: int) -> Prediction:
    front = torch.full((2, 1, SIDE, SIDE), first / DEPTHS * 2 * HALF_DEPTH - HALF_DEPTH)
    thick = (last - first) / DEPTHS * 2 * HALF_DEPTH
    profile = ((thick - offsets()) * 400).clamp(-5, 5).view(1, -1, 1, 1).expand(2, DEPTHS, SIDE, SIDE)
    colour = torch.full((2, 3, PLANES, SIDE, SIDE), 0.25)
    return Prediction(front, profile, colour, torch.tensor([[0.0, 1.0, 0.0]]).expand(2, 3))


def test_losses_are_least_for_the_truth() -> None:
    weights = dict.fromkeys(("depth", "normal", "profile", "colour", "camera"), 1.0)
    batch = plate(10, 30)
    right = losses(prediction(10, 30), batch, weights)
    assert all(value < (0.12 if name == "profile" else 0.01) for name, value in right.items()), right
    assert losses(prediction(14, 30), batch, weights)["depth"] > right["depth"] + 0.1
    assert losses(prediction(10, 40), batch, weights)["profile"] > right["profile"] + 0.1
    moved = losses(prediction(14, 34), batch, weights)["profile"]
    assert torch.isclose(moved, right["profile"]), "the profile need not know the depth"
    assert overlap(prediction(10, 30), batch).min() > 0.9
    assert overlap(prediction(20, 40), batch).max() < 0.4
    with pytest.raises(ValueError, match="no loss speed"):
        losses(prediction(10, 30), batch, {"speed": 1.0})


SHAPES = {
    "ball": trimesh.creation.icosphere(3),
    "box": trimesh.creation.box((1, 0.6, 0.4)),
    "rod": trimesh.creation.cylinder(0.15, 1),
    "ring": trimesh.creation.torus(0.4, 0.12),
    "pill": trimesh.creation.capsule(0.6, 0.25),
    "cone": trimesh.creation.cone(0.4, 1),
    "tube": trimesh.creation.annulus(0.25, 0.4, 0.7),
    "slab": trimesh.creation.box((0.9, 0.15, 0.9)),
}


def test_eight_shapes_are_learned(tmp_path: Path) -> None:
    folder = tmp_path / "things" / "train"
    folder.mkdir(parents=True)
    for number, (name, shape) in enumerate(SHAPES.items()):
        faces = np.asarray(shape.faces, np.int32)
        colour = np.array([[number / 8, 1 - number / 8, 0.5, 1]], np.float32)
        vertices = normalise(np.asarray(shape.vertices, np.float32))
        none = np.zeros((len(faces), 3, 2), np.float32)
        meta = {"name": name, "category": "", "licence": "CC0", "author": "", "source": "test", "split": "train"}
        thing = Thing(f"test--{name}", vertices, faces, none, np.zeros(len(faces), np.int16), colour, (None,), meta)
        save(folder / f"test--{name}.npz", thing)
    assert not shards.build(tmp_path, "train", 1, 0, lambda *_: None, workers=1, limit=None)
    assert tokens.build(tmp_path, "train", ENCODER, lambda *_: None) == 8
    samples = Samples([tmp_path], "train")
    settings = Settings(
        steps=200, batch=8, rate=3e-3, warmup=10, average=0.9, check_each=200, save_each=200, model=TINY
    )
    rows: list[dict[str, float]] = []
    trainer = Trainer(settings, samples, samples, tmp_path / "run")
    trainer.run(rows.append)
    assert rows[-1]["loss"] < rows[5]["loss"] / 2
    assert rows[-1]["val_overlap"] > 0.5

    batch = samples.batch(range(8))
    model: Lift = trainer.average.cpu()
    assert model.config == Config(**TINY)
    with torch.no_grad():
        got = model(torch.from_numpy(batch["tokens"]).float(), small(torch.from_numpy(batch["rgba"])))
    alpha = torch.nn.functional.interpolate(
        torch.from_numpy(batch["rgba"][..., 3]).float()[:, None], (SIDE, SIDE), mode="area"
    )
    scores = []
    for number, key in enumerate(samples.keys):
        solid = volume(got.front[number : number + 1], got.profile[number : number + 1])[0].numpy()
        solid[:, alpha[number, 0].numpy() < 128] = -10
        points, faces = isosurface(solid)
        space = frustum.to_space(points, (DEPTHS, SIDE, SIDE), float(batch["focal"][number]))
        body = SHAPES[key.removeprefix("test--")]
        truth = Shape.of(body.vertices, body.faces)
        scores.append(metrics.score(Shape.of(space, faces[:, ::-1]), truth).values["f0.05"])
    assert float(np.mean(scores)) > 0.6, dict(zip(samples.keys, scores, strict=True))
