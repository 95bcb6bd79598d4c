# SPDX-License-Identifier: GPL-3.0-or-later
"""What words can be where they stand: adjective, noun or verb."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from . import lexicon, numbers
from .phrase import Phrase
from .text import Token
from .vocabulary import words
from .vocabulary.functions import DETERMINERS, RELATIONS
from .vocabulary.nouns import PARTS, PIECES, PLACELESS
from .vocabulary.verbs import FORMS

DEGREE = words(
    """very really extremely quite rather so too super slightly fairly incredibly pretty about approximately
    roughly around exactly nearly almost at least other more"""
)


class Wording(ABC):
    """Questions about the token at a place."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens = tokens
        self.many = False
        """What is read is one of several subjects, so that its verb is a plural."""

    @abstractmethod
    def phrase(self, at: int) -> tuple[Phrase, int] | None:
        """The noun phrase that begins here and where it ends; None where none does."""

    def word(self, at: int) -> str:
        return self.tokens[at].word if 0 <= at < len(self.tokens) else ""

    def kind(self, at: int) -> str:
        return self.tokens[at].kind if 0 <= at < len(self.tokens) else ""

    def _names(self, at: int) -> bool:
        return lexicon.is_noun(self.word(at))

    def _qualifies(self, at: int) -> bool:
        word = self.word(at)
        return self.kind(at) == "word" and (
            lexicon.is_adjective(word)
            or (lexicon.is_material(word) and (lexicon.thing(word) is None or self._leads(at)))
            or (lexicon.participle(word) is not None and self._leads(at))
        )

    def _qualifies_alone(self, at: int) -> bool:
        """An adjective or a material, before one or ones."""
        return lexicon.is_adjective(self.word(at)) or lexicon.is_material(self.word(at))

    def _leads(self, at: int) -> bool:
        """A noun comes within the next few words."""
        for k in range(at + 1, min(at + 5, len(self.tokens))):
            if self.kind(k) != "word" or self.word(k) in DETERMINERS or self.word(k) in RELATIONS:
                return False
            if lexicon.is_noun(self.word(k)):
                return True
        return False

    def _stops(self, at: int, found: Phrase) -> bool:
        word = self.word(at)
        if word == "round" and self._noun_follows(at + 1):
            return False
        return word in RELATIONS or word in ("and", "or", "but", "then", "while", "when", "which", "who", "there_is")

    def _noun_follows(self, at: int) -> bool:
        """The head is still to come: this word, or one after more of its adjectives, is a noun and no verb."""
        k = at
        while k < min(at + 6, len(self.tokens)) and self.kind(k) in ("word", "number", "comma"):
            word = self.word(k)
            if self.kind(k) == "comma" or word == "and":
                if k > at and self._qualifies(k - 1) and self._qualifies(k + 1):
                    k += 1
                    continue
                return k == at and self._qualifies(k - 1) and self._qualifies(k + 1) and self._noun_follows(k + 1)
            if word in DETERMINERS or (word in RELATIONS and word != "round"):
                return False
            if word in ("one", "ones") and k > at - 1 and self.kind(k) == "word" and self._qualifies_alone(k - 1):
                return True
            if numbers.number(self.tokens, k):
                return False
            if lexicon.is_noun(word):
                return not (lexicon.is_verb(word) and k == at and self._agrees(at - 1, k))
            if numbers.measure(self.tokens, k):
                return False
            if lexicon.is_adjective(word) or lexicon.is_material(word) or lexicon.participle(word) or word in DEGREE:
                k += 1
                continue
            return not lexicon.is_known(word)
        return False

    def _does(self, at: int) -> bool:
        """An unknown word after this noun is its verb, for it agrees with it: the gears mesh, a gear meshes."""
        after = self.word(at + 1)
        if (
            lexicon.is_known(after)
            or self._names(at + 2)
            or not lexicon.is_noun(self.word(at))
            or self.kind(at + 1) != "word"
        ):
            return False
        singular = not lexicon.is_plural(self.word(at))
        return after.endswith("s") and not after.endswith("ss") if singular else not after.endswith("s")

    def _agrees(self, noun: int, verb: int) -> bool:
        """This noun can be the subject of that verb form."""
        if self.word(noun) in PARTS and self.word(verb) in PARTS:  # the left end
            return False
        forms = {form for _, form in FORMS.get(self.word(verb), ())}
        if not (lexicon.is_noun(self.word(noun)) or lexicon.is_material(self.word(noun))) and lexicon.is_known(
            self.word(noun)
        ):
            return False
        if (
            lexicon.singular(self.word(verb)) in (PLACELESS | PIECES)
            and lexicon.thing(self.word(verb)) is None
            and lexicon.is_noun(self.word(noun))
        ):
            return True
        if (
            lexicon.is_material(self.word(noun))
            and not lexicon.is_noun(self.word(noun))
            and lexicon.thing(self.word(verb))
        ):
            return False
        plural = lexicon.is_plural(self.word(noun)) or self.many
        return ("s" in forms and not plural) or ("base" in forms and plural) or bool(forms & {"past"})

    def _is_finite(self, at: int, found: Phrase) -> bool:
        """A noun that is a verb here: after a noun that it agrees with."""
        return lexicon.is_verb(self.word(at)) and bool(found.words) and self._agrees(at - 1, at)
