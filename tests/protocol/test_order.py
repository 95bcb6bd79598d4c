# SPDX-License-Identifier: GPL-3.0-or-later
"""The job file: one text for one order, nothing of a stranger's taken on trust, and one way to a recipe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.order import FLAGS, MOST_BYTES, Order, schema

WHOLE: dict[str, Any] = {
    "schema": 1,
    "recipe": "photo_to_asset",
    "inputs": {"image": "photos/toad.jpg"},
    "prompt": "",
    "backend": "relief",
    "quality": "draft",
    "gate": "",
    "until": "bake",
    "seed": 7,
    "settings": {"clean": {"faces": 5000, "watertight": True}, "bring": {"name": "Kröte"}},
    "out": "made",
}


def write(folder: Path, data: Any) -> Path:
    path = folder / "job.json"
    path.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
    return path


def test_paths_are_relative_to_the_file_and_the_text_is_canonical(tmp_path: Path) -> None:
    order = Order.read(write(tmp_path, WHOLE))
    assert order.inputs == {"image": str(tmp_path / "photos/toad.jpg")} and order.out == str(tmp_path / "made")
    shuffled = {key: WHOLE[key] for key in sorted(WHOLE, reverse=True)}
    assert Order.of(shuffled, base=tmp_path).text() == order.text()
    assert order.text().endswith("}\n") and "\r" not in order.text() and "Kröte" in order.text()
    other = tmp_path / "elsewhere" / "again.json"
    order.save(other)
    assert Order.read(other) == order and other.read_bytes() == order.text().encode()
    assert Order.of(json.loads(order.line())) == order and "\n" not in order.line()
    assert not list(other.parent.glob("*.part"))


def test_a_setting_has_its_own_type_whoever_wrote_it(tmp_path: Path) -> None:
    texts = {**WHOLE, "settings": {"clean": {"faces": "5000", "watertight": "true"}, "bring": {"name": "Kröte"}}}
    assert Order.of(texts, base=tmp_path).text() == Order.of(WHOLE, base=tmp_path).text()


def test_without_a_folder_paths_stay_as_they_are() -> None:
    """A server has asset ids in their place."""
    order = Order.of({"recipe": "photo_to_mesh", "inputs": {"image": "asset-12"}})
    assert order.inputs == {"image": "asset-12"} and not list(order.paths())
    mine = Order.of({"recipe": "x.toml", "gate": "/etc/passwd.toml", "settings": {"report": {"gate": "/etc/passwd"}}})
    assert list(mine.paths()) == ["recipe", "gate", "settings.report.gate"]


def test_the_plan_holds_everything(tmp_path: Path) -> None:
    recipe, inputs = Order.of({**WHOLE, "gate": "game"}, base=tmp_path).plan()
    steps = {step.do: step.params for step in recipe.steps}
    assert list(steps)[-2:] == ["bake", "report"] and "relief" in steps and "lift" not in steps
    assert steps["clean"]["faces"] == 5000 and steps["bring"]["name"] == "Kröte"
    assert inputs == {"image": tmp_path / "photos/toad.jpg"}
    plain, _ = Order.of({"recipe": "photo_to_mesh", "inputs": {"image": "a:b.jpg"}}).plan()
    assert next(step.params["name"] for step in plain.steps if step.do == "bring") == "a b"
    odd, _ = Order("photo_to_mesh", {"image": "caf\udce9: x.png"}).plan()
    assert next(step.params["name"] for step in odd.steps if step.do == "bring") == "caf x", "Blender takes UTF-8 alone"


def test_a_part_of_a_run_has_the_settings_of_the_whole(tmp_path: Path) -> None:
    """As each task of a farm does: what later steps are told is looked at, and left to them."""
    said = {"camera": {"seconds": 1.0}, "lift": {"size_m": 2.0}}
    whole = Order.of({**WHOLE, "recipe": "photo_to_film", "backend": "", "until": "", "settings": said})
    parts = [Order.of({**whole.document(), "until": until}).plan()[0].steps for until in ("lift", "camera")]
    all_of_it = whole.plan()[0].steps
    assert [parts[0], parts[1]] == [all_of_it[:2], all_of_it[: len(parts[1])]]
    assert parts[0][-1].params["size_m"] == 2.0 and parts[1][-1].params["seconds"] == 1.0
    with pytest.raises(UserError, match="has no step 'report'"):
        Order.of({**whole.document(), "until": "lift", "settings": {"report": {"gate": "game"}}}).plan()


def test_words_of_the_command_line_give_the_same_order(tmp_path: Path) -> None:
    words = Order.of({**WHOLE, "prompt": "-a toad"}, base=tmp_path).words("--fresh")
    assert words[:4] == ["run", "photo_to_asset", "--until", "bake"] and "--fresh" in words
    assert "--prompt=-a toad" in words and "clean.watertight=true" in words


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"recipe": ""}, "recipe is missing"),
        ({"recipe": 5}, "recipe takes a text"),
        ({"schema": 2}, "this version reads 1"),
        ({"schema": True}, "this version reads 1"),
        ({"reciepe": "x"}, "Did you mean 'recipe'?"),
        ({"inputs": ["a.jpg"]}, "inputs takes a group"),
        ({"inputs": {"picture": "a.jpg"}}, "picture is no input"),
        ({"inputs": {"image": ""}}, "inputs.image takes a text"),
        ({"inputs": {"image": "a\0b"}}, "inputs.image takes a text"),
        ({"inputs": {"image": "x" * 5000}}, "inputs.image takes a text"),
        ({"prompt": "x" * 10_001}, "prompt takes a text"),
        ({"prompt": None}, "prompt takes a text"),
        ({"seed": -1}, "seed takes a whole number"),
        ({"seed": True}, "seed takes a whole number"),
        ({"seed": 1.5}, "seed takes a whole number"),
        ({"seed": 1 << 31}, "seed takes a whole number"),
        ({"settings": {"dance": {}}}, "There is no step 'dance'"),
        ({"settings": {"clean": {"colour": 1}}}, "no parameter 'colour'"),
        ({"settings": {"clean": {"faces": [1]}}}, "clean.faces takes int"),
        ({"settings": {"clean": {"smooth": int("9" * 400)}}}, "clean.smooth takes a finite number"),
        ({"settings": {"film": {"audio": "~nobody-here/x"}}}, "film.audio takes file"),
        ({"settings": {"clean": 5}}, "settings.clean takes a group"),
        ({"settings": {f"s{n}": {} for n in range(65)}}, "settings takes a group"),
    ],
)
def test_a_wrong_order_is_refused_by_name(change: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError) as caught:
        Order.of({**WHOLE, **change})
    assert caught.value.kind == "usage" and says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is no JSON"),
        ("[]", "is list, not one order"),
        ("null", "is NoneType"),
        ('{"recipe": "a", "recipe": "b"}', "stands twice"),
        ('{"recipe": "a", "seed": NaN}', "is no number of JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('{"seed": ' + "9" * 5000 + "}", "is no JSON"),
        (" " * (MOST_BYTES + 1), "is longer than"),
    ],
)
def test_text_that_is_no_order(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        Order.read(write(tmp_path, text))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe{")
    for path, says in (
        (tmp_path / "none.json", "no file"),
        (tmp_path, "Cannot read"),
        (tmp_path / "bytes.json", r"^bytes.json is no JSON \(it is no text\)"),
    ):
        with pytest.raises(UserError, match=says):
            Order.read(path)


@given(st.text(alphabet=st.characters(exclude_characters="\0"), min_size=1, max_size=40))
def test_words_of_all_scripts_come_back(words: str) -> None:
    order = Order.of({"recipe": "words_to_mesh", "prompt": words, "inputs": {"image": words}})
    assert Order.of(json.loads(order.text())) == order == Order.of(json.loads(order.line()))


def test_the_schema_knows_every_field() -> None:
    told = schema()["properties"]
    assert set(told) == set(WHOLE) and set(told["inputs"]["properties"]) == set(FLAGS)
