# SPDX-License-Identifier: GPL-3.0-or-later
"""What the readers of game formats share: numbers out of bytes that may lie, one surface of them, and its picture."""

from __future__ import annotations

import contextlib
import posixpath
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..shape import Shape, texture
from ..thing import Pixels
from .files import Files

GREY = (0.8, 0.8, 0.8)
"""Where a file names no colour."""
ENDINGS = ("", ".png", ".jpg", ".tga", ".jpeg", ".dds", ".webp", ".bmp", ".rgb")
MAX_CORNERS = 3_000_000
"""Of all faces of a file; more is refused."""


@contextlib.contextmanager
def refused() -> Iterator[None]:
    """Around a reader: what a broken file makes go wrong is a ValueError."""
    try:
        with np.errstate(invalid="ignore", over="ignore"):
            yield
    except (AttributeError, LookupError, OverflowError, TypeError) as error:
        raise ValueError(f"the file is broken: {error}") from error


class Bytes:
    """A cursor over little endian bytes; ValueError where they end too early."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data, self.at = data, at

    def take(self, kind: Any, count: int) -> NDArray[Any]:
        """`count` values of a numpy type."""
        size = np.dtype(kind).itemsize * count
        if count < 0 or self.at < 0 or self.at + size > len(self.data):
            raise ValueError("the file is cut off")
        found = np.frombuffer(self.data, kind, count, self.at) if count else np.zeros(0, kind)
        self.at += size
        return found

    def one(self, kind: Any) -> int:
        return int(self.take(kind, 1)[0])

    def text(self, size: int) -> str:
        """`size` bytes up to the first zero."""
        return bytes(self.take("u1", size)).partition(b"\0")[0].decode("latin-1")

    def skip(self, size: int) -> None:
        self.take("u1", size)


def part(
    vertices: ArrayLike,
    faces: ArrayLike,
    uv: NDArray[Any] | None,
    color: tuple[float, ...] = GREY,
    picture: Pixels | None = None,
) -> Shape:
    """One surface: vertices (V, 3), faces (F, 3), uv of the vertices (V, 2) or of the corners (F, 3, 2), v up."""
    points = np.asarray(vertices, np.float64).reshape(-1, 3)
    index = np.asarray(faces, np.int64).reshape(-1, 3)
    if index.size > MAX_CORNERS:
        raise ValueError("there are too many faces")
    if index.size and (index.min() < 0 or index.max() >= len(points)):
        raise ValueError("a face names a vertex that is not there")
    corners = np.zeros((len(index), 3, 2), np.float32)
    if uv is not None:
        corners = np.asarray(uv if uv.ndim == 3 else uv[index], np.float32)
    shade = (1.0, 1.0, 1.0) if picture is not None else color[:3]
    alpha = color[3] if len(color) > 3 else 1.0
    return Shape(
        points,
        index.astype(np.int32),
        corners,
        np.zeros(len(index), np.int16),
        np.array([[*shade, alpha]], np.float32),
        (picture,),
    )


def picture(files: Files, folder: str, name: str, *, alpha: bool = True) -> Pixels | None:
    """The texture that a model of `folder` means, with another ending or none if need be; None where there is none."""
    stem = posixpath.splitext(name)[0]
    for candidate in (name, *(stem + ending for ending in ENDINGS), *(name + ending for ending in ENDINGS)):
        if candidate and (found := files.find(folder, candidate)):
            return texture(files.read(found), alpha=alpha)
    return None
