# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's exporters, one function a format, whatever the version calls its options.

Sizes, origin and turn are in the objects already (`placing`); what is left here is the name of the axis that is up.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import addon_utils
import bpy

from . import coarser, usd
from .targets import Frame


@dataclass(frozen=True)
class Order:
    """What is written: `rigged` objects have an armature, `animated` ones move; `name` is the asset's. `deforming`: of
    an armature only the bones that move skin; `single`: of all motions only the one that plays.

    `told` are texts and numbers that a format with a place for them keeps. `levels` are names and triangles of those
    levels of detail, the finest first, that are to be told as such.
    """

    frame: Frame
    name: str
    told: Mapping[str, Any]
    rigged: bool = False
    deforming: bool = False
    single: bool = False
    animated: bool = False
    draco: bool = False
    levels: tuple[tuple[str, int], ...] = ()


_SEVERAL = "More than one shader node tex image used for a texture"


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


def gltf(path: Path, order: Order) -> None:
    _enabled("io_scene_gltf2")
    with _unwarned():
        _call(
            bpy.ops.export_scene.gltf,
            path,
            export_format="GLB" if path.suffix == ".glb" else "GLTF_SEPARATE",
            export_texture_dir="",
            use_selection=True,
            export_yup=True,
            export_apply=not order.rigged,
            export_animations=order.animated,
            export_def_bones=order.deforming,
            export_animation_mode="SCENE" if order.single else "ACTIONS",
            export_tangents=False,
            export_image_format="AUTO",
            export_materials="EXPORT",
            export_draco_mesh_compression_enable=order.draco,
        )
    if order.levels:
        coarser.tell(path, order.levels)


@contextmanager
def _unwarned() -> Iterator[None]:
    """Without the exporter's warning that a texture has several image nodes, where all are read the same way anyhow.

    It counts sockets, so that every packed picture of occlusion, roughness and metal is warned of. What may be lost is
    how the others are read between and beyond their pixels; nothing is where all nodes of each material say the same.
    """

    def differs(record: logging.LogRecord) -> bool:
        return not record.getMessage().startswith(_SEVERAL) or not _alike()

    log = logging.getLogger("glTFImporter")  # the exporter's too
    log.addFilter(differs)
    try:
        yield
    finally:
        log.removeFilter(differs)


def _alike() -> bool:
    """Whether the selected objects have no material whose pictures are read in several ways."""
    materials = {slot.material for obj in bpy.context.selected_objects for slot in obj.material_slots}
    for tree in [material.node_tree for material in materials if material and material.node_tree]:
        pictures = [node for node in tree.nodes if node.type == "TEX_IMAGE"]
        if any(node.type == "GROUP" and node.node_tree and len(node.outputs) for node in tree.nodes):
            return False  # there may be more in it
        if len({(node.interpolation, node.extension) for node in pictures}) > 1:
            return False
    return True


def obj(path: Path, order: Order) -> None:
    _plain(
        bpy.ops.wm.obj_export, path, order, export_animation=False, export_uv=True, export_normals=True,
        export_materials=True, export_pbr_extensions=True, path_mode="STRIP", export_colors=_painted(),
    )  # fmt: skip


def _painted() -> bool:
    """Whether a selected object shows colours of its points."""
    materials = {slot.material for obj in bpy.context.selected_objects for slot in obj.material_slots}
    nodes = [node for each in materials if each and each.node_tree for node in each.node_tree.nodes]
    return any(node.type in ("ATTRIBUTE", "VERTEX_COLOR") for node in nodes)


def fbx(path: Path, order: Order) -> None:
    _enabled("io_scene_fbx")
    upright = order.frame.up == "Y"
    _call(
        bpy.ops.export_scene.fbx,
        path,
        use_selection=True,
        object_types={"MESH", "ARMATURE", "EMPTY"},
        # Without these a reader sees metres as hundreds of centimetres, or a turned node above the mesh.
        apply_scale_options="FBX_SCALE_ALL",
        bake_space_transform=not order.rigged and not order.animated,
        axis_forward="-Z" if upright else "Y",
        axis_up="Y" if upright else "Z",
        use_mesh_modifiers=not order.rigged,
        add_leaf_bones=False,
        use_armature_deform_only=order.deforming,
        bake_anim=order.animated,
        bake_anim_use_all_actions=not order.single,
        bake_anim_use_nla_strips=not order.single,
        path_mode="COPY",
        embed_textures=True,
    )
    _placeless(path, path.parent, Path(bpy.data.filepath).parent)


def _placeless(path: Path, *folders: Path) -> None:
    """Write `./` over the folders that the FBX says itself, its pictures and the scene were in: they tell who made it.

    Lengths stay, for the file counts its bytes.
    """
    data = path.read_bytes()
    for folder in {os.path.abspath(each) for each in folders}:
        said = os.fsencode(os.path.join(folder, ""))
        data = data.replace(said, (b"./" * len(said))[: len(said) // 2 * 2] + b"/" * (len(said) % 2))
    path.write_bytes(data)


def _usd(path: Path, order: Order) -> None:
    usd.write(path, order.name, order.told, lambda file, root: _call_usd(file, root, order), levels=len(order.levels))


def _call_usd(path: Path, root: str, order: Order) -> None:
    _call(
        bpy.ops.wm.usd_export,
        path,
        selected_objects_only=True,
        export_animation=order.animated,
        export_armatures=order.rigged,
        only_deform_bones=order.deforming,
        export_uvmaps=True,
        export_normals=True,
        export_materials=True,
        generate_preview_surface=True,
        export_textures=path.suffix == ".usdz",  # 4.2
        export_textures_mode="NEW" if path.suffix == ".usdz" else "PRESERVE",
        relative_paths=True,
        overwrite_textures=True,
        convert_orientation=order.frame.up == "Y",
        export_global_forward_selection="NEGATIVE_Z",
        export_global_up_selection="Y",
        root_prim_path=root,
        triangulate_meshes=False,
        export_lights=False,
        export_cameras=False,
        convert_world_material=False,
        export_custom_properties=False,
        allow_unicode=False,
    )


def abc(path: Path, order: Order) -> None:
    _call(
        bpy.ops.wm.alembic_export, path, selected=True, uvs=True, normals=True, packuv=False, apply_subdiv=False,
        export_custom_properties=False, **({} if order.animated else {"start": 1, "end": 1}),
    )  # fmt: skip


def stl(path: Path, order: Order) -> None:
    _plain(bpy.ops.wm.stl_export, path, order, ascii_format=False)


def ply(path: Path, order: Order) -> None:
    _plain(
        bpy.ops.wm.ply_export, path, order, ascii_format=False, export_uv=True, export_normals=True,
        export_colors="SRGB", export_attributes=False,
    )  # fmt: skip


def _plain(operator: Callable[..., Any], path: Path, order: Order, **options: Any) -> None:
    """Of formats that hold no more than a mesh."""
    axes = {"Y": {"forward_axis": "NEGATIVE_Z", "up_axis": "Y"}, "Z": {"forward_axis": "Y", "up_axis": "Z"}}
    _call(operator, path, export_selected_objects=True, apply_modifiers=True, **axes[order.frame.up], **options)


FORMATS: dict[str, Callable[[Path, Order], None]] = {
    "glb": gltf, "gltf": gltf, "obj": obj, "fbx": fbx, "usdz": _usd, "usdc": _usd, "usda": _usd, "usd": _usd,
    "abc": abc, "stl": stl, "ply": ply,
}  # fmt: skip
BESIDE = ("obj", "gltf", "usdc", "usda", "usd")
"""Formats that keep textures in files of their own, next to the model."""
