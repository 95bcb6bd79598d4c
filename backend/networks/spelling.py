# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON of a schema, character by character: what may come next, so that a model can write nothing else.

Written as `json.dumps` writes: ": " and ", ", no other spaces. A state is a stack of what is still to come, the next
on top; it is never changed, so that a piece of text can be tried and dropped. Objects, arrays, texts, numbers, words of
a list and true or false are known, which is what the scene's schema is made of. Limits of numbers are kept afterwards
by `held`: a prefix of digits cannot tell whether it will end within them.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]
State = tuple[tuple[Any, ...], ...]

CHARS = "".join(chr(code) for code in range(32, 127))
MOST_TEXT, MOST_DIGITS = 60, 8
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")
_BEGUN = re.compile(r"-?((0|[1-9]\d*)(\.\d*)?)?")


def start(schema: Schema) -> State:
    """What a value of the schema begins with."""
    if schema.get("type") == "object":
        return (("group", schema, ()), ("say", "{"))
    if "items" in schema:
        return (("list", schema, 0), ("say", "["))
    if "enum" in schema:
        return (("one", tuple(f'"{each}"' for each in schema["enum"]), ""),)
    kind = schema["type"] if isinstance(schema["type"], str) else schema["type"][0]
    if kind == "boolean":
        return (("one", ("true", "false"), ""),)
    if kind == "string":
        return (("text", "pattern" in schema, 0), ("say", '"'))
    return (("number", kind == "integer", ""),)


def step(state: State, char: str, hurry: bool = False) -> State | None:
    """After one more character; None where it cannot come. `hurry`: only what leads to the end."""
    if not state:
        return None
    return _STEPS[state[-1][0]](state[:-1], state[-1], char, hurry)


def walk(state: State, text: str, hurry: bool = False) -> State | None:
    """After a text."""
    for char in text:
        found = step(state, char, hurry)
        if found is None:
            return None
        state = found
    return state


def allowed(state: State, hurry: bool = False) -> str:
    """All characters that may come next; none at the end."""
    return "".join(char for char in CHARS if step(state, char, hurry) is not None)


def forced(state: State, hurry: bool = False) -> tuple[str, State]:
    """What must come next, as far as there is no choice, and the state after it."""
    said = ""
    while state:
        if state[-1][0] == "say":
            said += state[-1][1]
            state = state[:-1]
            continue
        choice = allowed(state, hurry)
        if len(choice) != 1:
            break
        found = step(state, choice, hurry)
        assert found is not None
        said, state = said + choice, found
    return said, state


def held(data: Any, schema: Schema) -> Any:
    """Numbers brought within their limits."""
    if isinstance(data, dict):
        return {name: held(value, schema["properties"][name]) for name, value in data.items()}
    if isinstance(data, list):
        return [held(each, schema["items"]) for each in data]
    if isinstance(data, (int, float)) and not isinstance(data, bool):
        return min(max(data, schema.get("minimum", data)), schema.get("maximum", data))
    return data


def _say(rest: State, top: tuple[Any, ...], char: str, hurry: bool) -> State | None:
    text = top[1]
    if char != text[0]:
        return None
    return (*rest, ("say", text[1:])) if len(text) > 1 else rest


def _one(rest: State, top: tuple[Any, ...], char: str, hurry: bool) -> State | None:
    """Each ends with a quote, so that none is the beginning of another."""
    _, options, before = top
    text = before + char
    if text in options:
        return rest
    return (*rest, ("one", options, text)) if any(each.startswith(text) for each in options) else None


def _text(rest: State, top: tuple[Any, ...], char: str, hurry: bool) -> State | None:
    """It begins with a letter or digit, for an empty one says nothing; a pattern means names of letters, digits, _."""
    _, name, count = top
    if char == '"':
        return rest if count else None
    if char == "\\" or char not in CHARS or count >= MOST_TEXT or (hurry and count):
        return None
    fits = char.isalnum() or (count and (char == "_" or not name))
    return (*rest, ("text", name, count + 1)) if fits else None


def _number(rest: State, top: tuple[Any, ...], char: str, hurry: bool) -> State | None:
    _, whole, before = top
    text = before + char
    complete = bool(_NUMBER.fullmatch(before))
    fits = _BEGUN.fullmatch(text) and len(text) <= MOST_DIGITS and not (whole and char == ".")
    if fits and not (len(text) == MOST_DIGITS and char not in string.digits) and not (hurry and complete):
        return (*rest, ("number", whole, text))
    return step(rest, char, hurry) if complete else None


def _list(rest: State, top: tuple[Any, ...], char: str, hurry: bool) -> State | None:
    _, schema, count = top
    least, most = schema.get("minItems", 0), schema.get("maxItems", 1 << 30)
    if char == "]":
        return rest if count >= least else None
    if count >= most or (hurry and count >= least):
        return None
    inside = (*rest, ("list", schema, count + 1), *start(schema["items"]))
    if count == 0:
        return step(inside, char, hurry)
    return (*inside, ("say", " ")) if char == "," else None


def _group(rest: State, top: tuple[Any, ...], char: str, hurry: bool) -> State | None:
    _, schema, used = top
    missing = set(schema.get("required", ())) - set(used)
    if char == "}":
        return None if missing else rest
    if len(used) == len(schema["properties"]) or (hurry and not missing):
        return None
    if not used:
        return (*rest, ("key", schema, used, "")) if char == '"' else None
    return (*rest, ("key", schema, used, ""), ("say", ' "')) if char == "," else None


def _key(rest: State, top: tuple[Any, ...], char: str, hurry: bool) -> State | None:
    _, schema, used, before = top
    text = before + char
    names = [name for name in schema["properties"] if name not in used and f'{name}": '.startswith(before)]
    if hurry:
        names = [name for name in names if name in schema.get("required", ())] or names
    for name in names:
        if text == f'{name}": ':
            return (*rest, ("group", schema, (*used, name)), *start(schema["properties"][name]))
    begun = any(f'{name}": '.startswith(text) for name in names)
    return (*rest, ("key", schema, used, text)) if begun else None


_STEPS = {
    "say": _say, "one": _one, "text": _text, "number": _number, "list": _list, "group": _group, "key": _key,
}  # fmt: skip
