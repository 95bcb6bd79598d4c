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
            Param("trouble", "choice", "none", "What goes wrong half-way", choices=TROUBLES),
            Param("text", "str", "hello", "What it writes"),
        ),
    )

    def run(self, request: Request, params: dict[str, Any], report: Report) -> None:
        steps = max(1, round(params["seconds"] / 0.05))
        for step in range(steps):
            report.progress("Waiting", step / steps)
            if step == steps // 2:
                self._trouble(params["trouble"])
            time.sleep(params["seconds"] / steps)
        path = report.file("text", "text.txt")
        if params["trouble"] != "lie":
            path.write_text(f"{params['text']} {request.seed}\n", encoding="utf-8")

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
