# SPDX-License-Identifier: GPL-3.0-or-later
"""Mesh files of the user: what other programs and our own export write comes in upright, whole and in metres."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest

from galatea.backend.protocol.errors import UserError


def boxes(path: Path) -> None:
    """Two loose boxes as OBJ with Z up turned to Y up: a tall one on the left, a small one on the right in front."""
    lines, count = [], 0
    for low, high in (((-1.0, -0.2, 5.0), (0.0, 0.2, 8.0)), ((1.0, -1.0, 5.0), (1.5, -0.5, 5.5))):
        corners = [(x, y, z) for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])]
        lines += [f"v {x} {z} {-y}" for x, y, z in corners]
        sides = ((1, 2, 4, 3), (5, 7, 8, 6), (1, 5, 6, 2), (3, 4, 8, 7), (1, 3, 7, 5), (2, 6, 8, 4))
        lines += [f"o part{count}", *("f " + " ".join(str(index + count) for index in side) for side in sides)]
        count += 8
    path.write_text("\n".join(lines) + "\n")


def corners(body: bpy.types.Object) -> np.ndarray:
    found = np.empty(len(body.data.vertices) * 3, np.float32)
    body.data.vertices.foreach_get("co", found)
    return found.reshape(-1, 3)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "two boxes ü.obj"
    boxes(path)
    return path


def test_parts_become_one_body_on_the_ground_with_its_front_in_front(run: Any, model: Path) -> None:
    body = run("load", {"model": model}).work.object("body")
    points = corners(body)
    assert np.allclose(points.min(0), (-1.25, -0.6, 0), atol=1e-5)
    assert np.allclose(points.max(0), (1.25, 0.6, 3), atol=1e-5)
    small = points[points[:, 0] > 0.5]
    assert small[:, 1].max() < 0 and small[:, 2].max() == pytest.approx(0.5), "right, in front, low"
    assert [obj.name for obj in bpy.context.scene.objects] == ["two boxes ü"]
    assert np.allclose(np.array(body.matrix_world), np.eye(4))


def test_size_and_turn(run: Any, model: Path) -> None:
    points = corners(run("load", {"model": model}, size_m=0.3, turn=90.0).work.object("body"))
    assert np.ptp(points, axis=0).max() == pytest.approx(0.3, rel=1e-5)
    assert np.ptp(points[:, 1]) == pytest.approx(0.25, rel=1e-4), "what was wide is deep now"
    assert points[:, 2].min() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("kind", ["glb", "obj", "fbx", "usdz", "abc", "stl", "ply"])
def test_what_export_wrote_is_loaded_again(run: Any, figure: Any, tmp_path: Path, kind: str) -> None:
    options = bpy.app.build_options
    if not {"usdz": options.usd, "abc": options.alembic}.get(kind, True):
        pytest.skip(f"this Blender was built without {kind}")
    run("bring", {"mesh": figure.mesh, "albedo": figure.albedo}, level=0.0)
    run("clean", faces=1500)
    before = corners(run("material").work.object("body"))
    done = run("export", format=kind)
    assert done.report.assets(done.outputs)
    path = next(p for p in done.report._folder.iterdir() if p.suffix == f".{kind}")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    after = corners(run("load", {"model": path}).work.object("body"))
    centre = (before.max(0) + before.min(0)) / 2
    moved = before - (centre[0], centre[1], before[:, 2].min())
    assert np.allclose(after.min(0), moved.min(0), atol=2e-4) and np.allclose(after.max(0), moved.max(0), atol=2e-4)
    # a file may split or join vertices, so the asymmetry is compared where the figure is highest
    assert np.allclose(after[after[:, 2].argmax()], moved[moved[:, 2].argmax()], atol=2e-3)


TRIANGLE = b"ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\n"
TRIANGLE += b"element face 1\nproperty list uchar int vertex_indices\nend_header\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2"
ZEROS = b'{"asset": {"version": "2.0"}, "accessors": [{"componentType": 5126, "type": "VEC3", "count": 4294967295}]}'


def test_a_header_that_promises_all_there_is_is_believed(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.PLY"
    path.write_bytes(TRIANGLE)
    assert len(run("load", {"model": path}).work.object("body").data.polygons) == 1


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.xyz", b"1 2 3", "a.xyz is no mesh file that this Blender reads"),
        ("a.glb", b"", "a.glb cannot be read: it is empty"),
        ("a.obj", b"", "it is empty"),
        ("a.glb", b"this is no glTF at all", "it is no glTF"),
        ("a.glb", b"glTF\x02", "the glTF is broken"),
        ("a.glb", b"glTF\x02\x00\x00\x00\xff\xff\xff\x00", "it is cut off: 12 of 16777215 bytes are there"),
        ("a.gltf", ZEROS, "it counts values that it does not hold"),
        ("a.gltf", b'{"asset": {"version": "3.0"}}', "a.gltf cannot be read: glTF version must be 2.0; got 3.0"),
        ("a.gltf", b'{"asset": {"version": "2.0"}, "accessors": 3}', "the glTF is broken"),
        (
            "a.gltf",
            b'{"asset": {"version": "2.0"}, "scenes": [{"nodes": [0]}], "nodes": [{"mesh": []}]}',
            "damaged|parse",
        ),
        ("a.ply", b"v 0 0 0\n", "it is no PLY"),
        ("a.ply", b"ply\nformat ascii 1.0\nelement vertex 3\n", "its header is cut off"),
        ("a.ply", TRIANGLE.replace(b"vertex 3", b"vertex NaN"), "a line of its header is none: 'element vertex NaN'"),
        ("a.ply", TRIANGLE.replace(b"vertex 3", b"ve\0\xff 0"), "a line of its header is none"),
        ("a.ply", TRIANGLE.replace(b"face 1", b"face -1"), "a line of its header is none"),
        ("a.ply", TRIANGLE.replace(b"face 1", b"face 4294967295"), "a line of its header is none"),
        ("a.ply", TRIANGLE.replace(b"float y", b"fleet y"), "a line of its header is none: 'property fleet y'"),
        ("a.ply", TRIANGLE.replace(b"element vertex 3\n", b""), "a line of its header is none: 'property float x'"),
        ("a.ply", TRIANGLE.replace(b"vertex 3", b"vertex 6"), "its header promises more than the file holds"),
        ("a.ply", TRIANGLE.replace(b"vertex 3", b"vertex 999999999"), "its header promises more than the file holds"),
        ("a.ply", TRIANGLE.replace(b"face 1\nproperty list uchar int vertex_indices", b"face 99"), "promises more"),
        ("a.stl", b"", "it is empty"),
        ("a.stl", bytes(80) + b"\2\0\0\0" + bytes(70), "it is cut off, or no STL"),
        ("a.abc", b"Ogawa\x00\x00\x01" + bytes(8), "it is cut off|no mesh file that this Blender reads"),
        ("a.abc", b"Ogawa\xff\x00\x01" + b"\xff" * 8 + bytes(8), "it is cut off|no mesh file that this Blender reads"),
        ("a.obj", b"v 0 0 0\nv 1 0 0\nv 0 1 0\n", "holds no mesh with faces"),
        ("a.obj", b"v 1 1 1\nv 1 1 1\nv 1 1 1\nf 1 2 3\n", "has no size"),
        (
            "a.obj",
            b"v -3e38 0 0\nv 3e38 0 0\nv 0 1 0\nf 1 2 3\n",
            "positions that are no numbers, or beyond all measure",
        ),
    ],
)
def test_what_is_no_mesh_is_said(run: Any, tmp_path: Path, name: str, content: bytes, says: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UserError, match=says) as caught:
        run("load", {"model": path})
    assert "Choose another file" in str(caught.value) or "It reads:" in str(caught.value)
    assert "Error:" not in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("bad", ["nan", "-inf", "NaN", "1e300"])
@pytest.mark.parametrize("kind", ["obj", "stl", "stl binary", "ply", "ply binary", "ply big"])
def test_positions_that_are_no_numbers_are_refused(tmp_path: Path, kind: str, bad: str) -> None:
    from galatea.addon.scene import load

    path = tmp_path / f"a.{kind.split()[0]}"
    for third, sound in (("1", True), (bad, False)):
        path.write_bytes(triangle(kind, third))
        if sound:
            load.read(path)
            continue
        with pytest.raises(UserError, match="positions that are no numbers"):
            load.read(path)


def triangle(kind: str, z: str) -> bytes:
    """Its last corner is that high; of what is no position a value is none in each of them."""
    rows = [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, float(z)]]
    places = [f"{x} {y} 0" for x, y, _ in rows[:2]] + [f"0 1 {z}"]
    if kind == "obj":
        return "\n".join(
            ["# nan inf", "o nan", *(f"v {each}" for each in places), "vn nan 0 0", "f 1 2 3", ""]
        ).encode()
    with np.errstate(over="ignore"):
        corners = np.array(rows, np.float32)
    if kind == "stl":
        inner = [f"vertex {each}" for each in places]
        lines = ["solid nan", "facet normal nan 0 1", "outer loop", *inner, "endloop", "endfacet", "endsolid", ""]
        return "\n".join(lines).encode()
    if kind == "stl binary":
        return bytes(80) + b"\1\0\0\0" + np.full(3, np.nan, "<f4").tobytes() + corners.tobytes() + b"\0\0"
    form = {"ply": "ascii", "ply binary": "binary_little_endian", "ply big": "binary_big_endian"}[kind]
    head = ["ply", f"format {form} 1.0", "element vertex 3", *(f"property float {name}" for name in ("nx", *"xyz"))]
    text = "\n".join([*head, "element face 1", "property list uchar int vertex_indices", "end_header", ""]).encode()
    if kind == "ply":
        return text + "\n".join([*(f"nan {each}" for each in places), "3 0 1 2", ""]).encode()
    order = "<" if kind == "ply binary" else ">"
    table = np.c_[np.full(3, np.nan), corners].astype(f"{order}f4")
    return text + table.tobytes() + b"\3" + np.arange(3, dtype=f"{order}i4").tobytes()
