# SPDX-License-Identifier: GPL-3.0-or-later
"""A recipe as the few phases that a farm schedules: one after the other, each on machines that suit it."""

from __future__ import annotations

from dataclasses import dataclass

from ..protocol import parts
from ..protocol.catalog import spec_of
from ..protocol.errors import UserError
from ..protocol.recipe import Recipe


@dataclass(frozen=True)
class Phase:
    """`until` is its last step. `shared`: many machines do it together, a part each, and only a film can be so."""

    name: str
    until: str
    gpu_mb: int = 0
    """What a learned model wants of a graphics card at the least; 0 where there is none."""
    shared: bool = False
    last: bool = False


def phases(recipe: Recipe) -> list[Phase]:
    """Generation, finish, rig, frames and encode, as far as the recipe has them."""
    found: list[tuple[str, list[str]]] = []
    for step in recipe.steps:
        name = _name(step.do, found[-1][0] if found else "")
        if not found or found[-1][0] != name:
            found.append((name, []))
        found[-1][1].append(step.do)
    if not found:
        raise UserError(f"{recipe.name} has no steps.", kind="usage")
    made = []
    for name, steps in found:
        if name == "encode" and divisible(steps[0]):
            made.append(Phase("frames", steps[0], shared=True))
        made.append(Phase(name, steps[-1], max(map(_card, steps))))
    return [*made[:-1], Phase(made[-1].name, made[-1].until, made[-1].gpu_mb, last=True)]


def divisible(step: str) -> bool:
    return any(param.name == parts.PART for param in spec_of(step).params)


def _name(step: str, before: str) -> str:
    if before == "encode" or divisible(step):
        return "encode"
    if spec_of(step).runtime != "blender":
        return before or "generate"
    if before == "rig" or step in ("skeleton", "simulate", "stage"):
        return "rig"
    return "finish"


def _card(step: str) -> int:
    spec = spec_of(step)
    able = any(param.name == "device" for param in spec.params)
    return round(1024 * min((need for _, need in spec.memory), default=0.0)) if able else 0
