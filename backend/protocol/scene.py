# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: RUF009 - the calls make fields of the dataclasses
"""A scene in words made exact: what stands where, of what, how it moves, who films it. One document, `scene.json`.

Parsers write it, people edit it, the step `build` makes a Blender scene of it. Units are SI (m, s, kg, N, Pa), angles
in degrees; Z is up and -Y the front, so that left is -X as the camera sees it. What is null is chosen by `build`.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import fields, materials, whole
from .errors import UserError, nearest
from .recipe import names

VERSION = 1
LARGEST = 1_000_000
"""Bytes of a document that is read at all."""
MOST_OBJECTS, MOST_INSTANCES = 100, 500
TYPES = ("rigid_body", "soft_body", "fluid", "smoke", "cloth", "passive", "animated", "force_field")
SHAPES = ("auto", "box", "sphere", "cylinder", "cone", "capsule", "hull", "mesh", "compound")
RELATIONS = (
    "none", "on", "in", "under", "above", "over", "left_of", "right_of", "in_front_of", "behind", "beside", "near",
    "around", "against", "between", "hanging_from", "through",
)  # fmt: skip
ARRANGEMENTS = ("auto", "row", "column", "stack", "grid", "circle", "scattered", "pile", "pyramid", "wall")
LIGHTS = tuple(name for name in names("lights") if name != "hdri")
"""Without the one that wants a file."""
PLACES = ("floor", "wall", "world")
"""What a relation or a constraint may name that is no object."""


@dataclass(frozen=True)
class Relation:
    """Where a thing is, seen from another."""

    kind: str = fields.choice("none", RELATIONS, "Where it is, seen from the target")
    target: str = fields.text("", "The id of another object, or floor, wall")
    other: str = fields.text("", "The second object of between")
    distance: float | None = fields.number(None, "Free space between the two", 0.0, 1000.0, "m")


@dataclass(frozen=True)
class Material:
    """What is null comes from presets/materials/table.toml by `name`."""

    name: str = fields.text("", "A material of the table, such as rubber, oak or silk; empty is the object's usual one")
    color: tuple[float, ...] | None = fields.vector(None, "Its colour as sRGB; null is the material's own", 0.0, 1.0)
    look: str = fields.text("", "Words for its surface: shiny, matt, striped, glowing, transparent")
    density: float | None = fields.number(None, "Mass by volume", 0.01, 30_000.0, "kg/m³")
    friction: float | None = fields.number(None, "Coefficient of friction against itself", 0.0, 2.0)
    restitution: float | None = fields.number(None, "Share of its speed that a bounce gives back", 0.0, 1.0)
    young_modulus: float | None = fields.number(None, "Stiffness", 1.0, 2e12, "Pa")
    poisson_ratio: float | None = fields.number(None, "How much it bulges when pressed", -0.9, 0.5)
    bending_stiffness: float | None = fields.number(
        None, "Of cloth, Blender's scale: silk 0.05, leather 150", 0.0, 10_000.0
    )
    stretch_stiffness: float | None = fields.number(
        None, "Of cloth, Blender's scale: silk 5, leather 80", 0.0, 10_000.0
    )
    viscosity: float | None = fields.number(None, "Kinematic, of fluids: water 1e-6", 0.0, 100.0, "m²/s")


@dataclass(frozen=True)
class Mesh:
    """A mesh file to take instead of what the name finds; parsers cannot set it."""

    file: str = fields.text("", "A glb, gltf, obj, fbx, usd, stl, ply or blend file")
    sha256: str = fields.text("", "Of the file, so that another one is noticed")


@dataclass(frozen=True)
class Item:
    """One line of the cast; `count` of them stand in the scene."""

    id: str = fields.text("", "A name of its own in this document: letters, digits, _; made of `name` where empty")
    name: str = fields.text("", "What it is, one noun in the singular: ball, staircase, tablecloth, water, wind")
    look: str = fields.text("", "The words that were said of it")
    count: int = fields.whole(1, "How many", 1, MOST_INSTANCES)
    arrangement: str = fields.choice("auto", ARRANGEMENTS, "How several of them stand together")
    type: str = fields.choice("rigid_body", TYPES, "How physics treats it; passive stands still and is hit")
    shape: str = fields.choice("auto", SHAPES, "Its collision shape; auto is the prop's own")
    dimensions: tuple[float, ...] | None = fields.vector(
        None, "Width, depth, height; null is its usual size", 1e-4, 1000.0, "m"
    )
    position: tuple[float, ...] | None = fields.vector(
        None, "Base centre of the first one; null is chosen", -1000.0, 1000.0, "m"
    )
    height: float | None = fields.number(
        None, "How far above what is below it starts, where no position is given", 0.0, 1000.0, "m"
    )
    rotation: tuple[float, ...] = fields.vector((0.0, 0.0, 0.0), "Euler XYZ", -3600.0, 3600.0, "°")
    relation: Relation = fields.part(Relation, "Where it is")
    initial_velocity: tuple[float, ...] = fields.vector((0.0, 0.0, 0.0), "At the start", -300.0, 300.0, "m/s")
    angular_velocity: tuple[float, ...] = fields.vector(
        (0.0, 0.0, 0.0), "At the start, about the world's axes", -36_000.0, 36_000.0, "°/s"
    )
    material: Material = fields.part(Material, "Of what it is")
    mass: float | None = fields.number(None, "Of one; null is volume times density", 1e-6, 1e9, "kg")
    pinned: str = fields.choice(
        "none", ("none", "top", "corners", "left", "right", "ends"), "What holds a cloth, a rope or a soft body"
    )
    pieces: int = fields.whole(0, "Pieces that it breaks into when it is hit hard; 0 stays whole", 0, 200)
    flow: float = fields.number(
        0.0, "Of a fluid or smoke that pours out of its place, litres a second; 0 is a block of it", 0.0, 1000.0, "l/s"
    )
    field: str = fields.choice("none", ("none", "wind", "vortex", "turbulence", "attract", "repel"), "Of a force field")
    strength: float = fields.number(1.0, "Of a force field: m/s of wind, m/s² at 1 m of the others", 0.0, 1000.0)
    motion: str = fields.choice(
        "none", ("none", "spin", "swing", "bob", "slide", "roll", "walk", "fly"), "Of what is animated"
    )
    direction: tuple[float, ...] = fields.vector(
        (1.0, 0.0, 0.0), "Where an animated motion or a field goes; the axis of a spin", -1.0, 1.0
    )
    speed: float = fields.number(
        1.0, "Of an animated motion: m/s, turns a second of a spin, cycles a second of others", 0.0, 300.0
    )
    seed: int = fields.whole(0, "Another number, another one of its kind", 0, 2**31 - 1)
    mesh: Mesh = fields.part(Mesh, "A file of its own")


@dataclass(frozen=True)
class Environment:
    """Where it all happens, and what acts on all of it."""

    gravity: tuple[float, ...] = fields.vector((0.0, 0.0, -9.81), "The moon has -1.62", -300.0, 300.0, "m/s²")
    medium: str = fields.choice("air", ("air", "water", "vacuum"), "What all of it is in: drag and lift")
    wind: tuple[float, ...] = fields.vector((0.0, 0.0, 0.0), "Where it blows to and how fast", -100.0, 100.0, "m/s")
    turbulence: float = fields.number(0.0, "Share of the wind that changes", 0.0, 10.0)
    floor: bool = fields.flag(True, "There is a floor at height 0")
    floor_material: str = fields.text("", "Of the table; empty is a plain floor")
    walls: bool = fields.flag(False, "There are four walls around the scene")
    weather: str = fields.choice("none", ("none", "rain", "snow", "sparks", "leaves"), "What falls from the sky")
    time_of_day: float | None = fields.number(None, "Hour; null is a studio", 0.0, 24.0, "h")
    light: str = fields.choice("auto", ("auto", *LIGHTS), "A light of the step stage")


@dataclass(frozen=True)
class Constraint:
    """What ties two objects together."""

    kind: str = fields.choice(
        "hinge", ("hinge", "spring", "fixed", "rope", "slider", "ball"), "How two objects hang together"
    )
    a: str = fields.text("", "The id of an object")
    b: str = fields.text("world", "The id of another, or world")
    anchor: tuple[float, ...] | None = fields.vector(None, "Where they meet; null is chosen", -1000.0, 1000.0, "m")
    axis: tuple[float, ...] = fields.vector((0.0, 1.0, 0.0), "Of a hinge or slider", -1.0, 1.0)
    low: float | None = fields.number(None, "Least angle or way; null is free", -3600.0, 3600.0, "° or m")
    high: float | None = fields.number(None, "Greatest angle or way; null is free", -3600.0, 3600.0, "° or m")
    length: float | None = fields.number(None, "Of a rope or a spring at rest", 0.001, 1000.0, "m")
    stiffness: float = fields.number(100.0, "Of a spring", 0.0, 1e9, "N/m")
    damping: float = fields.number(0.5, "Of a spring", 0.0, 1e6, "N·s/m")


@dataclass(frozen=True)
class Event:
    """What happens at a time."""

    time: float = fields.number(0.0, "When", 0.0, 600.0, "s")
    kind: str = fields.choice(
        "release", ("release", "explode", "break", "push", "open", "close", "stop", "wind"), "What happens"
    )
    target: str = fields.text("", "The id of an object; none for wind")
    index: int = fields.whole(-1, "Which of several, from 0; -1 is all of them", -1, MOST_INSTANCES)
    strength: float = fields.number(1.0, "Of an explosion or push: m/s that it gives; of wind: m/s", 0.0, 300.0)
    direction: tuple[float, ...] = fields.vector((1.0, 0.0, 0.0), "Of a push or wind", -1.0, 1.0)


@dataclass(frozen=True)
class Camera:
    """Who films it; what is `auto` the step `camera` chooses."""

    path: str = fields.choice(
        "auto",
        (
            "auto", "still", "swing", "orbit", "turntable", "spiral", "dolly", "push", "truck", "crane", "follow",
            "handheld", "vertigo",
        ),
        "A path of the step camera; auto is chosen",
    )  # fmt: skip
    shots: str = fields.text("", "Several shots with cuts, as the step camera reads them")
    elevation: float | None = fields.number(None, "How high it stands", -5.0, 80.0, "°")


@dataclass(frozen=True)
class Simulation:
    """How long, how fine, and by what."""

    duration: float = fields.number(5.0, "How long", 0.1, 120.0, "s")
    ends_at_rest: bool = fields.flag(False, "The film ends a second after all is at rest; duration is the longest then")
    frame_rate: int = fields.whole(24, "Frames a second", 1, 240)
    timestep: float | None = fields.number(None, "Of physics; null is chosen for stability", 1e-5, 0.1, "s")
    engine: str = fields.choice("blender", ("blender", "mujoco"), "What moves rigid and articulated bodies")
    slow_motion: float = fields.number(1.0, "2 is half as fast", 0.1, 100.0)


@dataclass(frozen=True)
class SceneSpec:
    """`unplaced` are words that a parser could not place, `notes` what it assumed: shown, never dropped silently."""

    version: int = fields.whole(VERSION, "Of this schema", VERSION, VERSION)
    words: str = fields.text("", "What was asked for")
    parser: str = fields.text("", "What read it")
    objects: tuple[Item, ...] = fields.listed(Item, MOST_OBJECTS, "The cast")
    environment: Environment = fields.part(Environment, "Where it happens")
    constraints: tuple[Constraint, ...] = fields.listed(Constraint, 200, "What hangs together")
    events: tuple[Event, ...] = fields.listed(Event, 100, "What happens when")
    camera: Camera = fields.part(Camera, "Who films it")
    simulation: Simulation = fields.part(Simulation, "How long and how fine")
    seed: int = fields.whole(0, "Of all that is left to chance", 0, 2**31 - 1)
    unplaced: tuple[str, ...] = field(default=(), metadata={"texts": 200, "help": "Words that could not be placed"})
    notes: tuple[str, ...] = field(default=(), metadata={"texts": 200, "help": "What was assumed"})

    def item(self, id: str) -> Item:
        """By its id; raises `KeyError`."""
        for each in self.objects:
            if each.id == id:
                return each
        raise KeyError(id)

    def to_json(self) -> dict[str, Any]:
        return json.loads(json.dumps(dataclasses.asdict(self)))  # type: ignore[no-any-return]

    def dumps(self) -> str:
        return json.dumps(self.to_json(), indent=1, ensure_ascii=False) + "\n"


def read(path: Path) -> SceneSpec:
    """A scene's document from a file; raises `UserError` naming the field and what it takes."""
    try:
        data = whole.read_json(path, LARGEST)
    except (OSError, ValueError) as error:
        raise UserError(f"Cannot read {path}: {error}. It should be a scene in JSON.", kind="usage") from None
    return validate(data)


def validate(data: Any) -> SceneSpec:
    """A document as a spec with all defaults; raises `UserError` naming the field and what it takes."""
    spec = fields.group(SceneSpec, data, "")
    spec = dataclasses.replace(spec, objects=_named(spec.objects))
    if not spec.objects:
        raise fields.wrong("objects", "is empty. Name at least one thing.")
    if sum(each.count for each in spec.objects) > MOST_INSTANCES:
        raise fields.wrong("objects", f"are more than {MOST_INSTANCES} things in all. Lower their count.")
    known = [each.id for each in spec.objects]
    _substance(spec.environment.floor_material, "environment.floor_material")
    for number, each in enumerate(spec.objects):
        _substance(each.material.name, f"objects[{number}].material.name")
        where = f"objects[{number}].relation"
        if each.relation.kind != "none":
            _known(each.relation.target, (*known, *PLACES), f"{where}.target")
            if each.relation.target == each.id:
                raise fields.wrong(f"{where}.target", f"is the object {each.id!r} itself. Name another.")
        if each.relation.kind == "between":
            _known(each.relation.other, (*known, *PLACES), f"{where}.other")
    for number, joint in enumerate(spec.constraints):
        _known(joint.a, known, f"constraints[{number}].a")
        _known(joint.b, (*known, *PLACES), f"constraints[{number}].b")
    for number, event in enumerate(spec.events):
        if event.kind != "wind" or event.target:
            _known(event.target, known, f"events[{number}].target")
    return spec


def _named(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """Each with a name and an id of its own."""
    used = {each.id for each in items if each.id}
    seen: set[str] = set()
    done = []
    for number, each in enumerate(items):
        if not each.name.strip() and not each.mesh.file:
            raise fields.wrong(f"objects[{number}].name", "is empty. Say what it is: ball, table, water.")
        if each.id and (not each.id.replace("_", "").isalnum() or each.id in PLACES):
            raise fields.wrong(f"objects[{number}].id", f"takes letters, digits and _, not {each.id!r}.")
        if each.id and each.id in seen:
            raise fields.wrong(f"objects[{number}].id", f"{each.id!r} is used twice. Each object has one of its own.")
        plain = "".join(c if c.isalnum() else "_" for c in each.name.lower()).strip("_") or "thing"
        plain = plain if plain not in PLACES else f"{plain}_1"
        free = (name for k in range(1, MOST_OBJECTS + 2) if (name := plain if k == 1 else f"{plain}_{k}") not in used)
        id = each.id or next(free)
        used.add(id)
        seen.add(id)
        done.append(dataclasses.replace(each, id=id))
    return tuple(done)


def _known(id: str, known: Any, where: str) -> None:
    if id not in known:
        raise fields.wrong(where, f"names {id!r}, which is not in the scene. {nearest(id, known)}")


def _substance(name: str, where: str) -> None:
    try:
        materials.substance(name) if name else None
    except UserError as error:
        raise fields.wrong(where, f"is not known. {error}") from None


def schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of the document."""
    told = fields.told(SceneSpec)
    told["required"] = ["objects"]
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Galatea scene"}
    return {**head, "description": (__doc__ or "").strip(), **told}
