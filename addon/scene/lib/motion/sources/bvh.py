# SPDX-License-Identifier: GPL-3.0-or-later
"""Biovision's BVH: a tree of offsets, channels of each joint, and a table of numbers. Degrees; any unit of length.

Written from the public description of the format (Biovision 1999; M. Meredith and S. Maddock, "Motion Capture File
Formats Explained", Sheffield 2001): a joint's matrix is the product of its channels in the order they are listed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ......backend.protocol.errors import UserError
from .. import editing, parts
from ..take import Take, about, after, turned

Array = NDArray[Any]
MOST_JOINTS, MOST_FRAMES, MOST_NUMBERS = 2000, 500_000, 60_000_000
_DEEPEST = 500
_CHANNELS = {f"{axis}{kind}": (kind, "xyz".index(axis)) for axis in "xyz" for kind in ("position", "rotation")}
_UNITS = ((0.3, 3.5, 1.0, "m"), (3.5, 350.0, 0.01, "cm"), (350.0, 4000.0, 0.001, "mm"))


@dataclass
class _Joint:
    name: str
    parent: int
    offset: Array
    channels: list[tuple[str, int]] = field(default_factory=list)
    end: Array | None = None


def read(path: Path, *, warn: Callable[[str], None], tick: Callable[[float], None]) -> Take:
    try:
        text = path.read_bytes().decode("utf-8", errors="replace")
    except (OSError, MemoryError) as error:
        raise UserError(f"{path.name} cannot be read: {error}. Choose another file.") from None
    head, found, table = text.partition("MOTION")
    if "HIERARCHY" not in head[:4096] or not found:
        raise _bad(path, "it has no HIERARCHY and MOTION")
    joints = _tree(path, head)
    tick(0.1)
    numbers, seconds = _table(path, table, sum(len(joint.channels) for joint in joints), warn)
    tick(0.5)
    take = _take(path, joints, numbers, seconds)
    tick(0.9)
    return _upright(take, warn)


def _bad(path: Path, why: str) -> UserError:
    return UserError(f"{path.name} is no whole BVH file: {why}. Export it again, or choose another file.")


def _tree(path: Path, text: str) -> list[_Joint]:
    """Joints, parents first; a joint's end site is its `end`."""
    tokens = iter(re.findall(r"[{}]|[^\s{}]+", text[text.index("HIERARCHY") + 9 :]))
    joints: list[_Joint] = []
    stack: list[int] = []
    site = False

    def three() -> Array:
        values = np.array([float(next(tokens)) for _ in range(3)])
        if not np.isfinite(values).all() or np.abs(values).max() > 1e7:
            raise _bad(path, f"the offset of {joints[-1].name!r} is no number to work with")
        return values

    try:
        for token in tokens:
            word = token.upper()
            if word in ("ROOT", "JOINT"):
                if word == "ROOT" and joints:
                    raise _bad(path, "it has several roots; split it into one file each")
                joints.append(_Joint(_name(tokens, joints), stack[-1] if stack else -1, np.zeros(3)))
                if len(joints) > MOST_JOINTS or len(stack) > _DEEPEST:
                    raise _bad(path, f"it has more than {MOST_JOINTS} joints")
                stack.append(len(joints) - 1)
            elif word == "END":
                next(tokens)
                site = True
            elif word == "OFFSET":
                joint = joints[stack[-1]]
                if site:
                    joint.end = three()
                else:
                    joint.offset = three()
            elif word == "CHANNELS":
                joints[stack[-1]].channels = _channels(path, tokens)
            elif word == "}":
                if site:
                    site = False
                else:
                    stack.pop()
            elif word != "{":
                raise _bad(path, f"{token[:40]!r} stands in its tree")
    except (StopIteration, ValueError, IndexError):
        raise _bad(path, "its tree breaks off") from None
    if not joints or stack:
        raise _bad(path, "its tree breaks off")
    return joints


def _name(tokens: Any, joints: list[_Joint]) -> str:
    """The words up to the brace: some programs put blanks into names. No name twice."""
    words = []
    while (token := next(tokens)) != "{":
        words.append(token)
    name = " ".join(words)[:200] or f"joint {len(joints)}"
    known = {joint.name for joint in joints}
    return name if name not in known else next(n for k in range(2, MOST_JOINTS) if (n := f"{name}.{k}") not in known)


def _channels(path: Path, tokens: Any) -> list[tuple[str, int]]:
    count = int(next(tokens))
    if not 0 <= count <= 6:
        raise _bad(path, f"a joint has {count} channels")
    names = [next(tokens) for _ in range(count)]
    try:
        out = [_CHANNELS[name.lower()] for name in names]
    except KeyError as error:
        raise _bad(path, f"there is no channel {error.args[0][:40]!r}") from None
    if len(set(out)) != len(out):
        raise _bad(path, "a joint has one channel twice")
    return out


def _table(path: Path, text: str, width: int, warn: Callable[[str], None]) -> tuple[Array, float]:
    """Numbers (T, C) and the seconds of a frame."""
    found = re.match(r"\s*Frames:?\s+(\S+)\s+Frame\s+Time:?\s+(\S+)[ \t]*", text, re.IGNORECASE)
    if not found:
        raise _bad(path, "it says no number of frames and no frame time")
    try:
        frames, seconds = int(found.group(1)), float(found.group(2))
    except ValueError:
        raise _bad(path, "its number of frames or frame time is no number") from None
    if frames < 1 or frames > MOST_FRAMES:
        raise _bad(path, f"it says that it has {frames} frames; 1 to {MOST_FRAMES} can be read")
    if width == 0:
        raise _bad(path, "no joint has a channel")
    if frames * width > MOST_NUMBERS:
        raise UserError(
            f"{path.name} holds {frames} frames, more than can be read at once. Cut it to the part you need."
        )
    if not math.isfinite(seconds) or not 1e-4 <= seconds <= 2.0:
        warn(f"{path.name} says {found.group(2)[:20]} seconds a frame, which cannot be; 30 frames a second were taken.")
        seconds = 1 / 30
    words = text[found.end() :].split(maxsplit=frames * width)[: frames * width]
    try:
        numbers = np.array(words, float)
    except ValueError:
        raise _bad(path, "something in its table is no number") from None
    if not np.isfinite(numbers).all() or (len(numbers) and np.abs(numbers).max() > 1e7):
        raise _bad(path, "its table holds values that are not finite numbers")
    whole = len(numbers) // width
    if whole == 0:
        raise _bad(path, "its table holds no whole frame")
    if whole < frames:
        warn(f"{path.name} says {frames} frames and holds {whole}: it was cut off. What is there is used.")
    return numbers[: whole * width].reshape(whole, width), seconds


def _take(path: Path, joints: list[_Joint], numbers: Array, seconds: float) -> Take:
    """In the file's own axes and unit."""
    count, frames = len(joints), len(numbers)
    parents = np.array([joint.parent for joint in joints])
    heads, turns = np.zeros((count, 3)), np.empty((frames, count, 4))
    places = np.empty((frames, count, 3))
    column = 0
    for index, joint in enumerate(joints):
        above = joint.parent
        heads[index] = joint.offset + (heads[above] if above >= 0 else 0)
        turn = np.broadcast_to([1.0, 0.0, 0.0, 0.0], (frames, 4)) if above < 0 else turns[:, above]
        under, place = turn, np.tile(joint.offset, (frames, 1))
        for kind, axis in joint.channels:
            if kind == "rotation":
                turn = after(turn, about(np.eye(3)[axis], np.radians(numbers[:, column])))
            else:
                place[:, axis] = numbers[:, column]
            column += 1
        turns[:, index] = turn
        places[:, index] = place if above < 0 else places[:, above] + turned(under, place)
    tails = heads.copy()
    for index, joint in enumerate(joints):
        children = [heads[k] for k in range(count) if parents[k] == index]
        if joint.end is not None:
            tails[index] = heads[index] + joint.end
        elif children:
            tails[index] = np.mean(children, axis=0)
    short = np.linalg.norm(tails - heads, axis=1) < 1e-9
    size = float(np.ptp(np.concatenate([heads, tails]), axis=0).max())
    if size <= 1e-9:
        raise _bad(path, "its joints all lie on one point")
    for index in np.flatnonzero(short):
        way = joints[index].offset
        length = np.linalg.norm(way)
        tails[index] = heads[index] + (way / length if length > 1e-9 else np.array([0.0, 1.0, 0.0])) * 0.05 * size
    kept = parts.carried([joint.name for joint in joints], parents, heads, tails)
    number = {joint: place for place, joint in enumerate(kept)}
    return Take(
        tuple(joints[joint].name for joint in kept),
        np.array([number.get(int(parents[joint]), -1) for joint in kept]),
        heads[kept],
        tails[kept],
        turns[:, kept],
        places[:, kept[0]],
        1 / seconds,
    )


def _upright(take: Take, warn: Callable[[str], None]) -> Take:
    """Z up and in metres; the vertical is the axis along which the head is above the feet, in motion or at rest."""
    body = parts.find(take.names, take.parents, take.heads, take.tails)
    heads, tails = take.joints()
    feet = [body.parts[key][0] for key in ("foot.L", "foot.R") if key in body.parts]
    top = body.parts.get("head", body.parts.get("neck", body.parts.get("spine", ())))
    vertical = 1
    if feet and top:
        way = np.mean(heads[:, top[-1]] - heads[:, feet].mean(axis=1), axis=0)
        if way[2] > 1.3 * abs(way[1]):
            vertical = 2
    if vertical == 1:
        take = editing.moved(take, about(np.array([1.0, 0.0, 0.0]), np.array(math.pi / 2)))
        heads, tails = take.joints()
    size = float(np.median(np.ptp(np.concatenate([heads, tails], axis=1), axis=1).max(axis=-1)))
    unit = next(((factor, name) for low, high, factor, name in _UNITS if low <= size < high), None)
    if unit is None:
        factor = 1.7 / size if size > 1e-9 else 1.0
        warn(f"The body in the file is {size:.3g} units tall, which is no usual unit. It is taken to be 1.7 m tall.")
    else:
        factor = unit[0]
    return Take(
        take.names, take.parents, take.heads * factor, take.tails * factor, take.turns, take.places * factor, take.fps
    )
