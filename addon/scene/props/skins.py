# SPDX-License-Identifier: GPL-3.0-or-later
"""Materials of a thing's parts, where a part has a colour that the thing does not: stripes, pips, ribbons."""

from __future__ import annotations

import json

import bpy

from ..lib.material import substance as substances
from ..lib.render.tone import linear
from .prop import Kit

Color = tuple[float, float, float]
COLORS = (
    "red", "orange", "yellow", "green", "blue", "purple", "violet", "pink", "brown", "black", "white", "grey",
    "gray", "golden", "silver", "turquoise", "cyan", "magenta", "beige", "cream", "crimson", "scarlet",
    "navy", "teal", "lime", "olive", "maroon", "lilac", "indigo", "amber", "ivory",
)  # fmt: skip
MOTIFS = ("striped", "stripes", "stripy", "checked", "checkered", "chequered", "dotted", "dots", "spotted", "plaid")
"""Words for a pattern that the material itself has, so that the thing has none of its own."""


def said(kit: Kit, *words: str) -> bool:
    """One of these words was said of it."""
    heard = kit.words.replace(",", " ").replace("_", " ").split()
    return any(word in heard for word in words)


def substance_of(kit: Kit) -> str:
    """What the thing is made of; empty where its material is none of the table's."""
    material = kit.material("")
    return str(json.loads(material[substances.KEY])[0]) if substances.KEY in material else ""


def usual(kit: Kit, color: Color, *of: str) -> Color | None:
    """The colour that such a thing has where none was said, and where it is made of one of `of`, if any are given; else
    None, which is the thing's own."""
    if of and substance_of(kit) not in ("", *of):
        return None
    return None if said(kit, "colored", *COLORS) else color


def skinned(kit: Kit, substance: str = "", color: Color | None = None) -> bpy.types.Material:
    """The substance ("" is what the thing is made of), in its own colour and look or plainly in this colour (sRGB)."""
    material = kit.material(substance)
    if color is None:
        return material
    if substances.KEY in material:
        name, _, _, seed, *_ = json.loads(material[substances.KEY])
        return substances.material(name, color=color, seed=seed)
    name = f"{material.name} {bytes(round(255 * c) for c in color).hex()}"
    found = bpy.data.materials.get(name)
    if found:
        return found
    made = material.copy()
    made.name, made.diffuse_color = name, (*linear(color), 1.0)
    for node in made.node_tree.nodes if made.node_tree else ():
        if node.type == "BSDF_PRINCIPLED":
            node.inputs["Base Color"].default_value = (*linear(color), 1.0)
    return made
