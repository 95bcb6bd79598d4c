# SPDX-License-Identifier: GPL-3.0-or-later
"""The body as a file wants it: real size, origin, turn and unit put into copies, which go away afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import bpy
import numpy as np
from mathutils import Matrix, Vector

from .....backend.protocol.errors import UserError
from ...work import ROLE
from ..mesh import meshes
from ..motion import animation
from .targets import Frame

PIVOTS = ("base", "centre", "mass", "keep")
MEASURES = ("longest", "height")


def matrix(body: bpy.types.Object, frame: Frame, *, size: float, measure: str, pivot: str) -> Matrix:
    """From the scene's world to the file's, before the axes are renamed. `size` in metres, 0 for as it is.

    What travels keeps the scene's origin: its floor and its way are measured from there. Its size is that of its own
    axes, however it lies at this moment.
    """
    bpy.context.view_layer.update()
    points, faces = _shape(body)
    if not len(points) or not np.isfinite(points).all():
        raise UserError("The body has no points, or some that are no numbers. Make it again.")
    away = travels(body)
    extent = np.ptp(points, axis=0)
    length = float(extent[2] if measure == "height" else extent.max())
    if size and length <= 0:
        raise UserError(f"The body has no {measure} side to scale by. Choose another measure, or size 0.")
    scale = size / length if size else bpy.context.scene.unit_settings.scale_length
    origin = Matrix.Translation(-Vector(_origin(points, faces, "keep" if away else pivot)))
    return Matrix.Scale(scale / frame.unit, 4) @ Matrix.Rotation(frame.turn, 4, "Z") @ origin


def _shape(body: bpy.types.Object) -> tuple[animation.Array, meshes.Ints]:
    """Points (V, 3) in the world and triangles (F, 3): with modifiers, but as at rest where an armature moves it."""
    if body.find_armature():
        return animation.rest_points(body), meshes.drawn(body.data)[0]
    shape = body.evaluated_get(bpy.context.evaluated_depsgraph_get())
    mesh = shape.to_mesh()
    points: animation.Array = meshes.vertices_of(mesh).astype(float)
    faces = meshes.drawn(mesh)[0]
    shape.to_mesh_clear()
    world = np.array(body.matrix_world)
    if travels(body):
        points *= body.matrix_world.median_scale
    else:
        points = points @ world[:3, :3].T + world[:3, 3]
    return points, faces


def _origin(points: animation.Array, faces: meshes.Ints, pivot: str) -> list[float]:
    low, high = points.min(axis=0), points.max(axis=0)
    middle = (low + high) / 2
    if pivot == "keep":
        return [0.0, 0.0, 0.0]
    if pivot == "mass":
        middle = _mass(points, faces)
    elif pivot == "base":
        middle[2] = low[2]
    return [float(x) for x in middle]


def _mass(points: animation.Array, faces: meshes.Ints) -> animation.Array:
    """Centre of mass of the solid; of the surface where it encloses nothing."""
    middle: animation.Array = points.mean(axis=0)
    corners = points[faces] - middle
    volumes = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
    box = float(np.prod(np.ptp(points, axis=0)))
    if abs(volumes.sum()) > 1e-3 * box > 0:
        inner = (volumes[:, None] * corners.sum(axis=1) / 4).sum(axis=0) / volumes.sum()
        # an open or flipped surface can put it anywhere: outside of the box it is nobody's centre of mass
        if (np.abs(inner) <= np.abs(points - middle).max(axis=0)).all():
            middle += inner
            return middle
    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    centres = corners.mean(axis=1)
    middle += (areas[:, None] * centres).sum(axis=0) / max(float(areas.sum()), 1e-30)
    return middle


def carriers(body: bpy.types.Object) -> list[bpy.types.Object]:
    """The body, its armature, and what they hang on."""
    found = [body]
    rig = body.find_armature()
    if rig:
        found.append(rig)
    for obj in found:
        if obj.parent and obj.parent not in found:
            found.append(obj.parent)
    return found


def companions(*roles: str) -> list[bpy.types.Object]:
    """Coarser levels (`lod`) and collision hulls (`collision`) of the body, which are where it is."""
    return [obj for obj in bpy.context.scene.objects if obj.get(ROLE) in roles]


def travels(body: bpy.types.Object) -> bool:
    """It moves through the world by keys of objects, not by its bones alone."""
    return any(not curve.data_path.startswith("pose.") for obj in carriers(body) for curve in animation.curves(obj))


def animated(objects: list[bpy.types.Object]) -> bool:
    return any(obj.animation_data and obj.animation_data.action for obj in objects)


@contextmanager
def placed(
    body: bpy.types.Object, change: Matrix, along: Sequence[bpy.types.Object] = ()
) -> Iterator[list[bpy.types.Object]]:
    """The objects to export, the body first, moved by `change`; the scene is as it was afterwards.

    `along` are those of its `companions` that go with it.
    """
    moved = travels(body)
    with _carried([*carriers(body), *along], change) if moved else _copied(body, along, change) as objects:
        bpy.context.view_layer.update()
        yield objects


@contextmanager
def _carried(objects: list[bpy.types.Object], change: Matrix) -> Iterator[list[bpy.types.Object]]:
    """What moves through the world hangs on an empty for a while: its own keys stay what they are."""
    carrier = bpy.data.objects.new("Place", None)
    bpy.context.scene.collection.objects.link(carrier)
    carrier.matrix_world = change
    roots = [obj for obj in objects if obj.parent is None]
    try:
        for obj in roots:
            obj.parent = carrier
            obj.matrix_parent_inverse.identity()
        yield [*objects, carrier]
    finally:
        for obj in roots:
            obj.parent = None
        bpy.data.objects.remove(carrier)


@contextmanager
def _copied(
    body: bpy.types.Object, along: Sequence[bpy.types.Object], change: Matrix
) -> Iterator[list[bpy.types.Object]]:
    """Copies with the change in their data, so that no transform is left on them. They bear the names meanwhile."""
    rig = body.find_armature()
    originals = [body, *along, *([rig] if rig else [])]
    names = [(thing, thing.name) for obj in originals for thing in (obj, obj.data)]
    copies: list[bpy.types.Object] = []
    try:
        for obj in originals:
            # what is out of sight is not kept up to date, but it is where the body is
            place = rig.matrix_world if obj == rig else body.matrix_world
            copies.append(_copy(obj, change @ place, solid=rig is None))
        if rig:
            for copy in copies[:-1]:
                if copy.get(ROLE) != "collision":
                    _bind(copy, rig, copies[-1])
            with _scaled_motion(copies[-1], (change @ rig.matrix_world).median_scale):
                yield copies
        else:
            yield copies
    finally:
        for copy in copies:
            data = copy.data
            bpy.data.objects.remove(copy)
            (bpy.data.meshes if isinstance(data, bpy.types.Mesh) else bpy.data.armatures).remove(data)
        for thing, name in names:
            thing.name = name


def _copy(obj: bpy.types.Object, world: Matrix, *, solid: bool) -> bpy.types.Object:
    """Its data brought to `world`. `solid`: modifiers are put into the mesh, in the sizes that they were made for."""
    data = meshes.finished(obj) if solid else obj.data.copy()
    copy = obj.copy()
    copy.data = data
    if solid:
        copy.modifiers.clear()
    copy.parent = None
    data.transform(world)
    if world.is_negative and isinstance(data, bpy.types.Mesh):
        data.flip_normals()
    copy.matrix_parent_inverse = copy.matrix_basis = Matrix()
    bpy.context.scene.collection.objects.link(copy)
    for mine, its in ((copy, obj), (data, obj.data)):
        name, its.name = its.name, f"{its.name[:50]} original"
        mine.name = name
    return copy


def _bind(body: bpy.types.Object, old: bpy.types.Object, new: bpy.types.Object) -> None:
    for modifier in body.modifiers:
        if modifier.type == "ARMATURE" and modifier.object == old:
            modifier.object = new
    body.parent = new
    body.matrix_parent_inverse.identity()


_KEYS = ("co", "handle_left", "handle_right")


@contextmanager
def _scaled_motion(rig: bpy.types.Object, scale: float) -> Iterator[None]:
    """Bones move `scale` times as far in every action for a while; turns stay.

    In the actions themselves: exporters write all that fit the rig, so a copy would go along with its original.
    """
    for bone in rig.pose.bones:
        bone.location *= scale
    found = [curve for action in bpy.data.actions for curve in animation.every_curve(action)]
    found = [curve for curve in found if curve.data_path.startswith("pose.") and ".location" in curve.data_path]
    before = []
    for curve in found:
        for name in _KEYS:
            keys = np.empty(2 * len(curve.keyframe_points), np.float32)
            curve.keyframe_points.foreach_get(name, keys)
            before.append((curve, name, keys))
            curve.keyframe_points.foreach_set(name, (keys.reshape(-1, 2) * [1, scale]).ravel())
        curve.update()  # or Blender 4.2 plays the old keys
    try:
        yield
    finally:
        for curve, name, keys in before:
            curve.keyframe_points.foreach_set(name, keys)
        for curve in found:
            curve.update()
