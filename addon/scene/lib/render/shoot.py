# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames of the open scene onto the disk, by this process: taken, rendered, proved, published."""

from __future__ import annotations

from collections.abc import Callable

import bpy

from .....backend.protocol.errors import UserError
from . import engines, exr, pictures
from .frames import Frames, Whole

PNG: dict[str, Whole] = {".png": pictures.png_is_whole}
BOTH: dict[str, Whole] = {".png": pictures.png_is_whole, ".exr": exr.is_whole}
RAW: dict[str, Whole] = {".exr": exr.is_whole}
_LAYERS = (
    "z", "normal", "vector", "diffuse_color", "cryptomatte_object", "cryptomatte_material", "cryptomatte_asset",
)  # fmt: skip


class Camera:
    """Renders one frame at a time. A graphics card that fails is left for the processor, once, with a word."""

    def __init__(self, scene: bpy.types.Scene, frames: Frames, device: str, warn: Callable[[str], None]) -> None:
        self.scene, self.frames, self._warn = scene, frames, warn
        self.device = engines.use_device(scene, device)

    def take(self, number: int) -> None:
        self.scene.frame_set(number)
        try:
            self._render(number)
        except RuntimeError as error:
            if self.scene.render.engine != "CYCLES" or self.scene.cycles.device != "GPU":
                raise
            said = str(error).strip().splitlines()
            self._warn(f"{self.device} failed ({said[-1] if said else 'no reason given'}): the processor goes on.")
            self.scene.cycles.device = self.device = "CPU"
            self._render(number)
        try:
            self.frames.publish(number)
        except OSError:
            message = "A frame was not written whole. Free some disk space and run again."
            raise UserError(message, kind="output") from None

    def _render(self, number: int) -> None:
        scene = self.scene
        first = ".exr" if ".exr" in self.frames.suffixes else ".png"
        kind(scene, first, layers=".png" in self.frames.suffixes)
        scene.render.filepath = str(self.frames.part(number, first))
        bpy.ops.render.render(write_still=True, scene=scene.name)
        if len(self.frames.suffixes) > 1:
            kind(scene, ".png")
            shown = bpy.data.images["Render Result"]
            shown.save_render(str(self.frames.part(number, ".png")), scene=scene)


def kind(scene: bpy.types.Scene, suffix: str, *, layers: bool = False) -> None:
    """What is written: PNG of 8 bits, or EXR packed with ZIP: all layers, colours in 16 bits, or one picture in 32."""
    render, image = scene.render, scene.render.image_settings
    render.use_file_extension = True
    if suffix == ".png":
        if hasattr(image, "media_type"):
            image.media_type = "IMAGE"
        image.file_format, image.color_depth, image.compression = "PNG", "8", 15
        image.color_mode = "RGBA" if render.film_transparent else "RGB"
        return
    if hasattr(image, "media_type"):
        image.media_type = "MULTI_LAYER_IMAGE" if layers else "IMAGE"
    image.file_format = "OPEN_EXR_MULTILAYER" if layers else "OPEN_EXR"
    image.color_mode, image.color_depth, image.exr_codec = "RGBA", "16" if layers else "32", "ZIP"


def add_layers(scene: bpy.types.Scene) -> list[str]:
    """Let every view layer keep depth, normals, cryptomattes, albedo and motion for the EXR; returns which it does."""
    told: list[str] = []
    for layer in scene.view_layers:
        for name in _LAYERS:
            if hasattr(layer, f"use_pass_{name}"):
                setattr(layer, f"use_pass_{name}", True)
                told.append(name)
        if scene.render.engine == "CYCLES":
            layer.cycles.denoising_store_passes = True  # albedo and normals of what is seen in a mirror too
    return list(dict.fromkeys(told))
