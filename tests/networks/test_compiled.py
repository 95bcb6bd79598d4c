# SPDX-License-Identifier: GPL-3.0-or-later
"""torch.compile of the networks that are asked many times."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from galatea.backend.networks import compiled, libraries
from galatea.backend.networks.triposg import dit


class Told:
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)


@pytest.fixture
def compiles(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many graphs were compiled, each by torch's own tracer; what it would write for the device is left out."""
    graphs: list[int] = []

    def backend(graph: torch.fx.GraphModule, inputs: Any) -> Any:
        graphs.append(len(graph.graph.nodes))
        return graph.forward

    monkeypatch.setattr(compiled, "BACKEND", backend)
    torch._dynamo.reset()
    yield graphs
    torch._dynamo.reset()


def asked(network: dit.DiT) -> torch.Tensor:
    torch.manual_seed(1)
    told = [dit.Told(torch.randn(2, 5, 24))]
    beats: list[float] = []
    with torch.inference_mode():
        out: torch.Tensor = network(torch.randn(2, 70, 8), torch.tensor([200.0, 200.0]), told, beats.append)
    assert len(set(beats)) == 5 and beats == sorted(beats), "progress, and with it the cancel, comes between the blocks"
    return out


def test_the_blocks_of_the_transformer_share_their_graphs_and_keep_their_numbers(compiles: list[int]) -> None:
    torch.manual_seed(0)
    sizes = {"width": 32, "num_attention_heads": 2, "num_layers": 5, "in_channels": 8, "cross_attention_dim": 24}
    network = dit.DiT(dit.Config(**sizes)).eval()
    plain, names = asked(network), list(network.state_dict())
    report: Any = Told()
    assert compiled.compile_blocks(network, "cpu", report) and not report.warnings
    network.call = dit.whole
    torch.testing.assert_close(asked(network), plain, rtol=1e-5, atol=1e-5)
    assert len(compiles) == 2, "one graph of the first half, one of the second, and no breaks in them"
    asked(network)
    assert len(compiles) == 2 and list(network.state_dict()) == names


def test_a_pipeline_of_diffusers_has_its_denoiser_compiled(compiles: list[int]) -> None:
    sizes = {"sample_size": 8, "block_out_channels": (32, 64), "layers_per_block": 1, "cross_attention_dim": 16}
    kinds = {"down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D")}
    kinds["up_block_types"] = ("CrossAttnUpBlock2D", "UpBlock2D")
    torch.manual_seed(0)
    network = libraries.diffusers().UNet2DConditionModel(**sizes, **kinds).eval()
    given = torch.randn(1, 4, 8, 8), 3, torch.randn(1, 7, 16)
    with torch.inference_mode():
        plain = network(*given).sample
        report: Any = Told()
        compiled.compile_pipeline(SimpleNamespace(unet=network, transformer=None), "cpu", report)
        torch.testing.assert_close(network(*given).sample, plain, rtol=1e-5, atol=1e-5)
    assert compiles, "its transformer blocks"


def test_without_a_compiler_it_runs_as_it_is_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled.shutil, "which", lambda name: None)
    report: Any = Told()
    network = nn.Linear(2, 2)
    assert not compiled.compile_blocks(network, "cpu", report)
    assert "C++ compiler" in report.warnings[0] and network._compiled_call_impl is None
