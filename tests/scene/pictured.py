# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things are in the picture of the open scene's camera."""

from __future__ import annotations

import bpy
import numpy as np

from galatea.addon.scene.lib.motion import animation


def projected(points: np.ndarray) -> np.ndarray:
    """(P, 3): places in the picture of the scene's camera now, 0 to 1 across and up, and depth in metres.

    Reckoned from Blender's own projection matrix, not from our framing.
    """
    scene, graph = bpy.context.scene, bpy.context.evaluated_depsgraph_get()
    camera, render = scene.camera.evaluated_get(graph), scene.render
    matrix = camera.calc_matrix_camera(graph, x=render.resolution_x, y=render.resolution_y)
    world = np.array(camera.matrix_world.inverted())
    local = np.c_[points, np.ones(len(points))] @ world.T
    clip = local @ np.array(matrix).T
    return np.c_[clip[:, :2] / clip[:, 3:] / 2 + 0.5, -local[:, 2]]


def at(image, uv):
    """Texels of an image (H, W, …), row 0 at the bottom, at uv (N, 2)."""
    size = image.shape[0]
    x, y = np.clip((uv * size).astype(int), 0, size - 1).T
    return image[y, x]


def seen(obj, frames):
    """A (P, 3) for each frame: all vertices as the scene's camera shows them."""
    scene, out = bpy.context.scene, []
    for frame in frames:
        scene.frame_set(frame)
        out.append(projected(animation.points_at(obj, bpy.context.evaluated_depsgraph_get())))
    return np.array(out)
