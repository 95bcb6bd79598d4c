# SPDX-License-Identifier: GPL-3.0-or-later
"""Boxes for what has no shape of its own."""

from __future__ import annotations

import itertools

import bpy

_FACES = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))
"""Of corners in the order of their x, y and z, seen from outside counter-clockwise."""


def box(name: str, size: tuple[float, float, float]) -> bpy.types.Mesh:
    """Its base on the origin, with one UV layer: each face the whole square."""
    half = [(-side / 2, side / 2) for side in size[:2]]
    corners = list(itertools.product(half[0], half[1], (0.0, size[2])))
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(corners, [], _FACES)
    layer = mesh.uv_layers.new(name="UVMap")
    for number, loop in enumerate(layer.data):
        loop.uv = ((0, 0), (1, 0), (1, 1), (0, 1))[number % 4]
    mesh.update()
    return mesh
