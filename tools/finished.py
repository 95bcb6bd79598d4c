# SPDX-License-Identifier: GPL-3.0-or-later
"""Make docs/pictures/finished.jpg: photos, the raw mesh and the finished asset from four sides each under one light,
and the finished one's triangles: all photos of presets/examples, or the first by their hash, which nobody picks.

    .venv/bin/python tools/finished.py [--count 4] [--quality medium] [--gate studio]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from galatea.addon.scene.lib.render import framing
from galatea.backend.geometry import raster
from galatea.backend.protocol.recipe import load_recipe
from galatea.tools import sheets
from galatea.tools.sheets import ROOT

WORK = ROOT / "out" / "finished"
SHEET = sheets.PICTURES / "finished.jpg"
MOST = 400_000
"""Bytes of the sheet."""
CELL, LINE, GAP = 150, 16, 10
"""px: side of a picture, height of a line of words, between before and after."""
SIDES = 4
ZOOM, FINE = 3.0, 3
"""How much larger the triangles are shown, and how much finer they are drawn."""
COLUMNS = ("photo", "raw mesh: front, right, back, left", "finished", "triangles, x3")


def unpicked(count: int) -> list[Path]:
    """The first photos by the hash of what is in them; 0 is all."""
    return sorted(sheets.photos(), key=lambda path: hashlib.sha256(path.read_bytes()).hexdigest())[: count or None]


def recipe(name: str, *, finish: bool) -> Path:
    """photo_to_mesh with pictures at its end; or, without `finish`, up to the raw mesh alone."""
    names = [step.do for step in load_recipe("photo_to_mesh").steps]
    names = [*names, "report"] if finish else names[: names.index("bring") + 1]
    return sheets.recipe(WORK / f"{name}.toml", [*names, "views"], views={"count": SIDES, "size": 2 * CELL})


def run(photos: Sequence[Path], name: str, quality: str, gate: str, *, finish: bool) -> None:
    images = [word for photo in photos for word in ("--image", photo)]
    out = WORK / name if len(photos) > 1 else WORK / name / photos[0].stem
    words = ["run", recipe(name, finish=finish), "--quality", quality, *images, "--out", out, "--overwrite"]
    words += ["--gate", gate] if finish and gate else []
    sheets.galatea(*words, allowed=(0, 9))  # 9: some fell short of the gate, which the captions tell


def triangles(path: Path) -> Image.Image:
    """The middle of a GLB from the front left, each face with its edges, those behind hidden."""
    import trimesh

    scene = trimesh.load_scene(path, process=False)
    mesh = scene.to_mesh()
    upright = mesh.vertices[:, [0, 2, 1]] * [1, -1, 1]
    right, up, near = framing.axes(np.radians(-35), np.radians(15)) @ upright.T
    side = CELL * FINE
    scale = ZOOM * side / max(np.ptp(right), np.ptp(up))
    seen = np.stack([right - (right.max() + right.min()) / 2, -(up - (up.max() + up.min()) / 2)], axis=1)
    places = (seen * scale + side / 2).astype(np.float32)
    depth = (1000 * np.ptp(near) + near.max() - near).astype(np.float32)
    face, bary = raster.hits(places, depth, mesh.faces.astype(np.int32), side)
    a, b, c = (places[mesh.faces[:, i]] for i in range(3))
    area = np.abs((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0])
    sides = np.stack([np.linalg.norm(p - q, axis=1) for p, q in ((b, c), (c, a), (a, b))], axis=1)
    away = (bary * (area[:, None] / np.maximum(sides, 1e-6))[face]).min(axis=2)
    light = np.clip(mesh.face_normals @ np.array([-0.4, 0.7, 0.6]), 0, 1)[face] * 0.35 + 0.6
    grey = np.where(face < 0, 1.0, light * np.clip(away / 1.2, 0.25, 1))
    return Image.fromarray((grey * 255).astype(np.uint8)).convert("RGB").resize((CELL, CELL), Image.Resampling.LANCZOS)


def caption(photo: Path, folder: Path, raw: Path) -> str:
    report = json.loads((folder / "mesh_report.json").read_text("utf-8"))
    rows: dict[str, Any] = {row["name"]: row for row in report["rows"]}
    stages = {stage["step"]: stage for stage in json.loads((raw / "result.json").read_text("utf-8"))["stages"]}
    before = stages["bring"]["metrics"]["faces"]
    words = f"{photo.stem}: {before} -> {rows['faces']['value']} faces, outline {rows['silhouette_iou']['value']:.3f}, "
    words += f"colour {rows['colour_error']['value']:.1f}, stretch {rows['uv_stretch']['value']:.2f}"
    short = [name for name, row in rows.items() if row["state"] == "short"]
    if report["passed"] is None:
        return words
    return f"{words}; {report['gate']}: " + (f"short of {', '.join(short)}" if short else "passed")


def draw(photos: Sequence[Path]) -> Image.Image:
    width = CELL * (2 + 2 * SIDES) + 3 * GAP
    at = [0, CELL + GAP, CELL * (1 + SIDES) + 2 * GAP, CELL * (1 + 2 * SIDES) + 3 * GAP]
    sheet = Image.new("RGB", (width, LINE + len(photos) * (CELL + LINE)), "white")
    pen = ImageDraw.Draw(sheet)
    for left, words in zip(at, COLUMNS, strict=True):
        pen.text((left + 4, 2), words, fill=(0, 0, 0))
    for number, photo in enumerate(photos):
        top = LINE + number * (CELL + LINE)
        raw, done = WORK / "raw" / photo.stem, WORK / "finished" / photo.stem
        sheet.paste(sheets.tile(photo, CELL), (at[0], top))
        for side in range(SIDES):
            sheet.paste(sheets.tile(raw / f"view_{side}.png", CELL), (at[1] + side * CELL, top))
            sheet.paste(sheets.tile(done / f"view_{side}.png", CELL), (at[2] + side * CELL, top))
        sheet.paste(triangles(done / "mesh.glb"), (at[3], top))
        pen.text((4, top + CELL + 1), caption(photo, done, raw), fill=(70, 70, 70))
    return sheet


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--quality", default="medium")
    parser.add_argument("--gate", default="")
    parser.add_argument("--to", type=Path, default=SHEET)
    options = parser.parse_args(argv)
    photos = unpicked(options.count)
    run(photos, "finished", options.quality, options.gate, finish=True)
    run(photos, "raw", options.quality, "", finish=False)
    sheets.save(draw(photos), options.to, MOST)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
