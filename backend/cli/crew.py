# SPDX-License-Identifier: GPL-3.0-or-later
"""Several processes that carry out errands side by side and share the store. Each keeps its models loaded.

A process is given one order a line and answers in lines: what its steps say, then how it ended. One that dies is
replaced, and the errand that it died over is tried once more.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..flow import Stage
from ..protocol import child
from ..protocol import event as events
from ..protocol.errors import UserError
from ..protocol.event import Event
from ..protocol.job import Result
from ..protocol.order import Order
from ..protocol.place import data_folder
from ..runners.local import child_environment
from ..runners.runtimes import START, library_folders
from . import flags
from .errand import Errand, Stopped, carry_out, caught_signals
from .progress import Teller, Tellers

VERB = "carry"
GRACE_SECONDS = 4.0
"""After a signal: then what still runs is killed."""
Ended = Callable[[str, dict[str, Any], dict[str, Any] | None], bool]


@dataclass(eq=False)
class _Hand:
    """One process. `busy` is what it works on."""

    process: subprocess.Popen[str]
    busy: Errand | None = None
    teller: Teller | None = None


@dataclass
class Crew:
    options: argparse.Namespace
    blender: str
    tellers: Tellers
    _hands: list[_Hand] = field(default_factory=list)
    _heard: queue.Queue[tuple[_Hand, str | None]] = field(default_factory=queue.Queue)
    _tried: set[str] = field(default_factory=set)
    """Errands over which a process died."""
    _asked: bool = False
    """All were asked to stop."""

    def carry_out(self, errands: Sequence[Errand], ended: Ended) -> None:
        """Until all have ended, or enough have: `ended` says whether to go on. A signal is passed on."""
        waiting, told, stop = deque(errands), 0, 0.0
        with caught_signals() as caught:
            try:
                while waiting or any(hand.busy for hand in self._hands):
                    if told < len(caught) or (stop and not self._asked):
                        told, waiting, self._asked = len(caught), deque(), True
                        stop = stop or time.monotonic() + GRACE_SECONDS
                        self._pass_on(caught[-1] if caught else signal.SIGTERM)
                    if told > 1 or (stop and time.monotonic() > stop):
                        break
                    while waiting and sum(bool(hand.busy) for hand in self._hands) < self.options.workers:
                        self._give(waiting.popleft())
                    if not self._hear(waiting, ended):
                        stop = stop or time.monotonic() + GRACE_SECONDS
            finally:
                self._close(max(0.5, stop - time.monotonic()) if stop else GRACE_SECONDS)
            number = caught[0] if caught else signal.SIGTERM
            for errand in errands:
                if not errand.data:
                    self._lost(errand, Stopped(number), ended)

    def _give(self, errand: Errand) -> None:
        """To one that idles, else to a new one."""
        hand = next((hand for hand in self._hands if not hand.busy), None) or self._start()
        assert hand.process.stdin and errand.order
        line = {"name": errand.name, "order": errand.order.document(), "out": str(errand.out), "again": errand.again}
        hand.busy, hand.teller = errand, self.tellers.of(errand.name, [step.do for step in errand.recipe.steps])
        with contextlib.suppress(OSError):  # it is dead, as its output will tell
            hand.process.stdin.write(json.dumps(line) + "\n")
            hand.process.stdin.flush()

    def _start(self) -> _Hand:
        options = self.options
        words = [sys.executable, "-P", str(START), VERB, "--blender", self.blender]
        words += ["--timeout", str(options.timeout)] if options.timeout else []
        words += ["--require-gpu"] if options.require_gpu else []
        own = {"GALATEA_HOME": str(data_folder()), "PYTHONPATH": os.pathsep.join(library_folders())}
        hand = _Hand(child.start(words, env={**child_environment(), **own}, start_new_session=True))
        self._hands.append(hand)
        child.hear(hand.process, lambda line: self._heard.put((hand, line)))
        return hand

    def _hear(self, waiting: deque[Errand], ended: Ended) -> bool:
        """Take in what was said; False when enough have ended."""
        go_on = True
        try:
            hand, line = self._heard.get(timeout=0.05)
        except queue.Empty:
            return True
        errand = hand.busy
        if line is None:
            self._hands.remove(hand)
            code = hand.process.wait()
            if errand and not self._asked and errand.name not in self._tried:
                self._tried.add(errand.name)
                waiting.appendleft(errand)
            elif errand and not self._asked:
                cause = UserError(f"Its process ended with exit code {code}. Run it again.", kind="backend")
                go_on = self._lost(errand, cause, ended)
            return go_on
        with contextlib.suppress(ValueError, KeyError, TypeError):
            data = json.loads(line)
            if not errand or not hand.teller or data.get("run") != errand.name:
                return True
            if "row" in data:
                hand.busy, errand.data = None, data
                go_on = ended(errand.name, data["row"], data["error"])
            elif "result" in data:
                hand.teller.stage(Stage(data["step"], Result.from_json(data["result"]), data["cached"]))
            else:
                hand.teller.event(data["step"], events.decode(data["said"]))
        return go_on

    def _lost(self, errand: Errand, error: Exception, ended: Ended) -> bool:
        errand.lose(error)
        return ended(errand.name, errand.row(), errand.data["error"])

    def _pass_on(self, number: int) -> None:
        for hand in self._hands:
            with contextlib.suppress(OSError):
                hand.process.send_signal(number)

    def _close(self, seconds: float) -> None:
        """By closing their input, and after so long by force; what they have started ends with its own input."""
        end = time.monotonic() + seconds
        for hand in self._hands:
            with contextlib.suppress(OSError):
                if hand.process.stdin:
                    hand.process.stdin.close()
        for hand in self._hands:
            try:
                hand.process.wait(max(end - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                hand.process.kill()
                hand.process.wait()


def add_verbs(verbs: Any) -> None:
    verb = verbs.add_parser(VERB)  # without help: it is not shown, for only `batch` starts it
    verb.add_argument("--blender", default="")
    verb.add_argument("--timeout", type=float)
    verb.add_argument("--require-gpu", action="store_true")
    verb.set_defaults(call=_carry, runner="local", address="")


class _Wire(Tellers):
    """Tells the process that gave the order, in lines."""

    def of(self, name: str, steps: Sequence[str]) -> Teller:
        return _Wired(self, name, list(steps))


class _Wired(Teller):
    def event(self, step: str, event: Event) -> None:
        self._all.line({"run": self._name, "step": step, "said": events.encode(event)})

    def stage(self, stage: Stage) -> None:
        told = {"step": stage.step, "cached": stage.cached, "result": stage.result.to_json()}
        self._all.line({"run": self._name, **told})


def _carry(options: argparse.Namespace, blender: str) -> int:
    """Orders from stdin, one after the other, until it ends; that it ends in mid work says that who asked is gone."""
    lines: queue.Queue[str | None] = queue.Queue()
    busy = threading.Event()

    def read() -> None:
        for line in sys.stdin:
            lines.put(line)
        lines.put(None)
        if busy.is_set():
            os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=read, daemon=True).start()
    runner, identity = flags.runner(options, options.blender or blender)
    with caught_signals() as caught:
        while not caught:
            try:
                line = lines.get(timeout=0.2)
            except queue.Empty:
                continue
            if line is None:
                break
            data = json.loads(line)
            order = Order.of(data["order"])
            errand = Errand(*order.plan(), Path(data["out"]), order.seed, again=data["again"], name=data["name"],
                            order=order, on_gpu=options.require_gpu, overwrite=True)  # fmt: skip
            busy.set()
            carry_out([errand], flags.store(), runner, _Wire(), blender=identity, keep=True)
            busy.clear()
            _Wire().line({"run": errand.name, "row": errand.row(), "error": errand.data["error"]})
            if errand.code in (130, 143):
                break
    runner.close()
    return 0
