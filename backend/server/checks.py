# SPDX-License-Identifier: GPL-3.0-or-later
"""What an uploaded file is, by what stands in it. Its name and the sender's word for its type are never asked.

A file that passes is whole in itself: one that names other files is refused, for they would be looked for on this disk.
"""

from __future__ import annotations

import json
import re
import struct
import warnings
from io import BytesIO
from pathlib import Path

from ..protocol.errors import UserError
from . import films, glb
from .limits import Limits

ROLES = {
    "image": ("png", "jpg", "webp"),
    "mask": ("png", "jpg", "webp"),
    "cutout": ("png",),
    "model": ("glb", "stl", "ply", "obj"),
    "spec": ("json",),
    "motion": ("bvh", "glb"),
    "film": ("mp4", "webm"),
}
"""Kinds of files by the role that they may have. Blender's own files hold programs, so there are none of them."""
MEDIA = {
    "png": "image/png", "jpg": "image/jpeg", "webp": "image/webp", "glb": "model/gltf-binary", "stl": "model/stl",
    "ply": "application/octet-stream", "obj": "model/obj", "bvh": "text/plain", "json": "application/json",
    "mp4": "video/mp4", "webm": "video/webm",
}  # fmt: skip
_PICTURES = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP"}
SHEETS = 16
"""How many of the largest pictures the textures of a GLB may be together."""
_NAMES = re.compile(rb"\s*(?:mtllib|maplib|call|csh|shadow_obj|trace_obj)\b", re.IGNORECASE)
_BEFORE = re.compile(rb"(?:#|(?:o|g|s|usemtl|mtllib)\b|$)")
"""Begins a line of an OBJ that may stand before its first corner. No pattern here may go over a byte twice: a search
lets nobody else run meanwhile."""


def kind(path: Path, limits: Limits) -> str:
    """One of `MEDIA`; raises `UserError` where it is none of them, or not sound."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(4096)
    if not head:
        raise UserError("The file is empty. Send another.")
    found = _guess(head, size)
    if found in _PICTURES:
        _picture(path, _PICTURES[found], limits)
    elif found == "glb":
        _glb(path, limits)
    elif found in ("mp4", "webm"):
        films.check(path, found, limits.pixels)
    elif found == "json":
        _scene(path, size)
    elif found in ("ply", "stl"):
        _counted(head, size, found)
    elif found == "obj":
        _alone(path)
    elif not found:
        text = "This is no file that the server takes. Send a PNG, JPEG or WebP picture, a GLB, STL, PLY or OBJ mesh, "
        raise UserError(text + "a BVH motion, a scene.json, or an MP4 or WebM film.")
    return found


def _guess(head: bytes, size: int) -> str:
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head.startswith(b"glTF"):
        return "glb"
    if films.kind(head):
        return films.kind(head)
    if re.match(rb"ply\r?\n", head):
        return "ply"
    if head.startswith(b"HIERARCHY"):
        return "bvh"
    if len(head) >= 84 and 84 + 50 * struct.unpack("<I", head[80:84])[0] == size:
        return "stl"
    if b"\0" in head:
        return ""
    if head.lstrip()[:1] == b"{":
        return "json"
    if re.match(rb"solid[\s\w.-]{0,200}?\n\s*facet normal", head, re.IGNORECASE):
        return "stl"
    first = next((line for line in map(bytes.strip, head.split(b"\n")) if not _BEFORE.match(line)), b"")
    return "obj" if re.match(rb"v\s+[-+.\d]", first) else ""


def _picture(source: Path | BytesIO, kind: str, limits: Limits) -> int:
    """Its size is read from its head, before a pixel is decoded; then all of it is decoded once. Returns its pixels.

    A photo of a phone may hold smaller ones beside the first (MPF, Ultra HDR), which nobody decodes.
    """
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(source, formats=(kind,)) as image:
                if image.width * image.height > limits.pixels:
                    most = limits.pixels / 1e6
                    text = f"The picture has {image.width} x {image.height} px, and {most:g} megapixels are the most."
                    raise UserError(f"{text} Make it smaller.")
                if kind != "JPEG" and getattr(image, "n_frames", 1) > 1:
                    raise UserError("The picture has several frames. Send one alone.")
                image.load()
                return image.width * image.height
    except UserError:
        raise
    except Image.DecompressionBombError:
        raise UserError("The picture is far too large. Make it smaller.") from None
    except Exception as error:  # Pillow raises a dozen kinds for what is broken
        raise UserError(f"The picture is damaged or cut short ({str(error)[:80]}). Export it again.") from None


def _glb(path: Path, limits: Limits) -> None:
    """Each texture is a picture of the kinds that are taken, and all together are not too large."""
    pixels = 0
    for blob in glb.textures(path):
        found = _guess(blob[:4096], len(blob))
        if found not in _PICTURES:
            raise UserError("A texture of the GLB is no PNG, JPEG or WebP picture. Export it with such ones.")
        pixels += _picture(BytesIO(blob), _PICTURES[found], limits)
        if pixels > SHEETS * limits.pixels:
            raise UserError("The textures of the GLB are too large together. Export it with smaller ones.")


def _scene(path: Path, size: int) -> None:
    """A scene's document that names no file of a disk."""
    from ..protocol import scene

    if size > scene.LARGEST:
        raise UserError(f"A scene.json has at most {scene.LARGEST // 1000} kB. Make it smaller.")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        raise UserError("The file begins as JSON and is none, so it is no scene. Mend it.") from None
    for each in scene.validate(data).objects:
        if each.mesh.file:
            raise UserError("The scene names a mesh file, which the server does not open. Take it out.")


def _counted(head: bytes, size: int, kind: str) -> None:
    """A PLY may say that it holds more than its bytes can be."""
    if kind == "ply":
        claimed = sum(int(each) for each in re.findall(rb"element\s+\w+\s+(\d+)", head))
        if b"end_header" not in head or claimed > size:
            raise UserError("The PLY is damaged: it claims more than it holds. Export it again.")


def _alone(path: Path) -> None:
    """An OBJ that reads nothing else."""
    with path.open("rb") as file:
        if any(map(_NAMES.match, file)):
            raise UserError("The OBJ names other files (mtllib). Send a GLB, which holds its materials.")
