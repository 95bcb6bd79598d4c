# SPDX-License-Identifier: GPL-3.0-or-later
"""A Thing: one textured object to learn from, as arrays, one .npz file each."""

from __future__ import annotations

import io
import json
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...protocol import whole

Pixels = NDArray[np.uint8]

TEXTURE_SIDE = 256
"""px, the longest side of a texture."""
SPLITS = ("train", "val", "holdout")
META = ("name", "category", "licence", "author", "source", "split")


@dataclass(frozen=True)
class Thing:
    """One object.

    `key`: file-safe and unique, "<source>--<name>".
    `vertices` (V, 3) float32: Z up, facing -Y where known, bounding box centred on the origin, longest side 1.
    `faces` (F, 3) int32: counter-clockwise from outside where the source says so.
    `uv` (F, 3, 2) float32: per corner, v up as in OpenGL, zeros where there is none; wraps.
    `slot` (F,) int16: index into `colors` and `textures`.
    `colors` (M, 4) float32: sRGB base colour 0..1 and alpha.
    `textures`: M of uint8 (h, w, 4) sRGB with row 0 on top, or None; the colour is texture * color where present.
    `meta`: name, category, licence, author, source (package and version), split ("train", "val" or "holdout").
    """

    key: str
    vertices: NDArray[np.float32]
    faces: NDArray[np.int32]
    uv: NDArray[np.float32]
    slot: NDArray[np.int16]
    colors: NDArray[np.float32]
    textures: tuple[Pixels | None, ...]
    meta: dict[str, str]


def normalise(vertices: NDArray[Any]) -> NDArray[np.float32]:
    """(V, 3) moved and scaled so that the bounding box is centred on the origin and its longest side is 1."""
    points = np.asarray(vertices, np.float64)
    low, high = points.min(0), points.max(0)
    side = float((high - low).max())
    if not side > 0:
        raise ValueError("the object has no size")
    return np.asarray((points - (low + high) / 2) / side, np.float32)


def check(thing: Thing) -> Thing:
    """The same Thing, or ValueError that names what is wrong with it."""
    v, f, m = len(thing.vertices), len(thing.faces), len(thing.colors)
    wanted: dict[str, tuple[NDArray[Any], tuple[int, ...], type]] = {
        "vertices": (thing.vertices, (v, 3), np.float32),
        "faces": (thing.faces, (f, 3), np.int32),
        "uv": (thing.uv, (f, 3, 2), np.float32),
        "slot": (thing.slot, (f,), np.int16),
        "colors": (thing.colors, (m, 4), np.float32),
    }
    for name, (array, shape, kind) in wanted.items():
        if array.shape != shape or array.dtype != kind:
            raise ValueError(f"{name} is {array.shape} {array.dtype}, not {shape} {np.dtype(kind)}")
        if kind is np.float32 and not np.isfinite(array).all():
            raise ValueError(f"{name} has a value that is no number")
    if not f:
        raise ValueError("there is no face")
    if thing.faces.min() < 0 or thing.faces.max() >= v:
        raise ValueError("faces names a vertex that is not there")
    if thing.slot.min() < 0 or thing.slot.max() >= m or len(thing.textures) != m:
        raise ValueError("slot names a colour that is not there")
    if thing.colors.min() < 0 or thing.colors.max() > 1:
        raise ValueError("colors is not within 0..1")
    size = np.ptp(thing.vertices, axis=0)
    if abs(float(size.max()) - 1) > 1e-3 or np.abs(thing.vertices).max() > 0.501:
        raise ValueError("the bounding box is not centred with a longest side of 1")
    for picture in thing.textures:
        if picture is None:
            continue
        if picture.ndim != 3 or picture.shape[2] != 4 or picture.dtype != np.uint8:
            raise ValueError(f"a texture is {picture.shape} {picture.dtype}, not (h, w, 4) uint8")
        if not 1 <= max(picture.shape[:2]) <= TEXTURE_SIDE or not min(picture.shape[:2]):
            raise ValueError(f"a texture is {picture.shape[1]} x {picture.shape[0]} px")
    if not re.fullmatch(r"[A-Za-z0-9._+-]{1,150}", thing.key) or "--" not in thing.key:
        raise ValueError(f"the key is not file-safe: {thing.key!r}")
    if missing := [name for name in META if not isinstance(thing.meta.get(name), str)]:
        raise ValueError(f"meta lacks {', '.join(missing)}")
    if thing.meta["split"] not in SPLITS:
        raise ValueError(f"there is no split {thing.meta['split']!r}")
    return thing


def save(path: Path, thing: Thing) -> None:
    """Write a checked Thing; the file appears whole or not at all, and the same Thing gives the same bytes.

    Textures are kept as PNG files in arrays of bytes, since that is a third of the size of deflated pixels.
    """
    check(thing)
    meta = json.dumps({"key": thing.key, **thing.meta}, sort_keys=True).encode()
    arrays: dict[str, NDArray[Any]] = {
        "vertices": thing.vertices,
        "faces": thing.faces,
        "uv": thing.uv,
        "slot": thing.slot,
        "colors": thing.colors,
        "meta": np.frombuffer(meta, np.uint8),
    }
    for i, picture in enumerate(thing.textures):
        if picture is not None:
            arrays[f"texture_{i}"] = _png(picture)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole.part(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
            kind = zipfile.ZIP_STORED if name.startswith("texture_") else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), buffer.getvalue(), kind)


def load(path: Path) -> Thing:
    """Read and check what `save` wrote; ValueError or OSError where it cannot be."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            meta = json.loads(arrays["meta"].tobytes())
            colors = arrays["colors"]
            textures = tuple(
                _pixels(arrays[f"texture_{i}"]) if f"texture_{i}" in arrays.files else None for i in range(len(colors))
            )
            thing = Thing(
                meta.pop("key"),
                arrays["vertices"],
                arrays["faces"],
                arrays["uv"],
                arrays["slot"],
                colors,
                textures,
                meta,
            )
    except (KeyError, AttributeError, zipfile.BadZipFile, EOFError) as error:
        raise ValueError(f"{path.name} is not a Thing: {error!r}") from error
    return check(thing)


def _png(picture: Pixels) -> Pixels:
    image = Image.fromarray(picture, "RGBA")
    if (picture[..., 3] == 255).all():
        image = image.convert("RGB")
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=6)
    return np.frombuffer(buffer.getvalue(), np.uint8)


def _pixels(png: Pixels) -> Pixels:
    with Image.open(io.BytesIO(png.tobytes()), formats=("PNG",)) as image:
        if max(image.size) > TEXTURE_SIDE:
            raise ValueError(f"a texture is {image.size[0]} x {image.size[1]} px")
        return np.array(image.convert("RGBA"))
