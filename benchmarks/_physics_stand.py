# SPDX-License-Identifier: GPL-3.0-or-later
"""The laboratory: what an experiment gives, how a scene is built and simulated, how bodies are given to an engine."""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from galatea.addon.scene import build, simulate
from galatea.addon.scene.lib.physics.actors import block
from galatea.addon.scene.lib.physics.bodies import Body, Joint, World
from galatea.addon.scene.lib.physics.engines import engine
from galatea.addon.scene.lib.physics.thing import Thing, things
from galatea.addon.scene.work import Work
from galatea.backend.protocol.store import JobStore
from galatea.backend.worker.report import Report

Array = NDArray[Any]
G = 9.81
EARTH = np.array([0.0, 0.0, -G])
NONE, STEP = np.zeros(3), 1 / 240


@dataclass(frozen=True)
class Found:
    """One measurement. `error` is a share of `wanted`, or where that is 0 in `unit`; `bar` is what is allowed of it."""

    what: str
    engine: str
    formula: str
    wanted: float
    got: float
    unit: str
    bar: float

    @property
    def error(self) -> float:
        return abs(self.got / self.wanted - 1) if self.wanted else abs(self.got)

    @property
    def holds(self) -> bool:
        return bool(self.error <= self.bar)

    @property
    def share(self) -> str:
        """The error as it is told."""
        said = f"{self.error:.2%}" if self.wanted else f"{self.error:.3g} {self.unit}"
        return said if self.holds else f"**{said}**"

    @property
    def allowed(self) -> str:
        return f"{self.bar:.0%}" if self.wanted else f"{self.bar:g} {self.unit}"

    def line(self) -> str:
        cells = (self.what, self.engine, self.formula, f"{self.wanted:.4g} {self.unit}", f"{self.got:.4g}", self.share,
                 self.allowed)  # fmt: skip
        return f"| {' | '.join(cells)} |"


def single(rows: Sequence[Found]) -> str:
    """A table of rows, each measured by one solver."""
    if not rows:
        return ""
    head = "| Experiment | Solver | Should be | Wanted | Measured | Error | Bar |\n|---|---|---|---|---|---|---|"
    return "\n".join([head, *(row.line() for row in rows)])


def both(rows: Sequence[Found]) -> str:
    """A table of rows, each measured by Bullet and by MuJoCo, or by one of them."""
    found: dict[str, dict[str, Found]] = {}
    for row in rows:
        found.setdefault(row.what, {})[row.engine] = row
    if not found:
        return ""
    lines = ["| Experiment | Should be | Wanted | Bullet | its error | MuJoCo | its error | Bar |", "|---" * 8 + "|"]
    for what, by in found.items():
        row = next(iter(by.values()))
        cells = [what, row.formula, f"{row.wanted:.4g} {row.unit}"]
        for name in ("blender", "mujoco"):
            cells += [f"{by[name].got:.4g}", by[name].share] if name in by else ["", ""]
        lines.append(f"| {' | '.join([*cells, row.allowed])} |")
    return "\n".join(lines)


class Film:
    """A document through the steps `build` and `simulate`, as `galatea simulate` does, and what came of it."""

    def __init__(self, document: dict[str, Any], *, quiet: Callable[[], None] = lambda: None) -> None:
        bpy.ops.wm.read_factory_settings(use_empty=True)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "scene.json"
            path.write_text(json.dumps(document))
            report = Report(JobStore(Path(folder) / "jobs"), "physics-" + "0" * 20, lambda event: quiet())
            build.run(Work(report, {"spec": path}, seed=0), **build.SPEC.fill({}))
            simulate.run(Work(report, {}, seed=0), **simulate.SPEC.fill({}))
            self.figures, self.warnings = dict(report.metrics), list(report.warnings)
        self.scene = bpy.context.scene
        self.last = self.scene.frame_end

    def things(self, id: str) -> list[Thing]:
        return [each for each in things(self.scene) if each.item.id == id]

    def track(self, objects: Sequence[bpy.types.Object]) -> Array:
        """World matrices (F, O, 4, 4) at all frames."""
        found = []
        for frame in range(1, self.last + 1):
            self.scene.frame_set(frame)
            graph = bpy.context.evaluated_depsgraph_get()
            found.append([np.array(obj.evaluated_get(graph).matrix_world) for obj in objects])
        return np.array(found)


def film(
    engine: str, objects: list[dict[str, Any]], seconds: float, *, slow: float = 1.0, rate: int = 24, **more: Any
) -> Film:
    """One with that engine, in a vacuum where nothing else is said."""
    environment = {"medium": "vacuum", **more.pop("environment", {})}
    simulation = {"duration": seconds, "engine": engine, "slow_motion": slow, "frame_rate": rate}
    return Film({"objects": objects, "environment": environment, "simulation": simulation, **more})


def box(size: Sequence[float], place: Sequence[float], kind: str = "active", **more: Any) -> Body:
    """`turn`: a quaternion."""
    points, faces = block(size)
    turn = more.pop("turn", (1, 0, 0, 0))
    return Body("box", kind, more.pop("shape", "box"), points, faces, np.array([*place, *turn], float), **more)


def ball(radius: float, place: Sequence[float], **more: Any) -> Body:
    return box((2 * radius,) * 3, place, shape="sphere", **more)


def solved(
    name: str, bodies: Sequence[Body], seconds: float, joints: Sequence[Joint] = (), gravity: Array = EARTH
) -> tuple[Array, Array]:
    """Poses (S, B, 7) and motions (S, B, 6) after each step."""
    states = engine(name)(list(bodies), list(joints), World(gravity, STEP))
    found = list(itertools.islice(states, round(seconds / STEP) + 1))
    states.close()
    return np.array([s.poses for s in found]), np.array([s.motions for s in found])


def period(values: Array, step: float = STEP) -> float:
    """Of a swing about 0: the mean time between falls through it."""
    over = np.flatnonzero((values[:-1] > 0) & (values[1:] <= 0))
    times = (over + values[over] / (values[over] - values[over + 1])) * step
    return float(np.diff(times).mean())
