# SPDX-License-Identifier: GPL-3.0-or-later
"""A mesh of a file as a thing of a scene: one rigid body that fills its box."""

from __future__ import annotations

import hashlib
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix, Vector

from .....backend.protocol.errors import UserError
from .....backend.protocol.scene import Item
from ...props.prop import Part, Prop
from ..mesh import meshes
from . import assets

_LARGEST = 2 << 30
_BLENDS = (".blend",)


def prop(path: Path, sha256: str, size: tuple[float, float, float], item: Item) -> Prop:
    """The file's meshes as one; raises `UserError` where the file is not there, is another one, or holds none."""
    _proved(path, sha256, item)
    before = set(bpy.data.objects)
    if path.suffix.lower() in _BLENDS:
        assets.appended(path)
    else:
        from ... import load

        load.read(path)
    objects = [obj for obj in bpy.data.objects if obj not in before]
    return _one(objects, path.name, size, item)


def asset(found: assets.Found, size: tuple[float, float, float], item: Item) -> Prop:
    """What a library holds by that name, as one."""
    return _one(assets.appended(found.path, found.kind, found.name), found.place, size, item)


def _one(objects: list[bpy.types.Object], where: str, size: tuple[float, float, float], item: Item) -> Prop:
    """These objects as one body, evaluated as they show; the objects themselves are taken away."""
    from ... import load

    for obj in objects:
        if not obj.users_scene:
            bpy.context.scene.collection.objects.link(obj)
    bpy.context.view_layer.update()
    parts = [obj for obj in objects if obj.type == "MESH" and len(obj.data.polygons)]
    if not parts:
        raise UserError(f"{where} holds no mesh with faces. Choose another file for {item.name}.")
    body = load.joined(parts)
    mesh = body.data
    for obj in [obj for obj in objects if obj is not body and _lives(obj)]:
        bpy.data.objects.remove(obj, do_unlink=True)
    bpy.data.objects.remove(body, do_unlink=True)
    _fill(mesh, size, whole=item.dimensions is not None)
    mesh.name = item.name
    if not mesh.uv_layers:
        mesh.uv_layers.new(name="UVMap")
    return Prop([Part(item.name, mesh)])


def _lives(obj: bpy.types.Object) -> bool:
    try:
        return bool(obj.name)
    except ReferenceError:
        return False


def _proved(path: Path, sha256: str, item: Item) -> None:
    if not path.is_file():
        raise UserError(
            f"{item.name}: there is no file {path}. Change mesh.file of the object {item.id}.", kind="usage"
        )
    if path.stat().st_size > _LARGEST:
        raise UserError(f"{path.name} is larger than 2 GB. Make it smaller, or choose another file.", kind="usage")
    if sha256:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != sha256.lower():
            text = f"{path.name} is not the file that the scene was made with. Find that one, or clear mesh.sha256"
            raise UserError(f"{text} of the object {item.id}.", kind="usage")


def _fill(mesh: bpy.types.Mesh, size: tuple[float, float, float], *, whole: bool) -> None:
    """Base centre to the origin; as long as its box, or all of the box where its sides were said."""
    points = meshes.vertices_of(mesh)
    low, high = points.min(axis=0), points.max(axis=0)
    extent = high - low
    if not np.isfinite(extent).all() or extent.max() <= 0:
        raise UserError(f"{mesh.name} has no size, or coordinates that are not numbers. Choose another file.")
    scale = max(size) / float(extent.max())
    sides = [
        side / float(e) if whole and e > 1e-6 * extent.max() else scale for side, e in zip(size, extent, strict=True)
    ]
    base = Vector(((low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]))
    mesh.transform(Matrix.Diagonal((*sides, 1.0)) @ Matrix.Translation(-base))
