# SPDX-License-Identifier: GPL-3.0-or-later
"""One object of a package, named but not read yet."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from ..shape import Shape

VAL_SHARE = 0.02


@dataclass(frozen=True)
class Entry:
    """`read` gives the Shape, Z up and facing -Y. `holdout`: belongs to what is never trained on."""

    key: str
    name: str
    category: str
    licence: str
    author: str
    holdout: bool
    read: Callable[[], Shape]

    @property
    def split(self) -> str:
        """Hold-out by collection; of the rest about 2 % are for validation, by the hash of the key."""
        if self.holdout:
            return "holdout"
        share = int.from_bytes(hashlib.sha256(self.key.encode()).digest()[:4], "big") / 2**32
        return "val" if share < VAL_SHARE else "train"


class Keys:
    """File-safe keys, each given once: "<source>--<name>", then "<source>--<name>-2"."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._given: dict[str, int] = {}

    def key(self, name: str) -> str:
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
        word = re.sub(r"[^A-Za-z0-9._+]+", "-", plain).strip("-.").lower()[:80] or "x"
        count = self._given[word] = self._given.get(word, 0) + 1
        return f"{self._source}--{word}" + (f"-{count}" if count > 1 else "")
