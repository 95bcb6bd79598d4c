# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of places of work and machines without a cluster."""

from __future__ import annotations

import subprocess
import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest

from galatea.backend.protocol.catalog import spec_of
from galatea.backend.protocol.claims import process_alive
from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.job import Request
from galatea.backend.protocol.store import JobStore
from galatea.backend.runners import ray, ray_cluster, ray_hand
from galatea.backend.runners.ray_hand import Task, alike, best
from galatea.backend.runners.runtimes import Runtimes

CHILD = """
import os, time
from galatea.backend.protocol.child import end_with
end_with(os.getppid())
print(os.getpid(), flush=True)
time.sleep(600)
"""


def test_it_ends_with_the_raylet_that_started_it() -> None:
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {CHILD!r}])"
    raylet = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True)
    assert raylet.stdout
    place = int(raylet.stdout.readline())
    assert process_alive(place)
    raylet.kill()
    raylet.wait()
    end = time.monotonic() + 120
    while process_alive(place):
        assert time.monotonic() < end, "it works on for nobody"
        time.sleep(0.05)


def test_without_ray_it_says_what_to_install(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_cluster, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install") as caught:
        ray.make(store, Runtimes.here())
    assert caught.value.kind == "environment"


def test_ray_is_shut_down_by_the_last_who_uses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    stub = SimpleNamespace(
        is_initialized=lambda: bool(told), init=lambda **how: told.append("init"), shutdown=lambda: told.append("over")
    )
    monkeypatch.setattr(ray_cluster.os, "environ", dict(ray_cluster.os.environ))
    monkeypatch.setattr(ray_cluster, "import_module", lambda name: stub)
    monkeypatch.setattr(ray_cluster, "_hush", lambda ray: None)
    monkeypatch.setattr(ray_cluster, "_users", 0)
    first, second = ray_cluster.connect("", 1), ray_cluster.connect("", 1)
    ray_cluster.disconnect(first)
    assert told == ["init"]
    ray_cluster.disconnect(second)
    assert told == ["init", "over"]


def test_machines_are_shared_out_so_that_all_places_fit() -> None:
    machines = ray_cluster.Machines((8, 8, 8), 0, 16.0)
    assert [machines.share(count) for count in (1, 3, 4, 6, 24, 100)] == [8, 8, 4, 4, 1, 1]
    assert machines.places(0) == 6 and machines.places(2) == 2


def test_what_a_job_needs_follows_from_its_step() -> None:
    def wanted(step: str, machines: ray_cluster.Machines, **params: object) -> ray_cluster.Needs:
        spec = spec_of(step)
        return ray_cluster.needs(spec, Request("x", step, {}, spec.fill(params), 0), machines)

    cards, none = ray_cluster.Machines((8,), 2, 64.0), ray_cluster.Machines((8,), 0, 64.0)
    assert wanted("triposg", cards).gpu and not wanted("triposg", none).gpu
    assert wanted("triposg", none).memory == min(gigabytes for _, gigabytes in spec_of("triposg").memory)
    assert wanted("film", cards).gpu and not wanted("film", cards, engine="workbench").gpu
    assert not wanted("triposg", cards, device="cpu").gpu and wanted("fake", cards) == ray_cluster.Needs()


def test_what_a_place_has_covers_what_a_job_needs() -> None:
    small, large, card = ray_cluster.Needs(), ray_cluster.Needs(memory=8.0), ray_cluster.Needs(gpu=True)
    covered = [[first.covered_by(second) for second in (small, large, card)] for first in (small, large, card)]
    assert covered == [[True, True, True], [False, True, False], [False, False, True]]
    assert ray_cluster.Machines((4,), 3, 8.0).places(0) == 3, "one for each card"


def test_dead_machines_do_not_count() -> None:
    has = {"CPU": 8.0, "GPU": 1.0, "memory": 4.0 * 2**30}
    nodes = [{"Alive": True, "Resources": has}, {"Alive": False, "Resources": has}]
    assert ray_cluster.machines(SimpleNamespace(nodes=lambda: nodes)) == ray_cluster.Machines((8,), 1, 4.0)


def task(step: str, number: int = 0, *, gpu: bool = False, made_by: str = "", store: JobStore | None = None) -> Task:
    inputs = {"image": str(store.root / made_by / "a.png")} if store else {}
    return Task(Request(f"{step}-{number:020}", step, inputs, {}, 0), 0, ray_cluster.Needs(gpu=gpu))


def place(**more: Any) -> Any:
    """A place of work as `best` sees it."""
    told = {"ready": True, "tasks": [], "has": ray_cluster.Needs(), "made": set(), "warm": "", "shared": True}
    return SimpleNamespace(**{**told, **more})


def test_the_place_that_made_the_input_is_best_then_that_which_has_the_step_loaded(store: JobStore) -> None:
    job = task("cutout", made_by="fake-1", store=store)
    cold, warm, maker = place(), place(warm="cutout"), place(made={"fake-1"})
    assert best([cold, warm, maker], job, [job], store) is maker
    assert best([cold, warm], job, [job], store) is warm
    maker.tasks, warm.ready = [job], False
    assert best([maker, warm, cold], job, [job], store) is cold
    assert best([maker, warm], job, [job], store) is None


def test_a_card_is_kept_for_what_needs_one(store: JobStore) -> None:
    small, large = task("fake"), task("triposg", gpu=True)
    card, plain = place(has=ray_cluster.Needs(gpu=True), warm="fake"), place()
    assert best([card], small, [small, large], store) is None and best([card], small, [small], store) is card
    assert best([card, plain], large, [small, large], store) is card


def test_a_card_takes_as_many_alike_as_the_step_does_at_once() -> None:
    jobs = [task("fake", number, gpu=True) for number in range(6)]
    others = [task("relief", 1, gpu=True), *jobs]
    assert alike(jobs[0], others) == jobs[1:4], "the step takes four"
    assert alike(task("fake"), others) == [], "a processor takes one"


def test_a_result_is_waited_for_only_where_a_disk_is_shared_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    job = task("fake")
    job.hand = place()
    assert job.patience() and job.settles > time.monotonic() - 1
    job.hand.shared = False
    assert not job.patience()
    job.release()
    assert job.losses == 1 and job.hand is None and not job.patience()
    monkeypatch.setattr(ray_hand, "_PATIENCE_SECONDS", -1.0)
    job.release()
    job.hand = place()
    assert not job.patience()
