# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry the source's colours and detail over to the body's own UV map, as textures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...backend.protocol.errors import UserError
from ...backend.protocol.spec import BackendSpec, Param
from .lib.bake import delight, look, maps, reach, roughness
from .lib.bake.baking import Baker, copied, measured_gap
from .lib.bake.inpaint import Painter
from .lib.material import shading, texels
from .lib.mesh import meshes
from .lib.uv import tiles
from .work import Work

SPEC = BackendSpec(
    id="bake",
    label="Bake textures",
    task="scene-to-scene",
    seeded="never",
    help="Base colour, normals and roughness, and more where asked, from the full mesh onto the clean one.",
    runtime="blender",
    version=2,
    inputs=("scene",),
    outputs=("scene", "base_color", "normal", "roughness"),
    params=(
        Param("size", "int", 1024, "Edge of the textures", low=256, high=8192, unit="px"),
        Param("roughness", "float", 0.6, "Roughness of even areas; busy ones get rougher", low=0, high=1),
        Param("delight", "float", 0.0, "Take the photo's light out of the colours; 1 is all of it", low=0, high=1),
        Param("normals", "choice", "opengl", "Green of the normals: up or down", choices=("opengl", "directx")),
        Param("alpha", "choice", "opaque", "keep: what is clear in the source stays clear", choices=("opaque", "keep")),
        Param("occlusion", "bool", False, "Bake ambient occlusion too"),
        Param("curvature", "bool", False, "Bake curvature too: ridges light, hollows dark, even places grey"),
        Param("displacement", "bool", False, "Bake how far the full mesh stands out, in 16 bits"),
        Param(
            "inpaint", "file", "", "A network that paints what no ray reached: MI-GAN's ONNX pipeline; empty fills it"
        ),
        Param("distance", "float", 0.0, "How far off the rays begin; 0 is measured", low=0, high=100, unit="m"),
    ),
)

_MARGIN = 4
"""Texels that the charts are extended by, before the rest is filled from what is near."""
_COLOUR = ("base_color",)


@dataclass(frozen=True)
class Want:
    """What was asked for."""

    size: int
    roughness: float
    delight: float
    normals: str
    alpha: str
    occlusion: bool
    curvature: bool
    displacement: bool
    inpaint: str


def run(work: Work, *, distance: float, **asked: Any) -> None:
    want, body = Want(**asked), work.object("body")
    painter = Painter(Path(want.inpaint), work.report.log) if want.inpaint else None
    if shading.BODY_UV not in body.data.uv_layers:
        raise UserError("The body has no UV map to bake to. Run the step unwrap first.")
    meshes.set_uv(body.data, shading.BODY_UV, meshes.uv_of(body.data, shading.BODY_UV))
    source = next(work.objects("source"), body)  # what no step changed has none: its own look goes onto the new map
    if not distance:
        work.progress("Measuring the gap", 0.02)
        gap = measured_gap(source, body)
        work.report.metric("gap_m", round(gap, 6))
        # Never none: rays that start on the surface itself find it or not by rounding.
        distance = max(3 * gap, 5e-4 * meshes.diagonal(meshes.vertices_of(body.data)))
    with copied(source) as there, copied(body) as here:
        _old_map(there.data)
        baker = Baker(there, here, distance)
        places = tiles.occupied(meshes.uv_of(here.data, shading.BODY_UV))
        if len(places) > 1:
            work.report.metric("tiles", [tiles.number(tile) for tile in places])
        surfaces = reach.Surface(here), reach.Surface(there)
        counts = np.zeros(3, np.int64)
        for number, tile in enumerate(places):
            one = Tile(work, want, baker, surfaces, tile, len(places), number / len(places))
            counts += one.bake(painter)
    _tell(work, *counts.tolist())
    work.progress("Packing", 0.98)


def _old_map(mesh: bpy.types.Mesh) -> None:
    """The map that a source's own pictures lie on is in use again, where unwrap put its own before it."""
    active = mesh.uv_layers.active
    if active and active.name == shading.BODY_UV and len(mesh.uv_layers) > 1:
        first = next(layer for layer in mesh.uv_layers if layer.name != shading.BODY_UV)
        first.active = first.active_render = True


class Tile:
    """One set of textures: that of a tile of the map."""

    def __init__(
        self,
        work: Work,
        want: Want,
        baker: Baker,
        surfaces: tuple[reach.Surface, reach.Surface],
        tile: int,
        count: int,
        done: float,
    ) -> None:
        self.work, self.want, self.baker, self.tile, self.count = work, want, baker, tile, count
        self.body, self.source = surfaces
        self.done = done

    def bake(self, painter: Painter | None) -> tuple[int, int, int]:
        """Write all maps; returns how many texels the layout has, how many rays reached, and how many crossed."""
        want, baker, self.painter = self.want, self.baker, painter
        self._progress("Finding the places", 0.05)
        self.found = found = reach.reached(baker, self.body, self.source, self.tile, want.size)
        if not len(found.at):
            raise UserError("No ray reached the full mesh. Set bake.distance to more than the meshes are apart.")
        known = np.zeros((want.size, want.size), bool)
        known.ravel()[found.at] = True
        self.known, self.filler = known, texels.Filler(known, _MARGIN)
        self._progress("Turning the normals", 0.4)
        facing = maps.facing(self.source, found)
        own = look.given(baker.own)
        if own and look.linked(baker.own, look.NORMAL):
            tilt = look.picked(baker.passes("NORMAL", self.tile, want.size, samples=4), found)[:, :3] * 2 - 1
        else:
            tilt = maps.normals(self.body, facing, found)
        self._write("normal", tilt / 2 + 0.5)
        del tilt
        self._progress("Baking the base colour", 0.55)
        color = self._color(facing)
        self._progress("Deriving the roughness", 0.7)
        self._rough(color)
        self._extra()
        return found.asked, len(found.at), found.crossed

    def _color(self, facing: meshes.Floats) -> meshes.Floats:
        """Write the base colour; returns its luminance (H, W) as stored."""
        want, found, baker = self.want, self.found, self.baker
        self.painted = maps.colours(self.source, found, len(found.at) / want.size**2)
        color = self.painted
        if color is None:
            color = look.channel(baker, self.source, found, self.tile, look.BASE)
            color[:, 3:] = look.channel(baker, self.source, found, self.tile, look.ALPHA)
        if want.delight:
            fit, explained = delight.shade(color[:, :3], facing)
            color[:, :3] = delight.delit(color[:, :3], facing, fit, want.delight)
            self.work.report.metric("light_explained", round(explained, 3))
        stored = np.concatenate([texels.srgb(color[:, :3]), color[:, 3:]], axis=1)
        clear = want.alpha == "keep" and bool((stored[:, 3] < 0.999).any())
        self._write("base_color", stored if clear else stored[:, :3])[shading.CLEAR] = clear
        light = np.zeros(self.known.shape, np.float32)
        light.ravel()[found.at] = stored[:, :3] @ delight.LUMINANCE
        return light

    def _rough(self, light: meshes.Floats) -> None:
        baker = self.baker
        if self.painted is not None or not look.given(baker.own):
            rough = roughness.guessed(light, self.known, self.want.roughness).ravel()[self.found.at][:, None]
            self._write("roughness", rough)
            return
        rough = look.channel(baker, self.source, self.found, self.tile, look.ROUGHNESS)
        self._write("roughness", rough)[shading.GIVEN] = True
        metal = look.channel(baker, self.source, self.found, self.tile, look.METALLIC)
        if metal.max() > 0:
            self._write("metallic", metal)

    def _extra(self) -> None:
        want, found = self.want, self.found
        if want.occlusion:
            self._progress("Baking the occlusion", 0.75)
            shade = look.picked(self.baker.passes("AO", self.tile, want.size, samples=16), found)
            self._write("occlusion", shade[:, :1])
        if want.curvature:
            self._progress("Measuring the curvature", 0.85)
            bent, radius = maps.curvature(self.source, found)
            self._write("curvature", bent[:, None])
            self.work.report.metric("curvature_radius_m", round(radius, 6))
        if want.displacement:
            self._progress("Measuring the heights", 0.9)
            self._deep(maps.heights(self.body, self.source, found))

    def _deep(self, heights: meshes.Floats) -> None:
        """Write the displacement in 16 bits: 0.5 is the body's surface, 1 the largest height that there is."""
        largest = max(float(np.abs(heights).max()), 1e-9)
        plane = np.zeros(self.known.shape, np.float32)
        plane.ravel()[self.found.at] = heights / largest / 2 + 0.5
        path = self._path("displacement")
        texels.save_deep(path, self.filler(plane))
        image = shading.load_image(path, "displacement", color=False, tile=self.tile)
        image.use_fake_user = True
        low, high = -largest, largest
        image["galatea_low_m"], image["galatea_high_m"] = low, high
        name = "displacement_m" if self.count == 1 else f"displacement_m_{tiles.number(self.tile)}"
        self.work.report.metric(name, [round(low, 6), round(high, 6)])

    def _write(self, role: str, values: meshes.Floats) -> bpy.types.Image:
        """Fill what no ray reached, write the file, pack it; `values` (N, C) are those to be stored."""
        size, body = self.want.size, self.work.object("body")
        pixels = np.ones((size, size, 4), np.float32)
        plane = np.zeros((size, size), np.float32)
        for channel in range(values.shape[1]):
            plane.ravel()[self.found.at] = values[:, channel]
            pixels[..., channel] = self.filler(plane)
        if role in _COLOUR and self.painter and len(self.found.missed):
            pixels[..., :3] = self._inpainted(self.painter, pixels[..., :3])
        if values.shape[1] == 1:
            pixels[..., 1] = pixels[..., 2] = pixels[..., 0]
        end = tiles.suffix(self.tile, self.count)
        words = f"{body.name} {role.replace('_', ' ')}{end}".replace("color", "colour")
        image = texels.new_image(role, words, size, color=role in _COLOUR, tile=self.tile)
        texels.set_pixels(image, pixels)
        path = self._path(role)
        texels.save_packed(image, path)
        if role == "normal" and self.want.normals == "directx":
            image[shading.DIRECTX] = True
            texels.write_flipped(path, pixels)
        image.buffers_free()
        return image

    def _inpainted(self, painter: Painter, pixels: meshes.Floats) -> meshes.Floats:
        holes = np.zeros(self.known.shape, bool)
        holes.ravel()[self.found.missed] = True
        beat = self.work.beat("Painting what no ray reached", self.done + 0.6 / self.count)
        return painter(pixels, holes, beat)

    def _path(self, role: str) -> Any:
        end = tiles.suffix(self.tile, self.count)
        first = self.tile == 0 or not end
        return self.work.file(role if first else f"{role}{end}", f"{role}{end}.png", size=self.want.size)

    def _progress(self, words: str, part: float) -> None:
        where = f" of tile {tiles.number(self.tile)}" if self.count > 1 else ""
        self.work.progress(words + where, 0.04 + 0.94 * (self.done + part / self.count))


def _tell(work: Work, asked: int, reached: int, crossed: int) -> None:
    """The shares of the layout's texels that rays reached and that met the far side of a limb; the rest was filled."""
    missed = 1 - reached / max(1, asked)
    work.report.metric("reached", round(1 - missed, 4))
    work.report.metric("crossed", round(crossed / max(1, asked), 5))
    if missed > 0.1:
        work.report.warn(f"{missed:.0%} of the texture had no surface to bake from and was filled from beside it.")
