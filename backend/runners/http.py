# SPDX-License-Identifier: GPL-3.0-or-later
"""Models on a server of the team's (`galatea serve`), Blender here: one runner that sends each request to its place.

A step that goes there is carried out like any other, by `worker.execute`, in a thread of this process; only its `run`
asks the server. So a result, a cancel and a failure are what they are everywhere.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from typing import Any, NamedTuple

from ..protocol.catalog import spec_of
from ..protocol.errors import UserError
from ..protocol.event import Done, Event
from ..protocol.job import Failure, JobState, Request, Result
from ..protocol.spec import BackendSpec
from ..protocol.store import JobStore
from .runtimes import Dispatch, Runtimes

TASKS = ("image-to-mesh", "image-to-cutout", "check")
"""What a server does for others, beside all that has weights."""
SENT = ("image", "mask", "cutout", "film")
"""What can be sent to it for that; words need not be sent."""
TOGETHER = 4
"""So many steps are asked for at once: the server has a queue and looks at several at once where it can."""


def served(spec: BackendSpec) -> bool:
    """The step is done on a server. What asks a server of its own, and what needs a scene, is not."""
    if spec.runtime == "blender" or spec.remote or not set(spec.inputs + spec.optional) <= set(SENT):
        return False
    return spec.task in TASKS or any(param.kind == "weights" for param in spec.params)


class _Asked(NamedTuple):
    turn: int
    number: int
    request: Request


class HttpRunner:
    """`url` of the server; `local` runs all other steps. `key` comes before GALATEA_REMOTE_KEY.

    `offline` refuses a server on another machine. `away` in s: so long a server that was there may be gone, to be
    started again.
    """

    def __init__(
        self,
        store: JobStore,
        local: Dispatch,
        url: str,
        *,
        key: str = "",
        offline: bool = False,
        connect: float = 10.0,
        stall: float = 60.0,
        away: float = 300.0,
    ) -> None:
        self._store, self._local = store, local
        self._params = {"url": url, "connect_s": connect, "stall_s": stall, "away_s": away}
        self._key, self._offline = key, offline
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._waiting: dict[str, _Asked] = {}
        self._going: dict[str, threading.Thread] = {}
        self._number = 0

    @property
    def blender(self) -> str:
        """Which Blender runs the scene steps; it is the one here."""
        return self._local.blender

    def submit(self, request: Request, *, turn: int = 0) -> None:
        if not served(spec_of(request.backend)):
            self._local.submit(request, turn=turn)
            return
        self._store.add(request)
        self._number += 1
        if request.id not in self._going:
            self._waiting.setdefault(request.id, _Asked(turn, self._number, request))

    def poll(self) -> list[Event]:
        events = self._local.poll()
        while not self._events.empty():
            event = self._events.get()
            if isinstance(event, Done):
                self._going.pop(event.job, None)
            events.append(event)
        while self._waiting and len(self._going) < TOGETHER:
            _, _, request = min(self._waiting.values())
            del self._waiting[request.id]
            thread = threading.Thread(target=self._carry_out, args=(request,), daemon=True, name=request.id)
            self._going[request.id] = thread
            thread.start()
        return events

    def cancel(self, job: str, *, gently: bool = False) -> None:
        """A step on the server has nothing to lose, so that `gently` means nothing there."""
        if self._waiting.pop(job, None):
            cancelled = Result(job, JobState.CANCELLED, failure=Failure("Cancelled.", "cancelled"))
            if not self._store.result(job):
                self._store.publish(cancelled)
            self._events.put(Done(job))
        elif job in self._going:
            self._store.cancel(job)
        else:
            self._local.cancel(job, gently=gently)

    def close(self) -> None:
        """Stop what the server does for us, without waiting long for it."""
        self._waiting.clear()
        for job in self._going:
            self._store.cancel(job)
        for thread in self._going.values():
            thread.join(2.0)
        self._local.close()

    def _carry_out(self, request: Request) -> None:
        from ..worker.execute import execute, explain
        from .http_step import HttpStep

        def load(step: str) -> Any:
            return HttpStep(spec_of(step), self._params, key=self._key, offline=self._offline)

        try:
            execute(self._store, request.id, load, self._events.put)
        except Exception as error:  # such as a full disk, when the result was to be written
            with contextlib.suppress(OSError):
                self._store.publish(Result(request.id, JobState.FAILED, failure=explain(error)))
            self._events.put(Done(request.id))


def make(
    store: JobStore, *, address: str = "", runtimes: Runtimes, timeout: float | None = None, key: str = ""
) -> HttpRunner:
    """For `--runner http --address URL`; raises `UserError` where no address is given."""
    address = address or os.environ.get("GALATEA_SERVER", "")
    if not address:
        text = "--runner http needs the server: --address http://gpu.example.org:8420, or set GALATEA_SERVER."
        raise UserError(text, kind="usage")
    return HttpRunner(store, Dispatch(store, runtimes, timeout=timeout), address, key=key)
