# SPDX-License-Identifier: GPL-3.0-or-later
"""Animals as capsules melted into one skin: four-legged ones of all builds, birds, fish, lizards, seals."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ..shape import Shape
from .pile import Pile, near
from .solids import Capsule, Points, blob, curve, pillow, tube, vec

Rng = np.random.Generator
BUILDS: dict[str, tuple[float, ...]] = {
    #          leg   thick chest  hip   neck  rise  head  skull snout ear   tail  droop
    "horse": (0.62, 0.055, 0.20, 0.18, 0.50, 50, 0.34, 0.085, 0.055, 0.08, 0.50, 70),
    "deer": (0.62, 0.035, 0.17, 0.15, 0.42, 60, 0.26, 0.070, 0.038, 0.12, 0.10, 30),
    "cow": (0.45, 0.060, 0.26, 0.24, 0.28, 15, 0.34, 0.100, 0.075, 0.13, 0.50, 80),
    "pig": (0.26, 0.055, 0.25, 0.25, 0.12, 5, 0.30, 0.120, 0.070, 0.11, 0.12, 10),
    "sheep": (0.36, 0.040, 0.26, 0.25, 0.22, 40, 0.24, 0.080, 0.050, 0.11, 0.12, 70),
    "goat": (0.44, 0.038, 0.19, 0.19, 0.26, 50, 0.26, 0.070, 0.045, 0.11, 0.10, -30),
    "dog": (0.42, 0.040, 0.17, 0.13, 0.20, 45, 0.26, 0.085, 0.040, 0.10, 0.36, -20),
    "wolf": (0.46, 0.042, 0.18, 0.14, 0.22, 30, 0.30, 0.090, 0.038, 0.10, 0.40, 50),
    "cat": (0.34, 0.038, 0.13, 0.13, 0.12, 45, 0.18, 0.085, 0.050, 0.07, 0.60, -10),
    "lion": (0.42, 0.058, 0.19, 0.16, 0.20, 35, 0.26, 0.120, 0.080, 0.06, 0.60, 50),
    "bear": (0.36, 0.085, 0.26, 0.27, 0.14, 15, 0.30, 0.130, 0.065, 0.07, 0.05, 60),
    "elephant": (0.56, 0.095, 0.33, 0.31, 0.10, 20, 0.34, 0.200, 0.150, 0.05, 0.40, 80),
    "giraffe": (0.90, 0.050, 0.23, 0.17, 0.95, 65, 0.28, 0.075, 0.045, 0.09, 0.40, 80),
    "camel": (0.66, 0.050, 0.23, 0.20, 0.50, 35, 0.28, 0.075, 0.055, 0.05, 0.30, 75),
    "rhino": (0.34, 0.085, 0.29, 0.29, 0.14, 5, 0.42, 0.130, 0.085, 0.09, 0.30, 80),
    "rabbit": (0.22, 0.040, 0.18, 0.24, 0.06, 45, 0.22, 0.110, 0.065, 0.28, 0.06, 0),
    "rat": (0.14, 0.025, 0.15, 0.19, 0.06, 10, 0.26, 0.085, 0.025, 0.08, 0.90, 15),
    "badger": (0.18, 0.045, 0.18, 0.20, 0.10, 5, 0.26, 0.090, 0.040, 0.05, 0.20, 30),
}
HORNED = {"deer": 0.5, "cow": 0.6, "goat": 0.8, "sheep": 0.4, "rhino": 1.0, "giraffe": 1.0}
THICK = {"fish": 0.12, "shark": 0.085, "whale": 0.12, "crocodile": 0.06, "seal": 0.12}
"""Of what swims or creeps, against its length."""
EYE, HORN, CLAW = (0.06, 0.05, 0.05), (0.45, 0.38, 0.3), (0.82, 0.58, 0.2)


class _Head:
    """Where a head is: it looks along `ahead` from its top `poll`, `over` is up and `across` to its left."""

    def __init__(self, rng: Rng, poll: Points, long: float, skull: float) -> None:
        nod, look = np.radians(rng.uniform(10, 45)), rng.normal(0, 0.25)
        self.poll, self.skull = poll, skull
        self.ahead = vec(np.sin(look) * np.cos(nod), -np.cos(look) * np.cos(nod), -np.sin(nod))
        self.across = vec(np.cos(look), np.sin(look), 0)
        self.over = np.cross(self.ahead, self.across)
        self.over *= np.sign(self.over[2])
        self.nose = poll + long * self.ahead

    def side(self, sign: int, across: float, over: float, ahead: float = 0.0) -> Points:
        """A place on it, in skulls from its top."""
        way = sign * across * self.across + over * self.over + ahead * self.ahead
        return np.asarray(self.poll + self.skull * way)


def quadruped(rng: Rng) -> Shape:
    """One of `BUILDS`, standing or walking, its head up, level or at the grass."""
    name = str(rng.choice(list(BUILDS)))
    leg, thick, chest, hip, neck, rise, long, skull, snout, ear, tail, droop = (
        near(rng, value, 0.12) for value in BUILDS[name]
    )
    z = leg + 0.6 * chest
    front, back = vec(0, -0.36, z), vec(0, 0.36, z + rng.normal(0, 0.03))
    full = rng.uniform(0.85, 1.1) * max(chest, hip)
    middle = (front + back) / 2 - vec(0, 0, rng.uniform(0, 0.04))
    angle = np.radians(rise + rng.normal(0, 12) - (rng.random() < 0.15) * 70)
    root = front + chest * vec(0, -0.5, 0.35)
    head = _Head(rng, root + neck * vec(0, -np.cos(angle), np.sin(angle)), long, skull)
    cheek = head.poll + 0.35 * long * head.ahead
    skin: list[Capsule] = [
        (front, middle, chest, full),
        (middle, back, full, hip),
        (root, head.poll, 0.62 * chest, max(0.8 * skull, 0.35 * chest)),
        (head.poll, cheek, skull, 0.9 * skull),
        (cheek, head.nose, 0.8 * skull, snout),
    ]
    for sign in (-1, 1):
        base = head.side(sign, 0.75, 0.6)
        tip = base + ear * (0.7 * head.over + sign * rng.uniform(0.2, 0.9) * head.across)
        skin.append((base, tip, 0.35 * ear + 0.01, 0.12 * ear + 0.008))
    if name == "elephant":
        trunk = curve(
            [head.nose, head.nose + vec(0, -0.12, -0.25), head.nose + vec(0, rng.uniform(-0.2, 0.1), -0.55)], 6
        )
        skin += [(a, b, 0.11 - 0.012 * i, 0.10 - 0.012 * i) for i, (a, b) in enumerate(pairwise(trunk))]
    if name == "camel":
        humps = (0.0,) if rng.random() < 0.5 else (-0.16, 0.16)
        skin += [((0, y, z + chest), (0, y, z + 1.35 * chest), 0.55 * chest, 0.4 * chest) for y in humps]
    skin += _legs(rng, leg, thick, z, (chest, hip))
    low, fat = np.radians(droop + rng.normal(0, 20)), rng.uniform(0.012, 0.05)
    rump, bow = back + hip * vec(0, 0.8, 0.3), vec(0, np.cos(low), -np.sin(low))
    end = curve([rump, rump + 0.4 * tail * (bow + vec(0, 0.5, 0)), rump + tail * bow], 5)
    skin += [(a, b, 0.7 * fat + 0.01, 0.5 * fat + 0.008) for a, b in pairwise(end)]
    pile = Pile(rng, "coat")
    pile.add(blob(skin, 0.012 + 0.03 * chest, 84), patched=rng.random() < 0.5)
    if rng.random() < HORNED.get(name, 0.0):
        _horns(pile, name, head, rng)
    for sign in (-1, 1):
        pile.add(pillow((0.25 * skull,) * 3, head.side(sign, 0.8, 0.35, 0.35 * long / skull), 1.0, 10), EYE)
    return pile.shape()


def _legs(rng: Rng, leg: float, thick: float, z: float, wide: tuple[float, float]) -> list[Capsule]:
    """Four, bent forwards in front and backwards behind."""
    skin: list[Capsule] = []
    stride = rng.uniform(0, 0.22) * leg * (rng.random() < 0.6)
    for y, bend, room in ((-0.33, -0.06, wide[0]), (0.34, 0.12, wide[1])):
        for sign in (-1, 1):
            swing = stride * sign * np.sign(y) + rng.normal(0, 0.015)
            top = vec(sign * 0.62 * room, y, z - 0.25 * room)
            knee = vec(sign * 0.58 * room, y + bend * leg + 0.5 * swing, 0.52 * leg)
            ankle = vec(sign * 0.56 * room, y + 0.9 * swing, 0.12 * leg)
            toe = vec(sign * 0.56 * room, y + swing - 0.6 * thick, 0.9 * thick)
            skin += [
                (top, knee, 1.9 * thick + 0.1 * room, 1.05 * thick),
                (knee, ankle, thick, 0.75 * thick),
                (ankle, toe, 0.8 * thick, 0.95 * thick),
            ]
    return skin


def _horns(pile: Pile, name: str, head: _Head, rng: Rng) -> None:
    if name == "rhino":
        pile.add(tube([head.nose, head.nose + rng.uniform(0.15, 0.3) * head.over], [0.06, 0.01]), HORN)
        return
    length = {"deer": 0.4, "cow": 0.25, "goat": 0.3, "sheep": 0.25, "giraffe": 0.1}[name] * rng.uniform(0.7, 1.4)
    for sign in (-1, 1):
        base, out = head.side(sign, 0.5, 0.7), sign * head.across * rng.uniform(0.2, 1.0)
        tip = base + length * (head.over + 0.6 * out + vec(0, rng.uniform(-0.4, 0.6), 0))
        line = curve([base, base + 0.5 * length * (head.over + out), tip], 8)
        pile.add(tube(line, np.linspace(0.028, 0.008, 8), 8), HORN)
        for i in (3, 5) if name == "deer" else ():
            prong = line[i] + 0.35 * length * (0.6 * head.over + vec(0, -0.8, 0))
            pile.add(tube([line[i], prong], [0.015, 0.006], 8), HORN)


def bird(rng: Rng) -> Shape:
    """Standing, with folded or open wings."""
    wide, long, leg = rng.uniform(0.13, 0.24), rng.uniform(0.25, 0.5), rng.uniform(0.12, 0.6)
    z, tilt = leg + wide, np.radians(rng.uniform(0, 55))
    axis = np.array([0, -np.cos(tilt), np.sin(tilt)])
    middle = np.array([0, 0, z + 0.3 * long * np.sin(tilt)])
    breast, rump = middle + 0.5 * long * axis, middle - 0.5 * long * axis
    neck, up = rng.choice([0.1, 0.2, 0.5]) * rng.uniform(0.7, 1.3), np.radians(rng.uniform(40, 90))
    head = breast + neck * np.array([0, -np.cos(up), np.sin(up)]) + vec(0, 0, 0.05)
    skull = wide * rng.uniform(0.35, 0.65)
    skin: list[Capsule] = [
        (breast, middle, 0.8 * wide, wide),
        (middle, rump, wide, 0.45 * wide),
        (breast, head, 0.6 * wide, 0.7 * skull),
        (head, head, skull, skull),
    ]
    tail = rump + rng.uniform(0.15, 0.5) * (-axis + vec(0, 0, rng.uniform(-0.3, 0.6)))
    spread = rng.uniform(0.02, 0.12)
    skin += [(rump, tail + vec(s * spread, 0, 0), 0.05, 0.025) for s in (-1, 0, 1)]
    opened = rng.random() < 0.3
    for sign in (-1, 1):
        root = breast + vec(sign * 0.75 * wide, 0.05, 0.1 * wide)
        if opened:
            out, rise = rng.uniform(0.5, 0.9), rng.uniform(-0.1, 0.4)
            for back in np.linspace(0, 0.3, 5):
                tip = root + vec(sign * out * (1 - 0.8 * back), back, rise)
                skin.append((root + vec(0, back * 0.6, 0), tip, 0.04, 0.02))
        else:
            skin.append((root, rump + vec(sign * 0.5 * wide, 0.1, 0), 0.45 * wide, 0.12 * wide))
    pile = Pile(rng, "feathers")
    pile.add(blob(skin, 0.025, 80), patched=rng.random() < 0.4)
    beak = rng.uniform(0.08, 0.3)
    face = head - vec(0, 0.7 * skull, 0)
    pile.add(tube([face, face - beak * vec(0, 1, rng.uniform(0, 0.4))], [0.35 * skull, 0.008]), CLAW)
    for sign in (-1, 1):
        x, y = sign * 0.4 * wide, middle[1] + 0.05
        pile.add(tube([(x, y, z), (x, y + 0.03, leg * 0.5), (x, y, 0.02)], [0.04, 0.016, 0.014], 8), CLAW)
        for side in (-0.4, 0, 0.4):
            pile.add(tube([(x, y, 0.015), (x + side * 0.12, y - 0.12, 0.012)], [0.014, 0.008], 6), CLAW)
        pile.add(pillow((0.3 * skull,) * 3, head + skull * vec(sign * 0.85, -0.3, 0.2), 1.0, 10), EYE)
    return pile.shape()


def swimmer(rng: Rng) -> Shape:
    """Fish, sharks and whales, a lizard or crocodile, or a seal: a spine with fins or short legs."""
    kind = str(rng.choice(list(THICK)))
    thick = THICK[kind] * rng.uniform(0.8, 1.25)
    curl = rng.normal(0, 0.08)
    y = np.linspace(-0.5, 0.5, 9)
    full = np.interp(y, [-0.5, -0.38, -0.12, 0.15, 0.4, 0.5], [0.35, 0.75, 1, 0.85, 0.3, 0.15]) * thick
    x = curl * np.sin(2 * np.pi * y) + curl * np.maximum(y, 0)
    lift = rng.uniform(0.1, 0.35) * np.maximum(-y - 0.1, 0) if kind == "seal" else 0 * y
    spine = np.stack([x, y, thick + lift], axis=1)
    skin: list[Capsule] = [(a, b, r, s) for a, b, r, s in zip(spine, spine[1:], full, full[1:], strict=False)]
    tail = spine[-1]
    if kind in ("fish", "shark"):
        for sign, long in ((1, 1.0), (-1, rng.uniform(0.5, 1.0))):
            skin.append((tail, tail + vec(0, 0.14, sign * 0.16 * long), 0.02, 0.012))
        skin.append((tail, tail + vec(0, 0.07, 0), 0.03, 0.015))
        for along, high in ((-0.02, rng.uniform(0.1, 0.2)), (0.25, 0.06)):
            for back in (along, along + 0.04, along + 0.08):
                top = 1.8 * thick + high * (1 - 8 * (back - along)) + 0.02
                skin.append(((0, back, 1.6 * thick), (0, back + 0.06, top), 0.018, 0.01))
    if kind in ("whale", "seal"):
        skin += [(tail, tail + vec(s * 0.15, 0.1, 0), 0.03, 0.012) for s in (-1, 1)]
    if kind == "crocodile":
        jaw = spine[0]
        skin += [
            (jaw, jaw + vec(0, -0.2, 0.01), 0.6 * thick, 0.3 * thick),
            (tail, tail + vec(2 * curl, 0.3, -0.4 * thick), 0.2 * thick, 0.01),
        ]
    for along, long in ((-0.22, 0.2), (0.2, 0.12)):
        for sign in (-1, 1):
            root = vec(sign * 0.7 * thick, along, 0.8 * thick)
            if kind == "crocodile":
                knee = root + vec(sign * 0.1, rng.normal(0, 0.03), 0.02)
                skin += [(root, knee, 0.03, 0.024), (knee, (knee[0] + sign * 0.01, knee[1] - 0.03, 0.02), 0.024, 0.02)]
            else:
                tip = root + vec(sign * long * 0.8, long * 0.7, -rng.uniform(0, 0.5) * long)
                skin += [(root, tip, 0.025, 0.012), (root + vec(0, 0.05, 0), tip, 0.02, 0.012)]
    pile = Pile(rng, "skin")
    pile.add(blob(skin, 0.02, 84), patched=rng.random() < 0.4)
    for sign in (-1, 1):
        eye = spine[0] + vec(sign * 0.75 * full[0], 0.04, 0.35 * thick)
        pile.add(pillow((0.18 * thick + 0.008,) * 3, eye, 1.0, 10), EYE)
    return pile.shape()


def figure(rng: Rng) -> Shape:
    """A simple two-legged being, as of cartoons: big or small head, any build."""
    head, leg, arm = rng.uniform(0.1, 0.24), rng.uniform(0.25, 0.5), rng.uniform(0.25, 0.45)
    wide, thick = rng.uniform(0.09, 0.2), rng.uniform(0.03, 0.075)
    torso = rng.uniform(0.25, 0.4)
    hips, chest = np.array([0, 0, leg]), np.array([0, rng.normal(0, 0.02), leg + torso])
    skull = chest + vec(0, -0.01, wide * 0.5 + head)
    skin: list[Capsule] = [
        (hips, chest, wide * rng.uniform(0.7, 1.2), wide),
        (chest, skull, thick * 1.1, thick),
        (skull, skull + vec(0, 0, 0.3 * head), head, 0.9 * head),
    ]
    for sign in (-1, 1):
        swing, out = rng.normal(0, 25), rng.uniform(5, 80)
        a, b = np.radians(swing), np.radians(out)
        shoulder = chest + vec(sign * wide, 0, 0)
        elbow = shoulder + 0.5 * arm * np.array([sign * np.sin(b), -np.sin(a), -np.cos(a) * np.cos(b)])
        hand = elbow + 0.5 * arm * np.array(
            [sign * 0.6 * np.sin(b), -np.sin(a) - rng.uniform(0, 1), -np.cos(a) * np.cos(b)]
        )
        skin += [(shoulder, elbow, thick, 0.85 * thick), (elbow, hand, 0.85 * thick, 0.9 * thick)]
        step = np.radians(rng.normal(0, 18))
        hip = hips + vec(sign * 0.55 * wide, 0, 0)
        foot = hip + leg * np.array([sign * 0.05, -np.sin(step), -np.cos(step)]) + vec(0, 0, thick)
        skin += [
            (hip, (hip + foot) / 2 + vec(0, -0.02, 0), 1.2 * thick, thick),
            ((hip + foot) / 2 + vec(0, -0.02, 0), foot, thick, 0.9 * thick),
            (foot, foot + vec(0, -1.8 * thick, -0.2 * thick), 0.9 * thick, 0.8 * thick),
        ]
    pile = Pile(rng, "cloth")
    pile.add(blob(skin, 0.02, 80), patched=rng.random() < 0.5)
    return pile.shape()


FAMILY = (quadruped, quadruped, quadruped, bird, swimmer, figure)
