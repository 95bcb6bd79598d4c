# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading and writing of weights: mapped into memory, so that what is not used is not read; nothing in them is run."""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..protocol import whole
from ..protocol.errors import UserError
from ..protocol.spec import TENSORS

AGAIN = "Download it again."
WRAPPERS = ("state_dict", "model", "model_state_dict", "params_ema", "params", "ema")
"""Keys under which training programs put the tensors."""
_KINDS = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors by name, and the metadata, of a .safetensors file or of a checkpoint that torch wrote."""
    if not path.is_file():
        raise UserError(f"There are no weights at {path}. Download them or choose another file.", kind="weights")
    return _safetensors(path) if path.suffix == ".safetensors" else (_checkpoint(path), {})


def only(source: Path) -> Path:
    """The one file of weights in a folder, or the file itself; raises `UserError` where there are none or several."""
    if not source.is_dir():
        return source
    found = sorted(path for path in source.rglob("*") if path.suffix in (*TENSORS, ".pkl"))
    if len(found) != 1:
        raise UserError(f"{source.name} holds {len(found)} files of weights. Name the one to use.", kind="weights")
    return found[0]


def _safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise UserError(f"{path.name} is damaged or no .safetensors file ({error}). {AGAIN}", kind="weights") from None


def _checkpoint(path: Path) -> dict[str, Tensor]:
    if tuple(int(part) for part in torch.__version__.split(".")[:2]) < (2, 6):  # CVE-2025-32434
        text = f"torch {torch.__version__} cannot open {path.name} safely. Use 2.6 or later, or a .safetensors file."
        raise UserError(text, kind="environment")
    try:  # files from before torch 1.6 are no archives and cannot be mapped
        state = torch.load(path, map_location="cpu", mmap=zipfile.is_zipfile(path), weights_only=True)
    except pickle.UnpicklingError:
        text = f"{path.name} holds more than numbers: it may run a program when it is opened, so it was not opened."
        raise UserError(f"{text} Take the official file, or a .safetensors file.", kind="weights") from None
    except (RuntimeError, OSError, EOFError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        short = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{path.name} is damaged or no checkpoint ({short}). {AGAIN}", kind="weights") from None
    return _tensors(state, path)


def _tensors(state: object, path: Path) -> dict[str, Tensor]:
    """Of what a training program saved, whatever else it saved."""
    for _ in range(2):
        inner = [state[key] for key in WRAPPERS if isinstance(state, Mapping) and isinstance(state.get(key), Mapping)]
        state = inner[0] if inner else state
    found = {str(k): v for k, v in state.items() if isinstance(v, Tensor)} if isinstance(state, Mapping) else {}
    if not found:
        raise UserError(f"{path.name} holds no list of tensors. Choose another file.", kind="weights")
    return found


def check(name: str, state: Mapping[str, Tensor], wanted: Mapping[str, Tensor], what: str) -> None:
    """Every tensor is there with its shape, and no other; `wanted` may be on the meta device."""
    troubles = [
        ("missing", sorted(wanted.keys() - state.keys())),
        ("unknown", sorted(state.keys() - wanted.keys())),
        ("of another shape", sorted(k for k in wanted.keys() & state.keys() if wanted[k].shape != state[k].shape)),
        ("of another kind of number", sorted(k for k, value in state.items() if value.dtype not in _KINDS)),
    ]
    said = [f"{len(keys)} {trouble} ({_some(keys)})" for trouble, keys in troubles if keys]
    if said:
        text = f"{name} does not hold the weights of {what}. Of {len(wanted)} tensors: {'; '.join(said)}."
        raise UserError(f"{text} Choose another file.", kind="weights")


def _some(keys: list[str]) -> str:
    return ", ".join(keys[:3]) + (", …" if len(keys) > 3 else "")


def write(path: Path, state: Mapping[str, Tensor], metadata: Mapping[str, str], beat: Callable[[float], None]) -> None:
    """A .safetensors file, one tensor after the other, so that it takes no more memory than one; whole or not at all.

    The format: length of the header, the header in JSON, then all numbers (github.com/huggingface/safetensors).
    """
    header: dict[str, object] = {"__metadata__": dict(metadata)}
    end = 0
    for name, tensor in state.items():
        start, end = end, end + tensor.numel() * tensor.element_size()
        kind = _KINDS[tensor.dtype]
        header[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 64 + 56)  # the numbers begin where a processor likes it
    with whole.part(path) as part, part.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for number, tensor in enumerate(state.values()):
            beat(number / len(state))
            file.write(tensor.contiguous().view(-1).view(torch.uint8).numpy().data)
