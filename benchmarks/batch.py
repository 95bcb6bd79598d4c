# SPDX-License-Identifier: GPL-3.0-or-later
"""What several pictures at once gain: Lift's forward alone and in batches, on one thread; and one command for four
photos beside four commands.

All in one run, in turns, so that what else the machine does falls on all alike. The forward counts CPU seconds, the
commands wall seconds.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from galatea.benchmarks._rows import Row, tell

ROOT = Path(__file__).resolve().parents[1]
PHOTOS = [ROOT / "presets" / "examples" / f"{name}.jpg" for name in ("otter", "toad", "otter", "toad")]
BATCHES, IMAGES, ROUNDS = (1, 2, 4, 8), 8, 5
NAMES = ["front", "profile", "colour", "camera"]


def forward() -> Iterator[Row]:
    """Pictures a second for each size of batch; the numbers must be the same to the bit."""
    import numpy as np
    from numpy.typing import NDArray

    from galatea.backend import sessions
    from galatea.backend.backends import lift

    sessions.threads = lambda: 1
    session = sessions.Session(str(lift.weights()), print)
    draw = np.random.default_rng(0)
    feeds = {
        "picture": draw.random((IMAGES, 3, 224, 224), dtype=np.float32),
        "rgba": draw.random((IMAGES, 4, 128, 128), dtype=np.float32),
    }

    def looked(size: int) -> list[list[NDArray[np.float32]]]:
        parts = range(0, IMAGES, size)
        return [session.run(NAMES, {k: v[n : n + size] for k, v in feeds.items()}) for n in parts]

    times: dict[int, list[float]] = {size: [] for size in BATCHES}
    known: list[NDArray[np.float32]] = []
    for _ in range(ROUNDS):
        for size in BATCHES:
            began = time.process_time()
            made = looked(size)
            times[size].append((time.process_time() - began) / IMAGES)
            whole = [np.concatenate(each) for each in zip(*made, strict=True)]
            known = known or whole
            if not all(np.array_equal(*pair) for pair in zip(known, whole, strict=True)):
                raise SystemExit(f"A batch of {size} gives other bits.")
    rates = {size: 1 / statistics.median(taken) for size, taken in times.items()}
    for size in BATCHES[1:]:
        yield Row(f"Lift's forward, {size} together, one thread", rates[size], rates[1], "pictures/s", "one by one")


def commands() -> Iterator[Row]:
    """Four photos to textured meshes, nothing in the cache."""
    with tempfile.TemporaryDirectory() as folder:
        plain = [sys.executable, "-m", "galatea.backend", "generate", "--quality", "draft", "--quiet"]

        def took(name: str, orders: list[list[Path]]) -> float:
            env = {**os.environ, "GALATEA_HOME": f"{folder}/{name}"}
            began = time.perf_counter()
            for number, photos in enumerate(orders):
                words = [*plain, *map(str, photos), "--out", f"{folder}/{name}/{number}"]
                subprocess.run(words, check=True, env=env, stdout=subprocess.DEVNULL)
            return time.perf_counter() - began

        distinct = [Path(folder) / f"{number}.png" for number in range(len(PHOTOS))]
        for number, (photo, target) in enumerate(zip(PHOTOS, distinct, strict=True)):
            _turned(photo, target, mirror=number > 1)
        single = took("single", [[photo] for photo in distinct])
        together = took("together", [distinct])
        yield Row(f"{len(distinct)} photos to meshes, draft", together, single, "s", "one command each")


def _turned(photo: Path, target: Path, *, mirror: bool) -> None:
    """Two photos are four, mirrored."""
    from PIL import Image, ImageOps

    with Image.open(photo) as picture:
        (ImageOps.mirror(picture) if mirror else picture).convert("RGB").save(target)


if __name__ == "__main__":
    sys.exit(tell(lambda: [*forward(), *commands()]))
