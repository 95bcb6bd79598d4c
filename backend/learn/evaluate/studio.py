# SPDX-License-Identifier: GPL-3.0-or-later
"""Child process of `holdout`: a Blender that takes one picture of each Thing with Cycles. The one file here with bpy.

Started as a program with a job file (see `holdout.render`). One line of JSON an object goes to the parent; all else
that Blender prints goes to standard error. Light is made in two ways that the training pictures do not know: a sky
with a sun, or three area lamps around the camera in an environment of two colours.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from ..things import thing as things
from ..things.thing import Thing

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
CREASE = 35.0
"""Degrees between faces that look like one smooth surface."""
AROUND = 40
"""Faces around a corner that its normal is made of at most."""
APART = 2e-4
"""How far each side of a double wall is moved; the object's longest side is 1."""
GLASS = 0.7
"""The least alpha of a material that is there at all: a cut-out of a real glass is opaque, not a veil."""


def main(job_file: str) -> None:
    pipe = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)
    job = json.loads(Path(job_file).read_text(encoding="utf-8"))
    for item in job["objects"]:
        _tell(pipe, key=item["key"], state="begun")
        try:
            picture(things.load(Path(item["thing"])), item, job)
        except Exception as error:  # one bad object must not end the rest; the parent writes it down
            traceback.print_exc()
            _tell(pipe, key=item["key"], state="failed", reason=f"{type(error).__name__}: {error}")
        else:
            _tell(pipe, key=item["key"], state="done")


def _tell(pipe: TextIO, **fields: str) -> None:
    pipe.write(json.dumps(fields) + "\n")


def picture(thing: Thing, item: dict[str, Any], job: dict[str, Any]) -> None:
    """Render to item["png"], which appears whole or not at all: RGBA, straight alpha, nothing behind the object."""
    import bpy

    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.collection.objects.link(_object(bpy, thing, np.random.default_rng(item["light"])))
    camera = _camera(bpy, item["camera"])
    scene.collection.objects.link(camera)
    scene.camera = camera
    scene.world = bpy.data.worlds.new("light")
    _light(bpy, scene, camera, np.random.default_rng(item["light"]))

    render, cycles = scene.render, scene.cycles
    render.engine = "CYCLES"
    cycles.device = "CPU"
    cycles.samples = job["samples"]
    cycles.use_denoising = True
    cycles.denoiser = "OPENIMAGEDENOISE"
    cycles.max_bounces = 4
    cycles.transparent_max_bounces = 16
    cycles.seed = 1
    render.threads_mode, render.threads = "FIXED", job["threads"]
    render.resolution_x = render.resolution_y = job["side"]
    render.resolution_percentage = 100
    render.film_transparent = True
    scene.view_settings.view_transform = "Standard"
    render.image_settings.file_format = "PNG"
    render.image_settings.color_mode = "RGBA"
    render.image_settings.color_depth = "8"
    part = Path(item["png"]).with_name(f"{item['key']}.part.png")
    render.filepath = str(part)
    bpy.ops.render.render(write_still=True)
    os.replace(part, item["png"])


def _object(bpy: Any, thing: Thing, dice: np.random.Generator) -> Any:
    points, normals = _corners(thing.vertices.astype(np.float64), thing.faces.astype(np.int64))
    mesh = bpy.data.meshes.new(thing.key)
    mesh.from_pydata(points.tolist(), [], np.arange(len(points)).reshape(-1, 3).tolist())
    layer = mesh.uv_layers.new(name="uv")
    layer.data.foreach_set("uv", np.ascontiguousarray(thing.uv, np.float32).reshape(-1))
    mesh.polygons.foreach_set("material_index", np.ascontiguousarray(thing.slot, np.int32))
    for color, texture in zip(thing.colors, thing.textures, strict=True):
        mesh.materials.append(_material(bpy, color, texture, float(dice.uniform(0.3, 0.8))))
    mesh.shade_smooth()
    mesh.normals_split_custom_set(normals.tolist())
    return bpy.data.objects.new(thing.key, mesh)


def _corners(vertices: Floats, faces: Ints) -> tuple[Floats, Floats]:
    """Points and shading normals (3 F, 3) of the corners, smooth over bends of less than CREASE.

    Walls of two faces in one place, one for either side, are put apart a little, each to its own side: else the one
    would hide the other in patches.
    """
    _, place = np.unique(np.round(vertices, 5), axis=0, return_inverse=True)
    at = place.reshape(-1)[faces]
    heavy = np.cross(vertices[faces[:, 1]] - vertices[faces[:, 0]], vertices[faces[:, 2]] - vertices[faces[:, 0]])
    flat = heavy / np.maximum(np.linalg.norm(heavy, axis=1, keepdims=True), 1e-30)
    heavy, flat, corner = np.repeat(heavy, 3, axis=0), np.repeat(flat, 3, axis=0), at.reshape(-1)
    order = np.argsort(corner, kind="stable")
    first = np.searchsorted(corner[order], corner)
    count = np.minimum(np.bincount(corner)[corner], AROUND)
    normals = np.zeros_like(flat)
    for step in range(int(count.max())):
        mine = np.flatnonzero(step < count)
        other = order[first[mine] + step]
        along = (flat[mine] * flat[other]).sum(axis=1) > np.cos(np.radians(CREASE))
        normals[mine[along]] += heavy[other[along]]
    long = np.linalg.norm(normals, axis=1, keepdims=True)
    normals = np.where(long > 1e-12, normals / np.maximum(long, 1e-12), flat)

    _, which, many = np.unique(np.sort(at, axis=1), axis=0, return_inverse=True, return_counts=True)
    double = np.repeat(many[which.reshape(-1)] > 1, 3)
    points = vertices[faces].reshape(-1, 3).copy()
    points[double] += APART * normals[double]
    return points, normals


def _material(bpy: Any, color: Any, texture: Any, roughness: float) -> Any:
    material = bpy.data.materials.new("colour")
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    nodes.clear()
    surface = nodes.new("ShaderNodeBsdfPrincipled")
    links.new(surface.outputs["BSDF"], nodes.new("ShaderNodeOutputMaterial").inputs["Surface"])
    surface.inputs["Roughness"].default_value = roughness
    glass = 0.0 if color[3] < 0.02 else max(float(color[3]), GLASS)
    if texture is None:
        surface.inputs["Base Color"].default_value = (*_linear(color[:3]), 1.0)
        surface.inputs["Alpha"].default_value = glass
        return material
    height, width = texture.shape[:2]
    image = bpy.data.images.new("colour", width, height, alpha=True)
    image.alpha_mode = "CHANNEL_PACKED"
    pixels = texture[::-1].astype(np.float32) / 255
    pixels[..., :3] *= np.asarray(color[:3], np.float32)
    there = pixels[..., 3] >= 0.5
    pixels[..., 3] = glass * (there if there.any() else 1)
    image.pixels.foreach_set(np.ascontiguousarray(pixels).reshape(-1))
    image.update()
    node = nodes.new("ShaderNodeTexImage")
    node.image = image
    links.new(node.outputs["Color"], surface.inputs["Base Color"])
    links.new(node.outputs["Alpha"], surface.inputs["Alpha"])
    return material


def _linear(color: Any) -> list[float]:
    values = np.asarray(color, np.float64)
    return [float(v) for v in np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)]


def _camera(bpy: Any, view: dict[str, Any]) -> Any:
    """`rotation` is world to camera with y down and z forward; Blender's camera has y up and looks along -z."""
    from mathutils import Matrix

    data = bpy.data.cameras.new("camera")
    data.sensor_fit = "HORIZONTAL"
    data.angle = float(2 * np.arctan(1 / view["f"]))
    data.clip_start, data.clip_end = 0.01, 100
    camera = bpy.data.objects.new("camera", data)
    placed = np.eye(4)
    placed[:3, :3] = np.asarray(view["rotation"]).T @ np.diag([1, -1, -1])
    placed[:3, 3] = view["position"]
    camera.matrix_world = Matrix(placed.tolist())
    return camera


def _light(bpy: Any, scene: Any, camera: Any, dice: np.random.Generator) -> None:
    scene.world.use_nodes = True
    tree = scene.world.node_tree
    tree.nodes.clear()
    output = tree.nodes.new("ShaderNodeOutputWorld")
    if dice.random() < 0.5:
        _sky(tree, output, camera, dice)
    else:
        _lamps(bpy, scene, tree, output, camera, dice)


def _sky(tree: Any, output: Any, camera: Any, dice: np.random.Generator) -> None:
    """A clear sky whose sun stands within 100 degrees of the camera's side, over a ground that throws light back."""
    sky = tree.nodes.new("ShaderNodeTexSky")
    sky.sun_elevation = np.radians(dice.uniform(15, 65))
    behind = camera.matrix_world.translation
    sky.sun_rotation = float(np.arctan2(behind.x, behind.y) + np.radians(dice.uniform(-100, 100)))
    sky.sun_size = np.radians(dice.uniform(1, 6))
    above = tree.nodes.new("ShaderNodeBackground")
    above.inputs["Strength"].default_value = dice.uniform(0.038, 0.058)
    tree.links.new(sky.outputs["Color"], above.inputs["Color"])
    below = tree.nodes.new("ShaderNodeBackground")
    below.inputs["Color"].default_value = (*(np.array([1, 0.93, 0.85]) * dice.uniform(0.18, 0.35)), 1)
    both = tree.nodes.new("ShaderNodeAddShader")
    tree.links.new(above.outputs[0], both.inputs[0])
    tree.links.new(below.outputs[0], both.inputs[1])
    tree.links.new(both.outputs[0], output.inputs["Surface"])


def _lamps(bpy: Any, scene: Any, tree: Any, output: Any, camera: Any, dice: np.random.Generator) -> None:
    """Key, fill and rim around the camera's line of sight, in an environment that changes colour with height."""
    from mathutils import Vector

    ramp = tree.nodes.new("ShaderNodeValToRGB")
    for end in (0, 1):
        ramp.color_ramp.elements[end].color = (*dice.uniform(0.55, 1.0, 3), 1)
    place, split = tree.nodes.new("ShaderNodeTexCoord"), tree.nodes.new("ShaderNodeSeparateXYZ")
    half = tree.nodes.new("ShaderNodeMath")
    half.operation = "MULTIPLY_ADD"
    half.inputs[1].default_value = half.inputs[2].default_value = 0.5
    around = tree.nodes.new("ShaderNodeBackground")
    around.inputs["Strength"].default_value = dice.uniform(0.2, 0.4)
    tree.links.new(place.outputs["Generated"], split.inputs[0])
    tree.links.new(split.outputs["Z"], half.inputs[0])
    tree.links.new(half.outputs[0], ramp.inputs[0])
    tree.links.new(ramp.outputs["Color"], around.inputs["Color"])
    tree.links.new(around.outputs[0], output.inputs["Surface"])

    side = dice.choice([-1.0, 1.0])
    turn = camera.matrix_world.to_quaternion()
    for x, y, z, power in (
        (side * dice.uniform(0.8, 1.6), dice.uniform(0.6, 1.6), 1.5, dice.uniform(26, 44)),
        (-side * dice.uniform(1.0, 2.0), dice.uniform(-0.2, 0.6), 1.5, dice.uniform(7, 18)),
        (-side * dice.uniform(0.3, 1.0), dice.uniform(0.8, 1.6), -1.5, dice.uniform(16, 40)),
    ):
        lamp = bpy.data.lights.new("lamp", "AREA")
        lamp.energy, lamp.size = power, dice.uniform(0.5, 1.5)
        lamp.color = 1 - dice.uniform(0, 0.2, 3)
        at = turn @ Vector((x, y, z))
        holder = bpy.data.objects.new("lamp", lamp)
        holder.location = at
        holder.rotation_euler = (-at).to_track_quat("-Z", "Y").to_euler()
        scene.collection.objects.link(holder)


if __name__ == "__main__":
    main(sys.argv[1])
