# SPDX-License-Identifier: GPL-3.0-or-later
"""Which unwrap is best: charts, stretch, overlap, use of the texture, time, on an organic mesh and a relief.

    python benchmarks/unwrap.py [--faces 20000] [--size 1024]

Needs the `bpy` wheel; the meshes are made here, so the figures can be had again anywhere.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import bpy
import numpy as np

from galatea.addon.scene import unwrap
from galatea.addon.scene.lib import meshes, unwrapping

N = 260
"""Cells along one edge of the grids that the meshes are made from."""


def organic() -> bpy.types.Object:
    """A ball with limbs and bumps, as a model that makes a mesh from an isosurface gives it."""
    bpy.ops.mesh.primitive_ico_sphere_add(subdivisions=7, radius=1)
    obj = bpy.context.active_object
    d = meshes.vertices_of(obj.data).astype(np.float64)
    radius = np.ones(len(d))
    for towards, height, width in (((0, -1, 0.4), 0.5, 0.02), ((1, 0, 0.1), 0.9, 0.01), ((-1, 0, -0.6), 0.8, 0.02)):
        radius += height * np.exp((d @ (np.array(towards) / np.linalg.norm(towards)) - 1) / width)
    radius += 0.03 * np.sin(14 * d[:, 0] + 3) * np.sin(17 * d[:, 2]) * np.cos(11 * d[:, 1])
    obj.data.vertices.foreach_set("co", (d * radius[:, None] * [0.25, 0.2, 0.5]).astype(np.float32).ravel())
    obj.data.update()
    return obj


def relief() -> bpy.types.Object:
    """A closed relief: a round front with fine detail, a flatter back, and an outline with a sharp rim."""
    bpy.ops.mesh.primitive_ico_sphere_add(subdivisions=7, radius=1)
    obj = bpy.context.active_object
    d = meshes.vertices_of(obj.data).astype(np.float64)
    around = np.arctan2(d[:, 2], d[:, 0])
    outline = 1 + 0.2 * np.sin(3 * around) + 0.1 * np.sin(7 * around + 1)
    flat = np.hypot(d[:, 0], d[:, 2]) ** 0.6
    x, z = np.cos(around) * flat * outline * 0.4, np.sin(around) * flat * outline * 0.5
    detail = 0.012 * np.sin(40 * x) * np.sin(35 * z) * (d[:, 1] < 0)
    depth = np.where(d[:, 1] < 0, 0.25, 0.1) * np.sign(d[:, 1]) * np.abs(d[:, 1]) ** 0.8
    obj.data.vertices.foreach_set("co", np.stack([x, depth - detail, z], axis=1).astype(np.float32).ravel())
    obj.data.update()
    return obj


def simplified(obj: bpy.types.Object, faces: int) -> bpy.types.Object:
    modifier = obj.modifiers.new("Simplify", "DECIMATE")
    modifier.ratio, modifier.use_collapse_triangulate = faces / len(obj.data.polygons), True
    graph = bpy.context.evaluated_depsgraph_get()
    mesh = bpy.data.meshes.new_from_object(obj.evaluated_get(graph))
    obj.modifiers.remove(modifier)
    obj.data = mesh
    while mesh.uv_layers:
        mesh.uv_layers.remove(mesh.uv_layers[0])
    return obj


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=20000)
    parser.add_argument("--size", type=int, default=1024)
    options = parser.parse_args()
    fit = {"size": options.size, "padding": unwrap.gap(options.size)}
    methods: dict[str, Callable[[bpy.types.Object], meshes.Floats]] = {
        "xatlas": lambda obj: unwrapping.by_xatlas(obj.data, **fit),
        "smart 66": lambda obj: unwrapping.by_smart(obj, **fit),
        "smart 80": lambda obj: unwrapping.by_smart(obj, angle=80, **fit),
        "smart + angle based": lambda obj: unwrapping.by_seams(obj, **fit),
        "smart + minimum stretch": lambda obj: unwrapping.by_seams(obj, method="MINIMUM_STRETCH", **fit),
    }
    print(
        "| mesh | method | charts | stretch | overlap | used | flipped | s | CPU s |\n"
        "|---|---|---|---|---|---|---|---|---|"
    )
    for make in (organic, relief):
        for name, method in methods.items():
            bpy.ops.wm.read_factory_settings(use_empty=True)
            obj = simplified(make(), options.faces)
            clock, work = time.perf_counter(), time.process_time()
            uv = method(obj)
            seconds, work = time.perf_counter() - clock, time.process_time() - work
            m = unwrapping.measure(obj.data, uv, size=options.size)
            print(
                f"| {make.__name__} | {name} | {m.charts} | {m.stretch:.3f} | {m.overlap:.2%} | {m.used:.1%} "
                f"| {m.flipped:.2%} | {seconds:.2f} | {work:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
