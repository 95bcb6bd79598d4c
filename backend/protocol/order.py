# SPDX-License-Identifier: GPL-3.0-or-later
"""The job file: one JSON document is one order, whoever gives it.

{"schema": 1, "recipe": "photo_to_mesh", "inputs": {"image": "photos/toad.jpg"}, "prompt": "", "backend": "",
 "quality": "medium", "gate": "", "until": "", "seed": 0, "settings": {"clean": {"faces": 5000}}, "out": ""}

Only `recipe` must be there. Relative paths are relative to the folder of the file. It comes from strangers: sizes,
types, names and values are checked, and nothing of it is opened before `plan` is asked for.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from . import whole
from .catalog import spec_of
from .errors import UserError, nearest
from .gate import gated
from .recipe import Recipe, load_quality, load_recipe, names, short_name
from .spec import parted

SCHEMA = 1
MOST_BYTES = 1 << 20
"""A longer file is no order."""
MOST_WORDS, MOST_PATH, MOST_ITEMS = 10_000, 4096, 64
MOST_SEED = (1 << 31) - 1
FLAGS = {"model": "mesh", **{role: role for role in ("image", "mask", "scene", "motion", "film", "spec")}}
"""What a role of the inputs is called on the command line."""
_TEXTS = ("recipe", "prompt", "backend", "quality", "gate", "until", "out")
_PRESETS = {"recipe": "recipes", "quality": "quality", "gate": "gates"}


@dataclass(frozen=True)
class Order:
    """What is to be done, in the words of presets, steps and roles; `plan` says what that is.

    `inputs` are paths by role, or whatever a server has in place of them; `recipe`, `quality` and `gate` are names of
    presets or TOML files; `settings` are parameters by step, each of its parameter's own type.
    """

    recipe: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    prompt: str = ""
    backend: str = ""
    quality: str = "medium"
    gate: str = ""
    until: str = ""
    seed: int = 0
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    out: str = ""

    @classmethod
    def read(cls, path: Path) -> Order:
        """From a file; raises `UserError` on anything that is no order."""
        return cls.of(load(Path(path)), base=Path(os.path.abspath(path)).parent, name=Path(path).name)

    @classmethod
    def of(cls, data: Any, *, base: Path | None = None, name: str = "job file") -> Order:
        """From what JSON holds, relative paths from `base`; without one they stay as they are."""
        if not isinstance(data, Mapping):
            raise _wrong(name, "", f"is {type(data).__name__}, not one order in {{}}.")
        known = ["schema", *(each.name for each in fields(cls))]
        _known(data, known, name, "field")
        if data.get("schema", SCHEMA) != SCHEMA or isinstance(data.get("schema"), bool):
            raise _wrong(name, "schema", f"is {str(data['schema'])[:40]!r}, and this version reads {SCHEMA}.")
        if not data.get("recipe"):
            raise _wrong(name, "recipe", f"is missing. There are: {', '.join(names('recipes'))}.")
        texts = {each: _text(data.get(each, ""), name, each) for each in known if each in _TEXTS and each in data}
        texts |= {each: _based(texts[each], base) for each in _PRESETS if texts.get(each, "").endswith(".toml")}
        texts |= {"out": _based(texts.get("out", ""), base), "prompt": texts.get("prompt", "").strip()}
        seed = data.get("seed", 0)
        if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed <= MOST_SEED:
            raise _wrong(name, "seed", f"takes a whole number from 0 to {MOST_SEED}.")
        inputs = _group(data.get("inputs", {}), name, "inputs")
        _known(inputs, FLAGS, name, "input")
        paths = {role: _based(_text(path, name, f"inputs.{role}", least=1), base) for role, path in inputs.items()}
        settings = _settings(_group(data.get("settings", {}), name, "settings"), base, name)
        return cls(**texts, inputs=paths, seed=seed, settings=settings)

    def document(self) -> dict[str, Any]:
        """All fields, as JSON takes them."""
        return {"schema": SCHEMA, **asdict(self)}

    def line(self) -> str:
        """One line of a batch, without its end."""
        return _readable(json.dumps(self.document(), sort_keys=True, ensure_ascii=False))

    def text(self) -> str:
        """The job file: every order has one text, byte for byte."""
        return _readable(json.dumps(self.document(), sort_keys=True, ensure_ascii=False, indent=1)) + "\n"

    def save(self, path: Path) -> None:
        """Write the job file whole or not at all; raises `UserError` where it cannot be written."""
        try:
            whole.write(path, self.text().encode())
        except OSError as error:
            raise UserError(f"Cannot write {path}: {error.strerror}. Choose another.", kind="output") from None

    def paths(self) -> Iterator[str]:
        """Fields, beside the inputs and `out`, that name files of this machine: a server takes none of strangers."""
        yield from (each for each, kind in _PRESETS.items() if getattr(self, each) not in ("", *names(kind)))
        for do, params in self.settings.items():
            kinds = {param.name: param.kind for param in spec_of(do).params}
            yield from (f"settings.{do}.{each}" for each in params if kinds[each] in ("file", "libraries", "weights"))

    def plan(self) -> tuple[Recipe, dict[str, Path]]:
        """The recipe with all settings in it, and the inputs by role; raises `UserError` on what does not fit.

        Whether the policy allows it is asked by `policy.current().check(recipe)`.
        """
        recipe = load_recipe(self.recipe)
        if self.backend:
            recipe = recipe.with_backend(self.backend)
        kept = {step.do for step in (recipe.until(self.until) if self.until else recipe).steps}
        if self.gate:
            recipe, kept = gated(recipe, self.gate), {*kept, "report"}
        recipe = recipe.with_quality(load_quality(self.quality or "medium"))
        inputs = {role: Path(path) for role, path in self.inputs.items()}
        if "image" in inputs and any(step.do == "bring" for step in recipe.steps):
            recipe = recipe.merged({"bring": {"name": short_name(inputs["image"].stem)}})
        if self.prompt:
            recipe = recipe.with_prompt(self.prompt)
        recipe = recipe.merged(self.settings)  # of the whole, of which a farm's task does a part
        recipe = replace(recipe, steps=tuple(step for step in recipe.steps if step.do in kept))
        recipe.check()
        _fits(recipe, inputs)
        return recipe, inputs

    def words(self, *more: str) -> list[str]:
        """The arguments of the command line that give this order; `more` are flags of how it is run."""
        found = ["run", self.recipe, *(["--until", self.until] if self.until else [])]
        for role, path in self.inputs.items():
            found += [f"--{FLAGS[role]}", path]
        for flag, value in (("out", self.out), ("backend", self.backend), ("quality", self.quality)):
            found += [f"--{flag}", value] if value else []
        found += ["--seed", str(self.seed), *(["--gate", self.gate] if self.gate else []), *more]
        if self.prompt:
            found += [f"--prompt={self.prompt}"] if self.prompt.startswith("-") else ["--prompt", self.prompt]
        for step, params in self.settings.items():
            for name, value in params.items():
                found += ["--set", f"{step}.{name}={str(value).lower() if isinstance(value, bool) else value}"]
        return found

    def into(self, out: Path) -> Order:
        """The same order for another folder."""
        return replace(self, out=str(out))


def schema() -> dict[str, Any]:
    """The JSON Schema of a job file; parameters by step stand in the catalogue (`galatea backends --all --json`)."""
    presets = {each: f"{', '.join(names(kind))}, or a .toml file" for each, kind in _PRESETS.items()}
    told = {
        **presets,
        "prompt": "What to make, where a recipe begins with words",
        "backend": "The model in place of the recipe's own",
        "until": "The last step",
        "out": "The folder for its files, relative to the job file",
    }
    texts = {each: {"type": "string", "maxLength": MOST_PATH, "description": told[each]} for each in told}
    texts["prompt"]["maxLength"] = MOST_WORDS
    path = {"type": "string", "minLength": 1, "maxLength": MOST_PATH}
    value = {"type": ["string", "number", "integer", "boolean"]}
    params = {"type": "object", "maxProperties": MOST_ITEMS, "additionalProperties": value}
    files = {"type": "object", "additionalProperties": False, "properties": dict.fromkeys(FLAGS, path)}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A job file of Galatea",
        "type": "object",
        "additionalProperties": False,
        "required": ["recipe"],
        "properties": {
            "schema": {"const": SCHEMA},
            **texts,
            "inputs": {**files, "description": "Files by role, relative to the job file"},
            "seed": {"type": "integer", "minimum": 0, "maximum": MOST_SEED, "default": 0},
            "settings": {**params, "additionalProperties": params, "description": "Parameters by step"},
        },
    }


def load(path: Path) -> Any:
    """What stands in a job file, whether or not it is an order."""
    try:
        with path.open("rb") as file:
            return parse(file.read(MOST_BYTES + 1), path.name)
    except FileNotFoundError:
        raise UserError(f"There is no file {path}. Choose another.", kind="usage") from None
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror}. Choose another.", kind="usage") from None


def parse(text: bytes | str, name: str) -> Any:
    """What JSON holds; raises `UserError` where it is none, too long, too deep or has two meanings."""
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if len(data) > MOST_BYTES:
        raise _wrong(name, "", f"is longer than {MOST_BYTES} bytes, so it is no order. Choose another file.")
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        odd = {RecursionError: "it is nested too deeply", UnicodeDecodeError: "it is no text"}
        said = odd.get(type(error), str(error)[:200])
        raise _wrong(name, "", f"is no JSON ({said}). Mend it, or choose another.") from None


def _fits(recipe: Recipe, inputs: Iterable[str]) -> None:
    """Raise `UserError` where words or files are lacking, or nobody reads what was given."""
    said = next((step.params.get("prompt", "") for step in recipe.steps if step.do == recipe.reader), "")
    if recipe.reader and not recipe.inputs and not str(said).strip():
        raise UserError(f'{recipe.name} needs words. Say what to make: --prompt "a red armchair".', kind="usage")
    for role in recipe.inputs:
        if role not in inputs:
            raise UserError(f"{recipe.name} needs --{FLAGS.get(role, role)}. Give it one.", kind="usage")
    takes = {role for step in recipe.steps for role in spec_of(step.do).inputs + spec_of(step.do).optional}
    for role in inputs:
        if role not in takes:
            text = f"{recipe.name} takes no --{FLAGS.get(role, role)}: none of its steps reads it."
            raise UserError(text, kind="usage")


def _wrong(name: str, where: str, problem: str) -> UserError:
    return UserError(" ".join(filter(None, (name + ":" * bool(name and where), where, problem))), kind="usage")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in one {}")
    return found


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number of JSON")


def _known(data: Mapping[str, Any], known: Iterable[str], name: str, what: str) -> None:
    for each in data:
        if each not in known:
            raise _wrong(name, str(each)[:60], f"is no {what}. {nearest(str(each), known)}")


def _group(value: Any, name: str, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or len(value) > MOST_ITEMS:
        raise _wrong(name, where, f"takes a group of at most {MOST_ITEMS} in {{}}.")
    return value


def _text(value: Any, name: str, where: str, *, least: int = 0) -> str:
    most = MOST_WORDS if where == "prompt" else MOST_PATH
    if not isinstance(value, str) or not least <= len(value) <= most or "\0" in value:
        raise _wrong(name, where, f"takes a text of {least} to {most} characters. Give it fewer.")
    return value


def _based(path: str, base: Path | None) -> str:
    """Relative to the folder of the file."""
    return os.path.normpath(base / path) if path and base else path


def _settings(given: Mapping[str, Any], base: Path | None, name: str) -> dict[str, dict[str, Any]]:
    """Each value as its parameter's own type."""
    found: dict[str, dict[str, Any]] = {}
    for do, params in given.items():
        spec = spec_of(do)
        known = {param.name: param for param in spec.params}
        for key, value in _group(params, name, f"settings.{str(do)[:60]}").items():
            if key not in known:
                raise UserError(f"{do} has no parameter {key[:60]!r}. It has: {', '.join(known)}.", kind="usage")
            if isinstance(value, str):
                value = _text(value, name, "prompt" if known[key].kind == "str" else f"settings.{do}.{key}")
                if known[key].kind == "file":
                    value = _based(value, base)
                if known[key].kind == "libraries":
                    value = os.pathsep.join(_based(each, base) for each in parted(value))
            try:
                found.setdefault(do, {})[key] = known[key].check(value, do)
            except (OverflowError, RuntimeError):  # too many digits, or the home of nobody
                raise _wrong(name, f"settings.{do}.{key}", f"takes {known[key].kind}. Change it.") from None
    return found


def _readable(text: str) -> str:
    """Letters of all scripts as they are; half of a pair, which UTF-8 cannot hold, as JSON writes it."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
