# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="valid-type,misc"
"""The document of a scene in words as properties that a panel can edit, built from `protocol.scene`, and its runs.

A field that may be null has a switch beside it, `own_…`: off leaves the choice to the build.
"""

import dataclasses
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    FloatVectorProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from ..backend.protocol import scene, whole
from ..backend.protocol.errors import UserError
from ..backend.protocol.job import hashed
from ..backend.protocol.recipe import Recipe, Step, load_quality, short_name
from ..backend.protocol.spec import parted
from . import exchange, objects, plan, prefs, props
from .runs import Run

OWN = "own_"
_TEXTS = "\n"


def groups() -> list[type]:
    """Property groups in the order in which Blender must learn them; that of the whole document is the last."""
    made: list[type] = []
    _group_of(scene.SceneSpec, made)
    return made


def _group_of(kind: type, made: list[type]) -> type:
    annotations: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        meta, name = field.metadata, field.name
        if "group" in meta:
            annotations[name] = PointerProperty(type=_group_of(meta["group"], made), name=props.title(name))
        elif "items" in meta:
            annotations[name] = CollectionProperty(type=_group_of(meta["items"], made), name=props.title(name))
        elif "texts" in meta:
            annotations[name] = StringProperty(name=props.title(name), description=meta["help"])
        else:
            annotations[name] = _property(field)
            if meta["open"]:
                help = f"Set {props.title(name).lower()} yourself; off leaves it to the build"
                annotations[OWN + name] = BoolProperty(name="", description=help, options=set())
    if kind is scene.SceneSpec:
        annotations["active"] = IntProperty(name="Object", options={"SKIP_SAVE"})
    group = type(f"GALATEA_PG_scene_{kind.__name__}", (bpy.types.PropertyGroup,), {"__annotations__": annotations})
    made.append(group)
    return group


def _property(field: Any) -> Any:
    meta, default = field.metadata, field.default
    param = dataclasses.replace(meta["param"], name=field.name)
    if meta["size"]:
        default = default if default is not None else (1.0,) * meta["size"]
        span = {"min": param.low, "max": param.high}
        look = {"subtype": "COLOR_GAMMA"} if field.name == "color" else {"precision": 3, "step": 10}
        return FloatVectorProperty(
            name=props.named(param), description=props.tip(param), default=default, size=meta["size"], **span, **look
        )
    if default is None:
        start = 0.0 if param.low is None else min(max(0.0, param.low), param.high)
        param = dataclasses.replace(param, default=start)
    if param.name == "version":
        param = dataclasses.replace(param, low=0)
    return props.of_param(param)


def load(group: Any, spec: Any) -> None:
    """Let the properties hold the document."""
    for field in dataclasses.fields(spec):
        meta, name, value = field.metadata, field.name, getattr(spec, field.name)
        if "group" in meta:
            load(getattr(group, name), value)
        elif "items" in meta:
            rows = getattr(group, name)
            rows.clear()
            for each in value:
                load(rows.add(), each)
        elif "texts" in meta:
            setattr(group, name, _TEXTS.join(value))
        else:
            if meta["open"]:
                setattr(group, OWN + name, value is not None)
            if value is not None:
                setattr(group, name, value)


def document(group: Any, kind: Any = scene.SceneSpec) -> dict[str, Any]:
    """What the properties hold, as the JSON document has it; not proved yet."""
    found: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        meta, name = field.metadata, field.name
        value = getattr(group, name)
        if "group" in meta:
            found[name] = document(value, meta["group"])
        elif "items" in meta:
            found[name] = [document(each, meta["items"]) for each in value]
        elif "texts" in meta:
            found[name] = [line for line in value.split(_TEXTS) if line]
        elif meta["open"] and not getattr(group, OWN + name):
            found[name] = None
        elif meta["size"]:
            found[name] = [_short(each) for each in value]
        else:
            found[name] = props.value_of(group, dataclasses.replace(meta["param"], name=name))
    return found


def _short(value: float) -> float:
    """Blender keeps floats in 32 bits, and 0.1 must stay 0.1."""
    return float(f"{value:.7g}")


def scalars(kind: type) -> Iterator[tuple[str, bool]]:
    """Names of the plain fields and whether they may be null, for a panel."""
    for field in dataclasses.fields(kind):
        if "param" in field.metadata:
            yield field.name, field.metadata["open"]


def reading(context: bpy.types.Context) -> Run:
    """A run that reads the words of the panel; its document comes into the panel when it ends."""
    settings = props.settings(context)
    words = settings.prompt.strip()
    if not words:
        raise UserError("Say in the prompt what is there and what happens.")
    parser = Recipe("Read", (Step(settings.parser),), ())
    changes = plan.chosen(settings, [settings.parser], parser)
    changes.setdefault(settings.parser, {})["prompt"] = words
    recipe = parser.merged(changes)
    recipe.check()
    run = Run(
        title=f"{short_name(words)}: Read",
        preset="",
        steps=plan.rows_of(recipe),
        inputs={},
        settings=changes,
        seed=settings.seed,
        scene=False,
    )
    return plan.written(run, recipe)


def run_of(context: bpy.types.Context, steps: list[str], *, verb: str, shown: bool) -> Run:
    """A run of steps on the document that the panel holds; raises `UserError` where it is wrong."""
    settings = props.settings(context)
    folder = prefs.data_folder() / "inputs"
    path = write(settings.cast, folder / "scene.json", by_content=True)
    quality = load_quality(settings.quality or "medium")
    usual = {"camera": {"seconds": 0.0}}
    base = Recipe(verb, tuple(Step(do, {**quality.get(do, {}), **usual.get(do, {})}) for do in steps), ("spec",))
    changes = plan.chosen(settings, steps, base)
    if "build" in steps:
        changes.setdefault("build", {}).update(_shelf(folder, changes.get("build", {}).get("assets", "")))
    recipe = base.merged(changes)
    recipe.check()
    given = {do: {**usual.get(do, {}), **changes.get(do, {})} for do in steps}
    name = short_name(settings.cast.words or settings.prompt or "Scene")
    run = Run(
        title=f"{name}: {verb}",
        preset="",
        steps=plan.rows_of(recipe),
        inputs={"spec": str(path)},
        settings={do: params for do, params in given.items() if params},
        quality=settings.quality or "medium",
        seed=settings.seed,
        scene=shown,
        replaces=objects.built(context.scene) if shown else [],
    )
    return plan.written(run, recipe)


def _shelf(folder: Path, said: str) -> dict[str, str]:
    """Where a Blender in the background looks for things: what is marked as an asset in the open file, written out;
    the libraries that were named in the panel; those of Blender's preferences."""
    own = exchange.write_assets(folder)
    usual = [each.path for each in bpy.context.preferences.filepaths.asset_libraries if Path(each.path).is_dir()]
    places = [*([str(own)] if own else []), *parted(said), *usual]
    return {"assets": os.pathsep.join(dict.fromkeys(places))} if places else {}


def _spoken(message: str, group: Any) -> str:
    """The same with names as the panel has them, in place of those of the file."""
    found = re.match(r"scene\.json: (?:(\w+)\[(\d+)\]\.)?([\w.]+):? ", message)
    if not found:
        return message
    rows, number, field = found.groups()
    of = getattr(group, rows)[int(number)] if rows else None
    name = getattr(of, "name", "") or (f"{props.title(rows).removesuffix('s')} {int(number) + 1}" if rows else "Scene")
    return f"{name}: {props.title(field.replace('.', '_'))} {message[found.end() :]}"


def write(group: Any, path: Path, *, by_content: bool = False) -> Path:
    """Write the panel's document, proved; `by_content` puts its hash into the name, so that equal ones share a file."""
    try:
        text = scene.validate(document(group)).dumps()
    except UserError as error:
        raise UserError(_spoken(str(error), group), kind=error.kind, hint=error.hint) from None
    if by_content:
        path = path.with_name(f"{path.stem}-{hashed(text.encode())[:12]}{path.suffix}")
    whole.write(path, text.encode())
    return path
