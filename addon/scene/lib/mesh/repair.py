# SPDX-License-Identifier: GPL-3.0-or-later
"""Mend a mesh of triangles, round by round, until nothing is left to mend; what was done, and what remains."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import bpy
import numpy as np
from mathutils.geometry import tessellate_polygon

from .....backend.geometry import condition, mending, slivers, topology
from .....backend.geometry.mending import Surface
from .....backend.geometry.topology import Array, Beat, no_beat
from .....backend.protocol.errors import UserError
from . import meshes, shells, voxels

_ROUNDS = 5
_LONGEST = 0.5
"""Of the diagonal: a rim that is longer is an opening that is meant to be one."""
_MOUTH, _OUTLINE = 0.25, 0.9
"""Of the area of its part: a rim that spans more is an opening; still more, the outline of a flat sheet."""
BEFORE = 300_000
"""Faces; more are not looked through for cuts before they are mended."""


@dataclass(frozen=True)
class Want:
    """What is mended: `floaters` is a share of the largest part's area, `angle` in degrees that of the slivers,
    `cells` the faces of a surface of voxels.
    """

    floaters: float = 0.02
    close: bool = True
    inner: bool = True
    watertight: bool = False
    remesh: bool = False
    angle: float = condition.SLIVER
    cells: int = 60_000


def repaired(mesh: bpy.types.Mesh, want: Want, beat: Beat = no_beat) -> tuple[bpy.types.Mesh, dict[str, int]]:
    """A mended copy of a mesh of triangles with its attributes, and what was done, in numbers."""
    points = meshes.vertices_of(mesh).astype(np.float64)
    if not np.isfinite(points).all():
        raise UserError("The mesh has positions that are no numbers. Mend the file or make it again.")
    low, size = points.min(axis=0), float(np.linalg.norm(np.ptp(points, axis=0))) if len(points) else 0.0
    if not size or not len(mesh.polygons):
        raise UserError("The mesh has no surface. Choose another one or make it again.")
    done: Counter[str] = Counter()
    surface = Surface.of((points - low) / size, meshes.triangles_of(mesh))
    surface = _rounds(_joined(surface, done, beat), want, done, beat)
    if want.remesh or (want.watertight and len(surface.faces) and _open(surface, beat)):
        surface = _rounds(
            voxels.rebuilt(surface, want.cells, _open(surface, beat), beat), replace(want, floaters=1e-4), done, beat
        )
        done["remeshed"] = 1
    beat()
    return meshes.rebuilt(mesh, surface.points * size + low, surface.faces, surface.vertex, surface.corner), +done


def _joined(surface: Surface, done: Counter[str], beat: Beat) -> Surface:
    """One vertex a place. Near ones are joined where the mesh is open: in a closed one that would pinch thin walls."""
    before = len(surface.points)
    surface = mending.weld(surface)
    beat()
    _, uses = topology.edges(surface.faces, len(surface.points))
    if (uses == 1).any():
        beat()
        surface = mending.weld(surface, mending.NEAR)
    beat()
    done["vertices joined or dropped"] = before - len(surface.points)
    faces = len(surface.faces)
    surface = mending.without_twins(surface)
    done["twin faces dropped"] = faces - len(surface.faces)
    return surface


def _rounds(surface: Surface, want: Want, done: Counter[str], beat: Beat) -> Surface:
    """Until a round finds nothing that it would have to mend."""
    for number in range(_ROUNDS):
        if not len(surface.faces):
            break
        surface, added, paired = mending.split(surface, beat)
        done["vertices split"] += added
        if number == 0:
            surface, paired = _without_floaters(surface, want.floaters, done, paired, beat)
        turned, _ = topology.wound(surface.points, surface.faces, paired, beat, hollow=not want.inner)
        done["faces turned"] += int(turned.sum())
        surface, mended = slivers.mended(surface.turned(turned), beat, below=want.angle)
        done["slivers mended"] += mended
        if not len(surface.faces):
            break
        if want.close or want.watertight:
            surface = _closed(surface, want, done, beat)
        if want.inner:
            surface = _without_inner(surface, done, beat)
        if want.watertight:
            surface = _without_sheets(surface, done, beat)
        if not added and not mended:  # what else was done cannot have broken anything
            break
    return surface


def _without_floaters(
    surface: Surface, share: float, done: Counter[str], paired: Array, beat: Beat
) -> tuple[Surface, Array]:
    """Without the parts whose area is below this share of the largest part's."""
    part = mending.parts(surface, beat)
    area = np.bincount(part, mending.areas(surface))
    keep = area >= share * area.max()
    if keep.all():
        return surface, paired
    done["floaters dropped"] += int((~keep).sum())
    surface = surface.only(keep[part])
    return surface, topology.pairs(surface.points, surface.faces, beat)[0]


def _closed(surface: Surface, want: Want, done: Counter[str], beat: Beat) -> Surface:
    lines = mending.rims(surface, beat)
    if not lines:
        return surface
    part = mending.parts(surface, beat)
    area = np.bincount(part, mending.areas(surface))
    of_vertex = np.empty(len(surface.points), np.int64)
    of_vertex[surface.faces] = part[:, None]
    share, longest = (_OUTLINE, np.inf) if want.watertight else (_MOUTH, _LONGEST)
    chosen = []
    for line in lines:
        rim = surface.points[line]
        length = float(np.linalg.norm(rim - np.roll(rim, -1, axis=0), axis=1).sum())
        if length <= longest and mending.spanned(rim) <= share * area[of_vertex[line[0]]]:
            chosen.append(line)
    done["holes closed"] += len(chosen)
    return mending.fill(surface, chosen, _tessellated, beat)


def _tessellated(points: Array) -> Array:
    return np.array(tessellate_polygon([points.tolist()]), np.int64).reshape(-1, 3)


def _parts(surface: Surface, beat: Beat) -> tuple[Array, Array]:
    """The part of each face, and which parts are closed."""
    part = mending.parts(surface, beat)
    edge, uses = topology.edges(surface.faces, len(surface.points))
    still_open = np.zeros(int(part.max()) + 1, bool)
    still_open[part[(uses[edge.reshape(-1, 3)] == 1).any(axis=1)]] = True
    return part, ~still_open


def inner_parts(surface: Surface, beat: Beat = no_beat) -> tuple[Array, Array]:
    """The part of each face, and which parts nobody can see for they lie in closed ones."""
    part, closed = _parts(surface, beat)
    if len(closed) < 2:
        return part, np.zeros(1, bool)
    return part, shells.inner(surface.points, surface.faces, part, closed, beat)


def _without_inner(surface: Surface, done: Counter[str], beat: Beat) -> Surface:
    part, inside = inner_parts(surface, beat)
    if not inside.any():
        return surface
    done["inner shells dropped"] += int(inside.sum())
    return surface.only(~inside[part])


def _without_sheets(surface: Surface, done: Counter[str], beat: Beat) -> Surface:
    """Of a solid with sheets beside it only the solid, for a sheet cannot be closed."""
    part, closed = _parts(surface, beat)
    area = np.bincount(part, mending.areas(surface))
    if closed.all() or area[closed].sum() < area.sum() / 2:
        return surface
    done["sheets dropped"] += int((~closed).sum())
    return surface.only(closed[part])


def _open(surface: Surface, beat: Beat) -> bool:
    paired, single = topology.pairs(surface.points, surface.faces, beat)
    start = surface.faces.reshape(-1)
    return bool(len(single) or (start[paired[:, 0]] == start[paired[:, 1]]).any())


def outwards(mesh: bpy.types.Mesh, beat: Beat = no_beat) -> bpy.types.Mesh:
    """A copy of a mesh of triangles whose faces agree with their neighbours and look outwards; nothing else is mended.

    Its corners have the normals that they had, on the side that the face looks to now.
    """
    points = meshes.vertices_of(mesh).astype(np.float64)
    size = max(float(np.linalg.norm(np.ptp(points, axis=0))), 1e-300)
    surface = Surface.of((points - points.min(axis=0)) / size, meshes.triangles_of(mesh))
    joined = _joined(surface, Counter(), beat)
    turned, _ = topology.wound(joined.points, joined.faces, topology.pairs(joined.points, joined.faces, beat)[0], beat)
    which = np.zeros(len(surface.faces), bool)
    which[joined.corner[turned, 0] // 3] = True
    surface = surface.turned(which)
    normals = np.empty((len(mesh.loops), 3), np.float32)
    mesh.corner_normals.foreach_get("vector", normals.reshape(-1))
    normals = normals[surface.corner]
    normals[which & (np.einsum("ijk,ik->ij", normals, _across(surface)).sum(axis=1) < 0)] *= -1
    out = meshes.rebuilt(mesh, points, surface.faces, surface.vertex, surface.corner)
    out.normals_split_custom_set(normals.reshape(-1, 3).tolist())
    return out


def _across(surface: Surface) -> Array:
    """Normals (F, 3) of the faces, twice their areas long."""
    a, b, c = (surface.points[surface.faces[:, k]] for k in range(3))
    out: Array = np.cross(b - a, c - a)
    return out


def measured(mesh: bpy.types.Mesh, beat: Beat = no_beat, *, most: int = 1 << 62) -> dict[str, Any]:
    """The condition of a mesh of triangles; self_intersections is the share of its faces that cut others."""
    points, faces = meshes.vertices_of(mesh), meshes.triangles_of(mesh)
    found: dict[str, Any] = condition.condition(points, faces, beat)
    places, joined = condition.welded(points, faces)
    joined = joined[condition.whole(joined)]
    found["self_intersections"] = None
    if len(joined) and len(joined) <= most:
        size = float(np.linalg.norm(np.ptp(places, axis=0)))
        places = (places - places.min(axis=0)) / max(size, 1e-300)
        count, looked = shells.cuts(places, joined, beat)
        found["self_intersections"] = round(count / looked, 6)
    return found


def hidden(mesh: bpy.types.Mesh, beat: Beat = no_beat) -> int:
    """How many parts of a mesh of triangles lie unseen inside closed ones."""
    points, faces = condition.welded(meshes.vertices_of(mesh), meshes.triangles_of(mesh))
    size = float(np.linalg.norm(np.ptp(points, axis=0)))
    surface = Surface.of((points - points.min(axis=0)) / max(size, 1e-300), faces[condition.whole(faces)])
    return int(inner_parts(surface, beat)[1].sum()) if len(surface.faces) else 0


WORDS: dict[str, str] = {
    "boundary_edges": "open edges",
    "nonmanifold_edges": "edges of more than two faces",
    "nonmanifold_vertices": "vertices where sheets touch",
    "flipped_edges": "edges whose faces are wound against each other",
    "inside_out": "parts inside out",
    "degenerate": "faces without an area",
    "twins": "twin faces",
    "loose": "loose vertices",
}


def remains(found: dict[str, Any]) -> list[str]:
    """What a measured mesh still has that a sound one has not, in words."""
    out = [f"{found[key]} {words}" for key, words in WORDS.items() if found[key]]
    if found.get("self_intersections"):
        out.append(f"{found['self_intersections']:.2%} of the faces cut others")
    return out
