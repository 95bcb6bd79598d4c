# SPDX-License-Identifier: GPL-3.0-or-later
"""From phrases to things: which are new, which were named before, what a row of dominoes is."""

from __future__ import annotations

from dataclasses import replace

from . import lexicon
from .draft import Draft
from .newcomers import Newcomers
from .phrase import Phrase, is_arrangement, is_piece
from .places import AGENT, NOWHERE, Found
from .vocabulary import nouns as n
from .vocabulary import words
from .vocabulary.qualities import COLOURS

_DEFINITE = words("the this that these those its their both all any the_other each every")
_GROUPS = {
    "tower": "stack",
    "stack": "stack",
    "pile": "pile",
    "heap": "pile",
    "row": "row",
    "line": "row",
    "pyramid": "pyramid",
    "wall": "wall",
    "grid": "grid",
    "circle": "circle",
    "ring": "circle",
    "house": "pyramid",
    "castle": "pyramid",
}
_WAYS = words("staircase ramp ladder slide fence")
"""Of them one says a length: a flight of stairs, a stretch of fence."""
_MEASURES = words("flight stretch run piece section set")
_MODIFIED = words("row line stack pile heap tower pyramid circle grid castle chain")


class Cast(Newcomers):
    """Who is on stage."""

    def find(self, phrase: Phrase, *, subject: bool = False) -> Found:
        """A phrase is looked up once; a place or nothing is told by its name."""
        if id(phrase) not in self.known:
            found = self._find(phrase, subject)
            self.known[id(phrase)] = found
            if not isinstance(found, str):
                self.named = found
                for each in found:
                    each.at = max(each.at, phrase.at)
        return self.known[id(phrase)]

    def _find(self, phrase: Phrase, subject: bool) -> Found:
        if phrase.pronoun:
            return self._pronoun(phrase, subject)
        if phrase.head in ("one", "ones"):
            return self._such(phrase)
        head, one = phrase.head, lexicon.singular(phrase.head)
        if (
            phrase.of is not None
            and lexicon.singular(phrase.of.head) in n.PLACELESS
            and lexicon.thing(phrase.of.head) is None
        ):
            phrase.of = None
        for test in (self._grouped, self._place, self._stuff):
            found = test(phrase, head, one)
            if found is not None:
                return found
        if phrase.det in _DEFINITE and (old := self.before(phrase, one)):
            for each in old:
                self._tell(each, phrase, again=True)
            return old
        if (
            phrase.unknown
            and phrase.of is not None
            and lexicon.thing(phrase.of.head)
            and not phrase.plural
            and phrase.det == "the"
        ):
            self.board.note(f"The {one} of the {phrase.of.head}: all of the {phrase.of.head} was meant.")
            return self.find(phrase.of)
        if (
            phrase.of is not None
            and (phrase.of.plural or lexicon.thing(phrase.of.head) in _WAYS)
            and lexicon.thing(phrase.of.head)
            and (lexicon.thing(one) is None or one in _MEASURES)
            and not is_piece(phrase)
        ):
            self.board.note(f"{phrase.head!r} of {phrase.of.head}: {phrase.of.head} were meant.")
            arrangement = "scattered" if phrase.of.plural else ""
            return self.new(phrase.of, lexicon.singular(phrase.of.head), arrangement=arrangement)
        if is_piece(phrase) and phrase.of is not None:
            return self._piece(phrase, phrase.of, one)
        return self.new(phrase, one)

    def _some(self, phrase: Phrase) -> Found | None:
        """Five of them, one of them: they become a line of the cast of their own."""
        wanted = int(phrase.count or 1)
        whole = next(
            (each for each in reversed(self.board.drafts) if not each.drop and (each.count > 1 or "part" in each.said)),
            None,
        )
        if whole is None or wanted < 1:
            return None
        if whole.vague and wanted >= whole.count and "part" not in whole.said:
            whole.count = wanted + 1
        if wanted >= whole.count:
            return [whole]
        part, whole.vague = whole.part(wanted), False
        whole.said.add("part")
        self.board.drafts.insert(self.board.drafts.index(whole), part)
        return [part]

    def _such(self, phrase: Phrase) -> Found:
        """The blue ones: of what was named before; a blue one: one more of the kind that was named last."""
        there = [each for each in self.board.drafts if not each.drop and each.fall_back not in ("force_field", "fluid")]
        if not there:
            return NOWHERE
        words = {lexicon.material(each) or each for each in phrase.words}
        same = [each for each in there if words & {lexicon.material(word) or word for word in each.words}]
        if phrase.det in _DEFINITE and same:
            return same if phrase.plural else same[-1:]
        if phrase.count is None and (phrase.det in _DEFINITE or phrase.plural):
            return there[-1:]
        whole = max(there, key=lambda each: each.at)
        if whole.count > (phrase.count or 1) and "part" not in whole.said and not same:
            part = self._some(replace(phrase, count=phrase.count or 1))
            if isinstance(part, list):
                self._tell(part[0], phrase, again=True)
                return part
        return self.new(replace(phrase, head=whole.kind), whole.kind)

    def twin(self, draft: Draft, twin: Draft) -> None:
        """What was one line of the cast is two now."""
        for found in self.known.values():
            if not isinstance(found, str) and draft in found and twin not in found:
                found.append(twin)

    def _pronoun(self, phrase: Phrase, subject: bool) -> Found:
        word = phrase.head
        others = [each for each in self.board.drafts if each not in self.mine and not each.drop]
        if word == "it":
            others = [each for each in others if each.target not in self.mine]
        if (word == "one" and phrase.count is not None) or word == "one_of_them":
            found = self._some(phrase)
            if found is not None:
                return found
        if word in ("i", "you", "we", "he", "she", "him"):
            return AGENT
        if word == "each_other":
            return "each other"
        if word in ("itself", "themselves"):
            return NOWHERE
        if word in ("everything", "all"):
            return [each for each in self.board.drafts if each.fall_back != "force_field"] or NOWHERE
        if subject and self.movers and word in ("it", "they", "them", "these", "those", "both", "this", "that", "one"):
            many = [each for each in others if each.count > 1]
            if (
                word in ("they", "them", "these", "those")
                and len(self.movers) == 1
                and self.movers[0].count == 1
                and many
            ):
                return [many[-1]]
            return list(self.movers)
        if word in ("them", "they", "these", "those", "both", "ones"):
            if len(self.named) > 1 and not set(map(id, self.named)) & set(map(id, self.mine)):
                return list(self.named)
            many = [each for each in others if each.count > 1]
            return [many[-1]] if many else others[-2:] or NOWHERE
        single = [each for each in others if each.fall_back != "force_field" and each.at <= phrase.at]
        single = [each for each in single if each.at < self.start] or single
        single = [each for each in single if each.count == 1 or "arrangement" in each.fields] or single
        return [max(single, key=lambda each: each.at)] if single else list(self.movers) or NOWHERE

    def _grouped(self, phrase: Phrase, head: str, one: str) -> Found | None:
        """A row of ten dominoes, a domino row, two towers of blocks, dominoes."""
        if one == "chain" and phrase.of is not None and phrase.of.head in ("links", "rings"):
            phrase.of = None
        made = phrase.made_of
        if made is not None and phrase.of is None and (made.plural or (made.count or 1) > 1):
            phrase.of, phrase.made_of = (made, None) if lexicon.thing(made.head) else (None, made)
        if is_arrangement(phrase) and phrase.of is not None:
            inner, kind = phrase.of, n.ARRANGEMENTS.get(head) or n.ARRANGEMENTS[one]
            words = [each for each in phrase.words if each not in COLOURS and not lexicon.is_material(each)]
            inner = replace(inner, words=[*(each for each in phrase.words if each not in words), *inner.words])
            inner.doing = [*phrase.doing, *inner.doing]
            times = int(phrase.count or 1)
            if phrase.across:
                times, inner.count = 1, inner.count or phrase.count
            found: list[Draft] = []
            for _ in range(max(1, min(times, 10))):
                inner.plural, inner.det = True, ""
                group = self.new(inner, lexicon.singular(inner.head), arrangement=kind)
                for each in group:
                    each.words += words
                found += group
            return found
        named = next(
            (each for each in reversed(phrase.words) if lexicon.thing(each) and not lexicon.is_material(each)), None
        )
        last = phrase.words[-1] if phrase.words else ""
        if one in _MODIFIED and named and named == last and lexicon.thing(f"{named}_{one}") is None:
            words = [each for each in phrase.words if each is not last]
            inner = Phrase(last, words=words, plural=True, doing=phrase.doing, measures=phrase.measures)
            return self.new(inner, lexicon.singular(last), arrangement=n.ARRANGEMENTS[one])
        if one in n.ARRANGEMENTS and phrase.det in _DEFINITE:
            kind = _GROUPS.get(one, "")
            old = self.board.last(lambda each: each.fields.get("arrangement") == kind and kind)
            if old:
                return [old]
        return None

    def before(self, phrase: Phrase, one: str) -> list[Draft]:
        """Things named earlier that this phrase means again."""
        thing = lexicon.thing(one)
        kind = lexicon.kinds().get(thing or "")
        name = kind.name if kind else thing or one
        there = [each for each in self.board.drafts if not each.drop and each.kind in (one, thing)]
        there = there or [each for each in self.board.drafts if not each.drop and each.name == name]
        if phrase.det == "the_other" and len(there) > 1:
            return [each for each in there if each not in self.mine][:1]
        colours = [COLOURS[each] for each in phrase.words if each in COLOURS]
        stuffs = [
            lexicon.material(each) or "" for each in phrase.words if lexicon.is_material(each) and each not in COLOURS
        ]
        if colours and any("color" in each.material for each in there):
            there = [each for each in there if each.material.get("color") in colours]
        if stuffs and any("name" in each.material for each in there):
            there = [each for each in there if each.material.get("name") in stuffs] or (
                [] if len(phrase.words) else there
            )
        if phrase.det in ("its",) or not there:
            return there[-1:] if there else []
        plural = phrase.plural or (phrase.count or 1) > 1
        return there if plural and phrase.det not in ("each", "every") else there[-1:]
