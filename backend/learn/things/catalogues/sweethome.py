# SPDX-License-Identifier: GPL-3.0-or-later
"""Furniture libraries of Sweet Home 3D: zips (.sh3f) with a list of properties, OBJ models and pictures."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..readers import obj
from ..readers.files import Files, Zip
from ..shape import Y_UP, Shape
from .entry import Entry, Keys

HOLDOUT = ("BlendSwap-CC-0", "Reallusion")
"""Collections that no training may see."""


def entries(source: str, root: Path) -> Iterator[Entry]:
    """Every piece of every library, in the order of its list."""
    del source
    for library in sorted(root.rglob("*.sh3f")):
        files = Zip(library)
        table = properties(files.read("PluginFurnitureCatalog.properties").decode("latin-1"))
        licence = re.split(r"\s+(?:license\s+)?(?:Copyright|©|\(C\))", table.get("license", "unknown"))[0]
        keys = Keys(f"sweethome3d-{library.stem.lower()}")
        numbers = sorted(int(name.partition("#")[2]) for name in table if re.fullmatch(r"model#\d+", name))
        for number in numbers:
            piece = {name.partition("#")[0]: value for name, value in table.items() if name.endswith(f"#{number}")}
            model = piece["model"].lstrip("/")
            yield Entry(
                keys.key(Path(model).stem),
                piece.get("name", Path(model).stem),
                piece.get("category", "unknown"),
                licence,
                piece.get("creator", "unknown"),
                library.stem in HOLDOUT,
                functools.partial(_read, files, model, piece),
            )


def properties(text: str) -> dict[str, str]:
    """A Java .properties file: comments, lines that go on after a backslash, \\uXXXX."""
    found = {}
    for line in re.sub(r"\\\r?\n[ \t]*", "", text).splitlines():
        match = re.match(r"\s*([^#!=:\s][^=:\s]*)\s*[=:]\s*(.*)", line)
        if match:
            value = re.sub(r"\\u([0-9a-fA-F]{4})", lambda m: chr(int(m[1], 16)), match[2])
            found[match[1]] = re.sub(r"\\(.)", r"\1", value).strip()
    return found


def _read(files: Files, model: str, piece: dict[str, str]) -> Shape:
    """Turned as the list says, made as wide, deep and high as it says where that is near, then Z up."""
    path = model if model in files.names else files.find("", model)
    if path is None:
        raise ValueError(f"the library has no {model}")
    shape = obj.read(files, path)
    if turn := piece.get("modelRotation"):
        shape = shape.turned(np.array(turn.split(), np.float64).reshape(3, 3))
    used = shape.vertices[np.unique(shape.faces)]
    size = np.ptp(used, axis=0)
    wanted = np.array([float(piece.get(name, 0)) for name in ("width", "height", "depth")])
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = wanted / size
    if np.isfinite(scale).all() and scale.min() > 0 and scale.max() / scale.min() < 1.5:
        shape = shape.turned(np.diag(scale))
    return shape.turned(Y_UP)
