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
        return pixels_of(image)[:, :, :channels]
    finally:
        bpy.data.images.remove(image)


def pixels_of(image: bpy.types.Image) -> Pixels:
    """(H, W, 4) float32, the stored values: sRGB in a colour image of 8 bits, plain numbers in others."""
    out = np.empty(image.size[0] * image.size[1] * 4, np.float32)
    image.pixels.foreach_get(out)
    return out.reshape(image.size[1], image.size[0], 4)


def thumbnail(image: bpy.types.Image, width: int, height: int) -> Pixels:
    """(H, W, 4), the stored values of a small copy."""
    small = image.copy()
    try:
        small.scale(width, height)
        return pixels_of(small)
    finally:
        bpy.data.images.remove(small)


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


def png16(values: Pixels) -> bytes:
    """(H, W) or (H, W, 3), 0 to 1, the top row first, as a PNG of 16 bits."""
    height, width = values.shape[:2]
    numbers = np.round(np.clip(values, 0, 1) * 65535).astype(">u2").reshape(height, -1)
    rows = np.concatenate([np.zeros((height, 1), np.uint8), numbers.view(np.uint8).reshape(height, -1)], axis=1)
    head = struct.pack(">IIBBBBB", width, height, 16, 2 if values.ndim == 3 else 0, 0, 0, 0)
    body = ((b"IHDR", head), (b"IDAT", zlib.compress(rows.tobytes(), 4)), (b"IEND", b""))
    return _SIGNATURE + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in body
    )


def smaller(pixels: Pixels, width: int) -> Pixels:
    """Shrunk by averaging to about this width; never enlarged."""
    factor = max(1, round(pixels.shape[1] / width))
    h, w = pixels.shape[0] // factor * factor, pixels.shape[1] // factor * factor
    blocks = pixels[:h, :w].reshape(h // factor, factor, w // factor, factor, 3)
    out: Pixels = blocks.mean(axis=(1, 3)).astype(np.float32)
    return out


def sheet(cells: list[Pixels], columns: int, *, gap: int = 0, ground: float = 0.0) -> Pixels:
    """Pictures of one size in rows, the first at the top left, with `ground` between them."""
    h, w, channels = cells[0].shape
    rows = -(-len(cells) // columns)
    out = np.full((rows * (h + gap) + gap, columns * (w + gap) + gap, channels), ground, np.float32)
    for number, picture in enumerate(cells):
        row, column = divmod(number, columns)
        y, x = (rows - 1 - row) * (h + gap) + gap, column * (w + gap) + gap
        out[y : y + h, x : x + w] = picture
    return out
