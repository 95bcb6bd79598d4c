# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenes of our own for a while: nothing of them stays, neither in the file nor in an engine."""

from __future__ import annotations

from typing import ClassVar

import bpy
import pytest

from galatea.addon.scene.lib.render import sets

KINDS = ("scenes", "objects", "cameras", "lights", "worlds", "materials")


class Counting(bpy.types.RenderEngine):
    """An engine whose living instances are known: with persistent data Blender keeps one, and its depsgraph with
    it, after the render."""

    bl_idname, bl_label = "GALATEA_COUNTING", "Counting"
    alive: ClassVar[set[int]] = set()

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        Counting.alive.add(id(self))

    def __del__(self):
        Counting.alive.discard(id(self))

    def render(self, depsgraph):
        pass


@pytest.fixture
def counting():
    bpy.utils.register_class(Counting)
    yield
    bpy.utils.unregister_class(Counting)


def test_no_engine_outlives_its_scene(counting, tmp_path):
    """What did had a depsgraph of a scene that was gone; the next removal of anything ended the process."""
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    with sets.temporary(bpy.data.scenes.new("own")) as scene:
        scene.collection.objects.link(camera)
        scene.camera, scene.render.engine, scene.render.use_persistent_data = camera, Counting.bl_idname, True
        sets.paper(scene, 8, 8)
        sets.picture(scene, tmp_path / "own.png")
        assert Counting.alive, "it is kept for the next frame"
    assert not Counting.alive


def test_a_set_goes_even_where_its_picture_fails():
    before = {kind: len(getattr(bpy.data, kind)) for kind in KINDS}
    with pytest.raises(ZeroDivisionError), sets.lit([]) as (scene, camera, lamp):
        assert scene.camera == camera and lamp.data.type == "SUN"
        raise ZeroDivisionError
    assert {kind: len(getattr(bpy.data, kind)) for kind in KINDS} == before
