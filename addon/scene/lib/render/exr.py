# SPDX-License-Identifier: GPL-3.0-or-later
"""Is an OpenEXR file whole? Read after the format's public description: header, table of offsets, chunks of lines.

Every chunk of each part must be there, and what is packed with ZIP must unpack, its checksum with it.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import NamedTuple

_MAGIC = b"\x76\x2f\x31\x01"
_LINES = {0: 1, 1: 1, 2: 1, 3: 16, 4: 32, 5: 16, 6: 32, 7: 32, 8: 32, 9: 256}
"""Lines of one chunk by compression."""
_ZIP = (2, 3)
_TILED, _DEEP, _MULTIPART = 0x200, 0x800, 0x1000


class _Part(NamedTuple):
    width: int
    height: int
    packing: int
    chunks: int


def is_whole(path: Path, width: int, height: int) -> bool:
    """An EXR of lines of this size, one part or several, of which every byte is there."""
    try:
        return _check(path.read_bytes(), width, height)
    except (OSError, struct.error, zlib.error, IndexError, ValueError, KeyError):
        return False


def _check(data: bytes, width: int, height: int) -> bool:
    (version,) = struct.unpack_from("<I", data, 4)
    if data[:4] != _MAGIC or version & (_TILED | _DEEP):
        return False
    several = bool(version & _MULTIPART)
    parts, at = [], 8
    while True:
        part, at = _header(data, at)
        parts.append(part)
        if not several:
            break
        if data[at] == 0:
            at += 1
            break
    if any((part.width, part.height) != (width, height) for part in parts):
        return False
    for part in parts:
        offsets = struct.unpack_from(f"<{part.chunks}Q", data, at)
        at += 8 * part.chunks
        if not all(_chunk(data, offset, part, several) for offset in offsets):
            return False
    return True


def _header(data: bytes, at: int) -> tuple[_Part, int]:
    """The part whose attributes begin at a place, and the place behind them."""
    found: dict[bytes, bytes] = {}
    while data[at]:
        end = data.index(b"\0", at)
        name, at = data[at:end], end + 1
        at = data.index(b"\0", at) + 1
        (size,) = struct.unpack_from("<I", data, at)
        found[name], at = data[at + 4 : at + 4 + size], at + 4 + size
    left, low, right, high = struct.unpack("<4i", found[b"dataWindow"])
    packing, tall = found[b"compression"][0], high - low + 1
    chunks = -(-tall // _LINES[packing])
    if b"chunkCount" in found:
        (chunks,) = struct.unpack("<I", found[b"chunkCount"])
    return _Part(right - left + 1, tall, packing, chunks), at + 1


def _chunk(data: bytes, offset: int, part: _Part, several: bool) -> bool:
    at = offset + (4 if several else 0)
    _line, size = struct.unpack_from("<iI", data, at)
    body = data[at + 8 : at + 8 + size]
    if offset == 0 or len(body) != size:
        return False
    if part.packing in _ZIP:
        unpack = zlib.decompressobj()
        try:
            unpack.decompress(body)
        except zlib.error:
            return body[:1] != b"\x78"  # what ZIP would not make smaller stands as it is
        return unpack.eof or body[:1] != b"\x78"
    return True
