# SPDX-License-Identifier: GPL-3.0-or-later
"""The camera of a photo: from where the body covers what the photo's mask shows, whatever made the body."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix

from .....backend.geometry import camera as frustums
from .....backend.geometry import likeness, pose
from .....backend.protocol.errors import UserError
from ..mesh import meshes
from ..mesh.meshes import Array
from . import framing, pictures


@dataclass(frozen=True)
class Match:
    """`matrix` (4, 4) of the camera in the world, `lens` in mm on a sensor 36 mm wide, `shift` of the lens as Blender
    counts it; `size` (w, h) px of the photo; `overlap` 0 to 1 of body and mask."""

    matrix: Array
    lens: float
    shift: tuple[float, float]
    size: tuple[int, int]
    overlap: float


def find(obj: bpy.types.Object, mask: Path, tell: Callable[[float], None]) -> Match:
    """Raises `UserError` where the mask shows nothing."""
    shown = _read(mask)[::-1, :, 0] > 0.5  # the top row first
    if shown.sum() < 64:
        raise UserError("The mask of the photo shows nothing to match the camera with. Choose another path.")
    vertices, faces = _triangles(obj)
    figure = likeness.Figure.of(vertices, faces)
    square, middle, half = _framed(shown)
    found = pose.find(figure.seen, square, tell)
    aimed = found.camera(figure.reach)
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    rows = np.array(aimed.rotation)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([rows[0], -rows[1], -rows[2]], axis=1)  # ours looks along +Z with Y down
    matrix[:3, 3] = np.array(aimed.position) * (high - low).max() + (low + high) / 2
    height, width = shown.shape
    at = middle + np.array([found.right, found.down]) * half
    lens = aimed.f * found.scale * half / width * framing.SENSOR
    shift = (float((width / 2 - at[0]) / width), float((at[1] - height / 2) / width))
    overlap = pose.overlap(figure.seen(found, pose.SIDE), square)
    return Match(matrix, float(lens), shift, (width, height), overlap)


def _read(path: Path) -> Array:
    try:
        found = pictures.read(path, 1)
    except RuntimeError:
        found = np.empty(0)
    if not found.size:
        raise UserError(f"Cannot read the picture {path.name}. Choose a PNG or JPEG.")
    return found


def check(photo: Path, match: Match) -> None:
    """Raises `UserError` where a photo is not of its mask's shape: the background would be stretched."""
    height, width = _read(photo).shape[:2]
    if abs(width / height / (match.size[0] / match.size[1]) - 1) > 0.02:
        text = f"The photo is {width} x {height} px as it is stored, its mask {match.size[0]} x {match.size[1]}."
        raise UserError(f"{text} Save the photo upright in a picture editor, and run again.")


def place(camera: bpy.types.Object, match: Match) -> None:
    """Give a camera the match's place and lens; the picture must have the photo's shape."""
    data = camera.data
    data.sensor_fit, data.sensor_width, data.lens = "HORIZONTAL", framing.SENSOR, match.lens
    data.shift_x, data.shift_y = match.shift
    camera.matrix_world = Matrix(match.matrix.tolist())


def _triangles(obj: bpy.types.Object) -> tuple[Any, Any]:
    """Vertices (V, 3) in the world and triangles (F, 3) as they are at this frame."""
    shape = obj.evaluated_get(bpy.context.evaluated_depsgraph_get())
    mesh = shape.to_mesh()
    points, (triangles, _) = meshes.vertices_of(mesh), meshes.drawn(mesh)
    matrix = np.array(shape.matrix_world, np.float32)
    shape.to_mesh_clear()
    return points @ matrix[:3, :3].T + matrix[:3, 3], triangles


def _framed(shown: Array) -> tuple[Array, Array, float]:
    """The mask (SIDE, SIDE) in the square that models are shown; the square's middle (2,) and half its side in px."""
    rows, columns = (np.flatnonzero(shown.any(axis=axis)) for axis in (1, 0))
    middle = np.array([(columns[0] + columns[-1] + 1) / 2, (rows[0] + rows[-1] + 1) / 2])
    half = max(columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1) / frustums.FILL / 2
    fine = 4 * pose.SIDE
    places = ((np.arange(fine) + 0.5) / fine * 2 - 1) * half
    x, y = (np.floor(places + centre).astype(int) for centre in middle)
    inside = ((y >= 0) & (y < shown.shape[0]))[:, None] & ((x >= 0) & (x < shown.shape[1]))[None]
    big = shown[np.clip(y, 0, shown.shape[0] - 1)][:, np.clip(x, 0, shown.shape[1] - 1)] & inside
    small = big.reshape(pose.SIDE, 4, pose.SIDE, 4).mean(axis=(1, 3)) > 0.5
    return small, middle, float(half)


def angle(match: Match) -> float:
    """Degrees across the photo."""
    return math.degrees(2 * math.atan(framing.SENSOR / 2 / match.lens))


def distance(camera: bpy.types.Object, place: Array) -> float:
    return float(np.linalg.norm(np.array(camera.matrix_world.translation) - place))
