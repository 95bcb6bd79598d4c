# SPDX-License-Identifier: GPL-3.0-or-later
"""Lay the body's surface flat, without overlaps and with gaps that fit the texture."""

from __future__ import annotations

import importlib.util

import bpy

from ...backend.protocol.errors import UserError
from ...backend.protocol.spec import BackendSpec, Param
from .lib import meshes, shading, unwrapping
from .work import Work

SPEC = BackendSpec(
    id="unwrap",
    label="Unwrap",
    task="scene-to-scene",
    help="Make a UV map without overlaps, ready to bake textures into.",
    runtime="blender",
    inputs=("scene",),
    outputs=("scene",),
    params=(
        Param("method", "choice", "auto", "auto takes the best that is there", choices=("auto", "xatlas", "smart")),
        Param("size", "int", 1024, "Texture that the gaps are made for", low=256, high=4096, unit="px"),
    ),
)

_XATLAS_FACES = 60000
"""More take xatlas minutes (207,000 took 136 s), so auto leaves them to Smart UV."""


def run(work: Work, *, method: str, size: int) -> None:
    body = work.object("body")
    method = _choose(work, method, len(body.data.polygons))
    work.progress(f"Unwrapping with {method}", 0.1)
    padding = gap(size)
    if method == "xatlas":
        uv = unwrapping.by_xatlas(body.data, size=size, padding=padding)
    else:
        uv = unwrapping.by_smart(body, size=size, padding=padding)
    work.progress("Measuring the layout", 0.8)
    _keep_one(body.data, uv)
    layout = unwrapping.measure(body.data, uv)
    work.report.metric("method", method)
    for key in ("charts", "stretch", "overlap", "used"):
        work.report.metric(key, round(getattr(layout, key), 4))
    if layout.overlap > 0.01:
        work.report.warn(f"{layout.overlap:.1%} of the UV map overlap; the texture may show it. Try another method.")


def gap(size: int) -> int:
    """Texels between charts: two levels of a mip map stay clean."""
    return max(2, size // 256)


def _keep_one(mesh: bpy.types.Mesh, uv: meshes.Floats) -> None:
    """Write the layer; the source's own stays until the material is made, it shows the picture until then."""
    old = mesh.uv_layers.get(shading.BODY_UV)
    if old:
        mesh.uv_layers.remove(old)
    meshes.set_uv(mesh, shading.BODY_UV, uv)


def _choose(work: Work, method: str, faces: int) -> str:
    missing = importlib.util.find_spec("xatlas") is None
    if method == "xatlas" and missing:
        raise UserError("xatlas is not installed here. Choose the method auto or smart.", kind="environment")
    if method != "auto":
        return method
    if missing:
        work.report.log("xatlas is not there for this Python; Smart UV is used.")
        return "smart"
    if faces > _XATLAS_FACES:
        work.report.log(f"{faces} faces are too many for xatlas; Smart UV is used.")
        return "smart"
    return "xatlas"
