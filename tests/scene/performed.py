# SPDX-License-Identifier: GPL-3.0-or-later
"""One body of each kind, and what it does when it is told in words."""

from __future__ import annotations

import itertools

import numpy as np

from galatea.addon.scene.lib.motion import anatomy, library, limbs, planning, timeline, words
from galatea.addon.scene.lib.rig import skeleton as rigs

from .people import beast, person

Z, X = np.array([0, 0, 1.0]), np.array([1.0, 0, 0])


def chained(kind, joints, *, name="spine", z=Z):
    """One chain on a root, as backbones are."""
    joints = np.array(joints, float)
    bones = [rigs.root(joints[len(joints) // 2], 0.3)]
    for k, (head, tail) in enumerate(itertools.pairwise(joints)):
        bones.append(rigs.Bone(f"{name}.{k + 1:03d}", bones[-1].name if k else "root", head, tail, z))
    return rigs.Skeleton(kind, tuple(bones))


def lying(kind):
    return chained(kind, [(0, y, 0.12) for y in np.linspace(-0.5, 0.5, 9)])


def wagon():
    bones = [
        rigs.root(np.zeros(3), 0.3),
        rigs.Bone("body", "root", np.array([0, 0.4, 0.2]), np.array([0, -0.4, 0.2]), Z),
    ]
    places = {
        "wheel.L.001": (0.2, -0.3),
        "wheel.L.002": (0.2, 0.3),
        "wheel.R.001": (-0.2, -0.3),
        "wheel.R.002": (-0.2, 0.3),
    }
    for name, (x, y) in places.items():
        centre = np.array([x, y, 0.1])
        bones.append(rigs.Bone(name, "body", centre, centre + 0.1 * X, Z))
    return rigs.Skeleton("vehicle", tuple(bones), marks={"wheels": tuple(places)})


def bird():
    bones = list(chained("bird", [(0, y, 0.4) for y in (0.1, 0.0, -0.1, -0.2, -0.3)]).bones)
    for side, x in (("L", 1), ("R", -1)):
        ends = [np.array([x * w, -0.05, 0.42]) for w in (0.05, 0.25, 0.45)]
        bones += [rigs.Bone(f"wing.{side}.001", "spine.002", ends[0], ends[1], Z)]
        bones += [rigs.Bone(f"wing.{side}.002", f"wing.{side}.001", ends[1], ends[2], Z)]
        leg = [np.array([x * 0.06, y, z]) for y, z in ((0.0, 0.36), (-0.05, 0.24), (0.02, 0.05), (-0.06, 0.01))]
        names = [f"{part}.{side}" for part in ("thigh", "shin", "foot")]
        for k, name in enumerate(names):
            bones.append(rigs.Bone(name, names[k - 1] if k else "spine.001", leg[k], leg[k + 1], -limbs.Y))
    marks = {"wings": tuple(b.name for b in bones if b.name.startswith("wing"))}
    return rigs.Skeleton("bird", tuple(bones), marks=marks)


def block(kind):
    body = rigs.Bone("body", "root", np.zeros(3), np.array([0, 0, 0.8]), -limbs.Y)
    return rigs.Skeleton(kind, (rigs.root(np.zeros(3), 0.4), body))


BODIES = {
    "biped": person,
    "quadruped": beast,
    "bird": bird,
    "fish": lambda: lying("fish"),
    "snake": lambda: lying("snake"),
    "plant": lambda: chained("plant", [(0, 0, z) for z in np.linspace(0, 1, 6)], name="trunk"),
    "soft": lambda: chained("soft", [(0, 0, z) for z in np.linspace(0, 1, 6)]),
    "furniture": lambda: block("furniture"),
    "vehicle": wagon,
    "prop": lambda: block("prop"),
}
EVERY = [(kind, name) for kind in BODIES for name in library.clips(kind)]


def made(skeleton, text, **wish):
    body = anatomy.body(skeleton)
    return timeline.make(body, words.understand(text, body.kind).parts, planning.Wish(**wish))


def ends(take, name):
    return take.joints()[1][:, take.names.index(name)]
