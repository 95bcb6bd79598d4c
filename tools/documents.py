# SPDX-License-Identifier: GPL-3.0-or-later
"""Write every document that is drawn from the code: pages of docs/ and tests/golden/help; `--check` only looks."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCS, HELP = ROOT / "docs", ROOT / "tests" / "golden" / "help"


def texts() -> dict[Path, str]:
    """Every such file, and what should stand in it."""
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != ROOT / "tools"]
    from galatea.tools import commands, reference, troubles

    helps = commands.helps()
    return {
        DOCS / "commands.md": commands.page(helps),
        DOCS / "backends.md": reference.backends(),
        DOCS / "recipes.md": reference.recipes(),
        DOCS / "troubleshooting.md": troubles.page(),
        **{HELP / f"{name}.txt": text for name, text in helps.items()},
    }


def main(argv: list[str]) -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--check", action="store_true", help="end with 1 where one is out of date")
    check, wanted = options.parse_args(argv).check, texts()
    old = [path for path in HELP.glob("*.txt") if path not in wanted]
    wrong = [path for path, text in wanted.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    if check:
        for path in [*wrong, *old]:
            sys.stderr.write(f"{path.relative_to(ROOT)} is out of date. Run python tools/documents.py.\n")
        return 1 if wrong or old else 0
    from galatea.backend.protocol.whole import write

    for path in wrong:
        write(path, wanted[path].encode("utf-8"))
    for path in old:
        path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
