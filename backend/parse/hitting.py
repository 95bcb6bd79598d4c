# SPDX-License-Identifier: GPL-3.0-or-later
"""Verbs of what hits what, and how fast it comes."""

from __future__ import annotations

import math

from ..protocol import materials, props
from .act import Act, radius, rigid, split
from .draft import Draft
from .making import usual

_SMALL = 0.1
"""m: a ball of no size that was said is no larger than what it hits, if that is smaller, and comes as slowly: a
football at 5 m/s would scatter dominoes."""


def hit(act: Act) -> None:
    """Who hits goes to what is hit; two things go to each other."""
    found = act.takes("into", "with", "against", "on", "at", "onto", "to", "through", "by", "in")
    movers, targets = list(act.subjects), list(act.objects)
    if act.clause.passive and found and isinstance(found[1], Draft):
        movers, targets = [found[1]], act.subjects
    elif found and isinstance(found[1], Draft) and not targets:
        targets = [found[1]]
    elif targets and not movers and found and found[0] == "with" and isinstance(found[1], Draft):
        movers = [found[1]]
    elif act.agent or not movers:
        movers, targets = targets, [found[1]] if found and isinstance(found[1], Draft) else []
    for each in targets:
        each.said.add("hit")
        act.board.revoke(each)
    _smashed(act, targets)
    if act.together or not targets:
        together(act, movers)
        return
    for each in movers:
        for target in targets[:1]:
            rigid(each)
            if each.moves and not act.clause.amounts.get("speed"):
                if each.relation and each.target is not target:
                    act.toward(each, target, 0.0)
                elif not each.relation:
                    _aim(act, each, target)
                continue
            _aim(act, each, target)


def _smashed(act: Act, targets: list[Draft]) -> None:
    """What is smashed into 40 pieces, or is brittle, breaks."""
    pieces = act.amount("pieces")
    for each in targets:
        known = props.things().get(each.name)
        row = materials.substances().get(each.material.get("name") or (known.material if known else ""))
        if pieces or "into_pieces" in act.clause.manners:
            each.say("pieces", int(max(2, min(200, pieces or 20))), "number of pieces")
        elif act.clause.verb == "smash" and row is not None and row.breaks and "arrangement" not in each.fields:
            each.assume("pieces", 20)
        if each.fields.get("pieces"):
            rigid(each)


def _aim(act: Act, each: Draft, target: Draft) -> None:
    falls = "height" in each.fields and not each.fields.get("initial_velocity")
    if falls:
        each.relate("above", target, firm=False)
        return
    if each.fields.get("initial_velocity") and each.relate(
        "left_of" if each.fields["initial_velocity"][0] >= 0 else "right_of", target, distance=1.5, firm=False
    ):
        return
    large = 2 * radius(target)
    if large < _SMALL and usual(each) == props.things()["ball"] and not each.grown:
        each.assume("dimensions", (large, large, large))
    act.toward(each, target, act.speed(min(5.0, 25 * large)))


def together(act: Act, movers: list[Draft]) -> None:
    """From left and right, into each other."""
    many = [each for each in movers if each.fall_back not in ("force_field",)]
    if len(many) == 1 and many[0].count >= 2:
        if many[0].count > 3 or (many[0].moves and not act.together):
            for each in many:
                rigid(each)
                each.assume("initial_velocity", (0.6, 0.2, 0.0))
            return
        many = list(split(act, many[0]))
    if len(many) < 2:
        for each in many:
            if not each.moves:
                act.go(each, act.speed(4.0))
        return
    speed = act.speed(4.0)
    for each in many:
        rigid(each)
    if len(many) > 2:
        _to_the_middle(act, many, speed)
        return
    many[0].fields["initial_velocity"] = (speed, 0.0, 0.0)
    many[1].fields["initial_velocity"] = (-speed, 0.0, 0.0)
    far = min(10.0, speed, 40 * max(radius(many[0]), radius(many[1])))
    many[1].relate("right_of", many[0], distance=round(max(0.3, far), 2), firm=False)


def _to_the_middle(act: Act, many: list[Draft], speed: float) -> None:
    """Many come from all around; where nothing falls slowly, and not all at the same height."""
    gravity = act.board.environment.get("gravity")
    floats = gravity is not None and not any(gravity)
    speed = min(speed, 0.8) if floats else speed
    far = max(3.0, 0.7 * len(many)) * max(radius(each) for each in many)
    for number, each in enumerate(many):
        angle = 2 * math.pi * number / len(many)
        c, s = math.cos(angle), math.sin(angle)
        up = 1.0 + 0.4 * radius(each) * (number % 3) if floats else 0.0
        each.fields.pop("height", None)
        each.relation, each.target = "", None
        each.fields["position"] = (round(far * c, 3), round(far * s, 3), round(up, 3))
        each.fields["initial_velocity"] = (round(-speed * c, 3), round(-speed * s, 3), 0.0)
