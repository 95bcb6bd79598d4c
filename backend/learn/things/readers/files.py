# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that a model may refer to: a folder or a zip, never anything outside of it."""

from __future__ import annotations

import posixpath
import zipfile
from pathlib import Path
from typing import Protocol

MAX_FILE = 256 << 20
"""bytes, a single file above this is refused."""


class Files(Protocol):
    """Names are relative, with forward slashes."""

    names: tuple[str, ...]

    def read(self, name: str) -> bytes: ...

    def find(self, folder: str, name: str) -> str | None: ...


class _Named:
    """Looks a reference up as people wrote it: other case, backslashes, a path of the author's own disk."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self._lower = {name.lower(): name for name in reversed(names)}

    def find(self, folder: str, name: str) -> str | None:
        """The name of the file that `name`, written in a file of `folder`, means; None where there is none."""
        wanted = name.strip().strip('"').replace("\\", "/")
        last = posixpath.basename(wanted)
        for path in (wanted.lstrip("/"), last, f"../materials/textures/{last}"):  # the last is Gazebo's way
            if there := self._lower.get(posixpath.normpath(posixpath.join(folder, path)).lower()):
                return there
        return None


class Zip(_Named):
    """A zip archive; refused with ValueError when broken or when a name in it leaves its folder."""

    def __init__(self, path: Path) -> None:
        try:
            self._archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError) as error:
            raise ValueError(f"{path.name} is not a whole zip: {error}") from error
        entries = [entry for entry in self._archive.infolist() if not entry.is_dir()]
        for entry in entries:
            if not inside(entry.filename):
                raise ValueError(f"{path.name} has a file outside of it: {entry.filename!r}")
        self._entries = {entry.filename: entry for entry in entries}
        super().__init__(tuple(self._entries))

    def read(self, name: str) -> bytes:
        entry = self._entries[name]
        if entry.file_size > MAX_FILE:
            raise ValueError(f"{name} is {entry.file_size >> 20} MiB")
        try:
            with self._archive.open(entry) as file:
                data = file.read(MAX_FILE + 1)
        except (zipfile.BadZipFile, EOFError, OSError, RuntimeError, NotImplementedError) as error:
            raise ValueError(f"{name} cannot be read: {error}") from error
        if len(data) != entry.file_size:
            raise ValueError(f"{name} is not as long as the zip says")
        return data


class Folder(_Named):
    """A folder on disk; links that lead out of it are not seen."""

    def __init__(self, path: Path) -> None:
        self._root = path.resolve()
        found = (file for file in sorted(self._root.rglob("*")) if file.is_file())
        super().__init__(
            tuple(
                file.relative_to(self._root).as_posix() for file in found if file.resolve().is_relative_to(self._root)
            )
        )

    def read(self, name: str) -> bytes:
        path = self._root / name
        if not inside(name) or not path.resolve().is_relative_to(self._root):
            raise ValueError(f"{name!r} is outside of the folder")
        if path.stat().st_size > MAX_FILE:
            raise ValueError(f"{name} is {path.stat().st_size >> 20} MiB")
        return path.read_bytes()


class Layers(_Named):
    """Files over one another: of two with the same name the later one counts."""

    def __init__(self, *layers: Files) -> None:
        self._owner = {name: layer for layer in layers for name in layer.names}
        super().__init__(tuple(self._owner))

    def read(self, name: str) -> bytes:
        return self._owner[name].read(name)


def inside(name: str) -> bool:
    """Whether a relative name stays in its folder, on any system."""
    parts = name.replace("\\", "/").split("/")
    return bool(name) and not name.startswith(("/", "\\")) and ".." not in parts and ":" not in parts[0]
