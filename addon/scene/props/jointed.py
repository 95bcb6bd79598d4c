# SPDX-License-Identifier: GPL-3.0-or-later
"""What builders of jointed and compound things share: bars, beams, bodies with parts that nothing hits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from mathutils import Matrix, Vector
from numpy.typing import ArrayLike

from .prop import UNHIT, Kit, Part
from .shapes import box, tube
from .skins import Color, usual
from .solid import SHARP, Solid, join, mesh, scale_to

Point = tuple[float, float, float]


def bar(a: ArrayLike, b: ArrayLike, radius: float, sides: int = 10) -> Solid:
    """A round bar from point to point."""
    return tube(np.array([a, b], float), radius, sides)


def beam(a: ArrayLike, b: ArrayLike, wide: float, thick: float, bevel: float = 0.0) -> Solid:
    """A board from point to point: `wide` across, as level as it can be, `thick` the other way."""
    start, end = Vector(np.asarray(a, float)), Vector(np.asarray(b, float))
    way = end - start
    turn = np.array(way.to_track_quat("Z", "Y" if abs(way.normalized().z) > 0.99 else "X").to_matrix())
    side = np.cross((0, 0, 1), turn[:, 2]) if abs(turn[2, 2]) < 0.99 else np.array([1.0, 0, 0])
    side = side - (side @ turn[:, 2]) * turn[:, 2]
    side /= np.linalg.norm(side)
    turn[:, 0], turn[:, 1] = side, np.cross(turn[:, 2], side)
    made = box(wide, thick, way.length, bevel)
    return made.shaped(lambda points: points @ turn.T).moved(*start)


def mirrored(solid: Solid, axis: str = "x") -> Solid:
    """It and its mirror image across x = 0 or y = 0."""
    return join(solid, solid.scaled(-1, 1, 1) if axis == "x" else solid.scaled(1, -1, 1))


def compound(
    kit: Kit,
    name: str,
    solid: Solid,
    unhit: Solid | None = None,
    *,
    shape: str = "compound",
    sharp: float = SHARP,
    **more: Any,
) -> Part:
    """A body of closed solids, each hit by its hull, and of others that nothing hits. Its origin is the centre of mass
    of those that are hit; `more` are fields of `Part`.

    What is hollow or bent is split at great cost where physics begins, so let a plain core inside of it be hit.
    """
    whole = solid if unhit is None else join(solid, unhit)
    centre = solid.centre
    made = mesh(kit, name, whole.moved(*-centre), sharp)
    if unhit is not None:
        marks = np.arange(len(whole.faces)) >= len(solid.faces)
        made.attributes.new(UNHIT, "BOOLEAN", "FACE").data.foreach_set("value", marks)
    return Part(name, made, Matrix.Translation(centre.tolist()), shape, **more)


def filled(kit: Kit, name: str, solid: Solid, unhit: Solid, **more: Any) -> Part:
    """A `compound` that fills its box."""
    by, move = scale_to(join(solid, unhit), kit.size)
    return compound(kit, name, solid.scaled(*by).moved(*move), unhit.scaled(*by).moved(*move), **more)


def hue(kit: Kit, solid: Solid, color: Color, substance: str = "") -> Solid:
    """In this colour of a substance, where no other was said: the thing's own material has that one."""
    return solid.painted(substance, color) if usual(kit, color) else solid.painted()


def metric(solid: Solid) -> Solid:
    """Its uv, wherever it was bent from, in metres again."""
    parts = [(f[0], f[k], f[k + 1]) for f in solid.faces for k in range(1, len(f) - 1)]
    starts = np.cumsum([0, *map(len, solid.faces)])
    drawn = [(s, s + k, s + k + 1) for s, f in zip(starts, solid.faces, strict=False) for k in range(1, len(f) - 1)]
    a, b, c = (solid.vertices[np.array(parts)[:, k]] for k in range(3))
    u, v, w = (solid.uv[np.array(drawn)[:, k]] for k in range(3))
    (p, q), (r, s) = (v - u).T, (w - u).T
    real, flat = np.linalg.norm(np.cross(b - a, c - a), axis=1).sum(), np.abs(p * s - q * r).sum()
    return replace(solid, uv=solid.uv * np.sqrt(real / max(flat, 1e-12)))


def leaning(part: Part, anchor: Point, axis: str, degrees: float) -> Part:
    """Turned about an axis "x", "y" or "z" through a point of the thing's frame."""
    to = Matrix.Translation(anchor)
    part.place = to @ Matrix.Rotation(np.radians(degrees), 4, axis.upper()) @ to.inverted() @ part.place
    return part
