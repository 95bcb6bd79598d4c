# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON of a schema and nothing else: whatever is chosen among what is allowed ends as a document of the schema."""

from __future__ import annotations

import json
import random

import pytest

from galatea.backend import asking
from galatea.backend.networks import spelling

FORM = asking.form()
SMALL = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string"},
        "kind": {"enum": ["a", "ab", "b"], "type": "string"},
        "count": {"type": "integer", "minimum": 1, "maximum": 9},
        "at": {"type": ["array", "null"], "minItems": 2, "maxItems": 2, "items": {"type": "number"}},
        "tags": {"type": "array", "maxItems": 2, "items": {"type": "string"}},
        "loud": {"type": "boolean"},
    },
}


@pytest.mark.parametrize(
    "document",
    [{"name": "x"}, {"count": 3, "name": "a b"}, {"name": "x", "kind": "ab", "at": [-1.5, 0], "loud": True},
     {"name": "x", "tags": []}, {"name": "x", "tags": ["a", "b"], "count": 10}],
)  # fmt: skip
def test_documents_of_the_schema_can_be_written(document: object) -> None:
    assert spelling.walk(spelling.start(SMALL), json.dumps(document)) == ()


@pytest.mark.parametrize(
    "text",
    ["{}", '{"count": 3}', '{"name": ""}', '{"name": "x", "name": "y"}', '{"name": "x", "kind": "c"}',
     '{"name": "x",}', '{"name": "x", "count": 1.5}', '{"name": "x", "count": 01}', '{"name": "x", "at": [1]}',
     '{"name": "x", "at": [1, 2, 3]}', '{"name": "x", "tags": ["a", "b", "c"]}', '{"name": "x"}}',
     '{"name": "a\\"b"}', '{ "name": "x"}', '{"name": null}', '{"mesh": 1}', '{"name": "x", "count": -}',
     '{"name": "é"}'],
)  # fmt: skip
def test_others_cannot(text: str) -> None:
    assert spelling.walk(spelling.start(SMALL), text) != ()


def test_the_examples_can_be_written() -> None:
    for _, document in asking.EXAMPLES:
        assert spelling.walk(spelling.start(FORM), json.dumps(document)) == ()


def test_whatever_is_chosen_ends_as_a_document() -> None:
    """And soon, once it is told to hurry."""
    chance = random.Random(1)
    for _ in range(8):
        state, text, since = spelling.start(FORM), "", 0
        while True:
            hurry = len(text) > 250
            said, state = spelling.forced(state, hurry)
            text += said
            if not state:
                break
            since += hurry
            assert since < 80, text
            char = chance.choice(spelling.allowed(state, hurry))
            found = spelling.step(state, char, hurry)
            assert found is not None
            text, state = text + char, found
        data = spelling.held(json.loads(text), FORM)
        links = (".target", ".other", ".a names", ".b names", "used twice", "more than 500")
        wrong = [each for each in asking.problems(data) if not any(link in each for link in links)]
        assert not wrong, text


def test_numbers_are_brought_within_their_limits() -> None:
    assert spelling.held({"count": 400, "at": [1, -5], "loud": True}, SMALL) == {
        "count": 9,
        "at": [1, -5],
        "loud": True,
    }
