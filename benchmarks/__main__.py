# SPDX-License-Identifier: GPL-3.0-or-later
"""All benchmarks, or those that are named: `python -m benchmarks [NAME …]`, each in a process of its own.

All end in one table, ratios against baselines of the same run, and their rows take their place in docs/benchmarks.md;
those of what did not run stay there with their day.
"""

from __future__ import annotations

import argparse
import datetime
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from galatea.backend.protocol.whole import write
from galatea.benchmarks import _rows

FOLDER = Path(__file__).resolve().parent
PAGE = FOLDER.parent / "docs" / "benchmarks.md"


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("name", nargs="*")
    parser.add_argument("--page", type=Path, default=PAGE, help="the page whose rows are replaced")
    options = parser.parse_args(argv)
    there = {path.stem: path for path in sorted(FOLDER.glob("[!_]*.py"))}
    unknown = [name for name in options.name if name not in there]
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(there)}")
    failed, table = [], [*_rows.HEAD]
    with tempfile.TemporaryDirectory() as folder:
        for name in options.name or there:
            print(f"\n== {name}", flush=True)
            kept = Path(folder) / f"{name}.json"
            environment = {**os.environ, _rows.KEPT: str(kept)}
            if subprocess.run([sys.executable, str(there[name])], env=environment).returncode:
                failed.append(name)
            rows = _rows.read(kept)
            table += [row.line(name, "now") for row in rows]
            if rows:
                _keep(options.page, name, rows)
    print("\n".join(["", *table]))
    if failed:
        print(f"failed: {', '.join(failed)}")
    return int(bool(failed))


def _keep(page: Path, name: str, rows: list[_rows.Row]) -> None:
    text = _rows.merged(page.read_text(encoding="utf-8"), name, rows, datetime.date.today(), _rows.machine())
    write(page, text.encode("utf-8"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
