# SPDX-License-Identifier: GPL-3.0-or-later
"""Every step there is, read from the committed catalogue: nobody imports a backend to learn what it takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from .errors import UserError
from .spec import BackendSpec

PATH = Path(__file__).resolve().parents[1] / "catalog.json"


@cache
def catalog() -> Mapping[str, BackendSpec]:
    data = json.loads(PATH.read_text(encoding="utf-8"))
    return {item["id"]: BackendSpec.from_json(item) for item in data["steps"]}


def spec_of(step: str) -> BackendSpec:
    known = catalog()
    if step not in known:
        raise UserError(f"There is no step {step!r}. There are: {', '.join(known)}.", kind="usage")
    return known[step]
