# SPDX-License-Identifier: GPL-3.0-or-later
"""A GLB from a stranger, before Blender opens it: whole in itself, and no larger than it looks."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

from ..protocol.errors import UserError

MOST_JSON = 32 << 20
"""Bytes of the JSON in a GLB."""
MOST_VALUES = 50_000_000
"""Elements that its accessors may claim in all; and its meshes, once for each node that shows them; and its motions."""
MOST = {"images": 256, "accessors": 100_000, "bufferViews": 100_000}
MOST_OTHERS = 10_000
"""Nodes, meshes, parts of meshes and all else: Blender makes a thing of each, and is slow at it."""
_HIDING = (
    "KHR_draco_mesh_compression", "EXT_meshopt_compression", "KHR_meshopt_compression", "EXT_mesh_gpu_instancing",
)  # fmt: skip
"""Extensions that make much of few bytes. Blender obeys them wherever they stand, also where no list names them."""


def textures(path: Path) -> list[bytes]:
    """The pictures in it; raises `UserError` where it is not sound."""
    data = path.read_bytes()
    tree = _tree(data)
    text = json.dumps(tree)
    for name in _HIDING:
        if f'"{name}"' in text:
            raise UserError(f"The GLB is packed ({name}), which hides how large it is. Export it without that.")
    for each in (*_list(tree, "buffers"), *_list(tree, "images")):
        if not isinstance(each, dict) or "uri" in each:
            raise UserError("The GLB names other files, or holds some as text. Export it with its textures inside.")
    for key in tree:
        most = MOST.get(key, MOST_OTHERS)
        if isinstance(tree[key], list) and len(tree[key]) > most:
            text = f"The GLB has {len(tree[key])} {key[:20]}, and {most} are the most. Join some and export it again."
            raise UserError(text)
    try:
        _count(tree, len(data))
        start = 20 + struct.unpack("<I", data[12:16])[0] + 8
        views = _list(tree, "bufferViews")
        return [_cut(data, start, views[image["bufferView"]]) for image in _list(tree, "images")]
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError):
        raise _damaged() from None


def _damaged() -> UserError:
    return UserError("The GLB is damaged or cut short. Export it again.")


def _tree(data: bytes) -> dict[str, Any]:
    if len(data) < 20 or data[16:20] != b"JSON":
        raise _damaged()
    version, length, words = struct.unpack("<III", data[4:16])
    if version != 2 or length > len(data) or words > min(length, MOST_JSON):
        raise _damaged()
    try:
        tree = json.loads(data[20 : 20 + words])
    except (ValueError, RecursionError):
        raise _damaged() from None
    if not isinstance(tree, dict) or not isinstance(tree.get("asset"), dict):
        raise _damaged()
    return tree


def _list(tree: dict[str, Any], key: str) -> list[Any]:
    found = tree.get(key, [])
    if not isinstance(found, list):
        raise _damaged()
    return found


def _count(tree: dict[str, Any], size: int) -> None:
    """Add up what Blender would make of it."""
    counts = [each["count"] for each in _list(tree, "accessors")]
    if any(type(count) is not int or not 0 <= count <= size for count in counts):
        raise UserError("The GLB claims more than it holds. Export it again.")
    meshes = [_used(mesh["primitives"]) for mesh in _list(tree, "meshes")]
    samplers = [each for motion in _list(tree, "animations") for each in motion["samplers"]]
    parts = sum(len(mesh["primitives"]) for mesh in _list(tree, "meshes"))
    sizes = [sum(counts[index] for index in mesh) for mesh in meshes]
    shown = sum(sizes[node["mesh"]] for node in _list(tree, "nodes") if "mesh" in node)
    keyed = sum(counts[each[end]] for each in samplers for end in ("input", "output"))
    if max(sum(counts), sum(sizes), shown, keyed) > MOST_VALUES:
        raise UserError("The GLB shows more vertices or keys than can be. Export it again, with fewer.")
    if parts > MOST_OTHERS or sum(map(len, meshes)) + len(samplers) > MOST["accessors"]:
        raise UserError("The GLB has too many parts, shape keys or motions. Join some and export it again.")


def _used(parts: list[Any]) -> list[int]:
    """The accessors that the parts of a mesh read, as often as they do."""
    found = []
    for part in parts:
        for group in (part["attributes"], *part.get("targets", ())):
            found += group.values()
        found += [part["indices"]] if "indices" in part else []
    return found


def _cut(data: bytes, start: int, view: dict[str, Any]) -> bytes:
    at = start + int(view.get("byteOffset", 0))
    return data[at : at + int(view["byteLength"])]
