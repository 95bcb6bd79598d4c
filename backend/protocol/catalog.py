# SPDX-License-Identifier: GPL-3.0-or-later
"""Every step there is, read from the committed catalogue: nobody imports a backend to learn what it takes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from . import own
from .errors import UserError, nearest
from .spec import BackendSpec

ANEW = "Start it anew; in Blender press the arrows beside Model."
PATH = Path(__file__).resolve().parents[1] / "catalog.json"


@cache
def bundled() -> Mapping[str, BackendSpec]:
    """Ours alone."""
    data = json.loads(PATH.read_text(encoding="utf-8"))
    return {item["id"]: BackendSpec.from_json(item) for item in data["steps"]}


@cache
def catalog() -> Mapping[str, BackendSpec]:
    """Ours, and those of the user's own that were trusted when this process first asked."""
    mine = {script.id: script.spec for script in own.scripts() if script.spec}
    return {**mine, **bundled()}


def written(step: str) -> own.Script | None:
    """The user's own file of a step; None of ours, which come before any of theirs."""
    return None if step in bundled() else own.find(step)


def spec_of(step: str, likely: Iterable[str] = ()) -> BackendSpec:
    """Raises `UserError` where there is none; the `likely` ones are told of then, else all."""
    known = catalog()
    if step in known:
        return known[step]
    script = written(step)
    if script and script.spec:
        raise UserError(f"{script.path} was trusted after this began. {ANEW}", kind="usage")
    if script:
        why = "has changed since you trusted it" if script.state == "changed" else "was not trusted yet"
        text = f"{script.path} {why}. Read it, then run `galatea backends trust {step}`."
        raise UserError(text, kind="usage")
    raise UserError(f"There is no step {step!r}. {nearest(step, known, likely)}", kind="usage")
