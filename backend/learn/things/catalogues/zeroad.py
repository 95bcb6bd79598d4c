# SPDX-License-Identifier: GPL-3.0-or-later
"""0 A.D.: actors (XML) name a mesh, a base texture, a material and the actors that hang on it as props.

An actor has groups of variants, of which the game takes one each; a later group replaces what an earlier one set.
"""

from __future__ import annotations

import functools
import hashlib
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..readers import pmd
from ..readers.files import Zip
from ..shape import Shape, joined, texture
from ..thing import Pixels
from .entry import Entry, Keys

LICENCE = "CC-BY-SA-3.0"
AUTHOR = "Wildfire Games and contributors"
TEAM_COLORS = (
    (0.55, 0.1, 0.1),
    (0.12, 0.2, 0.5),
    (0.15, 0.4, 0.15),
    (0.6, 0.5, 0.15),
    (0.3, 0.3, 0.3),
    (0.6, 0.6, 0.6),
)
"""Where a texture shows the colour of a player, one of these is put by the hash of the key."""
SKIPPED = re.compile(
    r"(?<![a-z])(particles?|decals?|blood|smoke|fire|flames?|flaming|dust|splash|water|waves?|waterfalls?|foam|fog|clouds?"
    r"|light|glow|aura|sparks?|rubble|destruct\w*|death|scaff\w*|foundations?|fndn|flags?|banners?|garrison\w*|rally\w*"
    r"|markers?|waypoints?|projectiles?|arrows?_?front|shadows?|plane|cliffs?|terrain|test|font|labels?|territory|rings?"
    r"|ripples?|vfx|carpet|circle|campaigns|temp|old|template\w*|skybox|reflection|horse|camel|fauna|elephant\w*)(?![a-z])"
)
"""Actors that are no object, or a part of an animal, by their path; of the animals themselves none are left out."""
MAX_PROPS = 24
MAX_DEPTH = 3
Z_UP = np.array([[-1.0, 0, 0], [0, 0, 1], [0, 1, 0]])
"""From left-handed Y up to right-handed Z up, facing -Y."""


@dataclass
class Choice:
    """What one choice of variants says; `props`: prop point to actor."""

    mesh: str = ""
    picture: str = ""
    material: str = ""
    color: tuple[float, float, float] = (1.0, 1.0, 1.0)
    four_legs: bool = False
    props: dict[str, str] = field(default_factory=dict)


def entries(source: str, root: Path) -> Iterator[Entry]:
    """Each actor that is an object, once for every mesh that it may have; animals (fauna) are hold-out."""
    game = _Game(next(root.rglob("public.zip")))
    keys = Keys(source)
    seen: set[tuple[str, str]] = set()
    actors = [name for name in game.files.names if re.fullmatch(r"art/actors/.+\.xml", name)]
    fauna = [name for name in actors if name.startswith("art/actors/fauna/")]
    hidden = {choice.mesh for name in fauna for choice in game.choices(name, name)}
    for name in [*fauna, *(name for name in actors if name not in fauna)]:
        held = name in fauna
        if not held and SKIPPED.search(name.removeprefix("art/actors/")):
            continue
        for choice in game.choices(name, name):
            pair = (
                choice.mesh,
                choice.picture if not choice.props else f"{choice.picture} {sorted(choice.props.items())}",
            )
            if not choice.mesh or pair in seen or (not held and game.shows(choice, hidden, name)):
                continue
            seen.add(pair)
            path = name.removeprefix("art/actors/").removesuffix(".xml")
            key = keys.key(path.replace("/", "_"))
            yield Entry(
                key,
                Path(path).name.replace("_", " "),
                _category(path),
                LICENCE,
                AUTHOR,
                held,
                functools.partial(game.read, choice, key),
            )


def _category(path: str) -> str:
    parts = path.split("/")
    return "/".join(parts[:2]) if parts[0] in ("props", "flora") and len(parts) > 2 else parts[0]


class _Game:
    def __init__(self, path: Path) -> None:
        self.files = Zip(path)
        self._there = set(self.files.names)
        self._xml: dict[str, ET.Element | None] = {}
        self._meshes = functools.lru_cache(64)(self._mesh)

    def choices(self, actor: str, salt: str) -> list[Choice]:
        """One choice for every mesh that the actor may have; the rest of it is chosen by the hash of `salt`."""
        tree = self._tree(actor)
        if tree is None:
            return []
        if tree.tag == "qualitylevels":
            lowest = tree.find("actor")
            if lowest is None:
                return []
            if inner := lowest.get("file"):
                return self.choices(f"art/actors/{inner}", salt)
            inline = lowest.find("inline")
            tree = inline if inline is not None else lowest
        groups = [group.findall("variant") for group in tree.findall("group")]
        groups = [list(group) for group in groups if group]
        picked = [self._pick(group, f"{salt} {i}") for i, group in enumerate(groups)]
        with_mesh = [i for i, group in enumerate(groups) if any(self._has_mesh(variant) for variant in group)]
        found: list[Choice] = []
        options = [variant for variant in groups[with_mesh[0]] if self._has_mesh(variant)] if with_mesh else [None]
        for option in options:
            choice = Choice(material=(tree.findtext("material") or "").strip())
            for i, variant in enumerate(picked):
                self._apply(choice, option if option is not None and i == with_mesh[0] else variant)
            if all(choice.mesh != other.mesh for other in found):
                found.append(choice)
        return found

    def shows(self, choice: Choice, hidden: set[str], salt: str, depth: int = 0) -> bool:
        """Whether it has a mesh of the hold-out, or is some animal, itself or as a prop."""
        if choice.mesh in hidden or choice.four_legs:
            return True
        return depth < MAX_DEPTH and any(
            self.shows(prop, hidden, salt, depth + 1)
            for actor in choice.props.values()
            for prop in self.choices(f"art/actors/{actor}", salt)[:1]
        )

    def read(self, choice: Choice, key: str) -> Shape:
        shade = TEAM_COLORS[hashlib.sha256(key.encode()).digest()[0] % len(TEAM_COLORS)]
        return joined(self._parts(choice, np.eye(4), shade, key, 0)).turned(Z_UP)

    def _parts(
        self, choice: Choice, matrix: NDArray[np.float64], shade: tuple[float, float, float], salt: str, depth: int
    ) -> list[Shape]:
        mesh = self._meshes(choice.mesh)
        picture = self._picture(choice, shade)
        parts = [
            Shape(
                mesh.vertices @ matrix[:3, :3].T + matrix[:3, 3],
                mesh.faces,
                mesh.uv,
                np.zeros(len(mesh.faces), np.int16),
                np.array([[1, 1, 1, 1] if picture is not None else [0.6, 0.6, 0.6, 1]], np.float32),
                (picture,),
            )
        ]
        for point, actor in list(choice.props.items())[:MAX_PROPS]:
            if depth >= MAX_DEPTH or SKIPPED.search(actor) or (point not in mesh.points and point != "root"):
                continue
            place = matrix @ mesh.points.get(point, np.eye(4))
            for prop in self.choices(f"art/actors/{actor}", salt)[:1]:
                if prop.mesh:
                    parts += self._parts(prop, place, shade, salt, depth + 1)
        return parts

    def _mesh(self, name: str) -> pmd.Mesh:
        return pmd.read(self.files.read(name))

    def _picture(self, choice: Choice, shade: tuple[float, float, float]) -> Pixels | None:
        """The base texture; its alpha is a mask for a colour in some materials, see-through in others, else idle."""
        if not choice.picture:
            return None
        picture = texture(self.files.read(choice.picture))
        if picture is None or choice.material.startswith("basic_trans"):
            return picture
        if choice.material.startswith(("player_trans", "objectcolor")):
            color = np.array(choice.color if choice.material.startswith("objectcolor") else shade)
            mask = picture[..., 3:] / 255.0
            picture[..., :3] = np.round(picture[..., :3] * (color * (1 - mask) + mask))
        picture[..., 3] = 255
        return picture

    def _tree(self, name: str) -> ET.Element | None:
        if name not in self._xml:
            try:
                self._xml[name] = ET.fromstring(self.files.read(name)) if name in self._there else None
            except (ET.ParseError, ValueError):
                self._xml[name] = None
        return self._xml[name]

    def _pick(self, group: list[ET.Element], salt: str) -> ET.Element:
        """By frequency, as the game does; those without one are for deaths and the like."""
        weights = [max(0, int(float(variant.get("frequency", 0)))) for variant in group]
        at = int.from_bytes(hashlib.sha256(salt.encode()).digest()[:8], "big") % max(1, sum(weights))
        for variant, weight in zip(group, weights, strict=True):
            at -= weight
            if at < 0:
                return variant
        return group[0]

    def _base(self, variant: ET.Element) -> ET.Element | None:
        return self._tree(f"art/variants/{variant.get('file')}") if variant.get("file") else None

    def _has_mesh(self, variant: ET.Element) -> bool:
        base = self._base(variant)
        return bool(variant.findtext("mesh") or (base is not None and base.findtext("mesh")))

    def _apply(self, choice: Choice, variant: ET.Element, depth: int = 0) -> None:
        base = self._base(variant)
        if base is not None and depth < MAX_DEPTH:
            self._apply(choice, base, depth + 1)
        if "quadraped" in (variant.get("file") or ""):
            choice.four_legs = True
        if mesh := (variant.findtext("mesh") or "").strip():
            choice.mesh = self._cached(f"art/meshes/{mesh}", "pmd")
        for picture in variant.iter("texture"):
            if picture.get("name") == "baseTex":
                choice.picture = self._cached(f"art/textures/skins/{picture.get('file')}", "dds")
        if color := variant.findtext("color"):
            red, green, blue = (float(value) / 255 for value in color.split()[:3])
            choice.color = (red, green, blue)
        for animation in variant.iter("animation"):
            if "quadraped" in (animation.get("file") or ""):
                choice.four_legs = True
        for prop in variant.iter("prop"):
            point = prop.get("attachpoint") or ""
            choice.props.pop(point, None)
            if prop.get("actor") and not point.startswith(("projectile", "loaded-")):
                choice.props[point] = prop.get("actor") or ""

    def _cached(self, name: str, kind: str) -> str:
        """The game's own conversion where the package has it, else the file itself, else nothing."""
        converted = f"{name}.cached.{kind}"
        if converted in self._there:
            return converted
        return name if name in self._there and (kind != "pmd" or name.endswith(".pmd")) else ""
