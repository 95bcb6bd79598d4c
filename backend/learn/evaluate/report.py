# SPDX-License-Identifier: GPL-3.0-or-later
"""The summary for people: OUT/table.md, and sheets to look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...protocol import whole
from ...protocol.store import publish
from . import metrics, sheet, table
from .baselines import NAMES
from .pairs import Record, Records
from .sheet import Row

MAIN = ("cd", "f0.02", "f0.05", "f0.1", "nc", "iou", "watertight", "psnr", "ssim", "lpips")
Line = Callable[[str, str, Record], Row]
"""The sheet's row of (predictor, key, record)."""


def write(
    records: Records, title: str, protocol: str, out: Path, line: Line, left_out: Mapping[str, str] | None = None
) -> str:
    """OUT/table.json, OUT/table.md, and for each predictor OUT/worst-<name>.png and OUT/first-<name>.png.

    `left_out`: objects that nobody was asked for, and why. Returns the table as Markdown.
    """
    told = {"title": title, "protocol": protocol, "left_out": left_out or {}} | table.summary(records)
    publish(out / "table.json", told)
    text = markdown(told)
    whole.write(out / "table.md", text.encode())
    for name, mine in records.items():
        for kind, keys in (("worst", table.worst(mine)), ("first", table.first(mine))):
            sheet.save(sheet.sheet([line(name, key, mine[key]) for key in keys]), out / f"{kind}-{name}.png")
    return text


def markdown(told: Mapping[str, Any]) -> str:
    entries: dict[str, Any] = told["predictors"]
    there = {metric for entry in entries.values() for metric in entry["scores"]}
    shown = [metric for metric in MAIN if metric in there]
    lines = [f"# {told['title']}", ""]
    lines += [f"Protocol: {told['protocol']}. Means with 95 % bootstrap intervals over the objects.", ""]
    bad = [f"{_title(m)[:-2]} {metrics.FAILED[m]:g}" for m in shown if metrics.FAILED.get(m)]
    without = " and no ".join(_title(m)[:-2] for m in shown if m not in metrics.FAILED)
    counts = f"{', '.join(bad)}, all else 0" if bad else "0"
    lines += [f"A prediction that failed counts as the worst: {counts}{without and '; it has no '}{without}.", ""]
    if told["left_out"]:
        lines += ["Left out:", "", *(f"- {key}: {reason}" for key, reason in told["left_out"].items()), ""]
    lines += _grid(["", "n", "failed", "s", *map(_title, shown)])
    for name, entry in entries.items():
        seconds = "" if entry["seconds"] is None else f"{entry['seconds']:.2f}"
        cells = [_cell(entry["scores"].get(metric)) for metric in shown]
        lines.append(_row([name, entry["n"], len(entry["failed"]), seconds, *cells]))
    outer = [name for metric in metrics.OUTER if (name := f"{metric}_outer") in there]
    if outer:
        lines += ["", "## Outer surface alone", "", "Samples of either that can be seen from outside.", ""]
        lines += _grid(["", *map(_title, outer)])
        for name, entry in entries.items():
            lines.append(_row([name, *(_cell(entry["scores"].get(metric)) for metric in outer)]))
    rivals = {name: entry["ratio"] for name, entry in entries.items() if "ratio" in entry}
    if rivals:
        lines += ["", f"## Against {table.REFERENCE}", ""]
        lines += [
            "Mean over mean on the objects that both have; in brackets the part of them on which it is better.",
            "",
        ]
        lines += _grid(["", *map(_title, shown)])
        lines += [_row([name, *(_ratio(ratios.get(m), True) for m in shown)]) for name, ratios in rivals.items()]
    for metric in [m for m in ("cd", "f0.05") if m in there] or shown[:1]:
        lines += ["", f"## {_title(metric)} by category", "", *_grid(["category", "n", *entries])]
        for category in sorted({c for entry in entries.values() for c in entry["categories"]}):
            means = [entry["categories"].get(category, {}).get(metric) for entry in entries.values()]
            most = max((int(found["n"]) for found in means if found), default=0)
            lines.append(_row([category or "-", most, *(f"{c['mean']:.3f}" if c else "" for c in means)]))
    for name, entry in entries.items():
        if "ratio" in entry and name not in NAMES:
            lines += _model(name, entry, [m for m in table.CLASSES if m in there])
    for name, entry in entries.items():
        failed: dict[str, str] = entry["failed"]
        lines += ["", f"## Worst of {name}", "", *(f"- {key}" for key in entry["worst"])]
        lines += [f"- failed: {key}: {reason}" for key, reason in failed.items()]
    return "\n".join(lines) + "\n"


def _model(name: str, entry: Mapping[str, Any], shown: Sequence[str]) -> list[str]:
    """The bars of one predictor, and where it is behind the reference."""
    lines = []
    if "bars" in entry:
        lines += ["", f"## Bars of {name}", "", *_grid(["", "asked", "has", "holds"])]
        for bar in entry["bars"]:
            lines.append(
                _row([bar["bar"], bar["asked"], _has(bar["has"]), {True: "yes", False: "no"}.get(bar["holds"], "?")])
            )
    lines += ["", f"## {name} against {table.REFERENCE} by category", ""]
    lines += _grid(["category", "n", *map(_title, shown)])
    for category, ratios in entry["category_ratios"].items():
        count = max((found["n"] for found in ratios.values()), default=0)
        lines.append(_row([category or "-", count, *(_ratio(ratios.get(m)) for m in shown)]))
    return lines


def _has(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {found['ratio']:.2f} (n {found['n']})" for name, found in value.items()) or "none"
    return "" if value is None else f"{value:.3g}"


def _ratio(found: Mapping[str, float] | None, better: bool = False) -> str:
    if not found:
        return ""
    return f"{found['ratio']:.2f}" + (f" ({found['better']:.0%})" if better else "")


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
