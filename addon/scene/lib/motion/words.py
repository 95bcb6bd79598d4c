# SPDX-License-Identifier: GPL-3.0-or-later
"""From words to parts: "walks to the left, then waves and jumps" is a list of clips with ways, speeds and counts.

A small grammar of English by rules. Left and right are the body's own. What is not understood is said in notes. A
language model may take this module's place: anything that gives `Told`.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from . import meaning, sides
from .library import Clip, clips, everything, usual

Similar = Callable[[str, Sequence[str]], Sequence[float]]
"""How near a word is to each of others, 0 to 1. A text embedding may be given in place of `likeness`."""
_LEAST = 0.55
_LONGEST = 600.0
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_NUMBERS: dict[str, float] = {word: number for number, word in enumerate(_DIGITS)}
_NUMBERS |= {"a": 1, "an": 1, "half": 0.5, "couple": 2, "few": 3, "several": 4, "dozen": 12, "twenty": 20}
_COUNTS = {"once": 1, "twice": 2, "thrice": 3}
_PACES = {
    **dict.fromkeys(("slow", "slowly", "leisurely", "lazily", "calmly", "unhurriedly"), 0.65),
    **dict.fromkeys(("fast", "quickly", "quick", "rapidly", "swiftly", "hurriedly", "briskly", "faster"), 1.5),
}
_FORCES = {
    **dict.fromkeys(("gently", "softly", "slightly", "weakly", "shyly", "timidly", "tiredly", "little"), 0.6),
    **dict.fromkeys(("wildly", "strongly", "hard", "energetically", "happily", "excitedly", "big", "high"), 1.4),
}
_SKIP = frozenset(
    re.findall(
        r"\w+",
        "a an the to in at on of for with by from it its he she they then and while as is are be his her their again "
        "up down there here now side direction way time times until all around this that please who which towards "
        "toward per some about very really quite bit same during meanwhile simultaneously spot place still once more "
        "also too person man woman figure character animal horse dog cat thing body robot monster bird fish car one "
        "circle circles round full",
    )
)
_OWNERS = frozenset(("the", "a", "an", "its", "his", "her", "their", "your", "my"))
_TURNS = r"\b(?:turn(?:s|ing)?|spins?|twirls?|pirouettes?|rotates?)\b"
_SPLIT = re.compile(r"\s*(?:[,;.!]|\bafter that\b|\bafterwards\b|\band then\b|\bthen\b|\bfinally\b|\bnext\b)\s*")
_WHILE = re.compile(r"\s*\b(?:while|whilst|at the same time|as (?:it|he|she|they)|meanwhile|during)\b\s*")
_AND = re.compile(r"\s*(?:\band\b|&|\+)\s*")
_UNITS = r"(?P<m>m|met(?:er|re)s?)|(?P<cm>cm|centimet(?:er|re)s?)|(?P<s>s|secs?|seconds?)|(?P<min>minutes?|mins?)"
_AMOUNT = re.compile(rf"\b(?P<n>\d+(?:\.\d+)?|[a-z]+)\s*(?:(?:{_UNITS})|(?P<x>times?|x))\b")
_DEGREES = re.compile(r"\b(?P<n>\d+(?:\.\d+)?)\s*(?:degrees?|deg|°)")


@dataclass(frozen=True)
class Part:
    """One thing that a body does. `motion` is a clip's name, or `turn`. What is None is the clip's or the step's own.

    `face`: radians that it turns first, left positive. `arc`: radians that its way bends in all. `aside`: where it goes
    against where it looks, half a turn is backwards. `over`: done while the part before it is.
    `hand`: the one that it is done with, `L`, `R` or `LR`.
    """

    motion: str
    seconds: float | None = None
    metres: float | None = None
    count: int | None = None
    pace: float = 1.0
    strength: float = 1.0
    face: float = 0.0
    arc: float = 0.0
    aside: float = 0.0
    spot: bool = False
    over: bool = False
    hand: str = ""


@dataclass(frozen=True)
class Told:
    parts: tuple[Part, ...]
    notes: tuple[str, ...] = ()


@dataclass
class _Reading:
    kind: str
    own: Mapping[str, Clip]
    similar: Similar
    notes: list[str] = field(default_factory=list)


def likeness(word: str, others: Sequence[str]) -> list[float]:
    """By letters that follow each other in both."""
    matcher = difflib.SequenceMatcher(b=word, autojunk=False)
    out = []
    for other in others:
        matcher.set_seq1(other)
        out.append(matcher.ratio())
    return out


def understand(text: str, kind: str, similar: Similar = likeness, own: Clip | None = None) -> Told:
    """Parts in their order; no words at all give `own`, a clip of the user's, or what is usual for the kind."""
    reading = _Reading(kind, clips(kind, own), similar)
    text = " ".join(re.sub(r"[^\w\s.,;!&+°-]", " ", text[:2000].lower()).split())
    text = re.sub(r"(?<!\d)\.|\.(?!\d)", ",", text).replace("-", " ")
    parts: list[Part] = []
    for clause in filter(None, _SPLIT.split(text)):
        for group in _groups(clause, reading):
            _join(parts, group)
    if not parts:
        if text:
            reading.notes.append(f"No motion was found in {text[:60]!r}: {usual(kind)} was taken.")
        parts = [Part(own.name if own and not text else usual(kind), spot=True)]
    return Told(tuple(parts[:64]), tuple(dict.fromkeys(reading.notes)))


def _groups(clause: str, reading: _Reading) -> list[list[Part]]:
    """Parts of a clause: what is joined by `while` is done together, and a gesture `and` a way too."""
    out: list[list[Part]] = []
    together = _WHILE.split(clause)
    if len(together) > 1:
        found = [part for piece in together for part in _pieces(piece, reading)]
        found.sort(key=lambda part: _is_over(part, reading))
        return [[found[0], *(replace(part, over=True) for part in found[1:])]] if found else []
    for part in _pieces(clause, reading):
        before = out[-1][0] if out else None
        if before and _is_over(part, reading) and _travels(before, reading):
            out[-1].append(replace(part, over=True))
        elif (
            before and _is_over(before, reading) and _travels(part, reading) and part.motion != "turn" and len(out) == 1
        ):
            out[-1] = [part, *(replace(p, over=True) for p in out[-1])]
        else:
            out.append([part])
    return out


def _pieces(clause: str, reading: _Reading) -> list[Part]:
    found: list[Part] = []
    for piece in filter(None, _AND.split(clause)):
        part = _part(piece, reading)
        if part is None:
            continue
        if not part.motion:
            found[-1:] = [_more(found[-1], part)] if found else [part]
            continue
        found.append(part)
    return found


def _join(parts: list[Part], group: list[Part]) -> None:
    """Words without a verb belong to the part before them."""
    for part in group:
        if part.motion:
            parts.append(part)
        elif parts:
            parts[-1] = _more(parts[-1], part)


def _more(part: Part, also: Part) -> Part:
    return replace(
        part,
        seconds=also.seconds if also.seconds is not None else part.seconds,
        metres=also.metres if also.metres is not None else part.metres,
        count=also.count if also.count is not None else part.count,
        pace=part.pace * also.pace,
        strength=part.strength * also.strength,
        face=part.face + also.face,
        arc=part.arc + also.arc,
        aside=also.aside or part.aside,
        spot=part.spot or also.spot,
        hand=also.hand or part.hand,
    )


def _is_over(part: Part, reading: _Reading) -> bool:
    return part.motion in reading.own and reading.own[part.motion].maker.over


def _travels(part: Part, reading: _Reading) -> bool:
    return part.motion in reading.own and reading.own[part.motion].maker.travels and not part.spot


def _part(piece: str, reading: _Reading) -> Part | None:
    """One verb and what belongs to it; without a verb, what there is to add to the part before."""
    piece, hand = sides.told(piece)
    rest, part = _amounts(piece, Part("", hand=hand))
    rest, part = _ways(rest, part)
    words = rest.split()
    kept: list[str] = []
    for word in words:
        if word in _OWNERS:
            continue
        if word in _COUNTS:
            part = replace(part, count=_COUNTS[word])
        elif word in _PACES:
            part = replace(part, pace=part.pace * _PACES[word])
        elif word in _FORCES and not (word == "high" and not kept):
            part = replace(part, strength=part.strength * _FORCES[word])
        else:
            kept.append(word)
    if "very" in words or "really" in words:
        part = replace(part, pace=part.pace**1.5, strength=part.strength**1.5)
    name, left = _named(kept, reading)
    turning = re.search(_TURNS, rest) if not name else None
    if turning:
        whole = math.pi if "around" in words or "round" in words else math.pi / 2
        whole = whole if turning[0].startswith("turn") else 2 * math.pi * (part.count or 1)
        name, left = "turn", [word for word in left if not re.match(_TURNS, word)]
        part = replace(part, face=part.face or whole)
    content = [word for word in left if word not in _SKIP and not word.isdigit() and word not in _NUMBERS]
    if not name and content:
        name = _nearest(content, reading)
        content = []
    if content:
        reading.notes.append(f"Not understood and left out: {' '.join(content[:8])[:80]}.")
    part = replace(part, pace=min(max(part.pace, 0.3), 3.0), strength=min(max(part.strength, 0.2), 2.5))
    return replace(part, motion=name) if name or part != Part("") else None


def _amounts(piece: str, part: Part) -> tuple[str, Part]:
    """Take `3 m`, `for two seconds`, `three times`, `90 degrees` out."""
    for match in list(_DEGREES.finditer(piece)):
        part = replace(part, face=math.radians(min(float(match["n"]), 3600.0)))
    piece = _DEGREES.sub(" ", piece)

    def take(match: re.Match[str]) -> str:
        nonlocal part
        number = _value(match["n"])
        if number is None:
            return match[0]
        if match["m"] or match["cm"]:
            part = replace(part, metres=min(number * (0.01 if match["cm"] else 1.0), 1000.0))
        elif match["x"]:
            part = replace(part, count=int(min(max(number, 1), 50)))
        else:
            part = replace(part, seconds=min(max(number * (60.0 if match["min"] else 1.0), 0.25), _LONGEST))
        return " "

    return _AMOUNT.sub(take, piece), part


def _value(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return _NUMBERS.get(word)


def _ways(piece: str, part: Part) -> tuple[str, Part]:
    """Take directions, circles and `on the spot` out."""
    turning = re.search(r"\bturn(s|ing)?\b", piece)
    side = 1.0 if re.search(r"\bleft(wards?)?\b", piece) else -1.0 if re.search(r"\bright(wards?)?\b", piece) else 0.0
    if re.search(r"\b(on the spot|in place|on the same spot|without moving)\b", piece):
        part = replace(part, spot=True)
        piece = re.sub(r"\b(on the spot|in place|on the same spot|without moving)\b", " ", piece)
    if re.search(r"\bcircles?\b", piece):
        half = 0.5 if "half" in piece else 1.0
        part = replace(part, arc=(side or 1.0) * 2 * math.pi * half * (part.count or 1), count=None)
        side = 0.0
    if turning and part.face:
        part = replace(part, face=part.face * (side or 1.0))
    elif re.search(r"\b(sideways|sidewards|sidesteps?)\b", piece):
        part = replace(part, aside=(side or 1.0) * math.pi / 2)
    elif side:
        part = replace(part, face=part.face or side * math.pi / 2)
    if re.search(r"\bback(wards?)?\b", piece):
        part = replace(part, face=math.pi) if turning else replace(part, aside=math.pi)
    pattern = r"\b(left|right|forward|back)(wards?|s)?\b|\bahead\b|\bstraight\b|\bsideways\b|\bsidewards\b|\bcircles?\b"
    return re.sub(pattern, " ", piece), part


def _named(words: Sequence[str], reading: _Reading) -> tuple[str, list[str]]:
    """The first clip that is called by its name or by one of its words, and the words that are left."""
    text = " ".join(words)
    best: tuple[int, int, str, str] | None = None
    for clip in reading.own.values():
        for word in (clip.name, *clip.words):
            match = re.search(rf"\b{re.escape(word)}\b", text)
            if match and (best is None or (match.start(), -len(word)) < best[:2]):
                best = (match.start(), -len(word), clip.name, word)
    if best is None:
        return "", list(words)
    return best[2], text.replace(best[3], " ", 1).split()


def _nearest(words: Sequence[str], reading: _Reading) -> str:
    """The clip that comes nearest to what was said, and a note that says so."""
    word = words[0]
    foreign = [clip for clip in everything() for w in words if w in clip.words or w == clip.name]
    plain = reading.similar is likeness
    meant = meaning.nearest(words, reading.own) if plain and not foreign else None
    if meant:
        verb, name, alike = meant
        text = f"There is no motion called {verb[:40]!r} for the kind {reading.kind}"
        reading.notes.append(f"{text}: {name} was taken, which means nearly the same ({alike:.2f}).")
        return name
    spelt = [w for w in words if not (plain and meaning.is_real(w))]  # letters tell what is misspelt, not what is meant
    scores: dict[str, float] = {}
    for name, clip in reading.own.items():
        shared = max((len(set(clip.words) & set(other.words)) for other in foreign), default=0)
        near = max((max(reading.similar(w, [clip.name, *clip.words])) for w in spelt), default=0.0)
        alike = bool(foreign) and clip.maker.travels == foreign[0].maker.travels
        scores[name] = near + shared + 0.5 * alike
    name = max(scores, key=lambda key: scores[key])
    if scores[name] < _LEAST:
        name = usual(reading.kind)
    asked = next((w for w in words for clip in foreign if w in clip.words or w == clip.name), word)
    reading.notes.append(f"There is no motion called {asked[:40]!r} for the kind {reading.kind}: {name} was taken.")
    return name
