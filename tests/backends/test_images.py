# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that a user can drop in: read properly, or refused with what to do next."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from galatea.backend import images
from galatea.backend.protocol.errors import UserError


def ramp(width: int = 64, height: int = 48) -> np.ndarray:
    """(H, W, 3) uint8: red grows to the right, green downward, blue is 40."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 255 // (width - 1), y * 255 // (height - 1), np.full_like(x, 40)], -1).astype(np.uint8)


def huge_png(path: Path, width: int, height: int) -> Path:
    """A small file whose header promises a huge picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


def refusal(path: Path | str) -> str:
    with pytest.raises(UserError) as caught:
        images.load(path)
    assert caught.value.kind == "input"
    assert str(caught.value).endswith(".")
    return str(caught.value)


def test_missing_folder_and_empty(tmp_path):
    assert "There is no file" in refusal(tmp_path / "no.png")
    assert "folder" in refusal(tmp_path)
    (tmp_path / "empty.png").touch()
    assert "empty (0 bytes)" in refusal(tmp_path / "empty.png")


@pytest.mark.parametrize("kind", ["png", "jpg", "webp", "gif", "tif", "bmp"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_truncated(tmp_path, kind, share):
    noise = np.random.default_rng(0).integers(0, 255, (120, 160, 3), np.uint8)
    whole, cut = tmp_path / f"whole.{kind}", tmp_path / f"cut.{kind}"
    Image.fromarray(noise).save(whole)
    data = whole.read_bytes()
    cut.write_bytes(data[: int(len(data) * share)])
    message = refusal(cut)
    assert "damaged or cut short. Export" in message or "not a picture" in message
    assert str(tmp_path) not in message


def test_every_cut_of_a_small_file_is_refused_or_read(tmp_path):
    for kind in ("png", "jpg", "gif", "webp"):
        Image.fromarray(ramp()).save(tmp_path / f"a.{kind}")
        data = (tmp_path / f"a.{kind}").read_bytes()
        for end in range(1, len(data), max(1, len(data) // 60)):
            (tmp_path / "b").write_bytes(data[:end])
            try:
                images.load(tmp_path / "b")
            except UserError:
                continue


def test_text_and_other_formats(tmp_path):
    (tmp_path / "text.png").write_text("this is no picture at all\n" * 20)
    assert "not a picture that can be read" in refusal(tmp_path / "text.png")
    Image.fromarray(ramp()).save(tmp_path / "a.ppm")
    assert "Choose a JPEG, PNG" in refusal(tmp_path / "a.ppm")
    (tmp_path / "a.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\nshowpage\n")
    assert "Choose a JPEG, PNG" in refusal(tmp_path / "a.eps")


def test_too_small(tmp_path):
    Image.new("RGB", (1, 1)).save(tmp_path / "a.png")
    assert "1 x 1 px" in refusal(tmp_path / "a.png")
    assert "at least 16 x 16 px" in refusal(tmp_path / "a.png")


@pytest.mark.parametrize(("side", "number"), [(20_000, "400 megapixels"), (11_000, "121 megapixels")])
def test_bombs_are_refused_by_the_header(tmp_path, side, number):
    message = refusal(huge_png(tmp_path / "bomb.png", side, side))
    assert number in message
    assert "100" in message


def test_odd_paths(tmp_path):
    folder = tmp_path / 'with space \'and "quotes" und Ümläute 写真'
    folder.mkdir()
    path = folder / "日本 – photo (1).PNG"
    Image.fromarray(ramp()).save(path)
    assert images.load(str(path)).pixels.shape == (48, 64, 4)


def test_plain_rgb_is_exact(tmp_path):
    Image.fromarray(ramp()).save(tmp_path / "a.png")
    picture = images.load(tmp_path / "a.png")
    assert (picture.pixels[..., :3] == ramp()).all()
    assert (picture.pixels[..., 3] == 255).all()
    assert not picture.has_alpha
    assert picture.original == (64, 48)
    assert picture.notes == ()


def test_cmyk(tmp_path):
    Image.fromarray(ramp()).convert("CMYK").save(tmp_path / "a.jpg", quality=98, subsampling=0)
    picture = images.load(tmp_path / "a.jpg")
    assert np.abs(picture.pixels[..., :3].astype(int) - ramp()).mean() < 6


@pytest.mark.parametrize("kind", ["png", "tif"])
def test_16_bit_is_scaled_not_clipped(tmp_path, kind):
    grey = np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (48, 1))
    Image.fromarray(grey).save(tmp_path / f"a.{kind}")
    line = images.load(tmp_path / f"a.{kind}").pixels[20, :, 0].astype(int)
    assert np.abs(line - np.linspace(0, 255, 64)).max() <= 1


def test_float_and_32_bit_tiff(tmp_path):
    Image.fromarray(np.tile(np.linspace(0, 1, 64).astype(np.float32), (48, 1))).save(tmp_path / "a.tif")
    assert np.abs(images.load(tmp_path / "a.tif").pixels[0, :, 0] - np.linspace(0, 255, 64)).max() <= 1
    Image.fromarray(np.tile(np.linspace(-5, 900_000, 64).astype(np.int32), (48, 1))).save(tmp_path / "b.tif")
    picture = images.load(tmp_path / "b.tif")
    assert picture.pixels[0, -1, 0] == 255
    assert "stretched" in picture.notes[0]


def test_palette_with_transparency(tmp_path):
    image = Image.fromarray(ramp()).convert("P", palette=Image.Palette.ADAPTIVE, colors=16)
    image.save(tmp_path / "a.png", transparency=image.getpixel((0, 0)))
    picture = images.load(tmp_path / "a.png")
    assert picture.has_alpha
    assert picture.pixels[0, 0, 3] == 0
    assert picture.pixels[-1, -1, 3] == 255


def test_grey_and_grey_with_alpha(tmp_path):
    grey = ramp()[..., 0]
    Image.fromarray(grey).save(tmp_path / "l.png")
    assert (images.load(tmp_path / "l.png").pixels[..., 1] == grey).all()
    alpha = ramp()[..., 1]
    Image.merge("LA", (Image.fromarray(grey), Image.fromarray(alpha))).save(tmp_path / "la.png")
    picture = images.load(tmp_path / "la.png")
    assert picture.has_alpha
    assert (picture.pixels[..., 3] == alpha).all()
    Image.fromarray(grey > 99).save(tmp_path / "one.png")
    assert set(np.unique(images.load(tmp_path / "one.png").pixels)) == {0, 255}


@pytest.mark.parametrize("kind", ["jpg", "png", "webp"])
def test_exif_rotation_is_applied(tmp_path, kind):
    exif = Image.Exif()
    exif[0x0112] = 6  # shown a quarter turn clockwise
    Image.fromarray(ramp()).save(tmp_path / f"a.{kind}", exif=exif)
    picture = images.load(tmp_path / f"a.{kind}")
    assert picture.pixels.shape[:2] == (64, 48)
    assert picture.original == (48, 64)
    assert np.abs(picture.pixels[0, :, 1].astype(int) - ramp()[::-1, 0, 1]).max() < 30


def test_broken_exif_does_not_matter(tmp_path):
    Image.fromarray(ramp()).save(tmp_path / "a.jpg", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x05rubbish")
    assert images.load(tmp_path / "a.jpg").pixels.shape == (48, 64, 4)


@pytest.mark.parametrize("kind", ["gif", "webp", "png"])
def test_animations_give_their_first_frame(tmp_path, kind):
    frames = [Image.new("RGB", (32, 32), colour) for colour in ((200, 0, 0), (0, 200, 0), (0, 0, 200))]
    frames[0].save(tmp_path / f"a.{kind}", save_all=True, append_images=frames[1:], duration=50)
    picture = images.load(tmp_path / f"a.{kind}")
    assert np.abs(picture.pixels[9, 9].astype(int) - (200, 0, 0, 255)).max() < 12
    assert picture.notes == ("The picture is animated: only its first frame is used.",)


def test_many_pages(tmp_path):
    pages = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue")]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    picture = images.load(tmp_path / "a.tif")
    assert picture.pixels[0, 0, 0] == 255
    assert "first page" in picture.notes[0]


def test_colour_profiles(tmp_path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(ramp()).save(tmp_path / "srgb.png", icc_profile=srgb)
    assert (images.load(tmp_path / "srgb.png").pixels[..., :3] == ramp()).all()
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for profile in (lab, b"rubbish" * 40):
        Image.fromarray(ramp()).save(tmp_path / "bad.png", icc_profile=profile)
        picture = images.load(tmp_path / "bad.png")
        assert "colour profile is broken" in picture.notes[0]
        assert (picture.pixels[..., :3] == ramp()).all()


def test_a_wide_profile_is_converted(tmp_path):
    """A profile whose red and green are swapped, made by patching sRGB's tag table, must swap the colours."""
    data = bytearray(
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes().replace(b"s\0R\0G\0B", b"x\0x\0x\0x")
    )
    for i in range(struct.unpack(">I", data[128:132])[0]):
        at = 132 + 12 * i
        swap = {b"rXYZ": b"gXYZ", b"gXYZ": b"rXYZ"}
        data[at : at + 4] = swap.get(bytes(data[at : at + 4]), bytes(data[at : at + 4]))
    pixels = np.zeros((32, 32, 4), np.uint8)
    pixels[...] = (250, 10, 10, 130)
    Image.fromarray(pixels).save(tmp_path / "a.png", icc_profile=bytes(data))
    found = images.load(tmp_path / "a.png").pixels[5, 5]
    assert found[1] > 200
    assert found[0] < 60
    assert found[3] == 130


def test_large_pictures_are_made_smaller(tmp_path):
    Image.fromarray(ramp(3000, 1500)).save(tmp_path / "a.jpg")
    picture = images.load(tmp_path / "a.jpg")
    assert picture.pixels.shape == (1024, 2048, 4)
    assert picture.original == (3000, 1500)
    assert images.load(tmp_path / "a.jpg", longest=300).pixels.shape == (150, 300, 4)


def test_no_dark_rim_where_transparency_is_made_smaller(tmp_path):
    pixels = np.zeros((400, 400, 4), np.uint8)
    pixels[:, 150:251] = (255, 255, 255, 255)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    small = images.load(tmp_path / "a.png", longest=70).pixels
    assert small[small[..., 3] > 8][:, :3].min() > 235


def test_masks(tmp_path):
    grey = ramp()[..., 0]
    Image.fromarray(grey).save(tmp_path / "l.png")
    mask, notes = images.load_mask(tmp_path / "l.png", (64, 48))
    assert (mask == grey).all()
    assert notes == ()
    Image.fromarray(np.dstack([ramp(), 255 - grey])).save(tmp_path / "rgba.png")
    assert (images.load_mask(tmp_path / "rgba.png", (64, 48))[0] == 255 - grey).all()
    bigger, notes = images.load_mask(tmp_path / "l.png", (90, 90))
    assert bigger.shape == (90, 90)
    assert "another shape" in notes[0]


def test_saving_gives_the_same_bytes(tmp_path):
    images.save(tmp_path / "a.png", ramp())
    images.save(tmp_path / "b.png", ramp())
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (images.load(tmp_path / "a.png").pixels[..., :3] == ramp()).all()
