# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a request runs. No method of a runner may block."""

from __future__ import annotations

from typing import Protocol

from ..protocol.event import Event
from ..protocol.job import Request


class Runner(Protocol):
    """Takes requests and says what becomes of them; each ends with `Done` and a result in the store."""

    def submit(self, request: Request, *, turn: int = 0) -> None:
        """Of those that wait a lower turn goes before a higher one."""

    def poll(self) -> list[Event]: ...

    def cancel(self, job: str, *, gently: bool = False) -> None:
        """`gently` waits for the job's next sign of life, however long that takes: a frame is finished first."""

    def close(self) -> None: ...
