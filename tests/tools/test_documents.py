# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages drawn from the code are true, and no error of the code is missing in docs/troubleshooting.md."""

from __future__ import annotations

import ast
import html
import re
import subprocess
import sys
from pathlib import Path

import pytest

from galatea.backend.protocol.catalog import bundled
from galatea.backend.protocol.errors import EXIT_CODES
from galatea.backend.protocol.recipe import names
from galatea.tools import troubles

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")


def test_the_pages_say_what_the_code_says() -> None:
    """`python tools/documents.py` writes them anew."""
    done = subprocess.run([sys.executable, "tools/documents.py", "--check"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_each_kind_of_error_has_its_code_its_meaning_and_what_to_do_first() -> None:
    assert set(troubles.FIRST) == set(troubles.MEANT) == set(EXIT_CODES)
    for kind, code in EXIT_CODES.items():
        assert f"\n## {code}: {kind}\n" in PAGE


def test_each_error_that_is_one_plain_text_is_on_the_page() -> None:
    """Found in another way than the tool's: by the text alone, wherever it stands in a call of `UserError`."""
    plain = []
    for path in [*(ROOT / "backend").rglob("*.py"), *(ROOT / "addon").rglob("*.py")]:
        plain += re.findall(r'UserError\(\s*"((?:[^"\\{]|\\.)+)"\s*[,)]', path.read_text(encoding="utf-8"))
    assert len(plain) > 100
    shown = html.unescape(re.sub(r"\\([|<*_\[\]`])", r"\1", PAGE)).replace(" | ", " ")
    missing = [text for text in map(ast.literal_eval, (f'"{text}"' for text in plain)) if text.rstrip(".") not in shown]
    assert not missing


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ('raise UserError("Plain. Do it.")', {("input", "Plain. Do it.")}),
        ('raise UserError(f"No {path}. Choose.", kind="usage")', {("usage", "No …. Choose.")}),
        ('text = "A. "\n    raise UserError(text + "B.")', {("input", "A. B.")}),
        ('text = "A. "\n    text += "B."\n    raise UserError(f"{text} C.")', {("input", "A. B. C.")}),
        ('raise UserError("One." if x else "Two.")', {("input", "One."), ("input", "Two.")}),
        ("raise UserError(NOTHING)", {("input", "Nothing is there.")}),
        ('def f():\n        return "Told."\n    raise UserError(f(), kind="device")', {("device", "Told.")}),
    ],
)
def test_errors_are_found_however_their_text_is_made(code: str, found: set[tuple[str, str]]) -> None:
    tree = ast.parse(f"def step(path, x):\n    {code}\n")
    assert troubles.Said(tree, {"NOTHING": ["Nothing is there."]}).found == found


def test_an_error_is_parted_into_what_is_wrong_and_the_next_move() -> None:
    assert troubles.parted("There is no file a.png. Choose another.") == ("There is no file a.png.", "Choose another.")
    assert troubles.parted("Say where the files go: --out DIR.")[1] == "as it says"


def test_every_step_and_recipe_has_a_place() -> None:
    backends, recipes = ((ROOT / f"docs/{name}.md").read_text(encoding="utf-8") for name in ("backends", "recipes"))
    assert set(re.findall(r"^### `(\w+)`$", backends, re.M)) == set(bundled())
    assert re.findall(r"^## `(\w+)`$", recipes, re.M) == names("recipes")
    assert "## Others" not in backends, "a task without a phase: tools/reference.py"
