# SPDX-License-Identifier: GPL-3.0-or-later
"""A take becomes keyframes of an armature that has its bones: one action, or a strip of the NLA editor."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ...work import Work
from ..rig import controls
from . import animation
from .take import Take, after, inverse, turned

Array = NDArray[Any]
Path = tuple[Array, Array]
"""Where the root bone is (T, 3) and how it is turned against its rest (T, 4), both in the world."""


def play(
    work: Work,
    armature: bpy.types.Object,
    take: Take,
    *,
    name: str,
    start: float = 1,
    cyclic: bool = False,
    root: Path | None = None,
    strip: bool = False,
    blend_in: float = 0.0,
    begun: float = 0.0,
) -> bpy.types.Action:
    """Key the bones that the take names; other bones keep their rest pose.

    The take's first joint gets a location; `root`, where given, is the way of the bone below it, and the first joint's
    keys are then relative to that. `cyclic`: one frame after its last the take is as in its first; it repeats for
    ever. `strip` puts the action on a new NLA track above the others, fading in over `blend_in` frames.
    `begun` is how much of the step was done before.
    """
    missing = [joint for joint in take.names if controls.control_of(armature, joint) not in armature.pose.bones]
    if missing:
        raise ValueError(f"the armature has no bone {missing[0]!r}")
    old = armature.animation_data.action if armature.animation_data else None
    if strip and old:  # what moved it until now stays, as a strip below
        _push(armature, old, old.name, float(old.frame_range[0]), 0.0)
    rest(armature)
    controls.switched(armature, fk=True)
    action = animation.new_action(armature, name)
    count = len(take)
    frames = start + np.arange(count) * animation.FPS / take.fps
    if cyclic:
        frames = np.append(frames, start + count * animation.FPS / take.fps)
    order = np.append(np.arange(count), 0) if cyclic else np.arange(count)
    for number, (path, values) in enumerate(channels(armature, take, root).items()):
        if number % 4 == 0:
            work.progress("Setting the keys", begun + (0.98 - begun) * number / (3 * len(take.names)))
        values = values[order]
        still = np.ptp(values, axis=0).max() < 1e-7
        group = path.split('"')[1]
        keyed = (frames[:1], values[:1]) if still else (frames, values)
        animation.set_keys(armature, path, *keyed, group=group, cyclic=cyclic and not still)
    animation.set_range(action, frames[0], frames[-1], cyclic=cyclic)
    if strip:
        _push(armature, action, name, float(frames[0]), blend_in)
    return action


def channels(armature: bpy.types.Object, take: Take, root: Path | None = None) -> dict[str, Array]:
    """Values (T, 3 or 4) by the data path of the pose bone's property, each in the bone's own space."""
    world = armature.matrix_world
    place, turn = np.array(world.inverted()), np.array(world.to_quaternion())
    rests = {controls.plain(b.name): np.array(b.matrix_local.to_quaternion()) for b in armature.data.bones}
    # Turns against the rest pose, in the armature's axes, of every bone that is keyed.
    deltas = {name: _conjugated(take.turns[:, joint], turn) for joint, name in enumerate(take.names)}
    out: dict[str, Array] = {}
    first = controls.rest_of(armature, take.names[0])
    places = take.places @ place[:3, :3].T + place[:3, 3]
    resting = np.broadcast_to(np.array(first.head_local), places.shape)
    if root is not None:
        base = first.parent_recursive[-1] if first.parent else None
        if base is None:
            raise ValueError(f"{first.name} has no bone below it that could be its root")
        deltas[base.name] = _conjugated(root[1], turn)
        ways = root[0] @ place[:3, :3].T + place[:3, 3]
        head = np.array(base.head_local)
        resting = ways + turned(deltas[base.name], resting - head)
        out[_path(armature, base.name, "location")] = turned(inverse(rests[base.name]), ways - head)
        out[_path(armature, base.name, "rotation_quaternion")] = _local(deltas[base.name], None, rests[base.name])
    above = _above(first, deltas)
    moved = places - resting
    moved = moved if above is None else turned(inverse(above), moved)
    out[_path(armature, take.names[0], "location")] = turned(inverse(rests[take.names[0]]), moved)
    for joint, name in enumerate(take.names):
        bone = controls.rest_of(armature, name)
        keys = _local(deltas[name], _above(bone, deltas), rests[name])
        out[_path(armature, name, "rotation_quaternion")] = keys
        if take.stretch is not None and np.abs(take.stretch[:, joint] - 1).max() > 1e-6:
            out[_path(armature, name, "scale")] = take.stretch[:, joint]
    return out


def rest(armature: bpy.types.Object) -> None:
    """Every bone as it was built, turned by quaternions from now on."""
    for bone in armature.pose.bones:
        bone.matrix_basis.identity()
        bone.rotation_mode = "QUATERNION"


def clear(armature: bpy.types.Object) -> None:
    """Take every motion off the armature: its action and its strips, and what nobody else uses of them."""
    data = armature.animation_data
    if not data:
        return
    actions = {strip.action for track in data.nla_tracks for strip in track.strips if strip.action}
    if data.action:
        actions.add(data.action)
    data.action = None
    for track in list(data.nla_tracks):
        data.nla_tracks.remove(track)
    for action in actions:
        if action.users == 0:
            bpy.data.actions.remove(action)
    rest(armature)


def _path(armature: bpy.types.Object, bone: str, what: str) -> str:
    key = controls.control_of(armature, bone)
    return f'pose.bones["{bpy.utils.escape_identifier(key)}"].{what}'


def _conjugated(turns: Array, frame: Array) -> Array:
    """Turns (T, 4) about the world's axes, as turns about the axes of something that is itself turned by `frame`."""
    return after(inverse(frame), after(turns, frame))


def _above(bone: bpy.types.Bone, deltas: dict[str, Array]) -> Array | None:
    """The turn (T, 4) of the nearest keyed bone above, which an unkeyed one in between passes on."""
    if not bone.use_inherit_rotation:
        return None
    above = (controls.plain(parent.name) for parent in bone.parent_recursive)
    return next((deltas[name] for name in above if name in deltas), None)


def _local(delta: Array, above: Array | None, rest: Array) -> Array:
    """What the pose bone's quaternion must be (T, 4): rest⁻¹ · above⁻¹ · delta · rest, without jumps of the sign."""
    turn = delta if above is None else after(inverse(above), delta)
    keys = after(inverse(rest), after(turn, rest))
    keys = keys / np.linalg.norm(keys, axis=1, keepdims=True)
    flips = np.where(np.sum(keys[1:] * keys[:-1], axis=1) < 0, -1.0, 1.0)
    signs = np.concatenate([[1.0 if keys[0, 0] >= 0 else -1.0], flips]).cumprod()
    out: Array = keys * signs[:, None]
    return out


def _push(armature: bpy.types.Object, action: bpy.types.Action, name: str, start: float, blend_in: float) -> None:
    """The owner's action becomes a strip on a track of its own; the owner is left free."""
    data = armature.animation_data
    slot = getattr(data, "action_slot", None)
    data.action = None
    track = data.nla_tracks.new()
    track.name = name
    strip = track.strips.new(name, round(start), action)
    if slot is not None and getattr(strip, "action_slot", slot) is None:
        strip.action_slot = slot
    strip.blend_type, strip.extrapolation = "REPLACE", "HOLD_FORWARD"
    strip.use_auto_blend = False
    strip.blend_in = min(blend_in, strip.frame_end - strip.frame_start)
