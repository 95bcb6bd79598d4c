# SPDX-License-Identifier: GPL-3.0-or-later
"""The laboratory's verbs: data, train, eval, release. They need torch and what requirements-dev.txt lists."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..protocol.errors import UserError

PRESETS = Path(__file__).resolve().parents[2] / "presets" / "training"
ENCODER = Path(__file__).resolve().parents[1] / "weights" / "dinov2_vits14.safetensors"
LIBRARIES = ("torch", "safetensors", "scipy", "trimesh", "embreex")


def add_verbs(verbs: Any) -> None:
    data = verbs.add_parser("data", help="build the training data from the packages of free meshes")
    data.add_argument("action", choices=("build", "card"), help="build goes on where it stopped; card only counts")
    data.add_argument("folder", type=Path)
    data.add_argument("--source", action="append", default=[], help="this package alone; may be given again")
    data.add_argument("--views", type=int, default=3, help="pictures of each object")
    data.add_argument("--seed", type=int, default=0)
    data.add_argument("--limit", type=int, help="so many objects of each package at most")
    data.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    data.set_defaults(call=_data)

    train = verbs.add_parser("train", help="train Lift on built data; a killed run goes on from its last checkpoint")
    train.add_argument("folder", type=Path, nargs="+", help="what `galatea data build` made")
    train.add_argument("--out", type=Path, required=True, help="receives the log, checkpoints and weights")
    train.add_argument("--settings", default="small", help="a name of presets/training or a TOML file")
    train.add_argument("--init", type=Path, help="start from these weights")
    train.add_argument("--threads", type=int)
    train.set_defaults(call=_train)

    evaluate = verbs.add_parser("eval", help="score backends on the hold-out that never trains")
    evaluate.add_argument("folder", type=Path, help="what `galatea data build` made")
    evaluate.add_argument("--out", type=Path, required=True, help="receives scores, table and contact sheets")
    evaluate.add_argument("--predictor", action="append", default=[], help="sphere, oracle, retrieval, or a backend")
    evaluate.add_argument("--limit", type=int, help="the first so many objects by hash")
    evaluate.set_defaults(call=_eval)

    release = verbs.add_parser("release", help="put trained weights into the extension, with their graph and hashes")
    release.add_argument("weights", type=Path)
    release.set_defaults(call=_release)


def _need() -> None:
    missing = [name for name in LIBRARIES if find_spec(name) is None]
    if missing:
        raise UserError(
            f"This needs {', '.join(missing)}. Install requirements-dev.txt (`make setup-dev`).",
            kind="environment",
        )


def _teller() -> Callable[[str, float], None]:
    """Progress on stderr: at most one line in two seconds, always where the phase changes."""
    last: list[Any] = ["", 0.0]

    def tell(phase: str, fraction: float) -> None:
        now = time.monotonic()
        if phase.split(" ")[0] != last[0] or now - last[1] > 2:
            last[:] = [phase.split(" ")[0], now]
            sys.stderr.write(f"{fraction:4.0%} {phase}\n")

    return tell


def _data(options: argparse.Namespace, blender: str) -> int:
    _need()
    from ..learn.things import build as things
    from ..learn.things.sources import SOURCES

    tell = _teller()
    if options.action == "build":
        from ..learn.training import tokens
        from ..learn.views import shards

        unknown = set(options.source) - set(SOURCES)
        if unknown:
            raise UserError(
                f"There is no source {', '.join(sorted(unknown))}. There are {', '.join(SOURCES)}.", kind="usage"
            )
        things.build(options.folder, options.source or list(SOURCES), tell, options.limit)
        for split in ("train", "val"):
            shards.build(options.folder, split, options.views, options.seed, tell, options.workers, None)
            tokens.build(options.folder, split, ENCODER, tell)
    sys.stdout.write(things.card(options.folder))
    return 0


def _train(options: argparse.Namespace, blender: str) -> int:
    _need()
    import torch

    from ..learn.training.samples import Samples
    from ..learn.training.settings import Settings
    from ..learn.training.train import Trainer

    if options.threads:
        torch.set_num_threads(options.threads)
    named = PRESETS / f"{options.settings}.toml"
    settings = Settings.read(named if named.is_file() else Path(options.settings))
    train = Samples(options.folder, "train")
    if not len(train):
        raise UserError(f"There are no samples in {options.folder}. Run `galatea data build` first.")
    check = Samples(options.folder, "val")
    trainer = Trainer(settings, train, check if len(check) else None, options.out, options.init)
    if trainer.resume():
        sys.stderr.write(f"Going on from step {trainer.step}.\n")
    clock = [0.0]

    def tell(row: dict[str, Any]) -> None:
        if time.monotonic() - clock[0] > 10 or "val_overlap" in row or row["step"] + 1 == settings.steps:
            clock[0] = time.monotonic()
            shown = " ".join(f"{name} {value:.4g}" for name, value in row.items() if name != "step")
            sys.stderr.write(f"{row['step'] + 1}/{settings.steps} {shown}\n")

    trainer.run(tell)
    sys.stdout.write(f"{options.out / 'lift.safetensors'}\n")
    return 0


def _eval(options: argparse.Namespace, blender: str) -> int:
    _need()
    from ..learn.evaluate.run import evaluate

    names = options.predictor or ["sphere", "relief", "retrieval", "lift", "oracle"]
    sys.stdout.write(evaluate(options.folder, options.out, names, _teller(), ENCODER, options.limit))
    return 0


def _release(options: argparse.Namespace, blender: str) -> int:
    _need()
    from ..learn.release import release

    for name, digest in release(options.weights, ENCODER.parent).items():
        sys.stdout.write(f"{digest}  {name}\n")
    return 0
