# SPDX-License-Identifier: GPL-3.0-or-later
"""Every document is held against what it speaks of: its commands are planned, its files read, its links followed."""

from __future__ import annotations

import argparse
import ast
import itertools
import json
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from galatea.backend import cli
from galatea.backend.cli.completion import parsers
from galatea.backend.protocol import order, policy, recipe, scene
from galatea.backend.protocol.catalog import spec_of
from galatea.backend.protocol.errors import EXIT_CODES
from galatea.backend.protocol.gate import Gate

from . import pages
from .pages import ROOT, Block

BLOCKS = [block for path in pages.PAGES for block in pages.blocks(path) if block.page != "docs/commands.md"]
PARSERS = parsers(cli.parser())
RUN = {"docs/studio.md": "tests/studio/test_day.py", "docs/extending.md": "tests/docs/test_extending.py"}
"""Pages whose `sh` blocks are carried out word for word by a test."""
PROVED = {
    "openjd": "tests/farm/test_openjd.py",
    "curl": "tests/server/test_page.py",
}
"""Other programs that the documents call, and the test that proves what they are called for."""
SHELL = ("cd", "cp", "export", "git", "mkdir", "pip", "python", "sh")
PLANNED = ("generate", "finish", "rig", "animate", "film", "export", "run", "batch", "simulate", "compare", "validate")
TOLD = ("backends", "jobs", "schema", "farm")
"""Verbs that are carried out, for they are quick and change nothing of ours."""
KINDS = ("", "sh", "python", "toml", "json", "text", "ini", "nginx")


def ours(words: list[str]) -> list[str]:
    """What stands behind `galatea`, also where a wrapper calls it; empty where it is not called."""
    while words and re.match(r"\w+=", words[0]):
        words = words[1:]
    name = "galatea.backend" if words[:1] == ["torchrun"] else "galatea"
    wrapped = words[:1] in (["galatea"], ["blender"], ["torchrun"])
    return words[words.index(name) + 1 :] if wrapped and name in words else []


COMMANDS = [
    (block, words)
    for block in BLOCKS
    if block.kind == "sh" and block.page not in RUN
    for words in pages.commands(block.text)
]
INLINE = [
    (Block(path.name, 0, "", "", ""), words)
    for path in pages.PAGES
    for text in re.findall(r"`([^`]+)`", pages.without_blocks(path))
    if re.search(r"\bgalatea [a-z]", text) and (words := ours(shlex.split(text)))
]
GALATEA = [(block, found) for block, words in COMMANDS if (found := ours(words))] + INLINE


def test_there_are_commands_to_look_at() -> None:
    assert len(GALATEA) > 100 and {block.page for block, _ in GALATEA} > {
        "README.md",
        "docs/motion.md",
        "docs/farms.md",
    }


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of work, with a data folder of its own, orders and scenes in words."""
    monkeypatch.setenv("GALATEA_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "toad.jpg").write_bytes(PICTURE)
    told = order.Order.of({"recipe": "photo_to_film", "inputs": {"image": "toad.jpg"}, "out": "made"}, base=tmp_path)
    for name in ("job", "toad", "otter"):
        told.save(tmp_path / f"{name}.json")
    for folder in (tmp_path, tmp_path / "folder"):
        (folder / "scene.json").write_text(scene.SceneSpec(objects=(scene.Item("ball", "ball"),)).dumps())
    (tmp_path / "hunyuan.json").write_text("{}")
    (tmp_path / "my.toml").write_bytes((recipe.PRESETS / "recipes" / "photo_to_mesh.toml").read_bytes())
    return tmp_path


PICTURE = (ROOT / "presets" / "examples" / "earth.png").read_bytes()
SOUND = {".jpg": PICTURE, ".png": PICTURE, ".glb": b'{"asset": {"version": "2.0"}}'}
LACKING = (EXIT_CODES["weights"], EXIT_CODES["environment"])
"""What this machine may lack for a command that is right."""


def made(place: Path, words: list[str]) -> list[str]:
    """Make the files that are named, so that they can be planned; the stars are what a shell finds."""
    found: list[str] = []
    for word in words:
        names = [word.replace("*", name) for name in "ab"] if "*" in word else [word]
        for name in names:
            path = place / name
            if name.endswith("/"):
                path, name = path / "a.jpg", name
            if re.fullmatch(r"[\w/.-]+\.(jpg|png|glb|bvh|blend|mp4)", str(path)) and not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(SOUND.get(path.suffix, b"x"))
        found += names
    return found


@pytest.mark.parametrize(("block", "words"), GALATEA, ids=[f"{b}-{' '.join(w)[:50]}" for b, w in GALATEA])
def test_a_command_can_be_given(
    block: Block, words: list[str], place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Planned by the program itself where it works on something, carried out where it only tells, parsed at least."""
    if "…" in " ".join(words) or (block in [each for each, _ in INLINE] and "--out" not in words):
        return loosely(words)
    words = made(place, words)
    if words[0] in (*PLANNED, *TOLD) and words[:2] not in (["farm", "task"], ["backends", "trust"]):
        code = cli.main([*words, *(["--dry-run"] if words[0] in PLANNED else [])])
        assert code in (0, *LACKING), f"{block}: galatea {' '.join(words)}\n{capsys.readouterr().err}"
    else:
        cli.parser().parse_args(words)


def loosely(words: list[str]) -> None:
    """Of half a command: the verb, its flags and the steps' parameters are there."""
    assert words[0] in PARSERS, words
    known = set(_flags(PARSERS[words[0]]))
    assert {word.partition("=")[0] for word in words if word.startswith("--")} <= known, words
    for flag, text in itertools.pairwise(words):
        step, _, param = text.partition("=")[0].partition(".")
        assert flag != "--set" or param in {each.name for each in spec_of(step).params}, text


def _flags(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Its own, and those of the verbs below it."""
    for action in parser._actions:
        yield from action.option_strings
        if isinstance(action, argparse._SubParsersAction):
            yield from (flag for each in action.choices.values() for flag in _flags(each))


def test_other_programs_are_proved_elsewhere() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    for block, words in COMMANDS:
        while words and re.match(r"\w+=", words[0]):
            words = words[1:]
        if not words or ours(words) or words[0] in SHELL:
            continue
        if words[0] == "make":
            assert {word for word in words[1:] if "=" not in word} <= targets, f"{block}: {words}"
        elif words[0] in PROVED:
            assert (ROOT / PROVED[words[0]]).is_file()
        else:
            assert (ROOT / words[0]).is_file(), f"{block}: nothing proves {words[0]!r}; see PROVED"
    assert all((ROOT / page).is_file() and (ROOT / test).is_file() for page, test in RUN.items())


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_block_is_what_it_says(block: Block, tmp_path: Path) -> None:
    assert block.kind in KINDS, f"{block}: say what it is, one of {KINDS}"
    assert block.kind or not re.search(r"^(\$ )?galatea ", block.text, re.M), f"{block}: say that it is sh"
    if block.kind.startswith("sh"):
        done = subprocess.run(["bash", "-n"], input=block.text, text=True, capture_output=True)
        assert done.returncode == 0, f"{block}: {done.stderr}"
    elif block.kind == "python":
        ast.parse(block.text)
    elif block.kind == "toml":
        _toml(block, tmp_path)
    elif block.kind == "json":
        data = json.loads(block.text)
        if "recipe" in data:
            order.Order.of(data)
        elif "objects" in data:
            scene.validate(data)


def _toml(block: Block, folder: Path) -> None:
    """By the reader of what it is: a recipe, a gate, a policy, a quality; a motion is read by the test of its page."""
    data, path = tomllib.loads(block.text), folder / "page.toml"
    path.write_text(block.text)
    limits = [each for each in data.values() if isinstance(each, dict)]
    if "step" in data:
        known = {each["do"] for each in data["step"]} <= set(recipe.catalog())
        assert known or block.page in RUN, block
        if known:
            recipe.load_recipe(str(path))
    elif "generator" in data:
        assert block.page in RUN, block
    elif limits and all({"is", "least", "most"} & set(each) for each in limits):
        Gate.load(path)
    elif limits and set(data) - {"version", "name"} <= set(recipe.catalog()):
        recipe.load_quality(str(path))
    else:
        (folder / policy.NAME).write_text(block.text)
        policy.stored(folder)


def test_code_stands_between_marks() -> None:
    """So that its kind is known; four spaces begin it too, and are not seen here."""
    for path in pages.PAGES:
        assert not re.search(r"^\n    \S", pages.without_blocks(path), re.M), path.name


@pytest.mark.parametrize("path", pages.PAGES, ids=lambda path: path.name)
def test_links_and_pictures_are_there(path: Path) -> None:
    for target in pages.links(path):
        name, _, anchor = target.partition("#")
        there = (path.parent / name).resolve() if name else path
        assert there.exists(), f"{path.name}: there is no {name}"
        assert ROOT in there.parents, f"{path.name}: {name} is outside"
        if anchor and there.suffix == ".md":
            assert anchor in pages.anchors(there), f"{path.name}: {name} has no heading #{anchor}"


def test_files_that_are_named_are_there() -> None:
    """By the end of their path; what is written in capitals stands for something else."""
    done = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    there = [f"/{name}" for name in done.stdout.splitlines()]
    for path in pages.PAGES:
        if path.name in ("CHANGELOG.md", "THIRD_PARTY.md"):  # of the past, and of others
            continue
        for name in re.findall(r"`((?:[a-z_.-]+/)+[\w.-]+\.(?:py|toml|md|sh|txt|yaml))`", pages.without_blocks(path)):
            assert any(each.endswith(f"/{name}") for each in there), f"{path.name} names {name}, which is not there"


def test_names_of_the_code_are_in_it() -> None:
    """`module.name` in ARCHITECTURE.md: what the module defines, a parameter of the step, a module of the package."""
    text = pages.without_blocks(ROOT / "ARCHITECTURE.md")
    files = [path for folder in ("addon", "backend") for path in (ROOT / folder).rglob("*.py")]
    found = set(re.findall(r"`([a-z_]+)\.(?!npz|blend|json|py|toml|md)([A-Za-z_]+)`", text))
    assert len(found) > 8
    for module, name in found:
        texts = [path.read_text(encoding="utf-8") for path in files if path.stem == module]
        defined = any(re.search(rf'\b(?:def|class) {name}\b|"{name}"', each) for each in texts)
        inside = any(path.stem == name and path.parent.name == module for path in files)
        assert defined or inside, f"ARCHITECTURE.md names {module}.{name}, which is not there"
