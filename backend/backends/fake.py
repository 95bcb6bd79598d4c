# SPDX-License-Identifier: GPL-3.0-or-later
"""A backend that needs nothing and fails on demand: to check one's wiring, and for the tests of the processes."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from ..protocol.errors import UserError
from ..protocol.job import Request
from ..protocol.spec import BackendSpec, Param

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..worker.report import Report

TROUBLES = ("none", "user", "bug", "kill", "exit", "hang", "noise", "memory", "lie")


class Backend:
    spec = BackendSpec(
        id="fake",
        label="Wiring check",
        task="check",
        help="Waits and writes one line; or gets into the trouble that is asked for",
        outputs=("text",),
        params=(
            Param("seconds", "float", 0.0, "How long it works", low=0, high=3600, unit="s"),
            Param("work", "bool", False, "Keeps a processor busy for so long, in place of waiting"),
            Param("trouble", "choice", "none", "What goes wrong half-way", choices=TROUBLES),
            Param("only", "int", -1, "The seed that gets into it; -1 for all"),
            Param("text", "str", "hello", "What it writes"),
        ),
        batch=4,
    )

    def run(self, request: Request, params: dict[str, Any], report: Report) -> None:
        [found] = self.look([self.read(request, params, report)], params, report)
        self.make(found, params, report)

    def read(self, request: Request, params: dict[str, Any], report: Report) -> int:
        return request.seed

    def look(self, seeds: Sequence[int], params: dict[str, Any], report: Report) -> Sequence[int]:
        steps = max(1, round(params["seconds"] / 0.05))
        for step in range(steps):
            report.progress("Waiting", step / steps)
            if step == steps // 2 and params["only"] in (-1, *seeds):
                self._trouble(params["trouble"])
            if params["work"]:
                end = time.process_time() + params["seconds"] / steps
                while time.process_time() < end:
                    pass
            else:
                time.sleep(params["seconds"] / steps)
        report.metric("together", len(seeds))
        return seeds

    def make(self, seed: int, params: dict[str, Any], report: Report) -> None:
        path = report.file("text", "text.txt")
        if params["trouble"] != "lie":
            path.write_text(f"{params['text']} {seed}\n", encoding="utf-8")

    def _trouble(self, kind: str) -> None:
        if kind == "user":
            raise UserError("This is what a wrong input looks like. Choose another.")
        if kind == "bug":
            raise ZeroDivisionError("a bug in a backend")
        if kind == "kill":
            os.kill(os.getpid(), 9)
        if kind == "exit":
            os._exit(3)
        if kind == "hang":
            time.sleep(3600)
        if kind == "noise":
            os.write(1, b"C code writes to stdout, \xff not even text\n")
        if kind == "memory":
            raise MemoryError
