# SPDX-License-Identifier: GPL-3.0-or-later
"""Binding: no point without a bone, no arm that drags the trunk, rigid things stay rigid, others' weights are kept."""

from __future__ import annotations

import itertools

import bmesh
import bpy
import numpy as np
import pytest

from galatea.addon.scene.lib.motion import animation
from galatea.addon.scene.lib.rig import bending, heat, skeleton, skin, weights
from galatea.addon.scene.lib.rig.skeleton import Bone, Skeleton
from galatea.backend.protocol.errors import UserError


def chain(*places, kind="soft", marks=None):
    """Bones from place to place, below them a root."""
    joints = [np.array(place, float) for place in places]
    bones = [skeleton.root(joints[0], 0.1)]
    for number, (head, tail) in enumerate(itertools.pairwise(joints), 1):
        bones.append(Bone(f"spine.{number:03}", bones[-1].name, head, tail, np.array([0, -1.0, 0.0])))
    return Skeleton(kind, tuple(bones), marks=marks or {})


SPINE = chain((0, 0, 0.0), (0, 0, 0.25), (0, 0, 0.5), (0, 0, 0.75), (0, 0, 1.0))


@pytest.fixture
def body(run, figure):
    run("bring", {"mesh": figure.mesh, "albedo": figure.albedo})
    return lambda: next(obj for obj in bpy.context.scene.objects if obj.get("galatea_role") == "body")


@pytest.fixture
def rigged(body, make_work):
    def make(bones=SPINE):
        return body(), skeleton.build(make_work()[0], bones)

    return make


def table_of(obj, armature):
    return skin.read(obj, skeleton.deforming(armature))[0]


def posed(obj):
    bpy.context.view_layer.update()
    return animation.points_at(obj, bpy.context.evaluated_depsgraph_get())


def boxes(make_work, *places):
    """A body of cubes: centre and side of each; those of a negative side are balls."""
    bm = bmesh.new()
    for centre, side in places:
        if side < 0:
            ball = bmesh.ops.create_icosphere(bm, subdivisions=2, radius=-side / 2)["verts"]
            bmesh.ops.translate(bm, verts=ball, vec=centre)
            continue
        made = bmesh.ops.create_cube(bm, size=side)["verts"]
        bmesh.ops.translate(bm, verts=made, vec=centre)
        edges = {edge for vertex in made for edge in vertex.link_edges}
        bmesh.ops.subdivide_edges(bm, edges=list(edges), cuts=6, use_grid_fill=True)
    mesh = bpy.data.meshes.new("boxes")
    bm.to_mesh(mesh)
    bm.free()
    return make_work()[0].add("body", bpy.data.objects.new("boxes", mesh))


@pytest.mark.parametrize("method", ["auto", "heat", "voxel", "nearest"])
def test_every_point_is_bound_and_its_weights_sum_to_one(run, rigged, method):
    obj, armature = rigged()
    done = run("bind", method=method)
    table = table_of(obj, armature)
    assert np.allclose(table.sum(axis=1), 1.0, atol=1e-4)
    assert (table > 0).sum(axis=1).max() <= 4
    assert (table.max(axis=0) > 0.6).all(), "a bone moves nothing"
    assert done.metrics["unweighted"] == 0 and done.metrics["unweighted_before"] == 1
    assert done.metrics["method"] == ("heat" if method == "auto" else method)
    assert 1 <= done.metrics["stretch_p95"] <= done.metrics["stretch_max"] < 12, done.metrics
    middle = np.abs(animation.rest_points(obj)[:, 2] - 0.125) < 0.02
    assert table[middle].mean(axis=0).argmax() == 0


def test_binding_changes_no_shape_and_posing_does(run, rigged):
    obj, armature = rigged()
    before = posed(obj)
    run("bind")
    assert np.abs(posed(obj) - before).max() < 1e-5
    armature.pose.bones["spine.004"].rotation_quaternion = (0.9, 0.436, 0.0, 0.0)
    moved = np.linalg.norm(posed(obj) - before, axis=1)
    assert moved.max() > 0.05
    assert moved[before[:, 2] < 0.3].max() < 0.01


def test_what_is_measured_is_what_blender_does(run, rigged):
    obj, armature = rigged()
    run("bind")
    names, bones = skeleton.deforming(armature), skeleton.read(armature)
    table = table_of(obj, armature)
    expected = bending.bent(animation.rest_points(obj), table, names, bones, "spine.003")
    half = np.radians(bending.DEGREES / 2)
    armature.pose.bones["spine.003"].rotation_quaternion = (np.cos(half), np.sin(half), 0, 0)
    assert np.abs(posed(obj) - expected).max() < 1e-4


def test_an_arm_beside_the_trunk_does_not_drag_it(run, make_work):
    body = boxes(make_work, ((0, 0, 0.5), 0.4), ((0.33, 0, 0.5), 0.2), ((0.26, 0, 0.65), 0.14))
    bones = [skeleton.root(np.zeros(3), 0.1)]
    bones += [Bone("spine", "root", np.array([0, 0, 0.3]), np.array([0, 0, 0.7]))]
    bones += [Bone("arm.L", "spine", np.array([0.26, 0, 0.66]), np.array([0.26, 0, 0.42]))]
    armature = skeleton.build(make_work()[0], Skeleton("soft", tuple(bones)))
    place = animation.rest_points(body)
    hip = (np.abs(place[:, 0] - 0.2) < 1e-4) & (place[:, 2] < 0.5)
    assert hip.sum() > 10, "the side of the trunk that faces the arm over a gap of 3 cm"
    run("bind", method="nearest", smooth=0)
    assert table_of(body, armature)[hip, 1].mean() < 0.3
    straight = weights.nearest(place[hip], *(np.array([[*getattr(b, e)] for b in bones[1:]]) for e in ("head", "tail")))
    assert straight[:, 1].mean() > 0.8, "it is nearer to the bone of the arm"


def test_parts_that_heat_cannot_reach_and_loose_points_are_bound_all_the_same(run, rigged):
    obj, armature = rigged()
    bm = bmesh.new()
    bm.from_mesh(obj.data)
    made = bmesh.ops.create_cube(bm, size=0.05)["verts"]
    bmesh.ops.translate(bm, verts=made, vec=(0.6, 0, 0.5))
    bm.verts.new((0.0, 0.5, 0.9))
    bm.to_mesh(obj.data)
    bm.free()
    done = run("bind")
    table = table_of(obj, armature)
    assert np.allclose(table.sum(axis=1), 1.0, atol=1e-4) and done.metrics["unweighted"] == 0
    assert table[-1].argmax() == 3, "the point up there belongs to the uppermost bone"


def test_points_that_a_texture_doubled_move_together(run, rigged):
    obj, armature = rigged()
    bm = bmesh.new()
    bm.from_mesh(obj.data)
    bmesh.ops.split_edges(bm, edges=bm.edges[:])
    bm.to_mesh(obj.data)
    bm.free()
    done = run("bind", method="heat")
    assert done.metrics["method"] == "heat"
    place, table = animation.rest_points(obj), table_of(obj, armature)
    order = np.lexsort(place.round(6).T)
    same = (np.diff(place[order], axis=0) == 0).all(axis=1)
    assert same.sum() > 1000
    assert np.abs(np.diff(table[order], axis=0)[same]).max() < 1e-6


def test_rigid_parts_follow_one_bone_and_a_wheel_its_own(run, make_work):
    body = boxes(
        make_work, ((0, 0, 0.5), 0.5), ((0.4, 0.2, 0.15), -0.2), ((0.4, -0.2, 0.15), -0.2), ((0, 0, 0.8), 0.08)
    )
    bones = [skeleton.root(np.zeros(3), 0.1), Bone("body", "root", np.array([0, 0.3, 0.4]), np.array([0, -0.3, 0.4]))]
    bones += [Bone(f"wheel.{y}", "body", np.array([0.4, y, 0.15]), np.array([0.5, y, 0.15])) for y in (-0.2, 0.2)]
    armature = skeleton.build(
        make_work()[0], Skeleton("vehicle", tuple(bones), marks={"wheels": ("wheel.-0.2", "wheel.0.2")})
    )
    done = run("bind")
    assert done.metrics["method"] == "rigid" and done.metrics["parts"] == 4
    place, table = animation.rest_points(body), table_of(body, armature)
    assert ((table == 0) | (table == 1)).all()
    wheel = place[:, 0] > 0.29
    assert (table[~wheel, 0] == 1).all()
    assert (table[wheel & (place[:, 1] < 0), 1] == 1).all() and (table[wheel & (place[:, 1] > 0), 2] == 1).all()
    assert done.metrics["volume_change"] < 1e-6, "nothing bends"
    assert run("bind", rigid="off", keep=False).metrics["method"] != "rigid"


def test_weights_of_somebody_else_are_kept_and_only_mended(run, rigged):
    obj, armature = rigged()
    names = skeleton.deforming(armature)
    theirs = np.zeros((len(obj.data.vertices), 4))
    theirs[:, 3] = 0.5  # not normalised
    theirs[:50] = 0  # bare
    theirs[50:60, 0] = np.nan
    skin.write(obj, names, theirs)
    other = obj.vertex_groups.new(name="mask")
    other.add([7], 0.5, "REPLACE")
    done = run("bind")
    table = table_of(obj, armature)
    assert done.metrics["method"] == "kept" and done.metrics["unweighted"] == 0
    assert (table[60:] == [0, 0, 0, 1]).all()
    assert np.allclose(table.sum(axis=1), 1, atol=1e-5)
    assert other.weight(7) == 0.5
    assert run("bind").metrics["method"] == "kept", "they are still not ours"
    assert run("bind", keep=False).metrics["method"] == "heat"
    assert run("bind").metrics["method"] == "heat", "our own are made anew, for bones may have been edited"


def test_nine_influences_become_four(run, make_work, rigged):
    bones = chain(*[(0, 0, z) for z in np.linspace(0, 1, 10)])
    obj, armature = rigged(bones)
    theirs = np.tile(np.arange(1, 10) / 45, (len(obj.data.vertices), 1))
    skin.write(obj, skeleton.deforming(armature), theirs)
    done = run("bind")
    assert done.metrics["influences_before"] == 9 and done.metrics["influences"] == 4
    assert np.allclose(table_of(obj, armature)[0], [0] * 5 + [6 / 30, 7 / 30, 8 / 30, 9 / 30], atol=1e-5)


def test_a_finer_surface_is_made_of_the_posed_one_and_the_order_of_the_rest_stays(run, rigged):
    obj, armature = rigged()
    obj.modifiers.new("Fine", "SUBSURF")
    obj.location.x = 2.0  # somebody moved it
    armature.location.x = 2.0
    run("bind")
    assert [modifier.type for modifier in obj.modifiers] == ["ARMATURE", "SUBSURF"]
    assert obj.parent == armature and obj.matrix_world.translation.x == pytest.approx(2.0)
    run("bind")
    assert len([modifier for modifier in obj.modifiers if modifier.type == "ARMATURE"]) == 1


def test_a_fine_mesh_takes_the_heat_of_a_coarser_copy(run, make_figure, make_work):
    fine = make_figure(160, 200)
    run("bring", {"mesh": fine.mesh, "albedo": fine.albedo})
    armature = skeleton.build(make_work()[0], SPINE)
    obj = next(obj for obj in bpy.context.scene.objects if obj.get("galatea_role") == "body")
    done = run("bind")
    assert done.metrics["method"] == "heat" and len(obj.data.polygons) > heat._FINE
    table, names = table_of(obj, armature), skeleton.deforming(armature)
    whole = skin.Skin.of(obj)
    away = weights.distances(whole.points, *(np.array([SPINE[name].head for name in names]),) * 2)
    assert away.shape == table.shape
    step = np.abs(table[[a for a, _ in obj.data.edge_keys]] - table[[b for _, b in obj.data.edge_keys]]).max()
    assert step < 0.25, "no jump along the surface"


def test_without_an_armature_or_with_bones_that_move_nothing_it_says_what_to_do(run, body, make_work):
    with pytest.raises(UserError, match="no armature"):
        run("bind")
    armature = skeleton.build(make_work()[0], SPINE)
    for bone in armature.data.bones:
        bone.use_deform = False
    with pytest.raises(UserError, match="Switch on Deform"):
        run("bind")
