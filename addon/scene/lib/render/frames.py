# SPDX-License-Identifier: GPL-3.0-or-later
"""The frames of a film on disk: which there are, which are whole, and who is at which. No bpy.

Several processes share a folder. A frame is taken by a claim file that dies with its owner, appears under its name
whole or not at all, and is looked at once more when it is taken: so none is rendered twice and none is lost.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .....backend.protocol.claims import claim, process_alive, release

Whole = Callable[[Path, int, int], bool]
_LOOK = 0.1


@dataclass(frozen=True)
class Frames:
    """Frames of one size (width, height) in px, each as a file of every suffix: `suffixes` says how one is proved."""

    folder: Path
    numbers: tuple[int, ...]
    size: tuple[int, int]
    suffixes: dict[str, Whole]

    def path(self, number: int, suffix: str = "") -> Path:
        """Of a frame; before frame 0 there is a sign, which sorts before digits."""
        return self.folder / f"{number:05d}{suffix or next(iter(self.suffixes))}"

    def paths(self, suffix: str = "") -> list[Path]:
        return [self.path(number, suffix) for number in self.numbers]

    def part(self, number: int, suffix: str) -> Path:
        """Where this process writes it before it has its name."""
        return self.folder / f"{number:05d}.{os.getpid()}.part{suffix}"

    def whole(self, number: int) -> bool:
        """Its files are there, of the right size, every byte of them."""
        return all(proof(self.path(number, suffix), *self.size) for suffix, proof in self.suffixes.items())

    def missing(self, beat: Callable[[int], None] = lambda done: None) -> list[int]:
        """Numbers of the frames that are not there whole; every one is read."""
        left = []
        for done, number in enumerate(self.numbers):
            beat(done)
            if not self.whole(number):
                left.append(number)
                for suffix in self.suffixes:
                    self.path(number, suffix).unlink(missing_ok=True)
        return left

    def there(self) -> int:
        """How many have a file under their name: what is finished, where `missing` has cleared away the rest."""
        last = list(self.suffixes)[-1]
        names = {f"{number:05d}{last}" for number in self.numbers}
        with os.scandir(self.folder) as entries:
            return sum(entry.name in names for entry in entries)

    def take(self, numbers: list[int], stop: Callable[[], bool] = lambda: False) -> Iterator[int]:
        """Frames for this process, one after the other, until all of them are there or `stop` says so: not those that
        a living process is at, but those of dead ones."""
        left = numbers
        while left:
            took = False
            for number in left:
                if stop():
                    return
                path = self.folder / f"{number:05d}.claim"
                if self.named(number) or not claim(path):
                    continue
                try:
                    if not self.named(number):
                        took = True
                        yield number
                finally:
                    release(path)
            left = [number for number in left if not self.named(number)]
            if left and not took:
                time.sleep(_LOOK)

    def named(self, number: int) -> bool:
        return all(self.path(number, suffix).exists() for suffix in self.suffixes)

    def publish(self, number: int) -> None:
        """The parts get their names, if each is whole; raises `OSError` where one is not."""
        for suffix, proof in self.suffixes.items():
            if not proof(self.part(number, suffix), *self.size):
                raise OSError(f"frame {number} was not written whole")
        for suffix in self.suffixes:
            os.replace(self.part(number, suffix), self.path(number, suffix))

    def sweep(self) -> None:
        """Take away what dead processes left half done. One that outlives its asker may still be at its last frame."""
        for path in self.folder.glob("*.part.*"):
            pid = path.name.split(".")[1]
            if not pid.isdigit() or not process_alive(int(pid)):
                path.unlink(missing_ok=True)
