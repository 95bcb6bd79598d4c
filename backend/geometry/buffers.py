# SPDX-License-Identifier: GPL-3.0-or-later
"""The bytes of a glTF: its JSON, its buffers, and the numbers in them, each proved to lie where the file says."""

from __future__ import annotations

import base64
import binascii
import json
import struct
import urllib.parse
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Fetch = Callable[[str], bytes]
"""The file of this name beside the model; ValueError where there is none."""

MOST_VALUES = 30_000_000
"""Of one accessor, and of all vertices and corners of a file; more is refused."""
FAR = 1e15
"""Times a unit; no thing is larger, and squares of it still fit in 32 bits."""
NO_PLACES = "it has positions that are no numbers, or beyond all measure"
COMPRESSED = ("KHR_draco_mesh_compression", "EXT_meshopt_compression", "KHR_meshopt_compression")
_KINDS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}


def opened(data: bytes) -> tuple[dict[str, Any], bytes]:
    """The JSON, and the binary chunk of a GLB."""
    if data[:4] != b"glTF":
        return _json(data), b""
    _magic, version, length = struct.unpack_from("<4sII", data)
    if version != 2:
        raise ValueError(f"it is a GLB of version {version}; only version 2 is read")
    if length > len(data):
        raise ValueError(f"it is cut off: {len(data)} of {length} bytes are there")
    chunks: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= length:
        size, kind = struct.unpack_from("<I4s", data, at)
        if at + 8 + size > length:
            raise ValueError("a chunk is longer than the file")
        chunks.setdefault(kind, data[at + 8 : at + 8 + size])
        at += 8 + size
    if b"JSON" not in chunks:
        raise ValueError("it has no JSON chunk")
    return _json(chunks[b"JSON"]), chunks.get(b"BIN\0", b"")


@contextmanager
def broken() -> Iterator[None]:
    """What a broken glTF drives its reader into is a ValueError."""
    try:
        yield
    except (KeyError, TypeError, IndexError, AttributeError, OverflowError, RecursionError, struct.error) as error:
        raise ValueError(f"the glTF is broken ({str(error)[:80]})") from error


def _json(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data.decode("utf-8-sig"))
    except ValueError as error:
        raise ValueError(f"it is no glTF ({str(error)[:80]})") from None
    if not isinstance(found, dict) or "asset" not in found:
        raise ValueError("it is no glTF")
    return found


def plain(extensions: Iterable[str]) -> None:
    """ValueError where one of them is a compression."""
    for name in COMPRESSED:
        if name in extensions:
            raise ValueError(f"it is compressed with {name}, which is not read; export it without compression")


def sound(points: Floats) -> Floats:
    """The same; ValueError where one is no number, or none that can be calculated with."""
    if not np.isfinite(points).all() or (len(points) and np.abs(points).max() > FAR):
        raise ValueError(NO_PLACES)
    return points


class Buffers:
    """`tree` is the JSON, `chunk` the binary part of a GLB."""

    def __init__(self, tree: dict[str, Any], chunk: bytes, fetch: Fetch) -> None:
        self.tree, self._chunk, self._fetch = tree, chunk, fetch
        self._buffers: dict[int, bytes] = {}

    def item(self, kind: str, index: Any) -> dict[str, Any]:
        """One of the tree's lists; a negative index is an error, not the end of the list."""
        table = self.tree.get(kind, [])
        if type(index) is not int or not 0 <= index < len(table):
            raise ValueError(f"it has no {kind} number {str(index)[:20]}")
        found: dict[str, Any] = table[index]
        return found

    def numbers(self, accessor: int, widths: tuple[int, ...]) -> Floats:
        """Values (N, width) as floats, normalised where the file says so."""
        values, normalized = self.values(accessor, widths)
        if not normalized:
            return values.astype(np.float64)
        return np.maximum(values / np.iinfo(values.dtype).max, -1.0)

    def values(self, accessor: int, widths: tuple[int, ...]) -> tuple[NDArray[Any], bool]:
        item = self.item("accessors", accessor)
        kind, width, count = _KINDS[item["componentType"]], _WIDTHS.get(item["type"], 0), item["count"]
        if width not in widths:
            raise ValueError(f"an accessor of the type {str(item['type'])[:20]} stands where it must not")
        if type(count) is not int or not 0 <= count <= MOST_VALUES // width:
            raise ValueError(f"an accessor counts {str(count)[:20]} values")
        if "bufferView" in item:
            values = self._view(item["bufferView"], item.get("byteOffset", 0), kind, width, count)
        else:
            values = np.zeros((count, width), kind)
        if "sparse" in item:
            values = self._sparse(values.copy(), item["sparse"], kind, width)
        return values, bool(item.get("normalized")) and values.dtype.kind in "iu"

    def _sparse(self, values: NDArray[Any], sparse: dict[str, Any], kind: str, width: int) -> NDArray[Any]:
        where, what, count = sparse["indices"], sparse["values"], sparse["count"]
        index_kind = _KINDS[where["componentType"]]
        index = self._view(where["bufferView"], where.get("byteOffset", 0), index_kind, 1, count)[:, 0].astype(np.int64)
        if len(index) and not 0 <= index.min() <= index.max() < len(values):
            raise ValueError("a sparse accessor changes what is not there")
        values[index] = self._view(what["bufferView"], what.get("byteOffset", 0), kind, width, count)
        return values

    def _view(self, view: int, offset: int, kind: str, width: int, count: int) -> NDArray[Any]:
        """`count` rows of `width` values out of a buffer view, each number proved to lie in it."""
        data, stride = self.bytes_of(view)
        row = np.dtype(kind).itemsize * width
        step = stride or row
        whole = (type(offset) is int and offset >= 0) and (type(count) is int and count >= 0) and step >= row
        if not whole or (count and offset + (count - 1) * step + row > len(data)):
            raise ValueError("an accessor reaches beyond its buffer")
        if not count:
            return np.zeros((0, width), kind)
        return np.ndarray((count, width), kind, data, offset, (step, np.dtype(kind).itemsize))

    def bytes_of(self, view: int) -> tuple[bytes, int]:
        """What a buffer view shows, and its stride, 0 for none."""
        item = self.item("bufferViews", view)
        plain(item.get("extensions", {}))
        data = self._buffer(item["buffer"])
        start, size, stride = item.get("byteOffset", 0), item["byteLength"], item.get("byteStride", 0)
        if any(type(value) is not int or value < 0 for value in (start, size, stride)) or start + size > len(data):
            raise ValueError("a buffer view reaches beyond its buffer")
        return data[start : start + size], stride

    def _buffer(self, index: int) -> bytes:
        if index not in self._buffers:
            item = self.item("buffers", index)
            data = self.uri(item["uri"]) if "uri" in item else self._chunk
            if type(item["byteLength"]) is not int or item["byteLength"] > len(data):
                raise ValueError("a buffer is shorter than the file says")
            self._buffers[index] = data
        return self._buffers[index]

    def uri(self, uri: str) -> bytes:
        if not uri.startswith("data:"):
            return self._fetch(urllib.parse.unquote(uri))
        head, _, body = uri.partition(",")
        if not head.endswith(";base64"):
            return urllib.parse.unquote_to_bytes(body)
        try:
            return base64.b64decode(body, validate=True)
        except binascii.Error as error:
            raise ValueError(f"its data is no base64 ({error})") from None
