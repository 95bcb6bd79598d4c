# SPDX-License-Identifier: GPL-3.0-or-later
"""Training at small scale, but for real: a killed run is the run that was not killed; eight shapes are learned."""

from __future__ import annotations

import json
import math
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
    SIDE,
    Config,
    Lift,
    small,
    volume,
)
from galatea.backend.learn.things.thing import Thing, normalise, save
from galatea.backend.learn.training import tokens
from galatea.backend.learn.training.devices import choose, half
from galatea.backend.learn.training.losses import NAMES
from galatea.backend.learn.training.samples import Samples, mapped, order
from galatea.backend.learn.training.settings import Settings
from galatea.backend.learn.training.train import Trainer, rate
from galatea.backend.learn.views import shards
from galatea.backend.protocol.errors import UserError

KILLED = """
import os, signal, sys
from galatea.backend.cli import main
from galatea.backend.learn.training.train import Trainer
step = Trainer._step
def last(self, arrays):
    if self.step == {step}:
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, arrays)
Trainer._step = last
sys.exit(main(sys.argv[1:]))
"""
"""The program, killed by the system in the middle of a step."""
TINY = {"width": 64, "layers": 2, "heads": 4, "middle": 32, "fine": 32, "blocks": 1}


def made_up(data: Path, count: int, *, uneven: bool = False, bad: int = 0) -> None:
    """Samples of the right shapes without meaning; `uneven`: each with other counts of rays that hit; the first `bad`
    have no finite loss."""
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
    for number in range(count if uneven else 0):
        arrays["depth"][number, : 12 * number] = 65504
    arrays["elevation"][:bad] = np.nan
    save_file(arrays, folder / "0000.safetensors")
    save_file(
        {"tokens": rng.normal(size=(count, 257, 768)).astype(np.float16)},
        data / "tokens" / "train" / "0000.safetensors",
    )
    card = {"keys": [f"thing-{i}" for i in range(count)], "views": 1}
    (folder / "0000.json").write_text(json.dumps(card))


def run(data: Path, out: Path, settings: Path, *, kill_at: int = 0, processes: int = 1) -> list[dict[str, float]]:
    several = ["torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", "-m"] if processes > 1 else []
    program = ["-c", KILLED.format(step=kill_at)] if kill_at else ["-m", *several, "galatea.backend"]
    words = ["train", str(data), "--out", str(out), "--settings", str(settings), "--threads", "1", "--device", "cpu"]
    done = subprocess.run([sys.executable, *program, *words], capture_output=True, text=True, timeout=1800)
    assert done.returncode == (-signal.SIGKILL if kill_at else 0), done.stderr
    log = (out / "log.jsonl").read_text()
    return [json.loads(line) for line in log.splitlines() if line.endswith("}")]


def tiny(path: Path, **settings: float | bool) -> Path:
    """A file of settings for the tiny network."""
    lines = [f"{name} = {str(value).lower()}" for name, value in settings.items()]
    model = [f"{name} = {value}" for name, value in TINY.items()]
    path.write_text("\n".join([*lines, "[model]", *model]))
    return path


@pytest.mark.skipif(os.name == "nt", reason="signals are not Windows'")
def test_a_killed_run_goes_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    made_up(tmp_path / "data", 6)
    settings = tiny(tmp_path / "tiny.toml", steps=14, batch=2, warmup=3, save_each=4, check_each=100)
    whole = run(tmp_path / "data", tmp_path / "whole", settings)
    run(tmp_path / "data", tmp_path / "killed", settings, kill_at=6)
    with (tmp_path / "killed" / "log.jsonl").open("a") as log:
        log.write('{"step": 6, "lo')  # a kill while it writes
    again = run(tmp_path / "data", tmp_path / "killed", settings)
    assert [row["step"] for row in again] == list(range(14))
    assert [row["loss"] for row in again] == [row["loss"] for row in whole]
    a, b = (mapped(tmp_path / name / "lift.safetensors") for name in ("whole", "killed"))
    assert all(np.array_equal(a[name], b[name]) for name in a)
    shown = points(tmp_path / "killed" / "tensorboard", "train/loss")
    assert [step for step, _ in shown] == list(range(14)), "doubled, false or lost"
    assert [value for _, value in shown] == pytest.approx([row["loss"] for row in whole])


def points(folder: Path, series: str) -> list[tuple[int, float]]:
    """What TensorBoard shows of a run."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    return [(event.step, event.value) for event in events.Scalars(series)]


def test_a_run_killed_before_its_first_checkpoint_starts_again(tmp_path: Path) -> None:
    made_up(tmp_path / "data", 4)
    samples = Samples([tmp_path / "data"], "train")
    settings = Settings(steps=3, batch=2, save_each=50, model=TINY)

    def stop(row: dict[str, float]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Trainer(settings, samples, None, tmp_path / "run").run(stop)
    trainer = Trainer(settings, samples, None, tmp_path / "run")
    assert not trainer.resume()
    trainer.run(lambda row: None)
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in log] == [0, 1, 2]
    assert [step for step, _ in points(tmp_path / "run" / "tensorboard", "run/rate")] == [0, 1, 2]


def test_two_processes_do_what_one_does(tmp_path: Path) -> None:
    made_up(tmp_path / "data", 8, uneven=True)
    settings = tiny(tmp_path / "tiny.toml", steps=6, batch=4, warmup=2, half=False, tensorboard=False)
    with settings.open("a") as file:
        file.write("\n[losses]\n" + "\n".join(f"{name} = 1" for name in NAMES))
    one = run(tmp_path / "data", tmp_path / "one", settings)
    two = run(tmp_path / "data", tmp_path / "two", settings, processes=2)
    assert [row["step"] for row in two] == list(range(6))
    for a, b in zip(one, two, strict=True):
        for name in ("loss", "norm", *NAMES):
            assert b[name] == pytest.approx(a[name], rel=1e-3, abs=2e-5), (name, a, b)


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
        ("steps = 0", "at least 1"),
        ("steps = true", "must be a whole number"),
        ("half = 1", "must be true or false"),
        ("losses = 1", "losses must be a table"),
        ("rate = 0", "rate must be above 0"),
        ("clip = -1.0", "clip must be above 0"),
        ("[losses]\nsdf = 1", "no loss sdf"),
        ("[model]\nwide = 1", "no setting of the model wide"),
    ):
        path.write_text(text)
        with pytest.raises(UserError, match=what) as caught:
            Settings.read(path)
        assert caught.value.kind == "usage"
    assert rate(Settings(steps=100, warmup=10), 0) < rate(Settings(steps=100, warmup=10), 9) == Settings().rate


class TestTrainer:
    def trainer(self, folder: Path, **settings: object) -> Trainer:
        if not (folder / "data").is_dir():
            made_up(folder / "data", 4)
        samples = Samples([folder / "data"], "train")
        defaults = {"steps": 4, "batch": 2, "model": TINY, "tensorboard": False}
        return Trainer(Settings(**(defaults | settings)), samples, None, folder / "run")  # type: ignore[arg-type]

    def gradients(self, trainer: Trainer) -> dict[str, torch.Tensor]:
        trainer.step = 100  # beyond the warm-up's first steps, where the rate is nearly nought
        trainer._step(trainer.train.batch([0, 1]))
        return {name: parameter.grad for name, parameter in trainer.model.named_parameters()}  # type: ignore[misc]

    def test_checkpointing_gives_the_same_gradients_for_less_memory(self, tmp_path: Path) -> None:
        saved: list[int] = []

        def count(value: torch.Tensor) -> torch.Tensor:
            saved[-1] += value.numel()
            return value

        found = []
        for checkpoint in (False, True):
            saved.append(0)
            with torch.autograd.graph.saved_tensors_hooks(count, lambda value: value):
                found.append(self.gradients(self.trainer(tmp_path, checkpoint=checkpoint)))
        usual, again = found
        assert all(torch.equal(usual[name], again[name]) for name in usual)
        assert saved[1] < 0.8 * saved[0]

    def test_a_bad_step_changes_nothing_and_too_many_end_the_run(self, tmp_path: Path) -> None:
        made_up(tmp_path / "data", 4, bad=1)
        trainer = self.trainer(tmp_path, steps=6, save_each=3, warmup=1)
        before: list[torch.Tensor] = []
        rows: list[dict[str, float]] = []

        def tell(row: dict[str, float]) -> None:
            now = torch.cat([value.detach().reshape(-1) for value in trainer.model.parameters()])
            if before and "skipped" in row:
                assert torch.equal(before[-1], now)
            before.append(now)
            rows.append(row)

        trainer.run(tell)
        bad = [row["step"] for row in rows if "skipped" in row]
        assert bad == [step for step in range(6) if 0 in order(4, 2, 0, step)] and len(bad) == 3
        assert all(math.isfinite(row["loss"]) for row in rows if row["step"] not in bad)
        assert torch.isfinite(before[-1]).all() and not torch.equal(before[-1], before[0])

        made_up(tmp_path / "worse" / "data", 4, bad=4)
        trainer = self.trainer(tmp_path / "worse", steps=9, forgive=3, save_each=2)
        with pytest.raises(UserError, match="not finite at step 3"):
            trainer.run(lambda row: None)
        trainer = self.trainer(tmp_path / "worse", steps=9, forgive=3)
        assert trainer.resume() and trainer.step == 2
        with pytest.raises(UserError, match="at step 3"):
            trainer.run(lambda row: None)

    def test_a_checkpoint_of_an_older_version_goes_on(self, tmp_path: Path) -> None:
        trainer = self.trainer(tmp_path, steps=2, save_each=1)
        trainer.run(lambda row: None)
        path = tmp_path / "run" / "state.pt"
        state = torch.load(path, weights_only=True)
        torch.save({name: state[name] for name in ("model", "average", "optimiser", "step")}, path)
        assert state["model"].keys() == Lift(Config(**TINY)).state_dict().keys()
        assert self.trainer(tmp_path, steps=3).resume()

    def test_sheets_are_drawn_and_shown(self, tmp_path: Path) -> None:
        from PIL import Image

        trainer = self.trainer(tmp_path, steps=2, sheet_each=1, tensorboard=True)
        trainer.run(lambda row: None)
        sheets = sorted((tmp_path / "run" / "sheets").iterdir())
        assert [path.name for path in sheets] == ["000001.png", "000002.png"]
        picture = np.asarray(Image.open(sheets[-1]))
        assert picture.shape[1] > 1000 and len(np.unique(picture.reshape(-1, 3), axis=0)) > 1000
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        events = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
        events.Reload()
        assert [image.step for image in events.Images("sheet")] == [0, 1]

    def test_without_tensorboard_it_trains_the_same(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "tensorboard", None)
        self.trainer(tmp_path, steps=1, tensorboard=True).run(lambda row: None)
        assert not (tmp_path / "run" / "tensorboard").exists()


def test_a_device_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert choose("auto") == choose("cpu") == torch.device("cpu")
    for name in ("cuda", "mps"):
        with pytest.raises(UserError, match=f"no {name} device") as caught:
            choose(name)
        assert caught.value.kind == "device"
    with pytest.raises(UserError, match="no device tpu"):
        choose("tpu")
    assert not half(torch.device("mps")), "where bfloat16 does not work it is not used"


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
        steps=160, batch=4, rate=3e-3, warmup=10, average=0.9, check_each=160, save_each=160, model=TINY
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
