# SPDX-License-Identifier: GPL-3.0-or-later
"""A cut-out as TripoSG was shown its pictures: the object on white with a tenth around it, 224 px of 256."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ...protocol.errors import UserError
from ..dinov2 import MEAN, STD

SIDE, SEEN = 256, 224
"""px: what the picture is brought to, and the middle of it that is looked at."""
MARGIN = 0.1
"""Empty space on every side, as a part of the object's longer one."""
MOST = 2000
"""px: larger pictures are first brought down to this."""
NOTHING = "Nothing stands out in this image. Choose one with a plain background, or draw a mask."


def cropped(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W, 4) straight alpha -> the object on a clear square (S, S, 4), with MARGIN around its longer side."""
    photo = Image.fromarray(rgba)
    if max(photo.size) > MOST:
        scale = MOST / max(photo.size)
        size = (round(photo.width * scale), round(photo.height * scale))
        photo = photo.convert("RGBa").resize(size, Image.Resampling.LANCZOS).convert("RGBA")
    alpha = photo.getchannel("A")
    top = int(np.asarray(alpha).max(initial=0))
    box = alpha.point([255 * (value > top // 2) for value in range(256)]).getbbox()
    if top < 8 or box is None or min(box[2] - box[0], box[3] - box[1]) < 2:
        raise UserError(NOTHING)
    found = photo.crop(box)
    side = max(found.size)
    full = side + 2 * int(MARGIN * side)
    square = Image.new("RGBA", (full, full))
    square.paste(found, ((full - found.width) // 2, (full - found.height) // 2))
    return np.array(square)


def squared(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A whole drawing (H, W, 4) in the middle of a clear square."""
    side = max(rgba.shape[:2])
    square = np.zeros((side, side, 4), np.uint8)
    top, left = (side - rgba.shape[0]) // 2, (side - rgba.shape[1]) // 2
    square[top : top + rgba.shape[0], left : left + rgba.shape[1]] = rgba
    return square


def shown(square: NDArray[np.uint8]) -> Tensor:
    """What the encoder is shown of a square (S, S, 4): on white, 256 px wide, the middle 224: (1, 3, 224, 224)."""
    white = Image.new("RGBA", (len(square), len(square)), (255, 255, 255, 255))
    white.alpha_composite(Image.fromarray(square))
    small = white.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    edge = (SIDE - SEEN) // 2
    values = np.asarray(small.crop((edge, edge, edge + SEEN, edge + SEEN)), np.float32) / 255
    values = (values - np.array(MEAN, np.float32)) / np.array(STD, np.float32)
    return torch.from_numpy(values).permute(2, 0, 1)[None].contiguous()
