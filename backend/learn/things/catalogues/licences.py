# SPDX-License-Identifier: GPL-3.0-or-later
"""Who made a file of a Debian package and under which licence, by its machine-readable copyright file (DEP-5)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

FREE = re.compile(r"(CC0|CC-BY(-SA)?|GPL|FAL|Artistic-FAL|Free-Art|public-domain)([-_ ]?[\d.]+)?\+?", re.IGNORECASE)
"""What may be in the training data."""


class Licences:
    """The paragraphs of `debian/copyright`; of those that match a path the last one counts.

    `named`: what only the paragraph for everything matches is not clearly free, since that one is about the program.
    """

    def __init__(self, text: str, named: bool = False) -> None:
        self._rules: list[tuple[re.Pattern[str], str, str]] = []
        for paragraph in re.split(r"\n\s*\n", text.replace("\r\n", "\n")):
            fields = _fields(paragraph)
            if "files" in fields and "license" in fields and not (named and fields["files"] == "*"):
                patterns = "|".join(_pattern(word) for word in fields["files"].split())
                licence = fields["license"].partition("\n")[0].strip()
                self._rules.append((re.compile(f"(?:{patterns})"), licence, _holders(fields.get("copyright", ""))))
        self._rules.reverse()

    @classmethod
    def of_package(cls, root: Path, named: bool = False) -> Licences:
        path = next(root.glob("usr/share/doc/*/copyright"))
        return cls(path.read_text(encoding="utf-8", errors="replace"), named)

    def of(self, path: str) -> tuple[str, str] | None:
        """(licence, authors) of a file, by its path in the source package; None where it is not clearly free."""
        for pattern, licence, holders in self._rules:
            if pattern.fullmatch(path):
                return (licence, holders) if free(licence) else None
        return None


def free(licence: str) -> bool:
    """Whether every licence of "A or B and C" is one that may be trained on."""
    words = [word for word in re.split(r"\s+(?:and|or|and/or)\s+|\s*[,|]\s*", licence.strip()) if word]
    return bool(words) and all(FREE.fullmatch(word) for word in words)


def _fields(paragraph: str) -> dict[str, str]:
    found: dict[str, str] = {}
    name = ""
    for line in paragraph.split("\n"):
        if match := re.match(r"([A-Za-z][A-Za-z-]*):(.*)", line):
            name = match[1].lower()
            found[name] = match[2]
        elif name:
            found[name] += "\n" + line
    return {name: value.strip() for name, value in found.items()}


def _pattern(word: str) -> str:
    """A wildcard of DEP-5: * and ? match slashes too."""
    return re.escape(word).replace(r"\*", ".*").replace(r"\?", ".")


def _holders(text: str) -> str:
    """Names without years and addresses."""
    names = [
        re.sub(r"(?i)^(copyright\b|\(c\)|©|[\s\d,.?–-])+|\s*\(?<[^>]*>\)?", "", line).strip(" ,")
        for line in text.split("\n")
    ]
    return ", ".join(unique(name for name in names if name)) or "unknown"


def unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
