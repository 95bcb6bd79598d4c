# SPDX-License-Identifier: GPL-3.0-or-later
"""Words to a scene by grammar and lexicon: deterministic, offline, in milliseconds.

Tokens lose what is said of the world, the camera and the film (`surroundings`), the rest is read as clauses (`nouns`,
`clauses`); each clause finds its things (`cast`) and its verb says what they do (`doing`).
Nothing of a text is ever run. Words without a place are told in `unplaced`, assumptions in `notes`.
"""

from __future__ import annotations

from ..protocol.scene import SceneSpec
from . import surroundings
from .clauses import Parser
from .draft import Board
from .finish import finished
from .phrases import joined
from .reading import Reading
from .spelling import mended
from .text import tokens as spoken


def parse(words: str, *, seed: int = 0) -> SceneSpec:
    """Raises `UserError` where the words cannot be a scene; `seed` is used where the words name none."""
    board = Board()
    tokens = surroundings.camera(mended(spoken(words), board), board)
    tokens = surroundings.world(tokens, board)
    tokens = surroundings.times(tokens, board)
    parser = Parser(joined(tokens))
    clauses = parser.parse()
    for word in parser.lost:
        board.leave(word)
    reading = Reading(board)
    for clause in clauses:
        reading.clause(clause)
    return finished(board, words, seed)
