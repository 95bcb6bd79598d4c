# SPDX-License-Identifier: GPL-3.0-or-later
"""What the textures hold, looked up on the source for each texel: (N,) or (N, C), one row a texel."""

from __future__ import annotations

import numpy as np

from ..material import shading, texels
from ..mesh.meshes import Array, Floats, diagonal, uv_of
from ..render import pictures
from .reach import Surface, Texels, mixed, unit

_ROUND = (0.002, 0.05)
"""Of the diagonal: the smallest and the largest radius of the ball that has the most curvature that the map tells."""


def facing(surface: Surface, found: Texels) -> Floats:
    """Normals (N, 3) of the source in the world."""
    out = np.empty((len(found.at), 3), np.float32)
    for some, part in found.parts():
        out[some] = unit(mixed(surface.normals, surface.corners, part.there_face, part.there_place))
    return out


def normals(body: Surface, there: Floats, found: Texels) -> Floats:
    """The source's normals `there` in the body's tangent space, -1 to 1, Y up as in OpenGL.

    The axes are those of MikkTSpace (Mikkelsen 2008), mixed and not made unit again, as renderers do.
    """
    tangents, signs = body.tangents(shading.BODY_UV)
    out = np.empty((len(found.at), 3), np.float32)
    for some, part in found.parts():
        n, t, w = mixed(body.normals, body.corners, part.face, part.place), None, there[some]
        t = mixed(tangents, body.corners, part.face, part.place)
        b = np.cross(n, t) * signs[body.corners[part.face, 0]]
        nn, tt, nt, wn, wt = (np.einsum("ij,ij->i", p, q) for p, q in ((n, n), (t, t), (n, t), (w, n), (w, t)))
        scale = np.maximum(nn * tt - nt * nt, 1e-20)
        x, z = (wt * nn - wn * nt) / scale, (wn * tt - wt * nt) / scale
        y = np.einsum("ij,ij->i", w, b) / np.maximum(np.einsum("ij,ij->i", b, b), 1e-20)
        out[some] = unit(np.stack([x, y, z], axis=1))
    return out


def heights(body: Surface, source: Surface, found: Texels) -> Floats:
    """How far the source stands out of the body along its normal, (N,) m."""
    out = np.empty(len(found.at), np.float32)
    for some, part in found.parts():
        here = mixed(body.points, body.faces, part.face, part.place)
        there = mixed(source.points, source.faces, part.there_face, part.there_place)
        up = unit(mixed(body.normals, body.corners, part.face, part.place))
        out[some] = np.einsum("ij,ij->i", there - here, up)
    return out


def curvature(source: Surface, found: Texels) -> tuple[Floats, float]:
    """(N,) from 0, hollow, over 0.5, flat, to 1, ridge; and the radius in m of a ball that has 1.

    At a point it is the mean over its edges of how much the normal turns along them, calmed twice by its neighbours.
    The radius suits the mesh: all but the sharpest twentieth is between the ends.
    """
    sides = np.concatenate([source.faces[:, [0, 1]], source.faces[:, [1, 2]], source.faces[:, [2, 0]]])
    count = len(source.points)
    up = np.zeros((count, 3), np.float32)
    for axis in range(3):
        up[:, axis] = np.bincount(source.faces.ravel(), source.normals[source.corners.ravel(), axis], count)
    up = unit(up)
    along, turned = (values[sides[:, 1]] - values[sides[:, 0]] for values in (source.points, up))
    bent = np.einsum("ij,ij->i", along, turned) / np.maximum(np.einsum("ij,ij->i", along, along), 1e-20)
    ends = sides.T.ravel()
    degree = np.maximum(np.bincount(ends, minlength=count), 1)
    value = np.bincount(ends, np.tile(bent, 2), count) / degree
    for _ in range(2):
        value = (value + np.bincount(ends, value[sides[:, ::-1].T.ravel()], count) / degree) / 2
    usual, size = 0.8 / max(float(np.percentile(np.abs(value), 95)), 1e-9), diagonal(source.points)
    radius = min(max(usual, _ROUND[0] * size), _ROUND[1] * size)
    told = (0.5 + 0.5 * np.clip(value * radius, -1, 1)).astype(np.float32)[:, None]
    out = np.empty(len(found.at), np.float32)
    for some, part in found.parts():
        out[some] = mixed(told, source.faces, part.there_face, part.there_place)[:, 0]
    return out, radius


def colours(source: Surface, found: Texels, share: float) -> Floats | None:
    """The source's own colour and cover (N, 4) in linear light, as `shading.source_color` shows it; None where it has
    neither colours nor a picture. `share` is the part of the texture that the body's map takes."""
    mesh = source.mesh
    albedo = shading.image_of("albedo") if shading.SOURCE_UV in mesh.uv_layers else None
    paint = mesh.attributes.get(shading.COLORS)
    if not albedo and not paint:
        return None
    out = np.ones((len(found.at), 4), np.float32)
    if albedo:
        uv = uv_of(mesh, shading.SOURCE_UV)
        pixels = texels.linear(_fitted(pictures.pixels_of(albedo), uv[source.corners], share * found.size**2))
        for some, part in found.parts():
            out[some] = sampled(pixels, mixed(uv, source.corners, part.there_face, part.there_place))
    if paint:
        rgba = np.empty((len(paint.data), 4), np.float32)
        paint.data.foreach_get("color", rgba.reshape(-1))
        index = source.faces if paint.domain == "POINT" else source.corners
        for some, part in found.parts():
            over = mixed(rgba, index, part.there_face, part.there_place)
            cover = over[:, 3:] if albedo else 1.0
            out[some, :3] += cover * (over[:, :3] - out[some, :3])
    return out


def _fitted(pixels: Floats, corners: Array, texels_there: float) -> Floats:
    """The picture (H, W, 4), averaged down where it has more pixels than the texture has for them."""
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = float(np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum() / 2) * pixels.shape[0] * pixels.shape[1]
    times = int(np.sqrt(area / max(texels_there, 1.0)))
    if times < 2 or min(pixels.shape[:2]) < 2 * times:
        return pixels
    height, width = (edge // times for edge in pixels.shape[:2])
    scaled = pixels[: height * times, : width * times].reshape(height, times, width, times, 4)
    out: Floats = scaled.mean(axis=(1, 3)).astype(np.float32)
    return out


def sampled(pixels: Floats, uv: Array) -> Floats:
    """The picture (H, W, C) at places (N, 2), between the four pixels around; its border goes on for ever."""
    height, width = pixels.shape[:2]
    flat = pixels.reshape(height * width, -1)
    x, y = (np.clip(uv[:, i] * edge - 0.5, 0, edge - 1) for i, edge in ((0, width), (1, height)))
    left, low = x.astype(np.int32), y.astype(np.int32)
    s, t = (x - left)[:, None].astype(np.float32), (y - low)[:, None].astype(np.float32)
    right, high = np.minimum(left + 1, width - 1), np.minimum(low + 1, height - 1)
    bottom = flat[low * width + left] * (1 - s) + flat[low * width + right] * s
    top = flat[high * width + left] * (1 - s) + flat[high * width + right] * s
    return np.asarray(bottom + t * (top - bottom), np.float32)
