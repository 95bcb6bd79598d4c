# SPDX-License-Identifier: GPL-3.0-or-later
"""Verbs of what falls, bounces, floats, sinks, rises and is laid over things."""

from __future__ import annotations

from ..protocol import materials
from .act import INTO, Act, rigid
from .breaking import topple
from .draft import Draft
from .places import ROOM
from .relating import relate
from .turning import animate
from .vocabulary import words

_TALL = words("tower house wall tree fir bridge pole fence arch pedestal shelf lamp")
"""They do not fall from the air: they fall over."""


def fall(act: Act) -> None:
    """Begins above what it falls onto, or on what it falls from."""
    movers = (
        act.moved if act.clause.verb in ("drop", "release", "lower", "dump") or act.clause.passive else act.subjects
    )
    from_ = act.takes("from", "off", "down") if not act.clause.amounts.get("height") else None
    onto = act.takes(*INTO)
    if (
        movers
        and all(each.name == "domino" for each in movers)
        and not onto
        and not from_
        and act.amount("height") is None
    ):
        topple(act)
        return
    if not onto and not from_ and act.amount("height") is None and act.clause.verb == "fall":
        tall = [
            each
            for each in movers
            if (each.fall_back == "passive" and each.name in _TALL)
            or ("arrangement" in each.said and each.fields["arrangement"] in ("stack", "row", "wall", "pyramid"))
        ]
        if tall and len(tall) == len(movers):
            topple(act)
            return
    extra = [(word, found) for word, found in act.places]
    act.places = []
    for each in movers:
        if each.type == "cloth" and onto and isinstance(onto[1], Draft):
            lay(act, each, onto[1])
            continue
        if act.time:
            act.board.event("release", each, time=act.time)
        rigid(each)
        if act.clause.verb == "land" and each.fields.get("initial_velocity") and onto and isinstance(onto[1], Draft):
            onto[1].relate("right_of", each, distance=1.5, firm=False)
            continue
        shelf = each.target if each.relation == "on" and not onto and act.amount("height") is None else None
        if not from_ and isinstance(shelf, Draft) and shelf is not each:
            from_ = ("from", shelf)
        if from_ and isinstance(from_[1], Draft):
            each.relate("on", from_[1])
            each.assume("initial_velocity", (0.0, -0.8, 0.0))
            if onto and isinstance(onto[1], Draft) and onto[1] is not from_[1]:
                onto[1].relate("in_front_of", from_[1], distance=0.2, firm=False)
            continue
        if onto and isinstance(onto[1], Draft):
            under = onto[0] in ("beside", "near", "by", "past", "between", "around")
            each.relate(onto[0] if under else "above", onto[1])
        lies = each.relation == "on" and isinstance(each.target, Draft) and not isinstance(onto and onto[1], Draft)
        if each.type != "smoke" and not lies and not (each.type == "fluid" and "flow" in each.fields):
            act.raise_(each, 1.5)
        if "from_above" in act.clause.manners or act.clause.verb == "rain" or each.count > 12:
            each.assume("arrangement", "scattered")
        if act.clause.amounts.get("speed"):
            each.assume("initial_velocity", (0.0, 0.0, -act.speed(3.0)))
    for word, found in extra:
        relate(act.board, movers, word, found)


def bounce(act: Act) -> None:
    movers = act.moved
    onto = act.takes(*words("on onto off against over down along across in around inside into"))
    for each in movers:
        name = each.material.get("name", "")
        usual = materials.substances()[name].restitution if name in materials.substances() else 0.0
        if usual < 0.6 and "restitution" not in each.material:
            each.material["restitution"] = 0.75
        if each.type == "cloth":
            continue
        rigid(each)
        if each.moves:
            continue
        if onto and isinstance(onto[1], Draft):
            stairs = onto[0] in ("down", "off", "along") or onto[1].name in ("staircase", "ramp")
            each.relate("on" if stairs else "above", onto[1])
        if act.way() and act.way()[2] <= 0:  # type: ignore[index]
            act.go(each, act.speed(1.5), lift=1.0)
        elif (
            (onto and onto[0] in ("around", "in", "inside"))
            or (onto and onto[1] == ROOM)
            or act.board.environment.get("walls")
        ):
            each.assume("initial_velocity", (2.5, 1.5, 1.0))
        act.raise_(each, 1.5)


def float_(act: Act) -> None:
    found = act.takes(*words("in on inside into through over above across upon towards around under down onto"))
    gravity = act.board.environment.get("gravity")
    for each in act.moved if act.clause.passive else act.subjects:
        if each.type in ("fluid", "smoke"):
            continue
        if "up_and_down" in act.clause.manners:
            animate(each, "bob", (0.0, 0.0, 1.0), 0.4)
        place = found[1] if found else None
        if isinstance(place, Draft):
            liquid = _liquid(act, place) or _water(act, place)
            each.relate(
                "on" if liquid else {"in": "in", "on": "on", "inside": "in"}.get(found[0] if found else "", "above"),
                liquid or place,
            )
            if liquid is None and place.type not in ("fluid",):
                each.assume("height", 0.5)
            continue
        if gravity is not None and abs(gravity[2]) < 0.2:
            rigid(each)
            each.assume("initial_velocity", (0.25, 0.1, 0.1))
            each.assume("angular_velocity", (10.0, 20.0, 15.0))
            each.assume("height", 1.0)
        elif "up_and_down" in act.clause.manners or act.clause.verb in ("bob", "hover", "levitate"):
            animate(each, "bob", (0.0, 0.0, 1.0), 0.4)
            if act.clause.verb != "bob":
                each.assume("height", 1.0)
        elif each.name == "balloon" or (act.way() or (0, 0, 0))[2] > 0:
            rise(act)
        elif act.board.environment.get("medium") == "water":
            each.assume("height", 0.8)
        elif each.type == "cloth" or each.name in ("leaf", "feather"):
            each.assume("height", 1.5)
        else:
            animate(each, "bob", (0.0, 0.0, 1.0), 0.3)
            each.assume("height", 1.0)


def _liquid(act: Act, place: Draft) -> Draft | None:
    """The water in what it floats in."""
    if place.type == "fluid":
        return place
    return act.board.last(lambda each: each.fall_back == "fluid" and each.target is place)


def _water(act: Act, place: Draft) -> Draft | None:
    """A pool that something floats in has water in it."""
    if place.name != "tank":
        return None
    water = Draft("water", "water", material={"name": "water"}, fall_back="fluid")
    water.relate("in", place)
    act.board.note(f"The {place.kind} was assumed to be full of water.")
    return act.board.add(water)


def sink(act: Act) -> None:
    found = act.takes("in", "into", "to", "under", "through", "past", "below", "onto", "on", "inside")
    other = act.takes("to", "onto", "into", "in", "on", "past", "beside")
    for each in act.subjects:
        rigid(each)
        for place in (found, other):
            if place and isinstance(place[1], Draft):
                if place[0] == "past":
                    each.relate("beside", place[1], distance=0.3)
                else:
                    each.relate("above", place[1])
        if each.fall_back != "fluid":
            act.raise_(each, 1.5)


def rise(act: Act) -> None:
    found = act.takes("from", "out", "over", "above", "off", "through", "into", "to", "up", "onto", "on")
    for each in act.moved:
        if each.type == "smoke":
            if found and isinstance(found[1], Draft):
                each.relate("on", found[1])
            continue
        if each.type == "fluid":
            act.board.note(f"That {each.kind} rises is not simulated: its level stays.")
            continue
        if found and isinstance(found[1], Draft):
            each.relate("in" if found[0] in ("from", "out") and found[1].type == "fluid" else "on", found[1])
        act.go(each, act.speed(0.8), (0.0, 0.0, 1.0))


def drape(act: Act) -> None:
    found = act.takes("over", "on", "onto", "across", "around", "upon", "with", "in", "by")
    if found and found[0] in ("with", "in", "by") and isinstance(found[1], Draft):
        cloths, targets = [found[1]], act.objects or act.subjects
    else:
        cloths = act.moved if not (act.subjects and act.objects) else act.subjects
        targets = [found[1]] if found and isinstance(found[1], Draft) else act.objects
        if act.subjects and act.objects and found and isinstance(found[1], Draft):
            cloths, targets = act.objects, [found[1]]
    for each in cloths:
        if (
            each.type not in ("cloth", "soft_body", "fluid")
            and "type" not in each.said
            and each.name not in ("rope", "chain")
        ):
            each.fields["type"] = "cloth"
        for target in targets[:1]:
            if target is not each:
                lay(act, each, target)


def lay(act: Act, each: Draft, target: Draft) -> None:
    each.relate("over", target)
    height = act.amount("height")
    if height is not None:
        each.say("height", height, "height")
    else:
        each.assume("height", 0.1)
