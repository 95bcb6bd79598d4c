# SPDX-License-Identifier: GPL-3.0-or-later
"""The base colour of a Thing at points of its faces, and random changes of its material."""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ..things.thing import Thing

F32 = NDArray[np.float32]
_STEPS = np.arange(4097, dtype=np.float32) / 4096
_LINEAR = np.where(_STEPS <= 0.04045, _STEPS / 12.92, ((_STEPS + 0.055) / 1.055) ** 2.4).astype(np.float32)
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


def to_linear(srgb: F32) -> F32:
    """Linear light of sRGB values 0..1."""
    return np.asarray(_LINEAR[np.clip(srgb * 4096 + 0.5, 0, 4096).astype(np.int16)])


def to_srgb(linear: F32) -> F32:
    """sRGB values 0..1 of linear light, clipped. By the square root, where a table is fine enough in the dark."""
    root = np.sqrt(np.clip(linear, 0, 1))
    return np.asarray(_SRGB_OF_ROOT[(root * 4096 + 0.5).astype(np.int16)])


_SRGB_OF_ROOT = np.where(
    _STEPS**2 <= 0.0031308, _STEPS**2 * 12.92, 1.055 * np.maximum(_STEPS, 1e-6) ** (2 / 2.4) - 0.055
).astype(np.float32)


class Paint:
    """Texture times colour at (face, barycentric) points; all textures lie in one array, bilinear, repeating."""

    def __init__(self, thing: Thing) -> None:
        self._uv, self._slot = thing.uv, thing.slot
        self.colors = thing.colors[:, :3].astype(np.float32)
        self.plain = np.array([texture is None for texture in thing.textures])
        white = np.full((1, 1, 4), 255, np.uint8)
        pictures = [white if texture is None else texture for texture in thing.textures]
        self._height = np.array([len(picture) for picture in pictures], np.int32)
        self._width = np.array([picture.shape[1] for picture in pictures], np.int32)
        self._start = np.concatenate([[0], np.cumsum(self._height * self._width)[:-1]]).astype(np.int32)
        self._texels = np.concatenate([picture.reshape(-1, 4) for picture in pictures])
        # a texture without one opaque texel holds something else in its alpha; a clear colour is glass: both are solid
        cut = [bool((p[..., 3] < 128).any() and (p[..., 3] >= 128).any()) for p in pictures]
        self._cut = np.array(cut) & ~self.plain
        self._gone = thing.colors[:, 3] < 0.02
        self.holes = bool((self._cut | self._gone)[np.unique(thing.slot)].any()) and not bool(self._gone.all())

    def slots(self, face: NDArray[np.int32]) -> NDArray[np.int16]:
        return np.asarray(self._slot[face])

    def opaque(self, face: NDArray[np.int32], bary: F32) -> NDArray[np.bool_]:
        """Whether the points (N,), (N, 3) stop a ray."""
        slot = self._slot[face]
        solid = ~self._gone[slot]
        some = np.flatnonzero(self._cut[slot])
        if len(some):
            slot = slot[some]
            x, y = self._texel(face[some], bary[some], slot)
            width, height = self._width[slot], self._height[slot]
            at = np.floor(y + 0.5).astype(np.int32) % height * width + np.floor(x + 0.5).astype(np.int32) % width
            solid[some] &= self._texels[self._start[slot] + at, 3] >= 128
        return np.asarray(solid)

    def color(self, face: NDArray[np.int32], bary: F32, colors: F32) -> F32:
        """sRGB (N, 3), 0..1, with these slot colours (M, 3)."""
        slot = self._slot[face]
        out = colors[slot]
        some = np.flatnonzero(~self.plain[slot]) if not self.plain.all() else np.empty(0, np.int64)
        if len(some):
            slot = slot[some]
            x, y = self._texel(face[some], bary[some], slot)
            left, top = np.floor(x), np.floor(y)
            across, along = (x - left)[:, None], (y - top)[:, None]
            width, height, start = self._width[slot], self._height[slot], self._start[slot]
            x0, y0 = left.astype(np.int32) % width, top.astype(np.int32) % height
            x1, y1 = (x0 + 1) % width, (y0 + 1) % height
            upper, lower = start + y0 * width, start + y1 * width
            rows = [self._texels[at, :3].astype(np.float32) for at in (upper + x0, upper + x1, lower + x0, lower + x1)]
            high = rows[0] + across * (rows[1] - rows[0])
            low = rows[2] + across * (rows[3] - rows[2])
            out[some] *= (high + along * (low - high)) / 255
        return np.asarray(out)

    def _texel(self, face: NDArray[np.int32], bary: F32, slot: NDArray[np.int16]) -> tuple[F32, F32]:
        uv = np.einsum("nk,nkc->nc", bary, self._uv[face])
        uv -= np.floor(uv)
        return uv[:, 0] * self._width[slot] - np.float32(0.5), (1 - uv[:, 1]) * self._height[slot] - np.float32(0.5)


class Look:
    """A Paint as one view has it: hue, saturation and brightness moved, plain parts maybe recoloured or patterned."""

    def __init__(self, paint: Paint, rng: np.random.Generator) -> None:
        self._paint = paint
        self._colors = paint.colors
        self._pattern: Callable[[F32], F32] | None = None
        self._matrix = _shift(rng)
        self._gain = float(np.exp(rng.normal(0, 0.12)))
        plain = paint.plain
        if plain.any() and rng.random() < 0.45:
            fresh = paint.colors.copy()
            fresh[plain] = _recolor(paint.colors[plain], rng)
            self._colors = fresh
        chance = 0.4 if plain.all() else 0.12
        if rng.random() < chance:
            self._pattern = _pattern(rng)
            self._patterned = plain & (rng.random(len(plain)) < 0.75) if plain.any() else ~plain
            self._strength = float(rng.uniform(0.2, 1) if plain.any() else rng.uniform(0.05, 0.3))
            self._second = _plausible(rng)

    def albedo(self, face: NDArray[np.int32], bary: F32, points: F32) -> F32:
        """Linear base colour (N, 3) at the points (N, 3)."""
        color = to_linear(self._paint.color(face, bary, self._colors))
        if self._pattern:
            some = np.flatnonzero(self._patterned[self._paint.slots(face)])
            if len(some):
                part = (self._pattern(points[some]) * np.float32(self._strength))[:, None]
                color[some] += part * (self._second - color[some])
        color = color @ self._matrix * np.float32(self._gain)
        return np.clip(color, 0.004, 0.93)


def _shift(rng: np.random.Generator) -> F32:
    """A matrix (3, 3) for rows of linear RGB: hue turned about grey, saturation scaled."""
    turn = rng.uniform(-np.pi, np.pi) if rng.random() < 0.12 else rng.normal(0, 0.12)
    saturation = rng.uniform(0.0, 0.3) if rng.random() < 0.06 else float(np.clip(rng.normal(1, 0.2), 0.5, 1.5))
    axis = np.ones(3) / np.sqrt(3)
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    hue = np.eye(3) * np.cos(turn) + np.sin(turn) * cross + (1 - np.cos(turn)) * np.outer(axis, axis)
    grey = np.tile(_LUMA.astype(np.float64), (3, 1))
    return np.asarray(((grey + saturation * (np.eye(3) - grey)) @ hue).T, np.float32)


def _plausible(rng: np.random.Generator) -> F32:
    """A linear colour (3,) as things have: often grey, brown or muted, sometimes strong."""
    kind = rng.random()
    if kind < 0.25:
        value = rng.uniform(0.08, 0.95)
        srgb = np.clip(value + rng.normal(0, 0.02, 3), 0, 1)
    elif kind < 0.5:
        srgb = np.array(colorsys.hsv_to_rgb(rng.uniform(0.03, 0.13), rng.uniform(0.2, 0.75), rng.uniform(0.2, 0.9)))
    else:
        strong = rng.random() < 0.4
        saturation = rng.uniform(0.6, 1) if strong else rng.uniform(0.1, 0.6)
        srgb = np.array(colorsys.hsv_to_rgb(rng.random(), saturation, rng.uniform(0.2, 1)))
    return to_linear(srgb.astype(np.float32))


def _recolor(colors: F32, rng: np.random.Generator) -> F32:
    """New sRGB colours (K, 3) for these: equal ones stay equal, and now and then all get shades of one."""
    _, which = np.unique(np.round(colors * 255), axis=0, return_inverse=True)
    which = which.reshape(-1)
    count = int(which.max()) + 1
    if rng.random() < 0.3:
        base = to_srgb(_plausible(rng))
        fresh = np.clip(base * rng.uniform(0.6, 1.2, (count, 1)) + rng.normal(0, 0.03, (count, 3)), 0, 1)
    else:
        fresh = np.stack([to_srgb(_plausible(rng)) for _ in range(count)])
        keep = rng.random(count) < 0.4
        first = np.zeros(count, np.int64)
        first[which[::-1]] = np.arange(len(which))[::-1]
        fresh[keep] = colors[first[keep]]
    return np.asarray(fresh[which], np.float32)


def _waves(rng: np.random.Generator, scale: float, count: int) -> Callable[[F32], F32]:
    """Soft random blotches, about -1..1, of points (N, 3): sines bent by sines."""
    ways = rng.normal(size=(3, count))
    ways *= scale * 2 * np.pi * rng.uniform(0.5, 1.6, count) / np.linalg.norm(ways, axis=0)
    first, phase = ways.astype(np.float32), rng.uniform(0, 6.28, count).astype(np.float32)
    bend = rng.normal(size=(count, count)).astype(np.float32) * np.float32(1.2 / np.sqrt(count))

    def at(points: F32) -> F32:
        swing = np.sin(points @ first + phase)
        return np.asarray(np.sin((points @ first) * np.float32(1.3) + swing @ bend).mean(axis=1) * 1.8)

    return at


def _pattern(rng: np.random.Generator) -> Callable[[F32], F32]:
    """Weights 0..1 of a second colour at points (N, 3) in the object's space."""
    kind = rng.choice(["noise", "wood", "checker", "stripes", "speckle", "fade"], p=[0.3, 0.25, 0.08, 0.12, 0.15, 0.1])
    scale = float(np.exp(rng.uniform(np.log(2), np.log(14))))
    way = rng.normal(size=3)
    way = (np.eye(3)[rng.integers(3)] if rng.random() < 0.6 else way / np.linalg.norm(way)).astype(np.float32)
    if kind == "noise":
        broad, fine = _waves(rng, scale * 0.4, 5), _waves(rng, scale * 1.7, 5)
        return lambda p: np.clip(0.5 + 0.5 * broad(p) + 0.25 * fine(p), 0, 1)
    if kind == "wood":
        wobble, stretch = _waves(rng, 1.5, 4), (np.eye(3) - 0.93 * np.outer(way, way)).astype(np.float32)
        middle = rng.uniform(-0.4, 0.4, 3).astype(np.float32)

        def rings(p: F32) -> F32:
            radius = np.linalg.norm((p - middle) @ stretch, axis=1) * np.float32(scale) + wobble(p) * np.float32(0.35)
            part = radius - np.floor(radius)
            return np.asarray(part * part * (1.0 - np.clip((part - 0.9) * 10, 0, 1)), np.float32)

        return rings
    if kind == "checker":
        return lambda p: (np.floor(p * np.float32(scale * 0.7) + np.float32(0.013)).sum(axis=1) % 2).astype(np.float32)
    if kind == "stripes":
        share = float(rng.uniform(0.2, 0.6))
        return lambda p: ((p @ way * np.float32(scale)) % 1 < share).astype(np.float32)
    if kind == "speckle":
        dots = _waves(rng, scale * 2.5, 6)
        return lambda p: np.clip((dots(p) - 0.35) * 6, 0, 1)
    return lambda p: np.clip(p @ way + np.float32(0.5), 0, 1)
