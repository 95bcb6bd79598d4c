# SPDX-License-Identifier: GPL-3.0-or-later
"""What a GLB says of itself, for people: faces, textures, clips, where it comes from. It may come from anybody.

What cannot be shown in a page is a ValueError in words that can be shown.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from .buffers import opened, plain

SHOWN = re.compile(
    "KHR_(lights_punctual|texture_transform|mesh_quantization|materials_\\w+)|MSFT_lod|"
    "EXT_(texture_webp|texture_avif|mesh_gpu_instancing|materials_bump)"
)
"""Extensions that the page can do, or that it can leave aside."""
BESIDE = re.compile(r"_LOD[1-9]\d*(-noimp)?(\.\d{3})?$|^UCX_|_COL_\d\d(\.\d{3})?$|-(conv)?colonly(\.\d{3})?$")
"""Names of coarser levels and of hulls, as `export` gives them for engines: all of them at once are no picture."""
SLOTS = {
    "baseColorTexture": "colour",
    "metallicRoughnessTexture": "roughness and metal",
    "normalTexture": "normal",
    "occlusionTexture": "occlusion",
    "emissiveTexture": "glow",
}
TRIANGLES, STRIP, FAN = 4, 5, 6
MOST = 200_000_000
"""Of any count; a larger one is a lie."""


@dataclass(frozen=True)
class Facts:
    """`textures` are (what, width, height) in px; `clips` names of animations; `hidden` nodes that are not shown."""

    name: str
    faces: int
    vertices: int
    textures: tuple[tuple[str, int, int], ...]
    clips: tuple[str, ...]
    hidden: tuple[int, ...]
    told: tuple[tuple[str, str], ...]

    @property
    def brief(self) -> str:
        """One line of the most important."""
        made = dict(self.told).get("Origin", "")
        return " · ".join([f"{self.faces:,} faces", *([made] if made else [])])

    def rows(self, size: int) -> list[tuple[str, str]]:
        """Names and values to show; `size` in bytes."""
        textures = ", ".join(f"{what} {wide}\u00a0×\u00a0{high}" for what, wide, high in self.textures[:12])
        rows = [
            ("Faces", f"{self.faces:,}"),
            ("Vertices", f"{self.vertices:,}"),
            ("Size", "…"),
            ("Textures", textures or "none"),
            ("Animations", str(len(self.clips)) if self.clips else "none"),
            ("File", f"GLB, {size / 1e6:.1f} MB" if size >= 1e5 else f"GLB, {size / 1e3:.1f} kB"),
        ]
        return rows + list(self.told)


def facts(data: bytes) -> Facts:
    """What the file's default scene shows."""
    if data[:4] != b"glTF":
        raise ValueError("it is no GLB")
    tree, chunk = opened(data)
    required = [str(name) for name in tree.get("extensionsRequired", [])]
    plain(required)
    for name in required:
        if not SHOWN.fullmatch(name):
            raise ValueError(f"it needs the extension {name[:60]}, which the page does not know")
    for each in (*tree.get("buffers", []), *tree.get("images", [])):
        if not str(each.get("uri", "data:")).startswith("data:"):
            raise ValueError(f"it needs another file, {str(each['uri'])[:60]!r}")
    shown, hidden = _nodes(tree)
    meshes = [tree["meshes"][_index(node["mesh"])] for node in shown if "mesh" in node]
    counts = [_count(tree, primitive) for mesh in meshes for primitive in mesh["primitives"]]
    if not sum(faces for faces, _ in counts):
        raise ValueError("it has no faces")
    return Facts(
        name=re.sub(
            r"_LOD0$", "", next((str(node["name"]) for node in shown if "mesh" in node and "name" in node), "")
        ),
        faces=sum(faces for faces, _ in counts),
        vertices=sum(vertices for _, vertices in counts),
        textures=tuple(_textures(tree, chunk)),
        clips=tuple(str(clip.get("name", "")) for clip in tree.get("animations", [])),
        hidden=tuple(hidden),
        told=tuple(_told(tree["asset"])),
    )


def _index(value: Any) -> int:
    if type(value) is not int or not 0 <= value < MOST:
        raise ValueError(f"a number in it is {str(value)[:20]}")
    return value


def _nodes(tree: dict[str, Any]) -> tuple[list[dict[str, Any]], list[int]]:
    """The nodes of the default scene, and the numbers of those that are not to be seen."""
    nodes, scenes = tree.get("nodes", []), tree.get("scenes", [])
    ways = deque(scenes[_index(tree.get("scene", 0))].get("nodes", [])) if scenes else deque()
    shown, hidden, seen = [], [], set()
    while ways:
        number = _index(ways.popleft())
        if number in seen:
            raise ValueError("a node of it hangs on itself")
        seen.add(number)
        node = nodes[number]
        if "mesh" in node and BESIDE.search(str(node.get("name", ""))):
            hidden.append(number)
            continue
        shown.append(node)
        ways += node.get("children", [])
    return shown, hidden


def _count(tree: dict[str, Any], primitive: dict[str, Any]) -> tuple[int, int]:
    accessors = tree["accessors"]
    vertices = _index(accessors[_index(primitive["attributes"]["POSITION"])]["count"])
    corners = _index(accessors[_index(primitive["indices"])]["count"]) if "indices" in primitive else vertices
    mode = primitive.get("mode", TRIANGLES)
    faces = corners // 3 if mode == TRIANGLES else max(corners - 2, 0) if mode in (STRIP, FAN) else 0
    return faces, vertices


def _textures(tree: dict[str, Any], chunk: bytes) -> Iterator[tuple[str, int, int]]:
    """Each picture once, by what it is first used for."""
    used: dict[int, str] = {}
    for material in tree.get("materials", []):
        for slot, what in SLOTS.items():
            texture = (material.get(slot) or material.get("pbrMetallicRoughness", {}).get(slot) or {}).get("index")
            if texture is None:
                continue
            item = tree["textures"][_index(texture)]
            others = item.get("extensions", {}).values()
            sources = [item.get("source"), *(other.get("source") for other in others)]
            for source in sources:
                if source is not None:
                    used.setdefault(_index(source), what)
    images = tree.get("images", [])
    for number, what in sorted(used.items(), key=lambda item: [*SLOTS.values()].index(item[1])):
        side = _side(tree, chunk, images[number])
        if side:
            yield what, *side


def _side(tree: dict[str, Any], chunk: bytes, image: dict[str, Any]) -> tuple[int, int] | None:
    """Pixels of a picture, read from its head; None where it stands elsewhere or is none."""
    from PIL import Image

    if "bufferView" not in image:
        return None
    view = tree["bufferViews"][_index(image["bufferView"])]
    at = _index(view.get("byteOffset", 0))
    try:
        with Image.open(BytesIO(chunk[at : at + _index(view["byteLength"])]), formats=("PNG", "JPEG", "WEBP")) as head:
            return head.size
    except Exception:  # Pillow raises a dozen kinds; the page shows the model all the same
        return None


def _told(asset: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Where it comes from, as far as the file says so."""
    extras = asset.get("extras")
    ours = extras.get("galatea") if isinstance(extras, dict) else None
    ours = ours if isinstance(ours, dict) else {}
    if ours.get("producer"):
        yield "Made with", f"{ours['producer']} {ours.get('version', '')}"
    elif asset.get("generator"):
        yield "Made with", str(asset["generator"])
    if str(ours.get("digitalSourceType", "")).endswith("/trainedAlgorithmicMedia"):
        yield "Origin", "made by artificial intelligence"
    if ours.get("backend"):
        yield "Model", str(ours["backend"])
    if ours.get("license"):
        yield "Its licence", str(ours["license"])
    if asset.get("copyright"):
        yield "Copyright", str(asset["copyright"])
    inputs = ours.get("inputs")
    for each in inputs[:3] if isinstance(inputs, list) else []:
        if isinstance(each, dict) and each.get("sha256"):
            yield f"Source ({str(each.get('role', 'file'))[:20]})", f"sha256 {str(each['sha256'])[:12]}…"
