# SPDX-License-Identifier: GPL-3.0-or-later
"""The scores on shapes whose answers are known, and the tables on predictors that behave badly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from PIL import Image
from scipy.spatial.transform import Rotation

from galatea.backend.learn.evaluate import baselines, holdout, metrics, table, views
from galatea.backend.learn.evaluate.align import Similarity, align, fit, rotations
from galatea.backend.learn.evaluate.shape import Cloud, Shape, sample
from galatea.backend.learn.things import thing as things

KEYS = ("test--box", "test--chair")


def shape(mesh: Any) -> Shape:
    return Shape.of(mesh.vertices, mesh.faces)


def chair() -> Any:
    """No rotation but none brings it onto itself."""
    parts = [
        trimesh.creation.box((0.5, 0.5, 0.06)),
        trimesh.creation.box((0.5, 0.06, 0.5)).apply_translation((0, 0.25, 0.25)),
    ]
    parts += [
        trimesh.creation.box((0.06, 0.06, 0.5)).apply_translation((x, y, -0.25))
        for x in (-0.2, 0.2)
        for y in (-0.2, 0.2)
    ]
    parts.append(trimesh.creation.box((0.06, 0.4, 0.2)).apply_translation((0.25, 0.0, 0.1)))
    return trimesh.util.concatenate(parts)


def posed(body: Shape, seed: int) -> Shape:
    dice = np.random.default_rng(seed)
    turn = Rotation.random(random_state=seed).as_matrix()
    return body.moved(body.vertices @ turn.T * dice.uniform(0.2, 5) + dice.normal(0, 2, 3))


def make(key: str, mesh: Any) -> things.Thing:
    faces = np.asarray(mesh.faces, np.int32)
    texture = np.full((4, 4, 4), 255, np.uint8)
    texture[:2, :, 1:3] = 0  # the upper half is red
    uv = np.tile(np.array([0.5, 0.9], np.float32), (len(faces), 3, 1))
    return things.Thing(
        key,
        things.normalise(mesh.vertices),
        faces,
        uv,
        np.zeros(len(faces), np.int16),
        np.ones((1, 4), np.float32),
        (texture,),
        {
            "name": key,
            "category": key.split("--")[1],
            "licence": "CC0-1.0",
            "author": "the tests",
            "source": "test 1",
            "split": "holdout",
        },
    )


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two Things with pictures drawn without Blender."""
    for key, mesh in zip(KEYS, (trimesh.creation.box((1, 0.6, 0.4)), chair()), strict=True):
        path = tmp_path / "things" / "holdout" / f"{key}.npz"
        things.save(path, make(key, mesh))
        (tmp_path / "holdout").mkdir(exist_ok=True)
        (tmp_path / "holdout" / f"{key}.json").write_text(json.dumps(holdout.describe(path)))
        picture = np.zeros((64, 64, 4), np.uint8)
        picture[10:50, 16:48] = (200, 120, 40, 255)
        Image.fromarray(picture).save(tmp_path / "holdout" / f"{key}.png")
    return tmp_path


def test_chamfer_of_a_sphere_in_a_sphere() -> None:
    inner, outer = (
        sample(shape(trimesh.creation.icosphere(5, radius)), 10_000, seed) for radius, seed in ((0.4, 1), (0.5, 2))
    )
    values = metrics.compare(inner, outer)
    assert values["cd"] == pytest.approx(0.1, abs=2e-3)
    assert values["f0.05"] == 0
    assert values["f0.1"] < 0.6  # the samples stand a little further apart than the spheres
    assert values["nc"] > 0.99


def test_chamfer_is_not_squared_and_the_mean_of_both_ways() -> None:
    a = Cloud(np.array([[0.0, 0, 0], [1, 0, 0]]), np.tile([0.0, 0, 1], (2, 1)))
    b = Cloud(np.array([[0.0, 0, 0.04]]), np.tile([0.0, 1, 0], (1, 1)))
    values = metrics.compare(a, b)
    assert values["cd"] == pytest.approx(((0.04 + np.hypot(1, 0.04)) / 2 + 0.04) / 2)
    assert values["f0.02"] == 0
    assert values["f0.05"] == pytest.approx(2 * 0.5 * 1 / 1.5)
    assert values["nc"] == 0


def test_scores_are_the_same_either_way_round() -> None:
    a, b = sample(shape(chair()), 3000, 1), sample(shape(trimesh.creation.icosphere(3, 0.5)), 3000, 2)
    forth, back = metrics.compare(a, b), metrics.compare(b, a)
    assert forth == pytest.approx(back)


def test_normals_of_a_cube_agree_with_themselves_whatever_the_winding() -> None:
    box = trimesh.creation.box((1, 1, 1))
    cloud = sample(shape(box), 5000)
    flipped = sample(Shape.of(box.vertices, box.faces[:, ::-1]), 5000)
    assert metrics.compare(cloud, cloud)["nc"] == pytest.approx(1)
    assert metrics.compare(cloud, flipped)["nc"] > 0.97


def test_samples_are_spread_by_area_and_pass_holes_by() -> None:
    vertices = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 5), (3, 0, 5), (0, 3, 5)]
    body = Shape.of(vertices, [(0, 1, 2), (3, 4, 5)])
    points = sample(body, 20_000).points
    assert (points[:, 2] > 4).mean() == pytest.approx(0.9, abs=0.01)
    pierced = Shape(body.vertices, body.faces, opaque=lambda face, weights: (face == 0) & (weights[:, 0] > 0.5))
    left = sample(pierced, 1000).points
    assert len(left) == 1000
    assert (left[:, 2] == 0).all()
    assert (left[:, :2].sum(axis=1) < 0.5).all()


def test_the_rotations_hold_the_cube_and_the_turntable_and_leave_no_gap() -> None:
    turns = rotations()
    assert np.allclose(turns @ turns.transpose(0, 2, 1), np.eye(3))
    assert np.allclose(np.linalg.det(turns), 1)
    whole = np.isclose(np.abs(turns).max(axis=2), 1).all(axis=1)
    assert len(np.unique(np.round(turns[whole]), axis=0)) == 24
    assert (np.abs(turns[:24, 2, 2] - 1) < 1e-9).all()
    anywhere = Rotation.random(500, random_state=0).as_matrix()
    best = (np.einsum("aij,bij->ab", anywhere, turns).max(axis=1) - 1) / 2
    assert np.degrees(np.arccos(best)).max() < 35


def test_fit_finds_the_similarity_and_never_a_mirror() -> None:
    points = np.random.default_rng(0).normal(size=(50, 3))
    move = Similarity(0.3, Rotation.random(random_state=1).as_matrix(), np.array([1.0, -2, 3]))
    found = fit(points, move(points))
    assert np.allclose(found(points), move(points))
    assert np.allclose(found.inverse()(move(points)), points)
    assert np.linalg.det(fit(points, points * (-1, 1, 1)).rotation) == pytest.approx(1)


@pytest.mark.parametrize("seed", range(4))
def test_align_recovers_a_similarity(seed: int) -> None:
    body = shape(chair())
    moved = posed(body, seed)
    move = align(sample(moved, 3000, 1).points, sample(body, 3000, 2).points)
    assert np.abs(move(moved.vertices) - body.vertices).max() < 0.02


def test_the_score_does_not_depend_on_the_pose() -> None:
    truth = shape(chair())
    prediction = Shape.of(*_bent(chair()))
    found = [metrics.score(posed(prediction, seed), truth).values for seed in range(4)]
    for name, tolerance in (("cd", 0.002), ("f0.05", 0.04), ("nc", 0.04), ("iou", 0.03)):
        values = [f[name] for f in found]
        assert np.ptp(values) < tolerance, (name, values)
    assert found[0]["cd"] < 0.05


def _bent(mesh: Any) -> tuple[Any, Any]:
    mesh = mesh.subdivide().subdivide()
    return mesh.vertices * (1, 0.8, 1) + 0.08 * np.sin(5 * mesh.vertices[:, [2, 0, 1]]), mesh.faces


def test_a_shape_scores_well_against_itself_and_better_than_a_ball() -> None:
    truth = shape(chair())
    own, ball = (metrics.score(body, truth).values for body in (posed(truth, 5), baselines.sphere()(Path(), "")))
    assert own["cd"] < 0.012
    assert own["f0.02"] > 0.95
    assert own["iou"] > 0.95
    assert own["nc"] > 0.9
    assert all(own[name] > ball[name] for name in ("f0.02", "f0.05", "nc", "iou"))
    assert own["cd"] < ball["cd"] / 3
    assert "psnr" not in own


def test_what_is_hidden_inside_counts_only_for_the_whole() -> None:
    shell, inside = trimesh.creation.box((1, 1, 1)), trimesh.creation.box((0.4, 0.4, 0.4))
    values = metrics.score(shape(shell), shape(trimesh.util.concatenate([shell, inside])), aligned=True).values
    assert values["cd_outer"] < 0.015
    assert values["cd"] > values["cd_outer"] + 0.01
    assert values["f0.02"] < values["f0.02_outer"]


def test_watertight_merges_seams() -> None:
    box = trimesh.creation.box((1, 1, 1))
    apart = Shape.of(box.vertices[box.faces.reshape(-1)], np.arange(36).reshape(-1, 3))
    assert metrics.watertight(apart)
    assert not metrics.watertight(Shape.of(box.vertices, box.faces[:-1]))


def test_views_see_colours_from_where_they_should() -> None:
    mesh = trimesh.creation.box((1, 1, 1)).subdivide().subdivide()
    colors = np.where(mesh.vertices[:, [1]] < -0.49, (255, 0, 0), (0, 0, 255)).astype(np.uint8)
    body = Shape.of(mesh.vertices, mesh.faces, colors)
    seen = views.look(body, views.tracer(body), radius=0.9, side=64)
    assert np.allclose(seen.albedo[0, 36, 32], (1, 0, 0))
    assert np.allclose(seen.albedo[4, 36, 32], (0, 0, 1))
    assert np.allclose(seen.albedo[2, 36, 32 - 18], (1, 0, 0), atol=0.9)  # from +X the front is on the left
    assert seen.covered.mean() == pytest.approx(1.33 / 3.24, abs=0.15)
    assert views.overlap(seen, seen) == 1
    assert views.psnr(seen.albedo, seen.albedo) == 60
    assert views.ssim(seen.albedo, seen.albedo) == pytest.approx(1)


def test_psnr_of_a_known_error() -> None:
    a = np.zeros((2, 16, 16, 3))
    assert views.psnr(a, a + 0.1) == pytest.approx(20)
    assert views.ssim(a, a + 0.5) < 0.01


@pytest.mark.parametrize(
    "vertices,faces,why",
    [
        (np.zeros((0, 3)), np.zeros((0, 3), int), "no triangle mesh"),
        ([(0, 0, np.nan), (1, 0, 0), (0, 1, 0)], [(0, 1, 2)], "not numbers"),
        ([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [(0, 1, 3)], "without vertices"),
        ([(0, 0, 0), (1, 0, 0), (2, 0, 0)], [(0, 1, 2)], "no area"),
    ],
)
def test_what_is_no_mesh_is_refused(vertices: Any, faces: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Shape.of(vertices, faces)


def test_bootstrap_is_seeded_and_sane() -> None:
    values = list(np.random.default_rng(0).normal(5, 1, 400))
    mean, low, high = table.bootstrap(values)
    assert (mean, low, high) == table.bootstrap(values)
    assert low < mean < high
    assert high - low == pytest.approx(2 * 1.96 / 20, rel=0.2)
    assert table.bootstrap([3.0]) == (3.0, 3.0, 3.0)


def test_the_camera_of_a_key_is_always_the_same_and_in_range() -> None:
    drawn = [holdout.draw(f"test--{i}") for i in range(200)]
    assert drawn[0] == holdout.draw("test--0")
    for name, (low, high) in (("azimuth", holdout.AZIMUTH), ("elevation", holdout.ELEVATION), ("fov", holdout.FOV)):
        values = [view[name] for view in drawn]
        assert low <= min(values) < low + (high - low) / 10
        assert high >= max(values) > high - (high - low) / 10


def test_the_oracle_beats_the_ball_and_has_the_colours(data: Path) -> None:
    read = baselines.stored(data, "holdout")
    for key in KEYS:
        goal = read(key)
        near = metrics.score(baselines.oracle(data)(Path(), key), goal).values
        ball = metrics.score(baselines.sphere()(Path(), key), goal).values
        assert near["cd"] < ball["cd"] / 3
        assert near["f0.05"] > 0.97
        assert near["watertight"] == 1
        assert near["psnr"] > ball["psnr"] + 5


def test_relief_is_run_as_the_backend_it_is(data: Path) -> None:
    body = baselines.backend("relief", {"grid": 64})(data / "holdout" / "test--box.png", "test--box")
    assert np.ptp(body.vertices, axis=0).max() == pytest.approx(1, abs=0.01)
    assert body.paint
    middle = body.paint(np.arange(len(body.faces)), np.full((len(body.faces), 3), 1 / 3)).mean(axis=0)
    assert np.allclose(middle, np.array([200, 120, 40]) / 255, atol=0.05)


def test_nearest_takes_the_most_alike(data: Path) -> None:
    features = np.array([[1.0, 0], [0, 3], [-1, 0]])
    keys = ["test--box", "test--chair", "test--box"]
    predict = baselines.nearest(lambda path: np.array([0.2, 0.9]), features, keys, baselines.stored(data, "holdout"))
    made = predict(Path(), "")
    assert isinstance(made, Shape)
    assert len(made.faces) == len(chair().faces)


def test_a_run_goes_on_where_it_stood_and_counts_failures(data: Path, tmp_path: Path) -> None:
    asked: list[str] = []

    def bad(picture: Path, key: str) -> Any:
        asked.append(key)
        if key == "test--box":
            raise RuntimeError("out of luck")
        box = trimesh.creation.box((1, 1, 1))
        return box.vertices, box.faces, None

    out = tmp_path / "out"
    rivals = {"bad": bad, "sphere": baselines.sphere()}
    told: list[tuple[str, str]] = []
    records = table.run(rivals, data, out, progress=lambda name, key, done, total: told.append((name, key)))
    assert asked == list(KEYS)
    assert len(told) == 4
    assert records["bad"]["test--box"]["reason"] == "RuntimeError: out of luck"

    (out / "scores" / "sphere" / "test--box.json").unlink()
    again = table.run(rivals, data, out, progress=lambda name, key, done, total: told.append((name, key)))
    assert asked == list(KEYS)
    assert told[4:] == [("sphere", "test--box")]
    same = again["bad"]["test--chair"]["values"]
    assert same == records["bad"]["test--chair"]["values"]

    summary = table.write(again, data, out, reference="sphere")
    entry = summary["predictors"]["bad"]
    assert entry["n"] == 2
    assert entry["failed"] == {"test--box": "RuntimeError: out of luck"}
    assert entry["scores"]["cd"]["mean"] == pytest.approx((0.5 + same["cd"]) / 2)
    assert entry["scores"]["cd"]["n"] == 2
    assert entry["worst"][0] == "test--box"
    assert entry["ratio"]["f0.05"]["ratio"] < 1
    assert set(entry["categories"]) == {"box", "chair"}
    text = (out / "table.md").read_text(encoding="utf-8")
    assert "| bad | 2 | 1 |" in text
    assert "failed: test--box: RuntimeError: out of luck" in text
    with Image.open(out / "worst-bad.png") as picture:
        assert picture.height == 2 * 144


def test_blender_takes_the_picture(tmp_path: Path) -> None:
    pytest.importorskip("bpy")
    mesh = trimesh.creation.box((1, 0.5, 0.5))
    things.save(tmp_path / "things" / "holdout" / "test--box.npz", make("test--box", mesh))
    done = holdout.render(tmp_path, side=48, samples=4)
    assert done.ready == ["test--box"]
    assert not done.failed
    with Image.open(tmp_path / "holdout" / "test--box.png") as file:
        pixels = np.asarray(file.convert("RGBA")).astype(int)
    solid = pixels[..., 3] > 128
    rows, columns = np.flatnonzero(solid.any(axis=1)), np.flatnonzero(solid.any(axis=0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == pytest.approx(0.85 * 48, abs=2)
    for found in (rows, columns):
        assert found.mean() == pytest.approx(23.5, abs=1.5)
    red, green, _ = pixels[solid][:, :3].mean(axis=0)
    assert red > 2 * green
    card = json.loads((tmp_path / "holdout" / "test--box.json").read_text())
    assert card["category"] == "box"
    before = (tmp_path / "holdout" / "test--box.png").stat().st_mtime_ns
    assert holdout.render(tmp_path, side=48, samples=4).ready == ["test--box"]
    assert (tmp_path / "holdout" / "test--box.png").stat().st_mtime_ns == before
