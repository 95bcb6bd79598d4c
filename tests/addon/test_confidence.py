# SPDX-License-Identifier: GPL-3.0-or-later
"""What the model says of the back side reaches the panel, and its map comes and goes without a trace."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import bpy
import numpy as np
import pytest

from galatea.addon import objects, runs
from galatea.addon.ops import confidence
from galatea.addon.scene.lib.material import shading
from galatea.addon.scene.work import ROLE
from galatea.backend.flow import Stage
from galatea.backend.protocol.job import JobState, Result


def body(run: str) -> bpy.types.Object:
    """A cube as a run leaves it: eight points, the first sure, the last a guess."""
    bpy.ops.mesh.primitive_cube_add()
    obj = bpy.context.active_object
    obj[ROLE] = "body"
    sure = np.linspace(1, 0, 8).astype(np.float32)
    obj.data.attributes.new(shading.CONFIDENCE, "FLOAT", "POINT").data.foreach_set("value", sure)
    asset = bpy.data.collections.new("asset")
    asset[ROLE], asset[objects.RUN] = "asset", run
    asset.objects.link(obj)
    bpy.context.scene.collection.children.link(asset)
    return obj


def test_the_map_shows_guesses_and_goes_again(bridge: Any) -> None:
    obj = body("one")
    before = set(obj.data.attributes.keys())
    assert bpy.ops.galatea.confidence(run="one") == {"FINISHED"}
    layer = obj.data.color_attributes.active_color
    got = np.empty(32, np.float32)
    layer.data.foreach_get("color", got)
    red, _, blue, _ = got.reshape(-1, 4).T
    assert (np.diff(red) > 0).all() and (np.diff(blue) < 0).all()
    assert bpy.ops.galatea.confidence(run="one") == {"FINISHED"}
    assert set(obj.data.attributes.keys()) == before


def test_undo_gives_the_viewport_its_look_back(bridge: Any) -> None:
    name = body("one").name
    window = bpy.context.window_manager.windows[0]
    area = next(area for area in window.screen.areas if area.type == "VIEW_3D")
    look = area.spaces.active.shading
    look.type, look.color_type = "MATERIAL", "OBJECT"
    bpy.ops.ed.undo_push(message="before")
    with bpy.context.temp_override(window=window, area=area):
        for again in range(2):
            assert bpy.ops.galatea.confidence(run="one") == {"FINISHED"}
            assert (look.type, look.color_type) == ("SOLID", "VERTEX")
            bpy.ops.ed.undo_push(message="shown")
            bpy.ops.ed.undo()
            assert (look.type, look.color_type) == ("MATERIAL", "OBJECT"), again
        bpy.ops.ed.redo()
        mesh = bpy.data.objects[name].data
        assert confidence.MAP in mesh.color_attributes and look.type == "MATERIAL"
        assert bpy.ops.galatea.confidence(run="one") == {"FINISHED"} and look.color_type == "VERTEX", "seen again"
        assert bpy.ops.galatea.confidence(run="one") == {"FINISHED"} and look.color_type == "OBJECT"
        assert confidence.MAP not in mesh.color_attributes and not window.screen.keys()


def test_a_run_that_is_not_in_the_file_is_told(bridge: Any) -> None:
    body("one")
    assert bpy.ops.galatea.confidence(run="other") == {"CANCELLED"}


def test_the_run_remembers_what_the_model_said(bridge: Any, fake: Any) -> None:
    run = fake()
    assert run.back_confidence is None
    for step, metrics in (("lift", {"back_confidence": 0.34, "faces": 7}), ("bring", {"faces": 7})):
        run.add(Stage(step, Result(step, JobState.DONE, metrics=metrics), cached=False))
    run.save(bridge.folder / "runs")
    (again,) = runs.load(bridge.folder / "runs")
    assert again.back_confidence == 0.34 and "faces" not in again.stages[0]


@pytest.mark.parametrize(("sure", "words"), [(0.34, "Back side: a guess (34%)"), (0.9, "Back side: likely (90%)")])
def test_the_panel_says_how_sure_the_back_side_is(bridge: Any, fake: Any, sure: float, words: str) -> None:
    from galatea.addon.ui import jobs

    run = fake(ended="done")
    run.stages = [{"step": "lift", "job": "", "seconds": 1.0, "cached": False, "back_confidence": sure}]
    drawn: list[tuple[str, str]] = []
    asked = SimpleNamespace(run="")

    class Layout:
        def operator(self, name: str, text: str = "", icon: str = "") -> Any:
            drawn.append((name, text))
            return asked

    jobs._back(Layout(), run)
    assert drawn == [("galatea.confidence", words)] and asked.run == run.id
