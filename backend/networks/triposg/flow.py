# SPDX-License-Identifier: GPL-3.0-or-later
"""Rectified flow (Liu et al. 2022): from noise to data along straight lines, in steps of Euler, with guidance."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

Predict = Callable[[Tensor, Tensor, Callable[[float], None]], Tensor]
"""Latents (B, N, C), times (B,) in 0..1000, progress -> data minus noise (B, N, C). With guidance the batch is twice as
long: the first half is told nothing."""


def sigmas(steps: int, shift: float = 1.0) -> Tensor:
    """(steps + 1,) shares of noise, from 1 to 0; more `shift` spends more steps where there is much noise."""
    plain = 1 - torch.arange(steps) / steps
    return torch.cat([shift * plain / (1 + (shift - 1) * plain), torch.zeros(1)])


def guided(predict: Predict, latents: Tensor, time: float, guidance: float, beat: Callable[[float], None]) -> Tensor:
    """Float32. Away from what is made when nothing is told; a guidance of at most 1 is none."""
    if guidance <= 1:
        return predict(latents, _times(time, latents), beat).float()
    both = torch.cat([latents, latents])
    without, told = predict(both, _times(time, both), beat).float().chunk(2)
    return without + guidance * (told - without)


def sample(
    predict: Predict,
    noise: Tensor,
    *,
    steps: int,
    guidance: float,
    shift: float = 1.0,
    done: int = 0,
    beat: Callable[[float], None] = lambda part: None,
    after: Callable[[int, Tensor], None] = lambda done, latents: None,
) -> Tensor:
    """Noise (B, N, C) -> latents. `beat` is told the part done, many times a step.

    `after` gets the number of steps done and the latents after each: given as `done` and `noise` it goes on from there.
    """
    x, levels = noise.float(), sigmas(steps, shift).tolist()
    for number in range(done, steps):
        flow = guided(predict, x, 1000 * levels[number], guidance, partial(_within, beat, number, steps))
        x = x + (levels[number] - levels[number + 1]) * flow
        after(number + 1, x)
    return x


def noise(count: int, tokens: int, channels: int, seed: int) -> Tensor:
    """(count, tokens, channels), each of the next seed; drawn on the CPU, so that every device starts from the same."""
    draws = [torch.Generator().manual_seed(seed + number) for number in range(count)]
    return torch.stack([torch.randn(tokens, channels, generator=draw) for draw in draws])


def _within(beat: Callable[[float], None], number: int, steps: int, part: float) -> None:
    beat((number + part) / steps)


def _times(time: float, latents: Tensor) -> Tensor:
    return torch.full((len(latents),), time, device=latents.device)
