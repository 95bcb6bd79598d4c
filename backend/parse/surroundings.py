# SPDX-License-Identifier: GPL-3.0-or-later
"""Where, when and for how long: what is said of the world, the camera and the film is taken out of the tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from . import numbers
from .draft import Board
from .lexicon import is_known, is_noun, thing
from .text import Token
from .vocabulary import words, worlds

_FILM = words("long film clip video animation simulation movie shot scene duration footage in")
_LASTS = words("for lasts lasting last during over duration length takes taking within runs runtime")
_FILMED = words("seen filmed viewed shot by through while slow fast moving as")
_SHOT = {"close": "close still", "wide": "wide still"}
Patterns = tuple[tuple[re.Pattern[str], dict[str, Any]], ...]


@cache
def _compiled(table: str) -> Patterns:
    return tuple((re.compile(rf"(?<![\w'])(?:{row})(?![\w'])"), says) for row, says in getattr(worlds, table))


class _Line:
    """Tokens as one text, and which of them a match stands on."""

    def __init__(self, tokens: list[Token]) -> None:
        self.starts, self.text = [], ""
        for each in tokens:
            self.starts.append(len(self.text))
            self.text += f"{each.word} ".replace("\n", ".")

    def at(self, match: re.Match[str]) -> range:
        inside = [k for k, start in enumerate(self.starts) if match.start() <= start < match.end()]
        return range(inside[0], inside[-1] + 1) if inside else range(0)


def world(tokens: list[Token], board: Board) -> list[Token]:
    """Gravity, medium, weather, hour, light, walls."""
    line, gone = _Line(tokens), set[int]()
    for pattern, says in _compiled("ENVIRONMENT"):
        for match in pattern.finditer(line.text):
            places = line.at(match)
            if not places or gone & set(places) or not match.group().strip():
                continue
            if says.get("weather") == "leaves" and _counted(tokens, places.start):
                continue
            gone |= set(places)
            _surround(board, says)
    gone |= _gravity(tokens, board, gone)
    return _without(tokens, gone)


def _counted(tokens: list[Token], at: int) -> bool:
    """Twenty autumn leaves are things, autumn leaves are a weather."""
    before = tokens[at - 1] if at else None
    return before is not None and (before.kind == "number" or before.word in numbers.WORDS or before.word == "the")


def _surround(board: Board, says: dict[str, Any]) -> None:
    for name, value in says.items():
        if name == "gravity":
            board.surround("gravity", (0.0, 0.0, value))
        elif name == "blow":
            board.environment["wind"] = (value, 0.0, 0.0)
            board.note(f"The wind was assumed to blow from the left at {value:g} m/s.")
        elif name == "fog":
            board.note("Fog has no place in a scene's environment: it was left out.")
        else:
            board.surround(name, value)


def _gravity(tokens: list[Token], board: Board, gone: set[int]) -> set[int]:
    """A gravity of 5 m/s²."""
    for at, each in enumerate(tokens):
        if each.word != "gravity" or at in gone:
            continue
        for start in range(at + 1, min(len(tokens), at + 4)):
            found = numbers.measure(tokens, start)
            if found and found.kind in ("acceleration", "speed"):
                board.surround("gravity", (0.0, 0.0, -abs(found.value)))
                begin = at - 1 if at and tokens[at - 1].word in ("a", "the", "with", "under", "in") else at
                begin -= begin > 0 and tokens[begin - 1].word in ("with", "under", "in", "at")
                return set(range(begin, found.end))
    return set()


def camera(tokens: list[Token], board: Board) -> list[Token]:
    """Its path, its height, close-ups, slow motion."""
    line, gone = _Line(tokens), set[int]()
    for pattern, says in _compiled("ALONE"):
        for match in pattern.finditer(line.text):
            places = set(line.at(match))
            if places and not gone & places:
                gone |= places
                _film(board, says, line.text)
    for at, each in enumerate(tokens):
        if each.word == "camera" and at not in gone and not _is_direction(tokens, at):
            span = _clause(tokens, at)
            gone |= set(span)
            if span.stop < len(tokens) and _shows(tokens, span.stop):
                tokens[span.stop - 1] = Token("stop", ".")
                gone.discard(span.stop - 1)
            _told(tokens, span, board)
    return _without(tokens, gone)


def _is_direction(tokens: list[Token], at: int) -> bool:
    """A ball rolls towards the camera."""
    start = next((k + 1 for k in range(at - 1, max(-1, at - 4), -1) if tokens[k].kind != "word"), max(0, at - 3))
    before = [each.word for each in tokens[start:at]]
    return any(word in ("towards", "toward", "at", "away", "past", "hits", "to") for word in before)


def _clause(tokens: list[Token], at: int) -> range:
    """Where what is said of the camera begins and ends."""
    words = [each.word for each in tokens]
    known = re.compile("|".join(rf"(?:{row})" for row, _ in worlds.CAMERA))
    start = at
    while (
        start
        and tokens[start - 1].kind == "word"
        and (known.fullmatch(words[start - 1]) or words[start - 1] in _FILMED)
        and words[start - 1] not in ("it", "them", "him")
    ):
        start -= 1
    end = at + 1
    while end < len(tokens) and tokens[end].kind == "word":
        if _shows(tokens, end):
            break
        if words[end] in ("while", "as", "when", "then", "until") or (
            words[end] == "and" and not _more(words, end, known)
        ):
            break
        end += 1
    return range(start, end)


def _shows(tokens: list[Token], at: int) -> bool:
    """What the camera looks at begins here: a table with a bowl on it."""
    article = (
        tokens[at].word in ("a", "an", "the", "two", "three", "four", "some", "its") or tokens[at].kind == "number"
    )
    ahead = [each.word for each in tokens[at + 1 : at + 5] if each.kind == "word"]
    return article and any(thing(word) for word in ahead)


def _more(words: list[str], at: int, known: re.Pattern[str]) -> bool:
    """The camera goes on after this and."""
    return (
        at + 1 < len(words) and bool(known.fullmatch(words[at + 1])) and words[at + 1] not in ("the", "a", "an", "it")
    )


def _told(tokens: list[Token], span: range, board: Board) -> None:
    text, used = _Line([tokens[k] for k in span]), set[int]()
    for pattern, says in _compiled("CAMERA"):
        for match in pattern.finditer(text.text):
            places = set(text.at(match))
            if places and not used & places:
                used |= places
                _film(board, says, text.text)
    for k, number in enumerate(span):
        each = tokens[number]
        if k not in used and each.kind == "word" and not is_known(each.word) and not is_noun(each.word):
            board.leave(each.word)


def _film(board: Board, says: dict[str, Any], text: str) -> None:
    for name, value in says.items():
        if name == "slow_motion":
            times = re.search(r"(\d+(?:\.\d+)?) (?:x|times|fold) ", text)
            board.simulation[name] = float(times[1]) if times and value > 1 else value
        elif name == "shot":
            board.camera.setdefault("shot", _SHOT[value])
        else:
            board.camera.setdefault(name, value)


def times(tokens: list[Token], board: Board) -> list[Token]:
    """How long, how many frames, which seed; what is said of moments stays as a token of the kind time or later."""
    out: list[Token] = []
    at = 0
    while at < len(tokens):
        found = _moment(tokens, at)
        if found is None and tokens[at].word == "seed" and (given := _first_number(tokens, at + 1)):
            board.seed, at = int(given[0]) % 2**31, given[1]
            while out and out[-1].word in ("random", "with", "the", "a"):
                out.pop()
            continue
        if found is None:
            out.append(tokens[at])
            at += 1
            continue
        kind, value, end = found
        before = out[-1].word if out else ""
        at = _settle(tokens, out, board, kind, value, end, before)
    return out


def _settle(tokens: list[Token], out: list[Token], board: Board, kind: str, value: float, end: int, before: str) -> int:
    """A span of time or a rate has its place; where the next token is."""
    after = tokens[end].word if end < len(tokens) else ""
    if kind == "frames":
        board.simulation["frame_rate"] = max(1, min(240, round(value)))
        _drop(out, ("at", "with", "of"))
    elif after == "later" or (after == "after" and before not in _LASTS):
        out.append(Token("later" if after == "later" else "time", after, value))
        end += 1
    elif before in ("wait", "waits", "waiting", "pause") or (
        before == "for" and len(out) > 1 and out[-2].word in ("wait", "waits")
    ):
        _drop(out, ("wait", "waits", "waiting", "for", "pause"))
        out.append(Token("later", "later", value))
    elif before in ("after", "at") or (before == "in" and after == ","):
        _drop(out, ("after", "at", "in"))
        out.append(Token("time", "after", value))
    elif before in _LASTS or after in _FILM or after == "of" or _stands_alone(tokens, out, end):
        if "duration" in board.simulation and board.simulation["duration"] != value:
            board.note(
                f"The film lasts {max(value, board.simulation['duration']):g} s, the longer of the times that are said."
            )
        board.simulation["duration"] = max(value, board.simulation.get("duration", 0.0))
        _drop(
            out,
            (*_LASTS, "it", "of", "film", "is", "simulate", "simulation", "run", "about", "a", "the", "scene"),
        )
        end += after in (*(_FILM - {"in"}), "of")
        end += end < len(tokens) and tokens[end - 1].word == "long" and tokens[end].word in _FILM
    else:
        board.leave(f"{value:g} s")
    return end


def _stands_alone(tokens: list[Token], out: list[Token], end: int) -> bool:
    before = not out or out[-1].kind != "word"
    rate = end + 2 < len(tokens) and tokens[end].word == "at" and tokens[end + 2].word == "fps"
    return before and (end >= len(tokens) or tokens[end].kind != "word" or rate)


def _drop(out: list[Token], words: tuple[str, ...]) -> None:
    while out and out[-1].word in words and out[-1].kind == "word":
        out.pop()
        if "after" in words:
            return


def _moment(tokens: list[Token], at: int) -> tuple[str, float, int] | None:
    """An amount of time or frames that begins here."""
    found = numbers.measure(tokens, at)
    if found and found.kind in ("time", "frames"):
        return found.kind, found.value, found.end
    word = tokens[at].word
    start = at + 1 if word in ("a", "an") else at
    if start + 1 < len(tokens) and tokens[start].word in ("few", "several", "couple", "some"):
        end = start + 2 if tokens[start + 1].word == "of" else start + 1
        if end < len(tokens) and tokens[end].word in ("seconds", "moments"):
            return "time", {"couple": 2.0, "several": 4.0}.get(tokens[start].word, 3.0), end + 1
    if word in ("a", "one", "some") and start < len(tokens) and at + 1 < len(tokens):
        if tokens[at + 1].word in ("moment", "while") and (
            (at and tokens[at - 1].word == "after") or _later(tokens, at + 2)
        ):
            return "time", 1.5, at + 2
        if tokens[at + 1].word == "time" and word == "some" and at and tokens[at - 1].word == "after":
            return "time", 2.0, at + 2
    return None


def _later(tokens: list[Token], at: int) -> bool:
    return at < len(tokens) and tokens[at].word == "later"


def _first_number(tokens: list[Token], at: int) -> tuple[float, int] | None:
    for start in range(at, min(at + 3, len(tokens))):
        if found := numbers.number(tokens, start):
            return found
    return None


def _without(tokens: list[Token], gone: set[int]) -> list[Token]:
    """A gap counts as nothing said; a gap that opens a sentence leaves its comma behind."""
    return list(_kept(tokens, gone))


def _kept(tokens: list[Token], gone: set[int]) -> Iterator[Token]:
    for at, each in enumerate(tokens):
        if at not in gone:
            yield each
