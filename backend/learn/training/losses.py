# SPDX-License-Identifier: GPL-3.0-or-later
"""What training minimises; each term has a weight in the settings, 0 leaves it out.

A term that is a mean over the rays that hit is divided by `share(count)`. In one process that is the count; in several
it is their mean count, so that the mean of their gradients is the gradient of the whole batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from ..model.network import DEPTHS, HALF_DEPTH, REACH, SIDE, Prediction, along, offsets, volume

FAR = 1000.0
"""A depth beyond this stands for a ray that meets nothing."""
STEP = 0.15
"""Frustum units between neighbouring rays from which on they meet different parts."""
RAYS = 384
"""Rays a view of which Chamfer takes first hits and exits."""

Share = Callable[[Tensor], Tensor]


def alone(count: Tensor) -> Tensor:
    """At least 1: a batch without any such ray has no error, not a division by nought."""
    return count.clamp(min=1)


def losses(
    prediction: Prediction, batch: Mapping[str, Tensor], weights: Mapping[str, float], share: Share = alone
) -> dict[str, Tensor]:
    """The terms named in `weights`, unweighted. `batch` holds a shard's arrays as tensors."""
    names = {name for name, weight in weights.items() if weight}
    if unknown := names - set(NAMES):
        raise ValueError(f"There is no loss {', '.join(sorted(unknown))}. There are {', '.join(NAMES)}.")
    terms: dict[str, Tensor] = {}
    depth, hit = first_hits(batch["depth"])
    hits = share(hit.sum())
    front = prediction.front.float()
    if "depth" in names:
        terms["depth"] = ((front - depth).abs() * hit).sum() / hits
    if "shape" in names:
        terms["shape"] = _shape(front, depth, hit) / hits
    if "normal" in names:
        terms["normal"] = _slope(front, depth, hit, share)
    if "edge" in names:
        terms["edge"] = _edge(front, depth, hit, share)
    if "profile" in names:
        truth = batch["soft"].permute(0, 3, 1, 2).float() / 255
        terms["profile"] = _profile(prediction.profile.float(), truth, depth, hit) / hits
    if "chamfer" in names:
        terms["chamfer"] = _chamfer(front, prediction.profile.float(), hit, batch, share)
    if "colour" in names:
        terms["colour"] = _colour(prediction.colour.float(), batch)
    if "camera" in names:
        wanted = torch.stack([batch["elevation"].sin(), batch["elevation"].cos(), batch["focal"].log()], dim=1).float()
        terms["camera"] = F.smooth_l1_loss(prediction.camera.float(), wanted, beta=0.1)
    return terms


NAMES = ("depth", "shape", "normal", "edge", "profile", "chamfer", "colour", "camera")


def first_hits(depth: Tensor) -> tuple[Tensor, Tensor]:
    """Depths (B, 112, 112) of a view -> (B, 1, 64, 64) at the rays' middles and whether there is one, 0 or 1."""
    pick = ((torch.arange(SIDE, device=depth.device) + 0.5) * depth.shape[1] / SIDE).long()
    chosen = depth[:, pick][:, :, pick].float()[:, None]
    hit = chosen < FAR
    return torch.where(hit, chosen, 0.0), hit.float()


def exits(front: Tensor, profile: Tensor) -> Tensor:
    """Depth (B, 1, H, W) at which each ray leaves what it met first: the thickness expected from the profile, a cell
    counting as much as it and all before it are likely to be inside."""
    still = F.logsigmoid(profile).cumsum(dim=1).exp()
    return front + (still * widths().to(front).view(1, -1, 1, 1)).sum(dim=1, keepdim=True)


def widths() -> Tensor:
    """(D,) how deep the cells of the profile are, whose middles are about at `offsets`."""
    return (REACH * (torch.arange(DEPTHS + 1) / DEPTHS) ** 1.5).diff()


def _shape(front: Tensor, depth: Tensor, hit: Tensor) -> Tensor:
    """L1 of the depths after each view's mean error is taken off: how far away all of it lies changes no mesh."""
    count = hit.sum(dim=(2, 3), keepdim=True).clamp(min=1)
    error = front - depth
    middle = (error * hit).sum(dim=(2, 3), keepdim=True) / count
    return ((error - middle).abs() * hit).sum()


def _differences(front: Tensor, depth: Tensor, hit: Tensor, stride: int, axis: int) -> tuple[Tensor, Tensor, Tensor]:
    """Between rays `stride` apart: the error of their difference, the true difference, whether both hit."""
    count = SIDE - stride

    def apart(values: Tensor) -> Tensor:
        return values.narrow(axis, stride, count) - values.narrow(axis, 0, count)

    wanted = apart(depth)
    both = hit.narrow(axis, stride, count) * hit.narrow(axis, 0, count)
    return (apart(front) - wanted).abs(), wanted, both


def _slope(front: Tensor, depth: Tensor, hit: Tensor, share: Share) -> Tensor:
    """L1 of the differences between neighbours, whose direction is the normal; steps to another part left out."""
    total = front.new_zeros(())
    for axis in (2, 3):
        error, wanted, both = _differences(front, depth, hit, 1, axis)
        both = both * (wanted.abs() < STEP)
        total = total + (error * both).sum() / share(both.sum())
    return total * SIDE / 4


def _edge(front: Tensor, depth: Tensor, hit: Tensor, share: Share) -> Tensor:
    """L1 of the differences where the truth steps to another part, between neighbours and four rays apart: the near
    pair asks for a sharp step at the right place, the far one for the right height."""
    total = front.new_zeros(())
    for stride in (1, 4):
        for axis in (2, 3):
            error, wanted, both = _differences(front, depth, hit, stride, axis)
            both = both * (wanted.abs() >= STEP)
            total = total + (error * both).sum() / share(both.sum())
    return total / 4


def _profile(logits: Tensor, truth: Tensor, depth: Tensor, hit: Tensor) -> Tensor:
    """Cross entropy against the solid behind the true first hit, so that the profile need not know the depth."""
    place = (depth + offsets().to(depth).view(1, -1, 1, 1) + HALF_DEPTH) / (2 * HALF_DEPTH) * DEPTHS - 0.5
    wanted = along(truth, place) * (place < DEPTHS)
    loss = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    return (loss * hit).sum() / DEPTHS


def _chamfer(front: Tensor, profile: Tensor, hit: Tensor, batch: Mapping[str, Tensor], share: Share) -> Tensor:
    """Mean of the two mean nearest distances (not squared) between predicted first hits and exits and true points of
    the surface, in the camera's space at the true focal length. Of a view's hit rays RAYS at even steps are taken.

    Points lie apart, so a right prediction does not reach 0 but the points' spacing."""
    rows = hit.flatten(1)
    count = rows.sum(dim=1)
    ranks = torch.arange(RAYS, device=hit.device) + 0.5
    picked = rows.argsort(dim=1, descending=True, stable=True).gather(1, (ranks * count[:, None] / RAYS).long())
    leave = exits(front, profile)
    d = torch.cat([front.flatten(1).gather(1, picked), leave.flatten(1).gather(1, picked)], dim=1)
    across = ((picked % SIDE) + 0.5) / SIDE * 2 - 1
    down = (picked.div(SIDE, rounding_mode="floor") + 0.5) / SIDE * 2 - 1
    guess = unproject(torch.stack([across.repeat(1, 2), down.repeat(1, 2), d], dim=-1), batch["focal"])
    truth = unproject(batch["points"].float(), batch["focal"])
    apart = torch.cdist(guess, truth, compute_mode="donot_use_mm_for_euclid_dist")
    each = (apart.amin(dim=2).mean(dim=1) + apart.amin(dim=1).mean(dim=1)) / 2
    some = (count > 0).float()
    return (each * some).sum() / share(some.sum())


def unproject(uvd: Tensor, focal: Tensor) -> Tensor:
    """(B, N, 3) as (u, v, d) and focal lengths (B,) -> points in the camera's axes, in frustum units."""
    u, v, d = uvd.unbind(-1)
    grown = 1 + d / focal.float()[:, None]
    return torch.stack([u * grown, v * grown, d], dim=-1)


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
