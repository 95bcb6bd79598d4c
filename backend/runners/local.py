# SPDX-License-Identifier: GPL-3.0-or-later
"""Run in one warm child process. It may crash, hang or print what it likes: each job ends in a result."""

from __future__ import annotations

import contextlib
import errno
import os
import queue
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from ..protocol.event import Done, Event, Log, decode
from ..protocol.job import Failure, JobState, Request, Result
from ..protocol.store import JobStore

CANCEL_GRACE_SECONDS = 1.0
_UNWANTED = ("PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "LD_LIBRARY_PATH", "LD_PRELOAD", "VIRTUAL_ENV")
"""What another program set for its own Python and libraries must not reach ours."""


def child_environment() -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if name not in _UNWANTED}
    return {**env, "PYTHONNOUSERSITE": "1", "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"}


class LocalRunner:
    """Jobs run one after another in a child process, started when first needed and again after a death.

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
        self._waiting: deque[str] = deque()
        self._current: str | None = None
        self._events: list[Event] = []
        self._kill_at: float | None = None
        self._started = 0.0
        self._why = ""

    @property
    def log_path(self) -> Path:
        return self._store.root / "logs" / f"{self._name}-{os.getpid()}.log"

    @property
    def pid(self) -> int | None:
        """The child process, None while none is alive."""
        return self._process.pid if self._process else None

    def submit(self, request: Request) -> None:
        self._store.add(request)
        self._waiting.append(request.id)

    def cancel(self, job: str) -> None:
        """Ask first; `poll` kills the process when it has not listened within the grace period."""
        if job in self._waiting:
            self._waiting.remove(job)
            self._finish(job, JobState.CANCELLED, Failure("Cancelled.", "cancelled"))
        elif job == self._current:
            grace = 0.0
            if self._store.claimant(job) in (None, self.pid):
                self._store.cancel(job)
                grace = CANCEL_GRACE_SECONDS
            # else another process does the job for its own asker, and ours only waits for it
            self._kill_at = self._kill_at or time.monotonic() + grace
            self._why = "cancelled"

    def rest(self) -> None:
        """Ask an idle child to let go of its models: another program needs the memory now."""
        if self._process and self._process.stdin and not self._current:
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
            self._finish(self._current, JobState.CANCELLED, Failure("Cancelled.", "cancelled"))
            self._current = None
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
            if isinstance(event, Done):
                if event.job == self._current:
                    self._current, self._kill_at = None, None
                self._events.append(event)
            elif isinstance(event, Log) and not event.job:
                self._write_log(event.text)
            else:
                self._events.append(event)

    def _enforce(self) -> None:
        now = time.monotonic()
        if self._current and self._timeout and not self._kill_at and now - self._started > self._timeout:
            self._kill_at, self._why = now, "timeout"
        if self._kill_at and now >= self._kill_at and self._process:
            self._kill_at = None
            self._kill(self._process)
            self._died()

    def _died(self) -> None:
        process, self._process = self._process, None
        job, self._current = self._current, None
        self._kill_at = None
        if not process:
            return
        code = process.wait()
        if not job:
            return  # an idle worker harms nobody
        if self._store.result(job):
            self._events.append(Done(job))  # it had published before it died
        elif self._why == "cancelled":
            self._finish(job, JobState.CANCELLED, Failure("Cancelled.", "cancelled"))
        elif self._why == "timeout":
            message = f"Stopped after {self._timeout:g} seconds. Give it more time with --timeout."
            self._finish(job, JobState.FAILED, Failure(message, "timeout"))
        else:
            message = f"The {self._name} process ended with exit code {code}. Run it again."
            hint = f"The last lines of its log are in the trace; the log is {self.log_path}."
            if code == -signal.SIGKILL:
                hint = f"Too little memory is the usual reason: choose a lower quality. {hint}"
            self._finish(job, JobState.FAILED, Failure(message, "backend", hint, self._tail()))
        self._why = ""

    def _next(self) -> None:
        while self._waiting and not self._current:
            job = self._waiting.popleft()
            if self._store.result(job):
                self._events.append(Done(job))
                continue
            try:
                if not self._process:
                    self._start()
            except OSError as error:
                full = error.errno in (errno.ENOSPC, errno.EDQUOT)
                message = f"Cannot start {self._command[0]}: {error.strerror}. "
                message += "Free some space." if full else "Check the path in the preferences."
                self._finish(job, JobState.FAILED, Failure(message, "output" if full else "environment"))
                continue
            self._current, self._started, self._why = job, time.monotonic(), ""
            try:
                assert self._process and self._process.stdin
                self._process.stdin.write(job + "\n")
                self._process.stdin.flush()
            except OSError:
                self._died()

    def _start(self) -> None:
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
                errors="replace",
                env={**child_environment(), **self._environment},
                start_new_session=True,  # a Ctrl-C in the terminal is ours to pass on, not the child's to guess
            )
        assert self._process.stdout
        thread = threading.Thread(target=self._pump, args=(self._process.pid, self._process.stdout), daemon=True)
        thread.start()

    def _pump(self, pid: int, stdout: IO[str]) -> None:
        with contextlib.suppress(ValueError):
            for line in stdout:
                self._lines.put((pid, line))
        self._lines.put((pid, None))

    def _kill(self, process: subprocess.Popen[str]) -> None:
        """With all its children; a process that is gone already is no error."""
        with contextlib.suppress(OSError):
            if os.name == "nt":
                process.kill()
            else:
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _finish(self, job: str, state: JobState, failure: Failure) -> None:
        """Publish how the job ended, unless it has a result, or another process is at it."""
        with contextlib.suppress(OSError):
            if not self._store.result(job) and self._store.state(job) is not JobState.RUNNING:
                self._store.publish(Result(job, state, failure=failure, started=time.time()))
        self._events.append(Done(job))

    def _write_log(self, text: str) -> None:
        with contextlib.suppress(OSError), self.log_path.open("a", encoding="utf-8") as log:
            log.write(text + "\n")

    def _tail(self, lines: int = 20) -> str:
        try:
            return "\n".join(self.log_path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
        except OSError:
            return ""
