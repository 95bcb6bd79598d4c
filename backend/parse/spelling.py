# SPDX-License-Identifier: GPL-3.0-or-later
"""A word with one wrong letter is read as the known word that it comes from, which is told: woden is wooden.

Only what no table and no dictionary has is looked at, and only where one known word is a single letter away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from ..protocol.errors import UserError
from . import lexicon, numbers
from .draft import Board
from .text import Token
from .vocabulary import worlds
from .vocabulary.functions import PHRASES

_SHORTEST = 4
"""Letters of a word that is mended: among short ones too many are one letter apart."""
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def mended(tokens: list[Token], board: Board) -> list[Token]:
    """The same tokens with their misspelt words set right."""
    return [_mended(each, board) for each in tokens]


def _mended(token: Token, board: Board) -> Token:
    if token.kind != "word" or len(token.word) < _SHORTEST or _said(token.word):
        return token
    if not (token.word.isascii() and token.word.isalpha()):
        return token
    found = _meant(token.word)
    if found is None:
        return token
    board.note(f"{token.word!r} was read as {found!r}.")
    return Token(token.kind, found)


@cache
def _meant(word: str) -> str | None:
    """The one known word that is a letter away; None where there are none or several, or the word is a real one."""
    for edits in (_slips(word), _dropped(word), _replaced(word)):
        found = {each for each in edits if _said(each)}
        alike = {each for each in found if each[0] == word[0]} or found
        if alike:
            alone = len({lexicon.singular(each) for each in alike}) == 1
            return min(alike, key=lambda each: (-len(each), each)) if alone and not _in_dictionary(word) else None
    return None


def _slips(word: str) -> Iterator[str]:
    """Two letters changed about, one doubled or no longer doubled: what happens most."""
    for at in range(len(word)):
        yield word[:at] + word[at] + word[at:]
        if at and word[at] == word[at - 1]:
            yield word[:at] + word[at + 1 :]
        elif at:
            yield word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :]


def _dropped(word: str) -> Iterator[str]:
    """A letter more or less."""
    for at in range(len(word) + 1):
        yield word[:at] + word[at + 1 :]
        yield from (word[:at] + letter + word[at:] for letter in _LETTERS)


def _replaced(word: str) -> Iterator[str]:
    for at in range(len(word)):
        yield from (word[:at] + letter + word[at + 1 :] for letter in _LETTERS)


@cache
def _said(word: str) -> bool:
    """Some table has it; what only ends like an adverb is not enough."""
    return (lexicon.is_known(word) and not lexicon.is_adverb(word)) or word in _others()


@cache
def _others() -> frozenset[str]:
    """Words of the patterns of world and camera, of phrases, numbers and units, and parts of compounds."""
    rows = [row for table in (worlds.ENVIRONMENT, worlds.CAMERA, worlds.ALONE) for row, _ in table]
    told = [*rows, *PHRASES, *lexicon.things(), *lexicon.substances(), *numbers.WORDS]
    return frozenset(word for each in told for word in re.findall(r"[a-z]{3,}", each.replace("_", " ")))


def _in_dictionary(word: str) -> bool:
    """The network for likeness of words knows it whole; nothing is known of a word where it is not installed."""
    try:
        from .. import kinship

        return kinship.is_word(word)
    except (ImportError, UserError):
        return True
