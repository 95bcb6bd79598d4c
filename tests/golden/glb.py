# SPDX-License-Identifier: GPL-3.0-or-later
"""A GLB made by hand: a box with a red texture that stands still, and a green skinned column that bends to and fro."""

from __future__ import annotations

import io
import json
import struct
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SIDES = [(axis, way) for axis in range(3) for way in (-1, 1)]


def box(low: tuple[float, float, float], high: tuple[float, float, float], cuts: int = 1) -> tuple[Any, ...]:
    """Corners (V, 3), normals (V, 3), uv (V, 2) and triangles (F, 3) of a box, cut into layers along y."""
    levels = np.linspace(low[1], high[1], cuts + 1)
    points, normals, uv, faces = [], [], [], []
    for bottom, top in pairwise(levels):
        for axis, way in SIDES:
            one, other = [each for each in range(3) if each != axis]
            least, most = [low[0], bottom, low[2]], [high[0], top, high[2]]
            start = len(points)
            for u, v in ((0, 0), (1, 0), (1, 1), (0, 1)):
                point = [0.0, 0.0, 0.0]
                point[axis] = (most if way > 0 else least)[axis]
                point[one], point[other] = (least[one], most[one])[u], (least[other], most[other])[v]
                points.append(point)
                normals.append([way if each == axis else 0 for each in range(3)])
                uv.append([u, v])
            turn = way * (-1 if axis == 1 else 1) > 0
            quad = [(0, 1, 2), (0, 2, 3)] if turn else [(0, 2, 1), (0, 3, 2)]
            faces += [[start + each for each in face] for face in quad]
    return np.array(points, "<f4"), np.array(normals, "<f4"), np.array(uv, "<f4"), np.array(faces, "<u2")


class Maker:
    """Puts arrays into one buffer, each with its view and accessor."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []

    def view(self, data: bytes) -> int:
        self.data += b"\0" * (-len(self.data) % 4)
        self.views.append({"buffer": 0, "byteOffset": len(self.data), "byteLength": len(data)})
        self.data += data
        return len(self.views) - 1

    def array(self, values: Any, kind: str) -> int:
        code = {"f": 5126, "u2": 5123, "u1": 5121}[values.dtype.str.lstrip("<|").replace("f4", "f")]
        item = {"bufferView": self.view(values.tobytes()), "componentType": code, "count": len(values), "type": kind}
        if kind == "SCALAR" and values.ndim > 1:
            item["count"] = values.size
        if kind in ("VEC3", "SCALAR"):
            rows = values.reshape(item["count"], -1)
            item |= {"min": rows.min(axis=0).tolist(), "max": rows.max(axis=0).tolist()}
        self.accessors.append(item)
        return len(self.accessors) - 1


def tree(maker: Maker, *, name: str = "Thing", clip: str = "bend", extras: dict[str, Any] | None = None) -> Any:
    picture = io.BytesIO()
    Image.new("RGB", (16, 8), (220, 20, 20)).save(picture, "PNG")
    red = box((-1.2, 0, -0.5), (-0.2, 1, 0.5))
    green = box((0.3, 0, -0.25), (0.8, 2, 0.25), cuts=8)
    share = np.clip(green[0][:, 1] / 2, 0, 1)
    weights = np.stack([1 - share, share, 0 * share, 0 * share], axis=1).astype("<f4")
    joints = np.tile(np.array([0, 1, 0, 0], "u1"), (len(weights), 1))
    binds = np.tile(np.eye(4, dtype="<f4"), (2, 1, 1))
    half = np.deg2rad(25)
    bent = np.array([[0, 0, 0, 1], [0, 0, np.sin(half), np.cos(half)], [0, 0, 0, 1]], "<f4")

    def surface(shape: tuple[Any, ...], material: int, **more: int) -> dict[str, Any]:
        points, normals, uv, faces = shape
        attributes = {"POSITION": maker.array(points, "VEC3"), "NORMAL": maker.array(normals, "VEC3")}
        attributes |= {"TEXCOORD_0": maker.array(uv, "VEC2"), **more}
        return {"attributes": attributes, "indices": maker.array(faces, "SCALAR"), "material": material}

    skinned = {"JOINTS_0": maker.array(joints, "VEC4"), "WEIGHTS_0": maker.array(weights, "VEC4")}
    paint = {"baseColorTexture": {"index": 0}, "metallicFactor": 0}
    plain = {"baseColorFactor": [0.02, 0.5, 0.04, 1], "metallicFactor": 0}
    return {
        "asset": {"version": "2.0", "generator": "by hand", **({"extras": extras} if extras else {})},
        "scene": 0,
        "scenes": [{"nodes": [0, 1, 2]}],
        "nodes": [{"mesh": 0, "name": name}, {"mesh": 1, "skin": 0}, {"children": [3]}, {"name": "top"}],
        "meshes": [{"primitives": [surface(red, 0)]}, {"primitives": [surface(green, 1, **skinned)]}],
        "materials": [{"pbrMetallicRoughness": paint, "name": name}, {"pbrMetallicRoughness": plain}],
        "textures": [{"source": 0}],
        "images": [{"bufferView": maker.view(picture.getvalue()), "mimeType": "image/png", "name": name}],
        "skins": [{"joints": [2, 3], "inverseBindMatrices": maker.array(binds.reshape(2, 16), "MAT4")}],
        "animations": [
            {
                "name": clip,
                "samplers": [
                    {
                        "input": maker.array(np.array([0, 0.5, 1], "<f4"), "SCALAR"),
                        "output": maker.array(bent, "VEC4"),
                    }
                ],
                "channels": [{"sampler": 0, "target": {"node": 3, "path": "rotation"}}],
            }
        ],
    }


def write(path: Path, change: Any = lambda tree: None, **names: Any) -> Path:
    """The file; `change` may do anything to its JSON."""
    maker = Maker()
    found = tree(maker, **names)
    found |= {"bufferViews": maker.views, "accessors": maker.accessors, "buffers": [{"byteLength": len(maker.data)}]}
    change(found)
    text = json.dumps(found).encode()
    text += b" " * (-len(text) % 4)
    data = bytes(maker.data) + b"\0" * (-len(maker.data) % 4)
    size = 12 + 8 + len(text) + 8 + len(data)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(data), b"BIN\0") + data
    path.write_bytes(struct.pack("<4sII", b"glTF", 2, size) + chunks)
    return path
