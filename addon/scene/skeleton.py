# SPDX-License-Identifier: GPL-3.0-or-later
"""An armature whose joints are found in the body. It may be edited by hand before `bind` ties the skin to it."""

from __future__ import annotations

import bpy
import numpy as np
from mathutils import Matrix

from ...backend.protocol.errors import UserError
from ...backend.protocol.spec import BackendSpec, Param
from .lib.mesh import meshes
from .lib.motion import animation
from .lib.render import shots
from .lib.rig import finding, kinds, skeleton
from .work import Work

SPEC = BackendSpec(
    id="skeleton",
    label="Skeleton",
    task="scene-to-rig",
    seeded="never",
    help="Find what kind of body it is and where its joints are, and build the armature.",
    runtime="blender",
    version=3,
    inputs=("scene",),
    outputs=("scene",),
    params=(
        Param(
            "kind",
            "choice",
            "auto",
            "What the body is; auto looks for itself. Soft sways about a backbone, prop is one bone",
            choices=("auto", *skeleton.KINDS),
        ),
        Param(
            "sure",
            "float",
            0.0,
            "How sure auto must be; less, and it is a backbone or one bone. 0 asks for 0.45, and for 0.65 of what a "
            "model made, whose far side is a guess",
            low=0.0,
            high=1.0,
        ),
        Param(
            "bones",
            "int",
            5,
            "Bones along the backbone of what has no limbs, or along a trunk; long thin bodies get more",
            low=1,
            high=24,
        ),
        Param(
            "axis",
            "choice",
            "auto",
            "Which way the backbone of a soft body runs",
            choices=("auto", "upright", "lying"),
        ),
        Param(
            "face_front",
            "bool",
            True,
            "Turn the body about the upright axis so that it faces the front (-Y), where it is seen which way it faces",
        ),
    ),
)
UPRIGHT = "galatea_upright"
"""Custom property of the armature: its chain stands on the floor (true) or lies along it (false)."""


_FACED = ("biped", "quadruped", "bird", "fish", "vehicle")
"""Kinds that have a front."""
_TURNED = np.radians(4)
_GUESSED = 0.65
"""From this score on a kind is believed of a body that a model made of a photo or of words."""
_WITH = ("body", "source", "lod", "collision")
"""Roles of the objects that are turned together."""


def run(work: Work, *, kind: str, sure: float, bones: int, axis: str, face_front: bool) -> None:
    body = work.object("body")
    theirs = next((each for each in work.objects("armature") if UPRIGHT not in each and len(each.data.bones)), None)
    if theirs and kind == "auto":
        work.report.warn("The skeleton that came with the mesh is kept. Choose a kind to have a new one made.")
        work.report.metric("kind", str(theirs.get(skeleton.KIND, "prop")))
        work.report.metric("bones", len(theirs.data.bones))
        return
    for old in list(work.objects("armature")):
        remove(body, old)
    points = animation.rest_points(body)
    triangles, _ = meshes.drawn(body.data)
    if not len(triangles) or not np.isfinite(points).all() or not np.ptp(points, axis=0).max() > 0:
        raise UserError("The body has no surface that a skeleton could be found in. Run the step clean first.")
    guessed = any(step["step"] == "bring" for step in work.steps)
    sure = sure or (_GUESSED if guessed else kinds.SURE)
    found = finding.find(points, triangles, kind, bones, axis, work.beat("Looking for joints", 0.3), sure)
    turn = found.angle if face_front and found.skeleton.kind in _FACED and abs(found.angle) > _TURNED else 0.0
    if turn:
        found = found.turned(-turn)
        _turn(work, -turn)
        if guessed:
            body[shots.PHOTO] = _round(float(body.get(shots.PHOTO, 0.0)) - float(np.degrees(turn)))
    work.progress("Building the armature", 0.8)
    armature = skeleton.build(work, found.skeleton)
    armature[UPRIGHT] = found.upright
    for note in found.notes:
        work.report.warn(note)
    work.report.metric("kind", found.skeleton.kind)
    work.report.metric("confidence", round(found.skeleton.confidence, 2))
    work.report.metric("bones", len(armature.data.bones))
    work.report.metric("upright", found.upright)
    work.report.metric("turned_degrees", round(float(np.degrees(-turn))))
    work.report.metric("scores", {name: round(value, 2) for name, value in found.scores.items()})


def _turn(work: Work, angle: float) -> None:
    """All that is of the body, about the world's upright axis."""
    turn = Matrix.Rotation(angle, 4, "Z")
    objects = [obj for role in _WITH for obj in work.objects(role)]
    for obj in objects:
        if obj.parent not in objects:
            obj.matrix_world = turn @ obj.matrix_world
    bpy.context.view_layer.update()


def _round(degrees: float) -> float:
    """The same direction, -180 to 180."""
    return (degrees + 180) % 360 - 180


def remove(body: bpy.types.Object, armature: bpy.types.Object) -> None:
    """Take an older armature away, with what it did to the body; the body stays where it is."""
    where = body.matrix_world.copy()
    if body.parent == armature:
        body.parent = armature.parent
        body.matrix_world = where
    for modifier in [m for m in body.modifiers if m.type == "ARMATURE" and m.object == armature]:
        body.modifiers.remove(modifier)
    for bone in armature.data.bones:
        group = body.vertex_groups.get(bone.name)
        if group:
            body.vertex_groups.remove(group)
    data = armature.data
    bpy.data.objects.remove(armature)
    if data.users == 0:
        bpy.data.armatures.remove(data)
