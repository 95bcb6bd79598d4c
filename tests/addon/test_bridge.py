# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs go through the queue, real worker processes and back; trouble ends in words that help."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import pytest

from galatea.addon import engine, prefs, runs
from galatea.addon.ops import jobs, queue
from galatea.backend.protocol.errors import UserError

from .conftest import PATIENCE, tick_until


def test_a_run_ends_with_its_file(bridge: Any, fake: Callable[..., Any]) -> None:
    run = fake({"text": "moin"}, seed=7)
    bridge.finish(run, bpy.context)
    assert run.state == "done" and run.stages[0]["state"] == "done"
    assert run.files(prefs.store())["text"].read_text() == "moin 7\n"
    assert bridge.idle


def test_runs_wait_for_each_other_and_all_end(bridge: Any, fake: Callable[..., Any]) -> None:
    several = [fake({"text": str(i), "seconds": 0.1}) for i in range(3)]
    for run in several:
        bridge.start(run, bpy.context)
    assert bridge.waiting == 3 and [run.state for run in several] == ["queued"] * 3
    order = []
    tick_until(bridge, lambda: (bridge.current and order.append(bridge.current.title)) or bridge.idle)
    assert [run.state for run in several] == ["done"] * 3
    rows = [row.name for row in bpy.context.window_manager.galatea.jobs]
    assert rows == [run.id for run in reversed(several)] and bridge.chosen(bpy.context) is several[-1]


@pytest.mark.parametrize(
    ("trouble", "words"), [("user", "Choose another"), ("kill", "exit code -9"), ("bug", "ZeroDivisionError")]
)
def test_trouble_is_told_and_the_next_run_works(
    bridge: Any, fake: Callable[..., Any], trouble: str, words: str
) -> None:
    bad, good = fake({"trouble": trouble}), fake({"text": "after"})
    bridge.start(bad, bpy.context)
    bridge.finish(good, bpy.context)
    assert bad.state == "failed" and words in bad.failure["message"]
    assert good.state == "done"


def test_progress_is_what_the_worker_said(bridge: Any, fake: Callable[..., Any]) -> None:
    run = fake({"seconds": 2.0})
    bridge.start(run, bpy.context)
    seen = set()
    tick_until(bridge, lambda: seen.add((bridge.live.phase, round(bridge.live.fraction, 2))) or run.ended)
    waiting = {fraction for phase, fraction in seen if phase == "Waiting"}
    assert len(waiting) > 3 and waiting <= {round(step / 40, 2) for step in range(40)}


def test_cancel_takes_effect_at_once(bridge: Any, fake: Callable[..., Any]) -> None:
    run = fake({"seconds": 60.0})
    bridge.start(run, bpy.context)
    tick_until(bridge, lambda: bridge.live.phase == "Waiting")
    bridge.cancel(run)
    tick_until(bridge, lambda: run.ended)
    assert run.state == "cancelled" and not run.failure


def test_cancel_kills_what_does_not_listen(bridge: Any, fake: Callable[..., Any]) -> None:
    run = fake({"trouble": "hang"})
    bridge.start(run, bpy.context)
    tick_until(bridge, lambda: bridge.live.phase == "Waiting")
    bridge.cancel(run)
    tick_until(bridge, lambda: run.ended)
    assert run.state == "cancelled"


def test_cancel_holds_when_the_step_ends_before_it_looks(bridge: Any, fake: Callable[..., Any]) -> None:
    run = fake({"text": "quick"}, *({"text": str(i), "seconds": 0.2} for i in range(20)))
    bridge.start(run, bpy.context)
    tick_until(bridge, lambda: run.stages and bridge.live.phase == "Waiting")
    before, end = len(run.stages), time.monotonic() + PATIENCE
    while not bridge.store.result(bridge.engine.job):  # the next step ends, and nobody looks
        assert time.monotonic() < end
        time.sleep(0.01)
    bridge.cancel(run)
    tick_until(bridge, lambda: run.ended)
    assert run.state == "cancelled" and len(run.stages) <= before + 2


def test_a_waiting_run_can_be_cancelled(bridge: Any, fake: Callable[..., Any]) -> None:
    first, second = fake({"seconds": 0.3}), fake({"text": "never"})
    bridge.start(first, bpy.context)
    bridge.start(second, bpy.context)
    bridge.tick()
    bridge.cancel(second)
    tick_until(bridge, lambda: bridge.idle)
    assert first.state == "done" and second.state == "cancelled" and not second.stages


def test_loading_a_file_in_the_middle_harms_nothing(bridge: Any, fake: Callable[..., Any]) -> None:
    run = fake({"seconds": 1.5}, scene=True)
    bridge.start(run, bpy.context)
    tick_until(bridge, lambda: bridge.live.phase == "Waiting")
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    tick_until(bridge, lambda: bridge.idle)
    assert run.state == "done" and not bridge.held(run) and bridge.notice is None
    assert [row.name for row in bpy.context.window_manager.galatea.jobs] == [run.id]
    assert not bpy.data.collections, "it was asked for in another file"


def test_a_bad_input_ends_the_run_with_its_fix(bridge: Any, fake: Callable[..., Any], tmp_path: Path) -> None:
    run = fake()
    run.steps, run.inputs = [{"do": "cutout", "params": {}}], {"image": str(tmp_path / "nothing.png")}
    bridge.finish(run, bpy.context)
    assert run.state == "failed" and "Choose another" in run.failure["message"]


def test_the_record_outlives_blender(bridge: Any, fake: Callable[..., Any]) -> None:
    run = fake({"text": "kept"}, settings={"fake": {"text": "kept"}})
    bridge.finish(run, bpy.context)
    (again,) = runs.load(prefs.runs_folder())
    assert vars(again) == vars(run)
    assert again.took > sum(stage["seconds"] for stage in again.stages) > 0, "the start of its process too"
    assert not run.again().took
    assert again.files(prefs.store())["text"].read_text() == "kept 0\n"
    bridge.close()
    bridge.forget()
    bridge.history()
    assert [each.id for each in bridge.runs] == [run.id]


def test_a_run_whose_blender_died_is_interrupted_and_goes_on_where_it_stopped(
    bridge: Any, fake: Callable[..., Any]
) -> None:
    first = fake({"text": "one"}, {"text": "two"})
    bridge.finish(first, bpy.context)
    child = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    path = prefs.runs_folder() / f"{first.id}.json"
    data = json.loads(path.read_text())
    data.update(ended="", stages=data["stages"][:1], owner=[data["owner"][0], int(child.stdout)])
    path.write_text(json.dumps(data))
    (prefs.runs_folder() / "broken.json").write_text("{")
    (found,) = runs.load(prefs.runs_folder())
    assert found.state == "interrupted"
    again = found.again()
    bridge.finish(again, bpy.context)
    assert again.state == "done" and [stage["cached"] for stage in again.stages] == [True, True]


def test_a_step_that_takes_long_is_the_greater_part_of_the_whole() -> None:
    assert engine.Live(index=1, total=2, fraction=0.5).done == 0.75
    assert engine.Live(index=1, total=2, fraction=0.5, shares=(1.0, 9.0)).done == pytest.approx(0.55)


def test_what_is_shown_never_goes_back_and_ends_full() -> None:
    live, shown = engine.Live(total=2), []
    for index, fraction, shares in (
        (0, 0.5, ()), (1, 0.0, ()), (1, 0.1, ()), (1, 0.1, (1.0, 99.0)), (1, 0.5, (1.0, 99.0)), (1, 1.0, (1.0, 99.0)),
    ):  # fmt: skip
        live.index, live.fraction, live.shares = index, fraction, shares
        live.advance()
        shown.append(live.whole)
    assert shown[:3] == pytest.approx([0.25, 0.5, 0.55]), "as it is done"
    assert shown[3] == shown[2], "the second step takes 99 times as long as the first: found out late"
    assert shown[3] < shown[4] < 0.8 and shown[5] == pytest.approx(1.0)


def test_a_step_never_done_before_is_weighed_by_what_it_says_itself(
    bridge: Any, fake: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = fake({}, {}, {})
    now = time.monotonic()
    kept, done = {"step": "a", "state": "done", "cached": True, "seconds": 9.0}, {"step": "b", "state": "done"}
    run.stages = [kept, {**done, "cached": False, "seconds": 10.0}]
    told = engine.Live(index=2, total=3, fraction=0.25, since=now - 10.0)
    monkeypatch.setattr(bridge.engine, "live", told)
    told.shares = bridge.engine._shares(run)
    assert told.shares == pytest.approx((0.0, 10.0, 40.0), rel=0.01)
    assert told.done == pytest.approx(0.4, rel=0.01), "20 of 50 seconds, not two steps of three"


def test_a_first_film_is_long_against_what_comes_before_it(
    bridge: Any, fake: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = fake({}, {}, {})
    told: dict[str, dict[str, Any]] = {"fake": {}, "camera": {"seconds": 2.0}, "film": {}}
    run.steps = [{"do": do, "params": params} for do, params in told.items()]
    done = {"state": "done", "cached": False, "seconds": 3.0}
    run.stages = [{**done, "step": "fake"}, {**done, "step": "camera"}]
    monkeypatch.setattr(bridge.engine, "live", engine.Live(index=2, total=3))
    assert bridge.engine._shares(run) == (3.0, 3.0, 48 * engine.FRAME)
    run.steps[2]["params"]["frames"] = 5
    assert bridge.engine._shares(run) == (3.0, 3.0, 5 * engine.FRAME)


def test_time_left_is_told_only_when_it_is_known(bridge: Any, fake: Callable[..., Any]) -> None:
    first = fake({"seconds": 0.3})
    bridge.start(first, bpy.context)
    bridge.tick()
    assert bridge.seconds_left() is None
    tick_until(bridge, lambda: first.ended)
    second = fake({"seconds": 0.4}, {"seconds": 0.5})
    bridge.start(second, bpy.context)
    bridge.tick()
    left = bridge.seconds_left()
    assert left is not None and 0 < left < 3
    assert len(bridge.live.shares) == 2 and bridge.live.whole < 0.5
    tick_until(bridge, lambda: bridge.idle)
    finer = fake({"seconds": 0.6}, quality="high")
    bridge.start(finer, bpy.context)
    bridge.tick()
    assert bridge.seconds_left() is None, "how long a coarser one took says nothing"
    tick_until(bridge, lambda: finer.ended)


def test_closing_ends_the_processes(bridge: Any, fake: Callable[..., Any]) -> None:
    run = fake({"seconds": 60.0})
    bridge.start(run, bpy.context)
    tick_until(bridge, lambda: bridge.live.phase == "Waiting")
    pid = bridge.engine.runner._runners["bundled"].pid
    os.kill(pid, 0)
    bridge.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    (kept,) = runs.load(prefs.runs_folder())
    assert kept.state == "paused", "it can go on in the next session"


def test_another_data_folder_counts_when_all_has_ended(
    bridge: Any, fake: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, there = fake({"seconds": 0.3}), fake({"text": "elsewhere"}), fake(ended="done")
    there.save(tmp_path / "other" / "runs")
    bridge.start(first, bpy.context)
    bridge.tick()
    old = prefs.store()
    monkeypatch.setenv("GALATEA_HOME", str(tmp_path / "other"))
    bridge.reload()
    assert bridge.runs == [first] and bridge.folder == tmp_path / "home"
    tick_until(bridge, lambda: bridge.idle)
    assert first.state == "done" and first.files(old) and not (tmp_path / "other" / "jobs").exists()
    assert [run.ended for run in runs.load(tmp_path / "home" / "runs")] == ["done"]
    assert (
        [run.id for run in bridge.runs] == [there.id] == [row.name for row in bpy.context.window_manager.galatea.jobs]
    )
    bridge.finish(second, bpy.context)
    assert second.state == "done" and second.files(prefs.store()) and not second.files(old)


def test_a_data_folder_that_cannot_be_is_told_with_what_to_do(
    bridge: Any, fake: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "notes.txt").write_text("no folder")
    monkeypatch.setenv("GALATEA_HOME", str(tmp_path / "notes.txt"))
    with pytest.raises(UserError, match=r"notes\.txt: .*Choose another data folder"):
        bridge.start(fake(), bpy.context)
    assert not bridge.runs and bridge.idle


def test_a_new_environment_gets_new_processes(bridge: Any, fake: Callable[..., Any]) -> None:
    pids = []
    for text in ("one", "two", "three"):
        bridge.finish(fake({"text": text}), bpy.context)
        pids.append(bridge.engine.runner._runners["bundled"].pid)
        if text == "two":
            bridge.renew()
    assert pids[0] == pids[1] != pids[2]


def test_only_in_its_own_file_does_a_result_hide_what_it_replaces(
    bridge: Any, fake: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from galatea.addon import bridge as bridges
    from galatea.addon import exchange

    hidden: list[list[str]] = []
    monkeypatch.setattr(exchange, "append", lambda *_, hide, **__: hidden.append(hide))
    monkeypatch.setattr(runs.Run, "files", lambda *_: {"scene": Path("x.blend")})
    run = fake(scene=True, replaces=["Cube"])
    bridge.start(run, bpy.context)
    bridge.cancel(run)
    bridges.show(bpy.context, run)
    assert bridge.again(run).replaces == ["Cube"]
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bridges.show(bpy.context, run)
    assert hidden == [["Cube"], []]
    assert bridge.again(run).replaces == []


def test_a_late_click_on_cancel_starts_nothing(
    bridge: Any, fake: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """*Run Again* and *Go On* take the place of the buttons of a running job. Without a window no click comes."""
    run = fake({"seconds": 60.0})
    bridge.start(run, bpy.context)
    bridge.cancel(run)
    tick_until(bridge, lambda: run.ended)
    said: list[str] = []
    click = SimpleNamespace(which=lambda _: run, report=lambda _, text: said.append(text))
    for operator in (jobs.GALATEA_OT_again, queue.GALATEA_OT_resume):
        assert operator.invoke(click, bpy.context, None) == {"CANCELLED"} and bridge.idle and len(bridge.runs) == 1
    assert said == ["It has just ended. Click again to let it run"] * 2
    monkeypatch.setattr(engine, "SLIP", 0.0)
    assert jobs.slipped(click, run) == set()


@pytest.mark.parametrize(("host", "state"), [("", "interrupted"), ("elsewhere", "running")])
def test_a_dead_run_can_be_done_again_and_removed(bridge: Any, fake: Callable[..., Any], host: str, state: str) -> None:
    first = fake({"text": "one"})
    bridge.finish(first, bpy.context)
    first.ended = ""
    first.owner = [host or first.owner[0], first.owner[1]]  # the number of this process, as after a restart
    first.save(prefs.runs_folder())
    bridge.close()
    bridge.forget()
    bridge.history()
    (found,) = bridge.runs
    assert found.state == state and not bridge.active(found)
    assert bpy.ops.galatea.again() == {"FINISHED"}
    bpy.context.window_manager.galatea.active = 1
    assert bridge.chosen(bpy.context) is found and bpy.ops.galatea.forget() == {"FINISHED"}
    assert found not in bridge.runs and len(list(runs.load(prefs.runs_folder()))) == 1


def test_a_result_is_shown_in_object_mode_only(bridge: Any, fake: Callable[..., Any]) -> None:
    bridge.runs = [fake(scene=True, ended="done")]
    bridge.sync()
    bpy.ops.mesh.primitive_cube_add()
    assert bpy.ops.galatea.show.poll()
    bpy.ops.object.mode_set(mode="EDIT")
    assert not bpy.ops.galatea.show.poll()
    bpy.ops.object.mode_set(mode="OBJECT")


def test_files_are_saved_beside_those_that_are_there(bridge: Any, fake: Callable[..., Any], tmp_path: Path) -> None:
    run = fake({"text": "moin"})
    bridge.finish(run, bpy.context)
    mine = tmp_path / "mine"
    mine.mkdir()
    for _ in range(3):
        assert bpy.ops.galatea.save_files(directory=str(mine)) == {"FINISHED"}
    name = run.files(prefs.store())["text"]
    saved = {path.relative_to(mine).as_posix() for path in mine.rglob("*.txt")}
    assert saved == {name.name, f"{name.stem}-2/{name.name}", f"{name.stem}-3/{name.name}"}, "under their own names"
    (mine / name.name).write_text("the user's")
    name.unlink()
    with pytest.raises(RuntimeError, match="gone"):
        bpy.ops.galatea.save_files(directory=str(mine))
    assert (mine / name.name).read_text() == "the user's"


def test_a_full_disk_while_saving_is_told(
    bridge: Any, fake: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno
    import shutil

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    bridge.finish(fake({"text": "moin"}), bpy.context)
    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(RuntimeError):
        bpy.ops.galatea.save_files(directory=str(tmp_path))
    assert bridge.notice
