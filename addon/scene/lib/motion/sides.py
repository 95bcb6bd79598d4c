# SPDX-License-Identifier: GPL-3.0-or-later
"""Left and right of a gesture: which hand is meant by words, and a clip's controls for the other one or for both."""

from __future__ import annotations

import re

import numpy as np

from .limbs import Array
from .posing import Controls

BOTH = "LR"
_HAND = re.compile(r"\b(left|right|both|two)\s+(?:hands?|arms?|paws?|wings?|fists?)\b")
_NAMED = {"left": "L", "right": "R", "both": BOTH, "two": BOTH}
_SAME = ("weight", "air", "free", "stretch")
"""Controls without a side."""
_OUTWARDS = ("arm.", "fore.", "hand.", "shoulder.")
"""Controls whose X is outwards for either side."""


def told(text: str) -> tuple[str, str]:
    """The text without the words for a hand, and `L`, `R`, `LR` or nothing."""
    found = _HAND.search(text)
    return (_HAND.sub(" ", text), _NAMED[found[1]]) if found else (text, "")


def meant(controls: Controls, own: str, side: str) -> Controls:
    """The controls of a clip that uses the hand `own`, by the hand that was asked for."""
    if not own or side in ("", own):
        return controls
    other = mirrored(controls)
    if side != BOTH:
        return other
    hands = {name: value for name, value in other.items() if name.endswith(f".{'R' if own == 'L' else 'L'}")}
    return {
        **{name: (value + other[name]) / 2 if name in other else value for name, value in controls.items()},
        **hands,
    }


def mirrored(controls: Controls) -> Controls:
    """What the left does is done by the right and the other way around."""
    return {_swapped(name): value * _signs(name.removeprefix("over:")) for name, value in controls.items()}


def _swapped(name: str) -> str:
    return name[:-1] + {"L": "R", "R": "L"}[name[-1]] if name.endswith((".L", ".R")) else name


def _signs(name: str) -> Array:
    if name in _SAME or name.startswith(_OUTWARDS):
        return np.ones(3)
    moves = name == "hips.shift" or name.startswith("foot.")
    return np.array([-1.0, 1.0, 1.0] if moves else [1.0, -1.0, -1.0])
