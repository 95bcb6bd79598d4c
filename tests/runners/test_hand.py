# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of jobs when machines are lost, places do not open, files come damaged and disks are full."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Container
from pathlib import Path
from typing import Any

import pytest

from galatea.backend.backends.fake import Backend
from galatea.backend.protocol.catalog import spec_of
from galatea.backend.protocol.event import Done, Log, Progress
from galatea.backend.protocol.job import Failure, JobState, Request, Result
from galatea.backend.protocol.store import JobStore
from galatea.backend.runners import ray, ray_cluster, ray_parcel
from galatea.backend.runners.ray import RayRunner
from galatea.backend.runners.ray_cluster import Needs

from .conftest import Cluster, Lost, Machine, ask, do, failure, fake, finish, until


def no_links(*_paths: object) -> None:
    """A disk that has none: the last who publishes would win."""
    raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))


def test_a_job_under_which_five_machines_are_lost_is_given_up(
    cluster: Cluster, open_runner: Callable[..., RayRunner], store: JobStore
) -> None:
    cluster.work(lambda machine, *_: cluster.kill(machine))
    job = fake()
    events = do(open_runner(), job)
    assert failure(store, job).message.startswith("5 machines were lost")
    assert len(cluster.machines) == 5 and sum(isinstance(event, Log) for event in events) == 4


def test_what_was_cancelled_is_not_done_again_elsewhere(
    cluster: Cluster, open_runner: Callable[..., RayRunner], store: JobStore
) -> None:
    cluster.work()
    runner, job = open_runner(), fake()
    ask(runner, job)
    until(runner, lambda _: cluster.asked("submit"))
    runner.cancel(job.id)
    cluster.kill(cluster.machines[0])
    finish(runner, job)
    assert store.state(job.id) is JobState.CANCELLED and len(cluster.machines) == 1


def test_a_process_that_was_killed_with_its_machine_does_not_end_the_job(
    cluster: Cluster, open_runner: Callable[..., RayRunner], store: JobStore
) -> None:
    runner, job = open_runner(transport="auto"), fake()

    def die(machine: Machine, *_given: object) -> None:
        store.publish(Result(job.id, JobState.FAILED, failure=Failure("exit code -9", "backend")))
        machine.says = [Done(job.id)]

    cluster.once("submit", die)
    ask(runner, job)
    until(runner, lambda _: runner._tasks[job.id].settles)
    cluster.kill(cluster.machines[0])
    finish(runner, job)
    assert store.state(job.id) is JobState.DONE


def test_a_result_that_comes_later_than_its_end_over_a_shared_disk_is_waited_for(
    cluster: Cluster, open_runner: Callable[..., RayRunner], store: JobStore
) -> None:
    runner, job = open_runner(transport="auto"), fake()
    cluster.work(lambda machine, *_: machine.says.append(Done(job.id)))
    ask(runner, job)
    until(runner, lambda _: runner._tasks[job.id].settles)
    store.publish(Result(job.id, JobState.DONE))
    finish(runner, job)


def test_where_five_places_in_a_row_do_not_open_what_waits_is_given_up(
    cluster: Cluster, open_runner: Callable[..., RayRunner], store: JobStore
) -> None:
    cluster.answers["hello"] = lambda *_: {"trouble": "It has Galatea 0.", "host": "old"}
    job = fake()
    do(open_runner(), job)
    assert "cannot work (old): It has Galatea 0." in failure(store, job).message
    assert len(cluster.machines) == 5 and all(machine.lost for machine in cluster.machines)


def test_places_that_open_in_between_begin_the_count_anew(
    cluster: Cluster, open_runner: Callable[..., RayRunner], store: JobStore
) -> None:
    troubles = (["bad"] * 4 + [""]) * 2
    cluster.answers["hello"] = lambda machine: {**machine.place.hello(), "trouble": troubles.pop(0)}
    cluster.once("submit", lambda machine, *_: cluster.kill(machine))
    job = fake()
    do(open_runner(), job)
    assert store.state(job.id) is JobState.DONE and not troubles


def test_a_bad_machine_beside_a_good_one_ends_only_what_the_good_one_cannot_do(
    cluster: Cluster, open_runner: Callable[..., RayRunner], store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.answers["hello"] = lambda machine: {
        **machine.place.hello(), "trouble": "" if machine is cluster.machines[0] else "bad",
    }  # fmt: skip
    monkeypatch.setattr(ray_cluster, "needs", lambda spec, request, _: Needs(gpu=request.params["text"] == "large"))
    runner, first, second, large = open_runner(workers=2), fake(seconds=0.5), fake(text="second"), fake(text="large")
    do(runner, first, second, large)
    assert len(cluster.machines) > 5 and "bad" in failure(store, large).message
    assert store.state(first.id) is store.state(second.id) is JobState.DONE


@pytest.mark.parametrize(("pause", "asked"), [(1000.0, {2}), (0.0, range(3, 10_000))])
def test_a_bad_machine_is_asked_again_after_a_pause_where_a_good_one_works(
    cluster: Cluster, open_runner: Callable[..., RayRunner], store: JobStore, monkeypatch: pytest.MonkeyPatch,
    pause: float, asked: Container[int],
) -> None:  # fmt: skip
    cluster.answers["hello"] = lambda machine: {
        **machine.place.hello(), "trouble": "" if machine is cluster.machines[0] else "bad",
    }  # fmt: skip
    monkeypatch.setattr(ray, "PAUSE", pause)
    runner, first, second = open_runner(workers=2), fake(seconds=0.5), fake(text="second")
    do(runner, first, second)
    assert len(cluster.machines) in asked
    assert store.state(first.id) is store.state(second.id) is JobState.DONE


def test_no_more_places_are_asked_for_than_jobs_wait(
    cluster: Cluster, open_runner: Callable[..., RayRunner], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray, "_WAIT_SECONDS", 0.0)
    runner, jobs = open_runner(workers=4), (fake(text="0"), fake(text="1"))
    cluster.slow = True
    ask(runner, *jobs)
    events = [event for _ in range(4) for event in runner.poll()]
    assert len(cluster.machines) == 2
    assert [event.job for event in events if isinstance(event, Progress)] == [job.id for job in jobs], "once each"


def test_the_lowest_turn_goes_first_and_what_is_done_goes_nowhere(
    cluster: Cluster, open_runner: Callable[..., RayRunner], store: JobStore
) -> None:
    runner, jobs, old = open_runner(), [fake(text=f"{turn}") for turn in range(3)], fake(text="old")
    ask(runner, old)
    store.publish(Result(old.id, JobState.DONE))
    finish(runner, old)
    assert not cluster.machines
    for turn in (2, 0, 1):
        store.add(jobs[turn])
        runner.submit(jobs[turn], turn=turn)
    finish(runner, *jobs)
    assert cluster.asked("submit") == [job.id for job in jobs]


def test_a_cancel_leaves_a_result_that_is_there(
    open_runner: Callable[..., RayRunner], store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner, job = open_runner(), fake()
    ask(runner, job)
    store.publish(Result(job.id, JobState.DONE))
    monkeypatch.setattr(os, "link", no_links)
    runner.cancel(job.id)
    assert store.state(job.id) is JobState.DONE


def test_an_idle_place_makes_room_for_one_with_a_card(
    cluster: Cluster, open_runner: Callable[..., RayRunner], store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_cluster, "needs", lambda spec, request, _: Needs(gpu=request.params["text"] == "large"))
    runner = open_runner()
    for job in (fake(text="small"), fake(text="large")):
        do(runner, job)
    assert [len(machine.asked["submit"]) for machine in cluster.machines] == [1, 1]
    assert cluster.machines[0].asked["close"]


def test_a_place_that_has_done_enough_finishes_what_else_it_has(
    cluster: Cluster, open_runner: Callable[..., RayRunner], store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_cluster, "needs", lambda *_: Needs(gpu=True))
    cluster.work()
    runner, jobs = open_runner(transport="auto", recycle=1), [Request.of(Backend.spec, seed=seed) for seed in (0, 1)]
    ask(runner, *jobs)
    until(runner, lambda _: len(cluster.asked("submit")) == 2)
    [machine] = cluster.machines
    for job in jobs:
        assert not machine.asked["close"]
        store.publish(Result(job.id, JobState.DONE))
        machine.says = [Done(job.id)]
        finish(runner, job)
    assert machine.asked["close"]


def test_machines_that_come_later_are_found(
    cluster: Cluster, open_runner: Callable[..., RayRunner], monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.work()
    runner = open_runner(workers=0)
    ask(runner, *(fake(text=f"{n}") for n in range(3)))
    until(runner, lambda _: cluster.asked("submit"))
    cluster.has = {"CPU": 12.0}
    until(runner, lambda _: len(cluster.asked("submit")) == 3)


def test_close_ends_what_is_open_and_leaves_nothing(
    cluster: Cluster, open_runner: Callable[..., RayRunner], store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GALATEA_TERRITORY", "DE")
    cluster.work()
    runner, jobs = open_runner(transport="auto"), (fake(text="0"), fake(text="1"))
    ask(runner, *jobs)
    until(runner, lambda _: cluster.asked("submit"))
    [machine] = cluster.machines
    assert machine.offer["environment"]["GALATEA_TERRITORY"] == "DE" and list(store.root.glob(".probe-*"))
    runner.close()
    assert machine.asked["close"] and machine.lost and not list(store.root.glob(".probe-*"))
    assert all(store.state(job.id) is JobState.CANCELLED for job in jobs)


def test_what_is_cancelled_while_its_files_travel_is_cancelled_there(
    cluster: Cluster, open_runner: Callable[..., RayRunner], store: JobStore
) -> None:
    runner, job = open_runner(), fake(seconds=5.0)
    ask(runner, job)
    until(runner, lambda _: runner._tasks[job.id].hand)
    assert not cluster.asked("submit")
    runner.cancel(job.id)
    finish(runner, job)
    assert cluster.asked("submit") and store.state(job.id) is JobState.CANCELLED


def picture(folder: Path, name: str) -> Request:
    (folder / name).write_text(name)
    return Request.of(spec_of("cutout"), {"image": folder / name})


def test_an_input_that_is_gone_ends_its_job_and_no_other(
    cluster: Cluster, open_runner: Callable[..., RayRunner], store: JobStore, tmp_path: Path
) -> None:
    def lose(_machine: Machine, files: list[tuple[str, int]]) -> list[str]:
        (tmp_path / "later.png").unlink()
        return [name for name, _ in files]

    runner, gone, later, good = open_runner(), picture(tmp_path, "gone.png"), picture(tmp_path, "later.png"), fake()
    (tmp_path / "gone.png").unlink()
    cluster.once("lacks", lose)
    do(runner, gone, later, good)
    for job in (gone, later):
        assert failure(store, job).kind == "input" and "is still there" in failure(store, job).message
    assert store.state(good.id) is JobState.DONE and len(cluster.machines) == 1


def test_an_input_of_a_damaged_job_ends_its_job_and_no_other(
    cluster: Cluster, open_runner: Callable[..., RayRunner], store: JobStore
) -> None:
    maker, good = fake(text="maker"), fake()
    store.add(maker)
    made = picture(store.attempt(maker.id), "a.png")
    (store.folder(maker.id) / "request.json").write_text("{")
    do(open_runner(), made, good)
    assert "is damaged" in failure(store, made).message and store.state(good.id) is JobState.DONE


def test_a_place_that_can_take_nothing_is_left(
    cluster: Cluster, open_runner: Callable[..., RayRunner], store: JobStore, tmp_path: Path
) -> None:
    def full(*_given: object) -> None:
        raise OSError("No space left on device")

    cluster.once("put", full)
    job, good = picture(tmp_path, "a.png"), fake()
    do(open_runner(), job, good)
    assert "could not take the job: No space left on device" in failure(store, job).message
    assert [machine.lost for machine in cluster.machines] == [True, False] and store.state(good.id) is JobState.DONE


def test_an_order_that_cannot_be_written_there_ends(
    cluster: Cluster, open_runner: Callable[..., RayRunner], store: JobStore
) -> None:
    runner, job = open_runner(transport="auto"), fake()

    def refuse(machine: Machine, *given: Any) -> None:
        shutil.rmtree(store.folder(job.id))
        store.folder(job.id).touch()
        try:
            machine.place.submit(*given)
        finally:
            store.folder(job.id).unlink()

    cluster.once("submit", refuse)
    do(runner, job)
    assert "Cannot write" in failure(store, job).message


def test_large_files_travel_in_pieces(
    cluster: Cluster, open_runner: Callable[..., RayRunner], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_parcel, "PIECE", 4)
    runner = open_runner()
    do(runner, fake())
    [machine] = cluster.machines
    assert [given[2:] for given in machine.asked["piece"]] == [(0, 4), (4, 4)]
    cluster.work()
    ask(runner, picture(tmp_path, "a.png"))
    until(runner, lambda _: machine.asked["put"])
    assert machine.asked["put"][0][2:] == (b"a.pn", b"g")


def test_a_result_that_could_not_be_written_there_is_said(
    cluster: Cluster, open_runner: Callable[..., RayRunner], store: JobStore
) -> None:
    cluster.once("made", lambda *_: {"result": None, "files": []})
    job = fake()
    do(open_runner(), job)
    assert failure(store, job).kind == "output"


@pytest.mark.parametrize("came", [b"x" * 8, b""], ids=["damaged", "shorter"])
def test_a_file_that_does_not_come_back_whole_is_made_elsewhere(
    cluster: Cluster, open_runner: Callable[..., RayRunner], store: JobStore, came: bytes
) -> None:
    cluster.once("piece", lambda *_: came)
    job = fake()
    do(open_runner(), job)
    result = store.result(job.id)
    assert result and store.file(result, "text").read_text() == "hello 0\n"
    assert len(cluster.machines) == 2 and not list(store.folder(job.id).glob("fetch-*"))


def test_what_came_of_a_lost_machine_is_cleared_away(
    cluster: Cluster, open_runner: Callable[..., RayRunner], store: JobStore
) -> None:
    def go(machine: Machine, *_given: object) -> None:
        cluster.kill(machine)
        raise Lost("in the middle")

    cluster.once("piece", go)
    job = fake()
    do(open_runner(), job)
    assert store.state(job.id) is JobState.DONE and not list(store.folder(job.id).glob("fetch-*"))


@pytest.mark.parametrize("moment", ["made", "piece"])
def test_a_result_that_cannot_be_written_here_ends_its_job_and_no_other(
    cluster: Cluster, open_runner: Callable[..., RayRunner], store: JobStore, moment: str
) -> None:
    runner, job, good = open_runner(), fake(), fake(text="good")

    def remove(machine: Machine, *given: Any) -> Any:
        store.remove(job.id)
        return getattr(machine.place, moment)(*given)

    cluster.once(moment, remove)
    do(runner, job, good)
    assert failure(store, job).kind == "output" and "Cannot write the result" in failure(store, job).message
    assert store.state(good.id) is JobState.DONE and len(cluster.machines) == 1
