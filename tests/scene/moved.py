# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenes of words made by hand, as small as a solver needs them, and where their vertices are at a frame."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import bmesh
import bpy
import numpy as np

from galatea.addon.scene.lib.physics import recording, thing
from galatea.addon.scene.work import ROLE
from galatea.backend.protocol import scene as scenes


def document(objects: list[dict[str, Any]], seconds: float = 1.0, **more: Any) -> scenes.SceneSpec:
    """The open scene's document from now on."""
    spec = scenes.validate({"objects": objects, "simulation": {"duration": seconds}, **more})
    bpy.context.scene[thing.SPEC] = spec.dumps()
    bpy.context.scene.render.fps = spec.simulation.frame_rate
    return spec


def put(
    id: str, mesh: bpy.types.Mesh, place: tuple[float, float, float] = (0, 0, 0), index: int = 0
) -> bpy.types.Object:
    """An object of the document's line `id`."""
    obj = bpy.data.objects.new(id, mesh)
    bpy.context.scene.collection.objects.link(obj)
    obj.location = place
    obj[thing.ITEM], obj[thing.INDEX], obj[thing.PART], obj[thing.NUMBER], obj[ROLE] = id, index, "main", 0, "body"
    bpy.context.view_layer.update()
    return obj


def things() -> list[thing.Thing]:
    return list(thing.things(bpy.context.scene))


def box(size: tuple[float, float, float], cuts: int = 0) -> bpy.types.Mesh:
    """Its base on the origin."""
    work = bmesh.new()
    bmesh.ops.create_cube(work, size=1.0)
    if cuts:
        bmesh.ops.subdivide_edges(work, edges=work.edges[:], cuts=cuts, use_grid_fill=True)
    for vertex in work.verts:
        vertex.co = (vertex.co.x * size[0], vertex.co.y * size[1], (vertex.co.z + 0.5) * size[2])
    return _made(work)


def sheet(x: float, y: float, across: int, along: int, *, upright: bool = False) -> bpy.types.Mesh:
    """A cloth of so many vertices, level or in the plane of X and Z."""
    work = bmesh.new()
    bmesh.ops.create_grid(work, x_segments=across - 1, y_segments=along - 1, size=0.5)
    for vertex in work.verts:
        u, v = vertex.co.x * x, vertex.co.y * y
        vertex.co = (u, 0, v + y / 2) if upright else (u, v, 0)
    return _made(work)


def bowl(radius: float, wall: float, sides: int = 24) -> bpy.types.Mesh:
    """Half a ball, open above, of that thickness."""
    work = bmesh.new()
    rings = [(radius, np.linspace(0.05, np.pi / 2, 9), 0.0), (radius - wall, np.linspace(np.pi / 2, 0.05, 9), wall)]
    profile = [(r * np.sin(a), lift + (radius - lift) * (1 - np.cos(a))) for r, angles, lift in rings for a in angles]
    around = 2 * np.pi * np.arange(sides) / sides
    grid = [[work.verts.new((r * np.cos(t), r * np.sin(t), z)) for t in around] for r, z in profile]
    for low, high in pairwise(grid):
        for k in range(sides):
            work.faces.new((low[k], low[(k + 1) % sides], high[(k + 1) % sides], high[k]))
    work.faces.new(grid[0][::-1])
    work.faces.new(grid[-1])
    bmesh.ops.recalc_face_normals(work, faces=work.faces[:])
    return _made(work)


def _made(work: bmesh.types.BMesh) -> bpy.types.Mesh:
    mesh = bpy.data.meshes.new("made")
    work.to_mesh(mesh)
    work.free()
    return mesh


def seen(obj: bpy.types.Object, frame: int) -> np.ndarray:
    """World vertices (V, 3) at a frame, as a renderer has them."""
    bpy.context.scene.frame_set(frame)
    graph = bpy.context.evaluated_depsgraph_get()
    return recording.in_world(recording.points_of(obj, graph), obj.evaluated_get(graph).matrix_world)


def replayed(obj: bpy.types.Object, path: Any, frames: list[int]) -> list[np.ndarray]:
    """The same after the file was saved and opened again, in that order of frames."""
    name = obj.name
    bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True)
    bpy.ops.wm.open_mainfile(filepath=str(path))
    return [seen(bpy.data.objects[name], frame) for frame in frames]


def nothing(done: float) -> None:
    """A beat that nobody hears."""
    assert 0 <= done <= 1.0001
