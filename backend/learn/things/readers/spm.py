# SPDX-License-Identifier: GPL-3.0-or-later
"""SPM, the models of SuperTuxKart.

Little endian: "SP", version and kind u8 (its low three bits are 1 where there are bones), flags u8 (1 normals, 2
colours of vertices, 4 tangents), bounds 6f; u16 materials of two textures each, a text being u8 and so many bytes; u16
sectors of u16 buffers: vertices u32, indices u32, material u16. A vertex is 3f, a normal u32, a colour (128, or any
byte and three of RGB), for each texture 2 half floats, a tangent u32, 16 bytes of bones. Indices are u8 up to 255
vertices, else u16. Y up, left-handed, v down; counter-clockwise once mirrored to right-handed axes.
"""

from __future__ import annotations

import functools
import posixpath
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..shape import Shape, joined
from ..thing import Pixels
from .files import Files
from .mesh import Bytes, part, picture, refused

WHITE = 128
SKINNED = 1

Paint = Callable[[str], Pixels | None]


@refused()
def read(
    files: Files, name: str, paint: Paint | None = None, hidden: Callable[[str], bool] = lambda texture: False
) -> Shape:
    """The model in its bind pose. `paint` finds a texture; surfaces whose texture is `hidden` are left out."""
    data = Bytes(files.read(name))
    if data.text(2) != "SP":
        raise ValueError("this is no SPM")
    kind, flags = (int(value) for value in data.take("u1", 2))
    if kind >> 3 != 1:
        raise ValueError(f"SPM version {kind >> 3} is not known")
    data.skip(24)
    materials = [(data.text(data.one("u1")), data.text(data.one("u1"))) for _ in range(data.one("<u2"))]
    skins = functools.cache(paint or functools.partial(picture, files, posixpath.dirname(name)))
    parts = []
    for _ in range(data.one("<u2")):
        for _ in range(data.one("<u2")):
            vertices, indices = (int(value) for value in data.take("<u4", 2))
            number = data.one("<u2")
            if number >= len(materials):
                raise ValueError("a surface names a material that is not there")
            first, second = materials[number]
            points, uv, color = _vertices(data, vertices, flags, kind & 7 == SKINNED, bool(first), bool(second))
            faces = data.take("<u2" if vertices > 255 else "u1", indices)
            if hidden(first) or indices < 3:
                continue
            skin = skins(first) if first else None
            parts.append(part(points, faces[: indices // 3 * 3], uv, color, skin))
    return joined(parts)


def _vertices(
    data: Bytes, count: int, flags: int, bones: bool, first: bool, second: bool
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None, tuple[float, ...]]:
    """Places (V, 3), uv (V, 2) with v up, and the mean colour."""
    head = 12 + 4 * (flags & 1)
    tail = (4 + 4 * second + (flags & 4) if first else 0) + 16 * bones
    colored = bool(flags & 2)
    if count * (head + tail + colored) > len(data.data) - data.at:
        raise ValueError("the file is cut off")
    starts, rest = _starts(data, count, head, tail) if colored else (None, None)
    if starts is None or rest is None:
        starts = data.at + np.arange(count) * (head + tail)
        rest = starts + head
        data.skip(count * (head + tail))
    raw = np.frombuffer(data.data, "u1")
    points = raw[starts[:, None] + np.arange(12)].view("<f4")
    uv = None
    if first:
        uv = raw[rest[:, None] + np.arange(4)].view("<f2").astype(np.float32)
        uv[:, 1] = 1 - uv[:, 1]
    mean = np.ones(3)
    if colored and count:
        tinted = rest - starts == head + 4
        shades = np.where(tinted[:, None], raw[rest[:, None] + np.arange(-3, 0)] / 255, 1.0)
        mean = shades.mean(0)
    return points, uv, tuple(float(value) for value in mean)


def _starts(data: Bytes, count: int, head: int, tail: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each vertex begins and where what follows its colour does; colours make vertices of unlike sizes."""
    starts, rest = np.zeros(count, np.int64), np.zeros(count, np.int64)
    at, raw = data.at, data.data
    for i in range(count):
        starts[i] = at
        at += head
        if at >= len(raw):
            raise ValueError("the file is cut off")
        at += 1 if raw[at] == WHITE else 4
        rest[i] = at
        at += tail
    if at > len(raw):
        raise ValueError("the file is cut off")
    data.at = at
    return starts, rest
