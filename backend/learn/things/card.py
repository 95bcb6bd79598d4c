# SPDX-License-Identifier: GPL-3.0-or-later
"""The card of a folder of data: what is in it, from whom, by which licence, what was left out and why; and the card
of weights: what of several such folders they were trained on.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...protocol import whole

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


def trained(folders: Sequence[Path]) -> str:
    """The card of weights that were trained on these data folders, as Markdown: what lies in them, each object once."""
    things: dict[str, dict[str, str]] = {}
    near: set[str] = set()
    for folder in folders:
        dropped = folder / "dropped.txt"
        out = set(dropped.read_text(encoding="utf-8").split()) if dropped.is_file() else set()
        for split in ("val", "train"):
            for path in sorted((folder / "things" / split).glob("*.npz")):
                if path.stem not in out:
                    with np.load(path, allow_pickle=False) as arrays:
                        things[path.stem] = {**json.loads(arrays["meta"].tobytes()), "split": split}
        for log in sorted((folder / "records").glob("*.jsonl")):
            rows = map(json.loads, log.read_text(encoding="utf-8").splitlines())
            near |= {row["key"] for row in rows if row.get("reason") == "near the hold-out"}
    splits = Counter(meta["split"] for meta in things.values())
    lines = [
        "# Data of the shipped weights",
        "",
        f"{splits['train']} objects trained, {splits['val']} were looked at meanwhile. Made by `galatea data build`.",
        "The public hold-out (Sweet Home 3D's BlendSwap-CC-0 and Reallusion collections, the fauna of 0 A.D.) and what",
        f"resembles a piece of it are not among them: {len(near)} objects were left out for that reason. No picture of",
        "them is in the repository; the weights are what was learned.",
        "",
        "| Source | Train | Val |",
        "|---|---|---|",
    ]
    places = Counter((meta["source"], meta["split"]) for meta in things.values())
    for source in sorted({source for source, _ in places}):
        lines.append(f"| {source} | {places[source, 'train']} | {places[source, 'val']} |")
    lines += ["", "| Licence, in the words of the packages | Objects | Authors |", "|---|---|---|"]
    authors: dict[str, set[str]] = defaultdict(set)
    for meta in things.values():
        authors[meta["licence"]].add(meta["author"])
    for licence, count in _count(meta["licence"] for meta in things.values()).items():
        lines.append(f"| {licence} | {count} | {', '.join(sorted(filter(None, authors[licence]), key=str.lower))} |")
    categories = _count(meta["category"].split("/")[0] or "none" for meta in things.values())
    lines += ["", "Categories: " + ", ".join(f"{name} {count}" for name, count in categories.items()) + "."]
    return "\n".join(lines) + "\n"


def write(data: Path, found: Iterable[Record]) -> None:
    """`card.json` and `card.md` in the folder of the data."""
    facts = card(found)
    texts = {"card.json": json.dumps(facts, indent=1, ensure_ascii=False) + "\n", "card.md": markdown(facts)}
    for name, text in texts.items():
        whole.write(data / name, text.encode())


def _count(values: Iterable[str]) -> dict[str, int]:
    return dict(Counter(values).most_common())
