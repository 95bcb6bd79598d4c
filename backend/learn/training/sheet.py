# SPDX-License-Identifier: GPL-3.0-or-later
"""A sheet of what the network makes of some views, beside the truth: OUT/sheets/<step>.png."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ..model.network import HALF_DEPTH, SIDE, Prediction
from .losses import first_hits, unproject, widths

TILE, GAP, TOP, LEFT = 168, 8, 40, 14
"""px: a picture's side, between pictures, above and beside all."""
PAIRS = ("depth", "normals", "thickness", "paint")
COLUMNS = ("picture", *(f"{name}{which}" for name in PAIRS for which in (", true", "")))
GROUND, CARD, INK, FAINT = (24, 25, 29), (34, 36, 41), (236, 236, 238), (150, 153, 160)
STOPS = np.array(
    [[20, 18, 50], [62, 41, 116], [122, 56, 128], [189, 76, 110], [240, 121, 84], [251, 183, 108], [253, 243, 196]],
    np.float32,
)
"""sRGB of far to near: dark violet to pale yellow, even in lightness."""

Pixels = NDArray[np.uint8]


@torch.no_grad()
def sheet(title: str, names: Sequence[str], prediction: Prediction, batch: Mapping[str, Tensor]) -> Pixels:
    """(h, w, 3) of views with these names."""
    rows = len(names)
    width = 2 * LEFT + len(COLUMNS) * (TILE + GAP) - GAP
    page = Image.new("RGB", (width, TOP + 26 + rows * (TILE + 24 + GAP) + LEFT), GROUND)
    draw = ImageDraw.Draw(page)
    draw.text((LEFT, 12), title, INK, ImageFont.load_default(20))
    for column, text in enumerate(COLUMNS):
        draw.text((LEFT + column * (TILE + GAP), TOP + 4), text, FAINT, ImageFont.load_default(14))
    depth, hit = (value.cpu() for value in first_hits(batch["depth"]))
    front, profile = prediction.front.float().cpu(), prediction.profile.float().cpu()
    errors = ((front - depth).abs() * hit).sum(dim=(1, 2, 3)) / hit.sum(dim=(1, 2, 3)).clamp(min=1)
    tiles = _tiles(front, profile, prediction.colour.float().cpu(), depth, hit, {k: v.cpu() for k, v in batch.items()})
    for row, name in enumerate(names):
        top = TOP + 26 + row * (TILE + 24 + GAP)
        for column in range(len(COLUMNS)):
            page.paste(Image.fromarray(tiles[row][column]), (LEFT + column * (TILE + GAP), top))
        said = f"{name}   depth is off by {errors[row]:.3f}"
        draw.text((LEFT, top + TILE + 3), said, FAINT, ImageFont.load_default(13))
    return np.asarray(page)


def _tiles(
    front: Tensor, profile: Tensor, colour: Tensor, depth: Tensor, hit: Tensor, batch: Mapping[str, Tensor]
) -> list[list[Pixels]]:
    soft = batch["soft"].permute(0, 3, 1, 2).float() / 255
    true_thick = soft.sum(dim=1) * (2 * HALF_DEPTH / soft.shape[1])
    thick = (profile.sigmoid() * widths().view(1, -1, 1, 1)).sum(dim=1)
    found = []
    for i in range(len(front)):
        mask, focal = hit[i, 0] > 0, batch["focal"][i : i + 1]
        seen = depth[i, 0][mask]
        low, high = (seen.min().item(), seen.max().item()) if len(seen) else (-1.0, 1.0)
        span, most = max(high - low, 0.2), max(true_thick[i][mask].max().item() if len(seen) else 1.0, 0.2)
        rgba = batch["rgba"][i].numpy().astype(np.float32)
        alpha = rgba[..., 3:] / 255
        picture = rgba[..., :3] * alpha + np.array(CARD, np.float32) * (1 - alpha)
        points, paint = batch["points"][i].float(), batch["paint"][i].float()
        found.append(
            [
                _big(picture),
                *(_big(_ramp((high - value[i, 0]) / span), mask) for value in (depth, front)),
                *(_big(_normals(value[i : i + 1], focal), mask) for value in (depth, front)),
                *(_big(_ramp(value[i] / most), mask) for value in (true_thick, thick)),
                _dots(points, paint),
                _big(_painted(colour[i], front[i, 0]), mask),
            ]
        )
    return found


def _ramp(value: Tensor) -> NDArray[np.float32]:
    """0..1 -> colours (h, w, 3) 0..255."""
    place = value.clamp(0, 1).numpy() * (len(STOPS) - 1)
    low = np.minimum(place.astype(int), len(STOPS) - 2)
    part = (place - low)[..., None]
    return np.asarray(STOPS[low] * (1 - part) + STOPS[low + 1] * part, np.float32)


def _normals(depth: Tensor, focal: Tensor) -> NDArray[np.float32]:
    """Of depths (1, 1, 64, 64): the direction of the surface in the camera's axes, right is red, up is green."""
    side = ((torch.arange(SIDE) + 0.5) / SIDE * 2 - 1).expand(SIDE, SIDE)
    points = unproject(torch.stack([side, side.T, depth[0, 0]], dim=-1).view(1, -1, 3), focal).view(SIDE, SIDE, 3)
    across = F.pad(points.permute(2, 0, 1)[None], (1, 1, 1, 1), mode="replicate")[0].permute(1, 2, 0)
    right, down = across[1:-1, 2:] - across[1:-1, :-2], across[2:, 1:-1] - across[:-2, 1:-1]
    normal = F.normalize(torch.linalg.cross(down, right), dim=-1)
    value = (normal * torch.tensor([1.0, -1.0, -1.0]) * 0.5 + 0.5) * 255
    return np.asarray(value.numpy(), np.float32)


def _painted(colour: Tensor, front: Tensor) -> NDArray[np.float32]:
    """Predicted colours (3, P, 64, 64) at the predicted first hits (64, 64)."""
    side = (torch.arange(SIDE) + 0.5) / SIDE * 2 - 1
    place = torch.stack([side.expand(SIDE, SIDE), side[:, None].expand(SIDE, SIDE), front / HALF_DEPTH], dim=-1)
    got = F.grid_sample(colour[None], place[None, None], padding_mode="border", align_corners=False)
    return np.asarray(got[0, :, 0].permute(1, 2, 0).numpy() * 255, np.float32)


def _dots(points: Tensor, paint: Tensor) -> Pixels:
    """True points of the surface, far ones first, as dots of their colour."""
    page = Image.new("RGB", (2 * TILE, 2 * TILE), CARD)
    draw = ImageDraw.Draw(page)
    for i in points[:, 2].argsort(descending=True).tolist():
        x, y = ((points[i, :2] + 1) * TILE).tolist()
        draw.ellipse((x - 7, y - 7, x + 7, y + 7), tuple(int(value) for value in paint[i]))
    return np.asarray(page.resize((TILE, TILE), Image.Resampling.LANCZOS))


def _big(picture: NDArray[Any], mask: Tensor | None = None) -> Pixels:
    """Enlarged to a tile; outside of the mask (64, 64) the card shows."""
    whole = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).resize((TILE, TILE), Image.Resampling.BICUBIC)
    if mask is None:
        return np.asarray(whole)
    inside = Image.fromarray((mask.numpy() * 255).astype(np.uint8)).resize((TILE, TILE), Image.Resampling.BICUBIC)
    return np.asarray(Image.composite(whole, Image.new("RGB", whole.size, CARD), inside))
