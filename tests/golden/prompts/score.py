# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of what people asked for a parser understood: each prompt's asserted slots against the spec that it made.

A slot is a dotted path and what must stand there: a value; a list of values, any of which will do; or for numbers a
text such as ">0.5", "<-5" or "1.9..2.1". Vectors are named by x y z or width depth height, `speed` is their length.

- `objects.NAME…`: the first thing whose name means NAME (a thing of things.toml, or a word); `NAME_2` is the second.
- `relation.target`: the name of the thing that is meant, or floor, wall.
- `color`: the everyday name of the colour that it comes nearest to.
- `events.KIND…`: the first event of that kind; its target by name too.
- `total.NAME`: how many of them in all. `soft…`: the first soft body. `field.kind`: what any force field does.
- `air.speed`: the strongest wind from environment, fields and events. `push.x`: of any velocity or push.
- `hangs.NAME`: the names of what it hangs from. `rope.length`: of any rope. `turning.NAME`: degrees a second.
- `night.dark`: it is night by the hour or by the light.
"""

from __future__ import annotations

import colorsys
import math
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.props import named
from galatea.backend.protocol.scene import Item, SceneSpec

AXES = {"x": 0, "y": 1, "z": 2, "width": 0, "depth": 1, "height": 2}
HUES = ((15, "red"), (42, "orange"), (70, "yellow"), (165, "green"), (255, "blue"), (300, "purple"), (345, "pink"))
Parse = Callable[[str], SceneSpec]


def prompts(folder: Path) -> Iterator[dict[str, Any]]:
    """All of a folder's files in order: words, expect, film."""
    for path in sorted(folder.glob("*.toml")):
        yield from tomllib.loads(path.read_text(encoding="utf-8"))["prompt"]


def score(parse: Parse, folder: Path) -> tuple[int, int, list[str]]:
    """Slots that are right, slots asserted, and a line for each that is wrong."""
    right, failures = 0, []
    total = 0
    for prompt in prompts(folder):
        slots = list(_flat(prompt["expect"]))
        total += len(slots)
        try:
            spec = parse(prompt["words"])
        except UserError as error:
            failures += [f"{prompt['words'][:60]!r} {slot}: {error}" for slot, _ in slots]
            continue
        for slot, wanted in slots:
            found = slot_of(spec, slot)
            if fits(found, wanted):
                right += 1
            else:
                failures.append(f"{prompt['words'][:60]!r} {slot}: {found!r}, not {wanted!r}")
    return right, total, failures


def _flat(group: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in group.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield before + name, value


def fits(found: Any, wanted: Any) -> bool:
    """`found` may be a set of values of which one is enough."""
    if isinstance(found, set):
        return any(fits(each, wanted) for each in found)
    if isinstance(wanted, list):
        return any(fits(found, each) for each in wanted)
    if isinstance(wanted, bool) or isinstance(found, bool):
        return found is wanted
    if isinstance(found, (int, float)) and isinstance(wanted, str):
        if wanted[0] in "<>":
            limit = float(wanted[1:])
            return found > limit if wanted[0] == ">" else found < limit
        low, _, high = wanted.partition("..")
        return float(low) <= found <= float(high)
    return bool(found == wanted)


def plain(name: str) -> str:
    """The thing of things.toml that a name means, by all of its words or the last; else the name."""
    words = name.lower().strip().replace(" ", "_").replace("-", "_")
    return named().get(words) or named().get(words.rpartition("_")[2]) or words


def slot_of(spec: SceneSpec, slot: str) -> Any:
    """What stands there; None where nothing does."""
    head, *rest = slot.split(".")
    told = _DERIVED.get(head)
    if told:
        return told(spec, *rest)
    if head == "objects":
        item = _thing(spec, rest[0])
        return None if item is None else _walk(spec, item, rest[1:])
    if head == "soft":
        soft = next((each for each in spec.objects if each.type == "soft_body"), None)
        return None if soft is None else _walk(spec, soft, rest)
    if head == "events":
        event = next((each for each in spec.events if each.kind == rest[0]), None)
        return None if event is None else _walk(spec, event, rest[1:])
    return _walk(spec, spec, [head, *rest])


def _thing(spec: SceneSpec, name: str) -> Item | None:
    base, _, number = name.rpartition("_")
    which = int(number) if number.isdigit() else 1
    found = _things(spec, base if number.isdigit() else name)
    return found[which - 1] if which <= len(found) else None


def _things(spec: SceneSpec, name: str) -> list[Item]:
    return [each for each in spec.objects if plain(each.name) == name]


def _walk(spec: SceneSpec, at: Any, path: list[str]) -> Any:
    for name in path:
        if at is None:
            return None
        if name == "speed" and isinstance(at, tuple):
            at = math.hypot(*at)
        elif name in AXES and isinstance(at, tuple):
            at = at[AXES[name]]
        elif name in ("target", "other", "a", "b"):
            at = _meant(spec, getattr(at, name))
        elif name == "color":
            at = colour(at.color)
        else:
            at = getattr(at, name)
    return at


def _meant(spec: SceneSpec, id: str) -> str:
    found = next((each for each in spec.objects if each.id == id), None)
    return plain(found.name) if found else id


def colour(rgb: tuple[float, ...] | None) -> str | None:
    """The everyday name of an sRGB colour."""
    if rgb is None:
        return None
    hue, saturation, value = colorsys.rgb_to_hsv(*rgb)
    if value < 0.2:
        return "black"
    if saturation < 0.15:
        return "white" if value > 0.8 else "grey"
    degrees = hue * 360
    name = next((name for limit, name in HUES if degrees < limit), "red")
    if name in ("red", "orange", "yellow") and value < 0.65 and degrees > 8:
        return "brown"
    return "pink" if name == "red" and saturation < 0.65 and value > 0.8 else name


def _total(spec: SceneSpec, name: str) -> int:
    return sum(each.count for each in _things(spec, name))


def _field(spec: SceneSpec, _kind: str) -> set[str]:
    return {each.field for each in spec.objects if each.type == "force_field"}


def _air(spec: SceneSpec, _speed: str) -> float:
    fields = [each.strength for each in spec.objects if each.type == "force_field" and each.field == "wind"]
    events = [each.strength for each in spec.events if each.kind == "wind"]
    return max([math.hypot(*spec.environment.wind), *fields, *events])


def _push(spec: SceneSpec, axis: str) -> set[float]:
    at = AXES[axis]
    pushes = {each.direction[at] * each.strength for each in spec.events if each.kind == "push"}
    return pushes | {each.initial_velocity[at] for each in spec.objects}


def _hangs(spec: SceneSpec, name: str) -> set[str]:
    found = set()
    for item in _things(spec, name):
        if item.relation.kind == "hanging_from":
            found.add(_meant(spec, item.relation.target))
        for joint in spec.constraints:
            if item.id in (joint.a, joint.b):
                found.add("rope" if joint.kind == "rope" else _meant(spec, joint.b if item.id == joint.a else joint.a))
    return found


def _rope(spec: SceneSpec, _length: str) -> set[float]:
    ropes = {each.dimensions[2] for each in _things(spec, "rope") if each.dimensions}
    return ropes | {each.length for each in spec.constraints if each.kind == "rope" and each.length}


def _turning(spec: SceneSpec, name: str) -> set[float]:
    things = _things(spec, name)
    spins = {each.speed * 360 for each in things if each.type == "animated" and each.motion == "spin"}
    return spins | {math.hypot(*each.angular_velocity) for each in things}


def _night(spec: SceneSpec, _dark: str) -> bool:
    hour = spec.environment.time_of_day
    return spec.environment.light == "night" or (hour is not None and (hour >= 20 or hour <= 5))


_DERIVED: dict[str, Callable[..., Any]] = {
    "total": _total, "field": _field, "air": _air, "push": _push, "hangs": _hangs, "rope": _rope,
    "turning": _turning, "night": _night,
}  # fmt: skip
