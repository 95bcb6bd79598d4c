# SPDX-License-Identifier: GPL-3.0-or-later
"""Between Blender's window and the runs: one runner, one queue, looked at by one timer.

All state is plain Python and names: undo and loading a file rebuild Blender's data, and pointers to it would die.
"""

from __future__ import annotations

import contextlib
import errno
import time
from collections import deque
from pathlib import Path

import bpy

from ..backend.protocol import scene as scenes
from ..backend.protocol.errors import UserError
from ..backend.protocol.job import Failure
from ..backend.protocol.store import JobStore
from . import cast, exchange, gallery, helper, objects, plan, prefs, previews, props, runs, windows
from .engine import Engine, Live, explain
from .runs import Run
from .windows import redraw


class Bridge:
    """Everything that this Blender knows about runs."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """As it was when Blender started."""
        self.runs: list[Run] = []
        self.notice: Failure | None = None
        """Why the last thing could not be started or failed."""
        self.refused: tuple[str, ...] = ()
        """The steps of what could not be started, where a part of the panel asked for them."""
        self.epoch = 0
        """Counts loaded files: what was asked in one file is not put into another."""
        self.shown: dict[str, tuple[gallery.Item, ...]] = {}
        """What each run has for its gallery, looked up when it ended: panels may not read the disk."""
        self.engine = Engine(self._changed, self._ended, lambda: self.runs)
        self._ready: deque[Run] = deque()
        self._unseen: deque[Run] = deque()
        self._home: dict[str, tuple[int, str]] = {}
        self._folder: Path | None = None
        self._known = self._stale = False
        self._watched = (0.0, "")
        """When the running film was last looked at, and where it stood."""

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
        return self.engine.current

    @property
    def live(self) -> Live:
        return self.engine.live

    @property
    def waiting(self) -> int:
        return len(self.engine.queue)

    @property
    def idle(self) -> bool:
        return not (self.engine.busy or self._ready or self._unseen or helper.running)

    def find(self, run: str) -> Run | None:
        return next((each for each in self.runs if each.id == run), None)

    def chosen(self, context: bpy.types.Context) -> Run | None:
        """The run whose row is active in the list."""
        state = context.window_manager.galatea
        return self.find(state.jobs[state.active].name) if 0 <= state.active < len(state.jobs) else None

    def film(self, context: bpy.types.Context) -> Run | None:
        """The run whose film is to be opened: the chosen one, else the newest that has one."""
        runs = (self.chosen(context), *self.runs)
        return next((run for run in runs if run and run.filmed and run.state == "done"), None)

    def on_show(self, context: bpy.types.Context) -> list[Run]:
        """The runs of the gallery to look at: that of the job chosen in the list, else the newest of the open file."""
        found = gallery.galleries(self.runs)
        run = self.chosen(context)
        here = (runs for runs in found.values() if any(map(self.at_home, runs)))
        return found.get(run.gallery if run else "") or next(here, [])

    def item(self, key: str) -> gallery.Item | None:
        """The thing of this key in any gallery."""
        return next((item for items in self.shown.values() for item in items if item.key == key), None)

    def place(self, run: Run) -> int:
        """Where it stands in the queue, from 1; 0 where it does not wait."""
        waiting = self.engine.waiting
        return waiting.index(run) + 1 if run in waiting else 0

    def active(self, run: Run) -> bool:
        """It waits or runs in this Blender. Of what others run we only know what they wrote last."""
        return run is self.current or run in self.engine.queue

    def at_home(self, run: Run) -> bool:
        """The file that it was asked for in is still open: the names of its objects mean these objects."""
        return self._home.get(run.id, (-1, ""))[0] == self.epoch

    def held(self, run: Run) -> bool:
        """Its result waits for the user to leave edit mode."""
        return run in self._ready

    def seconds_left(self) -> float | None:
        """Of the running run, where it is known."""
        return self.engine.seconds_left()

    # what operators do

    def start(self, run: Run, context: bpy.types.Context) -> None:
        """Put the run into the queue; the timer does the rest."""
        self.notice = None
        self.history()
        self._enqueue(run, (self.epoch, context.scene.name))
        windows.wake()

    def _enqueue(self, run: Run, home: tuple[int, str]) -> None:
        self._home[run.id] = home
        try:
            run.save(self._records)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise
            message = f"Cannot write to {self.folder}: {error.strerror}. Choose another data folder."
            raise UserError(message, kind="output") from None
        self.runs.insert(0, run)
        self.engine.queue.append(run)
        self.sync(select=run.id)

    def finish(self, run: Run, context: bpy.types.Context) -> None:
        """Start the run and wait for its end and its film's, for scripts and `blender --background`."""
        self.start(run, context)
        while not run.ended or self.engine.busy:
            self.tick()
            time.sleep(0.02)
        if run in self._ready:
            self._ready.remove(run)
            self._deliver(run)

    def again(self, run: Run, redone: str = "") -> Run:
        """The same order as a new run, from a step on all anew; in another file it replaces nothing."""
        new = run.again(redone)
        if not self.at_home(run):
            new.replaces = []
        return new

    def fixed(self, run: Run, fix: str) -> Run:
        """The order with what mends its result, in whose place the new one comes."""
        if not run.takes(fix):
            raise UserError(f"{fix} is for a step of another job. Run that one again with it.")
        new, made = run.fixed(fix), objects.found(run.id)
        new.replaces = [obj.name for obj in made.all_objects] if made and self.at_home(run) else []
        return new

    def cancel(self, run: Run) -> None:
        self.engine.cancel(run)
        redraw()

    def pause(self, run: Run) -> None:
        """Let it rest where it stands: a film after its frame. It may go on in another session."""
        self.engine.pause(run)
        redraw()

    def resume(self, run: Run, context: bpy.types.Context | None = None) -> None:
        """The same run once more: what is done, frames too, is not done again. In another file, or another session, it
        replaces nothing, and what it makes comes into the file that is open.
        """
        if self.active(run) or run.state in ("done", "running"):
            return
        run.resume()
        if not self.at_home(run):
            self._home[run.id], run.replaces = (self.epoch, context.scene.name) if context else (-1, ""), []
        self.shown.pop(run.id, None)
        run.save(self._records)
        self.engine.queue.append(run)
        redraw()
        windows.wake()

    def move(self, run: Run, way: int) -> None:
        """One place up (-1) or down (1) among those of its priority that wait."""
        alike = [each for each in self.engine.waiting if each.priority == run.priority]
        there = alike.index(run) + way if run in alike else -1
        if 0 <= there < len(alike):
            other = alike[there]
            run.rank, other.rank = other.rank, run.rank
            for each in (run, other):
                each.save(self._records)
            redraw()

    def prefer(self, run: Run, priority: int) -> None:
        run.priority = priority
        run.save(self._records)
        redraw()

    def remove(self, run: Run) -> None:
        if not self.active(run):
            self.runs.remove(run)
            self.shown.pop(run.id, None)
            runs.remove(self._records, run)
            self.sync()

    def complain(self, error: Exception, steps: tuple[str, ...] = ()) -> str:
        """Show in the panel why something could not be started; returns the text for the status bar."""
        self.notice, self.refused = explain(error), steps
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
        self._unseen = deque(old[20:])
        for run in old[:20]:
            self._picture(run, store)
        self.sync()

    def reload(self) -> None:
        """Another data folder: forget what was read from the one before, as soon as nothing runs there."""
        self._stale = not self.idle
        if self._stale:
            return
        self.close()
        self.runs, self.shown, self._known, self._folder = [], {}, False, None
        self.sync()
        windows.wake()

    def renew(self) -> None:
        """Another Python or another environment: the next run gets new processes."""
        self.engine.renew()

    def close(self) -> None:
        """End all child processes; what is finished is on the disk, and what is not can go on in the next session."""
        for each in list(helper.running):
            each.stop()
        for run in self.engine.close():
            run.paused = True
            with contextlib.suppress(OSError):  # no disk to write to: then it counts as interrupted
                run.save(self._records)
        self._ready.clear()

    # what the timer does

    def tick(self) -> None:
        """One look at everything; never blocks."""
        self.history()
        for each in list(helper.running):
            if each.tick() and each.renews:
                self.renew()
        self.engine.tick(self.store)
        self._watch()
        if self._unseen:
            self._picture(self._unseen.popleft(), self.store)
        if self._ready and (bpy.app.background or windows.may_change_file()):
            self._deliver(self._ready.popleft())
        if self._stale and self.idle:
            self.reload()
            self.history()  # at once: with nothing to look at the timer rests

    def _changed(self, run: Run | None) -> None:
        if run:
            run.save(self._records)
        redraw()

    def _ended(self, run: Run, state: str) -> None:
        run.save(self._records)
        self._picture(run, self.store)
        made = [stage["job"] for stage in run.stages[-1:]]
        for each in self.runs:  # one of the same film that was cancelled has its picture now too
            if each is not run and made and made == [stage["job"] for stage in each.stages[-1:]]:
                self._picture(each, self.store)
        if run.failure:
            self.notice, self.refused = Failure(**run.failure), ()
        if state == "done" and (run.scene or run.reads) and not run.gallery and self.at_home(run):
            self._ready.append(run)
        if state == "done" and run.film:
            self._film(run)
        if state == "done" and run.folder:
            self._save(run)
        redraw()

    def _watch(self) -> None:
        """Let the list show the newest frame of the running film, looked for once a second and only where it moved."""
        now, (last, stood) = time.monotonic(), self._watched
        run, live = self.current, self.live
        if not run or live.step != "film" or now - last < 1.0 or live.phase == stood or bpy.app.background:
            return
        self._watched = now, live.phase
        folder = self.store.folder(self.engine.job) / "keep" / "frames" if self.engine.job else None
        if folder and folder.is_dir():
            frames = [path for path in folder.glob("*.png") if ".part" not in path.name]
            if frames:
                previews.watch(run.id, max(frames, key=lambda path: path.stat().st_mtime_ns))

    def _picture(self, run: Run, store: JobStore) -> None:
        """Look up what it shows in the list and in its gallery."""
        previews.show(run.id, run.picture(store))
        self.shown[run.id] = gallery.items(run, store)
        for item in self.shown[run.id]:
            previews.show(item.key, item.beside, item.picture)

    def _save(self, run: Run) -> None:
        """Where the user wanted the files; they stay in the store too."""
        try:
            run.saved = str(runs.copy(run.files(self.store), Path(run.folder)))
            run.save(self._records)
        except (UserError, OSError) as error:
            self.complain(error, tuple(row["do"] for row in run.steps))

    def _film(self, run: Run) -> None:
        """The recipe goes on to a film: a run of its own, while the object is in the file already."""
        try:
            self._enqueue(plan.film_of(run, self.store, self._records), self._home[run.id])
        except (UserError, OSError) as error:
            self.complain(error)

    def _deliver(self, run: Run) -> None:
        """Bring the result into the open file, as one undo step."""
        if not self.at_home(run):
            return  # another file was opened while it waited; "Show in Scene" brings it on demand
        try:
            scene = self._home[run.id][1]
            run.replaces = list(dict.fromkeys((*run.replaces, *self._earlier(run))))
            run.save(self._records)
            keep(run, scene)
        except Exception as error:  # the result stays on the disk and can be shown again
            self.complain(error)

    def _earlier(self, run: Run) -> list[str]:
        """Names of what stands where the result comes, from earlier runs of the same name."""
        alike = (each.id for each in self.runs if (each.title, each.at) == (run.title, run.at) and each is not run)
        return [obj.name for asset in map(objects.found, alike) if asset for obj in asset.all_objects]

    def rivals(self, run: Run) -> list[str]:
        """Names of what stands where its result does: what that replaced, what replaced it or the same, and so on."""
        known = set(run.replaces) if self.at_home(run) else set()  # in another file the names are other objects
        made = {each.id: asset for each in self.runs if (asset := objects.found(each.id))}
        names = {key: {obj.name for obj in asset.all_objects} for key, asset in made.items()}
        groups = [names[each.id] | set(each.replaces) for each in self.runs if each.id in names]
        own = names.get(run.id, set())
        place = known | own
        for _ in groups:
            place = place.union(*(group for group in groups if group & place))
        return sorted((place & known.union(*names.values())) - own)

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


def show(context: bpy.types.Context, run: Run) -> None:
    """Select what the run made; bring it into the file where it is not. The caller makes the undo step."""
    if run.reads:
        cast.load(props.settings(context).cast, scenes.read(run.files(bridge.store)["spec"]))
        return
    blend = run.files(bridge.store).get("scene") if run.scene else None
    at = run.at if any(run.at) or "scene" in run.inputs else None
    exchange.show(context, blend, run=run.id, name=run.title.partition(":")[0], at=at, hide=bridge.rivals(run))


def keep(run: Run, scene: str) -> None:
    """Bring what the run made into the open file, through the window of this scene, as one undo step."""
    windows.as_undo_step(lambda context: show(context, run), scene, f"Galatea: {run.title}")
