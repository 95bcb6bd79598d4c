# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences to clauses: what is joined by and, which, then, while."""

from __future__ import annotations

from . import lexicon, numbers
from .adverbial import Adverbial
from .clause import Clause
from .phrase import Phrase
from .vocabulary import words
from .vocabulary.functions import AUXILIARIES, DETERMINERS, FILLERS, RELATIONS
from .vocabulary.verbs import FORMS

_INVERTED = words("stand lie sit hang be rest lean")
_BREAKS = words("while when as until before because so if whereas whose where since although though")


class Parser(Adverbial):
    """`lost` are words that no clause took."""

    def parse(self) -> list[Clause]:
        at = 0
        while at < len(self.tokens):
            at = max(self._step(at), at + 1)
        self._flush()
        return self.clauses

    def _step(self, at: int) -> int:
        token = self.tokens[at]
        if token.kind == "stop":
            self.now.title = token.word == ":" and not self.now.verb and len(self.now.subjects) == 1
            self._flush()
            self.latest, self.relative = None, None
            return at + 1
        if token.kind in ("time", "later"):
            return self._time(at)
        if token.kind == "comma" or token.word in ("and", "or", "but"):
            return self._join(at)
        if token.word == "then":
            self._flush(then=True)
            return at + 1
        if token.word in ("which", "that", "who") and self.latest and self._verb(at + 1):
            subject, before = self.latest, self.now
            self._flush()
            self.now.subjects, self.relative = [subject], before
            return at + 1
        if token.word in _BREAKS and (token.word != "as" or self._clause_ahead(at + 1)):
            self._flush()
            return at + 1
        counted = numbers.number(self.tokens, at)
        if counted and self.word(counted[1]) == "times":
            return counted[1] + 1
        for read in (self._amount, self._pinned, self._verbal, self._placed, self._manner, self._named):
            after = read(at)
            if after is not None:
                return after
        if lexicon.is_adjective(token.word) and self.latest is not None and token.word not in FILLERS:
            self.latest.words.append(token.word)
        elif (
            token.word not in FILLERS
            and token.word not in AUXILIARIES
            and token.word not in DETERMINERS
            and token.kind == "word"
        ):
            self.lost.append(token.word)
        elif token.word in ("not", "never", "no", "without"):
            self.now.not_so = self.now.not_so or token.word in ("not", "never")
        return at + 1

    def _time(self, at: int) -> int:
        token, after = self.tokens[at], self.tokens[at + 1] if at + 1 < len(self.tokens) else None
        ends = after is None or after.kind in ("stop", "comma") or after.word in ("and", "while", "then", "but")
        if self.now.verb and not ends and self._clause_ahead(at + 1):
            self._flush()
        if token.kind == "later":
            self.now.later = token.value
        else:
            self.now.time = token.value
        return at + 1

    def _join(self, at: int) -> int:
        """And, or, a comma: a list goes on, or a clause begins."""
        after = at + 1
        if self.word(after) in ("and", "or", "but", ",") and self.kind(at) == "comma":
            return after
        self.joint = True
        if self.word(after) == "then" or self.kind(after) in ("time", "later"):
            if self.now.verb:
                self._flush(linked=True)
            return after
        if self._verb(after) and not (self._list_of_nouns(after)):
            if self.now.verb or self.now.subjects:
                subjects, done = list(self.now.subjects), self.now
                if done.verb:
                    self._flush(linked=True)
                    self.now.subjects, self.now.inherits, self.now.passive = subjects, True, done.passive
            return after
        if (self.now.verb or self.now.places) and self._clause_ahead(after):
            self._flush(linked=self.word(at) == "and")
            return after
        comma = self.word(at) == "," or self.kind(at - 1) == "comma"
        if comma and self.now.subjects and not self.now.verb and self._one_does(after):
            self._flush()
            return after
        if self.now.verb and self._fronted(after):
            self._flush(linked=self.word(at) == "and")
            self.latest = None
            return after
        ahead = self.phrase(after)
        goes = ahead and self.now.action not in ("stand", "") and self.word(ahead[1]) not in ("with", "of", "by")
        if ahead and goes and self.now.places and self.word(ahead[1]) in RELATIONS and self.open is not None:
            self._gap(ahead[0])
            return ahead[1]
        return after

    def _one_does(self, at: int) -> bool:
        """A single thing and its verb: a pile of bricks, a ball drops on it."""
        found = self.phrase(at)
        if found is None or found[0].plural or (found[0].count or 1) > 1:
            return False
        on = self._forms(found[1]) == {"ing"} and self.word(found[1] + 1) in RELATIONS
        return on or self._forms(found[1]) == {"s"} or self.word(found[1]) in ("is", "was", "gets", "has")

    def _fronted(self, at: int) -> bool:
        """The place before its clause: around the boat fifteen stones lie, on it stands a lamp."""
        found = self.phrase(at + 1) if self.word(at) in RELATIONS else None
        if found is None:
            return False
        end = found[1]
        inverted = any(lemma in _INVERTED for lemma, _ in FORMS.get(self.word(end), ())) and self.phrase(end + 1)
        subject = self.phrase(end)
        begins = self.word(end) in DETERMINERS or numbers.number(self.tokens, end) is not None
        return bool(self.word(end) == "there_is" or inverted or (subject and begins and self._clause_ahead(end)))

    def _list_of_nouns(self, at: int) -> bool:
        """And drops of water: a noun that is a verb elsewhere."""
        found = self.phrase(at)
        return bool(found and found[1] > at and self.word(at + 1) == "of") or (
            self._forms(at) == {"ing"} and self._is_before_noun(at)
        )

    def _is_before_noun(self, at: int) -> bool:
        return bool(lexicon.is_noun(self.word(at + 1))) and self.now.verb == ""

    def _gap(self, phrase: Phrase) -> None:
        """Drop a ball onto a table and a cube into a bucket: the verb is not said again."""
        done = self.now
        self._flush(linked=True)
        self.now = Clause(verb=done.verb, passive=done.passive, linked=True, time=done.time)
        if done.objects:
            self.now.subjects, self.now.objects = list(done.subjects), [phrase]
        else:
            self.now.subjects = [phrase]
        self.latest, self.open = phrase, None

    def _named(self, at: int) -> int | None:
        self.many = self.joint and bool(self.now.subjects) and not self.now.verb
        found = self.phrase(at)
        self.many = False
        if found is None:
            return None
        phrase, end = found
        clause = self.now
        if self.open is not None and self.joint:
            if clause.verb or (clause.places and clause.places[-1][0] in ("between", "with")):
                self.open.append(phrase)
            else:
                clause.subjects.append(phrase)
        elif clause.verb and clause.verb in ("be", "stand", "sit", "lie", "rest", "hang") and not clause.subjects:
            clause.subjects.append(phrase)
            self.open = clause.subjects
        elif clause.verb:
            clause.objects.append(phrase)
            self.open = clause.objects
        else:
            clause.subjects.append(phrase)
        phrase.side, self.side = phrase.side or self.side, ""
        self.latest, self.joint = phrase, False
        return end
