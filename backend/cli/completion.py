# SPDX-License-Identifier: GPL-3.0-or-later
"""`galatea completion SHELL`: what a shell needs to complete our words, drawn from the parser itself."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SHELLS = ("bash", "zsh", "fish")


@dataclass
class Verb:
    """What can follow a verb: `flags` with their help; `values` of flags that take a word, None for any file."""

    name: str
    help: str
    flags: dict[str, str] = field(default_factory=dict)
    values: dict[str, list[str] | None] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)
    """What can stand without a flag; files can always."""


def add_verb(verbs: Any, parser: Callable[[], argparse.ArgumentParser]) -> None:
    verb = verbs.add_parser(
        "completion",
        help="print the script by which a shell completes verbs and flags",
        description="Print the script by which a shell completes verbs and flags. It belongs into "
        "~/.local/share/bash-completion/completions/galatea for bash, _galatea in a folder of $fpath for zsh, "
        "~/.config/fish/completions/galatea.fish for fish.",
    )
    verb.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))
    verb.set_defaults(call=lambda options, blender: _print(options.shell, parser()))


def _print(shell: str, parser: argparse.ArgumentParser) -> int:
    sys.stdout.write({"bash": bash, "zsh": zsh, "fish": fish}[shell](list(verbs_of(parser))))
    return 0


def verbs_of(parser: argparse.ArgumentParser) -> Iterator[Verb]:
    """Those that help shows."""
    shown = {each.dest: each.help or "" for each in _subparsers(parser)._choices_actions}
    for name, verb in parsers(parser).items():
        if name in shown:
            yield _verb(Verb(name, shown[name]), verb)


def parsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Of every verb, by its name."""
    return dict(_subparsers(parser).choices)


def _subparsers(parser: argparse.ArgumentParser) -> argparse._SubParsersAction[argparse.ArgumentParser]:
    return next(each for each in parser._actions if isinstance(each, argparse._SubParsersAction))


def _verb(found: Verb, parser: argparse.ArgumentParser) -> Verb:
    for action in parser._actions:
        if action.help == argparse.SUPPRESS:
            continue
        choices = [str(each) for each in action.choices or ()]
        if not action.option_strings:
            found.words += choices
        for flag in action.option_strings:
            found.flags[flag] = action.help or ""
            if action.nargs != 0:
                is_word = choices or not (action.type is Path or "FILE" in str(action.metavar))
                found.values[flag] = choices if is_word else None
    if found.name == "run":
        from ..protocol.recipe import names

        found.words += names("recipes")
    return found


def bash(verbs: list[Verb]) -> str:
    """Files are what bash completes where we print nothing."""
    cases = "".join(
        f"  {verb.name})\n    case $prev in\n{_values(verb)}    esac\n"
        f"    words={shlex.quote(' '.join([*verb.flags, *verb.words]))} ;;\n"
        for verb in verbs
    )
    names = " ".join(verb.name for verb in verbs)
    return f"""# bash completion of galatea; made by `galatea completion bash`
_galatea() {{
  local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}} words=
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '{names} --help --version' -- "$cur"))
    return
  fi
  case ${{COMP_WORDS[1]}} in
{cases}  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}}
complete -o default -o bashdefault -F _galatea galatea
"""


def _values(verb: Verb) -> str:
    """Words after a flag that takes one; after one of files nothing, which lets bash look for files."""
    lines = []
    for flag, values in verb.values.items():
        then = (
            "return" if not values else f'COMPREPLY=($(compgen -W {shlex.quote(" ".join(values))} -- "$cur")); return'
        )
        lines.append(f"      {flag}) {then} ;;\n")
    return "".join(lines)


def zsh(verbs: list[Verb]) -> str:
    names = " ".join(_zsh_pair(verb.name, verb.help) for verb in verbs)
    cases = "".join(f"    {verb.name}) _arguments {_zsh_flags(verb)} ;;\n" for verb in verbs)
    return f"""#compdef galatea
# made by `galatea completion zsh`
_galatea() {{
  local -a verbs
  verbs=({names})
  if (( CURRENT == 2 )); then
    _describe 'verb' verbs
    return
  fi
  local verb=$words[2]
  shift words; (( CURRENT-- ))
  case $verb in
{cases}  esac
}}
_galatea "$@"
"""


def _zsh_pair(name: str, help: str) -> str:
    return shlex.quote(f"{name}:{help}")


def _zsh_flags(verb: Verb) -> str:
    found = []
    for flag, help in verb.flags.items():
        text = help.translate(str.maketrans("[]:", "(),"))
        values = verb.values.get(flag, [])
        ends = "" if flag not in verb.values else ":value:_files" if not values else f":value:({' '.join(values)})"
        found.append(shlex.quote(f"{flag}[{text}]{ends}"))
    rest = f"*:argument:{{_files; compadd {' '.join(verb.words)}}}" if verb.words else "*:file:_files"
    return " ".join([*found, shlex.quote(rest)])


def fish(verbs: list[Verb]) -> str:
    lines = ["# made by `galatea completion fish`"]
    for verb in verbs:
        lines.append(f"complete -c galatea -n __fish_use_subcommand -f -a {verb.name} -d {_fish(verb.help)}")
    for verb in verbs:
        mine = f"complete -c galatea -n '__fish_seen_subcommand_from {verb.name}'"
        if verb.words:
            lines.append(f"{mine} -a {_fish(' '.join(verb.words))}")
        for flag, help in verb.flags.items():
            name = f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}"
            values = verb.values.get(flag, [])
            takes = "" if flag not in verb.values else f" -x -a {_fish(' '.join(values))}" if values else " -r"
            lines.append(f"{mine} {name}{takes} -d {_fish(help)}")
    return "\n".join(lines) + "\n"


def _fish(text: str) -> str:
    """Quoted for fish, which knows no other escape than these two between single quotes."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
