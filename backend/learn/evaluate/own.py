# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody's own meshes as a hold-out: any folder, such as an unpacked GSO or OmniObject3D."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from ...protocol.errors import UserError
from ..things import folder as folders
from ..things import shape
from ..things import thing as things


def build(folder: Path, data: Path, up: str, tell: Callable[[str, float], None]) -> None:
    """Every mesh below `folder` becomes DATA/things/holdout/<key>.npz, where it is not there yet.

    `up` as in `things.folder`. Those that cannot be read are told of and left out. Raises `UserError` if none can.
    """
    entries = list(folders.entries(folder, up=up))
    sizes = Counter(entry.category for entry in entries)
    sorted_in = len(sizes) < len(entries)  # a folder for each object says nothing of what it is
    made = 0
    for number, entry in enumerate(entries):
        path = data / "things" / "holdout" / f"{entry.key}.npz"
        tell(f"Reading {entry.key}", number / len(entries))
        if not path.is_file():
            meta = {
                "name": entry.name,
                "category": entry.category if sorted_in else "",
                "licence": entry.licence,
                "author": entry.author,
                "source": str(folder),
                "split": "holdout",
            }
            try:
                things.save(path, shape.thing(entry.key, entry.read(), meta))
            except Exception as error:  # one bad file must not end the rest
                tell(f"Left out: {entry.key}: {error}", number / len(entries))
                continue
        made += 1
    if not made:
        raise UserError(f"There are neither a hold-out nor meshes that can be read in {folder}.")
