# SPDX-License-Identifier: GPL-3.0-or-later
"""Which library takes faces away best: error, outline, normals, count, soundness, time and memory at equal faces.

    pip install -r requirements-bench.txt
    python benchmarks/simplify.py [MESH.npz …] [--faces 10000] [--cut]

Meshes are `mesh.npz` files of any backend (`galatea run photo_to_mesh --until lift` leaves one in its job); without
one a body with fine noise is made here, of 200,000 and 1,500,000 faces. `--cut` takes away the upper third of each, so
that it has a rim to keep. Each way has a process of its own; what is not installed is left out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from galatea.backend.geometry import condition, exchange, raster
from galatea.backend.geometry.marching import isosurface
from galatea.benchmarks._rows import Row, tell

Mesh = tuple[Any, Any]
SAMPLES, SIDE = 20000, 512
"""Places on each surface, and pixels of the pictures that the outlines are compared in."""


def body(faces: int) -> Mesh:
    """Balls that run into one another, with fine noise, as an isosurface of about so many faces."""
    count = round((faces / 2.1) ** 0.5)
    axis = np.linspace(-1.1, 1.1, count, dtype=np.float32)
    x, y, z = np.meshgrid(axis, axis, axis, indexing="ij", sparse=True)
    field = np.zeros((count,) * 3, np.float32)
    for px, py, pz, size in ((0, 0, -0.2, 0.55), (0, -0.3, 0.45, 0.33), (0.55, 0, 0, 0.2), (-0.4, 0.3, -0.6, 0.25)):
        field += np.exp(-((x - px) ** 2 + (y - py) ** 2 + (z - pz) ** 2) / (0.4 * size**2))
    field += 0.03 * np.sin(40 * x) * np.sin(37 * y) * np.sin(43 * z)
    points, triangles = isosurface(field, 0.3)
    return points / np.float32(count), triangles


def cut(mesh: Mesh) -> Mesh:
    points, faces = mesh
    height = points[:, 2]
    keep = points[faces][..., 2].max(axis=1) < height.min() + 2 / 3 * np.ptp(height)
    used, faces = np.unique(faces[keep], return_inverse=True)
    return points[used], faces.reshape(-1, 3).astype(np.int32)


def by_fast_simplification(mesh: Mesh, count: int, agg: float = 7.0) -> Mesh:
    import fast_simplification

    points, faces = fast_simplification.simplify(mesh[0], mesh[1], target_count=count, agg=agg)
    return points, faces


def by_fqmr(mesh: Mesh, count: int) -> Mesh:
    import pyfqmr

    work = pyfqmr.Simplify()
    work.setMesh(mesh[0].astype(np.float64), mesh[1])
    work.simplify_mesh(target_count=count, aggressiveness=3, preserve_border=True, verbose=False)
    points, faces, _ = work.getMesh()
    return points, faces


def by_meshoptimizer(mesh: Mesh, count: int) -> Mesh:
    import meshoptimizer

    points, index = mesh[0].astype(np.float32), mesh[1].reshape(-1).astype(np.uint32)
    out = np.zeros_like(index)
    used = meshoptimizer.simplify(out, index, points, target_index_count=3 * count, target_error=1e9, options=1)
    kept, faces = np.unique(out[:used], return_inverse=True)
    return points[kept], faces.reshape(-1, 3).astype(np.int32)


def by_decimate(mesh: Mesh, count: int) -> Mesh:
    return _blender(mesh, count, quick=False)


def by_both(mesh: Mesh, count: int) -> Mesh:
    """As `clean` does it: the quick one to some times the budget, mended, Decimate for the rest."""
    return _blender(mesh, count, quick=True)


def _blender(mesh: Mesh, count: int, quick: bool) -> Mesh:
    import bpy

    from galatea.addon.scene.lib.mesh import levels, meshes, repair

    bpy.ops.wm.read_factory_settings(use_empty=True)
    made = meshes.new_mesh("fine", mesh[0].astype(np.float32), mesh[1].astype(np.int32))
    fewer = levels.thinned(made, count) if quick else None
    made = levels.reduced(repair.repaired(fewer, repair.Want(floaters=1e-3))[0] if fewer else made, count)
    return meshes.vertices_of(made), meshes.triangles_of(made)


WAYS: dict[str, tuple[str, Callable[[Mesh, int], Mesh]]] = {
    "Blender Decimate": ("bpy", by_decimate),
    "fast-simplification, agg 7": ("fast_simplification", by_fast_simplification),
    "fast-simplification, agg 3": ("fast_simplification", lambda mesh, count: by_fast_simplification(mesh, count, 3)),
    "both, as clean does it": ("fast_simplification", by_both),
    "pyfqmr, agg 3, border kept": ("pyfqmr", by_fqmr),
    "meshoptimizer, border locked": ("meshoptimizer", by_meshoptimizer),
}


class Judge:
    """Holds a mesh against the one that it was made of."""

    def __init__(self, mesh: Mesh) -> None:
        self.fine, self.size = mesh, float(np.linalg.norm(np.ptp(mesh[0], axis=0)))
        self.rim = rim(mesh)

    def figures(self, mesh: Mesh) -> dict[str, Any]:
        away, agree = zip(*(between(a, b) for a, b in ((self.fine, mesh), (mesh, self.fine))), strict=True)
        distance = 100 * np.concatenate(away) / self.size
        found = condition.condition(*mesh)
        bad = found["nonmanifold_edges"] + found["nonmanifold_vertices"] + found["flipped_edges"] + found["degenerate"]
        edge = 100 * rim_apart(self.rim, rim(mesh)) / self.size if len(self.rim) else None
        return {
            "faces": len(mesh[1]),
            "mean": float(distance.mean()),
            "most": float(np.percentile(distance, 99.5)),
            "outline": outlines(self.fine, mesh),
            "normals": float(np.mean(np.concatenate(agree))),
            "closed": found["watertight"],
            "bad": bad,
            "slivers": found["slivers"],
            "rim": edge,
        }


def between(one: Mesh, other: Mesh) -> tuple[Any, Any]:
    """From places on one to the other: distances, and cosines between the normals."""
    import bpy  # noqa: F401 - mathutils comes with it
    from mathutils.bvhtree import BVHTree

    face, share = exchange.on_surface(one[0], one[1], SAMPLES, 1)
    places = np.einsum("nk,nkd->nd", share, one[0][one[1][face]])
    mine, its = face_normals(one), face_normals(other)
    tree = BVHTree.FromPolygons(other[0].tolist(), other[1].tolist(), all_triangles=True)
    found = [tree.find_nearest(place) for place in places.tolist()]
    near = np.array([each[2] for each in found])
    return np.array([each[3] for each in found]), (mine[face] * its[near]).sum(axis=1)


def face_normals(mesh: Mesh) -> Any:
    corner = np.asarray(mesh[0], np.float64)[mesh[1]]
    normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    return normal / np.maximum(np.linalg.norm(normal, axis=1), 1e-30)[:, None]


def outlines(one: Mesh, other: Mesh) -> float:
    """Mean IoU of the outlines from eight sides."""
    low, scale = one[0].min(axis=0), 0.7 * SIDE / float(np.linalg.norm(np.ptp(one[0], axis=0)))
    scores = []
    for turn in range(8):
        angle, tilt = np.pi * turn / 4, np.radians(20)
        right = np.array([np.cos(angle), np.sin(angle), 0])
        up = np.array([-np.sin(angle) * np.sin(tilt), np.cos(angle) * np.sin(tilt), np.cos(tilt)])
        middle = low + np.ptp(one[0], axis=0) / 2
        seen = [
            raster.outline((points - middle) @ np.stack([right, up], axis=1) * scale + SIDE / 2, faces, SIDE)
            for points, faces in (one, other)
        ]
        scores.append((seen[0] & seen[1]).sum() / (seen[0] | seen[1]).sum())
    return float(np.mean(scores))


def rim(mesh: Mesh) -> Any:
    """The edges (E, 2, 3) with one face."""
    side = np.sort(np.concatenate([mesh[1][:, [0, 1]], mesh[1][:, [1, 2]], mesh[1][:, [2, 0]]]), axis=1)
    edges, uses = np.unique(side, axis=0, return_counts=True)
    return np.asarray(mesh[0])[edges[uses == 1]]


def rim_apart(old: Any, new: Any) -> float:
    """The longest way from the old rim's points to the new rim."""
    if not len(new):
        return float("inf")
    start, way = new[:, 0], new[:, 1] - new[:, 0]
    length = np.maximum((way**2).sum(axis=1), 1e-30)
    far = 0.0
    for place in old[:, 0]:
        at = np.clip(((place - start) * way).sum(axis=1) / length, 0, 1)
        far = max(far, float(np.linalg.norm(start + at[:, None] * way - place, axis=1).min()))
    return far


def peak() -> int:
    """The most memory that this process has had, in KB; 0 where the system does not tell."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.is_file() else []
    return int(next((line.split()[1] for line in lines if line.startswith("VmHWM")), 0))


def child(name: str, source: Path, count: int, out: Path) -> None:
    with np.load(source) as data:
        mesh = np.ascontiguousarray(data["vertices"], np.float32), np.ascontiguousarray(data["faces"], np.int32)
    before = peak()
    clock, work = time.perf_counter(), time.process_time()
    points, faces = WAYS[name][1](mesh, count)
    seconds, work = time.perf_counter() - clock, time.process_time() - work
    memory = (peak() - before) / 1024
    np.savez(out, vertices=points, faces=faces, told=json.dumps({"s": seconds, "cpu": work, "mb": memory}))


def main() -> Iterator[Row]:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("meshes", nargs="*", type=Path)
    parser.add_argument("--faces", type=int, default=10000)
    parser.add_argument("--cut", action="store_true")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child[0], options.meshes[0], options.faces, Path(options.child[1]))
        return
    print(
        "| mesh | way | faces | mean % | 99.5 % | outline IoU | normals | closed | bad | slivers | rim % | CPU s | MB |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for source in options.meshes or (200_000, 1_500_000):
            yield from compare(source, options.faces, options.cut, Path(folder))


def compare(source: Path | int, count: int, shorten: bool, folder: Path) -> Iterator[Row]:
    if isinstance(source, int):
        mesh = body(source)
    else:
        with np.load(source) as data:
            mesh = data["vertices"], data["faces"]
    mesh = cut(mesh) if shorten else mesh
    np.savez(folder / "fine.npz", vertices=mesh[0], faces=mesh[1])
    judge, found = Judge(mesh), dict[str, dict[str, float]]()
    label = f"{'body' if isinstance(source, int) else source.stem} {len(mesh[1])}"
    for name, (module, _) in WAYS.items():
        if find_spec(module) is None:
            continue
        out = folder / "out.npz"
        command = [sys.executable, __file__, str(folder / "fine.npz"), "--faces", str(count), "--child", name, str(out)]
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode:
            print(f"| {label} | {name} | failed: {(run.stderr.strip().splitlines() or [''])[-1]} |", flush=True)
            continue
        with np.load(out) as data:
            told, made = json.loads(str(data["told"])), (np.asarray(data["vertices"], np.float32), data["faces"])
        m = judge.figures((made[0], made[1].astype(np.int32)))
        found[name] = {"CPU": told["cpu"], "mean distance": m["mean"]}
        edge = "" if m["rim"] is None else f"{m['rim']:.3f}"
        print(
            f"| {label} | {name} | {m['faces']} | {m['mean']:.4f} | {m['most']:.4f} | {m['outline']:.4f} "
            f"| {m['normals']:.4f} | {'yes' if m['closed'] else 'no'} | {m['bad']} | {m['slivers']:.2%} | {edge} "
            f"| {told['cpu']:.2f} | {told['mb']:.0f} |",
            flush=True,
        )
    ours, theirs = found.get("both, as clean does it", {}), found.get("Blender Decimate", {})
    for what, unit in (("CPU", "s"), ("mean distance", "% of the diagonal")):
        if ours and theirs:
            yield Row(f"{label} faces to {count}, {what}", ours[what], theirs[what], unit, "Decimate")


if __name__ == "__main__":
    sys.exit(tell(main))
