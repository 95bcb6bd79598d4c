# SPDX-License-Identifier: GPL-3.0-or-later
"""A motion file from the window and from the command line: it is asked for, passed on, and refused in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import pytest

from galatea.backend.cli import parser
from galatea.backend.cli.flags import order_of
from galatea.backend.protocol.catalog import spec_of
from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.recipe import load_recipe

WALK = Path(__file__).parents[1] / "scene" / "fixtures" / "anny_walk.bvh"


def test_a_file_must_be_chosen(addon: Any) -> None:
    bpy.ops.mesh.primitive_monkey_add()
    with pytest.raises(RuntimeError, match="Choose a motion file"):
        bpy.ops.galatea.retarget(filepath="nowhere.bvh")


def test_the_file_goes_with_the_object_and_the_rig_that_lacks_legs_is_told(addon: Any, bridge: Any) -> None:
    bpy.ops.mesh.primitive_monkey_add()
    with pytest.raises(RuntimeError, match=r"lacks what anny_walk\.bvh moves"):
        bpy.ops.galatea.retarget(filepath=str(WALK))
    run = bridge.runs[0]
    assert run.inputs["motion"] == str(WALK) and run.recipe.inputs == ("scene", "motion")
    assert [stage["state"] for stage in run.stages] == ["done", "done", "failed"]
    assert f"--motion {WALK}" in run.command(Path("out"))


def test_the_panel_shows_every_setting_of_the_step(addon: Any) -> None:
    from galatea.addon.ui.steps import GALATEA_PT_retarget

    from .drawn import drawn

    shown = drawn(GALATEA_PT_retarget)
    assert [name for name, _, _ in shown.operators] == ["galatea.retarget"]
    group = bpy.context.scene.galatea.steps.retarget
    assert {param.name for param in spec_of("retarget").params} <= set(group.bl_rna.properties.keys())


def test_the_command_line_takes_a_motion(tmp_path: Path) -> None:
    mesh = tmp_path / "a.obj"
    mesh.write_text("v 0 0 0\n")
    read = parser().parse_args
    words = ["--mesh", str(mesh), "--out", str(tmp_path / "out")]
    recipe, inputs = order_of(read(["run", "motion_to_film", *words, "--motion", str(WALK)])).plan()
    assert inputs == {"model": mesh, "motion": WALK}
    assert [step.do for step in recipe.steps] == ["load", "skeleton", "bind", "retarget", "stage", "camera", "film"]
    with pytest.raises(UserError, match="needs --motion"):
        order_of(read(["run", "motion_to_film", *words])).plan()
    with pytest.raises(UserError, match="takes no --motion"):
        order_of(read(["run", "mesh_to_film", *words, "--motion", str(WALK)])).plan()
    assert load_recipe("motion_to_film").inputs == ("model", "motion")
