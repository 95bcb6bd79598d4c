# SPDX-License-Identifier: GPL-3.0-or-later
"""The body's material, of nodes that every exporter understands; the source is put out of sight."""

from __future__ import annotations

import bpy
import numpy as np

from ...backend.protocol.errors import UserError
from ...backend.protocol.spec import BackendSpec, Param
from .lib.bake import look
from .lib.material import finish, presets, shading
from .lib.mesh import meshes
from .lib.uv import layers, tiles
from .work import ROLE, Work

SPEC = BackendSpec(
    id="material",
    label="Make the material",
    task="scene-to-scene",
    seeded="never",
    help="A Principled material of the baked textures, packed into the file and ready for glTF.",
    runtime="blender",
    version=3,
    inputs=("scene",),
    optional=("cutout",),
    outputs=("scene",),
    params=(
        Param(
            "preset", "choice", "plain", "What it is made of; auto goes by words in its name", choices=presets.CHOICES
        ),
        Param("roughness", "float", 1.0, "Factor on the roughness texture", low=0, high=1),
        Param("metallic", "float", 0.0, "1 for bare metal", low=0, high=1),
        Param("normal", "float", 1.0, "Strength of the normal map", low=0, high=2),
        Param("wear", "float", 0.0, "Rub ridges pale and dirty hollows; needs bake.curvature", low=0, high=1),
        Param("uv", "str", shading.BODY_UV, "Name of the UV map; other programs often say map1"),
        Param("match", "bool", False, "Give a render in even light the colours of the photo"),
    ),
)

_MAP = "galatea_map"
"""Custom property of a body: what its baked map is called."""


def run(work: Work, *, preset: str, wear: float, uv: str, match: bool, **factors: float) -> None:
    body = work.object("body")
    if match and "cutout" not in work.files:
        raise UserError("There is no photo to match here. Turn material.match off, or begin with a photo.")
    kind = presets.chosen(preset, body.name)
    work.report.metric("preset", kind)
    work.progress("Making the material", 0.1)
    for source in work.objects("source"):
        source.hide_render = source.hide_viewport = True
    if kind == "plain" and _has_its_own(body):
        work.report.log("Nothing was baked; it keeps the materials that it came with.")
        work.report.metric("textures", [])
        return
    old = [material for material in body.data.materials if material]
    for material in old:
        material.name = f"{body.name} source"
    renamed = body.data.uv_layers.get(body.get(_MAP, ""))
    if renamed:
        renamed.name = shading.BODY_UV
    where = _tiles(body.data)
    places = [tile for tile in np.unique(where).tolist() if shading.image_of("base_color", tile)]
    if places:
        for tile in places:
            finish.surface(work, presets.PRESETS[kind], tile, len(places), wear)
        made = [_baked(body, kind, tile, len(places), factors) for tile in places]
    else:
        work.report.log("Nothing was baked; the material shows the source's own picture.")
        made = [_unbaked(body, kind, factors)]
    body.data.materials.clear()
    for material in made:
        body.data.materials.append(material)
    if len(places) > 1:
        slots = np.searchsorted(places, where).clip(0, len(places) - 1)
        body.data.polygons.foreach_set("material_index", slots.astype(np.int32))
    for one in old:
        shading.drop_material(one)
    bpy.context.view_layer.objects.active = body
    body.select_set(True)
    if match and places:
        finish.match(work, body, places)
    nodes = [node for material in made for node in material.node_tree.nodes if node.type == "TEX_IMAGE"]
    work.report.metric("textures", sorted({node.image.name for node in nodes}))
    if places:
        _strip(body.data)
        body[_MAP] = uv
        layers.rename(body, uv)


def _has_its_own(body: bpy.types.Object) -> bool:
    """A file's materials say what it looks like until something is baked; colours of points are for us to show."""
    baked = any(image.get(ROLE) == "base_color" for image in bpy.data.images)
    shown = shading.COLORS in body.data.attributes
    return layers.CAME in body and not baked and not shown and look.given(list(body.data.materials))


def _tiles(mesh: bpy.types.Mesh) -> meshes.Array:
    """The tile of the baked map that each face lies in, (P,); none where there is no such map."""
    if shading.BODY_UV not in mesh.uv_layers:
        return np.empty(0, np.int32)
    uv, corners = meshes.uv_of(mesh, shading.BODY_UV), np.empty(len(mesh.polygons), np.int32)
    mesh.polygons.foreach_get("loop_total", corners)
    middle = np.add.reduceat(uv, np.cumsum(corners) - corners, axis=0) / corners[:, None]
    return tiles.of_faces(np.repeat(middle, 3, axis=0))


def _plain(name: str, kind: str, metallic: float) -> tuple[bpy.types.Material, bpy.types.ShaderNode]:
    material, tree = shading.new_material(name)
    shader = shading.principled(tree)
    for socket, value in presets.PRESETS[kind].sockets.items():
        shader.inputs[socket].default_value = value
    if metallic:
        shader.inputs["Metallic"].default_value = metallic
    return material, shader


def _unbaked(body: bpy.types.Object, kind: str, factors: dict[str, float]) -> bpy.types.Material:
    material, shader = _plain(body.name, kind, factors["metallic"])
    tree = material.node_tree
    usual = presets.PRESETS[kind].roughness
    shader.inputs["Roughness"].default_value = (sum(usual) / 2 if usual else 0.7) * factors["roughness"]
    tree.links.new(shading.source_color(tree, body.data), shader.inputs["Base Color"])
    return material


def _baked(body: bpy.types.Object, kind: str, tile: int, count: int, factors: dict[str, float]) -> bpy.types.Material:
    material, shader = _plain(f"{body.name}{tiles.suffix(tile, count)}", kind, factors["metallic"])
    _wire(material.node_tree, shader, tile, roughness=factors["roughness"], normal=factors["normal"])
    return material


def _wire(
    tree: bpy.types.NodeTree, shader: bpy.types.ShaderNode, tile: int, *, roughness: float, normal: float
) -> None:
    link = tree.links.new
    color = _texture(tree, "base_color", tile, 300)
    if color:
        link(color.outputs["Color"], shader.inputs["Base Color"])
        if color.image.get(shading.CLEAR):
            link(color.outputs["Alpha"], shader.inputs["Alpha"])
    rough = _texture(tree, "roughness", tile, 0)
    if rough:
        socket = rough.outputs["Color"]
        if roughness != 1:
            factor = tree.nodes.new("ShaderNodeMath")
            factor.operation, factor.location = "MULTIPLY", (-250, 0)
            factor.inputs[1].default_value = roughness
            link(socket, factor.inputs[0])
            socket = factor.outputs["Value"]
        link(socket, shader.inputs["Roughness"])
    metal = _texture(tree, "metallic", tile, -150)
    if metal:
        link(metal.outputs["Color"], shader.inputs["Metallic"])
    bumps = _texture(tree, "normal", tile, -300)
    if bumps:
        node = tree.nodes.new("ShaderNodeNormalMap")
        node.uv_map, node.location = shading.BODY_UV, (-250, -300)
        node.inputs["Strength"].default_value = normal
        link(bumps.outputs["Color"], node.inputs["Color"])
        link(node.outputs["Normal"], shader.inputs["Normal"])
    shade = _texture(tree, "occlusion", tile, -600)
    if shade:
        link(shade.outputs["Color"], _gltf_output(tree).inputs["Occlusion"])


def _texture(tree: bpy.types.NodeTree, role: str, tile: int, y: float) -> bpy.types.ShaderNode | None:
    image = shading.image_of(role, tile)
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
