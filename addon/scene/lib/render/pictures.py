# SPDX-License-Identifier: GPL-3.0-or-later
"""Finished frames on disk: are they whole, and many of them on one sheet."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from .....backend.protocol.errors import UserError

Pixels = NDArray[Any]
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def png_is_whole(path: Path, width: int, height: int) -> bool:
    """A PNG of this size of which every byte is there: each chunk's checksum is right and the last is the end."""
    try:
        data = path.read_bytes()
    except OSError:
        return False
    if not data.startswith(_SIGNATURE):
        return False
    at, size = len(_SIGNATURE), None
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        end = at + 12 + length
        if end > len(data) or zlib.crc32(kind + body) != struct.unpack_from(">I", data, end - 4)[0]:
            return False
        if kind == b"IHDR":
            size = struct.unpack_from(">II", body)
        if kind == b"IEND":
            return size == (width, height)
        at = end
    return False


def prove(path: Path, width: int, height: int) -> None:
    """Blender does not say when a picture was cut short by a full disk; raises `UserError` then."""
    if not png_is_whole(path, width, height):
        message = f"{path.name} could not be written whole to {path.parent}. Free some disk space and run again."
        raise UserError(message, kind="output")


def read(path: Path, channels: int = 3, *, raw: bool = False) -> Pixels:
    """(H, W, 3), or 4 with straight alpha, the bottom row first, values as they are in the file; `raw` are numbers of
    an EXR, which are no colours and whose alpha covers nothing."""
    image = bpy.data.images.load(str(path))
    try:
        if raw:
            image.colorspace_settings.name, image.alpha_mode = "Non-Color", "CHANNEL_PACKED"
        width, height = image.size
        out = np.empty(width * height * 4, np.float32)
        image.pixels.foreach_get(out)
        return out.reshape(height, width, 4)[:, :, :channels]
    finally:
        bpy.data.images.remove(image)


def write(path: Path, pixels: Pixels) -> None:
    """(H, W, 3), or 4 with straight alpha, the bottom row first, as a PNG."""
    height, width, channels = pixels.shape
    rgba = np.ones((height, width, 4), np.float32)
    rgba[:, :, :channels] = pixels
    image = bpy.data.images.new("galatea picture", width, height, alpha=channels == 4)
    try:
        image.pixels.foreach_set(rgba.ravel())
        image.filepath_raw, image.file_format = str(path), "PNG"
        image.save()
    finally:
        bpy.data.images.remove(image)
    prove(path, width, height)


def smaller(pixels: Pixels, width: int) -> Pixels:
    """Shrunk by averaging to about this width; never enlarged."""
    factor = max(1, round(pixels.shape[1] / width))
    h, w = pixels.shape[0] // factor * factor, pixels.shape[1] // factor * factor
    blocks = pixels[:h, :w].reshape(h // factor, factor, w // factor, factor, 3)
    out: Pixels = blocks.mean(axis=(1, 3)).astype(np.float32)
    return out


def sheet(paths: list[Path], columns: int, *, cell: int = 240, gap: int = 6) -> Pixels:
    """Pictures of one size in rows, the first at the top left."""
    cells = [smaller(read(path), cell) for path in paths]
    h, w = cells[0].shape[:2]
    rows = -(-len(cells) // columns)
    out = np.full((rows * (h + gap) + gap, columns * (w + gap) + gap, 3), 0.09, np.float32)
    for number, picture in enumerate(cells):
        row, column = divmod(number, columns)
        y, x = (rows - 1 - row) * (h + gap) + gap, column * (w + gap) + gap
        out[y : y + h, x : x + w] = picture
    return out
