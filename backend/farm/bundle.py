# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder that a farm can take anywhere: job files numbered from 1, and all that they name, beside them.

<out>/template.json …      what the farm reads, by its kind
      orders/1.json …      paths in it are relative to it
      inputs/<hash>/<name> photos, meshes, presets of one's own
      bundle.json          the names of all these: what gives way to other orders
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..protocol import whole
from ..protocol.catalog import spec_of
from ..protocol.errors import UserError
from ..protocol.job import REFERRED, REFERRING, sha256
from ..protocol.order import Order
from .openjd import Files
from .phases import Phase, phases

MOST = 10_000
RECORD = "bundle.json"


def write(orders: Sequence[Order], out: Path, farm: Callable[[list[Phase]], Files], *, overwrite: bool = False) -> Path:
    """Fill the folder, also with what `farm` makes of the phases of the orders, which must be the same; returns the
    first of its files. Raises `UserError`, also where another job lies there, for a farm may be at it."""
    if not 1 <= len(orders) <= MOST:
        raise UserError(f"A farm's job takes 1 to {MOST} orders. Make several of them.", kind="usage")
    found = [phases(order.plan()[0]) for order in orders]
    for order, each in zip(orders, found, strict=True):
        if [phase.until for phase in each] != [phase.until for phase in found[0]]:
            text = f"{order.recipe} and {orders[0].recipe} have other phases. Make a job of the farm for each."
            raise UserError(text, kind="usage")
    most = [max(each[k].gpu_mb for each in found) for k in range(len(found[0]))]
    read = farm([replace(phase, gpu_mb=need) for phase, need in zip(found[0], most, strict=True)])
    try:
        folder = out / "orders"
        copies: dict[Path, Path] = {}
        made = {
            folder / f"{number}.json": _brought(order, out, copies).text().encode()
            for number, order in enumerate(orders, 1)
        }
        there = {path: path.read_bytes() for path in folder.glob("[0-9]*.json")}
        files = {out / name: data for name, data in read.items()}
        others = [path for path, data in files.items() if path.is_file() and path.read_bytes() != data]
        before = _recorded(out) | there.keys()
        if (others or (before and there != made)) and not overwrite:
            why = f"{out} holds another job of a farm. Choose another --out, or add --overwrite to replace it."
            raise UserError(why, kind="usage")
        for target, source in copies.items():
            _take(source, target)
        now = {*made, *files, *copies, *(before if there == made else ())}  # the same orders for another farm beside it
        _remove(before - now, out)
        names = sorted(path.relative_to(out).as_posix() for path in now)
        whole.write(out / RECORD, json.dumps(names, indent=1).encode())
        for path, data in {**made, **files}.items():
            whole.write(path, data)
    except OSError as error:
        raise UserError(f"Cannot write {out}: {error.strerror}. Choose another --out.", kind="output") from None
    return out / next(iter(read))


def _recorded(out: Path) -> set[Path]:
    """The files of the bundle that lies there, and none outside of the folder, whatever was written into its record."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        paths = {out / name for name in json.loads((out / RECORD).read_text(encoding="utf-8"))}
        return {path for path in paths if path.resolve().is_relative_to(out.resolve()) and path.is_file()}
    return set()


def _remove(paths: Iterable[Path], out: Path) -> None:
    """With the folders that are empty then."""
    for path in paths:
        path.unlink()
        for folder in path.parents:
            if folder == out or any(folder.iterdir()):
                break
            folder.rmdir()


def _brought(order: Order, out: Path, copies: dict[Path, Path]) -> Order:
    """The same order, its files in the bundle; adds to `copies` what is to be copied, by where it comes to lie."""
    inputs = {role: _copy(Path(path), out, copies) for role, path in order.inputs.items()}
    named: dict[str, Any] = {
        name: _copy(Path(value), out, copies)
        for name in ("recipe", "quality", "gate")
        if (value := getattr(order, name)).endswith(".toml")
    }
    settings = {}
    for do, params in order.settings.items():
        files = {param.name for param in spec_of(do).params if param.kind == "file"}
        settings[do] = {name: _copy(Path(v), out, copies) if name in files and v else v for name, v in params.items()}
    return replace(order, inputs=inputs, settings=settings, out="", **named)


def _copy(path: Path, out: Path, copies: dict[Path, Path]) -> str:
    """As the job file in `orders` names it."""
    if not path.is_file():
        raise UserError(f"There is no file {path}. Choose another.", kind="usage")
    name = f"{sha256(path)[:16]}/{path.name}"
    target = out / "inputs" / name
    copies[target] = path
    if path.suffix.lower() in REFERRING:
        for near in (*path.parent.glob("*"), *path.parent.glob("*/*")):
            if near.is_file() and near.suffix.lower() in REFERRED and near != path:
                copies[target.parent / near.relative_to(path.parent)] = near
    return f"../inputs/{name}"


def _take(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with whole.part(target) as part:
        shutil.copyfile(path, part)
