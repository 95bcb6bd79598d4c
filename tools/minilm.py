# SPDX-License-Identifier: GPL-3.0-or-later
"""Make backend/weights/minilm.onnx and minilm.txt of the published all-MiniLM-L6-v2: `minilm.py MODEL_FOLDER`.
`minilm.py --words` makes minilm_words.npz by them: the vectors of all words that an unknown one is compared with.
Run it again when things or motions got another name, and write the new SHA-256 into backend/kinship.py.

The folder holds `model.safetensors` and `vocab.txt`. Matrices become int8 with a scale for each output (each row of
the table of words); the graph turns them to float32 by nodes that onnxruntime folds when it loads. Mean over the words
and unit length are in the graph, so that (N, T) word pieces and their mask give (N, 384).
"""

from __future__ import annotations

import hashlib
import io
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

WEIGHTS = Path(__file__).resolve().parents[1] / "backend" / "weights"
OPSET, IR = 17, 8
LAYERS, HEADS, WIDTH = 6, 12, 384
LONGEST = 128
"""Word pieces of a text; the published table of positions has 512."""


class Graph:
    """Nodes and tensors, named as they come."""

    def __init__(self, tensors: dict[str, NDArray[Any]]) -> None:
        self.given = tensors
        self.nodes: list[Any] = []
        self.held: dict[str, NDArray[Any]] = {}

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        from onnx import helper

        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def keep(self, name: str, values: NDArray[Any]) -> str:
        self.held[name] = np.ascontiguousarray(values)
        return name

    def tensor(self, name: str) -> str:
        return self.keep(name, self.given[name])

    def rows(self, name: str) -> tuple[str, str]:
        """A matrix (R, C) as int8 and its scales (R, 1)."""
        matrix = self.given[name]
        scale = np.maximum(np.abs(matrix).max(1, keepdims=True), 1e-12) / 127
        return (
            self.keep(f"{name}.int8", np.round(matrix / scale).astype(np.int8)),
            self.keep(f"{name}.scale", scale.astype(np.float32)),
        )

    def linear(self, x: str, name: str) -> str:
        whole, scale = self.rows(f"{name}.weight")
        matrix = self.node("Mul", self.node("Cast", whole, to=1), scale)
        return self.node(
            "Add", self.node("MatMul", x, self.node("Transpose", matrix, perm=[1, 0])), self.tensor(f"{name}.bias")
        )

    def norm(self, x: str, name: str) -> str:
        return self.node(
            "LayerNormalization", x, self.tensor(f"{name}.weight"), self.tensor(f"{name}.bias"), axis=-1, epsilon=1e-12
        )


def words() -> None:
    """Texts, their vectors as int8 with a scale each."""
    from galatea.backend import doings, kinship

    texts = doings.compared()
    vectors = kinship.embed(texts)
    scales = (np.abs(vectors).max(1) / 127).astype(np.float32)
    made = np.round(vectors / scales[:, None]).astype(np.int8)
    held = np.frombuffer("\n".join(texts).encode(), np.uint8)
    path = WEIGHTS / kinship.WORDS
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as file:  # of one date, so that its hash is its content's
        for name, values in (("texts", held), ("vectors", made), ("scales", scales)):
            data = io.BytesIO()
            np.save(data, values)
            file.writestr(zipfile.ZipInfo(f"{name}.npy"), data.getvalue())
    print(f'"{path.name}": "{hashlib.sha256(path.read_bytes()).hexdigest()}",')


def main() -> None:
    if sys.argv[1:] == ["--words"]:
        words()
        return
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    from safetensors.numpy import load_file

    folder = Path(sys.argv[1])
    graph = Graph(load_file(folder / "model.safetensors"))
    x = _words(graph)
    bias = _bias(graph)
    for layer in range(LAYERS):
        x = _layer(graph, x, bias, f"encoder.layer.{layer}")
    _mean(graph, x)
    size = ["texts", "pieces"]
    made = helper.make_graph(
        graph.nodes, "all-MiniLM-L6-v2",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, size),
         helper.make_tensor_value_info("mask", TensorProto.FLOAT, size)],
        [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["texts", WIDTH])],
        [numpy_helper.from_array(values, name) for name, values in graph.held.items()],
    )  # fmt: skip
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
    onnx.checker.check_model(model)
    (WEIGHTS / "minilm.onnx").write_bytes(model.SerializeToString())
    (WEIGHTS / "minilm.txt").write_bytes((folder / "vocab.txt").read_bytes())


def _words(graph: Graph) -> str:
    """Ids (N, T) -> (N, T, 384)."""
    whole, scale = graph.rows("embeddings.word_embeddings.weight")
    x = graph.node(
        "Mul", graph.node("Cast", graph.node("Gather", whole, "ids"), to=1), graph.node("Gather", scale, "ids")
    )
    name = "embeddings.position_embeddings.weight"
    places = graph.keep(name, graph.given[name][:LONGEST] + graph.given["embeddings.token_type_embeddings.weight"][0])
    length = graph.node("Gather", graph.node("Shape", "ids"), graph.keep("one", np.array([1], np.int64)))
    here = graph.node("Slice", places, graph.keep("zero", np.array([0], np.int64)), length)
    return graph.norm(graph.node("Add", x, here), "embeddings.LayerNorm")


def _bias(graph: Graph) -> str:
    """Mask (N, T) -> what is added to attention (N, 1, 1, T)."""
    away = graph.node("Sub", graph.keep("full", np.array([1.0], np.float32)), "mask")
    far = graph.node("Mul", away, graph.keep("far", np.array([-1e9], np.float32)))
    return graph.node("Unsqueeze", far, graph.keep("middle", np.array([1, 2], np.int64)))


def _layer(graph: Graph, x: str, bias: str, name: str) -> str:
    heads = graph.keep("heads", np.array([0, 0, HEADS, WIDTH // HEADS], np.int64))
    flat = graph.keep("flat", np.array([0, 0, WIDTH], np.int64))
    parts = []
    for part, turn in (("query", [0, 2, 1, 3]), ("key", [0, 2, 3, 1]), ("value", [0, 2, 1, 3])):
        made = graph.linear(x, f"{name}.attention.self.{part}")
        parts.append(graph.node("Transpose", graph.node("Reshape", made, heads), perm=turn))
    scale = graph.keep("root", np.array([(WIDTH // HEADS) ** -0.5], np.float32))
    scores = graph.node("Add", graph.node("Mul", graph.node("MatMul", parts[0], parts[1]), scale), bias)
    seen = graph.node("MatMul", graph.node("Softmax", scores, axis=-1), parts[2])
    seen = graph.node("Reshape", graph.node("Transpose", seen, perm=[0, 2, 1, 3]), flat)
    x = graph.norm(
        graph.node("Add", graph.linear(seen, f"{name}.attention.output.dense"), x), f"{name}.attention.output.LayerNorm"
    )
    wide = graph.linear(x, f"{name}.intermediate.dense")
    bend = graph.node("Erf", graph.node("Mul", wide, graph.keep("half_root", np.array([0.5**0.5], np.float32))))
    bend = graph.node("Mul", graph.node("Add", bend, graph.keep("full", np.array([1.0], np.float32))), wide)
    wide = graph.node("Mul", bend, graph.keep("half", np.array([0.5], np.float32)))
    return graph.norm(graph.node("Add", graph.linear(wide, f"{name}.output.dense"), x), f"{name}.output.LayerNorm")


def _mean(graph: Graph, x: str) -> None:
    from onnx import helper

    last = graph.keep("last", np.array([2], np.int64))
    mask = graph.node("Unsqueeze", "mask", last)
    along = graph.keep("one", np.array([1], np.int64))
    total = graph.node("ReduceSum", graph.node("Mul", x, mask), along, keepdims=0)
    length = graph.node("ReduceL2", total, axes=[1], keepdims=1)
    graph.nodes.append(helper.make_node("Div", [total, length], ["vectors"]))


if __name__ == "__main__":
    main()
