# SPDX-License-Identifier: GPL-3.0-or-later
"""Names by which game engines know levels of detail and collision hulls when they read a file.

In a scene they bear the names for no target in particular; an export gives them those of its own for a while.

Unity makes a group of meshes that end in _LOD0, _LOD1 …; it has no name for hulls, _COL is what its users write.
Unreal takes UCX_<mesh>_00, _01 … as the hulls of <mesh>. Godot makes a convex shape of what ends in -convcolonly; it
makes its own levels from the finest mesh, so the others end in -noimp lest it shows all of them at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import bpy

from ...work import ROLE

LEVEL = "galatea_lod"
"""Custom property: which level an object is. The body is 0, whatever else is one has the role `lod`."""
_ENDS = re.compile(r"(_LOD\d+(-noimp)?)?(\.\d{3})?$")
_BESIDE = re.compile(r"_LOD[1-9]\d*(-noimp)?(\.\d{3})?$|^UCX_|_COL_\d\d(\.\d{3})?$|-(conv)?colonly(\.\d{3})?$")
_LENGTH = 48
"""Blender cuts names at 63 bytes; what is added must stay whole."""


def base(name: str) -> str:
    """The name of the asset, whatever level of it bears this name."""
    return _ENDS.sub("", name).encode()[:_LENGTH].decode(errors="ignore") or "Galatea"


def plain(name: str) -> str:
    """Without the letters that Unreal replaces."""
    return re.sub(r"[^\w.:-]", "_", name, flags=re.ASCII)


def beside(name: str) -> bool:
    """A coarser level or a hull of something bears this name."""
    return bool(_BESIDE.search(name))


def level(name: str, number: int, target: str = "none") -> str:
    if target == "godot":
        return f"{name}_LOD{number}-noimp" if number else name
    return f"{name}_LOD{number}"


def hull(body: str, number: int, target: str = "none") -> str:
    """`body` is the whole name of the object that it belongs to, a level's ending included."""
    if target == "unreal":
        return f"UCX_{body}_{number:02}"
    if target == "godot":
        return f"{base(body)}_{number:02}-convcolonly"
    return f"{base(body)}_COL_{number:02}"


@contextmanager
def named(objects: Sequence[bpy.types.Object], target: str) -> Iterator[None]:
    """The body, which is the first, its levels and its hulls bear a target's names for a while, their data too; for
    Unreal whatever goes along has names of plain letters."""
    body = objects[0]
    asset = base(body.name)
    ours = level(asset, 0, target) if LEVEL in body else body.name
    fit = plain if target == "unreal" else str
    hulls = sorted((obj for obj in objects if obj.get(ROLE) == "collision"), key=lambda obj: obj.name)
    wanted = [(obj, hull(ours, number, target)) for number, obj in enumerate(hulls)]
    wanted += [(obj, level(asset, obj[LEVEL], target)) for obj in objects if obj.get(ROLE) == "lod"]
    wanted += [(body, ours)]
    looks = dict.fromkeys(slot.material for obj in objects for slot in obj.material_slots if slot.material)
    before = [(thing, thing.name) for thing in (*looks, *(each for obj in objects for each in (obj, obj.data) if each))]
    for obj, name in wanted:
        obj.name = obj.data.name = name
    for thing, _ in before:
        thing.name = fit(thing.name)
    try:
        yield
    finally:
        for thing, name in before:
            thing.name = name
