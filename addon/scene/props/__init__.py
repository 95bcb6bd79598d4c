# SPDX-License-Identifier: GPL-3.0-or-later
"""Things that we can build: one function a thing, named as in presets/props/things.toml."""

from __future__ import annotations

import importlib
import pkgutil

import numpy as np

from .prop import BUILDERS, Builder, Kit, Material, Prop


def builders() -> dict[str, Builder]:
    """All of them by name; every module of this folder is loaded."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f".{module.name}", __package__)
    return BUILDERS


def make(name: str, size: tuple[float, float, float], material: Material, seed: int = 0, words: str = "") -> Prop:
    """The thing of this name (see `protocol.props`), filling its box; raises `KeyError` where there is none."""
    rng = np.random.default_rng([seed, *name.encode()])
    return builders()[name](Kit(size, rng, material, words.lower()))
