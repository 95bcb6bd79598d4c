# SPDX-License-Identifier: GPL-3.0-or-later
"""How large things usually are: presets/sizes, looked up by what somebody calls a thing."""

from __future__ import annotations

import difflib
import itertools
import re

from .....backend.protocol import recipe
from .....backend.protocol.errors import UserError


def usual(thing: str) -> tuple[float, str]:
    """Metres, and of which measure: `height` or `longest`. The last word that is known counts: a red toy car is a car.

    Raises `UserError` with names that are near where no word is known.
    """
    known = {
        name: (float(metres), measure)
        for measure, table in recipe.read_toml(recipe.find("sizes", "things")).items()
        for name, metres in table.items()
    }
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
