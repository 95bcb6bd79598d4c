# SPDX-License-Identifier: GPL-3.0-or-later
"""One training sample: a picture of a Thing and the shape and paint that belong to it, in frustum coordinates."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...geometry.camera import CELLS, DEEP, Camera, FrustumFrame, aim, to_frustum, to_world
from . import shade
from .paint import Look, to_srgb
from .surface import Surface

if TYPE_CHECKING:
    from ..things.thing import Thing

POINTS = 512
SOFT = 0.044  # frustum units over which occupancy goes from one half to all or nothing
DEEPEST = 1.35  # frustum units from the middle that a view may need
DRAWS = 20


def make(thing: Thing | Surface, seed: int, view: int) -> dict[str, NDArray[Any]]:
    """The sample of this view; the same arguments give the same bytes. Several views share a `Surface`.

    rgba (224, 224, 4) u8; focal, elevation, azimuth f32, angles in radians; fit (2,) f32: scale s and depth Zc;
    soft (64, 64, 64) u8 [v, u, d]; points (512, 3) f16 (u, v, d) on the outer surface with paint u8 sRGB albedo and
    normals i8 * 127 in the camera frame; depth (112, 112) f16 as d, 65504 for none; normal (112, 112, 3) i8 * 127.
    """
    surface = thing if isinstance(thing, Surface) else Surface(thing)
    word = f"{surface.thing.key}/{seed}/{view}".encode()
    rng = np.random.default_rng(int.from_bytes(hashlib.blake2b(word, digest_size=16).digest(), "little"))
    azimuth, elevation, camera, frame = _draw(surface, rng)
    look, light = Look(surface.paint, rng), shade.draw(camera, rng)
    depth, normal = shade.geometry(surface, camera, frame)
    points, paint, normals = _points(surface, camera, frame, look, rng)
    return {
        "rgba": shade.render(surface, camera, look, light, rng),
        "focal": np.float32(camera.f).reshape(()),
        "elevation": np.float32(elevation).reshape(()),
        "azimuth": np.float32(azimuth).reshape(()),
        "fit": np.array([frame.s, frame.zc], np.float32),
        "soft": soft(surface, camera, frame),
        "points": points,
        "paint": paint,
        "normals": normals,
        "depth": depth,
        "normal": normal,
    }


def _draw(surface: Surface, rng: np.random.Generator) -> tuple[float, float, Camera, FrustumFrame]:
    """A view that the frustum grid can hold, or the one of those tried that needs the least depth."""
    best: tuple[float, tuple[float, float, Camera, FrustumFrame]] | None = None
    for _ in range(DRAWS):
        side = 75 if rng.random() < 0.7 else 180
        azimuth = float(np.radians(rng.uniform(-side, side)))
        elevation = float(np.radians(rng.uniform(5, 35) if rng.random() < 0.65 else rng.uniform(-10, 60)))
        fov = float(np.radians(rng.uniform(20, 60)))
        camera, frame = aim(surface.reach, azimuth, elevation, fov)
        deep = float(np.abs(camera.place(surface.reach)[:, 2] * frame.s - frame.f).max())
        if best is None or deep < best[0]:
            best = deep, (azimuth, elevation, camera, frame)
        if deep <= DEEPEST:
            break
    assert best
    return best[1]


def grid() -> NDArray[np.float32]:
    """Centres (CELLS ** 3, 3) as (u, v, d) of the frustum grid, in the order of [v, u, d]."""
    across = ((np.arange(CELLS, dtype=np.float32) + 0.5) / CELLS) * 2 - 1
    v, u, d = np.meshgrid(across, across, across * np.float32(DEEP), indexing="ij")
    return np.stack([u.reshape(-1), v.reshape(-1), d.reshape(-1)], axis=1)


_GRID = grid()


def soft(surface: Surface, camera: Camera, frame: FrustumFrame) -> NDArray[np.uint8]:
    """Occupancy (CELLS, CELLS, CELLS) [v, u, d] as 0..255, one half on the surface."""
    distance = surface.solid.sample(to_world(camera, frame, _GRID).astype(np.float32)) * np.float32(frame.s)
    full = np.clip(np.float32(0.5) - distance / np.float32(2 * SOFT), 0, 1)
    return (full * 255 + np.float32(0.5)).astype(np.uint8).reshape(CELLS, CELLS, CELLS)


def _points(
    surface: Surface, camera: Camera, frame: FrustumFrame, look: Look, rng: np.random.Generator
) -> tuple[NDArray[np.float16], NDArray[np.uint8], NDArray[np.int8]]:
    samples = surface.solid.samples
    some = rng.integers(0, len(samples.face), POINTS)
    face, bary, points = samples.face[some], samples.bary[some], samples.points[some]
    paint = to_srgb(look.albedo(face, bary, points))
    normals = samples.normals[some]
    sheet = np.flatnonzero((normals == 0).all(axis=1))
    normals[sheet] = surface.flat[face[sheet]]
    toward = points[sheet] - camera.position.astype(np.float32)
    normals[sheet] *= -np.sign(np.einsum("nc,nc->n", normals[sheet], toward))[:, None]
    turned = normals @ camera.rotation.T.astype(np.float32)
    return (
        to_frustum(camera, frame, points).astype(np.float16),
        (paint * 255 + 0.5).astype(np.uint8),
        np.round(np.clip(turned, -1, 1) * 127).astype(np.int8),
    )
