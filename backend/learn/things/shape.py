# SPDX-License-Identifier: GPL-3.0-or-later
"""What a reader gives: surfaces with materials, in the axes of the file, and how they become a Thing's arrays."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .thing import TEXTURE_SIDE, Pixels, Thing, check, normalise

FORMATS = ("PNG", "JPEG", "DDS", "TGA", "BMP", "GIF", "WEBP", "TIFF", "SGI")
MAX_PIXELS = 64_000_000
"""A texture above this is left out by its header, before a pixel is decoded."""

Y_UP = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
"""From Y up, facing +Z (glTF, Sweet Home 3D) to Z up, facing -Y: columns are multiplied from the left."""


@dataclass(frozen=True)
class Shape:
    """`vertices` (V, 3), `faces` (F, 3), `uv` (F, 3, 2), `slot` (F,), `colors` (M, 4), `textures` M: as in a Thing."""

    vertices: NDArray[np.float64]
    faces: NDArray[np.int32]
    uv: NDArray[np.float32]
    slot: NDArray[np.int16]
    colors: NDArray[np.float32]
    textures: tuple[Pixels | None, ...]

    def turned(self, matrix: NDArray[Any]) -> Shape:
        """Each vertex multiplied by a 3 x 3 matrix; a mirroring one turns the faces round too."""
        flip = np.linalg.det(matrix) < 0
        return Shape(
            self.vertices @ np.asarray(matrix, np.float64).T,
            self.faces[:, ::-1] if flip else self.faces,
            self.uv[:, ::-1] if flip else self.uv,
            self.slot,
            self.colors,
            self.textures,
        )


def joined(parts: Sequence[Shape]) -> Shape:
    """All parts as one; materials that are the same object or equal in colour without texture are shared."""
    if not parts:
        raise ValueError("there is no face")
    colors: list[NDArray[np.float32]] = []
    textures: list[Pixels | None] = []
    seen: dict[tuple[object, ...], int] = {}
    slots, faces, base = [], [], 0
    for part in parts:
        table = np.zeros(len(part.colors), np.int16)
        for i, (color, picture) in enumerate(zip(part.colors, part.textures, strict=True)):
            key = (tuple(color.tolist()), None if picture is None else (picture.shape, picture.tobytes()))
            if key not in seen:
                seen[key] = len(colors)
                colors.append(color)
                textures.append(picture)
            table[i] = seen[key]
        slots.append(table[part.slot])
        faces.append(part.faces + base)
        base += len(part.vertices)
    return Shape(
        np.concatenate([part.vertices for part in parts]),
        np.concatenate(faces).astype(np.int32),
        np.concatenate([part.uv for part in parts]).astype(np.float32),
        np.concatenate(slots).astype(np.int16),
        np.array(colors, np.float32).reshape(-1, 4),
        tuple(textures),
    )


def thing(key: str, shape: Shape, meta: dict[str, str]) -> Thing:
    """A checked Thing of a Shape that is Z up already: faces without area, loose vertices, idle materials leave."""
    points = np.asarray(shape.vertices, np.float64)
    if not len(shape.faces):
        raise ValueError("there is no face")
    if shape.faces.min() < 0 or shape.faces.max() >= len(points):
        raise ValueError("faces names a vertex that is not there")
    a, b, c = (points[shape.faces[:, i]] for i in range(3))
    with np.errstate(invalid="ignore", over="ignore"):
        area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    keep = np.isfinite(area) & (area > 0)
    if not keep.any():
        raise ValueError("there is no face with an area")
    used, faces = np.unique(shape.faces[keep], return_inverse=True)
    slots, slot = np.unique(shape.slot[keep], return_inverse=True)
    return check(
        Thing(
            key,
            normalise(points[used]),
            faces.reshape(-1, 3).astype(np.int32),
            np.nan_to_num(shape.uv[keep], posinf=0, neginf=0).astype(np.float32),
            slot.reshape(-1).astype(np.int16),
            np.clip(np.nan_to_num(shape.colors[slots], nan=0.8), 0, 1).astype(np.float32),
            tuple(shape.textures[i] for i in slots),
            meta,
        )
    )


def texture(data: bytes | Image.Image, *, alpha: bool = True) -> Pixels | None:
    """A picture file as (h, w, 4) uint8, its longest side at most 256 px; None where it cannot be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = data if isinstance(data, Image.Image) else Image.open(io.BytesIO(data), formats=FORMATS)
            if image.width * image.height > MAX_PIXELS:
                return None
            if image.format == "JPEG":
                image.draft("RGB", (TEXTURE_SIDE, TEXTURE_SIDE))
            if image.mode.startswith("I"):
                image = image.convert("F").point(lambda value: value / 256).convert("L")
            image = image.convert("RGBA" if alpha else "RGB")
            side = max(image.size)
            if side > TEXTURE_SIDE:
                width, height = (max(1, round(n * TEXTURE_SIDE / side)) for n in image.size)
                image = image.resize((width, height), Image.Resampling.BOX)
            return np.array(image.convert("RGBA"))
    except Exception:
        return None


def srgb(linear: NDArray[Any]) -> NDArray[np.float32]:
    """Linear light 0..1 to sRGB 0..1."""
    value = np.clip(np.asarray(linear, np.float64), 0, 1)
    return np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055).astype(np.float32)
