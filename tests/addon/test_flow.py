# SPDX-License-Identifier: GPL-3.0-or-later
"""The operators in background do the whole chain, with real processes, as the window does."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import bpy
import pytest

from galatea.addon import environment, objects, prefs, runs
from galatea.addon.ui import steps

from .conftest import PATIENCE
from .drawn import drawn


@pytest.fixture
def quick(addon: Any, photo: Path) -> Any:
    """The smallest settings that every step takes."""
    addon.image = bpy.data.images.load(str(photo))
    for step, name in (("lift", "grid"), ("clean", "faces"), ("unwrap", "size"), ("bake", "size")):
        group = getattr(addon.steps, step, None)
        if group and name in group.bl_rna.properties:
            setattr(group, name, max(group.bl_rna.properties[name].hard_min, 64))
    return addon


def test_a_photo_becomes_an_object_and_the_object_moves(quick: Any) -> None:
    from galatea.addon.bridge import bridge

    bpy.context.scene.cursor.location = (2, 0, 0)
    assert bpy.ops.galatea.generate() == {"FINISHED"}
    run = bridge.runs[0]
    assert run.state == "done", run.failure
    body = bpy.context.view_layer.objects.active
    asset = objects.asset_of(body)
    assert asset and asset["galatea_run"] == run.id and body.location.x == pytest.approx(2)
    assert body.data.uv_layers and body.data.materials and len(body.data.polygons) > 20
    assert run.picture(prefs.store()) is not None
    assert bpy.ops.galatea.move() == {"FINISHED"}
    assert bridge.runs[0].state == "done", bridge.runs[0].failure
    moving = bpy.context.view_layer.objects.active
    assert moving != body and body.hide_get() and body.name in bpy.data.objects
    armature = objects.part(moving, "armature")
    assert armature and armature.animation_data.action

    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bpy.context.window_manager.galatea.active = 1
    assert bpy.ops.galatea.show() == {"FINISHED"}, "results can be fetched again"
    assert objects.found(run.id)


def test_any_mesh_of_the_users_is_cleaned_and_its_full_mesh_kept(addon: Any) -> None:
    bpy.ops.mesh.primitive_monkey_add()  # three shells, two of them open
    monkey = bpy.context.view_layer.objects.active
    modifier = monkey.modifiers.new("Finer", "SUBSURF")
    modifier.levels = modifier.render_levels = 2
    bpy.ops.object.modifier_apply(modifier=modifier.name)
    addon.steps.clean.faces = 500
    assert bpy.ops.galatea.clean() == {"FINISHED"}
    clean = bpy.context.view_layer.objects.active
    assert clean != monkey and monkey.hide_get()
    assert len(clean.data.polygons) == pytest.approx(500, rel=0.02)
    source = objects.part(clean, "source")
    assert source and source.hide_get() and len(source.data.polygons) > 10_000


def test_any_mesh_of_the_users_can_be_filmed_and_stays_as_it_was(addon: Any) -> None:
    from galatea.addon.bridge import bridge

    assert not bpy.ops.galatea.open_film.poll()
    bpy.ops.mesh.primitive_monkey_add(location=(1, 1, 1))
    film = addon.steps.film
    film.engine, film.samples, film.frames, film.width, film.height = "workbench", 1, 3, 64, 64
    before = sorted(bpy.data.objects.keys()), sorted(bpy.data.scenes.keys()), sorted(bpy.data.collections.keys())
    assert bpy.ops.galatea.film() == {"FINISHED"}
    run = bridge.runs[0]
    assert run.state == "done" and [stage["step"] for stage in run.stages] == ["stage", "camera", "film"]
    files = run.files(prefs.store())
    assert files["film"].stat().st_size > 500
    assert run.picture(prefs.store()) == files["still"]
    assert before == (
        sorted(bpy.data.objects.keys()), sorted(bpy.data.scenes.keys()), sorted(bpy.data.collections.keys())
    )  # fmt: skip
    assert bpy.ops.galatea.open_film.poll() and not bpy.ops.galatea.show.poll()
    assert bpy.ops.galatea.clean() == {"FINISHED"}  # now another job is the chosen one
    assert bridge.film(bpy.context) is run and bpy.ops.galatea.open_film.poll()


def test_the_same_order_again_costs_nothing(quick: Any) -> None:
    from galatea.addon.bridge import bridge

    bpy.ops.galatea.generate()
    first = bpy.context.view_layer.objects.active
    assert bpy.ops.galatea.again() == {"FINISHED"}
    assert first.hide_get() and bpy.context.view_layer.objects.active.visible_get(), "not one inside the other"
    assert all(stage["cached"] for stage in bridge.runs[0].stages)
    assert len(list(runs.load(prefs.runs_folder()))) == 2


def test_an_earlier_result_comes_back_in_the_place_of_the_newer(quick: Any) -> None:
    made = []
    for make in (bpy.ops.galatea.generate, bpy.ops.galatea.again):
        make()
        made.append(bpy.context.view_layer.objects.active)
    state = bpy.context.window_manager.galatea
    for row, shown, away in ((1, *made), (0, *made[::-1])):
        state.active = row
        assert bpy.ops.galatea.show() == {"FINISHED"}
        assert (shown.visible_get(), shown.hide_render, away.visible_get(), away.hide_render) == (1, 0, 0, 1)
    made[0].hide_set(False)  # whoever wants to see both
    assert bpy.ops.galatea.show() == {"FINISHED"} and made[0].visible_get() and made[1].visible_get()


def test_a_picture_without_a_subject_says_what_to_do(addon: Any, tmp_path: Path) -> None:
    from galatea.addon.bridge import bridge

    (tmp_path / "broken.png").write_bytes(b"this is no picture")
    image = bpy.data.images.load(str(tmp_path / "broken.png"))
    addon.image = image
    with pytest.raises(RuntimeError, match=r"Choose|Use"):
        bpy.ops.galatea.generate()
    assert bridge.runs[0].state == "failed" and bridge.runs[0].failure["kind"] == "input"


def test_the_installer_and_the_doctor_tell_what_they_find(addon: Any, tmp_path: Path) -> None:
    import time

    from galatea.addon.bridge import bridge

    assert environment.state() == "missing"
    environment.start_install("--offline")
    assert bpy.ops.galatea.save_doctor(filepath=str(tmp_path / "report")) == {"FINISHED"}
    end = time.monotonic() + PATIENCE
    while not bridge.idle:
        assert time.monotonic() < end
        bridge.tick()
        time.sleep(0.02)
    assert "offline" in environment.install.error.lower() and not environment.install.running
    assert {"Galatea", "Python", "numpy"} <= {finding["what"] for finding in environment.doctor.findings}
    assert zipfile.is_zipfile(tmp_path / "report.zip")
    assert environment.doctor.said == f"Saved {tmp_path / 'report.zip'}"


def test_a_recipe_with_a_film_makes_the_object_and_then_the_film(quick: Any) -> None:
    from galatea.addon.bridge import bridge

    quick.recipe = "photo_to_drop"
    quick.quality = "draft"
    film = quick.steps.film
    film.engine, film.samples, film.frames, film.width, film.height = "workbench", 1, 2, 64, 64
    assert bpy.ops.galatea.generate() == {"FINISHED"}
    filmed, made = bridge.runs
    assert made.state == "done" and objects.found(made.id)
    assert filmed.state == "done", filmed.failure
    assert filmed.files(prefs.store())["film"].is_file() and not filmed.scene


def test_another_quality_recipe_or_model_leaves_what_is_no_matter_of_it(addon: Any) -> None:
    addon.quality = "draft"
    faces, addon.steps.asset.author, addon.steps.lift.solid = addon.steps.clean.faces, "Ada", 0.4
    addon.quality = "high"
    assert addon.steps.clean.faces > faces and addon.steps.asset.author == "Ada"
    assert addon.steps.lift.solid == pytest.approx(0.4)
    addon.recipe, addon.backend = "photo_to_drop", "relief"
    assert addon.steps.asset.author == "Ada" and addon.steps.lift.solid == pytest.approx(0.4)


def test_a_library_that_blender_lists_is_made_where_it_is_not_there_yet(addon: Any, tmp_path: Path) -> None:
    """A fresh profile lists one whose folder Blender makes when it first saves there."""
    from galatea.addon.bridge import bridge

    listed = bpy.context.preferences.filepaths.asset_libraries.new(name="Mine", directory=str(tmp_path / "mine"))
    bpy.ops.mesh.primitive_monkey_add()
    asset = addon.steps.asset
    asset.samples, asset.size, asset.library = 1, 64, str(tmp_path / "mistyped")
    try:
        with pytest.raises(RuntimeError, match="there is no folder"):
            bpy.ops.galatea.asset()
        assert "there is no folder" in drawn(steps.GALATEA_PT_asset).text, "told where the button is too"
        assert "there is no folder" not in drawn(steps.GALATEA_PT_physics).text
        asset.library = listed.path
        assert bpy.ops.galatea.asset() == {"FINISHED"} and bridge.runs[0].state == "done"
        told = "".join(drawn(steps.GALATEA_PT_asset).text.split())  # lines end where the panel does
        assert f"Savedin{tmp_path / 'mine'}" in told
        asset.library = ""
        assert bpy.ops.galatea.asset() == {"FINISHED"}
        assert any(each.asset_data for each in (*bpy.data.objects, *bpy.data.collections))
        assert "In the Asset Browser, under Current File" in drawn(steps.GALATEA_PT_asset).text.replace("\n", " ")
    finally:
        bpy.context.preferences.filepaths.asset_libraries.remove(listed)
    assert list((tmp_path / "mine").rglob("*.blend")) and not (tmp_path / "mistyped").exists()
