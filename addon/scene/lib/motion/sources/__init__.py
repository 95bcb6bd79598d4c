# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion files of any sender as takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ......backend.protocol.errors import UserError
from ..take import Take
from . import bvh, imported, poses

SUFFIXES = (".bvh", ".fbx", ".glb", ".gltf", ".npz")
LARGEST = 1 << 30
"""Bytes of the largest file that is opened."""
Tell = Callable[[str], None]
Tick = Callable[[float], None]


def read(path: Path, clip: str, *, warn: Tell, tick: Tick) -> Take:
    """The motion of a file: metres, Z up, faces -Y at rest. `clip` is the name or number, from 1, of one of several.

    `warn` is told what is odd and could be mended, `tick` how far it is, 0 to 1.
    """
    kind = path.suffix.lower()
    if kind not in SUFFIXES:
        raise UserError(f"{path.name} is no motion file that can be read. Choose one of: {', '.join(SUFFIXES)}.")
    try:
        size = path.stat().st_size
    except OSError as error:
        raise UserError(f"{path.name} cannot be read: {error.strerror}. Choose another file.") from None
    if size == 0:
        raise UserError(f"{path.name} is empty. Choose another file.")
    if size > LARGEST:
        raise UserError(f"{path.name} is larger than 1 GB. Cut the motion to the part that you need.")
    if kind == ".bvh":
        return bvh.read(path, warn=warn, tick=tick)
    if kind == ".npz":
        return poses.read(path, warn=warn)
    return imported.read(path, clip, warn=warn, tick=tick)
