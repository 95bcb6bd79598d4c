# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of a scene in words, as they stand in a Blender file: found again by custom properties, never by name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import bpy

from .....backend.protocol import scene as scenes
from .....backend.protocol.errors import UserError

SPEC = "galatea_scene"
"""Custom property of the scene: its whole document, as `scene.json` has it."""
ITEM, INDEX, PART, NUMBER = "galatea_item", "galatea_index", "galatea_part", "galatea_part_number"
"""Custom properties of an object: the id of its line of the cast, which of `count` it is (from 0), the part's name and
where it stands among its prop's parts (0 is the main one).

All of them bear the role "body" too, so that stage, camera and film see them.
"""
SHAPE, STILL, SUBSTANCE = "galatea_shape", "galatea_still", "galatea_substance"
"""Custom properties of an object, of its prop's part: collision shape, does not move, material of the table."""
JOINT = "galatea_joint"
"""Custom property of an empty: the joint of a prop or a constraint of the document, as JSON; see `joints`."""


@dataclass(frozen=True)
class Thing:
    """One of the `count` of an item; `parts` in the order of its prop, the main one first."""

    item: scenes.Item
    index: int
    parts: tuple[bpy.types.Object, ...]

    @property
    def main(self) -> bpy.types.Object:
        return self.parts[0]


def document(scene: bpy.types.Scene) -> scenes.SceneSpec:
    """The document that the open scene was built from; raises `UserError` where it was built from none."""
    text = scene.get(SPEC)
    if not text:
        raise UserError("This scene was not built from words. Build one first: galatea simulate.")
    return scenes.validate(json.loads(text))


def things(scene: bpy.types.Scene) -> Iterator[Thing]:
    """All of them, in the order of the cast."""
    spec = document(scene)
    found: dict[tuple[str, int], list[bpy.types.Object]] = {}
    for obj in scene.objects:
        if ITEM in obj:
            found.setdefault((obj[ITEM], int(obj[INDEX])), []).append(obj)
    for item in spec.objects:
        for index in range(item.count):
            parts = found.get((item.id, index))
            if parts:
                parts.sort(key=lambda obj: int(obj[NUMBER]))
                yield Thing(item, index, tuple(parts))
