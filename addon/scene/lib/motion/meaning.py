# SPDX-License-Identifier: GPL-3.0-or-later
"""What a verb means that no clip is called by: the clip that comes nearest to it, if one does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .....backend.protocol.errors import UserError
from .library import Clip


def nearest(words: Sequence[str], own: Mapping[str, Clip]) -> tuple[str, str, float] | None:
    """The word, the clip that means nearly the same, and how nearly, of 0 to 1; None where none does, or where words
    cannot be compared here."""
    from .....backend import doings

    verbs = {
        verb: clip.name for clip in reversed(list(own.values())) for verb in doings.verbs((*clip.words, clip.name))
    }
    try:
        found = [(word, near) for word in words if (near := doings.nearest(word, sorted(verbs)))]
    except (ImportError, UserError):
        return None
    if not found:
        return None
    word, (verb, alike) = max(found, key=lambda each: each[1][1])
    return word, verbs[verb], alike


def is_real(word: str) -> bool:
    """A word of the language, rather than one that is misspelt."""
    from .....backend import doings

    try:
        return bool(doings.is_whole(word))
    except UserError:
        return False
