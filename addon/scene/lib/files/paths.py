# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that an asset names by absolute paths: in a .blend as Blender knows them, else as the file itself says."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import bpy

from . import usd

_MOST = 64 << 20
"""Bytes that are looked through of a text."""
_ABSOLUTE = re.compile(r"^(/|\\\\|[A-Za-z]:[\\/]|file:)")


def absolute(path: Path) -> list[str]:
    """Each of them once."""
    return list(dict.fromkeys(each for each in _named(path) if _ABSOLUTE.match(each) and not each.startswith("//")))


def _named(path: Path) -> Iterator[str]:
    kind = path.suffix.lower()
    if kind == ".blend":
        yield from _blend()
    elif kind in (".gltf", ".glb"):
        yield from _gltf(path)
    elif kind == ".obj":
        yield from _obj(path)
    elif kind in (".usd", ".usda", ".usdc", ".usdz"):
        yield from _usd(path)


def _blend() -> Iterator[str]:
    for image in bpy.data.images:
        if image.source in ("FILE", "SEQUENCE", "MOVIE", "TILED") and not image.packed_file and image.filepath:
            yield image.filepath_raw
    for name in ("libraries", "cache_files", "sounds", "movieclips", "fonts", "volumes"):
        for each in getattr(bpy.data, name):
            if getattr(each, "filepath", "<builtin>") != "<builtin>" and not getattr(each, "packed_file", None):
                yield each.filepath


def _gltf(path: Path) -> Iterator[str]:
    data = path.read_bytes()[:_MOST]
    if data[:4] == b"glTF" and len(data) >= 20:
        size = struct.unpack("<I", data[12:16])[0]
        data = data[20 : 20 + size]
    try:
        document: Any = json.loads(data)
        for each in (*document.get("images", ()), *document.get("buffers", ())):
            uri = each.get("uri", "")
            if not uri.startswith("data:"):
                yield unquote(uri)
    except (ValueError, AttributeError, TypeError):
        return  # the reader has said what is wrong with it


def _obj(path: Path) -> Iterator[str]:
    """Of the file and of its materials, which lie beside it."""
    text = path.read_text(encoding="utf-8", errors="replace")[:_MOST]
    libraries = re.findall(r"^mtllib\s+(.+?)\s*$", text, re.M)
    yield from libraries
    for name in libraries:
        beside = path.parent / Path(name).name
        if beside.is_file():
            text = beside.read_text(encoding="utf-8", errors="replace")[:_MOST]
            yield from (
                each.split()[-1] for each in re.findall(r"^\s*(?:map_\w+|bump|disp|norm)\s+(.+?)\s*$", text, re.M)
            )


def _usd(path: Path) -> Iterator[str]:
    if usd.library() is None:
        return
    from pxr import Sdf, Usd

    stage = Usd.Stage.Open(str(path))
    for prim in stage.Traverse():
        for attribute in prim.GetAttributes():
            if attribute.GetTypeName() == Sdf.ValueTypeNames.Asset and attribute.Get():
                yield str(attribute.Get().path)
    yield from (str(each) for layer in stage.GetUsedLayers() for each in layer.GetExternalReferences())
