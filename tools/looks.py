# SPDX-License-Identifier: GPL-3.0-or-later
"""Make docs/pictures/looks.jpg and cameras.jpg: every light and look, and three frames of every path of the camera.

.venv/bin/python tools/looks.py                        # of presets/examples/moose.jpg, made first if need be
.venv/bin/python tools/looks.py --scene scene.blend    # of another finished object
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from galatea.tools.sheets import EXAMPLES, PICTURES, ROOT, galatea, save

WORK = ROOT / "out" / "looks"
PHOTO = EXAMPLES / "moose.jpg"
SIZE, SMALL, SAMPLES = (320, 240), (200, 150), 16
LIMIT = 300_000
"""bytes of a sheet."""


class Set:
    """A finished object, and steps that are run on it anew each time."""

    def __init__(self, scene: Path) -> None:
        from galatea.backend.protocol.store import JobStore

        self.scene, self.folder = scene, Path(tempfile.mkdtemp(prefix="galatea-looks-"))
        self.store, self.number = JobStore(self.folder / "jobs"), 0

    def open(self) -> None:
        import bpy

        bpy.ops.wm.open_mainfile(filepath=str(self.scene), load_ui=False, use_scripts=False)

    def run(self, step: str, **params: Any) -> Any:
        from galatea.addon.scene.work import Work
        from galatea.backend.worker.report import Report

        self.number += 1
        module = importlib.import_module(f"galatea.addon.scene.{step}")
        files = {"image": PHOTO, "mask": self.scene.with_name("mask.png")}
        work = Work(Report(self.store, f"{step}-{self.number:020x}", lambda event: None), files)
        module.run(work, **module.SPEC.fill(params))
        return work

    def render(self, report: Any, frame: int, samples: int) -> Image.Image:
        """A frame, with alpha where there is nothing."""
        import bpy

        from galatea.addon.scene.lib.render import engines

        scene, path = bpy.context.scene, self.folder / "frame.png"
        engines.prepare(report, scene, "cycles", samples)
        image = scene.render.image_settings
        if hasattr(image, "media_type"):
            image.media_type = "IMAGE"
        image.file_format, image.color_mode, scene.render.filepath = "PNG", "RGBA", str(path)
        scene.frame_set(frame)
        bpy.ops.render.render(write_still=True)
        return Image.open(path).convert("RGBA")


def chequered(seen: Image.Image) -> Image.Image:
    """Over grey squares, where there is nothing."""
    rows, columns = np.indices((seen.height, seen.width)) // 12
    chequer = np.where((rows + columns) % 2, 150, 120).astype(np.uint8)
    under = Image.fromarray(np.stack([chequer] * 3, axis=-1)).convert("RGBA")
    under.alpha_composite(seen)
    return under.convert("RGB")


def panorama(path: Path) -> Path:
    """A plain landscape with a low sun, as an HDR: a panorama of nobody's."""
    import bpy

    high, wide = 256, 512
    v, u = np.meshgrid((np.arange(high) + 0.5) / high, (np.arange(wide) + 0.5) / wide, indexing="ij")
    up, around = (v - 0.5) * np.pi, (u - 0.5) * 2 * np.pi
    air = np.exp(-5 * np.abs(up))[..., None]
    sky = np.array([0.30, 0.48, 0.85]) * (1 - air) + np.array([0.95, 0.80, 0.62]) * air
    ground = np.array([0.30, 0.27, 0.20]) * (1 - air) + np.array([0.62, 0.58, 0.48]) * air
    hills = 0.10 + 0.08 * np.sin(3 * around) + 0.04 * np.sin(7 * around + 1)
    light = np.where((up > hills)[..., None], sky, np.where((up > 0)[..., None], [0.20, 0.27, 0.16], ground))
    facing = np.sin(up) * np.sin(0.6) + np.cos(up) * np.cos(0.6) * np.cos(around - 2.3)
    light = light + np.exp(-((np.arccos(np.clip(facing, -1, 1)) / 0.06) ** 2))[..., None] * [160, 130, 90]
    pixels = np.ones((high, wide, 4), np.float32)
    pixels[..., :3] = light
    image = bpy.data.images.new("panorama", wide, high, float_buffer=True)
    image.pixels.foreach_set(pixels.ravel())
    image.filepath_raw, image.file_format = str(path), "HDR"
    image.save()
    return path


def looks(made: Set) -> Iterator[tuple[str, Image.Image]]:
    from galatea.addon.scene.stage import SPEC

    choices = {param.name: param.choices for param in SPEC.params}
    given = {"hdri": str(panorama(made.folder / "panorama.hdr"))}
    sets: list[tuple[str, dict[str, Any], str]] = [
        (light, {"light": light, **(given if light == "hdri" else {})}, "static") for light in choices["light"]
    ]
    sets += [(f"sky, hour {hour:g}", {"light": "sky", "hour": hour}, "static") for hour in (6.3, 18.0, 22.0)]
    sets += [(look, {"look": look}, "static") for look in choices["look"][1:]]
    sets += [
        ("transparent", {"background": "transparent"}, "static"),
        ("photo, match", {"background": "photo"}, "match"),
    ]
    for name, params, path in sets:
        made.open()
        made.run("stage", **params)
        work = made.run("camera", path=path, seconds=0.1, width=SIZE[0], height=SIZE[1])
        yield name, chequered(made.render(work.report, 1, SAMPLES))


def cameras(made: Set) -> Iterator[tuple[str, Image.Image]]:
    """Three frames of each path side by side."""
    from galatea.addon.scene.camera import SPEC

    made.open()
    made.run("stage")
    paths = next(param for param in SPEC.params if param.name == "path").choices
    shots = "wide 1s; low orbit 1s; close left 1s"
    rows = [(path, {"path": path}, (1, 37, 72)) for path in paths if path not in ("static", "match")]
    for name, params, frames in [*rows, (shots, {"shots": shots}, (12, 36, 60))]:
        if name == "follow":
            _walk()
        work = made.run("camera", seconds=3.0, width=SMALL[0], height=SMALL[1], **params)
        strip = Image.new("RGB", (3 * SMALL[0], SMALL[1]))
        for number, frame in enumerate(frames):
            strip.paste(chequered(made.render(work.report, frame, SAMPLES // 4)), (number * SMALL[0], 0))
        yield name, strip
        if name == "follow":
            made.open()
            made.run("stage")


def _walk() -> None:
    """A quarter of a circle, for a camera to follow."""
    import bpy

    from galatea.addon.scene.lib.motion import animation

    body = next(obj for obj in bpy.context.scene.objects if obj.get("galatea_role") == "body")
    frames, turn = np.arange(1, 73), np.linspace(0, np.pi / 2, 72)
    animation.new_action(body, "walk")
    place = 4 * np.stack([1 - np.cos(turn), -np.sin(turn), 0 * turn], axis=1)
    animation.set_keys(body, "location", frames, place, interpolation="LINEAR")
    animation.set_keys(body, "rotation_euler", frames, np.outer(turn, [0, 0, 1]), interpolation="LINEAR")


def sheet(cells: Iterator[tuple[str, Image.Image]], columns: int, path: Path) -> None:
    """Named pictures in rows, saved as good as the limit lets them be."""
    made = []
    for name, cell in cells:
        ImageDraw.Draw(cell).text((5, 3), name, fill="white", stroke_width=1, stroke_fill="black")
        made.append(cell)
        print(name, flush=True)
    wide, high = max(cell.width for cell in made), max(cell.height for cell in made)
    out = Image.new("RGB", (columns * (wide + 4), -(-len(made) // columns) * (high + 4)), (24, 24, 24))
    for number, cell in enumerate(made):
        left, top = number % columns * (wide + 4), number // columns * (high + 4)
        out.paste(cell, (left, top + (high - cell.height) // 2))
    save(out, path, LIMIT)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scene", type=Path, default=WORK / "scene.blend")
    parser.add_argument("--only", choices=("looks", "cameras"))
    options = parser.parse_args(argv)
    if not options.scene.is_file():
        galatea("run", "photo_to_mesh", "--image", PHOTO, "--out", WORK, "--overwrite")
    made = Set(options.scene)
    if options.only != "cameras":
        sheet(looks(made), 4, PICTURES / "looks.jpg")
    if options.only != "looks":
        sheet(cameras(made), 2, PICTURES / "cameras.jpg")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
