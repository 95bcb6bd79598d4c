# SPDX-License-Identifier: GPL-3.0-or-later
"""All samples of a split in files of CHUNK things each, made by several processes; what is there is kept."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..things import thing as things
from . import sample
from .surface import Surface

CHUNK = 64  # things to a file
VERSION = 1  # of the samples: raised when they change, so that old files are made again

Sample = dict[str, NDArray[Any]]
Report = Callable[[str, float], None]


def build(
    data: Path, split: str, views: int, seed: int, report: Report, workers: int = 2, limit: int | None = None
) -> list[tuple[str, str]]:
    """Write DATA/samples/<split>/<nnnn>.safetensors, arrays of the samples stacked on axis 0, and a .json beside each.

    The things are those of DATA/things/<split>, sorted by key, or the first `limit` of them. A file that is whole and
    holds what is wanted is skipped. Returns (key, error) of the things left out. The bytes depend on neither
    `workers` nor on how often the work was interrupted.
    """
    paths = sorted((data / "things" / split).glob("*.npz"))[:limit]
    folder = data / "samples" / split
    folder.mkdir(parents=True, exist_ok=True)
    chunks = [paths[i : i + CHUNK] for i in range(0, len(paths), CHUNK)]
    for extra in folder.glob("*.safetensors"):
        if limit is None and int(extra.stem) >= len(chunks):
            extra.with_suffix(".json").unlink(missing_ok=True)
            extra.unlink()
    bad: list[tuple[str, str]] = []
    done = 0
    with _one_thread(), _Pool(workers) as pool:
        for number, chunk in enumerate(chunks):
            target = folder / f"{number:04d}.safetensors"
            wanted = {
                "version": VERSION,
                "seed": seed,
                "views": views,
                "things": [[path.stem, path.stat().st_size] for path in chunk],
            }
            card = _whole(target, wanted)
            if card is None:
                made: list[tuple[str, list[Sample]]] = []
                errors: list[tuple[str, str]] = []
                for path, result in zip(chunk, pool.run([(path, seed, views) for path in chunk]), strict=True):
                    if isinstance(result, str):
                        errors.append((path.stem, result))
                    else:
                        made.append((path.stem, result))
                    report(f"Views of {path.stem}", (done + len(made) + len(errors)) / len(paths))
                card = {**wanted, "keys": [key for key, _ in made], "errors": errors}
                _write(target, [one for _, several in made for one in several], card)
            bad += [(key, error) for key, error in card["errors"]]
            done += len(chunk)
            report(f"Samples {target.name}", done / len(paths))
    return bad


def _make(task: tuple[Path, int, int]) -> list[Sample] | str:
    """All views of one thing, or what went wrong with it."""
    path, seed, views = task
    try:
        surface = Surface(things.load(path))
        return [sample.make(surface, seed, view) for view in range(views)]
    except Exception as error:  # one bad thing must not end the work of an hour
        return f"{type(error).__name__}: {error}"


def _write(target: Path, samples: list[Sample], card: dict[str, Any]) -> None:
    from safetensors.numpy import save_file

    arrays = {name: np.stack([one[name] for one in samples]) for name in samples[0]} if samples else {}
    part = target.with_name(target.name + ".part")
    save_file(arrays, part)
    target.with_suffix(".json").unlink(missing_ok=True)
    os.replace(part, target)
    note = target.with_name(target.stem + ".json.part")
    note.write_text(json.dumps({**card, "bytes": target.stat().st_size}, indent=1), encoding="utf-8")
    os.replace(note, target.with_suffix(".json"))


def _whole(target: Path, wanted: dict[str, Any]) -> dict[str, Any] | None:
    """What is written beside the file, where it is all there and what is wanted."""
    try:
        card = json.loads(target.with_suffix(".json").read_text(encoding="utf-8"))
        size = target.stat().st_size
    except (OSError, ValueError):
        return None
    fits = isinstance(card, dict) and card.get("bytes") == size and all(card.get(k) == v for k, v in wanted.items())
    return card if fits else None


class _Pool:
    """Runs `_make` in processes; one that a thing kills costs that thing only."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._pool = self._start(workers)

    def __enter__(self) -> _Pool:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool:
            self._pool.shutdown(cancel_futures=True)

    def run(self, tasks: list[tuple[Path, int, int]]) -> Iterator[list[Sample] | str]:
        """Results in the order of the tasks."""
        if self._pool is None:
            yield from map(_make, tasks)
            return
        done = 0
        try:
            for result in self._pool.map(_make, tasks):
                yield result
                done += 1
            return
        except BrokenProcessPool:
            pass
        for task in tasks[done:]:
            with contextlib.ExitStack() as stack:
                alone = self._start(1, always=True)
                assert alone
                stack.callback(alone.shutdown)
                try:
                    result = alone.submit(_make, task).result()
                except BrokenProcessPool:
                    result = "the process that worked on it died"
            yield result
        self._pool = self._start(self._workers)

    @staticmethod
    def _start(workers: int, always: bool = False) -> ProcessPoolExecutor | None:
        if workers < 1 and not always:
            return None
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(max(workers, 1), mp_context=context)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Processes that start meanwhile use one thread each: there are as many of them as are wanted."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
