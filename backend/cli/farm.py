# SPDX-License-Identifier: GPL-3.0-or-later
"""The verb farm: orders as jobs of a render farm, and `task`, which the farm's machines run."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..protocol import parts
from ..protocol.order import Order
from ..runners.runtimes import Dispatch
from . import flags, outcome
from .errand import Errand, carry_out
from .progress import LEVELS, STYLES, Tellers

KINDS = {
    "openjd": "a template of Open Job Description",
    "deadline": "a job bundle of AWS Deadline Cloud",
    "flamenco": "a job type of Flamenco 3, and a job of it",
    "opencue": "an outline of OpenCue",
}
PARTS = 8


def add_verbs(verbs: Any) -> None:
    verb = verbs.add_parser(
        "farm",
        help="turn job files into a job of a render farm",
        description="Turn job files into a job of a render farm (docs/farms.md).",
    )
    does = verb.add_subparsers(dest="farm", required=True, metavar="FARM")
    for kind, help in KINDS.items():
        made = does.add_parser(kind, help=help, description=f"Write {help}.")
        made.add_argument("orders", type=Path, nargs="+", metavar="ORDER.json", help="job files (galatea … --job-file)")
        made.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the farm's job")
        made.add_argument(
            "--parts",
            type=flags.above(int, parts.MOST),
            default=PARTS,
            metavar="N",
            help=f"tasks that share a film ({PARTS})",
        )
        made.add_argument("--name", default="Galatea", metavar="TEXT", help="what the farm shows")
        made.add_argument("--overwrite", action="store_true", help="replace another job in DIR")
        made.set_defaults(call=_write)
    task = does.add_parser(
        "task", help="what a machine of the farm runs", description="Do an order up to a step; farms call it."
    )
    task.add_argument("order", type=Path, metavar="ORDER.json", help="one of the bundle's orders")
    task.add_argument("--until", metavar="STEP", default="", help="end after this step")
    share = task.add_mutually_exclusive_group()
    share.add_argument("--part", default="", metavar="K/N", help="of the film only this part of the frames")
    share.add_argument(
        "--parts",
        type=flags.above(int, parts.MOST),
        default=1,
        metavar="N",
        help="gather the frames of so many parts first",
    )
    task.add_argument("--home", type=Path, metavar="DIR", help="the data folder, in place of GALATEA_HOME")
    task.add_argument("--out", type=Path, metavar="DIR", help="deliver there; else all stays in the data folder")
    task.add_argument("--overwrite", action="store_true", help="replace the result of another run in DIR")
    task.add_argument("--timeout", type=flags.above(float), metavar="SECONDS", help="stop a step that takes longer")
    task.add_argument("--progress", choices=STYLES, default="plain", help="how it tells what it does")
    task.add_argument("--log-level", choices=LEVELS, default="info", help="how much people are told on stderr")
    task.set_defaults(call=_task)


def _write(options: argparse.Namespace, blender: str) -> int:
    from ..farm import bundle, other

    orders = [Order.read(path) for path in options.orders]
    out = options.out.expanduser()
    outcome.writable(out)
    make = other.KINDS[options.farm]
    path = bundle.write(
        orders,
        out,
        lambda found: make(options.name, found, len(orders), options.parts, out),
        overwrite=options.overwrite,
    )
    sys.stdout.write(f"{path}\n")
    return 0


def _task(options: argparse.Namespace, blender: str) -> int:
    from ..farm.gathering import Gathering

    if options.home:
        os.environ["GALATEA_HOME"] = str(options.home.expanduser().resolve())
    order = Order.read(options.order)
    if options.until:
        order = replace(order, until=options.until)
    if options.part:
        parts.read(options.part)
        step = order.plan()[0].steps[-1].do
        settings = {**order.settings, step: {**order.settings.get(step, {}), parts.PART: options.part}}
        order = Order.of(replace(order, settings=settings).document())
    recipe, inputs = flags.planned(order)
    store, here = flags.store(), flags.runtimes(blender)
    runner = Gathering(Dispatch(store, here, timeout=options.timeout), store, options.parts, program=here.identity)
    with tempfile.TemporaryDirectory(prefix="galatea-farm-") as folder:
        out = options.out or Path(folder)
        errand = Errand(recipe, inputs, out, order.seed, options.overwrite, order=order.into(out))
        errand.prepare()
        tellers = Tellers(options.progress, options.log_level)
        carry_out([errand], store, runner, tellers, blender=here.identity)
        tellers.ended("", errand.row(), errand.data["error"])
    return errand.code or 0
