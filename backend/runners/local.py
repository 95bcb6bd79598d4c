# SPDX-License-Identifier: GPL-3.0-or-later
"""Run in one warm child process. It may crash, hang or print what it likes: each job ends in a result."""

from __future__ import annotations

import contextlib
import errno
import math
import os
import queue
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ..protocol import child
from ..protocol.catalog import catalog, spec_of, written
from ..protocol.event import Done, Event, Log, decode
from ..protocol.job import Failure, JobState, Request, Result
from ..protocol.store import JobStore

CANCEL_GRACE_SECONDS = 1.0
_UNWANTED = ("PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "LD_LIBRARY_PATH", "LD_PRELOAD", "VIRTUAL_ENV")
"""What another program set for its own Python and libraries must not reach ours."""
_OURS = {
    "PYTHONNOUSERSITE": "1", "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1",
    "ORT_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_TELEMETRY": "1",
}  # fmt: skip
"""No library reports to its maker what is done here."""


def child_environment() -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if name not in _UNWANTED}
    return {**env, **_OURS}


class Asked(NamedTuple):
    turn: int
    request: Request


class LocalRunner:
    """Jobs run one after another in a child process, started when first needed and again after a death.

    Those of a step that takes several at once (`BackendSpec.batch`) go out together where their parameters agree. When
    the process dies over several, each is tried once more alone, so that the one at fault fails itself only.

    `command` gets the store's folder where it says `{store}`. `timeout` in seconds ends a job; None waits for ever.
    `environment` comes on top of `child_environment`.
    """

    def __init__(
        self,
        store: JobStore,
        command: Sequence[str],
        *,
        name: str,
        timeout: float | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._store, self._name, self._timeout = store, name, timeout
        self._environment = dict(environment or {})
        self._command = [str(store.root) if part == "{store}" else part for part in command]
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[tuple[int, str | None]] = queue.Queue()
        self._waiting: dict[str, Asked] = {}
        self._current: dict[str, Asked] = {}
        """The jobs of the line that is out and have not ended."""
        self._stopping: dict[str, float] = {}
        """Those of them that were asked to stop, and from when on force is used."""
        self._together = False
        """There were several jobs in that line."""
        self._unread = False
        """The process was there before that line, and has said nothing since: it may have died before it read it."""
        self._alone: set[str] = set()
        """Jobs over which the process died in company."""
        self._warm = ""
        """The step of that line: the process has what it needs."""
        self._events: list[Event] = []
        self._started = 0.0

    @property
    def log_path(self) -> Path:
        return self._store.root / "logs" / f"{self._name}-{os.getpid()}.log"

    @property
    def pid(self) -> int | None:
        """The child process, None while none is alive."""
        return self._process.pid if self._process else None

    def submit(self, request: Request, *, turn: int = 0) -> None:
        self._store.add(request)
        if request.id not in self._current:  # else its end is told to all who ask
            self._waiting.setdefault(request.id, Asked(turn, request))

    def cancel(self, job: str, *, gently: bool = False) -> None:
        """Ask first; `poll` kills the process when it has not listened within the grace period, unless `gently`.

        It is never killed while it works on others too: then the job ends at its next progress, or at its turn.
        """
        if job in self._waiting:
            del self._waiting[job]
            self._finish(job, JobState.CANCELLED, Failure("Cancelled.", "cancelled"))
        elif job in self._current:
            grace = 0.0
            if self._store.claimant(job) in (None, self.pid):
                self._store.cancel(job)
                grace = math.inf if gently else CANCEL_GRACE_SECONDS
            # else another process does the job for its own asker, and ours only waits for it
            end = time.monotonic() + grace
            self._stopping[job] = min(end, self._stopping.get(job, end))

    def rest(self) -> None:
        """Ask an idle child to let go of its models: another program needs the memory now."""
        if self._process and self._process.stdin and not self._current and not self._waiting:
            with contextlib.suppress(OSError):
                self._process.stdin.write("\n")
                self._process.stdin.flush()

    def poll(self) -> list[Event]:
        """What happened since the last call."""
        self._read()
        self._enforce()
        self._next()
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        """End the child: by closing its input when it idles, by force when it works."""
        process, self._process = self._process, None
        self._waiting.clear()
        if not process:
            return
        with contextlib.suppress(OSError):
            if process.stdin:
                process.stdin.close()
        if self._current:
            self._kill(process)
        for job in self._current:
            self._finish(job, JobState.CANCELLED, Failure("Cancelled.", "cancelled"), since=self._started)
        self._current.clear()
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            self._kill(process)

    def _read(self) -> None:
        while True:
            try:
                pid, line = self._lines.get_nowait()
            except queue.Empty:
                return
            if not self._process or pid != self._process.pid:
                continue  # the last words of a process that is gone
            if line is None:
                self._died()
                return
            event = decode(line)
            self._unread = False
            if isinstance(event, Done):
                self._current.pop(event.job, None)
                self._stopping.pop(event.job, None)
                self._started = time.monotonic()  # each of several has its own time
                with contextlib.suppress(OSError):
                    self.log_path.touch()  # `galatea jobs log` finds by its time whose log it is
                self._events.append(event)
            elif isinstance(event, Log) and not event.job:
                self._write_log(event.text)
            else:
                self._events.append(event)

    def _enforce(self) -> None:
        if not self._current or not self._process:
            return
        now = time.monotonic()
        unheard = set(self._current) <= set(self._stopping) and now >= max(self._stopping.values())
        late = bool(self._timeout) and now - self._started > (self._timeout or 0.0)
        if unheard or late:
            self._kill(self._process)
            self._died(late=late)

    def _died(self, *, late: bool = False) -> None:
        process, self._process = self._process, None
        jobs, self._current = self._current, {}
        stopping, self._stopping = self._stopping, {}
        if not process:
            return
        code = process.wait()
        again = {}
        for job, asked in jobs.items():
            if job in stopping:
                self._finish(job, JobState.CANCELLED, Failure("Cancelled.", "cancelled"), since=self._started)
            elif self._together or (self._unread and not late):
                again[job] = asked
            else:
                why = self._absent(code, job) if not late else None
                why = why or self._why(code, late, asked.request.backend)
                self._finish(job, JobState.FAILED, why, since=self._started)
        if not self._unread:
            self._alone.update(again)
        self._waiting = {**again, **self._waiting}

    def _absent(self, code: int, job: str) -> Failure | None:
        """Of a program that ended by itself and never took the job: it is no Blender, or a broken one."""
        if self._name != "blender" or code < 0 or self._store.state(job) is not JobState.QUEUED:
            return None
        message = f"{self._command[0]} ended with exit code {code} before it began. "
        message += "Check its path: in the preferences, or GALATEA_BLENDER."
        return Failure(message, "environment", f"Its log is {self.log_path}.", self._tail())

    def _why(self, code: int, late: bool, step: str) -> Failure:
        """Of a process that ended in mid job."""
        if late:
            message = f"Stopped after {self._timeout:g} seconds. Give it more time with --timeout."
            return Failure(message, "timeout")
        known = catalog().get(step)
        message = f"The process that did {known.label if known else step} ended with exit code {code}. Run it again."
        script = written(step)
        mend = f"The step is yours: {script.path}. " if script else ""
        hint = f"{mend}Its log is {self.log_path}."
        if code == -signal.SIGKILL:
            hint = f"Too little memory is the usual reason: choose a lower quality. {hint}"
        return Failure(message, "backend", hint, self._tail())

    def _next(self) -> None:
        while self._waiting and not self._current:
            line = self._line()
            for job in [job for job in line if self._store.result(job)]:
                del line[job]
                self._events.append(Done(job))
            if not line:
                continue
            self._unread = self._process is not None
            try:
                if not self._process:
                    self._start()
            except OSError as error:
                full = error.errno in (errno.ENOSPC, errno.EDQUOT)
                message = f"Cannot start {self._command[0]}: {error.strerror}. "
                message += "Free some space." if full else "Check its path: in the preferences, or GALATEA_BLENDER."
                for job in line:
                    self._finish(job, JobState.FAILED, Failure(message, "output" if full else "environment"))
                continue
            self._current, self._together, self._started = line, len(line) > 1, time.monotonic()
            try:
                assert self._process and self._process.stdin
                self._process.stdin.write(" ".join(line) + "\n")
                self._process.stdin.flush()
            except OSError:
                self._died()

    def _line(self) -> dict[str, Asked]:
        """Take the jobs that go out next: the first of the lowest turn, those of the model that is loaded before
        others, and others like it. Blender loads none: there no film goes before a mesh that has waited longer."""
        model = self._name != "blender"
        first = min(self._waiting.values(), key=lambda each: (each.turn, model and each.request.backend != self._warm))
        job, self._warm = first.request.id, first.request.backend
        line, most = {job: first}, spec_of(self._warm).batch
        for other, asked in self._waiting.items():
            alike = (asked.request.backend, asked.request.params) == (self._warm, first.request.params)
            if alike and len(line) < most and not {job, other} & self._alone:
                line[other] = asked
        self._waiting = {other: asked for other, asked in self._waiting.items() if other not in line}
        return line

    def _start(self) -> None:
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            process = self._process = child.start(
                self._command,
                stderr=log,
                env={**child_environment(), **self._environment},
                start_new_session=True,  # a Ctrl-C in the terminal is ours to pass on, not the child's to guess
            )
        child.hear(process, lambda line: self._lines.put((process.pid, line)))

    def _kill(self, process: subprocess.Popen[str]) -> None:
        """With all its children; a process that is gone already is no error."""
        with contextlib.suppress(OSError):
            if os.name == "nt":
                process.kill()
            else:
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _finish(self, job: str, state: JobState, failure: Failure, *, since: float | None = None) -> None:
        """Publish how the job ended, unless it has a result, or another process is at it; `since` when it was at work,
        where it was begun."""
        took = time.monotonic() - since if since is not None else 0.0
        with contextlib.suppress(OSError):
            if not self._store.result(job) and self._store.state(job) is not JobState.RUNNING:
                ended = Result(job, state, failure=failure, started=time.time() - took, seconds=round(took, 3))
                self._store.publish(ended)
        self._events.append(Done(job))

    def _write_log(self, text: str) -> None:
        with contextlib.suppress(OSError), self.log_path.open("a", encoding="utf-8") as log:
            log.write(text + "\n")

    def _tail(self, lines: int = 20) -> str:
        try:
            return "\n".join(self.log_path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
        except OSError:
            return ""
