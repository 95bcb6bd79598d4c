# SPDX-License-Identifier: GPL-3.0-or-later
"""All samples of a split in files of CHUNK things each, made by several processes; what is there is kept."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...protocol import whole
from ...protocol.store import publish
from .. import pool
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
    targets = [folder / f"{number:04d}.safetensors" for number in range(len(chunks))]
    wanted = [_wanted(chunk, seed, views) for chunk in chunks]
    cards = [_whole(target, want) for target, want in zip(targets, wanted, strict=True)]
    tasks = [(path, seed, views) for chunk, card in zip(chunks, cards, strict=True) if not card for path in chunk]
    results = pool.each(_make, tasks, workers)
    done = 0
    for target, chunk, want, card in zip(targets, chunks, wanted, cards, strict=True):
        if card:
            done += len(chunk)
            continue
        made: list[tuple[str, list[Sample]]] = []
        errors: list[tuple[str, str]] = []
        for (path, _, _), result in itertools.islice(results, len(chunk)):
            if isinstance(result, list):
                made.append((path.stem, result))
            else:
                errors.append((path.stem, result if isinstance(result, str) else "the process that worked on it died"))
            done += 1
            report(f"Views of {path.stem}", done / len(paths))
        want |= {"keys": [key for key, _ in made], "errors": errors}
        _write(target, [one for _, several in made for one in several], want)
        report(f"Samples {target.name}", done / len(paths))
    return [(key, error) for card, want in zip(cards, wanted, strict=True) for key, error in (card or want)["errors"]]


def _wanted(chunk: list[Path], seed: int, views: int) -> dict[str, Any]:
    """What the card of a file says that holds these things' samples."""
    sizes = [[path.stem, path.stat().st_size] for path in chunk]
    return {"version": VERSION, "seed": seed, "views": views, "things": sizes}


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
    with whole.part(target) as part:
        save_file(arrays, part)
        target.with_suffix(".json").unlink(missing_ok=True)
    publish(target.with_suffix(".json"), {**card, "bytes": target.stat().st_size})


def _whole(target: Path, wanted: dict[str, Any]) -> dict[str, Any] | None:
    """What is written beside the file, where it is all there and what is wanted."""
    try:
        card = json.loads(target.with_suffix(".json").read_text(encoding="utf-8"))
        size = target.stat().st_size
    except (OSError, ValueError):
        return None
    fits = isinstance(card, dict) and card.get("bytes") == size and all(card.get(k) == v for k, v in wanted.items())
    return card if fits else None
