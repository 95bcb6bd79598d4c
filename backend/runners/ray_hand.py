# SPDX-License-Identifier: GPL-3.0-or-later
"""One place of work as its asker sees it, and one job that is to be done somewhere."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..protocol import parts
from ..protocol.catalog import spec_of
from ..protocol.errors import UserError
from ..protocol.job import Failure, Request, Result
from ..protocol.store import JobStore
from . import ray_cluster, ray_parcel
from .ray_cluster import Needs
from .runtimes import START

if TYPE_CHECKING:
    from .ray import RayRunner

_LOOK_SECONDS = 2.0
"""So long a place of work waits for something to tell before it says that there is nothing."""
_PATIENCE_SECONDS = 30.0
"""So long a result may take from one machine to the next over a shared disk."""
_TROUBLES = {
    "input": "Cannot read an input ({}). Check that it is still there.",
    "output": "Cannot write the result ({}). Free some space and run again.",
}


@dataclass(eq=False)
class Task:
    """A job that has not ended. `hand` does it; `parts` do it in its place; `whole` is what it is a part of."""

    request: Request
    turn: int
    needs: Needs
    hand: Hand | None = None
    sent: bool = False
    cancelled: bool = False
    losses: int = 0
    settles: float = 0.0
    """When a result that may have to do with the loss of a machine is believed, and when a missing one is missing."""
    parts: dict[str, float] = field(default_factory=dict)
    whole: Task | None = None
    shared_out: bool = False
    told: bool = False
    since: float = field(default_factory=time.monotonic)
    _until: float = 0.0

    @property
    def job(self) -> str:
        return self.request.id

    def release(self) -> None:
        """Its machine is gone."""
        self.hand, self.sent, self.settles, self._until = None, False, 0.0, 0.0
        self.losses += 1

    def patience(self) -> bool:
        """Wait for the result a while longer."""
        self._until = self._until or time.monotonic() + _PATIENCE_SECONDS
        self.settles = time.monotonic() + 0.2
        return self.hand is not None and self.hand.shared and time.monotonic() < self._until

    def makers(self, store: JobStore) -> set[str]:
        """The jobs that made its inputs."""
        return {ray_parcel.maker(store, Path(path)) for path in self.request.inputs.values()} - {""}


class Hand:
    """Calls go out in order and nothing waits for them; answers come by `RayRunner.ask`."""

    def __init__(self, runner: RayRunner, offer: dict[str, Any], has: Needs, cpus: int) -> None:
        self._runner, self.has = runner, has
        self._actor = ray_cluster.actor(runner.ray, offer, START, has, cpus)
        self.ready = self.shared = self.gone = False
        self.tasks: list[Task] = []
        self.made: set[str] = set()
        self.served, self.warm = 0, ""
        self._call(lambda said: runner.opened(self, said), "hello")

    def _call(self, then: Callable[[Any], None], method: str, *given: Any) -> None:
        if not self.gone:
            call = self._actor.look if method == "look" else self._actor.call
            self._runner.ask(self, call.remote(method, *given), then)

    def tell(self, method: str, *given: Any) -> None:
        self._call(lambda said: None, method, *given)

    def look(self) -> None:
        def then(lines: list[str]) -> None:
            self._runner.said(lines)
            self.look()

        self._call(then, "look", _LOOK_SECONDS)

    def take(self, tasks: list[Task]) -> None:
        self.tasks += tasks
        for task in tasks:
            task.hand = self
            self.warm = task.request.backend
            if self.shared:
                self._send(task, task.request)
            else:
                self._pack(task)

    def _send(self, task: Task, request: Request) -> None:
        task.sent = True
        self.tell("submit", json.dumps(request.to_json()), task.turn)
        if task.cancelled:
            self.tell("cancel", task.job, False)

    def _pack(self, task: Task) -> None:
        runner, spec = self._runner, spec_of(task.request.backend)
        with self.mind(task, "input"):
            request, files = ray_parcel.pack(runner.store, spec, task.request)
            named = {file.name: file for file in files}

            def then(lacking: list[str]) -> None:
                with self.mind(task, "input"):
                    for name in lacking:
                        pieces = [runner.ray.put(piece) for piece in named[name].pieces()]
                        self.tell("put", name, named[name].sha256, *pieces)
                    self._send(task, request)

            self._call(then, "lacks", [(file.name, file.size) for file in files])

    @contextlib.contextmanager
    def mind(self, task: Task, kind: str) -> Iterator[None]:
        """Trouble with our own disk ends this job, and no other."""
        try:
            yield
        except (OSError, UserError) as error:
            text = str(error) if isinstance(error, UserError) else _TROUBLES[kind].format(error)
            self._runner.finish(task, Failure(text, kind))

    def collect(self, task: Task) -> None:
        """The job has ended over there: have its result here."""
        if self.shared:
            self._runner.ended(task)
            return

        def then(said: dict[str, Any]) -> None:
            if said["result"] is None:
                text = "A machine of the cluster could not write the result. Free some space there and run again."
                self._runner.finish(task, Failure(text, "output"))
                return
            with self.mind(task, "output"):
                files = [(str(name), int(size)) for name, size in said["files"]]
                _Fetch(self, task, Result.from_json(said["result"]), files).next()

        self._call(then, "made", task.job, parts.PART in task.request.params and bool(task.request.params[parts.PART]))

    def done(self, task: Task) -> None:
        if task in self.tasks:
            self.tasks.remove(task)
            self.made.add(task.job)
            self.served += 1
        task.hand = None

    def troubled(self, error: Exception) -> None:
        """A call went wrong over there in a way that no job explains, such as by a full disk."""
        said = str(error).strip().splitlines() or [type(error).__name__]
        for task in list(self.tasks):
            text = f"A machine of the cluster could not take the job: {said[-1][:300]}. Run it again."
            self._runner.finish(task, Failure(text, "backend", "", str(error)[-4000:]))
        self._runner.lost(self, error)

    def end(self) -> Any:
        """Let the child processes go, and then the place, which ends when nobody holds it; returns what to wait for."""
        self.gone = True
        with contextlib.suppress(Exception):  # it may be gone already
            return self._actor.call.remote("close") if self.ready else None

    def kill(self) -> None:
        """At once, if it is still there."""
        self.gone = True
        with contextlib.suppress(Exception):
            self._runner.ray.kill(self._actor)


class _Fetch:
    """Files of a result, piece after piece, proved by their hashes; then the result is published."""

    def __init__(self, hand: Hand, task: Task, result: Result, files: list[tuple[str, int]]) -> None:
        self._hand, self._task, self._result, self._left = hand, task, result, files
        self._known = {asset.path: asset.sha256 for asset in result.assets}
        self._folder = Path(tempfile.mkdtemp(dir=hand._runner.store.folder(task.job), prefix="fetch-", suffix=".part"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)  # however it ends
        self._files: dict[str, Path] = {}
        self._digest, self._at = hashlib.sha256(), 0

    def next(self) -> None:
        runner = self._hand._runner
        while self._left and self._at >= self._left[0][1]:
            name, _ = self._left.pop(0)
            self._file(name).touch()
            if self._digest.hexdigest() != self._known.get(name, self._digest.hexdigest()):
                runner.lost(self._hand, OSError(f"{name} did not arrive whole"))
                return
            self._digest, self._at = hashlib.sha256(), 0
        if self._left:
            name, size = self._left[0]
            size = min(ray_parcel.PIECE, size - self._at)
            self._hand._call(self._take, "piece", self._task.job, name, self._at, size)
            return
        ray_parcel.deliver(runner.store, self._result, self._files)
        runner.ended(self._task)

    def _file(self, name: str) -> Path:
        return self._files.setdefault(name, self._folder / f"{len(self._files)}")

    def _take(self, piece: bytes) -> None:
        name, size = self._left[0]
        with self._hand.mind(self._task, "output"):
            with self._file(name).open("ab") as file:
                file.write(piece)
            self._digest.update(piece)
            self._at = self._at + len(piece) if piece else size
            self.next()


def best(hands: list[Hand], task: Task, waiting: list[Task], store: JobStore) -> Hand | None:
    """Who is free and can: who made its inputs, has its step loaded, and is not needed for more than that."""
    free = [hand for hand in hands if hand.ready and not hand.tasks and task.needs.covered_by(hand.has)]
    if any(other.needs.gpu for other in waiting) and not task.needs.gpu:
        free = [hand for hand in free if not hand.has.gpu]
    made = task.makers(store)
    return max(
        free,
        key=lambda hand: (len(made & hand.made), hand.warm == task.request.backend, not hand.has.gpu),
        default=None,
    )


def alike(task: Task, waiting: list[Task]) -> list[Task]:
    """What a graphics card does at once with this one."""
    most = spec_of(task.request.backend).batch if task.needs.gpu else 1
    same = (task.request.backend, task.request.params)
    found = [t for t in waiting if t is not task and not t.hand and (t.request.backend, t.request.params) == same]
    return found[: most - 1]
