# SPDX-License-Identifier: GPL-3.0-or-later
"""The body falls on the floor, bounces and comes to rest: rigid-body physics, kept as plain keyframes."""

from __future__ import annotations

import math
import random

import bpy
import numpy as np
from mathutils import Matrix, Quaternion, Vector

from ...backend.protocol.spec import BackendSpec, Param
from .lib.motion import animation, falling, limbs
from .work import Work

SPEC = BackendSpec(
    id="drop",
    label="Drop",
    task="scene-to-physics",
    help="Let the body fall on the floor: gravity, bounces, rest. The motion is kept as keyframes of its root.",
    runtime="blender",
    inputs=("scene",),
    outputs=("scene",),
    params=(
        Param("height", "float", 0.8, "How high it falls from, in sizes of the body", low=0.05, high=10.0),
        Param("tilt", "float", 14.0, "How much it leans at the start", low=0.0, high=180.0, unit="°"),
        Param("spin", "float", 120.0, "How fast it turns at the start", low=0.0, high=1440.0, unit="°/s"),
        Param("bounce", "float", 0.5, "How much of its speed each bounce keeps", low=0.0, high=0.95),
        Param("upright", "float", 1.0, "How strongly it rights itself; 0 lets it fall on its face", low=0.0, high=4.0),
    ),
)
ROOT = "root"
_LONGEST = 10 * animation.FPS
"""Frames that are computed; every fall of ours has ended long before."""
_SETTLE = 12
"""Frames over which the last tremble fades away."""


def run(work: Work, *, height: float, tilt: float, spin: float, bounce: float, upright: float) -> None:
    body = work.object("body")
    _reset(work)
    points = animation.rest_points(body)
    size = float(np.ptp(points, axis=0).max())
    low = float(points[:, 2].min())
    centre = points.mean(axis=0)
    if upright:  # a low centre of gravity, as in a toy that always stands up again
        centre[2] = low + 0.38 * np.ptp(points[:, 2])
    shape = (points - centre) / size
    fall = _start(work.seed, height, tilt, spin, bounce, upright)
    poses = falling.best(shape, fall, _LONGEST, lambda done: work.progress("Falling", 0.5 * done))
    places, turns, rest = _settled(shape, poses, standing=upright > 0)
    places = places * size + [0.0, 0.0, low]
    places[:, :2] += centre[:2] - places[-1, :2]  # where it comes to rest is where it stood
    root = _root(work, centre)
    places, turns = _while_it_moves(work, places, turns)
    frames = list(range(1, len(places) + 1))
    _key(root, frames, places, turns)
    work.progress("Checking the floor", 0.6)
    heights = _off_the_floor(work, body, root, frames, places, turns, low, rest)
    work.report.metric("height_first_m", round(float(heights[0]), 4))
    work.report.metric("height_last_m", round(float(heights[-1]), 4))
    work.report.metric("lowest_m", round(float(heights.min()), 5))
    work.report.metric("bounces", _peaks(heights, 0.005 * size))
    work.report.metric("rest_frame", rest)
    work.report.metric("final_lean_deg", round(_lean(turns[-1]), 1))


def _start(seed: int, height: float, tilt: float, spin: float, bounce: float, upright: float) -> falling.Fall:
    """Lean and spin of the seed's own, within what was asked for."""
    rng = random.Random(seed)
    way = rng.uniform(0, 2 * math.pi)
    lean, turn = math.radians(tilt), math.radians(spin) * rng.choice((-1, 1))
    heading = rng.uniform(-0.6, 0.6)
    return falling.Fall(
        height,
        (lean * math.cos(way), lean * math.sin(way), heading),
        (0.25 * turn * math.cos(way), 0.25 * turn * math.sin(way), turn),
        bounce,
        upright,
    )


def _settled(
    shape: animation.Array, poses: list[Matrix], *, standing: bool
) -> tuple[animation.Array, animation.Array, int]:
    """Places (F, 3), turns (F, 4) and the frame (from 1) of rest; nothing below z = 0, nothing trembles at the end."""
    places = np.array([pose.translation for pose in poses])
    turns = np.array([pose.to_quaternion() for pose in poses])
    for k in range(1, len(turns)):
        if turns[k] @ turns[k - 1] < 0:
            turns[k] *= -1
    final = Quaternion(turns[-1])
    if standing and math.degrees(Vector((0, 0, 1)).angle(final @ Vector((0, 0, 1)))) < 30:
        final = Quaternion()
    # Near its end: neither moves nor turns by more than can be seen, from here on.
    facing = np.abs(turns @ turns[-1]).clip(0, 1)
    busy = (np.linalg.norm(places - places[-1], axis=1) > 0.012) | (2 * np.arccos(facing) > 0.06)
    settle = _SETTLE + round(math.degrees(Quaternion(turns[-1]).rotation_difference(final).angle))
    rest = min(int(np.flatnonzero(busy).max(initial=-1)) + 1, len(places) - settle - 1)
    places, turns = places[: rest + settle + 1].copy(), turns[: rest + settle + 1].copy()
    end = np.array(final) * (1 if np.array(final) @ turns[rest] >= 0 else -1)
    fade = limbs.smooth(np.linspace(0, 1, settle + 1))
    for k, share in enumerate(fade, rest):
        turn = (1 - share) * turns[k] + share * end
        turns[k] = turn / np.linalg.norm(turn)
        places[k] = (1 - share) * places[k] + share * places[rest]
    low = np.array([_lowest(shape, place, turn) for place, turn in zip(places, turns, strict=True)])
    places[:, 2] -= np.minimum(low, 0.0)
    for k, share in enumerate(fade, rest):  # at rest it touches the floor exactly
        places[k, 2] -= share * max(low[k], 0.0)
    return places, turns, rest + 1 + settle


def _lowest(shape: animation.Array, place: animation.Array, turn: animation.Array) -> float:
    row = np.array(Quaternion(turn).to_matrix())[2]
    return float((shape @ row).min() + place[2])


def _reset(work: Work) -> None:
    """Take an older fall away, so that the body stands where it stood before."""
    for root in work.objects(ROOT):
        fall = root.animation_data.action if root.animation_data else None
        root.animation_data_clear()
        if fall and not fall.users:
            bpy.data.actions.remove(fall)
        root.location, root.rotation_quaternion = root["galatea_rest"], (1, 0, 0, 0)
    bpy.context.view_layer.update()


def _root(work: Work, centre: animation.Array) -> bpy.types.Object:
    """An empty at the body's centre of gravity that carries body and armature."""
    carried = [obj for role in ("body", "armature") for obj in work.objects(role)]
    where = [obj.matrix_world.copy() for obj in carried]
    if not work.has(ROOT):
        work.add(ROOT, bpy.data.objects.new("Root", None))
    root = work.object(ROOT)
    root.empty_display_size = 0.2
    root.rotation_mode = "QUATERNION"
    root.location = centre
    root["galatea_rest"] = [float(x) for x in centre]
    bpy.context.view_layer.update()
    for obj, matrix in zip(carried, where, strict=True):
        if obj.parent is None or obj.parent == root:
            obj.parent = root
            obj.matrix_parent_inverse = root.matrix_world.inverted()
            obj.matrix_world = matrix
    return root


def _while_it_moves(
    work: Work, places: animation.Array, turns: animation.Array
) -> tuple[animation.Array, animation.Array]:
    """Go on with the last pose where an armature moves the skin of the resting body, which must stay on the floor."""
    if not any(obj.animation_data and obj.animation_data.action for obj in work.objects("armature")):
        return places, turns
    more = max(0, _LONGEST - len(places))
    return np.vstack([places, np.tile(places[-1], (more, 1))]), np.vstack([turns, np.tile(turns[-1], (more, 1))])


def _key(root: bpy.types.Object, frames: list[int], places: animation.Array, turns: animation.Array) -> None:
    action = animation.new_action(root, "drop")
    animation.set_keys(root, "location", frames, places, interpolation="LINEAR", group="drop")
    animation.set_keys(root, "rotation_quaternion", frames, turns, interpolation="LINEAR", group="drop")
    animation.set_range(action, frames[0], frames[-1], cyclic=False)


def _off_the_floor(
    work: Work,
    body: bpy.types.Object,
    root: bpy.types.Object,
    frames: list[int],
    places: animation.Array,
    turns: animation.Array,
    low: float,
    rest: int,
) -> animation.Array:
    """Raise the frames in which the moving skin would dip into the floor, and keep it on the floor from `rest` on.

    Returns the heights (F,) over the floor, in metres.
    """
    heights = np.array([p[:, 2].min() for p in animation.sampled(bpy.context.scene, [body], frames)]) - low
    if heights.min() < -1e-6 or heights[rest - 1 :].max() > 1e-6:
        down = np.minimum(heights, 0.0)
        down[rest - 1 :] = heights[rest - 1 :]
        places[:, 2] -= down
        heights = heights - down
        _key(root, frames, places, turns)
    work.progress("Checking the floor", 1.0)
    return heights


def _peaks(heights: animation.Array, least: float) -> int:
    """How often it rises by more than `least` metres and comes down again by as much."""
    count, low, high, rising = 0, heights[0], heights[0], False
    for height in heights:
        low, high = min(low, height), max(high, height)
        if not rising and height > low + least:
            rising, high = True, height
        elif rising and height < high - least:
            rising, low, count = False, height, count + 1
    return count


def _lean(turn: animation.Array) -> float:
    """Degrees between the body's axis and the vertical."""
    return math.degrees(Vector((0, 0, 1)).angle(Quaternion(turn) @ Vector((0, 0, 1))))
