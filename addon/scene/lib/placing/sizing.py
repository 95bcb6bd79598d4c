# SPDX-License-Identifier: GPL-3.0-or-later
"""How large a thing is: what is said in metres, else its usual size, and words such as tall or tiny."""

from __future__ import annotations

import re
from collections.abc import Sequence

_ALL = {
    "tiny": 0.4, "miniature": 0.4, "toy": 0.4, "little": 0.65, "small": 0.65, "smaller": 0.65, "big": 1.6, "large": 1.6,
    "bigger": 1.6, "larger": 1.6, "great": 1.6, "huge": 2.5, "enormous": 2.5, "massive": 2.5, "giant": 3.0,
    "gigantic": 3.0, "colossal": 3.0,
}  # fmt: skip
_SIDES = {  # width, depth, height
    "tall": (1.0, 1.0, 1.6), "high": (1.0, 1.0, 1.6), "towering": (1.0, 1.0, 2.2), "low": (1.0, 1.0, 0.6),
    "flat": (1.0, 1.0, 0.5), "wide": (1.5, 1.0, 1.0), "broad": (1.5, 1.0, 1.0), "narrow": (0.6, 1.0, 1.0),
    "deep": (1.0, 1.5, 1.0),
}  # fmt: skip
_LONG = {"long": 1.6, "short": 0.6}
_ACROSS = {"thin": 0.6, "slim": 0.7, "slender": 0.7, "thick": 1.5, "fat": 1.4}


def sized(usual: Sequence[float], look: str, said: Sequence[float] | None) -> tuple[float, float, float]:
    """Width, depth and height in metres; what is `said` counts alone.

    Long and short are of the longest side, thick and thin of the others; a second huge makes nothing larger.
    """
    if said is not None:
        return float(said[0]), float(said[1]), float(said[2])
    size = [float(side) for side in usual]
    words = dict.fromkeys(re.findall(r"[a-z]+", look.lower()))
    longest = size.index(max(size))
    whole = [_ALL[word] for word in words if word in _ALL]
    factor = max(whole, key=lambda each: max(each, 1 / each)) if whole else 1.0
    for word in words:
        if word in _SIDES:
            size = [side * part for side, part in zip(size, _SIDES[word], strict=True)]
        elif word in _LONG:
            size[longest] *= _LONG[word]
        elif word in _ACROSS:
            size = [side * (1.0 if k == longest else _ACROSS[word]) for k, side in enumerate(size)]
    return size[0] * factor, size[1] * factor, size[2] * factor
