# SPDX-License-Identifier: GPL-3.0-or-later
"""How much memory weights that a user names will take: by the numbers that their safetensors announce."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

from .protocol.spec import BackendSpec

BYTES = {"fp32": 4, "bf16": 2, "fp16": 2}
VARIANTS = (".fp16", ".bf16", ".non_ema")


def counts(source: Path) -> dict[str, int]:
    """Numbers of each folder below `source`, or of the one file; what is there in two precisions counts once."""
    if source.is_file():
        return {source.name: _count(source)}
    found: dict[str, dict[str, int]] = {}
    for path in sorted(source.rglob("*.safetensors")):
        plain = path.name
        for variant in VARIANTS:
            plain = plain.replace(variant, "")
        found.setdefault(path.parent.relative_to(source).as_posix(), {})[plain] = _count(path)
    return {folder: sum(files.values()) for folder, files in found.items()}


def _count(path: Path) -> int:
    """How many numbers a file of safetensors holds; 0 where it is none, for whoever loads it will say so."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length)) if 0 < length < 1 << 27 else {}
        return sum(math.prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return 0


def measured(spec: BackendSpec, source: Path, spare: float, *, offload: bool = False) -> BackendSpec:
    """The spec with the memory that these weights need, `spare` GB beside them for what is calculated.

    `offload`: the parts can wait in main memory, so that the card holds one of them at a time.
    """
    each = counts(source)
    if not sum(each.values()):
        return spec
    ways = [(way, sum(each.values())) for way in dict.fromkeys(way.partition("+")[0] for way, _ in spec.memory)]
    if offload:
        ways += [(f"{way}+offload", max(each.values())) for way, _ in ways if way != "fp32"]
    return replace(spec, memory=tuple((way, _needs(way, count) + spare) for way, count in ways))


def _needs(way: str, count: int) -> float:
    return BYTES.get(way.partition("+")[0], 4) * count / 1e9
