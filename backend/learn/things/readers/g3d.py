# SPDX-License-Identifier: GPL-3.0-or-later
"""G3D version 4, the models of Glest and MegaGlest.

Little endian: "G3D", version u8, meshes u16, kind u8; a mesh has a name of 64 bytes, u32 frames, vertices, indices, 3f
colour, 3f and f for highlights, f opacity, u32 properties (1: its texture's alpha lets a colour of the player show
through), u32 textures as bits, for each bit 64 bytes of name; then of each frame all places 3f, of each frame all
normals 3f, uv 2f where there is a texture, indices u32. Y up, facing +Z, v up.
"""

from __future__ import annotations

import functools
import posixpath

import numpy as np

from ..shape import Shape, joined
from ..thing import Pixels
from .files import Files
from .mesh import Bytes, part, picture, refused

OWNED = 1
TEXTURES = 5


@refused()
def read(files: Files, name: str, owner: tuple[float, float, float] | None = None) -> Shape:
    """The first frame. `owner`: sRGB of the player, for those models that show it; without one alpha is see-through."""
    data = Bytes(files.read(name))
    if data.text(3) != "G3D" or data.one("u1") != 4:
        raise ValueError("this is no G3D of version 4")
    count = data.one("<u2")
    data.skip(1)
    skins = functools.cache(functools.partial(picture, files, posixpath.dirname(name)))
    parts = []
    for _ in range(count):
        data.skip(64)
        frames, vertices, indices = (int(value) for value in data.take("<u4", 3))
        color = data.take("<f4", 8)
        owned, bits = (int(value) for value in data.take("<u4", 2))
        names = [data.text(64) for bit in range(TEXTURES) if bits >> bit & 1]
        points = data.take("<f4", 3 * vertices).reshape(-1, 3)
        data.skip(12 * vertices * (2 * frames - 1))
        uv = data.take("<f4", 2 * vertices).reshape(-1, 2) if bits else None
        faces = data.take("<u4", indices)[: indices // 3 * 3]
        skin = skins(names[0]) if bits & 1 else None
        if skin is not None and owner and owned & OWNED:
            skin = _owned(skin, owner)
        if len(faces):
            shade = (*(float(value) for value in color[:3]), float(color[7]))
            parts.append(part(points, faces, uv, shade, skin))
    return joined(parts)


def _owned(skin: Pixels, owner: tuple[float, float, float]) -> Pixels:
    """The colour of the player where the alpha is low; nothing is see-through then."""
    mask = skin[..., 3:] / 255.0
    mixed = skin[..., :3] * mask + np.array(owner) * 255 * (1 - mask)
    found: Pixels = np.concatenate([np.round(mixed), np.full_like(mask, 255)], axis=2).astype(np.uint8)
    return found
