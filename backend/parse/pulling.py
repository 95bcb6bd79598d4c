# SPDX-License-Identifier: GPL-3.0-or-later
"""Verbs of what is pulled: by magnets, vortices, into an orbit."""

from __future__ import annotations

import math

from .act import Act, rigid
from .draft import Draft
from .places import NOWHERE
from .relating import relate


def pull(act: Act) -> None:
    """What a magnet attracts; what is dragged is pushed; a rope between two posts is pulled tight."""
    if any(word == "between" for word, _ in act.places):
        for each in act.moved:
            each.assume("pinned", "ends")
        return
    found = act.takes("by", "to", "towards", "toward", "into", "with", "from")
    field = (
        found[1] if found and isinstance(found[1], Draft) else act.subjects[0] if act.objects and act.subjects else None
    )
    for each in act.moved:
        if field is each:
            continue
        rigid(each)
        if isinstance(field, Draft) and (field.fall_back == "force_field" or act.clause.verb == "attract"):
            if field.fall_back != "force_field":
                pull_field(act, field, "attract")
            each.relate("around", field, distance=1.0, firm=False)
            each.assume("arrangement", "scattered" if each.count > 1 else "auto")
            return
        if not each.moves:
            act.go(each, act.speed(1.5))


def pull_field(act: Act, at: Draft, kind: str) -> Draft:
    fresh = Draft(f"{kind} field", f"{kind} field", fields={"field": kind, "strength": 8.0}, fall_back="force_field")
    fresh.relate("in" if at.name in ("tank", "bowl") else "near", at, distance=0.0)
    return act.board.add(fresh)


def orbit(act: Act) -> None:
    """Held by a pull to the middle: v² = strength at 1 m, whatever the distance, for a pull of 1 / r."""
    found = act.takes("around", "about", "round")
    centre = found[1] if found and isinstance(found[1], Draft) else act.objects[0] if act.objects else None
    if centre is None:
        return
    for each in act.subjects:
        rigid(each)
        each.relate("right_of", centre, distance=2.0, firm=False)
        each.assume("initial_velocity", (0.0, round(math.sqrt(8.0 / 2), 3), 0.0))
    if centre.type == "rigid_body":
        centre.fields["type"] = "passive"
    pull_field(act, centre, "attract")
    act.board.environment.setdefault("gravity", (0.0, 0.0, 0.0))
    act.board.note("An orbit was made of a pull to the middle, without gravity.")


def catch(act: Act) -> None:
    found = act.takes("in", "by", "inside", "with", "between")
    if found is None and act.objects and act.subjects and act.subjects[0].fall_back == "force_field":
        found = ("in", act.subjects[0])
    catcher = act.subjects[0] if act.subjects and act.objects and found is None else None
    for each in act.moved:
        if catcher is not None and catcher is not each:
            rigid(each)
            each.relate("above", catcher, firm=False)
            act.raise_(each, 1.0)
            continue
        if found and isinstance(found[1], Draft):
            near = found[1].fall_back == "force_field"
            each.relate("around" if near else "in", found[1])
            if near:
                each.assume("arrangement", "scattered" if each.count > 1 else "auto")
    if found and found[1] == NOWHERE:
        relate(act.board, act.moved, found[0], NOWHERE)
