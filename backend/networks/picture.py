# SPDX-License-Identifier: GPL-3.0-or-later
"""A cut-out made as TripoSR was shown its pictures: framed, on grey, 512 px. Each odd step is the reference's."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ..protocol.errors import UserError

FILL = 0.85
"""The object's longest side, as a part of the picture."""
NOTHING = "Nothing stands out in this image. Choose one with a plain background, or draw a mask."


def framed(rgba: NDArray[np.uint8], fill: float = FILL) -> NDArray[np.uint8]:
    """(H, W, 4) straight alpha -> (S, S, 4): what is not transparent, in the middle of transparent black.

    The crop ends before the last row and column that are not transparent.
    """
    rows, columns = (np.flatnonzero(rgba[..., 3].any(axis=axis)) for axis in (1, 0))
    if len(rows) < 2 or len(columns) < 2:
        raise UserError(NOTHING)
    found = rgba[rows[0] : rows[-1], columns[0] : columns[-1]]
    if not found[..., 3].any():
        raise UserError(NOTHING)
    side = max(found.shape[:2])
    return _centred(_centred(found, side), int(side / fill))


def _centred(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    out = np.zeros((side, side, 4), np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    out[top : top + height, left : left + width] = pixels
    return out


def on_grey(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W, 4) straight alpha -> (H, W, 3), cut down to whole numbers."""
    values = rgba.astype(np.float32) / 255
    alpha = values[..., 3:]
    onto = values[..., :3] * alpha + (1 - alpha) * np.float32(0.5)
    return np.asarray(onto * 255, np.uint8)


def tensor(images: NDArray[np.uint8] | NDArray[np.float32] | Tensor) -> Tensor:
    """(B, H, W, 3) of bytes or of floats in 0..1 -> (B, 3, H, W) float32."""
    values = torch.as_tensor(images)
    values = values.float() if values.is_floating_point() else values.float() / 255
    return values.permute(0, 3, 1, 2)


def resized(pictures: Tensor, side: int) -> Tensor:
    """(B, 3, H, W) -> (B, 3, side, side): linear with a wider filter when it shrinks; nothing is clamped."""
    return F.interpolate(pictures, (side, side), mode="bilinear", align_corners=False, antialias=True)
