# SPDX-License-Identifier: GPL-3.0-or-later
"""A mesh file becomes a scene: same geometry, same axes, same colours."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest

from galatea.addon.scene.lib.material import shading
from galatea.addon.scene.lib.mesh import meshes
from galatea.backend.protocol.errors import UserError


def test_geometry_comes_in_as_it_was_written(run, figure):
    done = run("bring", {"mesh": figure.mesh, "albedo": figure.albedo}, name="Owl")
    for role in ("body", "source"):
        mesh = done.work.object(role).data
        assert np.allclose(meshes.vertices_of(mesh), figure.vertices, atol=1e-6)
        assert np.array_equal(meshes.triangles_of(mesh), figure.faces)
        assert np.allclose(meshes.uv_of(mesh, "source"), figure.uv.reshape(-1, 2))
    assert done.work.object("body").name == "Owl"
    assert done.work.object("body").data is not done.work.object("source").data
    assert done.metrics["watertight"] is True
    assert done.metrics["components"] == 1
    assert bpy.context.scene.unit_settings.system == "METRIC"


def test_normals_point_out_and_the_base_is_on_the_floor(run, figure):
    done = run("bring", {"mesh": figure.mesh})
    mesh = done.work.object("body").data
    points = meshes.vertices_of(mesh)
    a, b, c = (points[figure.faces[:, k]] for k in range(3))
    assert (a * np.cross(b, c)).sum() / 6 > 0.05, "the signed volume of a mesh that faces outwards"
    assert points[:, 2].min() == 0
    low, high = meshes.bounds(points)
    assert -low[1] > 1.2 * high[1], "the nose is at -Y"
    assert high[0] > 1.2 * -low[0], "the arm is at +X"


def test_a_mesh_that_floats_is_put_on_the_floor(run, figure, tmp_path):
    np.savez(tmp_path / "mesh.npz", vertices=figure.vertices + np.float32([0.5, 0, 3]), faces=figure.faces)
    done = run("bring", {"mesh": tmp_path / "mesh.npz"})
    points = meshes.vertices_of(done.work.object("body").data)
    assert np.allclose(points, np.add(figure.vertices, [0.5, 0, 0]), atol=1e-5)


def test_the_picture_is_packed_and_shown_through_its_own_uv(run, figure):
    run("bring", {"mesh": figure.mesh, "albedo": figure.albedo})
    image = shading.image_of("albedo")
    assert image.packed_file
    assert image.colorspace_settings.name == "sRGB"
    nodes = bpy.data.materials["Galatea"].node_tree.nodes
    assert [node.uv_map for node in nodes if node.type == "UVMAP"] == ["source"]
    assert [node.image for node in nodes if node.type == "TEX_IMAGE"] == [image]


def test_vertex_colours_keep_their_values(run, figure):
    done = run("bring", {"mesh": figure.mesh})
    layer = done.work.object("source").data.color_attributes["source_color"]
    got = np.empty(len(figure.vertices) * 4, np.float32)
    layer.data.foreach_get("color_srgb", got)
    assert np.abs(got.reshape(-1, 4)[:, :3] - figure.colors).max() < 1 / 255


def test_vertex_colours_serve_where_the_mesh_has_no_uv(run, figure, tmp_path):
    np.savez(tmp_path / "mesh.npz", vertices=figure.vertices, faces=figure.faces, colors=figure.colors)
    done = run("bring", {"mesh": tmp_path / "mesh.npz", "albedo": figure.albedo})
    assert done.report.warnings
    nodes = bpy.data.materials["Galatea"].node_tree.nodes
    assert [node.attribute_name for node in nodes if node.type == "ATTRIBUTE"] == ["source_color"]


def test_confidence_comes_as_an_attribute_and_outlives_the_cleaning(run, figure, tmp_path):
    """Sure in front, a guess behind; after three quarters of the faces are gone each place still says the same."""
    sure = np.clip(0.5 - 2 * figure.vertices[:, 1], 0, 1).astype(np.float32)
    np.savez(tmp_path / "mesh.npz", vertices=figure.vertices, faces=figure.faces, confidence=sure)
    done = run("bring", {"mesh": tmp_path / "mesh.npz"})
    for role in ("body", "source"):
        assert np.array_equal(values(done.work.object(role).data), sure)
    mesh = run("clean", faces=1500, smooth=0).work.object("body").data
    points = meshes.vertices_of(mesh)
    assert 500 < len(points) < 1000
    assert np.abs(values(mesh) - np.clip(0.5 - 2 * points[:, 1], 0, 1)).max() < 0.15


def values(mesh):
    layer = mesh.attributes["galatea_confidence"]
    assert (layer.data_type, layer.domain) == ("FLOAT", "POINT")
    got = np.empty(len(mesh.vertices), np.float32)
    layer.data.foreach_get("value", got)
    return got


def test_faces_that_name_a_vertex_twice_do_not_shift_the_others(run, figure, tmp_path):
    faces, uv = figure.faces.copy(), figure.uv.copy()
    faces[5] = [7, 7, 8]
    np.savez(tmp_path / "mesh.npz", vertices=figure.vertices, faces=faces, uv=uv)
    done = run("bring", {"mesh": tmp_path / "mesh.npz"})
    mesh = done.work.object("body").data
    assert np.array_equal(meshes.triangles_of(mesh), np.delete(faces, 5, axis=0))
    assert np.allclose(meshes.uv_of(mesh, "source"), np.delete(uv, 5, axis=0).reshape(-1, 2))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"vertices": np.full((4, 3), np.nan, np.float32)}, "no numbers"),
        ({"faces": np.array([[0, 1, 9]], np.int32)}, "do not exist"),
        ({"faces": np.array([[0, 1, -1]], np.int32)}, "do not exist"),
        ({"faces": np.zeros((0, 3), np.int32)}, "empty"),
        ({"vertices": np.zeros((0, 3), np.float32)}, "empty"),
        ({"vertices": np.zeros((4, 3), np.float32)}, "extent"),
        ({"faces": np.array([[0, 1, 1]], np.int32)}, "no face with an area"),
        ({"faces": np.array([0, 1, 2], np.int32)}, "shape"),
        ({"uv": np.zeros((2, 2), np.float32)}, "uv"),
        ({"colors": np.full((4, 3), np.inf, np.float32)}, "colors"),
        ({"confidence": np.zeros(3, np.float32)}, "confidence"),
        ({"vertices": np.array([["a"] * 3] * 4, object)}, "Cannot read"),
    ],
)
def test_what_is_no_mesh_is_refused_with_what_to_do(run, tmp_path, change, says):
    good = {
        "vertices": np.float32([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]),
        "faces": np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]], np.int32),
    }
    np.savez(tmp_path / "mesh.npz", **{**good, **change})
    with pytest.raises(UserError, match=says):
        run("bring", {"mesh": tmp_path / "mesh.npz"})


def test_a_damaged_file_is_refused(run, figure, tmp_path):
    none, cut = r"mesh\.npz is no \.npz of arrays, as roles\.mesh writes it", "Cannot read the mesh|is damaged"
    for content, says in ((b"", none), (b"v 0 0 0", none), (figure.mesh.read_bytes()[:-400], cut)):
        Path(tmp_path / "mesh.npz").write_bytes(content)
        with pytest.raises(UserError, match=rf"({says}).*Make it again") as caught:
            run("bring", {"mesh": tmp_path / "mesh.npz"})
        assert "pickle" not in str(caught.value), "numpy's guess of what else it might be"


def test_a_picture_that_is_none_is_refused(run, figure, tmp_path):
    (tmp_path / "albedo.png").write_text("no picture")
    with pytest.raises(UserError, match="Cannot read the picture"):
        run("bring", {"mesh": figure.mesh, "albedo": tmp_path / "albedo.png"})
