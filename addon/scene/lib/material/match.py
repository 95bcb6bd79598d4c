# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring the base colour to where a render of the body from the front has the colours of the photo.

Exposure and white balance alone are changed: the linear map between the covariances (Pitié & Kokaram 2007) came
nearer by the numbers, and painted a brown moose blue. What is compared are the colours of the subject in linear
light, not pixel with pixel, so that the camera need not be known exactly.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import bpy
import numpy as np
from mathutils import Euler, Vector

from ..mesh.meshes import Array, Floats
from ..render import pictures
from . import texels

_SIDE, _SAMPLES = 160, 8
_MARGIN = 0.05
_GAIN, _FLOOR = 2.0, 1e-5
"""No channel is made brighter or darker by more than this factor; variance of what is all of one colour."""


class Colours(NamedTuple):
    """`mean` (3,) and `spread` (3, 3) of the linear colours of a subject."""

    mean: Array
    spread: Array


def of_picture(pixels: Floats) -> Colours:
    """Of the subject in sRGB pixels (H, W, 4) with straight alpha."""
    seen = texels.linear(pixels)[pixels[..., 3] > 0.9][:, :3].astype(np.float64)
    if len(seen) < 16:
        raise ValueError("the picture shows nothing")
    return Colours(seen.mean(axis=0), np.cov(seen.T) + _FLOOR * np.eye(3))


def apart(one: Colours, other: Colours) -> float:
    """Fréchet's distance between the two as normal distributions, in linear light of 0 to 1."""
    root = _root(one.spread)
    mixed = _root(root @ other.spread @ root)
    square = np.sum((one.mean - other.mean) ** 2) + np.trace(one.spread + other.spread - 2 * mixed)
    return math.sqrt(max(float(square), 0.0))


def matched(colour: Floats, render: Colours, photo: Colours) -> Floats:
    """Linear base colours (..., 3) so changed that what rendered as `render` comes out as bright, and as warm, as
    `photo`. A surface without gloss shows its colour times the light, so a factor a channel does it."""
    gain = np.clip(photo.mean / np.maximum(render.mean, 1e-4), 1 / _GAIN, _GAIN)
    return np.asarray(np.clip(colour * gain, 0, 1), np.float32)


def _root(matrix: Array) -> Array:
    size, axes = np.linalg.eigh(matrix)
    return np.asarray(axes @ np.diag(np.sqrt(np.maximum(size, 0))) @ axes.T)


def render(body: bpy.types.Object, path: Path) -> Floats:
    """The body from the front in even light, sRGB (H, W, 4); the file at `path` goes away again."""
    with _studio(body) as scene:
        scene.render.filepath = str(path)
        bpy.ops.render.render(write_still=True, scene=scene.name)
        seen = pictures.read(path, 4)
        path.unlink()
        return seen


@contextmanager
def _studio(body: bpy.types.Object) -> Iterator[bpy.types.Scene]:
    scene, made = bpy.data.scenes.new("galatea match"), []
    try:
        scene.collection.objects.link(body)
        scene.world = bpy.data.worlds.new("galatea match")
        if not scene.world.node_tree:
            scene.world.use_nodes = True
        node = next(node for node in scene.world.node_tree.nodes if node.type == "BACKGROUND")
        node.inputs["Color"].default_value, node.inputs["Strength"].default_value = (1, 1, 1, 1), 0.55
        lamp, camera = bpy.data.lights.new("galatea match", "SUN"), bpy.data.cameras.new("galatea match")
        lamp.energy, lamp.angle = 1.6, math.radians(40)
        for data in (lamp, camera):
            made.append(bpy.data.objects.new("galatea match", data))
            scene.collection.objects.link(made[-1])
        made[0].rotation_euler = Euler((math.radians(50), 0, math.radians(-35)))
        _aim(scene, body, made[1])
        scene.render.engine, scene.cycles.device = "CYCLES", "CPU"
        scene.cycles.samples, scene.cycles.use_denoising, scene.cycles.seed = _SAMPLES, False, 0
        scene.render.resolution_x = scene.render.resolution_y = _SIDE
        scene.render.film_transparent = True
        scene.view_settings.view_transform = "Standard"
        image = scene.render.image_settings
        image.file_format, image.color_mode, image.color_depth = "PNG", "RGBA", "8"
        yield scene
    finally:
        world = scene.world
        bpy.data.scenes.remove(scene)
        for obj in made:
            data = obj.data
            bpy.data.objects.remove(obj)
            (bpy.data.lights if isinstance(data, bpy.types.Light) else bpy.data.cameras).remove(data)
        bpy.data.worlds.remove(world)


def _aim(scene: bpy.types.Scene, body: bpy.types.Object, camera: bpy.types.Object) -> None:
    """Before the body, which looks along -Y, so far off that it fills the picture."""
    corners = np.array([body.matrix_world @ Vector(corner) for corner in body.bound_box])
    middle, extent = (corners.min(axis=0) + corners.max(axis=0)) / 2, np.ptp(corners, axis=0)
    camera.data.type, camera.data.ortho_scale = "ORTHO", float(max(extent[0], extent[2])) * (1 + 2 * _MARGIN)
    camera.data.clip_start, camera.data.clip_end = 0.01 * float(extent.max()), 10 * float(extent.max())
    camera.location = middle - [0, 2 * float(extent.max()), 0]
    camera.rotation_euler = Euler((math.pi / 2, 0, 0))
    scene.camera = camera
