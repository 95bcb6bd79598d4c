# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Things are worth keeping: no planes, no scraps, no monsters, no copies, nothing that the hold-out shows."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .thing import Thing

MIN_FACES = 12
MAX_FACES = 300_000
MIN_SIDE = 0.02
"""Of the longest side: thinner than this and nearly all in one plane is no solid."""
PLANE_SHARE = 0.9
"""Of the area, within 15 degrees of one direction."""
EFFECTS = re.compile(
    r"(?<![a-z])(particles?|decals?|skybox|terrain|heightmap|fireball|explosion|vfx|navmesh|collider|lightmap|minimap)(?![a-z])"
)
"""Names of what is no object in any package; words that are common among objects too are left to each catalogue."""
CELLS = 24
WHOLE_SHARE = 0.6
"""Of the surface that the largest piece must have; gaps up to about a tenth of the longest side make no new piece."""
SAMPLES = 8192
STEPS = 32
"""Quantiles of each of the three distributions in a print."""
COPY = 0.012
"""Largest mean difference of quantiles, in units of the root mean square radius, between copies of one shape."""
NEAR = 0.025
"""The same for what counts as near: kept away from the hold-out, and validation away from training."""
SAME_COLOR = 0.05
"""Largest difference of a mean sRGB colour between copies."""

Print = NDArray[np.float32]


def flaw(thing: Thing) -> str | None:
    """Why it should be left out, by itself; None where it should not."""
    count = len(thing.faces)
    if count < MIN_FACES:
        return f"tiny: {count} faces"
    if count > MAX_FACES:
        return "gigantic: more than 300000 faces"
    if EFFECTS.search(thing.meta["name"].lower().replace("_", " ")):
        return "effect or terrain by its name"
    normals, area = _normals(thing)
    if np.ptp(thing.vertices, axis=0).min() < MIN_SIDE:
        main = np.linalg.eigh((normals * area[:, None]).T @ normals)[1][:, -1]
        if area[np.abs(normals @ main) > np.cos(np.radians(15))].sum() > PLANE_SHARE * area.sum():
            return "flat: a single plane"
    shown = thing.colors[:, 3] >= 0.05
    if not shown[thing.slot].any():
        return "empty: all of it is transparent"
    if _largest_piece(thing) < WHOLE_SHARE:
        return "scattered: pieces far apart"
    return None


def fingerprint(thing: Thing) -> Print:
    """(3 * 32 + 9,) float32: equal for a copy that is moved, scaled, turned about Z or mirrored.

    Of points spread evenly over the surface (Osada et al. 2002, shape distributions): quantiles of the distance of
    pairs, of the height, of the distance from the upright axis; then the mean sRGB of the lower, middle, upper third.
    """
    points, colors = _surface(thing)
    points -= points.mean(0)
    points /= max(float(np.sqrt((points**2).sum(1).mean())), 1e-9)
    rng = np.random.default_rng(7)
    pairs = rng.integers(0, SAMPLES, (2, 4 * SAMPLES))
    at = (np.arange(STEPS) + 0.5) / STEPS
    distributions = (
        np.linalg.norm(points[pairs[0]] - points[pairs[1]], axis=1),
        points[:, 2],
        np.hypot(points[:, 0], points[:, 1]),
    )
    thirds = np.array_split(np.argsort(points[:, 2], kind="stable"), 3)
    parts = [*(np.quantile(values, at) for values in distributions), *(colors[third].mean(0) for third in thirds)]
    return np.asarray(np.concatenate(parts), np.float32)


def copies(prints: NDArray[np.float32], splits: Sequence[str]) -> dict[int, tuple[int, str]]:
    """Index of each Thing to drop -> (index of the one it resembles, why); earlier Things win over later ones.

    The hold-out comes first, each shape once, whatever its colours: thirty coats of one horse would be thirty votes.
    What is near it leaves training and validation. Then training, without copies alike in shape and colour; then
    validation, which is to show nothing near to training.
    """
    shapes = prints[:, : 3 * STEPS].reshape(-1, 3, STEPS)
    colors = prints[:, 3 * STEPS :]
    order = [i for split in ("holdout", "train", "val") for i in range(len(splits)) if splits[i] == split]
    kept: list[int] = []
    dropped: dict[int, tuple[int, str]] = {}
    for i in order:
        if kept:
            before = np.array(kept)
            gap = np.abs(shapes[before] - shapes[i]).mean(2).max(1)
            other = np.array([splits[j] != splits[i] for j in kept])
            alike = (np.abs(colors[before] - colors[i]).max(1) < SAME_COLOR) | (splits[i] == "holdout")
            hits = np.flatnonzero((other & (gap < NEAR)) | (~other & alike & (gap < COPY)))
            if len(hits):
                best = int(hits[gap[hits].argmin()])
                why = {"holdout": "near the hold-out", "train": "near training", "val": "copy"}[splits[kept[best]]]
                dropped[i] = (kept[best], why if other[best] else "copy")
                continue
        kept.append(i)
    return dropped


def _largest_piece(thing: Thing) -> float:
    """Share of the surface in the largest piece."""
    points, _ = _surface(thing)
    cells = np.floor((points + 0.5) * CELLS).astype(int).clip(0, CELLS - 1) + 1
    grid = np.zeros((CELLS + 2,) * 3, bool)
    grid[tuple(cells.T)] = True
    around = np.ones((3, 3, 3), bool)
    pieces, _ = ndimage.label(ndimage.binary_dilation(grid, around), around)
    return float(np.bincount(pieces[tuple(cells.T)]).max() / len(points))


def _normals(thing: Thing) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Unit normals (F, 3) and areas (F,)."""
    a, b, c = (thing.vertices[thing.faces[:, i]].astype(np.float64) for i in range(3))
    cross = np.cross(b - a, c - a)
    length = np.linalg.norm(cross, axis=1)
    return cross / np.maximum(length, 1e-30)[:, None], length / 2


def _surface(thing: Thing) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """8192 points (N, 3) at even steps of the area, the same for the same faces, and their sRGB (N, 3) 0..1."""
    _, area = _normals(thing)
    total = np.cumsum(area)
    face = np.searchsorted(total, (np.arange(SAMPLES) + 0.5) / SAMPLES * total[-1]).clip(0, len(area) - 1)
    index = np.arange(1, SAMPLES + 1)
    first, second = index * 0.7548776662466927 % 1, index * 0.5698402909980532 % 1
    root = np.sqrt(first)
    weights = np.stack([1 - root, root * (1 - second), root * second], 1)
    points = (thing.vertices[thing.faces[face]].astype(np.float64) * weights[..., None]).sum(1)
    uv = (thing.uv[face] * weights[..., None]).sum(1) % 1
    slot = thing.slot[face]
    colors = thing.colors[slot, :3].astype(np.float64)
    for i, picture in enumerate(thing.textures):
        if picture is not None:
            here = slot == i
            height, width = picture.shape[:2]
            x = (uv[here, 0] * width).astype(int).clip(0, width - 1)
            y = ((1 - uv[here, 1]) * height).astype(int).clip(0, height - 1)
            colors[here] *= picture[y, x, :3] / 255.0
    return points, colors
