# SPDX-License-Identifier: GPL-3.0-or-later
"""How much a body is like each kind, from what is measured on it, and the skeleton of a kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import backbone, biped, branching, lengths, quadruped, sight, wheels, winged
from .shape import Frame, Shape
from .skeleton import Skeleton

Array = NDArray[Any]
Beat = Callable[[], None]
SURE = 0.45
"""From this score on a kind is believed, unless somebody wants it surer."""
_GLIMPSE, _UNSEEN = 0.03, 0.4
"""Hedges can be shaped like bipeds: where the network that knows people sees nothing at all, less than the first on
the mean of the joints, so much is left of the score. Of apes and monsters it sees something."""
_AGREE = 0.09
"""Of the height: joints by shape and by sight that are so near each other mean the same person."""


class Kinds:
    """One body, looked at in all ways. Scores are 0 to 1."""

    def __init__(self, vertices: Array, triangles: Array, beat: Beat) -> None:
        self.vertices, self.triangles, self.beat = vertices, triangles, beat
        self.shape = Shape.of(vertices, triangles)
        self.angle = 0.0
        """Radians about Z from facing -Y to where the skeleton that was asked for last faces."""
        beat()

    @cached_property
    def _along(self) -> Array:
        """(3,) shares of the surface that look along the axes of the body, the largest first."""
        surface, triangles = self.shape.surface, self.triangles
        a, b, c = (surface[triangles[:, k]] for k in range(3))
        normal = np.abs(np.cross(b - a, c - a))
        area = np.maximum(np.linalg.norm(normal, axis=1), 1e-30)
        along = normal > np.cos(np.radians(8)) * area[:, None]
        return np.sort((along * area[:, None]).sum(axis=0) / area.sum())[::-1]

    @property
    def hardness(self) -> float:
        """How boxy the body is: 0.1 for a grown one, 1 for a box. Flat wings alone do not make it so."""
        most, *others = self._along
        return float(min(most, sum(others) + 0.15) + sum(others))

    @cached_property
    def scores(self) -> dict[str, float]:
        """Of all kinds but `soft` and `prop`, which need nothing."""
        grown = float(np.clip((0.5 - self.hardness) / 0.2, 0, 1))
        stand, bird = self.stand, self.bird
        raw = {
            "biped": self.person[0],
            "quadruped": stand.score if stand else 0.0,
            "bird": bird.score,
            "fish": self.fish[0].score,
            "snake": self.line.score,
        }
        out = {name: grown * value for name, value in raw.items()}
        if self.sight:
            out["biped"] = max(self.sight.score, out["biped"] * (1.0 if self.sight.glimpse > _GLIMPSE else _UNSEEN))
        alive = max(out.values())
        out["plant"] = branching.look(self.shape) * float(np.clip((0.7 - self.hardness) / 0.2, 0, 1)) * (1 - alive)
        out["vehicle"] = self.drive[0]
        out["furniture"] = self._furniture() * (1 - 0.9 * self.drive[0])
        return out

    def _furniture(self) -> float:
        """Hard, and it stands on a base about as wide as it is, or on legs at its corners."""
        points, low, size = self.shape.points, self.shape.low, self.shape.size
        foot = points[points[:, 2] < low[2] + 0.06 * size[2] + self.shape.cells.cell]
        base = float(np.min(np.ptp(foot[:, :2], axis=0) / size[:2])) if len(foot) else 0.0
        low_thing = float(np.clip(size[2] / size[:2].max() / 0.2, 0, 1))
        return float(np.clip((self.hardness - 0.35) / 0.25, 0, 1) * np.clip((base - 0.5) / 0.25, 0, 1) * low_thing)

    @cached_property
    def sight(self) -> sight.Sight | None:
        return sight.look(self.vertices, self.triangles, self.beat)

    @cached_property
    def person(self) -> tuple[float, biped.Person]:
        return biped.look(self.shape)

    @cached_property
    def stand(self) -> quadruped.Stand | None:
        """The better of both ways that a body may face."""
        both = [quadruped.look(self.shape), quadruped.look(self.shape.turned(-np.pi / 2))]
        self.beat()
        return max((each for each in both if each), key=lambda each: each.score, default=None)

    @cached_property
    def bird(self) -> winged.Bird:
        self.beat()
        return winged.look(self.shape)

    @cached_property
    def fish(self) -> tuple[lengths.Line, Shape]:
        return lengths.fish(self.shape)

    @cached_property
    def line(self) -> lengths.Line:
        self.beat()
        return lengths.snake(self.shape)

    @cached_property
    def drive(self) -> tuple[float, Shape, list[wheels.Wheel]]:
        self.beat()
        return wheels.look(self.shape, float(np.clip((self.hardness - 0.12) / 0.15, 0, 1)))

    def best(self, sure: float = SURE) -> str:
        """The kind whose score is `sure` or more; what grew and is none of them is `soft`, what was made `prop`."""
        name = max(self.scores, key=lambda each: self.scores[each])
        if self.scores[name] >= sure:
            return name
        return "prop" if self._along.sum() > 0.5 else "soft"

    def _biped(self) -> tuple[Shape, biped.Landmarks]:
        """Joints by shape and by sight, where both mean the same person; else by the one that sees any."""
        seen = self.sight
        measured = biped.landmarks(self.shape, self.person[1]) if self.person[1].legs else None
        if seen is None or seen.score == 0 or (measured and seen.score < SURE):
            return self.shape, measured or biped.landmarks(self.shape, self.person[1])
        hips = (seen["hip.L"] + seen["hip.R"]) / 2
        shape = self.shape.within(Frame(seen.angle, hips[:2]))
        theirs = biped.sighted(self.shape, seen)
        if measured and biped.apart(measured, theirs) < _AGREE * self.shape.height:
            return self.shape, biped.between(measured, theirs)
        return shape, biped.sighted(shape, seen)

    def skeleton(self, kind: str, bones: int) -> Skeleton | None:
        """In the world. None where the body has not what this kind needs."""
        sure = self.scores.get(kind, 1.0)
        shape, made = self.shape, None
        if kind == "biped":
            shape, found = self._biped()
            made = biped.skeleton(shape, found, sure)
        elif kind == "quadruped" and self.stand:
            shape, made = self.stand.shape, quadruped.skeleton(self.stand, sure)
        elif kind == "bird" and (self.bird.wings or self.bird.legs):
            made, shape = winged.skeleton(self.bird, sure)
        elif kind == "fish":
            shape, made = self.fish[1], lengths.fish_skeleton(self.fish[1], self.fish[0], bones, sure)
        elif kind == "snake":
            made = lengths.snake_skeleton(shape, self.line, bones, sure)
        elif kind == "plant":
            made = branching.skeleton(shape, bones, sure)
        elif kind == "vehicle" and self.drive[2]:
            shape, made = self.drive[1], wheels.skeleton(self.drive[1], self.drive[2], sure)
        elif kind == "furniture":
            made = backbone.furniture(shape, sure)
        elif kind == "prop":
            return replace(backbone.prop(self.vertices), confidence=sure)
        if made is None:
            return None
        self.angle = shape.frame.angle
        return replace(made, bones=tuple(shape.frame.placed(bone) for bone in made.bones))
