# SPDX-License-Identifier: GPL-3.0-or-later
"""A walk that we compute ourselves, whose feet stand exactly, on skeletons of several names, shapes and rest poses; and
writers of motion files.

Metres, Z up, faces -Y. The legs are solved in the plane: a standing foot is flat and does not move at all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from galatea.addon.scene.lib.motion import editing
from galatea.addon.scene.lib.motion.take import Take, about, after, inverse, turned
from galatea.addon.scene.lib.rig import skeleton as rigging

X, Y = np.array([1.0, 0, 0]), np.array([0, 1.0, 0])
OURS = ("hips", "spine", "chest", "neck", "head", "shoulder", "upper_arm", "forearm", "hand", "thigh", "shin", "foot",
        "toe")  # fmt: skip
NAMES = {
    "mixamo": "mixamorig:Hips mixamorig:Spine mixamorig:Spine1 mixamorig:Neck mixamorig:Head mixamorig:{}Shoulder "
    "mixamorig:{}Arm mixamorig:{}ForeArm mixamorig:{}Hand mixamorig:{}UpLeg mixamorig:{}Leg mixamorig:{}Foot "
    "mixamorig:{}ToeBase",
    "unreal": "pelvis spine_01 spine_02 neck_01 head clavicle_{} upperarm_{} lowerarm_{} hand_{} thigh_{} calf_{} "
    "foot_{} ball_{}",
    "joints": "Hips Chest Chest2 Neck Head {}Collar {}Shoulder {}Elbow {}Wrist {}Hip {}Knee {}Ankle {}Toe",
    "rigify": "spine spine.001 spine.002 spine.003 spine.004 shoulder.{} upper_arm.{} forearm.{} hand.{} thigh.{} "
    "shin.{} foot.{} toe.{}",
    "unity": "Hips Spine UpperChest Neck Head {}Shoulder {}UpperArm {}LowerArm {}Hand {}UpperLeg {}LowerLeg {}Foot "
    "{}Toes",
}
SIDES = {"mixamo": ("Left", "Right"), "unity": ("Left", "Right"), "joints": ("Left", "Right"), "unreal": ("l", "r"),
         "rigify": ("L", "R")}  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """`leg` from hip to ankle, `arm` from shoulder to wrist, in metres; `hang` degrees its arms hang at rest."""

    leg: float = 0.84
    arm: float = 0.52
    trunk: float = 0.50
    hang: float = 0.0
    naming: str = "mixamo"


def skeleton(shape: Shape) -> tuple[tuple[str, ...], np.ndarray, np.ndarray, np.ndarray]:
    """Names, parents, heads and tails (J, 3)."""
    words = dict(zip(OURS, NAMES[shape.naming].split(), strict=True))
    leg, trunk, ankle = shape.leg, shape.trunk, 0.09 * shape.leg
    hip = ankle + leg
    rows: list[tuple[str, str, tuple, tuple]] = []
    z = hip + 0.06 * trunk
    centre = [("hips", 0.12), ("spine", 0.38), ("chest", 0.50), ("neck", 0.18), ("head", 0.36)]
    above = ""
    for name, share in centre:
        rows.append((words[name], above, (0, 0.0, z), (0, 0.0, z + share * trunk)))
        above, z = words[name], z + share * trunk
    top = rows[2][3][2]
    for side, sign in zip(SIDES[shape.naming], (1, -1), strict=True):
        hang = np.radians(shape.hang)
        way = np.array([sign * np.cos(hang), 0.0, -np.sin(hang)])
        places = [np.array([sign * 0.03, 0, top - 0.05]), np.array([sign * 0.16, 0, top - 0.04])]
        places += [places[1] + way * shape.arm * share for share in (0.52, 1.0, 1.3)]
        places[2][1] += 0.02 * shape.arm  # elbows are never quite straight
        parent = words["chest"]
        for name, a, b in zip(("shoulder", "upper_arm", "forearm", "hand"), places, places[1:], strict=False):
            rows.append((words[name].format(side), parent, tuple(a), tuple(b)))
            parent = words[name].format(side)
        x = sign * 0.11 * leg
        down = [(x, 0, hip), (x, -0.01 * leg, ankle + 0.49 * leg), (x, 0.02 * leg, ankle), (x, -0.13 * leg, 0.02 * leg)]
        down.append((x, -0.22 * leg, 0.02 * leg))
        parent = words["hips"]
        for name, a, b in zip(("thigh", "shin", "foot", "toe"), down, down[1:], strict=False):
            rows.append((words[name].format(side), parent, a, b))
            parent = words[name].format(side)
    names = [row[0] for row in rows]
    parents = np.array([names.index(row[1]) if row[1] else -1 for row in rows])
    return tuple(names), parents, np.array([row[2] for row in rows], float), np.array([row[3] for row in rows], float)


def standing(shape: Shape, frames: int = 1, fps: float = 24.0) -> Take:
    names, parents, heads, tails = skeleton(shape)
    turns = np.tile([1.0, 0, 0, 0], (frames, len(names), 1))
    return Take(names, parents, heads, tails, turns, np.tile(heads[0], (frames, 1)), fps)


def walk(shape: Shape | None = None, *, seconds: float = 2.0, fps: float = 30.0, speed: float = 1.0) -> Take:
    """Walks along -Y, a leg length a second times `speed`. A stride takes a second, each foot stands 0.6 of it."""
    shape = shape or Shape()
    rest = standing(shape, round(seconds * fps) + 1, fps)
    words = dict(zip(OURS, NAMES[shape.naming].split(), strict=True))
    t = np.arange(len(rest)) / fps
    leg, stand, pace = shape.leg, 0.6, speed * shape.leg
    places = rest.places + np.stack([0 * t, -pace * t, -0.035 * leg + 0.012 * leg * np.cos(4 * np.pi * t)], axis=1)
    turns = rest.turns.copy()
    at = {name: joint for joint, name in enumerate(rest.names)}
    for side, sign in zip(SIDES[shape.naming], (1, -1), strict=True):
        j = {part: at[words[part].format(side)] for part in OURS[5:]}
        phase = t + (0.0 if sign > 0 else 0.5) + 0.3
        step, share = np.floor(phase), phase % 1.0
        swing = np.clip((share - stand) / (1 - stand), 0, 1)
        smooth = swing * swing * (3 - 2 * swing)
        middle = rest.heads[j["foot"], 1] - pace * (step - phase[0] + t[0] + 0.5 * stand)
        foot_y = middle - pace * smooth
        foot_z = rest.heads[j["foot"], 2] + 0.14 * leg * np.sin(np.pi * swing)
        hip = places + rest.heads[j["thigh"]] - rest.heads[0]
        ankle = np.stack([hip[:, 0], foot_y, foot_z], axis=1)
        upper, lower = (np.linalg.norm(rest.tails[j[p]] - rest.heads[j[p]]) for p in ("thigh", "shin"))
        way = ankle - hip
        far = np.minimum(np.linalg.norm(way, axis=1), (upper + lower) * 0.9995)
        along = (far**2 + upper**2 - lower**2) / (2 * far)
        out = np.sqrt(np.maximum(upper**2 - along**2, 0))
        n = way / np.linalg.norm(way, axis=1, keepdims=True)
        front = np.stack([0 * t, n[:, 2], -n[:, 1]], axis=1)
        knee = hip + along[:, None] * n + out[:, None] * front
        turns[:, j["thigh"]] = editing.arc(rest.tails[j["thigh"]] - rest.heads[j["thigh"]], knee - hip)
        turns[:, j["shin"]] = editing.arc(rest.tails[j["shin"]] - rest.heads[j["shin"]], hip + far[:, None] * n - knee)
        turns[:, j["foot"]] = turns[:, j["toe"]] = about(X, 0.5 * np.sin(np.pi * swing) ** 2)
        drop = about(Y, sign * (np.radians(72 - shape.hang) + 0 * t))
        arm = after(about(X, -0.5 * sign * np.sin(2 * np.pi * t)), drop)
        turns[:, j["upper_arm"]] = arm
        turns[:, j["forearm"]] = turns[:, j["hand"]] = after(about(X, -0.35 + 0 * t), arm)
    for number, name in enumerate(("spine", "chest", "neck", "head")):
        turns[:, at[words[name]]] = about(np.array([0, 0, 1.0]), 0.05 * (number + 1) * np.sin(2 * np.pi * t))
    return replace(rest, turns=turns, places=places)


def write_bvh(take: Take, path: Path, *, order: str = "zxy", unit: float = 100.0, position_first: bool = True) -> Path:
    """Y up, facing +Z, in centimetres unless `unit` says otherwise; Euler angles in this order."""
    flat = about(X, -np.pi / 2)
    heads, tails, places = (
        turned(np.broadcast_to(flat, (*p.shape[:-1], 4)), p) * unit for p in (take.heads, take.tails, take.places)
    )
    turns = after(after(flat, take.turns), inverse(flat))
    lines, columns, done = ["HIERARCHY"], [], []

    def number(values: np.ndarray) -> str:
        return " ".join(f"{value:.6f}" for value in values)

    def add(joint: int, depth: int) -> None:
        pad, above = "\t" * depth, int(take.parents[joint])
        done.append(joint)
        lines.append(f"{pad}{'ROOT' if above < 0 else 'JOINT'} {take.names[joint]}")
        lines.append(pad + "{")
        lines.append(f"{pad}\tOFFSET {number(heads[joint] - (heads[above] if above >= 0 else heads[joint]))}")
        spins = [f"{axis.upper()}rotation" for axis in order]
        shifts = ["Xposition", "Yposition", "Zposition"] if above < 0 else []
        channels = shifts + spins if position_first else spins + shifts
        lines.append(f"{pad}\tCHANNELS {len(channels)} {' '.join(channels)}")
        angles = np.degrees(euler(_local(turns, take.parents, joint), order))
        columns.extend(
            [places, angles] if above < 0 and position_first else [angles, places] if above < 0 else [angles]
        )
        children = [k for k, parent in enumerate(take.parents) if parent == joint]
        for child in children:
            add(child, depth + 1)
        if not children:
            lines.extend([f"{pad}\tEnd Site", pad + "\t{", f"{pad}\t\tOFFSET {number(tails[joint] - heads[joint])}"])
            lines.append(pad + "\t}")
        lines.append(pad + "}")

    add(0, 0)
    lines += ["MOTION", f"Frames: {len(take)}", f"Frame Time: {1 / take.fps:.8f}"]
    table = np.concatenate(columns, axis=1)
    lines += [number(row) for row in table]
    path.write_text("\n".join(lines) + "\n")
    return path


def _local(turns: np.ndarray, parents: np.ndarray, joint: int) -> np.ndarray:
    above = int(parents[joint])
    return turns[:, joint] if above < 0 else after(inverse(turns[:, above]), turns[:, joint])


def matrices(turns: np.ndarray) -> np.ndarray:
    """(…, 3, 3) of quaternions (…, 4)."""
    return np.stack([turned(turns, axis) for axis in np.eye(3)], axis=-1)


def euler(turns: np.ndarray, order: str) -> np.ndarray:
    """Angles (T, 3) whose turns, multiplied in this order, are these quaternions."""
    i, j, k = ("xyz".index(axis) for axis in order)
    sign = 1.0 if (i, j, k) in ((0, 1, 2), (1, 2, 0), (2, 0, 1)) else -1.0
    m = matrices(turns)
    b = np.arcsin(np.clip(sign * m[:, i, k], -1, 1))
    a = np.arctan2(-sign * m[:, j, k], m[:, k, k])
    c = np.arctan2(-sign * m[:, i, j], m[:, i, i])
    return np.stack([a, b, c], axis=1)


def stands(shape: Shape, frames: int, fps: float) -> dict[str, np.ndarray]:
    """(T,) by side: true where `walk` has that foot on the floor."""
    t = np.arange(frames) / fps
    return {side: (t + shift + 0.3) % 1.0 < 0.6 for side, shift in (("L", 0.0), ("R", 0.5))}


def puppet(work: Any, shape: Shape, *, root: bool = True) -> bpy.types.Object:
    """An armature and a body of boxes, one stiff box a bone; the soles are on the floor."""
    names, parents, heads, tails = skeleton(shape)
    base = [rigging.root(heads[0], 0.2)] if root else []
    under = "root" if root else ""
    bones = [
        rigging.Bone(name, names[above] if above >= 0 else under, head, tail, np.array([0, -1.0, 0]))
        for name, above, head, tail in zip(names, parents, heads, tails, strict=True)
    ]
    armature = rigging.build(work, rigging.Skeleton("biped", (*base, *bones)))
    points, faces, groups = [], [], {}
    for number, (name, head, tail) in enumerate(zip(names, heads, tails, strict=True)):
        side = 0.035 if number > 4 else 0.08
        low, high = np.minimum(head, tail) - side, np.maximum(head, tail) + side
        if words_of(shape, "foot", name) or words_of(shape, "toe", name):
            low[1:], high[1] = (tail[1], 0.0), head[1]
        if words_of(shape, "foot", name):
            high[1] += 0.25 * (head[1] - tail[1])
        if words_of(shape, "shin", name):
            low[2] = tail[2]
        groups[name] = list(range(len(points), len(points) + 8))
        points += [(x, y, z) for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])]
        sides = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))
        faces += [[8 * number + corner for corner in each] for each in sides]
    mesh = bpy.data.meshes.new("Puppet")
    mesh.from_pydata(points, [], faces)
    body = work.add("body", bpy.data.objects.new("Puppet", mesh))
    for name, members in groups.items():
        body.vertex_groups.new(name=name).add(members, 1.0, "REPLACE")
    body.parent = armature
    body.modifiers.new("Armature", "ARMATURE").object = armature
    bpy.context.view_layer.update()
    return armature


def words_of(shape: Shape, part: str, name: str) -> bool:
    """The name is what this naming calls the part."""
    return name in [
        dict(zip(OURS, NAMES[shape.naming].split(), strict=True))[part].format(s) for s in SIDES[shape.naming]
    ]
