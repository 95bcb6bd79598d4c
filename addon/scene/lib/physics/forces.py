# SPDX-License-Identifier: GPL-3.0-or-later
"""Wind, gusts, fields and the medium that all is in: as numbers for solvers of ours, as fields for Blender's.

A field pulls with the item's strength in m/s² at 1 m and falls off with the square of the distance, not nearer than
`_NEAR`. Wind presses with ½ρv² (Bernoulli) on what faces it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import bpy
import numpy as np
from mathutils import Vector
from numpy.typing import NDArray

from .....backend.protocol.scene import SceneSpec
from ..motion import animation
from . import clock
from .thing import Thing

if TYPE_CHECKING:
    pass

Array = NDArray[Any]
DENSITY = {"air": 1.2, "water": 998.0, "vacuum": 0.0}
"""Of the medium, kg/m³."""
LIGHT = {"balloon": 0.45}
"""Mean density, kg/m³, of things filled with helium: 0.18 of the gas, the rest is skin."""
_NEAR, _RAMP, _LOOSE = 0.3, 0.4, 100.0
"""Metres; seconds in which a wind of an event comes up; see `weight`."""
_TALL, _WIDE, _CORE, _REACH, _RAGGED = 2.5, 0.5, 1.3, 5.0, 0.3
"""Metres: how high a whirlwind is, and where it turns fastest; how many times as far from its axis it lifts, and draws
in; and the share of it that is uneven."""
_DRAUGHT = 0.2
"""m/s that still air moves: without it a cloth that is held in its own plane stands like a board."""
_PRESSURE = 1.2 * 0.5 * DENSITY["air"]
"""Strength of a Blender wind field, by v² and `weight`, that presses on cloth as wind does. Measured: one of
strength 1 gives 8.33e-4 N/m² in the units of Blender's cloth, in which 1 m/s² is a thousandth."""


@dataclass(frozen=True)
class Field:
    kind: str
    strength: float
    direction: Array
    place: Array


def fields(things: Sequence[Thing]) -> list[Field]:
    """All force fields of the cast, where they stand."""
    return [
        Field(
            each.item.field,
            each.item.strength,
            _unit(each.item.direction),
            np.array(each.main.matrix_world.translation),
        )
        for each in things
        if each.item.field != "none"
    ]  # fmt: skip


def wind(spec: SceneSpec, found: Sequence[Field], time: float) -> Array:
    """How the air moves (3,), in m/s, with gusts."""
    at = np.array(spec.environment.wind, float)
    for event in sorted(spec.events, key=lambda each: each.time):
        if event.kind == "wind" and time > event.time:
            share = min(1.0, (time - event.time) / _RAMP)
            at = at + share * (event.strength * _unit(event.direction) - at)
    for each in found:
        if each.kind == "wind":
            at = at + each.strength * each.direction
    return at + spec.environment.turbulence * np.linalg.norm(at) * gust(spec.seed, time) * [0.7, 0.7, 0.25]


def gust(seed: int, time: float) -> Array:
    """Smooth noise (3,) in -1 to 1 with periods of 0.4 to 3 s, the same for the same seed."""
    rng = np.random.default_rng(seed + 77)
    rates, phases = 2 * np.pi / rng.uniform(0.4, 3.0, (4, 3)), rng.uniform(0, 2 * np.pi, (4, 3))
    out: Array = np.sin(rates * time + phases).mean(axis=0)
    return out


def pull(spec: SceneSpec, found: Sequence[Field], time: float, points: Array) -> Array:
    """What the fields do to points (N, 3), wind left out: m/s² (N, 3)."""
    out = np.zeros((len(points), 3))
    for each in found:
        away = points - each.place
        far = np.maximum(np.linalg.norm(away, axis=1, keepdims=True), _NEAR)
        if each.kind in ("attract", "repel"):
            out += (each.strength if each.kind == "repel" else -each.strength) * away / far**3
        elif each.kind == "vortex":
            around = np.cross(_axis(each), away)
            out += each.strength * (around - 0.4 * away) / far**2
        elif each.kind == "turbulence":
            out += each.strength * swirl(points, time, spec.seed)
    return out


def _axis(field: Field) -> Array:
    """A vortex whose direction is the default turns about the vertical."""
    return np.array([0.0, 0.0, 1.0]) if abs(field.direction[2]) < 0.5 else field.direction


def swirl(points: Array, time: float, seed: int) -> Array:
    """Noise without divergence (N, 3): the curl of a sum of waves."""
    rng = np.random.default_rng(seed + 5)
    out = np.zeros((len(points), 3))
    for _ in range(4):
        wave, way = rng.normal(size=3) * 3.0, rng.normal(size=3)
        phase = points @ wave + rng.uniform(0, 6.28) + rng.uniform(0.5, 3.0) * time
        out += np.cos(phase)[:, None] * np.cross(wave, way) / 6.0
    return out


def push(
    spec: SceneSpec, found: Sequence[Field], time: float, places: Array, speeds: Array, masses: Array, sizes: Array
) -> Array:
    """Newtons (B, 3) on bodies at `places` with `speeds` (B, 3), `masses` (B,) in kg and boxes `sizes` (B, 3).

    Drag with a coefficient of 0.6 on the box seen from where the stream comes, lift of what they displace, fields. A
    body fills about 0.52 of its box, as a ball does.
    """
    density = DENSITY[spec.environment.medium]
    still = [each for each in found if each.kind != "vortex"]
    flow: Array = wind(spec, found, time) + whirl(found, places)
    if len(still) < len(found):  # a whirlwind is not smooth: what begins as a ring does not stay one
        flow *= 1.0 + _RAGGED * swirl(places, time, spec.seed)
    flow -= speeds
    speed = np.linalg.norm(flow, axis=1, keepdims=True)
    faces = np.stack([sizes[:, 1] * sizes[:, 2], sizes[:, 0] * sizes[:, 2], sizes[:, 0] * sizes[:, 1]], axis=1)
    seen = 0.79 * (np.abs(flow) * faces).sum(axis=1, keepdims=True) / np.maximum(speed, 1e-9)
    out = 0.5 * density * 0.6 * seen * speed * flow
    out -= density * 0.52 * sizes.prod(axis=1)[:, None] * np.array(spec.environment.gravity)
    out += masses[:, None] * pull(spec, still, time, places)
    return out


def whirl(found: Sequence[Field], places: Array) -> Array:
    """How the air of whirlwinds moves (B, 3), in m/s: around, in below and out above, and up in the middle."""
    out = np.zeros((len(places), 3))
    for each in found:
        if each.kind == "vortex":
            axis = _axis(each)
            away = places - each.place
            height = away @ axis
            away = away - height[:, None] * axis
            far = np.linalg.norm(away, axis=1, keepdims=True)
            near = away / np.maximum(far, _NEAR)
            high, x = np.clip(height / _TALL, 0.0, 1.0)[:, None], far / _WIDE
            turns = 2.0 * x / (1.0 + x**2) * np.cross(axis, near)
            draws = (1.5 * high - 1.0) * np.minimum(x, 1.0) / (1.0 + (x / _REACH) ** 4) * near
            lifts = (1.0 - high) * np.exp(-((x / _CORE) ** 2)) * axis
            out += each.strength * (0.4 * turns + 0.7 * draws + 0.9 * lifts)
    return out


def weight(points: int, area: float, scale: float) -> float:
    """How much a cloth of so many vertices and m² feels of a field laid by `laid`; `scale` is its mass by the true."""
    return scale * points / max(area, 1e-9) / _LOOSE


@contextmanager
def laid(spec: SceneSpec, things: Sequence[Thing]) -> Iterator[list[Field]]:
    """Blender's own fields, as long as it lasts: for cloth and soft bodies, which have `weight` of them."""
    scene, found = bpy.context.scene, fields(things)
    scene.use_gravity, scene.gravity = True, spec.environment.gravity
    made = [_empty(each, spec) for each in found if each.kind != "wind"]
    times = np.arange(clock.last_frame(spec)) * clock.frame_time(spec)
    winds = np.array([wind(spec, found, time) for time in times])
    if spec.environment.medium != "vacuum":
        winds = winds + _DRAUGHT * np.array([gust(spec.seed + 1, time) for time in times])
        made += _blow(spec, winds)
    try:
        yield found
    finally:
        for each in made:
            if each.animation_data and each.animation_data.action:
                bpy.data.actions.remove(each.animation_data.action)
            bpy.data.objects.remove(each)


def _blow(spec: SceneSpec, winds: Array) -> list[bpy.types.Object]:
    """A wind, its strength and way keyed, and what flutters in it."""
    frames = np.arange(1, len(winds) + 1)
    winds = winds + _shed(spec, winds)
    speeds = np.linalg.norm(winds, axis=1)
    blows = _new("WIND")
    turns = np.array([Vector(way if speed > 1e-6 else (0, 0, 1)).to_track_quat("Z", "Y")
                      for way, speed in zip(winds, speeds, strict=True)])  # fmt: skip
    for k in range(1, len(turns)):
        turns[k] *= 1 if turns[k] @ turns[k - 1] >= 0 else -1
    blows.rotation_mode = "QUATERNION"
    animation.new_action(blows, "wind")
    animation.set_keys(blows, "rotation_quaternion", frames, turns, interpolation="LINEAR")
    thick = DENSITY[spec.environment.medium] / DENSITY["air"]
    animation.set_keys(blows, "field.strength", frames, _LOOSE * _PRESSURE * thick * speeds**2, interpolation="LINEAR")
    flutter = _new("TURBULENCE")
    flutter.field.size, flutter.field.wind_factor, flutter.field.seed = 0.6, 1.0, spec.seed % 127 + 1
    share = 1.5 + min(2.0, spec.environment.turbulence)
    animation.new_action(flutter, "flutter")
    animation.set_keys(flutter, "field.strength", frames, share * _LOOSE * _PRESSURE * thick * speeds**2,
                       interpolation="LINEAR")  # fmt: skip
    drift = -np.cumsum(winds, axis=0) * clock.frame_time(spec) * 0.5
    animation.set_keys(flutter, "location", frames, -drift, interpolation="LINEAR")
    return [blows, flutter]


def _shed(spec: SceneSpec, winds: Array) -> Array:
    """Eddies that leave what stands in a stream in turns (F, 3): to and fro across it, by a third of its speed. Blender
    has no air that could shed them, and without them a flag in an even wind is a board."""
    times = np.arange(len(winds)) * clock.frame_time(spec)
    rng = np.random.default_rng(spec.seed + 31)
    a, b = rng.uniform(0, 2 * np.pi, 2)
    sway = 0.7 * np.sin(2 * np.pi * 1.1 * times + a) + 0.3 * np.sin(2 * np.pi * 2.3 * times + b)
    across = np.stack([-winds[:, 1], winds[:, 0], 0 * winds[:, 0]], axis=1)
    out: Array = 0.35 * sway[:, None] * across
    return out


def _empty(field: Field, spec: SceneSpec) -> bpy.types.Object:
    kinds = {"attract": "FORCE", "repel": "FORCE", "vortex": "VORTEX", "turbulence": "TURBULENCE"}
    obj = _new(kinds[field.kind])
    obj.location = field.place
    axis = _axis(field) if field.kind == "vortex" else field.direction
    obj.rotation_mode, obj.rotation_quaternion = "QUATERNION", Vector(axis).to_track_quat("Z", "Y")
    field_of = obj.field
    field_of.strength = 1.2 * _LOOSE * field.strength * (-1 if field.kind == "attract" else 1)
    if field.kind in ("attract", "repel"):
        field_of.falloff_power, field_of.use_min_distance, field_of.distance_min = 2.0, True, _NEAR
    field_of.seed = spec.seed % 127 + 1
    return obj


def _new(kind: str) -> bpy.types.Object:
    obj = bpy.data.objects.new(f"Galatea {kind.lower()}", None)
    bpy.context.scene.collection.objects.link(obj)
    with bpy.context.temp_override(object=obj, active_object=obj):
        bpy.ops.object.forcefield_toggle()
    obj.field.type, obj.field.flow, obj.field.noise = kind, 0.0, 0.0
    return obj


def _unit(way: Sequence[float]) -> Array:
    out = np.array(way, float)
    return out / max(float(np.linalg.norm(out)), 1e-9)
