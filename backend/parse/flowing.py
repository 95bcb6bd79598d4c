# SPDX-License-Identifier: GPL-3.0-or-later
"""Verbs of what pours, burns and blows."""

from __future__ import annotations

import math

from ..protocol import props
from . import making
from .act import Act, Vector, rigid
from .breaking import topple
from .draft import Draft
from .falling import fall
from .places import FLOOR
from .vocabulary import words
from .vocabulary.functions import WAYS

_FLOW, _FROM = 0.5, 0.3
"""Litres a second, and metres above what it pours onto, where nothing else is said."""


def pour(act: Act) -> None:
    movers = [each for each in act.moved if each.type in ("fluid", "smoke")] or act.moved
    from_ = act.takes("from", "off", "out")
    into = act.takes(*words("into onto over in on to down through across towards around between"))
    spouts = [each for each in act.subjects if act.objects]
    if spouts and not from_:
        from_ = ("from", spouts[0])
    for each in movers:
        if each.type not in ("fluid", "smoke"):
            if act.clause.verb in ("spill", "leak", "overflow"):
                if act.objects and act.subjects:
                    continue
                act.clause.verb, act.clause.particle = "tip", "over"
                if into and isinstance(into[1], Draft):
                    each.relate("on", into[1], firm=False)
                topple(act)
                return
            if into:
                act.places.append(
                    (into[0] if into[0] != "in" else "into", [into[1]] if isinstance(into[1], Draft) else into[1])
                )
            act.objects, act.clause.passive = [each], True
            each.assume("arrangement", "pile" if each.count > 1 else "auto")
            fall(act)
            continue
        rate = act.amount("flow") or (act.amount("volume") or _FLOW) * act.clause.pace
        if into and isinstance(into[1], Draft) and not act.amount("flow") and not act.amount("volume"):
            rate = min(rate, _fills(into[1]))
        each.fields["flow"] = round(min(1000.0, rate), 4)
        slope = into and isinstance(into[1], Draft) and into[0] == "down"
        if into and isinstance(into[1], Draft):
            each.relate("on" if slope else "above", into[1])
            if from_ and isinstance(from_[1], Draft) and from_[1] is not into[1] and not from_[1].relation:
                _spout(from_[1], into[1])
        elif from_ and isinstance(from_[1], Draft) and into and into[1] == FLOOR:
            from_[1].assume("height", 0.6)
            from_[1].fields["type"] = "passive"
            each.relate("under", from_[1])
        elif from_ and isinstance(from_[1], Draft):
            if from_[1].name == "fountain":
                each.relate("in", from_[1])
            else:
                each.relate("on" if each.type == "smoke" else "in", from_[1])
        if each.type == "fluid" and not slope:
            usual = _above(into[1]) if into and isinstance(into[1], Draft) else _FROM
            each.fields["height"] = act.amount("height") or each.fields.get("height", usual)


def _spout(spout: Draft, target: Draft) -> None:
    """What it is poured from hangs in the air above what it is poured into."""
    spout.relate("above", target, firm=False)
    spout.assume("height", round(_above(target) + 0.05, 3))
    if spout.type == "rigid_body" and "type" not in spout.said:
        spout.fields["type"] = "passive"


def fill(act: Act) -> None:
    """A glass is filled with water; water fills a glass."""
    found = act.takes("with", "by")
    content = [found[1]] if found and isinstance(found[1], Draft) else []
    vessels = act.objects or act.subjects
    if not content and act.subjects and act.objects:
        content, vessels = act.subjects, act.objects
    for each in content:
        for vessel in vessels[:1]:
            each.relate("in" if each.type == "fluid" or act.clause.passive else "above", vessel)
        if each.type == "fluid" and not (act.clause.passive and found):
            each.fields.setdefault("flow", _FLOW)
            each.assume("height", _above(vessels[0]) if vessels else _FROM)


def _above(vessel: Draft) -> float:
    """Metres above its rim from which something pours into it: near, so that both are large in the picture."""
    row, size = props.things().get(vessel.name), making.size_so_far(vessel)
    return round(min(_FROM, 0.8 * size[2]), 3) if row and row.hollow and size else _FROM


def burn(act: Act) -> None:
    for each in act.moved:
        if each.type == "smoke":
            found = act.takes("on", "in", "under", "over", "beside", "from", "around")
            if found and isinstance(found[1], Draft):
                each.relate({"from": "on", "in": "on"}.get(found[0], found[0]), found[1])
            continue
        emit(act, each, "fire")


def smoke(act: Act) -> None:
    for each in act.moved:
        if each.type != "smoke":
            emit(act, each, "steam" if act.clause.verb == "steam" else "smoke")


def _fills(vessel: Draft) -> float:
    """Litres a second that fill a vessel about half in five seconds, so that nothing runs over; without end for what
    is none."""
    row, size = props.things().get(vessel.name), making.size_so_far(vessel)
    if not row or not row.hollow or not size:
        return math.inf
    return max(0.02, round(1000 * size[0] * size[1] * size[2] * 0.3 / 5, 3))


def emit(act: Act, each: Draft, name: str) -> None:
    if any(other.name == name and other.target is each for other in act.board.drafts):
        return
    fresh = Draft(name, name, fields={"flow": 5.0}, material={"name": name}, fall_back="smoke")
    fresh.relate("on", each)
    act.board.add(fresh)


def wave(act: Act) -> None:
    """In the wind; a wind is assumed where none was named."""
    for each in act.moved:
        if each.type not in ("cloth", "soft_body", "fluid") and each.name not in ("tree", "fir", "flower", "grass"):
            continue
        if each.type == "cloth":
            each.assume("pinned", {"flag": "left", "curtain": "top"}.get(each.name, "top"))
        windy = "wind" in act.board.environment or "blowing" in act.board.environment
        if not windy and not any(other.fields.get("field") == "wind" for other in act.board.drafts):
            speed = round(5.0 * act.clause.pace, 3)
            act.board.environment["wind"] = (speed, 0.0, 0.0)
            act.board.note(f"A wind of {speed:g} m/s from the left was assumed, so that it waves.")


def blow(act: Act) -> None:
    """The wind blows, or something blows at something."""
    if act.wind:
        found = act.takes("off", "from", "at", "over", "on", "through", "against", "away", "across", "around")
        for each in act.objects:
            if found and isinstance(found[1], Draft) and found[0] in ("off", "from", "over", "on", "across"):
                each.relate("on", found[1])
            if each.type == "passive" and each.name not in ("tree", "fir", "house", "tower", "wall"):
                rigid(each)
        if (
            not act.objects
            and found
            and isinstance(found[1], Draft)
            and found[1].type == "cloth"
            and found[1].name == "flag"
        ):
            found[1].assume("pinned", "left")
        return
    found = act.takes("at", "on", "onto", "over", "towards", "toward", "against", "into", "through", "from", "away")
    target = found[1] if found and isinstance(found[1], Draft) else act.objects[0] if act.objects else None
    for each in act.subjects:
        if each is target or each.type in ("smoke", "cloth") or act.clause.passive:
            continue
        if each.type == "animated":
            each.assume("motion", "spin")
            each.assume("direction", (0.0, 1.0, 0.0))
            each.assume("speed", 3.0)
        wind = Draft(
            "wind",
            "wind",
            fields={"field": "wind", "strength": round(act.speed(5.0), 2), "direction": (1.0, 0.0, 0.0)},
            fall_back="force_field",
        )
        wind.relate("near", each)
        act.board.add(wind)
        if isinstance(target, Draft):
            each.relate("left_of", target, distance=0.8, firm=False)


def wind_way(act: Act) -> Vector:
    """Where the wind blows to."""
    ways = [WAYS[each] for each in act.clause.ways if each in WAYS and WAYS[each][2] == 0]
    return ways[0] if ways else (1.0, 0.0, 0.0)
