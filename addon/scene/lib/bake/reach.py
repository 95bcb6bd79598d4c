# SPDX-License-Identifier: GPL-3.0-or-later
"""Which place of the source each texel of the body shows. One ray a texel finds it; all maps are then looked up there.

The ray is Cycles': it bakes the number of the source's face and the place on it, as if they were a colour.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import bpy
import numpy as np

from .....backend.geometry import raster
from ..material import shading
from ..mesh import meshes
from ..mesh.meshes import Array, Floats, Ints
from ..uv import tiles
from .baking import Baker

_FACE, _PLACE = "galatea_face", "galatea_place"
_CHUNK = 1 << 19
"""Texels that are looked up at once."""
_FACING = -0.2
"""Cosine between the normals of body and source: where it is less, the ray met the far side or an inner wall."""


class Surface:
    """The triangles of a mesh in the world: `points` (V, 3), `faces` (T, 3) of points, `corners` (T, 3) of loops,
    `normals` (L, 3) of loops, `polygon` (T,)."""

    def __init__(self, obj: bpy.types.Object) -> None:
        mesh = obj.data
        mesh.calc_loop_triangles()
        triangles, matrix = mesh.loop_triangles, np.array(obj.matrix_world)
        self.mesh = mesh
        self.faces, self.corners = np.empty((2, len(triangles), 3), np.int32)
        self.polygon = np.empty(len(triangles), np.int32)
        triangles.foreach_get("vertices", self.faces.reshape(-1))
        triangles.foreach_get("loops", self.corners.reshape(-1))
        triangles.foreach_get("polygon_index", self.polygon)
        self.linear = matrix[:3, :3]
        self.points = (meshes.vertices_of(mesh) @ self.linear.T + matrix[:3, 3]).astype(np.float32)
        normals = np.empty((len(mesh.loops), 3), np.float32)
        mesh.corner_normals.foreach_get("vector", normals.reshape(-1))
        self.normals = unit(normals @ np.linalg.inv(self.linear).astype(np.float32))

    def tangents(self, uv: str) -> tuple[Floats, Floats]:
        """Of the map: directions (L, 3) in the world and the sign (L, 1) of the third axis, as MikkTSpace has them."""
        self.mesh.calc_tangents(uvmap=uv)
        tangents, signs = np.empty((len(self.mesh.loops), 3), np.float32), np.empty(len(self.mesh.loops), np.float32)
        self.mesh.loops.foreach_get("tangent", tangents.reshape(-1))
        self.mesh.loops.foreach_get("bitangent_sign", signs)
        self.mesh.free_tangents()
        return unit(tangents @ self.linear.T.astype(np.float32)), signs[:, None]


@dataclass(frozen=True)
class Texels:
    """Those of a texture that show the source: `at` (N,) row times size plus column; triangles `face` and weights
    `place` (N, 3) of their corners, on the body and, `there`, on the source."""

    size: int
    at: Ints
    face: Ints
    place: Floats
    there_face: Ints
    there_place: Floats
    missed: Ints
    """Those of the layout that no ray reached, (M,)."""
    crossed: int
    """Those of them whose ray met a side that looks away, which does not count."""

    @property
    def asked(self) -> int:
        """Texels of the layout, those that no ray reached included."""
        return len(self.at) + len(self.missed)

    def parts(self) -> Iterator[tuple[slice, Texels]]:
        """In portions that do not need much memory."""
        for start in range(0, len(self.at), _CHUNK):
            some = slice(start, start + _CHUNK)
            yield (
                some,
                replace(
                    self,
                    at=self.at[some],
                    face=self.face[some],
                    place=self.place[some],
                    there_face=self.there_face[some],
                    there_place=self.there_place[some],
                ),
            )


def mixed(values: Array, index: Ints, face: Ints, place: Floats) -> Floats:
    """Values (…, C) of points or corners, mixed over triangles: (N, C)."""
    corner = index[face]
    out = values[corner[:, 0]] * place[:, :1]
    out += values[corner[:, 1]] * place[:, 1:2]
    out += values[corner[:, 2]] * place[:, 2:]
    return np.asarray(out, np.float32)


def unit(vectors: Array) -> Floats:
    length = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))[:, None]
    return np.asarray(vectors / np.maximum(length, 1e-20), np.float32)


def reached(baker: Baker, body: Surface, source: Surface, tile: int, size: int) -> Texels:
    """Bake the places of the source, triangles all, onto a tile of the body."""
    _number(baker.source.data)
    corners = tiles.folded(baker.uv)[body.corners.reshape(-1)]
    mine = baker.tile[body.corners[:, 0]] == tile
    places = np.where(np.repeat(mine, 3)[:, None], corners * size, -1).astype(np.float32)
    found, missed, crossed = [], [], 0
    for (row, column), pixels in baker.passes("EMIT", tile, size, dress=_placed):
        height, width = pixels.shape[:2]
        at, face, place = _laid(places - np.array([column, row], np.float32), max(height, width))
        inside = (at // max(height, width) < height) & (at % max(height, width) < width)
        at, face, place = at[inside], face[inside], place[inside]
        y, x = np.divmod(at, max(height, width))
        seen = pixels[y, x]
        there = np.rint(seen[:, 0]).astype(np.int32).clip(0, len(source.faces) - 1)
        weights = np.stack([seen[:, 1], seen[:, 2], 1 - seen[:, 1] - seen[:, 2]], axis=1).clip(0, 1)
        hit = seen[:, 3] > 0.5
        away = np.zeros(len(hit), bool)
        for start in range(0, len(hit), _CHUNK):
            some = slice(start, start + _CHUNK)
            here = mixed(body.normals, body.corners, face[some], place[some])
            other = mixed(source.normals, source.corners, there[some], weights[some])
            away[some] = np.einsum("ij,ij->i", here, other) < _FACING
        crossed += int((hit & away).sum())
        good = hit & ~away
        where = ((y + row) * size + x + column).astype(np.int32)
        missed.append(where[~good])
        found.append((where[good], face[good], place[good], there[good], weights[good]))
    at, face, place, there, weights = (np.concatenate(each) for each in zip(*found, strict=True))
    return Texels(size, at, face, place, there, weights, np.concatenate(missed), crossed)


def _laid(places: Floats, side: int) -> tuple[Array, Ints, Floats]:
    """The pixels that triangles cover, `places` (3 T, 2) px: row times side plus column, triangle, weights (N, 3)."""
    faces = np.arange(len(places), dtype=np.int32).reshape(-1, 3)
    owner, row, start, end = raster.spans(places, faces, side)
    a, b, c = (places[faces[owner, i]].astype(np.float64) for i in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    area = np.where(area == 0, 1, area)
    y, x = row + 0.5, start + 0.5
    first = ((c[:, 0] - b[:, 0]) * (y - b[:, 1]) - (c[:, 1] - b[:, 1]) * (x - b[:, 0])) / area
    second = ((a[:, 0] - c[:, 0]) * (y - c[:, 1]) - (a[:, 1] - c[:, 1]) * (x - c[:, 0])) / area
    count, step = end - start, raster.each(end - start)
    along = [(first, -(c[:, 1] - b[:, 1]) / area), (second, -(a[:, 1] - c[:, 1]) / area)]
    place = np.empty((len(step), 3), np.float32)
    for axis, (begin, slope) in enumerate(along):
        place[:, axis] = np.repeat(begin, count) + np.repeat(slope, count) * step
    place[:, :2].clip(0, 1, out=place[:, :2])
    place[:, 2] = np.maximum(1 - place[:, 0] - place[:, 1], 0)
    return np.repeat(row * side + start, count) + step, np.repeat(owner, count).astype(np.int32), place


def _number(mesh: bpy.types.Mesh) -> None:
    """Write into each face its number, and into each corner which of the three it is."""
    count = len(mesh.polygons)
    number = mesh.attributes.get(_FACE) or mesh.attributes.new(_FACE, "FLOAT", "FACE")
    number.data.foreach_set("value", np.arange(count, dtype=np.float32))  # exact up to 16.7 million
    place = mesh.attributes.get(_PLACE) or mesh.attributes.new(_PLACE, "FLOAT_VECTOR", "CORNER")
    place.data.foreach_set("vector", np.tile(np.eye(3, dtype=np.float32), (count, 1)).ravel())


def _placed(own: bpy.types.Material | None) -> bpy.types.Material:
    """A material that glows in the number of the face, and the first two weights of the place on it."""
    material, tree = shading.new_material("galatea place")
    nodes, link = tree.nodes, tree.links.new
    output, glow, join = (nodes.new(f"ShaderNode{kind}") for kind in ("OutputMaterial", "Emission", "CombineXYZ"))
    for name, sockets in ((_FACE, {"Fac": "X"}), (_PLACE, {"X": "Y", "Y": "Z"})):
        attribute, split = nodes.new("ShaderNodeAttribute"), nodes.new("ShaderNodeSeparateXYZ")
        attribute.attribute_name = name
        link(attribute.outputs["Vector"], split.inputs[0])
        for out, into in sockets.items():
            link((attribute if out == "Fac" else split).outputs[out], join.inputs[into])
    link(join.outputs[0], glow.inputs["Color"])
    link(glow.outputs[0], output.inputs["Surface"])
    return material
