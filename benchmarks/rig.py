# SPDX-License-Identifier: GPL-3.0-or-later
"""How far the joints that the step `skeleton` finds are from true ones, and what it takes a body for.

    python benchmarks/rig.py [--zeroad FILE.zip|FOLDER] [--things FOLDER] [--count 40]

People: rigged bodies with their rig stripped (`tests/scene/fixtures`), per cent of their height. `--zeroad`: 0 A.D.'s
`public.zip` (Debian's 0ad-data, CC-BY-SA-3.0, not ours to ship) or a folder of its `.pmd`: their skeletons have names
of their own, so that each joint of a leg is measured to the nearest true joint. `--things`: meshes as `.npz` with
vertices and faces, of which the kinds are counted. What is not given is left out.
"""

from __future__ import annotations

import argparse
import json
import struct
import sys
import time
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from galatea.addon.scene.lib.rig import finding
from galatea.benchmarks._rows import Row, tell

FIXTURES = Path(__file__).resolve().parent.parent / "tests" / "scene" / "fixtures"
PEOPLE = {
    "hip": "thigh", "knee": "shin", "ankle": "foot", "shoulder": "upper_arm", "elbow": "forearm", "wrist": "hand",
}  # fmt: skip
LEGS = ("thigh", "shin", "foot", "toe", "front_thigh", "front_shin", "front_foot", "front_toe")
ANIMALS = (
    "horse", "horse_barb", "horse_breed", "horse_marwari", "elephant_african_bush", "elephant_asian_male",
    "fauna_hippopotamus", "giraffe", "lion", "lioness", "tiger", "wolf", "camel", "deer_mesh", "zebra", "rhino", "goat",
    "sheep", "bear", "cow", "bull", "muskox", "wildebeest", "pony", "donkey", "fox", "mastiff", "boar", "pig",
)  # fmt: skip


def found_in(points: Any, faces: Any, kind: str = "auto") -> tuple[finding.Found, float]:
    begin = time.process_time()
    found = finding.find(np.asarray(points, float), faces, kind, 5, "auto", lambda: None)
    return found, time.process_time() - begin


def people() -> dict[str, Any]:
    off: dict[str, list[float]] = defaultdict(list)
    for path in sorted(FIXTURES.glob("anny_*.npz")):
        with np.load(path, allow_pickle=False) as data:
            points, faces = data["vertices"].astype(float), data["faces"].astype(np.int32)
            true = dict(zip(data["names"].tolist(), data["joints"].astype(float), strict=True))
        found, seconds = found_in(points, faces)
        off["cpu_seconds"].append(seconds)
        for name, at in true.items():
            joint, _, side = name.partition(".")
            if joint in PEOPLE and found.skeleton.kind == "biped":
                head = found.skeleton[f"{PEOPLE[joint]}.{side}"].head
                off[joint].append(100 * float(np.linalg.norm(head - at)) / float(np.ptp(points[:, 2])))
    return {name: {"mean": round(float(np.mean(v)), 2), "max": round(max(v), 2)} for name, v in off.items()}


def pmd(data: bytes) -> tuple[Any, Any, Any]:
    """Vertices (V, 3), faces (F, 3) and joints (J, 3), Z up, of a mesh of 0 A.D.; ValueError where it has no bones."""
    version, _, count = struct.unpack_from("<III", data, 4)
    at, maps = 16, 1
    if data[:4] != b"PSMD" or version not in (2, 3, 4):
        raise ValueError("this is no PMD")
    if version >= 4:
        (maps,) = struct.unpack_from("<I", data, at)
        at += 4
    wide = 4 * (6 + 2 * maps) + 4 + 16
    rows = np.frombuffer(data, np.uint8, count * wide, at).reshape(count, wide)
    points = np.ascontiguousarray(rows[:, :12]).view("<f4").astype(float)
    at += count * wide
    (triangles,) = struct.unpack_from("<I", data, at)
    faces = np.frombuffer(data, "<u2", triangles * 3, at + 4).reshape(-1, 3).astype(np.int32)
    at += 4 + 6 * triangles
    (bones,) = struct.unpack_from("<I", data, at)
    if not bones:
        raise ValueError("there are no bones")
    joints = np.frombuffer(data, "<f4", 7 * bones, at + 4).reshape(-1, 7)[:, :3].astype(float)
    return points[:, [0, 2, 1]], faces, joints[:, [0, 2, 1]]


def files(source: Path) -> Iterator[tuple[str, bytes]]:
    if source.is_dir():
        for path in sorted(source.rglob("*.pmd")):
            yield path.name.partition(".")[0], path.read_bytes()
        return
    with zipfile.ZipFile(source) as archive:
        for name in sorted(archive.namelist()):
            if "/skeletal/" in name and name.endswith(".pmd"):
                yield Path(name).name.partition(".")[0], archive.read(name)


def animals(source: Path) -> dict[str, Any]:
    off: dict[str, list[float]] = defaultdict(list)
    kinds: Counter[str] = Counter()
    seconds: list[float] = []
    for name, data in files(source):
        if name.removeprefix("fauna_") not in {animal.removeprefix("fauna_") for animal in ANIMALS}:
            continue
        try:
            points, faces, joints = pmd(data)
        except (ValueError, struct.error):
            continue
        floor = points[:, 2].min()
        points[:, 2] -= floor
        joints[:, 2] -= floor
        found, spent = found_in(points, faces)
        seconds.append(spent)
        kinds[found.skeleton.kind] += 1
        if found.skeleton.kind != "quadruped":
            continue
        high = float(np.ptp(points[:, 2]))
        for bone in LEGS:
            for side in "LR":
                away = np.linalg.norm(joints - found.skeleton[f"{bone}.{side}"].head, axis=1).min()
                off[bone].append(100 * float(away) / high)
    table = {name: {"mean": round(float(np.mean(v)), 2), "max": round(max(v), 2)} for name, v in off.items()}
    return {"kinds": dict(kinds), "cpu_seconds": round(float(np.mean(seconds or [0])), 2), "to_nearest_joint": table}


def things(folder: Path, count: int) -> dict[str, Any]:
    kinds: dict[str, list[str]] = defaultdict(list)
    every = sorted(folder.rglob("*.npz"))
    for path in every[:: max(1, len(every) // count)]:
        with np.load(path, allow_pickle=False) as data:
            points, faces = data["vertices"].astype(float), data["faces"].astype(np.int32)
        points[:, 2] -= points[:, 2].min()
        kinds[found_in(points, faces)[0].skeleton.kind].append(path.stem)
    return dict(kinds)


def main() -> Iterator[Row]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zeroad", type=Path)
    parser.add_argument("--things", type=Path)
    parser.add_argument("--count", type=int, default=40)
    asked = parser.parse_args()
    for name, off in people().items():
        unit = "s" if name == "cpu_seconds" else "% of the height"
        yield Row(f"people, {name}: mean", off["mean"], None, unit)
        yield Row(f"people, {name}: most", off["max"], None, unit)
    for name, source in (("zeroad", asked.zeroad), ("things", asked.things)):
        if source and not source.exists():
            print(f"{source} is not there, {name} is left out")
        elif source:
            print(json.dumps({name: animals(source) if name == "zeroad" else things(source, asked.count)}, indent=1))


if __name__ == "__main__":
    sys.exit(tell(main))
