# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring the base colour to where a render of the body from the front has the colours of the photo.

Exposure and white balance alone are changed: the linear map between the covariances (Pitié & Kokaram 2007) came
nearer by the numbers, and painted a brown moose blue. What is compared are the colours of the subject in linear
light, not pixel with pixel, so that the camera need not be known exactly.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import bpy
import numpy as np
from mathutils import Euler, Vector

from ..mesh.meshes import Array, Floats
from ..render import pictures, sets
from . import texels

_SIDE, _SAMPLES = 160, 8
_MARGIN = 0.05
_GAIN, _FLOOR = 2.0, 1e-5
"""No channel is made brighter or darker by more than this factor; variance of what is all of one colour."""


class Colours(NamedTuple):
    """`mean` (3,) and `spread` (3, 3) of the linear colours of a subject."""

    mean: Array
    spread: Array


def of_picture(pixels: Floats) -> Colours:
    """Of the subject in sRGB pixels (H, W, 4) with straight alpha."""
    seen = texels.linear(pixels)[pixels[..., 3] > 0.9][:, :3].astype(np.float64)
    if len(seen) < 16:
        raise ValueError("the picture shows nothing")
    return Colours(seen.mean(axis=0), np.cov(seen.T) + _FLOOR * np.eye(3))


def apart(one: Colours, other: Colours) -> float:
    """Fréchet's distance between the two as normal distributions, in linear light of 0 to 1."""
    root = _root(one.spread)
    mixed = _root(root @ other.spread @ root)
    square = np.sum((one.mean - other.mean) ** 2) + np.trace(one.spread + other.spread - 2 * mixed)
    return math.sqrt(max(float(square), 0.0))


def matched(colour: Floats, render: Colours, photo: Colours) -> Floats:
    """Linear base colours (..., 3) so changed that what rendered as `render` comes out as bright, and as warm, as
    `photo`. A surface without gloss shows its colour times the light, so a factor a channel does it."""
    gain = np.clip(photo.mean / np.maximum(render.mean, 1e-4), 1 / _GAIN, _GAIN)
    return np.asarray(np.clip(colour * gain, 0, 1), np.float32)


def _root(matrix: Array) -> Array:
    size, axes = np.linalg.eigh(matrix)
    return np.asarray(axes @ np.diag(np.sqrt(np.maximum(size, 0))) @ axes.T)


def render(body: bpy.types.Object, path: Path) -> Floats:
    """The body from the front in even light, sRGB (H, W, 4); the file at `path` goes away again."""
    with sets.lit([body]) as (scene, camera, lamp):
        lamp.rotation_euler = Euler((math.radians(50), 0, math.radians(-35)))
        _aim(body, camera)
        scene.render.engine, scene.cycles.device = "CYCLES", "CPU"
        scene.cycles.samples, scene.cycles.use_denoising, scene.cycles.seed = _SAMPLES, False, 0
        sets.paper(scene, _SIDE, _SIDE)
        sets.picture(scene, path)
    seen = pictures.read(path, 4)
    path.unlink()
    return seen


def _aim(body: bpy.types.Object, camera: bpy.types.Object) -> None:
    """Before the body, which looks along -Y, so far off that it fills the picture."""
    corners = np.array([body.matrix_world @ Vector(corner) for corner in body.bound_box])
    middle, extent = (corners.min(axis=0) + corners.max(axis=0)) / 2, np.ptp(corners, axis=0)
    camera.data.type, camera.data.ortho_scale = "ORTHO", float(max(extent[0], extent[2])) * (1 + 2 * _MARGIN)
    camera.data.clip_start, camera.data.clip_end = 0.01 * float(extent.max()), 10 * float(extent.max())
    camera.location = middle - [0, 2 * float(extent.max()), 0]
    camera.rotation_euler = Euler((math.pi / 2, 0, 0))
