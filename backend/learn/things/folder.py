# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder of somebody's own meshes as a source: each file is an object, its sub-folder its category."""

from __future__ import annotations

import functools
import hashlib
import io
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ...protocol.errors import UserError
from .catalogues.entry import Entry, Keys
from .readers import gltf, obj
from .readers.files import Files, Folder
from .shape import Y_UP, Shape, joined

NAME = "own"
"""Of the source, and the beginning of each key."""
LICENCE = "the owner's"
Y_UPRIGHT, Z_UPRIGHT = ("glb", "gltf", "obj"), ("ply", "stl", "off")
"""Formats read, by the axis that programs write upwards in them; such files face +Z and -Y."""
FORMATS = Y_UPRIGHT + Z_UPRIGHT
UNREAD = ("fbx", "dae", "blend", "3ds", "usd", "usda", "usdc", "usdz", "x3d", "3mf", "abc", "step", "stp")
VAL_SHARE = 0.05
ENOUGH = 8
"""From so many meshes on at least one is for validation."""
PLAIN_NAMES = ("scene", "model", "mesh", "meshes", "models", "object", "untitled", "source")
"""Of files and folders that say nothing; the name of the folder above is taken."""


@dataclass(frozen=True)
class Own(Entry):
    """`part`: "train" or "val". `sha256` of the files that it is made of and of how they are read."""

    part: str
    sha256: str

    @property
    def split(self) -> str:
        return self.part


def entries(root: Path, trains: Collection[str] = (), up: str = "auto") -> Iterator[Own]:
    """Every mesh below `root`, sorted by path. About 5 % by the hash of their keys are for validation, and at least
    one where there are 8 or more; never one of those whose keys are in `trains`.

    `up`: "y" or "z" for all files, or "auto": what is usual in each format.
    """
    if not root.is_dir():
        raise UserError(f"There is no folder {root}.")
    files, keys = Folder(root), Keys(NAME)
    paths = [name for name in files.names if _suffix(name) in FORMATS + UNREAD]
    named = {path: keys.key(PurePosixPath(path).with_suffix("").as_posix()) for path in paths}
    shares = {key: _share(key) for key in named.values() if key not in trains}
    val = {key for key, share in shares.items() if share < VAL_SHARE}
    if not val and len(paths) >= ENOUGH and shares:
        val = {min(shares, key=lambda key: shares[key])}
    for path, key in named.items():
        yield Own(
            key,
            _words(path),
            path.split("/")[0] if "/" in path else NAME,
            LICENCE,
            NAME,
            False,
            functools.partial(read, files, path, up),
            "val" if key in val else "train",
            _sha256(files, path, up),
        )


def read(files: Files, path: str, up: str = "auto") -> Shape:
    """A mesh, Z up and facing -Y; ValueError where it cannot be."""
    kind = _suffix(path)
    if kind in UNREAD:
        raise ValueError(f".{kind} is not read here; write it as .glb (in Blender: File > Export > glTF)")
    if kind == "obj":
        shape = obj.read(files, path)
    elif kind in Y_UPRIGHT:
        shape = gltf.read(files, path)
    else:
        shape = _plain(files.read(path), kind)
    upright = ("y" if kind in Y_UPRIGHT else "z") if up == "auto" else up
    return shape.turned(Y_UP) if upright == "y" else shape


def _plain(data: bytes, kind: str) -> Shape:
    """PLY, STL or OFF through trimesh, with the colours of faces or vertices where it has some."""
    import trimesh

    try:
        scene = trimesh.load_scene(io.BytesIO(data), file_type=kind, process=False)
    except Exception as error:
        raise ValueError(f"trimesh cannot read it: {type(error).__name__}: {error}") from error
    meshes = [mesh for mesh in scene.geometry.values() if isinstance(mesh, trimesh.Trimesh) and len(mesh.faces)]
    return joined([_part(mesh) for mesh in meshes])


def _part(mesh: Any) -> Shape:
    faces = np.asarray(mesh.faces, np.int32)
    grey = np.array([obj.GREY], np.float32)
    none = np.zeros((len(faces), 3, 2), np.float32)
    slot = np.zeros(len(faces), np.int16)
    if mesh.visual.kind not in ("vertex", "face"):
        return Shape(np.asarray(mesh.vertices, np.float64), faces, none, slot, grey, (None,))
    uv, picture = palette(np.asarray(mesh.visual.face_colors)[:, :3])
    uvs = np.repeat(uv[:, None], 3, axis=1)
    return Shape(np.asarray(mesh.vertices, np.float64), faces, uvs, slot, np.ones((1, 4), np.float32), (picture,))


def palette(colors: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Colours (N, 3) 0..255 -> where (N, 2) each lies in a picture (256, 256, 4) of 65,536 colours, 5, 6 and 5 bits."""
    bits = np.array([5, 6, 5])
    red, green, blue = np.round(np.asarray(colors, np.float64) / 255 * (2**bits - 1)).astype(np.int64).T
    place = (red << 11) | (green << 5) | blue
    uv = np.stack([(place % 256 + 0.5) / 256, 1 - (place // 256 + 0.5) / 256], axis=1)
    every = np.arange(65536)
    parts = np.stack([every >> 11, every >> 5 & 63, every & 31], axis=1) / (2**bits - 1) * 255
    picture = np.full((256, 256, 4), 255, np.uint8)
    picture[..., :3] = np.round(parts).reshape(256, 256, 3)
    return cast("NDArray[np.float32]", uv.astype(np.float32)), picture


def _suffix(path: str) -> str:
    return PurePosixPath(path).suffix.lower().lstrip(".")


def _words(path: str) -> str:
    """A name to read: "Big_redChair.glb" is "big red chair"."""
    place = PurePosixPath(path)
    name = place.stem
    while name.lower() in PLAIN_NAMES and place.parent.name:
        place = place.parent
        name = place.name
    return re.sub(r"(?<=[a-z])(?=[A-Z0-9])|[_\W]+", " ", name).strip().lower() or NAME


def _share(key: str) -> float:
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") / 2**32


def _sha256(files: Files, path: str, up: str) -> str:
    """Of the file and of those beside it that are named alike, such as .mtl and .bin."""
    stem = str(PurePosixPath(path).with_suffix(""))
    digest = hashlib.sha256(up.encode())
    for name in files.names:
        if name == path or (name.startswith(stem + ".") and _suffix(name) in ("mtl", "bin")):
            try:
                digest.update(hashlib.sha256(files.read(name)).digest())
            except (OSError, ValueError) as error:
                digest.update(str(error).encode())
    return digest.hexdigest()
