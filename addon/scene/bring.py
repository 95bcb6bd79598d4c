# SPDX-License-Identifier: GPL-3.0-or-later
"""A mesh file of ours becomes two objects: the source, kept as it came to bake from, and the body to work on."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import bpy
import numpy as np

from ...backend.geometry.mesh import prove
from ...backend.protocol.errors import UserError
from ...backend.protocol.spec import BackendSpec, Param
from .lib.material import shading
from .lib.mesh import meshes, standing
from .work import Work

SPEC = BackendSpec(
    id="bring",
    label="Bring into Blender",
    task="mesh-to-scene",
    seeded="never",
    help="Make a scene of a generated mesh: metres, upright, base at the origin.",
    runtime="blender",
    inputs=("mesh",),
    optional=("albedo",),
    outputs=("scene",),
    axes="Z up, faces -Y, metres",
    params=(
        Param("name", "str", "", "Name of the object and its material. Empty: as the photo, or what it was asked by"),
        Param(
            "level",
            "float",
            25.0,
            "Turn it by so much at most, until both feet stand on the floor",
            low=0,
            high=90,
            unit="°",
        ),
    ),
)


KEYS = ("vertices", "faces", "uv", "colors", "confidence")


@dataclass(frozen=True)
class Arrays:
    """`vertices` (V, 3) float32 metres, `faces` (F, 3) int32, `uv` (F, 3, 2), `colors` (V, 4) sRGB 0 to 1,
    `confidence` (V,) 0 to 1.

    The fourth of a colour says how much it covers the picture, where there is one.
    """

    vertices: meshes.Floats
    faces: meshes.Ints
    uv: meshes.Floats | None
    colors: meshes.Floats | None
    confidence: meshes.Floats | None


def run(work: Work, *, name: str, level: float) -> None:
    work.progress("Reading the mesh", 0.1)
    arrays = read(work.files["mesh"])
    angle = standing.lean(arrays.vertices, arrays.faces)
    if 0 < abs(angle) <= math.radians(level):
        arrays = replace(arrays, vertices=_grounded(standing.turned(arrays.vertices, angle)))
        work.report.metric("turned_degrees", round(math.degrees(angle), 2))
    scene = bpy.context.scene
    scene.unit_settings.system, scene.unit_settings.scale_length = "METRIC", 1.0
    name = name.strip() or "Galatea"
    if "albedo" in work.files:
        _load_albedo(work.files["albedo"])
        if arrays.uv is None:
            work.report.warn("The mesh has no UV map, so its picture cannot be shown; its vertex colours are used.")
    work.progress("Building the mesh", 0.4)
    collection = work.collection
    collection.name = name
    mesh = _build(arrays, name)
    mesh.materials.append(shading.pictured(name, mesh))
    body = work.add("body", bpy.data.objects.new(name, mesh))
    work.keep(body, mesh.copy())
    bpy.context.view_layer.objects.active = body
    shape = meshes.Shape.of(body.data)
    for key, value in shape.to_json().items():
        work.report.metric(key, value)
    work.report.metric("size_m", [round(float(x), 4) for x in body.dimensions])


def read(path: Path) -> Arrays:
    """Read and check a mesh file; raises `UserError` on anything that is no mesh."""
    try:
        with path.open("rb") as file:
            if file.read(2) != b"PK":
                raise UserError(f"The mesh {path.name} is no .npz of arrays, as roles.mesh writes it. Make it again.")
        with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
            arrays = {key: data[key] for key in KEYS if key in data}
    except UserError:
        raise
    except (OSError, ValueError, EOFError, KeyError) as error:
        raise UserError(f"Cannot read the mesh {path.name}: {error}. Make it again.") from None
    except Exception as error:  # zipfile.BadZipFile and whatever else a damaged archive raises
        raise UserError(f"The mesh {path.name} is damaged ({type(error).__name__}). Make it again.") from None
    if not all(array.size for name, array in arrays.items() if name in KEYS[:2]):
        raise UserError("The mesh is empty. Choose a picture in which the subject stands out.")
    try:
        prove(arrays)
    except ValueError as error:
        raise UserError(f"The mesh {path.name} {error}. Make it again.") from None
    uv, colors, confidence = (_floats(arrays.get(key)) for key in ("uv", "colors", "confidence"))
    if colors is not None and colors.shape[1] == 3:
        colors = np.pad(colors, ((0, 0), (0, 1)))
    colors, confidence = (None if each is None else each.clip(0, 1) for each in (colors, confidence))
    vertices = _grounded(arrays["vertices"].astype(np.float32))
    return Arrays(vertices, arrays["faces"].astype(np.int32), uv, colors, confidence)


def _floats(array: meshes.Array | None) -> meshes.Floats | None:
    return None if array is None or not array.size else array.astype(np.float32)


def _grounded(vertices: meshes.Floats) -> meshes.Floats:
    """Put the base on z = 0; x and y stay, they say where the subject stood."""
    out = vertices.copy()
    out[:, 2] -= out[:, 2].min()
    return out


def _build(arrays: Arrays, name: str) -> bpy.types.Mesh:
    # A face that names one vertex twice cannot be stored by Blender; `validate` would drop it and shift the corners.
    f = arrays.faces
    good = (f[:, 0] != f[:, 1]) & (f[:, 1] != f[:, 2]) & (f[:, 2] != f[:, 0])
    if not good.any():
        raise UserError("The mesh has no face with an area. Make it again.")
    mesh = meshes.new_mesh(name, arrays.vertices, f[good])
    if arrays.uv is not None:
        meshes.set_uv(mesh, shading.SOURCE_UV, arrays.uv[good].reshape(-1, 2))
    if arrays.colors is not None:
        layer = mesh.color_attributes.new(shading.COLORS, "BYTE_COLOR", "POINT")
        layer.data.foreach_set("color_srgb", arrays.colors.ravel())
    if arrays.confidence is not None:
        mesh.attributes.new(shading.CONFIDENCE, "FLOAT", "POINT").data.foreach_set("value", arrays.confidence)
    return mesh


def _load_albedo(path: Path) -> None:
    try:
        image = shading.load_image(path, "albedo", color=True)
        has_pixels = image.size[0] > 0 and image.size[1] > 0
    except RuntimeError:
        has_pixels = False
    if not has_pixels:
        raise UserError(f"Cannot read the picture {path.name}. Choose a PNG or JPEG.")
