# SPDX-License-Identifier: GPL-3.0-or-later
"""Weights are numbers: what else a file holds is refused before it can do anything."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import pytest

from galatea.backend.hub.checkpoint import load
from galatea.backend.protocol.errors import UserError

torch = pytest.importorskip("torch")
save_file = pytest.importorskip("safetensors.torch").save_file


@pytest.fixture
def state() -> dict[str, Any]:
    return {"a.weight": torch.arange(12.0).reshape(3, 4), "b": torch.ones(2, dtype=torch.bfloat16)}


def same(found: dict[str, Any], state: dict[str, Any]) -> bool:
    return found.keys() == state.keys() and all(torch.equal(found[key], state[key]) for key in state)


@pytest.mark.parametrize("name", ["model.safetensors", "model.ckpt", "old.pth", "wrapped.pt", "trainer.bin"])
def test_every_kind_of_file(tmp_path: Path, state: dict[str, Any], name: str) -> None:
    path = tmp_path / name
    if name == "model.safetensors":
        save_file(state, path)
    elif name == "old.pth":
        torch.save(state, path, _use_new_zipfile_serialization=False)
    elif name == "wrapped.pt":
        torch.save({"epoch": 3, "model": {"state_dict": state, "lr": 0.1}}, path)
    else:
        torch.save(state, path)
    assert same(load(path), state) and same(load(tmp_path), state), "the file, or its folder"


def test_a_model_in_several_files(tmp_path: Path, state: dict[str, Any]) -> None:
    for number, key in enumerate(state):
        save_file({key: state[key]}, tmp_path / f"model-{number}.safetensors")
    names = {key: f"model-{number}.safetensors" for number, key in enumerate(state)}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": names}))
    assert same(load(tmp_path), state)
    (tmp_path / "model-1.safetensors").unlink()
    with pytest.raises(UserError, match=r"model-1.safetensors .* is missing"):
        load(tmp_path)


def test_an_index_names_nothing_outside_its_folder(tmp_path: Path, state: dict[str, Any]) -> None:
    save_file(state, tmp_path / "secret.safetensors")
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "../secret.safetensors"}}))
    with pytest.raises(UserError, match="is missing"):
        load(inner)


class _Evil:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.marker}",)


@pytest.mark.parametrize("kind", ["archive", "old", "plain pickle", "hidden among tensors"])
def test_a_program_in_a_checkpoint_does_not_run(tmp_path: Path, state: dict[str, Any], kind: str) -> None:
    path, marker = tmp_path / "model.ckpt", tmp_path / "ran"
    evil = {**state, "c": _Evil(marker)} if kind == "hidden among tensors" else _Evil(marker)
    if kind == "plain pickle":
        path.write_bytes(pickle.dumps(evil))
    else:
        torch.save(evil, path, _use_new_zipfile_serialization=kind != "old")
    with pytest.raises(UserError, match=r"may run a program.*so it was not opened\. Take the official") as caught:
        load(path)
    assert caught.value.kind == "weights" and not marker.exists()
    pickle.loads(pickle.dumps(_Evil(marker)))
    assert marker.exists(), "it would have"


def test_an_old_torch_opens_no_checkpoint(
    tmp_path: Path, state: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save(state, tmp_path / "model.ckpt")
    monkeypatch.setattr(torch, "__version__", "2.5.1+cpu")
    with pytest.raises(UserError, match=r"cannot open model.ckpt safely") as caught:
        load(tmp_path / "model.ckpt")
    assert caught.value.kind == "environment"


@pytest.mark.parametrize("name", ["model.safetensors", "model.ckpt"])
@pytest.mark.parametrize("damage", ["cut", "noise", "empty", "text"])
def test_damaged_files_say_so(tmp_path: Path, state: dict[str, Any], name: str, damage: str) -> None:
    path = tmp_path / name
    if name.endswith(".ckpt"):
        torch.save(state, path)
    else:
        save_file(state, path)
    content = path.read_bytes()
    ruined = {"cut": content[: len(content) // 2], "noise": os.urandom(5000), "empty": b"", "text": b"<html>\n" * 99}
    path.write_bytes(ruined[damage])
    with pytest.raises(UserError) as caught:
        load(path)
    assert caught.value.kind == "weights" and name in str(caught.value)


def test_what_holds_no_tensors(tmp_path: Path, state: dict[str, Any]) -> None:
    torch.save({"epoch": 3}, tmp_path / "a.ckpt")
    with pytest.raises(UserError, match="no list of tensors"):
        load(tmp_path / "a.ckpt")
    with pytest.raises(UserError, match="There are no weights"):
        load(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no file of weights"):
        load(tmp_path / "empty")
    torch.save(state, tmp_path / "b.ckpt")
    with pytest.raises(UserError, match=r"several: a.ckpt, b.ckpt"):
        load(tmp_path)
