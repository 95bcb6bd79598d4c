# SPDX-License-Identifier: GPL-3.0-or-later
"""`--prompt`: words for the step that reads, on the command line as in the panel; and what is said where none does."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from galatea.backend.cli import main, parser
from galatea.backend.cli.flags import order_of
from galatea.backend.protocol.catalog import catalog
from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.recipe import load_recipe

from .processes import galatea

WORDS = "a red armchair: old, with a very long tail of words that no outliner would ever show"


def steps(*words: str, recipe: str = "") -> dict[str, dict[str, Any]]:
    options = parser().parse_args(words)
    found, _ = order_of(options, recipe).plan()
    return {step.do: catalog()[step.do].fill(step.params) for step in found.steps}


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "my drawing.png"
    path.write_bytes(b"it is not opened here")
    return path


@pytest.mark.parametrize(
    ("recipe", "reader"),
    [("words_to_mesh", "imagine"), ("words_to_character", "imagine"), ("words_to_shape", "shap_e_text")],
)
def test_the_words_go_to_the_step_that_reads_and_name_the_object(recipe: str, reader: str) -> None:
    found = steps("run", recipe, "--prompt", f"  {WORDS} ", "--out", "x")
    assert found[reader]["prompt"] == WORDS
    name = found["bring"]["name"]
    assert name.startswith("a red armchair old, with") and len(name) <= 60 and ":" not in name
    assert steps("run", recipe, "--prompt", "x", "--set", "bring.name=Chair", "--out", "x")["bring"]["name"] == "Chair"


def test_a_photo_with_words_keeps_the_name_of_the_photo(photo: Path) -> None:
    words = ("--image", str(photo), "--backend", "triposg_scribble", "--prompt", "a cat", "--out", "x")
    found = steps("run", "photo_to_mesh", *words)
    assert found["triposg_scribble"]["prompt"] == "a cat" and found["bring"]["name"] == "my drawing"


def asked(monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[str, dict[str, Any]]:
    """Recipe and settings that `generate` carries out; nothing runs."""
    from galatea.backend.cli import run

    seen: list[Any] = []

    def note(options: argparse.Namespace, blender: str, name: str) -> int:
        seen.extend([name, order_of(options, name).plan()[0]])
        return 0

    monkeypatch.setattr(run, "perform", note)
    assert main(["generate", *words, "--out", "x"]) == 0
    return seen[0], {step.do: step.params for step in seen[1].steps}


def test_generate_takes_words_in_place_of_a_photo(monkeypatch: pytest.MonkeyPatch, photo: Path) -> None:
    name, found = asked(monkeypatch, "--prompt", "a red armchair", "--backend", "relief", "--format", "obj")
    assert name == "words_to_mesh" and found["imagine"]["prompt"] == "a red armchair"
    assert "relief" in found and "lift" not in found and found["export"]["format"] == "obj"
    assert asked(monkeypatch, "--prompt", "a chair", "--backend", "shap_e_text")[0] == "words_to_shape"
    assert asked(monkeypatch, str(photo))[0] == "photo_to_mesh"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["generate"], 'Give a photo, or words: galatea generate --prompt "a red armchair"'),
        (["generate", "--prompt", " "], "Words to mesh needs words. Say what to make: --prompt"),
        (["run", "words_to_mesh"], "Words to mesh needs words. Say what to make: --prompt"),
        (["run", "words_to_shape"], "needs words. Say what to make: --prompt"),
        (["generate", "{photo}", "--prompt", "a cat"], "has no step that takes words. These do: "),
        (["run", "mesh_to_film", "--mesh", "{photo}", "--prompt", "a cat"], "has no step that takes words"),
        (["generate", "--prompt", "a cat", "--backend", "nobody"], "There is no step 'nobody'"),
    ],
)
def test_wrong_usage_says_the_next_move(
    words: list[str], says: str, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main([*(word.format(photo=photo) for word in words), "--out", str(tmp_path / "out")])
    told = capsys.readouterr().err
    assert code == 2 and says in told
    assert not (tmp_path / "out").exists()


def test_the_list_of_those_that_read_is_the_catalogues(photo: Path) -> None:
    with pytest.raises(UserError) as told:
        steps("generate", str(photo), "--prompt", "a cat", "--out", "x", recipe="photo_to_mesh")
    named = str(told.value).partition("These do: ")[2].rstrip(".").split(", ")
    assert {"imagine", "shap_e_text", "triposg_scribble"} <= set(named)
    assert all(any(param.name == "prompt" for param in catalog()[step].params) for step in named)


def test_a_dry_run_of_words_in_a_process_of_its_own(tmp_path: Path) -> None:
    done = galatea("generate", "--prompt", "a red armchair", "--dry-run", "--json", "--out", tmp_path / "x")
    assert done.returncode in (4, 8), "its weights are not here"
    first = json.loads(done.stdout)["steps"][0]
    assert first["step"] == "imagine" and first["params"]["prompt"] == "a red armchair"


@pytest.mark.parametrize(("first", "wants"), [("scene_grammar", ()), ("cutout", ("image",))])
def test_a_recipe_that_begins_with_words_wants_no_photo(tmp_path: Path, first: str, wants: tuple[str, ...]) -> None:
    file = tmp_path / "own.toml"
    file.write_text(f'version = 1\nname = "Own"\n[[step]]\ndo = "{first}"\n')
    assert load_recipe(str(file)).inputs == wants


@pytest.mark.parametrize("verb", ["simulate {} --spec-only", "generate --prompt {}", "film a.glb --prompt {}",
                                  "generate a.jpg --set bring.name={}"])  # fmt: skip
def test_words_that_are_no_text_are_refused(home: Path, tmp_path: Path, capfd: Any, verb: str) -> None:
    words = [each.format("ball\udce9") for each in verb.split()]
    assert main([*words, "--out", str(tmp_path / "out")]) == 2
    assert "takes text in UTF-8" in capfd.readouterr().err and not (tmp_path / "out" / "job.json").exists()


def test_a_path_may_hold_bytes_that_are_no_text(home: Path) -> None:
    [name] = {each["name"] for step, each in steps("generate", "caf\udce9.jpg", recipe="photo_to_mesh").items()
              if step == "bring"}  # fmt: skip
    assert name == "caf" and catalog()["asset"].fill({"library": "/caf\udce9"})["library"] == "/caf\udce9"
