# SPDX-License-Identifier: GPL-3.0-or-later
"""What things are made of, one row a substance for physics and look alike: presets/materials/table.toml. Units are SI.

The table says what a substance does against itself (friction) and on a hard floor (restitution). Bullet wants a number
a body and takes the product of two; `bullet_friction` and `bullet_restitution` are those numbers.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from .errors import UserError, nearest
from .recipe import PRESETS, known, numbers, of_kind, of_row, read_toml

if TYPE_CHECKING:
    from . import scene

PATH = PRESETS / "materials" / "table.toml"
KINDS = ("solid", "cloth", "fluid", "gas")
Color = tuple[float, float, float]
_HARD = 15e9
"""Pa: brick and all that is harder is the hard floor that the table's restitutions are measured on; wood is not."""
_FLOOR, _SWEEPS = 30.0, 100
"""How much more a pair with a still body weighs; rounds of the fit."""


@dataclass(frozen=True)
class Surface:
    """`color` and `accent`, the second colour of the pattern, are sRGB; the rest as the Principled shader has it."""

    color: Color
    roughness: float
    accent: Color | None = None
    metallic: float = 0.0
    transmission: float = 0.0
    ior: float = 1.5
    sheen: float = 0.0
    coat: float = 0.0
    subsurface: float = 0.0
    emission: float = 0.0
    pattern: str = "plain"


@dataclass(frozen=True)
class Substance:
    """`words` are other names of it. `density` kg/m³, `young_modulus` Pa, `viscosity` (kinematic) m²/s, `areal` kg/m²
    of a sheet, `surface_tension` N/m; the stiffness of a sheet is in the scale of Blender's cloth.

    `friction` is against itself, `restitution` that of a ball of it on a hard floor. Fluids have neither, nor elastic
    constants; what is not known of a substance is None. `breaks`: it is brittle.
    """

    name: str
    words: tuple[str, ...]
    kind: str
    density: float
    surface: Surface
    source: str
    friction: float = 0.0
    restitution: float = 0.0
    young_modulus: float | None = None
    poisson_ratio: float | None = None
    bending_stiffness: float | None = None
    stretch_stiffness: float | None = None
    areal: float | None = None
    viscosity: float | None = None
    surface_tension: float | None = None
    breaks: bool = False


_FIELDS = ("words", "kind", "breaks", "physics", "surface", "source")
_PARTS = {
    "physics": [each for each in dataclasses.fields(Substance) if each.name not in ("name", *_FIELDS)],
    "surface": dataclasses.fields(Surface),
}

_MOST = {"restitution": 1.0, "poisson_ratio": 0.5}
_MOST |= dict.fromkeys(("roughness", "metallic", "transmission", "sheen", "coat", "subsurface"), 1.0)


@cache
def substances() -> Mapping[str, Substance]:
    """By name."""
    return {name: _row(name, row) for name, row in read_toml(PATH).items()}


def _row(name: str, row: Mapping[str, Any]) -> Substance:
    with of_row(PATH, name):
        known(PATH, row, _FIELDS, f"[{name}] ")
        for part, fields in _PARTS.items():
            known(PATH, of_kind(dict, part, row[part]), [each.name for each in fields], f"[{name}] {part}: ")
            for each in fields:
                if each.default is dataclasses.MISSING and each.name not in row[part]:
                    raise KeyError(f"{part}.{each.name}")
        words, kind = tuple(of_kind(str, "words", row["words"]).split()), row.get("kind", "solid")
        if kind not in KINDS:
            raise TypeError(f"kind is {kind!r}, not one of {', '.join(KINDS)}")
        physics = {k: numbers(k, v, 0, _MOST.get(k, math.inf), above=k == "density") for k, v in row["physics"].items()}
        surface = Surface(**{k: _look(k, v) for k, v in row["surface"].items()})
        breaks, source = of_kind(bool, "breaks", row.get("breaks", False)), of_kind(str, "source", row["source"])
        return Substance(name, words, kind, surface=surface, source=source, breaks=breaks, **physics)


def _look(name: str, value: Any) -> Any:
    if name in ("color", "accent"):
        return numbers(name, value, 3, 1.0)
    return of_kind(str, name, value) if name == "pattern" else numbers(name, value, 0, _MOST.get(name, math.inf))


@cache
def named() -> Mapping[str, str]:
    """Every word for a substance, spaces as _, to the substance's name."""
    return {word: each.name for each in substances().values() for word in (*each.words, each.name)}


def substance(name: str) -> Substance:
    """By its name or another word for it; raises `UserError` with the nearest name."""
    plain = "_".join(name.lower().split()).replace("-", "_")
    if plain not in named():
        hint = nearest(plain, named(), sorted(substances()))
        raise UserError(f"There is no material {name!r}. {hint}", kind="usage")
    return substances()[named()[plain]]


def resolved(material: scene.Material, usual: str) -> Substance:
    """The row of a document's material, `usual` where it names none, with what the document says laid over it."""
    row = substance(material.name or usual)
    said = {
        field.name: value
        for field in dataclasses.fields(material)
        if field.name not in ("name", "color", "look") and (value := getattr(material, field.name)) is not None
    }
    if material.color is not None:
        red, green, blue = material.color
        said["surface"] = dataclasses.replace(row.surface, color=(red, green, blue))
    return dataclasses.replace(row, **said)


def as_sheet(row: Substance) -> Substance:
    """The same with a sheet's stiffness and weight: those of a substance that the table knows no sheet of are cotton's,
    so that a cloth of anything can hang."""
    usual, fields = substances()["cotton"], ("bending_stiffness", "stretch_stiffness", "areal")
    missing = {name: getattr(usual, name) for name in fields if getattr(row, name) is None}
    return dataclasses.replace(row, **missing)


def friction_between(a: Substance, b: Substance) -> float:
    """Of two bodies: the geometric mean, which no table contradicts by more than tables do each other."""
    return math.sqrt(a.friction * b.friction)


def restitution_between(a: Substance, b: Substance) -> float:
    """Of two bodies: each gives back its own share of what it takes up, and the softer one takes up more of it:
    e = (e_a E_b + e_b E_a) / (E_a + E_b). So a rubber ball bounces from steel as rubber does, and from foam as foam.
    """
    soft_a, soft_b = (1 / (each.young_modulus or 1e9) for each in (a, b))
    return (a.restitution * soft_a + b.restitution * soft_b) / (soft_a + soft_b)


def restitution_on(a: Substance, floor: Substance) -> float:
    """Of a moving body on one that stands still: the table's own number where that is hard."""
    hard = (floor.young_modulus or 0.0) >= _HARD
    return a.restitution if hard else restitution_between(a, floor)


def bullet_friction(a: Substance) -> float:
    """What Blender's rigid body wants, which multiplies the two: the root, so that products are `friction_between`."""
    return math.sqrt(a.friction)


def bullet_restitution(a: Substance) -> float:
    """What Blender's rigid body wants, which multiplies the two: the root, right for a substance on itself.

    Where a scene's bodies are known `bullet_restitutions` is nearer.
    """
    return math.sqrt(a.restitution)


def bullet_restitutions(moving: Mapping[str, Substance], still: Mapping[str, Substance]) -> dict[str, float]:
    """A number of 0 to 1 for each body by id, so that the products are `restitution_between` as near as can be.

    Least squares of the logarithms, weighted so that they are errors of the restitution, over all pairs that can meet,
    by coordinate descent. What falls on what stands still goes before what moving bodies do to each other, and with
    one still substance it comes out exact as far as numbers up to 1 allow.
    """
    bodies = {**moving, **still}
    met: dict[str, list[tuple[str, float, float]]] = {id: [] for id in bodies}
    for a in moving:
        for b in bodies:
            share = (restitution_on if b in still else restitution_between)(bodies[a], bodies[b])
            value, weight = math.log(max(share, 1e-3)), share**2 * (_FLOOR if b in still else 1.0) + 1e-9
            met[a].append((b, value, weight))
            if b in still:
                met[b].append((a, value, weight))
    found = {id: math.log(max(bullet_restitution(each), 1e-3)) for id, each in bodies.items()}
    for _ in range(_SWEEPS):
        for id, others in met.items():
            if others:
                up = sum(weight * (value - found[other]) for other, value, weight in others if other != id)
                up += sum(2 * weight * value for other, value, weight in others if other == id)
                down = sum(4 * weight if other == id else weight for other, _, weight in others)
                found[id] = min(up / down, 0.0)
    for id in moving:
        floors = [(value - found[other], weight) for other, value, weight in met[id] if other in still]
        if floors:
            found[id] = min(sum(v * w for v, w in floors) / sum(w for _, w in floors), 0.0)
    return {id: math.exp(value) for id, value in found.items()}
