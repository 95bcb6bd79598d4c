# SPDX-License-Identifier: GPL-3.0-or-later
"""What a noun phrase says: how many, how large, of what, which."""

from __future__ import annotations

from dataclasses import dataclass, field

from . import lexicon
from .vocabulary.nouns import ARRANGEMENTS, PIECES


@dataclass
class Phrase:
    """`head` is the noun as it stands; `measures` are (kind, values, what it is of) in SI units."""

    head: str
    det: str = ""
    count: float | None = None
    vague: str = ""
    words: list[str] = field(default_factory=list)
    doing: list[str] = field(default_factory=list)
    measures: list[tuple[str, tuple[float, ...], str]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    of: Phrase | None = None
    full_of: Phrase | None = None
    made_of: Phrase | None = None
    plural: bool = False
    pronoun: bool = False
    each: bool = False
    across: bool = False
    """The count is said as 3 by 3: of what stands in a grid, not of grids."""
    ordinal: str = ""
    part: str = ""
    side: str = ""
    """On which side of the picture: at_left, at_right, at_front, at_back."""
    at: int = 0
    """Where in the text."""


def is_arrangement(phrase: Phrase) -> bool:
    """A row of dominoes; a house of cards, but no house of bricks."""
    one = lexicon.singular(phrase.head)
    inner = phrase.of
    if inner is None or (phrase.head not in ARRANGEMENTS and one not in ARRANGEMENTS):
        return False
    counted = inner.plural or (inner.count or 0) > 1 or inner.vague
    return bool(counted) and (one != "house" or lexicon.singular(inner.head) == "card")


def is_piece(phrase: Phrase) -> bool:
    return phrase.of is not None and (lexicon.singular(phrase.head) in PIECES)
