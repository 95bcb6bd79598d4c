# SPDX-License-Identifier: GPL-3.0-or-later
"""A recipe: steps in order, with parameters. TOML, so that people can share and read it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from .catalog import catalog, spec_of
from .errors import UserError, nearest
from .place import data_folder

T = TypeVar("T")
PRESETS = Path(__file__).resolve().parents[2] / "presets"
VERSION = 1
MOST_BYTES = 1 << 20
"""Of a preset that are read."""


@dataclass(frozen=True)
class Step:
    """One of a recipe, and what it is told."""

    do: str
    params: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Recipe:
    """`inputs` are the roles that the user gives; every other file comes from a step."""

    name: str
    steps: tuple[Step, ...]
    inputs: tuple[str, ...] = ("image",)

    def merged(self, settings: Mapping[str, Mapping[str, Any]]) -> Recipe:
        """The recipe with parameters replaced; a step that it does not have is refused."""
        for do in settings:
            spec_of(do)
            self.index(do)
        steps = tuple(replace(step, params={**step.params, **settings.get(step.do, {})}) for step in self.steps)
        return replace(self, steps=steps)

    def with_quality(self, quality: Mapping[str, Mapping[str, Any]]) -> Recipe:
        """The recipe with a quality preset's parameters where it says nothing itself."""
        steps = tuple(replace(step, params={**quality.get(step.do, {}), **step.params}) for step in self.steps)
        return replace(self, steps=steps)

    def with_backend(self, backend: str) -> Recipe:
        """The recipe with another model for the same task."""
        models = [spec for spec in catalog().values() if spec.runtime != "blender"]
        tasks = [spec.task for spec in models]
        mine = {task for step in self.steps if tasks.count(task := spec_of(step.do).task) > 1}
        spec = spec_of(backend, [spec.id for spec in models if spec.task in mine])
        if spec.runtime == "blender":
            text = f"{backend} is a step of the scene, no backend. Write a recipe with it as a [[step]]."
            raise UserError(text, kind="usage")
        task = spec.task
        if not any(spec_of(step.do).task == task for step in self.steps):
            there = ", ".join(dict.fromkeys(spec_of(step.do).task for step in self.steps))
            text = f"{self.name} has no step of the task {task}, which {backend} does. Its tasks are: {there}."
            raise UserError(text, kind="usage")
        steps = tuple(
            Step(backend) if spec_of(step.do).task == task and step.do != backend else step for step in self.steps
        )
        return replace(self, steps=steps)

    @property
    def reader(self) -> str:
        """The step that is told in words what to make: the first with a parameter `prompt`. Empty where none is."""
        takes = (step.do for step in self.steps if step.do in catalog() and catalog()[step.do].takes_words)
        return next(takes, "")

    def with_prompt(self, words: str) -> Recipe:
        """The recipe with these words for the step that reads; without a photo the object is named after them."""
        if not self.reader:
            able = ", ".join(spec.id for spec in catalog().values() if spec.takes_words)
            raise UserError(f"{self.name} has no step that takes words. These do: {able}.", kind="usage")
        told: dict[str, dict[str, Any]] = {self.reader: {"prompt": words}}
        if "image" not in self.inputs and any(step.do == "bring" for step in self.steps):
            told["bring"] = {"name": short_name(words)}
        return self.merged(told)

    def index(self, do: str) -> int:
        """Where a step stands; raises `UserError` where the recipe has it not."""
        mine = [step.do for step in self.steps]
        if do not in mine:
            raise UserError(f"{self.name} has no step {do!r}. It has: {', '.join(mine)}.", kind="usage")
        return mine.index(do)

    def until(self, last: str) -> Recipe:
        """The recipe without the steps after `last`."""
        return replace(self, steps=self.steps[: self.index(last) + 1])

    def check(self) -> None:
        """Raise `UserError` where a step or parameter is unknown or a file that a step needs is made by nobody."""
        have = set(self.inputs)
        for step in self.steps:
            spec = spec_of(step.do)
            spec.fill(step.params)
            for role in spec.inputs:
                if role not in have:
                    there = f"Before it there is: {', '.join(sorted(have)) or 'nothing'}."
                    text = f"{self.name}: {step.do} needs {role!r}, and no earlier step makes it. {there}"
                    raise UserError(text, kind="usage")
            have.update(spec.outputs)


def short_name(text: str) -> str:
    """A name for what comes of a photo's name or of words; colons trip the tools that it goes to, and Blender takes no
    bytes of a file's name that are no UTF-8."""
    plain = text.encode("utf-8", "ignore").decode().replace(":", " ")
    return " ".join(plain.split())[:60].strip() or "Galatea"


def read_toml(path: Path) -> dict[str, Any]:
    """A preset's tables, its version checked and taken out."""
    import tomllib

    try:
        with path.open("rb") as file:
            data = tomllib.loads(file.read(MOST_BYTES).decode("utf-8"))
        str(data)  # ValueError where a number has more digits than can be shown
    except FileNotFoundError:
        raise UserError(f"There is no file {path}.", kind="usage") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"Cannot read {path}: {str(error)[:200]}. Mend the file.", kind="usage") from None
    if data.pop("version", None) != VERSION:
        text = f"{path} has no `version = {VERSION}`. Write it at the top, unless it was made for another Galatea."
        raise UserError(text, kind="usage")
    return data


def names(kind: str) -> list[str]:
    """Presets of a kind (`recipes`, `quality`, `gates`), without suffix."""
    return sorted(path.stem for path in (PRESETS / kind).glob("*.toml"))


def mine(kind: str) -> list[Path]:
    """The user's own presets of a kind, in the folder of its name in the data folder."""
    return sorted((data_folder() / kind).glob("*.toml"))


def find(kind: str, name: str) -> Path:
    """The file of a preset, by its name, ours first, or by a path that ends with .toml."""
    if name in names(kind):
        return PRESETS / kind / f"{name}.toml"
    if name.endswith(".toml"):
        return Path(name)
    own = {path.stem: path for path in mine(kind)}
    if name in own:
        return own[name]
    there = nearest(name, [*names(kind), *own])
    yours = f"A file of yours ends with .toml, or lies in {data_folder() / kind}."
    raise UserError(f"There is no {kind.removesuffix('s')} {name!r}. {there} {yours}", kind="usage")


def load_recipe(name: str) -> Recipe:
    """By name from the presets, or any TOML file by path."""
    path = find("recipes", name)
    data = read_toml(path)
    known(path, data, ("name", "inputs", "step"))
    try:
        steps = tuple(Step(_word(item["do"]), {k: v for k, v in item.items() if k != "do"}) for item in data["step"])
        usual = [] if steps and steps[0].do == Recipe("", steps).reader else ["image"]
        recipe = Recipe(_word(data["name"]), steps, tuple(map(_word, listed(data.get("inputs", usual)))))
    except (KeyError, TypeError, AttributeError):
        needs = '`name`, [[step]] tables with `do`, and `inputs` as a list such as ["image"]'
        raise UserError(f"{path} is no recipe: it needs {needs}.", kind="usage") from None
    with _of_file(path):
        recipe.check()
    return recipe


@contextmanager
def _of_file(path: Path) -> Iterator[None]:
    """What is wrong with what stands in this file is said with its name."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{path}: {error}", kind=error.kind, hint=error.hint) from None


def known(path: Path, data: Mapping[str, Any], fields: Iterable[str], where: str = "") -> None:
    """Raise `UserError` on a field of this file that nobody reads: it was meant to be another."""
    for name in data:
        if name not in fields:
            shown = fields if where else ["version", *fields]
            text = f"{path}: {where}{name[:60]} is no field. {nearest(name, fields, shown)}"
            raise UserError(text, kind="usage")


@contextmanager
def of_row(path: Path, name: str) -> Iterator[None]:
    """What is wrong with this table of the file is said of it."""
    try:
        yield
    except (KeyError, TypeError, AttributeError) as error:
        why = f"lacks {error.args[0]}" if isinstance(error, KeyError) else f"is wrong: {error}"
        raise UserError(f"{path}: [{name}] {why}. Mend the file.", kind="usage") from error


def numbers(name: str, value: Any, count: int = 0, most: float = math.inf, *, above: bool = False) -> Any:
    """As it is where it is a finite number from 0 to `most`, or `above` 0, or so many of them in a list."""
    row = listed(value) if count else [value]
    good = all(
        isinstance(each, int | float) and not isinstance(each, bool) and 0 <= each <= most and each < math.inf
        for each in row
    )
    if not good or len(row) != (count or 1) or (above and not all(row)):
        what = f"a list of {count} numbers" if count else "a number"
        room = "above 0" if above else f"from 0 {'on' if most == math.inf else f'to {most:g}'}"
        raise TypeError(f"{name} is {value!r}, not {what} {room}")
    return tuple(value) if count else value


def are_numbers(value: Any, count: int = 0, most: float = math.inf) -> bool:
    """`numbers` would let it pass."""
    try:
        numbers("", value, count, most)
    except TypeError:
        return False
    return True


_KINDS: dict[type, str] = {str: "a text", bool: "true or false", dict: "a table"}


def of_kind(kind: type[T], name: str, value: Any) -> T:
    """As it is where it is a text, true or false, or a table, as `kind` says: str, bool or dict."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} is {value!r}, not {_KINDS[kind]}")
    return value


def listed(value: Any) -> list[Any]:
    """As it is where it is a list: a text would be one of letters."""
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is no list such as [{value!r}]")
    return value


def _word(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 200:
        raise TypeError("it is no text, or a long one")
    return value


def load_quality(name: str) -> dict[str, dict[str, Any]]:
    """Parameters by step of a quality preset."""
    path = find("quality", name)
    data = read_toml(path)
    data.pop("name", None)
    for do, params in data.items():
        if not isinstance(params, dict):
            raise UserError(f"{path}: {do[:60]} is no table of parameters. Mend the file.", kind="usage")
        with _of_file(path):
            spec_of(do).fill(params)
    return data


def parse_settings(texts: Iterable[str]) -> dict[str, dict[str, Any]]:
    """`step.param=value` texts from the command line, checked against the catalogue."""
    settings: dict[str, dict[str, Any]] = {}
    for text in texts:
        target, equals, value = text.partition("=")
        do, dot, name = target.partition(".")
        if not (equals and dot and do and name):
            raise UserError(f"{text!r} is not of the form step.param=value.", kind="usage")
        settings.setdefault(do, {})[name] = spec_of(do).fill({name: value})[name]
    return settings
