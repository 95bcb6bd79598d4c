# SPDX-License-Identifier: GPL-3.0-or-later
"""Cloth, soft bodies and liquids through the whole way."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from galatea.addon.scene.lib.physics import recording, skinning, soft
from galatea.addon.scene.lib.physics.draping import area
from galatea.addon.scene.lib.physics.enclosing import Solid

from ._physics_stand import Array, Film, Found, G, film


def shapes(done: Film, obj: bpy.types.Object, frames: list[int]) -> list[tuple[Array, Array]]:
    """World points (V, 3) and triangles (T, 3) of an object at frames."""
    found = []
    for frame in frames:
        done.scene.frame_set(frame)
        graph = bpy.context.evaluated_depsgraph_get()
        seen = obj.evaluated_get(graph)
        mesh = seen.to_mesh()
        mesh.calc_loop_triangles()
        points, faces = np.empty(3 * len(mesh.vertices)), np.empty(3 * len(mesh.loop_triangles), np.int32)
        mesh.vertices.foreach_get("co", points)
        mesh.loop_triangles.foreach_get("vertices", faces)
        found.append((recording.in_world(points.reshape(-1, 3), np.array(seen.matrix_world)), faces.reshape(-1, 3)))
        seen.to_mesh_clear()
    return found


def _areas(looks: list[tuple[Array, Array]]) -> Array:
    """By the triangles of the first: a folded quad has two areas, by either diagonal."""
    faces = looks[0][1]
    return np.array([float(area(points[None], faces)[0]) for points, _ in looks])


def _changed(what: str, looks: list[tuple[Array, Array]]) -> Found:
    areas = _areas(looks)
    worst = areas[np.abs(areas / areas[0] - 1).argmax()]
    return Found(f"{what}, area", "Blender's cloth", "as at first", float(areas[0]), float(worst), "m²", 0.03)


def cloth_falls(substance: str = "cotton") -> Found:
    cloth = {"name": "cloth", "type": "cloth", "material": {"name": substance}, "position": [0, 0, 3]}
    done = film("blender", [cloth], 0.5)
    (first, _), (last, _) = shapes(done, done.things("cloth")[0].main, [1, 10])
    wanted, got = G * (9 / 24) ** 2 / 2, float((first - last)[:, 2].mean())
    return Found(f"cloth of {substance} falls for 0.375 s", "Blender's cloth", "g t² / 2", wanted, got, "m", 0.05)


def drape(over: str = "chair", substance: str = "cotton", seconds: float = 1.0) -> list[Found]:
    """A cloth over something: its area, and how many of its vertices are inside of that in any frame."""
    lies = {"kind": "over", "target": over}
    objects: list[dict[str, Any]] = [
        {"name": over, "type": "passive"},
        {"name": "cloth", "type": "cloth", "material": {"name": substance}, "relation": lies},
    ]
    if over == "ball":
        objects[0] |= {"dimensions": [0.6, 0.6, 0.6]}
    done = film("blender", objects, seconds)
    looks = shapes(done, done.things("cloth")[0].main, list(range(1, done.last + 1)))
    inside = 0
    done.scene.frame_set(1)
    for part in done.things(over)[0].parts:
        solid = Solid.of(part)
        if solid:
            turn, shift = np.array(part.matrix_world)[:3, :3], np.array(part.matrix_world)[:3, 3]
            inside = max(
                [inside, *(len(solid.inside((points - shift) @ np.linalg.inv(turn).T)) for points, _ in looks)]
            )
    what = f"{substance} over a {over}"
    hit = Found(f"{what}, vertices inside", "Blender's cloth", "none", 0.0, inside, "vertices", 0.0)
    return [_changed(what, looks), hit]


def hang(substance: str = "cotton", seconds: float = 0.5) -> list[Found]:
    """By its top: that stays where it is, and the bottom hangs no lower than the cloth is long."""
    curtain = {"name": "curtain", "type": "cloth", "material": {"name": substance}, "position": [0, 0, 0.5],
               "dimensions": [1.0, 0.1, 1.0]}  # fmt: skip
    done = film("blender", [curtain], seconds)
    looks = shapes(done, done.things("curtain")[0].main, [1, done.last // 2, done.last])
    first, last = looks[0][0], looks[-1][0]
    top = first[:, 2] > first[:, 2].max() - 0.01
    away = float(np.linalg.norm(last[top] - first[top], axis=1).max())
    tall = float(np.ptp(first[:, 2]))
    solver, what = "Blender's cloth", f"curtain of {substance}"
    return [
        _changed(what, looks),
        Found(f"{what}, its rail", solver, "stays", 0.0, away, "m", 0.01),
        Found(f"{what}, its length", solver, "as at first", tall, float(np.ptp(last[:, 2])), "m", 0.03),
    ]


def jelly(seconds: float = 2.0) -> list[Found]:
    done = film("blender", [{"name": "jelly", "type": "soft_body", "position": [0, 0, 0.5]}], seconds)
    looks = shapes(done, done.things("jelly")[0].main, list(range(1, done.last + 1)))
    volumes = np.array([float(soft.volume(points[None], faces)[0]) for points, faces in looks])
    fallen = float((looks[0][0] - looks[5][0])[:, 2].mean())
    solver, first = "our lattice", float(volumes[0])
    worst = float(volumes[np.abs(volumes / first - 1).argmax()])
    return [
        Found("jelly falls for 0.208 s", solver, "g t² / 2", G * (5 / 24) ** 2 / 2, fallen, "m", 0.05),
        Found("jelly at rest, volume", solver, "as at first", first, float(volumes[-1]), "m³", 0.05),
        Found("jelly at impact, volume in any frame", solver, "as at first", first, worst, "m³", 0.05),
    ]


def _swing(way: list[float], seconds: float) -> tuple[float, float, float, float]:
    """Seconds of the slowest swing of a bar that is held by its top and struck along `way` in weightlessness, with its
    length and thickness in metres and the speed √(E / ρ)."""
    slow, young, density = 8.0 / seconds, 2e4, 200.0
    bar = {"name": "crate", "type": "soft_body", "shape": "box", "dimensions": [0.1, 0.1, 0.5], "position": [0, 0, 1],
           "pinned": "top", "initial_velocity": way, "material": {"young_modulus": young, "density": density,
           "poisson_ratio": 0.1, "restitution": 0.95}}  # fmt: skip
    none = {"gravity": [0, 0, 0], "floor": False}
    done = film("blender", [bar], seconds, slow=slow, environment=none)
    looks = shapes(done, done.things("crate")[0].main, list(range(1, done.last + 1)))
    first = looks[0][0]
    end, axis = first[:, 2] < first[:, 2].min() + 0.01, int(np.argmax(np.abs(way)))
    track = np.array([points[end, axis].mean() for points, _ in looks])
    track = track - track[0]
    over = np.flatnonzero((track[:-1] > 0) != (track[1:] > 0))
    crossed = over + track[over] / (track[over] - track[over + 1])
    long, thick = float(np.ptp(first[:, 2])), float(np.ptp(first[:, 0]))
    return 2 * float(np.diff(crossed[1:]).mean()) / (24 * slow), long, thick, float(np.sqrt(young / density))


def along() -> Found:
    """The time of a bar's swing along itself."""
    got, long, _, sound = _swing([0, 0, -0.4], 1.0)
    return Found("bar of 0.5 m swings along itself", "our lattice", "4 l √(ρ / E)", 4 * long / sound, got, "s", 0.05)


def bends() -> Found:
    """The time of a bar's swing across itself."""
    got, long, thick, sound = _swing([0.1, 0, 0], 4.0)
    wanted = 2 * np.pi * long**2 * np.sqrt(12) / (1.8751**2 * thick * sound)
    return Found("bar of 0.5 m bends", "our lattice", "2 π l² √(ρ A / E I) / 1.875²", float(wanted), got, "s", 0.1)


def block(seconds: float = 1.2) -> list[Found]:
    """Water that falls and runs apart."""
    water = {"name": "water", "type": "fluid", "dimensions": [0.3, 0.3, 0.3], "position": [0, 0, 0.5]}
    done = film("blender", [water], seconds)
    looks = shapes(done, done.things("water")[0].main, list(range(1, done.last + 1, 4)))
    volumes = np.array([skinning.enclosed(points, faces) for points, faces in looks])
    worst = float(volumes[np.abs(volumes / 0.027 - 1).argmax()])
    fallen = float((looks[0][0][:, 2].mean()) - shapes(done, done.things("water")[0].main, [6])[0][0][:, 2].mean())
    solver = "our FLIP"
    return [
        Found("block of water falls for 0.208 s", solver, "g t² / 2", G * (5 / 24) ** 2 / 2, fallen, "m", 0.05),
        Found("block of water, volume in any frame", solver, "as at first", 0.027, worst, "m³", 0.05),
    ]


def poured(flow: float = 1.5) -> Found:
    """Into a bowl for a second."""
    objects = [
        {"name": "bowl", "type": "passive", "dimensions": [0.4, 0.4, 0.2], "position": [0, 0, 0]},
        {"name": "water", "type": "fluid", "flow": flow, "dimensions": [0.05, 0.05, 0.05], "position": [0, 0, 0.3]},
    ]
    stop = {"kind": "stop", "target": "water", "time": 1.0}
    done = film("blender", objects, 1.6, events=[stop])
    ((points, faces),) = shapes(done, done.things("water")[0].main, [done.last])
    got = skinning.enclosed(points, faces)
    return Found(f"{flow:g} l/s poured into a bowl for 1 s", "our FLIP", "flow × time", flow / 1000, got, "m³", 0.05)
