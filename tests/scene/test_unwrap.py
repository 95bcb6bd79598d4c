# SPDX-License-Identifier: GPL-3.0-or-later
"""A layout is complete, does not overlap, keeps shapes, and leaves the gaps that the texture needs, in every tile."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from galatea.addon.scene import unwrap
from galatea.addon.scene.lib.mesh import meshes
from galatea.addon.scene.lib.uv import layout, packing, tiles, unwrapping
from galatea.backend.protocol.errors import UserError

HAS_XATLAS = importlib.util.find_spec("xatlas") is not None
needs_xatlas = pytest.mark.skipif(not HAS_XATLAS, reason="xatlas is not installed in this Python")
needs_slim = pytest.mark.skipif(not unwrapping.has_minimum_stretch(), reason="from Blender 4.3 on")
METHODS = [
    "merged",
    pytest.param("xatlas", marks=needs_xatlas),
    "smart",
    "angle",
    pytest.param("stretch", marks=needs_slim),
]


@pytest.fixture
def cleaned(run, figure):
    run("bring", {"mesh": figure.mesh, "albedo": figure.albedo})
    return run("clean", faces=2000)


def body_uv(done):
    return meshes.uv_of(done.work.object("body").data, "galatea")


@pytest.mark.parametrize("method", METHODS)
def test_the_layout_is_sound(run, cleaned, method):
    before = meshes.vertices_of(cleaned.work.object("body").data).copy()
    done = run("unwrap", method=method, size=512)
    mesh = done.work.object("body").data
    found = layout.measure(mesh, body_uv(done), size=512)
    assert found.outside == 0
    assert found.overlap < 1e-4
    assert found.stretch < 1.1
    assert found.used > (0.35 if HAS_XATLAS else 0.25)
    assert 1 < found.charts < 250
    assert found.tiles == 1
    assert done.metrics["charts"] == found.charts
    assert done.metrics["method"] == method
    assert np.array_equal(meshes.vertices_of(mesh), before)
    assert np.ptp(body_uv(done), axis=0).max() > 0.9, "the square is filled"


@needs_xatlas
def test_merging_makes_fewer_and_wider_charts(run, cleaned):
    merged, plain = (run("unwrap", method=method, size=512).metrics for method in ("merged", "xatlas"))
    assert merged["charts"] < plain["charts"] / 2
    assert merged["thin"] <= plain["thin"]
    # until 4.3 Blender has no layout of least stretch
    assert merged["stretch"] < plain["stretch"] + (0.03 if unwrapping.has_minimum_stretch() else 0.04)


@pytest.mark.parametrize("method", ["merged", "smart"])
def test_the_new_map_is_used_and_the_old_one_stays(run, cleaned, method):
    mesh = run("unwrap", method=method).work.object("body").data
    assert [layer.name for layer in mesh.uv_layers] == ["source", "galatea"]
    assert mesh.uv_layers.active.name == "galatea"
    assert [layer.active_render for layer in mesh.uv_layers] == [False, True]
    again = run("unwrap", method=method).work.object("body").data
    assert [layer.name for layer in again.uv_layers] == ["source", "galatea"]


@pytest.mark.parametrize("method", METHODS)
def test_charts_keep_their_distance(run, cleaned, method):
    apart(run("unwrap", method=method, size=1024), 1024)


@pytest.mark.parametrize("method", METHODS[:3])
def test_charts_keep_their_distance_in_a_small_texture(run, cleaned, method):
    apart(run("unwrap", method=method, size=256), 256)


def test_charts_keep_their_distance_without_xatlas(run, cleaned, monkeypatch):
    monkeypatch.setattr(packing, "has_xatlas", lambda: False)
    done = run("unwrap", method="merged", size=512)
    assert done.metrics["overlap"] == 0
    apart(done, 512)


def apart(done, size):
    """Each chart is drawn alone and grown by a texel; no other chart may be touched."""
    uv = body_uv(done)
    label, _ = layout.charts(meshes.triangles_of(done.work.object("body").data), uv.reshape(-1, 3, 2).astype(float))
    owner = np.zeros((size, size), np.int32)
    for chart in np.unique(label):
        mask = layout.coverage(uv.reshape(-1, 3, 2)[label == chart].astype(float), size)[0] > 0
        if mask.sum() < 4:
            continue
        near = np.zeros_like(mask)
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                near |= np.roll(mask, (dy, dx), (0, 1))
        others = owner[near]
        assert not (others > 0).any(), "two charts lie closer than the filter of a texture reads"
        owner[mask] = int(chart) + 1


def test_auto_takes_the_best_that_does_not_take_minutes(run, cleaned, monkeypatch):
    assert run("unwrap").metrics["method"] == "merged"
    monkeypatch.setattr(unwrap, "_MERGED_FACES", 1000)
    done = run("unwrap")
    assert done.metrics["method"] == "smart"
    assert any("Smart UV" in getattr(event, "text", "") for event in done.events)


def test_xatlas_is_asked_for_where_it_is_missing(run, cleaned, monkeypatch):
    monkeypatch.setattr(packing, "has_xatlas", lambda: False)
    assert run("unwrap").metrics["method"] == "merged"
    with pytest.raises(UserError, match="not installed"):
        run("unwrap", method="xatlas")


@pytest.mark.parametrize("method", ["merged", "smart"])
def test_tiles_share_the_charts_at_one_density(run, cleaned, method):
    one = body_uv(run("unwrap", method=method, size=512))
    done = run("unwrap", method=method, size=512, tiles=3)
    uv, mesh = body_uv(done), done.work.object("body").data
    assert tiles.occupied(uv) == [0, 1, 2]
    assert done.metrics["tiles"] == 3
    assert done.metrics["overlap"] == 0
    assert done.metrics["outside"] == 0, "no chart crosses a border"
    before, after = (layout.figures(mesh, each, 512, lambda: None)["texel_density"] for each in (one, uv))
    assert after > 1.25 * before, "that is what tiles are for"
    flat = np.abs(layout.signed_area(uv.reshape(-1, 3, 2).astype(float)))
    area = np.empty(len(mesh.polygons), np.float32)
    mesh.polygons.foreach_get("area", area)
    home = tiles.of_faces(uv)
    density = [np.sqrt(flat[home == tile].sum() / area[home == tile].sum()) for tile in (0, 1, 2)]
    assert max(density) / min(density) < 1.02


def test_a_second_row_of_tiles_begins_after_ten():
    square = np.float32([[0.1, 0.1], [0.9, 0.1], [0.9, 1.0]])
    uv = np.concatenate([square + tiles.corner(tile) for tile in (0, 9, 10, 15)])
    assert tiles.of_faces(uv).tolist() == [0, 9, 10, 15]
    assert tiles.corner(15).tolist() == [5, 1]
    assert np.allclose(tiles.folded(uv).reshape(4, 3, 2), square, atol=1e-6)
    assert [tiles.suffix(tile, 2) for tile in (0, 15)] == [".1001", ".1016"]
    assert tiles.suffix(0, 1) == ""
    assert tiles.of_faces(square - 5).tolist() == [0]
    assert tiles.of_faces(np.full((3, 2), np.nan)).tolist() == [0]


@pytest.mark.parametrize("method", ["merged", "smart"])
def test_a_box_is_unfolded_without_stretch(run, make_work, method):
    """Hard edges, few faces, and a sliver of no area, as furniture has them."""
    import bpy

    work, _ = make_work()
    v = np.float32([[x, y, z] for z in (0, 2) for y in (0, 0.5) for x in (0, 1)] + [[0.5, 0, 0]])
    quads = [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]]
    f = np.int32([[q[0], q[i], q[i + 1]] for q in quads for i in (1, 2)] + [[0, 8, 1]])
    obj = work.add("body", bpy.data.objects.new("box", meshes.new_mesh("box", v, f)))
    done = run("unwrap", method=method)
    found = layout.measure(obj.data, body_uv(done), size=1024)
    assert np.isfinite(body_uv(done)).all()
    assert found.overlap == 0
    assert found.outside == 0
    whole = body_uv(done).reshape(-1, 3, 2)[:12].astype(float)
    points = v[f[:12]].astype(float)
    assert layout.stretch(points, whole, layout.signed_area(whole)) < 1.02


@pytest.mark.parametrize("method", ["merged", "smart"])
def test_quads_stay_whole(run, cleaned, method):
    run("clean", topology="quads", faces=800)
    done = run("unwrap", method=method, size=512)
    mesh, uv = done.work.object("body").data, body_uv(done)
    assert len(mesh.loops) == 4 * len(mesh.polygons)
    assert done.metrics["overlap"] < 1e-3
    assert done.metrics["outside"] == 0
    points = meshes.vertices_of(mesh)[np.array([list(each.vertices) for each in mesh.polygons])].astype(float)
    halves = [layout.signed_area(uv.reshape(-1, 4, 2)[:, corners].astype(float)) for corners in ([0, 1, 2], [0, 2, 3])]
    assert (np.sign(halves[0]) == np.sign(halves[1])).mean() > 0.995, "no quad is folded along its diagonal"
    long = np.linalg.norm(points[:, 0] - points[:, 2], axis=1)
    flat = np.linalg.norm(uv.reshape(-1, 4, 2)[:, 0] - uv.reshape(-1, 4, 2)[:, 2], axis=1)
    assert np.percentile(flat / long, 99.9) < 3 * np.median(flat / long), "no quad lies across two charts"


def test_faces_of_several_kinds_are_asked_to_be_cleaned_first(run, make_work):
    import bpy

    bpy.ops.mesh.primitive_cone_add()
    work, _ = make_work()
    work.add("body", bpy.context.active_object)
    with pytest.raises(UserError, match="clean"):
        run("unwrap", method="smart")


def test_faces_without_an_area_are_an_error_in_words(run, make_work):
    import bpy

    work, _ = make_work()
    flat = meshes.new_mesh("flat", np.float32([[0, 0, 0], [1, 0, 0], [2, 0, 0]]), np.int32([[0, 1, 2]]))
    work.add("body", bpy.data.objects.new("flat", flat))
    with pytest.raises(UserError, match="no area"):
        run("unwrap")


def test_the_measures_see_what_is_wrong():
    square = np.float32([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    mesh = meshes.new_mesh("square", square, np.array([[0, 1, 2], [0, 2, 3]], np.int32))
    flat = square[[0, 1, 2, 0, 2, 3], :2].copy()
    good = layout.measure(mesh, flat, size=64)
    assert (good.charts, good.overlap, good.flipped, good.outside) == (1, 0, 0, 0)
    assert good.stretch == pytest.approx(1)
    assert good.used == pytest.approx(1, abs=0.03)
    assert layout.measure(mesh, flat * [0.25, 1], size=64).stretch == pytest.approx(1.457, abs=0.01)
    assert layout.measure(mesh, flat * [-1, 1] + [1, 0], size=64).flipped == 1
    assert layout.measure(mesh, flat * 2, size=64).outside > 0
    twice = flat.copy()
    twice[3:] = twice[[0, 1, 2]]
    assert layout.measure(mesh, twice, size=64).overlap == 1
    thin = layout.measure(mesh, flat * [0.02, 1], size=64)
    assert thin.thin == 1 and good.thin == 0
    moved = layout.figures(mesh, np.float32(flat * 0.9 + [3.05, 1.05]), 64, lambda: None)
    assert (moved["uv_overlap"], moved["uv_outside"], moved["uv_tiles"]) == (0, 0, 1)
    crossing = layout.figures(mesh, np.float32(flat) + np.float32([0.5, 0]), 64, lambda: None)
    assert crossing["uv_outside"] > 0


def test_coverage_counts_as_one_texel_after_the_other_would():
    rng = np.random.default_rng(5)
    corners = np.concatenate([rng.uniform(-0.2, 1.2, (60, 1, 2)) + rng.normal(0, 0.1, (60, 3, 2))])
    size = 40
    y, x = np.mgrid[0:size, 0:size] + 0.5
    expected = np.zeros((size, size), int)
    for a, b, c in corners * size:
        sides = [(q[0] - p[0]) * (y - p[1]) - (q[1] - p[1]) * (x - p[0]) for p, q in ((a, b), (b, c), (c, a))]
        expected += np.all(np.sign(sides) == np.sign(sides[0]), axis=0)
    assert np.array_equal(layout.coverage(corners, size)[0], expected)
    cell = np.arange(60) % 3
    parted = layout.coverage(corners, size, cell, 3)
    assert np.array_equal(parted[1], layout.coverage(corners[cell == 1], size)[0])
