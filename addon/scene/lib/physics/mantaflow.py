# SPDX-License-Identifier: GPL-3.0-or-later
"""Mantaflow, Blender's own solver of fluids, where it runs: it ends the process in every bpy wheel and in 4.3.

So it is tried and used in a Blender of its own (`tank`), the same program as this one. Its particles come back, and the
surface is ours (`skinning`): its own mesh is of 1.2 times the volume at the start, for each particle is a ball of two
cells there, and of 2.9 times after a second, for its particles are added wherever fewer than eight are in a cell.
"""

from __future__ import annotations

import contextlib
import functools
import json
import queue
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
import numpy as np
from numpy.typing import NDArray

from .....backend.protocol import child
from .....backend.protocol.scene import SceneSpec
from ..mesh import meshes
from ..render import hands
from . import clock, pouring
from .enclosing import Solid
from .thing import Thing

if TYPE_CHECKING:
    from ...work import Work

Array = NDArray[Any]
_MODULE = "addon.scene.lib.physics.tank"
_ROOM, _CELLS, _REACH, _STEPS = 4.0, 4_000_000, 2.0, 8
"""Sizes of the liquid that are kept free about it; cells of a domain, cells that it may go in a step, steps a frame."""
_TRIAL = 90.0
"""Seconds after which a trial has failed."""


class Failed(RuntimeError):
    """Mantaflow ended without its frames; the text says how."""


def missing() -> str:
    """Why Mantaflow cannot be used by this program, empty where it can: tried once a process, in a child."""
    program = Path(bpy.app.binary_path or sys.executable)
    return _tried(str(program), program.stat().st_mtime_ns, bpy.app.version_string)


def chosen(work: Work, engine: str, instead: str) -> str:
    """`own` or `mantaflow` of what was asked for. `auto` is `own`: it is the same in every Blender."""
    if engine != "mantaflow":
        return "own"
    why = missing()
    if why:
        work.report.warn(
            f"Mantaflow does not run in this Blender ({why}): {instead}. Use the application, 5.2 or later."
        )
    return "own" if why else engine


@functools.cache
def _tried(program: str, changed: int, version: str) -> str:
    """A drop falls for two frames."""
    folder = Path(tempfile.mkdtemp(prefix="galatea-"))
    cube = np.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
    faces = np.array([(0, 1, 3), (0, 3, 2), (4, 6, 7), (4, 7, 5), (0, 4, 5), (0, 5, 1), (2, 3, 7), (2, 7, 6),
                      (0, 2, 6), (0, 6, 4), (1, 5, 7), (1, 7, 3)])  # fmt: skip
    order = tank_order(np.zeros(3), np.ones(3), 0.1, 1 / 24, 2, 1, np.array([0, 0, -9.81]), floor=False)
    flow(order, 0.4 * cube + 0.3, faces)
    try:
        counts = run(folder, order, lambda done: None, limit=_TRIAL)
        return "" if counts[-1] > 0 else "it made no particles"
    except Failed as error:
        return str(error)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def tank_order(
    low: Array, high: Array, cell: float, lasts: float, last: int, every: int, gravity: Array, *, floor: bool
) -> dict[str, Any]:
    """What a tank is told: its box in metres, its cells, seconds of a frame, frames, and steps of each."""
    return {"low": np.asarray(low, float), "high": np.asarray(high, float), "cell": cell, "lasts": lasts, "last": last,
            "every": every, "gravity": gravity, "floor": floor, "viscosity": 1e-6, "flows": 0,
            "solids": 0}  # fmt: skip


def flow(
    order: dict[str, Any], points: Array, faces: Array, *, speed: Any = (0.0, 0.0, 0.0), litres: float = 0.0,
    start: float = 0.0, stop: float = 0.0,
) -> None:  # fmt: skip
    """Add what flows: there at the start, or `litres` (m³/s) from `start` to `stop` seconds."""
    k = order["flows"]
    order |= {"flows": k + 1, f"flow_points_{k}": points, f"flow_faces_{k}": faces,
              f"flow_rate_{k}": np.array([litres, start, stop], float),
              f"flow_speed_{k}": np.array(speed, float)}  # fmt: skip


def solid(order: dict[str, Any], each: Solid, places: Array) -> None:
    """Add what it meets, with its places (F, 4, 4)."""
    k = order["solids"]
    order |= {"solids": k + 1, f"solid_points_{k}": each.points, f"solid_faces_{k}": each.faces,
              f"solid_places_{k}": places}  # fmt: skip


def run(folder: Path, order: dict[str, Any], beat: Callable[[float], None], *, limit: float | None = None) -> list[int]:
    """Let a tank run in a folder of its own; returns how many particles each frame has. Raises `Failed`."""
    np.savez(folder / "order.npz", **order)
    tank = child.start(hands.command(folder / "order.npz", _MODULE), stderr=subprocess.DEVNULL)
    said: queue.Queue[str | None] = queue.Queue()
    child.hear(tank, said.put)
    counts: list[int] = []
    waited = 0.0
    try:
        while True:
            beat(len(counts) / max(int(order["last"]), 1))
            try:
                told = said.get(timeout=0.1)
            except queue.Empty:
                waited += 0.1
                if limit is not None and waited > limit:
                    raise Failed(f"it was not ready after {limit:.0f} s") from None
                continue
            if told is None:
                break
            with contextlib.suppress(ValueError):  # Blender says things too
                counts.append(int(dict(json.loads(told))["count"]))
    finally:
        if len(counts) == int(order["last"]):
            tank.wait()
        code = child.end(tank)
    if len(counts) < int(order["last"]):
        raise Failed(f"it ended after {len(counts)} of {order['last']} frames, exit code {code}")
    return counts


def particles(
    work: Work, spec: SceneSpec, own: Sequence[Thing], solids: Sequence[tuple[Solid, Array]], side: float,
    beat: Callable[[float], None],
) -> tuple[list[Array], float]:  # fmt: skip
    """Of a liquid, (N, 3) at each frame, and the side of its cells in metres."""
    order = _liquid(spec, own, solids, side)
    folder = work.report.keep("mantaflow") / own[0].item.id
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        run(folder, order, beat)
        frames = [np.load(folder / f"points-{k:04d}.npy").astype(float) for k in range(clock.last_frame(spec))]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return frames, float(order["cell"])


def _liquid(
    spec: SceneSpec, own: Sequence[Thing], solids: Sequence[tuple[Solid, Array]], side: float
) -> dict[str, Any]:
    spots = np.concatenate([pouring.world(each) for each in own])
    lasts, gravity = clock.frame_time(spec), np.array(spec.environment.gravity, float)
    size = max(sum(pouring.volume(each, spec) for each in own) ** (1 / 3), side)
    low, high = spots.min(axis=0) - _ROOM * size, spots.max(axis=0) + _ROOM * size
    low[2] = 0.0 if spec.environment.floor else low[2]
    high[2] = spots[:, 2].max() + 0.5 * size
    cell = max(side, float((np.prod(high - low) / _CELLS) ** (1 / 3)))
    low[2] -= cell if spec.environment.floor else 0.0  # the lowest cell is its wall
    given = max(float(np.linalg.norm(each.item.initial_velocity)) for each in own)
    fast = np.hypot(max(given, pouring.USUAL), np.sqrt(2 * np.linalg.norm(gravity) * (high[2] - low[2])))
    every = int(np.clip(np.ceil(fast * lasts / (_REACH * cell)), 2, _STEPS))
    order = tank_order(low, high, cell, lasts, clock.last_frame(spec), every, gravity, floor=spec.environment.floor)
    row = pouring.substance(own[0].item)
    order["viscosity"] = row.viscosity if row.viscosity is not None else 1e-6
    for each in own:
        points, faces = pouring.world(each), meshes.drawn(each.main.data)[0]
        speed = np.array(each.item.initial_velocity, float)
        if each.item.flow <= 0:
            flow(order, points, faces, speed=speed)
            continue
        spout = pouring.Spout.of(each, spec)
        wide = max((spout.flow / (np.pi * float(np.linalg.norm(spout.speed)))) ** 0.5, cell)
        points, faces = _ball(spout.place, wide)
        flow(order, points, faces, speed=spout.speed, litres=spout.flow, start=spout.start, stop=spout.stop)
    for each_solid, places in solids:
        solid(order, each_solid, places)
    return order


def _ball(middle: Array, radius: float) -> tuple[Array, Array]:
    from .drifting import puff

    grain = puff(2)
    return grain.points * radius + middle, grain.faces
