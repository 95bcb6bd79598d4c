# SPDX-License-Identifier: GPL-3.0-or-later
"""Open a .blend file in a Blender of our own."""

from __future__ import annotations

from pathlib import Path

import bpy

from .....backend.protocol.errors import UserError


def open_scene(path: Path) -> None:
    """A .blend file, in place of the open data; none of its scripts runs."""
    try:
        bpy.ops.wm.open_mainfile(filepath=str(path), load_ui=False, use_scripts=False)
    except RuntimeError as error:
        why = (str(error).strip().splitlines() or ["damaged"])[-1].removeprefix("Error: ").rstrip(".")
        raise UserError(f"{path.name} cannot be opened: {why}. Choose a .blend file that Blender opens.") from None
