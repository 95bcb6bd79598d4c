# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows a noun: of, made of, full of, weighing, sizes."""

from __future__ import annotations

from . import lexicon, numbers
from .phrase import Phrase
from .vocabulary import words
from .vocabulary.nouns import PARTS
from .vocabulary.qualities import CLASSES, MIXED
from .wording import Wording

_EXTENT = {
    "tall": "z",
    "high": "z",
    "deep": "y",
    "wide": "x",
    "long": "long",
    "thick": "thin",
    "across": "all",
    "broad": "x",
    "diameter": "all",
    "radius": "radius",
    "height": "z",
    "width": "x",
    "length": "long",
    "depth": "y",
    "size": "all",
    "big": "all",
    "large": "all",
    "sized": "all",
    "square": "all",
    "thickness": "thin",
    "side": "all",
    "edge": "all",
}


class After(Wording):
    """Reads on from a noun."""

    def _each_way(self, at: int) -> int:
        """Where "on each side", "a side" or "in each direction" ends; 0 where it does not stand here."""
        if self.word(at) == "each_side":
            return at + 1
        k = at + (self.word(at) in ("on", "along", "in", "to"))
        k += self.word(k) in ("each", "every", "a", "per", "all")
        ends = self.word(k) in ("side", "sides", "edge", "edges", "direction", "directions", "way")
        return k + 1 if ends and k > at else 0

    def _extent(self, found: Phrase, measure: numbers.Measure) -> int:
        """2 m tall, 30 cm in diameter."""
        end = measure.end
        if measure.kind == "length" and (all_sides := self._each_way(end)):
            found.measures.append((measure.kind, measure.values, "all"))
            return all_sides
        after = end + (self.word(end) in ("in", "of"))
        what = _EXTENT.get(self.word(after), "")
        if what == "long" and measure.kind != "length":
            what = ""
        found.measures.append((measure.kind, measure.values, what))
        return after + 1 if what else end

    def _after(self, found: Phrase, at: int) -> int:
        """What follows the noun: of, made of, full of, weighing, sizes."""
        while at < len(self.tokens):
            at, before = self._one_after(found, at), at
            if at == before:
                return at
        return at

    def _one_after(self, found: Phrase, at: int) -> int:
        word, after = self.word(at), self.word(at + 1)
        start = at + 1 if self.kind(at) == "comma" and word in (",", "(", ")") else at
        each = start + (self.word(start) in ("each", "every", "both", "all"))
        comma = start != at
        if comma and self._closing(found, start):
            return start + 1
        measured = self._measured(found, each)
        if measured is not None:
            end = measured
            return end + (self.word(end) == "each")
        if comma:
            return at
        if (word == "made" and after == "of") or (word == "made" and after == "from"):
            return self._stuff(found, at + 2, "made_of")
        if word == "full" and after == "of":
            return self._stuff(found, at + 2, "full_of")
        if word == "of" and found.of is None:
            return self._of(found, at + 1)
        if word == "each" and self.kind(at + 1) == "word" and not numbers.measure(self.tokens, at + 1):
            return at + 1
        return at

    def _closing(self, found: Phrase, at: int) -> bool:
        """Newton's cradle, brass, swinging: a material or colour between commas."""
        word = self.word(at)
        plain = lexicon.is_material(word) or lexicon.is_adjective(word)
        if plain and self.kind(at + 1) in ("comma", "stop", "") and not lexicon.thing(word):
            found.words.append(word)
            return True
        return False

    def _measured(self, found: Phrase, at: int) -> int | None:
        """weighing 3 kg, of 30 cm, with a mass of 2 kg, 2 m tall, with a radius of 1 m."""
        k, what = at, ""
        while self.word(k) in words("weighing weighs weigh measuring of with and a the having that is are which"):
            k += 1
        if self.word(k) in _EXTENT and self.word(k + 1) in ("of", "is") and k != at:
            what, k = _EXTENT[self.word(k)], k + 2
        elif self.word(k) in ("mass", "weight") and self.word(k + 1) == "of":
            k += 2
        while self.word(k) in ("about", "roughly", "approximately", "around", "exactly"):
            k += 1
        for start in (k, k - 1):
            measure = numbers.measure(self.tokens, start) if start >= at else None
            if measure and (
                measure.kind == "mass" or (measure.kind == "length" and self._is_size(found, measure, at, start, what))
            ):
                end = self._extent(found, measure)
                if what:
                    kind, values, _ = found.measures.pop()
                    found.measures.append((kind, values, what))
                return end
        return None

    def _is_size(self, found: Phrase, measure: numbers.Measure, at: int, start: int, what: str) -> bool:
        """Its own size, not how far away or how high above: 2 m above the table."""
        end = measure.end
        said = self.word(end + (self.word(end) in ("in",))) in _EXTENT or self._each_way(end) > 0
        said = said or self.word(end) in ("each", "apiece")
        if self.word(end) == "high" and self.word(end + 1) in ("above", "over", "in", "up"):
            return False
        led = self.word(at) in ("of", "measuring") or bool(what) or self.word(at - 1) in ("each", "both", "all")
        return (
            said
            or what != ""
            or len(measure.values) > 1
            or (led and self.word(end) not in ("above", "over", "from", "away"))
        )

    def _stuff(self, found: Phrase, at: int, slot: str) -> int:
        inner = self.phrase(at)
        if inner is None:
            return at - 2
        setattr(found, slot, inner[0])
        return inner[1]

    def _of(self, found: Phrase, at: int) -> int:
        if self.word(at) in MIXED and lexicon.singular(self.word(at + 1)) in CLASSES:
            found.words.append(f"mixed_{lexicon.singular(self.word(at + 1))}")
            return at + 2
        inner = self.phrase(at)
        if inner is None:
            return at - 1
        one = lexicon.singular(found.head)
        if one in PARTS and set(found.words) <= PARTS and inner[0].head:
            part, words = found.head, inner[0]
            found.__dict__.update(words.__dict__)
            found.part = part
            return inner[1]
        found.of = inner[0]
        return inner[1]
