# SPDX-License-Identifier: GPL-3.0-or-later
"""Names by which game engines know levels of detail and collision hulls when they read a file.

Unity makes a group of meshes that end in _LOD0, _LOD1 …; it has no name for hulls, _COL is what its users write.
Unreal takes UCX_<mesh>_00, _01 … as the hulls of <mesh>. Godot makes a convex shape of what ends in -convcolonly; it
makes its own levels from the finest mesh, so the others end in -noimp lest it shows all of them at once.
"""

from __future__ import annotations

import re

_ENDS = re.compile(r"(_LOD\d+(-noimp)?)?(\.\d{3})?$")
_LENGTH = 48
"""Blender cuts names at 63 bytes; what is added must stay whole."""


def base(name: str) -> str:
    """The name of the asset, whatever level of it bears this name."""
    return _ENDS.sub("", name).encode()[:_LENGTH].decode(errors="ignore") or "Galatea"


def level(name: str, number: int, target: str) -> str:
    if target == "godot":
        return f"{name}_LOD{number}-noimp" if number else name
    return f"{name}_LOD{number}"


def hull(body: str, number: int, target: str) -> str:
    """`body` is the whole name of the object that it belongs to, a level's ending included."""
    if target == "unreal":
        return f"UCX_{body}_{number:02}"
    if target == "godot":
        return f"{base(body)}_{number:02}-convcolonly"
    return f"{base(body)}_COL_{number:02}"
