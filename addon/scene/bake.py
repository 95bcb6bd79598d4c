# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry the source's colours and detail over to the body's own UV map, as textures."""

from __future__ import annotations

import bpy
import numpy as np

from ...backend.protocol.errors import UserError
from ...backend.protocol.spec import BackendSpec, Param
from .lib import meshes, shading, texels
from .lib.baking import Baker, measured_gap
from .work import Work

SPEC = BackendSpec(
    id="bake",
    label="Bake textures",
    task="scene-to-scene",
    help="Base colour without light, normals (OpenGL) and roughness, from the full mesh onto the clean one.",
    runtime="blender",
    inputs=("scene",),
    outputs=("scene", "base_color", "normal", "roughness"),
    params=(
        Param("size", "int", 1024, "Edge of the textures", low=256, high=4096, unit="px"),
        Param("roughness", "float", 0.6, "Roughness of even areas; busy ones get rougher", low=0, high=1),
        Param("occlusion", "bool", False, "Bake ambient occlusion too"),
    ),
)

_MARGIN = 4
"""Texels that the charts are extended by, before the rest is filled from what is near."""


def run(work: Work, *, size: int, roughness: float, occlusion: bool) -> None:
    body, source = work.object("body"), work.object("source")
    if shading.BODY_UV not in body.data.uv_layers:
        raise UserError("The body has no UV map to bake to. Run the step unwrap first.")
    meshes.set_uv(body.data, shading.BODY_UV, meshes.uv_of(body.data, shading.BODY_UV))
    work.progress("Measuring the gap", 0.02)
    gap = measured_gap(source, body)
    baker = Baker(source, body, gap=gap)
    work.report.metric("gap_m", round(gap, 6))

    work.progress("Baking the base colour", 0.1)
    image = texels.new_image("base_color", f"{body.name} base colour", size, color=True)
    baker("EMIT", image, samples=4)
    pixels = texels.pixels_of(image)
    known = pixels[..., 3] > 0.5
    _tell_coverage(work, body.data, known)
    color = _finish(work, image, pixels)

    work.progress("Deriving the roughness", 0.45)
    image = texels.new_image("roughness", f"{body.name} roughness", size, color=False)
    grey = np.repeat(guessed_roughness(color, known, roughness)[..., None], 4, axis=2)
    grey[..., 3] = known
    _finish(work, image, grey)

    work.progress("Baking the normals", 0.5)
    image = texels.new_image("normal", f"{body.name} normal", size, color=False)
    baker("NORMAL", image, samples=4)
    _finish(work, image, texels.pixels_of(image), normals=True)

    if occlusion:
        work.progress("Baking the occlusion", 0.75)
        image = texels.new_image("occlusion", f"{body.name} occlusion", size, color=False)
        baker("AO", image, samples=16)
        _finish(work, image, texels.pixels_of(image))
    work.progress("Packing", 0.98)


def _finish(work: Work, image: bpy.types.Image, pixels: meshes.Floats, *, normals: bool = False) -> meshes.Floats:
    """Fill what no ray reached, write the file, pack it; returns the pixels (H, W, 4) as stored."""
    role = image["galatea_role"]
    known = pixels[..., 3] > 0.5
    if not known.any():
        raise RuntimeError(f"the bake of {role} reached no texel")
    pixels = texels.filled(*texels.grown(pixels, known, _MARGIN))
    if normals:
        vectors = pixels[..., :3] * 2 - 1
        length = np.linalg.norm(vectors, axis=2, keepdims=True)
        vectors = np.where(length > 1e-3, vectors / np.maximum(length, 1e-3), [0, 0, 1])
        pixels[..., :3] = vectors / 2 + 0.5
    pixels[..., 3] = 1
    texels.set_pixels(image, pixels)
    texels.save_packed(image, work.file(role, f"{role}.png", size=image.size[0]))
    image.buffers_free()
    return pixels


def _tell_coverage(work: Work, mesh: bpy.types.Mesh, known: meshes.Array) -> None:
    """The share of the layout's texels that a ray reached; what is missing was filled from its neighbours."""
    corners = meshes.uv_of(mesh, shading.BODY_UV).reshape(-1, 3, 2)
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = float(np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum() / 2)
    reached = min(1.0, float(known.mean()) / max(area, 1e-9))
    work.report.metric("reached", round(reached, 4))
    if reached < 0.9:
        work.report.warn(f"{1 - reached:.0%} of the texture had no surface to bake from and was filled from beside it.")


def guessed_roughness(color: meshes.Floats, known: meshes.Array, base: float) -> meshes.Floats:
    """A roughness (H, W) in 0.05 to 1, guessed from the base colour (H, W, 4) alone; a photo holds no more.

    Even areas (skin, lacquer, glaze) get `base`, busy ones (fur, bark, cloth) up to 0.3 more: the standard deviation
    of the luminance around a texel, where 0.1 counts as very busy. Of five windows about the texel the calmest counts
    (as in Kuwahara's filter), lest every border between two even areas get a rough rim.
    """
    light = color[..., :3] @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    radius = max(2, color.shape[0] // 256)
    weight = np.maximum(_blurred(known.astype(np.float32), radius), 1e-6)
    mean = _blurred(light * known, radius) / weight
    square = _blurred(light * light * known, radius) / weight
    spread = np.where(known, np.sqrt(np.maximum(square - mean * mean, 0)), np.inf)
    step, (height, width) = radius + 1, known.shape
    padded, calmest = np.pad(spread, step, constant_values=np.inf), spread
    for y, x in ((0, 0), (0, 2 * step), (2 * step, 0), (2 * step, 2 * step)):
        calmest = np.minimum(calmest, padded[y : y + height, x : x + width])
    busy = np.where(known, calmest, 0) / 0.1
    return np.clip(base + 0.3 * np.clip(busy, 0, 1), 0.05, 1).astype(np.float32)


def _blurred(values: meshes.Array, radius: int) -> meshes.Array:
    """The sum over a square of 2 radius + 1, in float64 lest the running sums drift."""
    out = values.astype(np.float64)
    for axis in (0, 1):
        pads = [(0, 0), (0, 0)]
        pads[axis] = (radius + 1, radius)
        total = np.cumsum(np.pad(out, pads), axis=axis)
        n, width = out.shape[axis], 2 * radius + 1
        out = total.take(range(width, width + n), axis=axis) - total.take(range(n), axis=axis)
    return out
