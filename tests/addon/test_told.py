# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panel says stands where it is looked for, and is not cut off."""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import numpy as np

from galatea.addon import props, wanted
from galatea.addon.ops.jobs import GALATEA_OT_forget
from galatea.addon.preferences import GalateaPreferences
from galatea.addon.runs import Run
from galatea.addon.ui import draw, gallery, jobs, models, panel, scene, steps
from galatea.backend.flow import Stage
from galatea.backend.protocol.catalog import catalog
from galatea.backend.protocol.job import Failure, JobState, Result
from galatea.backend.protocol.recipe import names

from .drawn import Layout, drawn


def test_why_weights_did_not_come_stands_under_the_button(addon: Any, photo: Path, monkeypatch: Any) -> None:
    from galatea.addon import environment, models

    addon.image = bpy.data.images.load(str(photo))
    addon.backend = "triposr"
    monkeypatch.setattr(environment, "needed", lambda step: False)
    monkeypatch.setattr(models.work, "error", "The hub cannot be reached.")
    for doing, told in (("triposr", True), ("triposg", False)):
        monkeypatch.setattr(models, "doing", doing)
        assert ("The hub cannot be reached." in drawn(panel.GALATEA_PT_main).text) is told


def test_no_line_is_wider_than_the_panel() -> None:
    context = SimpleNamespace(region=SimpleNamespace(width=284), preferences=bpy.context.preferences)
    layout = Layout()
    draw.text(layout, "The file of it is not there: /home/WILHELMINA/MAMMOTHS/WOOLLY/MAMMOTH.JPG", context=context)
    lines = [words for words, _ in layout.words]
    assert "".join(lines).endswith("MAMMOTH.JPG") and all(draw.fits(line, context, 92) for line in lines)


def test_what_the_check_found_is_told_whole(addon: Any, monkeypatch: Any) -> None:
    from galatea.addon import environment
    from galatea.addon.ui import preferences

    found = "Failed: cutout-97837e3a7fe94fc17b6b, 50 min ago: " + "Paint the subject white on black. " * 4
    what, _, rest = found.strip().partition(": ")
    monkeypatch.setattr(environment.doctor, "findings", [{"state": "warn", "what": what, "found": rest}])
    layout = Layout()
    preferences._doctor(layout, bpy.context)
    lines = [words for words, _ in layout.words if words]
    assert " ".join(lines).endswith(found.strip()) and all(draw.fits(line, bpy.context, 92) for line in lines)


def test_what_the_check_found_is_in_sight_where_the_page_opens(addon: Any, monkeypatch: Any) -> None:
    """F3 opens the preferences: above the policy and the models, which are longer than the window."""
    from galatea.addon import environment
    from galatea.addon.ui import preferences

    monkeypatch.setattr(environment.doctor, "said", "Saved /home/ada/report.zip")
    layout = Layout()
    prefs = SimpleNamespace(layout=layout, bl_rna=GalateaPreferences.bl_rna, server="", show_models=False)
    preferences.draw_preferences(prefs, bpy.context)
    lines = [words for words, _ in layout.words]
    assert lines.index("Saved /home/ada/report.zip") < lines.index("What May Be Used (also by the command line)")


def test_what_the_policy_refuses_is_told_where_it_was_typed(addon: Any) -> None:
    from galatea.addon import preferences, terms
    from galatea.addon.ui.preferences import _policy

    prefs = SimpleNamespace(bl_rna=GalateaPreferences.bl_rna)
    for typed, told in (("England", True), ("FR", False)):
        preferences._store(territory=typed)
        layout = Layout()
        _policy(layout, prefs, bpy.context)
        assert ("letters such as DE, not 'England'" in " ".join(words for words, _ in layout.words)) is told
    assert terms.get("territory") == "FR"


def test_a_failure_is_told_where_its_button_is(addon: Any, bridge: Any, monkeypatch: Any) -> None:
    """At the top it would push the button of a part out from under the mouse."""
    why = Failure("There is nothing to bind.", hint="Fit a skeleton first.")
    rig = Run("Owl: Rig", "", [{"do": "skeleton", "params": {}}], {"scene": "owl.blend"})
    made = Run("Owl", "", [{"do": "lift", "params": {}}], {"image": "owl.png"})
    bridge.history()
    rows: list[float] = []
    monkeypatch.setattr(Layout, "template_icon", lambda self, scale, **_: rows.append(scale), raising=False)
    panels = (panel.GALATEA_PT_main, steps.GALATEA_PT_rig, steps.GALATEA_PT_film, jobs.GALATEA_PT_jobs)
    for run, places in ((rig, [0, 1, 0, 1]), (made, [1, 0, 0, 0])):
        run.fail(why)
        bridge.runs.insert(0, run)
        bridge.sync(select=run.id)
        bridge.notice = why
        assert [drawn(each).text.count(why.message) for each in panels] == places, run.title
        bridge.notice = None
        assert why.message in drawn(jobs.GALATEA_PT_jobs).text, "with the job, once the top tells something else"
    assert jobs.PICTURE <= rows[0] < rows[2] == jobs.ROOM, "what is told takes the picture's room: panels below stay"


def test_a_job_of_a_part_is_told_in_its_panel_from_the_click_on(addon: Any, bridge: Any, fake: Any) -> None:
    """With all that it needs first: a mesh without bones is rigged before it moves."""
    rows = [{"do": do, "params": {}} for do in ("skeleton", "bind", "move")]
    move, other = Run("Owl: Move", "", rows, {"scene": "owl.blend"}), fake({"text": "a"})
    bridge.history()
    bridge.runs[:0] = [move, other]
    bridge.engine.current = other
    bridge.engine.queue.append(move)
    panels = (steps.GALATEA_PT_move, steps.GALATEA_PT_rig, scene.GALATEA_PT_simulate)

    def waits() -> list[bool]:
        return ["Waits for its turn" in drawn(each).text for each in panels]

    assert waits() == [True, False, False]
    bridge.engine.queue[:] = [Run("Balls: Read", "", [{"do": addon.parser, "params": {}}], {})]
    assert waits() == [False, False, True]
    bridge.engine.queue.clear()
    bridge.engine.current = None
    move.fail(Failure("It has no limbs."))
    bridge.notice = Failure("It has no limbs.")
    assert "It has no limbs." in drawn(steps.GALATEA_PT_move).text
    assert "It has no limbs." not in drawn(steps.GALATEA_PT_rig).text


def test_a_comparison_is_told_under_its_button(addon: Any, bridge: Any, fake: Any) -> None:
    compared = Run("Owl: Relief", "photo_to_views", [{"do": "relief", "params": {}}], {"image": "owl.png"})
    painted = Run("Owl: Pictures", "words_to_mesh", [{"do": "imagine", "params": {}}], {}, scene=False)
    compared.gallery, painted.gallery = compared.id, painted.id
    bridge.engine.current = fake({"text": "a"})
    for run, waits in ((painted, False), (compared, True)):
        bridge.engine.queue[:] = [run]
        assert ("Waits for its turn" in drawn(gallery.GALATEA_PT_compare).text) is waits
    bridge.engine.queue.clear()
    bridge.engine.current = None


def test_warnings_of_a_scene_in_words_stand_under_its_buttons(addon: Any, bridge: Any) -> None:
    built = Run("Balls: Build", "", [{"do": "build", "params": {}}], {"spec": "scene.json"}, ended="done")
    built.add(Stage("build", Result("build-1", JobState.DONE, warnings=["The cup stands in the wall."]), cached=False))
    bridge.history()
    bridge.runs.insert(0, built)
    made = bpy.data.collections.new("Balls")
    made["galatea_run"], made["galatea_role"] = built.id, "asset"
    assert "The cup stands in the wall." in drawn(scene.GALATEA_PT_simulate).text
    bridge.runs.insert(0, Run("Owl: Move", "", [{"do": "move", "params": {}}], {"scene": "owl.blend"}))
    assert "The cup stands in the wall." not in drawn(scene.GALATEA_PT_simulate).text


def test_a_refusal_is_told_where_its_button_is(addon: Any, bridge: Any, monkeypatch: Any) -> None:
    """At the top it would be out of sight, and push the button out from under the mouse."""
    monkeypatch.setattr(wanted, "blocked_step", lambda settings, step: "")
    obj = bpy.data.objects.new("Nothing", bpy.data.meshes.new("Nothing"))
    bpy.context.scene.collection.objects.link(obj)
    bpy.context.view_layer.objects.active = obj
    parts = (
        panel.GALATEA_PT_main, steps.GALATEA_PT_move, steps.GALATEA_PT_film, steps.GALATEA_PT_film_file,
        scene.GALATEA_PT_simulate,
    )  # fmt: skip
    reading = Run("Balls: Read", "", [{"do": addon.parser, "params": {}}], {})
    reading.fail(Failure("These words are not English."))
    for order, words, place in (
        (lambda: bpy.ops.galatea.move(), "Nothing has no faces.", 1),
        (lambda: bpy.ops.galatea.film(), "Nothing has no faces.", 2),
        (lambda: bpy.ops.galatea.enlarge_film(filepath="/nowhere.mp4"), "Choose a film", 3),
        (lambda: bpy.ops.galatea.scene_open(filepath="/nowhere.json"), "nowhere.json", 4),
        (lambda: bridge._ended(reading, "failed"), "These words are not English.", 4),
    ):
        bridge.runs[:] = [reading] if place == 4 else []
        with contextlib.suppress(RuntimeError):
            order()
        assert [words in drawn(each).text for each in parts] == [number == place for number in range(5)], words


def test_what_the_parser_lacks_is_had_where_the_panel_says(addon: Any) -> None:
    addon.parser = "scene_server"
    said = " ".join(drawn(scene.GALATEA_PT_simulate).text.split())
    assert "Accept its terms under Model" in said
    compared = drawn(gallery.GALATEA_PT_compare).text
    assert "ComfyUI: has terms" in compared and "Model shows the one that is chosen as Backend." in compared
    given = [each.backend for name, each, _ in drawn(models.GALATEA_PT_models).operators if "accept_terms" in name]
    assert given == ["scene_server"]
    addon.parser = "scene_grammar"
    assert "Language model" not in drawn(models.GALATEA_PT_models).text


def test_a_folder_that_takes_no_files_is_told_under_export(addon: Any, bridge: Any, tmp_path: Path) -> None:
    made = tmp_path / "mesh.glb"
    made.write_bytes(b"glTF")
    run = Run("Owl: Export", "", [{"do": "export", "params": {}}], {"scene": "owl.blend"}, ended="done")
    run.folder = str(tmp_path / "mesh.glb" / "mine")
    run.files = lambda store: {"model": made}  # type: ignore[method-assign]
    bridge._save(run)
    assert bridge.notice and bridge.notice.kind == "output" and not run.saved
    told = " ".join(drawn(steps.GALATEA_PT_export).text.split())
    assert "Cannot write to" in told and "or choose another folder." in told
    assert "Cannot write to" not in drawn(panel.GALATEA_PT_main).text


def test_an_older_job_of_the_same_film_gets_its_picture_too(bridge: Any, monkeypatch: Any) -> None:
    def film(job: str, state: JobState) -> Run:
        run = Run("Owl: Film", "", [{"do": "film", "params": {}}], {"scene": "owl.blend"}, scene=False)
        run.add(Stage("film", Result(job, state), cached=False))
        return run

    bridge.history()
    cancelled, other = film("film-1", JobState.CANCELLED), film("film-2", JobState.DONE)
    done = film("film-1", JobState.DONE)
    bridge.runs[:0] = [done, cancelled, other, Run("Owl", "", [], {})]
    seen: list[Run] = []
    monkeypatch.setattr(bridge, "_picture", lambda run, store: seen.append(run))
    bridge._ended(done, "done")
    assert seen == [done, cancelled]


def test_old_jobs_have_their_pictures_too_one_at_a_time(bridge: Any, home: Path, monkeypatch: Any) -> None:
    for number in range(25):
        Run(f"Owl {number}", "", [{"do": "lift", "params": {}}], {}, ended="done").save(home / "runs")
    seen: list[str] = []
    monkeypatch.setattr(bridge, "_picture", lambda run, store: seen.append(run.id))
    bridge.forget()
    bridge.history()
    assert len(seen) == 20 and not bridge.idle
    while not bridge.idle:
        bridge.tick()
    assert sorted(seen) == sorted(run.id for run in bridge.runs) and len(seen) == 25


def test_the_chosen_job_stays_in_sight_whatever_the_filter(addon: Any, bridge: Any) -> None:
    """The buttons below the list are for it."""
    bridge.history()
    bridge.runs[:0] = [Run(title, "", [], {}) for title in ("Owl", "Toad", "Cat")]
    bridge.sync(select=bridge.runs[0].id)
    state = bpy.context.window_manager.galatea
    for invert, flags in ((False, [1, 1, 0]), (True, [0, 1, 0])):
        me = SimpleNamespace(filter_name="Toad", bitflag_filter_item=1, use_filter_invert=invert)
        assert jobs.GALATEA_UL_jobs.filter_items(me, bpy.context, state, "jobs") == (flags, [])
    me.filter_name = ""
    assert jobs.GALATEA_UL_jobs.filter_items(me, bpy.context, state, "jobs") == ([], [])


def test_what_was_undone_is_told_no_more(addon: Any, bridge: Any) -> None:
    def done(title: str, step: str, told: dict[str, Any]) -> Any:
        run = Run(title, "", [{"do": step, "params": {}}], {"scene": "owl.blend"}, ended="done")
        run.stages = [{"step": step, "job": "1", "state": "done", "seconds": 1, "cached": False, **told}]
        bridge.runs.insert(0, run)
        return run

    bridge.history()
    listed = {"catalogue": "Owls", "warnings": ["It has no material."]}
    for part, run in (
        (steps.GALATEA_PT_asset, done("Owl: Asset", "asset", listed)),
        (scene.GALATEA_PT_simulate, done("Balls", "build", {"warnings": ["It has no material."]})),
    ):
        bridge.runs.sort(key=lambda each, run=run: each is not run)
        assert "It has no material." not in drawn(part).text and "Asset Browser" not in drawn(part).text
        made = bpy.data.collections.new(run.title)
        made["galatea_run"], made["galatea_role"] = run.id, "asset"
        assert "It has no material." in drawn(part).text


def test_nothing_is_ticked_that_was_not_looked_at(addon: Any) -> None:
    """A Python of the user's own may be none that has torch: the check says so, on the same page."""
    from galatea.addon.ui.preferences import STATES

    assert [state for state, (_, icon) in STATES.items() if icon == "CHECKMARK"] == ["ready"]


def test_the_numbers_of_items_survive_a_float_and_differ() -> None:
    """The menus of 4.3 pass them through one."""
    lists = [param.choices for spec in catalog().values() for param in spec.params if param.choices]
    lists += [tuple(catalog()), *(names(kind) for kind in ("recipes", "quality", "gates", "lights", "looks"))]
    for items in lists:
        numbers = [props.number(name) for name in items]
        assert len(set(numbers)) == len(numbers) and numbers == [int(np.float32(each)) for each in numbers]


def test_the_question_before_a_job_leaves_the_list_names_it() -> None:
    asked: dict[str, Any] = {}
    manager = SimpleNamespace(invoke_confirm=lambda *_, **told: asked.update(told))
    operator = SimpleNamespace(
        which=lambda _: SimpleNamespace(id="suzi-1", title="Suzi: Asset"), run="", bl_label="Remove"
    )
    GALATEA_OT_forget.invoke(operator, SimpleNamespace(window_manager=manager), None)
    assert "“Suzi: Asset”" in asked["message"] and operator.run == "suzi-1"
