# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be asked for: the table of tasks, and what of an order a server takes from strangers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..hub import lacking
from ..protocol import order as orders
from ..protocol import policy
from ..protocol.catalog import catalog, spec_of
from ..protocol.errors import UserError, nearest
from ..protocol.job import Request
from ..protocol.order import Order
from ..protocol.recipe import Recipe, load_recipe, names
from ..protocol.weights import seed_of
from ..runners.http import served
from ..runners.runtimes import Runtimes
from . import checks
from .limits import Refusal
from .uploads import ID, Uploads

PLACES = ("url", "assets", "library")
"""Parameters of kind str that name an address or a folder: a stranger may not say where this machine looks."""


@dataclass(frozen=True)
class Task:
    """`recipes`: the first that reads what was given, and no more, is meant."""

    name: str
    help: str
    recipes: tuple[str, ...]


TASKS = (
    Task("text-to-3d", "Words to a textured mesh", ("words_to_mesh", "words_to_shape")),
    Task("image-to-3d", "A picture to a textured mesh", ("photo_to_mesh",)),
    Task("rig", "A mesh to a mesh with bones and skin", ("mesh_to_rig",)),
    Task("film", "A mesh, a picture or words to a body that moves, and its film; a film to a finer one",
         ("mesh_to_film", "motion_to_film", "photo_to_film", "words_to_character", "film_to_film")),
    Task("simulate", "A scene in words, or its document, simulated and filmed", ("words_to_film", "spec_to_film")),
)  # fmt: skip


class Desk:
    """Turns documents into plans. `recipes` is a folder of recipes that this server offers beside the presets."""

    def __init__(self, uploads: Uploads, runtimes: Runtimes, recipes: Path | None = None) -> None:
        self._uploads, self._runtimes = uploads, runtimes
        found = sorted(recipes.glob("*.toml")) if recipes else []
        self._own = {path.stem: str(path) for path in found}
        every = {name: load_recipe(self._own.get(name, name)) for name in sorted({*names("recipes"), *self._own})}
        self.recipes = {name: recipe for name, recipe in every.items() if {*recipe.inputs} <= {*checks.ROLES}}
        """By name; those whose inputs can be sent."""
        wanted = {step.do for name in self._own for step in every[name].steps}
        self.steps = [
            spec.id for spec in catalog().values() if served(spec) and (spec.task != "check" or spec.id in wanted)
        ]
        """What is done for others; a step that is there for tests only where a recipe of one's own has it."""

    def order(self, data: Mapping[str, Any]) -> Order:
        """A stranger's document as an order; raises `UserError` on all that is none, or names a file of this disk."""
        order = Order.of(data, name="the order")
        for each, known in (("recipe", self.recipes), ("quality", names("quality")), ("gate", names("gates"))):
            value = getattr(order, each)
            if value not in ("", *known):
                raise UserError(f"There is no {each} {value[:60]!r} here. {nearest(value, known)}", kind="usage")
        named = [each for each in order.paths() if each != "recipe"]
        for step, params in order.settings.items():
            named += [f"settings.{step}.{each}" for each in params if each in PLACES]
        if order.out:
            named.append("out")
        if named:
            text = f"{named[0]} names a file or an address, which this server takes from nobody. Leave it out."
            raise UserError(text, kind="usage")
        for role, id in order.inputs.items():
            _upload_id(role, id)
        return order

    def plan(self, order: Order) -> tuple[Recipe, dict[str, Path]]:
        """What is to be done, proved to be allowed here and to have all that it reads."""
        files = self._files(order.inputs)
        recipe, inputs = replace(
            order, recipe=self._own.get(order.recipe, order.recipe), inputs={k: str(v) for k, v in files.items()}
        ).plan()
        self._able(recipe)
        return recipe, inputs

    def _able(self, recipe: Recipe) -> None:
        """Raise `UserError` where it may not, or cannot, be done here."""
        policy.current().check(recipe)
        for step in recipe.steps:
            spec = spec_of(step.do)
            self._runtimes.command(spec.runtime)
            if lacks := lacking(spec, step.params):
                raise lacks

    def request(self, document: Mapping[str, Any]) -> Request:
        """One step's order: {step, inputs, params, seed}; raises `UserError` on one that is not done for others."""
        spec = spec_of(document["step"])
        if spec.id not in self.steps:
            raise UserError(f"{spec.id} is not done for others: it runs where its scene is.", kind="usage")
        known = {param.name: param for param in spec.params}
        for name, value in document["params"].items():
            if name in known and value != known[name].default and _names_place(known[name], value):
                text = f"{spec.id}.{name} names a file or an address, which this server takes from nobody. Leave it "
                raise UserError(text + "empty.", kind="usage")
        found = policy.current().verdict(spec, document["params"])
        if found:
            raise policy.refusal(spec, found)
        self._runtimes.command(spec.runtime)
        files = self._files(document["inputs"])
        return Request.of(spec, files, document["params"], seed=document["seed"])

    def _files(self, inputs: Mapping[str, str]) -> dict[str, Path]:
        """The uploads by role, each of a kind that its role takes."""
        found, missing = {}, []
        for role, id in inputs.items():
            _upload_id(role, id)
            path = self._uploads.path(id)
            if path is None:
                missing.append(id)
            elif path.suffix[1:] not in checks.ROLES.get(role, ()):
                takes = ", ".join(checks.ROLES.get(role, ())) or "nothing of strangers"
                raise UserError(f"{role} takes {takes}, and this is {path.suffix[1:]}. Send another.")
            else:
                found[role] = path
        if missing:
            text = f"{missing[0]} was not sent, or not kept. Send it to /v1/uploads first."
            raise Refusal(409, "missing", text, missing=missing)
        return found

    def recipe_of(self, task: Task, given: Mapping[str, Any]) -> str:
        """The recipe that these inputs and words mean."""
        inputs = given.get("inputs")
        roles = set(inputs) - {"mask"} if isinstance(inputs, Mapping) else set()
        backend = catalog().get(str(given.get("backend", "")))
        fits = [name for name in task.recipes if {*self.recipes[name].inputs} == roles]
        for name in fits:
            if not backend or any(spec_of(step.do).task == backend.task for step in self.recipes[name].steps):
                return name
        if fits:
            return fits[0]
        ways = " or ".join(dict.fromkeys(" and ".join(way) or "prompt" for way in self.ways(task)))
        raise UserError(f"{task.name} takes {ways}. Give it that.", kind="usage")

    def ways(self, task: Task) -> list[tuple[str, ...]]:
        """Roles of the inputs that each of its recipes takes."""
        return [self.recipes[name].inputs for name in task.recipes]

    def offers(self) -> list[dict[str, Any]]:
        """Each task with its recipes, and whether they can run here."""
        found = []
        for task in TASKS:
            rows = [self._offer(self.recipes[name], name) for name in task.recipes]
            found.append({"name": task.name, "help": task.help, "recipes": rows})
        return found

    def _offer(self, recipe: Recipe, name: str) -> dict[str, Any]:
        why = ""
        try:
            self._able(recipe)
        except UserError as error:
            why = str(error)
        words = bool(recipe.reader) and not recipe.inputs
        return {"recipe": name, "inputs": list(recipe.inputs), "prompt": words, "ready": not why, "why": why}


def _upload_id(role: str, id: Any) -> None:
    if role not in checks.ROLES:
        text = f"inputs.{str(role)[:40]} is taken from nobody: such files may hold programs. There are: "
        raise UserError(f"{text}{', '.join(checks.ROLES)}.", kind="usage")
    if not isinstance(id, str) or not ID.fullmatch(id):
        raise UserError(f"inputs.{role} takes the id of an upload, sha256:…, not {str(id)[:60]!r}.", kind="usage")


def _names_place(param: Any, value: Any) -> bool:
    if param.kind == "weights":
        return bool(value) and not (
            isinstance(value, str) and value.startswith("random:") and seed_of(value) is not None
        )
    return (param.kind in ("file", "libraries") and bool(value)) or param.name in PLACES


def order_schema(recipes: list[str], *, task: bool = False) -> dict[str, Any]:
    """The JSON Schema of an order as a server takes it; of a task's, without the recipe."""
    schema = {key: value for key, value in orders.schema().items() if key != "$schema"}
    fields = dict(schema["properties"])
    upload = {"type": "string", "pattern": f"^{ID.pattern}$", "description": "The id of an upload"}
    taken = {role: upload for role in checks.ROLES if role in orders.FLAGS}
    fields["inputs"] = {**fields["inputs"], "properties": taken, "description": "Uploads by role"}
    fields["recipe"] = {"enum": recipes}
    fields["quality"] = {"enum": names("quality"), "default": "medium"}
    fields["gate"] = {"enum": ["", *names("gates")], "default": ""}
    fields["until"] = {**fields["until"], "description": "The last step; empty for all"}
    fields["settings"] = {**fields["settings"], "description": "Parameters by step; none that names a file or address"}
    del fields["out"]
    title = "An order"
    if task:
        del fields["recipe"]
        title = "An order for a task"
    required = [] if task else ["recipe"]
    return {**schema, "title": title, "properties": fields, "required": required}
