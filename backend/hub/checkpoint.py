# SPDX-License-Identifier: GPL-3.0-or-later
"""Tensors from files of weights. Mapped, so that what is not used is not read; nothing in a file is ever run."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..protocol.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

NAMES = ("model.safetensors", "diffusion_pytorch_model.safetensors", "pytorch_model.bin", "model.ckpt")
"""What the one file of a folder is usually called."""
SUFFIXES = (".safetensors", ".ckpt", ".pt", ".pth", ".bin")
WRAPPERS = ("state_dict", "model", "model_state_dict", "ema")
"""Keys under which training programs put the tensors."""
AGAIN = "Fetch it again (`galatea models verify`), or choose another file."


def load(path: Path) -> dict[str, Tensor]:
    """Tensors by name, on the CPU, of a .safetensors file, a checkpoint that torch wrote, or a folder of either.

    A folder may hold one such file, or several with an index as the hub has them.
    """
    state: dict[str, Tensor] = {}
    for file in _files(path):
        state |= _safetensors(file) if file.suffix == ".safetensors" else _checkpoint(file)
    return state


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UserError(f"There are no weights at {path}. Fetch them or choose another file.", kind="weights")
    index = next(iter(sorted(path.glob("*.index.json"))), None)
    if index:
        return _indexed(index)
    named = [path / name for name in NAMES if (path / name).is_file()]
    found = named[:1] or sorted(p for p in path.iterdir() if p.suffix in SUFFIXES)
    if len(found) != 1:
        text = "no file of weights" if not found else f"several: {', '.join(p.name for p in found[:4])}"
        raise UserError(f"{path} holds {text}. Choose one file.", kind="weights")
    return found


def _indexed(index: Path) -> list[Path]:
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        raise UserError(f"{index} is damaged. {AGAIN}", kind="weights") from None
    files = [index.parent / Path(str(name)).name for name in names]
    for file in files:
        if not file.is_file():
            raise UserError(f"{file.name} of {index.parent} is missing. {AGAIN}", kind="weights")
    return files


def _safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise UserError(f"{path.name} is damaged or no .safetensors file ({error}). {AGAIN}", kind="weights") from None


def _checkpoint(path: Path) -> dict[str, Tensor]:
    import torch

    if tuple(int(part) for part in torch.__version__.split(".")[:2]) < (2, 6):  # CVE-2025-32434
        text = f"torch {torch.__version__} cannot open {path.name} safely. Use 2.6 or later, or a .safetensors file."
        raise UserError(text, kind="environment")
    try:
        state = _unpickled(path)
    except pickle.UnpicklingError:
        text = f"{path.name} holds more than numbers: it may run a program when it is opened, so it was not opened."
        raise UserError(f"{text} Take the official file, or a .safetensors file.", kind="weights") from None
    except (RuntimeError, OSError, EOFError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        short = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{path.name} is damaged or no checkpoint ({short}). {AGAIN}", kind="weights") from None
    return _flat(state, path)


def _unpickled(path: Path) -> Any:
    """Tensors, numbers and texts alone; files from before torch 1.6 are no archives and cannot be mapped."""
    import zipfile

    import torch

    return torch.load(path, map_location="cpu", mmap=zipfile.is_zipfile(path), weights_only=True)


def _flat(state: Any, path: Path) -> dict[str, Tensor]:
    """The tensors of what a training program saved, whatever else it saved."""
    import torch

    for _ in range(2):
        wrapped = [state[key] for key in WRAPPERS if isinstance(state, dict) and isinstance(state.get(key), Mapping)]
        state = wrapped[0] if wrapped else state
    tensors = {str(k): v for k, v in state.items() if isinstance(v, torch.Tensor)} if isinstance(state, Mapping) else {}
    if not tensors:
        raise UserError(f"{path.name} holds no list of tensors. Choose another file.", kind="weights")
    return tensors
