# SPDX-License-Identifier: GPL-3.0-or-later
"""The card of a data set: what is in it, from whom, under which licence, and what was left out and why."""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Record = dict[str, Any]


def card(found: Iterable[Record]) -> dict[str, Any]:
    """Counts by source, split, category and licence, authors, rejections and near copies of the hold-out."""
    rows = list(found)
    kept = [row for row in rows if row["status"] == "kept"]
    left = [row for row in rows if row["status"] != "kept"]
    sources: dict[str, Any] = {}
    for name in dict.fromkeys(row["source"] for row in rows):
        mine = [row for row in rows if row["source"] == name]
        sources[name] = {
            "package": mine[0]["package"],
            "sha256": mine[0]["sha256"],
            "listed": len(mine),
            "kept": _count(row["split"] for row in mine if row["status"] == "kept"),
            "textured": sum(bool(row.get("textured")) for row in mine if row["status"] == "kept"),
            "rejected": _count(row["reason"].split(":")[0] for row in mine if row["status"] != "kept"),
        }
    authors: dict[str, set[str]] = defaultdict(set)
    for row in kept:
        authors[row["licence"]].add(row["author"])
    return {
        "kept": len(kept),
        "splits": _count(row["split"] for row in kept),
        "sources": sources,
        "categories": _count(row["category"] for row in kept),
        "licences": _count(row["licence"] for row in kept),
        "authors": {licence: sorted(names, key=str.lower) for licence, names in sorted(authors.items())},
        "near_holdout": sorted([row["key"], row["like"]] for row in left if row["reason"] == "near the hold-out"),
        "rejected": sorted([row["key"], row["reason"]] for row in left if "like" not in row),
        "copies": sum("like" in row for row in left),
    }


def markdown(facts: dict[str, Any]) -> str:
    """The card to read."""
    lines = [
        "# Data card",
        "",
        f"{facts['kept']} objects: " + ", ".join(f"{count} {name}" for name, count in facts["splits"].items()) + ".",
        "The hold-out is never trained on; whatever resembles it was left out of training, see below.",
        "",
        "| Source | Package | Listed | Train | Val | Hold-out | Textured | Left out |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in facts["sources"].items():
        counts = " | ".join(str(row["kept"].get(split, 0)) for split in ("train", "val", "holdout"))
        why = ", ".join(f"{count} {reason}" for reason, count in row["rejected"].items()) or "none"
        lines.append(f"| {name} | {row['package']} | {row['listed']} | {counts} | {row['textured']} | {why} |")
    lines += ["", "## Licences", "", "| Licence | Objects | Authors |", "|---|---|---|"]
    for licence, count in facts["licences"].items():
        lines.append(f"| {licence} | {count} | {', '.join(facts['authors'][licence])} |")
    lines += ["", "## Categories", "", ", ".join(f"{name} {count}" for name, count in facts["categories"].items()), ""]
    lines += ["## Left out because near the hold-out", ""]
    lines += [f"- `{key}` is like `{like}`" for key, like in facts["near_holdout"]] or ["None."]
    lines += ["", "## Left out for themselves", ""]
    lines += [f"- `{key}`: {reason}" for key, reason in facts["rejected"]] or ["None."]
    return "\n".join(lines) + "\n"


def write(data: Path, found: Iterable[Record]) -> None:
    """`card.json` and `card.md` in the folder of the data."""
    facts = card(found)
    texts = {"card.json": json.dumps(facts, indent=1, ensure_ascii=False) + "\n", "card.md": markdown(facts)}
    for name, text in texts.items():
        part = data / f"{name}.part"
        part.write_text(text, encoding="utf-8")
        os.replace(part, data / name)


def _count(values: Iterable[str]) -> dict[str, int]:
    return dict(Counter(values).most_common())
