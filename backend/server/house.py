# SPDX-License-Identifier: GPL-3.0-or-later
"""What each request needs: everything that one server has, and who asks."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from ..protocol.store import JobStore
from ..runners.runtimes import Dispatch, Runtimes
from .engine import Engine
from .jobs import Job, Ledger
from .limits import Buckets, Limits, Refusal
from .metrics import Metrics
from .retention import sweep
from .storage import storage
from .tasks import Desk
from .tokens import LOCAL, Tokens, User
from .uploads import Uploads

FAILED_TRIES = 10
"""Wrong tokens that one address may try at once; then one in six seconds."""


class Bell:
    """Wakes those who wait for a job to change. `ring` may be called from any thread."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    def hang(self) -> None:
        self._loop = asyncio.get_running_loop()

    def ring(self, job: Job) -> None:
        if self._loop and not self._loop.is_closed():
            try:
                self._loop.call_soon_threadsafe(self._ring, job.id)
            except RuntimeError:  # it was closed in this moment
                return

    def _ring(self, id: str) -> None:
        for event in self._waiting.get(id, ()):
            event.set()

    def wait_for(self, id: str) -> asyncio.Event:
        event = asyncio.Event()
        self._waiting[id].add(event)
        return event

    def leave(self, id: str, event: asyncio.Event) -> None:
        self._waiting[id].discard(event)
        if not self._waiting[id]:
            del self._waiting[id]


class House:
    """Everything that one server has. `folder` is the data folder; jobs of the store are shared with the rest of it."""

    def __init__(
        self,
        folder: Path,
        limits: Limits,
        runtimes: Runtimes,
        *,
        store_at: str = "",
        recipes: Path | None = None,
    ) -> None:
        self.limits, self.folder = limits, folder
        self.tokens = Tokens(folder / "tokens.json")
        self.uploads = Uploads(folder / "uploads", limits)
        self.bell, self.metrics = Bell(), Metrics()
        self.ledger = Ledger(folder / "jobs", self.bell.ring)
        self.storage = storage(store_at, folder / "jobs")
        self.desk = Desk(self.uploads, runtimes, recipes)
        self.store = JobStore(folder.parent / "jobs")
        runner = Dispatch(self.store, runtimes, timeout=limits.step)
        self.engine = Engine(
            self.ledger, self.desk, self.store, runner, self.storage, limits, on_end=self.metrics.job, sweep=self.sweep
        )
        self.rates = Buckets(limits.rate, 4 * limits.rate)
        self.tries = Buckets(1 / 6, FAILED_TRIES)
        self.streams: Counter[str] = Counter()
        self.door = threading.Lock()
        """Held from `room` to the order's being written down, so that many at once do not get more than is allowed."""

    def place(self, job: Job) -> int | None:
        """From 1, among those that wait."""
        if job.ended or job.running:
            return None
        return 1 + sum(other.order < job.order for other in self.ledger.open() if not other.running)

    def room(self, user: User) -> None:
        """Raise `Refusal` where this user may give no order now."""
        if self.engine.draining:
            raise Refusal(503, "environment", "The server is about to stop. Come back in a minute.", later=30)
        if sum(job.user == user.name for job in self.ledger.open()) >= self.limits.jobs:
            self.metrics.refused.labels("jobs").inc()
            text = f"You have {self.limits.jobs} jobs that have not ended. Wait for some, or cancel some."
            raise Refusal(429, "usage", text, later=10)
        self.limits.prove_room(self.folder)

    def sweep(self) -> None:
        """Remove what nobody has used for `keep_days`. In the engine's thread, so that no step ends meanwhile."""
        if not self.limits.keep_days:
            return
        before = time.time() - self.limits.keep_days * 86400
        for job in self.ledger.all():
            if job.ended and float((job.result or {}).get("ended", before)) < before:
                self.storage.remove(job.id)
                self.ledger.remove(job)
        kept = self.ledger.all()
        self.uploads.sweep(before, {id for job in kept for id in job.document.get("inputs", {}).values()})
        stages = {stage["job"] for job in kept for stage in (job.result or {}).get("stages", ())}
        sweep(self.store, before, stages | self.engine.using())


def named(user: User, text: str, letter: str = "j") -> str:
    """The id of a job that this user asks for again by the same words."""
    return letter + hashlib.sha256(f"{user.name}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()[:20]


_bearer = HTTPBearer(auto_error=False, description="Made by `galatea serve token add NAME`")


async def user_of(
    request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)] = None
) -> User:
    """Who asks; raises `Refusal` for a stranger, and for whoever asks too often."""
    house: House = request.app.state.house
    client = request.client.host if request.client else ""
    user = LOCAL if not house.tokens.wanted else None
    if user is None:
        user = house.tokens.who(given.credentials) if given and given.scheme.lower() == "bearer" else None
        if user is None:
            wait = house.tries.wait(client)
            house.metrics.refused.labels("token").inc()
            if wait:
                raise Refusal(429, "usage", "Too many wrong tokens came from this address. Wait.", later=wait)
            gone = "This token counts no more, or was not copied whole. Ask whoever looks after the server."
            lacks = "This server wants a token: Authorization: Bearer galatea_…"
            raise Refusal(401, "usage", gone if given else lacks)
    request.state.user = user.name
    wait = house.rates.wait(user.name)
    if wait:
        house.metrics.refused.labels("rate").inc()
        raise Refusal(429, "usage", "You ask too often. Wait.", later=wait)
    return user


Who = Annotated[User, Depends(user_of)]
