# SPDX-License-Identifier: GPL-3.0-or-later
"""Views of Things: axes, aim, the solid against closed forms, picture against shape, and files that resume."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

pytest.importorskip("embreex")
pytest.importorskip("safetensors")

from galatea.backend.geometry import camera
from galatea.backend.learn import pool
from galatea.backend.learn.things import thing as things
from galatea.backend.learn.things.thing import Thing
from galatea.backend.learn.views import sample, shade, shards, sheet, solid, surface
from galatea.backend.learn.views.paint import Look, Paint, to_linear, to_srgb
from galatea.backend.learn.views.tracer import Tracer

NEUTRAL = shade.Light(
    sun=np.array([0.3, -0.8, 0.5], np.float32),
    sun_color=np.full(3, 0.2, np.float32),
    fill=np.array([0, -1, 0], np.float32),
    fill_color=np.full(3, 0.3, np.float32),
    sky=np.ones(3, np.float32),
    ground=np.ones(3, np.float32),
    shine=0,
    gloss=20,
    bright=1,
    shoulder=5,
    gamma=1,
    spread=0.02,
)


class PlainLook(Look):
    """The paint as it is."""

    def __init__(self, paint: Paint) -> None:
        self._paint, self._colors, self._pattern = paint, paint.colors, None
        self._matrix, self._gain = np.eye(3, dtype=np.float32), 1.0


def make(
    *parts: trimesh.Trimesh,
    colors: Any = ((0.7, 0.7, 0.7),),
    textures: Any = None,
    uv: Any = None,
    key: str = "test--it",
) -> Thing:
    """A Thing whose parts have one slot each."""
    whole = trimesh.util.concatenate(list(parts))
    faces = np.asarray(whole.faces, np.int32)
    shades = np.ones((len(parts), 4), np.float32)
    shades[:, :3] = [colors[i % len(colors)] for i in range(len(parts))]
    return Thing(
        key,
        things.normalise(whole.vertices),
        faces,
        np.zeros((len(faces), 3, 2), np.float32) if uv is None else np.asarray(uv, np.float32),
        np.repeat(np.arange(len(parts)), [len(part.faces) for part in parts]).astype(np.int16),
        shades,
        textures or (None,) * len(parts),
        {"name": "it", "category": "", "licence": "CC0-1.0", "author": "", "source": "test", "split": "train"},
    )


def box(size: tuple[float, float, float], at: tuple[float, float, float] = (0, 0, 0)) -> trimesh.Trimesh:
    return trimesh.creation.box(size, trimesh.transformations.translation_matrix(at))


def chair() -> Thing:
    legs = [box((0.1, 0.1, 0.5), (x, y, 0.25)) for x in (-0.4, 0.4) for y in (-0.4, 0.4)]
    return make(box((0.9, 0.9, 0.12), (0, 0, 0.5)), box((0.9, 0.12, 0.7), (0, 0.4, 0.85)), *legs)


def blob() -> Thing:
    ball = trimesh.creation.icosphere(4)
    ball.vertices *= 1 + 0.25 * np.sin(3 * ball.vertices[:, :1]) + 0.15 * np.cos(4 * ball.vertices[:, 2:])
    return make(ball)


def view(thing: Thing, azimuth: float, elevation: float, fov: float = 40) -> tuple[Any, Any, Any]:
    body = surface.Surface(thing)
    place, frame = camera.aim(body.reach, *(float(np.radians(a)) for a in (azimuth, elevation, fov)))
    return body, place, frame


def picture(thing: Thing, azimuth: float, elevation: float) -> np.ndarray:
    body, place, _ = view(thing, azimuth, elevation)
    return shade.render(body, place, PlainLook(body.paint), NEUTRAL, np.random.default_rng(0))


def centre(rgba: np.ndarray, channel: int) -> np.ndarray:
    """Mean (row, column) of the pixels in which one channel is much the strongest."""
    others = [c for c in range(3) if c != channel]
    value = rgba.astype(int)
    at = (value[..., 3] > 200) & (value[..., channel] > value[..., others].max(axis=-1) + 60)
    assert at.any()
    return np.argwhere(at).mean(axis=0)


def test_axes() -> None:
    """A red knob on +X, a green one on top, a blue one on the front, -Y."""
    thing = make(
        box((1, 1, 1)),
        box((0.3, 0.3, 0.3), (0.6, 0, 0)),
        box((0.3, 0.3, 0.3), (0, 0, 0.6)),
        box((0.3, 0.3, 0.3), (0, -0.6, 0)),
        colors=((0.5, 0.5, 0.5), (0.9, 0.1, 0.1), (0.1, 0.9, 0.1), (0.1, 0.1, 0.9)),
    )
    front = picture(thing, 0, 20)
    assert centre(front, 0)[1] > 140, "+X is right in the front view"
    assert centre(front, 1)[0] < 80, "+Z is up"
    assert abs(centre(front, 2)[1] - 112) < 20, "-Y faces the camera"
    side = picture(thing, 60, 20)
    assert centre(side, 2)[1] < 100, "from +X the front is on the left"
    assert centre(side, 0)[1] > 112
    assert not ((picture(thing, 180, 10).astype(int)[..., 2] > 150) & (picture(thing, 180, 10)[..., 0] < 90)).any()


def test_orbit_is_a_rotation() -> None:
    turn = camera.orbit(0.7, 0.3)
    assert np.allclose(turn @ turn.T, np.eye(3)) and np.linalg.det(turn) == pytest.approx(1)
    assert np.allclose(-turn[2], [np.sin(0.7) * np.cos(0.3), -np.cos(0.7) * np.cos(0.3), np.sin(0.3)])
    assert turn[1, 2] < 0, "down is down"


def test_aim_and_frustum() -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        points = rng.normal(size=(40, 3)) * rng.uniform(0.1, 1, 3)
        points = things.normalise(points).astype(np.float64)
        place, frame = camera.aim(points, rng.uniform(-3, 3), rng.uniform(-0.2, 1), rng.uniform(0.35, 0.8))
        flat = place.project(points)
        assert np.abs(flat.min(axis=0) + flat.max(axis=0)).max() < 1e-3
        assert float(np.ptp(flat, axis=0).max()) == pytest.approx(2 * camera.FILL, abs=1e-3)
        inside = camera.to_frustum(place, frame, points)
        assert np.allclose(inside[:, :2], flat)
        assert inside[:, 2].min() == pytest.approx(-inside[:, 2].max())
        assert frame.s * frame.zc == pytest.approx(place.f)
        assert np.allclose(camera.to_world(place, frame, inside), points)
        depth = place.place(points)[:, 2]
        assert np.allclose(place.unproject(flat, depth), points, atol=1e-5)


def test_tracer() -> None:
    thing = make(trimesh.creation.icosphere(3))
    tracer = Tracer(thing, Paint(thing))
    origins = np.random.default_rng(0).uniform(-0.3, 0.3, (500, 3)).astype(np.float32)
    origins[:, 2] = 2
    down = np.tile(np.array([0, 0, -2], np.float32), (500, 1))
    hits = tracer.cast(origins, down)
    assert (hits.face >= 0).all()
    points = np.einsum("nk,nkc->nc", hits.bary, thing.vertices[thing.faces[hits.face]])
    assert np.allclose(points, origins + down * hits.distance[:, None], atol=1e-5)


def cutout() -> Thing:
    """Two upright squares: the front one's texture is clear in its right half."""
    uv = [[[0, 0], [1, 0], [1, 1]], [[0, 0], [1, 1], [0, 1]]]
    corners = np.array([[-1, 0, -1], [1, 0, -1], [1, 0, 1], [-1, 0, 1]], float)
    front = trimesh.Trimesh(corners, [[0, 1, 2], [0, 2, 3]], process=False)
    back = trimesh.Trimesh(corners * 0.8 + [0, 1, 0], [[0, 1, 2], [0, 2, 3]], process=False)
    texture = np.zeros((8, 8, 4), np.uint8)
    texture[..., 0] = 255
    texture[:, :4, 3] = 255
    return make(front, back, colors=((1, 1, 1), (0.1, 0.2, 0.9)), textures=(texture, None), uv=uv + uv)


def test_rays_pass_through_clear_texels() -> None:
    thing = cutout()
    rgba = picture(thing, 0, 0)
    assert centre(rgba, 0)[1] < 112 < centre(rgba, 2)[1]
    samples = surface.Surface(thing).solid.samples
    assert samples.points[samples.face < 2, 0].max() < 0.02


def test_texture_is_upright() -> None:
    """Row 0 of a texture is its top, and v = 1."""
    texture = np.full((16, 16, 4), 255, np.uint8)
    texture[:8, :, :3] = (255, 0, 0)
    texture[8:, :, :3] = (0, 0, 255)
    uv = [[[0, 0], [1, 0], [1, 1]], [[0, 0], [1, 1], [0, 1]]]
    square = trimesh.Trimesh([[-1, 0, -1], [1, 0, -1], [1, 0, 1], [-1, 0, 1]], [[0, 1, 2], [0, 2, 3]], process=False)
    thing = make(square, colors=((1, 1, 1),), textures=(texture,), uv=uv)
    rgba = picture(thing, 0, 0)
    assert centre(rgba, 0)[0] < 112 < centre(rgba, 2)[0]
    paint = Paint(thing)
    low = paint.color(np.array([0], np.int32), np.array([[0.8, 0.1, 0.1]], np.float32), paint.colors)
    assert np.allclose(low, [[0, 0, 1]])


def test_srgb() -> None:
    values = np.linspace(0, 1, 256, dtype=np.float32)
    assert np.abs(to_srgb(to_linear(values)) - values).max() < 1 / 510


def measure(mesh: trimesh.Trimesh, exact: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Errors in voxels within three voxels of the exact surface."""
    vertices, faces = np.asarray(mesh.vertices, np.float32), np.asarray(mesh.faces, np.int32)
    thing = make(mesh)
    body = solid.build(vertices, faces, cast=Tracer(thing, Paint(thing)).cast)
    points = np.random.default_rng(0).uniform(-0.6, 0.6, (200_000, 3)).astype(np.float32)
    true = exact(points)
    near = np.abs(true) < 3 * body.step
    return np.asarray((body.sample(points) - true)[near] / body.step)


def inside_box(half: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    def exact(points: np.ndarray) -> np.ndarray:
        over = np.abs(points) - half
        return np.asarray(np.linalg.norm(np.maximum(over, 0), axis=1) + np.minimum(over.max(axis=1), 0))

    return exact


def ball(points: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.norm(points, axis=1) - 0.5)


@pytest.mark.parametrize("turned", [False, True], ids=["sound", "half the faces inside out"])
def test_sphere(turned: bool) -> None:
    mesh = trimesh.creation.icosphere(4, radius=0.5)
    if turned:
        mesh = trimesh.Trimesh(
            mesh.vertices,
            np.where(np.arange(len(mesh.faces))[:, None] % 2, mesh.faces, mesh.faces[:, ::-1]),
            process=False,
        )
    error = measure(mesh, ball)
    assert abs(error.mean()) < 0.1 and np.percentile(np.abs(error), 99) < 0.4


HALF = np.array([0.5, 0.3, 0.2])


def test_box_and_box_without_a_floor() -> None:
    mesh = box(tuple(2 * HALF))
    assert abs(measure(mesh, inside_box(HALF)).mean()) < 0.1
    mesh.update_faces(mesh.face_normals[:, 2] > -0.5)
    error = measure(mesh, inside_box(HALF))
    assert abs(error.mean()) < 0.1 and np.percentile(np.abs(error), 99) < 0.6


def test_crossing_and_doubled_parts() -> None:
    mesh = trimesh.util.concatenate([box(tuple(2 * HALF)), box(tuple(2 * HALF)), box((0.4, 0.3, 0.2))])
    assert abs(measure(mesh, inside_box(HALF)).mean()) < 0.1


def test_open_box_stays_open_and_its_walls_have_a_thickness() -> None:
    mesh = box(tuple(2 * HALF))
    mesh.update_faces(mesh.face_normals[:, 2] < 0.5)
    body = solid.build(np.asarray(mesh.vertices, np.float32), np.asarray(mesh.faces, np.int32))
    wall = np.array([[0.5, 0, 0], [0, 0.3, 0], [0, 0, -0.2]], np.float32)
    assert (body.sample(wall) < -solid.THIN / 2).all()
    assert (body.sample(wall * 0.8) > 0).all() and body.sample(np.zeros((1, 3), np.float32))[0] > 0


@pytest.mark.parametrize("thick", [0.002, 0.01, 0.02, 0.03, 0.05])
def test_plates(thick: float) -> None:
    true = np.array([0.5, 0.3, max(thick / 2, solid.THIN)])
    error = measure(box((1, 0.6, thick)), inside_box(true))
    assert abs(error.mean()) < 0.3


def test_sheet_without_thickness() -> None:
    mesh = trimesh.Trimesh([[-0.5, -0.3, 0], [0.5, -0.3, 0], [0.5, 0.3, 0], [-0.5, 0.3, 0]], [[0, 1, 2], [0, 2, 3]])
    at = np.array([[0, 0, 0], [0.1, 0.1, solid.THIN], [0, 0, 3 * solid.THIN]], np.float32)
    body = solid.build(np.asarray(mesh.vertices, np.float32), np.asarray(mesh.faces, np.int32))
    assert np.allclose(body.sample(at), [-solid.THIN, 0, 2 * solid.THIN], atol=0.3 * body.step)


@pytest.mark.parametrize("thing", [chair(), blob()], ids=["chair", "blob"])
@pytest.mark.parametrize("number", range(3))
def test_shape_agrees_with_the_picture(thing: Thing, number: int) -> None:
    made = sample.make(thing, 5, number)
    cells = np.minimum(np.arange(224) * camera.CELLS // 224, camera.CELLS - 1)
    full = made["soft"] > 127
    mask, seen = full.any(axis=2)[cells][:, cells], made["rgba"][..., 3] > 127
    small = np.add.reduceat(np.add.reduceat(seen.astype(float), np.arange(64) * 7 // 2, 0), np.arange(64) * 7 // 2, 1)
    assert (mask & seen).sum() / (mask | seen).sum() > 0.85
    assert (full.any(axis=2) & (small > 6)).sum() / (full.any(axis=2) | (small > 6)).sum() > 0.93
    # where the ray first enters the solid is where the depth map says
    first = ((full.argmax(axis=2) + 0.5) / camera.CELLS * 2 - 1) * camera.DEEP
    at = ((np.arange(camera.CELLS) + 0.5) * shade.COARSE / camera.CELLS).astype(int)
    depth = made["depth"].astype(np.float32)[at][:, at]
    both = full.any(axis=2) & (depth < 100)
    cell = 2 * camera.DEEP / camera.CELLS
    assert abs(np.median((first - depth)[both]) - cell / 2) < 0.02
    assert (np.abs(first - depth)[both] < 2.5 * cell).mean() > 0.93


def test_sample() -> None:
    thing = chair()
    body = surface.Surface(thing)
    made, again, other = sample.make(body, 3, 0), sample.make(thing, 3, 0), sample.make(body, 3, 1)
    for name, array in made.items():
        assert array.tobytes() == again[name].tobytes(), name
    assert made["rgba"].tobytes() != other["rgba"].tobytes()
    shapes = {name: (array.shape, str(array.dtype)) for name, array in made.items()}
    assert shapes == {
        "rgba": ((224, 224, 4), "uint8"),
        "focal": ((), "float32"),
        "elevation": ((), "float32"),
        "azimuth": ((), "float32"),
        "fit": ((2,), "float32"),
        "soft": ((64, 64, 64), "uint8"),
        "points": ((512, 3), "float16"),
        "paint": ((512, 3), "uint8"),
        "normals": ((512, 3), "int8"),
        "depth": ((112, 112), "float16"),
        "normal": ((112, 112, 3), "int8"),
    }
    u, v, d = made["points"].astype(np.float32).T
    index = [np.clip((x * 32 + 32).astype(int), 0, 63) for x in (v, u, d / camera.DEEP)]
    assert (np.abs(made["soft"][tuple(index)].astype(int) - 127) < 110).mean() > 0.95
    seen = (made["normal"] != 0).any(axis=-1)
    assert (seen == (made["depth"] < 100)).all()
    assert (made["normal"][seen][:, 2] < 6).all(), "normals look at the camera"


def test_files_resume_and_bad_things_are_left_out(tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    folder = tmp_path / "things" / "val"
    for name in ("a", "b"):
        things.save(folder / f"test--{name}.npz", make(box((1, 0.5, 0.4)), key=f"test--{name}"))
    (folder / "test--c.npz").write_bytes(b"not a Thing")
    told: list[float] = []
    bad = shards.build(tmp_path, "val", 2, 7, lambda _, part: told.append(part), workers=1)
    assert [key for key, _ in bad] == ["test--c"]
    assert told == sorted(told) and told[-1] == 1
    target = tmp_path / "samples" / "val" / "0000.safetensors"
    first = target.read_bytes()
    arrays = load_file(target)
    assert arrays["rgba"].shape == (4, 224, 224, 4) and arrays["soft"].shape == (4, 64, 64, 64)
    card = json.loads(target.with_suffix(".json").read_text())
    assert card["keys"] == ["test--a", "test--b"] and card["views"] == 2
    born = target.stat().st_mtime_ns
    assert shards.build(tmp_path, "val", 2, 7, lambda *_: None, workers=0) == bad
    assert target.stat().st_mtime_ns == born, "what is whole is kept"
    # killed before the card was written, with half a file beside
    target.with_suffix(".json").unlink()
    target.with_name(target.name + ".part").write_bytes(first[:1000])
    shards.build(tmp_path, "val", 2, 7, lambda *_: None, workers=0)
    assert target.read_bytes() == first
    shards.build(tmp_path, "val", 2, 8, lambda *_: None, workers=0)
    assert target.read_bytes() != first, "another seed makes other views"


def test_contact_sheet(tmp_path: Path) -> None:
    from PIL import Image

    made = sample.make(blob(), 0, 0)
    sheet.contact(tmp_path / "sheet.png", [made] * 3, across=2)
    with Image.open(tmp_path / "sheet.png") as image:
        assert image.size == (2 * 336, 2 * 224)


class Bomb:
    """A task that ends the process that receives it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os._exit, (3,)


def test_a_process_that_dies_costs_one_thing(tmp_path: Path) -> None:
    path = tmp_path / "test--a.npz"
    things.save(path, make(box((1, 0.5, 0.4)), key="test--a"))
    tasks = [(path, 0, 1), Bomb(), (path, 0, 1)]
    results = [made for _, made in pool.each(shards._make, tasks, 2)]  # type: ignore[arg-type]
    assert [isinstance(made, pool.Died) for made in results] == [False, True, False]
