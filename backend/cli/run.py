# SPDX-License-Identifier: GPL-3.0-or-later
"""Carrying out an order, or one for each of several pictures, whatever verb gave it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from ..protocol.errors import UserError
from ..protocol.order import Order
from . import dry, flags, outcome
from .errand import Errand, carry_out
from .table import TABLE, Table, folders, refuse, row


def perform(options: argparse.Namespace, blender: str, name: str) -> int:
    """Carry out a recipe, or a job file, with these options; returns the exit code."""
    return work(options, blender, [flags.order_of(one, name) for one in _each(options)])


def _each(options: argparse.Namespace) -> list[argparse.Namespace]:
    """The options of each picture; of several each has a folder of its own in that of all."""
    images: list[Path] = getattr(options, "images", [])
    if len(images) < 2:
        return [options]
    if options.mask:
        raise UserError("--mask belongs to one picture. Give one image, or none.", kind="usage")
    if options.job_file:
        raise UserError("A job file is one order. Give one image, or see `galatea batch`.", kind="usage")
    outs = [needed(options.out) / folder for folder in folders(images)]
    return [flags.but(options, image=image, out=out) for image, out in zip(images, outs, strict=True)]


def needed(out: Path | str | None) -> Path:
    """The folder that the files go to; raises `UserError` where none was named."""
    if not out:
        raise UserError("Say where the files go: --out DIR.", kind="usage")
    return Path(out).expanduser()


def work(options: argparse.Namespace, blender: str, orders: Sequence[Order]) -> int:
    """Carry out these orders, one or several, and tell how it went."""
    if options.job_file:
        orders[0].plan()
        orders[0].save(options.job_file)
        sys.stdout.write(f"{options.job_file}\n")
        return 0
    errands = [errand(order, options) for order in orders]
    if options.dry_run:
        if len(errands) > 1:
            refuse(options.out.expanduser(), errands, overwrite=options.overwrite)
        return dry.run(errands, options, blender)
    if len(errands) > 1:
        return _many(errands, options, blender)
    [one] = errands
    one.prepare()
    worker(options, blender, 1)(errands)
    tell(one, options)
    return one.code or 0


def errand(order: Order, options: argparse.Namespace, name: str = "") -> Errand:
    recipe, inputs = flags.planned(order)
    return Errand(
        recipe, inputs, needed(order.out), order.seed, options.overwrite, flags.again(recipe, options), name, order,
        options.require_gpu,
    )  # fmt: skip


def worker(options: argparse.Namespace, blender: str, runs: int, *, ahead: int = 16) -> Callable[..., None]:
    """What carries out errands as these options say."""
    runner, identity = flags.runner(options, blender)
    told = flags.tellers(options, runs)
    return partial(carry_out, store=flags.store(), runner=runner, tellers=told, blender=identity, ahead=ahead)


def _many(errands: list[Errand], options: argparse.Namespace, blender: str) -> int:
    """Each picture by itself, and the table of all."""
    out = options.out.expanduser()
    rows = [row(one.out.name, one.source) for one in errands]
    table = Table(out, rows, recipe=errands[0].recipe.name, seed=errands[0].seed)
    table.prepare(errands, overwrite=options.overwrite)
    told = flags.tellers(options, len(errands))

    def ended(one: Errand) -> bool:
        table.set(errands.index(one), **one.row())
        told.ended(one.name, one.row(), one.data["error"])
        return True

    for one in errands:
        one.name = one.out.name
        try:
            one.prepare()
        except UserError as error:
            one.refuse(error)
            ended(one)
    worker(options, blender, len(errands))([one for one in errands if one.code is None], ended=ended)
    data = table.write()
    if options.json:
        sys.stdout.write(json.dumps(data) + "\n")
    elif options.progress == "plain":
        paths = [one.out / name for one in errands for name in one.files]
        sys.stdout.writelines(f"{path}\n" for path in [*paths, out / TABLE])
    sys.stdout.flush()
    return table.code


def tell(one: Errand, options: argparse.Namespace) -> None:
    """How one run went, and where its files are."""
    flags.tellers(options).ended("", one.row(), one.data["error"])
    if options.json:
        sys.stdout.write(json.dumps(one.data) + "\n")
    elif not one.data["error"] and options.progress == "plain":
        sys.stdout.writelines(f"{one.out / name}\n" for name in (*one.files, outcome.RESULT))
    sys.stdout.flush()
