# SPDX-License-Identifier: GPL-3.0-or-later
"""What a simulation is told by, in numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from .....backend.protocol.scene import SceneSpec
from . import clock
from .course import Course

_REST = 0.03
"""m/s: what is slower is at rest."""


def of(course: Course, spec: SceneSpec, troubles: list[str]) -> dict[str, Any]:
    """Of each body that moved, and of all."""
    poses, speeds = np.array(course.frames), np.array(course.speeds)
    seconds = clock.frame_time(spec)
    bodies = {}
    for k, actor in enumerate(course.actors):
        here = np.isfinite(poses[:, k, 0])
        if (actor.body.kind == "still" and actor.whole is None) or not here.any():
            continue
        track, speed = poses[here, k, :3], speeds[here, k]
        busy = np.flatnonzero(speed > _REST)
        last = int(busy.max()) + 1 if len(busy) else 0
        bodies[actor.body.name] = {
            "start": _told(track[0]), "end": _told(track[-1]), "max_speed": round(float(course.fastest[k]), 3),
            "rest_time": round(last * seconds, 3) if last < len(speed) else None,
            "mass_kg": round(actor.body.mass, 5),
        }  # fmt: skip
    energies = course.watch.energies
    return {
        "bodies": len(bodies), "step_s": round(course.step, 7), "steps_a_frame": course.every,
        "reruns": len(troubles), "troubles": troubles,
        "broken": {course.actors[k].body.name: round(time, 3) for k, time in course.broken.items()},
        "energy_first_j": round(energies[0], 4) if energies else None,
        "energy_last_j": round(energies[-1], 4) if energies else None,
        "moved": bodies,
    }  # fmt: skip


def _told(place: Any) -> list[float]:
    return [round(float(x), 4) for x in place]
