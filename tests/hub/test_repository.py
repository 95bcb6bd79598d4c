# SPDX-License-Identifier: GPL-3.0-or-later
"""Of a repository that the user names: its commit, its licence, and each model once."""

from __future__ import annotations

from typing import Any

import pytest

from galatea.backend.hub import Kept, fetch
from galatea.backend.hub.repository import look_up, select
from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.spec import File


def listed(hub: Any) -> dict[str, Any]:
    siblings = [
        {"rfilename": ".gitattributes", "size": 10, "blobId": "0" * 40},
        {"rfilename": "README.md", "size": 10, "blobId": "0" * 40},
        *({"rfilename": name, "size": len(content), "blobId": "0" * 40} for name, content in hub.files.items()),
    ]
    return {
        "id": "maker/model", "modelId": "maker/model", "sha": hub.commit, "gated": False, "private": False,
        "tags": ["diffusers", "license:openrail++"], "siblings": siblings, "downloads": 1, "likes": 1,
    }  # fmt: skip


def test_a_repository_is_fetched_at_its_commit(here: Any) -> None:
    here.info = listed(here)
    found = look_up("maker/model")
    assert found.revision == here.commit and found.license == "openrail++" and not found.free
    assert [file.name for file in found.files] == ["config.yaml", "model.ckpt"]
    fetch.fetch([found], lambda phase, fraction: None)
    assert Kept(found).whole


def test_no_such_repository_is_told(here: Any) -> None:
    here.refusals = [(401, {"X-Error-Code": "RepoNotFound"})]
    with pytest.raises(UserError, match="The hub has no maker/nothing"):
        look_up("maker/nothing")
    with pytest.raises(UserError, match="owner/name"):
        look_up("nothing")


NEEDED = (
    "model_index.json",
    "safety/pytorch_model.bin",
    "scheduler/scheduler_config.json",
    "text_encoder/model.fp16.safetensors",
    "transformer/a-00001-of-00002.safetensors",
    "transformer/a.safetensors.index.json",
    "unet/config.json",
    "unet/diffusion_pytorch_model.safetensors",
)
AGAIN = (
    "v1-5-pruned.safetensors",
    "v1-5.ckpt",
    "unet/diffusion_pytorch_model.bin",
    "unet/diffusion_pytorch_model.fp16.safetensors",
    "unet/diffusion_pytorch_model.non_ema.safetensors",
    "vae_decoder/model.onnx",
    "flax_model.msgpack",
    "a.png",
)


def test_each_model_once() -> None:
    assert tuple(file.name for file in select(File(name, 1) for name in (*AGAIN, *NEEDED))) == NEEDED
    single = [file.name for file in select([File("model.ckpt", 1), File("config.yaml", 1)])]
    assert single == ["config.yaml", "model.ckpt"]
