# SPDX-License-Identifier: GPL-3.0-or-later
"""What mkdocs asks while it builds the site: documents beside docs/ are pages too, and links lead to what there is."""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGES = {
    "README.md": "index.md",
    "ARCHITECTURE.md": "architecture.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
"""Documents of the repository's root, and the pages that show them; the README is what a repository shows instead."""
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)\s#]+)(#[^)\s]*)?\)")


def on_files(files: Any, config: Any) -> Any:
    from mkdocs.structure.files import File

    for name, page in PAGES.items():
        if page != "index.md":
            files.append(File.generated(config, page, content=(ROOT / name).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    name = page.file.src_uri
    home = "" if name in PAGES.values() and name != "index.md" else "docs"
    return linked(markdown, home)


def linked(markdown: str, home: str) -> str:
    """Links as the site has them, from those of a document in the folder `home` of the repository.

    What is in the repository and not on the site is named and not linked; what is nowhere stays, for mkdocs to refuse.
    """

    def link(found: re.Match[str]) -> str:
        words, target, anchor = found[1], found[2], found[3] or ""
        if ":" in target:
            return found[0]
        place = posixpath.normpath(posixpath.join(home, target))
        if place in PAGES:
            return f"[{words}]({PAGES[place]}{anchor})"
        if place.startswith("docs/"):
            return f"[{words}]({place.removeprefix('docs/')}{anchor})"
        return f"{words} (`{place}`)" if os.path.lexists(ROOT / place) else found[0]

    return LINK.sub(link, markdown)
