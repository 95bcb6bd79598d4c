# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks of a render: clay, wires, drawn, seen through. The body and its materials stay as they are.

All is done by one material that the view layer puts in place of all others while it renders, so no exporter sees it.
A floor tells that material by a property of its own to show the floor. Workbench knows no such material: it is told by
the scene's property `LOOK`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bpy

from ..material.nodes import maths, node, shaders, vector
from . import surfaces, tone
from .surfaces import FLOOR, Sockets

LOOK = "galatea_look"
"""Custom property of the scene: the name of its look."""
WIRE = "wire"
"""Name of the render pass with the wires, 0 to 1, of looks that draw them."""
Bodies = list[bpy.types.Object]
_LINES = "Galatea lines"
_STEP = 0.16
"""Between two lightnesses of a drawn colour, of 0 to 1."""


def apply(scene: bpy.types.Scene, name: str, look: Mapping[str, Any], bodies: Bodies, floor: Any) -> list[str]:
    """Give the scene a look; `floor` makes the floor's surface in a tree, or is None. Returns what cannot be had."""
    layer, kind = scene.view_layers[0], look["kind"]
    scene[LOOK] = name
    layer.material_override = None
    draws = kind == "toon" and bpy.app.build_options.freestyle
    _lines(scene, layer, look if draws else None)
    for pass_ in [aov for aov in layer.aovs if aov.name == WIRE]:
        layer.aovs.remove(pass_)
    if kind == "realistic":
        return []
    made, tree = surfaces.material("Look", "look")
    sockets = _KINDS[kind](tree, look, bodies)
    if floor:
        other = floor(tree)
        is_floor = _is_floor(tree)
        first = shaders(tree, sockets[0], other[0], is_floor)
        same = sockets[0] == sockets[1] and other[0] == other[1]
        sockets = (first, first if same else shaders(tree, sockets[1], other[1], is_floor))
    surfaces.finish(tree, sockets)
    if kind == "xray" and hasattr(made, "surface_render_method"):
        made.surface_render_method, made.use_transparency_overlap = "BLENDED", True  # dithered, EEVEE makes noise of it
    if "width" in look and kind != "toon":
        layer.aovs.add().name = WIRE
        layer.aovs[WIRE].type = "VALUE"
    layer.material_override = made
    if kind == "toon" and not draws:
        return ["This Blender was built without Freestyle: the tones are flat, but no lines are drawn."]
    return []


def _is_floor(tree: bpy.types.NodeTree) -> bpy.types.NodeSocket:
    """1 on floors, else 0."""
    made = tree.nodes.new("ShaderNodeAttribute")
    made.attribute_type, made.attribute_name = "OBJECT", FLOOR
    return made.outputs["Fac"]


def _rgb(color: Any) -> tuple[float, float, float, float]:
    return (*tone.linear(tuple(color)), 1.0)


def _clay(tree: bpy.types.NodeTree, look: Mapping[str, Any], bodies: Bodies) -> Sockets:
    color = look["color"]
    color = color if isinstance(color, bpy.types.NodeSocket) else _rgb(color)
    shader = node(tree, "BsdfPrincipled", Base_Color=color, Roughness=look["roughness"])
    shader.inputs["Specular IOR Level"].default_value = 0.25
    return shader.outputs[0], shader.outputs[0]


def _wire(tree: bpy.types.NodeTree, look: Mapping[str, Any]) -> bpy.types.NodeSocket:
    """1 on the edges; also handed out as a pass of its own."""
    wires = node(tree, "Wireframe", Size=look["width"])
    wires.use_pixel_size = True
    line = maths(tree, "MULTIPLY", wires.outputs[0], maths(tree, "SUBTRACT", 1.0, _is_floor(tree)))
    told = node(tree, "OutputAOV", Value=line)
    told.aov_name = WIRE
    return line


def _wireframe(tree: bpy.types.NodeTree, look: Mapping[str, Any], bodies: Bodies) -> Sockets:
    wire = node(tree, "MixRGB", Fac=_wire(tree, look), Color1=_rgb(look["color"]), Color2=_rgb(look["line"]))
    return _clay(tree, {**look, "color": wire.outputs[0]}, bodies)


def _xray(tree: bpy.types.NodeTree, look: Mapping[str, Any], bodies: Bodies) -> Sockets:
    """Each surface lets most through and adds its own glow, more where it is seen from the side."""
    edge = node(tree, "LayerWeight", Blend=0.3)
    strength = maths(tree, "MULTIPLY_ADD", maths(tree, "POWER", edge.outputs["Facing"], 3.0), 1.3, 0.02)
    glow = node(tree, "Emission", Color=_rgb(look["color"]), Strength=strength)
    wires = node(tree, "Emission", Color=_rgb(look["line"]))
    tree.links.new(maths(tree, "MULTIPLY", _wire(tree, look), 0.05), wires.inputs["Strength"])
    through = node(tree, "BsdfTransparent", Color=(0.93, 0.95, 0.97, 1))
    lit = through.outputs[0]
    for light in (glow, wires):
        lit = shaders(tree, lit, light.outputs[0])
    return lit, lit


def _toon(tree: bpy.types.NodeTree, look: Mapping[str, Any], bodies: Bodies) -> Sockets:
    """The bodies' own colours in flat steps of light."""
    color = _flat(tree, _colour(tree, bodies[0]) if len(bodies) == 1 else _colours(tree, bodies))
    shaded = node(tree, "BsdfToon", Color=color, Size=0.72, Smooth=0.06)
    own = node(tree, "Emission", Color=color, Strength=0.45)
    grey = node(tree, "BsdfDiffuse", Color=(0.8, 0.8, 0.8, 1))
    light = node(tree, "ShaderToRGB", Shader=grey.outputs[0])
    ramp = node(tree, "ValToRGB", Fac=light.outputs["Color"])
    ramp.color_ramp.interpolation = "CONSTANT"
    for number, (place, value) in enumerate(look["steps"]):
        elements = ramp.color_ramp.elements
        element = elements[number] if number < len(elements) else elements.new(place)
        element.position, element.color = place, (value, value, value, 1)
    eevee = node(tree, "Emission", Color=vector(tree, "MULTIPLY", color, ramp.outputs["Color"]))
    return shaders(tree, shaded.outputs[0], own.outputs[0]), eevee.outputs[0]


def _flat(tree: bpy.types.NodeTree, color: bpy.types.NodeSocket) -> bpy.types.NodeSocket:
    """Colours of few lightnesses, a little stronger."""
    parts, whole = node(tree, "SeparateColor", Color=color), tree.nodes.new("ShaderNodeCombineColor")
    parts.mode = whole.mode = "HSV"
    root = maths(tree, "SQRT", parts.outputs[2])  # even steps to the eye
    steps = maths(tree, "ADD", maths(tree, "SNAP", root, _STEP), 0.5 * _STEP)
    tree.links.new(parts.outputs[0], whole.inputs[0])
    tree.links.new(maths(tree, "MINIMUM", maths(tree, "MULTIPLY", parts.outputs[1], 1.15), 1.0), whole.inputs[1])
    tree.links.new(maths(tree, "MULTIPLY", steps, steps), whole.inputs[2])
    return whole.outputs[0]


def _colour(tree: bpy.types.NodeTree, body: bpy.types.Object) -> bpy.types.NodeSocket:
    """The base colours of all the body's materials in one tree, told apart by the faces' material."""
    found = [_base(tree, slot.material) for slot in body.material_slots] or [_base(tree, None)]
    out = found[0]
    number = tree.nodes.new("ShaderNodeAttribute")
    number.attribute_name = "material_index"
    for index, other in enumerate(found[1:], 1):
        here = maths(tree, "GREATER_THAN", number.outputs["Fac"], index - 0.5)
        out = node(tree, "MixRGB", Fac=here, Color1=out, Color2=other).outputs[0]
    return out


def _colours(tree: bpy.types.NodeTree, bodies: Bodies) -> bpy.types.NodeSocket:
    """One colour a body, that of its first material as it is drawn simply; the object carries it."""
    for body in bodies:
        shown = next((slot.material for slot in body.material_slots if slot.material), None)
        body.color = tuple(shown.diffuse_color) if shown else (0.5, 0.5, 0.5, 1)
    return node(tree, "ObjectInfo").outputs["Color"]


def _base(tree: bpy.types.NodeTree, material: bpy.types.Material | None) -> bpy.types.NodeSocket:
    """A material's base colour made again: its picture, its colour attribute, or one plain colour."""
    theirs = material.node_tree if material else None
    shader = next((each for each in theirs.nodes if "Base Color" in each.inputs), None) if theirs else None
    plain = node(tree, "RGB")
    plain.outputs[0].default_value = (0.5, 0.5, 0.5, 1)
    if shader is None:
        return plain.outputs[0]
    plain.outputs[0].default_value = tuple(shader.inputs["Base Color"].default_value)
    queue = [link.from_node for link in shader.inputs["Base Color"].links]
    for each in queue:
        if each.type == "TEX_IMAGE" and each.image:
            picture = node(tree, "TexImage")
            picture.image, picture.interpolation, picture.extension = each.image, each.interpolation, each.extension
            _wire_map(tree, each, picture)
            return picture.outputs["Color"]
        if each.type in ("ATTRIBUTE", "VERTEX_COLOR"):
            attribute = node(tree, "Attribute")
            attribute.attribute_name = each.attribute_name if each.type == "ATTRIBUTE" else each.layer_name
            return attribute.outputs["Color"]
        queue += [link.from_node for socket in each.inputs for link in socket.links]
    return plain.outputs[0]


def _wire_map(tree: bpy.types.NodeTree, theirs: Any, picture: Any) -> None:
    """The same UV map."""
    source = next((link.from_node for link in theirs.inputs["Vector"].links), None)
    named = source.uv_map if source is not None and source.type == "UVMAP" else ""
    if named:
        uv = node(tree, "UVMap")
        uv.uv_map = named
        tree.links.new(uv.outputs["UV"], picture.inputs["Vector"])


def _lines(scene: bpy.types.Scene, layer: bpy.types.ViewLayer, look: Mapping[str, Any] | None) -> None:
    """Freestyle's outlines of all but the floor, or none."""
    scene.render.use_freestyle = look is not None
    settings = layer.freestyle_settings
    for lineset in [each for each in settings.linesets if each.name == _LINES]:
        style, lineset.collection = lineset.linestyle, None
        settings.linesets.remove(lineset)
        if style and not style.users:
            bpy.data.linestyles.remove(style)
    old = bpy.data.collections.get(_LINES)
    if old:
        bpy.data.collections.remove(old)
    if look is None:
        return
    floors = bpy.data.collections.new(_LINES)
    for obj in scene.objects:
        if FLOOR in obj:
            floors.objects.link(obj)
    layer.use_freestyle = True
    settings.crease_angle = 1.92  # radians: sharp edges alone, not each face
    for each in settings.linesets:
        each.show_render = False
    lineset = settings.linesets.new(_LINES)
    lineset.show_render = True
    lineset.select_silhouette = lineset.select_border = lineset.select_external_contour = True
    lineset.select_crease = False
    lineset.select_by_collection, lineset.collection, lineset.collection_negation = True, floors, "EXCLUSIVE"
    style = lineset.linestyle
    style.color, style.thickness = tone.linear(tuple(look["line"])), look["width"]


_KINDS = {"clay": _clay, "wireframe": _wireframe, "toon": _toon, "xray": _xray}
