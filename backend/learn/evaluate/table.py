# SPDX-License-Identifier: GPL-3.0-or-later
"""What the records of a run say together: means with intervals, comparisons, and the bars that were set."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from . import metrics
from .baselines import NAMES
from .pairs import Record, Records

RESAMPLES = 2000
WORST, FIRST = 10, 24
REFERENCE, MEMORY = "relief", "retrieval"
CLASSES = ("cd", "f0.02", "nc", "iou")
"""Scores in which no class of objects may be worse than with the reference."""


def value(record: Mapping[str, Any], metric: str) -> float | None:
    """One score of one record; that of a failure as `metrics.FAILED` has it, None where it was not measured."""
    if record["state"] == "failed":
        return metrics.FAILED.get(metric)
    found = record["values"].get(metric)
    return None if found is None else float(found)


def bootstrap(values: Sequence[float]) -> tuple[float, float, float]:
    """The mean and the 95 % interval of the mean, by resampling the objects."""
    array = np.asarray(values, np.float64)
    picks = np.random.default_rng(0).integers(0, len(array), (RESAMPLES, len(array)))
    low, high = np.percentile(array[picks].mean(axis=1), [2.5, 97.5])
    return float(array.mean()), float(low), float(high)


def summary(records: Records, reference: str = REFERENCE) -> dict[str, Any]:
    """Means with intervals, by category, ratios to the reference on the objects that both have, bars, the worst.

    What was measured of no prediction that came is not in it, not even of those that failed.
    """
    told: dict[str, Any] = {}
    there = measured(records)
    for name, mine in records.items():
        if not mine:
            continue
        seconds = [record["seconds"] for record in mine.values() if "seconds" in record]
        groups = _by_category(mine)
        told[name] = {
            "n": len(mine),
            "failed": {key: record["reason"] for key, record in mine.items() if record["state"] == "failed"},
            "seconds": float(np.median(seconds)) if seconds else None,
            "scores": _scores(mine.values(), there),
            "categories": {category: _scores(group.values(), there) for category, group in groups.items()},
            "worst": worst(mine),
        }
        if name == reference or not (rival := records.get(reference)):
            continue
        told[name]["ratio"] = ratios(mine, rival)
        told[name]["category_ratios"] = {category: ratios(group, rival) for category, group in groups.items()}
        if "cd" in there and name not in NAMES:
            told[name]["bars"] = bars(mine, rival, records.get(MEMORY, {}))
    return {"failed_counts_as": metrics.FAILED, "predictors": told}


def measured(records: Records) -> list[str]:
    """Of `metrics.HIGHER` those that any record has."""
    there = {name for mine in records.values() for record in mine.values() for name in record.get("values", {})}
    return [name for name in metrics.HIGHER if name in there]


def _by_category(records: Mapping[str, Record]) -> dict[str, dict[str, Record]]:
    groups: dict[str, dict[str, Record]] = {}
    for key, record in records.items():
        groups.setdefault(record["category"], {})[key] = record
    return dict(sorted(groups.items()))


def _scores(records: Iterable[Record], names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Of each metric: mean, low, high and n."""
    records = list(records)
    found = {}
    for metric in names:
        values = [v for record in records if (v := value(record, metric)) is not None]
        if values:
            mean, low, high = bootstrap(values)
            found[metric] = {"mean": mean, "low": low, "high": high, "n": len(values)}
    return found


def ratios(mine: Mapping[str, Record], rival: Mapping[str, Record]) -> dict[str, dict[str, float]]:
    """Mean over mean of the rival, on the objects that both have, and the part of them on which it is better."""
    found = {}
    shared = sorted(mine.keys() & rival.keys())
    for metric in measured({"": dict(mine), " ": dict(rival)}):
        pairs = [
            (a, b)
            for key in shared
            if (a := value(mine[key], metric)) is not None and (b := value(rival[key], metric)) is not None
        ]
        if pairs and (base := float(np.mean([b for _, b in pairs]))):
            better = float(np.mean([a > b if metrics.HIGHER[metric] else a < b for a, b in pairs]))
            found[metric] = {"ratio": float(np.mean([a for a, _ in pairs])) / base, "better": better, "n": len(pairs)}
    return found


def bars(mine: Mapping[str, Record], rival: Mapping[str, Record], memory: Mapping[str, Record]) -> list[dict[str, Any]]:
    """What is asked of our model: each bar with what it has and whether it holds, None where that is not known.

    `rival` are the records of the reference, `memory` those of the nearest training mesh.
    """
    against, beyond = ratios(mine, rival), ratios(mine, memory)
    sealed = [v for record in mine.values() if (v := value(record, "watertight")) is not None]
    behind = {
        f"{category}: {metric}": {"ratio": found["ratio"], "n": found["n"]}
        for category, group in _by_category(mine).items()
        for metric, found in ratios(group, rival).items()
        if metric in CLASSES and not _wins(metric, found["ratio"], or_even=True)
    }
    told: list[dict[str, Any]] = [
        {"bar": "objects", "asked": ">= 200", "has": len(mine), "holds": len(mine) >= 200},
    ]
    for metric, asked in (("cd", 0.75), ("f0.02", 1.3), ("nc", None), ("iou", None), ("cd", 0.6), ("f0.02", 1.5)):
        has = against.get(metric, {}).get("ratio")
        text = "better" if asked is None else f"{'>=' if metrics.HIGHER[metric] else '<='} {asked:g}"
        holds = None if has is None else _wins(metric, has) if asked is None else _wins(metric, has / asked, True)
        told.append({"bar": f"{metric} against {REFERENCE}", "asked": text, "has": has, "holds": holds})
    for metric in CLASSES:
        has = beyond.get(metric, {}).get("ratio")
        holds = None if has is None else _wins(metric, has)
        told.append({"bar": f"{metric} against {MEMORY}", "asked": "better", "has": has, "holds": holds})
    share = float(np.mean(sealed))
    told.append({"bar": "watertight", "asked": "1", "has": share, "holds": share == 1})
    told.append({"bar": f"classes worse than {REFERENCE}", "asked": "none", "has": behind, "holds": not behind})
    return told


def _wins(metric: str, ratio: float, or_even: bool = False) -> bool:
    if or_even and abs(ratio - 1) < 1e-9:
        return True
    return ratio > 1 if metrics.HIGHER[metric] else ratio < 1


def worst(records: Mapping[str, Record]) -> list[str]:
    """Keys of the largest Chamfer distances, failures first; of the least overlaps where no distance was measured."""

    def badness(key: str) -> float:
        found = value(records[key], "cd") if distance else -(value(records[key], "iou") or 0.0)
        return 1.0 if records[key]["state"] == "failed" else found or 0.0

    distance = "cd" in measured({"": dict(records)})
    return sorted(records, key=lambda key: (-badness(key), key))[:WORST]


def first(keys: Iterable[str], count: int = FIRST) -> list[str]:
    """The same random handful on every machine: the first by the hash of their keys."""
    return sorted(keys, key=lambda key: hashlib.sha256(key.encode()).digest())[:count]
