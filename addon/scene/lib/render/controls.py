# SPDX-License-Identifier: GPL-3.0-or-later
"""What a model is steered by that restyles a film: depth, normals, mask and edges of each frame.

Rendered as one plain picture of 32 bits a frame, one ray a pixel, without light, blur or textures: red is the depth
along the view in metres, green and blue the normal's right and up, blue plus 4 on the body; alpha 0 is nothing.
What is cut out by a texture's transparency counts as solid.

As files: a zip of PNG of 16 bits a kind. Depth is linear in 1/metres, white the nearest of the film, black the furthest
and nothing; normals as OpenGL's, right, up and towards the camera are red, green and blue.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ...work import ROLE, Work
from ..material import shading
from ..material.nodes import joined, maths, node, parts
from . import pictures, sets

Array = NDArray[Any]
KINDS = ("depth", "normal", "mask", "edge")
_BODY = 4.0
_BEND, _STEP = 0.3, 0.1
"""What is a full edge: 1 minus the cosine between neighbours' normals, and how much nearer the one is, as a share."""


@contextmanager
def scene_of(scene: bpy.types.Scene) -> Iterator[bpy.types.Scene]:
    """A copy of the scene, of the same objects, that renders the numbers; gone afterwards."""
    material = _material()
    objects = [obj for obj in scene.objects if obj.type == "MESH"]
    body = [obj for obj in objects if obj.get(ROLE) == "body"] or objects
    before = [(obj, obj.pass_index) for obj in scene.objects]
    lens = scene.camera.data if scene.camera else None
    deep = lens and lens.dof.use_dof
    try:
        for obj, _ in before:
            obj.pass_index = int(obj in body)
        if lens:
            lens.dof.use_dof = False
        with sets.temporary(scene.copy()) as plain:
            for layer in plain.view_layers:
                layer.material_override = material
            _set(plain)
            yield plain
    finally:
        for obj, index in before:
            obj.pass_index = index
        if lens:
            lens.dof.use_dof = deep
        bpy.data.materials.remove(material)


def _set(scene: bpy.types.Scene) -> None:
    render, cycles = scene.render, scene.cycles
    render.engine, render.film_transparent, render.dither_intensity = "CYCLES", True, 0.0
    render.use_motion_blur = render.use_compositing = render.use_sequencer = render.use_freestyle = False
    cycles.device, cycles.samples, cycles.use_adaptive_sampling = "CPU", 1, False
    cycles.use_denoising = cycles.use_auto_tile = False
    cycles.max_bounces = cycles.transparent_max_bounces = 0
    cycles.sample_clamp_direct = 0.0
    cycles.pixel_filter_type, cycles.filter_width = "BOX", 0.01


def _material() -> bpy.types.Material:
    material, tree = shading.new_material("galatea controls")
    turn = node(tree, "VectorTransform", Vector=node(tree, "NewGeometry").outputs["Normal"])
    turn.vector_type, turn.convert_from, turn.convert_to = "NORMAL", "WORLD", "CAMERA"
    right, up, _ = parts(tree, turn.outputs[0])
    mark = maths(tree, "MULTIPLY_ADD", node(tree, "ObjectInfo").outputs["Object Index"], _BODY, up)
    told = joined(tree, node(tree, "CameraData").outputs["View Z Depth"], right, mark)
    node(tree, "OutputMaterial", Surface=node(tree, "Emission", Color=told).outputs[0])
    return material


class Numbers:
    """One frame, top row first: `seen`, `body` (H, W) bool; `near` (H, W) 1/m, 0 in the void; `normal` (H, W, 3)."""

    def __init__(self, path: Path) -> None:
        pixels = pictures.read(path, 4, raw=True)[::-1].astype(np.float64)
        self.seen = pixels[..., 3] > 0.5
        self.near = np.where(self.seen, 1 / np.maximum(pixels[..., 0], 1e-9), 0.0)
        self.body = self.seen & (pixels[..., 2] > _BODY / 2)
        x, y = pixels[..., 1], pixels[..., 2] - _BODY * self.body
        z = np.sqrt(np.clip(1 - x * x - y * y, 0, 1))
        self.normal = np.where(self.seen[..., None], np.stack([x, y, z], axis=-1), 0.0)

    def edges(self) -> Array:
        """(H, W) 0 to 1: where the surface bends sharply, and where one thing stands before another."""
        out = np.zeros(self.seen.shape)
        for axis in (0, 1):
            here, next_ = [slice(None)] * 2, [slice(None)] * 2
            here[axis], next_[axis] = slice(None, -1), slice(1, None)
            a, b = tuple(here), tuple(next_)
            bend = (1 - (self.normal[a] * self.normal[b]).sum(axis=-1)) * (self.seen[a] & self.seen[b])
            step = np.abs(self.near[a] - self.near[b]) / np.maximum(np.maximum(self.near[a], self.near[b]), 1e-12)
            out[a] = np.maximum(out[a], np.clip(np.maximum(bend / _BEND, step / _STEP - 0.5), 0, 1))
        return out


def write(work: Work, paths: list[Path], tick: Callable[[float], None]) -> None:
    """The zips of all kinds, as assets of the job under the kinds' names."""
    low, high = np.inf, 0.0
    for done, path in enumerate(paths):
        tick(0.4 * done / len(paths))
        frame = Numbers(path)
        if frame.seen.any():
            low, high = min(low, float(frame.near[frame.seen].min())), max(high, float(frame.near.max()))
    low = min(low, high)
    far, near = (round(1 / each, 5) if each else 0.0 for each in (low, high))
    told = {"depth": {"near_m": near, "far_m": far}}
    files = {kind: work.file(kind, f"{kind}.zip", frames=len(paths), **told.get(kind, {})) for kind in KINDS}
    zips = {kind: zipfile.ZipFile(path, "w") for kind, path in files.items()}
    for done, path in enumerate(paths):
        tick(0.4 + 0.6 * done / len(paths))
        frame = Numbers(path)
        depth = np.where(frame.seen, (frame.near - low) / max(high - low, 1e-12), 0.0)
        normal = np.where(frame.seen[..., None], frame.normal / 2 + 0.5, 0.5)
        made = {"depth": depth, "normal": normal, "mask": frame.body.astype(float), "edge": frame.edges()}
        for kind, values in made.items():
            zips[kind].writestr(zipfile.ZipInfo(f"{path.stem}.png"), pictures.png16(values))
    for each in zips.values():
        each.close()
