# SPDX-License-Identifier: GPL-3.0-or-later
"""A line of the cast as things in hand: where they come from, how large they are and what they are made of."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import bpy

from .....backend.protocol import materials, props
from .....backend.protocol.errors import UserError
from .....backend.protocol.scene import Item
from ...props import make
from ...props.prop import Material, Part, Prop
from ..files import sizes
from ..material import substance
from ..placing import sizing
from . import assets, meshfile, standing_in

MOST_KINDS = 4
"""Of many of a kind so many are built differently; the others share their meshes."""
_NATURAL = ("rock", "tree", "fir", "mushroom", "flower", "cactus", "leaf", "apple", "book", "gift", "brick", "coin")
"""Things of which no two are alike."""
_SOME = 9
_SHADES = ((0.012, 0.95, 0.76), (-0.012, 0.85, 1.25))
"""Turn of the hue, shares of saturation and of value: what makes the second and the third of a few differ."""
_USUAL = 0.5
_FIELD, _POUR, _CLOUD, _BLOCK = 0.2, 0.06, 0.3, 0.4


_FITS, _FLOATS = 2.0, 5.0
_ANY_SIZE = ("ball", "crate", "rock")
"""How much wider a vessel is than what falls into it or floats in it, and what comes in every size."""
_ROOM, _LOOSE, _LARGER = 1.35, 0.4, 4.0
"""How much wider than one of anything a vessel is at least, the share of it that many fill, and how much larger than
usual it is made for that at most."""


@dataclass
class Cast:
    """All of an item: `props`, one or more, are shared by its `count` in turn. `name` of the table of things, or as it
    was called; `origin` mesh, asset, prop, stand-in, or empty for what is no thing (water, wind)."""

    item: Item
    name: str
    props: list[Prop]
    origin: str
    usual: str
    hollow: bool = False
    said: list[str] = field(default_factory=list)

    @property
    def soft(self) -> bool:
        return self.item.type in ("fluid", "smoke", "force_field", "cloth")


def _called(look: list[str]) -> props.Thing | None:
    """What the last words of a look name: a wine glass before a glass."""
    ends = ("_".join(look[start:]) for start in range(len(look)))
    return next((props.called()[end] for end in ends if end in props.called()), None)


def cast(item: Item, seed: int, shelf: assets.Shelf) -> Cast:
    """Find or make what the item names; raises `UserError` where its own mesh file cannot be used."""
    thing, whole = known(item.name), known(f"{item.look} {item.name}")
    if thing and whole and whole.name == thing.name:
        thing = whole
    called = _called(item.look.split())
    if called and thing and called.name == thing.name and item.look.split()[-1] != item.material.name:
        thing = called  # a glass is a cup that is called so
    if item.type == "force_field":
        return Cast(item, item.name, [], "", "")
    if item.type in ("fluid", "smoke") and (thing is None or thing.type in ("fluid", "smoke")):
        return _flowing(item)
    usual = _substance(item, thing.material if thing else "")
    said: list[str] = []
    size = sizing.sized(thing.size if thing else _size_of(item, said), _said_of(item), item.dimensions)
    material = _materials(item, usual, seed, max(size))
    out = Cast(item, thing.name if thing else item.name, [], "", usual, bool(thing and thing.hollow), said)
    if item.mesh.file:
        out.props, out.origin = [meshfile.prop(Path(item.mesh.file), item.mesh.sha256, size, item)], "mesh"
        return out
    found = shelf.find(item.name)
    if found:
        out.props, out.origin = [meshfile.asset(found, size, item)], "asset"
        out.said.append(f"{item.name}: taken from {found.place}")
        return out
    if thing is not None and thing.name in _buildable():
        tints = _tints(item, usual)
        kinds = min(item.count, MOST_KINDS) if thing.name in _NATURAL else len(tints)
        words = f"{item.name} {_said_of(item)}{' colored' if item.material.color else ''}"
        own = [_materials(item, usual, seed, max(size), tints[k % len(tints)]) for k in range(kinds)]
        chance = [seed + item.seed + (k if thing.name in _NATURAL else 0) for k in range(kinds)]
        out.props = [make(thing.name, size, own[k], chance[k], words) for k in range(kinds)]
        out.origin = "prop"
        return out
    out.props, out.origin = [standing_in.prop(item, size, material)], "stand-in"
    why = f"{thing.name} has a row in things.toml and no function of its name" if thing else f"No {item.name} is known"
    out.said.append(f"{why}: a box with its name stands in. Give its object mesh.file, or add it to an asset library.")
    return out


def known(name: str) -> props.Thing | None:
    """The thing of the table that a noun names; its last words count where the whole is not known."""
    words = "_".join(name.lower().replace("-", " ").replace("'", "").split()).split("_")
    for start in range(len(words)):
        whole = "_".join(words[start:])
        for form in (whole, whole.removesuffix("s"), whole.removesuffix("es"), f"{whole[:-3]}f"):
            if form in props.called():
                return props.called()[form]
    return None


def fitting(items: Sequence[Item]) -> tuple[list[Item], list[str]]:
    """The items, so that there is room in a vessel for what is in it, falls into it or floats in it, where nobody said
    how large they are: the vessel is larger than usual, or what comes in every size smaller; and what to say of it."""
    rows, said = {item.id: item for item in items}, []
    for item in items:
        vessel = rows.get(item.relation.target)
        floats = bool(vessel and vessel.type == "fluid" and vessel.relation.kind == "in")
        vessel = rows.get(vessel.relation.target) if vessel and floats else vessel
        thing, inner = known(vessel.name) if vessel else None, known(item.name)
        if not vessel or not thing or not thing.hollow or vessel.mesh.file or item.type in ("fluid", "smoke"):
            continue
        usual = inner.size if inner else (_USUAL,) * 3
        room, own = (sizing.sized(u, _said_of(i), i.dimensions) for u, i in ((thing.size, vessel), (usual, item)))
        inside = item.relation.kind == "in" and not floats
        if inside and not vessel.dimensions:
            each = math.ceil(item.count / vessel.count)
            wide = _ROOM * max(own[:2]) / min(room[:2])
            full = (each * max(own[0] * own[1] * own[2], 1e-12) / (_LOOSE * room[0] * room[1] * room[2])) ** (1 / 3)
            if 1.0 < max(wide, full) <= _LARGER:
                rows[vessel.id] = _times(vessel, room, max(wide, full))
                said.append(
                    f"{vessel.id} is made {max(wide, full):.2g} times as large as usual, so that {item.id} has room."
                )
        elif not inside and item.relation.kind in ("on", "above", "in") and item.type == "rigid_body":
            if item.dimensions or item.mesh.file:
                continue
            any_size = not inner or inner.name in _ANY_SIZE
            least = (_FLOATS if any_size else _ROOM) if floats else _FITS if any_size else 0.0
            if least * max(own[:2]) > min(room[:2]):
                rows[item.id] = _times(item, own, min(room[:2]) / (least * max(own[:2])))
                large = 100 * max(rows[item.id].dimensions or own)
                said.append(f"{item.id} is made {large:.2g} cm large, so that it goes into {vessel.id}.")
    return list(rows.values()), said


def _times(item: Item, size: tuple[float, float, float], factor: float) -> Item:
    """So many times as large."""
    return replace(item, dimensions=(size[0] * factor, size[1] * factor, size[2] * factor))


def _buildable() -> Mapping[str, object]:
    from ...props import builders

    return builders()


def _said_of(item: Item) -> str:
    return f"{item.look} {item.material.look}".strip()


def _size_of(item: Item, said: list[str]) -> tuple[float, float, float]:
    """Of what no table of things has: a cube of its usual height."""
    try:
        metres, _ = sizes.usual(item.name)
    except UserError:
        metres = _USUAL
        if item.dimensions is None:
            said.append(f"How large is {item.name}? It is taken for {_USUAL} m. Give its object dimensions.")
    return metres, metres, metres


def _substance(item: Item, usual: str) -> str:
    """The name of a substance of the table; the usual one may be none, such as the name of a fluid."""
    if item.material.name:
        return str(materials.substance(item.material.name).name)
    return str(materials.named().get("_".join(usual.lower().split()), "plastic"))


def _tints(item: Item, usual: str) -> list[tuple[float, float, float] | None]:
    """sRGB of a few of a kind that may touch: each a little other than the next, or they would look like one; None is
    the colour that was said."""
    row = materials.substances()[usual].surface
    if item.type not in ("rigid_body", "soft_body") or not 2 <= item.count <= _SOME:
        return [None]
    if row.metallic > 0.5 or row.transmission > 0.3:
        return [None]
    hue, full, value = colorsys.rgb_to_hsv(*(item.material.color or row.color))
    others = [colorsys.hsv_to_rgb((hue + turn) % 1.0, full * less, min(1.0, value * more + 0.02))
              for turn, less, more in _SHADES]  # fmt: skip
    return [None, *others][: item.count]


def _materials(
    item: Item, usual: str, seed: int, size: float, shade: tuple[float, float, float] | None = None
) -> Material:
    """What builders ask for materials: that of the item, with its colour and look, or another by name."""

    def give(name: str) -> bpy.types.Material:
        if name and name != usual:
            return substance.material(name, seed=seed + item.seed)
        color = shade or item.material.color
        tint = (color[0], color[1], color[2]) if color else None
        return substance.material(usual, color=tint, look=_said_of(item), seed=seed + item.seed, size=size)

    return give


def _flowing(item: Item) -> Cast:
    """A block of a liquid, a source of it, or a place that smokes: a plain shape that says where."""
    from . import plain

    usual = _substance(item, item.name if item.type == "fluid" else "smoke")
    usual = "water" if item.type == "fluid" and materials.substances()[usual].kind != "fluid" else usual
    side = (_POUR if item.flow > 0 else _BLOCK) if item.type == "fluid" else _CLOUD
    size = sizing.sized((side, side, side if item.type == "fluid" else 0.3 * side), _said_of(item), item.dimensions)
    mesh = plain.box(item.name, size)
    mesh.materials.append(_materials(item, usual, 0, max(size))(""))
    return Cast(item, item.name, [Prop([Part(item.name, mesh, shape="box")])], "", usual)
