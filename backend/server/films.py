# SPDX-License-Identifier: GPL-3.0-or-later
"""A film from a stranger by its head, before FFmpeg opens it: how large its pictures are and how many, and that it
names no other file. MP4 after ISO/IEC 14496-12, WebM after RFC 8794 and 9559. No picture is decoded here."""

from __future__ import annotations

import mmap
import re
import struct
from collections.abc import Iterator
from pathlib import Path

from ..protocol.errors import UserError

MOST_FRAMES = 36_000
"""Ten minutes at 60 a second."""
MOST_SECONDS = 600.0
"""Of a WebM, whose head does not count its frames."""
_MOST_BOXES = 100
"""On one level of a file: a film has a dozen."""
_EBML, _SEGMENT, _CLUSTER, _INFO, _TRACKS = 0x1A45DFA3, 0x18538067, 0x1F43B675, 0x1549A966, 0x1654AE6B
_DURATION, _SCALE, _TRACK, _PACKED, _VIDEO, _WIDTH, _HEIGHT = 0x4489, 0x2AD7B1, 0xAE, 0x6D80, 0xE0, 0xB0, 0xBA
_Span = tuple[int, int]


def kind(head: bytes) -> str:
    """mp4, webm, or nothing where it is neither."""
    if re.match(rb"....ftyp(?:iso[\dm]|mp4[12]|avc1|M4V |MSNV|dash|3gp\d)", head, re.DOTALL):
        return "mp4"
    return "webm" if head.startswith(b"\x1aE\xdf\xa3") and b"webm" in head[:64] else ""


def check(path: Path, kind: str, pixels: int) -> None:
    """Raise `UserError` on one that is damaged, has larger pictures or more of them than is taken, or names a file."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            sizes, frames, seconds = (_mp4 if kind == "mp4" else _webm)(data)
        except (struct.error, LookupError, ValueError, StopIteration):
            raise UserError("The film is damaged or cut short. Export it again.") from None
    if not sizes:
        raise UserError("The film holds no moving picture. Send another.")
    for width, height in sizes:
        if not 0 < width * height <= pixels:
            text = f"The film has pictures of {width} x {height} px, and {pixels / 1e6:g} megapixels are the most."
            raise UserError(f"{text} Make it smaller.")
    if frames > MOST_FRAMES or not seconds <= MOST_SECONDS:
        raise UserError(f"A film has at most {MOST_FRAMES} frames, {MOST_SECONDS:g} s. Send it in parts.")


def _mp4(data: mmap.mmap) -> tuple[list[_Span], int, float]:
    whole = (0, len(data))
    tops = [kind for kind, _ in _boxes(data, whole)]
    if tops.count(b"moov") != 1 or b"mdat" not in tops or b"moof" in tops or [*_at(data, whole, b"moov", b"cmov")]:
        raise UserError("The film is cut short, packed or in fragments. Export it as one plain MP4.")
    sizes, frames = [], 0
    for track in _at(data, whole, b"moov", b"trak"):
        for start, end in _at(data, track, b"mdia", b"minf", b"dinf", b"dref"):
            if not all(data[at + 3] & 1 for _, (at, _) in _boxes(data, (start + 8, end))):
                raise UserError("The film names other files. Export it with all that belongs to it.")
        if not any(data[at + 8 : at + 12] == b"vide" for at, _ in _at(data, track, b"mdia", b"hdlr")):
            continue
        table = [*_at(data, track, b"mdia", b"minf", b"stbl")]
        for start, end in (each for one in table for each in _at(data, one, b"stsd")):
            sizes += [struct.unpack(">HH", data[at + 24 : at + 28]) for _, (at, _) in _boxes(data, (start + 8, end))]
        for name in (b"stsz", b"stz2"):
            for start, _ in (each for one in table for each in _at(data, one, name)):
                frames += int.from_bytes(data[start + 8 : start + 12], "big")
    return sizes, frames, 0.0


def _boxes(data: mmap.mmap, span: _Span) -> Iterator[tuple[bytes, _Span]]:
    """What kind each box is, and where its content lies."""
    start, end = span
    for _ in range(_MOST_BOXES):
        if start == end:
            return
        size, kind = struct.unpack(">I4s", data[start : start + 8])
        head = 8
        if size == 1:
            size, head = struct.unpack(">Q", data[start + 8 : start + 16])[0], 16
        size = size or end - start
        if size < head or start + size > end:
            raise ValueError("a box that does not fit")
        yield kind, (start + head, start + size)
        start += size
    raise ValueError("too many boxes")


def _at(data: mmap.mmap, span: _Span, *path: bytes) -> Iterator[_Span]:
    """Where the content of all boxes at this path lies."""
    if not path:
        yield span
        return
    for kind, inner in _boxes(data, span):
        if kind == path[0]:
            yield from _at(data, inner, *path[1:])


def _webm(data: mmap.mmap) -> tuple[list[_Span], int, float]:
    tops = _elements(data, (0, len(data)))
    (first, _), (second, segment) = next(tops), next(tops)
    if (first, second) != (_EBML, _SEGMENT):
        raise ValueError("no segment")
    sizes: list[_Span] = []
    length, scale = 0.0, 1_000_000
    for name, span in _elements(data, segment):
        if name == _CLUSTER:
            break
        for inner, (start, end) in _elements(data, span) if name in (_INFO, _TRACKS) else ():
            if inner == _DURATION:
                length = struct.unpack(">d" if end - start == 8 else ">f", data[start:end])[0]
            elif inner == _SCALE:
                scale = int.from_bytes(data[start:end], "big")
            elif inner == _TRACK:
                parts = dict(_elements(data, (start, end)))
                if _PACKED in parts:
                    raise UserError("The film is packed once more in itself. Export it as plain WebM.")
                if _VIDEO in parts:
                    told = {key: int.from_bytes(data[a:b], "big") for key, (a, b) in _elements(data, parts[_VIDEO])}
                    sizes.append((told[_WIDTH], told[_HEIGHT]))
    return sizes, 0, length * scale / 1e9


def _elements(data: mmap.mmap, span: _Span) -> Iterator[tuple[int, _Span]]:
    """The number of each element, and where its content lies; one that does not know its size goes to the end."""
    start, end = span
    for _ in range(_MOST_BOXES):
        if start >= end:
            return
        name, at, _ = _number(data, start)
        _, at, size = _number(data, at)
        stop = end if size is None else at + size
        if stop > end:
            raise ValueError("an element that does not fit")
        yield name, (at, stop)
        start = stop
    raise ValueError("too many elements")


def _number(data: mmap.mmap, at: int) -> tuple[int, int, int | None]:
    """A number of one to eight bytes with its mark, where it ends, and without its mark: None where that is unknown."""
    length = 9 - data[at].bit_length()
    value, rest = int.from_bytes(data[at : at + length], "big"), (1 << 7 * length) - 1
    if length > 8 or at + length > len(data):
        raise ValueError("no number")
    return value, at + length, None if value & rest == rest else value & rest
