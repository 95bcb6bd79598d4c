# SPDX-License-Identifier: GPL-3.0-or-later
"""How many there are of something and where its limits are, as the documents say it, is so in the code."""

from __future__ import annotations

import re
from collections.abc import Collection

import pytest

from galatea.backend import cli
from galatea.backend.cli import completion
from galatea.backend.learn.things.sources import SOURCES
from galatea.backend.protocol import errors, gate, materials, props, recipe

from . import pages

WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
WORDS += ["thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"]
NUMBER = rf"(?i:\b([\d,]+|{'|'.join(WORDS)}))"


def files(folder: str) -> list[str]:
    return [each.stem for each in (recipe.PRESETS / folder).iterdir() if each.name != "README.md"]


def choices(step: str, name: str) -> set[str]:
    return set(next(each for each in recipe.spec_of(step).params if each.name == name).choices)


def default(step: str, name: str) -> int:
    return int(str(next(each for each in recipe.spec_of(step).params if each.name == name).default))


def work(quality: str) -> int:
    """Samples of all pixels of a frame."""
    told = recipe.load_quality(quality)
    return int(told["camera"]["width"]) * int(told["camera"]["height"]) * int(told["film"]["samples"])


def trained() -> int:
    found = re.search(r"^(\d+) objects trained", (pages.ROOT / "docs" / "data-card.md").read_text("utf-8"), re.M)
    assert found
    return int(found[1])


KINDS = {kind for name in files("motions") for kind in recipe.read_toml(recipe.find("motions", name))["kinds"]}
SIZES = recipe.read_toml(recipe.find("sizes", "things"))
COUNTS: dict[str, int | Collection[object]] = {
    f"{NUMBER} (?:motions|clips) for \\w+ kinds of bodies": files("motions"),
    f"(?:motions|clips) for {NUMBER} kinds of bodies": KINDS,
    f"{NUMBER} (?:procedural |kinds of )?things (?:are built|of \\d|in \\d)": props.things(),
    f"{NUMBER} words name them": props.named(),
    f"{NUMBER} substances (?:\\(|have|with)": materials.substances(),
    f"{NUMBER} lights[ ,]\\(?(?:sky by|five looks)": files("lights"),
    f"{NUMBER} looks(?: that|,)": files("looks"),
    f"{NUMBER} camera moves": choices("camera", "path") - {"auto", "static", "match"},
    f"{NUMBER} figures against a gate": gate.FIGURES,
    f"{NUMBER} example photos": files("examples"),
    f"`presets/sizes`, {NUMBER} things": [name for group in SIZES.values() for name in group],
    f"{NUMBER} packages of free meshes": [each for each in SOURCES.values() if each.kind != "own"],
    f"(?:trained (?:on a CPU )?on|It saw) {NUMBER} (?:free )?objects": trained(),
    f"{NUMBER} levels with their error": default("lod", "levels"),
    f"{NUMBER} pictures around the object": default("views", "count"),
    f"a frame of `high` is {NUMBER} times": work("high") // work("medium"),
    f"`ultra` {NUMBER} times the work of one of `medium`": work("ultra") // work("medium"),
    f"by `relief`, {NUMBER} steps": recipe.read_toml(recipe.find("recipes", "photo_to_mesh"))["step"],
    f"{NUMBER} backends make the mesh on a server": [
        name for name, spec in recipe.catalog().items() if spec.remote and "mesh" in spec.outputs
    ],
}
"""How a count is said, its number first among the groups, and what is counted."""


def number(text: str) -> int:
    text = text.lower().replace(",", "")
    return int(text) if text.isdigit() else WORDS.index(text)


@pytest.mark.parametrize("said", COUNTS)
def test_a_count_is_that_of_the_code(said: str) -> None:
    counted = COUNTS[said]
    wanted = counted if isinstance(counted, int) else len(counted)
    found = [
        (path.name, number(each[1]))
        for path in pages.PAGES
        for each in re.finditer(said, " ".join(path.read_text(encoding="utf-8").split()))
    ]
    assert found and {count for _, count in found} == {wanted}, f"say {wanted} in: {found}"


def table(page: str, head: str) -> list[list[str]]:
    """The cells of each row of the table whose head begins so."""
    rows = (pages.ROOT / page).read_text(encoding="utf-8").partition(f"| {head} |")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows.splitlines()[2:]]


def column(page: str, head: str) -> set[str]:
    """What stands in code or as numbers in its first column."""
    return {name for row in table(page, head) for name in re.findall(r"[\w.-]+", row[0])}


def test_tables_have_a_row_for_each() -> None:
    codes = {0, 1, *errors.EXIT_CODES.values(), 143}
    assert column("README.md", "Exit code") == {str(code) for code in codes}
    assert column("docs/finishing.md", "Figures") == set(gate.FIGURES)
    readme = (pages.ROOT / "README.md").read_text(encoding="utf-8")
    assert ", ".join(f"`{name}`" for name in sorted(files("quality"), key=work)) in readme


def test_limits_of_gates_are_those_of_their_files() -> None:
    gates = [recipe.read_toml(recipe.find("gates", name)) for name in ("studio", "game", "print")]
    rows = table("docs/finishing.md", "Limit")
    assert rows
    for head, *cells in rows:
        limit = next((key for key in ("most", "least") if key in head), "is")
        for found, cell in zip(gates, cells, strict=True):
            told = [found.get(name, {}).get(limit) for name in re.findall(r"`(\w+)`", head)]
            said = [None if each == "–" else each == "yes" or float(each.replace(",", "")) for each in cell.split(", ")]
            assert told == said * (len(told) if said == [None] else 1), (head, cell, told)


def test_limits_of_the_server_are_its_defaults() -> None:
    serve = completion.parsers(cli.parser())["serve"]
    said = {
        row[0].strip("`-").replace("-", "_"): float(found[0])
        for row in table("docs/server.md", "Flag")
        if row[0] and (found := re.match(r"\d+", row[1]))
    }
    assert len(said) > 4 and said == {name: serve.get_default(name) for name in said}
