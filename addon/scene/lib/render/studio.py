# SPDX-License-Identifier: GPL-3.0-or-later
"""Floor, backdrop, lights and world of a set. `size` is the body's largest extent in metres; all is made for it."""

from __future__ import annotations

import math
from typing import Any

import bpy
import numpy as np
from mathutils import Vector
from numpy.typing import NDArray

from ...work import ROLE, Work
from . import tone

Color = tuple[float, float, float]
HAZE: Color = (0.80, 0.86, 0.92)
"""sRGB of the air at the horizon."""
_SET = ("floor", "camera", "camera_rig")


def clear(work: Work) -> None:
    """Take an older set away."""
    scene = bpy.context.scene
    for obj in list(scene.objects):
        role = obj.get(ROLE, "")
        if role in _SET or role.startswith("light_"):
            data, owner = obj.data, obj.animation_data
            action = owner.action if owner else None
            bpy.data.objects.remove(obj)
            if data and data.users == 0:
                bpy.data.batch_remove([data])
            if action and action.users == 0:
                bpy.data.actions.remove(action)
    for kind in (bpy.data.materials, bpy.data.worlds):
        for item in [item for item in kind if item.get(ROLE) in ("floor", "world")]:
            if item.users == 0 or item == scene.world:
                kind.remove(item)


def bowl(work: Work, centre: NDArray[Any], floor: float, inner: float, color: Color) -> bpy.types.Object:
    """A round floor that curves up into a wall all around, so that a camera inside sees no edge anywhere.

    `inner` is the radius in metres of what lies flat.
    """
    bend, high = 0.7 * inner, 1.2 * inner
    profile = [(0.0, 0.0), (0.35 * inner, 0.0), (inner, 0.0)]
    profile += [(inner + bend * math.sin(a), bend * (1 - math.cos(a))) for a in np.linspace(0, math.pi / 2, 13)[1:]]
    profile.append((inner + bend, bend + high))
    obj = _revolved(work, "Floor", profile, centre, floor)
    material, matte, glow = _new_material("Floor")
    obj.data.materials.append(material)
    tree = material.node_tree
    matte.default_value = (*tone.linear(color), 1)
    matte.node.inputs["Roughness"].default_value = 0.0
    # Lamps do not reach the wall evenly; it glows a little instead, so that the backdrop has the tone that was chosen.
    ramp = _radial(tree, inner + bend)
    far = tone.linear((0.86 * color[0], 0.86 * color[1], 0.86 * color[2]))
    ramp.color_ramp.interpolation = "EASE"
    ramp.color_ramp.elements[0].color, ramp.color_ramp.elements[1].color = (0, 0, 0, 1), (*far, 1)
    ramp.color_ramp.elements[0].position, ramp.color_ramp.elements[1].position = 0.12, 0.95
    tree.links.new(ramp.outputs["Color"], glow)
    glow.node.inputs["Strength"].default_value = 0.62
    return obj


def ground(work: Work, centre: NDArray[Any], floor: float, near: float, color: Color) -> bpy.types.Object:
    """A wide disc of plain ground under a sky; beyond some times `near` metres it fades into haze, as a plain does."""
    radius = 300 * near
    profile = [(r * radius, 0.0) for r in (0.0, 0.02, 0.1, 0.3, 1.0)]
    obj = _revolved(work, "Floor", profile, centre, floor)
    material, matte, glow = _new_material("Floor")
    obj.data.materials.append(material)
    tree = material.node_tree
    for socket, inside, outside in (
        (matte, tone.linear(color), (0.0, 0.0, 0.0)),
        (glow, (0.0, 0.0, 0.0), tone.linear(HAZE)),
    ):
        ramp = _radial(tree, 14 * near)
        ramp.color_ramp.interpolation = "EASE"
        ramp.color_ramp.elements[0].position, ramp.color_ramp.elements[1].position = 0.05, 0.9
        ramp.color_ramp.elements[0].color, ramp.color_ramp.elements[1].color = (*inside, 1), (*outside, 1)
        tree.links.new(ramp.outputs["Color"], socket)
    return obj


def _revolved(
    work: Work, name: str, profile: list[tuple[float, float]], centre: NDArray[Any], floor: float, around: int = 64
) -> bpy.types.Object:
    """A surface of revolution from (radius, height) pairs, the first on the axis."""
    vertices: list[tuple[float, float, float]] = [(0.0, 0.0, profile[0][1])]
    for radius, height in profile[1:]:
        for k in range(around):
            a = 2 * math.pi * k / around
            vertices.append((radius * math.cos(a), radius * math.sin(a), height))
    faces: list[tuple[int, ...]] = [(0, 1 + k, 1 + (k + 1) % around) for k in range(around)]
    for ring in range(len(profile) - 2):
        a, b = 1 + ring * around, 1 + (ring + 1) * around
        faces += [(a + k, b + k, b + (k + 1) % around, a + (k + 1) % around) for k in range(around)]
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(vertices, [], faces)
    mesh.shade_smooth()
    obj = work.add("floor", bpy.data.objects.new(name, mesh))
    obj.location = (centre[0], centre[1], floor)
    return obj


def _new_material(name: str) -> tuple[bpy.types.Material, bpy.types.NodeSocket, bpy.types.NodeSocket]:
    """Matte and glowing at once; the sockets of both colours. Most pixels are floor: a Principled one costs more."""
    material = bpy.data.materials.new(name)
    if not material.node_tree:
        material.use_nodes = True
    material[ROLE] = "floor"
    material.cycles.emission_sampling = "NONE"  # far, dim and everywhere: chance finds it, and frames are faster
    tree = material.node_tree
    tree.nodes.clear()
    matte, glow, both, output = (
        tree.nodes.new(f"ShaderNode{kind}") for kind in ("BsdfDiffuse", "Emission", "AddShader", "OutputMaterial")
    )
    tree.links.new(matte.outputs[0], both.inputs[0])
    tree.links.new(glow.outputs[0], both.inputs[1])
    tree.links.new(both.outputs[0], output.inputs["Surface"])
    return material, matte.inputs["Color"], glow.inputs["Color"]


def _radial(tree: bpy.types.NodeTree, radius: float) -> bpy.types.ShaderNode:
    """A colour ramp over the distance from the object's axis, 1 at `radius` metres."""
    place, length, scale = (tree.nodes.new(f"ShaderNode{k}") for k in ("TexCoord", "VectorMath", "Math"))
    ramp = tree.nodes.new("ShaderNodeValToRGB")
    length.operation, scale.operation = "LENGTH", "DIVIDE"
    scale.inputs[1].default_value = radius
    tree.links.new(place.outputs["Object"], length.inputs[0])
    tree.links.new(length.outputs["Value"], scale.inputs[0])
    tree.links.new(scale.outputs["Value"], ramp.inputs["Fac"])
    return ramp


def softboxes(work: Work, centre: NDArray[Any], size: float) -> None:
    """Key from the front left, fill from the front right, a rim from behind and a top light."""
    # Power goes with the square of the distance, so that the light on the body is the same at every size.
    unit = size * size
    for role, place, width, power, color in (
        ("light_key", (-2.2, -2.3, 2.6), 1.2, 165.0, (1.0, 0.965, 0.92)),
        ("light_fill", (2.7, -2.1, 1.2), 2.4, 34.0, (0.92, 0.96, 1.0)),
        ("light_rim", (1.5, 2.5, 2.2), 1.2, 95.0, (1.0, 0.98, 0.95)),
        ("light_top", (0.0, 0.3, 3.3), 2.2, 54.0, (1.0, 1.0, 1.0)),
    ):
        data = bpy.data.lights.new(role, "AREA")
        data.shape, data.size, data.energy, data.color = "DISK", width * size, power * unit, color
        obj = work.add(role, bpy.data.objects.new(role.replace("light_", "Light ").title(), data))
        where = Vector(place) * size
        obj.location = Vector(centre) + where
        obj.rotation_euler = (-where).to_track_quat("-Z", "Y").to_euler()


def plain_world(color: Color, strength: float) -> None:
    """Even light from everywhere, what a white room gives."""
    _, shader = _new_world()
    shader.inputs["Color"].default_value = (*tone.linear(color), 1)
    shader.inputs["Strength"].default_value = strength


def sky_world(sun_elevation: float, sun_azimuth: float, strength: float) -> None:
    """A clear sky without its disc, which a lamp replaces: half a degree of sun is what makes fireflies.

    The azimuth is counted as the camera's is. Blender 5.0 gave the physical sky other names.
    """
    tree, shader = _new_world()
    sky = tree.nodes.new("ShaderNodeTexSky")
    known = {item.identifier for item in sky.bl_rna.properties["sky_type"].enum_items}
    sky.sky_type = next(kind for kind in ("MULTIPLE_SCATTERING", "NISHITA", "HOSEK_WILKIE") if kind in known)
    toward = _direction(sun_elevation, sun_azimuth)
    if sky.sky_type == "HOSEK_WILKIE":
        sky.sun_direction = toward
    else:
        sky.sun_disc = False
        sky.sun_elevation = sun_elevation
        sky.sun_rotation = math.atan2(toward.x, toward.y)
    tree.links.new(sky.outputs["Color"], shader.inputs["Color"])
    shader.inputs["Strength"].default_value = strength
    _show_gradient(tree, shader)


def _show_gradient(tree: bpy.types.NodeTree, lighting: bpy.types.ShaderNode) -> None:
    """To the camera the sky is haze that turns blue; a physical horizon is far too bright beside a lit body."""
    nodes, links = tree.nodes, tree.links
    place, split, ramp, path = (
        nodes.new(f"ShaderNode{kind}") for kind in ("TexCoord", "SeparateXYZ", "ValToRGB", "LightPath")
    )
    seen, mix = nodes.new("ShaderNodeBackground"), nodes.new("ShaderNodeMixShader")
    links.new(place.outputs["Generated"], split.inputs[0])
    links.new(split.outputs["Z"], ramp.inputs["Fac"])
    ramp.color_ramp.elements[0].color = (*tone.linear(HAZE), 1)
    ramp.color_ramp.elements[1].color = (*tone.linear((0.36, 0.58, 0.86)), 1)
    ramp.color_ramp.elements[1].position = 0.5
    links.new(ramp.outputs["Color"], seen.inputs["Color"])
    links.new(path.outputs["Is Camera Ray"], mix.inputs["Fac"])
    links.new(lighting.outputs["Background"], mix.inputs[1])
    links.new(seen.outputs["Background"], mix.inputs[2])
    output = next(node for node in nodes if node.type == "OUTPUT_WORLD")
    links.new(mix.outputs["Shader"], output.inputs["Surface"])


def sun(work: Work, elevation: float, azimuth: float, strength: float) -> None:
    data = bpy.data.lights.new("Sun", "SUN")
    data.energy, data.angle, data.color = strength, math.radians(4), (1.0, 0.93, 0.83)
    obj = work.add("light_sun", bpy.data.objects.new("Sun", data))
    obj.rotation_euler = (-_direction(elevation, azimuth)).to_track_quat("-Z", "Y").to_euler()


def _direction(elevation: float, azimuth: float) -> Vector:
    """Unit vector towards a light; azimuth 0 is the front, -Y, a quarter turn is +X."""
    flat = math.cos(elevation)
    return Vector((flat * math.sin(azimuth), -flat * math.cos(azimuth), math.sin(elevation)))


def _new_world() -> tuple[bpy.types.NodeTree, bpy.types.ShaderNode]:
    world = bpy.data.worlds.new("World")
    if not world.node_tree:
        world.use_nodes = True
    world[ROLE] = "world"
    bpy.context.scene.world = world
    tree = world.node_tree
    tree.nodes.clear()
    shader, output = tree.nodes.new("ShaderNodeBackground"), tree.nodes.new("ShaderNodeOutputWorld")
    tree.links.new(shader.outputs["Background"], output.inputs["Surface"])
    return tree, shader
