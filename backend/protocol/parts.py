# SPDX-License-Identifier: GPL-3.0-or-later
"""A film in parts: each part is a job of the same step over some of the frames, done wherever there is room.

Whoever shares a film out (Ray, a farm) asks for the `requests`, has them done like any other job, `gather`s the frames
into what the whole film keeps, and has the whole film done: it finds its frames and writes the film. A part that is
missing costs time and nothing else.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from .errors import UserError
from .job import Request
from .spec import BackendSpec
from .store import JobStore

PART = "part"
"""The parameter of a step that can be shared out."""
KEPT = ("frames", "controls")
"""The folders of finished frames in a job's `keep`."""
MOST = 10_000
_FRAME = re.compile(r"-?\d+\.(png|exr)")


def divisible(spec: BackendSpec, request: Request) -> bool:
    """The whole of something that can be done in parts."""
    return any(param.name == PART for param in spec.params) and not request.params.get(PART)


def requests(spec: BackendSpec, whole: Request, count: int, *, program: str) -> list[Request]:
    """The parts of a film; `program` as in `Request.of`."""
    inputs = {role: Path(path) for role, path in whole.inputs.items()}
    silent = {"audio": ""} if "audio" in whole.params else {}
    return [
        Request.of(
            spec, inputs, {**whole.params, **silent, PART: f"{k}/{count}"}, seed=whole.seed, program=program
        )
        for k in range(1, count + 1)
    ]  # fmt: skip


def read(text: str) -> tuple[int, int]:
    """`2/8` as (2, 8); raises `UserError` on what is no part."""
    first, slash, second = text.partition("/")
    try:
        number, count = int(first), int(second)
    except ValueError:
        number, count = 0, 0
    if not slash or not 1 <= number <= count <= MOST:
        raise UserError(f"{text[:40]!r} is no part of a film. Say 2/8 for the second of eight.", kind="usage")
    return number, count


def cut(numbers: list[int], text: str) -> list[int]:
    """The frames of a part, one after the other; of fewer frames than parts some are in two of them."""
    if not text:
        return numbers
    number, count = read(text)
    low, high = (number - 1) * len(numbers) // count, number * len(numbers) // count
    return numbers[low : max(high, low + 1)] if numbers else []


def gather(store: JobStore, whole: str, part: str) -> int:
    """Give the whole film the frames of a finished part, as second names where the disk can do that; how many."""
    found = 0
    for name in KEPT:
        source, target = store.keep(part) / name, store.keep(whole) / name
        for path in sorted(source.iterdir()) if source.is_dir() else ():
            if not _FRAME.fullmatch(path.name) or (target / path.name).exists():
                continue
            target.mkdir(exist_ok=True)
            copy = target / f"{path.stem}.{os.getpid()}.part{path.suffix}"
            copy.unlink(missing_ok=True)
            try:
                os.link(path, copy)
            except OSError:
                shutil.copyfile(path, copy)
            os.replace(copy, target / path.name)
            found += 1
    return found
