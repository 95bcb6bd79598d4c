# SPDX-License-Identifier: GPL-3.0-or-later
"""`blender --command galatea …`: the command line of the backend, with this Blender for the scene steps."""

from __future__ import annotations

import os
from typing import Any

import bpy

_command: Any = None


def run(argv: list[str]) -> int:
    from ..backend.cli import main
    from . import prefs

    os.environ.setdefault("GALATEA_HOME", str(prefs.data_folder()))
    if not bpy.app.online_access:
        os.environ["GALATEA_OFFLINE"] = "1"
    return main(argv, blender=bpy.app.binary_path)


def register() -> None:
    global _command
    _command = bpy.utils.register_cli_command("galatea", run)


def unregister() -> None:
    global _command
    if _command is not None:
        bpy.utils.unregister_cli_command(_command)
        _command = None
