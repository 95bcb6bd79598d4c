# SPDX-License-Identifier: GPL-3.0-or-later
"""`hand addon.scene.lib.render.able`: what this Blender is and can do, tried and not looked up, a JSON line each.

What may kill the process comes last: drawing without a driver does.
"""

from __future__ import annotations

import json
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

import bpy

from .....backend.protocol.errors import UserError
from . import encode
from .engines import drawn_by, find_gpu, has_denoiser

TRIED = ("mp4", "h265", "av1", "webm", "prores")


def main(argv: list[str]) -> int:
    _tell(blender=bpy.app.version_string, version=list(bpy.app.version), python=platform.python_version())
    kind, names = find_gpu()
    _tell(cycles=kind, cards=names, denoiser=has_denoiser())
    with tempfile.TemporaryDirectory() as folder:
        _tell(films={name: _packs(name, Path(folder)) for name in TRIED})
        _tell(drawing=True)
        _tell(draws=_draws())
    return 0


def _tell(**what: Any) -> None:
    sys.stdout.write(f"\n{json.dumps(what)}\n")
    sys.stdout.flush()


def _packs(name: str, folder: Path) -> bool:
    try:
        encode.check(encode.Film(name, (64, 64), (24, 1.0)), folder)
    except UserError:
        return False
    return True


def _draws() -> str:
    """What drew a picture of nothing; empty where nothing can."""
    scene = bpy.data.scenes.new("able")
    scene.camera = bpy.data.objects.new("able", bpy.data.cameras.new("able"))
    scene.collection.objects.link(scene.camera)
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.render.resolution_x = scene.render.resolution_y = 16
    try:
        bpy.ops.render.render(scene=scene.name)
    except RuntimeError:
        return ""
    return drawn_by()
