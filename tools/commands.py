# SPDX-License-Identifier: GPL-3.0-or-later
"""Write docs/commands.md and tests/golden/help from the parser; `--check` only says whether they are true."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "commands.md"
GOLDEN = ROOT / "tests" / "golden" / "help"
WIDTH = 100
HEAD = """# The command line

Made by `python tools/commands.py` from the parser; do not edit.

`galatea`, `python -m galatea.backend` and `blender --command galatea` are one parser. It is argparse and not typer,
for it also runs in Blender's Python, which has nothing else. `galatea completion bash` (zsh, fish) prints what a shell
needs.

**A job file** is one order as JSON (`galatea schema order`): `galatea … --job-file FILE` writes it, *Save Job File* in
the window writes the same bytes, `galatea run FILE` runs it, and `galatea batch` takes lines of it. Each `--out DIR`
holds the `job.json` that its files were made by, so that `galatea resume DIR` goes on with a run that was cut off.

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
    "licence": "a backend whose licence does not fit what may be used here",
    "batch": "some of a batch are done, and some are not",
    "studio": "an asset breaks rules: `galatea validate`",
    "timeout": "a step took longer than `--timeout`",
    "cancelled": "SIGINT; 143 after SIGTERM",
}


def texts() -> dict[Path, str]:
    """Every file that is drawn from the parser, and what should stand in it."""
    os.environ["COLUMNS"] = str(WIDTH)
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != Path(__file__).resolve().parent]
    from galatea.backend.cli import parser
    from galatea.backend.cli.completion import parsers, verbs_of
    from galatea.backend.protocol.errors import EXIT_CODES

    top = parser()
    codes = "\n".join(f"| {code} | {kind} | {MEANT[kind]} |" for kind, code in EXIT_CODES.items())
    shown = [verb.name for verb in verbs_of(top)]
    helps = {"galatea": top.format_help(), **{name: parsers(top)[name].format_help() for name in shown}}
    parts = [HEAD.format(codes=f"| 0 | | all is done |\n{codes}")]
    parts += [f"\n## {name}\n\n```\n{text.rstrip()}\n```\n" for name, text in helps.items()]
    return {PAGE: "".join(parts), **{GOLDEN / f"{name}.txt": text for name, text in helps.items()}}


def main(argv: list[str]) -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--check", action="store_true")
    check, wanted = options.parse_args(argv).check, texts()
    old = [path for path in GOLDEN.glob("*.txt") if path not in wanted]
    wrong = [path for path, text in wanted.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    if check:
        for path in [*wrong, *old]:
            sys.stderr.write(f"{path.relative_to(ROOT)} is out of date. Run python tools/commands.py.\n")
        return 1 if wrong or old else 0
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for path in wrong:
        path.write_text(wanted[path], encoding="utf-8")
    for path in old:
        path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
