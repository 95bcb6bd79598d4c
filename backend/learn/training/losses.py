# SPDX-License-Identifier: GPL-3.0-or-later
"""What training minimises; each term has a weight in the configuration, 0 leaves it out."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from ..model.network import DEPTHS, HALF_DEPTH, SIDE, Prediction, along, offsets, volume

FAR = 1000.0
"""A depth beyond this stands for a ray that meets nothing."""


def losses(prediction: Prediction, batch: Mapping[str, Tensor], weights: Mapping[str, float]) -> dict[str, Tensor]:
    """The terms named in `weights`, unweighted. `batch` holds a shard's arrays as tensors."""
    names = {name for name, weight in weights.items() if weight}
    terms: dict[str, Tensor] = {}
    depth, hit = first_hits(batch["depth"])
    front = prediction.front.float()
    if "depth" in names:
        terms["depth"] = ((front - depth).abs() * hit).sum() / hit.sum().clamp(min=1)
    if "normal" in names:
        terms["normal"] = _slope(front, depth, hit)
    if "profile" in names:
        truth = batch["soft"].permute(0, 3, 1, 2).float() / 255
        terms["profile"] = _profile(prediction.profile.float(), truth, depth, hit)
    if "colour" in names:
        terms["colour"] = _colour(prediction.colour.float(), batch)
    if "camera" in names:
        wanted = torch.stack([batch["elevation"].sin(), batch["elevation"].cos(), batch["focal"].log()], dim=1).float()
        terms["camera"] = F.smooth_l1_loss(prediction.camera.float(), wanted, beta=0.1)
    unknown = names - terms.keys()
    if unknown:
        raise ValueError(f"There is no loss {', '.join(sorted(unknown))}.")
    return terms


def first_hits(depth: Tensor) -> tuple[Tensor, Tensor]:
    """Depths (B, 112, 112) of a view -> (B, 1, 64, 64) at the rays' middles and whether there is one, 0 or 1."""
    pick = ((torch.arange(SIDE, device=depth.device) + 0.5) * depth.shape[1] / SIDE).long()
    chosen = depth[:, pick][:, :, pick].float()[:, None]
    hit = chosen < FAR
    return torch.where(hit, chosen, 0.0), hit.float()


def _slope(front: Tensor, depth: Tensor, hit: Tensor) -> Tensor:
    """L1 of the differences between neighbours, whose direction is the normal; steps to another part left out."""
    total = front.new_zeros(())
    for axis in (2, 3):
        wanted = depth.diff(dim=axis)
        both = hit.narrow(axis, 1, SIDE - 1) * hit.narrow(axis, 0, SIDE - 1) * (wanted.abs() < 0.15)
        total = total + ((front.diff(dim=axis) - wanted).abs() * both).sum() / both.sum().clamp(min=1)
    return total * SIDE / 4


def _profile(logits: Tensor, truth: Tensor, depth: Tensor, hit: Tensor) -> Tensor:
    """Cross entropy against the solid behind the true first hit, so that the profile need not know the depth."""
    place = (depth + offsets().to(depth).view(1, -1, 1, 1) + HALF_DEPTH) / (2 * HALF_DEPTH) * DEPTHS - 0.5
    wanted = along(truth, place) * (place < DEPTHS)
    loss = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    return (loss * hit).sum() / (hit.sum().clamp(min=1) * DEPTHS)


def _colour(colour: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
    """L1 at points of the surface, seen or not."""
    points = batch["points"].float()
    place = torch.stack([points[..., 0], points[..., 1], points[..., 2] / HALF_DEPTH], dim=-1)
    got = F.grid_sample(colour, place[:, None, None], mode="bilinear", padding_mode="border", align_corners=False)
    return F.l1_loss(got[:, :, 0, 0].transpose(1, 2), batch["paint"].float() / 255)


def overlap(prediction: Prediction, batch: Mapping[str, Tensor]) -> Tensor:
    """(B,) intersection over union of the solids inside the picture's outline, a score and no loss."""
    truth = batch["soft"].permute(0, 3, 1, 2) > 127
    alpha = F.interpolate(batch["rgba"][..., 3].float()[:, None], size=(SIDE, SIDE), mode="area") > 127
    solid = (volume(prediction.front.float(), prediction.profile.float()) > 0) & alpha
    return (solid & truth).sum(dim=(1, 2, 3)).float() / (solid | truth).sum(dim=(1, 2, 3)).clamp(min=1).float()
