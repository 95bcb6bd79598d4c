# SPDX-License-Identifier: GPL-3.0-or-later
"""glTF and GLB through trimesh: node transforms baked in, skins in their bind pose, the base colour and its picture."""

from __future__ import annotations

import io
import posixpath
import urllib.parse
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ..shape import Shape, joined, srgb, texture
from ..thing import Pixels
from .files import Files

MAX_VERTEX_COLORS = 64


def read(files: Files, name: str) -> Shape:
    """The scene in its own axes, Y up and facing +Z; ValueError where it is none."""
    import trimesh

    kind = "glb" if name.lower().endswith(".glb") else "gltf"
    try:
        scene = trimesh.load_scene(
            io.BytesIO(files.read(name)), file_type=kind, resolver=cast(Any, _Resolver(files, name)), process=False
        )
    except Exception as error:
        raise ValueError(f"trimesh cannot read it: {type(error).__name__}: {error}") from error
    pictures: dict[int, Pixels | None] = {}
    parts = []
    for node in sorted(scene.graph.nodes_geometry):
        matrix, geometry = scene.graph[node]
        mesh = scene.geometry[geometry]
        if isinstance(mesh, trimesh.Trimesh) and len(mesh.faces):
            parts.append(_part(mesh, np.asarray(matrix, np.float64), pictures))
    return joined(parts)


def _part(mesh: Any, matrix: NDArray[np.float64], pictures: dict[int, Pixels | None]) -> Shape:
    faces = np.asarray(mesh.faces, np.int32)
    uv = getattr(mesh.visual, "uv", None)
    corners = np.zeros((len(faces), 3, 2), np.float32)
    if uv is not None and len(uv) == len(mesh.vertices):
        corners = np.asarray(uv, np.float32)[faces]
    color, picture = _material(getattr(mesh.visual, "material", None), pictures)
    slot = np.zeros(len(faces), np.int16)
    colors: NDArray[np.float32] = color[None]
    painted = _painted(mesh)
    if painted is not None:
        seen, slots = np.unique(np.round(painted[faces].mean(1) * 15) / 15, axis=0, return_inverse=True)
        if len(seen) <= MAX_VERTEX_COLORS:
            slot, colors = slots.reshape(-1).astype(np.int16), np.asarray(seen * color, np.float32)
    shape = Shape(
        np.asarray(mesh.vertices, np.float64), faces, corners, slot, colors, tuple(picture for _ in range(len(colors)))
    ).turned(matrix[:3, :3])
    return Shape(shape.vertices + matrix[:3, 3], shape.faces, shape.uv, shape.slot, shape.colors, shape.textures)


def _material(material: Any, pictures: dict[int, Pixels | None]) -> tuple[NDArray[np.float32], Pixels | None]:
    """sRGB colour with alpha, and the picture; the factor of a glTF file is in linear light."""
    factor = getattr(material, "baseColorFactor", None)
    color = np.ones(4)
    if factor is not None:
        values = np.asarray(factor)
        values = values / 255 if values.dtype.kind in "ui" else values
        color[: len(values)] = values
    color[:3] = srgb(color[:3])
    image = getattr(material, "baseColorTexture", None)
    see_through = getattr(material, "alphaMode", None) in ("MASK", "BLEND")
    if not see_through:
        color[3] = 1
    if image is not None and id(image) not in pictures:
        pictures[id(image)] = texture(image, alpha=see_through)
    return color.astype(np.float32), None if image is None else pictures[id(image)]


def _painted(mesh: Any) -> NDArray[np.float64] | None:
    """Colours of the vertices (V, 4) as sRGB 0..1 where there are some that are not white."""
    attributes = getattr(mesh.visual, "vertex_attributes", {})
    colors = attributes.get("color") if hasattr(attributes, "get") else None
    if colors is None and getattr(mesh.visual, "kind", None) == "vertex":
        colors = mesh.visual.vertex_colors
    if colors is None or len(colors) != len(mesh.vertices):
        return None
    values = np.asarray(colors)
    values = values / np.iinfo(values.dtype).max if values.dtype.kind in "ui" else values.astype(np.float64)
    full = np.ones((len(values), 4))
    full[:, : values.shape[1]] = values
    full[:, :3] = srgb(full[:, :3])
    return None if (full > 0.99).all() else full


class _Resolver:
    """Files beside the model, for trimesh; what is missing is an empty file, so that the rest can be read."""

    def __init__(self, files: Files, name: str) -> None:
        self._files, self._folder = files, posixpath.dirname(name)

    def get(self, name: str) -> bytes:
        found = self._files.find(self._folder, urllib.parse.unquote(name))
        if found is None and not name.lower().endswith((".png", ".jpg", ".jpeg")):
            raise ValueError(f"{name!r} is not there")
        return self._files.read(found) if found else b""

    __getitem__ = get
