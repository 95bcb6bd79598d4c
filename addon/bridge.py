# SPDX-License-Identifier: GPL-3.0-or-later
"""Between Blender's window and the runs: one runner, one timer, one queue.

All state is plain Python and names: undo and loading a file rebuild Blender's data, and pointers to it would die.
"""

from __future__ import annotations

import atexit
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ..backend.flow import Drive, Stage, StepFailed, walk
from ..backend.protocol.errors import UserError
from ..backend.protocol.event import Event, Log, Progress
from ..backend.protocol.job import Failure, JobState
from ..backend.protocol.store import JobStore
from . import prefs, previews, runs
from .runs import Run

if TYPE_CHECKING:
    from ..backend.runners.runtimes import Dispatch

_BUSY = ("TRANSFORM_OT_", "SCULPT_OT_", "PAINT_OT_", "VIEW3D_OT_", "MESH_OT_", "OBJECT_OT_")
"""Modal operators in whose middle nothing may be brought into the file."""


@dataclass
class Live:
    """Where the running run is: measured, never simulated."""

    step: str = ""
    index: int = 0
    total: int = 1
    phase: str = ""
    fraction: float = 0.0
    since: float = 0.0
    log: str = ""


class Bridge:
    """Everything that this Blender knows about runs."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """As it was when Blender started."""
        self.runs: list[Run] = []
        self.notice: Failure | None = None
        """The last thing that could not even be started, for the panel."""
        self.live = Live()
        self.epoch = 0
        """Counts loaded files: what was asked in one file is not put into another."""
        self.tasks: list[Any] = []
        """Other processes to look at, such as the installer: `tick()` says when they have ended."""
        self._runner: Dispatch | None = None
        self._drive: Drive | None = None
        self._current: Run | None = None
        self._queue: deque[Run] = deque()
        self._ready: deque[Run] = deque()
        self._home: dict[str, tuple[int, str]] = {}
        self._folder: Path | None = None
        self._known = self._stale = self._outdated = False
        self._cancelling = False

    # what the panel asks

    @property
    def folder(self) -> Path:
        """The data folder that these runs are in; another one counts when all that runs has ended."""
        return self._folder or prefs.data_folder()

    @property
    def store(self) -> JobStore:
        return JobStore(self.folder / "jobs")

    @property
    def _records(self) -> Path:
        return self.folder / "runs"

    @property
    def current(self) -> Run | None:
        return self._current

    @property
    def waiting(self) -> int:
        return len(self._queue)

    @property
    def idle(self) -> bool:
        return not (self._drive or self._queue or self._ready or self.tasks)

    def find(self, run: str) -> Run | None:
        return next((each for each in self.runs if each.id == run), None)

    def chosen(self, context: bpy.types.Context) -> Run | None:
        """The run whose row is active in the list."""
        state = context.window_manager.galatea
        return self.find(state.jobs[state.active].name) if 0 <= state.active < len(state.jobs) else None

    def active(self, run: Run) -> bool:
        """It waits or runs in this Blender. Of what others run we only know what they wrote last."""
        return run is self._current or run in self._queue

    def at_home(self, run: Run) -> bool:
        """The file that it was asked for in is still open: the names of its objects mean these objects."""
        return self._home.get(run.id, (-1, ""))[0] == self.epoch

    def held(self, run: Run) -> bool:
        """Its result waits for the user to leave edit mode."""
        return run in self._ready

    def seconds_left(self) -> float | None:
        """Known only where each step that is to come was measured before, or the running one says enough itself."""
        run, live = self._current, self.live
        if not run:
            return None
        usual = runs.usual_seconds(self.runs)
        spent = time.monotonic() - live.since
        if live.fraction >= 0.1 and spent >= 1.0:
            left = spent / live.fraction * (1 - live.fraction)
        elif live.step in usual:
            left = max(usual[live.step] - spent, 0.0)
        else:
            return None
        later = [step["do"] for step in run.steps[live.index + 1 :]]
        if any(step not in usual for step in later):
            return None
        return left + sum(usual[step] for step in later)

    # what operators do

    def start(self, run: Run, context: bpy.types.Context) -> None:
        """Put the run into the queue; the timer does the rest."""
        self.notice = None
        self.history()
        self._enqueue(run, (self.epoch, context.scene.name))
        wake()

    def _enqueue(self, run: Run, home: tuple[int, str]) -> None:
        self._home[run.id] = home
        run.save(self._records)
        self.runs.insert(0, run)
        self._queue.append(run)
        self.sync(select=run.id)

    def finish(self, run: Run, context: bpy.types.Context) -> None:
        """Start the run and wait for its end and its film's, for scripts and `blender --background`."""
        self.start(run, context)
        while not run.ended or self._drive or self._queue:
            self.tick()
            time.sleep(0.02)
        if run in self._ready:
            self._ready.remove(run)
            self._deliver(run)

    def again(self, run: Run) -> Run:
        """The same order as a new run; in another file it replaces nothing."""
        new = run.again()
        if not self.at_home(run):
            new.replaces = []
        return new

    def cancel(self, run: Run) -> None:
        if run in self._queue:
            self._queue.remove(run)
            self._end(run, None, "cancelled")
        elif run is self._current and self._drive:
            self._cancelling = True
            self.live.phase = "Cancelling"
            self._drive.cancel()
        redraw()

    def remove(self, run: Run) -> None:
        if not self.active(run):
            self.runs.remove(run)
            runs.remove(self._records, run)
            self.sync()

    def complain(self, error: Exception) -> str:
        """Show in the panel why something could not be started; returns the text for the status bar."""
        self.notice = explain(error)
        redraw()
        return self.notice.message

    def history(self) -> None:
        """Read the runs of earlier sessions, once."""
        if self._known:
            return
        self._known, self._folder = True, prefs.data_folder()
        store, mine = self.store, {run.id for run in self.runs}
        old = [run for run in runs.load(self._records) if run.id not in mine]
        for run in old:
            run.disown()
        self.runs = sorted([*self.runs, *old], key=lambda run: run.id, reverse=True)
        for run in old[:20]:
            previews.show(run.id, run.picture(store))
        self.sync()

    def reload(self) -> None:
        """Another data folder: forget what was read from the one before, as soon as nothing runs there."""
        self._stale = not self.idle
        if self._stale:
            return
        self.close()
        self.runs, self._known, self._folder = [], False, None
        self.sync()
        wake()

    def renew(self) -> None:
        """Another Python or another environment: the next run gets new processes."""
        self._outdated = True

    def close(self) -> None:
        """End all child processes; what is finished is on the disk."""
        for task in self.tasks:
            task.stop()
        self.tasks.clear()
        if self._runner:
            self._runner.close()
            atexit.unregister(self.close)
        for run in [self._current, *self._queue]:
            if run and not run.ended:
                run.fail(None, "cancelled")
                run.save(self._records)
        self._runner = self._drive = self._current = None
        self._cancelling = False
        self._queue.clear()
        self._ready.clear()

    # what the timer does

    def tick(self) -> None:
        """One look at everything; never blocks."""
        self.history()
        for task in list(self.tasks):
            if task.tick():
                self.tasks.remove(task)
                redraw()
        if not self._drive and self._queue:
            self._begin(self._queue.popleft())
        if self._drive and self._current:
            self._push(self._current, self._drive)
        if self._ready and (bpy.app.background or _may_change_file()):
            self._deliver(self._ready.popleft())
        if self._stale and self.idle:
            self.reload()
            self.history()  # at once: with nothing to look at the timer rests

    def _begin(self, run: Run) -> None:
        if self._outdated and self._runner:
            self._runner.close()
            atexit.unregister(self.close)
            self._runner = None
        if not self._runner:
            from ..backend.runners.runtimes import Dispatch, Runtimes

            program = bpy.app.binary_path
            runtimes = Runtimes.here(blender=program, full_python=prefs.full_python())
            self._runner = Dispatch(self.store, runtimes)
            self._outdated = False
            atexit.register(self.close)
        inputs = {role: Path(path) for role, path in run.inputs.items()}
        steps = walk(run.recipe, inputs, self.store, seed=run.seed, blender=self._runner.blender)
        self._current = run
        self._step(run)
        self._drive = Drive(steps, self.store, self._runner, on_event=self._event, on_stage=self._stage)

    def _push(self, run: Run, drive: Drive) -> None:
        try:
            ended = drive.tick()
            if self._cancelling and not ended:
                drive.cancel()  # again: the step may have ended before it looked, and another one begun
        except StepFailed as error:
            result = error.stage.result
            failed = result.state is not JobState.CANCELLED
            self._end(run, result.failure, "failed" if failed else "cancelled")
        except Exception as error:  # a bad input, a full disk: the run ends and says why
            self._end(run, explain(error), "failed")
        else:
            if ended:
                self._end(run, None, "done")

    def _end(self, run: Run, failure: Failure | None, state: str) -> None:
        if run is self._current:
            self._drive = self._current = None
            self._cancelling, self.live = False, Live()
        run.fail(failure, state)
        run.save(self._records)
        previews.show(run.id, run.picture(self.store))
        if state == "done" and run.scene and self.at_home(run):
            self._ready.append(run)
        if state == "done" and run.film:
            self._film(run)
        redraw()

    def _film(self, run: Run) -> None:
        """The recipe goes on to a film: a run of its own, while the object is in the file already."""
        from . import plan

        try:
            self._enqueue(plan.film_of(run, self.store, self._records), self._home[run.id])
        except (UserError, OSError) as error:
            self.complain(error)

    def _step(self, run: Run) -> None:
        index = min(len(run.stages), len(run.steps) - 1)
        step = run.steps[index]["do"]
        phase = "Cancelling" if self._cancelling else "Starting"
        self.live = Live(step, index, len(run.steps), phase, 0.0, time.monotonic(), self.live.log)

    def _event(self, step: str, event: Event) -> None:
        if isinstance(event, Progress) and not self._cancelling:
            self.live.phase, self.live.fraction = event.phase, event.fraction
        elif isinstance(event, Log):
            self.live.log = event.text
        redraw()

    def _stage(self, stage: Stage) -> None:
        run = self._current
        if run:
            run.add(stage)
            run.save(self._records)
            self._step(run)
        redraw()

    def _deliver(self, run: Run) -> None:
        """Bring the result into the open file, as one undo step."""
        if not self.at_home(run):
            return  # another file was opened while it waited; "Show in Scene" brings it on demand
        manager = bpy.context.window_manager
        windows, (_, scene) = list(manager.windows) if manager else [], self._home[run.id]
        window = next((w for w in windows if w.scene.name == scene), windows[0] if windows else None)
        try:
            if bpy.app.background or window is None:
                show(bpy.context, run)
                return
            with bpy.context.temp_override(window=window):
                show(bpy.context, run)
                bpy.ops.ed.undo_push(message=f"Galatea: {run.title}")
        except Exception as error:  # the result stays on the disk and can be shown again
            self.complain(error)

    def sync(self, select: str = "") -> None:
        """Let the list's rows be the runs. Rows hold ids only."""
        for manager in bpy.data.window_managers:
            state = manager.galatea
            state.jobs.clear()
            for run in self.runs:
                state.jobs.add().name = run.id
            if select:
                state.active = next((i for i, run in enumerate(self.runs) if run.id == select), 0)
            state.active = min(state.active, max(len(self.runs) - 1, 0))
        redraw()


bridge = Bridge()


def explain(error: Exception) -> Failure:
    from ..backend.worker.execute import explain as told  # only when something went wrong: it loads much

    return told(error)


def show(context: bpy.types.Context, run: Run) -> None:
    """Select what the run made; bring it into the file where it is not. The caller makes the undo step."""
    from . import exchange, objects

    asset = objects.found(run.id)
    if asset and any(obj.name in context.view_layer.objects for obj in asset.all_objects):
        exchange.select(context, asset)
        return
    blend = run.files(bridge.store).get("scene")
    if not run.scene or blend is None:
        raise UserError("The files of this run are gone. Run it again.", kind="output")
    hide = run.replaces if bridge.at_home(run) else []  # in another file the names are other objects
    exchange.append(context, blend, run=run.id, name=run.title.partition(":")[0], at=run.at, hide=hide)


def redraw() -> None:
    """Have the panels drawn anew."""
    manager = bpy.context.window_manager
    for window in manager.windows if manager else ():
        for area in window.screen.areas:
            if area.type in {"VIEW_3D", "PREFERENCES"}:
                area.tag_redraw()


def _may_change_file() -> bool:
    """Not in the middle of the user's edit: edit mode has an undo of its own, and a drag must not lose its object."""
    if any(bpy.app.is_job_running(job) for job in ("RENDER", "OBJECT_BAKE")):
        return False  # it reads the file in another thread
    manager = bpy.context.window_manager
    for window in manager.windows if manager else ():
        if any(op.bl_idname.startswith(_BUSY) for op in getattr(window, "modal_operators", ())):
            return False
        obj = window.view_layer.objects.active
        if obj and obj.mode != "OBJECT":
            return False
    return True


def _pump() -> float | None:
    """The one timer; it stops by itself when there is nothing to look at."""
    try:
        bridge.tick()
    except Exception as error:  # a timer that raises is dropped by Blender, and the queue would stand still
        bridge.complain(error)
    if bridge.idle:
        return None
    settings = prefs.get()
    return settings.poll_seconds if settings else 0.1


def wake(first: float = 0.01) -> None:
    if not bpy.app.background and not bpy.app.timers.is_registered(_pump):
        bpy.app.timers.register(_pump, first_interval=first, persistent=True)


@bpy.app.handlers.persistent
def _file_loaded(*_: Any) -> None:
    bridge.epoch += 1
    bridge.sync()


def register() -> None:
    bpy.app.handlers.load_post.append(_file_loaded)
    wake(first=0.5)  # the list of earlier runs, read when Blender has started


def unregister() -> None:
    if bpy.app.timers.is_registered(_pump):
        bpy.app.timers.unregister(_pump)
    if _file_loaded in bpy.app.handlers.load_post:
        bpy.app.handlers.load_post.remove(_file_loaded)
    bridge.close()
    bridge.forget()
