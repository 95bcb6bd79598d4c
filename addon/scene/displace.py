# SPDX-License-Identifier: GPL-3.0-or-later
"""A depth map becomes a plane that a modifier displaces, with the photo on it: its strength stays a slider."""

from __future__ import annotations

import bpy
import numpy as np

from ...backend.protocol.errors import UserError
from ...backend.protocol.spec import BackendSpec, Param
from .lib.material import shading
from .lib.mesh import meshes
from .work import Work

SPEC = BackendSpec(
    id="displace",
    label="Displaced plane",
    task="depth-to-scene",
    seeded="never",
    help="Lay a depth map over a fine plane as a displacement that can still be changed, with the photo on it.",
    runtime="blender",
    inputs=("depth",),
    optional=("image",),
    outputs=("scene",),
    axes="Z up, faces -Y (lying: faces up), metres",
    params=(
        Param("name", "str", "Relief", "Name of the object and its material"),
        Param("cells", "int", 400, "Cells along the longest side", low=8, high=2000),
        Param("strength", "float", 0.3, "Depth as a share of the longest side", low=0.0, high=2.0),
        Param("pose", "choice", "stand", "Upright, or lying as land does", choices=("stand", "lie")),
        Param("size_m", "float", 1.0, "Longest side of the plane", low=0.001, high=1000.0, unit="m"),
    ),
)


def run(work: Work, *, name: str, cells: int, strength: float, pose: str, size_m: float) -> None:
    work.progress("Reading the depth map", 0.1)
    depth = _load(work, "depth", color=False)
    work.progress("Making the plane", 0.4)
    name = name.strip() or "Relief"
    width, height = depth.size
    mesh = _plane(name, width, height, cells, size_m, standing=pose == "stand")
    if "image" in work.files:
        _load(work, "albedo", color=True)
    mesh.materials.append(shading.pictured(name, mesh))

    body = work.add("body", bpy.data.objects.new(name, mesh))
    texture = bpy.data.textures.new(f"{name} depth", "IMAGE")
    texture.image, texture.extension = depth, "EXTEND"
    displace = body.modifiers.new("Depth", "DISPLACE")
    displace.texture, displace.texture_coords, displace.uv_layer = texture, "UV", shading.SOURCE_UV
    displace.direction, displace.mid_level, displace.strength = "NORMAL", 0.0, strength * size_m
    bpy.context.scene.unit_settings.system, bpy.context.scene.unit_settings.scale_length = "METRIC", 1.0
    bpy.context.view_layer.objects.active = body
    work.collection.name = name
    work.report.metric("faces", len(mesh.polygons))


def _load(work: Work, role: str, *, color: bool) -> bpy.types.Image:
    path = work.files["image" if role == "albedo" else role]
    try:
        image = shading.load_image(path, role, color=color)
        if min(image.size) > 0:
            return image
    except RuntimeError:
        pass
    raise UserError(f"Cannot read the picture {path.name}. Choose a PNG or JPEG.")


def _plane(name: str, width: int, height: int, cells: int, size_m: float, *, standing: bool) -> bpy.types.Mesh:
    """A grid with its base on the ground, its front towards -Y or, lying, upwards."""
    across = max(1, round(cells * width / max(width, height)))
    up = max(1, round(cells * height / max(width, height)))
    v, u = np.mgrid[0 : 1 : (up + 1) * 1j, 0 : 1 : (across + 1) * 1j].reshape(2, -1).astype(np.float32)
    scale = np.float32(size_m / max(width, height))
    x, y = (u - np.float32(0.5)) * width * scale, v * height * scale
    flat = np.zeros_like(x)
    points = np.stack([x, flat, y] if standing else [x, y - y.max() / 2, flat], axis=1)
    first = (np.arange(up)[:, None] * (across + 1) + np.arange(across)).reshape(-1)
    corners = np.stack([first, first + 1, first + across + 2, first + across + 1], axis=1)
    faces = np.concatenate([corners[:, [0, 1, 2]], corners[:, [0, 2, 3]]]).astype(np.int32)
    mesh = meshes.new_mesh(name, points, faces)
    meshes.set_uv(mesh, shading.SOURCE_UV, np.stack([u, v], axis=1)[faces].reshape(-1, 2))
    return mesh
