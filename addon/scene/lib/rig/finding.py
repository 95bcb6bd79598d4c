# SPDX-License-Identifier: GPL-3.0-or-later
"""From a body's mesh to its skeleton: what kind it is, and where its joints are.

What the skeletons mark, for motions: `hips` (what carries the body), `neck`, `head`, `hands` and `feet` (left first,
fore feet before hind ones), `tail` (from the body to the tip; of a fish or snake all behind the head), `wings` (left
ones from the shoulder out, then right ones), `fins`, `branches`, and `wheels`, whose bones lie along their axles to
the body's left and are as long as the wheel's radius.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import backbone
from .kinds import SURE, Kinds
from .shape import Frame
from .skeleton import Skeleton

Array = NDArray[Any]
Beat = Callable[[], None]


@dataclass(frozen=True)
class Found:
    """`scores`: 0 to 1 for each kind that was looked at; `notes`: what the user should know."""

    skeleton: Skeleton
    upright: bool
    scores: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    angle: float = 0.0
    """Radians about Z from facing -Y to where the body faces."""

    def turned(self, angle: float) -> Found:
        """The same of the body turned about the world's Z axis."""
        frame = Frame(angle, np.zeros(2))
        bones = tuple(frame.placed(bone) for bone in self.skeleton.bones)
        return replace(self, skeleton=replace(self.skeleton, bones=bones), angle=self.angle + angle)


def find(vertices: Array, triangles: Array, kind: str, bones: int, axis: str, beat: Beat, sure: float = SURE) -> Found:
    """The skeleton of a body (Z up, metres). `bones` and `axis` are for backbones, `sure` is for the kind `auto`."""
    if kind == "soft":
        return Found(*backbone.soft(vertices, triangles, bones, axis))
    if kind == "prop":
        return Found(replace(backbone.prop(vertices), kind=kind), True)
    seen = Kinds(vertices, triangles, beat)
    scores = dict(sorted(seen.scores.items(), key=lambda item: -item[1]))
    name = seen.best(sure) if kind == "auto" else kind
    made = None if name == "soft" else seen.skeleton(name, bones)
    notes = []
    if made is None or not _sound(made, vertices):
        if name != "soft":
            notes.append(
                f"No joints of the kind {name} were found in the body; it got a plain backbone. "
                "Choose another kind, or move the bones by hand before the step bind."
            )
        made, upright = backbone.soft(vertices, triangles, bones, axis)
        made = replace(made, confidence=0.5 if name == "soft" else 0.2)
        return Found(made, upright, scores, tuple(notes))
    if made.confidence < SURE:
        notes.append(
            f"The body is not much like the kind {name} ({made.confidence:.2f} of 1). Look at its joints, and move "
            "them by hand before the step bind."
        )
    first = made.bones[1]
    return Found(made, bool(abs(first.tail - first.head)[2] > 0.7 * first.length), scores, tuple(notes), seen.angle)


def _sound(skeleton: Skeleton, vertices: Array) -> bool:
    """All bones have a length and lie in or near the body."""
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    slack = 0.1 * float((high - low).max())
    ends = np.array([end for bone in skeleton.bones if bone.deform for end in (bone.head, bone.tail)])
    shortest = min(bone.length for bone in skeleton.bones)
    inside = (ends > low - slack).all() and (ends < high + slack).all()
    return bool(np.isfinite(ends).all() and inside and shortest > 1e-5 * float((high - low).max()))
