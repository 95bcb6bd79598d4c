# SPDX-License-Identifier: GPL-3.0-or-later
"""A gallery: things to look at before one of them is taken. Each has a picture, words and what taking it does.

Painted candidates go on to the rest of their recipe; results of a comparison come into the file. All of it is derived
from the runs' own files and the store, so it is there again after a restart. Plain data, no bpy.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..backend.protocol.store import JobStore
from .runs import CANDIDATE, Run

VIEWS = ("views", "preview", "cutout")
"""Roles of a comparison's picture, the best first."""


@dataclass(frozen=True)
class Item:
    """`number` is that of a candidate; None is the result of a whole run, `beside` its photo and itself from there."""

    run: Run
    picture: Path
    title: str
    beside: Path | None = None
    words: tuple[str, ...] = ()
    number: int | None = None

    @property
    def key(self) -> str:
        """What it is called among previews and by operators."""
        return self.run.id if self.number is None else f"{self.run.id}/{self.number}"


def items(run: Run, store: JobStore) -> tuple[Item, ...]:
    """What this run has for its gallery; nothing where it has not ended well or its files are gone."""
    if not run.gallery or run.state != "done":
        return ()
    files = run.files(store)
    painted = sorted(role for role in files if role.startswith(CANDIDATE))
    if not run.scene:
        return tuple(_candidate(run, files[role], int(role.removeprefix(CANDIDATE))) for role in painted)
    picture = next((files[role] for role in VIEWS if role in files), None)
    if picture is None or "scene" not in files:
        return ()
    return (Item(run, picture, what(run), files.get("seen"), tuple(told(run.scores))),)


def _candidate(run: Run, picture: Path, number: int) -> Item:
    return Item(run, picture, f"Seed {run.seed + number}", number=number)


def what(run: Run) -> str:
    """What tells this run from the others of its gallery."""
    return run.title.rpartition(": ")[2]


def told(scores: dict[str, Any]) -> Iterable[str]:
    """Scores for people, a line each: against the photo from its side, and of the mesh."""
    for line in _LIKENESS:
        found = [f"{name} {scores[key]:{form}}" for key, name, form in line if key in scores]
        if found:
            yield ", ".join(found)
    if "faces" in scores:
        closed = {None: "", True: ", watertight", False: ", with holes"}[_yes(scores.get("watertight"))]
        yield f"{scores['faces']:,.0f} faces".replace(",", " ") + closed


def _yes(value: Any) -> bool | None:
    return None if value is None else bool(value)


_LIKENESS = (
    (("score", "Score", ".2f"), ("iou", "outline", ".0%")),
    (("psnr", "PSNR", ".1f"), ("lpips", "LPIPS", ".2f")),
)


def galleries(runs: Iterable[Run]) -> dict[str, list[Run]]:
    """The runs of each gallery in the order of asking, the newest gallery first; of one asked again, the newest."""
    found: dict[str, dict[str, Run]] = {}
    for run in sorted((run for run in runs if run.gallery), key=lambda run: -run.created):
        found.setdefault(run.gallery, {}).setdefault(run.title, run)
    return {name: sorted(members.values(), key=lambda run: run.created) for name, members in found.items()}


def best(items: Iterable[Item]) -> Item | None:
    """The one with the best score, where two or more were measured."""
    measured = [item for item in items if "score" in item.run.scores]
    return max(measured, key=lambda item: float(item.run.scores["score"])) if len(measured) > 1 else None
