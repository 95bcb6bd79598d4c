# SPDX-License-Identifier: GPL-3.0-or-later
"""The things that we build: each fills its box, is a closed solid, can be hit and held as it looks, and is the same
again from the same seed. What is wrong is named; right is an empty list."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import bpy
import numpy as np
import pytest
import trimesh

from galatea.addon.scene.lib.material.substance import KEY, material
from galatea.addon.scene.props import builders, make
from galatea.addon.scene.props.prop import Joint, Part
from galatea.backend.protocol.materials import substances
from galatea.backend.protocol.props import called, named, things

ALL = sorted(things())
ROUND = ("sphere", "cylinder", "cone", "capsule")
TURN = np.linspace(0, 2 * np.pi, 8, endpoint=False)
AROUND = np.stack([np.cos(TURN), np.sin(TURN), 0 * TURN], axis=1)


def plain(name: str) -> bpy.types.Material:
    """A stand-in for the material of a substance."""
    found = bpy.data.materials.get(name or "own")
    if found is None:
        found = bpy.data.materials.new(name or "own")
        found.use_nodes = True
    return found


@dataclass
class Body:
    """A part as arrays: `own` points (V, 3) in its frame, `points` in the thing's, `triangles` and `corners` (T, 3)."""

    name: str
    shape: str
    own: np.ndarray
    points: np.ndarray
    triangles: np.ndarray
    corners: np.ndarray
    uv: np.ndarray
    sides: np.ndarray
    materials: tuple[str, ...]
    skin: np.ndarray
    sound: bool


def body(part: Part) -> Body:
    mesh, place = part.mesh, np.array(part.place)
    materials = tuple(each.name for each in mesh.materials)
    sound = len(mesh.uv_layers) == 1 and not mesh.validate()
    mesh.calc_loop_triangles()
    own = np.empty((len(mesh.vertices), 3), np.float32)
    uv = np.empty((len(mesh.loops), 2), np.float32)
    both = np.empty((2, len(mesh.loop_triangles), 3), np.int32)
    sides, skin = np.empty((2, len(mesh.polygons)), np.int32)
    mesh.vertices.foreach_get("co", own.ravel())
    mesh.uv_layers[0].data.foreach_get("uv", uv.ravel())
    mesh.loop_triangles.foreach_get("vertices", both[0].ravel())
    mesh.loop_triangles.foreach_get("loops", both[1].ravel())
    mesh.polygons.foreach_get("loop_total", sides)
    mesh.polygons.foreach_get("material_index", skin)
    at = own.astype(float) @ place[:3, :3].T + place[:3, 3]
    return Body(part.name, part.shape, own.astype(float), at, *both, uv, sides, materials, skin, sound)


@cache
def build(word: str, words: str = "", seed: int = 0) -> tuple[tuple[Body, ...], tuple[Joint, ...]]:
    thing = called()[word]
    prop = make(thing.name, thing.size, plain, seed, f"{word} {words}")
    return tuple(body(part) for part in prop.parts), tuple(prop.joints)


def solid(bodies: Iterable[Body]) -> trimesh.Trimesh:
    """As one mesh in the thing's frame."""
    return trimesh.util.concatenate([trimesh.Trimesh(b.points, b.triangles, process=False) for b in bodies])


def volumes(whole: trimesh.Trimesh) -> np.ndarray:
    """Of each shell; negative is inside out."""
    label = trimesh.graph.connected_component_labels(whole.edges_unique, node_count=len(whole.vertices))
    a, b, c = np.moveaxis(whole.triangles - whole.centroid, 1, 0)
    return np.bincount(label[whole.faces[:, 0]], np.einsum("ij,ij->i", a, np.cross(b, c)) / 6)


def test_what_is_listed_is_built_and_what_is_built_is_listed():
    assert sorted(set(builders()) ^ set(things())) == []


def test_every_word_means_one_thing_and_every_thing_is_of_a_known_substance():
    words = [word for thing in things().values() for word in {thing.name, *thing.words, *thing.called}]
    assert [word for word in set(words) if words.count(word) > 1] == [] and set(words) == set(named())
    assert {thing.material for thing in called().values()} - set(substances()) == set()


def test_it_fills_its_box_and_stands_on_its_middle():
    wrong = []
    for word, thing in called().items():
        size = np.array(thing.size)
        at = np.concatenate([part.points for part in build(word)[0]])
        low, high = at.min(axis=0), at.max(axis=0)
        slack = np.maximum(0.02 * size, 1e-4 + 0.002 * size.max())
        if (np.abs(high - low - size) > slack).any() or (np.abs([*(low + high)[:2] / 2, low[2]]) > slack).any():
            wrong.append((word, size.tolist(), low.round(3).tolist(), high.round(3).tolist()))
    assert wrong == []


def test_it_is_made_of_closed_solids_with_their_outside_out():
    wrong = []
    for word, thing in called().items():
        if thing.type != "cloth":
            whole = solid(build(word)[0])
            if not (whole.is_watertight and whole.is_winding_consistent):
                wrong.append((word, "open"))
            elif volumes(whole).min() <= 0:
                wrong.append((word, "inside out"))
    assert wrong == []


def test_it_is_as_fine_as_it_needs_to_be():
    counts = {name: sum(len(part.sides) for part in build(name)[0]) for name in called()}
    assert {name: count for name, count in counts.items() if not 20 <= count <= 8000} == {}


def test_its_map_is_whole_and_in_metres():
    wrong = []
    for name in ALL:
        for part in build(name)[0]:
            at, drawn, uv = part.own[part.triangles], part.uv[part.corners], part.uv
            real = np.linalg.norm(np.cross(at[:, 1] - at[:, 0], at[:, 2] - at[:, 0]), axis=1).sum()
            (a, b), (c, d) = ((drawn[:, k] - drawn[:, 0]).T for k in (1, 2))
            share = np.abs(a * d - b * c).sum() / real
            inside = np.isfinite(uv).all() and np.abs(uv).max() < 20 * max(things()[name].size)
            if not inside or not 0.25 < share < 4:
                wrong.append((name, part.name, round(float(share), 2)))
    assert wrong == []


def test_its_mesh_is_sound_and_of_some_material():
    bad = [(name, p.name) for name in ALL for p in build(name)[0] if not p.sound or not p.materials]
    assert bad == []


def test_the_same_seed_makes_the_same_and_another_another():
    def made(name: str, seed: int) -> tuple[bytes, tuple[str, ...]]:
        parts, _ = build.__wrapped__(name, seed=seed)
        return b"".join(part.points.tobytes() for part in parts), tuple(m for part in parts for m in part.materials)

    assert [
        name for name in ALL if made(name, 0)[0] != b"".join(part.points.tobytes() for part in build(name)[0])
    ] == []
    assert [name for name in ("vase", "apple", "brick", "book", "barrel") if made(name, 1) == made(name, 2)] == []


def test_what_physics_takes_it_for_is_what_it_is():
    """Primitives fill their box about the origin, round ones about Z; the origin of all else lies within them."""
    wrong = []
    for name in ALL:
        for part in build(name)[0] if things()[name].type != "cloth" else ():
            low, high = part.own.min(axis=0), part.own.max(axis=0)
            wide = high - low
            middle = np.abs(low + high).max() < 0.01 * wide.max() + 1e-6
            good = (low < 0).all() and (high > 0).all()
            if part.shape in ("box", *ROUND):
                good = good and middle
            if part.shape in ROUND:
                good = good and abs(wide[0] - wide[1]) < 0.05 * wide.max()
            if part.shape == "sphere":
                good = good and np.ptp(wide) < 0.05 * wide.max()
            if not good:
                wrong.append((name, part.name, part.shape, low.round(3).tolist(), high.round(3).tolist()))
    assert wrong == []


def roomy(whole: trimesh.Trimesh, size: np.ndarray) -> bool:
    """Somewhere above its floor there is air, with walls on all sides and a floor below."""
    for x, z in itertools.product((0.0, 0.25 * size[0]), size[2] * np.linspace(0.15, 0.85, 15)):
        here = np.array([[x, 0.0, z]])
        held = whole.ray.intersects_any(np.repeat(here, 9, 0), [*AROUND, (0, 0, -1)]).all()
        if held and not whole.contains(here)[0]:
            return True
    return False


def test_hollow_things_have_room_inside():
    hollow = [name for name in ALL if things()[name].hollow]
    assert [name for name in hollow if not roomy(solid(build(name)[0]), np.array(things()[name].size))] == []
    assert not roomy(solid(build("brick")[0]), np.array(things()["brick"].size))


def test_its_joints_hold_parts_that_are_there():
    wrong = []
    for name in ALL:
        bodies, joints = build(name)
        parts = {part.name: part.points for part in bodies}
        assert len(parts) == len(bodies)
        reach = 0.15 * max(things()[name].size)
        for joint in joints:
            at = parts.get(joint.a, np.full((1, 3), np.inf))
            near = (at.min(axis=0) - reach < joint.anchor).all() and (joint.anchor < at.max(axis=0) + reach).all()
            if not near or (joint.b and joint.b not in parts):
                wrong.append((name, joint.a, joint.b))
    assert wrong == []


def test_a_rope_is_one_line_of_pieces_that_meet():
    parts, joints = build("rope")
    assert 12 <= len(parts) <= 20 and len(joints) == len(parts) - 1
    tops = [part.points[:, 2].max() for part in parts]
    assert tops == sorted(tops, reverse=True)
    for part, joint in zip(parts[1:], joints, strict=True):
        assert abs(part.points[:, 2].max() - joint.anchor[2]) < 0.02


def test_the_links_of_a_chain_go_through_each_other_and_do_not_touch():
    links = [solid([part]) for part in build("chain")[0]]
    for link, following in itertools.pairwise(links):
        bar = following.vertices[following.vertices[:, 2] > following.bounds[1, 2] - 1e-6].mean(axis=0)
        assert link.convex_hull.contains([bar])[0]
        assert not link.contains(following.vertices).any() and not following.contains(link.vertices).any()


def test_dice_and_footballs_are_marked_and_an_asked_colour_is_taken():
    assert len(build("die")[0][0].materials) > 1
    shown = np.bincount(build("football")[0][0].skin)
    assert len(shown) == 2 and 0.05 < shown.min() / shown.sum() < 0.5
    assert "own" in build("basketball", "blue")[0][0].materials
    assert "own" not in build("basketball")[0][0].materials


def test_a_colour_of_a_part_is_of_its_substance_and_usual_colours_are_of_usual_substances():
    def colors(substance: str) -> list[Any]:
        prop = make("pin", things()["pin"].size, lambda name: material(name or substance))
        return [json.loads(each[KEY])[:2] for each in prop.parts[0].mesh.materials]

    white, red = colors("plastic")
    assert white[0] == red[0] == "plastic" and min(white[1]) > 0.8 and red[1][0] > 0.7 > 0.2 > red[1][1]
    assert ["oak", None] in colors("oak")


@pytest.mark.parametrize("name", ["cloth", "tablecloth", "curtain", "flag"])
def test_cloths_are_fine_enough_to_drape(name: str):
    sides = build(name)[0][0].sides
    assert len(sides) > 1400 and set(sides) == {4}
