# SPDX-License-Identifier: GPL-3.0-or-later
"""A layout is complete, does not overlap, keeps shapes, and leaves the gaps that the texture needs."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from galatea.addon.scene import unwrap
from galatea.addon.scene.lib import meshes, unwrapping
from galatea.backend.protocol.errors import UserError

HAS_XATLAS = importlib.util.find_spec("xatlas") is not None
needs_xatlas = pytest.mark.skipif(not HAS_XATLAS, reason="xatlas is not installed in this Python")
BOTH = [pytest.param("xatlas", marks=needs_xatlas), "smart"]


@pytest.fixture
def cleaned(run, figure):
    run("bring", {"mesh": figure.mesh, "albedo": figure.albedo})
    return run("clean", faces=2000)


@pytest.mark.parametrize("method", BOTH)
def test_the_layout_is_sound(run, cleaned, method):
    before = meshes.vertices_of(cleaned.work.object("body").data).copy()
    done = run("unwrap", method=method, size=512)
    mesh = done.work.object("body").data
    layout = unwrapping.measure(mesh, meshes.uv_of(mesh, "galatea"), size=512)
    assert layout.outside == 0
    assert layout.overlap == 0
    assert layout.stretch < 1.1
    assert layout.used > 0.35
    assert 1 < layout.charts < 250
    assert done.metrics["charts"] == layout.charts
    assert done.metrics["method"] == method
    assert np.array_equal(meshes.vertices_of(mesh), before)


@pytest.mark.parametrize("method", BOTH)
def test_the_new_map_is_used_and_the_old_one_stays(run, cleaned, method):
    mesh = run("unwrap", method=method).work.object("body").data
    assert [layer.name for layer in mesh.uv_layers] == ["source", "galatea"]
    assert mesh.uv_layers.active.name == "galatea"
    assert [layer.active_render for layer in mesh.uv_layers] == [False, True]
    again = run("unwrap", method=method).work.object("body").data
    assert [layer.name for layer in again.uv_layers] == ["source", "galatea"]


@pytest.mark.parametrize("method", BOTH)
def test_charts_keep_their_distance(run, cleaned, method):
    """Each chart is drawn alone and grown by a texel; no other chart may be touched."""
    size = 1024
    mesh = run("unwrap", method=method, size=size).work.object("body").data
    uv = meshes.uv_of(mesh, "galatea")
    faces = meshes.triangles_of(mesh)
    key = np.column_stack([faces.reshape(-1), np.round(uv * 1e5).astype(np.int64)])
    _, point = np.unique(key, axis=0, return_inverse=True)
    point = point.reshape(-1, 3).astype(np.int32)
    label = meshes.components(int(point.max()) + 1, point)[point[:, 0]]
    owner = np.zeros((size, size), np.int32)
    for chart in np.unique(label):
        mask = unwrapping.coverage(uv.reshape(-1, 3, 2)[label == chart].astype(float), size) > 0
        if mask.sum() < 4:
            continue
        near = np.zeros_like(mask)
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                near |= np.roll(mask, (dy, dx), (0, 1))
        others = owner[near]
        assert not (others > 0).any(), "two charts lie closer than the filter of a texture reads"
        owner[mask] = int(chart) + 1


def test_auto_takes_what_is_there(run, cleaned, monkeypatch):
    assert run("unwrap").metrics["method"] == ("xatlas" if HAS_XATLAS else "smart")
    monkeypatch.setattr(unwrap, "_XATLAS_FACES", 1000)
    assert run("unwrap").metrics["method"] == "smart"
    monkeypatch.setattr(unwrap.importlib.util, "find_spec", lambda name: None)
    done = run("unwrap")
    assert done.metrics["method"] == "smart"
    assert any("xatlas" in getattr(event, "text", "") for event in done.events)
    with pytest.raises(UserError, match="not installed"):
        run("unwrap", method="xatlas")


def test_the_measures_see_what_is_wrong():
    square = np.float32([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    mesh = meshes.new_mesh("square", square, np.array([[0, 1, 2], [0, 2, 3]], np.int32))
    flat = square[[0, 1, 2, 0, 2, 3], :2].copy()
    good = unwrapping.measure(mesh, flat, size=64)
    assert (good.charts, good.overlap, good.flipped, good.outside) == (1, 0, 0, 0)
    assert good.stretch == pytest.approx(1)
    assert good.used == pytest.approx(1, abs=0.03)
    assert unwrapping.measure(mesh, flat * [0.25, 1], size=64).stretch == pytest.approx(1.457, abs=0.01)
    assert unwrapping.measure(mesh, flat * [-1, 1] + [1, 0], size=64).flipped == 1
    assert unwrapping.measure(mesh, flat * 2, size=64).outside > 0
    twice = flat.copy()
    twice[3:] = twice[[0, 1, 2]]
    assert unwrapping.measure(mesh, twice, size=64).overlap == 1
