# SPDX-License-Identifier: GPL-3.0-or-later
"""Weights of every kind, good and bad."""

from __future__ import annotations

import os
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from galatea.backend.networks import triposr, weights
from galatea.backend.protocol.errors import UserError

from .conftest import FIXTURES

Known = dict[str, torch.Tensor]


class Trap:
    """What runs a program when a pickle that holds it is opened."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.target),)


def test_a_checkpoint_that_would_run_a_program_is_refused(tmp_path: Path) -> None:
    torch.save({"decoder.layers.0.weight": torch.zeros(2), "x": Trap(tmp_path / "ran")}, tmp_path / "model.ckpt")
    with pytest.raises(UserError, match="may run a program") as caught:
        triposr.load(tmp_path / "model.ckpt")
    assert caught.value.kind == "weights" and not (tmp_path / "ran").exists()


def test_an_old_pickle_is_refused_too(tmp_path: Path) -> None:
    state = {"a": torch.zeros(2), "x": Trap(tmp_path / "ran")}
    torch.save(state, tmp_path / "model.ckpt", _use_new_zipfile_serialization=False)
    with pytest.raises(UserError, match=r"model\.ckpt") as caught:
        triposr.load(tmp_path / "model.ckpt")
    assert caught.value.kind == "weights" and not (tmp_path / "ran").exists()


@pytest.mark.parametrize("part", [0.0, 0.01, 0.5, 0.99])
@pytest.mark.parametrize("name", ["model.ckpt", "model.safetensors"])
def test_a_truncated_file_is_said_to_be_damaged(tiny_ckpt: Path, tmp_path: Path, name: str, part: float) -> None:
    source = tiny_ckpt if name.endswith("ckpt") else FIXTURES / "tiny.safetensors"
    data = source.read_bytes()
    (tmp_path / name).write_bytes(data[: int(part * len(data))])
    with pytest.raises(UserError, match=r"damaged or no .*Download it again") as caught:
        triposr.load(tmp_path / name)
    assert caught.value.kind == "weights"


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no weights at .*model\.safetensors"):
        triposr.load(tmp_path)
    with pytest.raises(UserError, match=r"no weights at .*other\.ckpt"):
        triposr.load(tmp_path / "other.ckpt")


def test_wrong_keys_are_named(tiny_model_path: Path, tmp_path: Path) -> None:
    state = load_file(tiny_model_path)
    del state["backbone.norm.weight"]
    state["backbone.norm.scale"] = torch.ones(64)
    state["decoder.layers.6.bias"] = torch.zeros(5)
    state["tokenizer.embeddings"] = state["tokenizer.embeddings"].long()
    metadata = weights.read(tiny_model_path)[1]
    save_file(state, tmp_path / "m.safetensors", metadata=metadata)
    with pytest.raises(UserError) as caught:
        triposr.load(tmp_path / "m.safetensors")
    text = str(caught.value)
    assert "1 missing (backbone.norm.weight)" in text and "1 unknown (backbone.norm.scale)" in text
    assert "1 of another kind of number (tokenizer.embeddings)" in text
    assert "1 of another shape (decoder.layers.6.bias)" in text and text.endswith("Choose another file.")


def test_another_models_file_is_refused_shortly() -> None:
    with pytest.raises(UserError) as caught:
        triposr.load(FIXTURES / "tiny_io.safetensors")
    assert "549 missing" in str(caught.value) and len(str(caught.value)) < 500


@pytest.mark.parametrize("name", ["model.safetensors", "model.ckpt", "old.pth", "wrapped.pt"])
def test_every_kind_of_file(tmp_path: Path, name: str) -> None:
    state = {"a.weight": torch.arange(12.0).reshape(3, 4), "b": torch.ones(2, dtype=torch.bfloat16)}
    path = tmp_path / name
    if name == "model.safetensors":
        save_file(state, path)
    elif name == "wrapped.pt":
        torch.save({"epoch": 3, "model": {"state_dict": state, "lr": 0.1}}, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=name != "old.pth")
    found = weights.read(path)[0]
    assert found.keys() == state.keys() and all(torch.equal(found[key], state[key]) for key in state)


@pytest.mark.parametrize("kind", ["archive", "old", "plain pickle"])
def test_a_program_alone_does_not_run(tmp_path: Path, kind: str) -> None:
    path, trap = tmp_path / "model.ckpt", Trap(tmp_path / "ran")
    if kind == "plain pickle":
        path.write_bytes(pickle.dumps(trap))
    else:
        torch.save(trap, path, _use_new_zipfile_serialization=kind != "old")
    with pytest.raises(UserError, match=r"may run a program.*so it was not opened\. Take the official"):
        weights.read(path)
    assert not (tmp_path / "ran").exists()
    pickle.loads(pickle.dumps(trap))
    assert (tmp_path / "ran").exists(), "it would have"


def test_an_old_torch_opens_no_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save({"a": torch.zeros(2)}, tmp_path / "model.ckpt")
    monkeypatch.setattr(torch, "__version__", "2.5.1+cpu")
    with pytest.raises(UserError, match=r"cannot open model.ckpt safely") as caught:
        weights.read(tmp_path / "model.ckpt")
    assert caught.value.kind == "environment"


@pytest.mark.parametrize("name", ["model.safetensors", "model.ckpt"])
@pytest.mark.parametrize("content", [os.urandom(5000), b"<html>\n" * 99], ids=["noise", "text"])
def test_other_files_say_so(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=name) as caught:
        weights.read(tmp_path / name)
    assert caught.value.kind == "weights"


def test_what_holds_no_tensors(tmp_path: Path) -> None:
    torch.save({"epoch": 3}, tmp_path / "model.ckpt")
    with pytest.raises(UserError, match="no list of tensors"):
        triposr.load(tmp_path / "model.ckpt")


@pytest.mark.parametrize("config", ["{", "[1]", '{"blocks": 1e9}', '{"blocks": 5000}', '{"heads": 0}', '{"new": 1}'])
def test_sizes_that_make_no_network(tmp_path: Path, config: str) -> None:
    save_file({"a": torch.zeros(2)}, tmp_path / "m.safetensors", metadata={"config": config})
    with pytest.raises(UserError, match="sizes that make no network"):
        triposr.load(tmp_path / "m.safetensors")


def test_conversion_keeps_every_number(tmp_path: Path, known: Known, monkeypatch: pytest.MonkeyPatch) -> None:
    """At tiny size the checkpoint names no sizes, so the published ones are set to the tiny ones here."""
    monkeypatch.setattr(triposr, "Config", lambda **sizes: triposr.replace(triposr.TINY, **sizes))
    torch.save(load_file(FIXTURES / "tiny.safetensors"), tmp_path / "model.ckpt")
    told: list[float] = []
    triposr.convert(tmp_path / "model.ckpt", tmp_path / "model.safetensors", told.append)
    monkeypatch.undo()
    assert told == sorted(told) and len(told) == 97
    before, after = load_file(FIXTURES / "tiny.safetensors"), load_file(tmp_path / "model.safetensors")
    assert before.keys() == after.keys() and all(torch.equal(before[name], after[name]) for name in before)
    codes = triposr.load(tmp_path).codes(known["image"][None])
    assert float((codes - known["out.scene_codes"]).abs().max()) < 2e-5


def test_a_conversion_that_is_stopped_leaves_nothing(tmp_path: Path) -> None:
    def stop(part: float) -> None:
        if part > 0.4:
            raise KeyboardInterrupt

    state = load_file(FIXTURES / "tiny.safetensors")
    with pytest.raises(KeyboardInterrupt):
        weights.write(tmp_path / "m.safetensors", state, {}, stop)
    assert not list(tmp_path.iterdir())


def test_half_precision_files_are_read(tiny_model_path: Path, tmp_path: Path, known: Known) -> None:
    state = {name: value.half() for name, value in load_file(tiny_model_path).items()}
    weights.write(tmp_path / "m.safetensors", state, weights.read(tiny_model_path)[1], lambda part: None)
    codes = triposr.load(tmp_path / "m.safetensors", dtype=torch.float32).codes(known["image"][None])
    wanted = known["out.scene_codes"]
    assert float((codes - wanted).norm() / wanted.norm()) < 0.01


def test_random_weights_are_the_same_each_time_and_have_a_surface(known: Known) -> None:
    for seed in (0, 1, 2):
        model = triposr.load(f"random:{seed}:tiny", dtype=torch.float32)
        codes = model.codes(known["image"][None])
        assert torch.equal(codes, triposr.load(f"random:{seed}:tiny", dtype=torch.float32).codes(known["image"][None]))
        assert 0.2 < float(codes.std()) < 5
        assert float((codes - model.codes(known["image"][None] * 0)).abs().max()) > 1e-3
        assert 500 < len(model.mesh(codes[0], 48)[1]) < 60_000


@pytest.mark.parametrize("source", ["random:", "random:x", "random:1:large", "random:-1", "random:1:tiny:2"])
def test_a_seed_that_is_none(source: str) -> None:
    with pytest.raises(UserError, match="Write random:SEED"):
        triposr.load(source)


def test_a_folder_is_searched(tiny_model_path: Path, tmp_path: Path) -> None:
    shutil.copyfile(tiny_model_path, tmp_path / "model.safetensors")
    (tmp_path / "model.ckpt").write_bytes(b"not looked at")
    assert triposr.load(tmp_path).network.config == triposr.TINY
