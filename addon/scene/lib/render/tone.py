# SPDX-License-Identifier: GPL-3.0-or-later
"""Which background suits a body: read off its picture."""

from __future__ import annotations

import colorsys
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from .....backend.geometry import formats
from . import pictures

_PLAIN = (0.62, 0.64, 0.66)


def backdrop(bodies: list[bpy.types.Object]) -> tuple[float, float, float]:
    """A quiet sRGB colour, opposite in hue and apart in lightness, before which all of them stand out."""
    image = _picture(bodies[0]) if len(bodies) == 1 else None
    pixels = _thumbnail(image) if image else _colours(bodies)
    if not len(pixels):
        return _PLAIN
    rgb, alpha = pixels[:, :3], pixels[:, 3]
    light = rgb @ [0.2126, 0.7152, 0.0722]
    weight = alpha * (rgb.max(axis=1) > 0.02)  # black is mostly the empty part of an atlas
    if weight.sum() < 1:
        return _PLAIN
    bright = float(np.average(light, weights=weight))
    chroma = rgb.max(axis=1) - rgb.min(axis=1)
    turn = np.exp(2j * np.pi * np.array([colorsys.rgb_to_hsv(*c)[0] for c in rgb]))
    mean = complex((turn * chroma * weight).sum()) / float((chroma * weight).sum() + 1e-6)
    opposite = float(np.angle(mean) / (2 * np.pi) + 0.5) % 1.0
    colourful = min(1.0, float(np.average(chroma, weights=weight)) / 0.3) * abs(mean)
    value = 0.80 if bright < 0.5 else 0.55
    return colorsys.hsv_to_rgb(opposite, 0.03 + 0.12 * colourful, value)


def _colours(bodies: list[bpy.types.Object]) -> NDArray[Any]:
    """(N, 4) sRGB, one a body of several: what its material shows where it is drawn simply; the larger count more."""
    if len(bodies) == 1:
        return np.zeros((0, 4))
    shown = [(obj, slot.material) for obj in bodies for slot in obj.material_slots[:1] if slot.material]
    if not shown:
        return np.zeros((0, 4))
    rgb = np.array([material.diffuse_color[:3] for _, material in shown])
    size = np.array([max(obj.dimensions) ** 2 for obj, _ in shown])
    return np.column_stack([formats.srgb(rgb), size / max(float(size.max()), 1e-12)])


def linear(color: tuple[float, float, float]) -> tuple[float, float, float]:
    """sRGB to scene-linear."""
    red, green, blue = formats.linear(np.array(color)).tolist()
    return red, green, blue


def luma(color: tuple[float, ...]) -> float:
    """How bright a linear colour is."""
    return float(np.dot(color[:3], [0.2126, 0.7152, 0.0722]))


def _picture(body: bpy.types.Object) -> bpy.types.Image | None:
    """The image that colours the body: what feeds a Base Color, else any colour image of its materials."""
    found = None
    for slot in body.material_slots:
        if not slot.material or not slot.material.node_tree:
            continue
        for node in slot.material.node_tree.nodes:
            if node.type != "TEX_IMAGE" or not node.image or node.image.colorspace_settings.name == "Non-Color":
                continue
            found = found or node.image
            for link in node.outputs["Color"].links:
                if link.to_socket.name == "Base Color":
                    return node.image
    return found


def _thumbnail(image: bpy.types.Image) -> NDArray[Any]:
    """(N, 4) sRGB pixels of a small copy."""
    if not image.size[0]:
        return np.zeros((1, 4))
    return pictures.thumbnail(image, 48, 48).reshape(-1, 4).astype(float)
