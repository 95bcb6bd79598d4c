# SPDX-License-Identifier: GPL-3.0-or-later
"""Things that a text names for the first time: what they are, how many, what is in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..protocol import materials, props
from ..protocol.errors import UserError
from ..protocol.scene import MOST_INSTANCES
from . import lexicon, making
from .draft import Draft
from .numbers import EXACT, VAGUE
from .phrase import Phrase
from .places import Found, Places
from .vocabulary import nouns as n
from .vocabulary import words
from .vocabulary.qualities import CLASSES, COLOURS

_MANY, _SMALL = 8, 0.25
"""Sheets from so many on, and metres up to which, do not bend."""
_SHEETS = words("sheet strip piece bit length scrap")
_LUMPS = {
    "block": "crate",
    "slab": "plank",
    "lump": "rock",
    "chunk": "rock",
    "bar": "crate",
    "cube": "crate",
    "ball": "ball",
    "disk": "plate",
    "scoop": "ball",
    "disc": "plate",
    "rod": "pole",
    "blob": "jelly",
    "sheet": "plank",
    "strip": "plank",
    "bale": "crate",
}


class Newcomers(Places):
    """Makes lines of the cast."""

    def _stuff(self, phrase: Phrase, head: str, one: str) -> Found | None:
        """What flows, burns or pulls."""
        streams = (
            phrase.of is not None
            and phrase.of.head in (n.FLUIDS | n.GRAINS | n.GASES)
            and one in (n.PIECES | {"torrent", "river"})
        )
        if streams and phrase.of and (phrase.of.head not in n.GRAINS or one != "pile"):
            found = self._stuff(
                replace(phrase.of, words=[*phrase.words, *phrase.of.words]), phrase.of.head, phrase.of.head
            )
            if found and not isinstance(found, str) and one in n.STREAMS:
                found[0].assume("flow", 0.5)
            return found
        if one in n.FIELDS:
            return self._again_or(
                phrase, one, Draft(one, one, fields={"field": n.FIELDS[one], "strength": 8.0}, fall_back="force_field")
            )
        if head in n.GASES or one in n.GASES:
            name = (
                "fire"
                if one in n.BURNING or head in n.BURNING
                else "steam"
                if one in ("steam", "vapour", "vapor")
                else "smoke"
            )
            draft = Draft(name, one, fields={"flow": 5.0}, material={"name": name}, fall_back="smoke")
            return self._again_or(phrase, one, draft)
        row = materials.substances().get(lexicon.material(head) or "")
        if head in n.FLUIDS or head in n.GRAINS or (row and row.kind == "fluid" and lexicon.thing(one) is None):
            material = "water" if head == "liquid" else lexicon.material(head) or ""
            last = head.rpartition("_")[2]
            name = {"liquid": "water"}.get(head, last if last in n.FLUIDS else head)
            if not material:
                self.board.note(f"{head!r} is none of the substances that are known: it flows like water.")
            draft = Draft(name, head, material={"name": material} if material else {}, fall_back="fluid")
            if head in n.GRAINS:
                draft.material.setdefault("viscosity", 0.05)
                self.board.note(f"{head.capitalize()} was taken as a thick fluid.")
            return self._again_or(phrase, head, draft)
        return None

    def _again_or(self, phrase: Phrase, one: str, fresh: Draft) -> Found:
        old = self.board.last(lambda each: each.name == fresh.name and each.fall_back == fresh.fall_back)
        if old and phrase.det not in ("a", "an", "another"):
            self._tell(old, phrase, again=True)
            return [old]
        self._tell(fresh, phrase)
        return [self.board.add(fresh)]

    def _piece(self, phrase: Phrase, inner: Phrase, one: str) -> Found:
        """A sheet of paper, a block of ice."""
        stuff = lexicon.material(inner.head) or ""
        row = materials.substances().get(stuff)
        if row is None:
            merged = replace(inner, count=phrase.count or inner.count, words=[*phrase.words, *inner.words])
            return self.new(merged, lexicon.singular(inner.head))
        sheet = one in _SHEETS and (row.kind == "cloth" or stuff in ("paper", "cardboard", "leaf"))
        name = "cloth" if sheet else _LUMPS.get(one, "crate")
        merged = replace(phrase, head=name, words=[*phrase.words, *inner.words, inner.head], of=None)
        return self.new(merged, name)

    def new(self, phrase: Phrase, one: str, arrangement: str = "") -> list[Draft]:
        if (
            phrase.plural
            and arrangement == ""
            and len(colours := [each for each in phrase.words if each in COLOURS]) > 1
        ):
            return self._split(phrase, one, colours)
        mixed = next((each for each in phrase.words if each.startswith("mixed_")), "")
        if mixed:
            said = replace(phrase, words=[each for each in phrase.words if each != mixed])
            return self._split(said, one, CLASSES[mixed.removeprefix("mixed_")])
        thing = lexicon.thing(one)
        if thing is None and phrase.unknown and one == lexicon.singular(phrase.unknown[-1]):
            thing = self._compound(one) or self._alike(one)
        kind = lexicon.kinds().get(thing or "")
        name = kind.name if kind else thing or one
        row = props.things().get(name)
        fall_back = row.type if row else "rigid_body"
        draft = Draft(name, (kind and thing) or one, plural=phrase.plural, fall_back=fall_back)
        if row is None:
            self._unknown(draft, one, phrase)
        if lexicon.is_material(one) and (
            row is None or (row.type == "cloth" and (lexicon.material(one) or "") != "cotton")
        ):
            draft.material["name"] = lexicon.material(one) or ""
        if arrangement:
            draft.fields["arrangement"] = arrangement
            draft.said.add("arrangement")
        self._count(draft, phrase, arrangement)
        if row and row.type == "cloth" and draft.count >= _MANY and max(row.size) <= _SMALL:
            draft.fall_back = "rigid_body"  # so many small sheets are as good as stiff, and a hundred times faster
        self._tell(draft, phrase)
        self.board.add(draft)
        if draft.kind in n.WATERS:
            water = Draft("water", "water", material={"name": "water"}, fall_back="fluid")
            water.relate("in", draft)
            self.board.add(water)
            self.board.note(f"The {draft.kind} was taken as a basin of water.")
        self._content(draft, phrase)
        return [draft]

    def _split(self, phrase: Phrase, one: str, colours: Sequence[str]) -> list[Draft]:
        """Six red and blue balls, eight balls of different metals."""
        total = int(phrase.count) if phrase.count else VAGUE.get(phrase.vague, 2 * len(colours))
        colours = colours[:total]
        found: list[Draft] = []
        for number, colour in enumerate(colours):
            share = total // len(colours) + (number < total % len(colours))
            words = [*(each for each in phrase.words if each not in colours), colour]
            found += self.new(replace(phrase, words=words, count=max(1, share), vague="", det="a"), one)
        return found

    def _compound(self, word: str) -> str | None:
        """A bedsheet is a sheet, a teacup a cup: written together, it is what its last part says."""
        found = lexicon.last_part(word)
        if found is None:
            return None
        self.board.note(f"{word!r} was read as {found}.")
        return lexicon.thing(found)

    def _alike(self, word: str) -> str | None:
        near = lexicon.nearest(word, sorted(each for each in props.named() if not lexicon.is_material(each)))
        if near is None or near[0].startswith(word):
            return None
        self.board.note(f"{word!r} was read as {near[0]} (alike by {near[1]:.2f}).")
        return lexicon.thing(near[0])

    def _unknown(self, draft: Draft, one: str, phrase: Phrase) -> None:
        if lexicon.is_material(one):
            kind = materials.substances()[(lexicon.material(one) or "")].kind
            draft.fall_back = {"cloth": "cloth", "fluid": "fluid", "gas": "smoke"}.get(kind, "rigid_body")
            draft.name = "cloth" if kind == "cloth" else draft.name
        if one in n.CONNECTORS:
            return
        self.board.note(
            f"{one.replace('_', ' ')!r} is none of the things that are known: the build finds or stands in for it."
        )

    def _count(self, draft: Draft, phrase: Phrase, arrangement: str) -> None:
        what, plural = draft.kind.replace("_", " "), phrase.head.replace("_", " ")
        if phrase.count is not None:
            count = phrase.count
            if count > MOST_INSTANCES:
                raise UserError(
                    f"{count:,.0f} {plural} are more than a scene takes, which is {MOST_INSTANCES} things in all. "
                    f"Write a smaller number, such as: {MOST_INSTANCES // 5} {plural}.",
                    kind="usage",
                )
            if count < 1 or count != int(count):
                raise UserError(
                    f"{count:g} {plural} cannot be built. Write a whole number from 1 to {MOST_INSTANCES}.",
                    kind="usage",
                )
            draft.count = int(count)
        elif phrase.vague:
            draft.count = min(VAGUE[phrase.vague], MOST_INSTANCES)
            if phrase.vague not in EXACT:
                draft.vague = True
                self.board.note(f"{phrase.vague.capitalize()} of {what}: {draft.count} were assumed.")
        elif phrase.plural or arrangement:
            draft.count = n.USUAL_COUNT.get(arrangement, 5)
            draft.vague = True
            self.board.note(f"How many of {what} was not said: {draft.count} were assumed.")

    def _tell(self, draft: Draft, phrase: Phrase, *, again: bool = False) -> None:
        """What the phrase says of it."""
        said = [
            each
            for each in phrase.words
            if each not in n.PLACELESS or lexicon.thing(each) or lexicon.is_adjective(each)
        ]
        making.describe(draft, said, self.board)
        draft.side = phrase.side or draft.side
        for word in phrase.unknown:
            if word in phrase.words:
                self.board.leave(word)
        making.measure(draft, phrase)
        if phrase.made_of is not None:
            making.describe(draft, [*phrase.made_of.words, phrase.made_of.head], self.board)
        if (
            phrase.of is not None
            and again is False
            and lexicon.is_material(phrase.of.head)
            and not self._holds(draft, phrase.of)
        ):
            making.describe(draft, [*phrase.of.words, phrase.of.head], self.board)

    def _holds(self, draft: Draft, inner: Phrase) -> bool:
        """A glass of water, a bucket of balls: not a tower of marble."""
        row = props.things().get(draft.name)
        flows = inner.head in n.FLUIDS or inner.head in n.GRAINS
        return bool(row and row.hollow and (flows or inner.plural)) or (
            draft.name in ("crate", "barrel") and inner.plural
        )

    def _content(self, draft: Draft, phrase: Phrase) -> None:
        inner = phrase.full_of or (phrase.of if phrase.of is not None and self._holds(draft, phrase.of) else None)
        if inner is None:
            if phrase.of is not None and not lexicon.is_material(phrase.of.head) and phrase.of.head not in n.PLACELESS:
                self.board.leave(phrase.of.head)
            return
        inside = self.find(replace(inner, det=inner.det or "a"))
        if isinstance(inside, str):
            self.board.leave(inner.head)
            return
        for each in inside:
            each.relate("in", draft)
            if each.count > 1:
                each.assume("arrangement", "pile")
            each.fields.pop("flow", None)
