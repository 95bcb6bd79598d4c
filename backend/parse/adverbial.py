# SPDX-License-Identifier: GPL-3.0-or-later
"""Where, how fast, how high, which way: what is said around a verb."""

from __future__ import annotations

from ..protocol.errors import UserError
from . import lexicon, numbers
from .phrase import Phrase
from .verbal import Verbal
from .vocabulary import words
from .vocabulary.functions import ARRANGED, FAST, MANNERS, RELATIONS, WAYS
from .vocabulary.nouns import PIECES
from .vocabulary.verbs import ACTION, PARTICLES

_LEADING = words("""at with from of by to about roughly into in a an the height speed velocity mass rate angle up
    initial approximately is around""")
SIDES = words("at_left at_right at_front at_back")
_PINS = words("pinned held fixed fastened attached clamped nailed clipped hung tied secured")
_HOLDS = {
    "corner": "corners", "corners": "corners", "top": "top", "upper": "top", "ends": "ends", "sides": "ends",
    "left": "left", "right": "right",
}  # fmt: skip
STATIC = words(
    """on in inside under above over left_of right_of in_front_of behind beside near around between with against of
    by left_side_of right_side_of upon beneath below underneath within atop alongside among"""
)
"""Prepositions that say where a thing is; others say where it goes."""


class Adverbial(Verbal):
    """Reads amounts, places and manners into the clause."""

    def _amount(self, at: int) -> int | None:
        """At 5 m/s, from 3 metres, 2 m above, by 30 degrees, at 30 rpm, into 12 pieces."""
        if self.word(at) in ("a", "an") and self.phrase(at):
            return None
        k = at
        while self.word(k) in _LEADING:
            if numbers.measure(self.tokens, k):
                break
            k += 1
        measure = numbers.measure(self.tokens, k)
        led = [self.word(j) for j in range(at, k)]
        if measure is None or (led and (led[0] in ("a", "an", "the"))):
            return None
        if led and led[-1] in ("a", "an", "the") and self.phrase(k - 1):
            return None
        end, value = measure.end, measure.value
        self.now.amount_of = self.latest
        if measure.kind == "angle speed":
            self.now.amounts["turns"] = value / 360
        elif measure.kind == "speed":
            self._measured_once("speed", value, "m/s")
        elif measure.kind == "pieces" and not led:
            return None
        elif measure.kind == "angle":
            self.now.amounts["angle"], self.now.angle_of = value, self.latest
        elif measure.kind in ("mass", "turns", "flow", "pieces", "volume"):
            self.now.amounts[measure.kind] = value
        elif measure.kind == "length":
            return self._length(led, end, value)
        else:
            self.lost += [self.word(j) for j in range(k, end)]
        return end

    def _measured_once(self, name: str, value: float, unit: str) -> None:
        before = self.now.amounts.get(name, value)
        if before != value:
            raise UserError(
                f"Two {name}s are said: {before:g} {unit} and {value:g} {unit}. Say one of them.", kind="usage"
            )
        self.now.amounts[name] = value

    def _length(self, led: list[str], end: int, value: float) -> int | None:
        after = self.word(end)
        if after in ("above", "over", "up", "high") or "height" in led or ("from" in led and after not in ("away",)):
            self._measured_once("height", value, "m")
            return end + (after in ("up", "high"))
        if after in words("apart away to from behind left_of right_of in_front_of below beside under past near"):
            self.now.amounts["distance"] = value
            return end + (after in ("apart", "away"))
        if "a" in led and self.phrase(end):
            return None
        if self.now.verb in ("fall", "drop", "plunge", "descend", "rise", "tumble", "hover", "float"):
            self.now.amounts["height"] = value
        elif self.now.verb in ("be", "measure", "stand"):
            self.now.amounts[
                "size " + {"tall": "z", "high": "z", "wide": "x", "long": "long", "deep": "y"}.get(after, "all")
            ] = value
            return end + (after in ("tall", "high", "wide", "long", "deep", "thick", "across"))
        else:
            self.now.amounts["distance"] = value
        return end

    def _placed(self, at: int) -> int | None:
        """A preposition and what it is of."""
        word = self.word(at)
        if word not in RELATIONS:
            return None
        found = self.phrase(at + 1)
        if found is None and word in words("of for after per than like as about before until during"):
            return at + 1
        if found is None:
            return self._alone(at)
        phrase, end = found
        members = [phrase]
        self.now.places.append((word, members, self._said_of(word, phrase)))
        self.latest, self.open, self.joint = phrase, members, False
        return end

    def _said_of(self, word: str, of: Phrase) -> Phrase | None:
        """After a place is named a further one is of it, where it says where and not where to; before the verb too."""
        clause = self.now
        if clause.verb == "" or self.latest is None:
            return self.latest
        if word not in STATIC or self.latest.head in PIECES:
            return None
        lines = ("rope", "chain")
        if clause.action in ("hang", "swing") and (
            lexicon.thing(of.head) in lines or lexicon.thing(self.latest.head) in lines
        ):
            return None
        if word in ("with", "by") or self.latest.part:
            return None
        if len(clause.places) == clause.before:
            if clause.objects and ACTION.get(clause.verb) in words(
                "hit knock show contain surround squash support trigger have"
            ):
                return clause.objects[-1]
            return self.latest if clause.verb in ("have", "be") and clause.objects else None
        before = clause.places[-1]
        if before[0] in ("with",) or before[0] not in STATIC or clause.verb not in ("be",):
            return self.latest
        return None if word != "on" else self.latest

    def _pinned(self, at: int) -> int | None:
        """Pinned at its corners, held by the top: what holds a cloth or a rope."""
        if self.word(at) not in _PINS or (self._forms(at) and self.kind(at) != "word"):
            return None
        k = at + 1
        while self.word(k) in ("at", "by", "on", "from", "along", "its", "the", "their", "all", "both", "four", "two"):
            k += 1
        place = _HOLDS.get(self.word(k))
        if place is None or k == at + 1 or self.word(k + 1) == "of":
            return None
        k += 1 + (self.word(k) in ("left", "right", "top", "upper") and self.word(k + 1) in ("edge", "side", "end"))
        self.now.manners.append(f"pinned {place}")
        return k

    def _alone(self, at: int) -> int:
        word = self.word(at)
        if (self.now.verb, word) in PARTICLES:
            self.now.particle = word
        elif word in WAYS:
            self.now.ways.append(word)
        elif word in ("in", "on", "inside", "into", "through"):
            self.now.manners.append("in")
        return at + 1

    def _manner(self, at: int) -> int | None:
        word = self.word(at)
        if word in WAYS and not (
            word in ("left", "right", "back") and self.phrase(at) and lexicon.is_noun(self.word(at + 1))
        ):
            self.now.ways.append(word)
        elif word == "each_side" and self.latest is not None:
            self.latest.count, self.latest.side = 2 * (self.latest.count or 1), word
        elif word in SIDES:
            if self.latest is None or self.joint:
                self.side = word
            else:
                self.latest.side = word
        elif word in ARRANGED or word in MANNERS:
            self.now.manners.append(word)
        elif word in FAST and not (lexicon.is_adjective(word) and self._leads(at)):
            self.now.pace *= FAST[word]
        elif self.now.verb in ("be", "stay", "remain") and not self.now.objects and self._is_state(at):
            inner = self.phrase(at + 2) if word == "full" and self.word(at + 1) in ("of", "with") else None
            if inner is not None:
                self.now.places.append(("full", [inner[0]], None))
                return inner[1]
            self.now.states.append(word)
        elif word in ("apart", "away", "once", "twice"):
            self.now.manners.append(word)
        else:
            return None
        return at + 1
