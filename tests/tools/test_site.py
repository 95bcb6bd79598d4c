# SPDX-License-Identifier: GPL-3.0-or-later
"""Links of documents as the site has them; what the site holds. Whether it builds is a check of tools/check.py."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from galatea.tools.site_hooks import PAGES, linked
from galatea.tools.website import fetched

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("home", "text", "there"),
    [
        ("docs", "[a](export.md#axes)", "[a](export.md#axes)"),
        ("docs", "[a](../ARCHITECTURE.md#errors)", "[a](architecture.md#errors)"),
        ("docs", "[a](../README.md)", "[a](index.md)"),
        ("docs", "[order.py](../backend/protocol/order.py)", "order.py (`backend/protocol/order.py`)"),
        ("", "[a](docs/export.md#axes)", "[a](export.md#axes)"),
        ("", "[a](docs/pictures/film.jpg)", "[a](pictures/film.jpg)"),
        ("docs", "[a](../no/such.py)", "[a](../no/such.py)"),
        ("docs", "[a](https://example.org/x.md)", "[a](https://example.org/x.md)"),
        ("docs", "[a](#here)", "[a](#here)"),
    ],
)
def test_links_lead_where_the_site_has_it(home: str, text: str, there: str) -> None:
    assert linked(text, home) == there


def test_every_document_is_in_the_navigation_once() -> None:
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    pages = re.findall(r"[\w-]+\.md", str(nav))
    assert sorted(pages) == sorted({path.name for path in (ROOT / "docs").glob("*.md")} | set(PAGES.values()))


def test_a_page_that_asks_the_network_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text('<a href="https://example.org">x</a><img src="pictures/a.jpg">')
    assert fetched(tmp_path) == []
    (tmp_path / "b.html").write_text('<link rel="stylesheet" href="//fonts.example.org/a.css">')
    assert len(fetched(tmp_path)) == 1
