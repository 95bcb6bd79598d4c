# SPDX-License-Identifier: GPL-3.0-or-later
"""Many jobs in several processes of one thread each; one that dies costs the job that killed it and no other."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from ..protocol import child

Job = TypeVar("Job")
Made = TypeVar("Made")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_work: Callable[[Any], Any]


class Died:
    """Stands for what a job would have made, had it not killed its process twice."""


def each(work: Callable[[Job], Made], jobs: Sequence[Job], workers: int) -> Iterator[tuple[Job, Made | Died]]:
    """Do the jobs; each with what it made, in their order.

    With one worker `work` runs in this process, and may be anything; else it is sent to the others once, and keeps
    there what it loads.
    """
    if workers <= 1:
        for job in jobs:
            yield job, work(job)
        return
    waiting = list(jobs)
    while waiting:
        try:
            for made in _run(work, waiting, workers):
                yield waiting.pop(0), made
        except BrokenProcessPool:
            for job in waiting[:workers]:  # those that were at work then are among the first that are not done
                yield waiting.pop(0), _alone(work, job)


def _alone(work: Callable[[Any], Any], job: Any) -> Any:
    try:
        return next(_run(work, [job], 1))
    except BrokenProcessPool:
        return Died()


def _run(work: Callable[[Any], Any], jobs: Sequence[Any], workers: int) -> Iterator[Any]:
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _begin, (work, os.getpid()))
    try:
        yield from pool.map(_do, jobs)
    finally:
        pool.shutdown(cancel_futures=True)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value


def _begin(work: Callable[[Any], Any], asker: int) -> None:
    global _work
    _work = work
    child.end_with(asker)


def _do(job: Any) -> Any:
    return _work(job)
