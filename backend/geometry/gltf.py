# SPDX-License-Identifier: GPL-3.0-or-later
"""glTF 2.0 and GLB in numpy: surfaces in their places, skins in their bind pose, base colours and encoded pictures.

The file may come from anywhere: each number in it is checked against the bytes that are there. What is wrong with it is
a ValueError in words that can be shown. Reference: the Khronos specification of glTF 2.0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .buffers import MOST_VALUES, Buffers, Fetch, Floats, broken, opened, plain, sound

MOST_NODES = 100_000
_KNOWN = ("KHR_mesh_quantization", "KHR_texture_transform", "EXT_texture_webp", "KHR_lights_punctual")
TRIANGLES, STRIP, FAN = 4, 5, 6


@dataclass(frozen=True)
class Surface:
    """One primitive where its node puts it, Y up, facing +Z.

    `vertices` (V, 3); `faces` (F, 3), counter-clockwise from outside; `uv` (V, 2), v up; `colors` (V, 4) in linear
    light; `factor` (4,) in linear light is multiplied with them; `picture` counts in the scene's pictures.
    """

    vertices: Floats
    faces: NDArray[np.int64]
    uv: Floats | None
    colors: Floats | None
    factor: Floats
    picture: int | None
    see_through: bool


@dataclass(frozen=True)
class Scene:
    """`pictures` as they are encoded in the file, empty where they could not be had; `maker` wrote it."""

    surfaces: tuple[Surface, ...]
    pictures: tuple[bytes, ...] = ()
    maker: str = ""


def nothing(name: str) -> bytes:
    """For a file that must hold everything itself."""
    raise ValueError(f"it needs another file, {name[:80]!r}")


def read(data: bytes, fetch: Fetch = nothing) -> Scene:
    """The default scene of a .glb or .gltf; ValueError where it is none, is broken, or needs what is not read here."""
    with broken(), np.errstate(over="ignore", invalid="ignore"):
        return _File(Buffers(*opened(data), fetch)).scene()


class _File:
    def __init__(self, buffers: Buffers) -> None:
        self._buffers, self._tree, self._item = buffers, buffers.tree, buffers.item
        self._size = 0
        required = self._tree.get("extensionsRequired", [])
        plain(required)
        for name in required:
            if name not in _KNOWN and not str(name).startswith("KHR_materials_"):
                raise ValueError(f"it requires {str(name)[:80]}, which is not read")

    def scene(self) -> Scene:
        surfaces = [surface for mesh, place in self._placed() for surface in self._mesh(mesh, place)]
        if not surfaces:
            raise ValueError("there is no face in it")
        used = {surface.picture for surface in surfaces}
        images = self._tree.get("images", [])
        pictures = tuple(self._image(i) if i in used else b"" for i in range(len(images)))
        return Scene(tuple(surfaces), pictures, str(self._tree["asset"].get("generator", "")))

    def _placed(self) -> Iterator[tuple[int, Floats]]:
        """Each mesh with the matrix (4, 4) of its node."""
        nodes = self._tree.get("nodes", [])
        if len(nodes) > MOST_NODES:
            raise ValueError(f"it has {len(nodes)} nodes")
        children = {child for node in nodes for child in node.get("children", [])}
        roots = [i for i in range(len(nodes)) if i not in children]
        if self._tree.get("scenes"):
            roots = self._item("scenes", self._tree.get("scene", 0)).get("nodes", [])
        stack = [(root, np.eye(4)) for root in reversed(roots)]
        seen: set[int] = set()
        while stack:
            index, above = stack.pop()
            node = self._item("nodes", index)
            if index in seen:
                raise ValueError("its nodes are no tree")
            seen.add(index)
            place = above @ _matrix(node)
            if "mesh" in node:
                yield node["mesh"], place
            stack += [(child, place) for child in reversed(node.get("children", []))]

    def _mesh(self, index: int, place: Floats) -> Iterator[Surface]:
        for primitive in self._item("meshes", index)["primitives"]:
            plain(primitive.get("extensions", {}))
            mode, attributes = primitive.get("mode", TRIANGLES), primitive["attributes"]
            if mode not in (TRIANGLES, STRIP, FAN) or "POSITION" not in attributes:
                continue
            points = sound(self._buffers.numbers(attributes["POSITION"], (3,)))
            faces = self._faces(primitive, mode, len(points))
            if not len(faces):
                continue
            if np.linalg.det(place[:3, :3]) < 0:
                faces = faces[:, ::-1]
            factor, texture, see_through = self._material(primitive.get("material"))
            picture, uv = self._painted(texture, attributes, len(points))
            colors = self._colors(attributes, len(points))
            vertices = sound(points @ place[:3, :3].T + place[:3, 3])
            yield Surface(vertices, faces, uv, colors, factor, picture, see_through)

    def _faces(self, primitive: dict[str, Any], mode: int, count: int) -> NDArray[np.int64]:
        if "indices" in primitive:
            corners = self._buffers.values(primitive["indices"], (1,))[0][:, 0]
            if corners.dtype.kind != "u":
                raise ValueError("its corners are not counted in whole numbers")
        else:
            corners = np.arange(count)
        self._size += count + len(corners)
        if self._size > MOST_VALUES:
            raise ValueError("it has too many vertices and faces")
        index: NDArray[np.int64] = corners.astype(np.int64)
        if len(index) and index.max() >= count:
            raise ValueError("a face names a vertex that is not there")
        if mode == TRIANGLES:
            return index[: len(index) // 3 * 3].reshape(-1, 3)
        if len(index) < 3:
            return np.zeros((0, 3), np.int64)
        a, b, c = (index[:-2], index[1:-1], index[2:]) if mode == STRIP else (index[[0]], index[1:-1], index[2:])
        faces: NDArray[np.int64] = np.stack(np.broadcast_arrays(a, b, c), axis=1)
        if mode == STRIP:
            faces[1::2] = faces[1::2, [0, 2, 1]]
        return faces

    def _material(self, index: int | None) -> tuple[Floats, dict[str, Any] | None, bool]:
        """Factor (4,), the reference to a texture, and whether its alpha counts."""
        material = {} if index is None else self._item("materials", index)
        extensions = material.get("extensions", {})
        plain = material.get("pbrMetallicRoughness", {})
        other = extensions.get("KHR_materials_pbrSpecularGlossiness", {})
        given = plain.get("baseColorFactor", other.get("diffuseFactor", (1, 1, 1, 1)))
        factor = np.asarray(given, np.float64)
        if factor.shape != (4,) or not np.isfinite(factor).all():
            raise ValueError("a material's colour is no colour")
        texture = plain.get("baseColorTexture", other.get("diffuseTexture"))
        return factor.clip(0, 1), texture, material.get("alphaMode", "OPAQUE") != "OPAQUE"

    def _painted(
        self, texture: dict[str, Any] | None, attributes: dict[str, int], count: int
    ) -> tuple[int | None, Floats | None]:
        """The number of the picture, and uv (V, 2) with v up."""
        shift = (texture or {}).get("extensions", {}).get("KHR_texture_transform", {})
        channel = shift.get("texCoord", (texture or {}).get("texCoord", 0))
        name = f"TEXCOORD_{channel}"
        if name not in attributes:
            return None, None
        uv = self._buffers.numbers(attributes[name], (2,))
        if len(uv) != count:
            raise ValueError("its uv are not as many as its vertices")
        uv = np.nan_to_num(uv, posinf=0, neginf=0)
        if shift:
            angle, scale = float(shift.get("rotation", 0)), np.asarray(shift.get("scale", (1, 1)), np.float64)
            turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
            uv = (uv * scale) @ turn.T + np.asarray(shift.get("offset", (0, 0)), np.float64)
        return self._source(texture), np.stack([uv[:, 0], 1 - uv[:, 1]], axis=1)

    def _source(self, texture: dict[str, Any] | None) -> int | None:
        if texture is None:
            return None
        found = self._item("textures", texture["index"])
        source: int | None = found.get("source", found.get("extensions", {}).get("EXT_texture_webp", {}).get("source"))
        if source is not None:
            self._item("images", source)
        return source

    def _colors(self, attributes: dict[str, int], count: int) -> Floats | None:
        if "COLOR_0" not in attributes:
            return None
        values = self._buffers.numbers(attributes["COLOR_0"], (3, 4))
        if len(values) != count:
            raise ValueError("its colours are not as many as its vertices")
        full = np.ones((count, 4))
        full[:, : values.shape[1]] = np.nan_to_num(values, posinf=1, neginf=0).clip(0, 1)
        return full

    def _image(self, index: int) -> bytes:
        """Encoded; a picture that is missing leaves the colour."""
        item = self._item("images", index)
        if "bufferView" in item:
            return self._buffers.bytes_of(item["bufferView"])[0]
        try:
            return self._buffers.uri(item["uri"])
        except ValueError:
            return b""


def _matrix(node: dict[str, Any]) -> Floats:
    """Of a node (4, 4); columns are multiplied from the left."""
    if "matrix" in node:
        return _numbers(node["matrix"], 16).reshape(4, 4).T
    place = np.eye(4)
    place[:3, :3] = rotation(*_numbers(node.get("rotation", (0, 0, 0, 1)), 4))
    place[:3, :3] *= _numbers(node.get("scale", (1, 1, 1)), 3)
    place[:3, 3] = _numbers(node.get("translation", (0, 0, 0)), 3)
    return place


def rotation(x: float, y: float, z: float, w: float) -> Floats:
    """The matrix (3, 3) of a unit quaternion."""
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def _numbers(given: Any, count: int) -> Floats:
    """Of a node."""
    values = np.asarray(given, np.float64)
    if values.shape != (count,):
        raise ValueError("a node's place is none")
    return values
