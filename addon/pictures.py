# SPDX-License-Identifier: GPL-3.0-or-later
"""An image of the .blend as a file that another process can read. Main thread only: it reads pixels."""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from pathlib import Path

import bpy
import numpy as np
from numpy.typing import NDArray

from ..backend.protocol import whole
from ..backend.protocol.errors import UserError

_FIRST_FRAME = (".gif", ".webp", ".png")
"""Of such a moving picture the worker takes the first frame, and says so."""


def as_file(image: bpy.types.Image, folder: Path) -> Path:
    """The image's own file where it says all; else its pixels as a PNG in the folder, named after their content."""
    path = own_file(image)
    if image.source == "MOVIE" and path and path.suffix.lower() in _FIRST_FRAME and path.is_file():
        return path
    if image.source in {"MOVIE", "SEQUENCE", "TILED"}:
        raise UserError(f"{image.name} is not a single picture ({image.source.lower()}). Choose a still image.")
    if path:
        if not path.is_file():
            raise UserError(f"The file of {image.name} is not there: {path}. Choose the image again.")
        return path
    return write(image, folder)


def own_file(image: bpy.types.Image) -> Path | None:
    """Where its pixels are those of a file; nothing is looked up."""
    if image.source not in {"FILE", "MOVIE"} or image.packed_file or image.is_dirty:
        return None
    return Path(bpy.path.abspath(image.filepath, library=image.library))


def may_be(image: bpy.types.Image, path: Path) -> bool:
    """Whether `as_file` may have given this path, without a look at the pixels."""
    own = own_file(image)
    return path == own if own else path.name.startswith(_stem(image) + "-")


def _stem(image: bpy.types.Image) -> str:
    return re.sub(r"[^\w-]+", "_", image.name).strip("_")[:40] or "image"


def write(image: bpy.types.Image, folder: Path) -> Path:
    pixels = _pixels(image)
    png = encode(pixels)
    path = folder / f"{_stem(image)}-{hashlib.sha256(png).hexdigest()[:12]}.png"
    if not path.is_file():
        whole.write(path, png)
    return path


def _pixels(image: bpy.types.Image) -> NDArray[np.uint8]:
    """(height, width, 4), top row first, sRGB."""
    width, height = image.size
    if not (width and height) or len(image.pixels) != width * height * image.channels:
        raise UserError(f"{image.name} has no pixels that can be read. Save it as a file and choose that.")
    values = np.empty(width * height * image.channels, np.float32)
    image.pixels.foreach_get(values)
    raw = values.reshape(height, width, image.channels)[::-1]
    rgba = np.ones((height, width, 4), np.float32)
    if image.channels >= 3:
        rgba[..., : image.channels] = raw
    else:
        rgba[..., :3] = raw[..., :1]
    if image.is_float:  # scene-linear light; byte images hold display values already
        light = np.clip(rgba[..., :3], 0.0, 1.0)
        rgba[..., :3] = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return (np.clip(np.nan_to_num(rgba), 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)


def encode(rgba: NDArray[np.uint8]) -> bytes:
    """A PNG of 8-bit RGBA. Blender's own writer would put the view transform on it."""
    height, width = rgba.shape[:2]
    rows = np.zeros((height, 1 + width * 4), np.uint8)
    rows[:, 1:] = rgba.reshape(height, -1)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows.tobytes(), 6)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body
