# SPDX-License-Identifier: GPL-3.0-or-later
"""The cut-out on real photos: how well it fits, that masks round-trip, and what it says when it cannot."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from galatea.backend.backends import cutout
from galatea.backend.geometry import regions
from galatea.backend.protocol.errors import UserError

from .test_relief import Notes

EXAMPLES = Path(cutout.__file__).resolve().parents[2] / "presets" / "examples"


@pytest.fixture(scope="module")
def backend() -> cutout.Backend:
    return cutout.Backend()


def go(backend: cutout.Backend, out: Path, image: Path, mask: Path | None = None, **params: Any) -> Notes:
    report = Notes(out)
    inputs = {"image": str(image)} | ({"mask": str(mask)} if mask else {})
    backend.run(SimpleNamespace(inputs=inputs), backend.spec.fill(params), report)  # type: ignore[arg-type]
    return report


def composite(name: str, background: str) -> tuple[np.ndarray, np.ndarray]:
    """An example with alpha on a background: (640, 640, 3) uint8, and its true alpha (640, 640), 0 to 1."""
    image = Image.open(EXAMPLES / name).convert("RGBA")
    scale = 460 / max(image.size)
    image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
    rng = np.random.default_rng(0)
    if background == "plain":
        pixels = np.full((640, 640, 3), (188, 200, 206), np.uint8)
    else:
        blobs = Image.fromarray(rng.integers(60, 200, (40, 40, 3), dtype=np.uint8)).resize((640, 640), 2)
        pixels = np.clip(np.asarray(blobs) * 0.5 + 70 + rng.normal(0, 12, (640, 640, 3)), 0, 255).astype(np.uint8)
    canvas, matte = Image.fromarray(pixels), Image.new("L", (640, 640))
    corner = (640 - image.width) // 2, (640 - image.height) // 2
    canvas.paste(image, corner, image)
    matte.paste(image.getchannel("A"), corner)
    return np.asarray(canvas), np.asarray(matte) / 255


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


@pytest.mark.parametrize(
    ("name", "background", "bar"),
    [
        ("jet.png", "plain", 0.97),  # measured 0.988
        ("jet.png", "noisy", 0.93),  # 0.960
        ("tree.png", "plain", 0.94),  # 0.963
        ("tree.png", "noisy", 0.90),  # 0.933
        ("stethoscope.png", "plain", 0.91),  # 0.942
    ],
)
def test_the_mask_fits_the_truth(backend, tmp_path, name, background, bar):
    picture, truth = composite(name, background)
    Image.fromarray(picture).save(tmp_path / "in.png")
    found = go(backend, tmp_path / "out", tmp_path / "in.png").read("mask") / 255
    assert overlap(found > 0.5, truth > 0.5) > bar


def test_edges_are_sharp_and_free_of_the_background(backend, tmp_path):
    """A red ball on bright green: no pixel of the cut-out that shows may be green."""
    big = Image.new("RGB", (2000, 2000), (40, 220, 60))
    ImageDraw.Draw(big).ellipse((500, 500, 1500, 1500), fill=(200, 30, 30))
    big.resize((500, 500), Image.Resampling.LANCZOS).save(tmp_path / "in.png")
    report = go(backend, tmp_path / "out", tmp_path / "in.png")
    pixels, mask = report.read("cutout").astype(int), report.read("mask")
    shown = pixels[pixels[..., 3] > 12]
    assert (shown[:, 1] - shown[:, 0]).max() < -100
    soft = ((mask > 12) & (mask < 243)).sum()
    assert soft < 5 * np.pi * 250  # under 5 px of softness along the rim
    assert abs((mask > 127).sum() - np.pi * 125**2) < 0.03 * np.pi * 125**2


@pytest.mark.parametrize("name", ["osprey.jpg", "toad.jpg"])
def test_example_photos_mask_round_trip_and_determinism(backend, tmp_path, name):
    first = go(backend, tmp_path / "a", EXAMPLES / name)
    assert first.warnings == []
    assert first.metrics["source"] == "model"
    assert 0.1 < first.metrics["share"] < 0.3
    again = go(cutout.Backend(), tmp_path / "b", EXAMPLES / name)
    masked = go(backend, tmp_path / "c", EXAMPLES / name, tmp_path / "a" / "mask.png", threshold=0.9, feather=9)
    assert masked.metrics["source"] == "mask"
    assert again.metrics["source"] == "model"
    for other in ("b", "c"):
        for file in ("cutout.png", "mask.png"):
            assert (tmp_path / "a" / file).read_bytes() == (tmp_path / other / file).read_bytes()
    with Image.open(EXAMPLES / name) as photo:
        assert first.read("mask").shape == photo.size[::-1]
    fractions = [fraction for _, fraction in first.phases]
    assert fractions and fractions == sorted(fractions)
    pixels = first.read("cutout")
    assert pixels.shape == (first.metrics["cutout_px"],) * 2 + (4,)


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.iterdir()))
def test_every_example_is_usable_and_small(name):
    with Image.open(EXAMPLES / name) as photo:
        assert max(photo.size) <= 1024
        assert min(photo.size) >= 128
        assert not photo.getexif()
    assert (EXAMPLES / name).stat().st_size < 400_000


def test_alpha_is_used_as_it_is(backend, tmp_path):
    report = go(backend, tmp_path / "out", EXAMPLES / "stethoscope.png", resolution=2048)
    truth = np.asarray(Image.open(EXAMPLES / "stethoscope.png").convert("RGBA"))
    assert (report.read("mask") == truth[..., 3]).all()
    left, top, right, bottom = report.meta["cutout"]["box"]
    inside = report.read("cutout")[max(0, -top) :, max(0, -left) :][: truth.shape[0] - max(0, top)]
    solid = truth[max(0, top) : bottom, max(0, left) : right]
    inside = inside[: solid.shape[0], : solid.shape[1]]
    opaque = solid[..., 3] > 200
    assert right - left == bottom - top == report.metrics["cutout_px"]
    assert np.abs(inside[opaque].astype(int) - solid[opaque]).max() <= 1
    assert report.metrics["source"] == "alpha"


def test_a_mask_wins_over_the_model_and_over_alpha(backend, tmp_path):
    drawn = Image.new("L", (100, 100))
    ImageDraw.Draw(drawn).rectangle((20, 30, 59, 69), fill=255)
    drawn.save(tmp_path / "mask.png")
    Image.new("RGB", (200, 200), (90, 120, 200)).save(tmp_path / "in.png")
    report = go(backend, tmp_path / "out", tmp_path / "in.png", tmp_path / "mask.png", margin=0)
    assert report.meta["cutout"]["box"] == pytest.approx([40, 60, 120, 140], abs=2)
    clear = np.zeros((200, 200, 4), np.uint8)
    clear[60:140, 60:200] = (200, 10, 10, 255)
    Image.fromarray(clear).save(tmp_path / "clear.png")
    report = go(backend, tmp_path / "two", tmp_path / "clear.png", tmp_path / "mask.png", margin=0)
    assert report.read("mask")[:, :60].max() == 0
    assert report.read("mask")[100, 90] == 255


def test_nothing_and_everything(backend, tmp_path):
    Image.new("RGB", (300, 200), (120, 130, 140)).save(tmp_path / "plain.png")
    with pytest.raises(UserError, match="Nothing stands out in this image"):
        go(backend, tmp_path / "out", tmp_path / "plain.png")
    clear = np.zeros((64, 64, 4), np.uint8)
    Image.fromarray(clear).save(tmp_path / "clear.png")
    with pytest.raises(UserError, match="Nothing stands out"):
        go(backend, tmp_path / "out", tmp_path / "clear.png")
    Image.new("L", (300, 200)).save(tmp_path / "black.png")
    with pytest.raises(UserError, match="The mask is empty"):
        go(backend, tmp_path / "out", tmp_path / "plain.png", tmp_path / "black.png")
    Image.new("L", (300, 200), 255).save(tmp_path / "white.png")
    report = go(backend, tmp_path / "out", tmp_path / "plain.png", tmp_path / "white.png")
    assert "no background" in report.warnings[0]
    assert report.read("cutout")[..., 3].max() == 255


@pytest.mark.parametrize("content", [None, b"not the weights"])
def test_weights_are_proved_before_they_are_read(tmp_path, monkeypatch, content):
    path = tmp_path / "u2netp.onnx"
    if content:
        path.write_bytes(content)
    monkeypatch.setattr(cutout, "WEIGHTS", path)
    with pytest.raises(UserError, match="Install the extension again") as caught:
        go(cutout.Backend(), tmp_path / "out", EXAMPLES / "osprey.jpg")
    assert caught.value.kind == "weights"


def test_it_prints_nothing(backend, tmp_path, capfd):
    go(cutout.Backend(), tmp_path / "out", EXAMPLES / "coffee.jpg")
    assert capfd.readouterr() == ("", "")


def test_components_match_a_flood_fill():
    mask = np.random.default_rng(1).random((40, 50)) > 0.45
    labels, _ = regions.label(mask)
    sizes = regions.sizes(labels)
    assert regions.label(mask & False)[1] == 0
    seen = np.zeros(mask.shape, bool)
    for y, x in zip(*np.nonzero(mask), strict=True):
        if seen[y, x]:
            continue
        stack, area = [(y, x)], []
        seen[y, x] = True
        while stack:
            cy, cx = stack.pop()
            area.append(labels[cy, cx])
            for ny, nx in ((cy + 1, cx), (cy - 1, cx), (cy, cx + 1), (cy, cx - 1)):
                if 0 <= ny < 40 and 0 <= nx < 50 and mask[ny, nx] and not seen[ny, nx]:
                    seen[ny, nx] = True
                    stack.append((ny, nx))
        assert len(set(area)) == 1
        assert sizes[area[0]] == len(area)
    assert (labels > 0).tolist() == mask.tolist()


def test_clean_keeps_what_is_asked_and_fills_holes():
    matte = np.zeros((200, 300), np.float32)
    matte[20:180, 20:150] = 1
    matte[60:120, 200:260] = 1
    matte[90:96, 60:66] = 0
    matte[10, 290] = 1
    largest = cutout.clean(matte, 0.5, "largest", 0.01)
    assert largest[100, 230] < 0.5
    assert largest[93, 63] > 0.5
    every = cutout.clean(matte, 0.5, "all", 0.0)
    assert every[100, 230] > 0.5
    assert every[93, 63] < 0.5
    assert every[10, 290] < 0.5
