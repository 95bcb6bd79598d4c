# SPDX-License-Identifier: GPL-3.0-or-later
"""Physics of a built scene, before it is simulated: each kind of it sets up what it needs."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import bpy

from .....backend.protocol.scene import SceneSpec
from .thing import things as all_things

if TYPE_CHECKING:
    from ...work import Work

KINDS = ("joints", "rigid", "forces", "cloth", "soft", "fluid", "particles")
"""Modules of this folder, in the order in which they are set up."""


def setup(work: Work, spec: SceneSpec) -> None:
    """What `build` calls last."""
    found = list(all_things(bpy.context.scene))
    for kind in KINDS:
        try:
            module = importlib.import_module(f".{kind}", __package__)
        except ModuleNotFoundError as error:
            if error.name != f"{__package__}.{kind}":
                raise
            continue
        module.setup(work, spec, found)
