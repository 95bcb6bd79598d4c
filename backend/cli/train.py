# SPDX-License-Identifier: GPL-3.0-or-later
"""Training from the command line: train and finetune, alone or in each process of `torchrun`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

from ..protocol.errors import UserError, nearest
from .learn import need

PRESETS = Path(__file__).resolve().parents[2] / "presets" / "training"
SHIPPED = Path(__file__).resolve().parents[1] / "weights" / "lift.safetensors"


def add_verbs(verbs: Any) -> None:
    train = verbs.add_parser(
        "train",
        help="train Lift on built data; a killed run goes on from its last checkpoint",
        description="Train Lift from the beginning on what `galatea data build` made (docs/training.md).",
    )
    tune = verbs.add_parser(
        "finetune",
        help="train the shipped weights on, on built data such as your own meshes",
        description="Teach the shipped weights a folder of your own meshes, as an adapter (docs/training.md).",
    )
    for verb, settings, init in ((train, "small", None), (tune, "lora", SHIPPED)):
        verb.add_argument("folder", type=Path, nargs="+", metavar="DIR", help="what `galatea data build` made")
        verb.add_argument(
            "--out", type=Path, required=True, metavar="DIR", help="receives the log, checkpoints and weights"
        )
        verb.add_argument(
            "--settings", default=settings, metavar="NAME", help=f"of presets/training, or a .toml file ({settings})"
        )
        verb.add_argument("--init", type=Path, default=init, metavar="FILE", help="start from these weights")
        verb.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"), help="to compute on")
        verb.add_argument("--threads", type=int, metavar="N", help="of the processor; else as many as torch takes")
        verb.set_defaults(call=_train)


def _train(options: argparse.Namespace, blender: str) -> int:
    need()
    os.environ.setdefault("PYTORCH_ENABLE_MPS_FALLBACK", "1")
    import torch

    from ..learn.training.samples import Samples
    from ..learn.training.settings import Settings
    from ..learn.training.train import Trainer

    if options.threads:
        torch.set_num_threads(options.threads)
    named = PRESETS / f"{options.settings}.toml"
    if not named.is_file() and not Path(options.settings).is_file():
        there = nearest(options.settings, sorted(path.stem for path in PRESETS.glob("*.toml")))
        raise UserError(f"There are no settings {options.settings!r}. {there}", kind="usage")
    settings = Settings.read(named if named.is_file() else Path(options.settings))
    train, check = (Samples(options.folder, split) for split in ("train", "val"))
    if not len(train):
        folders = ", ".join(map(str, options.folder))
        raise UserError(f"There are no samples in {folders}. Run `galatea data build` first.")
    trainer = Trainer(settings, train, check if len(check) else None, options.out, options.init, options.device)
    if trainer.resume() and trainer.ranks.first:
        sys.stderr.write(f"Going on from step {trainer.step}.\n")
    clock = [0.0]

    def tell(row: dict[str, Any]) -> None:
        if time.monotonic() - clock[0] > 10 or "val_overlap" in row or row["step"] + 1 == settings.steps:
            clock[0] = time.monotonic()
            shown = " ".join(f"{name} {value:.4g}" for name, value in row.items() if name != "step")
            sys.stderr.write(f"{row['step'] + 1}/{settings.steps} {shown}\n")

    trainer.run(tell)
    if trainer.ranks.first:
        sys.stdout.write(f"{options.out / 'lift.safetensors'}\n")
    return 0
