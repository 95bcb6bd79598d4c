# SPDX-License-Identifier: GPL-3.0-or-later
"""Every setting has its place in a panel; what is not allowed, falls short or can be done again is told there."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import pytest

from galatea.addon import plan, props, terms, ui, wanted
from galatea.addon.runs import Run, copy
from galatea.addon.settings import recipe_items
from galatea.addon.ui import draw
from galatea.addon.ui import jobs as jobs_ui
from galatea.addon.ui import panel as panel_ui
from galatea.addon.ui import steps as steps_ui
from galatea.backend.cli import parser
from galatea.backend.cli.flags import order_of
from galatea.backend.flow import Stage
from galatea.backend.protocol.catalog import catalog
from galatea.backend.protocol.job import Failure, JobState, Result
from galatea.backend.protocol.policy import NAME, Policy
from galatea.backend.protocol.recipe import load_recipe, names

from .drawn import Layout, drawn

ELSEWHERE = {
    "load": "the window has an object where the command line has a file",
    "pick": "the gallery chooses",
    "validate": "it checks files, and is a verb of the command line",
}


def shown(addon: Any) -> set[tuple[str, str]]:
    panels = [cls for cls in ui.CLASSES if issubclass(cls, bpy.types.Panel) and cls.bl_label != "Gallery"]
    found = [each for panel in panels for each in drawn(panel).props]
    return {(owner.removeprefix("GALATEA_PG_step_"), name) for owner, name in found}


@pytest.mark.parametrize("recipe", names("recipes"))
def test_every_parameter_of_every_step_of_a_recipe_is_in_a_panel(addon: Any, recipe: str) -> None:
    if recipe in [item[0] for item in recipe_items()]:
        addon.recipe = recipe
    there = shown(addon)
    missing = []
    for step in [step for step in load_recipe(recipe).steps if step.do not in ELSEWHERE]:
        spec = catalog()[step.do]
        for param in spec.params:
            words = param.name == "prompt" and ("GALATEA_PG_settings", "prompt") in there
            if (spec.id, param.name) not in there and not words:
                missing.append(f"{spec.id}.{param.name}")
    assert missing == []


def test_the_seed_is_grey_where_nothing_is_left_to_chance(addon: Any) -> None:
    def chancy(recipe: str) -> bool:
        addon.recipe = recipe
        return wanted.chancy(addon, [step.do for step in wanted.recipe(addon).steps])

    assert chancy("photo_to_film") and not chancy("photo_to_mesh")
    addon.steps.clean.topology = "quads"
    assert wanted.chancy(addon, [step.do for step in wanted.recipe(addon).steps])


def test_the_seed_of_a_fall_is_beside_the_fall(addon: Any) -> None:
    panels = {cls.bl_label: cls for cls in ui.CLASSES if issubclass(cls, bpy.types.Panel)}
    seed = ("GALATEA_PG_settings", "seed")
    assert seed in drawn(panels["Physics"]).props and seed not in drawn(panels["Asset"]).props


def test_what_is_measured_and_exported_has_its_place_too(addon: Any) -> None:
    there = shown(addon)
    for step in ("report", "export", "lod", "collide", "asset"):
        assert {(step, param.name) for param in catalog()[step].params} <= there
    assert ("GALATEA_PG_settings", "gate") in there


@pytest.fixture
def policy(addon: Any, home: Path) -> Any:
    def store(**given: Any) -> None:
        Policy(**given).save()
        terms.look_again()

    return store


def test_a_backend_that_does_not_fit_is_greyed_with_its_clause(addon: Any, policy: Any, photo: Path) -> None:
    addon.image = bpy.data.images.load(str(photo))
    addon.backend = "hunyuan3d_server"
    assert bpy.ops.galatea.generate.poll()
    policy(territory="DE")
    assert not bpy.ops.galatea.generate.poll()
    from galatea.addon.ui.gallery import GALATEA_PT_compare
    from galatea.addon.ui.panel import GALATEA_PT_main

    for panel in (GALATEA_PT_main, GALATEA_PT_compare, ui.models.GALATEA_PT_models):
        text = drawn(panel).text
        assert "may not be used in DE" in text and "Tencent Hunyuan 3D Community" in text, panel
    addon.backend = "lift"
    assert bpy.ops.galatea.generate.poll()


def test_the_menu_of_backends_greys_each_that_does_not_fit(addon: Any, policy: Any) -> None:
    from galatea.addon.ops.models import GALATEA_OT_choose_backend as choose

    def entries() -> dict[str, bool]:
        return {given.backend: enabled for _, given, enabled in drawn(ui.models.GALATEA_MT_backend).operators}

    assert set(entries()) == {spec.id for spec in props.backends()} and all(entries().values())
    policy(territory="DE")
    assert [name for name, enabled in entries().items() if not enabled] == ["hunyuan3d_server"]
    assert "may not be used in DE" in drawn(ui.models.GALATEA_MT_backend).text
    given = SimpleNamespace(backend="hunyuan3d_server")
    assert "may not be used in DE" in choose.description(bpy.context, given)
    assert bpy.ops.galatea.choose_backend(backend="relief") == {"FINISHED"} and addon.backend == "relief"
    with pytest.raises(RuntimeError, match="no backend"):
        bpy.ops.galatea.choose_backend(backend="nonsense")


def test_terms_that_nobody_knows_are_accepted_once(addon: Any, policy: Any, photo: Path, home: Path) -> None:
    from galatea.addon.ui.panel import next_step

    addon.image = bpy.data.images.load(str(photo))
    addon.backend = "comfyui"
    assert next_step(addon)[0] == "galatea.accept_terms" and not bpy.ops.galatea.generate.poll()
    with pytest.raises(RuntimeError, match="Read the terms"):
        bpy.ops.galatea.accept_terms(backend="comfyui")
    assert bpy.ops.galatea.accept_terms(backend="comfyui", accept=True) == {"FINISHED"}
    assert next_step(addon)[0] == "galatea.generate" and 'accept = ["comfyui"]' in (home / NAME).read_text()
    policy(accept=("comfyui",), offline=True)
    addon.steps.comfyui.url = "http://192.168.7.7:8188"
    assert "nothing may leave this machine" in terms.verdict(addon, "comfyui").clause


def test_the_preferences_are_the_policy_of_the_command_line(addon: Any, home: Path) -> None:
    from galatea.addon import preferences
    from galatea.addon.ui.preferences import _policy

    preferences._store(commercial=True)
    preferences._store(territory=" uk ")
    assert (home / NAME).read_text().splitlines()[1:3] == ["commercial = true", 'territory = "GB"']
    layout = Layout()
    _policy(layout, _Prefs(), bpy.context)
    assert "may not be used in GB" in layout.text and "CreativeML-OpenRAIL-M" in layout.text
    preferences._store(territory="England")
    assert terms.get("territory") == "GB"
    (home / NAME).write_text("nonsense")
    terms.look_again()
    layout = Layout()
    _policy(layout, _Prefs(), bpy.context)
    assert NAME in layout.text.replace(" ", "")  # it wraps
    assert terms.verdict(addon, "lift").clause, "nothing runs while nobody knows what is allowed"


def test_the_preferences_name_the_folder_that_stays(addon: Any, home: Path) -> None:
    from galatea.addon.ui import preferences

    layout = Layout()
    preferences._kept(layout, bpy.context)
    assert str(home) in layout.text.replace(" ", "") and "stay" in layout.text


class _Prefs:
    class bl_rna:
        properties = ("commercial", "territory", "offline")


def short(name: str, fix: str) -> dict[str, Any]:
    return {"name": name, "label": name.title(), "value": 3, "limit": {"most": 0}, "state": "short", "fix": fix}


@pytest.fixture
def reported(bridge: Any) -> Run:
    """A job that has ended, held against a gate."""
    steps = [{"do": "clean", "params": {"faces": 500}}, {"do": "unwrap", "params": {}}, {"do": "report", "params": {}}]
    run = Run("Owl", "photo_to_mesh", steps, {}, settings={"clean": {"faces": 500}}, gate="game", ended="done")
    rows = [
        short("inner_shells", "--set clean.inner=true"),
        short("texture_px", "--set unwrap.size=1024"),
        short("uv_stretch", "--set skeleton.bones=3"),
        short("loose", "Add the step clean before it."),
    ]
    metrics = {"faces": 9, "gate": "Game", "short": rows}
    for step in ("clean", "unwrap", "report"):
        told = metrics if step == "report" else {}
        run.add(Stage(step, Result(f"{step}-1", JobState.DONE, metrics=told), cached=False))
    bridge.history()
    bridge.runs.insert(0, run)
    bridge.sync(select=run.id)
    return run


def test_rows_that_fall_short_carry_the_button_that_mends_them(reported: Run, bridge: Any) -> None:
    layout = drawn(jobs_ui.GALATEA_PT_jobs)
    buttons = [given.fix for name, given, _ in layout.operators if name == "galatea.fix"]
    assert buttons == [
        "--set clean.inner=true", "--set unwrap.size=1024", "--set clean.inner=true --set unwrap.size=1024",
    ]  # fmt: skip
    assert "falls short of the gate Game" in layout.text and "3 (most 0)" in layout.text
    assert "Add the step clean before it." in layout.text and "--set" not in layout.text
    assert "The job that made the mesh mends it, with skeleton.bones=3." in layout.text, "no step of this one"
    new = bridge.fixed(reported, buttons[-1])
    assert new.steps[0]["params"] == {"faces": 500, "inner": True} and new.steps[1]["params"] == {"size": 1024}
    assert new.settings == {"clean": {"faces": 500, "inner": True}, "unwrap": {"size": 1024}}
    assert reported.steps[0]["params"] == {"faces": 500}, "the old one is as it was"
    with pytest.raises(Exception, match="another job"):
        bridge.fixed(reported, "--set skeleton.bones=3")


@pytest.mark.parametrize(
    ("step", "told", "panel", "words"),
    [
        ("skeleton", {"warnings": ["It got a plain backbone."]}, ui.steps.GALATEA_PT_rig, "It got a plain backbone."),
        ("report", {"metrics": {"faces": 9, "watertight": True}}, ui.steps.GALATEA_PT_report, "9 faces, watertight."),
    ],
)
def test_what_a_step_tells_stands_under_its_button_too(
    addon: Any, bridge: Any, step: str, told: dict[str, Any], panel: Any, words: str
) -> None:
    run = Run("Owl", "photo_to_mesh", [{"do": step, "params": {}}], {"scene": "owl.blend"}, ended="done")
    run.add(Stage(step, Result(f"{step}-1", JobState.DONE, **told), cached=False))
    made = bpy.data.collections.new("Owl")
    made["galatea_run"], made["galatea_role"] = run.id, "asset"
    bridge.history()
    bridge.runs.insert(0, run)
    bridge.sync(select=run.id)
    for each in (panel, jobs_ui.GALATEA_PT_jobs):
        assert words in " ".join(drawn(each).text.split()), each
    assert words not in " ".join(drawn(ui.steps.GALATEA_PT_film).text.split())


def test_each_step_of_again_says_what_is_done(addon: Any) -> None:
    again = bpy.types.GALATEA_OT_again
    assert "all that come after it" in again.description(bpy.context, SimpleNamespace(step="bake"))
    assert not again.description(bpy.context, SimpleNamespace(step="")), "Blender takes that of the class"


def test_the_header_tells_of_a_job_while_the_panel_is_out_of_sight(bridge: Any, fake: Any) -> None:
    told: list[tuple[str, str]] = []
    row = SimpleNamespace(operator=lambda verb, text, icon: told.append((text, icon)))
    layout = SimpleNamespace(layout=SimpleNamespace(row=lambda: row))
    sidebar = SimpleNamespace(type="UI", width=1, active_panel_category="Galatea")
    area, header = SimpleNamespace(regions=[SimpleNamespace(type="WINDOW"), sidebar]), SimpleNamespace(type="HEADER")
    context = SimpleNamespace(area=area, region=header)
    panel_ui.away(layout, context)
    assert told == [], "nothing runs"
    bridge.engine.current = fake({"text": "a"})
    panel_ui.away(layout, context)
    bridge.engine.current, bridge.notice = None, Failure("It is no picture.")
    panel_ui.away(layout, context)
    assert told == [(f"{fake({'text': 'a'}).title} 0%", "SORTTIME"), ("Galatea", "ERROR")]
    sidebar.width = 300
    panel_ui.away(layout, context)
    assert len(told) == 2, "the panel says it"
    sidebar.active_panel_category = "Item"
    panel_ui.away(layout, context)
    assert len(told) == 3, "another tab is in front"
    context.region = area.regions[0]
    panel_ui.away(layout, context)
    assert len(told) == 3, "the menu search reads it as a part of the window"
    assert panel_ui.away in bpy.types.VIEW3D_MT_editor_menus.draw._draw_funcs, "where it pushes no button of Blender's"


def test_what_the_header_says_opens_the_tab(addon: Any) -> None:
    window = bpy.context.window_manager.windows[0]
    area = next(area for area in window.screen.areas if area.type == "VIEW_3D")
    area.spaces.active.show_region_ui = False
    assert not bpy.ops.galatea.panel.poll()
    with bpy.context.temp_override(window=window, area=area):
        assert bpy.ops.galatea.panel() == {"FINISHED"}
    assert area.spaces.active.show_region_ui


def test_names_are_spelt_as_they_are_elsewhere_in_blender() -> None:
    found = {props.title(name) for name in ("hdri", "fstop", "max_tokens", "lora_strength", "opengl", "")}
    assert found == {"HDRI", "F-Stop", "Max tokens", "LoRA strength", "OpenGL", ""}


def test_buttons_side_by_side_show_their_whole_names(addon: Any, reported: Run) -> None:
    """In a panel of the width that Blender gives it; a letter is 5.5 px, an icon 22."""
    for panel in ui.CLASSES:
        for row in drawn(panel).rows if issubclass(panel, bpy.types.Panel) else ():
            named = [name for name in row if name.strip()]
            share = (236 - 21 * (len(row) - len(named))) / max(len(named), 1)
            assert all(22 + 5.5 * len(name) <= share for name in named), f"{panel.bl_label}: {named}"


def test_jobs_of_other_days_say_so() -> None:
    now = time.time()
    assert [draw.day(now - days * 86400) for days in (0, 1)] == ["", "Yesterday"]
    assert draw.clock(0) == time.strftime("%H:%M", time.localtime(0))
    assert draw.day(now - 9 * 86400) == time.strftime("%d %b", time.localtime(now - 9 * 86400))


def test_how_to_see_the_colours_is_told_of_a_mesh_that_is_there(reported: Run) -> None:
    plain = SimpleNamespace(shading=SimpleNamespace(type="SOLID", color_type="MATERIAL"))
    context: Any = SimpleNamespace(space_data=plain, region=None, preferences=bpy.context.preferences)
    away, there = Layout(), Layout()
    jobs_ui._state(away, context, reported)
    asset = bpy.data.collections.new("Fox")
    asset["galatea_role"], asset["galatea_run"] = "asset", reported.id
    jobs_ui._state(there, context, reported)
    assert "Material Preview" not in away.text and "Material Preview" in there.text
    reported.stages[0]["back_confidence"] = 0.9
    above = set()
    for plain.shading.type, plain.shading.color_type in (("SOLID", "MATERIAL"), ("SOLID", "VERTEX"), ("MATERIAL", "")):
        layout = Layout()
        jobs_ui._state(layout, context, reported)
        above.add(layout.text.partition("Back side")[0])
    assert len(above) == 1, "Back Side does not move from under the mouse that turns it on and off"


def test_each_state_of_a_job_has_one_row_of_what_to_do_next(reported: Run, bridge: Any, monkeypatch: Any) -> None:
    """Else all panels below move when a job starts or ends."""
    rows = {"": ["pause", "cancel"], "done": ["show", "again"], "failed": ["resume", "again"]}
    for ended, buttons in rows.items():
        reported.ended = ended
        monkeypatch.setattr(bridge, "active", lambda run: not run.ended)
        layout = Layout()
        jobs_ui._details(layout, bpy.context, reported)
        names = [name.partition(".")[2] for name, _, _ in layout.operators if name != "galatea.fix"]
        assert names == [*buttons, "copy_command", "save_job_file", "save_files", "open_folder", "forget"]


def test_a_job_that_passes_says_so(reported: Run) -> None:
    reported.stages[-1]["short"] = []
    assert "passes the gate Game" in drawn(jobs_ui.GALATEA_PT_jobs).text


def test_again_from_here_makes_only_that_and_what_follows(addon: Any, bridge: Any, fake: Any) -> None:
    first = fake({"text": "a"}, {"text": "b"})
    bridge.finish(first, bpy.context)
    assert first.state == "done", first.failure
    bpy.ops.galatea.again()
    assert [stage["cached"] for stage in bridge.runs[0].stages] == [True, True]
    bpy.ops.galatea.again(step="fake")
    again = bridge.runs[0]
    assert again.redone == "fake" and [stage["cached"] for stage in again.stages] == [False, False]
    assert "--from fake" in again.command(Path("out"))
    bpy.ops.galatea.again()
    assert bridge.runs[0].redone == "", "once"


def test_a_gate_ends_the_run_with_a_report_as_the_command_does(addon: Any, photo: Path, tmp_path: Path) -> None:
    addon.image = bpy.data.images.load(str(photo))
    addon.gate = "game"
    run = plan.generate(bpy.context)
    assert run.gate == "game" and run.steps[-1]["do"] == "report" and run.scene
    options = parser().parse_args(shlex.split(run.command(tmp_path))[1:])
    recipe, _ = order_of(options).plan()
    assert [step.do for step in recipe.steps] == [step["do"] for step in run.steps]
    assert recipe.steps[-1].params["gate"] == run.steps[-1]["params"]["gate"]


def test_copied_files_stay_together(tmp_path: Path) -> None:
    files = {}
    for role, name in (("model", "mesh.gltf"), ("model_bin", "mesh.bin")):
        (tmp_path / "job").mkdir(exist_ok=True)
        files[role] = tmp_path / "job" / name
        files[role].write_text(role)
    (tmp_path / "mine").mkdir()
    assert copy(files, tmp_path / "mine") == tmp_path / "mine"
    (tmp_path / "mine" / "mesh.bin").write_text("the user's own")
    (tmp_path / "mine" / "mesh.gltf").unlink()
    second = copy(files, tmp_path / "mine")
    assert second == tmp_path / "mine" / "mesh-2" and {p.name for p in second.iterdir()} == {"mesh.gltf", "mesh.bin"}
    assert (tmp_path / "mine" / "mesh.bin").read_text() == "the user's own"


def test_an_object_is_checked_and_exported_from_the_window(addon: Any, bridge: Any, tmp_path: Path) -> None:
    bpy.ops.mesh.primitive_monkey_add()
    assert (
        bpy.ops.galatea.check() == {"FINISHED"} and "968 faces, not watertight." in drawn(jobs_ui.GALATEA_PT_jobs).text
    )
    addon.gate = "print"
    assert bpy.ops.galatea.check() == {"FINISHED"}
    run = bridge.runs[0]
    assert run.state == "done" and not run.filmed and run.short, run.failure
    assert "falls short of the gate 3D print" in drawn(jobs_ui.GALATEA_PT_jobs).text
    (tmp_path / "mine").mkdir()
    addon.steps.export.format = "obj"
    assert bpy.ops.galatea.export_object(directory=str(tmp_path / "mine")) == {"FINISHED"}
    assert {"mesh.obj", "mesh.mtl", "mesh.obj.galatea.json"} <= {p.name for p in (tmp_path / "mine").iterdir()}
    assert bpy.ops.galatea.export_object(directory=str(tmp_path / "mine")) == {"FINISHED"}
    second = f"Saved in {tmp_path / 'mine' / 'mesh-2'}".replace(" ", "")
    for panel in (jobs_ui.GALATEA_PT_jobs, steps_ui.GALATEA_PT_export):
        assert second in drawn(panel).text.replace(" ", ""), "where it went, for it is not where it was told to go"
    with pytest.raises(RuntimeError, match="Choose a folder"):
        bpy.ops.galatea.export_object(directory=str(tmp_path / "nowhere"))
    addon.steps.viewer.title = "My monkey"
    assert bpy.ops.galatea.page(directory=str(tmp_path / "mine")) == {"FINISHED"}
    assert (tmp_path / "mine" / "mesh.glb").is_file(), "a page is of a GLB, whatever the panel exports"
    assert "<title>My monkey</title>" in (tmp_path / "mine" / "viewer.html").read_text("utf-8")
