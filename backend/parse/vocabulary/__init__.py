# SPDX-License-Identifier: GPL-3.0-or-later
"""The words that the grammar knows, as tables."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """A table of words that stand in one text."""
    return frozenset(text.split())
