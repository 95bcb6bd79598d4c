# SPDX-License-Identifier: GPL-3.0-or-later
"""Levels of detail: coarser copies of the finished body, for when it is far away, with the same material."""

from __future__ import annotations

import bpy
from mathutils import Matrix

from ...backend.protocol.errors import UserError
from ...backend.protocol.spec import BackendSpec, Param
from .lib.files import naming
from .lib.mesh import levels, meshes
from .work import Work

SPEC = BackendSpec(
    id="lod",
    label="Levels of detail",
    task="scene-to-scene",
    seeded="never",
    help="Make coarser copies of the finished object; export names them as a game engine wants them.",
    runtime="blender",
    inputs=("scene",),
    outputs=("scene",),
    params=(
        Param("levels", "int", 4, "How many, the object itself included", low=2, high=8),
        Param("ratio", "float", 0.5, "Triangles of a level, as a share of the one before", low=0.05, high=0.95),
        Param("budget", "str", "", "Triangles of the coarser levels instead, such as 5000, 2000, 800"),
    ),
)
_LEAST = 12
"""Triangles: fewer are no shape any more."""
_EXACT = 0.02


def run(work: Work, *, levels: int, ratio: float, budget: str) -> None:
    body = work.object("body")
    clear(work, "lod")
    work.progress("Counting triangles", 0.02)
    fine = _fine(body)
    have = len(fine.polygons)
    wanted = _budget(budget, have) if budget.strip() else [round(have * ratio**i) for i in range(1, levels)]
    kept = [count for count in wanted if count >= _LEAST]
    if len(kept) < len(wanted):
        made = f"{len(kept) + 1} levels were" if kept else "1 level was"
        work.report.warn(f"Only {made} made: fewer than {_LEAST} triangles are no shape any more.")
    name = naming.base(body.name)
    body.name, body[naming.LEVEL] = naming.level(name, 0), 0
    body.data.name = body.name
    told: list[dict[str, object]] = [{"faces": have, "wanted": have, "watertight": meshes.Shape.of(fine).watertight}]
    told += _make(work, body, fine, kept, name=name)
    bpy.data.meshes.remove(fine)
    work.report.metric("levels", told)
    work.report.metric("names", [body.name, *(obj.name for obj in work.objects("lod"))])


def clear(work: Work, role: str) -> None:
    """Take away what an earlier run made."""
    for obj in list(work.objects(role)):
        mesh = obj.data
        bpy.data.objects.remove(obj)
        if mesh.users == 0:
            bpy.data.meshes.remove(mesh)


def _fine(body: bpy.types.Object) -> bpy.types.Mesh:
    if not len(body.data.polygons):
        raise UserError("The body has no faces, so there are no levels of it. Make it again.")
    return levels.triangulated(body.data)


def _make(
    work: Work, body: bpy.types.Object, fine: bpy.types.Mesh, wanted: list[int], *, name: str
) -> list[dict[str, object]]:
    """The coarser objects, each from the finest; returns what was measured of them."""
    uv = fine.uv_layers.active.name if fine.uv_layers.active else None
    finest = levels.Finest(fine, uv)
    told: list[dict[str, object]] = []
    for number, count in enumerate(wanted, 1):
        done = 0.1 + 0.9 * (number - 1) / len(wanted)
        work.progress(f"Making level {number} with {count} triangles", done)
        mesh = levels.reduced(fine, count)
        got = len(mesh.polygons)
        if told and got >= int(str(told[-1]["faces"])):
            bpy.data.meshes.remove(mesh)
            work.report.warn(f"No level is coarser than {got} triangles: the surface would break.")
            break
        if abs(got - count) > max(1, _EXACT * count):
            work.report.warn(f"Level {number} has {got} triangles, not {count}: with fewer the surface would break.")
        work.progress(f"Measuring level {number}", done + 0.5 / len(wanted))
        error = finest.error(mesh)
        _place(work, body, mesh, naming.level(name, number), number)
        told.append(
            {
                "faces": got,
                "wanted": count,
                "watertight": meshes.Shape.of(mesh).watertight,
                "mean_percent": round(100 * error.mean, 4),
                "most_percent": round(100 * error.most, 4),
                "texture_slip_percent": round(100 * error.slip, 4),
            }
        )
    return told


def _place(work: Work, body: bpy.types.Object, mesh: bpy.types.Mesh, name: str, number: int) -> None:
    """Bound to the same armature where there is one, else a child of the body; out of sight, it lies in the body."""
    obj = body.copy()
    obj.animation_data_clear()
    obj.data, obj[naming.LEVEL] = mesh, number
    if not body.find_armature():
        obj.parent, obj.matrix_parent_inverse, obj.matrix_basis = body, Matrix(), Matrix()
    work.add("lod", obj)
    obj.name = mesh.name = name
    obj.hide_render = obj.hide_viewport = True


def _budget(text: str, have: int) -> list[int]:
    """Counts from words such as `5000, 2000, 800`; raises `UserError` where they do not go down."""
    words = text.replace(",", " ").split()
    if not all(word.isascii() and word.isdecimal() and len(word) < 10 for word in words) or not 0 < len(words) < 8:
        raise UserError("lod.budget takes up to 7 numbers such as 5000, 2000, 800. Change it.", kind="usage")
    counts = [int(word) for word in words]
    if any(a <= b for a, b in zip([have, *counts], counts, strict=False)):
        raise UserError(
            f"lod.budget must go down, beginning below the {have} triangles that there are. Change it and run again.",
            kind="usage",
        )
    return counts
