# SPDX-License-Identifier: GPL-3.0-or-later
"""What a scene step is given: files by role, objects by role, and a report. Never a pointer that is kept."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ...backend.protocol.errors import UserError
from ...backend.protocol.provenance import PROPERTY, Step, document, steps_of

if TYPE_CHECKING:
    from ...backend.worker.report import Report

ROLE = "galatea_role"
"""Custom property of objects and collections: what a thing is for us. Names belong to the user."""
NAME = "galatea_name"
"""Custom property of a copy on its way to a step: the name of what it was copied from; of a motion that a step made:
what it was called, for in the user's file Blender numbers it."""

_OFTEN = 0.1


class Work:
    """One run of one step on the open file. Objects are looked up by role at each use: undo kills pointers."""

    def __init__(self, report: Report, files: dict[str, Path], *, seed: int = 0) -> None:
        self.report, self.files, self.seed = report, files, seed
        self.steps: list[Step] = []
        """What led to this scene, this step the last."""

    @property
    def collection(self) -> bpy.types.Collection:
        """The collection of this asset; made where there is none."""
        for collection in bpy.data.collections:
            if collection.get(ROLE) == "asset":
                return collection
        collection = bpy.data.collections.new("Galatea")
        collection[ROLE] = "asset"
        bpy.context.scene.collection.children.link(collection)
        return collection

    def objects(self, role: str) -> Iterator[bpy.types.Object]:
        for obj in bpy.context.scene.objects:
            if obj.get(ROLE) == role:
                yield obj

    def has(self, role: str) -> bool:
        return any(True for _ in self.objects(role))

    def object(self, role: str) -> bpy.types.Object:
        """The one object of this role; raises `UserError` where there is none."""
        for obj in self.objects(role):
            return obj
        if "scene" not in self.files:
            text = f"There is no {role}: this step was given no scene. One that works on one has it in its `inputs`."
            raise UserError(text)
        raise UserError(f"The scene has no {role}. Run the step that makes it first.")

    def add(self, role: str, obj: bpy.types.Object) -> bpy.types.Object:
        """Give a new object its role and a place in the asset's collection."""
        obj[ROLE] = role
        if obj.name not in self.collection.objects:
            self.collection.objects.link(obj)
        return obj

    def keep(self, body: bpy.types.Object, full: bpy.types.Mesh) -> bpy.types.Object:
        """Put the full mesh of a body where the body is, as the source that textures are baked from.

        It is out of sight from the start, for it lies in the body; baking shows it for as long as it needs it.
        """
        source = self.add("source", bpy.data.objects.new(f"{body.name} source", full))
        full.name = source.name
        source.matrix_world = body.matrix_world
        source.hide_render = source.hide_viewport = True
        return source

    def told(self) -> list[Step]:
        """The steps that the body of the open file names."""
        return [step for body in self.objects("body") for step in steps_of(body.get(PROPERTY))]

    def tell(self) -> None:
        """Say in the body where it comes from, which it takes along wherever it is copied or appended."""
        for body in self.objects("body"):
            body[PROPERTY] = json.dumps(document(self.steps))

    def progress(self, phase: str, fraction: float) -> None:
        self.report.progress(phase, fraction)

    def beat(self, phase: str, fraction: float) -> Callable[[], None]:
        """A sign of life for loops to call as often as they like: it is passed on ten times a second at most."""
        last = 0.0

        def go() -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= _OFTEN:
                last = now
                self.progress(phase, fraction)

        return go

    def file(self, role: str, name: str, **meta: Any) -> Path:
        return self.report.file(role, name, **meta)
