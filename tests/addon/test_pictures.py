# SPDX-License-Identifier: GPL-3.0-or-later
"""An image of the .blend becomes the same picture as a file."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest

from galatea.addon import pictures
from galatea.backend.protocol.errors import UserError

Image = pytest.importorskip("PIL.Image")


def test_a_file_that_says_all_is_used_as_it_is(home: Path, photo: Path) -> None:
    assert pictures.as_file(bpy.data.images.load(str(photo)), home) == photo
    assert not home.exists()


def test_a_packed_picture_comes_out_pixel_for_pixel(home: Path, photo: Path) -> None:
    image = bpy.data.images.load(str(photo))
    image.pack()
    photo.rename(photo.with_name("moved.png"))
    path = pictures.as_file(image, home)
    assert np.array_equal(
        np.asarray(Image.open(path).convert("RGB")), np.asarray(Image.open(photo.with_name("moved.png")))
    )
    assert pictures.as_file(image, home) == path, "the same pixels are not written twice"


def test_painted_pixels_count_and_not_the_file(home: Path, photo: Path) -> None:
    image = bpy.data.images.load(str(photo))
    pixels = np.zeros(128 * 128 * 4, np.float32).reshape(128, 128, 4)
    pixels[0] = 1.0  # Blender's first row is the lowest
    image.pixels.foreach_set(pixels.ravel())
    image.update()
    found = np.asarray(Image.open(pictures.as_file(image, home)))
    assert (found[-1] == 255).all() and (found[:-1] == 0).all()


def test_light_values_become_display_values(home: Path) -> None:
    image = bpy.data.images.new("sky", 4, 4, float_buffer=True, alpha=True)
    image.pixels.foreach_set(np.tile(np.float32([0.2140, 0.0, 7.0, 0.5]), 16))
    found = np.asarray(Image.open(pictures.as_file(image, home)))[0, 0]
    assert abs(int(found[0]) - 127) <= 1 and found[1] == 0 and found[2] == 255 and abs(int(found[3]) - 128) <= 1


@pytest.mark.parametrize("what", ["gone", "sequence"])
def test_what_cannot_be_read_is_refused_with_the_next_move(home: Path, photo: Path, what: str) -> None:
    image = bpy.data.images.load(str(photo))
    if what == "gone":
        photo.unlink()
    if what == "sequence":
        image.source = "SEQUENCE"
    with pytest.raises(UserError, match="Choose"):
        pictures.as_file(image, home)


def test_of_an_animated_gif_the_file_is_used(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "moving.gif"
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue")]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    image = bpy.data.images.load(str(path))
    assert image.source == "MOVIE" and pictures.as_file(image, home) == path
    path.unlink()
    with pytest.raises(UserError, match="Choose a still image"):
        pictures.as_file(image, home)
