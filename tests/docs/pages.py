# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents as blocks, commands, links and headings."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
_BLOCK = re.compile(r"^```(?P<kind>.*)\n(?P<text>(?:.*\n)*?)```$", re.M)
_PART = re.compile(rf"{_BLOCK.pattern}|^## (?P<title>.+)$", re.M)
_OPERATORS = re.compile(r"[;&|<>()]+")


@dataclass(frozen=True)
class Block:
    """What stands between two ```; `kind` is what the first says, `title` the section's."""

    page: str
    line: int
    title: str
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(path: Path) -> Iterator[Block]:
    text, page, title = path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix(), ""
    for part in _PART.finditer(text):
        title = part["title"] or title
        if not part["title"]:
            yield Block(page, text.count("\n", 0, part.start()) + 1, title, part["kind"], part["text"])


def commands(script: str) -> Iterator[list[str]]:
    """The words of each simple command; here-documents, comments and what is redirected are left out."""
    script = re.sub(r"<<'?(\w+)'?(.*)\n(?:.*\n)*?\1\n", r"\2\n", script.replace("\\\n", " "))
    for line in script.splitlines():
        reader = shlex.shlex(line, posix=True, punctuation_chars=True)
        reader.whitespace_split = True
        words, into = list[str](), False
        for word in [*reader, ";"]:
            if _OPERATORS.fullmatch(word):
                into = word[0] in "<>"
                if into:
                    del words[len(words) - (words[-1:] > [""] and words[-1].isdigit()) :]
                elif words:
                    yield words
                    words = []
            elif into:
                into = False
            else:
                words.append(word)


def without_blocks(path: Path) -> str:
    return _BLOCK.sub("", path.read_text(encoding="utf-8"))


def anchors(path: Path) -> set[str]:
    """What headings are called in links, as GitHub does it."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ +(.+?) *$", without_blocks(path), re.M):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        number = 0
        while (name := f"{slug}-{number}" if number else slug) in found:
            number += 1
        found.add(name)
    return found


def links(path: Path) -> Iterator[str]:
    """Targets of links and pictures that are no addresses of the web."""
    text = without_blocks(path)
    for target in re.findall(r"\]\(([^)\s]+)(?: \"[^\"]*\")?\)|src=\"([^\"]+)\"", text):
        found = target[0] or target[1]
        if not re.match(r"[a-z]+:", found):
            yield found
