# SPDX-License-Identifier: GPL-3.0-or-later
"""All benchmarks, or those that are named: `python -m benchmarks [NAME …]`. Each runs in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent


def main(names: list[str]) -> int:
    failed = 0
    for path in sorted(FOLDER.glob("[!_]*.py")):
        if not names or path.stem in names:
            print(f"\n== {path.stem}", flush=True)
            failed += subprocess.run([sys.executable, str(path)]).returncode != 0
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
