# SPDX-License-Identifier: GPL-3.0-or-later
"""Which unwrap is best: charts, stretch, overlap, thin charts, use of the texture, time; on meshes as they come.

    python benchmarks/unwrap.py [MESH.npz …] [--faces 20000] [--size 1024] [--only toad chair] [--pictures FOLDER]

Photos of presets/examples become meshes by Lift, which runs here; those of the zoo and the chair are made by code. All
are cleaned as recipes do it. Further `mesh.npz` files of any backend may be named. The rows `xatlas …` lay and pack by
xatlas alone with some option set; the others are what `unwrap.method` offers. Needs the `bpy` wheel.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from PIL import Image, ImageDraw

from galatea.addon.scene import bring, clean, unwrap
from galatea.addon.scene.lib.mesh import meshes
from galatea.addon.scene.lib.uv import layout, packing, tiles, unwrapping
from galatea.addon.scene.work import Work
from galatea.backend.protocol.store import JobStore
from galatea.backend.worker.report import Report
from galatea.benchmarks._rows import Row, tell

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from golden import zoo  # noqa: E402

Mesh = tuple[Any, Any]
PHOTOS, ZOO = ("toad", "moose", "coffee", "pliers"), ("many_faces", "slivers")
METHODS = [name for name in unwrap.METHODS if name not in ("auto", "keep")]
XATLAS: dict[str, dict[str, float]] = {
    "as it comes": {},
    "max_iterations 4": {"max_iterations": 4},
    "max_cost 8": {"max_cost": 8.0},
    "normal_deviation 0.5": {"normal_deviation_weight": 0.5},
    "chart_area 1/30": {"max_chart_area": 1 / 30},
    "chart_area 1/100": {"max_chart_area": 1 / 100},
}


def photo(name: str) -> Mesh:
    """The raw mesh that Lift makes of an example."""
    with tempfile.TemporaryDirectory() as folder:
        recipe = Path(folder) / "raw.toml"
        steps = "".join(f'[[step]]\ndo = "{step}"\n' for step in ("cutout", "lift"))
        recipe.write_text(f'version = 1\nname = "Raw"\ninputs = ["image"]\n{steps}')
        image = ROOT / "presets" / "examples" / f"{name}.jpg"
        command = [sys.executable, "-P", str(ROOT / "backend"), "run", str(recipe), "--image", str(image)]
        env = {**os.environ, "GALATEA_HOME": f"{folder}/home"}
        subprocess.run([*command, "--out", f"{folder}/out"], check=True, env=env, capture_output=True)
        return read(next(Path(folder).glob("home/jobs/lift-*/out-*/mesh.npz")))


def read(path: Path) -> Mesh:
    with np.load(path) as data:
        return data["vertices"], data["faces"]


def chair() -> Mesh:
    """Bevelled boards and turned legs that stand in one another, as furniture is modelled."""
    import bmesh  # is there once bpy is

    bm = bmesh.new()

    def board(size: tuple[float, float, float], place: tuple[float, float, float]) -> None:
        made = bmesh.ops.create_cube(bm, size=1)["verts"]
        bmesh.ops.scale(bm, verts=made, vec=size)
        bmesh.ops.translate(bm, verts=made, vec=place)
        edges = {edge for vertex in made for edge in vertex.link_edges}
        bmesh.ops.bevel(bm, geom=[*made, *edges], offset=0.006, segments=2, affect="EDGES", profile=0.5)

    board((0.44, 0.42, 0.04), (0, 0, 0.45))
    for x in (-0.19, 0.19):
        board((0.035, 0.035, 0.5), (x, 0.19, 0.7))
        for y in (-0.18, 0.18):
            leg = bmesh.ops.create_cone(bm, cap_ends=True, segments=24, radius1=0.014, radius2=0.022, depth=0.44)
            bmesh.ops.translate(bm, verts=leg["verts"], vec=(x, y, 0.22))
    for z in (0.62, 0.74, 0.86):
        board((0.36, 0.02, 0.06), (0, 0.19, z))
    bmesh.ops.triangulate(bm, faces=bm.faces)
    mesh = bpy.data.meshes.new("chair")
    bm.to_mesh(mesh)
    bm.free()
    return meshes.vertices_of(mesh), meshes.triangles_of(mesh)


def cleaned(mesh: Mesh, faces: int, folder: Path) -> Mesh:
    """The body of the mesh as the steps bring and clean leave it."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    path = folder / "raw.npz"
    np.savez(path, vertices=mesh[0].astype(np.float32), faces=mesh[1].astype(np.int32))
    work = Work(Report(JobStore(folder / "jobs"), "bench-00000000000000000000", lambda event: None), {"mesh": path})
    bring.run(work, **bring.SPEC.fill({}))
    clean.run(work, **clean.SPEC.fill({"faces": faces}))
    data = work.object("body").data
    return meshes.vertices_of(data), meshes.triangles_of(data)


def xatlas_alone(obj: bpy.types.Object, size: int, options: dict[str, float]) -> meshes.Floats:
    """Laid and packed by xatlas in one go; twice, for asked for a density it answers with some size."""
    import xatlas

    points, faces = meshes.vertices_of(obj.data), meshes.triangles_of(obj.data).astype(np.uint32)
    a, b, c = (points[faces[:, i]] for i in range(3))
    area = float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)
    charts, pack = xatlas.ChartOptions(), xatlas.PackOptions()
    for name, value in options.items():
        setattr(charts, name, value * area if name == "max_chart_area" else value)
    pack.padding, pack.bilinear, pack.rotate_charts = unwrap.gap(size), True, True
    density = float(np.sqrt(0.55 * size * size / area))
    for _ in range(2):
        pack.texels_per_unit = density
        atlas = xatlas.Atlas()
        atlas.add_mesh(points, faces)
        atlas.generate(charts, pack)
        longest = max(atlas.width, atlas.height)
        if 0.85 < longest / size < 1.15:
            break
        density *= size / longest
    _, corner, uv = atlas[0]
    return np.asarray(uv[corner.reshape(-1)] * [atlas.width / longest, atlas.height / longest], np.float32)


def picture(obj: bpy.types.Object, uv: meshes.Floats, path: Path, side: int = 512) -> None:
    """Every chart in a colour of its own, tiles side by side."""
    chart, _ = layout.charts(meshes.triangles_of(obj.data), uv.reshape(-1, 3, 2).astype(np.float64))
    colours = np.random.default_rng(1).integers(70, 255, (int(chart.max()) + 1, 3))
    places, home = tiles.occupied(uv), tiles.of_faces(uv)
    image = Image.new("RGB", (side * len(places), side), (20, 20, 20))
    pen = ImageDraw.Draw(image)
    corners = tiles.folded(uv).reshape(-1, 3, 2) * [side, -side] + [0, side]
    for face, tile, number in zip(corners, home, chart, strict=True):
        at = face + np.array([places.index(int(tile)) * side, 0])
        pen.polygon([tuple(each) for each in at.tolist()], fill=tuple(colours[number].tolist()))
    image.save(path)


def main() -> Iterator[Row]:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--faces", type=int, default=20000)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--pictures", type=Path)
    options = parser.parse_args()
    makers: dict[str, Callable[[], Mesh]] = {name: lambda name=name: photo(name) for name in PHOTOS}
    makers |= {name: getattr(zoo, name) for name in ZOO} | {"chair": chair}
    makers |= {path.stem: lambda path=path: read(path) for path in options.files}
    gap = unwrap.gap(options.size) / options.size
    ways: dict[str, Callable[[bpy.types.Object], meshes.Floats]] = {}
    if packing.has_xatlas():
        for name, chosen in XATLAS.items():
            ways[f"xatlas {name}"] = lambda obj, chosen=chosen: xatlas_alone(obj, options.size, chosen)
    for name in METHODS:
        ways[name] = lambda obj, name=name: unwrapping.unwrapped(obj, name, lambda: None, gap=gap)
    ways["merged, 4 tiles"] = lambda obj: unwrapping.unwrapped(obj, "merged", lambda: None, gap=gap, tiles=4)
    print(
        "| mesh | faces | method | charts | stretch | overlap | thin | used | mirrored | CPU s |\n" + "|---" * 10 + "|"
    )
    for mesh, make in makers.items():
        if options.only and mesh not in options.only:
            continue
        with tempfile.TemporaryDirectory() as folder:
            points, faces = cleaned(make(), options.faces, Path(folder))
        found: dict[str, dict[str, float]] = {}
        for name, way in ways.items():
            bpy.ops.wm.read_factory_settings(use_empty=True)
            obj = bpy.data.objects.new(mesh, meshes.new_mesh(mesh, points, faces))
            bpy.context.scene.collection.objects.link(obj)
            began = time.process_time()
            uv = way(obj)
            seconds = time.process_time() - began
            m = layout.measure(obj.data, uv, size=options.size)
            found[name] = {"charts": m.charts, "stretch": m.stretch, "CPU": seconds}
            if options.pictures:
                options.pictures.mkdir(parents=True, exist_ok=True)
                picture(obj, uv, options.pictures / f"{mesh} {name}.png".replace("/", "-"))
            print(
                f"| {mesh} | {len(faces)} | {name} | {m.charts} | {m.stretch:.3f} | {m.overlap:.2%} | {m.thin:.2%} "
                f"| {m.used:.1%} | {m.flipped:.0%} | {seconds:.1f} |",
                flush=True,
            )
        theirs = found.get("xatlas as it comes", {})
        for what, value in theirs.items():
            unit = "s" if what == "CPU" else ""
            yield Row(f"{mesh}, {len(faces)} faces: {what}", found["merged"][what], value, unit, "xatlas as it comes")


if __name__ == "__main__":
    sys.exit(tell(main))
