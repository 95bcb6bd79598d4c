# SPDX-License-Identifier: GPL-3.0-or-later
"""MD2, the models of Quake 2 as UFO: Alien Invasion has them, and its tags: where other models are put.

Little endian: 17 i32 (magic, version, width and height of the skin, bytes a frame; numbers of skins, vertices, uv,
triangles, commands, frames; their offsets); a skin is 64 bytes of text, a uv two i16, a triangle three u16 of vertices
and three of uv; a frame has scale 3f, move 3f, name 16 bytes and of each vertex three u8 and a normal's number. Z up,
facing +X; the faces are turned round here, counter-clockwise from outside.
"""

from __future__ import annotations

import posixpath

import numpy as np
from numpy.typing import NDArray

from ..shape import Shape
from .files import Files
from .mesh import Bytes, part, picture, refused

MAGIC = 0x32504449
TAGS = 0x3250444A
FRAME = 40
"""bytes before the vertices of a frame"""


@refused()
def read(files: Files, name: str, frame: int = 0) -> Shape:
    """The model in its axes, as it stands in a frame; ValueError where it is none."""
    data = files.read(name)
    header = [int(value) for value in Bytes(data).take("<i4", 17)]
    if header[:2] != [MAGIC, 8]:
        raise ValueError("this is no MD2")
    _, _, width, height, size, skins, vertices, maps, triangles, _, frames, *at = header
    if not 0 <= frame < frames:
        raise ValueError(f"there is no frame {frame}")
    uv = Bytes(data, at[1]).take("<i2", 2 * maps).reshape(-1, 2) / np.array([max(width, 1), max(height, 1)])
    uv[:, 1] = 1 - uv[:, 1]
    corners = Bytes(data, at[2]).take("<u2", 6 * triangles).reshape(-1, 2, 3)[..., ::-1].astype(np.int64)
    if not len(corners) or corners[:, 1].max() >= maps:
        raise ValueError("a face names a place of the skin that is not there")
    start = at[3] + size * frame
    scale, move = Bytes(data, start).take("<f4", 6).astype(np.float64).reshape(2, 3)
    points = Bytes(data, start + FRAME).take("u1", 4 * vertices).reshape(-1, 4)[:, :3] * scale + move
    skin = Bytes(data, at[0]).text(64).lstrip(".") if skins > 0 else posixpath.basename(name)
    return part(points, corners[:, 0], uv[corners[:, 1]], picture=picture(files, posixpath.dirname(name), skin))


@refused()
def tags(data: bytes, frame: int = 0) -> dict[str, NDArray[np.float64]]:
    """Name to (4, 3): three axes and the origin, by which the rows of vertices of what is put there are multiplied.

    Little endian: magic, version, numbers of tags and frames, offsets of names (64 bytes each) and of the matrices.
    """
    magic, version, count, frames, names, matrices = (int(value) for value in Bytes(data).take("<i4", 6))
    if (magic, version) != (TAGS, 1) or not 0 <= frame < frames:
        raise ValueError("these are no tags, or not of this frame")
    labels = Bytes(data, names)
    found = {}
    for i in range(count):
        place = Bytes(data, matrices + 48 * (i * frames + frame)).take("<f4", 12)
        found[labels.text(64)] = place.astype(np.float64).reshape(4, 3)
    return found
