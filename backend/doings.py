# SPDX-License-Identifier: GPL-3.0-or-later
"""How alike what somebody does is: to hike is to walk, to waltz is to dance. By `kinship`, of verbs in place of nouns.

A verb must be a word of the network's own vocabulary: of others it knows only the pieces, and those found anything.
Measured on 64 verbs that no motion of people is called by and 49 that mean nothing that a body here can do. On the 77
of them that the numbers were set on 11 of 13 that were found are right; on the other 36, looked at once, 4 of 5 (to
argue was taken for to disagree). So few are found, those are mostly right, and each is told as a guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from . import kinship
from .protocol import props, recipe

LEAST, MARGIN = 0.75, 0.05
"""Cosine from which a verb may stand for another, and how much nearer it must be than what else people do."""
OTHERS = (
    "cooking", "eating", "drinking", "writing", "reading", "singing", "sleeping", "painting", "fighting", "punching",
    "shooting", "swimming", "flying", "building", "driving", "riding", "laughing", "crying", "talking", "thinking",
    "throwing", "kicking", "climbing", "sitting", "kneeling down", "lying down", "working", "playing an instrument",
    "playing a game", "hitting", "cutting", "pulling", "pushing", "lifting", "carrying", "cleaning", "washing",
    "sewing", "melting", "burning", "growing", "breaking", "exploding", "voting", "buying", "marrying", "falling",
    "spinning", "clapping", "sneezing", "smoking", "typing", "digging", "opening a door", "shouting",
)  # fmt: skip
"""What a verb may mean instead of any that it is compared with."""
_DOUBLED = re.compile(r"[^aeiou]*[aeiou][^aeiouwxy]")
_BASE = ((r"ies$", "y"), (r"(?<=ch|sh|ss)es$", ""), (r"(?<=[xzo])es$", ""), (r"(?<!s)s$", ""))


def nearest(verb: str, among: Sequence[str]) -> tuple[str, float] | None:
    """The verb that is most alike and its cosine; None where none is alike enough. Any form of a verb will do."""
    among = [each for each in among if is_whole(each)]
    if not is_whole(verb):
        return None
    own = {doing(each) for each in among}
    others = [each for each in OTHERS if each not in own]
    return kinship.nearest(verb, among, least=LEAST, form=seen, others=others, margin=MARGIN)


def is_whole(verb: str) -> bool:
    """The network knows it, or a form of it, as one word."""
    return any(kinship.is_word(each) for each in (verb, base(verb), doing(verb)))


def seen(verb: str) -> str:
    """What is compared of a verb."""
    return f"a photo of a person {verb if ' ' in verb else doing(verb)}"


def base(verb: str) -> str:
    """Of a third person; other forms stay as they are."""
    for pattern, instead in _BASE:
        found, changed = re.subn(pattern, instead, verb)
        if changed:
            return found
    return verb


def doing(verb: str) -> str:
    """The -ing form of a base form, of a third person or of itself."""
    if verb.endswith("ing") and len(verb) > 5:
        return verb
    verb = base(verb)
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    if verb.endswith("e") and not verb.endswith(("ee", "oe", "ye")):
        return verb[:-1] + "ing"
    return verb + (verb[-1] if _DOUBLED.fullmatch(verb) else "") + "ing"


def verbs(words: Iterable[str]) -> list[str]:
    """Those of a clip's words that are a verb, its base form: what stands there with an s too."""
    every = list(words)
    return [
        word
        for word in every
        if " " not in word and {f"{word}s", f"{word}es", f"{word[:-1]}ies", doing(word)} & (set(every) - {word})
    ]


def compared() -> list[str]:
    """The texts that are always compared: every word for a thing and every verb of a motion, and what is none of
    them."""
    motions = [recipe.read_toml(path)["words"] for path in sorted((recipe.PRESETS / "motions").glob("*.toml"))]
    every = {verb for words in motions for verb in verbs(words)}
    things = {kinship.seen(each) for each in (*kinship.OTHERS, *props.named())}
    return sorted(things | {seen(each) for each in (*OTHERS, *every)})
