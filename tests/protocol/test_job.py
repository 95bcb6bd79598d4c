# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from galatea.backend.protocol import weights
from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.event import Done, Log, Progress, decode, encode
from galatea.backend.protocol.job import Request
from galatea.backend.protocol.spec import BackendSpec, Param

SPEC = BackendSpec(
    id="demo",
    label="Demo",
    task="check",
    help="",
    inputs=("image",),
    optional=("mask",),
    params=(
        Param("count", "int", 3, "", low=1, high=9),
        Param("size", "float", 1.0, "", low=0.1),
        Param("mode", "choice", "a", "", choices=("a", "b")),
        Param("fast", "bool", False, ""),
    ),
)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "ünï 'quoted' photo.png"
    path.write_bytes(b"pixels")
    return path


def test_id_is_a_fingerprint_of_content_parameters_and_seed(image: Path, tmp_path: Path) -> None:
    one = Request.of(SPEC, {"image": image})
    copy = tmp_path / "copy.png"
    copy.write_bytes(b"pixels")
    assert Request.of(SPEC, {"image": copy}).id == one.id, "the name of a file does not matter"
    assert Request.of(SPEC, {"image": image}, {"count": 3}).id == one.id, "defaults are filled in"
    others = {
        Request.of(SPEC, {"image": image}, {"count": 4}).id,
        Request.of(SPEC, {"image": image}, seed=1).id,
        Request.of(SPEC, {"image": image, "mask": copy}).id,
        Request.of(BackendSpec(**{**SPEC.__dict__, "version": 2}), {"image": image}).id,
    }
    image.write_bytes(b"other pixels")
    others.add(Request.of(SPEC, {"image": image}).id)
    assert len(others) == 5 and one.id not in others


def test_a_seed_that_does_nothing_is_no_part_of_the_id(image: Path) -> None:
    def ids(seeded: str, **params: str) -> int:
        spec = dataclasses.replace(SPEC, seeded=seeded)
        return len({Request.of(spec, {"image": image}, params, seed=seed).id for seed in (0, 1, 2)})

    assert (ids("always"), ids("never"), ids("mode=b"), ids("mode=b", mode="b")) == (3, 1, 1, 3)
    assert Request.of(dataclasses.replace(SPEC, seeded="never"), {"image": image}, seed=7).seed == 0, "so it sees none"


def test_files_that_a_mesh_names_belong_to_it(tmp_path: Path) -> None:
    mesh, texture = tmp_path / "a.obj", tmp_path / "textures" / "a.png"
    mesh.write_text("mtllib a.mtl")
    texture.parent.mkdir()
    texture.write_bytes(b"red")
    before = Request.of(SPEC, {"image": mesh}).id
    texture.write_bytes(b"green")
    assert Request.of(SPEC, {"image": mesh}).id != before


def test_another_program_is_another_job(image: Path) -> None:
    ids = {Request.of(SPEC, {"image": image}, program=program).id for program in ("", "bpy 5.0.1", "bpy 5.2.3")}
    assert len(ids) == 3


def test_weights_that_are_released_anew_make_another_job(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lift = dataclasses.replace(SPEC, id="lift")
    shipped, none = Request.of(lift, {"image": image}).id, Request.of(SPEC, {"image": image}).id
    monkeypatch.setattr(weights, "BUNDLED", tmp_path)
    ids = {shipped, Request.of(lift, {"image": image}).id}
    for text in ('{"sha256": {"lift.onnx": "a"}}\n', '{"sha256": {"lift.onnx": "b"}}\n'):
        (tmp_path / "lift.json").write_bytes(text.encode())
        ids.add(made := Request.of(lift, {"image": image}).id)
        (tmp_path / "lift.json").write_bytes(text.replace("\n", "\r\n").encode())
        assert Request.of(lift, {"image": image}).id == made, "on every system"
    assert len(ids) == 4
    assert Request.of(SPEC, {"image": image}).id == none, "of another step nothing changes"


def test_request_survives_json(image: Path) -> None:
    request = Request.of(SPEC, {"image": image}, {"size": 2})
    assert Request.from_json(json.loads(json.dumps(request.to_json()))) == request
    with pytest.raises(UserError, match="another version"):
        Request.from_json({**request.to_json(), "schema": 99})


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"colour": 1}, "no parameter 'colour'. It has: count, size, mode, fast"),
        ({"count": 0}, "demo.count takes 1 to 9, not 0"),
        ({"count": 1.5}, "demo.count takes int"),
        ({"count": "many"}, "demo.count takes int"),
        ({"count": True}, "demo.count takes int"),
        ({"size": float("nan")}, "finite"),
        ({"mode": "c"}, "one of a, b"),
        ({"fast": "perhaps"}, "takes bool"),
    ],
)
def test_wrong_parameters_are_refused_by_name(params: dict[str, object], says: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        SPEC.fill(params)
    assert caught.value.kind == "usage"


def test_texts_become_values() -> None:
    assert SPEC.fill({"count": "5", "size": "2", "fast": "yes"}) == {"count": 5, "size": 2.0, "mode": "a", "fast": True}


def test_a_low_bound_alone_is_enough_to_refuse() -> None:
    with pytest.raises(UserError, match=r"size takes 0\.1 or more"):
        SPEC.fill({"size": 0.01})


@pytest.mark.parametrize("role", ["image", "mask"])
def test_missing_files_and_folders_are_named(image: Path, tmp_path: Path, role: str) -> None:
    with pytest.raises(UserError, match="no file"):
        Request.of(SPEC, {"image": image, role: tmp_path / "nothing.png"})
    with pytest.raises(UserError, match="is a folder"):
        Request.of(SPEC, {"image": image, role: tmp_path})


def test_inputs_that_the_step_does_not_take_or_lacks(image: Path) -> None:
    with pytest.raises(UserError, match="needs an input 'image'"):
        Request.of(SPEC, {})
    with pytest.raises(UserError, match="takes no input 'sound'"):
        Request.of(SPEC, {"image": image, "sound": image})


def test_spec_survives_json() -> None:
    assert BackendSpec.from_json(json.loads(json.dumps(SPEC.to_json()))) == SPEC


@pytest.mark.parametrize("event", [Progress("a", "Thinking", 0.5), Log("a", "words"), Done("a")])
def test_events_survive_a_line(event: Progress | Log | Done) -> None:
    assert decode(encode(event)) == event


@pytest.mark.parametrize(
    "line", ["Blender 5.2", "", "[1]", '{"event": "dance", "job": "a"}', '{"event": "done"}', "null"]
)
def test_what_is_not_an_event_becomes_a_log(line: str) -> None:
    assert decode(line) == Log("", line)
