# SPDX-License-Identifier: GPL-3.0-or-later
"""Small pictures for the job list. Loaded when a job ends, never while drawing; freed on unregister."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy.utils.previews

_pictures: Any = None
_watched: Any = None
_watching = ""
_loaded: dict[str, str] = {}
"""The picture that each name shows. A file is loaded once: of two previews of one file Blender draws but one."""


def show(name: str, *paths: Path | None) -> None:
    """Let the name have this picture from now on; of several the one above the other, as an icon is square."""
    global _pictures
    there = [path for path in paths if path and path.is_file()]
    if not there or bpy.app.background:
        return
    if _pictures is None:
        _pictures = bpy.utils.previews.new()
    keys = [_load(path) for path in there]
    if len(keys) > 1:
        keys = [_stack(keys)]
    _loaded[name] = keys[0]
    if name == _watching:
        _forget()


def _load(path: Path) -> str:
    key = f"{path} {path.stat().st_mtime_ns}"
    if key not in _pictures:
        _pictures.load(key, str(path), "IMAGE")
    return key


def _stack(keys: list[str]) -> str:
    """A picture of these, from the top, all made as wide as the widest."""
    import numpy as np

    whole = "\n".join(keys)
    if whole in _pictures:
        return whole
    parts = []
    for key in keys:
        width, height = _pictures[key].image_size
        pixels = np.empty(width * height * 4, np.float32)
        _pictures[key].image_pixels_float.foreach_get(pixels)
        parts.append(pixels.reshape(height, width, 4))
    widest = max(part.shape[1] for part in parts)
    parts = [np.pad(part, ((0, 0), (0, widest - part.shape[1]), (0, 0))) for part in parts]
    pixels = np.concatenate(parts[::-1])  # their first row is the lowest
    made = _pictures.new(whole)
    made.image_size = (widest, len(pixels))
    made.image_pixels_float.foreach_set(pixels.ravel())
    return whole


def watch(name: str, path: Path) -> None:
    """Let the name have this picture until it has a last one. Of those before none is kept: a film has many frames."""
    global _watched, _watching
    _forget()
    _watched, _watching = bpy.utils.previews.new(), name
    _watched.load(str(path), str(path), "IMAGE")


def icon(name: str) -> int:
    """0 where there is no picture."""
    if _watched is not None and name == _watching:
        return int(next(iter(_watched.values())).icon_id)
    key = _loaded.get(name, "")
    return int(_pictures[key].icon_id) if key else 0


def register() -> None:
    pass


def _forget() -> None:
    """The picture of a film that runs."""
    global _watched, _watching
    if _watched is not None:
        bpy.utils.previews.remove(_watched)
    _watched, _watching = None, ""


def unregister() -> None:
    global _pictures
    _forget()
    if _pictures is not None:
        bpy.utils.previews.remove(_pictures)
        _pictures = None
    _loaded.clear()
