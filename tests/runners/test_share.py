# SPDX-License-Identifier: GPL-3.0-or-later
"""One film on several machines: what is told of its parts, and what becomes of it when they end well or ill."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from galatea.backend.protocol.catalog import spec_of
from galatea.backend.protocol.event import Done, Log, Progress
from galatea.backend.protocol.job import Failure, JobState, Request, Result
from galatea.backend.protocol.store import JobStore
from galatea.backend.runners.ray import RayRunner

from .conftest import Cluster, ask, do, failure, fake, finish, until


@pytest.fixture
def film(tmp_path: Path) -> Request:
    (tmp_path / "scene.blend").write_bytes(b"a scene")
    return Request.of(spec_of("film"), {"scene": tmp_path / "scene.blend"})


@pytest.fixture
def shared(cluster: Cluster, open_runner: Callable[..., RayRunner], film: Request) -> tuple[RayRunner, list[str]]:
    """A runner with a film that two machines have the halves of, and these; nobody works."""
    cluster.work()
    runner = open_runner(workers=2, transport="auto")
    ask(runner, film)
    until(runner, lambda _: len(cluster.asked("submit")) == 2)
    return runner, cluster.asked("submit")


def end(cluster: Cluster, store: JobStore, job: str, state: JobState, failure: Failure | None = None) -> None:
    store.publish(Result(job, state, failure=failure, versions={"python": "3"}))
    cluster.machines[0].says.append(Done(job))


def test_a_film_is_put_together_when_all_its_parts_are_there(
    shared: tuple[RayRunner, list[str]], cluster: Cluster, store: JobStore, film: Request
) -> None:
    runner, halves = shared
    cluster.machines[0].says = [Progress(halves[0], "Rendering", 0.5), Log(halves[0], "Frame 1")]
    said = until(runner, lambda events: len(events) >= 2)
    assert said == [Progress(film.id, "Rendering on 2 machines", 0.225), Log(film.id, "Frame 1")]
    for number, half in enumerate(halves):
        assert cluster.asked("submit") == halves
        frame = store.keep(half) / f"frames/{number}.png"
        frame.parent.mkdir()
        frame.touch()
        end(cluster, store, half, JobState.DONE)
        until(runner, lambda _, half=half: half not in runner._tasks)
    until(runner, lambda _: len(cluster.asked("submit")) > 2)
    assert set(cluster.asked("submit")) == {*halves, film.id}
    assert {path.name for path in store.keep(film.id).glob("frames/*")} == {"0.png", "1.png"}
    end(cluster, store, film.id, JobState.DONE)
    assert finish(runner, film) == [Done(film.id)], "nobody asked for the parts"


def test_a_part_that_fails_ends_the_film_and_the_other_part(
    shared: tuple[RayRunner, list[str]], cluster: Cluster, store: JobStore, film: Request
) -> None:
    runner, halves = shared
    end(cluster, store, halves[0], JobState.FAILED, Failure("No camera.", "input"))
    finish(runner, film)
    assert failure(store, film) == Failure("No camera.", "input")
    assert [given[0] for machine in cluster.machines for given in machine.asked["cancel"]] == [halves[1]]


def test_a_cancel_reaches_every_part(
    shared: tuple[RayRunner, list[str]], cluster: Cluster, store: JobStore, film: Request
) -> None:
    runner, halves = shared
    runner.cancel(film.id)
    assert sorted(given[0] for machine in cluster.machines for given in machine.asked["cancel"]) == sorted(halves)
    for half in halves:
        end(cluster, store, half, JobState.CANCELLED, Failure("Cancelled.", "cancelled"))
    assert finish(runner, film) == [Done(film.id)] and store.state(film.id) is JobState.CANCELLED


def test_a_film_that_is_not_alone_or_cannot_be_shared_out_is_made_by_one(
    cluster: Cluster, open_runner: Callable[..., RayRunner], store: JobStore, film: Request
) -> None:
    cluster.work(lambda machine, request, _turn: end(cluster, store, json.loads(request)["id"], JobState.DONE))
    runner, other = open_runner(workers=3, transport="auto"), fake()
    do(runner, film, other)
    store.remove(film.id)
    Path(film.inputs["scene"]).unlink()
    do(runner, film)
    assert sorted(cluster.asked("submit")) == sorted([film.id, other.id, film.id])
