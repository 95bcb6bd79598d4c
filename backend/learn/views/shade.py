# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture of a Surface: sun with shadows, fill, sky and ground, highlights, exposure; with depth and normals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .paint import Look, to_srgb

if TYPE_CHECKING:
    from ...geometry.camera import Camera, FrustumFrame
    from .surface import Surface

F32 = NDArray[np.float32]
SIZE = 224  # px, the picture's side
COARSE = 112  # px, the side of depth and normals
NOTHING = 65504.0  # depth where there is no object: the largest float16
_LIFT = np.float32(2e-3)  # world units a shadow's ray starts above the surface
RAYS = 4  # to the sun from each point
_TURNS = (np.arange(RAYS) * (2 * np.pi / RAYS)).astype(np.float32)
_RADII = np.array([0.9, 0.45, 0.75, 0.25], np.float32)
_EXTRA = np.array([[-0.125, -0.375], [0.375, -0.125], [0.125, 0.375], [-0.375, 0.125]], np.float32)


@dataclass(frozen=True)
class Light:
    """Directions point to the light, in the world; colours (3,) are linear."""

    sun: F32
    sun_color: F32
    fill: F32
    fill_color: F32
    sky: F32
    ground: F32
    shine: float
    gloss: float
    bright: float
    shoulder: float
    gamma: float
    spread: float


def draw(camera: Camera, rng: np.random.Generator) -> Light:
    """A plausible light: mostly from above, from anywhere around the camera."""
    view = -camera.rotation[2]
    front = float(np.arctan2(view[1], view[0]))
    around = front + rng.normal(0, 1.1)
    height = np.radians(rng.uniform(15, 80))
    other = around + rng.uniform(1.2, 4.5)
    low = np.radians(rng.uniform(-10, 50))
    warm = rng.normal(0, 0.09)
    tint = np.array([1 + warm, 1.0, 1 - warm])
    hard = rng.choice([0.25, 1.0, 2.2], p=[0.3, 0.4, 0.3])
    sky = rng.uniform(0.5, 1.0) * (np.array([1 - warm, 1.0, 1 + warm]) + rng.normal(0, 0.03, 3))
    ground = rng.uniform(0.12, 0.7) * np.clip(np.array([1.0, 0.95, 0.88]) + rng.normal(0, 0.07, 3), 0.4, 1.3)
    values = {
        "sun": (np.cos(height) * np.cos(around), np.cos(height) * np.sin(around), np.sin(height)),
        "sun_color": hard * rng.uniform(0.7, 1.3) * tint,
        "fill": (np.cos(low) * np.cos(other), np.cos(low) * np.sin(other), np.sin(low)),
        "fill_color": rng.uniform(0, 0.6) * (1 + rng.normal(0, 0.06, 3)),
        "sky": sky,
        "ground": ground,
    }
    return Light(
        **{name: np.asarray(value, np.float32) for name, value in values.items()},
        shine=float(rng.uniform(0, 0.5) if rng.random() < 0.6 else 0),
        gloss=float(np.exp(rng.uniform(np.log(6), np.log(120)))),
        bright=float(np.exp(rng.normal(np.log(1.05), 0.22))),
        shoulder=float(rng.uniform(2.5, 6)),
        gamma=float(np.exp(rng.normal(0, 0.08))),
        spread=float(np.exp(rng.uniform(np.log(0.006), np.log(0.15)))),
    )


def render(surface: Surface, camera: Camera, look: Look, light: Light, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Straight-alpha sRGB (SIZE, SIZE, 4): one ray a pixel, four more where neighbours differ."""
    flat = camera.project(surface.reach)
    low = np.clip(np.floor((flat.min(axis=0) + 1) / 2 * SIZE).astype(int) - 1, 0, SIZE - 1)
    high = np.clip(np.ceil((flat.max(axis=0) + 1) / 2 * SIZE).astype(int) + 1, low + 1, SIZE)
    columns, rows = np.meshgrid(
        np.arange(low[0], high[0], dtype=np.float32), np.arange(low[1], high[1], dtype=np.float32)
    )
    pixels = np.stack([columns, rows], axis=-1).reshape(-1, 2)
    shape = columns.shape
    there, color, marks = _shoot(surface, camera, look, light, pixels, rng)
    rough = _edges(there.reshape(shape), marks.reshape(*shape, -1))
    more = np.flatnonzero(rough)
    if len(more):
        spots = (pixels[more][:, None] + _EXTRA).reshape(-1, 2)
        hit, extra, _ = _shoot(surface, camera, look, light, spots, rng)
        cover = there[more] + hit.reshape(-1, 4).sum(axis=1, dtype=np.float32)
        total = color[more] * there[more][:, None] + extra.reshape(-1, 4, 3).sum(axis=1)
        color[more] = total / np.maximum(cover, 1)[:, None]
        alpha = there.astype(np.float32)
        alpha[more] = cover / 5
    else:
        alpha = there.astype(np.float32)
    out = np.zeros((SIZE, SIZE, 4), np.uint8)
    box = out[low[1] : high[1], low[0] : high[0]]
    shown = to_srgb(_tone(color, light))
    box[..., :3] = (shown * 255 + 0.5).astype(np.uint8).reshape(*shape, 3)
    box[..., 3] = (alpha * 255 + 0.5).astype(np.uint8).reshape(shape)
    box[box[..., 3] == 0] = 0
    return out


def geometry(surface: Surface, camera: Camera, frame: FrustumFrame) -> tuple[NDArray[np.float16], NDArray[np.int8]]:
    """Depth (COARSE, COARSE) as the frustum's d at pixel centres, and camera-frame normals * 127 (.., 3)."""
    middle = ((np.arange(COARSE, dtype=np.float32) + 0.5) / COARSE) * 2 - 1
    uv = np.stack(np.meshgrid(middle, middle), axis=-1).reshape(-1, 2)
    rays = camera.rays(uv)
    hits = surface.tracer.cast(camera.position.astype(np.float32), rays)
    at = np.flatnonzero(hits.face >= 0)
    depth = np.full(len(uv), NOTHING, np.float32)
    depth[at] = hits.distance[at] * np.float32(frame.s) - np.float32(frame.f)
    normal = np.zeros((len(uv), 3), np.int8)
    seen = _facing(surface, hits.face[at], hits.bary[at], rays[at])[0]
    normal[at] = np.round(seen @ camera.rotation.T.astype(np.float32) * 127).astype(np.int8)
    return depth.reshape(COARSE, COARSE).astype(np.float16), normal.reshape(COARSE, COARSE, 3)


def _facing(surface: Surface, face: NDArray[np.int32], bary: F32, rays: F32) -> tuple[F32, F32]:
    """Shading and face normals (N, 3), turned to the side that the rays (N, 3) come from."""
    plain = surface.flat[face]
    normal = surface.normals(face, bary)
    turn = np.where(np.einsum("nc,nc->n", plain, rays) > 0, np.float32(-1), np.float32(1))[:, None]
    plain, normal = plain * turn, normal * turn
    # a smoothed normal may look away from the camera at the rim: bend it back
    away = np.einsum("nc,nc->n", normal, rays) / np.sqrt(np.einsum("nc,nc->n", rays, rays))
    bad = np.flatnonzero(away > -0.02)
    if len(bad):
        ray = rays[bad] / np.linalg.norm(rays[bad], axis=1)[:, None]
        bent = normal[bad] - ray * (away[bad] + np.float32(0.02))[:, None]
        normal[bad] = bent / np.linalg.norm(bent, axis=1)[:, None]
    return normal, plain


def _shoot(
    surface: Surface, camera: Camera, look: Look, light: Light, pixels: F32, rng: np.random.Generator
) -> tuple[NDArray[np.bool_], F32, F32]:
    """For positions in pixels (N, 2): is the object there, linear colour (N, 3), what tells edges (N, 7)."""
    rays = camera.rays((pixels + np.float32(0.5)) * np.float32(2 / SIZE) - 1)
    hits = surface.tracer.cast(camera.position.astype(np.float32), rays)
    there = hits.face >= 0
    at = np.flatnonzero(there)
    face, bary, ray = hits.face[at], hits.bary[at], rays[at]
    points = camera.position.astype(np.float32) + ray * hits.distance[at][:, None]
    normal, plain = _facing(surface, face, bary, ray)
    albedo = look.albedo(face, bary, points)
    color = np.zeros((len(pixels), 3), np.float32)
    color[at] = _lit(surface, light, points, normal, plain, albedo, ray, rng)
    marks = np.zeros((len(pixels), 7), np.float32)
    marks[at, :3] = np.sqrt(color[at]) * 2.2
    marks[at, 3:6] = normal
    marks[at, 6] = hits.distance[at] * 12
    return there, color, marks


def _lit(
    surface: Surface,
    light: Light,
    points: F32,
    normal: F32,
    plain: F32,
    albedo: F32,
    rays: F32,
    rng: np.random.Generator,
) -> F32:
    view = rays / -np.sqrt(np.einsum("nc,nc->n", rays, rays))[:, None]
    clear = surface.open(points, plain)
    up = np.float32(0.5) + np.float32(0.5) * normal[:, 2]
    # near the floor less comes from below and the side: the object shades it
    low = np.clip((points[:, 2] - surface.reach[:, 2].min().astype(np.float32)) * 4, 0, 1)
    bounce = (1 - up) * (np.float32(0.45) + np.float32(0.55) * low)
    energy = light.sky * (up * clear)[:, None] + light.ground * (bounce * clear)[:, None]
    wrap = np.maximum((normal @ light.fill + np.float32(0.3)) / np.float32(1.3), 0) * clear
    energy += light.fill_color * wrap[:, None]
    facing = normal @ light.sun
    lit = np.flatnonzero((facing > 0) & (plain @ light.sun > 0))
    seen = _sunlit(surface, light, points[lit] + plain[lit] * _LIFT, rng)
    sun = np.zeros(len(points), np.float32)
    sun[lit] = facing[lit] * seen
    energy += light.sun_color * sun[:, None]
    color = albedo * energy
    if light.shine:
        half = view + light.sun
        half /= np.sqrt(np.einsum("nc,nc->n", half, half))[:, None]
        glint = np.zeros(len(points), np.float32)
        glint[lit] = np.maximum(np.einsum("nc,nc->n", half[lit], normal[lit]), 0) ** np.float32(light.gloss) * seen
        rim = (1 - np.clip(np.einsum("nc,nc->n", view, normal), 0, 1)) ** 4 * clear
        scale = np.float32(light.shine * (0.15 + light.gloss / 60))
        color += light.sun_color * (glint * scale)[:, None] + light.sky * (rim * np.float32(light.shine * 0.5))[:, None]
    return np.asarray(color)


def _sunlit(surface: Surface, light: Light, starts: F32, rng: np.random.Generator) -> F32:
    """The part of the sun's disc that each point (N, 3) sees, by rays to RAYS parts of it, turned at random."""
    across = np.cross(light.sun, np.eye(3)[np.argmin(np.abs(light.sun))])
    across /= np.linalg.norm(across)
    basis = np.stack([across, np.cross(light.sun, across)]).astype(np.float32) * np.float32(light.spread)
    turn = rng.random(len(starts), np.float32)[:, None] * np.float32(2 * np.pi / RAYS) + _TURNS
    disc = np.stack([np.cos(turn), np.sin(turn)], axis=-1) * _RADII[:, None]
    ways = light.sun + disc.reshape(-1, 2) @ basis
    blocked = surface.tracer.blocked(np.repeat(starts, RAYS, axis=0), ways)
    return np.asarray(1 - blocked.reshape(-1, RAYS).mean(axis=1), np.float32)


def _edges(there: NDArray[np.bool_], marks: F32) -> NDArray[np.bool_]:
    """Pixels (H * W,) that differ from a neighbour in coverage, colour, normal or depth."""
    rough = np.zeros(there.shape, bool)
    every, later, sooner = slice(None), slice(1, None), slice(None, -1)
    for a, b in (((later, every), (sooner, every)), ((every, later), (every, sooner))):
        step = np.abs(marks[a] - marks[b]).max(axis=-1) > 0.28
        step |= there[a] != there[b]
        rough[a] |= step
        rough[b] |= step
    return rough.reshape(-1)


def _tone(color: F32, light: Light) -> F32:
    """Linear colour (N, 3) exposed, with a soft shoulder at white."""
    around = (light.sky.mean() + light.ground.mean()) / 2
    level = float(around + light.fill_color.mean() * 0.4 + light.sun_color.mean() * 0.5)
    exposed = np.maximum(color * np.float32(light.bright / level), 0)
    out = exposed / (1 + exposed ** np.float32(light.shoulder)) ** np.float32(1 / light.shoulder)
    return np.asarray(out ** np.float32(light.gamma))
