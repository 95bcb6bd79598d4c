# SPDX-License-Identifier: GPL-3.0-or-later
"""The set is made for where the body stands; here it is brought to where the body goes and the camera stands."""

from __future__ import annotations

import bpy
import numpy as np

from ...work import Work
from ..motion import animation
from . import skies, studio, wished
from .cameras import Array, Rig, Seen


def fit(work: Work, seen: Seen, places: Array, reach: float, size: float) -> None:
    """Floor under the lowest point of all frames and around all cameras; the lamps go along with a body that leaves."""
    floors = wished.document(bpy.context.scene)  # the physics of these had its floor at 0
    low = 0.0 if floors else min(0.0, *(float(shape[:, 2].min()) for shape in seen.shapes))
    rest = seen.middles[-1]
    far = float(np.ptp(places[:, :2], axis=0).max())
    leaves = far > seen.extent
    centre = np.array([*(places[:, :2].min(axis=0) + places[:, :2].max(axis=0)) / 2, rest[2]]) if leaves else rest
    studio.fit(work, centre, low, reach + (far / 2 if leaves else 0.0), size)
    for lights in work.objects("light_rig") if leaves else ():
        goes = lights.constraints.new("COPY_LOCATION")
        goes.target, goes.use_z = work.object("camera_target"), False


def turn_light(work: Work, rig: Rig, *, last: bool) -> None:
    """Lamps and world go around with the camera: so the body is what turns."""
    ways = rig.azimuths()
    count = len(ways)
    frames = [float(rig.seen.first), rig.seen.first + count - 0.001]
    step = (ways[-1] - ways[0]) / max(1, count - 1)
    angles = [0.0, step * (count - 0.001)]
    if not last:  # the next shot has the light where it was
        frames, angles = [*frames, float(rig.seen.first + count)], [*angles, 0.0]
    for lights in work.objects("light_rig"):
        _key(lights, "rotation_euler", 2, frames, lights.rotation_euler[2] + np.array(angles))
    world = bpy.context.scene.world
    rotation = skies.turned(world) if world else None
    if rotation:
        number = list(world.node_tree.nodes[skies.TURN].inputs).index(rotation)
        path = f'nodes["{skies.TURN}"].inputs[{number}].default_value'
        _key(world.node_tree, path, 2, frames, rotation.default_value[2] - np.array(angles))


def _key(owner: bpy.types.ID, path: str, index: int, frames: list[float], values: Array) -> None:
    if not owner.animation_data or not owner.animation_data.action:
        animation.new_action(owner, "light turn")
    curve = next((each for each in animation.curves(owner) if each.data_path == path), None)
    if curve is None:
        animation.fill(animation.curve(owner, path, index, "light"), frames, values, interpolation="LINEAR")
        return
    for frame, value in zip(frames, values, strict=True):
        curve.keyframe_points.insert(frame, float(value)).interpolation = "LINEAR"
