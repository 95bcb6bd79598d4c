# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers as people write them, and amounts with units, in SI."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .text import Token

_ONES = {
    word: number for number, word in enumerate((
        "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
        "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
    ))
}  # fmt: skip
_TENS = {
    word: 10 * number
    for number, word in enumerate(
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=2
    )
}
_LARGE = {"hundred": 100, "thousand": 1000, "million": 1e6, "billion": 1e9, "trillion": 1e12}
VAGUE: dict[str, int] = {
    "pair": 2,
    "couple": 2,
    "few": 3,
    "several": 5,
    "some": 4,
    "many": 20,
    "dozens": 30,
    "handful": 6,
    "bunch": 10,
    "lots": 20,
    "lot": 20,
    "plenty": 20,
    "hundreds": 200,
    "thousands": 300,
    "millions": 300,
    "tons": 30,
    "loads": 30,
    "numerous": 15,
    "countless": 150,
    "multiple": 4,
    "various": 4,
    "bundle": 8,
    "swarm": 40,
    "flock": 15,
    "herd": 10,
    "heaps": 30,
    "masses": 50,
    "scores": 40,
    "myriad": 150,
    "trio": 3,
    "quartet": 4,
    "duo": 2,
    "group": 6,
    "set": 6,
}
"""How many words of no number mean; told in a note."""
EXACT = frozenset(("pair", "couple", "trio", "quartet", "duo"))
_ROLE = {
    "length": {
        1.0: "m meter meters metre metres",
        0.01: "cm centimeter centimeters centimetre centimetres",
        0.001: "mm millimeter millimeters millimetre millimetres",
        1000.0: "km kilometer kilometers kilometre kilometres",
        0.3048: "ft foot feet",
        0.0254: "inch inches",
        0.9144: "yard yards yd",
    },
    "mass": {
        1.0: "kg kilo kilos kilogram kilograms kilogramme kilogrammes",
        0.001: "g gram grams gramme grammes",
        1000.0: "t ton tons tonne tonnes",
        0.45359: "lb lbs pound pounds",
        0.02835: "oz ounce ounces",
    },
    "speed": {1.0: "m/s", 1 / 3.6: "km/h kph kmh", 0.44704: "mph", 0.3048: "ft/s"},
    "acceleration": {1.0: "m/s² m/s2"},
    "time": {
        1.0: "s sec secs second seconds",
        0.001: "ms millisecond milliseconds",
        60.0: "min mins minute minutes",
    },
    "angle": {1.0: "° deg degree degrees"},
    "turns": {1.0: "rps", 1 / 60: "rpm"},
    "volume": {1.0: "l liter liters litre litres", 0.001: "ml milliliter milliliters millilitre millilitres"},
    "frames": {1.0: "fps"},
    "share": {0.01: "% percent"},
    "pieces": {1.0: "pieces fragments shards parts bits chunks"},
    "force": {1.0: "n newton newtons"},
    "gravities": {1.0: "gs"},
}
UNITS = {
    unit: (kind, factor) for kind, rows in _ROLE.items() for factor, names in rows.items() for unit in names.split()
}
_PER = {"second": 1.0, "sec": 1.0, "s": 1.0, "hour": 3600.0, "h": 3600.0, "minute": 60.0, "min": 60.0}
WORDS = frozenset((*_ONES, *_TENS, *_LARGE, *VAGUE, *UNITS, *_PER, "dozen", "half", "quarter"))
"""All that are part of an amount."""


@dataclass(frozen=True)
class Measure:
    """`kind` as in `_ROLE`; `values` more than one of 2 by 3 by 1 metres; SI units, angles in degrees."""

    kind: str
    values: tuple[float, ...]
    end: int

    @property
    def value(self) -> float:
        return self.values[0]


def number(tokens: Sequence[Token], at: int) -> tuple[float, int] | None:
    """A number in digits or words that begins here, and where it ends."""
    if at < len(tokens) and tokens[at].kind == "number":
        value, end = tokens[at].value, at + 1
        if end < len(tokens) and tokens[end].word in _LARGE:
            return value * _LARGE[tokens[end].word], end + 1
        if end < len(tokens) and tokens[end].word == "k" and tokens[end].kind == "word":
            return value * 1000, end + 1
        return value, end
    total, current, end, seen = 0.0, 0.0, at, False
    while end < len(tokens):
        word = tokens[end].word
        if word in _ONES or word in _TENS:
            current += _ONES.get(word, 0) + _TENS.get(word, 0)
        elif word in _LARGE and (seen or tokens[max(0, end - 1)].word in ("a", "an", "one")):
            scale = _LARGE[word]
            current = (current or 1) * scale
            if scale >= 1000:
                total, current = total + current, 0.0
        elif word == "and" and seen and current >= 100 and end + 1 < len(tokens) and _small(tokens[end + 1].word):
            pass
        elif word == "dozen" and seen:
            return (total + current) * 12, end + 1
        elif word == "half" and not seen:
            return _half(tokens, end)
        else:
            break
        seen, end = True, end + 1
    if not seen:
        return None
    if end + 2 < len(tokens) and [each.word for each in tokens[end : end + 3]] == ["and", "a", "half"]:
        return total + current + 0.5, end + 3
    if end + 1 < len(tokens) and tokens[end].word == "point" and tokens[end + 1].word in _ONES:
        return total + current + _ONES[tokens[end + 1].word] / 10, end + 2
    return total + current, end


def _small(word: str) -> bool:
    return word in _ONES or word in _TENS


def _half(tokens: Sequence[Token], at: int) -> tuple[float, int] | None:
    """Half a metre, half metre."""
    after = at + 1
    if after < len(tokens) and tokens[after].word in ("a", "an"):
        after += 1
    return (0.5, after) if after < len(tokens) and tokens[after].word in UNITS else None


def measure(tokens: Sequence[Token], at: int) -> Measure | None:
    """2 m, half a metre, 5 metres per second, 1 x 2 x 3 m, 90 degrees; None where no unit follows."""
    start = at
    if at + 1 < len(tokens) and tokens[at].word in ("a", "an", "one"):
        next_word = tokens[at + 1].word
        start = at + 1 if next_word in UNITS or next_word in _LARGE or next_word in ("half", "quarter") else at
    found = number(tokens, at) or number(tokens, start)
    if found is None and start > at and start < len(tokens) and tokens[start].word in UNITS:
        found = (1.0, start)
    if found is None:
        return None
    values, end = [found[0]], found[1]
    first = _unit(tokens, end)
    while len(values) < 3:
        measured = _unit(tokens, end)
        skip = measured[2] if measured else end
        if skip < len(tokens) and tokens[skip].word in ("x", "by") and (more := number(tokens, skip + 1)):
            values.append(more[0])
            end = more[1]
            continue
        break
    unit = _unit(tokens, end) or (first if len(values) > 1 else None)
    if unit is None:
        return None
    kind, factor, after = unit[0], unit[1], max(unit[2], end)
    if kind == "length" and len(values) == 1 and (more := number(tokens, after)):
        inches = _unit(tokens, more[1])
        if inches and tokens[more[1]].word in ("inch", "inches", "cm", "centimetres", "centimeters") and factor > 0.1:
            return Measure(kind, (values[0] * factor + more[0] * inches[1],), inches[2])
    return Measure(kind, tuple(value * factor for value in values), after)


def _unit(tokens: Sequence[Token], at: int) -> tuple[str, float, int] | None:
    if at >= len(tokens):
        return None
    word = tokens[at].word
    if word in ("turns", "turn", "revolutions", "rotations", "times") and _per(tokens, at + 1):
        share, end = _per(tokens, at + 1) or (1.0, at)
        return "turns", 1 / share, end
    if word == "frames" and _per(tokens, at + 1):
        return "frames", 1.0, at + 3
    if word in ("miles", "mile") and _per(tokens, at + 1):
        return "speed", 0.44704, at + 3
    if word == "square":
        return None
    if word not in UNITS:
        return None
    kind, factor = UNITS[word]
    per = _per(tokens, at + 1)
    if per and kind in ("length", "angle", "volume"):
        also = _per(tokens, per[1])
        squared = per[1] < len(tokens) and tokens[per[1]].word == "squared"
        if kind == "length" and (also or squared):
            return "acceleration", factor, also[1] if also else per[1] + 1
        return {"length": "speed", "angle": "angle speed", "volume": "flow"}[kind], factor / per[0], per[1]
    return kind, factor, at + 1


def _per(tokens: Sequence[Token], at: int) -> tuple[float, int] | None:
    if at + 1 < len(tokens) and tokens[at].word in ("per", "a", "an", "each", "every") and tokens[at + 1].word in _PER:
        if tokens[at].word in ("a", "an") and tokens[at + 1].word == "s":
            return None
        return _PER[tokens[at + 1].word], at + 2
    return None
