# SPDX-License-Identifier: GPL-3.0-or-later
"""Clause by clause: finds its things, does what its verb means, then places what is left."""

from __future__ import annotations

from . import flowing, lexicon, making, standing, turning
from .act import Act, phrases
from .act import rigid as _rigid
from .adverbial import STATIC
from .cast import Cast
from .clause import Clause
from .doing import DOES
from .draft import Board, Draft
from .phrase import Phrase
from .places import AGENT, NOWHERE, WIND, Found
from .relating import relate
from .vocabulary import words
from .vocabulary.functions import WAYS
from .vocabulary.nouns import PARTS, PLACELESS
from .vocabulary.verbs import ACTION
from .vocabulary.worlds import BLOW

_STEP = 2.0
"""Seconds between events that follow each other by "then"."""
_AGENTS = words(
    """throw shoot push pour drop fill drape place stack line scatter spin roll slide pull stop open close hit
    knock show trigger squash bounce topple hang connect"""
)
_VOID = words("than like as about for per because before after until during without because_of")
_GOING = words("from through to into onto down off with by")
_ENDS = words("end edge rim tip")
"""Of what was named last, where nothing is said."""
_STARTS = words("blow begin wave move rise")


def _front(clause: Clause | None) -> Phrase | None:
    """The pronoun that a clause begins with as its place: behind it stands a tree."""
    if clause is None or not clause.before or not clause.places[0][1][0].pronoun:
        return None
    return clause.places[0][1][0]


class Reading:
    """Reads clauses one after another into acts on a board."""

    def __init__(self, board: Board) -> None:
        self.board, self.cast = board, Cast(board)
        self.before: Act | None = None

    def clause(self, clause: Clause) -> None:
        self._moment(clause)
        act = Act(self.board, self.cast, clause)
        self.cast.mine = []
        self.cast.start = min((each.at for each in phrases(clause)), default=self.cast.start)
        self._subjects(act)
        self.cast.mine = list(act.subjects)
        act.objects = self._list(act, clause.objects, "it")
        self.cast.mine = [*act.subjects, *act.objects]
        self._places(act)
        if clause.title and not act.places:
            for each in act.subjects:
                each.said.add("title")
        self._wind(act)
        self._doing(phrases(clause))
        if clause.not_so:
            self.board.note(f"What does not happen is not simulated: {clause.verb!r} was left out.")
        else:
            self._do(act)
        standing.manners(act)
        act.settle()
        moved = act.subjects or act.objects
        if act.objects and (act.agent or not act.subjects or clause.action in ("throw", "shoot", "contain", "place")):
            moved = act.objects
        self.cast.movers = moved or self.cast.movers
        self.before = act

    def _moment(self, clause: Clause) -> None:
        board = self.board
        if clause.time is not None:
            board.now, board.timed = clause.time, True
        elif clause.later:
            board.now, board.timed = board.now + clause.later, True
        elif clause.then and self.before is not None:
            eventful = clause.action in words("explode shatter open close stop blow topple push throw")
            if eventful and not (clause.action == "shatter" and self._same(clause)):
                board.now, board.timed = board.now + _STEP, True
                board.note(f"Then was assumed to be {board.now:g} s after the beginning.")
            else:
                board.timed = False
        elif not (clause.linked and board.timed):
            board.timed = False

    def _same(self, clause: Clause) -> bool:
        return clause.inherits or not clause.subjects or clause.subjects[0].pronoun

    def _subjects(self, act: Act) -> None:
        clause = act.clause
        for phrase in clause.subjects:
            agentive = clause.action in _AGENTS and bool(clause.objects)
            found = self.cast.agent(phrase) if agentive else self.cast.find(phrase, subject=True)
            if found == AGENT:
                act.agent = True
            elif found == WIND:
                act.wind = act.blown = True
            elif found == "each other":
                act.together = True
            elif not isinstance(found, str):
                act.subjects += [each for each in found if each not in act.subjects]
            elif found == NOWHERE:
                self._nothing(phrase)
        if not clause.subjects and clause.verb and not clause.objects and self.before and clause.action != "show":
            act.subjects = list(self.cast.movers)

    def _list(self, act: Act, group: list[Phrase], word: str) -> list[Draft]:
        out: list[Draft] = []
        for phrase in group:
            found = self.cast.find(phrase)
            if found == WIND:
                act.wind = True
            elif found == "each other":
                act.together = True
            elif isinstance(found, str):
                if found == NOWHERE and not self._push(act, phrase):
                    self._nothing(phrase)
            else:
                out += [each for each in found if each not in out]
        return out

    def _push(self, act: Act, phrase: Phrase) -> bool:
        """Give it a push."""
        if phrase.head not in ("push", "kick", "shove", "nudge") or not (act.subjects or self.cast.movers):
            return False
        target = (act.subjects or self.cast.movers)[-1]
        _rigid(target)
        time = self.board.now if self.board.timed else 0.5
        self.board.event(
            "push",
            target,
            time=time,
            strength=1.0,
            direction=act.way() or (1.0, 0.0, 0.0),
            index=act.which(target),
        )
        return True

    def _nothing(self, phrase: Phrase) -> None:
        if phrase.head not in PLACELESS and not phrase.pronoun:
            self.board.leave(phrase.head)

    def _places(self, act: Act) -> None:
        """Each is where the thing is that it is said of, or left for the verb to take."""
        self._still_it(act.clause)
        owner: tuple[list[Draft], list[Draft]] | None = None
        for word, group, of in act.clause.places:
            said = self.cast.known.get(id(of)) if of is not None else None
            if owner is not None and isinstance(said, list) and said and said[0] in owner[1]:
                said = owner[1]
            mine = said if isinstance(said, list) else [*act.subjects, *act.objects]
            found, where = self._place(act, word, group, mine)
            part = not found and lexicon.singular(group[0].head) in PARTS
            if owner is not None and said == owner[1] and len(group) == 1 and (group[0].pronoun or part):
                found = [each for each in owner[0] if each not in owner[1]]
            if word == "full":
                for each in found if act.subjects else ():
                    each.relate("in", act.subjects[0])
                continue
            if word == "with" and found:
                owner = (said if isinstance(said, list) else act.subjects[-1:]), found
            if isinstance(said, list) and (word not in _GOING or act.clause.action in ("stand", "")):
                them = [each for each in said if not found or each is not found[0]]
                relate(self.board, them, word, found or where, act.amount("distance"))
            else:
                act.places.append((word, found or where))

    def _still_it(self, clause: Clause) -> None:
        """On its left stands a lamp, on its right lie books: both are of the same."""
        there = [_front(each) for each in (self.before.clause if self.before else None, clause)]
        if there[0] is not None and there[1] is not None and id(there[0]) in self.cast.known:
            self.cast.known[id(there[1])] = self.cast.known[id(there[0])]

    def _place(self, act: Act, word: str, group: list[Phrase], mine: list[Draft]) -> tuple[list[Draft], Found]:
        """The things that a preposition is of, and the place where they are none."""
        found: list[Draft] = []
        where: Found = NOWHERE
        self.cast.mine = mine
        for phrase in group:
            if word in _VOID and lexicon.singular(phrase.head) not in BLOW:
                self.board.leave(phrase.head)
                continue
            if phrase.head in ("itself", "themselves") and word in STATIC - {"by", "of", "with", "around"}:
                self.board.note(f"Nothing can be {word} itself: that was left out.")
            one = self.cast.place(phrase, word)
            if one == NOWHERE and phrase.det == "the" and lexicon.singular(phrase.head) in _ENDS and not phrase.of:
                one = self._with_ends(mine, phrase.at) or one
            if not isinstance(one, str):
                found += [each for each in one if each not in found]
                continue
            where = one
            if one == NOWHERE:
                self._push(act, phrase)
            act.wind = act.wind or (one == WIND and word in ("during", "in", "by", "with", "through", "against"))
            act.blown = act.blown or (one == WIND and word == "by" and act.clause.passive)
            act.together = act.together or one == "each other"
        return found, where

    def _with_ends(self, mine: list[Draft], at: int) -> list[Draft]:
        """What was named last before this place in the text, rather what is long: the left end is the seesaw's."""
        there = [each for each in self.board.drafts if each not in mine and not each.drop and each.at < at]
        sizes = {id(each): sorted(making.usual_size(each) or (1.0, 1.0, 1.0)) for each in there}
        long = [each for each in there if sizes[id(each)][2] >= 2 * sizes[id(each)][1]]
        return sorted(long or there, key=lambda each: each.at)[-1:]

    def _wind(self, act: Act) -> None:
        """Where and when it blows."""
        environment = self.board.environment
        speed = environment.pop("blowing", None)
        if speed is None:
            if act.wind and "wind" in environment and any(each in WAYS for each in act.clause.ways):
                strength = max(abs(each) for each in environment["wind"])
                environment["wind"] = tuple(strength * each for each in flowing.wind_way(act))
            return
        speed = min(100.0, act.amount("speed") or speed)
        way = flowing.wind_way(act)
        if self.board.timed and self.board.now > 0 and (act.blown or act.clause.action in (*_STARTS, "stand", "")):
            self.board.event("wind", None, time=self.board.now, strength=speed, direction=way)
        else:
            environment["wind"] = tuple(round(speed * each, 3) for each in way)
            if not act.clause.ways:
                self.board.note(f"The wind was assumed to blow from the left at {speed:g} m/s.")

    def _doing(self, group: list[Phrase]) -> None:
        """Falling, burning, stacked before a noun: the verb of that noun."""
        for phrase in group:
            found = self.cast.known.get(id(phrase))
            for lemma in phrase.doing if found and not isinstance(found, str) else ():
                inner = Act(self.board, self.cast, Clause(verb=lemma, passive=False), subjects=list(found or ()))  # type: ignore[arg-type]
                action = ACTION.get(lemma, "")
                if action in DOES and action not in ("open", "close", "fill", "hit", "knock"):
                    if action == "shatter" and lemma in ("break", "crack"):
                        continue
                    DOES[action](inner)
            phrase.doing = []

    def _funnel(self, act: Act) -> None:
        """Through a funnel into a cup: into the funnel, which is over the cup."""
        for at, (word, found) in enumerate(act.places[:-1]):
            after, into = act.places[at + 1]
            if (
                word == "through"
                and isinstance(found, list)
                and found[0].name == "funnel"
                and after == "into"
                and isinstance(into, list)
            ):
                found[0].relate("above", into[0], distance=0.0)
                found[0].assume("height", 0.05)
                act.places[at : at + 2] = [("into", found)]
                return

    def _do(self, act: Act) -> None:
        self._funnel(act)
        if act.wind and not act.subjects and act.objects and act.clause.action not in ("begin", "stop", "wave"):
            flowing.blow(act)
            return
        action = act.clause.action
        if action in DOES and (act.moved or act.wind):
            DOES[action](act)
            if act.clause.made_of is not None and action != "stand":
                standing.stand(act)
        elif action in ("show", "trigger", "last", "face", "") or action in DOES:
            self._amounts(act)
        elif action:
            self.board.note(f"{act.clause.verb.replace('_', ' ')!r} has no meaning for a scene: it was left out.")
            self._amounts(act)

    def _amounts(self, act: Act) -> None:
        """A number without a verb: three metres up, at 5 m/s."""
        of = self.cast.known.get(id(act.clause.amount_of))
        for each in of if isinstance(of, list) else act.moved:
            if act.amount("height") is not None:
                each.say("height", act.amount("height"), "height")
            if act.amount("speed") is not None and not each.moves:
                act.go(each, act.speed(0.0))
            if act.amount("turns") is not None:
                turning.spin(act)
            if act.amount("mass") is not None:
                each.say("mass", act.amount("mass"), "weight")
