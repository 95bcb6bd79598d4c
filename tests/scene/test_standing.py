# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("bpy")
from galatea.addon.scene.lib.mesh.standing import lean, turned

CUBE = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (0, 1)], np.float32)
FACES = np.array([(0, 1, 3), (0, 3, 2), (4, 6, 7), (4, 7, 5), (0, 4, 5), (0, 5, 1), (2, 3, 7), (2, 7, 6)], np.int32)


def ball(height: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    u, v = np.meshgrid(np.linspace(0, 2 * math.pi, 64), np.linspace(0.01, math.pi - 0.01, 33))
    points = np.stack([np.sin(v) * np.cos(u), np.sin(v) * np.sin(u), height * np.cos(v)], -1).reshape(-1, 3)
    index = np.arange(64 * 32).reshape(32, 64)[:, :-1].ravel()
    faces = np.concatenate(
        [np.stack([index, index + 1, index + 64], 1), np.stack([index + 1, index + 65, index + 64], 1)]
    )
    return points.astype(np.float32), faces.astype(np.int32)


@pytest.mark.parametrize("degrees", [-20.0, -3.0, 0.0, 8.0, 24.0])
def test_a_tilted_box_is_stood_on_its_base(degrees: float) -> None:
    tilted = turned(CUBE, -math.radians(degrees))
    angle = lean(tilted, FACES)
    assert math.degrees(angle) == pytest.approx(degrees, abs=1e-3)
    level = turned(tilted, angle)
    feet = level[CUBE[:, 2] == 0]
    assert np.ptp(feet[:, 2]) < 1e-5, "all feet at one height"
    assert level[:, 0].max() + level[:, 0].min() == pytest.approx(0, abs=1e-5)
    assert (level[:, 1] == CUBE[:, 1]).all()


def test_a_ball_and_an_egg_are_left_as_they_are() -> None:
    for height in (1.0, 1.6):
        points, faces = ball(height)
        leaning = turned(points, math.radians(17))
        assert lean(leaning, faces) == 0.0, "a round body has one foot; turning would roll it"
