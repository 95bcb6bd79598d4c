# SPDX-License-Identifier: GPL-3.0-or-later
"""What rolls: car, truck, train, cart. They head to the right (+X), so that the camera sees their side."""

from __future__ import annotations

import itertools

import numpy as np

from .jointed import beam, compound, mirrored
from .prop import Joint, Kit, Part, Prop, builds
from .shapes import ball, box, cylinder, extrude, lathe, ring
from .solid import Floats, Solid, join, part

GLASS = (0.1, 0.14, 0.18)
DARK = (0.05, 0.05, 0.06)


def loft(rings: list[Floats]) -> Solid:
    """A body through rings (N, 3) of as many points, closed at both ends."""
    count, points = len(rings[0]), np.concatenate(rings)
    way = np.concatenate(
        [[0], np.cumsum([np.linalg.norm(np.mean(b - a, axis=0)) for a, b in itertools.pairwise(rings)])]
    )
    step = np.linalg.norm(np.roll(rings[len(rings) // 2], -1, 0) - rings[len(rings) // 2], axis=1)
    along = np.concatenate([[0], np.cumsum(step)])
    faces: list[tuple[int, ...]] = []
    uv: list[tuple[float, float]] = []
    for k in range(len(rings) - 1):
        for s in range(count):
            t = (s + 1) % count
            faces.append((k * count + s, k * count + t, (k + 1) * count + t, (k + 1) * count + s))
            uv += [(way[k], along[s]), (way[k], along[s + 1]), (way[k + 1], along[s + 1]), (way[k + 1], along[s])]
    for face in (tuple(range(count - 1, -1, -1)), tuple(range(len(points) - count, len(points)))):
        faces.append(face)
        spread = points[list(face)]
        wide = np.argsort(np.ptp(spread, axis=0))[::-1][:2]
        uv += [tuple(each) for each in spread[:, wide]]
    made = Solid(points, tuple(faces), np.array(uv))
    fan = np.array([(f[0], f[k], f[k + 1]) for f in faces for k in range(1, len(f) - 1)])
    a, b, c = (points[fan[:, k]] - points.mean(axis=0) for k in range(3))
    return made if np.einsum("ij,ij->", a, np.cross(b, c)) > 0 else made.flipped()


def squircle(half: tuple[float, float], power: float = 4.0, count: int = 28) -> Floats:
    """A rounded rectangle (count, 2), counter-clockwise."""
    turn = ring(count, 1.0, 180 / count)
    out: Floats = turn * np.array(half) / (np.abs(turn) ** power).sum(axis=1, keepdims=True) ** (1 / power)
    return out


def wheel(radius: float, wide: float, spokes: int = 5) -> Solid:
    """Upright, its axle along Y, centred: a tyre, a rim and spokes on both sides."""
    edge = 0.15 * wide
    half = 0.5 * wide
    line = [(0.62, edge - half), (0.9, -half), (1, edge - half), (1, half - edge), (0.9, half), (0.62, half - edge)]
    tyre = lathe([(r * radius, z) for r, z in line], 36, closed=True).painted("rubber", DARK)
    rim = cylinder(0.64 * radius, 0.8 * wide, 32).moved(z=-0.4 * wide).painted("steel", (0.35, 0.36, 0.38))
    spoke = box(0.5 * radius, 0.16 * radius, 0.9 * wide).moved(0.33 * radius, 0, -0.45 * wide)
    hub = cylinder(0.17 * radius, 0.96 * wide, 20, 0.05 * wide).moved(z=-0.48 * wide)
    star = join(hub, *(spoke.turned("z", 360 * k / spokes) for k in range(spokes))).painted("steel", (0.75, 0.76, 0.78))
    return join(tyre, rim, star).turned("x", 90)


def rolling(
    kit: Kit, body: str, places: list[tuple[float, float, float]], made: Solid
) -> tuple[list[Part], list[Joint]]:
    """A wheel with a hinge at each of these places, as parts and joints of a thing."""
    parts, joints = [], []
    for k, place in enumerate(places):
        one = part(kit, f"wheel_{k + 1}", made.moved(*place), "cylinder", axis="y", substance="rubber")
        parts.append(one)
        joints.append(Joint("hinge", one.name, body, place))
    return parts, joints


def _corners(x: float, y: float, radius: float) -> list[tuple[float, float, float]]:
    return [(sx * x, sy * y, radius) for sx in (1, -1) for sy in (1, -1)]


def _arch(radius: float, axle: float, out: float, low: float) -> Solid:
    """The dark above a wheel, on both sides, as far `out` as that and no lower than `low`."""
    one = cylinder(radius, 0.05 * out, 36).turned("x", 90).moved(0, -0.95 * out, axle)
    return mirrored(one.shaped(lambda points: np.maximum(points, [-np.inf, -np.inf, low])), "y")


def _car_body(half: float, side: float, high: float) -> Solid:
    """The lower body and the glass house of a car, `half` as long and `side` as wide to each side."""
    stations = [  # along, foot, roof line, half width
        (-1.0, 0.36, 0.52, 0.84), (-0.98, 0.27, 0.6, 0.93), (-0.88, 0.2, 0.655, 0.985), (-0.6, 0.17, 0.67, 1.0),
        (0.0, 0.16, 0.66, 1.0), (0.4, 0.16, 0.64, 1.0), (0.7, 0.17, 0.6, 0.985), (0.9, 0.2, 0.54, 0.93),
        (0.97, 0.25, 0.49, 0.86), (1.0, 0.32, 0.44, 0.76),
    ]  # fmt: skip
    rings = []
    for at, foot, line, across in stations:
        flat = squircle((across * side, (line - foot) * high / 2), 5.0)
        up = flat[:, 1] + (line + foot) * high / 2
        rings.append(np.column_stack([np.full(len(flat), at * half), flat[:, 0], up]))
    levels = [  # height, back, front, half width
        (0.6, -0.8, 0.44, 0.93), (0.68, -0.77, 0.36, 0.9), (0.84, -0.67, 0.14, 0.82), (0.94, -0.56, 0.02, 0.76),
        (0.955, -0.52, -0.02, 0.72),
    ]  # fmt: skip
    house = []
    for z, back, front, across in levels:
        flat = squircle(((front - back) / 2 * half, across * side), 7.0)
        x = flat[:, 0] + (front + back) / 2 * half
        house.append(np.column_stack([x, flat[:, 1], np.full(len(flat), z * high)]))
    rim, lid = squircle((0.285 * half, 0.765 * side), 6.0), squircle((0.25 * half, 0.68 * side), 6.0)
    steps = ((rim, 0.925), (rim, 0.97), (lid, 1.0))
    roof = [np.column_stack([f[:, 0] - 0.27 * half, f[:, 1], np.full(len(f), z * high)]) for f, z in steps]
    return join(loft(rings), loft(house).painted("glass", GLASS), loft(roof))


def _car_trim(half: float, side: float, high: float) -> Solid:
    """Pillars, doors, lamps, mirrors and bumpers."""
    pillars = []
    for low, up, thick in (
        ((0.4, 0.62), (0.005, 0.94), 0.044), ((-0.2, 0.62), (-0.24, 0.94), 0.07), ((-0.72, 0.62), (-0.54, 0.94), 0.07),
    ):  # fmt: skip
        a, b = (low[0] * half, 0.915 * side, low[1] * high), (up[0] * half, 0.755 * side, up[1] * high)
        pillars.append(beam(a, b, thick * half, 0.06 * side, 0.008 * side))
    seam = box(0.008 * half, 0.012 * side, 0.34 * high).moved(0, 0.995 * side, 0.24 * high)
    grip = box(0.06 * half, 0.04 * side, 0.02 * high).moved(0, side, 0.53 * high)
    front = ball(1.0, 6).scaled(0.07 * half, 0.18 * side, 0.05 * high).moved(0.925 * half, 0.66 * side, 0.45 * high)
    rear = box(0.04 * half, 0.32 * side, 0.09 * high, 0.01 * half).moved(-0.975 * half, 0.68 * side, 0.47 * high)
    grille = box(0.06 * half, side, 0.07 * high, 0.016 * half).moved(0.968 * half, 0, 0.31 * high)
    bumper = box(0.06 * half, 1.6 * side, 0.08 * high, 0.02 * half).moved(-0.968 * half, 0, 0.28 * high)
    sill = box(1.32 * half, 0.08 * side, 0.05 * high, 0.01 * high).moved(0, 0.97 * side, 0.165 * high)
    mirror = ball(1.0, 5).scaled(0.036 * half, 0.07 * side, 0.04 * high).moved(0.3 * half, 0.965 * side, 0.7 * high)
    dark = mirrored(join(seam.moved(0.3 * half), seam.moved(-0.22 * half), sill), "y")
    return join(
        mirrored(join(*pillars, mirror), "y"),
        mirrored(join(grip.moved(-0.14 * half), grip.moved(-0.6 * half)), "y").painted("chrome"),
        join(dark, grille, bumper).painted("plastic", DARK),
        mirrored(front, "y").painted("glass", (0.95, 0.95, 0.9)),
        mirrored(rear, "y").painted("glass", (0.6, 0.03, 0.02)),
    )


@builds
def car(kit: Kit) -> Prop:
    """A saloon with four wheels that turn."""
    wide, deep, high = kit.size
    radius, thick = 0.22 * high, 0.13 * deep
    half, side = wide / 2, 0.485 * deep
    axle = 0.6 * half
    arches = mirrored(_arch(1.16 * radius, radius, 0.489 * deep, 0.165 * high).moved(axle)).painted("plastic", DARK)
    base = compound(kit, "car", _car_body(half, side, high), join(_car_trim(half, side, high), arches))
    wheels, joints = rolling(kit, "car", _corners(axle, deep / 2 - thick / 2, radius), wheel(radius, thick))
    return Prop([base, *wheels], joints)


@builds
def truck(kit: Kit) -> Prop:
    """A cab and a box on six wheels."""
    wide, deep, high = kit.size
    radius, thick = 0.155 * high, 0.12 * deep
    half = wide / 2
    floor = 0.2 * high
    chassis = box(0.97 * wide, 0.5 * deep, 0.1 * high).moved(-0.01 * wide, 0, floor).painted("steel", DARK)
    load = (
        box(0.66 * wide, deep, 0.7 * high, 0.02 * high)
        .moved(-half + 0.33 * wide, 0, 0.3 * high)
        .painted("aluminium", (0.86, 0.86, 0.84))
    )
    ribs = [
        box(0.006 * wide, 0.01 * deep, 0.64 * high).moved(x * wide - half, deep / 2 - 0.005 * deep, 0.33 * high)
        for x in np.linspace(0.06, 0.6, 7)
    ]
    nose = [(-0.2, 0.18), (-0.2, 0.84), (-0.02, 0.84), (0.1, 0.52), (0.115, 0.48), (0.115, 0.18)]
    cab = extrude([(x * wide, z * high) for x, z in reversed(nose)], 0.92 * deep, 0.015 * deep)
    cab = cab.turned("x", 90).moved(half - 0.12 * wide, 0.46 * deep, 0)
    at = half - 0.12 * wide
    screen = beam((at + 0.003 * wide, 0, 0.8 * high), (at + 0.093 * wide, 0, 0.56 * high), 0.8 * deep, 0.02 * wide)
    panes = mirrored(
        box(0.1 * wide, 0.02 * deep, 0.24 * high, 0.004 * deep).moved(at - 0.075 * wide, 0.458 * deep, 0.55 * high), "y"
    )
    glass = join(screen, panes).painted("glass", GLASS)
    lamps = mirrored(
        cylinder(0.035 * high, 0.02 * wide, 20).turned("y", 90).moved(half - 0.02 * wide, 0.34 * deep, 0.29 * high),
        "y",
    )
    grille = (
        box(0.014 * wide, 0.42 * deep, 0.16 * high, 0.004 * wide)
        .moved(half - 0.007 * wide, 0, 0.26 * high)
        .painted("chrome")
    )
    bumper = (
        box(0.03 * wide, 0.95 * deep, 0.07 * high, 0.01 * high)
        .moved(half - 0.015 * wide, 0, 0.15 * high)
        .painted("steel")
    )
    handle = mirrored(
        box(0.02 * wide, 0.02 * deep, 0.02 * high).moved(at - 0.11 * wide, 0.46 * deep, 0.46 * high), "y"
    ).painted("chrome")
    arches = _arch(1.15 * radius, radius, 0.462 * deep, 0.18 * high).moved(0.31 * wide).painted("plastic", DARK)
    extra = join(
        mirrored(join(*ribs), "y").painted("aluminium"),
        glass,
        lamps.painted("glass", (0.95, 0.95, 0.9)),
        grille,
        handle,
        arches,
    )
    base = compound(kit, "truck", join(cab, load, chassis, bumper), extra)
    places = [(x * wide, sy * (deep / 2 - thick / 2), radius) for x in (0.31, -0.22, -0.36) for sy in (1, -1)]
    wheels, joints = rolling(kit, "truck", places, wheel(radius, thick, 6))
    return Prop([base, *wheels], joints)
