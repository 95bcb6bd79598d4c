# SPDX-License-Identifier: GPL-3.0-or-later
"""The glTF reader sees what the specification says is there, and a file that lies is a ValueError, never more."""

from __future__ import annotations

import base64
import io
import json
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image

from galatea.backend.geometry import formats, gltf

from .conftest import glb

POINTS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]], "<f4")
CORNERS = np.array([0, 1, 2, 2, 1, 3], "<u2")


def pack(tree: dict[str, Any], *blocks: bytes) -> bytes:
    """A GLB with one buffer view a block."""
    chunk, views = b"", []
    for block in blocks:
        views.append({"buffer": 0, "byteOffset": len(chunk), "byteLength": len(block)})
        chunk += block + bytes(-len(block) % 4)
    whole = {"asset": {"version": "2.0"}, "buffers": [{"byteLength": len(chunk)}], "bufferViews": views, **tree}
    head = json.dumps(whole).encode()
    head += b" " * (-len(head) % 4)
    body = struct.pack("<I4s", len(head), b"JSON") + head + struct.pack("<I4s", len(chunk), b"BIN\0") + chunk
    return struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body


def plain(**primitive: Any) -> dict[str, Any]:
    return {
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1, **primitive}]}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "type": "VEC3", "count": 4},
            {"bufferView": 1, "componentType": 5123, "type": "SCALAR", "count": 6},
        ],
    }


def one(tree: dict[str, Any], *blocks: bytes) -> gltf.Surface:
    (surface,) = gltf.read(pack(tree, *blocks)).surfaces
    return surface


BLOCKS = (POINTS.tobytes(), CORNERS.tobytes())


def test_positions_and_faces() -> None:
    surface = one(plain(), *BLOCKS)
    assert np.array_equal(surface.vertices, POINTS) and surface.faces.tolist() == [[0, 1, 2], [2, 1, 3]]
    assert surface.colors is None and surface.uv is None and surface.factor.tolist() == [1, 1, 1, 1]


def test_nodes_move_turn_and_mirror_what_hangs_on_them() -> None:
    half = np.sqrt(0.5)
    tree = plain() | {
        "nodes": [
            {"children": [1], "translation": [10, 0, 0], "rotation": [0, 0, half, half]},
            {"mesh": 0, "scale": [-2, 1, 1]},
            {"mesh": 0},
        ],
        "scenes": [{"nodes": [2]}, {"nodes": [0]}],
        "scene": 1,
    }
    surface = one(tree, *BLOCKS)
    assert surface.vertices[1] == pytest.approx([10, -2, 0]) and surface.vertices[2] == pytest.approx([9, 0, 0])
    a, b, c = surface.vertices[surface.faces[0]]
    assert np.cross(b - a, c - a)[2] > 0, "a mirrored mesh keeps its outside outside"
    moved = plain() | {"nodes": [{"mesh": 0, "matrix": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 3, 4, 5, 1]}]}
    assert one(moved, *BLOCKS).vertices[0].tolist() == [3, 4, 5]


def test_strips_fans_and_corners_without_a_list() -> None:
    strip = plain(mode=5)
    del strip["meshes"][0]["primitives"][0]["indices"]
    assert one(strip, *BLOCKS).faces.tolist() == [[0, 1, 2], [1, 3, 2]]
    strip["meshes"][0]["primitives"][0]["mode"] = 6
    assert one(strip, *BLOCKS).faces.tolist() == [[0, 1, 2], [0, 2, 3]]
    strip["meshes"][0]["primitives"][0]["mode"] = 1
    with pytest.raises(ValueError, match="no face"):
        one(strip, *BLOCKS)


def test_strides_sparse_values_and_normalised_numbers() -> None:
    wide = np.zeros((4, 5), "<f4")
    wide[:, 1:4] = POINTS
    tree = plain()
    tree["accessors"][0]["byteOffset"] = 4
    tree["accessors"][0]["sparse"] = {
        "count": 1,
        "indices": {"bufferView": 2, "componentType": 5121},
        "values": {"bufferView": 3},
    }
    tree["accessors"] += [
        {"bufferView": 4, "componentType": 5123, "type": "VEC2", "count": 4, "normalized": True},
        {"bufferView": 5, "componentType": 5121, "type": "VEC4", "count": 4, "normalized": True},
    ]
    tree["meshes"][0]["primitives"][0]["attributes"] |= {"TEXCOORD_0": 2, "COLOR_0": 3}
    uv = np.array([[0, 0], [65535, 0], [0, 65535], [65535, 65535]], "<u2").tobytes()
    data = pack(tree, wide.tobytes(), BLOCKS[1], b"\3", np.float32([7, 8, 9]).tobytes(), uv, bytes(range(0, 255, 16)))
    data = data.replace(b'"byteLength": 80}', b'"byteLength": 80, "byteStride": 20}')
    head = struct.unpack_from("<I", data, 12)[0] + len(b', "byteStride": 20')
    data = data[:8] + struct.pack("<II", len(data), head) + data[16:]
    (surface,) = gltf.read(data).surfaces
    assert surface.vertices[3].tolist() == [7, 8, 9] and np.array_equal(surface.vertices[:3], POINTS[:3])
    assert surface.uv is not None and surface.uv.tolist() == [[0, 1], [1, 1], [0, 0], [1, 0]], "v goes up here"
    assert surface.colors is not None and surface.colors[1] == pytest.approx(np.array([64, 80, 96, 112]) / 255)


def test_materials_pictures_and_moved_textures() -> None:
    out = io.BytesIO()
    Image.new("RGB", (2, 2), (9, 8, 7)).save(out, "PNG")
    tree = plain(material=0)
    tree["accessors"].append({"bufferView": 2, "componentType": 5126, "type": "VEC2", "count": 4})
    tree["meshes"][0]["primitives"][0]["attributes"]["TEXCOORD_1"] = 2
    shift = {"KHR_texture_transform": {"offset": [0.5, 0.25], "scale": [0.5, 0.5], "texCoord": 1}}
    look = {"baseColorFactor": [1, 0.5, 0, 1], "baseColorTexture": {"index": 0, "extensions": shift}}
    tree |= {
        "materials": [{"pbrMetallicRoughness": look, "alphaMode": "BLEND"}],
        "textures": [{"source": 1}],
        "images": [{"bufferView": 0}, {"bufferView": 3}],
        "extensionsRequired": ["KHR_texture_transform", "KHR_materials_unlit"],
    }
    scene = gltf.read(pack(tree, *BLOCKS, POINTS[:, :2].copy().tobytes(), out.getvalue()))
    (surface,) = scene.surfaces
    assert surface.picture == 1 and scene.pictures == (b"", out.getvalue()) and surface.see_through
    assert surface.factor.tolist() == [1, 0.5, 0, 1]
    assert surface.uv is not None and surface.uv[3] == pytest.approx([1, 1 - 0.75])


def test_a_gltf_in_one_file_and_others_beside_it() -> None:
    body = b"".join(BLOCKS)
    tree = plain() | {
        "asset": {"version": "2.0", "generator": "test"},
        "bufferViews": [{"buffer": 0, "byteLength": 48}, {"buffer": 0, "byteOffset": 48, "byteLength": 12}],
        "buffers": [
            {"byteLength": 60, "uri": "data:application/octet-stream;base64," + base64.b64encode(body).decode()}
        ],
    }
    scene = formats.read(json.dumps(tree).encode(), ".gltf")
    assert scene.surfaces[0].vertices.shape == (4, 3) and scene.maker == "test"
    tree["buffers"][0]["uri"] = "../my%20buffer.bin"
    with pytest.raises(ValueError, match=r"needs another file, '../my buffer.bin'"):
        gltf.read(json.dumps(tree).encode())
    assert gltf.read(json.dumps(tree).encode(), {"../my buffer.bin": body}.__getitem__).surfaces


def spoiled(change: Any) -> bytes:
    tree = plain()
    change(tree)
    return pack(tree, *BLOCKS)


def _set(value: Any, *path: Any) -> Any:
    def change(tree: Any) -> None:
        for key in path[:-1]:
            tree = tree[key]
        tree[path[-1]] = value

    return change


DRACO = {"KHR_draco_mesh_compression": {"bufferView": 0}}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            _set(["KHR_draco_mesh_compression"], "extensionsRequired"),
            "compressed with KHR_draco_mesh_compression, which",
        ),
        (_set(["EXT_meshopt_compression"], "extensionsRequired"), "compressed with EXT_meshopt_compression"),
        (_set(DRACO, "meshes", 0, "primitives", 0, "extensions"), "compressed with KHR_draco_mesh_compression"),
        (_set(["XX_new"], "extensionsRequired"), "requires XX_new"),
        (_set(9, "accessors", 0, "count"), "beyond its buffer"),
        (_set(-1, "accessors", 0, "count"), "counts -1 values"),
        (_set(1 << 60, "accessors", 0, "count"), "counts 1152921504606846976 values"),
        (_set(2.0, "accessors", 0, "count"), "counts 2.0 values"),
        (_set(-4, "accessors", 0, "byteOffset"), "beyond its buffer"),
        (_set("VEC4", "accessors", 0, "type"), "type VEC4 stands where it must not"),
        (_set(5000, "accessors", 0, "componentType"), "broken"),
        (_set(5126, "accessors", 1, "componentType"), "beyond its buffer"),
        (_set(5122, "accessors", 1, "componentType"), "not counted in whole numbers"),
        (_set(3, "accessors", 0, "count"), "names a vertex that is not there"),
        (_set(-1, "accessors", 0, "bufferView"), "no bufferViews number -1"),
        (_set(7, "nodes", 0, "mesh"), "no meshes number 7"),
        (_set([0], "nodes", 0, "children"), "no face"),
        (_set([{"nodes": [0, 0]}], "scenes"), "no tree"),
        (_set([{"nodes": [3]}], "scenes"), "no nodes number 3"),
        (_set([1e300, 1e300, 1e300], "nodes", 0, "scale"), "beyond all measure"),
        (_set([0, 0], "nodes", 0, "rotation"), "a node's place is none"),
        (_set([0] * 15, "nodes", 0, "matrix"), "a node's place is none"),
        (_set({"POSITION": 1}, "meshes", 0, "primitives", 0, "attributes"), "type SCALAR"),
        (_set(5, "meshes", 0, "primitives", 0, "material"), "no materials number 5"),
        (_set([], "accessors"), "no accessors number 0"),
        (_set({"a": 1}, "nodes"), "broken"),
    ],
)
def test_what_lies_is_refused(change: Any, says: str) -> None:
    with pytest.raises(ValueError) as caught:
        gltf.read(spoiled(change))
    assert says in str(caught.value)


def test_nan_and_a_node_that_is_its_own_parent_are_refused() -> None:
    broken = POINTS.copy()
    broken[2, 1] = np.nan
    with pytest.raises(ValueError, match="no numbers"):
        one(plain(), broken.tobytes(), BLOCKS[1])
    loop = plain() | {"nodes": [{"children": [1]}, {"children": [0], "mesh": 0}], "scenes": [{"nodes": [0]}]}
    with pytest.raises(ValueError, match="no tree"):
        one(loop, *BLOCKS)


def test_every_cut_is_noticed() -> None:
    whole = glb(picture=True)
    for length in range(0, len(whole), 97):
        with pytest.raises(ValueError):
            formats.read(whole[:length], ".glb")
