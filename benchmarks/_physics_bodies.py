# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigid bodies given to an engine as they are: slopes, pendulums, collisions, springs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from galatea.addon.scene.lib.physics.bodies import Body, Joint

from ._physics_stand import NONE, STEP, Array, Found, G, ball, box, period, solved

DOWN = np.array([0, 1.0, 0])
"""The axis that slopes and swings turn about."""


def _slope(degrees: float, **own: float) -> tuple[Body, Array, Array, tuple[float, ...]]:
    """A still block with its top at the origin, the way down, the way up from it, and its turn."""
    angle = np.radians(degrees)
    turn = (float(np.cos(angle / 2)), 0.0, float(np.sin(angle / 2)), 0.0)
    down, out = np.array([np.cos(angle), 0, -np.sin(angle)]), np.array([np.sin(angle), 0, np.cos(angle)])
    return box((60, 20, 4), -2 * out, "still", turn=turn, **own), down, out, turn


def _pulled(way: Array, seconds: float) -> float:
    """Acceleration in m/s² of what starts at rest, from its way (S,) in the second half of the time."""
    times = np.arange(len(way)) * STEP
    half = len(way) // 2
    return float(2 * np.polyfit(times[half:], way[half:], 2)[0])


def holds(engine: str, friction: float = 0.5, share: float = 0.95) -> Found:
    """A block on a slope of which the tangent is that share of its friction; how far it has crept in 3 s."""
    degrees = float(np.degrees(np.arctan(share * friction)))
    own = {"friction": friction**0.5, "restitution": 0.0}
    ground, down, out, turn = _slope(degrees, **own)
    poses, _ = solved(engine, [ground, box((0.3, 0.3, 0.1), 0.05 * out, turn=turn, **own)], 3.0)
    crept = float((poses[-1, 1, :3] - poses[0, 1, :3]) @ down)
    return Found(f"block on a slope of {degrees:.1f}°, friction {friction:g}", engine, "holds", 0.0, crept, "m", 0.01)


def slips(engine: str, friction: float = 0.5, share: float = 1.1) -> Found:
    degrees = float(np.degrees(np.arctan(share * friction)))
    own = {"friction": friction**0.5, "restitution": 0.0}
    ground, down, out, turn = _slope(degrees, **own)
    poses, _ = solved(engine, [ground, box((0.3, 0.3, 0.1), 0.05 * out, turn=turn, **own)], 1.5)
    angle = np.radians(degrees)
    wanted = G * (np.sin(angle) - friction * np.cos(angle))
    got = _pulled((poses[:, 1, :3] - poses[0, 1, :3]) @ down, 1.5)
    name = "without friction" if not friction else f"friction {friction:g}"
    return Found(
        f"block on a slope of {degrees:.1f}°, {name}", engine, "g (sin α - μ cos α)", wanted, got, "m/s²", 0.05
    )


def glides(engine: str, degrees: float = 20.0) -> Found:
    own = {"friction": 0.0, "restitution": 0.0}
    ground, down, out, turn = _slope(degrees, **own)
    poses, _ = solved(engine, [ground, box((0.3, 0.3, 0.1), 0.05 * out, turn=turn, **own)], 1.5)
    got = _pulled((poses[:, 1, :3] - poses[0, 1, :3]) @ down, 1.5)
    wanted = G * float(np.sin(np.radians(degrees)))
    return Found(f"block on a slope of {degrees:g}°, no friction", engine, "g sin α", wanted, got, "m/s²", 0.05)


def rolls(engine: str, degrees: float = 20.0, shape: str = "sphere") -> Found:
    own = {"friction": 0.9, "restitution": 0.0}
    ground, down, out, _ = _slope(degrees, **own)
    lying = (0.5**0.5, 0.5**0.5, 0, 0)
    place = 0.15 * out
    body = ball(0.15, place, **own) if shape == "sphere" else box((0.3,) * 3, place, shape=shape, turn=lying, **own)
    poses, _ = solved(engine, [ground, body], 1.5)
    got = _pulled((poses[:, 1, :3] - poses[0, 1, :3]) @ down, 1.5)
    share, name = (5 / 7, "5/7") if shape == "sphere" else (2 / 3, "2/3")
    wanted = share * G * float(np.sin(np.radians(degrees)))
    return Found(f"{shape} rolls down a slope of {degrees:g}°", engine, f"{name} g sin α", wanted, got, "m/s²", 0.05)


def pendulum(engine: str, kind: str = "hinge", angle: float = 0.1, length: float = 1.0, radius: float = 0.02) -> Found:
    place = (length * np.sin(angle), 0, 5 - length * np.cos(angle))
    joint = Joint(kind, 0, -1, np.array([0, 0, 5.0]), DOWN)
    poses, _ = solved(engine, [ball(radius, place)], 10.0, [joint])
    wide = 1 + angle**2 / 16 + 11 * angle**4 / 3072
    wanted = 2 * np.pi * np.sqrt((length**2 + 0.4 * radius**2) / (G * length)) * wide
    what = f"pendulum of {length:g} m, ball of {2 * radius:g} m, on a {kind} joint, {np.degrees(angle):.0f}°"
    return Found(what, engine, "2 π √(I / m g l)", wanted, period(poses[:, 0, 0]), "s", 0.01)


def rod(engine: str, length: float = 1.0) -> Found:
    """Of 4 cm, hung by its end."""
    angle, width = 0.1, 0.04
    turn = (np.cos(angle / 2), 0, -np.sin(angle / 2), 0)
    place = (length / 2 * np.sin(angle), 0, 5 - length / 2 * np.cos(angle))
    joint = Joint("hinge", 0, -1, np.array([0, 0, 5.0]), DOWN)
    poses, _ = solved(engine, [box((width, width, length), place, turn=turn)], 10.0, [joint])
    inertia = (length**2 + width**2) / 12 + length**2 / 4
    wanted = 2 * np.pi * np.sqrt(inertia / (G * length / 2)) * (1 + angle**2 / 16)
    return Found(
        f"rod of {length:g} m by its end", engine, "2 π √(2 l / 3 g)", wanted, period(poses[:, 0, 0]), "s", 0.01
    )


def spring(engine: str, stiffness: float = 80.0, mass: float = 2.0) -> list[Found]:
    """Its time, and what is left of its swing after ten of them."""
    joint = Joint("spring", 0, -1, np.array([0, 0, 3.0]), DOWN, far=np.array([0, 0, 4.0]), length=1.0,
                  stiffness=stiffness, damping=0.0)  # fmt: skip
    wanted = 2 * np.pi * np.sqrt(mass / stiffness)
    poses, _ = solved(engine, [ball(0.1, (0, 0, 3), mass=mass)], 10 * wanted, [joint])
    z = poses[:, 0, 2] - (3 - mass * G / stiffness)
    part = len(z) // 10
    left = float(np.ptp(z[-part:]) / np.ptp(z[:part]))
    what = f"{mass:g} kg on a spring of {stiffness:g} N/m"
    return [
        Found(what, engine, "2 π √(m / k)", wanted, period(z), "s", 0.01),
        Found(f"{what}, its tenth swing", engine, "as wide as the first", 1.0, left, "of it", 0.05),
    ]


def tied(engine: str, shape: str = "box") -> list[Found]:
    """A body in weightlessness is pulled by the middle of its side: how it goes, and how it turns."""
    size, mass, pull, seconds = np.array([0.4, 0.2, 0.2]), 2.0, 0.5, 1.0
    joint = Joint("spring", 0, -1, np.array([0.2, 0, 3.0]), DOWN, far=np.array([0.2, 0, 1003.0]), length=0.0,
                  stiffness=pull / 1000, damping=0.0)  # fmt: skip
    body = box(size, (0, 0, 3), shape=shape, mass=mass)
    poses, motions = solved(engine, [body], seconds, [joint], gravity=NONE)
    inertia = mass * (size[0] ** 2 + size[2] ** 2) / 12
    went, turned = float(poses[-1, 0, 2] - 3), float(np.linalg.norm(motions[-1, 0, 3:]))
    angle = 0.0  # the lever gets shorter as it turns: I φ'' = F a cos φ
    spin = 0.0
    for _ in range(10_000):
        spin += seconds / 10_000 * pull * 0.2 * np.cos(angle) / inertia
        angle += seconds / 10_000 * spin
    what = f"{mass:g} kg pulled at its side with {pull:g} N"
    return [
        Found(f"{what}, goes", engine, "F t² / 2 m", pull * seconds**2 / 2 / mass, went, "m", 0.02),
        Found(f"{what}, turns", engine, "I φ'' = F a cos φ", float(spin), turned, "rad/s", 0.05),
    ]


def hung(engine: str) -> Found:
    """A rod on a rope at its end hangs and swings as two pendulums do, the slower one of which is started."""
    long, rope, mass = 0.6, 0.8, 1.0
    # of the double pendulum, small: q1 the rope's angle, q2 the rod's; M q'' = -K q
    inertia = long**2 / 12 + 0.0004 / 12
    much = np.array([[rope**2, rope * long / 2], [rope * long / 2, long**2 / 4 + inertia]]) * mass
    back = np.diag([mass * G * rope, mass * G * long / 2])
    squares, ways = np.linalg.eig(np.linalg.solve(much, back))
    k = int(np.argmin(squares))
    first, second = 0.1 * ways[:, k] / np.abs(ways[:, k]).max()
    knot = np.array([rope * np.sin(first), 0, 4 - rope * np.cos(first)])
    turn = (np.cos(second / 2), 0, -np.sin(second / 2), 0)
    place = knot + long / 2 * np.array([np.sin(second), 0, -np.cos(second)])
    joint = Joint("rope", 0, -1, knot, DOWN, far=np.array([0, 0, 4.0]), length=rope)
    poses, _ = solved(engine, [box((0.02, 0.02, long), place, turn=turn, mass=mass)], 8.0, [joint])
    wanted = 2 * np.pi / float(np.sqrt(squares[k]))
    return Found("rod on a rope", engine, "double pendulum, slow", wanted, period(poses[:, 0, 0]), "s", 0.02)


def cradle(engine: str) -> list[Found]:
    """How high the last ball of five goes, and how far the middle one moves."""
    radius, length, angle = 0.05, 0.5, 0.8
    balls, joints = [], []
    for k in range(5):
        x, turn = 2 * radius * (k - 2), angle if k == 0 else 0.0
        place = (x - length * np.sin(turn), 0, 1.5 - length * np.cos(turn))
        balls.append(ball(radius, place, restitution=1.0, friction=0.0))
        joints.append(Joint("hinge", k, -1, np.array([x, 0, 1.5]), DOWN))
    poses, _ = solved(engine, balls, 1.3, joints)
    rise = float(poses[:, 4, 2].max() - poses[0, 4, 2])
    stray = float(np.abs(poses[:, 2, 0]).max())
    wanted = length * (1 - np.cos(angle))
    return [
        Found("Newton's cradle, the last ball rises", engine, "as the first", wanted, rise, "m", 0.05),
        Found("Newton's cradle, the middle ball", engine, "stays", 0.0, stray, "m", 0.02),
    ]


def collide(engine: str, restitution: float, masses: Sequence[float] = (2.0, 1.0)) -> list[Found]:
    """Two balls in weightlessness meet head-on: momentum, and the speed with which they part."""
    speed, root = 3.0, restitution**0.5
    one = ball(0.1, (0, 0, 5), mass=masses[0], restitution=root, motion=np.array([speed, 0, 0, 0, 0, 0]))
    other = ball(0.15, (1, 0, 5), mass=masses[1], restitution=root)
    _, motions = solved(engine, [one, other], 0.6, gravity=NONE)
    end = motions[-1, :, 0]
    what = f"balls of {masses[0]:g} and {masses[1]:g} kg meet, e = {restitution:g}"
    rows = [Found(what, engine, "m v is kept", masses[0] * speed, float(end @ np.array(masses)), "kg m/s", 0.01)]
    parted = float(end[1] - end[0])
    if restitution:
        rows.append(Found(f"{what}, they part", engine, "e v", restitution * speed, parted, "m/s", 0.05))
    else:
        rows.append(Found(f"{what}, they part", engine, "stay together", 0.0, parted, "m/s", 0.15))
    return rows


def blocks(engine: str, restitution: float = 0.5) -> list[Found]:
    """The same with boxes, which no rule of ours for balls looks at. Restitution above 0."""
    speed, root, own = 3.0, restitution**0.5, {"friction": 0.0}
    one = box((0.2,) * 3, (0, 0, 5), mass=2.0, restitution=root, motion=np.array([speed, 0, 0, 0, 0, 0]), **own)
    _, motions = solved(engine, [one, box((0.2,) * 3, (1, 0, 5), mass=1.0, restitution=root, **own)], 0.6, gravity=NONE)
    end, what = motions[-1, :, 0], f"boxes of 2 and 1 kg meet, e = {restitution:g}"
    return [
        Found(what, engine, "m v is kept", 6.0, float(2 * end[0] + end[1]), "kg m/s", 0.01),
        Found(f"{what}, they part", engine, "e v", restitution * speed, float(end[1] - end[0]), "m/s", 0.05),
    ]
