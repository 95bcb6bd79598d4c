# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects drawn by number: closed solids that face outwards, whole objects that may train, the same ones each time."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from galatea.backend.learn.things import build, filters, shape, thing
from galatea.backend.learn.things.catalogues import drawn
from galatea.backend.learn.things.drawn import solids


def volume(solid: solids.Solid) -> float:
    a, b, c = solid[0][solid[1]].swapaxes(0, 1)
    return float((a * np.cross(b, c)).sum() / 6)


def closed(faces: np.ndarray) -> bool:
    """Each edge is there once in each direction."""
    edges = Counter(tuple(edge) for face in faces.tolist() for edge in zip(face, face[1:] + face[:1], strict=True))
    return all(edges[b, a] == count == 1 for (a, b), count in edges.items())


CYLINDER = [(0, 0), (0.5, 0), (0.5, 2), (0, 2)]
SQUARE = [(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)]


@pytest.mark.parametrize(
    ("solid", "want"),
    [
        (solids.box((1, 2, 3), (4, 5, 6)), 6.0),
        (solids.pillow((1, 2, 3), soft=1.0, segments=96), np.pi),
        (solids.pillow((1, 2, 3), soft=0.05, segments=48), 6.0),
        (solids.turned(CYLINDER, 128), np.pi / 2),
        (solids.tube([(0, 0, 0), (0, 0, 1), (0, 0, 2)], 0.5, 128), np.pi / 2),
        (solids.tube(solids.curve([(0, 0, 0), (1, 1, 0), (2, 0, 1)], 40), 0.1, 64), None),
        (solids.slab(SQUARE, 0.5), 0.5),
        (solids.blob([((0, 0, 0), (0, 0, 1), 0.5, 0.5)], 0.01, 96), np.pi * (0.25 + 1 / 6)),
        (solids.placed(solids.box((1, 2, 3)), (1, 2, 3), x=20, y=30, z=40), 6.0),
    ],
    ids=["box", "ellipsoid", "rounded box", "cylinder", "bar", "bent bar", "slab", "capsule", "turned box"],
)
def test_a_solid_is_closed_and_faces_outwards(solid: solids.Solid, want: float | None) -> None:
    assert closed(solid[1])
    if want is None:  # Pappus: the circle's area times the way of its middle
        line = solids.curve([(0, 0, 0), (1, 1, 0), (2, 0, 1)], 400)
        want = np.pi * 0.01 * float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum())
    assert volume(solid) == pytest.approx(want, rel=0.03)


def test_what_is_placed_is_where_it_was_said() -> None:
    points, _ = solids.placed(solids.box((2, 0.1, 0.1), (1, 0, 0)), (0, 0, 5), z=90)
    assert np.allclose(points.max(axis=0), (0.05, 2, 5.05))
    foot, _ = solids.box((1, 1, 2), (0, 0, 3), foot=True)
    assert foot[:, 2].min() == 3 and foot[:, 2].max() == 5


def made(entry: drawn.Entry) -> thing.Thing:
    meta = {"name": entry.name, "category": entry.category, "licence": entry.licence, "author": entry.author}
    return shape.thing(entry.key, entry.read(), {**meta, "source": "drawn", "split": entry.split})


ENTRIES = list(drawn.entries("drawn", Path()))
FIRST = {entry.name.split("-")[1]: entry for entry in reversed(ENTRIES)}


@pytest.mark.parametrize("name", sorted(FIRST))
def test_one_of_each_may_train(name: str) -> None:
    found = made(FIRST[name])
    assert filters.flaw(found) is None
    assert len(found.colors) <= 60 and len(found.faces) < 60_000


def test_an_animal_looks_to_the_front_and_stands() -> None:
    points = made(FIRST["quadruped"]).vertices
    high = points[points[:, 2] > np.quantile(points[:, 2], 0.98)]
    feet = points[points[:, 2] < points[:, 2].min() + 0.02]
    assert feet[:, 1].min() < -0.1 < 0.1 < feet[:, 1].max(), "it has legs in front and behind"
    assert high[:, 1].mean() < 0, "its head is at -Y"


def test_a_number_is_always_the_same_object_and_no_other_one() -> None:
    first, again = (next(e for e in drawn.entries("drawn", Path()) if e.key == ENTRIES[7].key) for _ in range(2))
    assert np.array_equal(made(first).vertices, made(again).vertices)
    prints = [filters.fingerprint(made(entry)) for entry in ENTRIES[0 : 6 * 12 : 6]]
    apart = [np.abs(a - b).mean() for i, a in enumerate(prints) for b in prints[:i]]
    assert min(apart) > 0.001
    assert len({entry.key for entry in ENTRIES}) == len(ENTRIES) == sum(count for count, _ in drawn.FAMILIES.values())


def test_they_are_built_without_any_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("subprocess.run", lambda *_, **__: pytest.fail("nothing is fetched"))
    build.build(tmp_path, ["drawn"], lambda *_: None, limit=3)
    found = build.everything(tmp_path)
    assert [record["status"] for record in found] == ["kept"] * 3
    assert {(record["licence"], record["author"]) for record in found} == {("CC0-1.0", "Galatea")}
