# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: `galatea …` in a shell and `blender --command galatea …` are this one parser.

argparse, because the same code runs in Blender's Python, which has nothing else.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ..protocol.errors import EXIT_CODES, UserError
from ..version import VERSION
from . import backends, compare, info, learn, models, run, simulate, terms, train, verify


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        raise UserError(f"{message}. See `{self.prog} --help`.", kind="usage")


def parser() -> argparse.ArgumentParser:
    top = _Parser(prog="galatea", description="From a photo to a textured mesh, a rig and a film.")
    top.add_argument("--version", action="version", version=f"galatea {VERSION}")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB", parser_class=_Parser)
    run.add_verbs(verbs)
    simulate.add_verbs(verbs)
    compare.add_verbs(verbs)
    backends.add_verbs(verbs)
    models.add_verbs(verbs)
    verify.add_verbs(verbs)
    info.add_verbs(verbs)
    learn.add_verbs(verbs)
    train.add_verbs(verbs)
    return top


def main(argv: Sequence[str] | None = None, *, blender: str = "") -> int:
    """Return the exit code. `blender` is the program that runs scene steps; empty means the bpy module."""
    try:
        options = parser().parse_args(argv)
        terms.take(options)
        code: int = options.call(options, blender)
        return code
    except UserError as error:
        sys.stderr.write(f"galatea: {error}\n" + (f"         {error.hint}\n" if error.hint else ""))
        return EXIT_CODES[error.kind]
    except SystemExit as end:  # --help and --version
        return int(end.code or 0)
    except BrokenPipeError:
        return 0
