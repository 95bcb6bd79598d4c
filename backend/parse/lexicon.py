# SPDX-License-Identifier: GPL-3.0-or-later
"""What a word can be: the tables of `vocabulary`, of things and of substances behind a few questions."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

from ..protocol import materials, props
from ..protocol.errors import UserError
from .vocabulary import words
from .vocabulary.functions import (
    ARRANGED,
    AUXILIARIES,
    CONJUNCTIONS,
    DETERMINERS,
    FAST,
    FILLERS,
    MANNERS,
    PRONOUNS,
    RELATIONS,
    WAYS,
)
from .vocabulary.functions import COMMON as COMMON
from .vocabulary.functions import FOREIGN as FOREIGN
from .vocabulary.nouns import (
    ARRANGEMENTS,
    CEILINGS,
    CONNECTORS,
    FIELDS,
    FLOORS,
    FLUIDS,
    GASES,
    GRAINS,
    IRREGULAR,
    KINDS,
    PEOPLE,
    PIECES,
    PLACELESS,
    WINDS,
)
from .vocabulary.qualities import ADJECTIVES as ADJECTIVES
from .vocabulary.verbs import FORMS, PARTICIPLES

_NO_STUFF = words(
    """burning bouncy elastic icy wobbly mirror dusty dust cloudy watery shell blaze road window down beach desert
    trunk hide gore cane deal card sack toast cake carpet fuel earth jeans brilliant hairy fluffy parachute
    cloth fabric"""
)
"""Words of substances that mean something else where they stand alone."""
_NO_ADVERBS = words("butterfly dragonfly firefly family assembly grizzly monopoly supply")
_SAID = frozenset(
    word
    for group in (FILLERS, RELATIONS, ARRANGED, AUXILIARIES, CONJUNCTIONS, DETERMINERS, FAST, MANNERS, PRONOUNS, WAYS)
    for word in group
) | words("""there_is made full weighing each_other later one_of_the then one_of_them fps seed two three four""")
"""Words that hold a sentence together: never a thing."""
_OWN = {
    "hill": "ramp",
    "lantern": "lamp",
    "mat": "cloth",
    "cape": "cloth",
    "bucketful": "bucket",
    "stage": "pedestal",
    "hillside": "ramp",
    "flight_of_stairs": "staircase",
    "cannon_ball": "cannonball",
    "demolition_ball": "wrecking_ball",
    "pool_ball": "billiard_ball",
    "snow_ball": "snowball",
    "table_tennis_ball": "ping_pong_ball",
}
"""Words for things that their table has not."""


@cache
def kinds() -> Mapping[str, props.Thing]:
    """Nouns that mean a thing of a size, material or mass of its own, to the thing as it is then."""
    usual = props.things()
    found = {word: thing for word, thing in props.called().items() if thing != usual[thing.name]}
    for word, (name, size, material, mass) in KINDS.items():
        thing = usual.get(name) or props.Thing(name, (), size, material, "rigid_body")
        found[word] = replace(thing, size=size, material=material or thing.material, mass=mass)
    return found


@cache
def things() -> Mapping[str, str]:
    """Every word for a thing to what it is, those of `kinds` to themselves."""
    return {**_OWN, **props.named(), **{word: word for word in kinds()}}


@cache
def substances() -> Mapping[str, str]:
    return materials.named()


def singular(word: str) -> str:
    """Of a noun; words that are not plural stay as they are."""
    if word in IRREGULAR:
        return IRREGULAR[word]
    if "_" in word:
        first, _, last = word.rpartition("_")
        return f"{first}_{singular(last)}"
    if word.endswith("ss") or not word.endswith("s") or len(word) < 4:
        return word
    for ending, instead in (("ies", "y"), ("ves", "f"), ("ches", "ch"), ("shes", "sh"), ("xes", "x"), ("sses", "ss")):
        if word.endswith(ending) and len(word) > len(ending) + 1:
            found = word[: -len(ending)] + instead
            return found if ending != "ves" or is_noun(found) else word[:-1]
    return word[:-1]


def is_plural(word: str) -> bool:
    return singular(word) != word or word in ("people", "cattle", "dice")


@cache
def thing(word: str) -> str | None:
    """What a noun is called: its name among things or in `kinds`; None where it is no thing that is known."""
    known = things()
    return known.get(word) or known.get(singular(word))


_PART = 4
"""Letters of the last part of a compound at least."""


def last_part(word: str) -> str | None:
    """The thing that a compound ends with, where its beginning is a word too."""
    try:
        kinship = importlib.import_module("..kinship", __package__)
        for at in range(3, len(word) - _PART + 1):
            if thing(word[at:]) and (kinship.is_word(word[:at]) or is_known(word[:at])):
                return word[at:]
    except (ImportError, UserError):
        pass
    return None


@cache
def is_noun(word: str) -> bool:
    """It can stand for something without an article."""
    one = singular(word)
    known = (
        CONNECTORS,
        FLUIDS,
        GRAINS,
        GASES,
        WINDS,
        FIELDS,
        FLOORS,
        CEILINGS,
        PEOPLE,
        ARRANGEMENTS,
        PLACELESS,
        PIECES,
    )
    return thing(word) is not None or any(word in group or one in group for group in known)


def material(word: str) -> str | None:
    """The substance that a word means: metals are steel, wooden is oak."""
    if word in _NO_STUFF:
        return None
    known = substances()
    return known.get(word) or known.get(singular(word))


def is_material(word: str) -> bool:
    return material(word) is not None


def is_adjective(word: str) -> bool:
    return word in ADJECTIVES


def is_verb(word: str) -> bool:
    return word in FORMS


def participle(word: str) -> str | None:
    """The verb of -ing and -ed forms that stand before a noun: falling, stacked, broken."""
    return PARTICIPLES.get(word)


def is_adverb(word: str) -> bool:
    """By its ending: quizzically is no thing."""
    return word.endswith("ly") and len(word) > 5 and word not in _NO_ADVERBS


def is_known(word: str) -> bool:
    """Some table has it, or its form tells what it is."""
    return is_adverb(word) or word in _SAID or is_noun(word) or is_material(word) or is_adjective(word) or is_verb(word)


def nearest(word: str, among: Sequence[str]) -> tuple[str, float] | None:
    """The likest of known words by text embeddings; None where they are not installed or nothing is like it."""
    try:
        kinship = importlib.import_module("..kinship", __package__)
        found: tuple[str, float] | None = kinship.nearest(word, among)
    except (ImportError, UserError):
        return None
    return found
