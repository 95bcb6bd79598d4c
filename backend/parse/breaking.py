# SPDX-License-Identifier: GPL-3.0-or-later
"""Verbs of what breaks, topples, opens, stops."""

from __future__ import annotations

from .act import Act, rigid
from .draft import Draft
from .hitting import hit


def topple(act: Act) -> None:
    """A push at the top or at the first, unless something else hits it."""
    found = act.takes("onto", "into", "over", "on", "down", "against", "by")
    for each in act.moved:
        rigid(each)
        if each.name == "domino":
            each.assume("arrangement", "row")
        if each.fall_back == "fluid":
            continue
        if (
            act.clause.verb in ("collapse", "crumble")
            and each.name in ("house", "tower", "wall", "bridge", "arch", "castle")
            and "arrangement" not in each.fields
        ):
            each.assume("pieces", 40)
            if "hit" not in each.said:
                act.board.event("break", each, time=moment(act, each, "collapse"), assumed=act.time is None)
            continue
        struck = "hit" in each.said or any(
            other is not each and other.target is each and other.moves for other in act.board.drafts
        )
        hit = any(
            other is not each and other.fields.get("initial_velocity") and other.fall_back == "rigid_body"
            for other in act.board.drafts
        )
        pushed = any(event["target"] is each for event in act.board.events)
        if not (struck or hit or pushed):
            time = act.time if act.time is not None else 0.5
            row = each.fields.get("arrangement") == "row"
            act.board.event(
                "push",
                each,
                time=time,
                strength=0.6 if row else 1.5,
                direction=act.way() or (1.0, 0.0, 0.0),
                index=act.which(each),
                assumed=act.time is None,
            )
            act.board.note(
                f"The {each.called} was assumed to be pushed to the right after {time:g} s, so that it topples."
            )
        if found and isinstance(found[1], Draft) and found[0] == "on":
            each.relate("on", found[1], firm=False)
        elif found and isinstance(found[1], Draft) and found[0] != "by":
            found[1].relate("right_of", each, distance=0.3, firm=False)


def knock(act: Act) -> None:

    targets = act.subjects if act.clause.passive else act.objects
    for each in targets:
        rigid(each)
    tool = any(word in ("with", "by") for word, _ in act.places)
    if not act.clause.passive and (not act.objects or not act.subjects) and not tool:
        topple(act)
        return
    hit(act)
    if act.clause.passive and not any(each.moves for each in act.board.drafts if each not in targets):
        topple(act)


def explode(act: Act) -> None:
    for each in act.moved:
        if each.type in ("fluid", "smoke", "cloth"):
            act.board.event("explode", each, time=moment(act, each, "explode"), strength=act.speed(6.0))
            continue
        rigid(each)
        if each.type == "rigid_body" and each.fields.get("arrangement") is None:
            each.assume("pieces", int(act.amount("pieces") or 30))
        elif act.amount("pieces"):
            each.say("pieces", int(act.amount("pieces") or 30))
        act.board.event("explode", each, time=moment(act, each, "explode"), strength=act.speed(6.0))


def moment(act: Act, each: Draft, what: str) -> float:
    if act.time is not None:
        return act.time
    act.board.note(f"When the {each.called} should {what} was not said: after 1 s was assumed.")
    return 1.0


def shatter(act: Act) -> None:
    """Into pieces when it is hit; where nothing hits it, by an event."""
    found = act.takes("into", "in", "on", "against", "onto", "by", "over", "with")
    breaker = [each for each in act.subjects if act.objects and each not in act.objects]
    for each in act.moved:
        pieces = act.amount("pieces")
        if pieces:
            each.say("pieces", int(max(2, min(200, pieces))), "number of pieces")
        else:
            each.assume("pieces", 20)
        if each.type in ("passive", "animated") and "type" not in each.said:
            rigid(each)
        by = found[1] if found and found[0] in ("by", "with") and isinstance(found[1], Draft) else None
        for other in [*breaker, *([by] if by else [])]:
            if not other.moves and other.type != "fluid":
                act.toward(other, each, act.speed(5.0))
        if (
            found
            and isinstance(found[1], Draft)
            and found[0] in ("on", "against", "onto", "over")
            and not each.relation
        ):
            each.relate("above", found[1])
            act.raise_(each, 1.0)
        hit = (
            "hit" in each.said
            or each.moves
            or breaker
            or by
            or any(other.target is each and other.moves for other in act.board.drafts)
        )
        if (act.time is not None and not each.moves) or not hit:
            act.board.event("break", each, time=moment(act, each, "break"), assumed=act.time is None)


def squash(act: Act) -> None:
    """It comes down on it."""
    found = act.takes("with", "by", "under", "between", "on", "onto", "against", "into")
    weights, targets = act.subjects, act.objects
    if act.clause.passive or not act.objects:
        weights = [found[1]] if found and isinstance(found[1], Draft) else []
        targets = act.subjects if not act.agent else act.objects
    elif found and isinstance(found[1], Draft) and act.agent:
        weights = [found[1]]
    for each in weights:
        for target in targets[:1]:
            rigid(each)
            each.relate("above", target, firm=False)
        if not each.moves:
            act.raise_(each, 0.8)


def wobble(act: Act) -> None:
    for each in act.moved:
        if (
            each.material.get("name") in ("jelly", "foam", "rubber", "silicone", "slime")
            or each.fall_back == "soft_body"
        ):
            each.fields["type"] = "soft_body"
            if not each.moves:
                act.raise_(each, 0.2)
        elif each.type == "rigid_body" and not each.moves and not act.wind:
            each.assume("angular_velocity", (0.0, 40.0, 0.0))


def open_(act: Act) -> None:
    kind = "open" if act.clause.action == "open" else "close"
    for each in act.moved:
        act.board.event(kind, each, time=moment(act, each, kind))


def stop(act: Act) -> None:
    if act.wind and not act.moved:
        act.board.event("wind", None, time=act.time if act.time is not None else 2.0, strength=0.0)
    for each in act.moved:
        if act.time is not None:
            act.board.event("stop", each, time=act.time)


def begin(act: Act) -> None:
    """The wind starts; the ball starts."""
    if not act.wind:
        for each in act.moved:
            if act.time is not None:
                act.board.event("release", each, time=act.time)


def inflate(act: Act) -> None:
    for each in act.moved:
        each.fields["type"] = "soft_body"
    act.board.note("How something is inflated is not simulated: it is soft and has its full size.")


def melt(act: Act) -> None:
    for each in act.moved:
        if each.type in ("rigid_body", "passive"):
            each.fields["type"] = "soft_body"
    act.board.note("How something melts is not simulated: it is soft from the beginning.")
