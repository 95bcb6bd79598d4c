# SPDX-License-Identifier: GPL-3.0-or-later
"""A word with one wrong letter is mended and told; a word that is none of ours is left as it is."""

from __future__ import annotations

import pytest

from galatea.backend.parse.grammar import parse


@pytest.mark.parametrize(
    ("words", "name"),
    [("a woden ball", "ball"), ("a red tabel", "table"), ("two windmils", "windmill"), ("a balll falls", "ball"),
     ("a chiar", "chair"), ("a stiarcase", "staircase")],
)  # fmt: skip
def test_one_wrong_letter_is_mended_and_told(words: str, name: str) -> None:
    spec = parse(words)
    assert spec.objects[0].name == name and not spec.unplaced
    assert any("was read as" in note for note in spec.notes)
    assert spec.words == words, "what was asked for stays as it was written"


def test_a_mended_material_counts() -> None:
    assert parse("a woden box").objects[0].material.name == "oak"


@pytest.mark.parametrize("word", ["planet", "wrench", "penguin", "frobnicator", "xqzzk"])
def test_another_word_is_not_bent_into_one_of_ours(word: str) -> None:
    notes = " ".join(parse(f"a {word} and a table").notes)
    assert f"{word!r} was read as" not in notes or "alike by" in notes


def test_a_compound_is_what_its_last_part_says() -> None:
    spec = parse("a white bedsheet lies on a bed")
    assert spec.objects[0].name == "cloth" and spec.objects[0].type == "cloth"
    assert "'bedsheet' was read as sheet." in spec.notes


def test_camera_and_world_are_mended_too() -> None:
    assert parse("a ball falls, hanheld camera").camera.path == "handheld"
    assert parse("a ball falls at midnigt").environment.light == "night"
