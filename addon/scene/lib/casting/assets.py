# SPDX-License-Identifier: GPL-3.0-or-later
"""Things out of the user's asset libraries: .blend files, read without running anything that is in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import bpy

from .....backend.protocol.errors import UserError
from .....backend.protocol.spec import parted

_MOST_FILES, _LARGEST = 2000, 1 << 30
LEAST = 0.6
"""How alike a name must be in meaning, of 0 to 1, where no word is the same."""
_KINDS = ("objects", "collections")


@dataclass(frozen=True)
class Found:
    """An asset by its file, kind and name."""

    path: Path
    kind: str
    name: str

    @property
    def place(self) -> str:
        return f"{self.path.name}, {self.name}"


class Shelf:
    """Libraries to look in: folders and .blend files in one text, the first ones first. Their names are read once."""

    def __init__(self, libraries: str) -> None:
        self.places = [Path(each).expanduser() for each in parted(libraries)]
        for place in self.places:
            if not place.is_dir() and not (place.is_file() and place.suffix.lower() == ".blend"):
                text = f"build.assets: there is no folder or .blend file {place}. Make it, or name another one."
                raise UserError(text, kind="usage")
        self.skipped: list[str] = []
        self._all: list[Found] | None = None

    def all(self) -> list[Found]:
        """What is marked as an asset in every file, in the order of the names of the files."""
        if self._all is None:
            files = [
                path for each in self.places for path in ([each] if each.is_file() else sorted(each.rglob("*.blend")))
            ]
            self._all = []
            for path in files[:_MOST_FILES]:
                self._all += self._read(path)
        return self._all

    def _read(self, path: Path) -> list[Found]:
        try:
            if path.stat().st_size > _LARGEST:
                raise OSError("larger than 1 GB")
            with bpy.data.libraries.load(str(path), assets_only=True) as (theirs, _):
                return [Found(path, kind, name) for kind in _KINDS for name in getattr(theirs, kind)]
        except (OSError, RuntimeError, ValueError) as error:
            self.skipped.append(f"{path.name} cannot be read as a library: {error}")
            return []

    def find(self, name: str) -> Found | None:
        """By the same words first, then by what the words mean."""
        every = self.all() if self.places else []
        if not every:
            return None
        wanted = _words(name)
        same = [each for each in every if wanted <= _words(each.name)]
        if same:
            first = next(place for place in self.places for each in same if each.path.is_relative_to(place))
            there = [each for each in same if each.path.is_relative_to(first)]
            return min(there, key=lambda each: (len(_words(each.name)), each.name))
        alike = _alike(name, [each.name for each in every])
        return next((each for each in every if each.name == alike), None)


def _words(name: str) -> frozenset[str]:
    plain = "".join(letter if letter.isalpha() else " " for letter in name.lower())
    return frozenset(word.removesuffix("s") for word in plain.split())


def _alike(name: str, names: list[str]) -> str | None:
    """The name that means the most like it; None where none does, or words cannot be compared here."""
    try:
        from .....backend import kinship

        found = kinship.nearest(name, names, least=LEAST)
    except (ImportError, UserError):
        return None
    return found[0] if found else None


def appended(path: Path, kind: str = "objects", name: str = "") -> list[bpy.types.Object]:
    """Objects of a .blend file as copies of our own: all of them, or those of one asset. No script of theirs runs and
    no driver is kept."""
    before = set(bpy.data.objects)
    texts = set(bpy.data.texts)
    bpy.context.preferences.filepaths.use_scripts_auto_execute = False
    try:
        with bpy.data.libraries.load(str(path)) as (theirs, ours):
            setattr(ours, kind, [name] if name else list(getattr(theirs, kind)))
    except (OSError, RuntimeError, ValueError) as error:
        raise UserError(f"{path.name} cannot be read: {error}. Choose another file.") from None
    new = [obj for obj in bpy.data.objects if obj not in before]
    for text in [text for text in bpy.data.texts if text not in texts]:
        bpy.data.texts.remove(text)
    for obj in new:
        for owner in (obj, obj.data, getattr(obj.data, "shape_keys", None)):
            if owner is not None and getattr(owner, "animation_data", None):
                owner.animation_data_clear()
    return new
