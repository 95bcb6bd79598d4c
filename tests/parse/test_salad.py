# SPDX-License-Identifier: GPL-3.0-or-later
"""Any order of known words is a valid scene or an error that people can read."""

from __future__ import annotations

import random

from galatea.backend.parse import lexicon
from galatea.backend.parse.grammar import parse
from galatea.backend.parse.vocabulary.functions import AUXILIARIES, CONJUNCTIONS, DETERMINERS, PHRASES, RELATIONS
from galatea.backend.parse.vocabulary.verbs import FORMS
from galatea.backend.protocol import scene
from galatea.backend.protocol.errors import UserError


def test_word_salad_is_a_scene_or_an_error() -> None:
    rng = random.Random(7)
    kinds = [
        sorted(word.replace("_", " ") for word in (*lexicon.things(), *lexicon.substances())),
        sorted(FORMS), sorted(PHRASES), sorted(lexicon.ADJECTIVES),
        sorted(word.replace("_", " ") for word in RELATIONS),
        sorted({*DETERMINERS, *CONJUNCTIONS, *AUXILIARIES} - {"one_of_the"}),
        ["two", "30", "2 m", "5 kg", "at 3 m/s", "after 2 s", "10 cm wide", "it", "them", ",", ".", "wind", "water"],
    ]  # fmt: skip
    scenes = 0
    for _ in range(200):
        words = " ".join(rng.choice(rng.choice(kinds)) for _ in range(rng.randint(3, 25)))
        try:
            spec = parse(words)
        except UserError as error:
            assert str(error)
        else:
            assert scene.validate(spec.to_json()) == spec
            scenes += 1
    assert scenes > 60
