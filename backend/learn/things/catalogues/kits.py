# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages with folders of models: which files are objects, of what kind, by whom, under which licence."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from ..readers import gltf, obj
from ..readers.files import Files, Folder
from ..shape import Y_UP, Shape, texture
from .entry import Entry, Keys


@dataclass(frozen=True)
class Kit:
    """Models whose path in the package matches; `skip`: names of no object; `turn`: degrees about Z, to face -Y."""

    paths: str
    category: str
    licence: str
    author: str
    skip: str = r"(?!)"
    turn: int = 0


KENNEY = ("CC0-1.0", "Kenney")
SURFACES = r"^(wall|roof|floor|water|ladder|sign)(_|$)"
QUATERNIUS = ("CC0-1.0", "Quaternius")
CASTLE = (
    Kit(r"occlusion_culling/data/kenney_citykitcommercial/.*\.(glb|gltf)", "buildings", *KENNEY, skip=SURFACES),
    Kit(r"delphi/fmx/data/kenney_retro_medieval/.*\.(glb|gltf)", "buildings", *KENNEY, skip=SURFACES),
    Kit(r"delphi/fmx/data/kenney_carkit/.*\.(glb|gltf)", "vehicles", *KENNEY, turn=180),
    Kit(r"occlusion_culling/data/quaternius_ultimate_monsters/.*\.gltf", "monsters", *QUATERNIUS),
    Kit(r"quaternius_alpaca/Alpaca\.gltf", "animals", *QUATERNIUS),
)
PLAN = (
    Kit(r"models/outdoor_.*\.glb", "nature", *KENNEY),
    Kit(r"models/.*\.glb", "furniture", *KENNEY, skip=r"^(floor|wall|doorway|rug|paneling|cctv_camera)"),
)
SIGNS = r"^(sign|picture|white_board|projector_screen)"
ECLIPSE = (
    Kit(r"data/nieb/.*\.obj", "office", "CC0-1.0", "Nieb", skip=SIGNS, turn=-90),
    Kit(r"data/nobiax/.*\.obj", "props", "CC0-1.0", "Nobiax", turn=-90),
    Kit(r"data/unnamed/.*\.obj", "props", "CC-BY-SA-3.0", "Unnamed", turn=-90),
    Kit(r"data/(snipergoth|mikeplus64)/.*\.obj", "props", "CC-BY-SA-3.0", "Red Eclipse Team", turn=-90),
)


def entries(kits: tuple[Kit, ...]) -> Callable[[str, Path], Iterator[Entry]]:
    """For `Source`: each file that a kit lists, in the order of the kits and of the paths."""

    def listed(source: str, root: Path) -> Iterator[Entry]:
        files, keys = Folder(root), Keys(source)
        seen: set[str] = set()
        for kit in kits:
            for path in files.names:
                if path in seen or not re.search(f"(?:^|/){kit.paths}$", path):
                    continue
                seen.add(path)
                name = _name(path)
                if not re.search(kit.skip, name):
                    words = re.sub(r"(?<=[a-z])(?=[A-Z0-9])|_", " ", name).strip().lower()
                    read = functools.partial(_read, files, path, kit.turn)
                    yield Entry(keys.key(name), words, kit.category, kit.licence, kit.author, False, read)

    return listed


def _name(path: str) -> str:
    """Of the file; of its folders where all files are named alike."""
    place = PurePosixPath(path)
    if place.stem != "model":
        return place.stem
    folders = [place.parent.name] if len(place.parent.name) > 3 else [place.parent.parent.name, place.parent.name]
    return "_".join(folders)


def _read(files: Files, path: str, turn: int) -> Shape:
    shape = obj.read(files, path) if path.lower().endswith(".obj") else gltf.read(files, path)
    skin = _skin(files, str(PurePosixPath(path).parent))
    picture = texture(files.read(skin), alpha=False) if skin else None
    if picture is not None and all(other is None for other in shape.textures):
        white = np.ones((1, 4), np.float32)
        shape = dataclasses.replace(shape, slot=shape.slot * 0, colors=white, textures=(picture,))
    angle = np.radians(turn)
    about = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    return shape.turned(about @ Y_UP)


def _skin(files: Files, folder: str) -> str | None:
    """The picture that Red Eclipse's obj.cfg puts on the whole model."""
    config = files.find(folder, "obj.cfg")
    match = re.search(r"^\s*objskin\s+\S+\s+(\S+)", files.read(config).decode("latin-1"), re.M) if config else None
    return files.find(folder, match[1]) if match else None
