# SPDX-License-Identifier: GPL-3.0-or-later
"""The small pictures of meshes on the page of a batch."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from galatea.backend.cli import sheet
from galatea.backend.cli.portrait import draw


def block(path: Path, texture: Image.Image | None = None, *, both: bool = True) -> Path:
    """A block as high as wide and half as deep, red before and blue behind, or with a texture before it."""
    front = trimesh.creation.box((1.0, 1.0, 0.25)).apply_translation((0, 0, 0.125))
    back = trimesh.creation.box((1.0, 1.0, 0.25)).apply_translation((0, 0, -0.125))
    if texture:
        uv = front.vertices[:, :2] + 0.5
        material = trimesh.visual.material.PBRMaterial(baseColorTexture=texture)
        front.visual = trimesh.visual.TextureVisuals(uv=uv, material=material)
    else:
        front.visual.vertex_colors = (255, 0, 0, 255)
    back.visual.vertex_colors = (0, 0, 255, 255)
    trimesh.Scene([front, back] if both else [front]).export(path)
    return path


def test_what_is_in_front_hides_what_is_behind(tmp_path: Path) -> None:
    pixels = np.asarray(draw(block(tmp_path / "mesh.glb"), 96))
    assert pixels.shape == (96, 96, 4)
    there = pixels[..., 3] == 255
    red, blue = there & (pixels[..., 0] > 60) & (pixels[..., 2] == 0), there & (pixels[..., 2] > 60)
    assert 0.3 < there.mean() < 0.95 and not pixels[0, 0].any(), "it fills the picture, and nothing is around it"
    assert red.sum() > 3 * blue.sum() > 0, "from three quarters of the front"
    assert np.flatnonzero(blue.any(axis=0)).mean() > np.flatnonzero(red.any(axis=0)).mean(), "seen from its left"
    assert blue[:20].any() or blue[:, -20:].any(), "and from above"


def test_the_texture_stands_upright(tmp_path: Path) -> None:
    texture = Image.new("RGB", (8, 8), (0, 255, 0))
    texture.paste((255, 0, 0), (0, 0, 8, 4))
    pixels = np.asarray(draw(block(tmp_path / "mesh.glb", texture, both=False), 96)).astype(int)
    middle = pixels[:, 40]
    up, down = middle[30], middle[66]
    assert up[0] > 100 > up[1] and down[1] > 100 > down[0]


def test_the_page_shows_the_mesh_and_not_the_photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one").mkdir()
    block(tmp_path / "one" / "mesh.glb")
    Image.new("RGB", (64, 64), (0, 255, 0)).save(tmp_path / "one" / "cutout.png")
    row = {"folder": "one", "source": "photo.jpg", "state": "done", "seconds": 1.0, "error": ""}
    data = {"jobs": [{**row, "outputs": ["cutout.png", "mesh.glb"]}], "seconds": 1.0, "producer": "galatea"}

    def shown() -> np.ndarray:
        [text] = re.findall(r'src="data:image/\w+;base64,([^"]*)"', sheet.of(data, tmp_path))
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))).convert("RGB"))

    assert shown()[..., 0].max() > 60 and shown()[..., 1].max() < 60
    (tmp_path / "one" / "mesh.glb").write_bytes(b"glTF")
    assert shown()[..., 1].min() > 200, "what cannot be drawn is no trouble"
    block(tmp_path / "one" / "mesh.glb")
    monkeypatch.setattr(sheet, "DRAWN", 0)
    assert shown()[..., 1].min() > 200, "only so many are drawn"
