# SPDX-License-Identifier: GPL-3.0-or-later
"""SuperTuxKart: karts with their drivers, the library of props and plants, and single models of the tracks.

A node.xml says which models make a piece of the library and where they stand; a kart.xml where the wheels are;
materials.xml how a texture is shown, which tells whether its alpha means anything.
"""

from __future__ import annotations

import dataclasses
import functools
import posixpath
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..readers import spm
from ..readers.files import Files, Folder
from ..readers.mesh import picture
from ..shape import Shape, joined
from ..thing import Pixels
from .entry import Entry, Keys
from .licences import Licences

Z_UP = np.array([[-1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
"""From left-handed Y up, facing +Z, to right-handed Z up, facing -Y."""
EFFECTS = re.compile(r"(?i)gfx_|stk(lib|tex)?_?(beam|ray)|water|smoke|lightbeam|glow|shadow|caustic|halo|flare|_ray")
SEE_THROUGH = ("alphatest", "alphablend", "grass", "unlit", "alpha")
UNSEEN = ("additive", "displace", "decal", "spheremap_add")
LIBRARY_SKIPPED = re.compile(
    r"gfx_|meta_|rail|skybeam|cliff|jetblast|snowrocks|boxgrid|partyflags|prayerflags|liana|vertical_a|cartraffic"
    r"|movingmap|menu|neonarrow|roots|animgrass|princesssaradeparture|welcomeaboard|xmaslight|papi|reef|mudpot|pinkribbon"
    r"|lovealcove|lovegate|lampone|speedtrap|lightbulb|nolokflags|orangecocktail"
)
TRACKS = re.compile(
    r"submarine_sphere_a|baseblue|fountain|hammer|nolok(_intro)?|sara|foundationruin|gondola|cannon|chest"
    r"|shipwreck|antlers_high|bed|chair_a|desk_a|door_[ab]|ekasia_tree_high|fir_tree_a|hat_a_high"
    r"|house_table|log_big_a|stklib_steamengine|stone_[bc]|teller|topf|woodlodge|woodpile"
    r"|dinosaur_skull|fire|cocoa_shredder|clockwork_b|train_wagon|backroom|cannonanim|castel|diamond|winframe"
    r"|airbing_(512|behemoth)|bagage_carrousel_1_a|beachball_play(_2|able_[abc])?|puck|tuxintro|big_wheel|soccer_ball"
    r"|rollercoastertrain_a|balloons_a|tree_(no_)?shortcut|box|earth|moon|terminal(_1)?|container|tree|fern_lod30"
)
"""What on the tracks is an object by itself; the rest is ground, water, effects and rows of things."""
MODELS_SKIPPED = re.compile(r"-low|flag|anim|nolok$|bubblegum")


@dataclass(frozen=True)
class Placed:
    """A model and where it stands: its vertices (V, 3) are multiplied by `matrix` and moved by `by`."""

    path: str
    matrix: NDArray[np.float64]
    by: NDArray[np.float64]


def entries(source: str, root: Path) -> Iterator[Entry]:
    """Karts, the library, things to pick up, then what stands on the tracks, where its licence is named."""
    data = next(root.rglob("data/karts")).parent
    game, keys = _Game(Folder(data), Licences.of_package(root)), Keys(source)
    licences = Licences.of_package(root, named=True)
    for category, label, placed in game.pieces():
        facts = licences.of(f"data/{placed[0].path}")
        if facts:
            words = re.sub(r"(?<=[a-z])(?=[A-Z])|[_.\-\d]+", " ", label).strip().lower()
            read = functools.partial(game.read, placed)
            yield Entry(keys.key(f"{category}_{label}"), words, category, *facts, False, read)


class _Game:
    def __init__(self, files: Files, licences: Licences) -> None:
        self.files = files
        self._licences = licences
        self._shaders: dict[str, dict[str, str]] = {}

    def pieces(self) -> Iterator[tuple[str, str, list[Placed]]]:
        """(category, name, models) of everything."""
        for path in self.files.names:
            folder, name = posixpath.split(path)
            kind, _, label = folder.partition("/")
            if name == "kart.xml" and kind == "karts":
                yield "karts", label, self._kart(folder)
            elif name == "node.xml" and kind == "library" and not LIBRARY_SKIPPED.search(label.lower()):
                placed = self._node(folder)
                if placed:
                    yield "library", re.sub(r"^(stklib|stk|hd)_|_[a-z]$", "", label), placed
            elif name.endswith(".spm"):
                stem = name.removesuffix(".spm")
                if (kind == "models" and not MODELS_SKIPPED.search(stem)) or (
                    kind == "tracks" and TRACKS.fullmatch(stem.lower())
                ):
                    category = "items" if kind == "models" else "tracks"
                    yield category, f"{label.replace('/', '_')}_{stem}".strip("_"), [_still(path)]

    def read(self, placed: list[Placed]) -> Shape:
        parts = []
        for one in placed:
            shape = self._model(one.path).turned(one.matrix)
            parts.append(dataclasses.replace(shape, vertices=shape.vertices + one.by))
        return joined(parts).turned(Z_UP)

    def _kart(self, folder: str) -> list[Placed]:
        kart = self._xml(f"{folder}/kart.xml")
        found = [_still(f"{folder}/{kart.get('model-file')}")]
        for wheel in kart.iterfind("wheels/*"):
            path = f"{folder}/{wheel.get('model')}"
            if path in self.files.names:
                found.append(Placed(path, np.eye(3), _numbers(wheel.get("position"), 0)))
        return found

    def _node(self, folder: str) -> list[Placed]:
        """What of a node is seen from near; other pieces that hang on it are left out."""
        scene = self._xml(f"{folder}/node.xml")
        found: list[ET.Element] = []
        groups: dict[str, ET.Element] = {}
        for group in scene.iterfind("lod/group"):
            nearest = min(group, key=lambda model: float(model.get("lod_distance", 0)), default=None)
            if nearest is not None:
                groups[group.get("name") or ""] = nearest
        for one in [*scene.iterfind("object"), *scene.iterfind("static-object")]:
            if one.get("lod_instance") == "true" and one.get("lod_group") in groups:
                one.set("model", groups[one.get("lod_group") or ""].get("model") or "")
            if one.get("model") and one.get("interaction") != "physicsonly" and one.get("type") != "billboard":
                found.append(one)
        placed = []
        for one in found:
            path = f"{folder}/{one.get('model')}"
            if path in self.files.names and not EFFECTS.search(path.partition("/")[2]):
                matrix = _turn(_numbers(one.get("hpr"), 0)) * _numbers(one.get("scale"), 1)
                placed.append(Placed(path, matrix, _numbers(one.get("xyz"), 0)))
        return placed

    def _model(self, path: str) -> Shape:
        folder = posixpath.dirname(path)
        return spm.read(
            self.files,
            path,
            functools.partial(self._paint, folder),
            lambda texture: self._shader(folder, texture) in UNSEEN,
        )

    def _paint(self, folder: str, texture: str) -> Pixels | None:
        alpha = self._shader(folder, texture) in SEE_THROUGH
        place = folder if self.files.find(folder, texture) else "textures"
        name = self.files.find(place, texture)
        if name and self._licences.of(f"data/{name}") is None:
            raise ValueError(f"its texture is not clearly free: {name}")
        return picture(self.files, place, texture, alpha=alpha)

    def _shader(self, folder: str, texture: str) -> str:
        for place in (folder, "", "textures"):
            table = self._table(place)
            if texture.lower() in table:
                return table[texture.lower()]
        return "solid"

    def _table(self, folder: str) -> dict[str, str]:
        if folder not in self._shaders:
            path = f"{folder}/materials.xml".lstrip("/")
            found = self._xml(path) if path in self.files.names else ET.Element("materials")
            self._shaders[folder] = {
                (one.get("name") or "").lower(): (one.get("shader") or "solid").lower()
                for one in found.iter("material")
            }
        return self._shaders[folder]

    def _xml(self, path: str) -> ET.Element:
        try:
            return ET.fromstring(self.files.read(path))
        except ET.ParseError:
            return ET.Element("nothing")


def _still(path: str) -> Placed:
    return Placed(path, np.eye(3), np.zeros(3))


def _numbers(text: str | None, otherwise: float) -> NDArray[np.float64]:
    try:
        values = np.array((text or "").split(), np.float64)
    except ValueError:
        values = np.zeros(0)
    return values if values.shape == (3,) and np.isfinite(values).all() else np.full(3, otherwise, np.float64)


def _turn(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    """About X, then Y, then Z, as Irrlicht does."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return np.asarray(z @ y @ x)
