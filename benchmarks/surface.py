# SPDX-License-Identifier: GPL-3.0-or-later
"""What Lift's choices of surface cost and gain on validation views, and how far its confidence can be trusted.

    python -m benchmarks.surface DATA [DATA ...] [--views 100] [--weights FOLDER] [--out FILE] [--only base ...]

Each view is done once with every choice; rows are kept in `--out`, and what is there is not done again. The pose of a
view is known, so alignment starts from it (closest points with scale); scores are those of `galatea eval`, from 6,000
samples. For `base`, places of the surface are kept too: their evidence and how far the truth is, to which the formula
of `geometry/certain.py` is fitted (logistic regression, five folds by object).
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from galatea.benchmarks._rows import Row, tell

BASE: dict[str, Any] = {
    "grid": 160,
    "solid": 0.25,
    "smooth": 10,
    "soft": 0.6,
    "symmetry": True,
    "back": "predicted",
    "sheet": 0.03,
    "steepest": 0.15,
    "sure": 9.0,
    "round": 1.0,
}
CHOICES: dict[str, tuple[Any, ...]] = {
    "symmetry": (False,),
    "sure": (0.08, 0.13),
    "round": (0.0, 2.0),
    "solid": (0.2, 0.3),
    "smooth": (4, 20),
    "soft": (0.3, 1.0),
    "sheet": (0.02, 0.045),
    "steepest": (0.25,),
    "grid": (128, 192),
}
SCORES = ("cd", "f0.02", "f0.05", "nc")
SAMPLES, PLACES = 6000, 400


def variants() -> Iterator[tuple[str, dict[str, Any]]]:
    yield "base", BASE
    for name, values in CHOICES.items():
        for value in values:
            yield f"{name}={value}", {**BASE, name: value}


def views(folders: list[Path], count: int) -> list[tuple[Path, str, int]]:
    """(data, key, row) of validation views, each object's first before any second, always in the same order."""
    from galatea.backend.learn.training.samples import Samples

    found: list[tuple[int, float, Path, str, int]] = []
    for data in folders:
        keys, dice, seen = Samples([data], "val").keys, random.Random(0), dict[str, int]()
        for row, key in enumerate(keys):
            seen[key] = seen.get(key, -1) + 1
            found.append((seen[key], dice.random(), data, key, row))
    return [(data, key, row) for _, _, data, key, row in sorted(found)[:count]]


class Bench:
    def __init__(self, folders: list[Path], weights: Path) -> None:
        from galatea.backend.backends.lift import Backend
        from galatea.backend.learn.training.samples import Samples

        self.backend = Backend(weights)
        self.samples = {data: Samples([data], "val") for data in folders}

    def shown(self, data: Path, row: int) -> tuple[Any, Any]:
        """The sample, and the picture as the backend frames it."""
        from PIL import Image

        from galatea.backend.images import framed

        sample = self.samples[data][row]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "view.png"
            Image.fromarray(np.asarray(sample["rgba"])).save(path)
            return sample, framed(str(path), 1024)

    def measure(self, data: Path, key: str, row: int, wanted: dict[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
        from galatea.backend.geometry import body, bulge, rays, symmetry
        from galatea.backend.learn.evaluate.baselines import stored
        from galatea.backend.learn.evaluate.metrics import compare, normalised
        from galatea.backend.learn.evaluate.shape import Cloud, Shape, sample

        shown, picture = self.shown(data, row)
        [(_, guess)] = self.backend.look([picture], {}, Quiet())
        truth = stored(data, "val")(key)
        truth = truth.moved(normalised(truth.vertices))
        target = sample(truth, SAMPLES, seed=1)
        for name, choice in wanted.items():
            rays.SHEET, rays.STEEPEST = choice["sheet"], choice["steepest"]
            symmetry.SURE, bulge.WEIGHT = choice["sure"], choice["round"]
            options = {option: choice[option] for option in ("solid", "smooth", "soft", "symmetry", "back")}
            began = time.process_time()
            made = body.build(guess.view(choice["grid"]), crumbs=0.01, progress=lambda phase, part: None, **options)
            seconds = time.process_time() - began
            source = sample(Shape.of(made.space, made.faces), SAMPLES, seed=2)
            move = laid(source.points, target.points, shown)
            scores = compare(Cloud(move(source.points), source.normals @ move.rotation.T), target)
            line = {"data": data.name, "key": key, "row": row, "choice": name, "s": round(seconds, 3)}
            line |= {score: round(scores[score], 5) for score in SCORES}
            if name == "base":
                line |= places(made, guess, move, sample(truth, 40_000, seed=3).points)
            yield line


class Quiet:
    """Takes the place of a worker's report."""

    device = "cpu"

    def progress(self, phase: str, fraction: float) -> None: ...

    def log(self, text: str) -> None: ...


def laid(source: Any, target: Any, shown: Any) -> Any:
    """The similarity that lays points of the camera's frame over those of the truth, from the known pose on."""
    from galatea.backend.geometry.camera import orbit
    from galatea.backend.learn.evaluate import align

    turn = orbit(float(shown["azimuth"]), float(shown["elevation"])).T
    pair = align._Pair.of(source[: align.POINTS], target[: align.POINTS])
    sizes = [np.sqrt(((points - points.mean(axis=0)) ** 2).sum(axis=1).mean()) for points in (source, target)]
    found = []
    for scale in (float(sizes[1] / sizes[0]), 1 / float(shown["fit"][0])):
        start = align.Similarity(scale, turn, target.mean(axis=0) - scale * turn @ source.mean(axis=0))
        found.append(pair.refine(start, 40, 1e-4))
    return align._Pair.of(source, target).refine(min(found, key=pair.distance), 10, 1e-4)


def places(made: Any, guess: Any, move: Any, truth: Any) -> dict[str, Any]:
    """Of some vertices: how squarely they are seen, their evidence, their confidence and how far the truth is."""
    from scipy.spatial import cKDTree

    from galatea.backend.geometry import body, certain

    some = np.random.default_rng(0).permutation(len(made.space))[:PLACES]
    coarse, profile = body.filled(guess.view(64))
    table = {
        "seen": made.seen[some],
        "evidence": certain.evidence(coarse, profile, made.uvd[some]),
        "sure": made.sure[some],
        "away": cKDTree(truth).query(move(made.space[some].astype(np.float64)))[0],
    }
    return {"back": round(made.back_confidence(), 4), **{name: np.round(x, 4).tolist() for name, x in table.items()}}


def table(rows: list[dict[str, Any]]) -> Iterator[Row]:
    """Means over the views that have every choice, and over those of `base`; in brackets on how many it is better."""
    by: dict[str, dict[tuple[str, int], dict[str, Any]]] = {}
    for row in rows:
        by.setdefault(row["choice"], {})[row["data"] + row["key"], row["row"]] = row
    both = set.intersection(*(set(one) for one in by.values()))
    print(f"{len(both)} views\n{'':16}{'s':>6}" + "".join(f"{score:>22}" for score in SCORES))
    for name, found in by.items():
        line = f"{name:16}{np.mean([found[view]['s'] for view in both]):6.2f}"
        for score in SCORES:
            ours = np.array([found[view][score] for view in both])
            base = np.array([by["base"][view][score] for view in both])
            if score == "cd" and name != "base":
                yield Row(f"{name}: Chamfer, {len(both)} views", ours.mean(), base.mean(), "", "base")
            won = ((ours < base) if score == "cd" else (ours > base)).mean()
            line += f"{ours.mean():9.4f} {ours.mean() / base.mean():6.3f} {won:4.0%} "
        print(line)


def confidence(rows: list[dict[str, Any]]) -> None:
    """How confidence and error go together on what is not seen, and the weights that fit best."""
    from scipy.stats import spearmanr

    from galatea.backend.geometry import certain

    rows = [row for row in rows if row["choice"] == "base"]
    hidden = [np.array(row["seen"]) < 0.1 for row in rows]
    away = [np.array(row["away"]) for row in rows]
    sure = [np.array(row["sure"]) for row in rows]
    facts = [np.pad(np.array(row["evidence"]), ((0, 0), (0, 1)), constant_values=1) for row in rows]
    objects = {key: i % 5 for i, key in enumerate(sorted({row["key"] for row in rows}))}
    fold = [objects[row["key"]] for row in rows]
    held = []
    for part, (fact, unseen) in enumerate(zip(facts, hidden, strict=True)):
        others = [i for i in range(len(rows)) if fold[i] != fold[part]]
        held.append(fact[unseen] @ fitted(others, facts, hidden, away))
    every = np.concatenate([far[unseen] for far, unseen in zip(away, hidden, strict=True)])
    ours = np.concatenate([one[unseen] for one, unseen in zip(sure, hidden, strict=True)])
    close = [float((far[unseen] < certain.CLOSE).mean()) for far, unseen in zip(away, hidden, strict=True)]
    print(f"\nconfidence, {len(every)} unseen places of {len(rows)} views")
    print(f"  Spearman with the distance to the truth: as shipped {spearmanr(ours, every)[0]:.3f}, ", end="")
    print(f"fitted {spearmanr(np.concatenate(held), every)[0]:.3f} (on objects that were left out)")
    print(f"  seen or not: {spearmanr(np.concatenate(sure), np.concatenate(away))[0]:.3f}")
    back = [row["back"] for row in rows]
    print(f"  of the views' back_confidence with the part that is close: {spearmanr(back, close)[0]:.3f}")
    for low, high in ((0, 0.45), (0.45, 0.55), (0.55, 0.65), (0.65, 1)):
        here = [part for part, one in zip(close, back, strict=True) if low <= one < high]
        if here:
            bad = np.mean([part < 0.5 for part in here])
            print(f"  {low:.2f} to {high:.2f}: {len(here)} views, close {np.mean(here):.2f}, mostly wrong {bad:.0%}")
    weights = fitted(list(range(len(rows))), facts, hidden, away)
    print(f"  WEIGHTS = {tuple(round(float(w), 2) for w in weights)}")


def fitted(which: list[int], facts: list[Any], hidden: list[Any], away: list[Any]) -> Any:
    """Weights of the logistic regression of `away < CLOSE`, by Newton's steps."""
    from galatea.backend.geometry import certain

    a = np.concatenate([facts[i][hidden[i]] for i in which])
    y = np.concatenate([away[i][hidden[i]] < certain.CLOSE for i in which])
    weights = np.zeros(a.shape[1])
    for _ in range(20):
        p = 1 / (1 + np.exp(-a @ weights))
        curve = (a * (p * (1 - p))[:, None]).T @ a + 1e-5 * len(a) * np.eye(len(weights))
        weights = weights + np.linalg.solve(curve, a.T @ (y - p))
    return weights


def main() -> Iterator[Row]:
    from galatea.backend.backends.lift import WEIGHTS

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="*", type=Path)
    parser.add_argument("--views", type=int, default=100)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--out", type=Path, default=Path("surface.jsonl"))
    parser.add_argument("--only", nargs="*", help="base and the choices to be tried, such as solid=0.2")
    given = parser.parse_args()
    if not given.data:
        print("Left out: it needs folders made by `galatea data build`, python -m benchmarks.surface DATA")
        return
    wanted = {name: choice for name, choice in variants() if not given.only or name in given.only}
    rows = [json.loads(line) for line in given.out.read_text().splitlines()] if given.out.exists() else []
    done = {(row["data"], row["row"], row["choice"]) for row in rows}
    bench = Bench(given.data, given.weights)
    todo = views(given.data, given.views)
    with given.out.open("a") as file:
        for number, (data, key, row) in enumerate(todo):
            print(f"\r{number}/{len(todo)} {key:60.60}", end="", flush=True)
            left = {name: choice for name, choice in wanted.items() if (data.name, row, name) not in done}
            for line in bench.measure(data, key, row, left) if left else ():
                file.write(json.dumps(line) + "\n")
                file.flush()
                rows.append(line)
    print(f"\r{'':80}\r", end="")
    yield from table([row for row in rows if row["choice"] in wanted])
    confidence(rows)


if __name__ == "__main__":
    sys.exit(tell(main))
