# SPDX-License-Identifier: GPL-3.0-or-later
"""Run scene steps as jobs in a Blender of our own: the file of the step before comes in, the changed file goes out.

Never used in the artist's Blender, whose file it would replace.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import bpy

from ...backend.protocol import own
from ...backend.protocol.errors import UserError
from ...backend.protocol.job import Request
from ...backend.protocol.spec import BackendSpec
from .lib.files.opening import open_scene
from .work import NAME, Work

if TYPE_CHECKING:
    from ...backend.worker.report import Report

_NOT_STEPS = ("host", "work", "lib", "props")
_open: str = ""
"""The scene file that the open data equals; the next step of the same chain need not load it again."""


class SceneStep:
    """A module of this folder, or the user's own, as a backend of the worker."""

    def __init__(self, step: str) -> None:
        self.module = own.module(step, __package__)
        self.spec: BackendSpec = self.module.SPEC

    def run(self, request: Request, params: dict[str, Any], report: Report) -> None:
        global _open
        files = {role: Path(path) for role, path in request.inputs.items()}
        scene = str(files.get("scene", ""))
        if not scene:
            # not read_factory_settings: that empties the folder of the wheels which all extensions share
            bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        elif scene != _open:
            report.progress("Opening the scene", 0.0)
            open_scene(Path(scene))
            _named()
        _open = ""
        work = Work(report, files, seed=request.seed)
        work.steps = report.steps(work.told())
        work.steps[-1]["versions"] = {"bpy": bpy.app.version_string}
        kept = bpy.context.preferences.filepaths
        kept.save_version = 0
        kept.file_preview_type = "NONE"  # without a window it is the start-up file's cube, and lies in the home too
        self.module.run(work, **params)
        if "scene" in self.spec.outputs:
            work.tell()
            path = report.file("scene", "scene.blend")
            bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True, compress=True)
            _prove(path)
            _open = str(path)


def _named() -> None:
    """What was copied for the way here gets the name of what it was copied from, and a motion of ours its own."""
    for obj in bpy.data.objects:
        if NAME in obj:
            name = obj.pop(NAME)
            obj.name = name if name not in bpy.data.objects else obj.name
    for action in bpy.data.actions:
        name = action.get(NAME, "")
        if name and name not in bpy.data.actions and re.fullmatch(re.escape(name) + r"\.\d+", action.name):
            action.name = name


def _prove(path: Path) -> None:
    """Blender says that it saved even where the disk was full: look into the file."""
    try:
        with bpy.data.libraries.load(str(path)) as (found, _):
            whole = bool(found.scenes)
    except OSError:
        whole = False
    if not whole:
        message = f"The scene could not be written whole to {path.parent}. Free some disk space and run again."
        raise UserError(message, kind="output")


def load(step: str) -> SceneStep:
    return SceneStep(step)


def specs() -> list[BackendSpec]:
    """Of every step of this folder."""
    names = sorted(m.name for m in pkgutil.iter_modules([str(Path(__file__).parent)]) if m.name not in _NOT_STEPS)
    return [_spec(importlib.import_module(f"{__package__}.{name}")) for name in names]


def _spec(module: ModuleType) -> BackendSpec:
    """What the step says of itself; its `run` is to take what that names."""
    spec: BackendSpec = module.SPEC
    try:
        inspect.signature(module.run).bind(None, **{param.name: param.default for param in spec.params})
    except TypeError as error:
        raise TypeError(f"run() of {spec.id} and its params: {error}") from None
    return spec


def main(argv: list[str]) -> int:
    """`ID`: say its spec; what `galatea backends trust` asks a process of its own, for the file runs here."""
    sys.stdout.write(json.dumps(_spec(SceneStep(argv[0]).module).to_json()) + "\n")
    return 0
