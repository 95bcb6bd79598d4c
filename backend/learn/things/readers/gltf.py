# SPDX-License-Identifier: GPL-3.0-or-later
"""glTF and GLB: node transforms baked in, skins in their bind pose, the base colour and its picture."""

from __future__ import annotations

import posixpath

import numpy as np
from numpy.typing import NDArray

from ....geometry import gltf
from ..shape import Shape, joined, srgb, texture
from ..thing import Pixels
from .files import Files

MAX_VERTEX_COLORS = 64


def read(files: Files, name: str) -> Shape:
    """The scene in its own axes, Y up and facing +Z; ValueError where it is none."""

    def beside(other: str) -> bytes:
        found = files.find(posixpath.dirname(name), other)
        if found is None:
            raise ValueError(f"{other!r} is not there")
        return files.read(found)

    scene = gltf.read(files.read(name), beside)
    pictures: dict[tuple[int, bool], Pixels | None] = {}
    for surface in scene.surfaces:
        if surface.picture is not None:
            key = surface.picture, surface.see_through
            if key not in pictures:
                pictures[key] = texture(scene.pictures[surface.picture], alpha=surface.see_through)
    return joined([_part(surface, pictures) for surface in scene.surfaces])


def _part(surface: gltf.Surface, pictures: dict[tuple[int, bool], Pixels | None]) -> Shape:
    faces = surface.faces.astype(np.int32)
    corners = np.zeros((len(faces), 3, 2), np.float32) if surface.uv is None else surface.uv[faces].astype(np.float32)
    picture = None if surface.picture is None else pictures[surface.picture, surface.see_through]
    color = np.concatenate([srgb(surface.factor[:3]), [surface.factor[3] if surface.see_through else 1]])
    slot = np.zeros(len(faces), np.int16)
    colors: NDArray[np.float32] = color[None].astype(np.float32)
    if surface.colors is not None and not (surface.colors > 0.99).all():
        painted = np.concatenate([srgb(surface.colors[:, :3]), surface.colors[:, 3:]], axis=1)
        seen, slots = np.unique(np.round(painted[faces].mean(1) * 15) / 15, axis=0, return_inverse=True)
        if len(seen) <= MAX_VERTEX_COLORS:
            slot, colors = slots.reshape(-1).astype(np.int16), np.asarray(seen * color, np.float32)
    return Shape(surface.vertices, faces, corners, slot, colors, tuple(picture for _ in range(len(colors))))
