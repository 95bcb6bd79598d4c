# SPDX-License-Identifier: GPL-3.0-or-later
"""How large things usually are, looked up by what one is called: presets/sizes, else as a scene in words has it."""

from __future__ import annotations

import difflib
import itertools
import re

from .....backend.protocol import props, recipe
from .....backend.protocol.errors import UserError


def _known() -> dict[str, tuple[float, str]]:
    built = {word.replace("_", "-"): thing.size for word, thing in props.called().items()}
    found = {word: (max(size), "height" if size[2] > max(size[:2]) else "longest") for word, size in built.items()}
    path = recipe.find("sizes", "things")
    tables = recipe.read_toml(path)
    recipe.known(path, tables, ("height", "longest"))
    for measure, table in tables.items():
        with recipe.of_row(path, measure):
            rows = recipe.of_kind(dict, measure, table)
            found |= {word: (float(recipe.numbers(word, metres, above=True)), measure) for word, metres in rows.items()}
    return found


def usual(thing: str) -> tuple[float, str]:
    """Metres, and of which measure: `height` or `longest`. The last word that is known counts: a red toy car is a car.

    Raises `UserError` with names that are near where no word is known.
    """
    known = _known()
    words = re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", thing.lower())
    words += [f"{a}-{b}" for a, b in itertools.pairwise(words)]
    for word in reversed(words):
        for name in (word, word.removesuffix("s"), word.removesuffix("es")):
            if name in known:
                return known[name]
    near = [name for word in words for name in difflib.get_close_matches(word, known, n=3)] or sorted(known)[::20]
    raise UserError(
        f"How large is {thing!r}? Give export.size in metres, or another word, such as {', '.join(near[:5])}.",
        kind="usage",
    )
