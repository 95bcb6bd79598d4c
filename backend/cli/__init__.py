# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: `galatea …`, `python -m galatea.backend …` and `blender --command galatea …` are this one parser.

argparse, because the same code runs in Blender's Python, which has nothing else.
"""

from __future__ import annotations

import argparse
import codecs
import errno
import io
import os
import re
import sys
from collections.abc import Sequence
from typing import Any

from ..protocol.catalog import catalog
from ..protocol.errors import EXIT_CODES, UserError, nearest
from ..version import VERSION
from . import (
    backends,
    batch,
    compare,
    completion,
    crew,
    doctor,
    examples,
    farm,
    info,
    jobs,
    learn,
    models,
    resume,
    serve,
    simulate,
    terms,
    train,
    validate,
    verbs,
    verify,
)  # fmt: skip
from .progress import Tellers, tell

PARTS = (
    verbs,
    resume,
    batch,
    crew,
    simulate,
    compare,
    backends,
    models,
    verify,
    validate,
    jobs,
    doctor,
    info,
    farm,
    serve,
    learn,
    train,
)
"""What adds verbs, in the order of the help."""
_MANY = 12
"""Options of a verb that its usage still names."""


class _Name(str):
    """What stands behind `--`: no flag, whatever it begins with."""


class _Stray(Exception):
    """Flags that a verb does not know, before words are taken for what it does."""


class _Parser(argparse.ArgumentParser):
    _mixing = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[argparse.Namespace, list[str]]:  # type: ignore[override]
        """Flags may stand between the names that a verb takes: by itself argparse takes none after the first flag."""
        words = list(sys.argv[1:] if args is None else args)
        if "--" in words:
            at = words.index("--")
            words[at:] = map(_Name, words[at + 1 :])
        if self._mixing:
            found, rest = super().parse_known_args(words, namespace)
            if stray := [word for word in rest if self._parse_optional(word)]:
                raise _Stray(found, stray)
            return found, rest
        if self._subparsers:
            self._begun(words)
            return super().parse_known_args(words, namespace)
        self._mixing = True
        try:
            return self.parse_known_intermixed_args(words, namespace)
        except _Stray as stray:
            return stray.args
        finally:
            self._mixing = False

    def _begun(self, words: list[str]) -> None:
        """A verb comes first; argparse would take what follows a flag before it for the verb."""
        first = words[0] if words else ""
        if (
            first.startswith("--")
            and len(first) > 2
            and not any(own.startswith(first) for own in self._option_string_actions)
        ):
            self.error(f"{first} stands before the verb; write {self.prog} VERB {first}")

    def _parse_optional(self, arg_string: str) -> Any:
        return None if isinstance(arg_string, _Name) else super()._parse_optional(arg_string)

    def error(self, message: str) -> None:  # type: ignore[override]
        raise UserError(f"{message}. See `{self.prog} --help`.", kind="usage")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """As argparse has it; a verb that there is not is told its nearest one, and none that help hides."""
        if action.dest == "verb" and value not in (action.choices or ()):
            shown = [verb.name for verb in completion.verbs_of(self)]
            raise UserError(f"There is no verb {value!r}. {nearest(value, shown)}", kind="usage")
        super()._check_value(action, value)


def parser() -> argparse.ArgumentParser:
    top = _Parser(
        prog="galatea",
        description="A photo becomes a textured mesh, a rig and a film; a sentence becomes a scene that moves.",
        epilog=f"Begin with: {examples.EXAMPLES['generate']}. More of a verb: galatea VERB --help.",
    )
    top.add_argument("--version", action="version", version=f"galatea {VERSION}")
    all = top.add_subparsers(dest="verb", required=True, metavar="VERB", parser_class=_Parser)
    for part in PARTS:
        part.add_verbs(all)
    completion.add_verb(all, parser)
    for name, example in examples.EXAMPLES.items():
        _finish(all.choices[name], example)
    return top


def _finish(verb: argparse.ArgumentParser, example: str) -> None:
    """An example at the end of the help, and a usage that can be read: of many options those that must be given."""
    verb.epilog = f"{verb.epilog}\n\nExample: {example}" if verb.epilog else f"Example: {example}"
    if len([each for each in verb._actions if each.option_strings]) > _MANY:
        formatter = argparse.HelpFormatter(f"{verb.prog} [option ...]")
        formatter.add_usage(None, [each for each in verb._actions if each.required or not each.option_strings], ())
        plain = re.sub(r"\x1b\[[\d;]*m", "", formatter.format_help())  # Python 3.14 colours it
        verb.usage = plain.removeprefix("usage: ").strip()


def _unknown(verb: argparse.ArgumentParser, words: list[str]) -> UserError:
    """What to say of words that a verb does not take; argparse would name the help of the whole program."""
    import difflib  # here, for each start of Blender would pay for it

    flags = {flag.strip("-"): flag for action in verb._actions for flag in action.option_strings}
    name = words[0].partition("=")[0].strip("-")
    near = [flags[each] for each in difflib.get_close_matches(name, flags, 1)]
    if "set" in flags and words[0].startswith("--"):
        near = [f"--set {step}={name.upper()}" for step in _steps_with(name.replace("-", "_"))] or near
    meant = f" Did you mean {' or '.join(near)}?" if near else ""
    return UserError(f"Unknown to {verb.prog}: {' '.join(words)}.{meant} See `{verb.prog} --help`.", kind="usage")


def _steps_with(param: str) -> list[str]:
    """Where `--set` gives this parameter: in these steps, or in one that has to be named."""
    steps = [f"{spec.id}.{param}" for spec in catalog().values() if any(each.name == param for each in spec.params)]
    return steps if len(steps) <= 3 else [f"STEP.{param}"]


def _spelled(error: UnicodeError) -> tuple[str | bytes, int]:
    """Names of files as they are, byte for byte; other letters that the encoding lacks by their numbers."""
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.lookup_error("backslashreplace")(error)


def _open_streams() -> None:
    """No name ends a run after its work, whatever the terminal can show; what is closed is told nothing."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # as some daemons start it
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8"))
    codecs.register_error("spelled", _spelled)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="spelled")


def main(argv: Sequence[str] | None = None, *, blender: str = "") -> int:
    """Return the exit code. `blender` is the program that runs scene steps; empty means the bpy module."""
    options = argparse.Namespace()
    code: int = 0
    _open_streams()
    try:
        top = parser()
        _, unknown = top.parse_known_args(argv, options)
        if unknown:
            raise _unknown(completion.parsers(top)[options.verb], unknown)
        terms.take(options)
        code = options.call(options, blender)
        sys.stdout.flush()
        return code
    except UserError as error:
        Tellers(getattr(options, "progress", "plain")).refused(str(error))
        tell(sys.stderr, f"galatea: {error}\n" + (f"         {error.hint}\n" if error.hint else ""))
        return EXIT_CODES[error.kind]
    except KeyboardInterrupt:  # before or after the work, which hears of it by itself
        tell(sys.stderr, "galatea: Cancelled.\n")
        return EXIT_CODES["cancelled"]
    except SystemExit as end:  # --help and --version
        return int(end.code or 0)
    except BrokenPipeError:
        tell(sys.stdout, "")
        return code
    except OSError as error:  # what is told may go to a disk too
        if error.errno != errno.ENOSPC:
            raise
        tell(sys.stderr, "galatea: The disk is full. Free some space and run again.\n")
        return EXIT_CODES["output"]
