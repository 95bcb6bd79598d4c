# SPDX-License-Identifier: GPL-3.0-or-later
"""Make docs/pictures/chain.jpg: a photo, its mesh, its rig and frames of its film, all of one `galatea run`.

.venv/bin/python tools/chain.py                       # of presets/examples/toad.jpg
.venv/bin/python tools/chain.py --photo P --to FILE   # of another photo
.venv/bin/python tools/chain.py --film                # docs/pictures/film.jpg: twelve frames of `make demo`
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont, ImageOps

from galatea.tools.looks import Set
from galatea.tools.sheets import EXAMPLES, PICTURES, ROOT, frames, galatea, save

WORK = ROOT / "out" / "chain"
CELL, SAMPLES, FRAME, SHOWN = (400, 300), 48, 12, 6
"""px of a picture; samples of Cycles; the frame that shows mesh and rig; frames of the film."""
LINE, GAP, EDGE = 30, 44, 26
"""px: a line of words, between two pictures, of the film above and below its frames."""
GROUND, INK, FILM = (24, 26, 30), (235, 235, 235), (8, 8, 8)
BONE = (1.0, 0.36, 0.04, 1.0)
LIMIT = 290_000


def filmed(photo: Path, motion: str) -> Path:
    """The folder of its film."""
    out = WORK / photo.stem
    settings = [
        f"camera.width={CELL[0]}",
        f"camera.height={CELL[1]}",
        "film.samples=16",
        "film.step=14",
        f"move.motion={motion}",
    ]
    words = [word for each in settings if not each.endswith("=") for word in ("--set", each)]
    galatea("run", "photo_to_film", "--image", photo, "--out", out, "--overwrite", *words)
    return out


def staged(made: Set, look: str) -> Any:
    """The scene under a look, and a camera that stands; the report that a render wants."""
    made.open()
    made.run("stage", look=look)
    return made.run("camera", path="static", seconds=3.0, width=CELL[0], height=CELL[1]).report


def looked(made: Set, look: str) -> Image.Image:
    return made.render(staged(made, look), FRAME, SAMPLES).convert("RGB")


def bones(made: Set) -> Image.Image:
    """The armature's bones alone at FRAME, as octahedra on nothing."""
    import bpy

    report, scene = staged(made, "realistic"), bpy.context.scene
    scene.frame_set(FRAME)
    armature = next(obj for obj in scene.objects if obj.type == "ARMATURE")
    material = bpy.data.materials.new("bone")
    material.use_nodes = True
    shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    shader.inputs["Base Color"].default_value = shader.inputs["Emission Color"].default_value = BONE
    shader.inputs["Emission Strength"].default_value = 0.5
    for obj in scene.objects:
        obj.hide_render = obj.type == "MESH"
    for bone in (each for each in armature.pose.bones if each.bone.use_deform):
        mesh = bpy.data.meshes.new(bone.name)
        wide = 0.09
        ring = [(wide, 0.12, wide), (-wide, 0.12, wide), (-wide, 0.12, -wide), (wide, 0.12, -wide)]
        sides = [(0, (k + 1) % 4 + 1, k + 1) for k in range(4)] + [(5, k + 1, (k + 1) % 4 + 1) for k in range(4)]
        mesh.from_pydata([(0, 0, 0), *ring, (0, 1, 0)], [], sides)
        mesh.materials.append(material)
        held = bpy.data.objects.new(bone.name, mesh)
        held.matrix_world = armature.matrix_world @ bone.matrix
        held.scale = [bone.length] * 3
        scene.collection.objects.link(held)
    scene.render.film_transparent = True
    return made.render(report, FRAME, SAMPLES)


def drawn(photo: Path, folder: Path) -> Image.Image:
    """The photo, the mesh and the rig in a row with arrows; the film below, with its holes."""
    made = Set(folder / "scene.blend")
    rig = looked(made, "xray").convert("RGBA")
    rig.alpha_composite(bones(made))
    with Image.open(photo) as opened:
        first = ImageOps.fit(opened.convert("RGB"), CELL, Image.Resampling.LANCZOS)
    row = {"photo": first, "mesh": looked(made, "wireframe"), "rig": rig.convert("RGB")}
    wide = len(row) * CELL[0] + (len(row) + 1) * GAP
    small = ((wide - (SHOWN + 1) * 8) // SHOWN, round((wide - (SHOWN + 1) * 8) / SHOWN * CELL[1] / CELL[0]))
    top, strip = LINE + CELL[1] + LINE, small[1] + 2 * EDGE
    sheet = Image.new("RGB", (wide, top + strip), GROUND)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(17)
    for number, (name, picture) in enumerate(row.items()):
        left = GAP + number * (CELL[0] + GAP)
        sheet.paste(picture, (left, LINE))
        pen.text((left, LINE // 2), name, fill=INK, font=font, anchor="lm")
        if number:
            arrow = (left - GAP / 2, LINE + CELL[1] / 2)
            pen.polygon(
                [(arrow[0] - 9, arrow[1] - 13), (arrow[0] + 9, arrow[1]), (arrow[0] - 9, arrow[1] + 13)], fill=INK
            )
    pen.text((GAP, top - LINE // 2), "film", fill=INK, font=font, anchor="lm")
    pen.rectangle((0, top, wide, top + strip), fill=FILM)
    for number, frame in enumerate(frames(folder / "film.mp4", SHOWN)):
        sheet.paste(frame.resize(small, Image.Resampling.LANCZOS), (8 + number * (small[0] + 8), top + EDGE))
    for left in range(10, wide, 28):
        for high in (top + 7, top + strip - 19):
            pen.rounded_rectangle((left, high, left + 14, high + 12), 3, fill=GROUND)
    return sheet


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photo", type=Path, default=EXAMPLES / "toad.jpg")
    parser.add_argument("--motion", default="", help="what it does, in words; else what suits it")
    parser.add_argument("--to", type=Path, default=PICTURES / "chain.jpg")
    parser.add_argument("--film", action="store_true")
    options = parser.parse_args(argv)
    if options.film:
        galatea("run", "photo_to_film", "--image", EXAMPLES / "toad.jpg", "--out", ROOT / "out" / "demo", "--overwrite")
        with Image.open(ROOT / "out" / "demo" / "contact.png") as strip:
            save(strip.convert("RGB"), PICTURES / "film.jpg", LIMIT)
    else:
        save(drawn(options.photo, filmed(options.photo, options.motion)), options.to, LIMIT)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
