# SPDX-License-Identifier: GPL-3.0-or-later
"""Verbs of what turns, swings and goes up and down where it is."""

from __future__ import annotations

from .act import Act, rigid
from .draft import Draft
from .places import CEILING
from .relating import WORLD, relate


def spin(act: Act) -> None:
    turns = act.amount("turns")
    axle = {
        "gear": (0.0, 1.0, 0.0),
        "windmill": (0.0, 1.0, 0.0),
        "fan": (0.0, 1.0, 0.0),
        "wheel": (1.0, 0.0, 0.0),
        "clock": (0.0, 1.0, 0.0),
    }
    found = act.takes("on", "upon", "around", "about", "in", "over", "above", "onto", "at")
    sign = -1.0 if "clockwise" in act.clause.manners else 1.0
    for each in [*(each for each in act.subjects if each not in act.moved and each.name in axle), *act.moved]:
        if found and isinstance(found[1], Draft):
            relate(act.board, [each], *found)
        if (each.name in axle and each.name != "wheel") or each.type == "animated":
            animate(
                each,
                "spin",
                axle.get(each.name, (0.0, 0.0, sign)),
                turns if turns is not None else 0.5 * act.clause.pace,
            )
            continue
        if each.type in ("cloth", "fluid", "smoke"):
            continue
        rigid(each)
        rate = 360 * (turns if turns is not None else (6.0 if each.name == "coin" else 1.5) * act.clause.pace)
        each.assume("angular_velocity", (0.0, 0.0, round(sign * max(-36_000.0, min(36_000.0, rate)), 2)))


def swing(act: Act) -> None:
    found = act.takes("into", "against", "towards", "toward", "at")
    on = act.takes("from", "on", "under", "over", "above", "below", "in", "by")
    for each in act.moved:
        line = each.target
        if each.relation == "on" and isinstance(line, Draft) and line.name in ("rope", "chain"):
            each.relation = "hanging_from"
            line.relate("hanging_from", WORLD, firm=False)
            line.assume("pinned", "top")
        if on and on[1] == CEILING:
            relate(act.board, [each], "on", CEILING)
        elif on and isinstance(on[1], Draft):
            each.relate("hanging_from" if on[0] in ("from", "on", "by") else on[0], on[1])
        if found and isinstance(found[1], Draft):
            target = found[1]
            if each.kind == "wrecking_ball":
                each.relate("hanging_from", WORLD, distance=2.0, firm=False)
            target.said.add("hit")
            target.relate("right_of", each, distance=0.6, firm=False) or each.relate(
                "left_of", target, distance=0.6, firm=False
            )
        if each.name in ("tree", "fir", "lamp", "door") and not each.relation:
            animate(each, "swing", (0.0, 1.0, 0.0), 0.5 * act.clause.pace)
        elif each.name not in ("cradle",) and each.type != "cloth":
            act.go(each, act.speed(2.0))


def animate(each: Draft, motion: str, direction: tuple[float, float, float], speed: float) -> None:
    if each.type in ("cloth", "soft_body", "fluid", "smoke"):
        return
    if "type" in each.said and each.type != "animated":
        return
    each.fields["type"] = "animated"
    each.assume("motion", motion)
    each.assume("direction", direction)
    each.assume("speed", round(speed, 4))
