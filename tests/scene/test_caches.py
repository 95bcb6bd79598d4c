# SPDX-License-Identifier: GPL-3.0-or-later
"""Deformation is kept inside the file and is the same at any frame, in any order, after saving."""

from __future__ import annotations

import bpy
import numpy as np

from galatea.addon.scene.lib.physics import caches

from . import moved


def test_shapes_come_back_from_any_frame_and_between_two(tmp_path):
    obj = moved.put("cloth", moved.sheet(1, 1, 6, 6))
    rest = moved.seen(obj, 1)
    rng = np.random.default_rng(0)
    shapes = np.array([rest + rng.normal(size=rest.shape) for _ in range(12)], np.float32)
    shapes[5] = shapes[4]
    assert caches.keep_shapes(obj, shapes) == 11  # what did not move is not kept twice
    for points, frame in zip(
        moved.replayed(obj, tmp_path / "a.blend", [9, 1, 6, 12, 30]), [9, 1, 6, 12, 12], strict=True
    ):
        assert np.abs(points - shapes[frame - 1]).max() < 1e-5
    bpy.context.scene.frame_set(7, subframe=0.5)
    again = bpy.data.objects["cloth"]
    graph = bpy.context.evaluated_depsgraph_get()
    between = np.array([v.co for v in again.evaluated_get(graph).to_mesh().vertices])
    assert np.abs(between - (shapes[6] + shapes[7]) / 2).max() < 1e-5


def test_meshes_of_other_topology_come_back_and_an_empty_one_too(tmp_path):
    obj = moved.put("water", moved.box((1, 1, 1)))
    obj.data.materials.append(bpy.data.materials.new("wet"))
    frames = []
    for number in range(8):
        points = np.random.default_rng(number).normal(size=(3 + number, 3))
        frames.append((points, np.array([[0, 1, 2]])))
    frames[3] = (np.zeros((0, 3)), np.zeros((0, 3), int))
    caches.keep_meshes(obj, frames)
    shown = [5, 1, 8, 4, 2, 40, 0]
    for points, frame in zip(moved.replayed(obj, tmp_path / "b.blend", shown), shown, strict=True):
        wanted = frames[min(max(frame, 1), 8) - 1][0]
        assert points.shape == wanted.shape
        assert not len(wanted) or np.abs(points - wanted).max() < 1e-5
    again = bpy.data.objects["water"]
    bpy.context.scene.frame_set(2)
    mesh = again.evaluated_get(bpy.context.evaluated_depsgraph_get()).to_mesh()
    assert [each.name for each in mesh.materials] == ["wet"]
    caches.forget(again)
    assert not again.modifiers and len(moved.seen(again, 2)) == 8
    assert len(bpy.data.meshes) == 1
