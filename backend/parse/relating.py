# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things are: what a preposition says, of things and of places."""

from __future__ import annotations

from ..protocol import props, scene
from .draft import Board, Draft
from .places import AGENT, CEILING, FLOOR, NOWHERE, ROOM, WIND, Found
from .vocabulary import words
from .vocabulary.functions import RELATIONS, STANDS

WORLD = "world"
HELD = ("fluid", "smoke", "force_field")
_TOPS = words("table chair bench bed sofa shelf stool pedestal plate cloth cart")
_FIRM = ("on", "in", "under", "hanging_from")


def relate(board: Board, movers: list[Draft], word: str, found: Found | Draft, distance: float | None = None) -> None:
    """What a preposition says of where things are."""
    kind = STANDS.get(word, RELATIONS.get(word, ""))
    found = [found] if isinstance(found, Draft) else found
    if found in (NOWHERE, ROOM, AGENT, WIND, "each other") or kind not in scene.RELATIONS or not movers:
        return
    if isinstance(found, str):
        for each in movers:
            _in_place(each, word, kind, found)
    elif word == "with":
        for other in found:
            row = props.things().get(movers[0].name)
            inside = other.fall_back == "fluid" or (row is not None and row.hollow)
            near = "on" if movers[0].name in _TOPS else "in" if inside else "near"
            other.relate(near, movers[0], firm=False)
    else:
        for each in movers:
            _by(board, each, word, kind, found, distance)


def _in_place(each: Draft, word: str, kind: str, place: str) -> None:
    """On the floor, from the ceiling."""
    if place == CEILING and word not in ("to", "towards", "toward", "into", "up", "at", "against", "through"):
        if each.name in ("rope", "chain") or each.type == "cloth":
            each.assume("pinned", "top")
        each.relate("hanging_from", WORLD)
    elif place == FLOOR and each.fall_back not in HELD and kind in ("on", "in", "under") and not each.relation:
        each.said |= {"floor"} if kind == "on" else set()
        each.relate("on", FLOOR, firm=False)


def _by(board: Board, each: Draft, word: str, kind: str, found: list[Draft], distance: float | None) -> None:
    """On, in, beside another thing; between two or the two of a pair."""
    target = found[0]
    if word in ("left_side_of", "right_side_of") and target.name in _TOPS and each.name not in _TOPS:
        kind = "on"
    if target.vague and target.count == 5 and 1 < each.count < 20 and kind in ("on", "in", "hanging_from"):
        target.count = each.count
    other = found[min(1, len(found) - 1)] if kind == "between" else None
    if kind == "between" and each.name in ("rope", "chain"):
        each.assume("pinned", "ends")
    done = each.relate(kind, target, other=other, distance=distance)
    twice = kind in _FIRM and each.relation in _FIRM and "relation" in each.said
    if not done and twice and target not in (each, each.target):
        board.note(
            f"The {each.called} is said to be {each.relation.replace('_', ' ')} one thing and "
            f"{kind.replace('_', ' ')} another: the first was taken."
        )
    if kind == "around" and each.count > 1:
        each.assume("arrangement", "circle")
    if kind == "in" and each.count > 3 and each.fall_back not in HELD:
        each.assume("arrangement", "pile")
