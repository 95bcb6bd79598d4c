# SPDX-License-Identifier: GPL-3.0-or-later
"""Which body hangs from which: joints as a forest, sliders and hinges first, and what is left to close its loops."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ......backend.protocol.errors import UserError
from ..bodies import Body, Joint

_ORDER = ("slider", "hinge", "ball", "fixed")
_WORLD = -1


@dataclass(frozen=True)
class Link:
    """How a body hangs: from `parent` (-1: the world) by `joint` (None: freely). `onto`: it is the joint's a."""

    parent: int = _WORLD
    joint: Joint | None = None
    onto: bool = True


def _ends(bodies: list[Body], joint: Joint) -> tuple[int, int]:
    """Its two bodies, those that stand still being the world."""
    a, b = (_WORLD if k < 0 or bodies[k].kind == "still" else k for k in (joint.a, joint.b))
    return a, b


def _rules(bodies: list[Body], joints: list[Joint]) -> list[Joint]:
    found = [
        joint for joint in joints
        if joint.kind in _ORDER and any(k >= 0 and bodies[k].kind == "active" for k in (joint.a, joint.b))
    ]  # fmt: skip
    return sorted(found, key=lambda joint: _ORDER.index(joint.kind))


def tree(bodies: list[Body], joints: list[Joint]) -> dict[int, Link]:
    """Of each body by number, parents before what hangs from them."""
    group = {k: k for k in range(_WORLD, len(bodies))}
    rooted = {_WORLD, *(k for k, body in enumerate(bodies) if body.kind != "active")}

    def top(k: int) -> int:
        while group[k] != k:
            k = group[k]
        return k

    near: dict[int, list[tuple[int, Joint]]] = {k: [] for k in group}
    for joint in _rules(bodies, joints):
        a, b = _ends(bodies, joint)
        one, two = top(a), top(b)
        if one == two or (one in rooted and two in rooted):
            continue
        if two in rooted:
            one, two = two, one
        group[two] = one
        near[a].append((b, joint))
        near[b].append((a, joint))
    links: dict[int, Link] = {k: Link() for k, body in enumerate(bodies) if body.kind != "active"}
    waiting = [_WORLD, *links]
    for k in range(len(bodies) + 1):
        while waiting:
            here = waiting.pop(0)
            for other, joint in near[here]:
                if other not in links and other != _WORLD:
                    links[other] = Link(here, joint, _ends(bodies, joint)[0] == other)
                    waiting.append(other)
        if k < len(bodies) and k not in links:
            links[k] = Link()
            waiting.append(k)
    return links


def closing(bodies: list[Body], joints: list[Joint], links: dict[int, Link]) -> Iterator[Joint]:
    """Joints that are in no tree; raises `UserError` for a slider, which MuJoCo has as part of a tree only."""
    used = [link.joint for link in links.values() if link.joint]
    for joint in _rules(bodies, joints):
        if not any(joint is other for other in used):
            if joint.kind == "slider":
                raise UserError("MuJoCo cannot close a loop with a slider. Set simulation.engine to blender.")
            yield joint
