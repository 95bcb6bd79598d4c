# SPDX-License-Identifier: GPL-3.0-or-later
"""Run predictors over the hold-out, and make tables and sheets of what came.

OUT/scores/<predictor>/<key>.json is the end of one pair and holds its scores or why it failed; a run skips what is
there. A prediction that fails is never left out: it counts as `metrics.FAILED`, and the tables say how many there were.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...protocol.store import publish
from . import holdout, metrics, sheet
from .baselines import Predictor, stored
from .shape import Shape

Records = dict[str, dict[str, dict[str, Any]]]
"""Predictor, key, and what its JSON file holds."""
Tell = Callable[[str, str, int, int], None]
"""(predictor, key, how many pairs are done, of how many)"""
MAIN = ("cd", "f0.02", "f0.05", "f0.1", "nc", "iou", "watertight", "psnr", "ssim", "lpips")
RESAMPLES = 2000
WORST, FIRST = 10, 24
REFERENCE = "relief"


def run(
    predictors: Mapping[str, Predictor],
    data: Path,
    out: Path,
    *,
    only: Iterable[str] | None = None,
    progress: Tell | None = None,
) -> Records:
    """Score every predictor on every hold-out picture of DATA that has no score below OUT yet; return all of them."""
    keys = holdout.keys(data) if only is None else sorted(only)
    truth = stored(data, "holdout")
    done, total = 0, len(keys) * len(predictors)
    for key in keys:
        goal: Shape | None = None
        for name, predict in predictors.items():
            done += 1
            path = out / "scores" / name / f"{key}.json"
            if path.is_file():
                continue
            goal = goal or truth(key)
            path.parent.mkdir(parents=True, exist_ok=True)
            publish(path, _attempt(predict, name, key, goal, data, out))
            if progress:
                progress(name, key, done, total)
    return collect(out, predictors, keys)


def _attempt(predict: Predictor, name: str, key: str, truth: Shape, data: Path, out: Path) -> dict[str, Any]:
    """One prediction and its score, or the reason why there is none."""
    card = json.loads((data / "holdout" / f"{key}.json").read_text(encoding="utf-8"))
    record: dict[str, Any] = {"key": key, "predictor": name, "category": card.get("category", "")}
    began = time.monotonic()
    try:
        made = predict(data / "holdout" / f"{key}.png", key)
        shape = made if isinstance(made, Shape) else Shape.of(*made)
        record["seconds"] = round(time.monotonic() - began, 3)
        began = time.monotonic()
        result = metrics.score(shape, truth)
        sheet.save(sheet.strip(result.prediction), out / "strips" / name / f"{key}.png")
        goal = out / "strips" / "_truth" / f"{key}.png"
        if not goal.is_file():
            sheet.save(sheet.strip(result.truth), goal)
    except Exception as error:  # whatever a model does wrong is a result, and must be counted
        return record | {"state": "failed", "reason": f"{type(error).__name__}: {error}"}
    return record | {
        "state": "done",
        "score_seconds": round(time.monotonic() - began, 3),
        "faces": len(shape.faces),
        "values": result.values,
        "align": {
            "scale": result.move.scale,
            "rotation": result.move.rotation.tolist(),
            "shift": result.move.shift.tolist(),
        },
    }


def collect(out: Path, predictors: Iterable[str], keys: Sequence[str]) -> Records:
    """The records that are there."""
    found: Records = {}
    for name in predictors:
        paths = ((key, out / "scores" / name / f"{key}.json") for key in keys)
        found[name] = {key: json.loads(path.read_text(encoding="utf-8")) for key, path in paths if path.is_file()}
    return found


def value(record: Mapping[str, Any], metric: str) -> float | None:
    """One score of one record; that of a failure as `metrics.FAILED` has it, None where it was not measured."""
    if record["state"] == "failed":
        return metrics.FAILED.get(metric)
    found = record["values"].get(metric)
    return None if found is None else float(found)


def bootstrap(values: Sequence[float], seed: int = 0) -> tuple[float, float, float]:
    """The mean and the 95 % interval of the mean, by resampling the objects."""
    array = np.asarray(values, np.float64)
    picks = np.random.default_rng(seed).integers(0, len(array), (RESAMPLES, len(array)))
    low, high = np.percentile(array[picks].mean(axis=1), [2.5, 97.5])
    return float(array.mean()), float(low), float(high)


def summary(records: Records, reference: str = REFERENCE) -> dict[str, Any]:
    """Means with intervals, by category, ratios to the reference on the objects that both have, and the worst."""
    told: dict[str, Any] = {"protocol": metrics.PROTOCOL, "failed_counts_as": metrics.FAILED, "predictors": {}}
    for name, mine in records.items():
        if not mine:
            continue
        categories = sorted({record["category"] for record in mine.values()})
        seconds = [record["seconds"] for record in mine.values() if "seconds" in record]
        entry: dict[str, Any] = {
            "n": len(mine),
            "failed": {key: record["reason"] for key, record in mine.items() if record["state"] == "failed"},
            "seconds": float(np.median(seconds)) if seconds else None,
            "scores": _scores(mine.values()),
            "categories": {
                category: _scores([record for record in mine.values() if record["category"] == category])
                for category in categories
            },
            "worst": worst(mine),
        }
        shared = sorted(mine.keys() & records.get(reference, {}).keys())
        if shared and name != reference:
            entry["ratio"] = _ratios(records, name, reference, shared)
        told["predictors"][name] = entry
    return told


def _scores(records: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Of each metric that was measured: mean, low, high and n."""
    records = list(records)
    found = {}
    for metric in metrics.HIGHER:
        values = [v for record in records if (v := value(record, metric)) is not None]
        if values:
            mean, low, high = bootstrap(values)
            found[metric] = {"mean": mean, "low": low, "high": high, "n": len(values)}
    return found


def _ratios(records: Records, name: str, reference: str, shared: Sequence[str]) -> dict[str, dict[str, float]]:
    """Mean over mean of the reference, on the same objects, and the part of the objects on which it is better."""
    found = {}
    for metric, higher in metrics.HIGHER.items():
        pairs = [
            (a, b)
            for key in shared
            if (a := value(records[name][key], metric)) is not None
            and (b := value(records[reference][key], metric)) is not None
        ]
        if pairs and (base := float(np.mean([b for _, b in pairs]))):
            better = float(np.mean([a > b if higher else a < b for a, b in pairs]))
            found[metric] = {"ratio": float(np.mean([a for a, _ in pairs])) / base, "better": better, "n": len(pairs)}
    return found


def worst(records: Mapping[str, Mapping[str, Any]], count: int = WORST) -> list[str]:
    """Keys of the largest Chamfer distances, failures first."""
    return sorted(records, key=lambda key: (-(value(records[key], "cd") or 0.0), key))[:count]


def first(keys: Iterable[str], count: int = FIRST) -> list[str]:
    """The same random handful on every machine: the first by the hash of their keys."""
    return sorted(keys, key=lambda key: hashlib.sha256(key.encode()).digest())[:count]


def markdown(told: Mapping[str, Any], reference: str = REFERENCE) -> str:
    """The summary for people."""
    entries: dict[str, Any] = told["predictors"]
    shown = [metric for metric in MAIN if any(metric in entry["scores"] for entry in entries.values())]
    lines = [
        "# Hold-out",
        "",
        f"Protocol: {told['protocol']}. Means with 95 % bootstrap intervals over the objects.",
        "",
    ]
    lines += ["A prediction that failed counts as the worst: Chamfer 0.5, all else 0; it has no PSNR and no SSIM.", ""]
    lines += _grid(["", "n", "failed", "s", *map(_title, shown)])
    for name, entry in entries.items():
        seconds = "" if entry["seconds"] is None else f"{entry['seconds']:.2f}"
        cells = [_cell(entry["scores"].get(metric)) for metric in shown]
        lines.append(_row([name, entry["n"], len(entry["failed"]), seconds, *cells]))
    outer = [f"{metric}_outer" for metric in metrics.OUTER]
    lines += ["", "## Outer surface alone", "", "Samples of either that can be seen from outside.", ""]
    lines += _grid(["", *map(_title, outer)])
    for name, entry in entries.items():
        lines.append(_row([name, *(_cell(entry["scores"].get(metric)) for metric in outer)]))
    rivals = {name: entry["ratio"] for name, entry in entries.items() if "ratio" in entry}
    if rivals:
        lines += ["", f"## Against {reference}", ""]
        lines += [
            "Mean over mean on the objects that both have; in brackets the part of them on which it is better.",
            "",
        ]
        lines += _grid(["", *map(_title, shown)])
        for name, ratios in rivals.items():
            cells = [f"{ratios[m]['ratio']:.2f} ({ratios[m]['better']:.0%})" if m in ratios else "" for m in shown]
            lines.append(_row([name, *cells]))
    for metric in ("cd", "f0.05"):
        lines += ["", f"## {_title(metric)} by category", "", *_grid(["category", "n", *entries])]
        for category in sorted({c for entry in entries.values() for c in entry["categories"]}):
            means = [entry["categories"].get(category, {}).get(metric) for entry in entries.values()]
            most = max(int(found["n"]) for found in means if found)
            lines.append(_row([category or "-", most, *(f"{c['mean']:.3f}" if c else "" for c in means)]))
    for name, entry in entries.items():
        failed: dict[str, str] = entry["failed"]
        lines += ["", f"## Worst of {name}", "", *(f"- {key}" for key in entry["worst"])]
        lines += [f"- failed: {key}: {reason}" for key, reason in failed.items()]
    return "\n".join(lines) + "\n"


def _title(metric: str) -> str:
    base, _, outer = metric.partition("_")
    arrow = "↑" if metrics.HIGHER[metric] else "↓"
    text = f"F@{base[1:]}" if base[0] == "f" and base[1:2].isdigit() else {"iou": "IoU"}.get(base, base.upper())
    return f"{'Watertight' if base == 'watertight' else text}{' outer' if outer else ''} {arrow}"


def _cell(found: Mapping[str, float] | None) -> str:
    if not found:
        return ""
    places = 2 if abs(found["mean"]) >= 10 else 3
    return f"{found['mean']:.{places}f} ({found['low']:.{places}f}–{found['high']:.{places}f})"


def _grid(titles: Sequence[str]) -> list[str]:
    return [_row(titles), "|" + "---|" * len(titles)]


def _row(cells: Sequence[Any]) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def write(records: Records, data: Path, out: Path, reference: str = REFERENCE) -> dict[str, Any]:
    """OUT/table.json, OUT/table.md, and for each predictor OUT/worst-<name>.png and OUT/first-<name>.png."""
    told = summary(records, reference)
    publish(out / "table.json", told)
    (out / "table.md").write_text(markdown(told, reference), encoding="utf-8")
    for name, mine in records.items():
        for title, keys in (("worst", worst(mine)), ("first", first(mine))):
            rows = [_line(name, mine[key], key, data, out) for key in keys]
            sheet.save(sheet.sheet(rows), out / f"{title}-{name}.png")
    return told


def _line(name: str, record: Mapping[str, Any], key: str, data: Path, out: Path) -> tuple[str, Path, Path | None, Path]:
    done = record["state"] == "done"
    words = "  ".join(f"{m} {record['values'][m]:.3f}" for m in ("cd", "f0.02", "f0.05", "nc", "iou")) if done else ""
    strips = out / "strips"
    return (
        f"{key}   {words}",
        data / "holdout" / f"{key}.png",
        strips / name / f"{key}.png" if done else None,
        strips / "_truth" / f"{key}.png",
    )
