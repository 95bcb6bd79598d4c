# SPDX-License-Identifier: GPL-3.0-or-later
"""Depth of field: what is sharp, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np

from ...work import Work
from ..motion import animation
from .cameras import Rig

_LEAST = 0.01
"""Blender's smallest f-stop."""
_EVERY = 12
_PULL = (0.15, 0.45)
"""Times of a shot between which the focus is pulled."""
_BEFORE = 0.55
"""Where a pull begins, as a share of the distance to the body."""


@dataclass(frozen=True)
class Focus:
    """`fstop` is for a body of 1 m and 0 for none; `on` is middle, nearest or pull; `size` of the body in metres."""

    fstop: float
    on: str
    size: float


def apply(rig: Rig, focus: Focus) -> None:
    """Key the focus of a shot; the middle needs no keys, it hangs on the rig."""
    dof = rig.camera.data.dof
    if not _switch(rig.camera, focus):
        return
    if focus.on == "middle":
        dof.focus_object = rig.turn
        return
    near, _ = rig.depths().T
    count = len(near)
    if focus.on == "pull":
        times = np.array([0.0, *_PULL, 1.0])
        at = np.minimum(np.round(times * (count - 1)).astype(int), count - 1)
        keys = {int(k): near[k] * (_BEFORE if time <= _PULL[0] else 1.0) for k, time in zip(at, times, strict=True)}
    else:
        keys = {k: near[k] for k in sorted({*range(0, count, _EVERY), count - 1})}
    frames, values = [rig.seen.frames[k] for k in keys], np.array(list(keys.values()))
    dof.focus_distance = float(values[0])
    if np.ptp(values) > 1e-6 * values[0]:
        curve = animation.curve(rig.camera.data, "dof.focus_distance", 0, "camera")
        animation.fill(curve, frames, values, handles="AUTO_CLAMPED")


def on_target(work: Work, camera: bpy.types.Object, focus: Focus) -> None:
    """Sharp at the body's middle."""
    if _switch(camera, focus):
        camera.data.dof.focus_object = work.object("camera_target")


def _switch(camera: bpy.types.Object, focus: Focus) -> bool:
    """The opening grows with the body: a picture of a coin has the blur of one of a house."""
    dof = camera.data.dof
    dof.use_dof = focus.fstop > 0
    if dof.use_dof:
        dof.aperture_fstop = max(focus.fstop / focus.size, _LEAST)
    return bool(dof.use_dof)
