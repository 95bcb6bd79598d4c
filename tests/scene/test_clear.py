# SPDX-License-Identifier: GPL-3.0-or-later
"""What is clear is seen through: water in a glass is not black, in either renderer."""

from __future__ import annotations

import bpy
import pytest
from mathutils import Vector

from galatea.addon.scene.lib.material import substance
from galatea.addon.scene.lib.render import engines, pictures


def tube(radius, name):
    """A closed ball of a substance about the origin."""
    bpy.ops.mesh.primitive_uv_sphere_add(radius=radius)
    obj = bpy.context.object
    obj.data.materials.append(substance.material(name))
    return obj


@pytest.mark.parametrize("engine", ["cycles", "eevee"])
def test_light_comes_through_four_shells_of_glass_and_one_of_water(make_work, tmp_path, engine):
    for radius, name in ((1.0, "glass"), (0.9, "glass"), (0.8, "glass"), (0.7, "glass"), (0.6, "water")):
        tube(radius, name)
    scene = bpy.context.scene
    scene.world = bpy.data.worlds.new("white")
    if not scene.world.node_tree:
        scene.world.use_nodes = True
    back = next(each for each in scene.world.node_tree.nodes if each.type == "BACKGROUND")
    back.inputs[0].default_value = (1, 1, 1, 1)
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.location = (0, -6, 0)
    camera.rotation_euler = Vector((0, 1, 0)).to_track_quat("-Z", "Y").to_euler()
    scene.collection.objects.link(camera)
    scene.camera, scene.view_settings.view_transform = camera, "Standard"
    work, _ = make_work()
    engines.prepare(work.report, scene, engine, 4, denoise=False)
    scene.render.resolution_x, scene.render.resolution_y = 16, 16
    scene.render.resolution_percentage, scene.render.filepath = 100, str(tmp_path / "a.png")
    bpy.ops.render.render(write_still=True)
    seen = pictures.read(tmp_path / "a.png", 3)
    assert seen[6:10, 6:10].mean() > 0.25  # with three bounces it was 0
