# SPDX-License-Identifier: GPL-3.0-or-later
"""Which way is up and front in a file, and what its numbers count, for the program that will read it.

An axis here is one of the file, and `front` is where the face of the object looks. A format that fixes its up or tells
its unit (glTF, USD) keeps that for every target: its readers turn and scale by it themselves.

Unity and Godot take Y up, +Z in front, metres. Unreal takes +X as front and centimetres where the file names no unit
that its importer heeds; coming from right-handed axes it negates Y, which leaves front and up alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from .....backend.protocol.errors import UserError

TARGETS = ("none", "unity", "unreal", "godot", "blender")
AXES = ("X", "-X", "Y", "-Y", "Z", "-Z")
USD = ("usd", "usda", "usdc", "usdz")
ALWAYS_Y = ("glb", "gltf", "abc")
"""Formats whose up is Y whatever a reader would like."""
_Z_UP = ("stl", "ply")
_METRES = ("glb", "gltf", *USD)
"""Formats that say what their numbers count, and whose readers heed it."""


@dataclass(frozen=True)
class Frame:
    """`up` is Y or Z, `front` one of AXES, `unit` the metres that a one in the file stands for."""

    up: str
    front: str
    unit: float = 1.0

    @property
    def turn(self) -> float:
        """Radians about the vertical that bring the front from -Y of Blender to where this file wants it."""
        x, y = {"X": (1, 0), "-X": (-1, 0)}.get(self.front, (0, 0))
        if (x, y) == (0, 0):
            # the exporters map (x, y, z) to (x, z, -y) where Y is up
            y = {"Y": {"Z": -1, "-Z": 1}, "Z": {"Y": 1, "-Y": -1}}[self.up][self.front]
        return math.atan2(y, x) + math.pi / 2


def frame(format: str, target: str = "none", up: str = "auto", forward: str = "auto") -> Frame:
    """What a file of this format is like for a target; raises `UserError` on axes that cannot be."""
    usual = _usual(format, target)
    if up == "auto":
        up = usual.up
    elif up != usual.up and format in ALWAYS_Y:
        raise UserError(f"{format} always has Y up. Leave export.up at auto, or choose another format.", kind="usage")
    if forward == "auto":
        forward = usual.front if usual.front[-1] != up else {"Y": "Z", "Z": "-Y"}[up]
    elif forward[-1] == up:
        raise UserError(f"export.forward cannot be {forward} where {up} is up. Choose another axis.", kind="usage")
    return Frame(up, forward, usual.unit)


def _usual(format: str, target: str) -> Frame:
    own = Frame("Z", "-Y") if format in _Z_UP else Frame("Y", "Z")
    if target == "unreal":
        return Frame("Y" if format in ALWAYS_Y else "Z", "X", 1.0 if format in _METRES else 0.01)
    if target in ("unity", "godot"):
        return Frame("Y", "Z")
    if target == "blender" and format in USD:
        return Frame("Z", "-Y")
    return own
