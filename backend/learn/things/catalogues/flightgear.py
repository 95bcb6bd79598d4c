# SPDX-License-Identifier: GPL-3.0-or-later
"""FlightGear's scenery: houses, industry, ships, aircraft, vehicles and farm animals."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from ..readers import ac3d
from ..readers.files import Files, Folder
from ..shape import Y_UP, Shape
from .entry import Entry, Keys
from .licences import Licences

FACING = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
"""From -X ahead to -Y."""
SKIPPED = re.compile(
    r"(?i)^(Weather|Effects|Astro|Volcanoes|Autopush|Geometry/Crater)/|light|wake|shadow|smoke|_lod|-far|propeller|parks"
    r"|zone|pier|contrail|puff|tracer|datum|cut\.|wave-off|ensign|foxtrot|golf|flare|sillage|groundtil|ice3first|/null"
    r"|square|strobe|crater|thermal|cube|banlieue|merchantlivestock"
)
HELPERS = r"light|shadow|wake|water|beam|halo|flash|smoke"
"""Objects in a model that are none: cones of light and the like."""


def entries(source: str, root: Path) -> Iterator[Entry]:
    """Every model of the folders of things."""
    files = Folder(next(root.rglob("flightgear/Models")))
    licences, keys = Licences.of_package(root), Keys(source)
    for path in files.names:
        facts = licences.of(f"Models/{path}")
        if not path.endswith(".ac") or SKIPPED.search(path) or facts is None:
            continue
        place = PurePosixPath(path)
        words = re.sub(r"(?<=[a-z])(?=[A-Z])|[_\-\d]+", " ", place.stem).strip().lower() or place.parent.name.lower()
        category = place.parts[0].lower()
        read = functools.partial(_read, files, path)
        yield Entry(keys.key(f"{category}_{place.stem}"), words, category, *facts, False, read)


def _read(files: Files, path: str) -> Shape:
    return ac3d.read(files, path, HELPERS).turned(FACING @ Y_UP)
