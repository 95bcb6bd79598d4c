# SPDX-License-Identifier: GPL-3.0-or-later
"""The JSON of a .glb or .gltf file: read, and written back with all else as it was."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

from . import whole
from .errors import UserError

SUFFIXES = (".glb", ".gltf")
_MAGIC, _JSON = b"glTF", b"JSON"
_LARGEST = 1 << 28
"""Bytes of JSON that are read; a file with more is no asset of anybody's."""


def read(path: Path) -> dict[str, Any]:
    """The document; raises `UserError` where the file is no glTF."""
    try:
        with path.open("rb") as file:
            head = file.read(20)
            if path.suffix.lower() == ".glb":
                length = _length(head, path)
                text = file.read(length)
            else:
                text = head + file.read(_LARGEST)
        data = json.loads(text)
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror}. Choose another file.") from None
    except (ValueError, RecursionError):
        raise _damaged(path) from None
    if not isinstance(data, dict) or not isinstance(data.get("asset"), dict):
        raise _damaged(path)
    return data


def write(path: Path, data: dict[str, Any]) -> None:
    """Replace the document of the file, whole or not at all; the binary part stays."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()
    if path.suffix.lower() == ".glb":
        old = path.read_bytes()
        rest = old[20 + _length(old[:20], path) :]
        text += b" " * (-len(text) % 4)
        head = _MAGIC + struct.pack("<II", 2, 20 + len(text) + len(rest)) + struct.pack("<I", len(text)) + _JSON
        whole.write(path, head + text + rest)
    else:
        whole.write(path, json.dumps(data, indent=1, ensure_ascii=False).encode())


def _length(head: bytes, path: Path) -> int:
    """Bytes of the JSON chunk, which must be the first."""
    if len(head) < 20 or head[:4] != _MAGIC or head[16:20] != _JSON:
        raise _damaged(path)
    length = int(struct.unpack("<I", head[12:16])[0])
    if length > _LARGEST:
        raise _damaged(path)
    return length


def _damaged(path: Path) -> UserError:
    return UserError(f"{path.name} is damaged, or no glTF 2.0 file. Choose another file.")
