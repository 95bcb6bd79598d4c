# SPDX-License-Identifier: GPL-3.0-or-later
"""Bones for other programs: a plain skeleton in the place of one with controls, and the names that a program expects.

The names are facts of those programs: Mixamo's rigs, Unity's humanoid, Unreal's mannequin, VRM 1.0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix

from .....backend.protocol import gltf
from .....backend.protocol.errors import UserError
from ..mesh.selection import editing
from ..motion import animation, names
from ..rig import controls, foreign, skeleton

CONVENTIONS = ("plain", "mixamo", "unity", "unreal", "vrm")
_CENTRE = {
    "spine": ("Hips", "Hips", "pelvis", "hips"),
    "spine.001": ("Spine", "Spine", "spine_01", "spine"),
    "spine.002": ("Spine1", "Chest", "spine_02", "chest"),
    "spine.003": ("Spine2", "UpperChest", "spine_03", "upperChest"),
    "spine.004": ("Neck", "Neck", "neck_01", "neck"),
    "spine.005": ("Neck1", "Neck1", "neck_02", "neck1"),
    "spine.006": ("Head", "Head", "head", "head"),
}
_LIMBS = {
    "shoulder": ("Shoulder", "Shoulder", "clavicle", "Shoulder"),
    "upper_arm": ("Arm", "UpperArm", "upperarm", "UpperArm"),
    "forearm": ("ForeArm", "LowerArm", "lowerarm", "LowerArm"),
    "hand": ("Hand", "Hand", "hand", "Hand"),
    "thigh": ("UpLeg", "UpperLeg", "thigh", "UpperLeg"),
    "shin": ("Leg", "LowerLeg", "calf", "LowerLeg"),
    "foot": ("Foot", "Foot", "foot", "Foot"),
    "toe": ("ToeBase", "Toes", "ball", "Toes"),
}
_FINGERS = {"thumb": "Thumb", "f_index": "Index", "f_middle": "Middle", "f_ring": "Ring", "f_pinky": "Pinky"}
_STEPS = ("Proximal", "Intermediate", "Distal")
_VRM_NEEDS = ("hips", "spine", "head", *(f"{side}{part}" for side in ("left", "right") for part in (
    "UpperArm", "LowerArm", "Hand", "UpperLeg", "LowerLeg", "Foot")))  # fmt: skip


def name_of(bone: str, convention: str) -> str:
    """What the program calls a bone of our biped; its own name where the program has none."""
    column = CONVENTIONS.index(convention) - 1
    prefix = "mixamorig:" if convention == "mixamo" else ""
    if bone in _CENTRE:
        return prefix + _CENTRE[bone][column]
    part, _, side = bone.rpartition(".")
    if side not in ("L", "R"):
        return bone
    whole = {"L": "Left", "R": "Right"}[side]
    if part in _LIMBS:
        stem = _LIMBS[part][column]
    elif part.rpartition(".")[0] in _FINGERS and part[-1] in "123":
        stem = _finger(part, convention)
    else:
        return bone
    if convention == "unreal":
        return f"{stem}_{side.lower()}"
    return prefix + (whole.lower() if convention == "vrm" else whole) + stem


def _finger(part: str, convention: str) -> str:
    finger, number = _FINGERS[part.rpartition(".")[0]], int(part[-1])
    if convention == "mixamo":
        return f"Hand{finger}{number}"
    if convention == "unreal":
        return f"{finger.lower()}_{number:02}"
    finger = "Little" if finger == "Pinky" else finger
    if convention == "vrm" and finger == "Thumb":
        return finger + ("Metacarpal", "Proximal", "Distal")[number - 1]
    return finger + _STEPS[number - 1]


def plain_names(armature: bpy.types.Object) -> dict[str, str]:
    """Name of ours by bone: themselves, or of a foreign skeleton what its names mean."""
    own = [bone.name for bone in armature.data.bones]
    if "thigh.L" in own:
        return {name: name for name in own}
    out: dict[str, str] = {}
    spines = 0
    taken: set[str] = set()
    for name, (part, side) in zip(own, names.meanings(own), strict=True):
        plain = {"hips": "spine", "neck": "spine.004", "head": "spine.006"}.get(part, f"{part}.{side}" if side else "")
        if part == "spine":
            spines += 1
            plain = f"spine.{spines:03}" if spines < 4 else ""
        if part in _FINGERS and side:
            number = 1 + sum(other.startswith(f"{part}.0") and other.endswith(side) for other in taken)
            plain = f"{part}.{number:02}.{side}" if number < 4 else ""
        if plain and plain not in taken:
            taken.add(plain)
            out[name] = plain
    return out


@contextmanager
def called(objects: Sequence[bpy.types.Object], convention: str) -> Iterator[None]:
    """The armature's bones have a program's names for a while; Blender renames groups and motions with them."""
    rig = next((obj for obj in objects if obj.type == "ARMATURE"), None)
    if rig is None or convention == "plain":
        yield
        return
    meant = {part for part, _ in names.meanings(bone.name for bone in rig.data.bones)}
    kind = str(rig.get(skeleton.KIND) or foreign.kind(meant))
    if kind != "biped":
        raise UserError(f"Only bipeds have bones that {convention} names; this is a {kind}. Choose bones plain.")
    wanted = {bone: name_of(plain, convention) for bone, plain in plain_names(rig).items()}
    pairs = [(bone, bone.name, wanted.get(bone.name, bone.name)) for bone in rig.data.bones]
    root = rig.data.bones.get(skeleton.ROOT)
    rooted = root.use_deform if root else False
    if root and convention == "unreal":
        root.use_deform = True  # its first bone is one on the floor
    try:
        for bone, _, new in pairs:
            bone.name = f"galatea {new}"
        for bone, _, new in pairs:
            bone.name = new
        yield
    finally:
        for bone, old, _ in pairs:
            bone.name = f"galatea {old}"
        for bone, old, _ in pairs:
            bone.name = old
        if root:
            root.use_deform = rooted


@contextmanager
def uncontrolled(body: bpy.types.Object) -> Iterator[bool]:
    """In the place of an armature with controls, its plain skeleton with the motion as it shows, for a while.

    Whether there were controls.
    """
    rig = body.find_armature()
    if rig is None or skeleton.CONTROLS not in rig:
        yield False
        return
    bare = _bare(rig)
    skins = [(obj, m) for obj in bpy.data.objects for m in obj.modifiers if m.type == "ARMATURE" and m.object == rig]
    groups = [group for obj in {obj for obj, _ in skins} for group in obj.vertex_groups]
    before = [(group, group.name) for group in groups if group.name.startswith("DEF-")]
    children = [(obj, obj.matrix_parent_inverse.copy()) for obj, _ in skins if obj.parent == rig]
    for group, name in before:
        group.name = controls.plain(name)
    for _, modifier in skins:
        modifier.object = bare
    for obj, inverse in children:
        obj.parent, obj.matrix_parent_inverse = bare, inverse
    try:
        yield True
    finally:
        for obj, inverse in children:
            obj.parent, obj.matrix_parent_inverse = rig, inverse
        for _, modifier in skins:
            modifier.object = rig
        for group, name in before:
            group.name = name
        action = bare.animation_data.action if bare.animation_data else None
        data = bare.data
        bpy.data.objects.remove(bare)
        bpy.data.armatures.remove(data)
        if action:
            bpy.data.actions.remove(action)


def _bare(rig: bpy.types.Object) -> bpy.types.Object:
    bones = skeleton.read(rig)
    data = bpy.data.armatures.new("Skeleton")
    bare = bpy.data.objects.new(rig.name, data)
    bpy.context.scene.collection.objects.link(bare)
    with editing(bare):
        for bone in bones.bones:
            new, old = data.edit_bones.new(bone.name), controls.rest_of(rig, bone.name)
            new.head, new.tail, new.use_deform = old.head_local, old.tail_local, bone.deform
            new.align_roll(old.matrix_local.to_3x3().col[2])
            new.parent = data.edit_bones.get(bone.parent)
    for key in [key for key in rig.keys() if key.startswith("galatea_") and key != skeleton.CONTROLS]:  # noqa: SIM118
        bare[key] = rig[key]
    bare.parent, bare.matrix_parent_inverse, bare.matrix_basis = rig.parent, rig.matrix_parent_inverse, rig.matrix_basis
    if rig.animation_data and (rig.animation_data.action or rig.animation_data.nla_tracks):
        _baked(bare, rig, [bone.name for bone in bones.bones])
    return bare


def _baked(bare: bpy.types.Object, rig: bpy.types.Object, wanted: list[str]) -> None:
    """The motion as keys of each frame."""
    scene, data = bpy.context.scene, rig.animation_data
    actions = [data.action] if data.action else []
    ranges = [action.frame_range for action in actions] + [
        (strip.frame_start, strip.frame_end) for track in data.nla_tracks for strip in track.strips
    ]
    frames = list(range(int(min(low for low, _ in ranges)), int(max(high for _, high in ranges)) + 1))
    rest = {name: bare.data.bones[name].matrix_local.copy() for name in wanted}
    parent = {name: bare.data.bones[name].parent.name if bare.data.bones[name].parent else "" for name in wanted}
    keys: dict[str, list[list[float]]] = {name: [] for name in wanted}
    before = scene.frame_current
    for frame in frames:
        scene.frame_set(frame)
        posed = {name: _posed(rig, name) for name in wanted}
        for name in wanted:
            above, under = (posed[parent[name]], rest[parent[name]]) if parent[name] else (Matrix(), Matrix())
            basis = (under.inverted() @ rest[name]).inverted() @ above.inverted() @ posed[name]
            place, turn, scale = basis.decompose()
            keys[name].append([*place, *turn, *scale])
    scene.frame_set(before)
    animation.new_action(bare, data.action.name if data.action else "motion")
    for name, rows in keys.items():
        table = np.array(rows)
        bare.pose.bones[name].rotation_mode = "QUATERNION"
        for path, some in (("location", slice(0, 3)), ("rotation_quaternion", slice(3, 7)), ("scale", slice(7, 10))):
            animation.set_keys(bare, f'pose.bones["{name}"].{path}', frames, table[:, some], group=name)


def _posed(rig: bpy.types.Object, name: str) -> Matrix:
    bones = rig.pose.bones
    bone = bones.get(f"DEF-{name}") or bones.get(f"ORG-{name}") or bones[name]
    return bone.matrix.copy()


def humanoid(path: Path) -> bool:
    """Say in a glTF file which node is which bone of a human, as VRM 1.0 does; False where it lacks one."""
    document = gltf.read(path)
    number: dict[str, Any] = {node.get("name", ""): at for at, node in enumerate(document.get("nodes", []))}
    if any(name not in number for name in _VRM_NEEDS):
        return False
    known = {name_of(bone, "vrm") for bone in _CENTRE if bone != "spine.005"}
    known |= {name_of(f"{part}.{side}", "vrm") for part in _LIMBS for side in "LR"}
    known |= {name_of(f"{part}.{n:02}.{side}", "vrm") for part in _FINGERS for n in (1, 2, 3) for side in "LR"}
    bones = {name: {"node": number[name]} for name in sorted(known) if name in number}
    meta = {"name": path.stem, "version": "1", "authors": ["unknown"], "licenseUrl": "https://vrm.dev/licenses/1.0/"}
    document.setdefault("extensions", {})["VRMC_vrm"] = {
        "specVersion": "1.0", "meta": meta, "humanoid": {"humanBones": bones},
    }  # fmt: skip
    document["extensionsUsed"] = sorted({*document.get("extensionsUsed", []), "VRMC_vrm"})
    gltf.write(path, document)
    return True
