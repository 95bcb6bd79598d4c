# SPDX-License-Identifier: GPL-3.0-or-later
"""Each loss is least for the truth, and following it downhill leads there."""

from __future__ import annotations

import pytest
import torch

from galatea.backend.learn.model.network import DEPTHS, HALF_DEPTH, PLANES, SIDE, Prediction, offsets
from galatea.backend.learn.training.losses import NAMES, exits, losses, overlap, widths


def plate(first: int, last: int) -> dict[str, torch.Tensor]:
    """A batch of two plates that span these cells of depth."""
    soft = torch.zeros(2, SIDE, SIDE, DEPTHS, dtype=torch.uint8)
    soft[:, 20:40, 10:50, first:last] = 255
    depth = torch.full((2, 112, 112), 65504.0)
    depth[:, 35:70, 18:87] = first / DEPTHS * 2 * HALF_DEPTH - HALF_DEPTH
    rgba = torch.zeros(2, 224, 224, 4, dtype=torch.uint8)
    rgba[:, 70:140, 35:175, 3] = 255
    return {
        "soft": soft,
        "depth": depth,
        "rgba": rgba,
        "points": torch.zeros(2, 5, 3),
        "paint": torch.full((2, 5, 3), 64, dtype=torch.uint8),
        "elevation": torch.zeros(2),
        "focal": torch.ones(2),
    }


def prediction(first: int, last: int) -> Prediction:
    front = torch.full((2, 1, SIDE, SIDE), first / DEPTHS * 2 * HALF_DEPTH - HALF_DEPTH)
    thick = (last - first) / DEPTHS * 2 * HALF_DEPTH
    profile = ((thick - offsets()) * 400).clamp(-5, 5).view(1, -1, 1, 1).expand(2, DEPTHS, SIDE, SIDE)
    colour = torch.full((2, 3, PLANES, SIDE, SIDE), 0.25)
    return Prediction(front, profile, colour, torch.tensor([[0.0, 1.0, 0.0]]).expand(2, 3))


def test_losses_are_least_for_the_truth() -> None:
    weights = dict.fromkeys(("depth", "shape", "normal", "profile", "colour", "camera"), 1.0)
    batch = plate(10, 30)
    right = losses(prediction(10, 30), batch, weights)
    assert all(value < (0.12 if name == "profile" else 0.01) for name, value in right.items()), right
    moved = losses(prediction(14, 34), batch, weights)
    assert moved["depth"] > right["depth"] + 0.1
    assert torch.isclose(moved["shape"], right["shape"], atol=1e-5), "how far away all of it lies is no shape"
    assert torch.isclose(moved["profile"], right["profile"]), "the profile need not know the depth"
    assert losses(prediction(10, 40), batch, weights)["profile"] > right["profile"] + 0.1
    assert overlap(prediction(10, 30), batch).min() > 0.9
    assert overlap(prediction(20, 40), batch).max() < 0.4
    with pytest.raises(ValueError, match="no loss speed"):
        losses(prediction(10, 30), batch, {"speed": 1.0})


def block() -> tuple[Prediction, dict[str, torch.Tensor]]:
    """Two parts, one in front of the other, as thick as 30 cells of the profile, and the prediction that is right.

    The true points lie on the rays, so that even Chamfer can be nought.
    """
    front = torch.full((1, 1, SIDE, SIDE), 0.2)
    front[..., 24:28] = -0.4
    hit = torch.zeros(1, 1, SIDE, SIDE)
    hit[..., 20:36, 20:28] = 1
    logits = torch.where(torch.arange(DEPTHS) < 30, 60.0, -60.0).view(1, -1, 1, 1).expand(1, DEPTHS, SIDE, SIDE)
    leave = exits(front, logits)
    assert torch.allclose(leave - front, widths()[:30].sum().expand_as(front), atol=1e-5)
    row, column = torch.nonzero(hit[0, 0], as_tuple=True)
    u, v = (column + 0.5) / SIDE * 2 - 1, (row + 0.5) / SIDE * 2 - 1
    points = torch.cat([torch.stack([u, v, d[0, 0, row, column]], dim=1) for d in (front, leave)])[None]
    big = torch.nn.functional.interpolate(torch.where(hit > 0, front, 65504.0), size=(112, 112), mode="nearest-exact")
    batch = {name: value[:1] for name, value in plate(10, 30).items()}
    batch |= {
        "depth": big[:, 0],
        "points": points,
        "paint": torch.full(points.shape, 64),
        "focal": torch.full((1,), 2.0),
    }
    colour = torch.full((1, 3, PLANES, SIDE, SIDE), 0.25)
    return Prediction(front, logits, colour, torch.tensor([[0.0, 1.0, 0.0]])), batch


@pytest.mark.parametrize("name", ["edge", "chamfer"])
def test_each_is_nought_for_the_truth_and_leads_there(name: str) -> None:
    right, batch = block()
    assert losses(right, batch, {name: 1.0})[name] < 1e-5
    blurred = torch.nn.functional.avg_pool2d(right.front, 9, 1, 4)
    front = torch.nn.Parameter(
        blurred + 0.1 * torch.rand(right.front.shape, generator=torch.Generator().manual_seed(0))
    )
    profile = torch.nn.Parameter(torch.zeros(right.profile.shape))
    optimiser = torch.optim.Adam([front, profile], lr=0.02)
    values = []
    for _ in range(60):
        loss = losses(right._replace(front=front, profile=profile), batch, {name: 1.0})[name]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        values.append(loss.item())
    assert values[0] > 0.05 and values[-1] < values[0] / 3, values[::10]
    assert (profile.grad is not None) == (name == "chamfer"), "only Chamfer says where the back is"


def test_a_view_that_shows_nothing_has_no_error() -> None:
    right, batch = block()
    empty = batch | {"depth": torch.full((1, 112, 112), 65504.0)}
    found = losses(right, empty, dict.fromkeys(NAMES, 1.0))
    assert all(found[name] == 0 for name in ("depth", "shape", "normal", "edge", "profile", "chamfer"))
