# SPDX-License-Identifier: GPL-3.0-or-later
"""What the finished mesh is like in figures, and where it falls short of a gate; nothing is changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...backend.protocol.errors import UserError
from ...backend.protocol.gate import FIGURES, Gate
from ...backend.protocol.spec import BackendSpec, Param
from .lib.material import shading
from .lib.mesh import meshes, repair
from .lib.render import versus
from .lib.uv import layout
from .work import Work

SPEC = BackendSpec(
    id="report",
    label="Quality report",
    task="scene-to-report",
    seeded="never",
    help="Measure the finished mesh, its UV map and textures, and how like the raw mesh it looks; hold them to a gate.",
    runtime="blender",
    version=2,
    inputs=("scene",),
    outputs=("report",),
    params=(Param("gate", "file", "", "A gate's TOML file; without one it is measured and not judged"),),
)
SCHEMA = 1


def run(work: Work, *, gate: str) -> None:
    body = work.object("body")
    wanted = Gate.load(Path(gate)) if gate else Gate("", {})
    mesh = _triangles(body)
    try:
        if not len(mesh.polygons):
            raise UserError("The body has no faces, so that there is nothing to measure. Make it again.")
        values, more = _measured(work, body, mesh)
    finally:
        bpy.data.meshes.remove(mesh)
    rows = wanted.rows(values, {step["step"]: step.get("params", {}) for step in work.steps})
    short = [row for row in rows if row["state"] == "short"]
    work.progress("Writing the report", 0.98)
    text = {"schema": SCHEMA, "gate": wanted.name, "passed": not short if gate else None, "rows": rows, **more}
    work.file("report", "mesh_report.json").write_text(json.dumps(text, indent=1) + "\n", encoding="utf-8")
    for key in FIGURES:
        work.report.metric(key, values.get(key))
    if gate:
        work.report.metric("gate", wanted.name)
        work.report.metric("short", short)


def _triangles(body: bpy.types.Object) -> bpy.types.Mesh:
    """A copy of the body's mesh, in metres of the world and of triangles only."""
    mesh = body.data.copy()
    mesh.transform(body.matrix_world)
    faces, corners = meshes.drawn(mesh)
    made = meshes.new_mesh("report", meshes.vertices_of(mesh), faces)
    name = shading.BODY_UV if shading.BODY_UV in mesh.uv_layers else getattr(mesh.uv_layers.active, "name", "")
    if name:
        meshes.set_uv(made, shading.BODY_UV, meshes.uv_of(mesh, name)[corners])
    bpy.data.meshes.remove(mesh)
    return made


def _measured(work: Work, body: bpy.types.Object, mesh: bpy.types.Mesh) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values of the figures, and what there is to tell beside them."""
    points = meshes.vertices_of(mesh)
    if not np.isfinite(points).all():
        raise UserError("The body has positions that are no numbers. Make it again.")
    size = [float(f"{side:.6g}") for side in np.ptp(points, axis=0)]
    beat = work.beat("Measuring the surface", 0.1)
    found = repair.measured(mesh, beat)
    beat = work.beat("Looking for parts inside others", 0.4)
    values = {
        **{name: found[name] for name in ("faces", "watertight", "shells", "holes", "self_intersections")},
        **{name: found[name] for name in ("inside_out", "slivers", "degenerate", "loose")},
        "nonmanifold": found["nonmanifold_edges"] + found["nonmanifold_vertices"],
        "flipped": found["flipped_edges"],
        "inner_shells": repair.hidden(mesh, beat),
        "size_m": max(size),
    }
    textures = _textures(body)
    sides = [min(picture["size"]) for picture in textures]
    values["texture_px"] = min(sides) if sides else None
    if shading.BODY_UV in mesh.uv_layers:
        uv = meshes.uv_of(mesh, shading.BODY_UV)
        values |= layout.figures(mesh, uv, max(sides, default=0), work.beat("Measuring the UV map", 0.6))
    if work.has("source"):
        beat = work.beat("Looking at it beside the raw mesh", 0.8)
        values |= versus.figures(body, work.object("source"), beat)
    return values, {"mesh": found, "textures": textures, "size_m": size}


def _textures(body: bpy.types.Object) -> list[dict[str, Any]]:
    """Name and size in pixels of each picture in the body's materials."""
    found = {
        node.image.name: {"name": node.image.name, "size": list(node.image.size)}
        for material in body.data.materials
        if material and material.node_tree
        for node in material.node_tree.nodes
        if node.type == "TEX_IMAGE" and node.image and node.image.size[0]
    }
    return [found[name] for name in sorted(found)]
