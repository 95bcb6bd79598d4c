# SPDX-License-Identifier: GPL-3.0-or-later
"""Lift as ONNX without a second copy of its weights: the graph's tensors lie in the two safetensors files.

ONNX lets a tensor live in another file at an offset, and a safetensors file is a header and plain bytes. So torch and
onnxruntime read the same files; the graph turns int8 and float16 to float32 by nodes that onnxruntime folds when it
loads.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...protocol import whole
from ..training.samples import header
from ..training.tokens import load_encoder
from ..training.train import load_weights
from .encoder import Encoder
from .network import Lift

OPSET = 17
KINDS = {"F16": 10, "I8": 3, "F32": 1}
"""A safetensors type's number in ONNX."""


class Whole(nn.Module):
    """Picture on grey (B, 3, 224, 224) and RGBA (B, 4, 128, 128) -> `Prediction` and the feature (B, 384)."""

    def __init__(self, encoder: Encoder, lift: Lift) -> None:
        super().__init__()
        self.encoder, self.lift = encoder, lift

    def forward(self, picture: Tensor, rgba: Tensor) -> tuple[Tensor, ...]:
        tokens = self.encoder(picture)
        return (*self.lift(tokens, rgba), tokens[:, 0, -384:])


def export(encoder: Path, weights: Path, target: Path) -> None:
    """Write `target`; both weight files must lie in its folder, for it names them."""
    import onnx

    module = Whole(load_encoder(encoder), load_weights(weights)[0]).eval()
    names = ["picture", "rgba"]
    outputs = ["front", "profile", "colour", "camera", "feature"]
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            (torch.rand(2, 3, 224, 224), torch.rand(2, 4, 128, 128)),
            buffer,  # type: ignore[arg-type]
            input_names=names,
            output_names=outputs,
            dynamic_axes={name: {0: "batch"} for name in (*names, *outputs)},
            opset_version=OPSET,
            do_constant_folding=False,
            dynamo=False,
        )
    model = onnx.load_model_from_string(buffer.getvalue())
    _outside(model.graph, {"encoder": encoder, "lift": weights}, onnx)
    whole.write(target, model.SerializeToString(deterministic=True))


def _outside(graph: Any, files: dict[str, Path], onnx: Any) -> None:
    """Replace each initializer that one of the files holds by a reference to it and the nodes that make it float32."""
    tables = {prefix: header(path) for prefix, path in files.items()}
    kept, added, nodes = [], [], []
    for item in graph.initializer:
        prefix, _, name = item.name.partition(".")
        table, base = tables.get(prefix, ({}, 0))
        if name not in table:
            kept.append(item)
            continue

        def reference(entry: str, prefix: str = prefix, table: Any = table, base: int = base) -> str:
            found = table[entry]
            tensor = onnx.TensorProto(name=f"{prefix}/{entry}", data_type=KINDS[found["dtype"]], dims=found["shape"])
            tensor.data_location = onnx.TensorProto.EXTERNAL
            begin, end = found["data_offsets"]
            facts = {"location": files[prefix].name, "offset": base + begin, "length": end - begin}
            for key, value in facts.items():
                tensor.external_data.add(key=key, value=str(value))
            added.append(tensor)
            made: str = tensor.name
            if found["dtype"] != "F32":
                nodes.append(onnx.helper.make_node("Cast", [made], [f"{made}/float"], to=onnx.TensorProto.FLOAT))
                made = f"{made}/float"
            return made

        value = reference(name)
        if f"{name}.scale" in table:
            scale = reference(f"{name}.scale")
            shape = f"{item.name}/shape"
            wide = [-1] + [1] * (len(table[name]["shape"]) - 1)
            kept.append(onnx.helper.make_tensor(shape, onnx.TensorProto.INT64, [len(wide)], wide))
            nodes.append(onnx.helper.make_node("Reshape", [scale, shape], [f"{scale}/wide"]))
            nodes.append(onnx.helper.make_node("Mul", [value, f"{scale}/wide"], [item.name]))
        else:
            nodes.append(onnx.helper.make_node("Identity", [value], [item.name]))
    old = list(graph.node)
    del graph.initializer[:]
    del graph.node[:]
    graph.initializer.extend([*kept, *added])
    graph.node.extend([*nodes, *old])
