# SPDX-License-Identifier: GPL-3.0-or-later
"""Which joints of a skeleton are its thigh, its spine, its head: by their names, then by how they hang together."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .....backend.protocol.errors import UserError
from . import names as words

Array = NDArray[Any]
LITERAL = "="
"""What the key of a joint begins with that no table knows: it is matched by its own name."""
_LARGEST = 1 << 20
NEEDED = tuple(f"{part}.{side}" for part in ("thigh", "shin", "foot") for side in "LR")


@dataclass(frozen=True)
class Body:
    """`names` (J), `parents` (J,), rest `heads` and `tails` (J, 3), and `parts`: joints from the trunk outwards.

    Keys are `hips`, `spine`, `neck`, `head`, and of limbs and fingers `thigh.L` and so on. A part may have more joints.
    """

    names: tuple[str, ...]
    parents: Array
    heads: Array
    tails: Array
    parts: Mapping[str, tuple[int, ...]]

    def start(self, part: str) -> Array:
        return self.heads[self.parts[part][0]]

    def end(self, part: str) -> Array:
        """Where the part ends: where the next one begins, or the tail of its last joint."""
        stem, dot, side = part.partition(".")
        order = {"upper_arm": "forearm", "forearm": "hand", "thigh": "shin", "shin": "foot", "foot": "toe"}
        front = "front_" if stem.startswith("front_") else ""
        following = front + order.get(stem.removeprefix("front_"), "") + dot + side
        if following in self.parts:
            return self.start(following)
        return self.tails[self.parts[part][-1]]

    def leg(self) -> float:
        """From the hip to the ankle along the bones, the mean of both sides, in metres; 0 without legs."""
        sides = [s for s in "LR" if all(f"{p}.{s}" in self.parts for p in ("thigh", "shin", "foot"))]
        lengths = [
            np.linalg.norm(self.end(f"{p}.{s}") - self.start(f"{p}.{s}")) for s in sides for p in ("thigh", "shin")
        ]
        return float(np.sum(lengths) / len(sides)) if sides else 0.0

    def left(self) -> Array:
        """The unit vector (3,) to its left, level; +X where it has no pair of limbs."""
        for part in ("thigh", "upper_arm", "shoulder", "front_thigh"):
            if f"{part}.L" in self.parts and f"{part}.R" in self.parts:
                way = self.start(f"{part}.L") - self.start(f"{part}.R")
                length = np.hypot(way[0], way[1])
                if length > 1e-6:
                    return np.array([way[0], way[1], 0.0]) / length
        return np.array([1.0, 0.0, 0.0])


def find(
    names: Sequence[str], parents: Array, heads: Array, tails: Array, own: Mapping[str, Sequence[str]] | None = None
) -> Body:
    """The body of a skeleton; `own` says which joints the user means by a part, and goes before the tables."""
    keyed = [f"{part}.{side}" if side else part for part, side in words.meanings(names)]
    index = {name: joint for joint, name in enumerate(names)}
    for part, chosen in (own or {}).items():
        missing = [name for name in chosen if name not in index]
        if missing:
            raise UserError(f"The file of names means {missing[0]!r} by {part}, which is not there. Correct it.")
        keyed = ["" if key == part else key for key in keyed]
        for name in chosen:
            keyed[index[name]] = part
    above = [ancestors(joint, parents) for joint in range(len(names))]
    parts: dict[str, tuple[int, ...]] = {}
    for joint, key in enumerate(keyed):
        stem = key.partition(".")[0]
        if not key or stem in words.CENTRE:
            continue
        chain = parts.get(key, ())
        if not chain or chain[-1] in above[joint]:
            parts[key] = (*chain, joint)
    hips = _hips(keyed, parts, above)
    if hips is not None:
        parts["hips"] = (hips,)
        parts.update(_centre(hips, keyed, parts, above, heads))
    known = {joint for chain in parts.values() for joint in chain}
    for joint, name in enumerate(names):
        if joint not in known:
            parts.setdefault(LITERAL + name, (joint,))
    return Body(tuple(names), np.asarray(parents), np.asarray(heads), np.asarray(tails), parts)


def carried(names: Sequence[str], parents: Array, heads: Array, tails: Array) -> list[int]:
    """The hips and all joints that they carry, in order; of a body without hips the root that carries most.

    What lies below the hips in a file only carries them, and often lies still while they move.
    """
    above = [{joint, *ancestors(joint, parents)} for joint in range(len(names))]
    hips = find(names, parents, heads, tails).parts.get("hips")
    if hips:
        first = hips[0]
    else:
        roots = [joint for joint, parent in enumerate(parents) if parent < 0]
        first = max(roots, key=lambda root: sum(root in path for path in above))
    return [joint for joint, path in enumerate(above) if first in path]


def read_own(path: str) -> dict[str, dict[str, list[str]]]:
    """`source` and `target`: parts and the names that the user means by them, of a TOML or JSON file."""
    if not path:
        return {}
    file = Path(path)
    try:
        if file.stat().st_size > _LARGEST:
            raise ValueError("it is larger than 1 MB")
        text = file.read_text(encoding="utf-8")
        data = json.loads(text) if file.suffix.lower() == ".json" else tomllib.loads(text)
        found: dict[str, dict[str, list[str]]] = {}
        for which in ("source", "target"):
            table = data.get(which, {})
            found[which] = {str(k): [str(n) for n in (v if isinstance(v, list) else [v])] for k, v in table.items()}
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise UserError(
            f"{file.name} cannot be read as names of bones ({error}). It needs tables [source] and [target] with lines "
            'such as "thigh.L" = "LeftUpLeg".'
        ) from None
    known = {f"{p}.{s}" for p in (*words.LIMBS, *words.FINGERS) for s in "LR"} | set(words.CENTRE)
    for table in found.values():
        for part in table:
            if part not in known and not part.startswith("front_"):
                raise UserError(f"{file.name}: there is no part {part!r}. There are: {', '.join(sorted(known))}.")
    return found


def missing(source: Body, target: Body) -> list[str]:
    """Parts of legs that the motion has and the rig lacks."""
    return [part for part in ("hips", *NEEDED) if part in source.parts and part not in target.parts]


def ancestors(joint: int, parents: Array) -> list[int]:
    """From the parent up."""
    out: list[int] = []
    while (joint := int(parents[joint])) >= 0:
        out.append(joint)
    return out


def _common(joints: Sequence[int], above: list[list[int]]) -> int | None:
    """The lowest joint that carries all of these, itself counted."""
    paths = [[joint, *above[joint]] for joint in joints]
    return next((joint for joint in paths[0] if all(joint in path for path in paths)), None) if paths else None


def _hips(keyed: list[str], parts: Mapping[str, tuple[int, ...]], above: list[list[int]]) -> int | None:
    """The joint named so, where it carries the legs; else the lowest that carries legs and spine."""
    legs = [parts[key][0] for key in ("thigh.L", "thigh.R") if key in parts]
    named = [joint for joint, key in enumerate(keyed) if key == "hips"]
    for joint in named:
        if all(joint in above[leg] for leg in legs):
            return joint
    spine = [joint for joint, key in enumerate(keyed) if key in ("spine", "neck", "head")]
    if len(legs) == 2:
        upper = next((j for j in reversed(spine) if not any(leg in above[j] for leg in legs)), None)
        return _common([*legs, *([upper] if upper is not None else [])], above)
    return spine[0] if spine else None


def _centre(
    hips: int, keyed: list[str], parts: Mapping[str, tuple[int, ...]], above: list[list[int]], heads: Array
) -> dict[str, tuple[int, ...]]:
    """Spine, neck and head: the way from the hips to the head, cut where the arms hang."""
    named = [joint for joint, key in enumerate(keyed) if key in ("spine", "neck", "head") and hips in above[joint]]
    if not named:
        return {}
    tops = [joint for joint in named if keyed[joint] == "head"]
    top = tops[0] if tops else max(named, key=lambda joint: (len(above[joint]), heads[joint][2]))
    way = [top, *above[top]]
    way = way[: way.index(hips)][::-1]
    arms = [parts[key][0] for pair in ("shoulder", "upper_arm") for key in (f"{pair}.L", f"{pair}.R") if key in parts]
    joined = _common(arms[:2], above) if len(arms) >= 2 else None
    if joined in way:
        cut = way.index(joined) + 1
    else:
        cut = next((at for at, joint in enumerate(way) if keyed[joint] in ("neck", "head")), len(way) - 1)
    out = {"spine": tuple(way[:cut]), "neck": tuple(way[cut:-1]), "head": tuple(way[-1:]) if cut < len(way) else ()}
    return {part: chain for part, chain in out.items() if chain}
