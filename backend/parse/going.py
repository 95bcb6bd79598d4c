# SPDX-License-Identifier: GPL-3.0-or-later
"""Verbs of what rolls, slides, is thrown, pushed, flies and drives: initial velocities."""

from __future__ import annotations

import math

from .act import Act, radius, rigid
from .draft import Draft
from .falling import lay
from .hitting import together
from .places import FLOOR
from .relating import relate
from .vocabulary import words

_REACH = 0.8
"""Metres before a catapult where what it throws comes down."""


def roll(act: Act) -> None:
    movers = act.moved if not (act.subjects and act.objects and act.subjects[0].name != "wind") else act.objects
    if act.together:
        together(act, movers)
        for each in movers:
            if act.clause.action == "roll":
                _turn(each)
        return
    along = act.takes("down", "along", "across", "up", "on", "over", "through", "off", "from")
    toward = act.takes("into", "against", "at", "towards", "toward", "to", "onto", "past", "in", "under", "between")
    for each in movers:
        if along and isinstance(along[1], Draft):
            each.relate("on", along[1])
        elif along and along[1] == FLOOR:
            each.relate("on", FLOOR, firm=False)
        slope = bool(
            along and isinstance(along[1], Draft) and along[1].name in ("ramp", "staircase") and along[0] != "up"
        )
        speed = act.speed(0.4 if slope else 2.0)
        already = each.moves and not act.clause.amounts.get("speed")
        rigid(each)
        if toward and isinstance(toward[1], Draft):
            act.toward(each, toward[1], speed)
        if already or (slope and "speed" not in act.clause.amounts):
            continue
        act.go(each, speed)
        if act.clause.action == "roll":
            _turn(each)


def _turn(each: Draft) -> None:
    """As fast as it rolls without slipping."""
    v = each.fields.get("initial_velocity")
    if not v or not (v[0] or v[1]):
        return
    rate = math.degrees(1 / radius(each))
    each.assume(
        "angular_velocity", tuple(round(max(-36_000.0, min(36_000.0, w)), 2) for w in (-v[1] * rate, v[0] * rate, 0.0))
    )


def throw(act: Act) -> None:
    """Through the air, at its target if there is one."""
    by = [each for each in act.subjects if act.objects and each not in act.objects]
    at = act.takes(*words("at against to towards toward into onto through over on in across off past from with"))
    for each in act.moved:
        speed = act.speed({"shoot": 12.0}.get(act.clause.action, 6.0))
        start = at[1] if at and at[0] in ("from", "off") else None
        if isinstance(start, Draft):
            each.relate("on", start)
            at2 = act.takes("at", "against", "to", "towards", "into", "onto", "through", "over", "on")
            goal = at2[1] if at2 else None
        else:
            goal = at[1] if at else None
        if each.type == "cloth" and isinstance(goal, Draft) and at and at[0] in ("over", "onto", "on", "across"):
            lay(act, each, goal)
            continue
        held = each.target if each.relation in ("on", "in") and isinstance(each.target, Draft) else None
        _from_machine(act, each, by or ([held] if held and held.name == "catapult" else []), goal)
        if each.relation == "on" and isinstance(each.target, Draft) and each.target.name in ("seesaw", "catapult"):
            continue  # what falls on its other end does it
        if isinstance(goal, Draft) and goal is not each:
            act.toward(each, goal, speed, lift=0.35)
        else:
            act.go(each, speed, lift=0.6)
        if not each.relation or each.target is goal:
            height = act.amount("height")
            if height is not None:
                each.say("height", height, "height")
            else:
                each.assume("height", 0.5 if act.clause.action == "shoot" else 1.0)
    act.places = [(word, found) for word, found in act.places if word not in ("with", "by")]


def _from_machine(act: Act, each: Draft, by: list[Draft], goal: Draft | str | None) -> None:
    """A catapult hurls it, a seesaw flings it: it lies on them."""
    for machine in by:
        thrower = machine.target if machine.relation == "above" and isinstance(machine.target, Draft) else machine
        each.relate("on", thrower)
        if each.target is thrower:
            each.relation = "on"
        if isinstance(goal, Draft):
            far = _REACH if machine.name == "catapult" else 4.0
            goal.relate("right_of", machine, distance=far, firm=False)
        if machine.name == "catapult":
            act.board.event("release", machine, time=act.time if act.time is not None else 0.5)


def push(act: Act) -> None:
    at = act.takes(*words("at against to towards toward into onto over off from down across through along on"))
    by = [each for each in act.subjects if act.objects and each not in act.objects]
    pusher = act.take("by", "with") if act.clause.passive else None
    by += [pusher] if isinstance(pusher, Draft) else []
    for each in act.moved:
        usual = 6.0 if act.clause.verb in ("kick", "punch") else 2.0
        speed = act.speed(usual)
        if each.count > 1 and act.which(each) >= 0 and not by and not (at and isinstance(at[1], Draft)):
            _one_of(act, each)
        elif at and at[0] in ("off", "from", "on", "across", "along", "down") and isinstance(at[1], Draft):
            each.relate("on", at[1])
            act.go(each, speed, (0.0, -1.0, 0.0) if at[0] in ("off", "from") else (1.0, 0.0, 0.0))
        elif by:
            for pusher in by:
                act.toward(pusher, each, speed)
                rigid(each)
        elif at and isinstance(at[1], Draft):
            act.toward(each, at[1], speed, lift=0.3 if act.clause.verb == "kick" else 0.0)
        else:
            act.go(each, speed, lift=0.3 if act.clause.verb == "kick" else 0.0)


def _one_of(act: Act, each: Draft) -> None:
    """The first of a row is pushed, not all of it."""
    rigid(each)
    time = act.time if act.time is not None else 0.5
    speed, way = act.speed(1.0), act.way() or (1.0, 0.0, 0.0)
    act.board.event("push", each, time=time, strength=speed, direction=way, index=act.which(each))


def fly(act: Act) -> None:
    found = act.takes(*words("through into over past to towards toward at against across around above under between"))
    for each in act.moved if act.clause.passive else act.subjects:
        speed = act.speed(4.0)
        if each.type == "cloth" and each.name != "leaf":
            relate(act.board, [each], *found) if found else None
            continue
        goal = found[1] if found else None
        if isinstance(goal, Draft) and found and found[0] in ("above", "over", "around"):
            each.relate("over" if found[0] != "around" else "around", goal, firm=False)
            each.assume("height", 0.6)
            act.go(each, speed)
        elif isinstance(goal, Draft):
            act.toward(each, goal, speed)
        else:
            act.go(each, speed)
        if each.name not in ("leaf",) and not isinstance(goal, str):
            act.raise_(each, 1.0)


def move(act: Act) -> None:
    """Drives, runs, jumps, goes."""
    verb = act.clause.verb
    found = act.takes(
        *words("into against towards toward to over onto through at past off down across along on up under from around")
    )
    if found is None and act.subjects and act.objects:
        found = ("across" if verb == "cross" else "towards", act.objects[0])
    if verb == "touch" and found is None:
        return
    for each in act.subjects or act.objects:
        speed = act.speed(
            {
                "walk": 1.2,
                "run": 3.0,
                "jump": 3.0,
                "leap": 3.0,
                "hop": 2.0,
                "march": 1.2,
                "race": 8.0,
                "speed": 8.0,
                "rush": 6.0,
            }.get(verb, 4.0)
        )
        if each.type in ("fluid", "smoke", "cloth"):
            relate(act.board, [each], *found) if found else None
            continue
        if verb in ("jump", "leap", "hop") and found and isinstance(found[1], Draft) and found[0] not in ("on", "down"):
            act.toward(each, found[1], speed + 1.0, lift=1.0)
            continue
        if verb in ("jump", "leap", "hop"):
            act.go(each, speed, (0.0, 0.0, 1.0))
            continue
        if found and isinstance(found[1], Draft):
            if found[0] in ("down", "across", "along", "on", "up", "off", "over", "from"):
                each.relate("on", found[1])
                act.go(each, speed)
            else:
                act.toward(each, found[1], speed)
        elif not each.moves:
            act.go(each, speed)
