# SPDX-License-Identifier: GPL-3.0-or-later
"""Mesh data as arrays, and what can be said about it. numpy only, no operators."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import bmesh
import bpy
import numpy as np
from numpy.typing import NDArray

from .....backend.geometry import parts

Array = NDArray[Any]
Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


def vertices_of(mesh: bpy.types.Mesh) -> Floats:
    """Positions (V, 3) in the object's own space."""
    out = np.empty(len(mesh.vertices) * 3, np.float32)
    if len(out):  # what is empty has no attribute
        mesh.attributes["position"].data.foreach_get("vector", out)
    return out.reshape(-1, 3)


def triangles_of(mesh: bpy.types.Mesh) -> Ints:
    """Vertex indices (F, 3) of a mesh that has triangles only; raises `ValueError` otherwise."""
    if len(mesh.loops) != 3 * len(mesh.polygons):
        raise ValueError(f"{mesh.name} has faces that are no triangles")
    out = np.empty(len(mesh.loops), np.int32)
    mesh.loops.foreach_get("vertex_index", out)
    return out.reshape(-1, 3)


def drawn(mesh: bpy.types.Mesh) -> tuple[Ints, Ints]:
    """The triangles that renderers make of any faces: vertices (T, 3), and which corners of it they are (3 T,)."""
    mesh.calc_loop_triangles()
    corners, vertex = np.empty(3 * len(mesh.loop_triangles), np.int32), np.empty(len(mesh.loops), np.int32)
    mesh.loop_triangles.foreach_get("loops", corners)
    mesh.loops.foreach_get("vertex_index", vertex)
    return vertex[corners].reshape(-1, 3), corners


def normals_of(points: Array, faces: Array) -> Array:
    """(V, 3) of length 1, by area; 0 where there is no face."""
    a, b, c = (points[faces[:, k]] for k in range(3))
    cross = np.cross(b - a, c - a)
    out = np.stack(
        [sum(np.bincount(faces[:, k], cross[:, axis], len(points)) for k in range(3)) for axis in range(3)], axis=1
    )
    return np.asarray(out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-30))


def uv_of(mesh: bpy.types.Mesh, name: str) -> Floats:
    """One uv a corner (L, 2)."""
    out = np.empty(len(mesh.loops) * 2, np.float32)
    mesh.uv_layers[name].data.foreach_get("uv", out)
    return out.reshape(-1, 2)


def set_uv(mesh: bpy.types.Mesh, name: str, uv: Floats) -> None:
    """Write one uv a corner (L, 2) to the layer of this name and make it the one that is used."""
    layer = mesh.uv_layers.get(name) or mesh.uv_layers.new(name=name, do_init=False)
    layer.data.foreach_set("uv", np.ascontiguousarray(uv, np.float32).ravel())
    mesh.uv_layers[name].active = True
    mesh.uv_layers[name].active_render = True


def new_mesh(name: str, vertices: Floats, faces: Ints) -> bpy.types.Mesh:
    """A mesh from positions (V, 3) and triangles or quads (F, 3 or 4), shaded smooth."""
    mesh, corners = bpy.data.meshes.new(name), faces.shape[1]
    mesh.vertices.add(len(vertices))
    mesh.vertices.foreach_set("co", np.ascontiguousarray(vertices, np.float32).ravel())
    mesh.loops.add(corners * len(faces))
    mesh.loops.foreach_set("vertex_index", np.ascontiguousarray(faces, np.int32).ravel())
    mesh.polygons.add(len(faces))
    mesh.polygons.foreach_set("loop_start", np.arange(0, corners * len(faces), corners, dtype=np.int32))
    mesh.update(calc_edges=True)
    mesh.shade_smooth()
    return mesh


def halved(mesh: bpy.types.Mesh) -> bpy.types.Mesh:
    """Each quad of a mesh of quads as two triangles, corners 0 1 2 and 0 2 3, one after the other."""
    quads = np.empty(len(mesh.loops), np.int32)
    mesh.loops.foreach_get("vertex_index", quads)
    triangles = quads.reshape(-1, 4)[:, (0, 1, 2, 0, 2, 3)].reshape(-1, 3)
    return new_mesh(mesh.name, vertices_of(mesh), triangles)


def triangulate(mesh: bpy.types.Mesh, quads: str = "BEAUTY") -> None:
    """Cut every face into triangles, quads by this method of Blender's."""
    if len(mesh.loops) == 3 * len(mesh.polygons) and not mesh.shape_keys:
        return
    bm = bmesh.new()
    bm.from_mesh(mesh)
    bmesh.ops.triangulate(bm, faces=bm.faces, quad_method=quads)
    bm.to_mesh(mesh)
    bm.free()


def components(count: int, faces: Ints) -> Ints:
    """The number of the connected part that each of `count` vertices is in; a part's number is its lowest vertex."""
    out: Ints = parts.label(faces, count).astype(np.int32)
    return out


@dataclass(frozen=True)
class Shape:
    """What a mesh is like. Watertight: every edge has two faces. Manifold: no edge has more."""

    vertices: int
    faces: int
    components: int
    watertight: bool
    manifold: bool

    @classmethod
    def of(cls, mesh: bpy.types.Mesh) -> Shape:
        faces = triangles_of(mesh)
        used = np.unique(faces)
        sides = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1).astype(np.int64)
        _, count = np.unique(sides[:, 0] * (len(mesh.vertices) + 1) + sides[:, 1], return_counts=True)
        pieces = len(np.unique(components(len(mesh.vertices), faces)[used]))
        return cls(
            len(mesh.vertices), len(faces), pieces, bool(len(count) and (count == 2).all()), bool((count <= 2).all())
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


_VALUES = {
    "FLOAT": ("value", np.float32, 1),
    "INT": ("value", np.int32, 1),
    "BOOLEAN": ("value", np.bool_, 1),
    "FLOAT_VECTOR": ("vector", np.float32, 3),
    "FLOAT2": ("vector", np.float32, 2),
    "FLOAT_COLOR": ("color", np.float32, 4),
    "BYTE_COLOR": ("color_srgb", np.float32, 4),
}
"""How the values of an attribute are read: property, type, width."""


def finished(obj: bpy.types.Object) -> bpy.types.Mesh:
    """A mesh of its own of what an object shows, with modifiers, shape keys and armatures applied."""
    graph = bpy.context.evaluated_depsgraph_get()
    return bpy.data.meshes.new_from_object(obj.evaluated_get(graph), preserve_all_data_layers=True, depsgraph=graph)


def rebuilt(old: bpy.types.Mesh, vertices: Array, faces: Array, vertex: Array, corner: Array) -> bpy.types.Mesh:
    """A mesh of other triangles or quads with the attributes, vertex groups and materials of the old one's triangles.

    `vertex` (V,) and `corner` (F, 3 or 4) are the old vertex and corner that each new one has its attributes of; a
    face has those of the face of its first corner.
    """
    mesh = new_mesh(old.name, vertices.astype(np.float32), faces.astype(np.int32))
    for material in old.materials:
        mesh.materials.append(material)
    origin = {"POINT": vertex, "CORNER": corner.reshape(-1), "FACE": corner[:, 0] // 3}
    for one in list(old.attributes):
        if (
            one.name.startswith(".")
            or one.name == "position"
            or one.domain not in origin
            or one.data_type not in _VALUES
            or not len(one.data)
        ):
            continue
        key, kind, width = _VALUES[one.data_type]
        values = np.empty(len(one.data) * width, kind)
        one.data.foreach_get(key, values)
        new = mesh.attributes.get(one.name) or mesh.attributes.new(one.name, one.data_type, one.domain)
        if (new.domain, new.data_type) == (one.domain, one.data_type):
            new.data.foreach_set(key, values.reshape(-1, width)[origin[one.domain]].ravel())
    for name in [layer.name for layer in old.uv_layers if layer.active_render]:
        mesh.uv_layers[name].active = mesh.uv_layers[name].active_render = True
    _copy_weights(old, mesh, vertex)
    mesh.update()
    return mesh


def _copy_weights(old: bpy.types.Mesh, new: bpy.types.Mesh, vertex: Array) -> None:
    """Vertex groups: the numbers and weights; `replace_mesh` takes their names along."""
    if not any(len(obj.vertex_groups) for obj in bpy.data.objects):
        return
    held = [[(each.group, each.weight) for each in one.groups] for one in old.vertices]
    if not any(held):
        return
    bm = bmesh.new()
    bm.from_mesh(new)
    layer = bm.verts.layers.deform.verify()
    for one, origin in zip(bm.verts, vertex.tolist(), strict=True):
        for group, weight in held[origin]:
            one[layer][group] = weight
    bm.to_mesh(new)
    bm.free()


def replace_mesh(obj: bpy.types.Object, mesh: bpy.types.Mesh) -> None:
    """Give the object another mesh and free the one that nobody uses any more; the name stays."""
    old, name, groups = obj.data, obj.data.name, [group.name for group in obj.vertex_groups]
    obj.data = mesh
    for group in groups[len(obj.vertex_groups) :]:  # their names lie in the mesh
        obj.vertex_groups.new(name=group)
    if old.users == 0:
        bpy.data.meshes.remove(old)
    mesh.name = name


def bounds(vertices: Floats) -> tuple[Floats, Floats]:
    return vertices.min(axis=0), vertices.max(axis=0)


def diagonal(vertices: Floats) -> float:
    """Length of the diagonal of the box around the points."""
    low, high = bounds(vertices)
    return float(np.linalg.norm(high - low))
