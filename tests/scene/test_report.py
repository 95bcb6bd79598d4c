# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of the report are those of meshes whose figures are known."""

from __future__ import annotations

import json

import bpy
import numpy as np
import pytest

from galatea.addon.scene.lib import layout, meshes, shading
from galatea.backend.protocol.errors import UserError

from ..golden import zoo


def _rows(done):
    return {row["name"]: row["value"] for row in json.loads(done.path("report").read_text())["rows"]}


@pytest.fixture
def body(make_work):
    """Put a mesh there as the body, with a UV map where there is one."""

    def put(vertices, faces, uv=None, picture=0):
        work, _ = make_work()
        mesh = meshes.new_mesh("Thing", vertices, faces)
        if uv is not None:
            meshes.set_uv(mesh, shading.BODY_UV, np.asarray(uv, np.float32).reshape(-1, 2))
        if picture:
            material, tree = shading.new_material("Thing")
            tree.nodes.new("ShaderNodeTexImage").image = bpy.data.images.new("Thing colour", picture, 2 * picture)
            mesh.materials.append(material)
        return work.add("body", bpy.data.objects.new("Thing", mesh))

    return put


def test_a_finished_mesh_from_end_to_end(run, figure):
    run("bring", {"mesh": figure.mesh, "albedo": figure.albedo})
    run("clean", faces=1500)
    run("unwrap", size=512)
    run("bake", size=512)
    run("material")
    done = run("report")
    rows = _rows(done)
    assert rows["faces"] == 1500 and rows["watertight"] is True and rows["texture_px"] == 512
    for name in ("nonmanifold", "inner_shells", "holes", "flipped", "inside_out", "degenerate", "loose"):
        assert rows[name] == 0
    assert rows["self_intersections"] == 0 and rows["uv_overlap"] < 0.005 and rows["uv_outside"] == 0
    assert 1 <= rows["uv_stretch"] < 1.3 and 1 <= rows["texel_spread"] < 4
    assert rows["size_m"] == pytest.approx(max(figure.size), rel=0.02)
    assert json.loads(done.path("report").read_text())["passed"] is None, "without a gate nobody judges"
    assert done.metrics["texel_density"] == rows["texel_density"] and "short" not in done.metrics
    assert len(bpy.data.meshes) == 2, "the copy that was measured is gone"


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("inner_shell", {"shells": 3, "inner_shells": 2, "watertight": True, "inside_out": 1}),
        ("flipped", {"watertight": False, "holes": 0, "inside_out": 1}),
        ("nonmanifold_vertex", {"nonmanifold": 1}),
        ("bowl", {"holes": 1, "watertight": False, "loose": 389}),
        ("blob", {"holes": 0, "watertight": True, "nonmanifold": 0, "flipped": 0, "inner_shells": 0, "slivers": 0}),
    ],
)
def test_what_is_wrong_is_in_the_report(run, body, name, figures):
    body(*getattr(zoo, name)())
    rows = _rows(run("report"))
    assert {key: rows[key] for key in figures} == figures
    assert rows["uv_overlap"] is None and rows["texture_px"] is None


def test_faces_that_cut_others_and_slivers_have_their_share(run, body):
    body(*zoo.crossing())
    crossing = _rows(run("report"))["self_intersections"]
    assert 0.02 < crossing < 0.2
    bpy.ops.wm.read_factory_settings(use_empty=True)
    body(*zoo.slivers())
    assert 0.05 < _rows(run("report"))["slivers"] < 0.2


def test_the_report_measures_in_the_world(run, body):
    thing = body(*zoo.blob())
    size = max(thing.dimensions)
    thing.scale = (2, 2, 2)
    bpy.context.view_layer.update()
    assert _rows(run("report"))["size_m"] == pytest.approx(2 * size, rel=1e-4)


def _sheet(*quads):
    """Quads ((x0, z0, width, height) in metres, (u0, v0, width, height) of the map) as vertices, faces and uv."""
    vertices, faces, uv = [], [], []
    for place, chart in quads:
        at = len(vertices)
        square = [(0, 0), (1, 0), (1, 1), (0, 1)]
        vertices += [(place[0] + x * place[2], 0.0, place[1] + z * place[3]) for x, z in square]
        corners = [(chart[0] + x * chart[2], chart[1] + z * chart[3]) for x, z in square]
        for triangle in ((0, 1, 2), (0, 2, 3)):
            faces.append([at + k for k in triangle])
            uv.append([corners[k] for k in triangle])
    return np.array(vertices, np.float32), np.array(faces, np.int32), np.array(uv)


def test_texels_a_metre_and_how_evenly_they_lie(run, body):
    body(*_sheet(((0, 0, 1, 1), (0, 0, 0.5, 0.5)), ((2, 0, 1, 1), (0.6, 0.6, 0.25, 0.25))), picture=256)
    rows = _rows(run("report"))
    assert rows["texture_px"] == 256 and rows["charts"] == 2
    assert rows["texel_spread"] == pytest.approx(2, rel=1e-3)
    assert rows["texel_density"] in (pytest.approx(128, rel=1e-3), pytest.approx(64, rel=1e-3))
    assert rows["uv_overlap"] == 0 and rows["thin_charts"] == 0


def test_overlaps_thin_charts_and_what_lies_outside(run, body):
    thin = ((2, 0, 1, 1), (0.55, 0, 0.01, 1.0))
    body(*_sheet(((0, 0, 1, 1), (0, 0, 0.5, 0.5)), ((4, 0, 2, 1), (0, 0, 0.5, 0.25)), thin), picture=256)
    rows = _rows(run("report"))
    assert rows["uv_overlap"] == pytest.approx(0.48, abs=0.03)
    assert rows["thin_charts"] == pytest.approx(0.25, abs=1e-4)
    assert rows["uv_outside"] == 0
    bpy.ops.wm.read_factory_settings(use_empty=True)
    body(*_sheet(((0, 0, 1, 1), (0, 0, 0.5, 0.5)), ((2, 0, 1, 1), (0.8, 0, 0.5, 0.5))), picture=256)
    assert _rows(run("report"))["uv_outside"] == pytest.approx(3 / 12)


def test_one_face_without_texels_is_told_and_does_not_drown_the_stretch(run, body):
    vertices, faces, uv = _sheet(((0, 0, 1, 1), (0, 0, 0.5, 0.5)), ((2, 0, 1, 1), (0.5, 0.5, 0.5, 0.5)))
    uv[3] = uv[3][0]
    body(vertices, faces, uv)
    rows = _rows(run("report"))
    assert rows["uv_collapsed"] == pytest.approx(0.25) and rows["uv_stretch"] == pytest.approx(1, abs=1e-3)


def test_a_map_that_is_no_numbers_is_not_measured(body):
    thing = body(*_sheet(((0, 0, 1, 1), (0, 0, 0.5, 0.5))))
    uv = np.full((6, 2), np.nan, np.float32)
    assert set(layout.figures(thing.data, uv, 256, lambda: None).values()) == {None}


def test_a_body_without_faces_is_refused(run, body):
    body(np.zeros((3, 3), np.float32), np.zeros((0, 3), np.int32))
    with pytest.raises(UserError, match="no faces"):
        run("report")
