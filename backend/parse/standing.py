# SPDX-License-Identifier: GPL-3.0-or-later
"""Verbs that say where things are and what they are."""

from __future__ import annotations

import itertools

from ..protocol import props
from . import making
from .act import Act, rigid, split
from .draft import Draft
from .places import CEILING, FLOOR
from .relating import WORLD, relate
from .vocabulary import words
from .vocabulary.functions import ARRANGED

_LINKS = {
    **dict.fromkeys(words("rope string cord cable chain wire thread"), "rope"),
    **dict.fromkeys(words("spring rubber_band"), "spring"),
    **dict.fromkeys(words("rod glue bolt"), "fixed"),
    "hinge": "hinge",
}
_SPRING = 0.4
"""Metres of a spring whose length is not said."""
_BOXES = ("crate", "barrel", "gift", "shelf")
_SIDES = ("behind", "beside", "in_front_of", "left_of", "right_of", "near")
_VERBS = {**dict.fromkeys(words("tie chain tether link"), "rope"), "hinge": "hinge"}


def stand(act: Act) -> None:
    """Is, stands, lies, has: its places, colours and sizes."""
    for each in act.subjects:
        making.describe(each, act.clause.states, act.board)
        if act.clause.made_of is not None:
            inner = act.clause.made_of
            making.describe(each, [*inner.words, inner.head], act.board)
        for name, value in act.clause.amounts.items():
            if name.startswith("size "):
                making.extent(each, (value,), name.removeprefix("size "))
        mass = act.amount("mass")
        if mass is not None:
            each.say("mass", mass, "weight")
        if each.name == "balloon" and "in_the_air" in act.clause.manners:
            each.assume("height", 1.5)
    if act.clause.verb == "have":
        for each in act.objects:
            if act.subjects and not each.relation and not any(word in ("on", "in", "under") for word, _ in act.places):
                each.relate("on", act.subjects[0], firm=False)


def weigh(act: Act) -> None:
    stand(act)


def hang(act: Act) -> None:
    """From a thing, a rope, the ceiling."""
    movers = act.moved
    rope = next(
        (item for item in act.places if not isinstance(item[1], str) and item[1][0].name in ("rope", "chain")), None
    )
    if rope is not None:
        act.places.remove(rope)
    spring = _spring(act)
    other = act.takes("from", "on", "over", "under", "at", "by", "above", "below", "to", "off", "in")
    between = next((found for word, found in act.places if word == "between"), None)
    for each in movers:
        if spring is not None:
            _on_a_spring(act, each, spring, other[1] if other and isinstance(other[1], Draft) else WORLD)
            continue
        if between is not None and rope is None:
            each.assume("pinned", "ends")
            continue
        if rope is not None and between is not None:
            each.relate("hanging_from", rope[1][0])
            act.cast.mine = [each]
            continue
        if rope is not None:
            _on_a_rope(each, rope[1][0], other[1] if other and other[0] not in ("over", "above") else None)  # type: ignore[arg-type]
            if other and other[0] in ("over", "above") and isinstance(other[1], Draft):
                each.relate("above", other[1], firm=False)
        elif other is None and any(word in _SIDES for word, _ in act.places):
            each.assume("pinned" if each.type == "cloth" else "height", "top" if each.type == "cloth" else 1.0)
        elif other is None or isinstance(other[1], str):
            relate(act.board, [each], "on", CEILING)
        elif other[0] in ("over", "above", "under", "below", "in", "at") and each.type != "cloth":
            if other[0] in ("over", "above"):
                act.board.constraints.append({"kind": "rope", "a": each, "b": WORLD, "length": 1.0})
                each.assume("height", 0.6)
            each.relate(
                "above" if other[0] == "over" else other[0] if other[0] in ("above", "under") else "hanging_from",
                other[1],
            )
        else:
            each.relate("hanging_from" if other[0] != "over" else "over", other[1])
            if each.type == "cloth":
                each.assume("pinned", "left" if each.name == "flag" else "top")
        if each.type == "passive" and each.name not in ("lamp", "shelf"):
            each.fields["type"] = "rigid_body"


def _spring(act: Act) -> Draft | None:
    """The spring that something hangs from: it is no thing, but what pulls."""
    for at, (_, found) in enumerate(act.places):
        if not isinstance(found, str) and found and _LINKS.get(found[0].kind) == "spring":
            del act.places[at]
            found[0].drop = True
            return found[0]
    return None


def _on_a_spring(act: Act, each: Draft, spring: Draft, above: Draft | str) -> None:
    """It starts where the spring is at rest, so that it bobs; it will stretch it by a third."""
    rigid(each)
    length = max(spring.fields["dimensions"]) if "dimensions" in spring.said else _SPRING
    each.assume("mass", making.weight(each))
    each.relate("hanging_from", above, distance=length)
    stiffness = round(each.fields["mass"] * 9.81 / (length / 3), 3)
    row = {"kind": "spring", "a": each, "b": above, "length": length, "stiffness": stiffness}
    act.board.constraints.append(row)
    act.board.note(f"A weight of {each.fields['mass']:.3g} kg was assumed: it stretches the spring by a third.")


def _on_a_rope(each: Draft, rope: Draft, above: Draft | str | None) -> None:
    """The rope is a thing between the two, held at its top."""
    each.relate("hanging_from", rope)
    rope.relate("hanging_from", above if isinstance(above, Draft) else WORLD, firm=False)
    rope.assume("pinned", "top")


def balance(act: Act) -> None:
    found = act.takes("on", "upon", "atop", "onto")
    if found:
        relate(act.board, act.moved, "on", [found[1]] if isinstance(found[1], Draft) else found[1])


def lean(act: Act) -> None:
    found = act.takes("against", "on", "to", "at", "over")
    for each in act.moved:
        if found and isinstance(found[1], Draft):
            each.relate("against", found[1])


def place(act: Act) -> None:
    pass


def stack(act: Act) -> None:
    on = {"on", "onto"}
    movers = act.moved
    for each in movers:
        kind = "pile" if act.clause.verb in ("pile", "heap") else "stack"
        if each.count == 1 and each.plural is False and any(word in on for word, _ in act.places):
            continue
        if not any(manner in ARRANGED for manner in act.clause.manners):
            each.assume("arrangement", kind)
    if len(movers) > 1 and all(each.count == 1 for each in movers):
        for lower, upper in itertools.pairwise(movers):
            upper.relate("on", lower, firm=False)


def line(act: Act) -> None:
    for each in act.moved:
        each.assume("arrangement", "row")


def scatter(act: Act) -> None:
    for each in act.moved:
        each.assume("arrangement", "scattered")


def _hollow(draft: Draft) -> bool:
    row = props.things().get(draft.name)
    return row is not None and row.hollow


def contain(act: Act) -> None:
    found = act.takes("by", "in")
    if act.clause.passive and found and isinstance(found[1], Draft):
        act.subjects[0].relate("in" if found[1].name in ("bowl", "tank", "crate") else "on", found[1])
        return
    for each in act.objects:
        for vessel in act.subjects[:1]:
            carried = act.clause.verb in ("hold", "carry") and not (vessel.name in _BOXES or _hollow(vessel))
            each.relate("on" if carried else "in", vessel)
            if each.count > 1:
                each.assume("arrangement", "pile")


def support(act: Act) -> None:
    found = act.takes("by")
    if act.clause.passive and found and isinstance(found[1], Draft):
        for each in act.subjects:
            each.relate("on", found[1])
    else:
        for each in act.objects:
            for below in act.subjects[:1]:
                each.relate("on", below)


def surround(act: Act) -> None:
    found = act.takes("by", "with")
    ring = [found[1]] if found and isinstance(found[1], Draft) else act.subjects
    middle = act.subjects if act.clause.passive else act.objects
    for each in ring:
        for centre in middle[:1]:
            each.relate("around", centre)
            if each.count > 1:
                each.assume("arrangement", "circle")


def connect(act: Act) -> None:
    """By a rope, a spring, a hinge."""
    kind, length = _VERBS.get(act.clause.verb, "fixed"), None
    for at, (word, found) in enumerate(act.places):
        if word in ("by", "with", "through") and not isinstance(found, str) and found and found[0].kind in _LINKS:
            link = found[0]
            kind, link.drop = _LINKS[link.kind], True
            if "dimensions" in link.said:
                length = max(link.fields["dimensions"])
            elif kind == "rope":
                length = 1.0
            del act.places[at]
            break
    to = act.takes("to", "with", "on", "onto", "at", "from")
    ends = list(act.moved)
    if to and isinstance(to[1], Draft) and to[1].kind in _LINKS and kind not in ("fixed",):
        to[1].drop, to = True, None
    if to is None and len(ends) == 1 and ends[0].count >= 2:
        ends = list(split(act, ends[0]))
    if to is not None:
        other: Draft | str = to[1] if isinstance(to[1], Draft) else "floor" if to[1] == FLOOR else "world"
        for each in ends:
            _join(act, kind, each, other, length)
    else:
        for first, second in itertools.pairwise(ends):
            _join(act, kind, first, second, length)


def _join(act: Act, kind: str, a: Draft, b: Draft | str, length: float | None) -> None:
    row: dict[str, object] = {"kind": kind, "a": a, "b": b}
    if kind in ("rope", "spring"):
        row["length"] = length or 0.5
    act.board.constraints.append(row)
    if isinstance(b, Draft) and not a.relation and not b.relation and kind != "rope":
        b.relate("right_of", a, distance=(length or 0.5) if kind == "spring" else 0.0, firm=False)
    elif isinstance(b, Draft) and not a.relation:
        a.relate("near", b, distance=0.5, firm=False)


def manners(act: Act) -> None:
    """In a row, scattered, on its side, in the air, on the left."""
    for word in act.clause.manners:
        for each in [*act.subjects, *act.objects] if word.startswith("pinned ") else ():
            if each.type in ("cloth", "soft_body") or each.name == "rope":
                each.fields["pinned"] = word.removeprefix("pinned ")
        for each in act.moved or act.subjects:
            if word in ARRANGED and (each.count > 1 or each.plural):
                if each.fields.get("arrangement") not in (None, ARRANGED[word]) and "arrangement" in each.said:
                    act.board.note(f"The {each.kind} has two arrangements: {each.fields['arrangement']} was taken.")
                else:
                    each.fields["arrangement"] = ARRANGED[word]
            elif word in ARRANGED:
                together = act.moved
                for left, right in itertools.pairwise(together):
                    right.relate(
                        "on" if ARRANGED[word] == "stack" else "right_of",
                        left,
                        distance=None if ARRANGED[word] == "stack" else 0.2,
                        firm=False,
                    )
            elif word.startswith("pinned ") and (each.type in ("cloth", "soft_body") or each.name == "rope"):
                each.fields["pinned"] = word.removeprefix("pinned ")
            elif word == "upside_down":
                each.assume("rotation", (180.0, 0.0, 0.0))
            elif word == "on_its_side":
                each.assume("rotation", (0.0, 90.0, 0.0))
            elif word == "in_the_air" and each.type not in ("passive", "smoke"):
                each.assume("height", 1.5)
            elif word == "from_ceiling" and not each.relation and act.clause.action not in ("hang", "swing", "fall"):
                relate(act.board, [each], "on", CEILING)
            elif word == "on_fire":
                _fire(act, each)
    angle = act.amount("angle")
    if angle is not None:
        turned = act.cast.known.get(id(act.clause.angle_of))
        for each in turned if isinstance(turned, list) else act.moved:
            each.assume("rotation", (0.0, max(-3600.0, min(3600.0, angle)), 0.0))


def _fire(act: Act, each: Draft) -> None:
    if each.type != "smoke" and not any(other.name == "fire" and other.target is each for other in act.board.drafts):
        fire = Draft("fire", "fire", fields={"flow": 5.0}, material={"name": "fire"}, fall_back="smoke")
        fire.relate("on", each)
        act.board.add(fire)
