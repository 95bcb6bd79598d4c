# SPDX-License-Identifier: GPL-3.0-or-later
"""Weights as ncnn keeps them: layers by name in `x.param`, their numbers one after the other in `x.bin`.

The format: github.com/Tencent/ncnn/wiki/param-and-model-file-structure. Only what networks of convolutions hold.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..protocol.errors import UserError

MAGIC, HALF = "7767517", 0x01306B47
MOST = 100_000
"""Layers."""


def convolutions(path: Path) -> list[tuple[str, dict[str, Tensor]]]:
    """Of each convolution and PReLU its kind and tensors, in the order of the file; `path` is the .param."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
        data = path.with_suffix(".bin").read_bytes()
    except (OSError, UnicodeDecodeError) as error:
        text = f"{path.name} and {path.stem}.bin cannot be read ({error}). Put them beside each other."
        raise UserError(text, kind="weights") from None
    if not lines or lines[0].strip() != MAGIC or len(lines) > MOST:
        raise UserError(f"{path.name} is no .param of ncnn in text. Choose another file.", kind="weights")
    found, at = [], 0
    try:
        for line in lines[2:]:
            kind, _name, inputs, outputs, *rest = line.split()
            if kind not in ("Convolution", "PReLU"):
                continue
            told = dict(pair.split("=", 1) for pair in rest[int(inputs) + int(outputs) :])
            tensors, at = _prelu(told, data, at) if kind == "PReLU" else _convolution(told, data, at)
            found.append((kind, tensors))
    except (ValueError, KeyError, ZeroDivisionError) as error:
        raise _cut(path, str(error)) from None
    if at != len(data):
        raise _cut(path, f"{len(data) - at} bytes are left over")
    return found


def _cut(path: Path, why: str) -> UserError:
    text = f"{path.name} and {path.stem}.bin do not belong together, or one is damaged ({why})."
    return UserError(f"{text} Fetch both again.", kind="weights")


def _take(data: bytes, at: int, count: int, kind: str) -> tuple[Tensor, int]:
    size = np.dtype(kind).itemsize * count
    if count <= 0 or at + size > len(data):
        raise ValueError("it ends too early")
    return torch.from_numpy(np.frombuffer(data, kind, count, at).astype(np.float32)), at + size


def _prelu(told: dict[str, str], data: bytes, at: int) -> tuple[dict[str, Tensor], int]:
    slope, at = _take(data, at, int(told["0"]), "<f4")
    return {"weight": slope}, at


def _convolution(told: dict[str, str], data: bytes, at: int) -> tuple[dict[str, Tensor], int]:
    outputs, side, count = int(told["0"]), int(told.get("1", 0)), int(told["6"])
    flag, at = int.from_bytes(data[at : at + 4], "little"), at + 4
    if flag not in (0, HALF):
        raise ValueError("its numbers are packed in a way that is not read here")
    values, end = _take(data, at, count, "<f2" if flag == HALF else "<f4")
    at = end + -(end - at) % 4
    made = {"weight": values.reshape(outputs, count // (outputs * side * side), side, side)}
    if int(told.get("5", 0)):
        made["bias"], at = _take(data, at, outputs, "<f4")
    return made, at
