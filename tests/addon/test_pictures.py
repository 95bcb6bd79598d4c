# SPDX-License-Identifier: GPL-3.0-or-later
"""An image of the .blend becomes the same picture as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest

from galatea.addon import pictures, plan
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


def test_a_folder_in_place_of_a_picture_is_called_one(addon: Any, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="That is a folder"):
        bpy.ops.galatea.choose_image(filepath=f"{tmp_path}/")


def test_a_mask_can_be_drawn_where_nothing_stood_out(bridge: Any, addon: Any, tmp_path: Path) -> None:
    path = tmp_path / "grey.png"
    Image.new("RGB", (64, 48), (150, 150, 150)).save(path)
    addon.image = bpy.data.images.load(str(path))
    assert not bpy.ops.galatea.edit_mask.poll(), "generate first"
    with pytest.raises(RuntimeError, match="draw a mask"):
        bpy.ops.galatea.generate()
    assert bpy.ops.galatea.edit_mask() == {"FINISHED"}
    assert addon.mask.name == "grey mask" and tuple(addon.mask.size) == (64, 48)
    pixels = np.zeros((48, 64, 4), np.float32)
    pixels[..., 3] = 1.0
    assert np.array_equal(np.asarray(addon.mask.pixels[:]), pixels.ravel()), "black"
    pixels[12:36, 16:48, :3] = 1.0
    addon.mask.pixels.foreach_set(pixels.ravel())
    addon.mask.update()
    run = plan.generate(bpy.context)
    run.steps, run.scene = run.steps[:1], False
    bridge.finish(run, bpy.context)
    assert run.state == "done", run.failure
