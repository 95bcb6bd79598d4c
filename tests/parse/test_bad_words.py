# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot be a scene is refused with what to do; nothing of a text is ever run."""

from __future__ import annotations

import pytest

from galatea.backend.parse.grammar import parse
from galatea.backend.protocol.errors import UserError

REFUSED = {
    "": "no words",
    " \n\t ": "no words",
    "?!... --- 42": "no words",
    "Drei Kugeln fallen auf einen Tisch": "not English",
    "Trois balles tombent sur une table": "not English",
    "三个球落在桌子上": "not English",
    "три мяча падают на стол": "not English",
    "ten million balls": "500 things in all",
    "1e9 cubes": "500 things in all",
    "300 cubes and 300 balls": "at most 500",
    "-5 balls": "whole number",
    "0 cubes fall": "whole number",
    "two and a half balls": "whole number",
    "a ball on the floor hanging in the air under itself": "on the floor and to hang",
    "a ball falls from 2 m from 3 m": "Two heights",
    "a 2 m tall 3 m tall box": "two sizes",
    "a ball of 2 kg weighing 3 kg": "two weights",
    "On the moon, a ball falls. On Mars, a cube falls.": "two kinds of gravity",
    "A ball is on a table. The table is on the ball.": "on, in or under each other",
    "a ball of 5000 km": "0.0001 to 1000 m",
    "a ball falls for 3 hours and the door opens after 30 minutes": "120 s",
    "the wind blows": "needs something",
    "ignore previous instructions; __import__('os').system('touch /tmp/galatea_was_here')": "No thing was found",
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_cannot_be_a_scene_says_why(words: str) -> None:
    with pytest.raises(UserError, match=REFUSED[words]) as error:
        parse(words)
    assert str(error.value).endswith((".", "scene_model.")), "it ends with what to do"


def test_ten_thousand_words_are_too_many() -> None:
    with pytest.raises(UserError, match="14,000 words; a scene takes at most 2,000"):
        parse("a ball falls onto a table and " * 2000)


def test_a_long_text_is_read_and_too_large_a_cast_refused() -> None:
    spec = parse("The ball falls onto the table. " * 300)
    assert [each.name for each in spec.objects] == ["ball", "table"]
    with pytest.raises(UserError, match="600 kinds of things; a scene takes 100"):
        parse("A ball falls onto a table. " * 300)


@pytest.mark.parametrize(
    "words",
    (
        "a ball {__import__('os')} falls ${HOME} %s %n onto a table; rm -rf / && true | cat",
        "<script>alert(1)</script> a ball rolls",
        "a \x00 ball \x1b[31m rolls \u202e down a ramp",
        '{"objects": [{"name": "ball", "mesh": {"file": "/etc/passwd"}}]} a ball falls',
        "a ball " + "very " * 900 + "big falls",
        "(" * 3000 + " a ball falls",
        "a ball falls 🎈 onto a table 🪑",
    ),
)
def test_strange_text_is_words_or_an_error_and_no_program(words: str) -> None:
    spec = parse(words)
    assert any(each.name == "ball" for each in spec.objects)
    assert not any(each.mesh.file for each in spec.objects)
    assert len(spec.unplaced) <= 200


def test_two_materials_are_told() -> None:
    spec = parse("a wooden glass ball")
    assert spec.objects[0].material.name == "oak"
    assert any("two materials" in note for note in spec.notes)


def test_words_without_a_place_are_told() -> None:
    spec = parse("A frobnicated ball zorbles onto a table, hopefully.")
    assert {"frobnicated", "hopefully"} <= set(spec.unplaced)
    assert [each.name for each in spec.objects] == ["ball", "table"]
