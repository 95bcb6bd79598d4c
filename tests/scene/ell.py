# SPDX-License-Identifier: GPL-3.0-or-later
"""A thing that is unlike itself along every axis, with a colour, a roughness and a shade for each of its sides.

Three boxes as an L lying on its back: a foot to the right (+X), a tower at its left end, a nose in front of it (-Y).
Read back from any file it must be the same in each place; a turn, a mirror or a slipped texture shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from galatea.addon.scene.lib.material import shading, texels
from galatea.addon.scene.lib.mesh import meshes
from galatea.addon.scene.lib.render import pictures
from galatea.addon.scene.work import ROLE

BOXES = (
    ((-0.5, -0.2, 0.0), (0.7, 0.2, 0.2)),
    ((-0.5, -0.2, 0.2), (-0.2, 0.2, 1.0)),
    ((-0.45, -0.5, 0.72), (-0.28, -0.2, 0.8)),
)
SIDES = ((0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (1, 3, 7, 5), (3, 2, 6, 7), (2, 0, 4, 6))
"""Corners of a box's sides, counter-clockwise from outside; x runs fastest, then y, then z."""
PLACE = np.array([0.3, -0.1, 0.4])
"""It does not stand on the origin."""
SIDE, CELL = 64, 8
"""px: the textures, and what each side of a box has of them."""


@dataclass(frozen=True)
class Seen:
    """Triangles by their centres (F, 3); `colour` (F, 3) sRGB, `rough`, `shade` (F,) 0 to 1, None where unknown."""

    points: np.ndarray
    centres: np.ndarray
    colour: np.ndarray | None = None
    rough: np.ndarray | None = None
    shade: np.ndarray | None = None
    tilt: np.ndarray | None = None

    def same(self, want: Seen, tolerance: float = 1e-4) -> None:
        """The same triangles at the same places, each with the same look."""
        assert len(self.centres) == len(want.centres)
        size = np.ptp(want.points, axis=0).max()
        assert np.allclose(self.points.min(axis=0), want.points.min(axis=0), atol=tolerance * size)
        assert np.allclose(self.points.max(axis=0), want.points.max(axis=0), atol=tolerance * size)
        apart = np.linalg.norm(self.centres[:, None] - want.centres[None], axis=2)
        nearest = apart.argmin(axis=1)
        assert sorted(nearest) == list(range(len(nearest))), "each triangle is there once"
        assert apart.min(axis=1).max() < 10 * tolerance * size
        for name in ("colour", "rough", "shade", "tilt"):
            mine, its = getattr(self, name), getattr(want, name)
            if mine is not None:
                assert its is not None and np.allclose(mine, its[nearest], atol=2.5 / 255), name


def make() -> bpy.types.Object:
    """The body, with its baked textures packed, as the step bake leaves it."""
    points, faces, uv = _geometry()
    mesh = meshes.new_mesh("Ell", points.astype(np.float32), faces)
    mesh.shade_flat()
    meshes.set_uv(mesh, shading.BODY_UV, uv.reshape(-1, 2).astype(np.float32))
    body = bpy.data.objects.new("Ell", mesh)
    body[ROLE] = "body"
    bpy.context.scene.collection.objects.link(body)
    folder = Path(bpy.app.tempdir)
    for role, values in _pictures().items():
        image = texels.new_image(role, f"Ell {role}", SIDE, color=role == "base_color")
        pixels = np.ones((SIDE, SIDE, 4), np.float32)
        pixels[..., :3] = values
        texels.set_pixels(image, pixels)
        texels.save_packed(image, folder / f"{role}.png")
    return body


def truth() -> Seen:
    """What it is in Blender's axes, where it stands."""
    points, faces, uv = _geometry()
    pictures = _pictures()
    return Seen(
        points,
        points[faces].mean(axis=1),
        sampled(pictures["base_color"], uv),
        sampled(pictures["roughness"], uv)[:, 0],
        sampled(pictures["occlusion"], uv)[:, 0],
        sampled(pictures["normal"], uv),
    )


def moved(seen: Seen, matrix: np.ndarray, shift: np.ndarray | None = None) -> Seen:
    """All places times a matrix (3, 3), after a shift."""
    change: dict[str, Any] = {name: getattr(seen, name) for name in ("colour", "rough", "shade", "tilt")}
    shift = np.zeros(3) if shift is None else shift
    return Seen((seen.points + shift) @ matrix.T, (seen.centres + shift) @ matrix.T, **change)


def standing(seen: Seen) -> Seen:
    """With its base on the origin, as export leaves it unless told otherwise."""
    low, high = seen.points.min(axis=0), seen.points.max(axis=0)
    return moved(seen, np.eye(3), -np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]]))


def sampled(picture: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """Pixels (F, C) of a picture (H, W, C), row 0 at the bottom, in the middle of each triangle's uv (F, 3, 2)."""
    at = uv.mean(axis=1)
    height, width = picture.shape[:2]
    return picture[(at[:, 1] * height).astype(int), (at[:, 0] * width).astype(int)]


def of_blender(obj: bpy.types.Object) -> Seen:
    """What an imported object is, by its material's own wires."""
    bpy.context.view_layer.update()
    mesh, matrix = obj.data, np.array(obj.matrix_world)
    mesh.calc_loop_triangles()
    triangles = np.array([tuple(each.vertices) for each in mesh.loop_triangles])
    corners = np.array([tuple(each.loops) for each in mesh.loop_triangles])
    points = meshes.vertices_of(mesh) @ matrix[:3, :3].T + matrix[:3, 3]
    look: dict[str, Any] = {}
    if mesh.uv_layers and mesh.materials and mesh.materials[0] and mesh.materials[0].node_tree:
        uv = meshes.uv_of(mesh, mesh.uv_layers[0].name)[corners]
        shader = next(n for n in mesh.materials[0].node_tree.nodes if n.type == "BSDF_PRINCIPLED")
        for name, socket in (("colour", "Base Color"), ("rough", "Roughness"), ("tilt", "Normal")):
            found = _source(shader.inputs[socket])
            if found:
                values = sampled(pictures.pixels_of(found[0])[..., :3], uv)
                look[name] = values if name != "rough" else values[:, found[1]]
    return Seen(points, points[triangles].mean(axis=1), **look)


def _source(socket: bpy.types.NodeSocket) -> tuple[bpy.types.Image, int] | None:
    """The image that feeds a socket, and which of its channels."""
    channel = 0
    while socket.is_linked:
        link = socket.links[0]
        node = link.from_node
        if node.type == "TEX_IMAGE":
            return node.image, channel
        channel = {"Red": 0, "Green": 1, "Blue": 2}.get(link.from_socket.name, channel)
        inputs = [each for each in node.inputs if each.is_linked]
        if not inputs:
            return None
        socket = next((each for each in inputs if each.name == "Color"), inputs[0])
    return None


def _geometry() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points (V, 3), triangles (F, 3) facing outwards, uv (F, 3, 2): each side of a box has a cell of its own."""
    points, faces, uv = [], [], []
    for box, (low, high) in enumerate(BOXES):
        corners = [(x, y, z) for z in (low[2], high[2]) for y in (low[1], high[1]) for x in (low[0], high[0])]
        for side, quad in enumerate(
            ((0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (1, 3, 7, 5), (3, 2, 6, 7), (2, 0, 4, 6))
        ):
            cell, first = 6 * box + side, 8 * box
            x, y = cell % 8 / 8, cell // 8 / 8
            a, b = 0.2 / 8, 0.8 / 8
            square = [(x + a, y + a), (x + b, y + a), (x + b, y + b), (x + a, y + b)]
            faces += [[first + quad[i] for i in three] for three in ((0, 1, 2), (0, 2, 3))]
            uv += [[square[i] for i in three] for three in ((0, 1, 2), (0, 2, 3))]
        points += corners
    return np.array(points) + PLACE, np.array(faces, np.int32), np.array(uv)


def _pictures() -> dict[str, np.ndarray]:
    """Textures (S, S, 3) by role, row 0 at the bottom, as 8 bits hold them."""
    numbers = np.arange(64).reshape(8, 8).repeat(CELL, axis=0).repeat(CELL, axis=1)
    rng = np.random.default_rng(5)
    colours = rng.integers(30, 230, (64, 3))
    rough, shade = rng.integers(60, 240, 64), rng.integers(120, 250, 64)
    tilts = np.concatenate([rng.integers(110, 146, (64, 2)), np.full((64, 1), 252)], axis=1)
    grey = {"roughness": rough, "occlusion": shade}
    pictures = {"base_color": colours[numbers], "normal": tilts[numbers]}
    pictures |= {role: values[numbers][..., None].repeat(3, axis=2) for role, values in grey.items()}
    return {role: values / 255 for role, values in pictures.items()}
