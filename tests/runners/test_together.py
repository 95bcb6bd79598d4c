# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs that go out together: each has its own result, and what happens to one of them happens to it alone."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from galatea.backend.backends import fake as module
from galatea.backend.backends.relief import Backend as Relief
from galatea.backend.flow import Drive, Drives, StepFailed, walk
from galatea.backend.protocol.catalog import spec_of
from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.event import Done, Event, Progress
from galatea.backend.protocol.job import JobState, Request, Result
from galatea.backend.protocol.recipe import Recipe, Step
from galatea.backend.protocol.store import JobStore
from galatea.backend.runners import local
from galatea.backend.runners.local import LocalRunner
from galatea.backend.runners.runtimes import Dispatch, Runtimes
from galatea.backend.worker.together import execute_together

PATIENCE = 300  # seconds; the machine may be loaded


def fakes(count: int, **params: object) -> list[Request]:
    return [Request.of(module.Backend.spec, params=params, seed=seed) for seed in range(count)]


def submit(runner: LocalRunner, *requests: Request) -> None:
    for request in requests:
        runner.submit(request)


def until(runner: LocalRunner, jobs: Sequence[Request], kind: type[Event] = Done) -> list[Event]:
    """Poll until each of the jobs has told an event of this kind."""
    events: list[Event] = []
    end = time.monotonic() + PATIENCE
    while not {job.id for job in jobs} <= {event.job for event in events if isinstance(event, kind)}:
        assert time.monotonic() < end, f"no end: {events[-3:]}"
        events += runner.poll()
        time.sleep(0.01)
    return events


def until_it_hangs(runner: LocalRunner, job: Request) -> None:
    """One of no seconds hangs as soon as it has said that it waits."""
    end = time.monotonic() + PATIENCE
    while not any(getattr(event, "phase", "") == "Waiting" and event.job == job.id for event in runner.poll()):
        assert time.monotonic() < end
        time.sleep(0.01)


def results(store: JobStore, requests: Sequence[Request]) -> list[Result]:
    found = [store.result(request.id) for request in requests]
    assert all(found)
    return [result for result in found if result]


def states(store: JobStore, requests: Sequence[Request]) -> list[str]:
    return [str(result.state) for result in results(store, requests)]


def test_as_many_go_out_together_as_the_step_takes(runner: LocalRunner, store: JobStore) -> None:
    five, other = fakes(5, seconds=0.2), fakes(1, seconds=0.2, text="other")
    submit(runner, *five, *other)
    events = until(runner, [*five, *other])
    together = [result.metrics["together"] for result in results(store, [*five, *other])]
    assert together == [4, 4, 4, 4, 1, 1], "four is what it takes, and other parameters are another matter"
    for number, (request, result) in enumerate(zip(five, results(store, five), strict=True)):
        assert store.file(result, "text").read_text() == f"hello {number}\n"
        told = [event.fraction for event in events if isinstance(event, Progress) and event.job == request.id]
        assert told == sorted(told) and len(told) > 2
        assert sum(isinstance(event, Done) and event.job == request.id for event in events) == 1


def test_a_job_asked_for_twice_is_done_once(runner: LocalRunner, store: JobStore) -> None:
    [job] = fakes(1)
    submit(runner, job, job)
    until(runner, [job])
    assert results(store, [job])[0].metrics["together"] == 1
    assert len(list(store.folder(job.id).glob("out-*"))) == 1


@pytest.mark.parametrize(
    ("trouble", "kind"), [("user", "input"), ("bug", "backend"), ("memory", "device"), ("kill", "backend")]
)
def test_what_is_wrong_with_one_fails_that_one(runner: LocalRunner, store: JobStore, trouble: str, kind: str) -> None:
    four = fakes(4, trouble=trouble, only=2)
    submit(runner, *four)
    events = until(runner, four)
    assert states(store, four) == ["done", "done", "failed", "done"]
    bad = results(store, four)[2]
    assert bad.failure and bad.failure.kind == kind
    assert sum(isinstance(event, Done) for event in events) == 4, "each says its end once"
    assert all(len(list(store.folder(job.id).glob("out-*/text.txt"))) == (n != 2) for n, job in enumerate(four))


def test_a_file_that_cannot_be_read_fails_before_the_others_are_looked_at(store: JobStore, tmp_path: Path) -> None:
    class Picky(module.Backend):
        def read(self, request: Request, params: dict[str, Any], report: Any) -> int:
            if request.seed == 1:
                raise UserError("This cannot be read. Choose another.")
            return super().read(request, params, report)

    three = fakes(3)
    for request in three:
        store.add(request)
    execute_together(store, [request.id for request in three], lambda step: Picky(), lambda event: None)
    assert states(store, three) == ["done", "failed", "done"]
    assert results(store, three)[0].metrics["together"] == 2


def test_where_memory_does_not_do_for_all_fewer_are_looked_at(store: JobStore) -> None:
    asked: list[int] = []

    class Small(module.Backend):
        def look(self, seeds: Sequence[int], params: dict[str, Any], report: Any) -> Sequence[int]:
            asked.append(len(seeds))
            if len(seeds) > 2:
                raise MemoryError
            return super().look(seeds, params, report)

    six = fakes(6)
    for request in six:
        store.add(request)
    events: list[Event] = []
    execute_together(store, [request.id for request in six], lambda step: Small(), events.append)
    assert asked == [6, 3, 2, 1, 3, 2, 1]
    assert states(store, six) == ["done"] * 6
    assert [result.metrics["together"] for result in results(store, six)] == [2, 2, 1, 2, 2, 1]
    assert any("Looking at 6 at once failed (MemoryError)" in getattr(event, "text", "") for event in events)


def test_what_was_made_before_one_fails_is_not_made_again(store: JobStore) -> None:
    """As on a CPU, where each is looked at when it is asked for."""
    made: list[int] = []

    class Lazy(module.Backend):
        def look(self, seeds: Sequence[int], params: dict[str, Any], report: Any) -> Any:
            for seed in seeds:
                if seed == 2:
                    raise ZeroDivisionError
                yield seed

        def make(self, seed: int, params: dict[str, Any], report: Any) -> None:
            made.append(seed)
            super().make(seed, params, report)

    four = fakes(4)
    for request in four:
        store.add(request)
    execute_together(store, [request.id for request in four], lambda step: Lazy(), lambda event: None)
    assert made == [0, 1, 3] and states(store, four) == ["done", "done", "failed", "done"]


def test_a_look_that_loses_one_is_told_in_numbers(store: JobStore) -> None:
    class Lossy(module.Backend):
        def look(self, seeds: Sequence[int], params: dict[str, Any], report: Any) -> Sequence[int]:
            return list(seeds)[:-1]

    three = fakes(3)
    for request in three:
        store.add(request)
    execute_together(store, [request.id for request in three], lambda step: Lossy(), lambda event: None)
    assert states(store, three) == ["done", "done", "failed"]
    error = results(store, three)[-1].failure
    assert error and "look told of 0 where 1 were read" in error.message


def test_cancelling_one_leaves_the_others(
    runner: LocalRunner, store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "CANCEL_GRACE_SECONDS", 0.0)
    three = fakes(3, seconds=4.0)
    submit(runner, *three)
    until(runner, three, Progress)
    pid = runner.pid
    runner.cancel(three[1].id)
    until(runner, three)
    assert states(store, three) == ["done", "cancelled", "done"]
    assert runner.pid == pid, "for there was no grace, and yet the others went on"


def test_nobody_is_killed_beside_one_that_was_asked_gently(
    runner: LocalRunner, store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "CANCEL_GRACE_SECONDS", 0.0)
    two = fakes(2, seconds=4.0)
    submit(runner, *two)
    until(runner, two, Progress)
    pid = runner.pid
    runner.cancel(two[1].id, gently=True)  # that which is made last
    runner.cancel(two[0].id)
    until(runner, two)
    assert states(store, two) == ["cancelled"] * 2 and runner.pid == pid


def test_when_all_are_cancelled_and_none_listens_the_process_is_killed(runner: LocalRunner, store: JobStore) -> None:
    two = fakes(2, trouble="hang")
    submit(runner, *two)
    until_it_hangs(runner, two[-1])
    for request in two:
        runner.cancel(request.id)
    until(runner, two)
    assert states(store, two) == ["cancelled", "cancelled"]
    assert runner.pid is None


def test_one_that_takes_too_long_costs_the_others_no_more_than_another_try(store: JobStore) -> None:
    runner = LocalRunner(store, Runtimes.here().bundled, name="bundled", timeout=PATIENCE)
    three = fakes(3, trouble="hang", only=1)
    submit(runner, *three)
    for _ in range(2):  # in company, and alone
        until_it_hangs(runner, three[1])
        runner._timeout = 1e-9  # time is up, however fast this machine is
        runner.poll()
        runner._timeout = PATIENCE
    until(runner, three[2:])
    runner.close()
    assert states(store, three) == ["done", "failed", "done"]
    late = results(store, three)[1].failure
    assert late and late.kind == "timeout"


def test_one_that_another_process_does_is_waited_for(store: JobStore) -> None:
    one, two = (LocalRunner(store, Runtimes.here().bundled, name=name) for name in ("one", "two"))
    four, [first] = fakes(4, seconds=2.0), fakes(1, text="so that its process is there")
    submit(two, first)
    until(two, [first])
    submit(one, four[0])
    until(one, four[:1], Progress)
    submit(two, *four)
    until(two, four)
    until(one, four[:1])
    one.close()
    two.close()
    assert states(store, four) == ["done"] * 4
    assert [result.metrics["together"] for result in results(store, four)] == [1, 3, 3, 3]
    assert all(len(list(store.folder(request.id).glob("out-*"))) == 1 for request in four)


def test_close_ends_all_of_them(store: JobStore) -> None:
    runner = LocalRunner(store, Runtimes.here().bundled, name="bundled")
    three = fakes(3, seconds=600)
    submit(runner, *three)
    until(runner, three, Progress)
    runner.close()
    assert states(store, three) == ["cancelled"] * 3


def test_the_step_that_is_loaded_goes_on_before_another_is_loaded(
    runner: LocalRunner, store: JobStore, tmp_path: Path
) -> None:
    (tmp_path / "cut.png").write_bytes(b"no picture")
    [first], [second] = fakes(1, text="1"), fakes(1, text="2")
    other = Request.of(Relief.spec, {"cutout": tmp_path / "cut.png"})
    submit(runner, first, other, second)
    ends = [event.job for event in until(runner, [first, other, second]) if isinstance(event, Done)]
    assert ends == [first.id, second.id, other.id]


# several walks over one runner


def wiring(*texts: str, trouble: str = "none") -> Recipe:
    steps = [Step("fake", {"text": text, "seconds": 0.1, "trouble": trouble}) for text in texts]
    return Recipe("Wiring", tuple(steps), ())


def finish(drives: Drives) -> dict[Drive, Exception | None]:
    found: dict[Drive, Exception | None] = {}
    end = time.monotonic() + PATIENCE
    while not drives.ended:
        assert time.monotonic() < end
        found.update(drives.tick())
        time.sleep(0.01)
    return found


def test_each_walk_hears_of_its_own_jobs(store: JobStore) -> None:
    runner = Dispatch(store, Runtimes.here())
    heard: dict[int, set[str]] = {}
    made = []
    for number in range(6):
        heard[number] = set()
        steps = walk(wiring("a", "b"), {}, store, seed=number // 2)  # two and two want the same
        made.append(Drive(steps, store, runner, on_event=lambda step, event, n=number: heard[n].add(event.job)))
    found = finish(Drives(made, runner, ahead=4))
    runner.close()
    assert len(found) == 6 and not any(found.values())
    for number, drive in enumerate(made):
        assert drive.files and drive.files["text"].read_text() == f"b {number // 2}\n"
        mine = {stage.result.job for stage in drive.stages}
        assert len(mine) == 2 and heard[number] <= mine


def test_a_walk_that_fails_stops_no_other_and_no_more_are_under_way_than_allowed(store: JobStore) -> None:
    runner = Dispatch(store, Runtimes.here())
    recipes = [wiring("x"), wiring("x", trouble="bug"), *[wiring(str(number)) for number in range(5)]]
    made = [Drive(walk(recipe, {}, store), store, runner) for recipe in recipes]
    drives, most = Drives(made, runner, ahead=2), 0
    found: dict[Drive, Exception | None] = {}
    while not drives.ended:
        found.update(drives.tick())
        most = max(most, sum(drive.current is not None for drive in made if drive not in found))
        time.sleep(0.005)
    runner.close()
    assert most == 2
    wrong = [error for error in found.values() if error]
    assert len(found) == 7 and len(wrong) == 1 and found[made[1]] is wrong[0] and isinstance(wrong[0], StepFailed)


def test_cancel_ends_those_that_run_and_begins_no_more(store: JobStore) -> None:
    runner = Dispatch(store, Runtimes.here())
    recipe = Recipe("Long", (Step("fake", {"seconds": 600.0}),), ())
    made = [Drive(walk(recipe, {}, store, seed=seed), store, runner) for seed in range(5)]
    drives = Drives(made, runner, ahead=3)
    while sum(drive.current is not None for drive in made) < 3:
        drives.tick()
    drives.cancel()
    found = finish(drives)
    runner.close()
    assert set(found) == set(made[:3])
    assert all(isinstance(e, StepFailed) and e.stage.result.state is JobState.CANCELLED for e in found.values())
    assert not any(store.state(job) is JobState.RUNNING for job in store.jobs())


def test_a_lower_turn_goes_first(runner: LocalRunner, store: JobStore) -> None:
    jobs = {turn: fakes(1, text=str(turn))[0] for turn in (0, 2, 1, 3)}
    for turn, request in jobs.items():
        runner.submit(request, turn=turn)
    ends = [event.job for event in until(runner, list(jobs.values())) if isinstance(event, Done)]
    assert ends == [jobs[turn].id for turn in range(4)]


def test_models_take_four_pictures_side_by_side_and_blender_one_after_the_other(
    store: JobStore, tmp_path: Path
) -> None:
    python = Runtimes.here().bundled
    runner = Dispatch(store, Runtimes(python, python))
    jobs: dict[str, dict[int, Request]] = {"fake": {}, "export": {}}
    for turn in (4, 3, 0):
        scene = tmp_path / f"{turn}.blend"
        scene.write_text(f"{turn}")
        jobs["fake"][turn] = fakes(1, text=str(turn))[0]
        jobs["export"][turn] = Request.of(spec_of("export"), {"scene": scene})  # fails: it is no Blender
        for step in jobs.values():
            runner.submit(step[turn], turn=turn)
    ends: list[str] = []
    end = time.monotonic() + PATIENCE
    while len(ends) < 6:
        assert time.monotonic() < end
        ends += [event.job for event in runner.poll() if isinstance(event, Done)]
        time.sleep(0.01)
    runner.close()
    order = {name: [turn for job in ends for turn in step if step[turn].id == job] for name, step in jobs.items()}
    assert order == {"fake": [3, 0, 4], "export": [0, 3, 4]}
