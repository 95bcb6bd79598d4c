# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of places of work and machines without a cluster."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from galatea.backend.protocol.catalog import spec_of
from galatea.backend.protocol.claims import process_alive
from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.job import Request
from galatea.backend.protocol.store import JobStore
from galatea.backend.runners import ray, ray_cluster
from galatea.backend.runners.runtimes import Runtimes

CHILD = """
import os, time
from galatea.backend.runners.ray_place import end_with
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
