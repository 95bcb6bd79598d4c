# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of the report are those of meshes whose figures are known."""

from __future__ import annotations

import json

import bpy
import numpy as np
import pytest

from galatea.addon.scene.lib.material import shading
from galatea.addon.scene.lib.mesh import meshes
from galatea.addon.scene.lib.uv import layout
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
    assert 0.97 < rows["silhouette_iou"] < 1 and rows["colour_error"] < 2
    assert json.loads(done.path("report").read_text())["passed"] is None, "without a gate nobody judges"
    assert done.metrics["texel_density"] == rows["texel_density"] and "short" not in done.metrics
    assert len(bpy.data.meshes) == 2 and len(bpy.data.scenes) == 1, "the copies that were measured are gone"
    assert len(bpy.data.materials) == 2 and not bpy.data.cameras


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
    rows = _rows(run("report"))
    assert rows["uv_outside"] == pytest.approx(2 / 12, abs=1e-6), "half of a chart across a border has a corner over it"
    assert rows["uv_tiles"] == 2


def test_one_face_without_texels_is_told_and_does_not_drown_the_stretch(run, body):
    vertices, faces, uv = _sheet(((0, 0, 1, 1), (0, 0, 0.5, 0.5)), ((2, 0, 1, 1), (0.5, 0.5, 0.5, 0.5)))
    uv[3] = uv[3][0]
    body(vertices, faces, uv)
    rows = _rows(run("report"))
    assert rows["uv_collapsed"] == pytest.approx(0.25) and rows["uv_stretch"] == pytest.approx(1, abs=1e-3)


def _globe(rows=90, columns=180):
    """A ball of radius 1 whose map is the world's: degrees east and north, without the triangles that have no area."""
    polar, around = np.pi * np.arange(rows + 1) / rows, 2 * np.pi * np.arange(columns) / columns
    p, a = (each.ravel() for each in np.meshgrid(polar, around, indexing="ij"))
    vertices = np.stack([np.sin(p) * np.cos(a), np.sin(p) * np.sin(a), np.cos(p)], axis=1).astype(np.float32)
    r, c = (each.ravel() for each in np.mgrid[0:rows, 0:columns])
    steps = [((0, 0), (1, 0), (1, 1)), ((0, 0), (1, 1), (0, 1))]
    faces = np.concatenate([np.stack([(r + i) * columns + (c + j) % columns for i, j in step], 1) for step in steps])
    uv = np.concatenate(
        [np.stack([np.stack([(c + j) / columns, 1 - (r + i) / rows], 1) for i, j in step], 1) for step in steps]
    )
    corners = vertices[faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    return vertices, faces[area > 1e-6].astype(np.int32), uv[area > 1e-6]


def test_a_map_of_the_world_has_the_figures_that_geometry_gives_it(run, body):
    """At polar angle t a texel is sqrt(2 pi^2 sin t) / 512 m wide, and the share cos t of the surface lies nearer the
    equator; the mean square of the stretch is (4 pi^2 2/3 + pi^2) / 2 over a surface of 4 pi, laid on all of the map
    but for half a row at each pole."""
    thing = body(*_globe(), picture=512)
    thing.scale = (3, 3, 3)
    bpy.context.view_layer.update()
    rows = _rows(run("report"))
    at = {share: np.sqrt(1 - share**2) for share in (0.05, 0.5, 0.95)}
    assert rows["size_m"] == pytest.approx(6, rel=1e-3)
    assert rows["texel_density"] == pytest.approx(512 / np.sqrt(2 * np.pi**2 * at[0.5]) / 3, rel=0.01)
    assert rows["texel_spread"] == pytest.approx(np.sqrt(at[0.05] / at[0.95]), rel=0.02)
    assert rows["uv_stretch"] == pytest.approx(np.sqrt(11 * np.pi / 24 * (1 - 1 / 90)), rel=1e-3)
    assert rows["charts"] == 1 and rows["thin_charts"] == 0 and rows["uv_overlap"] == 0
    assert rows["uv_tiles"] == 1 and rows["uv_used"] == pytest.approx(1 - 1 / 90, abs=0.01)


def _coloured(make_work, size=1.0, colour=None, role="body"):
    """A globe of one colour (sRGB), of points as the step bring stores them, or white where there is none."""
    vertices, faces, _ = _globe(45, 90)
    mesh = meshes.new_mesh(role, vertices * np.float32(size), faces)
    if colour:
        layer = mesh.color_attributes.new(shading.COLORS, "BYTE_COLOR", "POINT")
        layer.data.foreach_set("color_srgb", np.tile([*colour, 1.0], len(mesh.vertices)).astype(np.float32))
    return make_work()[0].add(role, bpy.data.objects.new(role, mesh))


def _plain(obj, colour, half=False):
    """Give it a material of one linear colour; or its lower half alone."""
    material, tree = shading.new_material("plain")
    shading.principled(tree).inputs["Base Color"].default_value = (*colour, 1)
    obj.data.materials.append(material)
    if half:
        other, tree = shading.new_material("other")
        shading.principled(tree).inputs["Base Color"].default_value = (1, 0, 0, 1)
        obj.data.materials.append(other)
        low = meshes.vertices_of(obj.data)[meshes.triangles_of(obj.data)].mean(axis=1)[:, 2] > 0
        obj.data.polygons.foreach_set("material_index", low.astype(np.int32))


def test_a_ball_within_a_ball_has_the_square_of_its_size_as_outline(run, make_work):
    _coloured(make_work, 0.8, (1, 0, 0))
    _coloured(make_work, 1.0, (1, 0, 0), "source")
    rows = _rows(run("report"))
    assert rows["silhouette_iou"] == pytest.approx(0.64, abs=0.004) and rows["colour_error"] == 0


def test_the_colour_error_is_that_of_known_colours(run, make_work):
    body = _coloured(make_work)
    source = _coloured(make_work, 1.0, (1, 0, 0), "source")
    source.hide_render = source.hide_viewport = True
    _plain(body, (0, 0, 1))
    rows = _rows(run("report"))
    assert rows["silhouette_iou"] == 1
    assert rows["colour_error"] == pytest.approx(176.31, abs=0.1), "red to blue in CIELAB"
    body.data.materials.clear()
    _plain(body, (0, 0, 1), half=True)
    half = _rows(run("report"))["colour_error"]
    assert 60 < half < 90, "the upper half is red; the camera sees more of it"
    assert source.hide_render and [m.name for m in body.data.materials] == ["plain.001", "other"]
    assert len(bpy.data.materials) == 3 and len(bpy.data.meshes) == 2


def test_textures_that_were_changed_are_another_colour(run, figure):
    run("bring", {"mesh": figure.mesh, "albedo": figure.albedo})
    run("clean", faces=1500)
    before = _rows(run("report"))
    assert before["colour_error"] < 4, "before the bake it shows the raw mesh's own picture"
    run("unwrap", size=512)
    run("bake", size=512)
    run("material")
    image = shading.image_of("base_color")
    image.pixels.foreach_set(np.tile(np.float32([0, 0, 0, 1]), 512 * 512))
    image.update()
    assert _rows(run("report"))["colour_error"] > 40


def test_without_a_raw_mesh_its_likeness_is_not_known_and_no_fault(run, body, tmp_path):
    body(*zoo.blob())
    gate = tmp_path / "like.toml"
    gate.write_text("version = 1\n[silhouette_iou]\nleast = 0.9\n[colour_error]\nmost = 5\n[uv_stretch]\nmost = 2\n")
    done = run("report", gate=str(gate))
    rows = {row["name"]: row for row in json.loads(done.path("report").read_text())["rows"]}
    assert rows["silhouette_iou"]["value"] is None and rows["silhouette_iou"]["state"] == "free"
    assert rows["colour_error"]["state"] == "free" and rows["uv_stretch"]["state"] == "short"


def test_a_mesh_that_is_unlike_its_raw_one_falls_short_and_the_flag_is_told(run, make_work, tmp_path):
    _coloured(make_work, 0.8, (1, 0, 0))
    _coloured(make_work, 1.0, (1, 1, 0), "source")
    gate = tmp_path / "like.toml"
    gate.write_text("version = 1\n[silhouette_iou]\nleast = 0.9\n[colour_error]\nmost = 5\n")
    short = {row["name"]: row for row in run("report", gate=str(gate)).metrics["short"]}
    assert set(short) == {"silhouette_iou", "colour_error"} and "clean" in short["silhouette_iou"]["fix"]


def test_a_map_that_is_no_numbers_is_not_measured(body):
    thing = body(*_sheet(((0, 0, 1, 1), (0, 0, 0.5, 0.5))))
    uv = np.full((6, 2), np.nan, np.float32)
    assert set(layout.figures(thing.data, uv, 256, lambda: None).values()) == {None}


def test_a_body_without_faces_is_refused(run, body):
    body(np.zeros((3, 3), np.float32), np.zeros((0, 3), np.int32))
    with pytest.raises(UserError, match="no faces"):
        run("report")
