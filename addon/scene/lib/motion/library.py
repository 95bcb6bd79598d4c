# SPDX-License-Identifier: GPL-3.0-or-later
"""The clips of presets/motions: each names a generator, the kinds of bodies it is for, and its numbers."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .....backend.protocol import recipe
from .....backend.protocol.errors import UserError, nearest
from ..rig import skeleton
from . import gestures, sources, striding, swaying, things
from .clip import Maker

MAKERS: Mapping[str, Maker] = {**striding.MAKERS, **gestures.MAKERS, **swaying.MAKERS, **things.MAKERS}
USUAL = {
    "biped": "idle",
    "quadruped": "idle",
    "bird": "idle",
    "fish": "swim",
    "snake": "slither",
    "plant": "sway",
    "furniture": "wobble",
    "vehicle": "drive",
    "soft": "idle",
    "prop": "spin",
}
"""What a body does where nobody says anything: the clip by the kind."""
_LIMITS = ("default", "low", "high")
_FIELDS = ("name", "generator", "kinds", "sentence", "words", "seconds", "side", "params")


@dataclass(frozen=True)
class Clip:
    """`numbers` are the defaults of its generator's parameters; `seconds` it lasts where nobody says how long.

    `side`: the hand that it uses, `L` or `R`, where that may be the other one.
    """

    name: str
    generator: str
    kinds: tuple[str, ...]
    words: tuple[str, ...]
    seconds: float
    numbers: Mapping[str, float]
    side: str = ""

    @property
    def maker(self) -> Maker:
        return MAKERS[self.generator]


def read(path: Path) -> Clip:
    """One file, every value checked."""
    data = recipe.read_toml(path)
    recipe.known(path, data, _FIELDS)
    try:
        numbers = {name: _number(path, name, entry) for name, entry in data.get("params", {}).items()}
        clip = Clip(
            str(data["name"]),
            str(data["generator"]),
            tuple(map(str, recipe.listed(data["kinds"]))),
            tuple(str(word).lower() for word in recipe.listed(data["words"])),
            float(recipe.numbers("seconds", data["seconds"])),
            numbers,
            str(data.get("side", "")),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        why = f"it lacks {error.args[0]}" if isinstance(error, KeyError) else str(error)
        raise UserError(f"{path} is no motion: {why}. See presets/motions/README.md.", kind="usage") from None
    if clip.generator not in MAKERS:
        raise UserError(f"{path}: no generator {clip.generator!r}. {nearest(clip.generator, MAKERS)}", kind="usage")
    for kind in clip.kinds:
        if kind not in skeleton.KINDS:
            raise UserError(f"{path}: no kind {kind!r}. {nearest(kind, skeleton.KINDS)}", kind="usage")
    if clip.side not in ("", "L", "R"):
        raise UserError(f"{path}: side is L or R, not {clip.side!r}.", kind="usage")
    if not 0.1 <= clip.seconds <= 600 or not clip.words or not clip.kinds:
        raise UserError(f"{path}: it needs words, kinds and seconds from 0.1 to 600.", kind="usage")
    return clip


def own(path: Path) -> Clip:
    """A motion of the user's, held against those of ours: they have the numbers that its generator reads."""
    if path.suffix.lower() in sources.SUFFIXES:
        told = "Press Motion from a File (the step `retarget`) for it; `clip` takes a .toml as in presets/motions."
        raise UserError(f"{path.name} is a recorded motion. {told}")
    clip = read(path)
    kin: list[set[str]] = [set(each.numbers) for each in everything() if each.generator == clip.generator]
    known: set[str] = set().union(*kin)
    lacking, more = known.intersection(*kin) - set(clip.numbers), set(clip.numbers) - known
    if lacking or more:
        wrong = f"lacks {', '.join(sorted(lacking))}" if lacking else f"has no use for {', '.join(sorted(more))}"
        text = f"{path}: [params] {wrong}. The generator {clip.generator} takes {', '.join(sorted(known))}."
        raise UserError(text, kind="usage")
    return clip


def _number(path: Path, name: str, entry: Mapping[str, Any]) -> float:
    if not isinstance(entry, dict) or not all(type(entry.get(key)) in (int, float) for key in _LIMITS):
        raise UserError(f"{path}: {name} is a table of the numbers {', '.join(_LIMITS)}, not {entry!r}.", kind="usage")
    value, low, high = (float(entry[key]) for key in _LIMITS)
    if not -math.inf < low <= value <= high < math.inf:
        raise UserError(f"{path}: {name} is {value:g}, not from {low:g} to {high:g}.", kind="usage")
    return value


@functools.cache
def everything() -> tuple[Clip, ...]:
    return tuple(read(path) for path in sorted((recipe.PRESETS / "motions").glob("*.toml")))


def clips(kind: str, own: Clip | None = None) -> dict[str, Clip]:
    """What a body of this kind can do, by name, `own` first. What is not known can do what a prop can."""
    mine = {own.name: own} if own else {}
    found = {clip.name: clip for clip in everything() if kind in clip.kinds}
    return mine | (found or {clip.name: clip for clip in everything() if "prop" in clip.kinds}) | mine


def usual(kind: str) -> str:
    return USUAL.get(kind, "spin")
