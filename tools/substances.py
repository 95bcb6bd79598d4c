# SPDX-License-Identifier: GPL-3.0-or-later
"""Make docs/pictures/substances.jpg: every substance of presets/materials/table.toml on a ball and a block.

.venv/bin/python tools/substances.py                              # all of them
.venv/bin/python tools/substances.py --only oak,steel --out a.jpg # some
.venv/bin/python tools/substances.py --look "rusty" --only steel  # with words
.venv/bin/python tools/substances.py --size 4                     # on a ball of 4 m
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from galatea.tools.sheets import PICTURES, save

CELL, COLUMNS, SAMPLES, LIMIT = (124, 104), 12, 24, 250_000
"""Pixels of a picture, pictures a row, samples of Cycles, bytes of the sheet."""


def stand(size: float) -> list[Any]:
    """Light, floor, camera, a ball of diameter `size` metres before a block. Returns the two."""
    import bpy
    from mathutils import Vector

    from galatea.addon.scene.lib.material.substance import material
    from galatea.addon.scene.props import shapes, solid
    from galatea.addon.scene.props.prop import Kit

    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    _sky(scene)

    def put(name: str, data: Any, place: Sequence[float] = (0, 0, 0), turn: float = 0.0) -> Any:
        obj = bpy.data.objects.new(name, data)
        obj.location, obj.rotation_euler[2] = Vector(place) * size, turn
        scene.collection.objects.link(obj)
        return obj

    kit = Kit((size, size, size), np.random.default_rng(0), lambda name: material(name or "oak"))
    ball = solid.mesh(kit, "ball", shapes.ball(size / 2, 16))
    block = solid.mesh(kit, "block", shapes.box(0.95 * size, 0.5 * size, 0.95 * size, 0.03 * size, 2))
    made = [put("ball", ball, (-0.32, -0.35, 0.5)), put("block", block, (0.42, 0.35, 0), 0.45)]
    ground = put("floor", solid.mesh(kit, "floor", shapes.box(40 * size, 40 * size, 0.01 * size)), (0, 0, -0.011))
    ground.data.materials.clear()
    ground.data.materials.append(_chequer(size))
    for place, power, wide in (((-2, -2.4, 3.2), 190, 1.6), ((2.6, -1.2, 1.6), 60, 1.0), ((0.5, 3, 2.2), 90, 1.4)):
        lamp = bpy.data.lights.new("lamp", "AREA")
        lamp.energy, lamp.size = power * size**2, wide * size
        held = put("lamp", lamp, place)
        held.rotation_euler = (Vector((0, 0, 0.4)) - Vector(place)).to_track_quat("-Z", "Y").to_euler()
    camera = scene.camera = put("camera", bpy.data.cameras.new("camera"), (0, -5, 2.0))
    camera.data.lens, camera.data.clip_start, camera.data.clip_end = 85, 0.01 * size, 100 * size
    camera.rotation_euler = (Vector((0.05, 0, 0.47)) - Vector((0, -5, 2.0))).to_track_quat("-Z", "Y").to_euler()
    scene.view_settings.view_transform = "AgX"
    return made


def _sky(scene: Any) -> None:
    """Bright above, dark below, so that metals have something to show."""
    import bpy

    world = scene.world = bpy.data.worlds.new("world")
    if not world.node_tree:
        world.use_nodes = True
    tree = world.node_tree
    sky = tree.nodes.new("ShaderNodeTexGradient")
    ramp = tree.nodes.new("ShaderNodeValToRGB")
    seen, turned = tree.nodes.new("ShaderNodeTexCoord"), tree.nodes.new("ShaderNodeMapping")
    turned.inputs["Rotation"].default_value = (0.0, np.pi / 2, 0.0)
    tree.links.new(seen.outputs["Generated"], turned.inputs["Vector"])
    tree.links.new(turned.outputs[0], sky.inputs["Vector"])
    tree.links.new(sky.outputs[0], ramp.inputs[0])
    ramp.color_ramp.elements[0].color, ramp.color_ramp.elements[1].color = (0.2, 0.2, 0.22, 1), (1.0, 1.0, 1.0, 1)
    background = next(node for node in tree.nodes if node.type == "BACKGROUND")
    tree.links.new(ramp.outputs[0], background.inputs["Color"])
    background.inputs["Strength"].default_value = 0.5


def _chequer(size: float) -> Any:
    from galatea.addon.scene.lib.material import shading

    made, tree = shading.new_material("chequer")
    shader, texture = shading.principled(tree), tree.nodes.new("ShaderNodeTexChecker")
    seen = tree.nodes.new("ShaderNodeTexCoord")
    tree.links.new(seen.outputs["Object"], texture.inputs["Vector"])
    texture.inputs["Scale"].default_value = 2.5 / size
    texture.inputs["Color1"].default_value, texture.inputs["Color2"].default_value = (
        (0.5,) * 3 + (1,),
        (0.3,) * 3 + (1,),
    )
    tree.links.new(texture.outputs[0], shader.inputs["Base Color"])
    return made


def pictures(names: list[str], look: str, size: float) -> Iterator[tuple[str, Image.Image]]:
    """Each substance and its picture."""
    import bpy

    from galatea.addon.scene.lib.material.substance import material

    made, folder = stand(size), Path(tempfile.mkdtemp(prefix="galatea-substances-"))
    scene = bpy.context.scene
    scene.render.engine, scene.cycles.device, scene.cycles.samples = "CYCLES", "CPU", SAMPLES
    scene.cycles.use_denoising, scene.render.use_persistent_data = True, True
    scene.cycles.max_bounces, scene.cycles.transmission_bounces = 8, 6
    scene.render.resolution_x, scene.render.resolution_y = CELL
    scene.render.image_settings.file_format = "PNG"
    for name in names:
        for obj in made:
            obj.data.materials.clear()
            obj.data.materials.append(material(name, look=look, size=size))
        scene.render.filepath = str(folder / f"{name}.png")
        bpy.ops.render.render(write_still=True)
        yield name, Image.open(folder / f"{name}.png").convert("RGB")


def main(argv: list[str]) -> int:
    from galatea.backend.protocol import materials

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(materials.substances()))
    parser.add_argument("--look", default="")
    parser.add_argument("--size", type=float, default=0.22, help="metres")
    parser.add_argument("--out", type=Path, default=PICTURES / "substances.jpg")
    options = parser.parse_args(argv)
    names = options.only.split(",")
    wide, high = CELL
    sheet = Image.new("RGB", (min(COLUMNS, len(names)) * wide, -(-len(names) // COLUMNS) * high), (24, 24, 24))
    for number, (name, picture) in enumerate(pictures(names, options.look, options.size)):
        ImageDraw.Draw(picture).text((4, 2), name, fill="white", stroke_width=1, stroke_fill="black")
        sheet.paste(picture, (number % COLUMNS * wide, number // COLUMNS * high))
    save(sheet, options.out, LIMIT)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
