# SPDX-License-Identifier: GPL-3.0-or-later
"""The zoo of bad meshes through the whole chain, from the mesh file to a GLB: it passes the game gate as trimesh sees
it too, or the report says what it is short of, or it is refused in clear words."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
import trimesh

from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.recipe import find

from ..golden import zoo

OPEN = {"nonmanifold_edge", "fin", "bowl", "moebius", "crowd"}
"""Those that may stay open, or whose parts were brought to less than closed bodies need."""
SHORT = {
    "tiny": {"size_m"},
    "micro": {"size_m"},
    "huge": {"size_m"},
    "islands": {"silhouette_iou"},
    "crowd": {"silhouette_iou"},
    "moebius": {"flipped"},
    "crossing": {"self_intersections"},
}
"""What the report has to say of some: specks that were dropped are missed in the outline, and so on."""
EVERY = {**zoo.SOUND, **{each.__name__: each for each in (zoo.micro, zoo.fin, zoo.bowl, zoo.moebius, zoo.crossing)}}


def _chain(run, tmp_path, animal, *, faces=1500, size=512, colours=False):
    """All steps; returns the report and the GLB."""
    vertices, triangles = animal
    more = {}
    if colours:
        more["colors"] = ((vertices - vertices.min(axis=0)) / np.ptp(vertices, axis=0)).astype(np.float32)
    np.savez(tmp_path / "mesh.npz", vertices=vertices, faces=triangles, **more)
    run("bring", {"mesh": tmp_path / "mesh.npz"}, level=0.0)
    return _finished(run, faces, size)


def _finished(run, faces, size):
    run("clean", faces=faces)
    run("unwrap", size=size)
    run("bake", size=size)
    run("material")
    report = json.loads(run("report", gate=str(find("gates", "game"))).path("report").read_text())
    return report, run("export").path("model")


def _short(report):
    return {row["name"] for row in report["rows"] if row["state"] == "short"}


def _judged(path):
    """The GLB as trimesh reads it, corners joined that its UV map parted, in a box of about 1."""
    scene = trimesh.load_scene(path, process=False)
    mesh = scene.to_mesh()
    points = (mesh.vertices - mesh.vertices.mean(axis=0)) / np.ptp(mesh.vertices, axis=0).max()
    bare = trimesh.Trimesh(points, mesh.faces, process=False)
    bare.merge_vertices(merge_tex=True, merge_norm=True, digits_vertex=6)
    return mesh, bare


def _colourful(mesh):
    pixels = np.asarray(mesh.visual.material.baseColorTexture.convert("RGB"))
    return pixels.std(axis=(0, 1)).min() > 20


@pytest.mark.parametrize("name", list(EVERY))
def test_it_comes_out_finished(run, tmp_path, name):
    report, path = _chain(run, tmp_path, EVERY[name]())
    assert _short(report) == SHORT.get(name, set())
    mesh, bare = _judged(path)
    material = mesh.visual.material
    assert material.baseColorTexture.size == (512, 512) and material.normalTexture is not None
    assert np.min(mesh.visual.uv) >= 0 and np.max(mesh.visual.uv) <= 1
    if name not in OPEN:
        assert bare.is_watertight and bare.is_winding_consistent and bare.volume > 0


def test_colours_of_points_become_a_texture(run, tmp_path):
    report, path = _chain(run, tmp_path, zoo.blob(), colours=True)
    assert _short(report) == set()
    found = {row["name"]: row["value"] for row in report["rows"]}
    assert 0 < found["colour_error"] < 1 and found["silhouette_iou"] > 0.99
    assert _colourful(_judged(path)[0])


def test_a_file_of_the_users_goes_the_same_way(run, tmp_path):
    vertices, faces = zoo.holes()
    colors = (255 * (vertices - vertices.min(axis=0)) / np.ptp(vertices, axis=0)).astype(np.uint8)
    trimesh.Trimesh(vertices, faces, vertex_colors=colors, process=False).export(tmp_path / "holes.ply")
    run("load", {"model": tmp_path / "holes.ply"})
    report, path = _finished(run, 1500, 512)
    assert _short(report) == set()
    found = {row["name"]: row["value"] for row in report["rows"]}
    assert found["silhouette_iou"] > 0.99 and found["colour_error"] < 2 and found["watertight"]
    mesh, bare = _judged(path)
    assert bare.is_watertight and _colourful(mesh)


@pytest.mark.parametrize("name", list(zoo.REFUSED))
def test_what_is_no_mesh_is_refused_with_what_to_do(run, tmp_path, name):
    with pytest.raises(UserError, match=r"(Make it again|Choose a picture)"):
        _chain(run, tmp_path, zoo.REFUSED[name]())


slow = pytest.mark.skipif("GALATEA_SLOW" not in os.environ, reason="takes minutes; set GALATEA_SLOW to run it")


@slow
@pytest.mark.parametrize("name", ["thousands", "million"])
def test_the_largest_come_through(run, tmp_path, name):
    report, path = _chain(run, tmp_path, getattr(zoo, name)(), faces=20000)
    assert _short(report) == {"thousands": {"silhouette_iou"}, "million": set()}[name]
    assert _judged(path)[1].is_watertight
