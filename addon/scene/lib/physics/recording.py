# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's own solvers watched frame by frame: what deforms, and where that stands which it touches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
TIME = 31.6228
"""Blender's cloth and soft bodies fall 9.81 mm in the first frame squared, at any frame rate: as if a frame were
1/31.62 s. A time scale of this times the seconds of a frame makes them fall as things do (measured: 1.5 %)."""


@dataclass(frozen=True)
class Tape:
    """`shapes` (F, V, 3) of each object in its own frame at the start; `places` (F, 4, 4) of what was watched."""

    shapes: dict[str, Array]
    places: dict[str, Array]


def record(
    deforming: Sequence[bpy.types.Object],
    watched: Sequence[bpy.types.Object],
    last: int,
    beat: Callable[[float], None],
) -> Tape:
    """Run all from frame 1 to `last`, one after the other, which is how the solvers want it."""
    scene = bpy.context.scene
    shapes: dict[str, list[Array]] = {obj.name: [] for obj in deforming}
    places: dict[str, list[Array]] = {obj.name: [] for obj in watched}
    for frame in range(1, last + 1):
        scene.frame_set(frame)
        graph = bpy.context.evaluated_depsgraph_get()
        for obj in deforming:
            shapes[obj.name].append(points_of(obj, graph))
        for obj in watched:
            places[obj.name].append(np.array(obj.evaluated_get(graph).matrix_world))
        beat(frame / last)
    scene.frame_set(1)
    return Tape({k: np.stack(v) for k, v in shapes.items()}, {k: np.stack(v) for k, v in places.items()})


def points_of(obj: bpy.types.Object, graph: bpy.types.Depsgraph) -> Array:
    """Vertices (V, 3) in the object's frame, as modifiers leave them."""
    shape = obj.evaluated_get(graph)
    mesh = shape.to_mesh()
    flat = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", flat)
    shape.to_mesh_clear()
    return flat.reshape(-1, 3)


def in_world(points: Array, place: Any) -> Array:
    matrix = np.array(place)
    out: Array = points @ matrix[:3, :3].T + matrix[:3, 3]
    return out
