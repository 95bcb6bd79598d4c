# SPDX-License-Identifier: GPL-3.0-or-later
"""Many jobs in several processes of one thread each; one that dies costs the job that killed it and no other."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

Job = TypeVar("Job")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_work: Callable[[Any], None]


def each(work: Callable[[Job], None], jobs: Sequence[Job], workers: int) -> Iterator[tuple[Job, bool]]:
    """Do the jobs; each with whether it was done, in their order: False where its process died twice over it.

    `work` must leave what it makes in files, and do nothing where they are there already. With one worker it runs in
    this process, and may be anything; else it is sent to the others once, and keeps there what it loads.
    """
    if workers <= 1:
        for job in jobs:
            work(job)
            yield job, True
        return
    waiting = list(jobs)
    while waiting:
        try:
            for _ in _run(work, waiting, workers):
                yield waiting.pop(0), True
        except BrokenProcessPool:
            for job in waiting[:workers]:  # those that were at work then are among the first that are not done
                try:
                    done = len(list(_run(work, [job], 1))) == 1
                except BrokenProcessPool:
                    done = False
                yield waiting.pop(0), done


def _run(work: Callable[[Any], None], jobs: Sequence[Any], workers: int) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _begin, (work,))
    try:
        yield from pool.map(_do, jobs)
    finally:
        pool.shutdown(cancel_futures=True)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value


def _begin(work: Callable[[Any], None]) -> None:
    global _work
    _work = work


def _do(job: Any) -> None:
    _work(job)
