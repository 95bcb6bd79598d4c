# SPDX-License-Identifier: GPL-3.0-or-later
"""The body's textures as files, in copies of its materials: what exporters name, pack or embed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy
import numpy as np

from ...work import ROLE
from ..material import shading, texels
from ..mesh import meshes
from ..mesh.meshes import Array, Floats
from ..render import pictures
from ..uv import tiles
from . import reckoning

OCCLUSION = "glTF Material Output"
"""Name of the node group by which Blender's glTF exporter knows the occlusion."""

ORM = "mesh_orm"
"""Name of the picture with occlusion (1 where none was baked), roughness and metal."""

_GREY = 0.9
"""sRGB, of what has no material."""


@contextmanager
def textured(
    objects: list[bpy.types.Object], folder: Path, *, orm: bool, nodes: bool, grey: bool
) -> Iterator[list[str]]:
    """The objects have copies of their materials whose images are files `mesh_<role>` in the folder.

    `orm`: occlusion, roughness and metal come from one picture: red, green, blue. Unless the format knows `nodes`, each
    input of a material has a picture or a number (`reckoning`, where `grey` is told), and the names of inputs where
    that cannot be are yielded. Where a map has several tiles the names end with their numbers. Normals have green
    downwards where the bake was told so and the format, being none of those with `orm`, does not say which way it is.
    """
    before = [(obj, slot, each) for obj in objects for slot, each in enumerate(obj.data.materials)]
    images: list[bpy.types.Image] = []
    left: list[str] = []
    copies: dict[bpy.types.Material, bpy.types.Material] = {}
    names: dict[bpy.types.Material, str] = {}
    files: dict[str, Path] = {}
    trees = [material.node_tree for _, _, material in before if material and material.node_tree]
    used = [node.image for tree in trees for node in tree.nodes if node.type == "TEX_IMAGE" and node.image]
    count = len({image.get(shading.TILE, 0) for image in used})
    try:
        for obj, slot, material in before:
            if not material or not material.node_tree:
                continue
            if material not in copies:
                copies[material], names[material] = material.copy(), material.name
                material.name, copies[material].name = f"{material.name[:50]} original", material.name
                tree = copies[material].node_tree
                images += _packed(tree, folder, files, count) if orm else []
                if not nodes:
                    made, unknown = reckoning.reckon(tree, folder, files, count, channels=orm, grey=grey)
                    images += made
                    left += unknown
                images += _as_files(tree, folder, files, count, flip=not orm)
            obj.data.materials[slot] = copies[material]
        yield list(dict.fromkeys(left))
    finally:
        for obj, slot, material in before:
            obj.data.materials[slot] = material
        for material, copy in copies.items():
            bpy.data.materials.remove(copy)
            material.name = names[material]
        for image in dict.fromkeys(images):
            bpy.data.images.remove(image)


def _as_files(
    tree: bpy.types.NodeTree, folder: Path, files: dict[str, Path], count: int, *, flip: bool
) -> list[bpy.types.Image]:
    """Put each packed image of the tree into a file, and an image that reads this file in its place."""
    made = []
    for node in [node for node in tree.nodes if node.type == "TEX_IMAGE" and node.image]:
        image = node.image
        if not image.packed_file:
            continue
        data = image.packed_file.data
        said = str(image.get(ROLE) or image.name).lower()
        role = re.sub(r"[^a-z0-9]+", "_", said).strip("_").removeprefix("mesh_") or "texture"
        path = files.get(image.name)
        if path is None:
            stem = f"mesh_{role}{tiles.suffix(image.get(shading.TILE, 0), count)}"
            path = reckoning.free(folder, stem, "jpg" if data[:2] == b"\xff\xd8" else "png", set(files.values()))
            if flip and image.get(shading.DIRECTX):
                texels.write_flipped(path, pictures.pixels_of(image))
            else:
                path.write_bytes(data)
            files[image.name] = path
        node.image = _opened(path, image)
        made.append(node.image)
    return made


def _opened(path: Path, like: bpy.types.Image) -> bpy.types.Image:
    image = bpy.data.images.load(str(path), check_existing=True)
    image.name = path.stem
    image.colorspace_settings.name = like.colorspace_settings.name
    image.alpha_mode = like.alpha_mode
    return image


def _packed(tree: bpy.types.NodeTree, folder: Path, files: dict[str, Path], count: int) -> list[bpy.types.Image]:
    """Wire one picture where the roughness of a bake was; factors of the material are in it then."""
    nodes = {node.image.get(ROLE): node for node in tree.nodes if node.type == "TEX_IMAGE" and node.image}
    shader = next((node for node in tree.nodes if node.type == "BSDF_PRINCIPLED"), None)
    rough, shade, metal = (nodes.get(role) for role in ("roughness", "occlusion", "metallic"))
    if not shader or not rough:
        return []
    size = tuple(rough.image.size)
    if any(node and tuple(node.image.size) != size for node in (shade, metal)):
        return []
    pixels = np.ones((size[1], size[0], 4), np.float32)
    if shade:
        pixels[..., 0] = pictures.pixels_of(shade.image)[..., 0]
    factor = next((n.inputs[1].default_value for n in tree.nodes if n.type == "MATH" and n.operation == "MULTIPLY"), 1)
    pixels[..., 1] = pictures.pixels_of(rough.image)[..., 0] * factor
    metallic = shader.inputs["Metallic"].default_value
    pixels[..., 2] = pictures.pixels_of(metal.image)[..., 0] if metal else metallic
    name = f"{ORM}{tiles.suffix(rough.image.get(shading.TILE, 0), count)}"
    path = folder / f"{name}.png"
    image = bpy.data.images.new(name, *size, alpha=False)
    image.colorspace_settings.name = "Non-Color"
    texels.set_pixels(image, pixels)
    image.filepath_raw, image.file_format = str(path), "PNG"
    image.save()
    files[name] = path
    image.source = "FILE"
    _wire(tree, shader, rough, image, shade is not None)
    for node in (shade, metal):
        if node:
            tree.nodes.remove(node)
    return [image]


def _wire(
    tree: bpy.types.NodeTree,
    shader: bpy.types.ShaderNode,
    node: bpy.types.ShaderNode,
    image: bpy.types.Image,
    shaded: bool,
) -> None:
    split = tree.nodes.new("ShaderNodeSeparateColor")
    node.image = image
    for link in list(node.outputs["Color"].links):
        tree.links.remove(link)
    tree.links.new(node.outputs["Color"], split.inputs[0])
    tree.links.new(split.outputs["Green"], shader.inputs["Roughness"])
    tree.links.new(split.outputs["Blue"], shader.inputs["Metallic"])
    group = next((n for n in tree.nodes if n.type == "GROUP" and n.node_tree and n.node_tree.name == OCCLUSION), None)
    if shaded and group:
        tree.links.new(split.outputs["Red"], group.inputs["Occlusion"])


def colour_points(mesh: bpy.types.Mesh) -> None:
    """Give a mesh without colours those that its materials have there, a colour a point: for formats without textures.

    A point that several faces share gets the mean of theirs.
    """
    if len(mesh.color_attributes) or not any(mesh.materials):
        return
    corners = np.empty(len(mesh.loops), np.int32)
    mesh.loops.foreach_get("vertex_index", corners)
    totals = np.empty(len(mesh.polygons), np.int32)
    mesh.polygons.foreach_get("loop_total", totals)
    slots = np.empty(len(mesh.polygons), np.int32)
    mesh.polygons.foreach_get("material_index", slots)
    face = np.repeat(np.arange(len(totals)), totals)
    seen = np.full((len(corners), 3), _GREY, np.float32)
    for slot, material in enumerate(mesh.materials):
        here = slots[face] == slot
        if material and material.node_tree and here.any():
            seen[here] = _shown(mesh, material.node_tree, face, totals)[here]
    count = np.bincount(corners, minlength=len(mesh.vertices)).clip(1)
    colours = np.ones((len(mesh.vertices), 4), np.float32)
    for channel in range(3):
        colours[:, channel] = np.bincount(corners, seen[:, channel], len(mesh.vertices)) / count
    attribute = mesh.color_attributes.new("Color", "BYTE_COLOR", "POINT")
    attribute.data.foreach_set("color_srgb", colours.ravel())
    mesh.color_attributes.active_color = attribute


def _shown(mesh: bpy.types.Mesh, tree: bpy.types.NodeTree, face: Array, totals: Array) -> Floats:
    """(L, 3) sRGB at each corner: of the picture behind the base colour, or that colour."""
    shader = next((node for node in tree.nodes if node.type == "BSDF_PRINCIPLED"), None)
    if not shader:
        return np.full((len(face), 3), _GREY, np.float32)
    base, layer = shader.inputs["Base Color"], mesh.uv_layers.active
    image = next((link.from_node.image for link in base.links if link.from_node.type == "TEX_IMAGE"), None)
    if not image or not layer:
        return np.tile(texels.srgb(np.array(base.default_value[:3], np.float32)), (len(face), 1))
    uv = meshes.uv_of(mesh, layer.name)
    centre = np.stack([np.bincount(face, uv[:, axis]) for axis in (0, 1)], axis=1) / totals[:, None]
    inside = 0.9 * uv + 0.1 * centre[face]  # not on the seam, where a neighbour's colour begins
    pixels = pictures.pixels_of(image)
    height, width = pixels.shape[:2]
    x, y = (np.floor(inside[:, axis] * size).astype(int) % size for axis, size in ((0, width), (1, height)))
    return np.asarray(pixels[y, x, :3])
