# SPDX-License-Identifier: GPL-3.0-or-later
"""Phrases of several words become one token: in front of, a couple of, newton's cradle, tennis ball."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from . import lexicon
from .text import Token
from .vocabulary.functions import DETERMINERS, PHRASES

_LONGEST = 7


@cache
def _table() -> dict[tuple[str, ...], tuple[str, ...]]:
    compounds = (word for word in (*lexicon.things(), *lexicon.substances()) if "_" in word)
    found = {tuple(word.split("_")): (word,) for word in compounds}
    return {**found, **{tuple(words.split()): tuple(one.split()) for words, one in PHRASES.items()}}


def joined(tokens: list[Token]) -> list[Token]:
    """With phrases as one token each, the longest first."""
    return list(_joined(tokens))


def _joined(tokens: list[Token]) -> Iterator[Token]:
    table, at = _table(), 0
    plain = [each.word.replace("'s", "s").rstrip("'") for each in tokens]
    while at < len(tokens):
        found = None
        for end in range(min(len(tokens), at + _LONGEST), at, -1):
            words = tuple(plain[at:end])
            if words not in table and end - at > 1:
                words = (*words[:-1], lexicon.singular(words[-1]))
            if words in table and _means_it(tokens, words, end):
                found = table[words], end
                break
        if found is None:
            yield tokens[at]
            at += 1
            continue
        plural = found[1] - at > 1 and lexicon.is_plural(plain[found[1] - 1]) and "_" in found[0][0]
        for word in found[0]:
            yield Token("word", f"{word}s" if plural and lexicon.thing(word) else word)
        at = found[1]


def _means_it(tokens: list[Token], words: tuple[str, ...], end: int) -> bool:
    """`to the left` of nothing is a direction, `next` before a noun is none."""
    after = tokens[end].word if end < len(tokens) else ""
    if words[0] in ("in", "into") and words[1:2] == ("a",) and after == "of":
        return False
    if words[0] == "from" and words[-1] in ("behind", "below", "above"):
        return after not in DETERMINERS
    if words[-1] in ("left", "right", "front", "back") and after in ("end", "edge", "corner", "hand", "half"):
        return False
    if words == ("next",):
        return after not in ("to", "")
    return not (words[-1] in ("left", "right") and after == "of") and not (
        words == ("once",) and after in ("", ",", ".")
    )
