# SPDX-License-Identifier: GPL-3.0-or-later
"""Levels of detail as glTF tells them: the vendor extension MSFT_lod, written into a file of Blender's exporter.

The coarser nodes stand in no scene, so a reader that does not know the extension shows the finest alone. The hint in
`MSFT_screencoverage` says down to which share of the screen a level is for; the last one is never culled.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .....backend.protocol import gltf

EXTENSION = "MSFT_lod"
COVERAGE = "MSFT_screencoverage"


def tell(path: Path, levels: Sequence[tuple[str, int]]) -> None:
    """`levels` are names of nodes and triangles of their meshes, the finest first."""
    data = gltf.read(path)
    nodes: list[dict[str, Any]] = data["nodes"]
    number = {node.get("name"): index for index, node in enumerate(nodes)}
    finest, *ids = (number[name] for name, _ in levels)
    node = nodes[finest]
    if set(ids) & set(node.get("children", ())):
        # a level is shown in its node's place: one that hangs on a finest which moves would be left behind
        node.setdefault("children", []).append(len(nodes))
        nodes.append({"name": node["name"], "mesh": node.pop("mesh")})
        node = nodes[-1]
    for holder, key in (*((each, "children") for each in nodes), *((scene, "nodes") for scene in data["scenes"])):
        if key in holder:
            holder[key] = [index for index in holder[key] if index not in ids]
            if not holder[key]:
                del holder[key]
    node.setdefault("extensions", {})[EXTENSION] = {"ids": ids}
    node.setdefault("extras", {})[COVERAGE] = coverage([faces for _, faces in levels])
    data["extensionsUsed"] = sorted({*data.get("extensionsUsed", ()), EXTENSION})
    gltf.write(path, data)


def coverage(faces: Sequence[int]) -> list[float]:
    """A level gives way to the next where that has as many triangles a pixel as the finest at half the screen."""
    return [round(0.5 * after / faces[0], 6) for after in faces[1:]] + [0.0]
