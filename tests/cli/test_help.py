# SPDX-License-Identifier: GPL-3.0-or-later
"""What the command line says of itself: help as committed, the same by every door, completion that a shell takes."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from galatea.backend.cli import parser
from galatea.backend.cli.completion import SHELLS, parsers, verbs_of

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden" / "help"
WIDE = {**os.environ, "COLUMNS": "100"}
VERBS = [verb.name for verb in verbs_of(parser())]
PROMISED = (
    *("generate", "finish", "rig", "animate", "simulate", "film", "run", "resume", "batch", "validate", "verify"),
    *("doctor", "models", "jobs", "schema", "export", "serve", "eval"),
)


def told(*words: str) -> str:
    done = subprocess.run([*words], capture_output=True, text=True, timeout=6000, env=WIDE, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_nothing_promised_is_missing() -> None:
    assert set(PROMISED) <= set(VERBS)


def test_every_verb_has_its_golden_help() -> None:
    """Whether they are true is asked by tests/tools/test_documents.py."""
    assert {path.stem for path in GOLDEN.glob("*.txt")} == {"galatea", *VERBS}


@pytest.mark.parametrize("verb", ["generate", "batch", "jobs", "validate"])
def test_help_by_a_real_process(verb: str) -> None:
    golden = (GOLDEN / f"{verb}.txt").read_text()
    assert told(sys.executable, "-m", "galatea.backend", verb, "--help") == golden
    program = Path(sys.executable).parent / "galatea"
    if program.exists():
        assert told(str(program), verb, "--help") == golden


def test_in_blender_it_is_the_same_parser(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("bpy")
    from galatea.addon import headless

    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("GALATEA_HOME", "/nowhere")
    monkeypatch.setenv("GALATEA_OFFLINE", "0")  # what it sets is taken back
    for words, name in ((["--help"], "galatea"), (["finish", "--help"], "finish")):
        assert headless.run(words) == 0
        assert capsys.readouterr().out == (GOLDEN / f"{name}.txt").read_text()


def within(verb: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """A verb, and those within it such as `serve token add`."""
    yield verb
    for action in verb._actions:
        if isinstance(action, argparse._SubParsersAction):
            for part in action.choices.values():
                yield from within(part)


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_and_each_of_its_words_has_a_help_text(name: str) -> None:
    for verb in within(parsers(parser())[name]):
        assert verb.description, verb.prog
        for action in verb._actions:
            assert action.help or isinstance(action, argparse._SubParsersAction), (verb.prog, action)
        with pytest.raises(SystemExit) as end:
            verb.parse_args(["--help"])
        assert end.value.code == 0, verb.prog


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_ends_with_an_example_that_can_be_given(name: str) -> None:
    example = (parsers(parser())[name].epilog or "").rpartition("Example: ")[2]
    program, *words = shlex.split(example)
    assert program == "galatea" and words[0] == name
    parser().parse_args(words)


def test_a_usage_is_plain_where_help_is_coloured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert parsers(parser())["finish"].usage == "galatea finish [option ...] MESH"


def completed(script: Path, line: str) -> list[str]:
    """What bash offers behind this line, the last word cut at its end."""
    words = line.split(" ")
    asks = f"""
    source {script}
    COMP_WORDS=({" ".join(f"'{word}'" for word in words)}) COMP_CWORD={len(words) - 1}
    _galatea
    printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    return told("bash", "--norc", "-euc", asks).split()


def test_bash_completes_verbs_flags_and_their_values(tmp_path: Path) -> None:
    script = tmp_path / "galatea.bash"
    script.write_text(told(sys.executable, "-m", "galatea.backend", "completion", "bash"))
    assert completed(script, "galatea gen") == ["generate"]
    assert {"batch", "resume", "validate"} <= set(completed(script, "galatea "))
    assert "carry" not in completed(script, "galatea ")
    assert completed(script, "galatea batch --work") == ["--workers"]
    assert completed(script, "galatea batch x.jsonl --progress ") == ["plain", "jsonl", "openjd"]
    assert completed(script, "galatea run photo_to_f") == ["photo_to_film"]
    assert completed(script, "galatea jobs pr") == ["prune"]
    assert completed(script, "galatea run x --image ") == [], "which is where bash looks for files"
    assert completed(script, "galatea generate --format gl") == ["glb", "gltf"]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_that_is_here_takes_its_script(tmp_path: Path, shell: str) -> None:
    script = tmp_path / "script"
    script.write_text(told(sys.executable, "-m", "galatea.backend", "completion", shell))
    assert all(verb in script.read_text() for verb in VERBS)
    if shutil.which(shell):
        assert subprocess.run([shell, "-n", str(script)], timeout=600).returncode == 0
