# SPDX-License-Identifier: GPL-3.0-or-later
"""One plain material for the body, of nodes that every exporter understands; the source is put out of sight."""

from __future__ import annotations

import bpy

from ...backend.protocol.spec import BackendSpec, Param
from .lib import shading
from .work import Work

SPEC = BackendSpec(
    id="material",
    label="Make the material",
    task="scene-to-scene",
    help="A Principled material of the baked textures, packed into the file and ready for glTF.",
    runtime="blender",
    inputs=("scene",),
    outputs=("scene",),
    params=(
        Param("roughness", "float", 1.0, "Factor on the roughness texture", low=0, high=1),
        Param("metallic", "float", 0.0, "1 for bare metal", low=0, high=1),
        Param("normal", "float", 1.0, "Strength of the normal map", low=0, high=2),
    ),
)


def run(work: Work, *, roughness: float, metallic: float, normal: float) -> None:
    body = work.object("body")
    work.progress("Making the material", 0.2)
    name = body.name
    old = [material for material in body.data.materials if material]
    for material in old:
        material.name = f"{name} source"
    material, tree = shading.new_material(name)
    shader = shading.principled(tree)
    shader.inputs["Metallic"].default_value = metallic
    if shading.image_of("base_color"):
        _wire(tree, shader, roughness=roughness, normal=normal)
        _strip(body.data)
    else:
        work.report.log("Nothing was baked; the material shows the source's own picture.")
        shader.inputs["Roughness"].default_value = 0.7 * roughness
        tree.links.new(shading.source_color(tree, body.data), shader.inputs["Base Color"])
    body.data.materials.clear()
    body.data.materials.append(material)
    for one in old:
        shading.drop_material(one)
    for source in work.objects("source"):
        source.hide_render = source.hide_viewport = True
    bpy.context.view_layer.objects.active = body
    body.select_set(True)
    work.report.metric("textures", sorted(node.image.name for node in tree.nodes if node.type == "TEX_IMAGE"))


def _wire(tree: bpy.types.NodeTree, shader: bpy.types.ShaderNode, *, roughness: float, normal: float) -> None:
    link = tree.links.new
    color = _texture(tree, "base_color", 300)
    if color:
        link(color.outputs["Color"], shader.inputs["Base Color"])
    rough = _texture(tree, "roughness", 0)
    if rough:
        socket = rough.outputs["Color"]
        if roughness != 1:
            factor = tree.nodes.new("ShaderNodeMath")
            factor.operation, factor.location = "MULTIPLY", (-250, 0)
            factor.inputs[1].default_value = roughness
            link(socket, factor.inputs[0])
            socket = factor.outputs["Value"]
        link(socket, shader.inputs["Roughness"])
    bumps = _texture(tree, "normal", -300)
    if bumps:
        node = tree.nodes.new("ShaderNodeNormalMap")
        node.uv_map, node.location = shading.BODY_UV, (-250, -300)
        node.inputs["Strength"].default_value = normal
        link(bumps.outputs["Color"], node.inputs["Color"])
        link(node.outputs["Normal"], shader.inputs["Normal"])
    shade = _texture(tree, "occlusion", -600)
    if shade:
        link(shade.outputs["Color"], _gltf_output(tree).inputs["Occlusion"])


def _texture(tree: bpy.types.NodeTree, role: str, y: float) -> bpy.types.ShaderNode | None:
    image = shading.image_of(role)
    if not image:
        return None
    node = tree.nodes.new("ShaderNodeTexImage")
    node.image, node.location = image, (-600, y)
    image.use_fake_user = False
    uv = next((n for n in tree.nodes if n.type == "UVMAP"), None)
    if not uv:
        uv = tree.nodes.new("ShaderNodeUVMap")
        uv.uv_map, uv.location = shading.BODY_UV, (-850, 0)
    tree.links.new(uv.outputs["UV"], node.inputs["Vector"])
    return node


def _gltf_output(tree: bpy.types.NodeTree) -> bpy.types.ShaderNode:
    """The group by which Blender's glTF exporter knows the occlusion; no renderer looks at it."""
    name = "glTF Material Output"
    group = bpy.data.node_groups.get(name)
    if not group:
        group = bpy.data.node_groups.new(name, "ShaderNodeTree")
        group.interface.new_socket("Occlusion", in_out="INPUT", socket_type="NodeSocketFloat")
        group.nodes.new("NodeGroupInput")
    node = tree.nodes.new("ShaderNodeGroup")
    node.node_tree, node.location = group, (0, -600)
    return node


def _strip(mesh: bpy.types.Mesh) -> None:
    """Only the map of the textures stays: exporters number them, and viewers use the first."""
    for layer in [layer.name for layer in mesh.uv_layers if layer.name != shading.BODY_UV]:
        mesh.uv_layers.remove(mesh.uv_layers[layer])
    if shading.COLORS in mesh.color_attributes:
        mesh.color_attributes.remove(mesh.color_attributes[shading.COLORS])
