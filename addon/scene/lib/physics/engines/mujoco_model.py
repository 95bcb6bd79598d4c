# SPDX-License-Identifier: GPL-3.0-or-later
"""Our bodies and joints as a model of MuJoCo: a tree in which each body hangs from the one before it.

Still bodies are part of the world. A joint that would close a loop is an equality; a body on a path is a free one so
heavy that nothing moves it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import mujoco
import numpy as np

from ..bodies import Array, Body, Joint
from . import mujoco_shapes as shapes
from .mujoco_tree import Link, closing, tree

_PER_STEP, _STIFFEST = 0.15, 4.8
"""How far in its swing, in rad, a contact's spring gets in a step of MuJoCo, and in one of ours, at most."""
_RIGID, _HEAVY = 0.999, 1e4
"""How much of what it asks for a contact gets; weight of what is on a path, of all that is not."""


@dataclass
class Model:
    """`ids` (B,) of MuJoCo's bodies, 0 those that are part of the world; `led`: bodies on paths, with the addresses of
    their places and speeds."""

    model: mujoco.MjModel
    bodies: list[Body]
    links: dict[int, Link]
    ids: Array
    led: list[tuple[int, int, int]] = field(default_factory=list)

    def poses(self, data: mujoco.MjData) -> Array:
        """(B, 7) now."""
        mujoco.mj_kinematics(self.model, data)
        out: Array = np.concatenate([data.xpos[self.ids], data.xquat[self.ids]], axis=1)
        for k in np.flatnonzero(self.ids == 0):
            out[k] = self.bodies[k].pose
        return out

    def fade(self, step: float) -> Array:
        """(V,): what damping leaves of each speed after a step."""
        out = np.ones(self.model.nv)
        for k, body in enumerate(self.bodies):
            first, count = self._speeds(k)
            straight, round = (1 - min(each, 1.0) for each in (body.linear_damping, body.angular_damping))
            if body.kind == "active" and count == 6:
                out[first : first + 3] = straight**step
            if body.kind == "active" and count:
                slides = self.links[k].joint is not None and self.links[k].joint.kind == "slider"  # type: ignore[union-attr]
                out[first + count - min(count, 3) : first + count] = (straight if slides else round) ** step
        return out

    def _speeds(self, k: int) -> tuple[int, int]:
        id = int(self.ids[k])
        return (int(self.model.body_dofadr[id]), int(self.model.body_dofnum[id])) if id else (0, 0)

    def place(self, data: mujoco.MjData) -> None:
        """All bodies in their poses and as they move, what hangs from another as its joint lets it."""
        for k, link in self.links.items():
            id, body = int(self.ids[k]), self.bodies[k]
            if not id or not self.model.body_jntnum[id]:
                continue
            number = int(self.model.body_jntadr[id])
            place, speed = int(self.model.jnt_qposadr[number]), int(self.model.jnt_dofadr[number])
            turn = shapes.matrix(body.pose[3:])
            if link.joint is None:
                data.qpos[place : place + 7] = body.pose
                data.qvel[speed : speed + 3] = body.motion[:3]
                if body.kind == "active":  # MuJoCo adds a whole step of gravity before it moves a body
                    data.qvel[speed : speed + 3] -= 0.5 * self.model.opt.timestep * self.model.opt.gravity
                data.qvel[speed + 3 : speed + 6] = turn.T @ body.motion[3:]
                continue
            up = self.bodies[link.parent] if link.parent >= 0 else None
            pose, rest = relative(up, body)
            motion = np.zeros(6) if up is None or up.kind == "still" else up.motion
            spin = turn.T @ (body.motion[3:] - motion[3:])
            twist = shapes.product(shapes.inverse(rest[3:]), pose[3:])
            axis = self.model.jnt_axis[number]
            if link.joint.kind == "ball":
                data.qpos[place : place + 4], data.qvel[speed : speed + 3] = twist, spin
            elif link.joint.kind == "hinge":
                data.qpos[place] = wrapped(2 * np.arctan2(twist[1:] @ axis, twist[0]))
                data.qvel[speed] = axis @ spin
            else:
                data.qpos[place] = axis @ (shapes.matrix(rest[3:]).T @ (pose[:3] - rest[:3]))
                away = body.pose[:3] - (up.pose[:3] if up is not None else body.pose[:3])
                data.qvel[speed] = (turn @ axis) @ (body.motion[:3] - motion[:3] - np.cross(motion[3:], away))
        mujoco.mj_forward(self.model, data)


def wrapped(angle: float) -> float:
    return float((angle + np.pi) % (2 * np.pi) - np.pi)


def relative(up: Body | None, body: Body) -> tuple[Array, Array]:
    """Pose and rest pose (7,) of a body, seen from the one that it hangs from."""
    own = (body.pose, body.pose if body.rest is None else body.rest)
    if up is None or up.kind == "still":
        return own
    ups = (up.pose, up.pose if up.rest is None else up.rest)
    pose, rest = (shapes.seen_from(b, a) for a, b in zip(ups, own, strict=True))
    return pose, rest


def compiled(bodies: list[Body], joints: list[Joint], gravity: Array, step: float, count: int) -> Model:
    """`step` in seconds, which MuJoCo does in `count` steps."""
    spec = _options(gravity, step / count)
    links = tree(bodies, joints)
    own = float(np.mean([body.mass for body in bodies if body.kind == "active"] or [1.0]))
    heavy = _HEAVY * sum((body.mass for body in bodies if body.kind == "active"), 0.0) + 1.0
    if any(body.kind == "moved" for body in bodies):  # MuJoCo measures its errors by the mean weight
        spec.option.tolerance *= own / heavy
    made: dict[int, mujoco.MjsBody] = {}
    for k, link in links.items():
        made[k] = _body(spec, bodies, k, link, made.get(link.parent, spec.worldbody), heavy)
    for joint in closing(bodies, joints, links):
        _equality(spec, bodies, joint)
    _pairs(spec, bodies, joints, min(_PER_STEP * count, _STIFFEST) / step)
    model = spec.compile()
    ids = np.array([0 if body.kind == "still" else model.body(f"b{k}").id for k, body in enumerate(bodies)], int)
    led = [
        (k, int(model.jnt_qposadr[model.body_jntadr[ids[k]]]), int(model.body_dofadr[ids[k]]))
        for k, body in enumerate(bodies) if body.kind == "moved"
    ]  # fmt: skip
    return Model(model, bodies, links, ids, led)


def _options(gravity: Array, step: float) -> mujoco.MjSpec:
    spec = mujoco.MjSpec()
    spec.option.gravity, spec.option.timestep = gravity, step
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    spec.option.tolerance, spec.option.iterations = 1e-9, 50
    spec.option.disableflags |= mujoco.mjtDisableBit.mjDSBL_AUTORESET
    spec.compiler.balanceinertia = True
    return spec


def _body(
    spec: mujoco.MjSpec, bodies: list[Body], k: int, link: Link, up: mujoco.MjsBody, heavy: float
) -> mujoco.MjsBody:
    body = bodies[k]
    _, rest = relative(bodies[link.parent] if link.parent >= 0 else None, body)
    pose = body.pose if body.kind == "still" else rest
    made = up.add_body(name=f"b{k}", pos=pose[:3], quat=pose[3:])
    if body.kind != "still":
        mass = heavy if body.kind == "moved" else max(body.mass, 1e-6)
        inertia = mass * shapes.inertia(body)
        made.explicitinertial, made.mass, made.ipos = True, mass, [0, 0, 0]
        made.fullinertia = [*np.diag(inertia), inertia[0, 1], inertia[0, 2], inertia[1, 2]]
        if link.joint is None:
            made.add_freejoint()
            made.gravcomp = 1.0 if body.kind == "moved" else 0.0
        else:
            _joint(made, body, link)
    for number, kind in enumerate(shapes.geoms(spec, body, f"b{k}")):
        made.add_geom(name=f"b{k}g{number}", contype=0, conaffinity=0, density=0.0, **kind)
    return made


def _joint(made: mujoco.MjsBody, body: Body, link: Link) -> None:
    joint = link.joint
    assert joint
    kinds = {
        "hinge": mujoco.mjtJoint.mjJNT_HINGE,
        "slider": mujoco.mjtJoint.mjJNT_SLIDE,
        "ball": mujoco.mjtJoint.mjJNT_BALL,
    }
    if joint.kind not in kinds:
        return
    rest = body.pose if body.rest is None else body.rest
    turn = shapes.matrix(rest[3:])
    axis = turn.T @ joint.axis / np.linalg.norm(joint.axis)
    low = -1e4 if joint.low is None else joint.low
    high = 1e4 if joint.high is None else joint.high
    limited = joint.low is not None or joint.high is not None
    made.add_joint(
        type=kinds[joint.kind], pos=turn.T @ (joint.anchor - rest[:3]),
        axis=axis if link.onto else -axis,  # limits are those of a, seen from b
        limited=limited and (joint.kind != "ball" or joint.high is not None),
        range=np.array([0.0 if joint.kind == "ball" else low, high]) * (1 if joint.kind == "slider" else 180 / np.pi),
        solref_limit=[0.005, 1.0],
    )  # fmt: skip


def _equality(spec: mujoco.MjSpec, bodies: list[Body], joint: Joint) -> None:
    """A joint that closes a loop holds one point, a hinge two of its axis, a fixed one three."""
    one = bodies[joint.a]
    rest = one.pose if one.rest is None else one.rest
    span = 0.5 * float(one.size.max()) * joint.axis / np.linalg.norm(joint.axis)
    across = np.cross(span, [1.0, 0, 0] if abs(span[0]) < 0.5 * np.linalg.norm(span) else [0, 1.0, 0])
    points = {"ball": [0 * span], "hinge": [span, -span], "fixed": [span, -span, across]}[joint.kind]
    for offset in points:
        anchor = shapes.matrix(rest[3:]).T @ (joint.anchor + offset - rest[:3])
        spec.add_equality(
            type=mujoco.mjtEq.mjEQ_CONNECT, objtype=mujoco.mjtObj.mjOBJ_BODY, name1=f"b{joint.a}",
            name2=f"b{joint.b}" if joint.b >= 0 else "world", data=[*anchor, *np.zeros(9)],
            solref=[0.004, 1.0], solimp=[_RIGID, _RIGID, 0.001, 0.5, 2],
        )  # fmt: skip


def _pairs(spec: mujoco.MjSpec, bodies: list[Body], joints: list[Joint], swing: float) -> None:
    """What may touch what, each pair with its own friction and bounce: MuJoCo alone would take the larger of two.

    `swing`: rad/s of the contacts' springs.
    """
    held = {frozenset((joint.a, joint.b)) for joint in joints if joint.kind not in ("spring", "rope")}
    names = [[geom.name for geom in spec.body(f"b{k}").geoms] for k in range(len(bodies))]
    for a, one in enumerate(bodies):
        for b, two in enumerate(bodies[:a]):
            if "active" not in (one.kind, two.kind) or frozenset((a, b)) in held:
                continue
            rub, share = one.friction * two.friction, damping(one.restitution * two.restitution)
            for first in names[a]:
                for second in names[b]:
                    spec.add_pair(
                        geomname1=first, geomname2=second, condim=3, friction=[max(rub, 1e-5)] * 2 + [1e-5] * 3,
                        solref=[-(swing**2), -2 * share * swing], solreffriction=[-1e-6, -2 * swing],
                        solimp=[_RIGID, _RIGID, 0.001, 0.5, 2],
                    )  # fmt: skip


def damping(restitution: float) -> float:
    """Share of the critical damping with which a spring that only pushes gives back this share of the speed."""
    return float(np.interp(restitution, _BACK, _SHARES))


def _back(share: Array) -> Array:
    """Of x'' = -2 s x' - x, from 0 at speed 1 until the force is 0; not for s of exactly 1."""
    root = np.sqrt(np.abs(1 - share**2))
    turn = np.arctan2(2 * share * root, 2 * share**2 - 1)
    creep = np.arccosh(np.maximum(2 * share**2 - 1, 1.0))
    out: Array = np.exp(-share * np.where(share < 1, turn, creep) / root)
    return out


_SHARES = np.linspace(2.9995, 0.0, 3000)
_BACK = _back(_SHARES)
