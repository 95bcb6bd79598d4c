# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder of the user's that Blender's Asset Browser lists: files are added to it, none is ever replaced.

Catalogues stand in `blender_assets.cats.txt` at its top, one a line: a UUID, a path with slashes, a short name. Blender
and people write it too, so every line of theirs stays as it is.
"""

from __future__ import annotations

import os
import re
import shutil
import time
import uuid
from pathlib import Path

from .....backend.protocol.errors import UserError

CATALOGUES = "blender_assets.cats.txt"
_HEAD = "# This is an Asset Catalog Definition file for Blender.\n\nVERSION 1\n\n"
_OURS = uuid.UUID("6f0c6d0e-5d0b-4c53-9a0e-6b1f0f5a7c11")
_LARGEST = 16 << 20
_PATIENCE = 5.0
"""Seconds that another writer may take; what is locked longer was left by one that died."""
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?$", re.IGNORECASE)


def folder(text: str) -> Path:
    """The library's folder; raises `UserError` where there is none."""
    path = Path(text).expanduser()
    if not path.is_absolute() or not path.is_dir():
        message = f"asset.library: there is no folder {text}. Make it, and name it from the root or the home folder on."
        raise UserError(message, kind="usage")
    return path


def catalogue(text: str) -> str:
    """A catalogue's path as Blender writes it; raises `UserError` on what cannot be one."""
    parts = [part.strip() for part in text.replace("\\", "/").split("/")]
    path = "/".join(part for part in parts if part)
    if ":" in path or not path.isprintable() or len(path) > 200:
        message = "asset.catalogue takes a name such as Props/Animals, without a colon. Change it and run again."
        raise UserError(message, kind="usage")
    return path


def known(path: str) -> str:
    """The UUID of a catalogue that nobody has given one: the same for the same path, in every library."""
    return str(uuid.uuid5(_OURS, path))


def enter(root: Path, path: str) -> str:
    """The UUID of this catalogue in the library, which is told of it where it has it not."""
    file = root / CATALOGUES
    part = file.with_name(f"{CATALOGUES}.part")
    try:
        _lock(part)
        try:
            before = _read(file)
            found = _find(before, path)
            if found:
                part.unlink()
                return found
            gap = "" if not before or before.endswith("\n") else "\n"
            line = f"{known(path)}:{path}:{path.replace('/', '-')}\n"
            part.write_bytes(((before or _HEAD) + gap + line).encode("utf-8", "surrogateescape"))
            os.replace(part, file)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise _unwritable(root, error) from None
    return known(path)


def _lock(part: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            part.open("x").close()
        except FileExistsError:
            if time.monotonic() > end:
                return
            time.sleep(0.05)
        else:
            return


def _read(file: Path) -> str:
    if not file.exists():
        return ""
    if file.stat().st_size > _LARGEST:
        raise UserError(f"{file} is too large to be a list of catalogues. Choose another library.", kind="output")
    data = file.read_bytes()
    if b"\0" in data:
        raise UserError(f"{file} is no list of catalogues. Choose another library.", kind="output")
    return data.decode("utf-8", "surrogateescape")


def _find(text: str, path: str) -> str:
    """By its path; else by our UUID, whose catalogue the user has given another path."""
    entries = [line.split(":") for line in text.splitlines() if not line.startswith(("#", "VERSION"))]
    entries = [entry for entry in entries if len(entry) >= 2 and re.fullmatch(r"[0-9a-fA-F-]{36}", entry[0].strip())]
    by_path = [entry[0].strip() for entry in entries if entry[1].strip() == path]
    by_id = [entry[0].strip() for entry in entries if entry[0].strip().lower() == known(path)]
    return next(iter(by_path + by_id), "")


def add(root: Path, blend: Path, name: str) -> Path:
    """A copy of the file in the library, under this name or with a number behind it: never in another's place."""
    name = file_name(name)
    part = root / f".{name}.{uuid.uuid4().hex}.part"
    try:
        try:
            shutil.copyfile(blend, part)
            with part.open("rb+") as file:
                os.fsync(file.fileno())
            number = 1
            while True:
                place = root / (f"{name}.blend" if number == 1 else f"{name} {number}.blend")
                if _put(part, place):
                    return place
                number += 1
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(root, error) from None


def _put(part: Path, place: Path) -> bool:
    """Give the whole file its name unless the name is taken; where there are no hard links, reserve the name first."""
    try:
        os.link(part, place)
    except FileExistsError:
        return False
    except OSError:
        try:
            place.open("x").close()
        except FileExistsError:
            return False
        os.replace(part, place)
    return True


def file_name(name: str) -> str:
    """Of letters, digits, spaces and a few marks, as every system takes it."""
    plain = re.sub(r"[^\w ()+-]+", "_", name).strip(" _")
    plain = plain.encode()[:80].decode(errors="ignore").strip() or "Galatea"
    return f"_{plain}" if _RESERVED.match(plain) else plain


def _unwritable(root: Path, error: OSError) -> UserError:
    return UserError(f"Cannot write to the library {root}: {error.strerror}. Choose another folder.", kind="output")
