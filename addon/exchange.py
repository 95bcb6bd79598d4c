# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects on their way out of the user's file into a job, and back in again. The only thing that changes that file."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import bpy
from mathutils import Vector

from ..backend.protocol.errors import UserError
from .objects import RUN, armature, asset_of, found, parts, plain
from .scene.lib.physics.thing import ITEM
from .scene.work import NAME, ROLE

AWAY = "galatea_away"
"""Custom property of an object that made way for another: whether renders left it out before."""


def write(context: bpy.types.Context, obj: bpy.types.Object, folder: Path, *, source: bool) -> Path:
    """Save a file that holds the object's asset and nothing else; a mesh of the user's becomes the body of one.

    `source` says whether the full mesh that textures are baked from goes along.
    """
    rig = armature(context, obj)
    if context.mode != "OBJECT":
        for each in (obj, rig):
            if each:
                each.update_from_editmode()
    context.view_layer.update()
    scene = bpy.data.scenes.new("Galatea")
    asset = bpy.data.collections.new(plain(obj.name))
    made: list[Any] = [asset]
    try:
        asset[ROLE] = "asset"
        if asset_of(obj):
            inside = [each for each in parts(obj) if source or each.get(ROLE) != "source"]
        else:
            inside = [_as_body(obj)] if rig is None else _as_skin(obj, rig)
            made += inside
        for each in inside:
            asset.objects.link(each)
        scene.collection.children.link(asset)
        scene.render.fps, scene.render.fps_base = context.scene.render.fps, context.scene.render.fps_base
        scene.unit_settings.scale_length = context.scene.unit_settings.scale_length
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{re.sub(r'[^a-zA-Z0-9-]+', '_', plain(obj.name))[:40]}-{os.urandom(6).hex()}.blend"
        scene.view_layers[0].update()  # Blender 5.2 crashes in the write of a scene that never was evaluated
        bpy.data.libraries.write(str(path), {scene}, path_remap="ABSOLUTE", compress=True)
        return path
    except OSError as error:
        message = f"Cannot write to {folder}: {error.strerror}. Choose another data folder."
        raise UserError(message, kind="output") from None
    finally:
        bpy.data.scenes.remove(scene)
        bpy.data.batch_remove(made)


def write_all(folder: Path) -> Path:
    """Save a copy of the whole open file; paths of what lies outside it are made to fit. The open file stays as it is,
    saved or not.
    """
    painted = [image.name for image in bpy.data.images if image.is_dirty and image.type == "IMAGE" and image.users]
    if painted:
        raise UserError(f"The image {painted[0]} was painted and not saved. Save or pack it, then render again.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stem = re.sub(r"[^a-zA-Z0-9-]+", "_", Path(bpy.data.filepath).stem)[:40] or "scene"
        path = folder / f"{stem}-{os.urandom(6).hex()}.blend"
        bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True, compress=True, relative_remap=True)
    except (OSError, RuntimeError) as error:
        message = f"Cannot write to {folder}: {error}. Free some space or choose another data folder."
        raise UserError(message, kind="output") from None
    return path


def write_assets(folder: Path) -> Path | None:
    """Save a library of what is marked as an asset in the open file and lives there; None where nothing is."""
    every = (*bpy.data.objects, *bpy.data.collections)
    marked = {each for each in every if each.asset_data and not each.library}
    if not marked:
        return None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"assets-{os.urandom(6).hex()}.blend"
        bpy.data.libraries.write(str(path), marked, path_remap="ABSOLUTE", fake_user=True, compress=True)
    except (OSError, RuntimeError) as error:
        message = f"Cannot write the file's assets to {folder}: {error}. Choose another data folder."
        raise UserError(message, kind="output") from None
    return path


def _as_body(obj: bpy.types.Object) -> bpy.types.Object:
    """A copy that shares the mesh; the user's own object gets no mark of ours."""
    body = obj.copy()
    body[ROLE], body[NAME] = "body", obj.name
    body.hide_viewport = body.hide_render = False
    body.parent = None  # a parent would not be in the scene
    body.matrix_world = obj.matrix_world
    return body


def _as_skin(obj: bpy.types.Object, rig: bpy.types.Object) -> list[bpy.types.Object]:
    """Copies of a mesh and its armature that share their data; the armature's parents are not in the scene either."""
    body, bones = _as_body(obj), rig.copy()
    bones[ROLE], bones[NAME] = "armature", rig.name
    bones.parent = None
    bones.matrix_world = rig.matrix_world
    for modifier in body.modifiers:
        if modifier.type == "ARMATURE" and modifier.object == rig:
            modifier.object = bones
    return [body, bones]


def show(context: bpy.types.Context, blend: Path | None, *, run: str, name: str, at: Any, hide: list[str]) -> None:
    """Select what the run made; append it from its scene file where this file does not have it. Where it is hidden or
    not there, what stands in its place makes way.
    """
    asset = found(run)
    inside = context.view_layer.objects
    if asset and any(obj.name in inside for obj in asset.all_objects):
        if not any(obj.visible_get() for obj in asset.all_objects):
            _away(context, hide)
            _back(asset)
        select(context, asset)
    elif blend is None:
        raise UserError("The files of this run are gone. Run it again.", kind="output")
    else:
        append(context, blend, run=run, name=name, at=at, hide=hide)


def append(context: bpy.types.Context, blend: Path, *, run: str, name: str, at: Any, hide: list[str]) -> None:
    """Bring the asset of a scene file in as a new collection, selected, at a place; hide what it replaces.

    Without a place it comes to the world's origin, or beside what stands there. The caller makes the undo step.
    """
    before, libraries, images = set(bpy.data.collections), set(bpy.data.libraries), set(bpy.data.images)
    actions = set(bpy.data.actions)
    try:
        with bpy.data.libraries.load(str(blend), link=False) as (source, target):
            target.collections = list(source.collections)
    except OSError as error:
        raise UserError(f"Cannot read {blend.name}: {error}. Run it again.", kind="output") from None
    for library in [each for each in bpy.data.libraries if each not in libraries and not each.users_id]:
        bpy.data.libraries.remove(library)  # all that came of it is local now
    for image in [each for each in bpy.data.images if each not in images]:
        image[RUN] = run  # nobody takes it for a photo
    new = [c for c in bpy.data.collections if c not in before]
    asset = next((c for c in new if c.get(ROLE) == "asset"), None)
    if asset is None:
        _drop(new)
        raise UserError("The result holds no object. Run it again.", kind="output")
    _drop([c for c in new if c != asset and c not in asset.children_recursive])
    older = bpy.data.collections.get(name)
    if asset.asset_data and older and RUN in older:
        older.name = f"{name}.001"  # the newest asset is listed by its plain name
    asset.name, asset[RUN] = name, run
    context.scene.collection.children.link(asset)
    _away(context, hide)
    for obj in list(asset.all_objects):
        if obj.get(ROLE) == "source":
            obj.hide_set(True)
    context.view_layer.update()
    _place(asset, _room(context, asset) if at is None else at)
    for action in set(bpy.data.actions) - actions:
        action.update_tag(refresh={"TIME"})  # it was saved at its first frame; here another may be shown
    select(context, asset)


def _away(context: bpy.types.Context, names: list[str]) -> None:
    """Hide what makes way. Objects of ours keep whether they were rendered, for the day that they come back."""
    for obj in filter(None, map(context.view_layer.objects.get, names)):
        if asset_of(obj) and not obj.hide_get():
            obj[AWAY] = obj.hide_render
        obj.hide_set(True)
        obj.hide_render = True


def _back(asset: bpy.types.Collection) -> None:
    for obj in list(asset.all_objects):  # a copy: who hides makes Blender lay the collection out anew
        if AWAY in obj:
            obj.hide_set(False)
            obj.hide_render = obj.pop(AWAY)


def select(context: bpy.types.Context, asset: bpy.types.Collection) -> None:
    """Make its body the active object and the only selected one, with what moves it; of a scene, all things."""
    inside = context.view_layer.objects
    for obj in inside:
        obj.select_set(False)
    there = [obj for obj in asset.all_objects if obj.name in inside]
    things = [obj for obj in there if ITEM in obj and obj.visible_get()]
    chosen = things or [obj for obj in there if obj.get(ROLE) == "body"][:1] or there[:1]
    for obj in chosen:
        obj.hide_set(False)
        obj.select_set(True)
    if chosen:
        inside.active = chosen[0]


def _drop(collections: list[bpy.types.Collection]) -> None:
    for collection in collections:
        objects = [obj for obj in collection.all_objects if obj.users <= 1]
        bpy.data.batch_remove([*objects, collection])


def _place(asset: bpy.types.Collection, at: Any) -> None:
    """Move the whole to a place. What is animated gets a parent, because its own location is not free."""
    if all(abs(each) < 1e-9 for each in at):
        return
    roots = [obj for obj in asset.all_objects if obj.parent is None]
    if any((obj.animation_data and obj.animation_data.action) or obj.rigid_body for obj in roots):
        place = bpy.data.objects.new(f"{asset.name} place", None)
        place.empty_display_size = 0.2
        asset.objects.link(place)
        for obj in roots:
            obj.parent = place
        roots = [place]
    for obj in roots:
        obj.location = [a + b for a, b in zip(obj.location, at, strict=True)]
    asset.instance_offset += Vector(at)  # its instances stay where they are put


def _room(context: bpy.types.Context, asset: bpy.types.Collection) -> Vector:
    """How far to the right (+X) of the origin it has to go to stand in nothing that is there, such as Blender's cube.
    What is four times its size is a floor or a room, which it may stand in; floors of results count for nothing.
    """
    kinds, inside = {"MESH", "CURVE", "SURFACE", "META", "FONT"}, set(asset.all_objects)
    shown = [obj for obj in context.visible_objects if obj.type in kinds and obj.get(ROLE) != "floor"]
    boxes = [(obj in inside, _box(_corners(obj))) for obj in shown]
    own = [corner for mine, box in boxes for corner in box if mine]
    move = Vector()
    if not own:
        return move
    low, high = _box(own)
    size = max(high - low)
    others = [(a, b) for mine, (a, b) in boxes if not mine and max(b - a) < 4 * size]
    while hit := [b for a, b in others if _apart(a, b, low + move, high + move) < 0]:
        move.x = hit[0].x - low.x + 0.1 * size
    return move


def _corners(obj: bpy.types.Object) -> list[Vector]:
    return [obj.matrix_world @ Vector(corner) for corner in obj.bound_box]


def _box(points: list[Vector]) -> tuple[Vector, Vector]:
    return Vector(map(min, *points)), Vector(map(max, *points))


def _apart(a: Vector, b: Vector, c: Vector, d: Vector) -> float:
    """The widest gap along an axis between the boxes a to b and c to d; below zero where they share space."""
    return max(max(c[axis] - b[axis], a[axis] - d[axis]) for axis in range(3))
