# SPDX-License-Identifier: GPL-3.0-or-later
"""Noun phrases: how many, how large, of what, which colour, what it is."""

from __future__ import annotations

from . import lexicon, numbers
from .aftermath import After
from .phrase import Phrase
from .vocabulary import words
from .vocabulary.functions import DETERMINERS, FILLERS, PRONOUNS, RELATIONS
from .vocabulary.nouns import ORDINALS, PLACELESS
from .vocabulary.verbs import FORMS
from .wording import DEGREE


class Reader(After):
    """Reads phrases from tokens."""

    def phrase(self, at: int) -> tuple[Phrase, int] | None:
        """The noun phrase that begins here and where it ends; None where none does."""
        found, end = Phrase("", at=at), at
        if one := self._one(at):
            return one
        end = self._determiner(found, end)
        end = self._quantity(found, end)
        before, self.many = self.many, self.many or (found.count or 1) > 1
        end = self._modifiers(found, end)
        end = self._head(found, end)
        self.many = before
        if not found.head:
            return self._pronoun(at) or self._gapped(at)
        return found, self._after(found, end)

    def _one(self, at: int) -> tuple[Phrase, int] | None:
        """The first one, the last, another one."""
        word = self.word(at)
        after = at + 1 + (self.word(at + 1) in ORDINALS)
        if (
            word in DETERMINERS
            and self.word(after) in ("one", "ones")
            and not (lexicon.is_noun(self.word(after + 1)) and not FORMS.get(self.word(after + 1)))
        ):
            return Phrase("one", at=at, det=word, pronoun=True, ordinal=self._ordinal(at + 1)), after + 1
        if word in DETERMINERS and after == at + 2 and self.kind(after) != "word":
            return Phrase("one", at=at, det=word, pronoun=True, ordinal=self._ordinal(at + 1)), after
        return None

    def _ordinal(self, at: int) -> str:
        return self.word(at) if self.word(at) in ORDINALS else ""

    def _gapped(self, at: int) -> tuple[Phrase, int] | None:
        """A red and a blue ball: the first has its noun from the second."""
        found = Phrase("", at=at)
        end = self._quantity(found, self._determiner(found, at))
        if end == at:
            return None
        start = end
        while lexicon.is_adjective(self.word(end)) or lexicon.is_material(self.word(end)):
            found.words.append(self.word(end))
            end += 1
        if end == start or self.word(end) not in ("and", ",", "or"):
            return None
        after = end + 1 + (self.word(end + 1) == "and")
        if self.word(after) not in DETERMINERS and not numbers.number(self.tokens, after):
            return None
        other = self.phrase(after)
        if other is None or not other[0].head or other[0].pronoun or not other[0].words:
            return None
        found.head, found.plural = other[0].head, (found.count or 1) > 1
        return found, end

    def _pronoun(self, at: int) -> tuple[Phrase, int] | None:
        word = self.word(at)
        if word in PRONOUNS and self.kind(at) == "word" and word not in ("that", "which"):
            return Phrase(
                word, at=at, pronoun=True, plural=word in ("them", "they", "these", "those", "both", "all")
            ), at + 1
        number = numbers.number(self.tokens, at)
        if (
            number
            and self.word(number[1]) in ("of",)
            and self.word(number[1] + 1) in ("them", "these", "those", "which")
        ):
            return Phrase("one", count=number[0], pronoun=True), number[1] + 2
        ends = self.kind(number[1]) != "word" or FORMS.get(self.word(number[1])) if number else False
        if number and ends and word in ("one", "two", "three", "four", "five"):
            return Phrase("one", count=number[0], pronoun=True), number[1]
        return None

    def _determiner(self, found: Phrase, at: int) -> int:
        while self.word(at) in DETERMINERS and self.kind(at) == "word":
            if numbers.measure(self.tokens, at) and self.word(at) in ("a", "an"):
                after = numbers.measure(self.tokens, at)
                assert after
                found.det = found.det or "a"
                return at + 1 if not self._is_unit_alone(at) else at
            found.det, found.each = self.word(at), found.each or self.word(at) in ("each", "every")
            at += 1
        while (
            found.det
            and self.word(at) in ORDINALS
            and self.kind(at + 1) == "word"
            and self.word(at + 1) not in RELATIONS
        ):
            found.ordinal = self.word(at)
            at += 1
        return at

    def _is_unit_alone(self, at: int) -> bool:
        """A metre long plank: the article is the number."""
        return self.word(at + 1) in numbers.UNITS

    def _quantity(self, found: Phrase, at: int) -> int:
        start = at
        while self.word(at) in words("about approximately roughly around exactly nearly almost over only just"):
            at += 1
        if at != start and not numbers.number(self.tokens, at):
            at = start
        if numbers.measure(self.tokens, at) and not self._is_count(at):
            return at
        number = numbers.number(self.tokens, at)
        if number:
            found.count, at = number[0], number[1]
            while self.word(at) in ("x", "by") and (more := numbers.number(self.tokens, at + 1)):
                found.count, found.across, at = found.count * more[0], True, more[1]
            if self.word(at) == "x" and self.word(at + 1):
                at += 1
            return at + (
                self.word(at) == "of" and self.word(at + 1) in DETERMINERS and lexicon.is_plural(self.word(at + 2))
            )
        word = self.word(at)
        if word in numbers.VAGUE and self.kind(at) == "word" and self.word(at + 1):
            if word in ("some", "any") and found.det:
                return at
            found.vague = word
            at += 1
            return at + (self.word(at) == "of")
        return at

    def _is_count(self, at: int) -> bool:
        """30 pieces and three tons are counted, two g is not."""
        found = numbers.measure(self.tokens, at)
        return bool(found and found.kind in ("pieces",))

    def _modifiers(self, found: Phrase, at: int) -> int:
        while at < len(self.tokens):
            measure = numbers.measure(self.tokens, at)
            if measure and measure.kind in ("length", "mass", "speed", "volume"):
                at = self._extent(found, measure)
                at += self.word(at) == "of" and self.kind(at) == "word" and not self._names(at + 1)
                continue
            word = self.word(at)
            if (
                self.kind(at) == "comma"
                and word == ","
                and at
                and self._qualifies(at - 1)
                and self._qualifies(at + 1)
                and (found.words or found.doing)
            ) or (
                word == "and"
                and (found.words or found.doing)
                and self._qualifies(at - 1)
                and self._qualifies(at + 1)
                and self._leads(at + 1)
            ):
                at += 1
            elif self.kind(at) != "word" or self._stops(at, found):
                break
            elif (word in DEGREE and self._qualifies(at + 1)) or self._takes(found, at):
                at += 1
            else:
                break
        return at

    def _takes(self, found: Phrase, at: int) -> bool:
        """The word is an adjective, a material or another noun before the head."""
        word, noun_next = self.word(at), self._noun_follows(at + 1)
        if not noun_next:
            return False
        if lexicon.is_adjective(word) or lexicon.is_material(word):
            found.words.append(word)
        elif lexicon.participle(word) and (
            found.det or found.count or found.vague or found.words or word.endswith("ing")
        ):
            found.doing.append(lexicon.participle(word) or "")
        elif lexicon.is_noun(word) and not self._is_finite(at, found) and not self._does(at):
            found.words.append(word)
        elif not lexicon.is_known(word) and self.kind(at) == "word":
            found.words.append(word)
            found.unknown.append(word)
        else:
            return False
        return True

    def _head(self, found: Phrase, at: int) -> int:
        word = self.word(at)
        if self.kind(at) != "word" or not word:
            return self._material_head(found, at)
        if word in ("one", "ones") and found.words and self.kind(at) == "word":
            found.head, found.plural = word, word == "ones" or (found.count or 1) > 1
            return at + 1
        if lexicon.is_noun(word) and not self._is_finite(at, found):
            if word in FILLERS and word in PLACELESS and not (found.det or found.words):
                return at
            found.head, found.plural = word, lexicon.is_plural(word)
            return at + 1
        told = any(each not in found.unknown for each in found.words)
        begun = (
            found.det
            or found.count is not None
            or found.vague
            or told
            or found.doing
            or (lexicon.is_plural(word) and FORMS.get(self.word(at + 1)))
        )
        if lexicon.is_material(word) and not (lexicon.is_verb(word) and found.words):
            found.head = word
            return at + 1
        if begun and not lexicon.is_known(word):
            found.head, found.plural = word, lexicon.is_plural(word)
            found.unknown.append(word)
            return at + 1
        return self._material_head(found, at)

    def _material_head(self, found: Phrase, at: int) -> int:
        """A red one: adjectives alone say nothing of a thing; a rock and a hard place: the last noun is the head."""
        for k in range(len(found.words) - 1, -1, -1):
            if lexicon.is_noun(found.words[k]) or lexicon.is_material(found.words[k]):
                found.head = found.words.pop(k)
                found.plural = lexicon.is_plural(found.head)
                return at
        return at
