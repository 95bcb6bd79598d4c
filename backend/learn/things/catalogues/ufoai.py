# SPDX-License-Identifier: GPL-3.0-or-later
"""UFO: Alien Invasion: furniture, vehicles, plants, machines, aircraft and people, with a licence for each file."""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..readers import md2
from ..readers.files import Files, Zip
from ..shape import Shape, joined
from .entry import Entry, Keys
from .licences import Licences

FACING = np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]])
"""From +X ahead to -Y."""
SKIPPED = re.compile(
    r"models/(sequence|geoscape)/|crash|disassembled|gravel|curtain|_clip|_ammo|wormhole|_gear|_leaf|leaves|_trunk|trunk\d"
    r"|/(earth|mat|water_lily\w*|spiral\w*|money|fence|grass\w*|wheat|rail|powerline)/|herakles_int|_engines?_|_wings?"
    r"|container_door|_roof\d|/(4x4_t|car1t|van1t|gum_tree_t\w*)\.md2|head\d*\w*\.md2|radar_[ac]|pstation[a1]"
)
"""Effects, the world's map, wrecks, and parts of other models."""
HEADS = 2
"""For each body so many heads at most."""


def entries(source: str, root: Path) -> Iterator[Entry]:
    """Every model that is no part of another; people and aliens with a head each."""
    files = Zip(next(root.rglob("0models.pk3")))
    licences, keys = Licences.of_package(root), Keys(source)
    for path in files.names:
        if not path.endswith(".md2") or SKIPPED.search(path):
            continue
        facts = licences.of(f"base/{path}")
        if facts is None:
            continue
        folder, stem = posixpath.split(path.removesuffix(".md2"))
        heads = _heads(files, path)
        for head in heads or [""]:
            where = folder.removeprefix("models/").removeprefix("objects/")
            label = "_".join(dict.fromkeys([*where.split("/"), stem]))
            if head:
                label += "_" + posixpath.basename(head).removesuffix(".md2")
            words = re.sub(r"[_\d]+", " ", label).strip()
            category = where.split("/")[0]
            yield Entry(keys.key(label), words, category, *facts, False, functools.partial(_read, files, path, head))


def _heads(files: Files, path: str) -> list[str]:
    """Heads that fit on a body, of its own folder, one in some."""
    folder = posixpath.dirname(path)
    tags = path.removesuffix(".md2") + ".tag"
    if tags not in files.names or not re.search(r"/(soldiers|civilians|aliens|pilots)/", path):
        return []
    found = [name for name in files.names if re.fullmatch(re.escape(folder) + r"/\w*head\w*\.md2", name)]
    return found[:: max(1, len(found) // HEADS)][:HEADS]


def _read(files: Files, path: str, head: str) -> Shape:
    frame = _standing(files, path)
    shape = _painted(md2.read(files, path, frame))
    if head:
        place = md2.tags(files.read(path.removesuffix(".md2") + ".tag"), frame)["tag_head"]
        top = _painted(md2.read(files, head)).turned(place[:3].T)
        shape = joined([shape, _moved(top, place[3])])
    return shape.turned(FACING)


def _standing(files: Files, path: str) -> int:
    """The frame in which a living thing stands; what is dead comes first in its file."""
    name = path.removesuffix(".md2") + ".anm"
    text = files.read(name).decode("latin-1") if name in files.names else ""
    match = re.search(r"^stand\w*\s+(\d+)", text, re.M)
    return int(match[1]) if match else 0


def _painted(shape: Shape) -> Shape:
    if any(picture is None for picture in shape.textures):
        raise ValueError("its skin is not in the package")
    return shape


def _moved(shape: Shape, by: NDArray[np.float64]) -> Shape:
    return Shape(shape.vertices + by, shape.faces, shape.uv, shape.slot, shape.colors, shape.textures)
