# SPDX-License-Identifier: GPL-3.0-or-later
"""Shards of samples as memory maps, and the order in which training sees them."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

DTYPES = {"U8": np.uint8, "I8": np.int8, "F16": np.float16, "F32": np.float32, "I32": np.int32, "I64": np.int64}

Array = NDArray[Any]


def header(path: Path) -> tuple[dict[str, Any], int]:
    """A safetensors file's header and where its data begin. Raises `ValueError` where the file is cut short."""
    with path.open("rb") as file:
        start = file.read(8)
        size = struct.unpack("<Q", start)[0] if len(start) == 8 else 1 << 62
        if size > min(path.stat().st_size - 8, 100_000_000):
            raise ValueError(f"{path} is no safetensors file, or it was cut short.")
        table: dict[str, Any] = json.loads(file.read(size))
    table.pop("__metadata__", None)
    if max((item["data_offsets"][1] for item in table.values()), default=0) + size + 8 != path.stat().st_size:
        raise ValueError(f"{path} was cut short.")
    return table, size + 8


def shards(data: Path, split: str) -> list[Path]:
    return sorted((data / "samples" / split).glob("[0-9]*.safetensors"))


def dropped(data: Path) -> set[str]:
    path = data / "dropped.txt"
    return set(path.read_text(encoding="utf-8").split()) if path.is_file() else set()


def tokens_of(shard: Path) -> Path:
    """Where the tokens of a shard's views lie: DATA/tokens/<split>/<name>."""
    return shard.parents[2] / "tokens" / shard.parent.name / shard.name


def mapped(path: Path) -> dict[str, Array]:
    """Every tensor of a safetensors file as a read-only memory map."""
    table, base = header(path)
    return {
        name: np.memmap(path, DTYPES[item["dtype"]], "r", base + item["data_offsets"][0], tuple(item["shape"]))
        for name, item in table.items()
    }


class Samples:
    """All samples of DATA/samples/<split> of each folder; `samples[i]` is a dict of arrays, the tokens among them.

    Things whose keys are in DATA/dropped.txt, one a line, are left out: those that were found to be near-duplicates
    after their views were made.
    """

    def __init__(self, folders: Sequence[Path], split: str) -> None:
        self._shards: list[dict[str, Array]] = []
        self._where: list[tuple[int, int]] = []
        self.keys: list[str] = []
        for path in (path for data in folders for path in shards(data, split)):
            shard = mapped(path) | mapped(tokens_of(path))
            card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
            keys = [key for key in card["keys"] for _ in range(card["views"])]
            if len(keys) != len(shard["rgba"]):
                raise ValueError(f"{path} and its .json do not belong together. Build the data again.")
            out = dropped(path.parents[2])
            rows = [row for row, key in enumerate(keys) if key not in out]
            self.keys += [keys[row] for row in rows]
            self._where += [(len(self._shards), row) for row in rows]
            self._shards.append(shard)

    def __len__(self) -> int:
        return len(self._where)

    def __getitem__(self, index: int) -> dict[str, Array]:
        shard, row = self._where[index]
        return {name: array[row] for name, array in self._shards[shard].items()}

    def batch(self, indices: Sequence[int]) -> dict[str, Array]:
        rows = [self[i] for i in indices]
        return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def order(count: int, batch: int, seed: int, step: int) -> NDArray[np.int64]:
    """Which samples step `step` sees: each epoch a new permutation, drawn from the seed and its number alone."""
    if batch > count:
        return np.random.default_rng((seed, step)).integers(count, size=batch)
    per_epoch = count // batch
    epoch, place = divmod(step, per_epoch)
    return np.random.default_rng((seed, epoch)).permutation(count)[place * batch : (place + 1) * batch]


def batches(
    samples: Samples, batch: int, seed: int, first: int, last: int, part: slice = slice(None)
) -> Iterator[dict[str, Array]]:
    """The batches of steps `first` to `last`, or this `part` of each, read ahead in a thread."""
    from concurrent.futures import ThreadPoolExecutor

    def read(step: int) -> dict[str, Array]:
        return samples.batch(order(len(samples), batch, seed, step)[part].tolist())

    with ThreadPoolExecutor(1) as pool:
        waiting = [pool.submit(read, step) for step in range(first, min(first + 2, last))]
        for step in range(first, last):
            if step + 2 < last:
                waiting.append(pool.submit(read, step + 2))
            yield waiting.pop(0).result()
