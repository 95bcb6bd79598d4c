# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of runners share; among it real places of work, and in place of Ray something that loses what it is told
to lose, when it is told to."""

from __future__ import annotations

import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from galatea.backend.backends.fake import Backend
from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.event import Done, Event, encode
from galatea.backend.protocol.job import Failure, Request
from galatea.backend.protocol.store import JobStore
from galatea.backend.runners import ray_cluster
from galatea.backend.runners.local import LocalRunner
from galatea.backend.runners.ray import RayRunner
from galatea.backend.runners.ray_place import Place
from galatea.backend.runners.runtimes import Runtimes

PATIENCE = 120  # seconds; the machine may be loaded


class Lost(Exception):
    """Of the machine of a call."""


class Raised(Lost):
    """By the call itself."""


class Machine:
    """What an actor is to its asker. `asked` is what it was asked, `says` what it says beside its place's own words."""

    def __init__(self, cluster: Cluster, offer: dict[str, Any]) -> None:
        self.place, self.offer, self.lost, self._cluster = Place(offer), offer, False, cluster
        self.asked: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
        self.says: list[Event] = []
        self.call = SimpleNamespace(remote=lambda *call: Answer(self, *call).hear())
        self.look = SimpleNamespace(remote=lambda *call: Answer(self, "look", 0.01))

    def answer(self, method: str, *given: Any) -> Any:
        if self.lost:
            raise Lost("its machine is gone")
        self.asked[method].append(given)
        try:
            if method in self._cluster.answers:
                return self._cluster.answers[method](self, *given)
            said = getattr(self.place, method)(*given)
        except (OSError, UserError) as error:
            raise Raised(str(error)) from error
        if method == "look":
            said, self.says = [*map(encode, self.says), *said], []
        return said


class Answer:
    """A reference: the call is made at once, but one that looks is made when somebody wants to know."""

    def __init__(self, machine: Machine, *call: Any) -> None:
        self._machine, self._call, self._heard = machine, call, False

    def hear(self) -> Answer:
        try:
            self._said: Any = self._machine.answer(*self._call)
        except Lost as error:
            self._said = error
        self._heard = True
        return self

    def get(self) -> Any:
        if not self._heard:
            self.hear()
        if isinstance(self._said, Lost):
            raise self._said
        return self._said


class Cluster:
    """Ray, as far as it is used. `answers` come in place of a method's own; while it is `slow`, no answer comes."""

    exceptions = SimpleNamespace(RayError=Lost, RayTaskError=Raised)

    def __init__(self) -> None:
        self.machines: list[Machine] = []
        self.answers: dict[str, Callable[..., Any]] = {}
        self.slow, self.has = False, {"CPU": 4.0}

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": True, "Resources": self.has}]

    def actor(self, _ray: object, offer: dict[str, Any], *_more: object) -> Machine:
        self.machines.append(Machine(self, offer))
        return self.machines[-1]

    def wait(self, asked: list[Answer], **_how: object) -> tuple[list[Answer], list[Answer]]:
        return ([], asked) if self.slow else (asked, [])

    def get(self, answer: Answer) -> Any:
        return answer.get()

    def put(self, piece: bytes) -> bytes:
        return piece

    def kill(self, machine: Machine, *_call: object) -> None:
        machine.lost = True

    def asked(self, method: str) -> list[str]:
        """Jobs, each with the machine that was asked."""
        return [json.loads(given[0])["id"] for machine in self.machines for given in machine.asked[method]]

    def work(self, answer: Callable[..., Any] = lambda *_: None) -> None:
        """Whoever gets a job does this, at first nothing."""
        self.answers["submit"] = answer

    def once(self, method: str, answer: Callable[..., Any]) -> None:
        """This time, and then as ever."""

        def go(machine: Machine, *given: Any) -> Any:
            del self.answers[method]
            return answer(machine, *given)

        self.answers[method] = go


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster()
    monkeypatch.setenv("GALATEA_HOME", str(tmp_path / "home"))  # a place sets it, and here it is that of the tests
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(ray_cluster, "connect", lambda *_: made)
    monkeypatch.setattr(ray_cluster, "disconnect", lambda _: None)
    monkeypatch.setattr(ray_cluster, "actor", made.actor)
    yield made
    for machine in made.machines:
        machine.place.close()


@pytest.fixture
def open_runner(cluster: Cluster, store: JobStore) -> Callable[..., RayRunner]:
    def go(**more: Any) -> RayRunner:
        return RayRunner(store, Runtimes.here(), **{"workers": 1, "transport": "objects", **more})

    return go


def fake(**params: object) -> Request:
    return Request.of(Backend.spec, params=params)


def ask(runner: RayRunner, *asked: Request) -> None:
    for request in asked:
        runner.store.add(request)
        runner.submit(request)


def until(runner: RayRunner, true: Callable[[list[Event]], object]) -> list[Event]:
    events: list[Event] = []
    end = time.monotonic() + PATIENCE
    while not true(events):
        assert time.monotonic() < end, f"it never came: {events[-3:]}"
        events += runner.poll()
    return events


def finish(runner: RayRunner, *asked: Request) -> list[Event]:
    jobs = {request.id for request in asked}
    return until(runner, lambda events: {event.job for event in events if isinstance(event, Done)} >= jobs)


def do(runner: RayRunner, *asked: Request) -> list[Event]:
    ask(runner, *asked)
    return finish(runner, *asked)


def failure(store: JobStore, request: Request) -> Failure:
    result = store.result(request.id)
    assert result and result.failure, result
    return result.failure


@pytest.fixture
def runner(store: JobStore) -> Iterator[LocalRunner]:
    made = LocalRunner(store, Runtimes.here().bundled, name="bundled")
    yield made
    made.close()
