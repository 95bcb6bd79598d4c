# SPDX-License-Identifier: GPL-3.0-or-later
"""The body moves: clips computed for its own skeleton, called by words, one after another or one over another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np

from ...backend.protocol.errors import UserError
from ...backend.protocol.spec import BackendSpec, Param
from .lib.motion import anatomy, animation, library, limbs, planning, play, timeline, words
from .lib.rig import skeleton as rigs
from .work import Work

SPEC = BackendSpec(
    id="move",
    label="Move",
    task="rig-to-motion",
    help="Make the body walk, wave, swim, sway or drive, as words say. Its feet stay on the floor.",
    runtime="blender",
    version=2,
    inputs=("scene",),
    outputs=("scene",),
    params=(
        Param(
            "motion",
            "str",
            "",
            "What it does: walks to the left, then waves and jumps. Left is its own. Empty: what is usual for its kind",
        ),
        Param("clip", "file", "", "A motion of your own, a .toml as in presets/motions; then it may be named in words"),
        Param("seconds", "float", 3.0, "Length of a motion that words give none", low=0.5, high=120.0, unit="s"),
        Param("speed", "float", 1.0, "How fast, against the usual", low=0.1, high=4.0),
        Param("strength", "float", 1.0, "How far it moves, against the usual", low=0.0, high=4.0),
        Param("in_place", "bool", False, "Stay on the spot: a walk becomes a loop that a game can carry along"),
        Param("strips", "bool", False, "One strip of the NLA editor for each motion, instead of one action"),
    ),
)
NAME = "move"
_MOST = 160
"""Frames that the skin is looked at; between them the floor is interpolated."""


def run(
    work: Work, *, motion: str, clip: str, seconds: float, speed: float, strength: float, in_place: bool, strips: bool
) -> None:
    armature, body = work.object("armature"), work.object("body")
    play.clear(armature)
    bpy.context.view_layer.update()
    bones = anatomy.body(anatomy.known(rigs.read(armature)))
    own = _own(clip, bones.kind)
    if not motion.strip() and not own and bones.kind == "bird" and not bones.walks:
        motion = "fly on the spot"
    told = words.understand(motion, bones.kind, own=own)
    for note in told.notes:
        work.report.warn(note)
    parts = [replace(part, spot=True) for part in told.parts] if in_place else told.parts
    work.progress("Computing the motion", 0.05)
    wish = planning.Wish(seconds, speed, strength, work.seed, animation.FPS, own)
    made = timeline.make(bones, parts, wish)
    _play(work, armature, made, strips=False, begun=0.05)
    lift, lowest = _lift(work, body, armature, made, bones.walks)
    raised = np.outer(lift, np.array(armature.matrix_world)[:3, 2])
    made = replace(made, take=replace(made.take, places=made.take.places + raised))
    play.clear(armature)
    _play(work, armature, made, strips, begun=0.8)
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end, scene.render.fps = 1, len(made.take), animation.FPS
    work.report.metric("clips", [item.clip.name for item in made.items])
    work.report.metric("kind", bones.kind)
    work.report.metric("frames", len(made.take))
    work.report.metric("loop", made.loop)
    work.report.metric("travel_m", round(made.travel, 4))
    work.report.metric("slide_mm", round(1000 * made.slide, 3))
    work.report.metric("lowest_m", round(lowest, 5))
    work.report.metric("largest_lift_m", round(float(np.abs(lift).max()), 5))


def _own(path: str, kind: str) -> library.Clip | None:
    """The clip of a file; raises `UserError` where a body of this kind cannot do it."""
    clip = library.own(Path(path)) if path else None
    if clip and kind not in clip.kinds:
        raise UserError(f"{path} is for {', '.join(clip.kinds)}, and this body is a {kind}. Add it to kinds there.")
    return clip


def _play(work: Work, armature: bpy.types.Object, made: timeline.Made, strips: bool, begun: float) -> None:
    """One action, or one strip for each clip that carries the body; they overlap and fade into each other."""
    take = made.take
    root = None if take.names[0] == rigs.ROOT or not armature.data.bones[take.names[0]].parent else made.root
    if not strips or made.loop:
        play.play(work, armature, take, name=NAME, cyclic=made.loop, root=root, strip=strips, begun=begun)
        return
    fade = round(0.2 * animation.FPS)
    for item in [item for item in made.items if not item.clip.maker.over]:
        first, last = round(item.start * animation.FPS), round(item.end * animation.FPS) + fade + 1
        cut = slice(max(0, first), min(last, len(take)))
        if cut.stop - cut.start < 2:
            continue
        piece = replace(
            take,
            turns=take.turns[cut],
            places=take.places[cut],
            stretch=None if take.stretch is None else take.stretch[cut],
            contacts={},
        )
        way = None if root is None else (root[0][cut], root[1][cut])
        play.play(
            work,
            armature,
            piece,
            name=item.clip.name,
            start=1 + cut.start,
            root=way,
            strip=True,
            blend_in=fade * bool(first),
            begun=begun,
        )


def _lift(
    work: Work, body: bpy.types.Object, armature: bpy.types.Object, made: timeline.Made, walks: bool
) -> tuple[animation.Array, float]:
    """By how much (T,) metres each pose must be moved up, and where its lowest point then is at its lowest.

    Feet are where they should be already, so that a walker is only raised where its skin would sink; what has no feet
    is put on the floor, or as high over it as the clip says. Measured in the armature's space, so that a fall or a turn
    of the whole does not count.
    """
    count = len(made.take)
    step = max(1, -(-count // _MOST))
    at = np.unique(np.append(np.arange(0, count, step), count - 1))
    rest = np.array(armature.matrix_world.inverted())[2]
    floor = float((animation.rest_points(body) @ rest[:3] + rest[3]).min())
    lowest = []
    for number, points in enumerate(animation.sampled(bpy.context.scene, [body], [int(f) + 1 for f in at])):
        work.progress("Putting the feet on the floor", 0.4 + 0.4 * number / len(at))
        row = np.array(armature.matrix_world.inverted())[2]
        lowest.append((points @ row[:3] + row[3]).min())
    low = np.interp(np.arange(count), at, lowest)
    raised = np.maximum(floor - low, 0.0)
    lift = (floor + made.air - low) * (1 - made.free) + raised * made.free
    if walks:
        lift = raised
        padded = np.concatenate([lift] * 3) if made.loop else np.pad(lift, count, mode="edge")
        wide = np.max([np.roll(padded, k) for k in range(-2, 3)], axis=0)
        lift = np.maximum(limbs.blurred(wide, 1.2)[count : 2 * count], lift)
    return lift, float((low + lift).min())
