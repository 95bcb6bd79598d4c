# SPDX-License-Identifier: GPL-3.0-or-later
"""From the document to the scene: every thing found or made, put where it belongs, given its substance, set up."""

from __future__ import annotations

import dataclasses

import bpy
import numpy as np

from ...backend.protocol import scene as scenes
from ...backend.protocol.spec import BackendSpec, Param
from .lib.casting import assets, cast, making
from .lib.physics import joints, rigid
from .lib.physics.clock import last_frame
from .lib.physics.thing import SPEC as DOCUMENT
from .lib.physics.thing import STILL, Thing, things
from .lib.placing import placing
from .lib.placing.scene import Scene
from .work import Work

SPEC = BackendSpec(
    id="build",
    label="Build the scene",
    task="scene-from-spec",
    help="Make every thing of the scene's document, put it where it belongs and set up its physics.",
    runtime="blender",
    version=7,
    inputs=("spec",),
    outputs=("scene",),
    axes="Z up, front -Y",
    params=(
        Param(
            "assets",
            "libraries",
            "",
            "Asset libraries to look in for things first: folders or .blend files, with : between them (; in Windows)",
        ),
        Param("settle", "bool", True, "Let what is heaped or lies in something come to rest before the film begins"),
    ),
)
_SETTLES = 1.0
"""Seconds of a pre-roll."""


def run(work: Work, *, assets: str, settle: bool) -> None:
    work.progress("Reading the scene's document", 0.0)
    spec = scenes.read(work.files["spec"])
    if work.seed and not spec.seed:
        spec = dataclasses.replace(spec, seed=work.seed)
    _paper(spec)
    casts = _cast(work, spec, assets)
    groups = [making.group(each) for each in casts]
    beat = lambda done: work.progress("Placing the things", 0.45 + 0.25 * done)  # noqa: E731
    placed = placing.place(spec, groups, beat)
    firm = making.firm(spec, {each.item.id for each in casts if each.hollow})
    for id in sorted(firm - placed.held):
        work.report.warn(f"{id} stands firm, since it holds something and nothing is said to move it.")
    placed.held |= firm
    for number, each in enumerate(casts):
        work.progress("Making the scene", 0.7 + 0.15 * number / len(casts))
        making.objects(work, each, placed)
    making.hang(work, spec, placed)
    making.surroundings(work, spec, placed)
    bpy.context.view_layer.update()
    found = list(things(bpy.context.scene))
    settled = _settle(work, found, placed) if settle else 0.0
    work.progress("Setting up the physics", 0.95)
    joints.setup(work, spec, found)
    _report(work, casts, placed, firm, len(found), settled)


def _paper(spec: scenes.SceneSpec) -> None:
    """The document into the scene, with its frames and its gravity."""
    scene = bpy.context.scene
    scene[DOCUMENT] = spec.dumps()
    scene.render.fps, scene.render.fps_base = spec.simulation.frame_rate, 1.0
    scene.frame_start, scene.frame_end = 1, last_frame(spec)
    scene.gravity, scene.use_gravity = spec.environment.gravity, True
    scene.unit_settings.system, scene.unit_settings.scale_length = "METRIC", 1.0
    scene.frame_set(1)


def _cast(work: Work, spec: scenes.SceneSpec, folders: str) -> list[cast.Cast]:
    shelf = assets.Shelf(folders)
    casts = []
    items, resized = cast.fitting(spec.objects)
    for text in resized:
        work.report.warn(text)
    for number, item in enumerate(items):
        work.progress(f"Making {item.name}", 0.02 + 0.43 * number / len(spec.objects))
        casts.append(cast.cast(item, spec.seed, shelf))
        for text in casts[-1].said:
            work.report.warn(text)
    for text in shelf.skipped:
        work.report.warn(text)
    return casts


def _settle(work: Work, found: list[Thing], placed: Scene) -> float:
    """What is heaped or lies in a vessel comes to rest; what falls, stands or moves keeps its place."""
    work.progress("Settling", 0.88)
    loose = {id for id, group in placed.groups.items() if making.loose(group)}
    if not loose:
        return 0.0
    near = _near(found, loose)
    held = [obj for thing in near if thing.item.id not in loose for obj in thing.parts]
    before = [bool(obj.get(STILL)) for obj in held]
    for obj in held:
        obj[STILL] = True
    try:
        return float(rigid.settle(near, _SETTLES))
    finally:
        for obj, still in zip(held, before, strict=True):
            obj[STILL] = still


def _near(found: list[Thing], loose: set[str]) -> list[Thing]:
    """What is loose, and all that it may touch while it settles."""
    boxes = {(each.item.id, each.index): making.bounds(each.parts) for each in found}
    mine = [box for (id, _), box in boxes.items() if id in loose]
    low, high = np.min([low for low, _ in mine], axis=0), np.max([high for _, high in mine], axis=0)
    slack = 0.3 * float((high - low).max())
    near = {key for key, (a, b) in boxes.items() if (a < high + slack).all() and (b > low - slack).all()}
    return [each for each in found if (each.item.id, each.index) in near]


def _report(work: Work, casts: list[cast.Cast], placed: Scene, firm: set[str], count: int, settled: float) -> None:
    for text in placed.infeasible:
        work.report.warn(f"{text[0].upper()}{text[1:]}.")
    for id in sorted(placed.held - firm):
        work.report.warn(f"{id} is held in the air, so that something can hang from it.")
    work.report.metric("things", count)
    work.report.metric("stand_ins", sum(each.item.count for each in casts if each.origin == "stand-in"))
    work.report.metric("moved_apart_m", round(placed.moved, 4))
    work.report.metric("settled_m", round(settled, 4))
    work.report.metric("infeasible", len(placed.infeasible))
