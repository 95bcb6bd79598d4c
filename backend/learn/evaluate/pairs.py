# SPDX-License-Identifier: GPL-3.0-or-later
"""Predictors on pictures: each pair is tried and scored once.

OUT/scores/<predictor>/<key>.json is the end of one pair and holds its scores or why it failed; a run skips what is
there. A prediction that fails is never left out: it counts as `metrics.FAILED`, and the tables say how many there were.
"""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ...protocol.store import publish
from .. import pool
from . import metrics, sheet
from .baselines import Predictor, stored
from .lpips import Lpips
from .metrics import Perceptual, Truth
from .shape import Shape

Record = dict[str, Any]
Records = dict[str, dict[str, Record]]
"""Predictor, key, and what its JSON file holds."""
Make = Callable[[str], Predictor]
Tell = Callable[[str, str, int, int], None]
"""(predictor, key, how many pairs are done, of how many)"""
DIED = "the process that worked on it died"


class Scorer(ABC):
    """Tries a predictor on a picture. What it loads it keeps, so one is made for each process and sent there empty."""

    def __init__(self, make: Make, out: Path, lpips: Path | None = None) -> None:
        """`make` gives a predictor by its name, `lpips` is what `lpips.weights` made; strips go below `out`."""
        self.out = out
        self._make, self._lpips = make, lpips
        self._made: dict[str, Predictor] = {}
        self._perceptual: Perceptual | None = None

    @abstractmethod
    def picture(self, key: str) -> Path: ...

    @abstractmethod
    def category(self, key: str) -> str: ...

    def prepare(self, key: str) -> None:  # noqa: B027
        """Load what scores of this picture need: what goes wrong here is no predictor's fault."""

    @abstractmethod
    def score(self, name: str, key: str, shape: Shape) -> Record:
        """What the record holds of a prediction that came: "values" by the names of `metrics.HIGHER`, and more."""

    def attempt(self, name: str, key: str) -> Record:
        """One prediction and its score, or the reason why there is none."""
        if name not in self._made:
            self._made[name] = self._make(name)
        self.prepare(key)
        record: Record = {"key": key, "predictor": name, "category": self.category(key)}
        began = time.monotonic()
        try:
            made = self._made[name](self.picture(key), key)
            shape = made if isinstance(made, Shape) else Shape.of(*made)
            record["seconds"] = round(time.monotonic() - began, 3)
            began = time.monotonic()
            scored = self.score(name, key, shape)
        except Exception as error:  # whatever a model does wrong is a result, and must be counted
            return record | {"state": "failed", "reason": f"{type(error).__name__}: {error}"}
        seconds = round(time.monotonic() - began, 3)
        return record | {"state": "done", "score_seconds": seconds, "faces": len(shape.faces)} | scored

    def perceptual(self) -> Perceptual | None:
        if self._perceptual is None and self._lpips:
            self._perceptual = Lpips.load(self._lpips).mean
        return self._perceptual


class Holdout(Scorer):
    """Scores against the Things of a data root, on the pictures that `holdout.render` took of them."""

    def __init__(self, data: Path, make: Make, out: Path, lpips: Path | None = None) -> None:
        super().__init__(make, out, lpips)
        self.data = data
        self._key = ""
        self._truth: Truth

    def picture(self, key: str) -> Path:
        return self.data / "holdout" / f"{key}.png"

    def category(self, key: str) -> str:
        card = json.loads((self.data / "holdout" / f"{key}.json").read_text(encoding="utf-8"))
        return str(card.get("category", ""))

    def prepare(self, key: str) -> None:
        if self._key != key:
            self._key, self._truth = key, Truth.of(stored(self.data, "holdout")(key))

    def score(self, name: str, key: str, shape: Shape) -> Record:
        result = metrics.score(shape, self._truth, perceptual=self.perceptual())
        sheet.save(sheet.strip(result.prediction), self.out / "strips" / name / f"{key}.png")
        goal = self.out / "strips" / "_truth" / f"{key}.png"
        if not goal.is_file():
            sheet.save(sheet.strip(result.truth), goal)
        move = result.move
        align = {"scale": move.scale, "rotation": move.rotation.tolist(), "shift": move.shift.tolist()}
        return {"values": result.values, "align": align}


def run(
    scorer: Scorer, names: Sequence[str], keys: Iterable[str], *, workers: int = 1, progress: Tell | None = None
) -> Records:
    """Try every predictor on every picture that has no record yet; return all records."""
    keys = list(keys)
    pairs = [(key, name) for key in keys for name in names]
    jobs = [(key, name) for key, name in pairs if not _path(scorer.out, name, key).is_file()]
    for name in names:
        (scorer.out / "scores" / name).mkdir(parents=True, exist_ok=True)
    done = len(pairs) - len(jobs)
    for (key, name), made in pool.each(partial(_do, scorer), jobs, workers):
        if isinstance(made, pool.Died):
            record = {"key": key, "predictor": name, "category": scorer.category(key)}
            publish(_path(scorer.out, name, key), record | {"state": "failed", "reason": DIED})
        done += 1
        if progress:
            progress(name, key, done, len(pairs))
    return collect(scorer.out, names, keys)


def _do(scorer: Scorer, job: tuple[str, str]) -> None:
    key, name = job
    path = _path(scorer.out, name, key)
    if not path.is_file():
        publish(path, scorer.attempt(name, key))


def _path(out: Path, name: str, key: str) -> Path:
    return out / "scores" / name / f"{key}.json"


def collect(out: Path, names: Iterable[str], keys: Sequence[str]) -> Records:
    """The records that are there."""
    found: Records = {}
    for name in names:
        paths = ((key, _path(out, name, key)) for key in keys)
        found[name] = {key: json.loads(path.read_text(encoding="utf-8")) for key, path in paths if path.is_file()}
    return found
