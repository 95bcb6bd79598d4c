# SPDX-License-Identifier: GPL-3.0-or-later
"""An armature fitted to the body: a root on the floor and a chain of bones along the backbone."""

from __future__ import annotations

import itertools

import bpy
import numpy as np
from mathutils import Vector

from ...backend.protocol.spec import BackendSpec, Param
from .lib.motion import animation
from .lib.rig import spine, weights
from .work import Work

SPEC = BackendSpec(
    id="rig",
    label="Rig",
    task="scene-to-rig",
    help="Fit a skeleton along the backbone and bind the body to it, so that it can be posed.",
    runtime="blender",
    inputs=("scene",),
    outputs=("scene",),
    params=(
        Param("bones", "int", 5, "Bones along the backbone", low=1, high=24),
        Param("axis", "choice", "auto", "Which way the backbone runs", choices=("auto", "upright", "lying")),
        Param(
            "weights",
            "choice",
            "heat",
            "How the skin is bound: bone heat, or simply the nearest bones",
            choices=("heat", "nearest"),
        ),
        Param("smooth", "int", 4, "Rounds of smoothing of the binding, against creases", low=0, high=50),
    ),
)
UPRIGHT = "galatea_upright"
"""Custom property of the armature: its chain stands on the floor (true) or lies along it (false)."""
ROOT = "root"


def run(work: Work, *, bones: int, axis: str, weights: str, smooth: int) -> None:
    body = work.object("body")
    for old in list(work.objects("armature")):
        _remove(body, old)
    work.progress("Finding the backbone", 0.1)
    points = animation.rest_points(body)
    body.data.calc_loop_triangles()
    triangles = np.empty(len(body.data.loop_triangles) * 3, np.int32)
    body.data.loop_triangles.foreach_get("vertices", triangles)
    chain = spine.find(points, triangles.reshape(-1, 3), bones, axis)
    work.progress("Building the armature", 0.3)
    armature = _build(work, chain)
    work.progress("Binding the skin", 0.4)
    before = _bind(work, body, armature, points, heat=weights == "heat", smooth=smooth)
    work.report.metric("bones", len(armature.data.bones))
    work.report.metric("upright", chain.upright)
    work.report.metric("chain_length_m", round(chain.length, 4))
    work.report.metric("unweighted_before", before)
    work.report.metric("unweighted_after", int((read_weights(body, deforming(armature)).sum(axis=1) < 1e-6).sum()))


def deforming(armature: bpy.types.Object) -> list[str]:
    """Names of the bones that move the skin."""
    return [bone.name for bone in armature.data.bones if bone.use_deform]


def read_weights(body: bpy.types.Object, names: list[str]) -> weights.Array:
    """(V, B) weights as they stand in the vertex groups of these names."""
    column = {body.vertex_groups[name].index: b for b, name in enumerate(names) if name in body.vertex_groups}
    out = np.zeros((len(body.data.vertices), len(names)))
    for vertex in body.data.vertices:
        for element in vertex.groups:
            if element.group in column:
                out[vertex.index, column[element.group]] = element.weight
    return out


def write_weights(body: bpy.types.Object, names: list[str], table: weights.Array) -> None:
    """Make the vertex groups of these names hold the table (V, B), and nothing else."""
    for b, name in enumerate(names):
        old = body.vertex_groups.get(name)
        if old:
            body.vertex_groups.remove(old)
        group = body.vertex_groups.new(name=name)
        for index in np.flatnonzero(table[:, b]):
            group.add([int(index)], float(table[index, b]), "REPLACE")


def _remove(body: bpy.types.Object, armature: bpy.types.Object) -> None:
    """Take an older rig of ours away; the body stays where it is."""
    where = body.matrix_world.copy()
    if body.parent == armature:
        body.parent = armature.parent
        body.matrix_world = where
    for modifier in [m for m in body.modifiers if m.type == "ARMATURE" and m.object == armature]:
        body.modifiers.remove(modifier)
    for bone in armature.data.bones:
        group = body.vertex_groups.get(bone.name)
        if group:
            body.vertex_groups.remove(group)
    data = armature.data
    bpy.data.objects.remove(armature)
    if data.users == 0:
        bpy.data.armatures.remove(data)


def _build(work: Work, chain: spine.Spine) -> bpy.types.Object:
    """The armature at the world's origin, its bones along the chain."""
    data = bpy.data.armatures.new("Rig")
    data.display_type = "STICK"
    armature = work.add("armature", bpy.data.objects.new("Rig", data))
    armature.show_in_front = True
    armature[UPRIGHT] = chain.upright
    bpy.context.view_layer.update()
    active = bpy.context.view_layer.objects.active
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")  # the only way to new bones
    try:
        _add_bones(data, chain)
    finally:
        bpy.ops.object.mode_set(mode="OBJECT")
        bpy.context.view_layer.objects.active = active or armature
    for bone in armature.pose.bones:
        bone.rotation_mode = "QUATERNION"
    return armature


def _add_bones(data: bpy.types.Armature, chain: spine.Spine) -> None:
    """A root on the floor that points up; then one chain, or two from the middle of a lying body outwards."""
    joints, count = [Vector(j) for j in chain.joints], len(chain.joints) - 1
    start = 0 if chain.upright else (count + 1) // 2
    root = data.edit_bones.new(ROOT)
    foot = Vector((joints[start].x, joints[start].y, 0.0))
    root.head, root.tail = foot, foot + Vector((0, 0, 0.25 * chain.length))
    root.use_deform = False

    def walk(name: str, order: range) -> None:
        parent = root
        for number, (a, b) in enumerate(itertools.pairwise(order), 1):
            bone = data.edit_bones.new(f"{name}.{number:03d}")
            bone.head, bone.tail, bone.parent = joints[a], joints[b], parent
            bone.use_connect = number > 1
            bone.align_roll(Vector((0, -1, 0)) if chain.upright else Vector((0, 0, 1)))
            parent = bone

    walk("spine", range(start, count + 1))
    if start:
        walk("back", range(start, -1, -1))


def _bind(
    work: Work, body: bpy.types.Object, armature: bpy.types.Object, points: weights.Array, *, heat: bool, smooth: int
) -> int:
    """Parent and weigh; returns how many vertices bone heat had left without a bone."""
    names = deforming(armature)
    kind = "ARMATURE_AUTO" if heat else "ARMATURE_NAME"
    both = [body, armature]
    outer, where = body.parent, body.matrix_world.copy()
    with bpy.context.temp_override(
        object=armature, active_object=armature, selected_objects=both, selected_editable_objects=both
    ):
        try:
            bpy.ops.object.parent_set(type=kind)
        except RuntimeError as error:  # an error report: heat found no solution, the modifier and parent are there
            work.report.log(str(error).strip())
    if outer:  # somebody moves the body already, such as the step `drop`
        armature.parent = outer
        armature.matrix_parent_inverse = outer.matrix_world.inverted()
        body.matrix_world = where
    _one_modifier(body, armature)
    bones = [armature.data.bones[name] for name in names]
    heads = np.array([armature.matrix_world @ bone.head_local for bone in bones])
    tails = np.array([armature.matrix_world @ bone.tail_local for bone in bones])
    table = read_weights(body, names)
    table, bare = weights.filled(table, points, heads, tails)
    if heat and bare > len(points) // 5:
        work.report.warn("Bone heat left much of the skin unbound (loose parts); the nearest bones move all of it.")
        table = weights.nearest(points, heads, tails)
    edges = np.empty(len(body.data.edges) * 2, np.int32)
    body.data.edges.foreach_get("vertices", edges)
    table = weights.limited(weights.smoothed(table, edges.reshape(-1, 2), smooth))
    work.progress("Writing the weights", 0.8)
    write_weights(body, names, table)
    return bare


def _one_modifier(body: bpy.types.Object, armature: bpy.types.Object) -> None:
    """Exactly one Armature modifier for this armature, by vertex groups."""
    found = [m for m in body.modifiers if m.type == "ARMATURE"]
    modifier = found[0] if found else body.modifiers.new("Armature", "ARMATURE")
    modifier.object, modifier.use_vertex_groups, modifier.use_bone_envelopes = armature, True, False
    for extra in found[1:]:
        body.modifiers.remove(extra)
