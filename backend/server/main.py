# SPDX-License-Identifier: GPL-3.0-or-later
"""The process: one socket, one application, and an end that loses nothing."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from ..protocol.claims import claim, release
from ..protocol.errors import UserError
from ..remote import loopback
from ..runners.runtimes import Runtimes
from . import log
from .app import create
from .house import House
from .limits import Limits
from .tokens import Tokens


@dataclass(frozen=True)
class Settings:
    """`folder`: where the server keeps its own."""

    folder: Path
    host: str = "127.0.0.1"
    port: int = 8420
    limits: Limits = field(default_factory=Limits)
    storage: str = ""
    recipes: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


MOST_CONNECTIONS = 800
"""Below the 1024 files that a process may usually have open."""
LEAST = 16 << 10
"""Bytes that must move within the time that a connection may stall."""


class _Connection(H11Protocol):
    """Knows how long it has kept the server waiting: with its first word, a head, a body, or for taking an answer."""

    moved, since = 0, 0.0

    def data_received(self, data: bytes) -> None:
        self.moved += len(data)
        super().data_received(data)

    def resume_writing(self) -> None:
        self.moved += LEAST  # what was held back for it was taken
        super().resume_writing()

    def waits(self, now: float) -> float:
        """For so many s the server has waited for it."""
        cycle, flow = self.cycle, self.flow
        ours = cycle and not (cycle.response_complete or cycle.more_body or flow.write_paused)
        if ours or flow.read_paused or self.moved >= LEAST or not self.since:
            self.moved, self.since = 0, now
        return now - self.since


class _Server(uvicorn.Server):
    """At the first signal the engine drains while everybody may still look; at the second everything ends at once."""

    def __init__(self, config: uvicorn.Config, house: House) -> None:
        super().__init__(config)
        self._house = house

    async def on_tick(self, counter: int) -> bool:
        """Cut off who sends or takes nothing, or next to nothing; uvicorn itself times only what lies between two
        requests."""
        now = time.monotonic()
        for each in [each for each in self.server_state.connections if isinstance(each, _Connection)]:
            if each.waits(now) > self._house.limits.stall:
                self._house.metrics.refused.labels("stalled").inc()
                each.transport.abort()
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._house.engine.draining:
            self._house.engine.drain(0.0)
            self.should_exit = True
            return
        seconds = self._house.limits.drain
        log.say("draining", signal=signal.Signals(sig).name, seconds=seconds)
        self._house.engine.drain(seconds)
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        self._house.engine.done.wait()
        self.should_exit = True


def serve(settings: Settings, runtimes: Runtimes) -> int:
    """Until a signal; returns the exit code. Raises `UserError` where it may not or cannot begin."""
    if not loopback(settings.host) and not Tokens(settings.folder / "tokens.json").users():
        text = f"{settings.host} can be reached from other machines, and nobody has a token yet. Give one out first: "
        raise UserError(text + "galatea serve token add NAME.", kind="usage")
    if settings.recipes and not settings.recipes.is_dir():
        raise UserError(f"There is no folder {settings.recipes}. Choose another with --recipes.", kind="usage")
    try:
        settings.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"Cannot write {settings.folder}: {error.strerror}.", kind="output") from None
    lock = settings.folder / "claim"
    if not claim(lock):
        text = f"Another server works in {settings.folder}. Stop it, or choose another data folder (GALATEA_HOME)."
        raise UserError(text, kind="usage")
    try:
        return _serve(settings, runtimes)
    finally:
        release(lock)


def _serve(settings: Settings, runtimes: Runtimes) -> int:
    log.set_up()
    listener = _listener(settings)
    house = House(settings.folder, settings.limits, runtimes, store_at=settings.storage, recipes=settings.recipes)
    port = listener.getsockname()[1]
    scheme = "https" if settings.certificate else "http"
    at = f"[{settings.host}]" if ":" in settings.host else settings.host

    def started() -> None:
        waiting = len(house.ledger.open())
        log.say("started", url=f"{scheme}://{at}:{port}/", tokens=house.tokens.wanted, jobs_to_go_on=waiting)

    server = _server(house, settings, started)
    try:
        server.run(sockets=[listener])
    finally:
        listener.close()
    log.say("stopped", jobs_to_go_on=len(house.ledger.open()))
    return 0


def _server(house: House, settings: Settings, started: Callable[[], None]) -> _Server:
    config = uvicorn.Config(
        create(house, on_start=started),
        http=_Connection,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=3,
        timeout_keep_alive=20,
        limit_concurrency=MOST_CONNECTIONS,
        h11_max_incomplete_event_size=32 << 10,
        ssl_certfile=str(settings.certificate) if settings.certificate else None,
        ssl_keyfile=str(settings.key) if settings.key else None,
    )
    return _Server(config, house)


def _listener(settings: Settings) -> socket.socket:
    """Bound before anything else, so that a port that is taken is said in words, and nobody who is told that the server
    has started comes too early."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    if os.name != "nt":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen()
    except OSError as error:
        listener.close()
        text = f"Cannot listen at {settings.host}:{settings.port}: {error.strerror}. Choose another --port or --host."
        raise UserError(text, kind="usage") from None
    return listener
