# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's exporters, one function a format: the same axes and units for all, whatever the version calls its options.

Up and forward follow what each format's readers expect: Y up for glTF, OBJ, FBX and USD; Z up for STL and PLY, which
printers and scanners use.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import addon_utils
import bpy


def _known(operator: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Only the options that this Blender's operator has: their names changed between 4.2 and 5.2."""
    has = operator.get_rna_type().properties.keys()
    return {name: value for name, value in options.items() if name in has}


def _call(operator: Any, path: Path, **options: Any) -> None:
    done = operator(filepath=str(path), check_existing=False, **_known(operator, options))
    if "FINISHED" not in done or not path.is_file():
        raise RuntimeError(f"Blender's exporter wrote no {path.name}")


def _enabled(addon: str) -> None:
    if not addon_utils.check(addon)[1]:
        addon_utils.enable(addon)


def glb(path: Path, *, animated: bool) -> None:
    _enabled("io_scene_gltf2")
    _call(
        bpy.ops.export_scene.gltf,
        path,
        export_format="GLB",
        use_selection=True,
        export_yup=True,
        export_apply=not animated,
        export_animations=animated,
        export_tangents=False,
        export_image_format="AUTO",
        export_materials="EXPORT",
    )


def obj(path: Path, *, animated: bool) -> None:
    _call(
        bpy.ops.wm.obj_export,
        path,
        export_selected_objects=True,
        export_animation=False,
        apply_modifiers=True,
        forward_axis="NEGATIVE_Z",
        up_axis="Y",
        export_uv=True,
        export_normals=True,
        export_materials=True,
        export_pbr_extensions=True,
        path_mode="STRIP",
    )


def fbx(path: Path, *, animated: bool) -> None:
    _enabled("io_scene_fbx")
    _call(
        bpy.ops.export_scene.fbx,
        path,
        use_selection=True,
        object_types={"MESH", "ARMATURE"},
        # Without these two a reader sees metres as hundreds of centimetres, or a turned empty above the mesh.
        apply_scale_options="FBX_SCALE_ALL",
        axis_forward="-Z",
        axis_up="Y",
        use_mesh_modifiers=not animated,
        add_leaf_bones=False,
        bake_anim=animated,
        path_mode="COPY",
        embed_textures=True,
    )


def usdz(path: Path, *, animated: bool) -> None:
    _call(
        bpy.ops.wm.usd_export,
        path,
        selected_objects_only=True,
        export_animation=animated,
        export_armatures=animated,
        export_uvmaps=True,
        export_normals=True,
        export_materials=True,
        generate_preview_surface=True,
        export_textures=True,
        export_textures_mode="NEW",
        overwrite_textures=True,
        convert_orientation=True,
        export_global_forward_selection="NEGATIVE_Z",
        export_global_up_selection="Y",
        root_prim_path="/root",
        triangulate_meshes=False,
        export_lights=False,
        export_cameras=False,
        convert_world_material=False,
    )


def abc(path: Path, *, animated: bool) -> None:
    _call(
        bpy.ops.wm.alembic_export, path, selected=True, uvs=True, normals=True, packuv=False, apply_subdiv=False,
        **({} if animated else {"start": 1, "end": 1}),
    )  # fmt: skip


def stl(path: Path, *, animated: bool) -> None:
    _call(
        bpy.ops.wm.stl_export,
        path,
        export_selected_objects=True,
        ascii_format=False,
        apply_modifiers=True,
        forward_axis="Y",
        up_axis="Z",
    )


def ply(path: Path, *, animated: bool) -> None:
    _call(
        bpy.ops.wm.ply_export,
        path,
        export_selected_objects=True,
        ascii_format=False,
        apply_modifiers=True,
        forward_axis="Y",
        up_axis="Z",
        export_uv=True,
        export_normals=True,
        export_colors="SRGB",
        export_attributes=False,
    )


FORMATS: dict[str, Callable[..., None]] = {
    "glb": glb, "obj": obj, "fbx": fbx, "usdz": usdz, "abc": abc, "stl": stl, "ply": ply,
}  # fmt: skip
