# SPDX-License-Identifier: GPL-3.0-or-later
"""Engines of rigid bodies, each a module with `solve` as in `bodies.Solve`."""

from __future__ import annotations

import importlib
from typing import cast

from ......backend.protocol.errors import UserError
from ..bodies import Solve


def engine(name: str) -> Solve:
    """`blender` or `mujoco`; raises `UserError` where the library of it is not here."""
    try:
        return cast(Solve, importlib.import_module(f".{name}", __package__).solve)
    except ImportError:
        raise UserError(
            f"The physics engine {name} is not installed here. Set simulation.engine to blender, "
            "or install mujoco-core in the Python that runs Blender's steps."
        ) from None
