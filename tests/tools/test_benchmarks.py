# SPDX-License-Identifier: GPL-3.0-or-later
"""What benchmarks share: rows, ratios, and the page that keeps them."""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
from pathlib import Path

import pytest

from galatea.benchmarks import _rows
from galatea.benchmarks._rows import Row

ROOT = Path(__file__).resolve().parents[2]
DAY, NEXT = datetime.date(2026, 11, 20), datetime.date(2026, 11, 21)
EMPTY = "# Page\n\n" + "\n".join(_rows.HEAD) + "\n\n| film | of another table |\n\n## Machines\n\n"


def test_new_rows_take_the_place_of_old_ones_and_no_others() -> None:
    page = _rows.merged(EMPTY, "film", [Row("one", 2.0, 4.0, "s", "plain"), Row("two", 1.0)], DAY, "2 cores")
    page = _rows.merged(page, "rig", [Row("three", 3.0)], DAY, "2 cores")
    page = _rows.merged(page, "film", [Row("one", 3.0, 4.0, "s", "plain")], NEXT, "8 cores")
    assert "| film | one | 3 s | 4 s | plain | 0.75 | 2026-11-21 |" in page
    assert "two" not in page and "2 s | 4 s" not in page
    assert "| rig | three | 3 |  |  |  | 2026-11-20 |" in page
    assert page.endswith("## Machines\n\n- 2026-11-20: 2 cores\n- 2026-11-21: 8 cores\n")
    assert page.count("| film |") == 2 and "| film | of another table |" in page, "only the table of rows changes"
    assert page.index("| film | one") < page.index("| rig |")


def test_a_benchmark_that_fails_keeps_what_it_measured(tmp_path: Path) -> None:
    code = """
import sys
from galatea.benchmarks._rows import Row, tell
def measure():
    yield Row("first", 1.0, 2.0)
    raise SystemExit(1)
sys.exit(tell(measure))
"""
    kept = tmp_path / "rows.json"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, _rows.KEPT: str(kept)}
    )
    assert done.returncode == 1
    assert "| first | 1 | 2 |  | 0.50 |" in done.stdout
    assert _rows.read(kept) == [Row("first", 1.0, 2.0)]


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks").glob("[!_]*.py")), ids=lambda path: path.stem)
def test_every_benchmark_ends_in_rows(path: Path) -> None:
    assert "tell(" in path.read_text(encoding="utf-8")


def test_an_unknown_name_is_refused() -> None:
    done = subprocess.run([sys.executable, "-m", "benchmarks", "nonesuch"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2
    assert "there is no nonesuch; there are batch," in done.stderr
