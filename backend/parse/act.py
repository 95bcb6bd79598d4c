# SPDX-License-Identifier: GPL-3.0-or-later
"""One clause with its things found: what moves, which places are said of it, how fast and when."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from . import making
from .cast import Cast
from .clause import Clause
from .draft import Board, Draft
from .phrase import Phrase
from .places import Found
from .relating import relate
from .vocabulary import words
from .vocabulary.functions import WAYS
from .vocabulary.nouns import ORDINALS

INTO = words(
    "onto into on in over upon to towards toward inside through at against above under across "
    "with underneath below beneath atop between around past near beside by"
)
Vector = tuple[float, float, float]


@dataclass
class Act:
    """`places` are (preposition, what it is of) that are still to be placed."""

    board: Board
    cast: Cast
    clause: Clause
    subjects: list[Draft] = field(default_factory=list)
    objects: list[Draft] = field(default_factory=list)
    wind: bool = False
    blown: bool = False
    """The wind does it."""
    agent: bool = False
    together: bool = False
    """Into each other."""
    places: list[tuple[str, Found]] = field(default_factory=list)

    @property
    def moved(self) -> list[Draft]:
        """What a verb moves that can take an object: throw a ball, a ball is thrown."""
        return self.objects or self.subjects

    @property
    def time(self) -> float | None:
        """Where one is said or meant."""
        return self.board.now if self.board.timed else None

    def take(self, *words: str) -> Draft | str | None:
        """The first place with one of these prepositions, which is then placed."""
        for number, (word, found) in enumerate(self.places):
            if word in words:
                del self.places[number]
                if isinstance(found, str):
                    return found
                return found[0] if found else None
        return None

    def takes(self, *words: str) -> tuple[str, Draft | str] | None:
        for number, (word, found) in enumerate(self.places):
            if word in words and found:
                del self.places[number]
                return word, found if isinstance(found, str) else found[0]
        return None

    def speed(self, usual: float) -> float:
        """m/s, as it is said or as its adverbs make the usual one."""
        given = self.clause.amounts.get("speed") or next(
            (each.grown["speed"] for each in self.moved if "speed" in each.grown), None
        )
        if given is None:
            return round(usual * self.clause.pace, 3)
        return min(300.0, given)

    def way(self) -> Vector | None:
        """The direction that is said."""
        ways = [WAYS[each] for each in self.clause.ways if each in WAYS]
        if not ways:
            return None
        total = tuple(sum(each[k] for each in ways) for k in range(3))
        length = math.sqrt(sum(each * each for each in total))
        return tuple(each / length for each in total) if length > 0 else None  # type: ignore[return-value]

    def go(self, mover: Draft, speed: float, usual: Vector = (1.0, 0.0, 0.0), lift: float = 0.0) -> None:
        """A velocity at the start, or a push later where a time is said."""
        way = self.way() or usual
        rigid(mover)
        if lift and way[2] == 0 and "speed" not in self.clause.amounts:
            way = (way[0], way[1], lift)
        if self.board.timed and self.board.now > 0:
            if mover.moves or self.clause.action == "push":
                self.board.event("push", mover, time=self.board.now, strength=speed, direction=_unit(way))
                return
            self.board.event("release", mover, time=self.board.now)
        mover.assume("initial_velocity", tuple(round(each * speed, 3) for each in way))

    def toward(self, mover: Draft, target: Draft | str | None, speed: float, *, lift: float = 0.0) -> None:
        """Beside its target and on the way to it, across the picture."""
        before = mover.fields.get("initial_velocity")
        way = self.way() or (before if before and any(before) else (1.0, 0.0, 0.0))
        if isinstance(target, Draft) and target is not mover:
            target.said.add("hit")
            self.board.revoke(target)
            if mover.relation and mover.target is not target:
                if _slope(mover):
                    target.relate("in_front_of", mover.target, distance=0.3, firm=False)
                elif mover.relation in ("on", "above") and isinstance(mover.target, Draft) and target.type != "passive":
                    target.relate("on", mover.target, firm=False)
                else:
                    target.relate("right_of", mover.target, distance=1.0, firm=False)
                if _slope(mover):
                    rigid(mover)
                    self.board.note(f"The {target.called} was put where the way of the {mover.called} leads.")
                    return
            else:
                distance = round(max(min(0.8, 25 * radius(target)), min(6.0, speed * 0.5)), 2)
                side = (
                    "right_of"
                    if way[0] < 0
                    else "in_front_of"
                    if way[1] > 0
                    else "behind"
                    if way[1] < 0
                    else "above"
                    if way[2] < 0
                    else "left_of"
                )
                mover.relate(side, target, distance=distance, firm=False)
        self.go(mover, speed, lift=lift)

    def amount(self, name: str) -> float | None:
        return self.clause.amounts.get(name)

    def which(self, draft: Draft) -> int:
        """Which of several is meant, from 0: the third one, the last; the first of a row; -1 is all of them."""
        for phrase in phrases(self.clause):
            found = self.cast.known.get(id(phrase))
            if phrase.ordinal and draft.count > 1 and isinstance(found, list) and draft in found:
                return ORDINALS[phrase.ordinal] % draft.count
        return 0 if draft.fields.get("arrangement") == "row" else -1

    def raise_(self, mover: Draft, usual: float) -> None:
        """How high it begins: as said, else assumed and told."""
        height = self.amount("height")
        if height is not None:
            mover.say("height", height, "height")
        elif "height" not in mover.fields and "position" not in mover.fields:
            size = making.size_so_far(mover)
            onto = making.size_so_far(mover.target) if isinstance(mover.target, Draft) else None
            if size and onto:  # what is small falls a little way, so that it can be seen
                usual = round(min(usual, max(0.3, 4 * max(size), 1.2 * onto[2])), 2)
            mover.assume("height", usual)
            self.board.note(f"The {mover.called} was assumed to start {usual:g} m up.")

    def settle(self) -> None:
        """Places that the verb left are where its thing is."""
        movers = self.moved or self.subjects
        for word, found in self.places:
            relate(self.board, movers, word, found, self.amount("distance"))
        self.places = []


def rigid(draft: Draft) -> None:
    """It moves by physics, even where its kind usually stands still."""
    if draft.type in ("passive", "animated") and "type" not in draft.said:
        draft.fields["type"] = "rigid_body"


def split(act: Act, draft: Draft) -> tuple[Draft, Draft]:
    """Two cars are a car and another one, so that each can have a velocity of its own."""
    twin = draft.part(draft.count // 2)
    twin.relation, twin.target, twin.other, twin.distance = "", None, None, None
    act.board.drafts.insert(act.board.drafts.index(draft) + 1, twin)
    act.cast.twin(draft, twin)
    return draft, twin


def radius(draft: Draft) -> float:
    size = draft.fields.get("dimensions") or making.usual_size(draft) or (0.3, 0.3, 0.3)
    return max(0.005, max(size[0], size[2]) / 2)


def _slope(draft: Draft) -> bool:
    return isinstance(draft.target, Draft) and draft.target.name in ("ramp", "staircase")


def _unit(way: Vector) -> Vector:
    length = math.sqrt(sum(each * each for each in way)) or 1.0
    return tuple(round(each / length, 4) for each in way)  # type: ignore[return-value]


def phrases(clause: Clause) -> list[Phrase]:
    return [*clause.subjects, *clause.objects, *(each for _, group, _ in clause.places for each in group)]
