# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenes of our own for a while, and pictures of them: the open scene stays as it is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix

from . import framing, pictures, shoot

EVEN = 0.55
"""Strength of white light from everywhere, with which `lamp` lights a thing as a photographer would."""
_KEY = (math.radians(-35), math.radians(30))
"""Where the lamp stands beside and above the camera."""
Lit = tuple[bpy.types.Scene, bpy.types.Object, bpy.types.Object]
"""A scene, its camera and its lamp."""


@contextmanager
def temporary(scene: bpy.types.Scene) -> Iterator[bpy.types.Scene]:
    """Gone afterwards. What an engine keeps of it for the next frame goes first: it points to the scene, and the next
    thing that anybody removes would end the process."""
    try:
        yield scene
    finally:
        scene.render.use_persistent_data = False
        bpy.data.scenes.remove(scene)


@contextmanager
def lit(objects: Iterable[bpy.types.Object]) -> Iterator[Lit]:
    """A scene with these objects, a camera, a lamp and even light; all but the objects are gone afterwards."""
    world, lens, light = bpy.data.worlds.new("Set"), bpy.data.cameras.new("Set"), lamp("Set")
    camera, shining = bpy.data.objects.new("Set", lens), bpy.data.objects.new("Set", light)
    try:
        with temporary(bpy.data.scenes.new("Set")) as scene:
            if not world.node_tree:
                world.use_nodes = True
            sky = next(node for node in world.node_tree.nodes if node.type == "BACKGROUND")
            sky.inputs["Color"].default_value, sky.inputs["Strength"].default_value = (1, 1, 1, 1), EVEN
            scene.world, scene.camera = world, camera
            for obj in (*objects, camera, shining):
                scene.collection.objects.link(obj)
            yield scene, camera, shining
    finally:
        bpy.data.batch_remove([camera, shining, lens, light, world])


def lamp(name: str) -> bpy.types.Light:
    """A sun with soft shadows."""
    light = bpy.data.lights.new(name, "SUN")
    light.energy, light.angle = 1.6, math.radians(40)
    return light


def look(
    camera: bpy.types.Object, light: bpy.types.Object, target: framing.Array, way: tuple[float, float], away: float
) -> None:
    """From an azimuth and elevation in radians at a target (3,) that is `away` metres off; the lamp goes along."""
    axes = framing.axes(*way)
    camera.data.clip_start, camera.data.clip_end = 0.01 * away, 10 * away
    camera.matrix_world = _placed(axes, target + away * axes[2])
    light.matrix_world = _placed(framing.axes(way[0] + _KEY[0], way[1] + _KEY[1]), target)


def _placed(axes: framing.Array, place: framing.Array) -> Matrix:
    """Rows of `axes` are right, up and backwards of what stands at `place`."""
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = axes.T, place
    return Matrix(matrix.tolist())


def paper(scene: bpy.types.Scene, width: int, height: int) -> None:
    """Pictures of this size on nothing, with the colours as they are."""
    render = scene.render
    render.resolution_x, render.resolution_y, render.resolution_percentage = width, height, 100
    render.pixel_aspect_x = render.pixel_aspect_y = 1.0
    render.film_transparent = True
    scene.view_settings.view_transform = "Standard"
    shoot.kind(scene, ".png")


def picture(scene: bpy.types.Scene, path: Path) -> None:
    """Render it to a PNG that is proved to be whole."""
    render = scene.render
    render.filepath = str(path)
    bpy.ops.render.render(write_still=True, scene=scene.name)
    pictures.prove(path, render.resolution_x, render.resolution_y)
