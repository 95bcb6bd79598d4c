# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a verb stands, in which form, and whose it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from . import lexicon, numbers
from .clause import Clause
from .nouns import Reader
from .phrase import Phrase
from .text import Token
from .vocabulary import words
from .vocabulary.functions import AUXILIARIES, DETERMINERS, FAST, RELATIONS
from .vocabulary.verbs import FORMS, PARTICLES

_EAGER = words("knock tip blow set tear let fill pile line kick push open suck pick pull lift")
_LIGHT = words("begin start keep continue try get become finish end let come go")
_CAUSES = words("make let cause watch see get show give")


class Verbal(Reader):
    """`now` is the clause that is being read."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        super().__init__(tokens)
        self.clauses: list[Clause] = []
        self.now = Clause()
        self.latest: Phrase | None = None
        self.open: list[Phrase] | None = None
        self.relative: Clause | None = None
        self.lost: list[str] = []
        self.joint = False
        self.side = ""
        """Said before the noun that it is of."""

    def _flush(self, *, linked: bool = False, then: bool = False) -> None:
        done = self.now
        if done.subjects or done.objects or done.verb or done.places or done.amounts or done.manners:
            self.clauses.append(done)
            self.now = Clause(linked=linked, then=then)
        else:
            self.now = replace(done, linked=linked, then=then or done.then)
        self.open, self.joint = None, False

    def _clause_ahead(self, at: int) -> bool:
        """A subject and then its verb."""
        while True:
            found = self.phrase(at)
            if found is None:
                return False
            at = found[1]
            while (
                self.word(at) in FAST
                or self.kind(at) in ("time", "later")
                or self.word(at) in ("also", "then", "both", "all")
            ):
                at += 1
            if self._verb(at) or self.word(at) in AUXILIARIES:
                return True
            if self.word(at) in RELATIONS or (self.word(at) in ("and", ",") and self.word(at + 1) not in ("then",)):
                at += 1
                continue
            return False

    def _forms(self, at: int) -> set[str]:
        return {form for _, form in FORMS.get(self.word(at), ())} if self.kind(at) == "word" else set()

    def _verb(self, at: int) -> bool:
        """A verb stands here, auxiliaries and adverbs before it skipped."""
        while (
            self.word(at) in FAST
            or self.word(at) in AUXILIARIES - {"get", "gets", "got"}
            or self.word(at) in ("to", "also", "both", "all", "then")
        ):
            if self.word(at) in ("is", "are", "was", "were"):
                return True
            at += 1
        return bool(self._forms(at))

    def _verbal(self, at: int) -> int | None:
        word = self.word(at)
        if word == "there_is":
            self.now.verb = self.now.verb or "be"
            return at + 1
        if word == "to" and self._forms(at + 1) & {"base"} and not self._is_place(at + 1):
            return self._begin(at + 1, self._causee(at + 1))
        if word in AUXILIARIES and not self._forms(at):
            return None
        forms = self._forms(at)
        if not forms or (self.now.verb == "be" and forms == {"base"} and self._is_state(at)):
            return None
        clause = self.now
        if word in ("is", "are", "was", "were", "be", "has", "have", "had", "gets", "get", "got", "being"):
            return self._auxiliary(at)
        if not clause.subjects and not clause.verb and not clause.inherits and self.clauses and self.joint:
            return self._begin(at, list(self.clauses[-1].subjects))
        if not clause.subjects and not clause.verb:
            return self._imperative(at, forms)
        if not clause.verb:
            accompanied = clause.places and clause.places[-1][0] == "with" and clause.places[-1][1][-1] is self.latest
            if accompanied and self.latest and not forms & {"base", "s", "past"} and not self.joint:
                self._flush(linked=True)
                self.now.subjects = [self.latest]
            return self._begin(at, None)
        return self._begin(at, self._causee(at))

    def _is_place(self, at: int) -> bool:
        """To the table: no infinitive."""
        return self.word(at) in DETERMINERS or (self.phrase(at) is not None and not self._forms(at))

    def _causee(self, at: int) -> list[Phrase] | None:
        """Whose verb a further verb of the clause is: the thing just named, or the subject again."""
        done = self.now
        if not done.verb:
            return None
        if done.verb in _CAUSES and done.objects:
            return list(done.objects)
        if done.reduced and not self.joint:
            return list(done.subjects)
        if self.relative is not None:
            back = list(done.subjects)
            self.relative = None
            return back
        if self.latest is not None and not self.joint and not self.latest.pronoun and self._fits(self.latest, at):
            return [self.latest]
        return list(done.subjects)

    def _fits(self, phrase: Phrase, at: int) -> bool:
        """One spring bounces, two springs bounce."""
        many, forms = phrase.plural or (phrase.count or 1) > 1, self._forms(at)
        return not (forms == {"base"} and not many) and not (forms == {"s"} and many)

    def _begin(self, at: int, subjects: list[Phrase] | None) -> int:
        """A verb; with subjects it is one of a new clause."""
        lemma, form = FORMS[self.word(at)][0]
        if lemma in _LIGHT and self._goes_on(at + 1):
            return at + 1
        if subjects is not None and self.now.verb:
            inherits = subjects == self.now.subjects
            self._flush(linked=True)
            self.now.subjects, self.now.inherits = list(subjects), inherits
        elif subjects:
            self.now.subjects = list(subjects)
        self.now.verb, self.now.before = lemma, len(self.now.places)
        self.now.reduced = (
            form in ("ing", "ed", "en") and self.word(at + 1) in RELATIONS and not self._auxiliary_before(at)
        )
        self.now.passive = form in ("ed", "en") and self._is_passive(at)
        self.open = None
        at += 1
        away = self.now.passive and self.word(at) == "off" and self.phrase(at + 1)
        if (lemma, self.word(at)) in PARTICLES and not away and (lemma in _EAGER or not self.phrase(at + 1)):
            self.now.particle = self.word(at)
            at += 1
        return at

    def _auxiliary_before(self, at: int) -> bool:
        return any(self.word(k) in AUXILIARIES for k in range(max(0, at - 3), at))

    def _goes_on(self, at: int) -> bool:
        """Starts to roll, keeps rolling."""
        return (self.word(at) == "to" and bool(self._forms(at + 1))) or self._forms(at) == {"ing"}

    def _is_passive(self, at: int) -> bool:
        """A past form with no object after it, of a verb that takes one: a ball thrown at a wall."""
        auxiliary = any(
            self.word(k) in ("is", "are", "was", "were", "be", "been", "being", "gets", "get", "got")
            for k in range(max(0, at - 3), at)
        )
        if auxiliary:
            return True
        active = {form for _, form in FORMS[self.word(at)]} & {"past", "base"}
        after = self.phrase(at + 1)
        return after is None and not active and self.word(at + 1) in (*RELATIONS, "")

    def _imperative(self, at: int, forms: set[str]) -> int | None:
        """Drop a ball: a verb at the beginning, where no noun is meant."""
        after = self.word(at + 1)
        named = (
            lexicon.is_noun(self.word(at)) or lexicon.is_material(self.word(at)) or lexicon.is_adjective(self.word(at))
        )
        if after == "of" or not forms & {"base", "ing", "ed", "en"}:
            return None if named else self._begin(at, None)
        determined = (
            after in DETERMINERS
            or numbers.number(self.tokens, at + 1) is not None
            or after in numbers.VAGUE
            or after in ("it", "them")
        )
        if forms & {"ing", "ed", "en"} and not forms & {"base"}:
            return self._begin(at, None) if determined or after in RELATIONS else None
        if not determined and named and (self._forms(at + 1) or after in RELATIONS or not self.phrase(at + 1)):
            return None
        return self._begin(at, None)

    def _auxiliary(self, at: int) -> int:
        """Is, are, has: before a participle it makes the passive or goes on, else it is the verb."""
        k = at + 1
        while (
            self.word(k) in FAST
            or self.word(k) in AUXILIARIES
            or self.word(k) in ("also", "then", "all", "both", "now", "just", "slowly")
        ):
            self.now.not_so = self.now.not_so or self.word(k) == "not"
            self.now.pace *= FAST.get(self.word(k), 1.0)
            k += 1
        if self.word(k) == "made" and self.word(k + 1) in ("of", "from"):
            inner = self.phrase(k + 2)
            if inner:
                self.now.verb, self.now.made_of = self.now.verb or "be", inner[0]
                return inner[1]
        if self._forms(k) & {"ing", "ed", "en"} and not (self.word(k) in ("hit",) and False):
            subjects = self._causee(at) if self.now.verb else None
            end = self._begin(k, subjects)
            self.now.passive = not (self._forms(k) & {"ing"})
            return end
        if self._forms(k) and self.word(k) in ("hit", "put", "set", "burst", "split", "shut", "spread"):
            end = self._begin(k, self._causee(at) if self.now.verb else None)
            self.now.passive = True
            return end
        if self.now.verb and self.latest is not None:
            self._begin(at, self._causee(at))
        self.now.verb = "have" if self.word(at) in ("has", "have", "had") else "be"
        return k

    def _is_state(self, at: int) -> bool:
        word = self.word(at)
        return (
            (lexicon.is_adjective(word) or lexicon.is_material(word))
            and not self._leads(at)
            and bool(self.now.subjects)
        )
