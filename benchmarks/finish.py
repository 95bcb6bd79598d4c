# SPDX-License-Identifier: GPL-3.0-or-later
"""From a raw coloured mesh of 200,000 faces to a GLB of 10,000 with maps of 2048 px: the finishing chain beside
trimesh + xatlas + pymeshlab and beside Blender's own operators, in one run.

    python benchmarks/finish.py [--photo FILE] [--faces 10000] [--size 2048] [--ways galatea,libraries,blender]

The mesh is Lift's of a photo, on a fine grid, with a colour a point: what all three can read. Each way is a process of
its own; wall and CPU seconds and peak memory are the process's, start and all. Errors are measured alike for all, on
the GLB as Blender reads it: the mean distance of the surfaces in per cent of the diagonal, looked for from both, and
the report's figures for outline and colour. pymeshlab is not of this project: without it, that way is left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from galatea.benchmarks._rows import Row, tell

ROOT = Path(__file__).resolve().parents[1]
WAYS = Path(__file__).with_name("_finish_ways.py")
GRID = 224
NEEDS = {"libraries": ("trimesh", "xatlas", "pymeshlab"), "galatea": ("bpy",), "blender": ("bpy",)}


def raw_mesh(photo: Path, folder: Path) -> Path:
    """Vertices, faces and a colour a point, its base on the floor."""
    env = {**os.environ, "GALATEA_HOME": str(folder / "home")}
    words = [sys.executable, "-m", "galatea.backend", "run", "photo_to_mesh", "--image", str(photo), "--until", "lift"]
    words += ["--out", str(folder / "lifted"), "--quiet"]
    words += ["--set", f"lift.grid={GRID}", "--set", "lift.texture_size=2048"]
    subprocess.run(words, check=True, env=env, stdout=subprocess.DEVNULL)
    (made,) = (folder / "home" / "jobs").glob("lift-*/*/mesh.npz")
    with np.load(made) as data:
        vertices, faces, uv, cover = (data[key] for key in ("vertices", "faces", "uv", "colors"))
    vertices[:, 2] -= vertices[:, 2].min()
    path = folder / "raw.npz"
    colors = _colours(made.with_name("albedo.png"), len(vertices), faces, uv, cover)
    np.savez(path, vertices=vertices, faces=faces, colors=colors)
    return path


def _colours(albedo: Path, count: int, faces: Any, uv: Any, cover: Any) -> Any:
    """(V, 3) sRGB: the picture where a point's uv is, covered by its own colour as far as that says."""
    from PIL import Image

    with Image.open(albedo) as image:
        picture = np.asarray(image.convert("RGB"), np.float32) / 255
    place = np.zeros((count, 2), np.float32)
    place[faces.reshape(-1)] = uv.reshape(-1, 2)
    height, width = picture.shape[:2]
    row = np.clip(((1 - place[:, 1]) * height).astype(int), 0, height - 1)
    column = np.clip((place[:, 0] * width).astype(int), 0, width - 1)
    return picture[row, column] * (1 - cover[:, 3:]) + cover[:, :3] * cover[:, 3:]


def run(way: str, raw: Path, folder: Path, faces: int, size: int) -> dict[str, Any]:
    """What the process of one way took, stage by stage and as a whole."""
    out = folder / way
    out.mkdir()
    words = [sys.executable, str(WAYS), way, str(raw), str(out), str(faces), str(size)]
    began = time.perf_counter()
    with (out / "log").open("w+b") as log:
        process = subprocess.Popen(words, stdout=log, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - began
        log.seek(0)
        text = log.read().decode("utf-8", "replace")
    if process.returncode:
        return {"way": way, "failed": text[-2000:]}
    stages = [line.split()[1:] for line in text.splitlines() if line.startswith("STAGE ")]
    return {
        "way": way,
        "wall": wall,
        "cpu": used.ru_utime + used.ru_stime,
        "memory": used.ru_maxrss / (1 << 30 if sys.platform == "darwin" else 1 << 20),
        "stages": [(name, float(wall), float(cpu)) for name, wall, cpu in stages],
        "path": str(out / "made.glb"),
    }


def judged(raw: Path, path: Path) -> dict[str, Any]:
    """The GLB as Blender reads it, against the raw mesh."""
    import bpy

    from galatea.addon.scene import load
    from galatea.addon.scene.lib.material import shading
    from galatea.addon.scene.lib.mesh import levels, meshes
    from galatea.addon.scene.lib.render import versus
    from galatea.backend.protocol import gltf

    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    load.read(path)
    body = load.joined([obj for obj in bpy.context.scene.objects if obj.type == "MESH"])
    with np.load(raw) as data:
        mesh = meshes.new_mesh("raw", data["vertices"], data["faces"])
        colors = np.pad(data["colors"], ((0, 0), (0, 1)), constant_values=1.0).astype(np.float32)
    mesh.color_attributes.new(shading.COLORS, "BYTE_COLOR", "POINT").data.foreach_set("color_srgb", colors.ravel())
    source = bpy.data.objects.new("raw", mesh)
    materials = gltf.read(path).get("materials", [{}])
    textured = "baseColorTexture" in materials[0].get("pbrMetallicRoughness", {})
    error = levels.Finest(mesh, None).error(levels.triangulated(body.data))
    return {
        "faces": len(body.data.polygons),
        "error": 100 * error.mean,
        "normals": "normalTexture" in materials[0],
        "textured": textured,
        "bytes": path.stat().st_size,
        **versus.figures(body, source),
    }


def judge(raw: Path, path: Path) -> dict[str, Any]:
    """`judged` in a process of its own, for Blender talks a lot."""
    words = [sys.executable, __file__, "--mesh", str(raw), "--judge", str(path)]
    said = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: dict[str, Any] = json.loads(said.strip().splitlines()[-1])
    return found


def table(rows: list[dict[str, Any]]) -> str:
    lines = [
        "| way | wall s | CPU s | memory GiB | faces | distance % | normal map | outline IoU | colour ΔE | GLB MB |"
    ]
    lines.append("|---|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        lines.append(
            f"| {row['way']} | {row['wall']:.1f} | {row['cpu']:.1f} | {row['memory']:.2f} | {row['faces']} "
            f"| {row['error']:.4f} | {'yes' if row['normals'] else 'no'} | {row['silhouette_iou']:.4f} "
            f"| {row['colour_error']:.2f} | {row['bytes'] / 1e6:.1f} |"
        )
    lines += ["", "| way | stage | wall s | CPU s | share of CPU |", "|---|---|---|---|---|"]
    for row in rows:
        whole = sum(cpu for _, _, cpu in row["stages"])
        for name, wall, cpu in row["stages"]:
            lines.append(f"| {row['way']} | {name} | {wall:.2f} | {cpu:.2f} | {cpu / whole:.0%} |")
    return "\n".join(lines)


def main() -> Iterator[Row]:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photo", type=Path, default=ROOT / "presets" / "examples" / "toad.jpg")
    parser.add_argument("--mesh", type=Path, help="a mesh.npz with vertices, faces and colors instead of a photo")
    parser.add_argument("--faces", type=int, default=10000)
    parser.add_argument("--size", type=int, default=2048)
    parser.add_argument("--ways", default="galatea,libraries,blender")
    parser.add_argument("--keep", type=Path, help="an empty folder for the files, which are else thrown away")
    parser.add_argument("--judge", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.judge:
        print("\n" + json.dumps(judged(options.mesh, options.judge)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = (options.keep or Path(scratch)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        raw = options.mesh or raw_mesh(options.photo, folder)
        with np.load(raw) as data:
            print(f"{len(data['faces'])} faces, on {os.cpu_count()} cores", flush=True)
        rows, failed = [], 0
        for way in options.ways.split(","):
            missing = [name for name in NEEDS[way] if importlib.util.find_spec(name) is None]
            if missing:
                print(f"{way} is left out: {', '.join(missing)} not installed (requirements-bench.txt)", flush=True)
                continue
            row = run(way, raw, folder, options.faces, options.size)
            if "failed" in row:
                print(f"{way} failed:\n{row['failed']}", flush=True)
                failed += 1
                continue
            row |= judge(raw, Path(row["path"]))
            rows.append(row)
            print(f"{way}: {row['wall']:.1f} s, {row['cpu']:.1f} CPU s", flush=True)
        print(table(rows))
        if options.keep:
            (folder / "finish.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    mine = [row for row in rows if row["way"] == "galatea"]
    for ours, other in ((ours, row) for ours in mine for row in rows if row is not ours):
        yield Row("mesh to finished GLB, CPU", ours["cpu"], other["cpu"], "s", other["way"])
        yield Row("its distance from the raw mesh", ours["error"], other["error"], "% of the diagonal", other["way"])
    if failed:
        raise SystemExit(1)


if __name__ == "__main__":
    sys.exit(tell(main))
