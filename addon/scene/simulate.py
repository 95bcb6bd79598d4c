# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything of a built scene falls, hits, breaks, drapes and flows as its document says; motion is kept as keys."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import bpy

from ...backend.protocol.spec import BackendSpec, Param
from .lib.physics import clock, cloth, fluid, forces, particles, rigid, smoke, soft
from .lib.physics.thing import document, things
from .work import Work

SPEC = BackendSpec(
    id="simulate",
    label="Simulate",
    task="scene-to-physics",
    seeded="never",
    help="Let physics move what was built: bodies, joints, cloth, soft bodies, fluids, smoke, weather, as keyframes.",
    runtime="blender",
    version=6,
    inputs=("scene",),
    outputs=("scene", "physics"),
    params=(
        Param(
            "fluid_engine",
            "choice",
            "auto",
            "What moves liquids: our solver, which auto is, or Mantaflow where it runs",
            choices=("auto", "own", "mantaflow"),
        ),
    ),
)
_OFTEN = 0.1
_ORDER = {"rigid": rigid, "cloth": cloth, "soft": soft, "fluid": fluid, "smoke": smoke, "particles": particles}
"""In the order in which they bake; what comes later sees what came before."""


def run(work: Work, *, fluid_engine: str) -> None:
    scene = bpy.context.scene
    spec = document(scene)
    scene.render.fps, scene.render.fps_base = spec.simulation.frame_rate, 1.0
    scene.frame_start, scene.frame_end = 1, clock.last_frame(spec)
    found = list(things(scene))
    figures: dict[str, Any] = {"engine": spec.simulation.engine, "frames": scene.frame_end}
    if fields := forces.fields(found):
        figures["force_fields"] = len(fields)
    for number, (kind, module) in enumerate(_ORDER.items()):
        beat = _beat(work, kind, number)
        scene.frame_set(1)
        told = {"engine": fluid_engine} if kind == "fluid" else {}
        figures |= module.bake(work, spec, found, beat, **told)
    scene.frame_set(1)
    work.file("physics", "simulation.json").write_text(json.dumps(figures, indent=1) + "\n")
    for name, value in figures.items():
        if not isinstance(value, (dict, list)):
            work.report.metric(name, value)


def _beat(work: Work, kind: str, number: int) -> Callable[[float], None]:
    """Says how much of a kind is done, ten times a second at most; a cancel takes effect there."""
    last = 0.0

    def beat(done: float) -> None:
        nonlocal last
        if time.monotonic() - last >= _OFTEN:
            last = time.monotonic()
            work.progress(f"Simulating: {kind}", (number + min(max(done, 0.0), 1.0)) / len(_ORDER))

    return beat
