# SPDX-License-Identifier: GPL-3.0-or-later
"""The relief backend on silhouettes whose body is known."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from PIL import Image, ImageDraw

from galatea.backend.backends.relief import Backend
from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.job import Request

SIDE = 256


class Notes:
    """Takes the place of the worker's report: files in a folder, the rest in lists."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.phases: list[tuple[str, float]] = []
        self.warnings: list[str] = []
        self.metrics: dict[str, Any] = {}
        self.meta: dict[str, dict[str, Any]] = {}
        self.stop_after = 10**9
        folder.mkdir(parents=True, exist_ok=True)

    def progress(self, phase: str, fraction: float) -> None:
        self.phases.append((phase, fraction))
        if len(self.phases) > self.stop_after:
            raise InterruptedError

    def file(self, role: str, name: str, **meta: Any) -> Path:
        self.meta[role] = meta
        return self.folder / name

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def log(self, text: str) -> None:
        pass

    def metric(self, name: str, value: Any) -> None:
        self.metrics[name] = value

    def read(self, name: str) -> np.ndarray:
        return np.asarray(Image.open(self.folder / f"{name}.png"))


class Model:
    def __init__(self, folder: Path) -> None:
        with np.load(folder / "mesh.npz") as file:
            self.vertices, self.faces, self.uv = file["vertices"], file["faces"], file["uv"]
        self.albedo = np.asarray(Image.open(folder / "albedo.png"))
        self.body = trimesh.Trimesh(self.vertices, self.faces, process=False)

    def colour(self, towards: np.ndarray) -> np.ndarray:
        """The colours (N, 3) at the middle of the faces that look in a direction."""
        middle = self.uv[self.body.face_normals @ towards > 0.9].mean(axis=1)
        rows, columns = self.albedo.shape[:2]
        return self.albedo[((1 - middle[:, 1]) * rows).astype(int), (middle[:, 0] * columns).astype(int)]


def picture(mask: Image.Image, colour: Any = (200, 120, 40)) -> Image.Image:
    paint = colour if isinstance(colour, Image.Image) else Image.new("RGB", mask.size, colour)
    cut = Image.new("RGBA", mask.size, (0, 0, 0, 0))
    cut.paste(paint, (0, 0), mask)
    cut.putalpha(mask)
    return cut


def drawing(*shapes: tuple[str, Any, dict[str, Any]], soft: bool = True) -> Image.Image:
    """A mask of SIDE pixels; `soft` draws it four times as large and averages."""
    scale = 4 if soft else 1
    mask = Image.new("L", (SIDE * scale, SIDE * scale), 0)
    for kind, points, style in shapes:
        style = {"fill": 255} | {key: value * scale if key == "width" else value for key, value in style.items()}
        getattr(ImageDraw.Draw(mask), kind)([p * scale for p in points], **style)
    return mask.resize((SIDE, SIDE), Image.Resampling.BOX)


DISC = drawing(("ellipse", (28, 28, 228, 228), {}))
RING = drawing(("ellipse", (28, 28, 228, 228), {}), ("ellipse", (88, 88, 168, 168), {"fill": 0}))
CROSS = drawing(("line", (20, 128, 236, 128), {"width": 3}), ("line", (128, 20, 128, 236), {"width": 3}))
LETTER = drawing(  # an F: long at the top left, with nothing like it mirrored
    ("rectangle", (60, 20, 110, 236), {}),
    ("rectangle", (60, 20, 210, 65), {}),
    ("rectangle", (60, 110, 160, 150), {}),
    soft=False,
)
SHAPES = {"disc": DISC, "ring": RING, "cross": CROSS, "letter": LETTER}


@pytest.fixture
def build(tmp_path: Path) -> Any:
    def run(image: Image.Image, name: str = "out", notes: Notes | None = None, **params: Any) -> Model:
        source = tmp_path / "cutout.png"
        image.save(source)
        request = Request.of(Backend.spec, {"cutout": source}, {"grid": 96, "texture_size": 256, **params})
        Backend().run(request, request.params, notes or Notes(tmp_path / name))  # type: ignore[arg-type]
        return Model(notes.folder if notes else tmp_path / name)

    return run


def sound(model: Model) -> None:
    body = model.body
    assert body.is_watertight
    assert body.is_winding_consistent
    assert body.volume > 0
    assert body.area_faces.min() > 0
    edges, counts = np.unique(body.edges_sorted, axis=0, return_counts=True)
    assert len(edges)
    assert (counts == 2).all()
    assert model.vertices.dtype == np.float32
    assert model.faces.dtype == np.int32
    assert model.uv.shape == (len(model.faces), 3, 2)
    assert 0 <= model.uv.min() <= model.uv.max() <= 1
    assert np.ptp(model.vertices, axis=0).max() == pytest.approx(1.0, abs=1e-5)
    assert model.vertices[:, 2].min() == pytest.approx(0.0, abs=1e-6)
    low, high = model.vertices.min(axis=0), model.vertices.max(axis=0)
    assert (low + high)[:2] == pytest.approx([0, 0], abs=1e-5)


@pytest.mark.parametrize("back", ["symmetric", "shallow", "flat"])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_closed_and_sound(build: Any, shape: str, back: str) -> None:
    sound(build(picture(SHAPES[shape]), back=back))


def test_a_disc_becomes_a_ball(build: Any) -> None:
    ball = build(picture(DISC), thickness=1.0, max_depth=1.5, fullness=0.0, detail=0.0)
    distance = np.linalg.norm(ball.vertices - [0, 0, 0.5], axis=1)
    assert distance.min() > 0.46
    assert distance.max() < 0.51
    assert ball.body.volume == pytest.approx(np.pi / 6, rel=0.06)


def test_a_bar_becomes_round_not_fat(build: Any) -> None:
    bar = drawing(("rounded_rectangle", (10, 108, 246, 148), {"radius": 80}))
    size = np.ptp(build(picture(bar), thickness=1.0, fullness=0.0).vertices, axis=0)
    assert size[1] == pytest.approx(size[2], rel=0.1)


@pytest.mark.parametrize("thickness", [0.3, 0.8])
def test_thickness_is_depth_for_width(build: Any, thickness: float) -> None:
    size = np.ptp(build(picture(DISC), thickness=thickness, max_depth=1.5, detail=0.0).vertices, axis=0)
    assert size[1] / size[0] == pytest.approx(thickness, rel=0.08)


def test_max_depth_holds(build: Any) -> None:
    size = np.ptp(build(picture(DISC), thickness=2.0, max_depth=0.3, detail=0.0).vertices, axis=0)
    assert 0.2 < size[1] / size[0] < 0.31


def test_fullness_fills(build: Any) -> None:
    egg, box = (build(picture(LETTER), f"f{f}", fullness=f).body.volume for f in (0.0, 1.0))
    assert box > 1.1 * egg


def test_flat_back_is_flat_and_the_front_is_not(build: Any) -> None:
    model = build(picture(DISC), back="flat", detail=0.0)
    back = model.vertices[:, 1].max()
    on_back = (model.vertices[:, 1] > back - 0.002).sum() / len(model.vertices)
    assert on_back > 0.25
    assert (model.vertices[:, 1] < -back + 0.002).sum() / len(model.vertices) < 0.05


def test_the_ring_has_a_hole(build: Any) -> None:
    assert build(picture(RING)).body.euler_number == 0


def test_two_things_stay_two_and_a_speck_goes(build: Any) -> None:
    two = drawing(
        ("ellipse", (20, 20, 110, 110), {}), ("ellipse", (140, 140, 230, 230), {}), ("point", (200, 30), {}), soft=False
    )
    body = build(picture(two)).body
    assert len(body.split(only_watertight=True)) == 2
    assert body.euler_number == 4


def test_a_pinhole_is_filled(build: Any) -> None:
    pricked = drawing(("ellipse", (28, 28, 228, 228), {}), ("point", (100, 120), {"fill": 0}), soft=False)
    assert build(picture(pricked)).body.euler_number == 2


def test_a_line_of_two_pixels_survives_whole(build: Any) -> None:
    thread = drawing(("rectangle", (20, 20, 90, 90), {}), ("line", (80, 80, 240, 230), {"width": 2}), soft=False)
    model = build(picture(thread), grid=64)
    assert len(model.body.split(only_watertight=True)) == 1
    assert np.ptp(model.vertices, axis=0)[[0, 2]].min() > 0.9
    sound(model)


def test_the_f_reads_right_from_the_front(build: Any) -> None:
    """Picture right is +X, picture top is +Z: the mesh covers the letter, and none of its mirror images so well."""
    model = build(picture(LETTER), detail=0.0, thickness=0.3)
    front = model.vertices[:, [0, 2]]
    middle = (front.min(axis=0) + front.max(axis=0)) / 2
    scale = 216 / np.ptp(front[:, 1])
    columns = (135 + (front[:, 0] - middle[0]) * scale).round().astype(int)
    rows = (128 - (front[:, 1] - middle[1]) * scale).round().astype(int)
    near = np.asarray(LETTER.resize((SIDE, SIDE)), bool)
    near = near | np.roll(near, 2, 0) | np.roll(near, -2, 0) | np.roll(near, 2, 1) | np.roll(near, -2, 1)
    assert near[rows, columns].mean() > 0.99
    assert near[rows, 270 - columns].mean() < 0.8
    assert near[256 - rows, columns].mean() < 0.8


def test_the_front_shows_the_picture_and_the_back_its_mirror_image(build: Any) -> None:
    paint = Image.new("RGB", (SIDE, SIDE), (220, 30, 30))
    paint.paste((30, 30, 220), (128, 0, SIDE, SIDE))  # blue on the picture's right, so at +X
    model = build(picture(DISC, paint))
    forward = model.body.face_normals[:, 1] < 0
    assert (model.uv[forward, :, 0] < 0.5).all()
    assert (model.uv[~forward, :, 0] > 0.5).all()
    middle = model.vertices[model.faces].mean(axis=1)
    place = model.uv.mean(axis=1)
    rows, columns = model.albedo.shape[:2]
    colour = model.albedo[((1 - place[:, 1]) * rows).astype(int), (place[:, 0] * columns).astype(int)].astype(int)
    clear = np.abs(middle[:, 0]) > 0.03
    blue = colour[:, 2] > colour[:, 0]
    assert np.array_equal(blue[clear], (middle[:, 0] > 0)[clear])


@pytest.mark.parametrize("back_texture", ["mirror", "soft"])
@pytest.mark.parametrize("shape", SHAPES)
def test_no_background_shows_anywhere(build: Any, shape: str, back_texture: str) -> None:
    """A light object on black: nothing in the whole atlas is dark."""
    model = build(picture(SHAPES[shape], (240, 220, 200)), back_texture=back_texture)
    assert np.abs(model.albedo.astype(int) - (240, 220, 200)).max() < 25


def test_a_soft_back_has_no_face(build: Any) -> None:
    paint = Image.new("RGB", (SIDE, SIDE), (150, 110, 80))
    ImageDraw.Draw(paint).ellipse((90, 90, 110, 110), fill=(10, 10, 10))
    ImageDraw.Draw(paint).ellipse((146, 90, 166, 110), fill=(10, 10, 10))
    model = build(picture(DISC, paint), back_texture="soft")
    assert model.colour(np.array([0, -1, 0])).min() < 40
    assert model.colour(np.array([0, 1, 0])).min() > 60


def test_the_rim_of_a_hard_mask_is_smooth(build: Any) -> None:
    """A disc of whole pixels, seen from the front: the outline strays from the circle by a fraction of a pixel."""
    hard = drawing(("ellipse", (28, 28, 228, 228), {}), soft=False)
    model = build(picture(hard), detail=0.0)
    around = np.arctan2(model.vertices[:, 2] - 0.5, model.vertices[:, 0])
    reach = np.hypot(model.vertices[:, 2] - 0.5, model.vertices[:, 0])
    outline = [reach[np.abs(around - a) < np.pi / 90].max() for a in np.linspace(-3.1, 3.1, 120)]
    assert np.std(outline) * 201 < 0.25  # in pixels of the photo


def test_detail_moves_the_front_only_and_without_spikes(build: Any) -> None:
    noise = np.random.default_rng(3).integers(90, 160, (32, 32, 3), np.uint8)
    paint = Image.fromarray(noise).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    plain, rough = (build(picture(DISC, paint), f"d{d}", detail=d) for d in (0.0, 1.0))
    sides = [np.sort(m.vertices[m.vertices[:, 1] > 0.2, 1]) for m in (plain, rough)]
    assert rough.body.area > 1.003 * plain.body.area
    assert np.ptp(rough.vertices[:, 1]) < 1.12 * np.ptp(plain.vertices[:, 1])
    assert abs(len(sides[0]) - len(sides[1])) < 0.05 * len(sides[0])
    turned = rough.body.face_adjacency_angles
    assert np.percentile(turned, 99.9) < np.radians(50)
    sound(rough)


def test_twice_gives_the_same_bytes(build: Any, tmp_path: Path) -> None:
    for name in ("one", "two"):
        build(picture(LETTER), name, back_texture="soft")
    for file in ("mesh.npz", "albedo.png"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_size_is_in_metres(build: Any) -> None:
    assert np.ptp(build(picture(DISC), size_m=2.5).vertices, axis=0).max() == pytest.approx(2.5, rel=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (90, 40)])
def test_a_picture_without_background_is_a_slab_with_a_warning(build: Any, tmp_path: Path, size: Any) -> None:
    notes = Notes(tmp_path / "slab")
    if size == (1, 1):
        with pytest.raises(UserError, match="Nothing stands out"):
            build(Image.new("RGBA", size, (9, 9, 9, 255)), notes=notes)
        return
    sound(build(Image.new("RGBA", size, (90, 200, 90, 255)), notes=notes))
    assert len(notes.warnings) == 1


def test_nothing_to_see_is_said(build: Any) -> None:
    with pytest.raises(UserError, match=r"^Nothing stands out in this image\. Choose one with a plain background, or"):
        build(Image.new("RGBA", (64, 64), (200, 0, 0, 0)))


def test_a_faint_cutout_is_still_a_cutout(build: Any) -> None:
    sound(build(picture(DISC.point(lambda a: a // 3))))


def test_progress_rises_and_every_report_can_stop_the_run(build: Any, tmp_path: Path) -> None:
    notes = Notes(tmp_path / "whole")
    build(picture(DISC), notes=notes)
    fractions = [fraction for _, fraction in notes.phases]
    assert fractions[-1] == 1.0
    assert all(b >= a - 1e-9 for a, b in pairwise(fractions))
    stopped = Notes(tmp_path / "stopped")
    stopped.stop_after = 4
    with pytest.raises(InterruptedError):
        build(picture(DISC), notes=stopped)
    assert not list(stopped.folder.iterdir())
