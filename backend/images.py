# SPDX-License-Identifier: GPL-3.0-or-later
"""The one way to read and write pictures: whatever a user drops in becomes 8-bit sRGB with straight alpha."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .protocol.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    Pixels = NDArray[np.uint8]

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
"""What is read; Pillow is never asked to try any other reader."""
MIN_SIDE = 16
"""px, the shortest side that is of any use."""
MAX_MEGAPIXELS = 100
"""Refused by the header above this, before a pixel is decoded."""
WORKING_SIDE = 2048
"""px, larger pictures are made smaller so that their longest side is this."""

FILL, FRAMED = 0.85, 224
"""The object's longest side as a part of the square that models are shown, and the least side of that in px."""
NOTHING = "Nothing stands out in this image. Choose one with a plain background, or draw a mask."
_CHOOSE = "Choose a JPEG, PNG, WebP, BMP, TIFF or GIF picture."


@dataclass(frozen=True)
class Picture:
    """`pixels` is (H, W, 4) uint8, sRGB, alpha not premultiplied; rows go down, as in the file's upright view.

    `has_alpha`: some pixel is not opaque. `original`: width and height in px before it was made smaller.
    `notes`: what a user should know, whole sentences.
    """

    pixels: Pixels
    has_alpha: bool
    original: tuple[int, int]
    notes: tuple[str, ...] = ()


def load(path: str | Path, *, longest: int = WORKING_SIDE) -> Picture:
    """Read a picture, its longest side at most `longest` px; raises `UserError` that ends with what to do next."""
    import numpy as np
    from PIL import Image

    path = Path(path)
    notes: list[str] = []
    image, original = _decode(path, notes)
    if max(image.size) > longest:
        scale = longest / max(image.size)
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        image = image.resize(size, Image.Resampling.LANCZOS)
    pixels = np.array(image, np.uint8)
    return Picture(pixels, bool(pixels[..., 3].min() < 255), original, tuple(notes))


def load_mask(path: str | Path, size: tuple[int, int]) -> tuple[Pixels, tuple[str, ...]]:
    """Read a mask as (H, W) uint8 for a picture of `size` (width, height) px: its alpha if it has one, or its grey."""
    from PIL import Image

    picture = load(path, longest=max(WORKING_SIDE, *size))
    height, width = picture.pixels.shape[:2]
    notes = picture.notes
    if abs(width / height / (size[0] / size[1]) - 1) > 0.02:
        notes += (f"The mask ({width} x {height}) has another shape than the picture ({size[0]} x {size[1]}).",)
    image = Image.fromarray(picture.pixels)
    grey = image.getchannel("A") if picture.has_alpha else image.convert("RGB").convert("L")
    return resize(_array(grey), size), notes


def opened(path: str | Path) -> Image:
    """A cut-out that a step made, as it is, in RGBA; raises `UserError` where it cannot be read."""
    from PIL import Image

    try:
        with Image.open(path, formats=FORMATS) as file:
            return file.convert("RGBA")
    except (OSError, SyntaxError) as error:
        raise UserError(f"Cannot read {path}: {error}. Choose another picture.") from None


def extent(photo: Image) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the object of a cut-out in px; raises `UserError` where there is none."""
    import numpy as np

    alpha = np.asarray(photo.getchannel("A"))
    top = int(alpha.max(initial=0))
    solid = alpha > top // 2
    if top < 8 or solid.sum() < 4:
        raise UserError(NOTHING)
    rows, columns = np.flatnonzero(solid.any(axis=1)), np.flatnonzero(solid.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def framed(path: str, most: int) -> Pixels:
    """The object of a cut-out, its longest side FILL of a square (S, S, 4), S from FRAMED to `most`."""
    import numpy as np
    from PIL import Image

    photo = opened(path)
    x0, y0, x1, y1 = extent(photo)
    side = max(x1 - x0, y1 - y0) / FILL
    left, up = (x0 + x1 - side) / 2, (y0 + y1 - side) / 2
    pixels = int(min(most, max(FRAMED, round(side))))
    pad = int(np.ceil(side))
    spread = photo.convert("RGBa").crop((x0 - pad, y0 - pad, x1 + pad, y1 + pad))
    box = (left - x0 + pad, up - y0 + pad, left - x0 + pad + side, up - y0 + pad + side)
    resized = spread.resize((pixels, pixels), Image.Resampling.BICUBIC, box=box, reducing_gap=3.0).convert("RGBA")
    pixels_of = np.array(resized)
    top = int(np.asarray(photo.getchannel("A")).max())
    if top < 255:
        pixels_of[..., 3] = np.clip(pixels_of[..., 3].astype(np.float32) * 255 / top, 0, 255).astype(np.uint8)
    return pixels_of


def resize(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """(H, W) or (H, W, 3) uint8 to `size` (width, height) px; the same array if it fits.

    Colours by a Lanczos filter, greys, which are masks here, by a linear one: it leaves no ringing around them.
    """
    from PIL import Image

    if pixels.shape[1::-1] == size:
        return pixels
    how = Image.Resampling.BILINEAR if pixels.ndim == 2 else Image.Resampling.LANCZOS
    return _array(Image.fromarray(pixels).resize(size, how))


def save(path: str | Path, pixels: Pixels) -> None:
    """Write (H, W), (H, W, 3) or (H, W, 4) uint8 as a PNG: the same pixels give the same bytes."""
    from PIL import Image

    Image.fromarray(pixels).save(path, "PNG", compress_level=6)


def _array(image: Image) -> Pixels:
    import numpy as np

    return np.array(image, np.uint8)


def prove(path: str | Path) -> None:
    """Raise `UserError` where `load` would by the file's header alone; not a pixel is decoded."""
    with _headed(Path(path)):
        pass


def _decode(path: Path, notes: list[str]) -> tuple[Image, tuple[int, int]]:
    """Open, check by the header, decode; an RGBA image and its size."""
    with _headed(path) as image:
        _note_frames(image, notes)
        image.load()
        upright = _upright(image, notes)
        return _to_rgba(upright, notes), upright.size


@contextmanager
def _headed(path: Path) -> Iterator[Image]:
    """Opened, and checked by its header; what goes wrong within is said in words."""
    from PIL import Image, UnidentifiedImageError

    _check_file(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as image:
                _check_size(path, image.width, image.height)
                yield image
    except (UserError, MemoryError):
        raise
    except UnidentifiedImageError:
        raise UserError(f"{path.name} is not a picture that can be read. {_CHOOSE}") from None
    except Image.DecompressionBombError as error:
        pixels = re.search(r"\d+", str(error))
        raise _too_large(path, int(pixels.group()) if pixels else MAX_MEGAPIXELS * 1_000_001) from None
    except PermissionError:
        raise UserError(f"{path.name} cannot be read. Check its permissions.") from None
    except Exception as error:  # readers raise a dozen kinds for a broken file
        raise UserError(f"{path.name} is damaged or cut short. Export or download it again.") from error


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise UserError(f"{path} is a folder. Choose a picture.")
    if not path.is_file():
        raise UserError(f"There is no file {path}. Choose another.")
    if path.stat().st_size == 0:
        raise UserError(f"{path.name} is empty (0 bytes). Export or download it again.")


def _check_size(path: Path, width: int, height: int) -> None:
    if width * height > MAX_MEGAPIXELS * 1_000_000:
        raise _too_large(path, width * height)
    if min(width, height) < MIN_SIDE:
        text = f"{path.name} is {width} x {height} px, too small to work on."
        raise UserError(f"{text} Choose one of at least {MIN_SIDE} x {MIN_SIDE} px, better 512 or more.")


def _too_large(path: Path, pixels: int) -> UserError:
    text = f"{path.name} has {pixels / 1e6:.0f} megapixels, more than the {MAX_MEGAPIXELS} that are read."
    return UserError(f"{text} Make it smaller; {WORKING_SIDE} px on the longest side is all that is used.")


def _note_frames(image: Image, notes: list[str]) -> None:
    if image.format == "MPO" or not getattr(image, "is_animated", False):  # MPO: a phone's photo and its depth
        return
    image.seek(0)
    kind = "has several pages: only the first page" if image.format == "TIFF" else "is animated: only its first frame"
    notes.append(f"The picture {kind} is used.")


def _upright(image: Image, notes: list[str]) -> Image:
    from PIL import ImageOps

    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # broken EXIF in a sound picture
        notes.append("The picture's EXIF data is broken: its rotation is ignored.")
        return image


def _to_rgba(image: Image, notes: list[str]) -> Image:
    """Any mode of Pillow to 8-bit sRGB RGBA, by the colour profile where there is one."""
    profile = image.info.get("icc_profile")
    if image.mode.startswith(("I", "F")):
        return _scaled(image, notes).convert("RGBA")
    if image.mode in ("P", "PA", "LA", "La", "RGBa", "1") or "transparency" in image.info:
        image = image.convert("RGBA")
    if profile:
        image = _to_srgb(image, profile, notes)
    return image.convert("RGBA")


def _scaled(image: Image, notes: list[str]) -> Image:
    """16-bit, 32-bit and float grey to 8 bits by scale, never by clipping; (H, W) greys."""
    import numpy as np
    from PIL import Image as Pillow

    grey = np.nan_to_num(np.asarray(image).astype(np.float64))
    low, high = 0.0, 65535.0
    if image.mode.startswith("F") and grey.min() >= 0 and grey.max() <= 1:
        high = 1.0
    elif grey.min() < 0 or grey.max() > 65535 or image.mode.startswith("F"):
        low, high = float(grey.min()), float(max(grey.max(), grey.min() + 1e-9))
        notes.append(f"The picture's values ({low:g} to {high:g}) were stretched to black and white.")
    return Pillow.fromarray(np.round((grey - low) / (high - low) * 255).astype(np.uint8))


def _to_srgb(image: Image, profile: bytes, notes: list[str]) -> Image:
    import io

    try:
        from PIL import ImageCms
    except ImportError:
        return image
    try:
        source: Any = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(source).lower():
            return image
        alpha = image.getchannel("A") if image.mode == "RGBA" else None
        colours = image.convert("RGB") if image.mode == "RGBA" else image
        target = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(colours, source, target, outputMode="RGB")
        if converted is None:
            return image
        if alpha:
            converted.putalpha(alpha)
        return converted
    except (ImageCms.PyCMSError, OSError, ValueError):
        notes.append("The picture's colour profile is broken: its colours may be a little off.")
        return image
