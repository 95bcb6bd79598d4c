# SPDX-License-Identifier: GPL-3.0-or-later
"""Depth: bodies from heights that are known, and both backends on tiny models of the real classes."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from PIL import Image, ImageDraw

from galatea.backend.backends import depth, depth_relief
from galatea.backend.geometry import exchange, heights
from galatea.backend.networks import depth as networks
from galatea.backend.protocol.job import JobState, Result
from galatea.backend.protocol.store import JobStore

from . import tiny

torch = tiny.torch


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("depth")
    return {
        "relative": tiny.depth_anything(root / "relative"),
        "metric": tiny.depth_anything(root / "metric", "metric"),
        "pro": tiny.depth_pro(root / "pro"),
        "normals": tiny.marigold(root / "normals"),
    }


def sound(body: trimesh.Trimesh) -> None:
    assert body.is_watertight and body.is_winding_consistent and body.volume > 0
    assert body.area_faces.min() > 0
    assert (np.unique(body.edges_sorted, axis=0, return_counts=True)[1] == 2).all()


def dome(side: int = 120, radius: float = 50.0, ball: float = 60.0) -> tuple[np.ndarray, np.ndarray, float]:
    """Level and heights (X, Y) of the cap of a ball over a disc; the height of the ball's middle, below 0."""
    x = np.arange(side) - (side - 1) / 2
    square = x[:, None] ** 2 + x[None] ** 2
    low = np.sqrt(ball**2 - radius**2)
    return (radius**2 - square) / (2 * radius), np.sqrt(np.maximum(ball**2 - square, 0)) - low, low


def test_a_cap_of_a_ball_is_met_to_a_hundredth_of_a_cell() -> None:
    level, tall, low = dome()
    vertices, faces = heights.solid(level, tall, np.full_like(tall, 4.0))
    body = trimesh.Trimesh(vertices, faces, process=False)
    sound(body)
    top = vertices[: len(vertices) // 2]
    off = np.linalg.norm(top - [59.5, 59.5, -low], axis=1) - 60
    assert np.abs(off).max() < 0.02, "cells, of 100 across"
    cap = np.pi / 3 * (60 - low) ** 2 * (2 * 60 + low)
    assert body.volume == pytest.approx(cap + np.pi * 50**2 * 4, rel=1e-3)
    assert vertices[len(top) :, 2] == pytest.approx(-4.0)


def test_any_outline_gives_a_closed_body() -> None:
    chance = np.random.default_rng(0)
    level = np.pad(chance.normal(size=(40, 30)), 2, constant_values=-1.0)  # islands, holes, corners that touch
    vertices, faces = heights.solid(level, chance.normal(size=level.shape), np.zeros_like(level))
    body = trimesh.Trimesh(vertices, faces, process=False)
    assert body.is_watertight and body.is_winding_consistent and body.volume > 0
    top = vertices[: len(vertices) // 2]
    assert (top[:, 2] - vertices[len(top) :, 2]).min() > 0.9 * heights.THIN, "the front never dips below the back"


def test_slopes_give_the_scale_and_the_fine_grain() -> None:
    level, tall, _ = dome()
    inside = (level > 0).astype(float)
    slope = heights.slopes(heights.normals(tall))
    assert heights.scale(tall / 7, slope, inside) == pytest.approx(7, rel=1e-3)
    rough = tall + np.random.default_rng(0).normal(0, 1, tall.shape)
    mended = heights.joined(rough, slope, inside, reach=12)
    assert (mended - tall)[level > 5].std() < 0.15 < 0.9 < (rough - tall)[level > 0].std()
    tilted = tall + np.linspace(0, 8, len(tall))[:, None]  # what is coarse stays as the depth says
    kept = heights.joined(tilted, slope, inside, reach=6)
    assert np.polyfit(np.arange(40, 80), (kept - tall)[40:80, 60], 1)[0] == pytest.approx(8 / 119, rel=0.25)


@pytest.mark.skipif(find_spec("bpy") is None, reason="needs Blender")
def test_blender_reads_the_float_picture(tmp_path: Path) -> None:
    plane = np.linspace(-3, 900, 35, dtype=np.float32).reshape(5, 7)
    exchange.write_exr(tmp_path / "plane.exr", plane)
    code = (
        "import bpy, json, sys; image = bpy.data.images.load(sys.argv[1]);"
        "json.dump([image.size[:], image.is_float, image.pixels[:][::4]], open(sys.argv[2], 'w'))"
    )
    subprocess.run(
        [sys.executable, "-c", code, tmp_path / "plane.exr", tmp_path / "read.json"], check=True, timeout=600
    )
    size, is_float, values = json.loads((tmp_path / "read.json").read_text())
    assert size == [7, 5] and is_float
    assert np.allclose(np.array(values).reshape(5, 7)[::-1], plane)  # Blender's rows go up


def test_depth_anything_is_what_transformers_makes_of_it(folders: dict[str, Path]) -> None:
    from transformers import AutoModelForDepthEstimation, DPTImageProcessorPil

    picture = np.random.default_rng(0).integers(0, 255, (60, 90, 3), np.uint8)
    for kind in ("relative", "metric"):
        processor: Any = DPTImageProcessorPil.from_pretrained(folders[kind])
        with torch.inference_mode():
            model = AutoModelForDepthEstimation.from_pretrained(folders[kind])
            made = model(**processor(picture, return_tensors="pt"))
        wanted = processor.post_process_depth_estimation(made, [(60, 90)])[0]["predicted_depth"].numpy()
        told: list[float] = []
        seen = networks.load(folders[kind], "cpu", torch.float32)(picture, told.append)
        if kind == "relative":
            assert np.allclose(seen.near, np.maximum(wanted, 0)) and seen.metres is None
        else:
            assert seen.metres is not None and np.allclose(seen.metres, wanted)
            assert np.allclose(seen.near, 1 / wanted)
        assert told == sorted(told) and told[0] == 0.0 and len(told) > 3


def test_depth_pro_measures(folders: dict[str, Path]) -> None:
    """Twice the angle's tangent is twice the inverse distance: its numbers are for a unit focal length."""
    picture = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    seen = {}
    for fov in (40.0, 80.0):
        estimator = networks.load(folders["pro"], "cpu", torch.float32)
        model = estimator.model
        raw = torch.full((1, 64, 64), 0.25)

        def forward(*_: Any, fov: float = fov, raw: Any = raw, **more: Any) -> Any:
            from transformers.models.depth_pro.modeling_depth_pro import DepthProDepthEstimatorOutput

            assert more["pixel_values"].shape == (1, 3, 64, 64)
            return DepthProDepthEstimatorOutput(predicted_depth=raw, field_of_view=torch.tensor([fov]))

        assert model(pixel_values=torch.zeros(1, 3, 64, 64)).predicted_depth.shape[0] == 1, "the real one runs"
        model.forward = forward
        seen[fov] = estimator(picture)
    assert seen[40.0].fov == 40.0 and seen[40.0].near.shape == (48, 64)
    assert seen[40.0].metres == pytest.approx(1 / (0.25 * 2 * np.tan(np.radians(20))), rel=1e-5)
    assert np.allclose(seen[80.0].near / seen[40.0].near, np.tan(np.radians(40)) / np.tan(np.radians(20)))


def photo(path: Path, shape: tuple[int, int, int, int] = (40, 30, 240, 230)) -> Path:
    cut = Image.new("RGBA", (280, 260), (0, 0, 0, 0))
    ImageDraw.Draw(cut).ellipse(shape, fill=(200, 80, 40, 255))
    ImageDraw.Draw(cut).rectangle((140, 60, 170, 90), fill=(30, 60, 220, 255))  # blue, up and right of the middle
    cut.save(path)
    return path


class Dome:
    """Stands in for a model: the object that it is shown is the cap of a ball of 1.25 times its radius, a quarter as
    deep as it is wide, and it knows how far each pixel is, in radii."""

    def __init__(self, seen: Any) -> None:
        self.seen = seen

    def __call__(self, picture: np.ndarray, beat: Any = None) -> Any:
        thing = np.abs(picture.astype(int) - depth_relief.GREY).sum(axis=2) > 60
        rows, columns = np.nonzero(thing)
        middle = (rows.min() + rows.max()) / 2, (columns.min() + columns.max()) / 2
        radius = (columns.max() - columns.min() + 1) / 2
        y, x = np.mgrid[: picture.shape[0], : picture.shape[1]]
        square = ((y - middle[0]) ** 2 + (x - middle[1]) ** 2) / radius**2
        bulge = np.sqrt(np.maximum(1.25**2 - square, 0)) - 0.75
        return self.seen(np.maximum(bulge, 0).astype(np.float32), picture.shape[1] / (2 * radius))


def made_of(store: JobStore, result: Result) -> trimesh.Trimesh:
    assert result.state is JobState.DONE, result.failure
    with np.load(store.files(result)["mesh"]) as file:
        assert file["uv"].shape == (len(file["faces"]), 3, 2) and 0 <= file["uv"].min() <= file["uv"].max() <= 1
        body = trimesh.Trimesh(file["vertices"], file["faces"], process=False)
        body.metadata["uv"] = file["uv"]
    sound(body)
    return body


def test_a_dome_that_the_model_sees_becomes_a_dome(
    store: JobStore, folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(networks, "load", lambda *_: Dome(lambda near, wide: networks.Seen(near)))
    settings = {"weights": str(folders["relative"]), "grid": 160, "strength": 0.25, "smooth": 0.0, "base": 0.02}
    result = tiny.run(store, depth_relief.Backend(), {"cutout": photo(tmp_path / "cut.png")}, **settings)
    body = made_of(store, result)
    assert result.metrics["depth_known"] == "given"
    size = body.extents
    assert size[0] == pytest.approx(1, abs=0.01) and size[2] == pytest.approx(1, abs=0.01)
    assert size[1] == pytest.approx(0.25 + 0.02, abs=0.015)
    assert body.bounds[0, 2] == pytest.approx(0, abs=1e-6)
    front = body.vertices[body.vertices[:, 1] < body.bounds[1, 1] - 0.04]
    off = np.linalg.norm(front - [0, body.bounds[0, 1] + 0.625, 0.5], axis=1) - 0.625
    assert np.abs(off).max() < 0.02 and np.abs(off).mean() < 0.005, "of the diameter"

    # The picture lies on it the right way: blue up and to the right, so at +X and high.
    albedo = np.asarray(Image.open(store.files(result)["albedo"])).astype(int)
    uv, middle = body.metadata["uv"].mean(axis=1), body.triangles_center
    rows = ((1 - uv[:, 1]) * albedo.shape[0]).astype(int)
    colour = albedo[rows, (uv[:, 0] * albedo.shape[1]).astype(int)]
    blue = colour[:, 2] > colour[:, 0] + 60
    assert blue.sum() > 50 and middle[blue, 0].mean() > 0.02 and middle[blue, 2].mean() > 0.75
    assert colour.min(axis=1).max() < 200 and not ((abs(colour - 127) < 20).all(axis=1)).any(), "no ground on it"


def test_measured_metres_give_the_true_depth(
    store: JobStore, folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dome 1 m wide at 10 m: without a word about strength it is as deep as it is."""

    def seen(bulge: np.ndarray, wide: float) -> Any:
        metres = 10 - 0.5 * bulge
        fov = float(np.degrees(2 * np.arctan(wide / 2 / 9.8)))  # so that 1 m is as wide in the picture as the disc
        return networks.Seen(1 / metres, metres, fov)

    monkeypatch.setattr(networks, "load", lambda *_: Dome(seen))
    settings = {"weights": str(folders["pro"]), "grid": 96, "smooth": 0.0, "base": 0.0}
    result = tiny.run(store, depth_relief.Backend(), {"cutout": photo(tmp_path / "cut.png")}, **settings)
    assert result.metrics["depth_known"] == "measured"
    assert made_of(store, result).extents[1] == pytest.approx(0.25, rel=0.1)


@pytest.mark.parametrize(("back", "pose"), [("plane", "lie"), ("round", "stand")])
def test_backs_and_poses(
    store: JobStore, folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, back: str, pose: str
) -> None:
    monkeypatch.setattr(networks, "load", lambda *_: Dome(lambda near, wide: networks.Seen(near)))
    settings = {"weights": str(folders["relative"]), "grid": 80, "strength": 0.2, "back": back, "pose": pose}
    result = tiny.run(store, depth_relief.Backend(), {"cutout": photo(tmp_path / "cut.png")}, **settings)
    body = made_of(store, result)
    up = body.face_normals[:, 2]
    if pose == "lie":
        assert body.extents[2] < 0.3 < body.extents[1]
        assert (up[body.area_faces.argsort()] < -0.999).sum() > 500, "it lies on a plane"
    else:
        assert body.extents[1] == pytest.approx(0.2 + 0.03 + 0.4, abs=0.06), "front, base and half of a round back"
        behind = body.face_normals[:, 1] > 0.999
        assert body.area_faces[behind].sum() < 0.1


def test_real_models_end_to_end(store: JobStore, folders: dict[str, Path], tmp_path: Path) -> None:
    """Random numbers in tiny sizes: what comes has no meaning, but it is whole, and the same each time."""
    cut = photo(tmp_path / "cut.png")
    settings = {"weights": str(folders["relative"]), "normals": str(folders["normals"]), "normal_steps": 2, "grid": 48}
    first = tiny.run(store, depth_relief.Backend(), {"cutout": cut}, **settings)
    made_of(store, first)
    assert first.metrics["depth_known"] == "by the normals"
    again = tiny.run(JobStore(tmp_path / "other"), depth_relief.Backend(), {"cutout": cut}, **settings)
    assert again.asset("mesh").sha256 == first.asset("mesh").sha256
    plain = tiny.run(store, depth_relief.Backend(), {"cutout": cut}, **{**settings, "normals": ""})
    assert plain.metrics["depth_known"] == "usual" and plain.asset("mesh").sha256 != first.asset("mesh").sha256


@pytest.mark.parametrize("kind", ["relative", "metric"])
def test_a_photo_becomes_maps_and_points(
    store: JobStore, folders: dict[str, Path], tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = Image.new("RGB", (64, 48), (200, 80, 40))
    picture.save(tmp_path / "photo.png")
    ramp = np.tile(np.linspace(1, 2, 64, dtype=np.float32), (48, 1))  # nearer to the right
    seen = networks.Seen(ramp) if kind == "relative" else networks.Seen(1 / (5 - ramp), 5 - ramp, None)
    monkeypatch.setattr(networks, "load", lambda *_: lambda *_: seen)
    inputs = {"image": tmp_path / "photo.png"}
    settings = {"weights": str(folders[kind]), "strength": 0.5, "points": 1000, "size_m": 2.0}
    result = tiny.run(store, depth.Backend(), inputs, **settings)
    assert result.state is JobState.DONE, result.failure
    files = store.files(result)
    grey = np.asarray(Image.open(files["depth"]))
    assert grey.dtype == np.uint16 and grey.shape == (48, 64) and (np.diff(grey.astype(int), axis=1) >= 0).all()
    assert grey.min() == 0 and grey.max() == 65535
    assert result.asset("depth_float").meta["holds"] == ("nearness" if kind == "relative" else "metres")
    normal = np.asarray(Image.open(files["normal"])).astype(float)[10:-10, 10:-10] / 127.5 - 1
    assert normal[..., 0].max() < -0.3, "what is nearer to the right looks to the left"
    assert np.abs(normal[..., 1]).max() < 0.02 and normal[..., 2].min() > 0.5

    cloud = trimesh.load(files["points"])
    points = np.asarray(cloud.vertices)
    assert len(points) == 1000 and np.ptp(points, axis=0).max() == pytest.approx(2.0, rel=0.02)
    assert np.corrcoef(points[:, 0], points[:, 1])[0, 1] < -0.99, "nearer is towards -Y"
    assert (np.asarray(cloud.colors)[:, :3] == (200, 80, 40)).all()


def test_bad_weights_say_what_to_do(store: JobStore, folders: dict[str, Path], tmp_path: Path) -> None:
    cut = photo(tmp_path / "cut.png")

    def failure(**params: Any) -> Any:
        return tiny.run(store, depth_relief.Backend(), {"cutout": cut}, **params).failure

    (tmp_path / "empty").mkdir()
    assert "config.json" in failure(weights=str(tmp_path / "empty")).message
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.json").write_text('{"model_type": "bert"}')
    assert "bert" in failure(weights=str(tmp_path / "other")).message
    (tmp_path / "hollow").mkdir()
    (tmp_path / "hollow" / "config.json").write_text((folders["relative"] / "config.json").read_text())
    assert failure(weights=str(tmp_path / "hollow")).kind == "weights"
    lacking = failure(weights=str(folders["relative"]), normals=str(folders["relative"]))
    assert lacking.kind == "weights" and "Marigold" in lacking.message
    Image.new("RGBA", (64, 64), (0, 0, 0, 0)).save(cut)
    assert "Nothing stands out" in failure(weights=str(folders["relative"])).message
