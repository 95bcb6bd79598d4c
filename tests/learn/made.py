# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects, pictures and files that the tests of the data make for themselves."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from galatea.backend.learn.things import shape, thing

META = {"name": "Part", "category": "test", "licence": "CC0-1.0", "author": "us", "source": "test 1", "split": "train"}


def boxes(*parts: tuple[tuple[float, float, float], tuple[float, float, float]]) -> shape.Shape:
    """Boxes of (low, high) corners as one Shape, grey."""
    found = []
    quads = np.array([[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]])
    faces = np.concatenate([quads[:, :3], quads[:, [0, 2, 3]]]).astype(np.int32)
    for low, high in parts:
        corners = np.array([[(low, high)[i >> (2 - k) & 1][k] for k in range(3)] for i in range(8)], np.float64)
        grey = np.array([[0.5, 0.5, 0.5, 1]], np.float32)
        uv = np.zeros((12, 3, 2), np.float32)
        found.append(shape.Shape(corners, faces, uv, np.zeros(12, np.int16), grey, (None,)))
    return shape.joined(found)


def chair() -> shape.Shape:
    """A chair that faces -Y, with one arm, on +X: nothing about it is symmetrical."""
    legs = [((x, y, 0.0), (x + 0.1, y + 0.1, 0.5)) for x in (0.0, 0.9) for y in (0.0, 0.9)]
    seat, back, arm = ((0, 0, 0.5), (1, 1, 0.6)), ((0, 0.9, 0.6), (1, 1, 1.5)), ((0.9, 0, 0.8), (1, 0.9, 0.9))
    return boxes(*legs, seat, back, arm)


def made(of: shape.Shape, key: str = "test--part", **meta: str) -> thing.Thing:
    return shape.thing(key, of, {**META, **meta})


def about_z(degrees: float) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def flag() -> np.ndarray:
    """2 x 2: red and green above, blue and white below."""
    return np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], np.uint8)


def color_at(one: thing.Thing, face: int, weights: tuple[float, float, float]) -> list[int]:
    """What the spec says that a point of a face looks like."""
    u, v = (one.uv[face] * np.array(weights)[:, None]).sum(0) % 1
    picture = one.textures[one.slot[face]]
    assert picture is not None
    height, width = picture.shape[:2]
    pixel = picture[int((1 - v) * height), int(u * width)]
    return [int(value) for value in np.round(pixel * one.colors[one.slot[face]])[:3]]


def pmd_bytes(scale: float = 1.0) -> bytes:
    """One triangle; a bone that stands at (5, 0, 0) and is turned by 90 degrees about Z; two prop points."""
    points = [(0, 0, 0, 0, 0), (scale, 0, 0, 1, 0), (0, scale, 0, 0, 1)]
    data = struct.pack("<II", 3, 1)
    for x, y, z, u, v in points:
        data += struct.pack("<8f4B4f", x, y, z, 0, 0, 1, u, v, 255, 255, 255, 255, 0, 0, 0, 0)
    data += struct.pack("<I3H", 1, 0, 1, 2)
    half = 0.5**0.5
    data += struct.pack("<I7f", 1, 5, 0, 0, 0, 0, half, half) + struct.pack("<I", 2)
    data += struct.pack("<I4s7fB", 4, b"hand", 1, 0, 0, 0, 0, 0, 1, 0)
    data += struct.pack("<I4s7fB", 4, b"root", 0, 2, 0, 0, 0, 0, 1, 255)
    return b"PSMD" + struct.pack("<II", 4, len(data)) + data


def obj_text(of: shape.Shape) -> str:
    """In the axes of Sweet Home 3D: Y up, the front towards +Z."""
    back = of.vertices @ shape.Y_UP
    return "".join(f"v {x} {y} {z}\n" for x, y, z in back) + "".join(f"f {a} {b} {c}\n" for a, b, c in of.faces + 1)


def library(path: Path, pieces: dict[str, shape.Shape], extra: str = "") -> Path:
    lines = ["license=Public domain  Copyright nobody", "# model#9=comment"]
    with zipfile.ZipFile(path, "w") as archive:
        for i, (name, of) in enumerate(pieces.items(), 1):
            archive.writestr(f"m/{name}/{name}.obj", obj_text(of))
            size = np.ptp(of.vertices, axis=0) * 100
            lines += [f"name#{i}={name.title()} \\u00e9", f"category#{i}=Seats", f"creator#{i}=Somebody"]
            lines += [f"model#{i}=/m/{name}/{name}.obj", f"width#{i}={size[0]}", f"depth#{i}={size[1]}"]
            lines += [f"height#{i}={size[2]}"]
        archive.writestr("PluginFurnitureCatalog.properties", "\n".join(lines) + "\n" + extra)
    return path
