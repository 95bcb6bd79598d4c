# SPDX-License-Identifier: GPL-3.0-or-later
"""A closed mesh as the cells of a Voronoi diagram: pieces that fill it exactly, each closed."""

from __future__ import annotations

from collections.abc import Callable

import bmesh
import bpy
import numpy as np
from mathutils import Vector
from mathutils.bvhtree import BVHTree

from .bodies import Array

_TRIES, _ATTEMPTS = 60, 3
_TINY = 1e-6
"""Of the whole's volume: slivers that are left out."""
_SNAP = 3e-7
"""Of the size: corners as near to a cut are on it."""
_WAYS = (Vector((0.86, 0.37, 0.35)), Vector((-0.31, 0.89, 0.33)), Vector((0.29, -0.36, 0.89)))


def cells(
    mesh: bpy.types.Mesh, pieces: int, seed: int, beat: Callable[[], None] = lambda: None
) -> list[bpy.types.Mesh]:
    """New meshes in the frame of the old one: its materials, and a last one of the name "… inside" for the cuts.

    Cells that fall apart are pieces of their own, so that there may be a few more than asked for. Where a cut cannot
    be closed other sites are tried, and the best of them are taken.
    """
    whole = bmesh.new()
    best: tuple[int, list[bmesh.types.BMesh]] | None = None
    try:
        whole.from_mesh(mesh)
        bmesh.ops.remove_doubles(whole, verts=whole.verts, dist=1e-6)
        for attempt in range(_ATTEMPTS):
            sites = _sites(whole, max(2, pieces), np.random.default_rng(seed + 1000 * attempt))
            found = []
            for number in range(len(sites)):
                beat()
                found += _parts(_cell(whole, sites, number, _inside(mesh)))
            torn = sum(any(not edge.is_manifold for edge in part.edges) for part in found)
            if best is None or torn < best[0]:
                _free(best[1] if best else [])
                best = (torn, found)
            else:
                _free(found)
            if best[0] == 0:
                break
        assert best
        return [_mesh(part, mesh, f"{mesh.name} piece {number + 1}") for number, part in enumerate(best[1])]
    finally:
        whole.free()
        _free(best[1] if best else [])


def _free(parts: list[bmesh.types.BMesh]) -> None:
    for part in parts:
        if part.is_valid:
            part.free()


def _sites(whole: bmesh.types.BMesh, count: int, rng: np.random.Generator) -> Array:
    """Points (S, 3) inside; of what is too thin to hit, points of the surface."""
    tree = BVHTree.FromBMesh(whole)
    points = np.array([vert.co for vert in whole.verts])
    low, high = points.min(axis=0), points.max(axis=0)
    found: list[Array] = []
    for place in rng.uniform(low, high, (_TRIES * count, 3)):
        if _within(tree, Vector(place)):
            found.append(place)
            if len(found) == count:
                break
    faces = list(whole.faces)
    area = np.array([face.calc_area() for face in faces])
    while len(found) < count:
        face = faces[rng.choice(len(faces), p=area / area.sum())]
        share = rng.dirichlet(np.ones(len(face.verts)))
        found.append(share @ np.array([vert.co for vert in face.verts]))
    return np.array(found)


def _within(tree: BVHTree, place: Vector) -> bool:
    """Two of three rays leave through an odd number of faces."""
    odd = 0
    for way in _WAYS:
        at, crossed = place.copy(), 0
        while crossed < 64:
            hit, _, _, _ = tree.ray_cast(at, way)
            if hit is None:
                break
            crossed, at = crossed + 1, hit + 1e-6 * way
        odd += crossed % 2
    return odd >= 2


def _cell(whole: bmesh.types.BMesh, sites: Array, number: int, inner: int) -> bmesh.types.BMesh:
    """What of the mesh is nearer to this site than to any other."""
    cell = whole.copy()
    site, size = sites[number], float(np.ptp(sites, axis=0).max())
    middle = Vector(site)
    others = np.delete(sites, number, axis=0)
    order = np.argsort(np.linalg.norm(others - site, axis=1))
    for other in others[order]:
        far = max(((vert.co - middle).length_squared for vert in cell.verts), default=0.0) ** 0.5
        if np.linalg.norm(other - site) > 2 * far:
            break
        _cut(cell, (site + other) / 2, other - site, inner, size)
        if not cell.faces:
            break
    return cell


def _cut(cell: bmesh.types.BMesh, place: Array, normal: Array, inner: int, size: float) -> None:
    """Take away what is beyond a plane and close the hole."""
    done = bmesh.ops.bisect_plane(
        cell, geom=[*cell.verts, *cell.edges, *cell.faces], plane_co=Vector(place), plane_no=Vector(normal),
        clear_outer=True, dist=_SNAP * size,
    )  # fmt: skip
    verts = [each for each in done["geom_cut"] if isinstance(each, bmesh.types.BMVert)]
    bmesh.ops.remove_doubles(cell, verts=verts, dist=2 * _SNAP * size)
    edges = [edge for edge in cell.edges if edge.is_boundary]
    if not edges:
        return
    bmesh.ops.delete(cell, geom=[edge for edge in cell.edges if edge.is_wire], context="EDGES")
    made = bmesh.ops.triangle_fill(cell, edges=edges, use_beauty=True, normal=Vector(normal))
    for face in made["geom"]:
        if isinstance(face, bmesh.types.BMFace):
            face.material_index, face.smooth = inner, False
            if face.normal.dot(Vector(normal)) < 0:
                face.normal_flip()


def _inside(mesh: bpy.types.Mesh) -> int:
    """The number of the material slot that cuts get."""
    return max(1, len(mesh.materials))


def _parts(cell: bmesh.types.BMesh) -> list[bmesh.types.BMesh]:
    """Its connected runs of faces, slivers left out; the cell is freed."""
    total, out = abs(cell.calc_volume()), []
    cell.faces.index_update()
    left = set(cell.faces)
    while left and total > 0:
        run, edge = set(), [left.pop()]
        while edge:
            face = edge.pop()
            run.add(face.index)
            near = {other for side in face.edges for other in side.link_faces if other in left}
            left -= near
            edge += near
        part = cell.copy()
        part.faces.ensure_lookup_table()
        bmesh.ops.delete(part, geom=[face for face in part.faces if face.index not in run], context="FACES")
        if abs(part.calc_volume()) > _TINY * total:
            out.append(part)
        else:
            part.free()
    cell.free()
    return out


def _mesh(part: bmesh.types.BMesh, mesh: bpy.types.Mesh, name: str) -> bpy.types.Mesh:
    made = bpy.data.meshes.new(name)
    part.to_mesh(made)
    for material in mesh.materials:
        made.materials.append(material)
    if not mesh.materials:
        made.materials.append(None)
    made.materials.append(rough(mesh.materials[0] if mesh.materials else None))
    return made


def rough(material: bpy.types.Material | None) -> bpy.types.Material | None:
    """The look of a fresh break: the material itself, duller and a little lighter; glass stays as it is."""
    if material is None:
        return None
    name = f"{material.name} inside"
    if name in bpy.data.materials:
        return bpy.data.materials[name]
    inside = material.copy()
    inside.name = name
    for node in inside.node_tree.nodes if inside.node_tree else ():
        if node.type == "BSDF_PRINCIPLED" and not node.inputs["Roughness"].is_linked:
            node.inputs["Roughness"].default_value = max(0.75, node.inputs["Roughness"].default_value)
            coat = node.inputs.get("Coat Weight")
            if coat is not None:
                coat.default_value = 0.0
    return inside
