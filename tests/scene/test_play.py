# SPDX-License-Identifier: GPL-3.0-or-later
"""A take that is played on an armature stands in Blender as it was computed."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from mathutils import Matrix

from galatea.addon.scene.lib.motion import animation, play
from galatea.addon.scene.lib.motion.take import Take, about, after
from galatea.addon.scene.lib.rig import skeleton as rigs


def chain():
    at = [np.array(p, float) for p in ([0.1, 0, 0.8], [0.1, 0.05, 1.1], [0.2, 0, 1.4], [0.5, 0.1, 1.35])]
    bones = [rigs.root(at[0], 0.3), rigs.Bone("spine", "root", at[0], at[1], np.array([0, -1.0, 0]))]
    bones.append(rigs.Bone("spine.001", "spine", at[1], at[2], np.array([0, -1.0, 0]), connect=True))
    bones.append(rigs.Bone("arm.L", "spine.001", at[2], at[3], np.array([0, 0, 1.0])))
    return rigs.Skeleton("biped", tuple(bones))


def wild(skeleton, names, frames=20, seed=0):
    """Any motion at all, smooth in time."""
    rng = np.random.default_rng(seed)
    turns = []
    for _ in names:
        turn = np.tile([1.0, 0, 0, 0], (frames, 1))
        for axis in np.eye(3):
            turn = after(about(axis, 2.5 * np.sin(np.linspace(0, 5, frames) + rng.uniform(0, 6))), turn)
        turns.append(turn)
    bones = [skeleton[name] for name in names]
    parents = np.array([names.index(b.parent) if b.parent in names else -1 for b in bones])
    heads, tails = np.array([b.head for b in bones]), np.array([b.tail for b in bones])
    places = heads[0] + 0.3 * np.sin(np.outer(np.arange(frames), [0.3, 0.2, 0.5]))
    return Take(tuple(names), parents, heads, tails, np.stack(turns, 1), places, animation.FPS)


def posed(armature, names, frames):
    """Heads and tails (T, J, 3) as Blender shows them."""
    heads, tails = [], []
    for frame in frames:
        bpy.context.scene.frame_set(frame)
        armature.update_tag()
        bpy.context.view_layer.update()
        shown = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
        heads.append([shown.matrix_world @ shown.pose.bones[name].head for name in names])
        tails.append([shown.matrix_world @ shown.pose.bones[name].tail for name in names])
    return np.array(heads), np.array(tails)


@pytest.fixture
def stand(make_work):
    work, _ = make_work()
    skeleton = chain()
    return work, skeleton, rigs.build(work, skeleton)


@pytest.mark.parametrize("names", [["root", "spine", "spine.001", "arm.L"], ["spine", "spine.001", "arm.L"]])
def test_poses_in_blender_are_those_of_the_take(stand, names):
    work, skeleton, armature = stand
    take = wild(skeleton, names)
    play.play(work, armature, take, name="wild", start=5)
    heads, tails = posed(armature, names, range(5, 25))
    assert np.abs(heads - take.joints()[0]).max() < 1e-4
    assert np.abs(tails - take.joints()[1]).max() < 1e-4


def test_a_bone_that_the_take_leaves_out_goes_along(stand):
    work, skeleton, armature = stand
    names = ["spine", "arm.L"]
    take = wild(skeleton, names)
    play.play(work, armature, take, name="wild")
    _, tails = posed(armature, names, range(1, 21))
    ways = tails[:, 1] - posed(armature, ["arm.L"], range(1, 21))[0][:, 0]
    expected = take.joints()[1][:, 1] - take.joints()[0][:, 1]
    assert np.abs(ways - expected).max() < 1e-4


def test_the_root_carries_the_way_and_the_pose_stays_the_same(stand):
    work, skeleton, armature = stand
    names = ["spine", "spine.001", "arm.L"]
    take = wild(skeleton, names)
    ways = np.linspace([0.1, 0, 0], [2, -3, 0], 20)
    turns = about(np.array([0, 0, 1.0]), np.linspace(0, 2, 20))
    play.play(work, armature, take, name="wild", root=(ways, turns))
    _, tails = posed(armature, names, range(1, 21))
    assert np.abs(tails - take.joints()[1]).max() < 1e-4
    assert np.abs(posed(armature, ["root"], range(1, 21))[0][:, 0] - ways).max() < 1e-5


def test_an_armature_that_stands_elsewhere_shows_the_same(stand):
    work, _, armature = stand
    armature.matrix_world = Matrix.Translation((1, 2, 3)) @ Matrix.Rotation(0.7, 4, "Z") @ Matrix.Scale(0.5, 4)
    bpy.context.view_layer.update()
    names = ["spine", "spine.001", "arm.L"]
    take = wild(rigs.read(armature), names)
    play.play(work, armature, take, name="wild")
    assert np.abs(posed(armature, names, range(1, 21))[1] - take.joints()[1]).max() < 1e-4


def test_a_cyclic_one_repeats_and_turns_never_jump(stand):
    work, skeleton, armature = stand
    names = ["spine", "spine.001", "arm.L"]
    take = wild(skeleton, names, frames=24)
    play.play(work, armature, take, name="wild", cyclic=True)
    heads, _ = posed(armature, names, [1, 7, 25, 31])
    assert np.abs(heads[:2] - heads[2:]).max() < 1e-5
    for values in play.channels(armature, take).values():
        if values.shape[1] == 4:
            assert (np.sum(values[1:] * values[:-1], axis=1) > 0).all()


def test_strips_lie_over_one_another_and_the_later_fades_in(stand):
    work, skeleton, armature = stand
    names = ["spine", "spine.001", "arm.L"]
    one, two = wild(skeleton, names), wild(skeleton, names, seed=1)
    play.play(work, armature, one, name="one", strip=True)
    play.play(work, armature, two, name="two", start=15, strip=True, blend_in=5)
    assert [track.name for track in armature.animation_data.nla_tracks] == ["one", "two"]
    heads, _ = posed(armature, names, [10, 30])
    assert np.abs(heads[0] - one.joints()[0][9]).max() < 1e-4
    assert np.abs(heads[1] - two.joints()[0][15]).max() < 1e-4
    play.clear(armature)
    assert not armature.animation_data.nla_tracks and not bpy.data.actions


def test_a_take_of_another_body_is_refused(stand):
    work, skeleton, armature = stand
    take = wild(skeleton, ["spine", "spine.001"])
    armature.data.bones["spine.001"].name = "other"
    with pytest.raises(ValueError, match=r"spine\.001"):
        play.play(work, armature, take, name="wild")
