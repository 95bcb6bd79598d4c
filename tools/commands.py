# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/commands.md and the golden help, drawn from the parser by tools/documents.py."""

from __future__ import annotations

import os

from galatea.backend.cli import parser
from galatea.backend.cli.completion import parsers, verbs_of
from galatea.backend.protocol.errors import EXIT_CODES

WIDTH = 100
HEAD = """# The command line

Made by `python tools/documents.py` from the parser; do not edit.

`galatea`, `python -m galatea.backend` and `blender --command galatea` are one parser. It is argparse and not typer,
for it also runs in Blender's Python, which has nothing else. `galatea completion bash` (zsh, fish) prints what a shell
needs.

**A job file** is one order as JSON (`galatea schema order`): `galatea … --job-file FILE` writes it, *Save Job File* in
the window writes the same bytes, `galatea run FILE` runs it, and `galatea batch` takes lines of it. Each `--out DIR`
holds the `job.json` that its files were made by, so that `galatea resume DIR` goes on with a run that was cut off, and
`galatea resume ID` with one job of the data folder. [studio.md](studio.md) is a day of work with these verbs.

**stdout** has the paths of what was made, or `result.json` with `--json`; people read stderr. `--progress jsonl` prints
events as JSON lines on stdout, `--progress openjd` the lines that sessions of Open Job Description read.

## Exit codes

| Code | Kind | Meaning |
|---|---|---|
{codes}

A batch ends with the code of its jobs where all failed alike. Each job has its own in its `result.json`.
"""
MEANT = {
    "usage": "an unknown flag, parameter, recipe or step; a job file that is none",
    "input": "a file that cannot be read, or holds nothing to work on",
    "weights": "weights that are missing, or whose hash is wrong",
    "device": "no such device, or not enough memory",
    "backend": "a step failed: our bug, or a library's",
    "output": "the disk is full, or the folder cannot be written",
    "environment": "the full environment, Blender or an optional library is not installed, or broken",
    "gate": "done, but the mesh falls short of what `--gate` asks",
    "policy": "the policy forbids it: a licence, a territory, or what needs a network while offline",
    "batch": "some of a batch are done, and some are not",
    "studio": "an asset breaks rules: `galatea validate`",
    "timeout": "a step took longer than `--timeout`",
    "cancelled": "SIGINT; 143 after SIGTERM",
}


def helps() -> dict[str, str]:
    """The help of the program and of each verb that is shown."""
    os.environ["COLUMNS"] = str(WIDTH)
    top = parser()
    shown = [verb.name for verb in verbs_of(top)]
    return {"galatea": top.format_help(), **{name: parsers(top)[name].format_help() for name in shown}}


def page(helps: dict[str, str]) -> str:
    codes = "\n".join(f"| {code} | {kind} | {MEANT[kind]} |" for kind, code in EXIT_CODES.items())
    parts = [HEAD.format(codes=f"| 0 | | all is done |\n| 1 | | `doctor` found something to mend |\n{codes}")]
    parts += [f"\n## {name}\n\n```\n{text.rstrip()}\n```\n" for name, text in helps.items()]
    return "".join(parts)
