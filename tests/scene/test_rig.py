# SPDX-License-Identifier: GPL-3.0-or-later
"""The rig: bones inside the body, every vertex bound, the body unchanged until somebody poses it."""

from __future__ import annotations

import itertools

import bmesh
import bpy
import numpy as np
import pytest
from mathutils import Matrix

from galatea.addon.scene import rig
from galatea.addon.scene.lib.motion import animation
from galatea.addon.scene.lib.rig import spine, weights


@pytest.fixture
def body(run, figure):
    run("bring", {"mesh": figure.mesh, "albedo": figure.albedo})
    return lambda: next(obj for obj in bpy.context.scene.objects if obj.get("galatea_role") == "body")


def evaluated(obj):
    bpy.context.view_layer.update()
    return animation.points_at(obj, bpy.context.evaluated_depsgraph_get())


@pytest.mark.parametrize("kind", ["heat", "nearest"])
@pytest.mark.parametrize("bones", [1, 5, 12])
def test_every_vertex_is_bound_and_its_weights_sum_to_one(run, body, kind, bones):
    done = run("rig", bones=bones, weights=kind)
    table = rig.read_weights(body(), rig.deforming(done.work.object("armature")))
    assert table.shape[1] == bones
    assert np.allclose(table.sum(axis=1), 1.0, atol=1e-4)
    assert (table > 0).sum(axis=1).max() <= 4
    assert done.metrics["unweighted_after"] == 0
    assert (table.max(axis=0) > 0.25).all(), "a bone moves nothing"


def test_the_chain_is_connected_and_as_long_as_the_body(run, body, figure):
    done = run("rig", bones=6)
    bones = [b for b in done.work.object("armature").data.bones if b.use_deform]
    assert len(bones) == 6 and done.metrics["upright"]
    for a, b in itertools.pairwise(bones):
        assert b.parent == a and (b.head_local - a.tail_local).length < 1e-5
    assert 0.8 * figure.size[2] < done.metrics["chain_length_m"] < 1.6 * figure.size[2]
    assert bones[0].head_local.z == pytest.approx(0.0, abs=1e-5)


def test_binding_changes_no_shape_and_posing_does(run, body):
    before = evaluated(body())
    done = run("rig")
    assert np.abs(evaluated(body()) - before).max() < 1e-5
    tip = done.work.object("armature").pose.bones["spine.005"]
    tip.rotation_quaternion = (0.9, 0.0, 0.0, 0.436)
    moved = np.linalg.norm(evaluated(body()) - before, axis=1)
    assert moved.max() > 0.05
    assert moved[before[:, 2] < 0.1].max() < 0.01


def test_loose_parts_that_heat_cannot_reach_are_bound_all_the_same(run, body):
    mesh = body().data
    edit = bmesh.new()
    edit.from_mesh(mesh)
    bmesh.ops.create_cube(edit, size=0.05)
    for vertex in list(edit.verts)[-8:]:
        vertex.co.x += 0.6
    edit.verts.new((0.0, 0.5, 0.5))
    edit.to_mesh(mesh)
    edit.free()
    done = run("rig")
    table = rig.read_weights(body(), rig.deforming(done.work.object("armature")))
    assert np.allclose(table.sum(axis=1), 1.0, atol=1e-4)
    assert done.metrics["unweighted_after"] == 0


def test_a_second_rig_replaces_the_first(run, body):
    run("rig", bones=3)
    done = run("rig", bones=4)
    assert len(list(done.work.objects("armature"))) == 1
    assert len([m for m in body().modifiers if m.type == "ARMATURE"]) == 1
    assert len(body().vertex_groups) == 4


def test_a_lying_body_gets_chains_from_its_middle_outwards(run, body):
    rotated = body()
    rotated.data.transform(Matrix.Rotation(np.pi / 2, 4, "Y"))
    low = min(v.co.z for v in rotated.data.vertices)
    for vertex in rotated.data.vertices:
        vertex.co.z -= low
    done = run("rig", bones=4)
    armature = done.work.object("armature")
    assert not done.metrics["upright"]
    first = [b for b in armature.data.bones if b.parent and b.parent.name == "root"]
    assert len(first) == 2
    assert (first[0].tail_local - first[0].head_local).dot(first[1].tail_local - first[1].head_local) < 0


def test_the_spine_of_a_bent_tube_follows_it():
    t = np.linspace(0, 1, 60)
    middle = np.stack([0.25 * np.sin(np.pi * t), 0 * t, t], axis=1)
    around = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    ring = np.stack([np.cos(around), np.sin(around), 0 * around], axis=1) * 0.06
    points = (middle[:, None] + ring[None]).reshape(-1, 3)
    faces = []
    for r in range(59):
        for c in range(16):
            a, b = r * 16 + c, r * 16 + (c + 1) % 16
            faces += [[a, b, a + 16], [b, b + 16, a + 16]]
    found = spine.find(points, np.array(faces), 8)
    expected = 0.25 * np.sin(np.pi * found.joints[:, 2])
    assert np.abs(found.joints[1:-1, 0] - expected[1:-1]).max() < 0.04
    assert np.abs(found.joints[:, 1]).max() < 0.01


def test_weights_by_distance_prefer_the_nearest_bone():
    heads = np.array([[0, 0, 0], [0, 0, 1.0]])
    tails = np.array([[0, 0, 1.0], [0, 0, 2.0]])
    table = weights.nearest(np.array([[0.1, 0, 0.2], [0.1, 0, 1.8], [0.1, 0, 1.0]]), heads, tails)
    assert table[0, 0] > 0.95 and table[1, 1] > 0.95
    assert table[2, 0] == pytest.approx(0.5)


def test_bare_vertices_take_the_nearest_bone_and_the_others_stay():
    heads, tails = np.array([[0, 0, 0], [0, 0, 1.0]]), np.array([[0, 0, 1.0], [0, 0, 2.0]])
    table, bare = weights.filled(np.array([[0.0, 1.0], [0.0, 0.0]]), np.array([[0, 0, 0.1], [0, 0, 0.1]]), heads, tails)
    assert bare == 1 and table[0].tolist() == [0.0, 1.0] and table[1, 0] > 0.95
