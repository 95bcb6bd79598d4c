# SPDX-License-Identifier: GPL-3.0-or-later
"""Small node trees and images, made from data."""

from __future__ import annotations

from pathlib import Path

import bpy

from ...work import ROLE

COLORS = "source_color"
"""Name of the source's colour attribute."""
CONFIDENCE = "galatea_confidence"
"""Name of the float attribute of points that says how sure the model was of each place, 0 to 1."""
SOURCE_UV = "source"
BODY_UV = "galatea"
TILE = "galatea_tile"
"""Custom property of an image: which tile of the map it is for, from 0."""
CLEAR = "galatea_clear"
"""Of a base colour: its fourth channel is not 1 everywhere."""
GIVEN = "galatea_given"
"""Of a roughness: it is the source's own, not a guess."""
DIRECTX = "galatea_directx"
"""Of normals: green is downwards in files of formats that do not say; in Blender it is always upwards."""


def image_of(role: str, tile: int = 0) -> bpy.types.Image | None:
    """The image of this role in the open file."""
    return next((image for image in bpy.data.images if image.get(ROLE) == role and image.get(TILE, 0) == tile), None)


def load_image(path: Path, role: str, *, color: bool, tile: int = 0) -> bpy.types.Image:
    """Load and pack a file: the scene must not depend on a job folder. `color` False means plain numbers."""
    old = image_of(role, tile)
    if old:
        bpy.data.images.remove(old)
    image = bpy.data.images.load(str(path))
    image[ROLE], image[TILE] = role, tile
    image.colorspace_settings.name = "sRGB" if color else "Non-Color"
    image.pack()
    return image


def new_material(name: str) -> tuple[bpy.types.Material, bpy.types.NodeTree]:
    """A material with an empty node tree; on 5.0 and later every material has one and setting use_nodes warns."""
    material = bpy.data.materials.new(name)
    if not material.node_tree:
        material.use_nodes = True
    material.node_tree.nodes.clear()
    return material, material.node_tree


def source_color(tree: bpy.types.NodeTree, mesh: bpy.types.Mesh) -> bpy.types.NodeSocket:
    """A socket with the colour of the source: its image, covered by its colours where they say so; else light grey."""
    nodes = tree.nodes
    albedo = image_of("albedo")
    pictured = albedo and SOURCE_UV in mesh.uv_layers
    if pictured:
        uv, texture = nodes.new("ShaderNodeUVMap"), nodes.new("ShaderNodeTexImage")
        uv.uv_map, texture.image = SOURCE_UV, albedo
        uv.location, texture.location = (-1000, 300), (-800, 300)
        texture.extension = "EXTEND"
        tree.links.new(uv.outputs["UV"], texture.inputs["Vector"])
    if COLORS in mesh.attributes and (not pictured or _cover(mesh)):
        attribute = nodes.new("ShaderNodeAttribute")
        attribute.attribute_name, attribute.location = COLORS, (-800, 0)
        if not pictured:
            return attribute.outputs["Color"]
        mix = nodes.new("ShaderNodeMix")
        mix.data_type, mix.location = "RGBA", (-500, 300)
        factor, *_ = (socket for socket in mix.inputs if socket.type == "VALUE")
        first, second = (socket for socket in mix.inputs if socket.type == "RGBA")
        tree.links.new(attribute.outputs["Alpha"], factor)
        tree.links.new(texture.outputs["Color"], first)
        tree.links.new(attribute.outputs["Color"], second)
        return next(socket for socket in mix.outputs if socket.type == "RGBA")
    if pictured:
        return texture.outputs["Color"]
    plain = nodes.new("ShaderNodeRGB")
    plain.outputs[0].default_value, plain.location = (0.6, 0.6, 0.6, 1.0), (-600, 300)
    return plain.outputs[0]


def _cover(mesh: bpy.types.Mesh) -> bool:
    import numpy as np  # here, for the window reads the names above when Blender starts

    layer = mesh.attributes[COLORS]
    rgba = np.empty(len(layer.data) * 4, np.float32)
    layer.data.foreach_get("color", rgba)
    return bool(rgba[3::4].any())


def principled(tree: bpy.types.NodeTree) -> bpy.types.ShaderNode:
    """A Principled BSDF wired to the output, as for a plain dielectric."""
    shader, output = tree.nodes.new("ShaderNodeBsdfPrincipled"), tree.nodes.new("ShaderNodeOutputMaterial")
    output.location = (300, 0)
    tree.links.new(shader.outputs["BSDF"], output.inputs["Surface"])
    shader.inputs["IOR"].default_value = 1.5  # what glTF means when it says nothing
    shader.inputs["Specular IOR Level"].default_value = 0.5
    return shader


def pictured(name: str, mesh: bpy.types.Mesh) -> bpy.types.Material:
    """A material that shows the colour of the source, and nothing else that is known of it."""
    material, tree = new_material(name)
    shader = principled(tree)
    shader.inputs["Roughness"].default_value = 0.7
    tree.links.new(source_color(tree, mesh), shader.inputs["Base Color"])
    return material


def drop_material(material: bpy.types.Material) -> None:
    if material.users == 0:
        bpy.data.materials.remove(material)
