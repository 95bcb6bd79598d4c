# SPDX-License-Identifier: GPL-3.0-or-later
"""Make docs/pictures/props.jpg: every thing that a scene in words can have, of its usual substance.

.venv/bin/python tools/props.py                          # all of presets/props/things.toml
.venv/bin/python tools/props.py --out sheet.jpg ball football "striped beach_ball"
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix, Vector
from PIL import Image, ImageDraw

from galatea.addon.scene import props
from galatea.addon.scene.lib.material import substance
from galatea.backend.protocol.props import called, things
from galatea.tools.sheets import PICTURES, save

PICTURE = PICTURES / "props.jpg"
SIDE, COLUMNS, SAMPLES = 148, 10, 32
LIMIT = 400_000
"""Bytes of a picture in the repository."""
NEAR = (0.5, -1.0, 0.5)
"""From the thing to the camera."""


def studio() -> Any:
    """An empty file with a pale floor, a soft light from the left and a camera."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    ground = bpy.data.meshes.new("floor")
    ground.from_pydata([(-30, -30, 0), (30, -30, 0), (30, 30, 0), (-30, 30, 0)], [], [(0, 1, 2, 3)])
    ground.materials.append(bpy.data.materials.new("floor"))
    floor = bpy.data.objects.new("floor", ground)
    scene.world = bpy.data.worlds.new("world")
    scene.world.use_nodes = True
    background = next(node for node in scene.world.node_tree.nodes if node.type == "BACKGROUND")
    background.inputs["Color"].default_value = (0.85, 0.9, 1.0, 1.0)
    background.inputs["Strength"].default_value = 0.6
    lamp = bpy.data.lights.new("light", "AREA")
    lamp.energy, lamp.size = 85, 1.5
    light = bpy.data.objects.new("light", lamp)
    light.matrix_world = Matrix.Translation((-1.3, -1.4, 2.4)) @ _towards(Vector((1.3, 1.4, -2.0)))
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    camera.data.lens = 70
    for obj in (floor, light, camera):
        scene.collection.objects.link(obj)
    scene.camera = camera
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising = SAMPLES, True
    scene.cycles.max_bounces = 6
    scene.render.resolution_x = scene.render.resolution_y = SIDE
    return scene


def _towards(way: Vector) -> Matrix:
    return way.to_track_quat("-Z", "Y").to_matrix().to_4x4()


def stand(scene: Any, words: str) -> None:
    """The thing at size 1, and the camera so that it fills the picture."""
    thing = called()[words.split()[-1]]

    def material(name: str) -> Any:
        return substance.material(name or thing.material)

    made = props.make(thing.name, thing.size, material, words=words)
    small = Matrix.Translation((0, 0, 0.004)) @ Matrix.Scale(1 / max(thing.size), 4)
    if thing.name in ("rope", "chain"):
        small = Matrix.Scale(3.5 / max(thing.size), 4)
    points = []
    for part in made.parts:
        obj = bpy.data.objects.new(part.name, part.mesh)
        obj.matrix_world = small @ part.place
        scene.collection.objects.link(obj)
        points += [obj.matrix_world @ vertex.co for vertex in part.mesh.vertices]
    low, high = np.min(points, axis=0), np.max(points, axis=0)
    middle, way = Vector((low + high) / 2), Vector(NEAR).normalized()
    wide = min(float(np.linalg.norm(high - low)), 1.6)
    far = 1.1 * wide / 2 / math.sin(math.atan(18 / 70))
    scene.camera.matrix_world = Matrix.Translation(middle + far * way) @ _towards(-way)


def cells(names: list[str]) -> Iterator[tuple[str, Image.Image]]:
    with tempfile.TemporaryDirectory() as folder:
        for words in names:
            scene = studio()
            stand(scene, words)
            scene.render.filepath = str(Path(folder) / "cell.png")
            bpy.ops.render.render(write_still=True)
            with Image.open(scene.render.filepath) as picture:
                yield words, picture.convert("RGB")


def sheet(names: list[str], path: Path) -> None:
    """Pictures in rows, the name below each."""
    high = SIDE + 16
    out = Image.new("RGB", (COLUMNS * SIDE, -(-len(names) // COLUMNS) * high), "white")
    draw = ImageDraw.Draw(out)
    for number, (words, cell) in enumerate(cells(names)):
        left, top = number % COLUMNS * SIDE, number // COLUMNS * high
        out.paste(cell, (left, top))
        draw.text((left + SIDE // 2, top + SIDE + 8), words.replace("_", " "), fill=(40, 40, 40), anchor="mm")
    save(out, path, LIMIT)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="*", help="words of a thing, its name last; all where none is given")
    parser.add_argument("--out", type=Path, default=PICTURE)
    options = parser.parse_args(argv)
    sheet(options.name or [name for name in things() if name in props.builders()], options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
