# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of substances: whole, within what a scene accepts, and true to what is known of the things themselves."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections import Counter

import pytest

from galatea.backend.protocol import materials, props, scene
from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.materials import named, resolved, substances


def words(text: str) -> list[str]:
    return text.split()


METALS = words("steel iron aluminium copper brass bronze gold silver lead titanium tin chrome")
WOODS = words("oak pine beech birch walnut mahogany balsa bamboo plywood")
STONES = words("granite marble limestone sandstone slate concrete brick terracotta glass ceramic porcelain ice")
ASKED = words(
    """oak pine beech birch balsa cork bamboo plywood steel iron aluminium copper brass bronze gold silver lead
    titanium chrome granite marble limestone sandstone slate concrete brick clay terracotta asphalt chalk glass crystal
    diamond ice snow ceramic porcelain plastic nylon acrylic foam styrofoam rubber latex silicone jelly wax soap paper
    cardboard cotton silk linen wool velvet denim leather satin canvas felt hemp wicker straw leaf bark grass moss apple
    eggshell mushroom bread cheese chocolate butter bone skin fur feather sand soil mud gravel car_paint water oil honey
    milk lava mercury syrup paint wine blood smoke steam fire"""
)


def rising(field: str, *names: str) -> None:
    values = [getattr(substances()[name], field) for name in names]
    assert values == sorted(values) and len(set(values)) == len(values), dict(zip(names, values, strict=True))


def test_all_that_was_asked_for_is_there_and_every_thing_is_of_something():
    assert set(ASKED) <= set(substances())
    assert {thing.material for thing in props.things().values()} <= set(substances())


def test_a_word_means_one_substance():
    words = Counter(word for row in substances().values() for word in (row.name, *row.words))
    assert [word for word, count in words.items() if count > 1] == []
    assert all(word == word.lower() and " " not in word and "-" not in word for word in words)
    generic = {"wood": "oak", "wooden": "oak", "metal": "steel", "stone": "granite", "fabric": "cotton"}
    assert {word: named()[word] for word in generic} == generic


def test_what_is_wrong_with_a_row_is_said_of_it():
    good = {"words": "", "physics": {"density": 1.0}, "surface": {"color": [1, 1, 1], "roughness": 1.0}, "source": "x"}
    for change, says in (
        ({"physics": {"densty": 1.0}}, "physics: densty is no field. Did you mean 'density'"),
        ({"physics": {}}, "lacks physics.density"),
        ({"colour": "red"}, "colour is no field. There are: words, kind, breaks, physics, surface, source"),
        ({"surface": {"color": [1, 1, 1], "roughness": 1, "glow": 1}}, "surface: glow is no field. There are: color"),
        ({"words": ["a"]}, r"is wrong: words is \['a'\], not a text"),
        ({"physics": 3}, "is wrong: physics is 3, not a table"),
        ({"physics": {"density": 0}}, "is wrong: density is 0, not a number above 0"),
        ({"physics": {"density": 1, "restitution": 7}}, "is wrong: restitution is 7, not a number from 0 to 1"),
        (
            {"surface": {"color": [1, 1, 1], "roughness": "0.3"}},
            "is wrong: roughness is '0.3', not a number from 0 to 1",
        ),
        ({"surface": {"color": [1, 1, 1], "roughness": 1, "pattern": 4}}, "is wrong: pattern is 4, not a text"),
        ({"breaks": "no"}, "is wrong: breaks is 'no', not true or false"),
        ({"surface": {}}, "lacks surface.color"),
        ({"surface": {"color": "red", "roughness": 1.0}}, "is wrong: 'red' is no list"),
        (
            {"surface": {"color": [1, 99, 1], "roughness": 1.0}},
            "is wrong: color is .*, not a list of 3 numbers from 0 to 1",
        ),
        (
            {"surface": {"color": [1, 1], "roughness": 1.0}},
            "is wrong: color is .*, not a list of 3 numbers from 0 to 1",
        ),
        ({"physics": {"density": "heavy"}}, "is wrong: density is 'heavy', not a number above 0"),
        ({"physics": {"density": -1.0}}, "is wrong: density is -1.0, not a number above 0"),
        ({"kind": "jelly"}, "is wrong: kind is 'jelly', not one of solid, cloth, fluid, gas"),
    ):
        with pytest.raises(UserError, match=rf"table\.toml: \[tin_foil\] {says}"):
            materials._row("tin_foil", {**good, **change})
    with pytest.raises(UserError, match=r"things\.toml: \[urn\] lacks size"):
        props._thing("urn", {"words": "", "material": "brass", "type": "rigid_body"})
    with pytest.raises(UserError, match=r"things\.toml: \[urn\] is wrong: size is \[1, 2\], not a list of 3 numbers"):
        props._thing("urn", {"words": "", "size": [1, 2], "material": "brass", "type": "rigid_body"})
    urn = {"words": "", "size": [1, 2, 3], "material": "brass", "type": "rigid_body"}
    with pytest.raises(UserError, match=r"\[urn\] is wrong: material is 'bras', no row of materials"):
        props._thing("urn", {**urn, "material": "bras"})
    with pytest.raises(UserError, match=r"\[urn\] is wrong: material is 'bras', no row of materials"):
        props._thing("urn", {**urn, "called": {"vase": {"material": "bras"}}})
    for change, says in (
        ({"colour": "red"}, r"\[urn\] colour is no field. There are: words, size"),
        ({"called": {"vase": {"sise": [1, 2, 3]}}}, r"\[urn\.called\] vase: sise is no field. Did you mean 'size'"),
        ({"words": ["pot"]}, r"\[urn\] is wrong: words is \['pot'\], not a text"),
        ({"hollow": "no"}, r"\[urn\] is wrong: hollow is 'no', not true or false"),
        ({"called": 3}, r"\[urn\] is wrong: called is 3, not a table"),
        ({"called": {"vase": {"mass": "x"}}}, r"\[urn\] is wrong: mass is 'x', not a number above 0"),
        ({"material": ["brass"]}, r"\[urn\] is wrong: material is \['brass'\], not a text"),
        ({"called": {"vase": {"size": [1, 2]}}}, r"\[urn\] is wrong: size is \[1, 2\], not a list of 3 numbers"),
    ):
        with pytest.raises(UserError, match=says):
            props._thing("urn", {**urn, **change})
    with pytest.raises(UserError, match=r"\[urn\] is wrong: type is 'rigid', not one of rigid_body, soft_body"):
        props._thing("urn", {**urn, "type": "rigid"})


@pytest.mark.parametrize("row", substances().values(), ids=substances())
def test_a_row_is_what_a_document_may_say(row):
    limits = {each.name: each.metadata["param"] for each in dataclasses.fields(scene.Material)}
    for name in set(limits) - {"name", "look", "color"}:
        value = getattr(row, name)
        assert value is None or limits[name].low <= value <= limits[name].high, name
    solid = row.kind in ("solid", "cloth")
    assert row.kind in materials.KINDS and row.source
    assert (row.young_modulus is not None) == solid == (row.poisson_ratio is not None) == (row.friction > 0)
    assert solid or row.viscosity is not None
    sheet = [row.bending_stiffness, row.stretch_stiffness, row.areal]
    assert all(sheet) if row.kind == "cloth" else all(sheet) or not any(sheet)
    surface = dataclasses.asdict(row.surface)
    for color in (surface["color"], surface["accent"] or (0, 0, 0)):
        assert len(color) == 3 and all(0 <= c <= 1 for c in color)
    assert all(0 <= surface[k] <= 1 for k in ("roughness", "metallic", "transmission", "sheen", "coat", "subsurface"))
    assert 1 <= surface["ior"] < 3


def test_the_order_of_densities_is_that_of_the_world():
    rising("density", *words("steam foam balsa pine oak ice water brick glass aluminium titanium steel copper silver"))
    rising("density", *words("silver lead mercury gold"))
    afloat = [*WOODS, *words("cork ice wax apple oil styrofoam butter")]
    sinks = {*METALS, *STONES, "rubber", "honey", "blood"} - {"ice"}
    assert all(substances()[name].density < 998 for name in afloat)
    assert all(substances()[name].density > 1000 for name in sinks)


def test_the_order_of_stiffness_is_that_of_the_world():
    rising("young_modulus", *words("jelly foam rubber wax plastic oak lead glass titanium steel diamond"))
    assert substances()["cork"].poisson_ratio == 0 and substances()["rubber"].poisson_ratio > 0.48


@pytest.mark.parametrize(("names", "low", "high"), [(METALS, 1100, 6500), (WOODS, 3500, 5600), (STONES, 2000, 5700)])
def test_sound_runs_through_it_as_fast_as_it_does(names, low, high):
    """√(E/ρ): a slip of a power of ten in one of the two is seen. Lead 1190 m/s, chromium 6200."""
    speeds = {name: math.sqrt(substances()[name].young_modulus / substances()[name].density) for name in names}
    assert {name: speed for name, speed in speeds.items() if not low < speed < high} == {}


def test_friction_bounce_and_flow_have_the_order_of_the_world():
    rising("friction", "ice", "teflon", "silk", "oak", "concrete", "rubber")
    rising("restitution", "clay", "lead", "oak", "rubber", "steel")
    rising("viscosity", "mercury", "water", "milk", "blood", "oil", "syrup", "honey", "lava")
    rising("surface_tension", "petrol", "oil", "water", "mercury")
    rising("bending_stiffness", "silk", "cotton", "denim", "leather")
    rising("areal", "silk", "cotton", "denim", "leather", "rubber")
    brittle = {row.name for row in substances().values() if row.breaks}
    assert {"glass", "porcelain", "eggshell", "ice", "brick"} <= brittle
    assert not brittle & {"steel", "rubber", "oak", "cotton", "water"}


def test_what_a_document_says_lies_over_the_row():
    row = resolved(scene.Material(density=123.0, color=(0.1, 0.2, 0.3)), "steel")
    assert (row.name, row.density, row.surface.color) == ("steel", 123.0, (0.1, 0.2, 0.3))
    assert row.friction == substances()["steel"].friction and row.surface.metallic == 1.0
    row = resolved(scene.Material(name="Wooden", friction=0.0), "steel")
    assert (row.name, row.friction) == ("oak", 0.0)
    with pytest.raises(UserError, match=r"'granit'.*Did you mean 'granite'"):
        resolved(scene.Material(name="granit"), "oak")


def test_a_cloth_of_anything_can_hang():
    assert materials.as_sheet(substances()["oak"]).areal == substances()["cotton"].areal
    assert materials.as_sheet(substances()["rubber"]) == substances()["rubber"]


def test_numbers_of_bodies_multiply_to_those_of_pairs():
    ice, rubber = substances()["ice"], substances()["rubber"]
    assert materials.bullet_friction(rubber) ** 2 == pytest.approx(rubber.friction)
    pair = materials.bullet_friction(rubber) * materials.bullet_friction(ice)
    assert pair == pytest.approx(materials.friction_between(rubber, ice)) and 0.1 < pair < 0.3


@pytest.mark.parametrize("floor", ["concrete", "oak", "foam", "sand"])
def test_one_substance_on_one_floor_bounces_exactly(floor):
    row = substances()
    for name in ("rubber", "steel", "clay", "glass"):
        found = materials.bullet_restitutions({"a": row[name], "b": row[name]}, {"floor": row[floor]})
        assert found["a"] * found["floor"] == pytest.approx(materials.restitution_on(row[name], row[floor]), rel=0.05)
        assert all(0 <= value <= 1 for value in found.values())


def test_many_substances_bounce_from_the_floor_as_they_should():
    row = substances()
    moving = {name: row[name] for name in ("rubber", "steel", "glass", "pine", "lead", "silk")}
    found = materials.bullet_restitutions(moving, {"floor": row["concrete"]})
    for name, each in moving.items():
        assert found[name] * found["floor"] == pytest.approx(each.restitution, abs=0.08)
    softer = materials.restitution_between(row["rubber"], row["clay"])
    assert row["clay"].restitution < softer < row["rubber"].restitution
    for a, b in itertools.combinations(moving.values(), 2):
        assert materials.restitution_between(a, b) == pytest.approx(materials.restitution_between(b, a))


def test_a_scene_without_moving_things_is_no_error():
    assert set(materials.bullet_restitutions({}, {"floor": substances()["oak"]})) == {"floor"}


@pytest.mark.parametrize(
    ("name", "says"),
    [("rubbr", "Did you mean 'rubber'"), ("unobtanium", "Did you mean 'titanium'"), ("xyz", "There are: ")],
)
def test_a_scene_of_a_substance_that_there_is_not_is_refused(name, says):
    ball = {"name": "ball", "material": {"name": name}}
    with pytest.raises(UserError, match=rf"objects\[1\].material.name is not known.*{name}.*{says}"):
        scene.validate({"objects": [{"name": "ball", "material": {"name": "Car Paint"}}, ball]})
    with pytest.raises(UserError, match=rf"environment.floor_material is not known.*{name}.*{says}"):
        scene.validate({"objects": [{"name": "ball"}], "environment": {"floor_material": name}})
