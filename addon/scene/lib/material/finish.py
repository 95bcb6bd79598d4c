# SPDX-License-Identifier: GPL-3.0-or-later
"""What a material does to the baked textures themselves, so that every exporter carries it."""

from __future__ import annotations

import bpy

from .....backend.protocol.errors import UserError
from ...work import Work
from ..mesh.meshes import Floats
from ..render import pictures
from ..uv import tiles
from . import match as matching
from . import presets, shading, texels, wear

_DONE = "galatea_finished"
"""Of an image: it was changed here once; a second time would add to the first."""


def surface(work: Work, preset: presets.Preset, tile: int, count: int, amount: float) -> None:
    """Bring the guessed roughness into the preset's range, and put wear of 0 to 1 onto colour and roughness."""
    color, rough, bent = (shading.image_of(role, tile) for role in ("base_color", "roughness", "curvature"))
    ranged = preset.roughness and rough and not rough.get(shading.GIVEN)
    if not rough or not color or not (ranged or amount):
        return
    if amount and not bent:
        raise UserError("Wear is seen by the curvature. Set bake.curvature, and bake.occlusion for dirt in hollows.")
    if rough.get(_DONE) or (amount and color.get(_DONE)):
        work.report.warn("These textures were finished before and stay as they are. Bake again to finish them anew.")
        return
    work.progress("Working on the surface", 0.2)
    values = pictures.pixels_of(rough)
    if ranged:
        values[..., :3] = presets.roughened(values[..., 0], preset)[..., None]
    if amount:
        pixels, shade = pictures.pixels_of(color), shading.image_of("occlusion", tile)
        light, dull = wear.worn(
            texels.linear(pixels)[..., :3],
            values[..., 0],
            pictures.pixels_of(bent)[..., 0],
            pictures.pixels_of(shade)[..., 0] if shade else None,
            amount,
        )
        pixels[..., :3], values[..., :3] = texels.srgb(light), dull[..., None]
        _save(work, color, pixels, tile, count)
    _save(work, rough, values, tile, count)


def match(work: Work, body: bpy.types.Object, places: list[int]) -> None:
    """Change the base colours until a render has the photo's; where that does not help they stay as they were."""
    images = [shading.image_of("base_color", tile) for tile in places]
    try:
        photo = matching.of_picture(pictures.read(work.files["cutout"], 4))
        work.progress("Comparing with the photo", 0.5)
        path = work.file("base_color", "base_color.png").with_name("match.png")
        seen = matching.of_picture(matching.render(body, path))
    except ValueError:
        raise UserError("The photo or its render shows nothing to match. Turn material.match off.") from None
    before = [pictures.pixels_of(image) for image in images]
    for image, pixels in zip(images, before, strict=True):
        changed = pixels.copy()
        changed[..., :3] = texels.srgb(matching.matched(texels.linear(pixels)[..., :3], seen, photo))
        texels.set_pixels(image, changed)
    work.progress("Comparing again", 0.7)
    found = matching.apart(photo, seen), matching.apart(photo, matching.of_picture(matching.render(body, path)))
    work.report.metric("match", {"before": round(found[0], 4), "after": round(found[1], 4)})
    better = found[1] < found[0]
    if not better:
        work.report.warn("Matching the photo did not bring the render nearer to it; the colours stay as they were.")
    for tile, image, pixels in zip(places, images, before, strict=True):
        _save(work, image, pictures.pixels_of(image) if better else pixels, tile, len(places))


def _save(work: Work, image: bpy.types.Image, pixels: Floats, tile: int, count: int) -> None:
    texels.set_pixels(image, pixels)
    role, end = str(image["galatea_role"]), tiles.suffix(tile, count)
    name = role if tile == 0 or not end else f"{role}{end}"
    texels.save_packed(image, work.file(name, f"{role}{end}.png", size=image.size[0]))
    image[_DONE] = True
