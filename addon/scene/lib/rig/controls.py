# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls by Rigify, Blender's own rig generator, over a skeleton that is named as its metarigs are.

The spine is a chain of controls that turn as the bones did, limbs have IK and FK that a slider changes between. Bones
that move skin are those of before with `DEF-` in front, one for one, so that weights and motions go over unchanged.
"""

from __future__ import annotations

import importlib
import io
import json
import re
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import addon_utils
import bpy
from mathutils import Vector

from .....backend.protocol.errors import UserError
from ...work import ROLE
from ..mesh.selection import editing, linked
from ..motion import animation
from . import skeleton
from .skeleton import CONTROLS, Skeleton

_LIMBS = {"upper_arm": "limbs.arm", "thigh": "limbs.leg", "front_thigh": "limbs.front_paw"}
_HIND = "limbs.rear_paw"
_CHAINS = {
    "upper_arm": ("forearm", "hand"),
    "thigh": ("shin", "foot", "toe"),
    "front_thigh": ("front_shin", "front_foot", "front_toe"),
}
_FOLLOWS = {part for parts in _CHAINS.values() for part in parts}
KINDS = ("biped", "quadruped")
SWITCH = "IK_FK"
"""Custom property of a limb's `…_parent` bone: 0 IK, 1 FK."""


def control_of(armature: bpy.types.Object, bone: str) -> str:
    """The bone to be keyed for a bone of the plain skeleton: itself where the armature has no controls."""
    if CONTROLS not in armature:
        return bone
    stem, dot, side = bone.partition(".")
    fk = f"{stem}_fk{dot}{side}"
    return fk if fk in armature.data.bones else bone


def rest_of(armature: bpy.types.Object, bone: str) -> bpy.types.Bone:
    """The bone that stands where the plain skeleton's did, among others of its kind: those above it are `plain` too."""
    return armature.data.bones.get(f"ORG-{bone}") or armature.data.bones[bone]


def plain(bone: str) -> str:
    """The name in the plain skeleton of a bone that moves skin, or of one of `rest_of`."""
    return re.sub(r"^(DEF|ORG)-", "", bone)


def enabled() -> Any:
    """Rigify's generator; `UserError` where this Blender was built without it."""
    words = io.StringIO()
    with redirect_stdout(words), redirect_stderr(words):  # it prints the order in which it loads its parts
        module = addon_utils.enable("rigify", default_set=True)
        generate = importlib.import_module("rigify.generate") if module else None
    if generate is None:
        raise UserError("This Blender has no Rigify. Use Blender from blender.org, or leave the step controls out.")
    return generate


def missing(bones: Skeleton) -> list[str]:
    """Bones that Rigify needs and the skeleton has not, such as a foot that somebody deleted."""
    known = {bone.name for bone in bones.bones}
    starts = [name for name in known if name.partition(".")[0] in _CHAINS]
    need = [f"{part}.{side}" for stem, _, side in (s.partition(".") for s in starts) for part in _CHAINS[stem]]
    return sorted(set(need) - known) or ([] if starts else ["thigh.L"])


def generated(armature: bpy.types.Object, bones: Skeleton) -> bpy.types.Object:
    """A new armature object with the controls, where the plain one stands. The plain one stays."""
    generate = enabled()
    words = io.StringIO()
    with linked(bpy.data.armatures.new("metarig")) as metarig:
        _metarig(metarig, armature, bones)
        try:
            with redirect_stdout(words), redirect_stderr(words):
                generate.generate_rig(bpy.context, metarig)
        except Exception as error:  # Rigify raises whatever it stumbles over
            raise UserError(f"Rigify cannot build controls: {error}. Run the step skeleton again and bind.") from error
        rig = metarig.data.rigify_target_rig
    rig.matrix_world = armature.matrix_world
    _tidied(rig, armature)
    rig[CONTROLS] = "{}"
    held = [bone for bone in bones.bones if control_of(rig, bone.name) in rig.data.bones]  # all but the heels
    rig[CONTROLS] = json.dumps({bone.name: bone.parent for bone in held})
    for key in [key for key in armature.keys() if key.startswith("galatea_") and key != ROLE]:  # noqa: SIM118
        rig[key] = armature[key]
    rig.show_in_front = True
    return rig


def _metarig(metarig: bpy.types.Object, armature: bpy.types.Object, bones: Skeleton) -> None:
    data = metarig.data
    with editing(metarig):
        for bone in bones.bones:
            if bone.name == skeleton.ROOT:  # Rigify makes its own
                continue
            new, old = data.edit_bones.new(bone.name), armature.data.bones[bone.name]
            new.head, new.tail = old.head_local, old.tail_local
            new.align_roll(old.matrix_local.to_3x3().col[2])
            new.parent = data.edit_bones.get(bone.parent)
            new.use_connect = bone.connect or bone.name.partition(".")[0] in _FOLLOWS  # limbs are one chain for Rigify
        for side in ("L", "R"):
            _heel(data, side, biped=bones.kind != "quadruped")
    rows: dict[str, Any] = {}
    for bone in metarig.pose.bones:
        _typed(data, bone, rows, bones.kind)
    bpy.context.view_layer.objects.active = metarig


def _heel(data: bpy.types.Armature, side: str, *, biped: bool) -> None:
    """The bone across the heel that a biped's foot rolls about."""
    foot, toe = data.edit_bones.get(f"foot.{side}"), data.edit_bones.get(f"toe.{side}")
    if not biped or foot is None or toe is None or f"heel.02.{side}" in data.edit_bones:
        return
    heel = data.edit_bones.new(f"heel.02.{side}")
    back = Vector((foot.head.x - foot.tail.x, foot.head.y - foot.tail.y, 0)) * 0.4
    middle, half = Vector((*foot.head.xy, toe.tail.z)) + back, Vector((0.3 * foot.length, 0, 0))
    heel.head, heel.tail, heel.parent = middle - half, middle + half, foot


def _typed(data: bpy.types.Armature, bone: bpy.types.PoseBone, rows: dict[str, Any], kind: str) -> None:
    """Rigify's type and options of a bone, and the collections that its controls are shown in."""
    stem, _, side = bone.name.partition(".")
    chain = next((start for start, rest in _CHAINS.items() if stem == start or stem in rest), "")
    if not chain and stem != "heel":
        bone.rigify_type = "basic.super_copy"
        _collection(data, rows, "Body", 1).assign(bone)
        return
    name, row = {"upper_arm": ("Arm", 3), "front_thigh": ("Front leg", 3)}.get(chain, ("Leg", 6))
    _collection(data, rows, f"{name}.{side}", row).assign(bone)
    if stem != chain:
        return
    bone.rigify_type = _HIND if stem == "thigh" and kind == "quadruped" else _LIMBS[stem]
    options = bone.rigify_parameters
    options.segments, options.bbones, options.rotation_axis = 1, 1, "x"  # one bone that bends skin for each of before
    for number, what in enumerate(("FK", "Tweak"), 1):
        extra = getattr(options, f"{what.lower()}_coll_refs", None)
        if extra is not None:
            extra.add().set_collection(_collection(data, rows, f"{name}.{side} ({what})", row + number))


def _collection(data: bpy.types.Armature, rows: dict[str, Any], name: str, row: int) -> Any:
    if name not in rows:
        rows[name] = data.collections.new(name)
        rows[name].rigify_ui_row = row
    return rows[name]


def _tidied(rig: bpy.types.Object, armature: bpy.types.Object) -> None:
    """Its root stands as the plain one did; straight deform bones; the shapes of controls are in no collection."""
    old = armature.data.bones.get(skeleton.ROOT)
    with editing(rig):
        root = rig.data.edit_bones.get(skeleton.ROOT)
        if old and root:
            root.head, root.tail = old.head_local, old.tail_local
            root.align_roll(old.matrix_local.to_3x3().col[2])
    for bone in rig.data.bones:
        bone.bbone_segments = 1
    for collection in list(bpy.data.collections):
        if collection.name.startswith("WGTS_") and not collection.get(ROLE):
            bpy.data.collections.remove(collection)
    for collection in rig.data.collections_all if hasattr(rig.data, "collections_all") else rig.data.collections:
        if collection.name.endswith("(Tweak)"):
            collection.is_visible = False


def switched(rig: bpy.types.Object, fk: bool) -> None:
    """All limbs follow their FK controls, or their IK controls."""
    for bone in rig.pose.bones:
        if SWITCH in bone:
            bone[SWITCH] = 1.0 if fk else 0.0
    rig.update_tag()


def moved_over(rig: bpy.types.Object, armature: bpy.types.Object, bones: Skeleton) -> int:
    """The plain armature's motions move the controls; how many. Rests are alike, so that only names of paths change."""
    data = armature.animation_data
    if not data:
        return 0
    mine = rig.animation_data or rig.animation_data_create()
    strips = [(track, list(track.strips)) for track in data.nla_tracks]
    actions = {data.action, *(strip.action for _, some in strips for strip in some)} - {None}
    names = {bone.name: control_of(rig, bone.name) for bone in bones.bones}
    for action in actions:
        _renamed(action, names)
    for bone in [rig.pose.bones[name] for name in names.values() if name in rig.pose.bones]:
        bone.rotation_mode = "QUATERNION"
    for track, some in strips:
        new = mine.nla_tracks.new()
        new.name, new.mute, new.is_solo = track.name, track.mute, track.is_solo
        for strip in some:
            _copied(new, strip)
    if data.action:
        slot = getattr(data, "action_slot", None)
        mine.action = data.action
        if slot is not None:
            mine.action_slot = slot
    return len(actions)


def _copied(track: Any, strip: Any) -> None:
    new = track.strips.new(strip.name, round(strip.frame_start), strip.action)
    if getattr(strip, "action_slot", None) is not None:
        new.action_slot = strip.action_slot
    for key in ("frame_start", "frame_end", "action_frame_start", "action_frame_end", "scale", "repeat", "blend_type",
                "extrapolation", "use_auto_blend", "blend_in", "blend_out", "mute"):  # fmt: skip
        setattr(new, key, getattr(strip, key))


def _renamed(action: bpy.types.Action, names: dict[str, str]) -> None:
    for curve in animation.every_curve(action):
        hit = re.match(r'pose\.bones\["((?:[^"\\]|\\.)*)"\]', curve.data_path)
        if hit and hit[1] in names:
            curve.data_path = f'pose.bones["{names[hit[1]]}"]{curve.data_path[hit.end() :]}'
