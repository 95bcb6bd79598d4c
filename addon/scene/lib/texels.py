# SPDX-License-Identifier: GPL-3.0-or-later
"""Images as arrays (height, width, 4) float32, row 0 at the bottom as Blender keeps them."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np

from ..work import ROLE
from . import pictures
from .meshes import Array, Floats


def pixels_of(image: bpy.types.Image) -> Floats:
    """The stored values: sRGB in a colour image of 8 bits, plain numbers in others."""
    out = np.empty(image.size[0] * image.size[1] * 4, np.float32)
    image.pixels.foreach_get(out)
    return out.reshape(image.size[1], image.size[0], 4)


def set_pixels(image: bpy.types.Image, pixels: Floats) -> None:
    image.pixels.foreach_set(np.ascontiguousarray(pixels, np.float32).ravel())
    image.update()


def new_image(role: str, name: str, size: int, *, color: bool) -> bpy.types.Image:
    """An empty, transparent image of 8 bits a channel that replaces an older one of the role."""
    for old in [image for image in bpy.data.images if image.get(ROLE) == role]:
        bpy.data.images.remove(old)
    image = bpy.data.images.new(name, size, size, alpha=True, float_buffer=False)
    image.colorspace_settings.name = "sRGB" if color else "Non-Color"
    image.alpha_mode = "CHANNEL_PACKED"  # colour under alpha 0 must not be lost
    image.generated_color = (0, 0, 0, 0)
    image[ROLE] = role
    image.use_fake_user = True  # until a material uses it: what nobody uses is not saved
    return image


def save_packed(image: bpy.types.Image, path: Path) -> None:
    """Write the PNG and pack it: the scene must not depend on a job folder."""
    image.filepath_raw, image.file_format = str(path), "PNG"
    image.save()
    pictures.prove(path, *image.size)
    image.pack()
    image.filepath_raw = f"//{path.name}"


def filled(pixels: Floats, known: Array) -> Floats:
    """Give every texel that is not `known` (H, W) the colour of what is near, over the whole image.

    Pull and push (Gortler et al. 1996): averages of the known texels go down a pyramid and back up into the gaps, so
    that no mip level and no compression ever mixes black in.
    """
    if known.all() or not known.any():
        return pixels
    weight = known.astype(np.float32)[..., None]
    levels = [(pixels * weight, weight)]
    while min(levels[-1][1].shape[:2]) > 1:
        total, count = (_halved(array) for array in levels[-1])
        scale = np.maximum(count, 1)
        levels.append((total / scale, np.minimum(count, 1)))
    value = levels[-1][0] / np.maximum(levels[-1][1], 1e-9)
    for total, count in reversed(levels[:-1]):
        up = value.repeat(2, axis=0).repeat(2, axis=1)[: total.shape[0], : total.shape[1]]
        value = np.where(count > 0, total / np.maximum(count, 1e-9), up)
    out: Floats = value.astype(np.float32)
    return out


def _halved(array: Array) -> Array:
    """Sums of 2 by 2 texels; an odd last row or column stands alone."""
    h, w = array.shape[:2]
    padded = np.pad(array, ((0, h % 2), (0, w % 2), (0, 0)))
    out: Array = padded[0::2, 0::2] + padded[1::2, 0::2] + padded[0::2, 1::2] + padded[1::2, 1::2]
    return out


def grown(pixels: Floats, known: Array, texels: int) -> tuple[Floats, Array]:
    """Extend the known texels outwards by so many: each new one is the mean of its known neighbours."""
    pixels, known = pixels.copy(), np.pad(known, 1)
    height, width = pixels.shape[:2]
    around = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]
    for _ in range(texels):
        near = np.zeros((height, width), bool)
        for dy, dx in around:
            near |= known[1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]
        y, x = np.nonzero(near & ~known[1:-1, 1:-1])
        total, count = np.zeros((len(y), pixels.shape[2]), np.float32), np.zeros((len(y), 1), np.float32)
        for dy, dx in around:
            there = known[y + 1 + dy, x + 1 + dx][:, None]
            total += there * pixels[(y + dy) % height, (x + dx) % width]
            count += there
        pixels[y, x] = total / np.maximum(count, 1)
        known[y + 1, x + 1] = True
    return pixels, known[1:-1, 1:-1]
