# SPDX-License-Identifier: GPL-3.0-or-later
"""A short loop that makes the body live: it breathes, and a sway travels along its backbone."""

from __future__ import annotations

import math
import random

import bpy
import numpy as np
from mathutils import Quaternion, Vector

from ...backend.protocol.spec import BackendSpec, Param
from .lib.motion import animation
from .rig import ROOT, UPRIGHT
from .work import Work

SPEC = BackendSpec(
    id="idle",
    label="Idle motion",
    task="rig-to-motion",
    help="A seamless loop of breathing and swaying. Its base stays on the floor.",
    runtime="blender",
    inputs=("scene",),
    outputs=("scene",),
    params=(
        Param("strength", "float", 1.0, "How far it moves", low=0.0, high=4.0),
        Param("speed", "float", 1.0, "Sways every two seconds, rounded so that the loop closes", low=0.1, high=8.0),
        Param("seconds", "float", 4.0, "Length of the loop", low=0.5, high=60.0, unit="s"),
    ),
)
NAME = "idle"
_BEND = math.radians(15)
"""Of the whole chain, at strength 1."""
_BREATH = 0.035
"""How much taller at strength 1, as a share of the height; the width answers, so that the volume stays."""
_KEYS = 16
"""Keys a sway: enough for Bézier curves to follow a sine within a thousandth."""


def run(work: Work, *, strength: float, speed: float, seconds: float) -> None:
    armature, body = work.object("armature"), work.object("body")
    length = max(2, round(seconds * animation.FPS))
    sways = max(1, round(speed * length / animation.FPS / 2))
    frames = np.unique(np.round(np.linspace(1, 1 + length, min(_KEYS * sways, length) + 1)))
    phase = random.Random(work.seed).random() * 2 * math.pi if work.seed else 0.0
    turn = 2 * math.pi * sways * (frames - 1) / length
    for bone in armature.pose.bones:
        bone.matrix_basis.identity()
        bone.rotation_mode = "QUATERNION"
    work.progress("Moving the bones", 0.1)
    action = animation.new_action(armature, NAME)
    _breathe(armature, frames, turn + phase, strength)
    _sway(armature, frames, turn + phase, strength)
    animation.set_range(action, 1, 1 + length, cyclic=True)
    work.progress("Putting the feet on the floor", 0.4)
    lift = _lift(work, body, armature, frames)
    root = armature.pose.bones.get(ROOT)
    if root:
        offsets = np.zeros((len(frames), 3))
        offsets[:, 1] = lift  # the root points up: its own Y is the world's Z
        animation.set_keys(armature, f'pose.bones["{ROOT}"].location', frames, offsets, group=ROOT, cyclic=True)
    work.report.metric("frames", length)
    work.report.metric("sways", sways)
    work.report.metric("largest_lift_m", round(float(np.abs(lift).max()), 5))


def _breathe(armature: bpy.types.Object, frames: animation.Array, turn: animation.Array, strength: float) -> None:
    """Squash and stretch from the floor, twice a sway and tallest between the extremes, as a dancer is."""
    if ROOT not in armature.pose.bones:
        return
    tall = 1 + _BREATH * strength * np.cos(2 * turn - 0.6)
    wide = 1 / np.sqrt(tall)
    scale = np.stack([wide, tall, wide], axis=1)
    animation.set_keys(armature, f'pose.bones["{ROOT}"].scale', frames, scale, group=ROOT, cyclic=True)


def _sway(armature: bpy.types.Object, frames: animation.Array, turn: animation.Array, strength: float) -> None:
    """Each bone turns a little later than the one below it. The lowest bone of an upright chain carries and rests."""
    upright = bool(armature.get(UPRIGHT, True))
    depth = {bone.name: _depth(bone) for bone in armature.data.bones if bone.use_deform}
    deepest = max(depth.values())
    moving = {name: d for name, d in depth.items() if d > 0 or not upright or deepest == 0}
    share = 1.0 / max(1, len(set(moving.values())))
    for name, d in moving.items():
        bone = armature.data.bones[name]
        late = 1.3 * d / max(1, deepest)
        side = _BEND * strength * share * np.sin(turn - late)
        nod = 0.35 * _BEND * strength * share * np.sin(2 * turn - late - 0.8)
        if upright:
            axes = (Vector((0, 1, 0)), Vector((1, 0, 0)))
            if deepest == 0:
                side, nod = side * 0.3, nod * 0.3
        else:
            # Turning about the vertical keeps the feet on the floor; the ends may only rise.
            out = (bone.tail_local - bone.head_local).normalized()
            axes = (Vector((0, 0, 1)), out.cross(Vector((0, 0, 1))).normalized())
            nod = 0.5 * (nod + 0.35 * _BEND * strength * share)
        keys = _rotations(bone, axes, side, nod)
        animation.set_keys(armature, f'pose.bones["{name}"].rotation_quaternion', frames, keys, group=name, cyclic=True)


def _depth(bone: bpy.types.Bone) -> int:
    """Bones between this one and the root."""
    return len([parent for parent in bone.parent_recursive if parent.use_deform])


def _rotations(
    bone: bpy.types.Bone, axes: tuple[Vector, Vector], first: animation.Array, second: animation.Array
) -> animation.Array:
    """Quaternions (K, 4) in the bone's own space of two turns (radians) about axes of the armature's space."""
    rest = bone.matrix_local.to_3x3().inverted()
    a, b = rest @ axes[0], rest @ axes[1]
    out = [Quaternion(a, x) @ Quaternion(b, y) for x, y in zip(first, second, strict=True)]
    return np.array([q if q.w >= 0 else -q for q in out])


def _lift(work: Work, body: bpy.types.Object, armature: bpy.types.Object, frames: animation.Array) -> animation.Array:
    """By how much (metres, up) the pose of each frame must be moved for its lowest point to stay where it rests.

    Measured in the armature's space, so that a fall or a turn of the whole does not count.
    """
    scene = bpy.context.scene
    inverse = armature.matrix_world.inverted()
    rest = np.array(inverse)[2]
    floor = (animation.rest_points(body) @ rest[:3] + rest[3]).min()
    lowest = []
    shapes = animation.sampled(scene, [body], [int(f) for f in frames])
    for number, points in enumerate(shapes):
        work.progress("Putting the feet on the floor", 0.4 + 0.6 * number / len(frames))
        row = np.array(armature.matrix_world.inverted())[2]
        lowest.append((points @ row[:3] + row[3]).min())
    lift: animation.Array = floor - np.array(lowest)
    lift[-1] = lift[0]
    return lift
