# SPDX-License-Identifier: GPL-3.0-or-later
"""Scores against a photo whose camera and mesh are known, and the parts that they are made of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from PIL import Image

from galatea.backend.backends import judge
from galatea.backend.geometry import raster, soundness
from galatea.backend.geometry.likeness import Figure, thinned
from galatea.backend.geometry.pose import Pose, overlap
from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.job import Request

from .test_relief import Notes

TAKEN = Pose(20, 25, 30)


def chair() -> Any:
    """No turn but none brings it onto itself."""
    boxes = [((0.5, 0.5, 0.06), (0, 0, 0)), ((0.5, 0.06, 0.5), (0, 0.25, 0.25)), ((0.06, 0.4, 0.2), (0.25, 0, 0.1))]
    boxes += [((0.06, 0.06, 0.5), (x, y, -0.25)) for x in (-0.2, 0.2) for y in (-0.2, 0.2)]
    return trimesh.util.concatenate([trimesh.creation.box(size).apply_translation(at) for size, at in boxes])


def colored(mesh: Any) -> dict[str, Any]:
    vertices = np.asarray(mesh.vertices, np.float32)
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    colors = ((vertices - low) / (high - low)).astype(np.float32)
    return {"vertices": vertices, "faces": np.asarray(mesh.faces, np.int32), "colors": colors}


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chair as a camera at TAKEN sees it, off the middle of a larger picture."""
    colors, cover = Figure.of(**colored(chair())).render(TAKEN, 256)
    rgba = np.concatenate([colors, cover[..., None]], axis=2)
    path = tmp_path_factory.mktemp("photo") / "cutout.png"
    picture = Image.new("RGBA", (400, 320), (0, 0, 0, 0))
    picture.paste(Image.fromarray((rgba.clip(0, 1) * 255 + 0.5).astype(np.uint8)), (120, 10))
    picture.save(path)
    return path


def judged(photo: Path, arrays: dict[str, Any], folder: Path, albedo: Path | None = None) -> Notes:
    np.savez(folder / "mesh.npz", **arrays)
    files = {"cutout": photo, "mesh": folder / "mesh.npz"} | ({"albedo": albedo} if albedo else {})
    notes = Notes(folder)
    judge.Backend().run(Request.of(judge.Backend.spec, files), {}, notes)  # type: ignore[arg-type]
    return notes


@pytest.fixture(scope="module")
def own(photo: Path, tmp_path_factory: pytest.TempPathFactory) -> Notes:
    return judged(photo, colored(chair()), tmp_path_factory.mktemp("own"))


def test_a_mesh_agrees_with_its_own_photo(own: Notes) -> None:
    scores = json.loads((own.folder / "scores.json").read_text())
    assert scores["iou"] > 0.95 and scores["lpips"] < 0.1 and scores["psnr"] > 18
    assert scores["score"] == pytest.approx(scores["iou"] - scores["lpips"], abs=2e-4)
    assert abs(scores["camera"]["azimuth"] - TAKEN.azimuth) < 6
    assert abs(scores["camera"]["elevation"] - TAKEN.elevation) < 8
    assert {name: own.metrics[name] for name in ("iou", "psnr", "lpips", "score")} == {
        name: scores[name] for name in ("iou", "psnr", "lpips", "score")
    }
    assert own.metrics["faces"] == scores["mesh"]["faces"] == 12 * 7


def test_the_picture_shows_photo_and_mesh_alike(own: Notes) -> None:
    seen = np.asarray(Image.open(own.folder / "seen.png")).astype(float) / 255
    assert seen.shape == (judge.SHOWN, 2 * judge.SHOWN, 4)
    one, other = np.split(seen, 2, axis=1)
    assert overlap(one[..., 3] > 0.5, other[..., 3] > 0.5) > 0.94
    both = (one[..., 3] > 0.99) & (other[..., 3] > 0.99)
    assert np.abs(one[both] - other[both])[:, :3].mean() < 0.05


def test_the_search_is_heard_of_and_a_cancel_ends_it(own: Notes, photo: Path, tmp_path: Path) -> None:
    parts = [part for phase, part in own.phases if phase == "Looking for the camera"]
    assert len(parts) > 3 and parts == sorted(parts)
    notes = Notes(tmp_path)
    notes.stop_after = 4
    request = Request.of(judge.Backend.spec, {"cutout": photo, "mesh": own.folder / "mesh.npz"})
    with pytest.raises(InterruptedError):
        judge.Backend().run(request, {}, notes)  # type: ignore[arg-type]
    assert notes.phases[-1][0] == "Looking for the camera"


def test_what_is_less_like_the_photo_scores_less(own: Notes, photo: Path, tmp_path: Path) -> None:
    grey = colored(chair())
    del grey["colors"]
    (tmp_path / "grey").mkdir()
    (tmp_path / "ball").mkdir()
    plain = judged(photo, grey, tmp_path / "grey").metrics
    ball = judged(photo, colored(trimesh.creation.icosphere(3)), tmp_path / "ball").metrics
    assert plain["iou"] == own.metrics["iou"] and plain["psnr"] < own.metrics["psnr"] - 3
    assert plain["lpips"] > own.metrics["lpips"]
    assert ball["iou"] < plain["iou"] - 0.2 and ball["score"] < plain["score"] < own.metrics["score"]


def test_a_picture_is_seen_and_colours_cover_it_as_far_as_they_say() -> None:
    """A square towards the viewer: its picture is red above and blue below; colours cover the left half in green."""
    vertices = np.array([(-1, 0, -1), (1, 0, -1), (1, 0, 1), (-1, 0, 1)], np.float32)
    faces = np.array([(0, 1, 2), (0, 2, 3)], np.int32)
    uv = ((vertices[:, [0, 2]] + 1) / 2)[faces]
    albedo = np.zeros((8, 8, 3), np.float32)
    albedo[:4, :, 0] = albedo[4:, :, 2] = 1
    colors = np.array([(0, 1, 0, 1), (0, 1, 0, 0), (0, 1, 0, 0), (0, 1, 0, 1)], np.float32)
    seen, cover = Figure.of(vertices, faces, uv, albedo, colors).render(Pose(0, 0, 20), 64)
    assert cover.mean() == pytest.approx(0.85**2, abs=0.02)
    assert np.allclose(seen[10, 56], (0.95, 0.05, 0), atol=0.06)
    assert np.allclose(seen[54, 56], (0, 0.05, 0.95), atol=0.06)
    assert np.allclose(seen[10, 8], (0.05, 0.95, 0), atol=0.06)
    assert np.allclose(seen[0, 0], 0.5)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(path.read_bytes()[:400]),
        lambda path: path.write_bytes(b"nothing"),
        lambda path: np.savez(path, vertices=np.array([object()]), faces=np.zeros((1, 3), int)),
        lambda path: np.savez(path, vertices=np.zeros((3, 3), np.float32)),
        lambda path: np.savez(path, vertices=np.eye(3, dtype=np.float32), faces=np.array([(0, 1, 7)])),
        lambda path: np.savez(path, vertices=np.full((3, 3), np.nan, np.float32), faces=np.array([(0, 1, 2)])),
        lambda path: np.savez(path, vertices=np.zeros((3, 3), np.float32), faces=np.array([(0, 1, 2)])),
    ],
    ids=["cut short", "no archive", "a pickle", "no faces", "no such vertex", "no numbers", "no extent"],
)
def test_what_is_no_mesh_is_refused_in_words(spoil: Any, tmp_path: Path) -> None:
    path = tmp_path / "mesh.npz"
    np.savez(path, **colored(chair()))
    spoil(path)
    with pytest.raises(UserError, match=r"Cannot judge the mesh mesh\.npz.*Make it again"):
        judge.read(path)


def test_damaged_weights_are_not_used(own: Notes, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lpips.safetensors").write_bytes(judge.WEIGHTS.read_bytes()[:-4] + b"evil")
    monkeypatch.setattr(judge, "WEIGHTS", tmp_path / "lpips.safetensors")
    with pytest.raises(UserError, match="Install the extension again") as caught:
        judge.Backend()._distance()
    assert caught.value.kind == "weights"


@pytest.mark.parametrize("turn", [1, -1], ids=["either", "way around"])
def test_an_outline_is_what_the_triangles_cover(turn: int) -> None:
    ball = trimesh.creation.icosphere(4)
    places = (ball.vertices[:, :2] * 50 + (60, 70)).astype(np.float32)
    seen = raster.outline(places, ball.faces[:, ::turn].astype(np.int32), 128)
    y, x = np.mgrid[:128, :128] + 0.5
    away = np.hypot(x - 60, y - 70)
    assert seen[away < 49.5].all() and not seen[away > 50].any()
    cut = raster.outline(places - (60, 0), ball.faces.astype(np.int32), 128)
    assert np.array_equal(cut[:, :68], seen[:, 60:])


def test_what_is_nearer_hides_what_is_behind_and_weights_are_those_of_space() -> None:
    """A long floor that leads away: the place half-way along it is above the middle of its picture."""
    corners = np.array([(-1, 1, 1), (1, 1, 1), (1, 1, 9), (-1, 1, 9), (-9, 0.5, 20), (9, 0.5, 20), (0, -9, 20)], float)
    places = (corners[:, :2] / corners[:, 2:] * 32 + 32).astype(np.float32)
    faces = np.array([(0, 1, 2), (0, 2, 3), (4, 5, 6)], np.int32)
    for order in ([0, 1, 2], [2, 1, 0]):
        hits = raster.hits(places, corners[:, 2], faces[order], 64)
        place = np.einsum("nij,ni->nj", corners[faces[order][hits.face[40:64, 32]]], hits.bary[40:64, 32])
        rows = np.arange(40, 64) + 0.5
        assert np.allclose(place[:, 2], 32 / (rows - 32), rtol=1e-4)
        assert set(hits.face[:20].ravel()) <= {-1, order.index(2)}


def test_a_thinned_mesh_keeps_its_outline() -> None:
    ball = trimesh.creation.icosphere(6)
    faces = ball.faces.astype(np.int32)
    vertices, fewer = thinned(np.asarray(ball.vertices, np.float32), faces, 60)
    assert len(fewer) < len(faces) / 2
    one, other = (
        raster.outline((v[:, :2] * 55 + 64).astype(np.float32), f, 128)
        for v, f in ((ball.vertices, faces), (vertices, fewer))
    )
    assert overlap(one, other) > 0.97


def test_the_report_on_a_mesh() -> None:
    box = trimesh.creation.box((1, 1, 2))
    vertices, faces = np.asarray(box.vertices, np.float32), np.asarray(box.faces, np.int32)
    whole = soundness.report(vertices, faces)
    assert whole == {
        "vertices": 8, "faces": 12, "watertight": True, "shells": 1, "boundary_edges": 0, "nonmanifold_edges": 0,
        "hole": 0.0,
    }  # fmt: skip
    apart = soundness.report(vertices[faces.reshape(-1)], np.arange(36, dtype=np.int32).reshape(-1, 3))
    assert apart == whole | {"vertices": 36}, "vertices in the same place are one"
    two = soundness.report(
        np.concatenate([vertices, vertices + 5]).astype(np.float32), np.concatenate([faces, faces + 8])
    )
    assert two["shells"] == 2 and two["watertight"]

    top = (np.abs(vertices[faces][:, :, 2] - 1) < 1e-6).all(axis=1)
    open_box = soundness.report(vertices, faces[~top])
    assert not open_box["watertight"] and open_box["boundary_edges"] == 4
    assert open_box["hole"] == pytest.approx(4 / 2), "four edges of one metre, of two metres' length"
    flipped = faces.copy()
    flipped[0] = flipped[0, ::-1]
    assert not soundness.report(vertices, flipped)["watertight"]
    fin = np.concatenate([faces, [[faces[0, 0], faces[0, 1], faces[5, 2]]]]).astype(np.int32)
    assert soundness.report(vertices, fin)["nonmanifold_edges"] >= 1
