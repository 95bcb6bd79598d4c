# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that holds points only becomes a closed mesh whose surface goes through them."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from mathutils.bvhtree import BVHTree

from galatea.addon.scene.lib.mesh import meshes
from galatea.backend.geometry import exchange
from galatea.backend.protocol.errors import UserError


def _ell() -> trimesh.Trimesh:
    """Two boxes as an L, made finer: it has edges and an inner corner."""
    out = trimesh.creation.extrude_triangulation(
        [[0, 0], [1, 0], [1, 0.4], [0.4, 0.4], [0.4, 1], [0, 1]], [[0, 1, 2], [0, 2, 3], [0, 3, 4], [0, 4, 5]], 0.4
    )
    return out


SHAPES = {
    "sphere": trimesh.creation.icosphere(5),
    "torus": trimesh.creation.torus(1, 0.35, major_sections=96, minor_sections=48),
    "ell": _ell(),
}


def _written(folder, shape: trimesh.Trimesh, count: int, *, normals: bool, noise: float = 0.0):
    places, face = trimesh.sample.sample_surface(shape, count, seed=4)
    places = places + np.random.default_rng(1).normal(0, noise, places.shape)
    way = shape.face_normals[face].astype(np.float32) if normals else None
    colours = np.where(places[:, :1] > shape.centroid[0], [[1.0, 0, 0]], [[0, 0, 1.0]]).astype(np.float32)
    path = folder / "points.ply"
    exchange.write_ply(path, places.astype(np.float32), colours, way)
    return path


def _made(run, path):
    done = run("load", {"model": path})
    mesh = done.work.object("body").data
    return done, trimesh.Trimesh(meshes.vertices_of(mesh), meshes.triangles_of(mesh), process=False)


def _off(made: trimesh.Trimesh, shape: trimesh.Trimesh) -> tuple[float, float]:
    """Mean and greatest distance both ways, as shares of the true diagonal."""
    shape = shape.copy()
    low, high = shape.bounds
    shape.apply_translation([-(low[0] + high[0]) / 2, -(low[1] + high[1]) / 2, -low[2]])
    far = []
    for one, other in ((made, shape), (shape, made)):
        tree = BVHTree.FromPolygons(other.vertices.tolist(), other.faces.tolist(), all_triangles=True)
        places = trimesh.sample.sample_surface(one, 1500, seed=2)[0]
        far.append([tree.find_nearest(place)[3] for place in places.tolist()])
    every = np.concatenate(far) / np.linalg.norm(shape.extents)
    return float(every.mean()), float(every.max())


@pytest.mark.parametrize(
    ("shape", "mean", "most"), [("sphere", 3e-4, 2e-3), ("torus", 5e-4, 3e-3), ("ell", 3e-3, 3e-2)]
)
@pytest.mark.parametrize("normals", [True, False])
def test_the_surface_goes_through_the_points(run, tmp_path, shape, mean, most, normals):
    done, made = _made(run, _written(tmp_path, SHAPES[shape], 8000, normals=normals))
    assert made.is_watertight and made.is_winding_consistent and made.body_count == 1
    assert made.euler_number == SHAPES[shape].euler_number
    assert made.volume == pytest.approx(SHAPES[shape].volume, rel=0.02)
    found = _off(made, SHAPES[shape])
    assert found[0] < mean and found[1] < most
    assert bool(done.report.warnings) is not normals
    assert done.metrics["points"] == 8000


def test_noise_and_a_crowd_on_one_side_do_no_harm(run, tmp_path):
    shape = SHAPES["torus"]
    path = _written(tmp_path, shape, 10000, normals=True, noise=0.01)
    _, made = _made(run, path)
    assert made.is_watertight and made.euler_number == 0
    assert made.volume == pytest.approx(shape.volume, rel=0.03) and _off(made, shape)[0] < 4e-3


def test_colours_of_the_points_go_along(run, tmp_path):
    done, _ = _made(run, _written(tmp_path, SHAPES["sphere"], 5000, normals=True))
    mesh = done.work.object("body").data
    layer = mesh.color_attributes[0]
    values = np.empty(4 * len(layer.data), np.float32)
    layer.data.foreach_get("color", values)
    red, place = values.reshape(-1, 4)[:, 0], meshes.vertices_of(mesh)[:, 0]
    assert (red[place > 0.1] > 0.9).all() and (red[place < -0.1] < 0.1).all()


def test_a_handful_of_points_is_refused(run, tmp_path):
    with pytest.raises(UserError, match="too few points"):
        _made(run, _written(tmp_path, SHAPES["sphere"], 50, normals=True))
