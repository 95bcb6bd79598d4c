# SPDX-License-Identifier: GPL-3.0-or-later
"""From raw text to tokens: what is refused, what is spelled alike, where sentences end."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from ..protocol.errors import UserError
from .lexicon import COMMON, FOREIGN

MOST_CHARACTERS, MOST_WORDS = 20_000, 2_000
_ALIKE = {"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": " , ", "×": "x", "…": ".", "⁄": "/", "−": "-"}
_TOKEN = re.compile(
    r"(?P<number>\d+(?:\.\d+)?e[+-]?\d+|(?:(?<![\w.])-)?\d{1,3}(?:,\d{3})+(?:\.\d+)?|(?:(?<![\w.])-)?\d*\.\d+|(?:(?<![\w.])-)?\d+(?:/\d+)?)"
    r"|(?P<word>(?:km/h|m/s²|m/s2|m/s|ft/s|kg/m³|[^\W\d_]+(?:'[^\W\d_]+)?|°[CF]?|%))"
    r"|(?P<stop>[.;!?\n]+|:)|(?P<comma>,)|(?P<bracket>[()\[\]\"])|(?P<other>[^\s\w-])"
)
_SHORT = {
    "isn't": "is not",
    "doesn't": "does not",
    "don't": "do not",
    "aren't": "are not",
    "there's": "there is",
    "it's": "it is",
    "that's": "that is",
    "can't": "can not",
    "won't": "will not",
    "they're": "they are",
    "i'd": "i would",
    "let's": "let us",
    "what's": "what is",
    "cannot": "can not",
}


@dataclass
class Token:
    """`kind` is word, number, comma or stop; `word` is in lower case; `value` of a number."""

    kind: str
    word: str
    value: float = 0.0
    used: bool = False


def tokens(words: str) -> list[Token]:
    """Of a text that can be a scene; raises `UserError` where it cannot be one."""
    plain = _plain(words)
    found = [_token(match) for match in _TOKEN.finditer(plain)]
    spoken = [each for each in found if each.kind == "word"]
    if not spoken:
        raise UserError("There are no words. Say what happens, such as: three balls fall onto a table.", kind="usage")
    if len(spoken) > MOST_WORDS:
        raise UserError(
            f"These are {len(spoken):,} words; a scene takes at most {MOST_WORDS:,}. Tell it in a few sentences.",
            kind="usage",
        )
    _english(plain, spoken)
    return found


def _plain(words: str) -> str:
    if not isinstance(words, str):
        raise UserError(f"The words of a scene are text, not {type(words).__name__}.", kind="usage")
    if len(words) > MOST_CHARACTERS * 5:
        count = words.count(" ") + 1
        raise UserError(
            f"These are {len(words):,} characters, about {count:,} words; a scene takes at most {MOST_WORDS:,} words. "
            "Tell it in a few sentences.",
            kind="usage",
        )
    plain = re.sub(r"(\d)?([¼½¾])", lambda m: f" {int(m[1] or 0) + {'¼': 0.25, '½': 0.5, '¾': 0.75}[m[2]]}", words)
    plain = "".join(_ALIKE.get(each, each) for each in plain)
    plain = unicodedata.normalize("NFC", plain).lower()
    plain = "".join(each if each.isprintable() or each == "\n" else " " for each in plain)
    plain = re.sub(r"\b[a-z]+'[a-z]+\b", lambda m: _SHORT.get(m[0], m[0]), plain)
    plain = re.sub(r"\n\s*[-*•]\s+", "\n", plain)
    plain = re.sub(r"(?<=[^\W\d_])/(?=[^\W\d_])", lambda m: "/" if _is_unit(plain, m.start()) else " ", plain)
    plain = re.sub(r"(?<=[^\W\d_])-like\b", "like", plain)
    plain = re.sub(r"(?<=\w)-+(?=\w)|_", " ", plain)
    return re.sub(r"(?<=\d)(?=[^\W\d_])(?!e[+-]?\d)", " ", plain)


def _is_unit(text: str, at: int) -> bool:
    return bool(re.match(r"(?:m/s|km/h|ft/s|kg/m)", text[max(0, at - 2) :].lstrip())) or text[at - 1 : at + 2] == "m/s"


def _token(match: re.Match[str]) -> Token:
    kind, text = str(match.lastgroup), match.group()
    if kind == "number":
        over, _, under = text.replace(",", "").partition("/")
        value = float(over) / float(under) if under and float(under) else float(over)
        return Token("number", text, value)
    if kind in ("bracket", "other"):
        return Token("comma", text)
    if kind == "word" and text.endswith("'s") and text not in _SHORT:
        return Token(kind, text)
    return Token(kind, text)


def _english(plain: str, spoken: list[Token]) -> None:
    """Raises `UserError` where the words are of another language."""
    letters = [each for each in plain if each.isalpha()]
    strange = sum(ord(each) > 0x24F for each in letters)
    known = sum(each.word in COMMON for each in spoken)
    foreign = sum(each.word in FOREIGN for each in spoken)
    if strange > len(letters) / 2 or (foreign > known and foreign >= 2):
        raise UserError(
            "These words are not English, which is all that the offline grammar reads. Write them in English, or "
            "choose another parser: server or model.",
            kind="usage",
        )
