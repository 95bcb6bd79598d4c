# SPDX-License-Identifier: GPL-3.0-or-later
"""Shots become cameras: an empty at the target, an empty on it that turns, a camera on an arm of that, few keys each.

Distances are solved last, from what the other curves really do at every frame, so that the body is in the frame
whatever its motion is. All of it can be edited afterwards: keys are Bézier, the shake is a modifier of its curve.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ...work import Work
from ..motion import animation
from . import framing
from .shots import Keys, Shot

Array = NDArray[Any]
_LAG, _CALM, _QUICK = 12, 15, 8
"""Frames over which a camera that follows one body averages, one that goes from body to body, and one that goes along
with what falls or flies."""
_APART, _LEAPS = 8, 2.5
"""Frames between keys, at most; times as large as the frame before: it is something else that is looked at."""
_TRAVELS = 0.25
"""Share of the body's extent: what moves less is seen from a place that stands still."""
_LOOKS = 240
"""Frames that are enough to find the middle of a body that stays."""
_CLEAR = 0.15
"""Share of the distance that is free before the camera."""
_SHAKE = (11.0, 0.35)
"""Frames that one sway of a hand takes; degrees of it for a shot that shakes by 1."""


@dataclass(frozen=True)
class Seen:
    """Outermost points of all that is seen, for each frame of the film from `first` on: lists of (P, 3) metres.

    `steady`: it is looked at from one place, wherever its middle goes. `grows`: the camera goes along, near and far.
    """

    shapes: list[Array]
    first: int = 1
    steady: bool = False
    grows: bool = False

    def part(self, start: int, count: int) -> Seen:
        return Seen(self.shapes[start - self.first : start - self.first + count], start, self.steady, self.grows)

    @cached_property
    def frames(self) -> list[int]:
        return list(range(self.first, self.first + len(self.shapes)))

    @cached_property
    def middles(self) -> Array:
        return np.array([(shape.min(axis=0) + shape.max(axis=0)) / 2 for shape in self.shapes])

    @cached_property
    def extent(self) -> float:
        return max(float(np.ptp(shape, axis=0).max()) for shape in self.shapes)

    def at_rest(self, size: float) -> int:
        """The first frame from which on the middle stays where it ends, so that a still is not taken in mid-air."""
        away = np.linalg.norm(self.middles - self.middles[-1], axis=1) > 0.12 * size
        last = int(np.flatnonzero(away).max(initial=-1)) + 1
        return self.frames[min(last, len(self.shapes) - 1)]

    @cached_property
    def lag(self) -> int:
        sizes = np.log([max(float(np.ptp(shape, axis=0).max()), 1e-9) for shape in self.shapes])
        leaps = bool(np.abs(np.diff(sizes)).max(initial=0.0) > math.log(_LEAPS))
        return (_CALM if leaps else _QUICK) if self.grows else _LAG

    @property
    def knots(self) -> list[int]:
        """Frames from 0 at which a camera that goes along has keys."""
        return _knots(len(self.shapes), min(_APART, self.lag // 2))

    @cached_property
    def travels(self) -> bool:
        return self.grows or (not self.steady and bool(np.ptp(self.middles, axis=0).max() >= _TRAVELS * self.extent))


def target(work: Work, seen: Seen) -> Array:
    """Make the empty that all cameras look at; returns where it is (F, 3): still, or where the body goes, smoothed."""
    obj = work.add("camera_target", bpy.data.objects.new("Camera target", None))
    obj.empty_display_type, obj.empty_display_size = "SPHERE", 0.05 * seen.extent
    every = np.concatenate(seen.shapes)
    if not seen.travels:
        place = (every.min(axis=0) + every.max(axis=0)) / 2
        obj.location = place
        return np.tile(place, (len(seen.shapes), 1))
    animation.new_action(obj, "camera target")
    path = framing.smooth(seen.middles, seen.lag)
    knots = seen.knots
    animation.set_keys(obj, "location", [seen.frames[k] for k in knots], path[knots], group="camera")
    obj.location = path[0]
    return np.stack([_values(obj, "location", i, seen.frames) for i in range(3)], axis=1)


def _knots(count: int, apart: int = _APART) -> list[int]:
    return sorted({*range(0, count, apart), count - 1})


class Rig:
    """One shot's camera, made and keyed."""

    def __init__(self, work: Work, scene: bpy.types.Scene, shot: Shot, seen: Seen, place: Array, name: str) -> None:
        self.shot, self.seen, self.place, self.scene = shot, seen, place, scene
        self.turn = work.add("camera_rig", bpy.data.objects.new(f"{name} rig", None))
        self.turn.parent = work.object("camera_target")
        data = bpy.data.cameras.new(name)
        data.sensor_fit, data.sensor_width = "AUTO", framing.SENSOR
        self.camera = work.add("camera", bpy.data.objects.new(name, data))
        self.camera.parent, self.camera.rotation_euler = self.turn, (math.pi / 2, 0.0, 0.0)
        for owner, what in ((self.turn, "turn"), (self.camera, "arm"), (data, "lens")):
            animation.new_action(owner, f"camera {what}")
        self.away = np.ones(len(seen.shapes))

    def shoot(self, seed: int) -> None:
        """Key all channels, the distance last."""
        shot = self.shot
        self._key(self.turn, "rotation_euler", 2, self._ways(), math.radians(1))
        self._key(self.turn, "rotation_euler", 0, shot.elevation, -math.radians(1))
        self._key(self.camera, "location", 0, shot.aside, self.seen.extent)
        self._key(self.camera.data, "lens", 0, shot.lens, 1.0)
        if shot.shakes:
            self._shake(seed)
        self._raise()
        self._back_off()
        data = self.camera.data
        data.clip_start = max(0.02 * float(self.away.min()), 1e-6)
        data.clip_end = float(self.away.max()) * 1000
        data.display_size = 0.08 * float(self.away.max())
        self.turn.empty_display_size = float(self.away.max()) * 0.1

    def _ways(self) -> Keys:
        """Azimuths; of a camera that goes along, with the body's way, where it goes far enough to have one."""
        middles = framing.smooth(self.seen.middles, _LAG)
        steps = np.gradient(middles[:, :2], axis=0) if len(middles) > 1 else np.zeros((1, 2))
        far = float(np.linalg.norm(np.ptp(middles[:, :2], axis=0)))
        if not self.shot.along or far < self.seen.extent:
            return self.shot.azimuth
        moving = np.linalg.norm(steps, axis=1) > 0.2 * np.linalg.norm(steps, axis=1).max()
        at = np.flatnonzero(moving)
        heading = np.unwrap(np.arctan2(steps[at, 0], -steps[at, 1]))
        ways = framing.smooth(np.interp(np.arange(len(steps)), at, heading), _LAG)
        last = max(1, len(ways) - 1)
        side = self.shot.azimuth[0][1]
        return tuple((k / last, math.degrees(ways[k]) + side) for k in _knots(len(ways)))

    def _key(self, owner: Any, path: str, index: int, keys: Keys, unit: float) -> None:
        """Keys of a channel; a single one is a plain value."""
        value = keys[0][1] * unit
        if path == "lens":
            owner.lens = value
        else:
            getattr(owner, path)[index] = value
        if len(keys) == 1:
            return
        count = len(self.seen.shapes)
        span = count if self.shot.closes else max(count - 1, 1e-3)
        frames = [self.seen.first + time * span for time, _ in keys]
        ease = "BEZIER" if self.shot.smooth else "LINEAR"
        curve = animation.curve(owner, path, index, "camera")
        animation.fill(curve, frames, [value * unit for _, value in keys], interpolation=ease, handles="AUTO_CLAMPED")

    def _shake(self, seed: int) -> None:
        """A hand: smooth noise on where the camera looks, as modifiers that can be tuned or muted."""
        scale, degrees = _SHAKE
        rng = np.random.default_rng(seed)
        for index, share in ((0, 1.0), (2, 1.0), (1, 0.6)):
            curve = animation.curve(self.camera, "rotation_euler", index, "camera")
            rest = math.pi / 2 if index == 0 else 0.0
            animation.fill(curve, [float(self.seen.first)], [rest])
            noise = curve.modifiers.new("NOISE")
            noise.scale, noise.depth = scale * float(rng.uniform(0.9, 1.2)), 0
            noise.strength = 2 * math.radians(degrees) * self.shot.shakes * share
            noise.phase, noise.offset = float(rng.uniform(1, 1000)), float(rng.uniform(0, 100))

    def values(self, owner: Any, path: str, index: int = 0) -> Array:
        return _values(owner, path, index, self.seen.frames)

    def azimuths(self) -> Array:
        return self.values(self.turn, "rotation_euler", 2)

    def turns(self) -> Array:
        """Degrees (F,) from the front, -180 to 180."""
        return (np.degrees(self.azimuths()) + 180) % 360 - 180

    @property
    def reach(self) -> float:
        return float(self.away.max())

    def depths(self) -> Array:
        """(F, 2) distances in metres from the camera to the body's nearest point, and to the middle of the frame."""
        ways, tilts = self.azimuths(), -self.values(self.turn, "rotation_euler", 0)
        near = [
            float(((shape - place - np.array(self.turn.location)) @ framing.axes(way, tilt)[2]).max())
            for shape, place, way, tilt in zip(self.seen.shapes, self.place, ways, tilts, strict=True)
        ]
        return np.stack([self.away - near, self.away], axis=1)

    def _lenses(self) -> list[framing.Lens]:
        """Of each frame; what the hand shakes by is left free too."""
        render = self.scene.render
        pan = np.maximum(
            np.abs(self.values(self.camera, "rotation_euler", 2)),
            np.abs(self.values(self.camera, "rotation_euler", 0) - math.pi / 2),
        ) + 0.5 * np.abs(self.values(self.camera, "rotation_euler", 1))  # fmt: skip
        out = []
        for lens, angle in zip(self.values(self.camera.data, "lens"), pan, strict=True):
            plain = framing.lens_of(lens, render.resolution_x, render.resolution_y, self.shot.margin)
            free = self.shot.margin + 1.2 * math.tan(angle) / (2 * min(plain.across, plain.up))
            out.append(framing.Lens(plain.across, plain.up, min(free, 0.45)))
        return out

    def _raise(self) -> None:
        """Put the rig where the body sits in the middle of the frame, up and down; kept for the whole shot."""
        still = not self.seen.travels
        count = len(self.seen.shapes)
        chosen = list(range(0, count, max(1, count // _LOOKS))) if still else [count - 1]
        ways, tilts = self.azimuths(), -self.values(self.turn, "rotation_euler", 0)
        lenses = self._lenses()
        worst = int(np.argmin([lens.across for lens in lenses]))
        shapes = [self.seen.shapes[k] for k in chosen]
        middle = framing.centred(shapes, ways[chosen], float(np.median(tilts)), lenses[worst])
        self.turn.location = (0.0, 0.0, float(middle[2] - self.place[-1, 2]))
        if still:
            self.turn.location[0], self.turn.location[1] = middle[:2] - self.place[-1, :2]

    def _needed(self) -> Array:
        """(F,) least distances at which all of the body is in the frame."""
        ways, tilts = self.azimuths(), -self.values(self.turn, "rotation_euler", 0)
        aside = self.values(self.camera, "location", 0)
        out = np.empty(len(ways))
        for k, (shape, lens) in enumerate(zip(self.seen.shapes, self._lenses(), strict=True)):
            axes = framing.axes(ways[k], tilts[k])
            at = self.place[k] + np.array(self.turn.location) + aside[k] * axes[0]
            nearest = float(((shape - at) @ axes[2]).max())  # a spike that points at the camera must not touch it
            out[k] = max(framing.distance(shape, at, ways[k], tilts[k], lens), nearest / (1 - _CLEAR))
        return out

    def _back_off(self) -> None:
        """Key how far the camera is: its own curve above what is needed, in keys as few as its kind allows."""
        need = self._needed()
        if self.shot.tight and not self.seen.travels:
            self._tight(need)
        elif self.seen.travels:
            base = framing.smooth_above(need, self.seen.lag)
            knots = self.seen.knots
            keys = tuple((k / max(1, len(base) - 1), base[k]) for k in knots)
            if len(self.shot.far) > 1:
                share = np.interp(np.array(knots) / max(1, len(base) - 1), *np.array(self.shot.far).T)
                keys = tuple((time, value * f) for (time, value), f in zip(keys, share, strict=True))
            self._key(self.camera, "location", 1, keys, -1.0)
        else:
            self._key(self.camera, "location", 1, self.shot.far, -1.0)
            self._scale(float((need / -self.values(self.camera, "location", 1)).max()))
        self.away = -self.values(self.camera, "location", 1)
        short = float((need / self.away).max())
        if short > 1.0:
            self._scale(short)
            self.away = -self.values(self.camera, "location", 1)

    def _tight(self, need: Array) -> None:
        """Lens and distance with the same ease: what one does to the body's size, the other undoes.

        The distance needed is convex in the focal length, so the line between its ends is never too short.
        """
        self._key(self.camera, "location", 1, ((0.0, float(need[0])), (1.0, float(need[-1]))), -1.0)

    def _scale(self, factor: float) -> None:
        """Multiply the distance's keys."""
        curve = _curve(self.camera, "location", 1)
        self.camera.location[1] *= factor
        if curve is None:
            return
        for key in curve.keyframe_points:
            key.co[1] *= factor
        curve.update()


def _curve(owner: Any, path: str, index: int) -> Any:
    return next((c for c in animation.curves(owner) if c.data_path == path and c.array_index == index), None)


def _values(owner: Any, path: str, index: int, frames: list[int]) -> Array:
    """(F,) what a property is at the frames."""
    curve = _curve(owner, path, index)
    if curve is None:
        value = getattr(owner, path)
        return np.full(len(frames), float(value if path == "lens" else value[index]))
    return np.array([curve.evaluate(frame) for frame in frames])
