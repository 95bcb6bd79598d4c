# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigify's controls over the skeleton: IK and FK for limbs, one handle for each bone else. Skin and motions go over."""

from __future__ import annotations

import bpy

from ...backend.protocol.errors import UserError
from ...backend.protocol.spec import BackendSpec, Param
from .lib.rig import controls, skeleton
from .work import ROLE, Work

SPEC = BackendSpec(
    id="controls",
    label="Controls",
    task="rig-to-controls",
    seeded="never",
    help="Put Rigify's controls with IK and FK over the skeleton of a biped or quadruped, for animating by hand.",
    runtime="blender",
    inputs=("scene",),
    outputs=("scene",),
    params=(
        Param(
            "limbs",
            "choice",
            "auto",
            "What moves limbs at first: their joints (FK), or hands and feet (IK); auto is FK where there is a motion",
            choices=("auto", "fk", "ik"),
        ),
    ),
)


def run(work: Work, *, limbs: str) -> None:
    armature = work.object("armature")
    if skeleton.CONTROLS not in armature:
        work.progress("Building controls", 0.1)
        armature, motions = _replaced(work, armature)
        work.report.metric("motions", motions)
    moving = bool(armature.animation_data and (armature.animation_data.action or armature.animation_data.nla_tracks))
    fk = limbs == "fk" or (limbs == "auto" and moving)
    controls.switched(armature, fk)
    work.report.metric("limbs", "fk" if fk else "ik")
    work.report.metric("bones", len(armature.data.bones))
    work.report.metric("deforming", len(skeleton.deforming(armature)))


def _replaced(work: Work, old: bpy.types.Object) -> tuple[bpy.types.Object, int]:
    bones = skeleton.read(old)
    if bones.kind not in controls.KINDS:
        raise UserError(
            f"Controls are for {' and '.join(controls.KINDS)}, and these bones are of the kind {bones.kind}. "
            "Set the skeleton's kind and make it again, or leave controls out."
        )
    lacking = controls.missing(bones)
    if lacking:
        what = ", ".join(lacking[:4])
        raise UserError(f"The skeleton has no {what}, which controls need. Run the step skeleton, then bind, first.")
    rig = work.add("armature", controls.generated(old, bones))
    work.progress("Handing skin and motion over", 0.7)
    motions = controls.moved_over(rig, old, bones)
    _hung(rig, old)
    name, data = old.name, old.data
    bpy.data.objects.remove(old)
    if data.users == 0:
        bpy.data.armatures.remove(data)
    rig.name = rig.data.name = name
    if rig.name not in work.collection.objects:
        work.collection.objects.link(rig)
    for collection in [each for each in rig.users_collection if each.get(ROLE) != "asset"]:
        collection.objects.unlink(rig)
    bpy.context.view_layer.update()
    return rig, motions


def _hung(rig: bpy.types.Object, old: bpy.types.Object) -> None:
    """What hung on the plain armature hangs on the new one, in its place; skins by the new bones' names."""
    rig.parent, rig.matrix_parent_inverse = old.parent, old.matrix_parent_inverse
    rig.matrix_basis = old.matrix_basis
    names = {bone.name: f"DEF-{bone.name}" for bone in old.data.bones if f"DEF-{bone.name}" in rig.data.bones}
    for obj in bpy.context.scene.objects:
        skins = [each for each in obj.modifiers if each.type == "ARMATURE" and each.object == old]
        for modifier in skins:
            modifier.object = rig
        for group in obj.vertex_groups if skins else ():
            group.name = names.get(group.name, group.name)
        if obj.parent == old:
            inverse, basis, bone = obj.matrix_parent_inverse.copy(), obj.matrix_basis.copy(), obj.parent_bone
            obj.parent = rig
            if obj.parent_type == "BONE":
                obj.parent_bone = f"ORG-{bone}" if f"ORG-{bone}" in rig.data.bones else bone
            obj.matrix_parent_inverse, obj.matrix_basis = inverse, basis
