# SPDX-License-Identifier: GPL-3.0-or-later
"""A real cluster: a head and three workers, each a process of its own, one processor each. Machines are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from galatea.backend.backends.fake import Backend
from galatea.backend.flow import Drive, drive, walk
from galatea.backend.protocol.event import Done, Event, Progress
from galatea.backend.protocol.job import JobState, Request, sha256
from galatea.backend.protocol.recipe import load_recipe
from galatea.backend.protocol.store import JobStore
from galatea.backend.runners import Runner, ray
from galatea.backend.runners.runtimes import Dispatch, Runtimes

pytest.importorskip("ray")
PATIENCE = 300  # seconds; the machine may be loaded
MEMORY = 80 << 20  # bytes of the object store of a node


class Nodes:
    """A head that does no work, and workers that come and go."""

    def __init__(self) -> None:
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        from ray.cluster_utils import Cluster

        told = {"health_check_initial_delay_ms": 2000, "health_check_period_ms": 1000}
        self._cluster: Any = Cluster(
            initialize_head=True,
            head_node_args={
                "num_cpus": 0,
                "object_store_memory": MEMORY,
                "include_dashboard": False,
                "_system_config": told,
            },
        )
        self.address: str = self._cluster.address
        self.workers: list[Any] = []
        self._dead: list[Any] = []

    def fill(self, count: int = 3) -> None:
        """So many living workers, and the head knows of the dead: who connects here else finds one of those."""
        for node in self._dead:
            self._cluster.remove_node(node, allow_graceful=False)
        self._dead = []
        while len(self.workers) < count:
            self.workers.append(self._cluster.add_node(num_cpus=1, object_store_memory=MEMORY))
        self._cluster.wait_for_nodes(timeout=PATIENCE)

    def kill(self) -> None:
        """The raylet of one, by SIGKILL; all that runs on its machine goes down with it."""
        node = self.workers.pop()
        self._dead.append(node)
        os.kill(node.all_processes["raylet"][0].process.pid, signal.SIGKILL)

    def end(self) -> None:
        self._cluster.shutdown()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Nodes]:
    nodes = Nodes()
    yield nodes
    nodes.end()


@pytest.fixture
def nodes(cluster: Nodes) -> Nodes:
    cluster.fill()
    return cluster


@pytest.fixture
def open_runner(nodes: Nodes, store: JobStore) -> Iterator[Callable[..., Runner]]:
    made: list[Runner] = []

    def go(**more: Any) -> Runner:
        options = {"address": nodes.address, "workers": 3, **more}
        made.append(ray.make(store, Runtimes.here(), **options))
        return made[-1]

    yield go
    for runner in made:
        runner.close()


def fake(**params: object) -> Request:
    return Request.of(Backend.spec, params=params)


def until(runner: Runner, true: Callable[[list[Event]], bool]) -> list[Event]:
    events: list[Event] = []
    end = time.monotonic() + PATIENCE
    while not true(events):
        assert time.monotonic() < end, f"it never came: {events[-3:]}"
        events += runner.poll()
        time.sleep(0.01)
    return events


def finish(runner: Runner, *jobs: str) -> list[Event]:
    return until(runner, lambda events: {event.job for event in events if isinstance(event, Done)} >= set(jobs))


def do(runner: Runner, *asked: Request) -> list[Event]:
    for request in asked:
        runner.submit(request)
    return finish(runner, *(request.id for request in asked))


def working(job: str) -> Callable[[list[Event]], bool]:
    return lambda events: any(isinstance(e, Progress) and e.job == job and e.fraction > 0 for e in events)


def places(store: JobStore) -> int:
    """How many places of work had a child process: each has a log of its own."""
    return len(list((store.root / "logs").glob("bundled-*.log")))


def ball(path: Path, mode: str, ground: str, colour: str) -> None:
    from PIL import Image, ImageDraw

    picture = Image.new(mode, (64, 64), ground)
    ImageDraw.Draw(picture).ellipse((12, 12, 52, 52), fill=colour)
    picture.save(path)


class Watch(threading.Thread):
    """Looks at every result.json of a store: was one ever replaced by another?"""

    def __init__(self, store: JobStore) -> None:
        super().__init__(daemon=True)
        self._store, self.seen, self.replaced, self._over = store, dict[str, int](), list[str](), threading.Event()

    def look(self) -> None:
        for path in self._store.root.glob("*/result.json"):
            number = path.stat().st_ino
            if self.seen.setdefault(path.parent.name, number) != number:
                self.replaced.append(path.parent.name)

    def run(self) -> None:
        while not self._over.is_set():
            self.look()
            time.sleep(0.005)

    def end(self) -> None:
        self._over.set()
        self.join()
        self.look()


def test_jobs_go_to_several_machines_and_tell_how_far_they_are(
    open_runner: Callable[..., Runner], store: JobStore
) -> None:
    runner = open_runner()
    asked = [fake(text=f"{n}", seconds=1.0) for n in range(6)]
    endless = fake(seconds=3600)
    for request in (endless, *asked):
        runner.submit(request)  # to ask is not to wait
    runner.cancel(endless.id)
    events = finish(runner, *(request.id for request in asked))
    assert all(store.state(request.id) is JobState.DONE for request in asked)
    result = store.result(asked[3].id)
    assert result and store.file(result, "text").read_text() == "3 0\n"
    for request in asked:
        fractions = [e.fraction for e in events if isinstance(e, Progress) and e.job == request.id]
        assert fractions == sorted(fractions) and len(fractions) > 3
    assert places(store) >= 2
    assert not list(store.root.glob(".probe*.part"))


def test_a_machine_is_killed_in_mid_batch_and_no_job_is_lost_or_published_twice(
    open_runner: Callable[..., Runner], store: JobStore, nodes: Nodes
) -> None:
    watch = Watch(store)
    watch.start()
    runner = open_runner()
    asked = [fake(text=f"{n}", seconds=1.0) for n in range(12)]
    jobs = {request.id for request in asked}
    for request in asked:
        runner.submit(request)
    events = until(runner, lambda events: sum(isinstance(event, Done) for event in events) >= 3)
    nodes.kill()
    left = jobs - {event.job for event in events if isinstance(event, Done)}
    events += finish(runner, *left)
    watch.end()
    assert {job: store.state(job) for job in jobs} == dict.fromkeys(jobs, JobState.DONE)
    done = [event.job for event in events if isinstance(event, Done)]
    assert sorted(done) == sorted(jobs), "each is said once"
    assert set(watch.seen) == jobs and not watch.replaced


def test_a_process_that_dies_takes_one_job_along_and_its_place_goes_on(
    open_runner: Callable[..., Runner], store: JobStore
) -> None:
    runner = open_runner(workers=1)
    bad, good = fake(trouble="kill"), [fake(text=f"{n}") for n in range(2)]
    do(runner, bad, *good)
    failed = store.result(bad.id)
    assert failed and failed.failure and "exit code -9" in failed.failure.message
    assert all(store.state(request.id) is JobState.DONE for request in good)
    assert places(store) == 1


def test_cancel_reaches_what_waits_what_works_and_what_hangs(
    open_runner: Callable[..., Runner], store: JobStore
) -> None:
    runner = open_runner(workers=1)
    works, waits, hangs = fake(seconds=600), fake(text="waits"), fake(trouble="hang")
    runner.submit(works)
    runner.submit(waits, turn=1)
    until(runner, working(works.id))
    runner.cancel(waits.id)
    runner.cancel(works.id)
    finish(runner, works.id, waits.id)
    runner.submit(hangs)
    until(runner, lambda events: any(isinstance(e, Progress) and e.job == hangs.id for e in events))
    runner.cancel(hangs.id)
    finish(runner, hangs.id)
    assert {store.state(request.id) for request in (works, waits, hangs)} == {JobState.CANCELLED}


def test_a_step_that_takes_too_long_is_stopped(open_runner: Callable[..., Runner], store: JobStore) -> None:
    runner = open_runner(workers=1, timeout=1.0)
    slow = fake(trouble="hang")
    do(runner, slow)
    result = store.result(slow.id)
    assert result and result.failure and result.failure.kind == "timeout"


def test_places_are_made_anew_after_so_many_jobs(open_runner: Callable[..., Runner], store: JobStore) -> None:
    runner = open_runner(workers=1, recycle=2)
    asked = [fake(text=f"{n}") for n in range(4)]
    do(runner, *asked)
    assert places(store) == 2


def test_files_travel_through_ray_where_no_disk_is_shared(
    open_runner: Callable[..., Runner], store: JobStore, tmp_path: Path
) -> None:
    small = {"cutout": {"resolution": 64}, "relief": {"grid": 64, "texture_size": 256}}
    recipe = load_recipe("photo_to_mesh").with_backend("relief").until("relief").merged(small)
    given = {"image": tmp_path / "ball.png", "mask": tmp_path / "mask.png"}
    ball(given["image"], "RGB", "white", "red")
    ball(given["mask"], "L", "black", "white")
    near = JobStore(tmp_path / "near")
    local = Dispatch(near, Runtimes.here())
    expected = drive(Drive(walk(recipe, given, near), near, local))
    local.close()
    runner = open_runner(workers=2, transport="objects")
    steps = Drive(walk(recipe, given, store), store, runner)
    files = drive(steps)
    assert [stage.result.job for stage in steps.stages] == [p.name for p in sorted(near.root.glob("*-*"))]
    assert {role: sha256(path) for role, path in files.items()} == {r: sha256(p) for r, p in expected.items()}
    assert not (store.root / "logs").exists(), "nobody over there saw this folder"
    bad = fake(trouble="user")
    do(runner, bad)
    failed = store.result(bad.id)
    assert failed and failed.failure and failed.failure.kind == "input"


def test_a_machine_is_killed_while_files_travel(
    open_runner: Callable[..., Runner], store: JobStore, nodes: Nodes
) -> None:
    runner = open_runner(transport="objects")
    asked = [fake(text=f"{n}", seconds=0.7) for n in range(6)]
    for request in asked:
        runner.submit(request)
    events = until(runner, lambda events: any(isinstance(event, Done) for event in events))
    nodes.kill()
    ended = {event.job for event in events if isinstance(event, Done)}
    finish(runner, *({request.id for request in asked} - ended))
    assert all(store.state(request.id) is JobState.DONE for request in asked)


OTHER = """
import sys
from pathlib import Path
from galatea.backend.backends.fake import Backend
from galatea.backend.protocol.event import Done
from galatea.backend.protocol.job import Request
from galatea.backend.protocol.store import JobStore
from galatea.backend.runners import ray
from galatea.backend.runners.runtimes import Runtimes
import time

store = JobStore(Path(sys.argv[1]))
runner = ray.make(store, Runtimes.here(), address=sys.argv[2], workers=1)
asked = {Request.of(Backend.spec, params={"text": str(n), "seconds": 0.5}).id for n in range(4)}
for n in range(4):
    runner.submit(Request.of(Backend.spec, params={"text": str(n), "seconds": 0.5}))
ended = set()
while ended < asked:
    ended |= {event.job for event in runner.poll() if isinstance(event, Done)}
    time.sleep(0.02)
runner.close()
print(sorted(str(store.state(job)) for job in asked))
"""


def test_two_askers_of_the_same_jobs_share_what_one_of_them_made(
    open_runner: Callable[..., Runner], store: JobStore, nodes: Nodes
) -> None:
    watch = Watch(store)
    watch.start()
    other = subprocess.Popen(
        [sys.executable, "-c", OTHER, str(store.root), nodes.address], stdout=subprocess.PIPE, text=True
    )
    runner = open_runner(workers=1)
    asked = [fake(text=f"{n}", seconds=0.5) for n in range(4)]
    do(runner, *asked)
    said, _ = other.communicate(timeout=PATIENCE)
    watch.end()
    assert said.strip() == str(["done"] * 4)
    assert len(watch.seen) == 4 and not watch.replaced
    assert len(list(store.root.glob("fake-*/out-*"))) == 4, "none was done twice"


def test_nobody_answers_at_the_address(store: JobStore) -> None:
    runner = ray.make(store, Runtimes.here(), address="127.0.0.1:9")
    request = fake()
    do(runner, request)
    runner.close()
    result = store.result(request.id)
    assert result and result.failure and result.failure.kind == "environment"
    assert ". Start one there (ray start --head)" in result.failure.message


@pytest.mark.parametrize("transport", ["auto", "objects"])
def test_a_film_is_shared_out_and_every_frame_is_as_if_one_machine_had_made_it(
    open_runner: Callable[..., Runner], store: JobStore, tmp_path: Path, small_film: tuple[Path, Path], transport: str
) -> None:
    recipe, inputs = load_recipe(str(small_film[0])), {"model": small_film[1]}
    here = Runtimes.here()
    near = JobStore(tmp_path / "near")
    local = Dispatch(near, here)
    alone = Drive(walk(recipe, inputs, near, blender=here.identity), near, local)
    drive(alone)
    local.close()
    whole = alone.stages[-1].result.job
    assert not store.root.exists()
    store.root.mkdir(parents=True)
    for job in near.root.glob("[lsc]*-*"):  # the scene of the one is that of the other: its bytes hold addresses
        (store.root / job.name).symlink_to(job, target_is_directory=True)
    steps = Drive(
        walk(recipe, inputs, store, blender=here.identity), store, open_runner(workers=2, transport=transport)
    )
    drive(steps)
    result = steps.stages[-1].result
    assert result.metrics["frames_kept"] == 4, "whoever wrote the film rendered none"
    films = {job: store.request(job).params["part"] for job in store.jobs() if job.startswith("film-")}
    assert sorted(films.values()) == ["", "1/2", "2/2"]
    ours, theirs = ({p.name: sha256(p) for p in s.keep(whole).glob("frames/*.png")} for s in (store, near))
    assert ours == theirs and len(ours) == 4
