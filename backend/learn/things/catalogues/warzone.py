# SPDX-License-Identifier: GPL-3.0-or-later
"""Warzone 2100: buildings, wrecks, vehicles and trees of few faces each."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from ..readers import pie
from ..readers.files import Files, Layers, Zip
from ..shape import Shape
from .entry import Entry, Keys
from .licences import Licences

Z_UP = np.array([[-1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
"""From left-handed Y up, facing +Z, to right-handed Z up, facing -Y."""
PATHS = re.compile(r"(features|structs|components/bodies)/([^/]+)\.pie")
SKIPPED = re.compile(
    r"null|anim|dummy|_nex|_col|_fall|flam|knee|slick|smash|shadow|mioil$|trap|module|cybd|dpjmp|scbd|cranebody1|uptrim|vtolpd|exbloke"
)


def entries(source: str, root: Path) -> Iterator[Entry]:
    """What stands in the landscape, and bodies of vehicles; of buildings the first of their three styles."""
    folder = next(root.rglob("base.wz")).parent
    files = Layers(Zip(folder / "base.wz"), Zip(folder / "mp.wz"))
    licences, keys = Licences.of_package(root), Keys(source)
    for path in files.names:
        match = PATHS.fullmatch(path)
        facts = licences.of(f"data/base/{path}")
        if match and facts and not SKIPPED.search(match[2]):
            category = PurePosixPath(match[1]).name
            words = re.sub(r"[_\d]+", " ", match[2]).strip()
            read = functools.partial(_read, files, path)
            yield Entry(keys.key(f"{category}_{match[2]}"), words, category, *facts, False, read)


def _read(files: Files, path: str) -> Shape:
    return pie.read(files, path, "texpages").turned(Z_UP)
