# SPDX-License-Identifier: GPL-3.0-or-later
"""Views: the object whole, alone, from where it is said."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from galatea.addon.scene.lib.render import pictures
from galatea.backend.protocol.errors import JobCancelled, UserError

SMALL = {"size": 48, "samples": 1}


@pytest.fixture
def brought(run, make_figure):
    small = make_figure(24, 32)
    run("bring", {"mesh": small.mesh, "albedo": small.albedo})


def colour(path):
    """The mean colour of what is seen."""
    pixels = pictures.read(path, 4)
    return pixels[pixels[..., 3] > 0.9][:, :3].mean(axis=0)


def test_eight_pictures_and_a_sheet_of_them(run, brought):
    done = run("views", **SMALL)
    assert [asset.role for asset in done.assets] == [*(f"view_{number}" for number in range(8)), "views"]
    singles = [pictures.read(done.path(f"view_{number}"), 4) for number in range(8)]
    sheet = pictures.read(done.path("views"), 4)
    assert sheet.shape == (2 * 48, 4 * 48, 4)
    for number, single in enumerate(singles):
        row, column = 1 - number // 4, number % 4
        part = sheet[row * 48 : (row + 1) * 48, column * 48 : (column + 1) * 48]
        seen = single[..., 3] > 0.5
        assert np.abs(part[seen] - single[seen]).max() < 0.02 and np.abs(part[..., 3] - single[..., 3]).max() < 0.01
    phases = [event.phase for event in done.events if hasattr(event, "phase")]
    assert [f"Rendering view {number}/8" in phases for number in range(1, 9)] == [True] * 8


def test_the_object_is_whole_large_and_in_the_middle_on_nothing(run, brought):
    done = run("views", **SMALL)
    extents = []
    for number in range(8):
        seen = pictures.read(done.path(f"view_{number}"), 4)[..., 3] > 0.5
        rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
        assert rows[0] > 0 and columns[0] > 0 and rows[-1] < 47 and columns[-1] < 47, "cut off"
        assert abs(rows[0] + rows[-1] - 47) <= 3 and abs(columns[0] + columns[-1] - 47) <= 3, "not in the middle"
        extents.append(max(np.ptp(rows), np.ptp(columns)))
    assert max(extents) > 0.8 * 48


def test_they_are_taken_from_where_they_say(run, brought):
    """The figure is red to the front, green to +X, blue above."""
    done = run("views", **SMALL)
    front, right, back, left = (colour(done.path(f"view_{number}")) for number in (0, 2, 4, 6))
    assert front[0] > back[0] + 0.1
    assert right[1] > left[1] + 0.1
    above, below = (colour(run("views", **SMALL, count=1, elevation=each).path("view_0")) for each in (70, -70))
    assert above[2] > below[2] + 0.1
    four = run("views", **SMALL, count=4)
    assert len(four.assets) == 5
    assert np.abs(colour(four.path("view_1")) - right).max() < 0.03


def test_nothing_else_is_seen(run, brought):
    run("stage", look="clay")
    run("camera", seconds=0.25, width=32, height=32)
    before = run("views", **SMALL, count=1)
    bpy.ops.mesh.primitive_cube_add(size=0.5, location=(0.6, -0.3, 0.2))
    bpy.ops.mesh.primitive_plane_add(size=4)
    after = run("views", **SMALL, count=1)
    alphas = [pictures.read(done.path("view_0"), 4)[..., 3] for done in (before, after)]
    assert np.array_equal(alphas[0] > 0.5, alphas[1] > 0.5)


def test_without_an_object_the_user_is_told(run):
    with pytest.raises(UserError, match="no body"):
        run("views")


def test_a_cancel_takes_effect_between_two_views(make_work, brought):
    from galatea.addon.scene import views

    work, _ = make_work(step="views")
    store, job, tell = work.report._store, work.report._job, work.report._emit

    def emit(event):
        tell(event)
        if "view 2/" in getattr(event, "phase", ""):
            store.cancel(job)

    work.report._emit = emit
    with pytest.raises(JobCancelled):
        views.run(work, **views.SPEC.fill(SMALL))
