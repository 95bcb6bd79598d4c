# SPDX-License-Identifier: GPL-3.0-or-later
"""Images as arrays (height, width, 4) float32, row 0 at the bottom as Blender keeps them."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np

from .....backend.geometry import formats
from ...work import ROLE
from ..mesh.meshes import Array, Floats
from ..render import pictures
from . import shading

_LEVELS = np.arange(256, dtype=np.float32) / 255


def set_pixels(image: bpy.types.Image, pixels: Floats) -> None:
    image.pixels.foreach_set(np.ascontiguousarray(pixels, np.float32).ravel())
    image.update()


def linear(values: Floats) -> Floats:
    """sRGB (..., 3 or 4) of 8 bits to linear light; a fourth channel stays."""
    table = formats.linear(_LEVELS).astype(np.float32)
    out = values.astype(np.float32)
    out[..., :3] = table[np.rint(values[..., :3] * 255).clip(0, 255).astype(np.uint8)]
    return out


def srgb(values: Array) -> Floats:
    """Linear light to sRGB, 0 to 1."""
    return formats.srgb(values).astype(np.float32)


def new_image(role: str, name: str, size: int, *, color: bool, tile: int = 0) -> bpy.types.Image:
    """An empty, transparent image of 8 bits a channel that replaces an older one of the role and tile."""
    old = shading.image_of(role, tile)
    if old:
        bpy.data.images.remove(old)
    image = bpy.data.images.new(name, size, size, alpha=True, float_buffer=False)
    image.colorspace_settings.name = "sRGB" if color else "Non-Color"
    image.alpha_mode = "CHANNEL_PACKED"  # colour under alpha 0 must not be lost
    image[ROLE], image[shading.TILE] = role, tile
    image.use_fake_user = True  # until a material uses it: what nobody uses is not saved
    return image


def save_packed(image: bpy.types.Image, path: Path) -> None:
    """Write the PNG and pack it: the scene must not depend on a job folder."""
    image.filepath_raw, image.file_format = str(path), "PNG"
    image.save()
    pictures.prove(path, *image.size)
    image.pack()
    image.filepath_raw = f"//{path.name}"


def write_flipped(path: Path, pixels: Floats) -> None:
    """Write normals (H, W, 4) with green downwards, as DirectX counts it."""
    pictures.write(path, np.concatenate([pixels[..., :1], 1 - pixels[..., 1:2], pixels[..., 2:3]], axis=2))


def save_deep(path: Path, values: Floats) -> None:
    """Write values (H, W) of 0 to 1 as a grey PNG of 16 bits, row 0 at the bottom."""
    path.write_bytes(pictures.png16(values[::-1]))
    pictures.prove(path, *values.shape[::-1])


class Filler:
    """Gives every texel that is not `known` (H, W) the value of what is near, over the whole image.

    First the borders grow by `margin` texels, each new one the mean of its known neighbours. Then pull and push
    (Gortler et al. 1996): averages of the known texels go down a pyramid and back up into the gaps, so that no mip
    level and no compression ever mixes black in. What depends on `known` alone is done once for all channels.
    """

    def __init__(self, known: Array, margin: int) -> None:
        self.known = known.copy()
        self.rings = [self._ring() for _ in range(margin)]
        self.shares, self.gaps = [], []
        level = self.known
        while not level.all() and level.any():
            width = level.shape[1]
            y, x = np.divmod(np.flatnonzero(~level), width)
            self.gaps.append((y * width + x, (y // 2) * -(-width // 2) + x // 2))
            count = _halved(level.astype(np.float32))
            self.shares.append(1 / np.maximum(count, 1))
            level = count > 0

    def _ring(self) -> tuple[Array, Array, Array]:
        """The unknown texels beside known ones: where, their eight neighbours, and which of these count."""
        height, width = self.known.shape
        near = np.pad(self.known, 1)
        near = near[:-2] | near[1:-1] | near[2:]
        near = near[:, :-2] | near[:, 1:-1] | near[:, 2:]
        at = np.flatnonzero(near & ~self.known)
        y, x = np.divmod(at, width)
        places, counting = [], []
        for dy, dx in np.ndindex(3, 3):
            v, u = y + dy - 1, x + dx - 1
            inside = (v >= 0) & (v < height) & (u >= 0) & (u < width)
            place = np.where(inside, v * width + u, at)
            places.append(place.astype(np.int32))
            counting.append(self.known.ravel()[place] & inside)
        self.known.ravel()[at] = True
        return at, np.stack(places), np.stack(counting)

    def __call__(self, channel: Floats) -> Floats:
        """The channel (H, W) with all gaps filled."""
        flat = channel.astype(np.float32).ravel()
        for at, places, counting in self.rings:
            flat[at] = (flat[places] * counting).sum(axis=0) / np.maximum(counting.sum(axis=0), 1)
        levels = [flat.reshape(channel.shape)]
        for (gap, _), share in zip(self.gaps, self.shares, strict=True):
            levels[-1].ravel()[gap] = 0
            levels.append(_halved(levels[-1]) * share)
        for (gap, above), fine, coarse in zip(self.gaps[::-1], levels[-2::-1], levels[:0:-1], strict=True):
            fine.ravel()[gap] = coarse.ravel()[above]
        return levels[0]


def _halved(array: Array) -> Floats:
    """Sums of 2 by 2 texels; an odd last row or column stands alone."""
    h, w = array.shape
    if h % 2 or w % 2:
        array = np.pad(array, ((0, h % 2), (0, w % 2)))
    out: Floats = array[0::2, 0::2] + array[1::2, 0::2]
    out += array[0::2, 1::2]
    out += array[1::2, 1::2]
    return out
