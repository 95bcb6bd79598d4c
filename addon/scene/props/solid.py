# SPDX-License-Identifier: GPL-3.0-or-later
"""A shape while it is being made: points and faces that move, turn, scale and join, and the Blender mesh at the end.

Metres, Z up. A face's corners go counter-clockwise as seen from outside.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import bpy
import numpy as np
from mathutils import Matrix
from numpy.typing import NDArray

from ..lib.material.shading import BODY_UV
from ..lib.mesh import meshes
from .prop import Kit, Part
from .skins import skinned

Floats = NDArray[np.float64]
SHARP = 40.0
"""Degrees between two faces from which their edge is drawn sharp."""
ROUND = ("box", "sphere", "cylinder", "cone", "capsule")
"""Collision shapes that physics centres on the origin of the object."""


class Skin(NamedTuple):
    """A substance by name ("" is the thing's own), in its own colour or in this one (sRGB)."""

    substance: str = ""
    color: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class Solid:
    """`vertices` (V, 3); `faces` of any number of corners; `uv` (L, 2) metres, one a corner; `skin` (F,) of `skins`."""

    vertices: Floats
    faces: tuple[tuple[int, ...], ...]
    uv: Floats
    skins: tuple[Skin, ...] = (Skin(),)
    skin: tuple[int, ...] = ()

    def painted(self, substance: str = "", color: tuple[float, float, float] | None = None) -> Solid:
        return replace(self, skins=(Skin(substance, color),), skin=())

    def patterned(self, skins: list[Skin], which: Callable[[Floats, int], int]) -> Solid:
        """Each face gets the skin of number `which(its centre (3,), its number)`."""
        chosen = [which(self.vertices[list(face)].mean(axis=0), k) for k, face in enumerate(self.faces)]
        return replace(self, skins=tuple(skins), skin=tuple(int(each) for each in chosen))

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Solid:
        return replace(self, vertices=self.vertices + np.array([x, y, z]))

    def turned(self, axis: str, degrees: float) -> Solid:
        """About the axis "x", "y" or "z" through the origin, by the right hand."""
        turn = np.array(Matrix.Rotation(np.radians(degrees), 3, axis.upper()))
        return replace(self, vertices=self.vertices @ turn.T)

    def scaled(self, x: float, y: float | None = None, z: float | None = None) -> Solid:
        """With one number all three; a negative number mirrors."""
        by = np.array([x, x if y is None else y, x if z is None else z], float)
        made = replace(self, vertices=self.vertices * by, uv=self.uv * np.cbrt(abs(by.prod())))
        return made.flipped() if by.prod() < 0 else made

    def grained(self, u: float = 0.0, v: float = 0.0, *, across: bool = False) -> Solid:
        """Its map moved by metres, so that no two boards are alike; `across` turns it, as a lathe's grain goes up."""
        return replace(self, uv=(self.uv[:, ::-1] if across else self.uv) + np.array([u, v]))

    def shaped(self, by: Callable[[Floats], Floats]) -> Solid:
        """All points (V, 3) through a function."""
        return replace(self, vertices=np.asarray(by(self.vertices), float))

    def flipped(self) -> Solid:
        """The inside outside."""
        starts = np.cumsum([0, *map(len, self.faces)])
        order = [k for a, b in itertools.pairwise(starts) for k in range(b - 1, a - 1, -1)]
        return replace(self, faces=tuple(face[::-1] for face in self.faces), uv=self.uv[order])

    @property
    def box(self) -> tuple[Floats, Floats]:
        return self.vertices.min(axis=0), self.vertices.max(axis=0)

    @property
    def centre(self) -> Floats:
        """Of mass, where it is closed; else of the box around it."""
        low, high = self.box
        triangles = np.array([(f[0], f[k], f[k + 1]) for f in self.faces for k in range(1, len(f) - 1)])
        a, b, c = (self.vertices[triangles[:, k]] - (low + high) / 2 for k in range(3))
        volume = np.einsum("ij,ij->i", a, np.cross(b, c))
        middle: Floats = (low + high) / 2
        if abs(volume.sum()) < 1e-6 * np.prod(np.maximum(high - low, 1e-9)) or (high - low).min() < 1e-9:
            return middle
        middle += ((a + b + c) * volume[:, None]).sum(axis=0) / (4 * volume.sum())
        return middle


def join(*solids: Solid) -> Solid:
    """One of many; they keep their skins."""
    skins = list(dict.fromkeys(skin for each in solids for skin in each.skins))
    faces: list[tuple[int, ...]] = []
    skin: list[int] = []
    first = 0
    for each in solids:
        faces += [tuple(first + k for k in face) for face in each.faces]
        own = each.skin or (0,) * len(each.faces)
        skin += [skins.index(each.skins[k]) for k in own]
        first += len(each.vertices)
    return Solid(
        np.concatenate([each.vertices for each in solids]), tuple(faces),
        np.concatenate([each.uv for each in solids]), tuple(skins), tuple(skin),
    )  # fmt: skip


def scale_to(solid: Solid, size: tuple[float, float, float]) -> tuple[Floats, Floats]:
    """What `fit` multiplies by (3,) and then adds (3,): for several solids that are to stay together."""
    low, high = solid.box
    wide = high - low
    by = np.where((wide > 1e-9) & (np.array(size) > 0), np.array(size) / np.maximum(wide, 1e-9), 1.0)
    return by, -by * np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])


def fit(solid: Solid, size: tuple[float, float, float]) -> Solid:
    """Scaled and moved to fill its box: base centre at the origin. A side of 0 stays as it is."""
    by, move = scale_to(solid, size)
    return solid.scaled(*by).moved(*move)


def mesh(kit: Kit, name: str, solid: Solid, sharp: float = SHARP) -> bpy.types.Mesh:
    """With its materials and one UV layer, smooth but for edges sharper than `sharp` degrees."""
    made = bpy.data.meshes.new(name)
    made.from_pydata(solid.vertices.tolist(), [], solid.faces)
    meshes.set_uv(made, BODY_UV, solid.uv.astype(np.float32))
    for skin in solid.skins:
        made.materials.append(skinned(kit, *skin))
    if solid.skin:
        made.polygons.foreach_set("material_index", np.array(solid.skin, np.int32))
    made.shade_smooth()
    made.set_sharp_from_angle(angle=float(np.radians(sharp)))
    made.update()
    return made


def part(kit: Kit, name: str, solid: Solid, shape: str = "hull", *, axis: str = "z", sharp: float = SHARP,
         **more: Any) -> Part:  # fmt: skip
    """A body of a thing from a solid in the thing's frame; `more` are fields of `Part`.

    Its own frame has its origin at the centre of mass, about which physics turns it, and Z along `axis` ("x", "y" or
    "z"), along which physics has cylinders, cones and capsules.
    """
    low, high = solid.box
    centre = (low + high) / 2 if shape in ROUND else solid.centre
    own = solid.moved(*-centre)
    turn = {"x": ("Y", 90), "y": ("X", -90), "z": ("Z", 0)}[axis]
    if axis != "z":
        own = own.turned(turn[0], -turn[1])
    place = Matrix.Translation(centre.tolist()) @ Matrix.Rotation(np.radians(turn[1]), 4, turn[0])
    return Part(name, mesh(kit, name, own, sharp), place, shape, **more)
