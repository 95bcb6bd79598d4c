# SPDX-License-Identifier: GPL-3.0-or-later
"""What a phrase means that is no thing: floor, room, wind, somebody."""

from __future__ import annotations

from abc import ABC, abstractmethod

from . import lexicon
from .draft import Board, Draft
from .phrase import Phrase
from .vocabulary import nouns as n
from .vocabulary import words, worlds
from .vocabulary.qualities import COLOURS

FLOOR, WALL, CEILING, ROOM, AGENT, WIND, NOWHERE = "floor", "wall", "ceiling", "room", "agent", "wind", "nowhere"
Found = list[Draft] | str
"""Things, or one of the places above."""


class Places(ABC):
    """`known` is what a phrase was found to mean."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.movers: list[Draft] = []
        """Of the clause before: what `it` is at the beginning of the next."""
        self.named: list[Draft] = []
        """The latest that were named together."""
        self.mine: list[Draft] = []
        """Of the clause that is being read."""
        self.known: dict[int, Found] = {}
        self.start = 0
        """Where in the text the clause begins."""
        self._as_floor = self._as_agent = False

    @abstractmethod
    def find(self, phrase: Phrase, *, subject: bool = False) -> Found: ...

    @abstractmethod
    def new(self, phrase: Phrase, one: str, arrangement: str = "") -> list[Draft]: ...

    @abstractmethod
    def before(self, phrase: Phrase, one: str) -> list[Draft]: ...

    def _place(self, phrase: Phrase, head: str, one: str) -> Found | None:
        if (one in worlds.SCENERY and lexicon.thing(one) is None) or head in n.FLOORS:
            self._floor(phrase, worlds.SCENERY.get(one, ""))
            if one in worlds.WOODED and not any(each.name in ("tree", "fir") for each in self.board.drafts):
                self.new(Phrase("tree", count=8, at=phrase.at), "tree", arrangement="scattered")
                self.board.note(f"The {one} was assumed to be 8 trees.")
            return FLOOR
        bare = not phrase.det and phrase.count is None and not phrase.of
        if (
            bare
            and head in ("ice", "snow", "grass", "sand", "gravel", "concrete", "asphalt", "mud", "soil", "marble")
            and self._as_floor
        ):
            self._floor(phrase, head)
            return FLOOR
        if (
            phrase.det == "the"
            and head in ("ice", "snow", "grass", "sand", "mud", "gravel")
            and self._as_floor
            and not self.before(phrase, one)
        ):
            self._floor(phrase, head)
            return FLOOR
        if one in worlds.ROOMS:
            self.board.environment["walls"] = True
            return ROOM
        if one in n.CEILINGS:
            return CEILING
        if one in n.PEOPLE and self._as_agent:
            return AGENT
        if one in worlds.BLOW or head in worlds.BLOW:
            self._wind(phrase, one)
            return WIND
        if (one in n.PLACELESS and lexicon.thing(one) is None) or (phrase.part and not head):
            for word in phrase.words:
                if lexicon.thing(word):
                    self.board.leave(word)
            return NOWHERE
        return None

    def place(self, phrase: Phrase, word: str) -> Found:
        """After a preposition: on ice is on a floor of ice."""
        self._as_floor = word in words("on onto in across along over to into down through upon")
        found = self.find(phrase)
        self._as_floor = False
        return found

    def agent(self, phrase: Phrase) -> Found:
        """Who throws or pours may be somebody who is not seen."""
        self._as_agent = True
        found = self.find(phrase, subject=True)
        self._as_agent = False
        if found == AGENT and phrase.head not in ("i", "you", "we"):
            self.board.note(f"Nobody is shown who does it: {phrase.head!r} was left out.")
        return found

    def _floor(self, phrase: Phrase, of: str) -> None:
        inner = phrase.made_of or phrase.of
        if inner is not None and inner.plural and lexicon.thing(inner.head):
            self.find(inner)
            inner = None
        said = [*phrase.words, *([inner.head] if inner else [])]
        material = next((lexicon.material(each) or "" for each in said if lexicon.is_material(each)), "") or of
        if material:
            name = lexicon.material(material) or material
            self.board.environment["floor_material"] = name
        for word in said:
            if not lexicon.is_material(word) and word in COLOURS:
                self.board.leave(word)
        if phrase.head in ("lawn", "meadow", "carpet", "road", "street", "pavement", "beach", "desert", "field"):
            self.board.environment.setdefault(
                "floor_material",
                {
                    "carpet": "wool",
                    "road": "asphalt",
                    "street": "asphalt",
                    "pavement": "concrete",
                    "beach": "sand",
                    "desert": "sand",
                }.get(phrase.head, "grass"),
            )

    def _wind(self, phrase: Phrase, one: str) -> None:
        speed = worlds.BLOW[one]
        if one == "wind" and self._as_floor:  # in the wind: what is there shall stay there
            speed = worlds.BLOW["breeze"]
        for word in phrase.words:
            speed *= worlds.BLOW_HARDER.get(word, 1.0)
        given = [
            values[0]
            for kind, values, _ in (*phrase.measures, *(phrase.of.measures if phrase.of else []))
            if kind == "speed"
        ]
        self.board.environment["blowing"] = given[0] if given else round(speed, 3)
        if one in ("storm", "hurricane", "typhoon", "squall"):
            self.board.environment["turbulence"] = 1.0
