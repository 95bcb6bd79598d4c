# SPDX-License-Identifier: GPL-3.0-or-later
"""MegaGlest: people, animals, machines and buildings as they stand, and the plants and stones of its landscapes."""

from __future__ import annotations

import functools
import hashlib
import posixpath
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

from ..readers import g3d
from ..readers.files import Files, Folder
from ..shape import Y_UP, Shape
from .entry import Entry, Keys
from .licences import Licences
from .zeroad import TEAM_COLORS

SCENERY = re.compile(
    r"tilesets/(?!hell/models/deadtree|winter\w*/models/riverside)([^/]+)/models/"
    r"(?!none|grass|water|hanged|impaled|bodypart|hell\d|grab)[^/]*\.g3d"
)
RESOURCES = re.compile(r"resources/([^/]+)/models/[^/]+\.g3d")
PEOPLE_ON_MENUS = re.compile(r"about_models/character[123]\.g3d")


def entries(source: str, root: Path) -> Iterator[Entry]:
    """Units, then what can be mined, then landscapes; a file of the same content is listed once."""
    files = Folder(next(root.rglob("megaglest/techs")).parent)
    licences, keys = Licences.of_package(root), Keys(source)
    seen: set[str] = set()
    for category, label, path in _listed(files):
        facts = licences.of(path)
        content = hashlib.sha256(files.read(path)).hexdigest()
        if facts is None or content in seen:
            continue
        seen.add(content)
        key = keys.key(f"{category}_{label}")
        words = re.sub(r"[_\d]+", " ", label).strip()
        yield Entry(key, words, category, *facts, False, functools.partial(_read, files, path, key))


def _listed(files: Files) -> Iterator[tuple[str, str, str]]:
    for path in files.names:
        folder, name = posixpath.split(path)
        unit = posixpath.basename(folder)
        if folder.endswith(f"/units/{unit}") and name == f"{unit}.xml" and (model := _standing(files, path)):
            yield "units", unit, model
    for path in files.names:
        if match := RESOURCES.search(path):
            yield "resources", match[1], path
        elif PEOPLE_ON_MENUS.search(path):
            yield "units", Path(path).stem, path
    for path in files.names:
        if SCENERY.fullmatch(path):
            yield "scenery", Path(path).stem, path


def _standing(files: Files, path: str) -> str | None:
    """The model of a unit that does nothing."""
    try:
        unit = ET.fromstring(files.read(path))
    except ET.ParseError:
        return None
    for skill in unit.iter("skill"):
        kind, model = skill.find("type"), skill.find("animation")
        if kind is not None and kind.get("value") == "stop" and model is not None:
            return files.find(posixpath.dirname(path), model.get("path") or "")
    return None


def _read(files: Files, path: str, key: str) -> Shape:
    """A unit has the colour of a player; on plants the same alpha cuts the leaves."""
    shade = TEAM_COLORS[hashlib.sha256(key.encode()).digest()[0] % len(TEAM_COLORS)]
    return g3d.read(files, path, None if path.startswith("tilesets/") else shade).turned(Y_UP)
