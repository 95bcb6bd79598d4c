# SPDX-License-Identifier: GPL-3.0-or-later
"""Writers of small files in the formats of games, for the tests of their readers. uv is that of the vertices, v up."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from galatea.backend.learn.things.shape import Shape

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]

CORNER = (
    np.array([[0, 0, 0], [4, 0, 0], [0, 2, 0], [0, 0, 1]], np.float64),
    np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]]),
    np.array([[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]]),
)
"""A tetrahedron of unlike edges, each of its corners on another pixel of a 2 x 2 texture; faces point outwards."""


def arrays(of: Shape) -> Arrays:
    return of.vertices, of.faces, np.zeros((len(of.vertices), 2))


def named(text: str, size: int) -> bytes:
    return text.encode().ljust(size, b"\0")


def md2(of: Arrays, skin: str = ".skin", frames: int = 1, move: float = 0.0) -> bytes:
    """Each later frame is moved along X by `move`."""
    vertices, faces, uv = of
    low, size = vertices.min(0), np.maximum(np.ptp(vertices, axis=0), 1e-9)
    places = np.round((vertices - low) / size * 255).astype("u1")
    corners = np.stack([faces, faces], 1)[..., ::-1].astype("<u2")
    maps = np.round(np.stack([uv[:, 0], 1 - uv[:, 1]], 1) * 64).astype("<i2")
    one = [
        struct.pack("<6f", *(size / 255), low[0] + move * i, low[1], low[2])
        + named(f"f{i}", 16)
        + np.concatenate([places, np.zeros((len(places), 1), "u1")], 1).tobytes()
        for i in range(frames)
    ]
    blocks = [named(skin, 64), maps.tobytes(), corners.tobytes(), b"".join(one), b""]
    at = 68 + np.cumsum([0] + [len(block) for block in blocks])
    counts = (1, len(vertices), len(uv), len(faces), 0, frames)
    return struct.pack("<17i", 0x32504449, 8, 64, 64, len(one[0]), *counts, *at[:6].tolist()) + b"".join(blocks)


def tags(frames: list[list[float]], name: str = "tag_head") -> bytes:
    """One tag: of each frame three axes and an origin."""
    data = struct.pack("<8i", 0x3250444A, 1, 1, len(frames), 32, 96, 0, 0) + named(name, 64)
    return data + b"".join(struct.pack("<12f", *values) for values in frames)


def spm(of: Arrays, texture: str = "skin.png", bones: bool = False, colors: list[int | None] | None = None) -> bytes:
    """`colors`: for each vertex a grey 0..255, or None for white."""
    vertices, faces, uv = of
    flags = 1 | (2 if colors else 0) | 4
    data = b"SP" + bytes([8 | (1 if bones else 2), flags]) + struct.pack("<6f", *vertices.min(0), *vertices.max(0))
    data += struct.pack("<H", 1) + bytes([len(texture)]) + texture.encode() + b"\0"
    data += struct.pack("<HHIIH", 1, 1, len(vertices), faces.size, 0)
    for i, point in enumerate(vertices):
        data += struct.pack("<3fI", *point, 0)
        if colors:
            grey = colors[i]
            data += b"\x80" if grey is None else bytes([0, grey, grey, grey])
        if texture:
            data += np.array([uv[i, 0], 1 - uv[i, 1]], "<f2").tobytes() + bytes(4)
        data += bytes(16 if bones else 0)
    return data + faces.astype("<u2" if len(vertices) > 255 else "u1").tobytes()


def g3d(of: Arrays, texture: str = "skin.png", owned: bool = False, frames: int = 1) -> bytes:
    vertices, faces, uv = of
    data = b"G3D\x04" + struct.pack("<HB", 1, 0) + named("mesh", 64)
    data += struct.pack("<3I8f", frames, len(vertices), faces.size, 0.5, 0.25, 1, 0, 0, 0, 9, 1)
    data += struct.pack("<2I", owned, bool(texture)) + (named(texture, 64) if texture else b"")
    data += b"".join((vertices + i).astype("<f4").tobytes() for i in range(frames)) + bytes(12 * len(vertices) * frames)
    return data + (uv.astype("<f4").tobytes() if texture else b"") + faces.astype("<u4").tobytes()


def pie(of: Arrays, page: str = "skin.png", version: int = 3) -> bytes:
    vertices, faces, uv = of
    scale = 256 if version == 2 else 1
    lines = [
        f"PIE {version}",
        "TYPE 200",
        f"TEXTURE 0 {page} 256 256",
        "LEVELS 1",
        "LEVEL 1",
        f"POINTS {len(vertices)}",
    ]
    lines += ["\t{} {} {}".format(*point) for point in vertices] + [f"POLYGONS {len(faces)}"]
    for i, face in enumerate(faces):
        maps = " ".join(f"{uv[k, 0] * scale} {(1 - uv[k, 1]) * scale}" for k in face)
        lines.append("\t{} 3 {} {} {} {}".format("4200" if i == 0 else "200", *face, "8 1 64 64 " * (i == 0) + maps))
    return "\n".join([*lines, "CONNECTORS 1", "\t0 0 0", "SHADOWPOINTS 1", "\t9 9 9", ""]).encode()


def ac3d(of: Arrays, texture: str = "skin.png", **nested: Any) -> bytes:
    """`loc` and `rot` of the group around the object, whose own place is (1, 0, 0)."""
    vertices, faces, uv = of
    lines = ["AC3Db", 'MATERIAL "red" rgb 1 0.5 0 amb 0 0 0 emis 0 0 0 spec 0 0 0 shi 0 trans 0.25', "OBJECT world"]
    lines += ["kids 1", "OBJECT group", *(f"{word} {values}" for word, values in nested.items()), "kids 2"]
    for name, skin in (("body", texture), ("light cone", "")):
        lines += ["OBJECT poly", f'name "{name}"', "data 5", "hello"] + ([f'texture "{skin}"'] if skin else [])
        lines += ["loc 1 0 0", f"numvert {len(vertices)}", *(f"{x} {y} {z}" for x, y, z in vertices)]
        lines += [f"numsurf {len(faces) + 1}", "SURF 0x2", "mat 0", "refs 2", "0 0 0", "1 0 0"]
        for face in faces:
            lines += ["SURF 0x10", "mat 0", "refs 3", *(f"{k} {uv[k, 0]} {uv[k, 1]}" for k in face)]
        lines.append("kids 0")
    return "\n".join([*lines, ""]).encode()
