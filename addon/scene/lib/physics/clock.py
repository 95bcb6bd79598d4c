# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames and seconds of a simulated scene: frame 1 is time 0; slow motion makes more frames of the same time."""

from __future__ import annotations

from .....backend.protocol.scene import SceneSpec


def last_frame(spec: SceneSpec) -> int:
    """Of the film: all of the duration, slow motion included."""
    return 1 + max(1, round(spec.simulation.duration * spec.simulation.slow_motion * spec.simulation.frame_rate))


def frame_time(spec: SceneSpec) -> float:
    """Seconds of physics from one frame to the next."""
    return 1.0 / (spec.simulation.frame_rate * spec.simulation.slow_motion)
