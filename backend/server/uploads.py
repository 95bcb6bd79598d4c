# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that were sent: each once, named by the SHA-256 of its content, whoever sent it.

<root>/<first two of the hash>/<hash>/Galatea.<kind>     appears whole, and only after it was looked into
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from ..protocol.errors import UserError
from . import checks
from .limits import Limits, Refusal

ID = re.compile(r"sha256:([0-9a-f]{64})")
STEM = "Galatea"
"""What a file is called here; objects are named after it where nobody names them."""
LOOKS = 2
"""So many files are looked into at once: one of the largest takes some 500 MB of memory meanwhile."""


class Uploads:
    def __init__(self, root: Path, limits: Limits) -> None:
        self._root, self._limits = root, limits
        shutil.rmtree(root / "part", ignore_errors=True)  # of a server that was killed
        (root / "part").mkdir(parents=True, exist_ok=True)

    def path(self, id: str) -> Path | None:
        """The file of `sha256:…`, used at this moment; None where it was not sent."""
        found = ID.fullmatch(id)
        path = next(iter(self._folder(found[1]).glob(f"{STEM}.*")), None) if found else None
        if path:
            os.utime(path)
        return path

    def _folder(self, digest: str) -> Path:
        return self._root / digest[:2] / digest

    def begin(self) -> Part:
        return Part(self._root / "part" / secrets.token_hex(8), self._limits)

    def take(self, part: Part, promised: str = "") -> tuple[str, Path]:
        """Look into a whole part and keep it; returns its id and path."""
        digest = part.end()
        try:
            if promised and promised != f"sha256:{digest}":
                text = f"What arrived has the hash {digest}, not the one that was promised. Send it again."
                raise UserError(text)
            there = self.path(f"sha256:{digest}")
            if there:
                return f"sha256:{digest}", there
            ending = checks.kind(part.path, self._limits)
            folder = self._folder(digest)
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{STEM}.{ending}"
            os.replace(part.path, path)
            return f"sha256:{digest}", path
        finally:
            part.drop()

    def sweep(self, before: float, used: Iterable[str]) -> int:
        """Remove what nobody names and nobody has used since this time; returns how many."""
        kept, gone = set(used), 0
        for folder in self._root.glob("[0-9a-f][0-9a-f]/*"):
            newest = max((file.stat().st_mtime for file in folder.iterdir()), default=time.time())
            if f"sha256:{folder.name}" not in kept and newest < before:
                shutil.rmtree(folder, ignore_errors=True)
                gone += 1
        return gone


class Part:
    """One file on its way: counted and hashed as it comes."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path, self._limits = path, limits
        limits.prove_room(path.parent)
        self._file: BinaryIO = path.open("xb")
        self._hash, self.size = hashlib.sha256(), 0

    def write(self, block: bytes) -> None:
        self.size += len(block)
        if self.size > self._limits.upload:
            most = self._limits.upload // (1 << 20)
            raise Refusal(413, "input", f"The file is larger than {most} MB. Make it smaller.")
        self._limits.prove_room(self.path.parent)  # many may come at once, each with room enough at its beginning
        self._hash.update(block)
        self._file.write(block)

    def end(self) -> str:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return self._hash.hexdigest()

    def drop(self) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)
