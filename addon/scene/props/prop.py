# SPDX-License-Identifier: GPL-3.0-or-later
"""What a builder of a thing is given and gives back.

A thing stands in its own frame: metres, Z up, its front to -Y, the centre of its base at the origin.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import bpy
import numpy as np
from mathutils import Matrix

Material = Callable[[str], bpy.types.Material]
"""The Blender material of a substance of presets/materials/table.toml by name; "" is what the thing is made of."""

UNHIT = "galatea_unhit"
"""Face attribute (boolean) of a part's mesh: shells that its collision shape leaves out."""


@dataclass(frozen=True)
class Kit:
    """`size` (3,) metres: the thing shall fill this box (a flat one is 0 thin). `rng`: all chance comes from it.

    `words` is what was said of it ("tall", "striped"), for builders that listen.
    """

    size: tuple[float, float, float]
    rng: np.random.Generator
    material: Material
    words: str = ""


@dataclass
class Part:
    """One body of a thing. `mesh` in the part's own frame, its materials and one UV layer in it; `place` puts it in the
    thing's frame. `shape` is its collision shape, as `protocol.scene.SHAPES` without auto: the simplest that is true.

    A compound is the hulls of its mesh's shells, each connected run of faces for itself. No shape has the shells whose
    faces are marked in the face attribute `UNHIT`: strings, leaves, what nothing shall hit.

    `still`: it does not move, even where the thing does (the frame of a pendulum). `substance` names the material whose
    density, friction and restitution it has; "" is the thing's.
    """

    name: str
    mesh: bpy.types.Mesh
    place: Matrix = field(default_factory=Matrix)
    shape: str = "hull"
    still: bool = False
    substance: str = ""


@dataclass(frozen=True)
class Joint:
    """Between parts `a` and `b` by name; `b` "" is the world. Anchor and axis in the thing's frame, limits in degrees
    (hinge, ball) or metres (slider). Kinds as in `protocol.scene.Constraint`."""

    kind: str
    a: str
    b: str
    anchor: tuple[float, float, float]
    axis: tuple[float, float, float] = (0.0, 1.0, 0.0)
    low: float | None = None
    high: float | None = None


@dataclass
class Prop:
    """The first part is the main one: relations are to it and velocities are given to it."""

    parts: list[Part]
    joints: list[Joint] = field(default_factory=list)


Builder = Callable[[Kit], Prop]
BUILDERS: dict[str, Builder] = {}


def builds(builder: Builder) -> Builder:
    """Decorator: the function's name is the thing's."""
    BUILDERS[builder.__name__] = builder
    return builder
