# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring in a mesh file of the user: joined, upright, in metres, its base at the origin; a skeleton and motions stay."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix, Vector

from ...backend.geometry import headers
from ...backend.protocol.errors import UserError
from ...backend.protocol.spec import BackendSpec, Param
from .lib.files import naming
from .lib.material import shading
from .lib.mesh import dots, meshes
from .lib.rig import foreign, skeleton, skin, weights
from .lib.uv import layers
from .work import Work

SPEC = BackendSpec(
    id="load",
    label="Load a mesh",
    task="mesh-to-scene",
    seeded="never",
    help="Read a file of a mesh or of points, put its base on the origin and scale it where asked. A skeleton, its "
    "weights and its motions are kept",
    runtime="blender",
    version=5,
    inputs=("model",),
    outputs=("scene",),
    axes="Z up, faces -Y",
    params=(
        Param(
            "size_m", "float", 0.0, "Longest side after loading; 0 keeps the file's size", low=0, high=1000, unit="m"
        ),
        Param(
            "turn",
            "float",
            0.0,
            "Turn about the vertical axis, so that the front faces -Y",
            low=-360,
            high=360,
            unit="°",
        ),
        Param("cells", "int", 128, "Fineness of the surface around points, for a file without faces", low=16, high=320),
    ),
)


def _readers() -> dict[str, Callable[..., Any]]:
    ops = bpy.ops
    readers = {
        ".glb": ops.import_scene.gltf,
        ".gltf": ops.import_scene.gltf,
        ".obj": ops.wm.obj_import,
        ".stl": ops.wm.stl_import,
        ".ply": ops.wm.ply_import,
        ".fbx": ops.wm.fbx_import
        if hasattr(ops.wm, "fbx_import") and bpy.app.version >= (4, 5)
        else ops.import_scene.fbx,
    }
    if bpy.app.build_options.usd:
        readers.update(dict.fromkeys((".usd", ".usda", ".usdc", ".usdz"), ops.wm.usd_import))
    if bpy.app.build_options.alembic:
        readers[".abc"] = ops.wm.alembic_import
    return readers


def run(work: Work, *, size_m: float, turn: float, cells: int) -> None:
    path = work.files["model"]
    work.progress("Reading the mesh", 0.1)
    read(path)
    every = [obj for obj in bpy.context.scene.objects if obj.type == "MESH"]
    parts = [obj for obj in every if len(obj.data.polygons)]
    if not parts:
        parts = [_around(work, obj, cells) for obj in every if len(obj.data.vertices) and not len(obj.data.edges)]
    if not parts:
        raise UserError(f"{path.name} holds no mesh with faces. Choose another file.")
    parts = [obj for obj in parts if not naming.beside(obj.name)] or parts
    armature = foreign.of(parts)
    shapes = {bone.custom_shape for bone in armature.pose.bones} if armature else set()
    parts = [obj for obj in parts if obj not in shapes] or parts
    work.progress("Joining", 0.6)
    if armature:
        foreign.rested(armature)
        bpy.context.view_layer.update()
        for obj in parts:
            foreign.weighed(obj, armature)
    body = joined(parts)
    carrier = foreign.freed(armature) if armature else None
    for obj in [obj for obj in bpy.context.scene.objects if obj not in (body, armature, carrier)]:
        bpy.data.objects.remove(obj, do_unlink=True)
    change = _place(body, size_m, turn)
    _show_colours(body.data)
    _collect(work, body, "body")
    body.name = body.data.name = path.stem[:60]
    work.collection.name = path.stem[:60]
    body[layers.CAME] = layers.digest(body.data)
    if armature and carrier:
        carrier.matrix_world = change @ carrier.matrix_world
        _rigged(work, body, armature, carrier)
    work.report.metric("faces", len(body.data.polygons))


def _rigged(work: Work, body: bpy.types.Object, armature: bpy.types.Object, carrier: bpy.types.Object) -> None:
    """Take the file's skeleton along, and tie the body to it where the file did."""
    _collect(work, carrier, "carrier")
    _collect(work, armature, "armature")
    bpy.context.view_layer.update()
    bones = [bone.name for bone in armature.data.bones]
    table, _ = skin.read(body, bones)
    moved = frozenset(name for name, column in zip(bones, table.T, strict=True) if (column > 0).any())
    if moved:
        skin.attach(body, armature)
    foreign.taken(armature, moved)
    work.report.metric("bones", len(bones))
    work.report.metric("kind", armature[skeleton.KIND])
    work.report.metric("motions", len(bpy.data.actions))
    work.report.metric("unweighted", round(float(weights.bare(table).mean()), 4))
    if not moved:
        work.report.warn("The file has a skeleton, but no skin hangs on it. Run the step bind.")
    elif weights.bare(table).any():
        work.report.warn("Some of the skin hangs on no bone. The step bind mends that and keeps the rest.")


def _collect(work: Work, obj: bpy.types.Object, role: str) -> None:
    for collection in obj.users_collection:
        collection.objects.unlink(obj)
    work.add(role, obj)


def _around(work: Work, obj: bpy.types.Object, cells: int) -> bpy.types.Object:
    """The same object with a surface where it had points only."""
    beat = work.beat("Laying a surface around the points", 0.3)
    mesh, known = dots.surfaced(obj.data, cells, beat)
    if not known:
        work.report.warn("The points have no normals, so that inside and outside were guessed. Look it over.")
    work.report.metric("points", len(obj.data.vertices))
    meshes.replace_mesh(obj, mesh)
    return obj


def read(path: Path) -> None:
    """Its objects into the open file; raises `UserError` where it is none that this Blender reads."""
    readers = _readers()
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise UserError(f"{path.name} is no mesh file that this Blender reads. It reads: {', '.join(sorted(readers))}.")
    try:
        headers.look(path)
        reader(filepath=str(path))
    except (RuntimeError, ValueError, KeyError, TypeError, IndexError, AttributeError, OSError) as error:
        # the readers raise whatever the broken file drives them into
        said = "" if "Traceback" in str(error) else str(error).strip().removeprefix("Error: ").rstrip(".")
        raise UserError(
            f"{path.name} cannot be read: {' '.join(said.split()) or 'damaged'}. Choose another file."
        ) from None


def joined(parts: list[bpy.types.Object]) -> bpy.types.Object:
    """One object in world space, with modifiers, shape keys and armatures applied as they show."""
    found = [meshes.finished(obj) for obj in parts]
    for obj, mesh in zip(parts, found, strict=True):
        world = obj.matrix_world.copy()
        obj.modifiers.clear()
        obj.parent = None
        obj.data = mesh
        mesh.transform(world)
        if world.is_negative:
            mesh.flip_normals()
        obj.matrix_world = Matrix()
    first = parts[0]
    if len(parts) > 1:
        with bpy.context.temp_override(active_object=first, object=first, selected_editable_objects=parts):
            bpy.ops.object.join()
    return first


def _show_colours(mesh: bpy.types.Mesh) -> None:
    """Colours of points that no material shows are shown, lest no later step knows of them.

    Readers give materials of which the file says no colour the usual grey or white; those get the points', and keep
    what else they are.
    """
    painted = mesh.color_attributes.active_color
    if painted is None:
        return
    given = [material for material in mesh.materials if material]
    bases = [base for base in map(_bare, given) if base]
    if len(bases) < len(given):
        return
    painted.name = shading.COLORS
    for base in bases:
        tree = base.id_data
        tree.links.new(shading.source_color(tree, mesh), base)
    if not given:
        mesh.materials.clear()
        mesh.materials.append(shading.pictured(mesh.name, mesh))


def _bare(material: bpy.types.Material) -> bpy.types.NodeSocket | None:
    """Where its base colour comes in, if that is a grey or white that nobody chose."""
    nodes = material.node_tree.nodes if material.node_tree else ()
    shader = next((node for node in nodes if node.type == "BSDF_PRINCIPLED"), None)
    base = shader.inputs["Base Color"] if shader else None
    if not base or base.is_linked or not any(np.allclose(base.default_value[:3], grey, atol=0.01) for grey in (0.8, 1)):
        return None
    return base


def _place(body: bpy.types.Object, size_m: float, turn: float) -> Matrix:
    """Turn, scale and stand it on the origin; how the world was changed for that."""
    mesh, turned = body.data, Matrix.Rotation(math.radians(turn), 4, "Z")
    mesh.transform(turned)
    points = meshes.vertices_of(mesh)
    low, high = points.min(axis=0), points.max(axis=0)
    extent = float((high - low).max())
    if not math.isfinite(extent) or extent <= 0:
        raise UserError("The mesh has no size, or coordinates that are not numbers. Choose another file.")
    base = Vector(((low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]))
    change = Matrix.Scale(size_m / extent if size_m else 1.0, 4) @ Matrix.Translation(-base)
    mesh.transform(change)
    return change @ turned
