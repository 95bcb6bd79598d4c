# SPDX-License-Identifier: GPL-3.0-or-later
"""A backend that would hand on what is no mesh is told at once what is wrong with it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from galatea.backend import roles
from galatea.backend.protocol.store import JobStore
from galatea.backend.worker.report import Report

JOB = "fake-" + 20 * "0"
GOOD: dict[str, Any] = {
    "vertices": np.array([[0, 0, 1], [1, 0, 1], [0, 1, 1], [0, 0, 3]], np.float32),
    "faces": np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]], np.int32),
    "colors": np.ones((4, 3), np.float32),
}


def made(store: JobStore, *, size: float = 0.5, **change: Any) -> Report:
    report = Report(store, JOB, lambda event: None)
    arrays = {name: array for name, array in {**GOOD, **change}.items() if array is not None}
    roles.mesh(arrays.pop("vertices"), arrays, size, report)
    return report


def test_a_mesh_is_put_on_the_ground_as_large_as_is_said(store: JobStore) -> None:
    report = made(store)
    points = np.load(report.file("mesh", "mesh.npz"))["vertices"]
    assert points.min(axis=0) == pytest.approx([-0.125, -0.125, 0]) and points[:, 2].max() == pytest.approx(0.5)
    assert report.metrics["faces"] == 4


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"vertices": GOOD["vertices"] * np.nan}, "positions that are no numbers"),
        ({"faces": None}, "no faces"),
        ({"faces": GOOD["faces"] + 1}, "faces whose vertices do not exist"),
        ({"faces": GOOD["faces"].astype(np.float32)}, "faces of float32, which are whole numbers"),
        ({"faces": GOOD["faces"].tolist()}, "faces that are a list, not an array"),
        ({"faces": GOOD["faces"].ravel()}, r"faces of the shape \(12,\)"),
        ({"colors": GOOD["colors"] * 255}, "colors up to 255, where white is 1"),
        ({"colors": GOOD["colors"].astype(np.uint8)}, "colors that are .* uint8, not .* of floats"),
        ({"colors": GOOD["colors"] * np.nan}, "colors that are no numbers"),
        ({"color": GOOD["colors"]}, "color, which nobody reads: there are faces, uv, colors, confidence"),
        ({"vertices": GOOD["vertices"].astype(int)}, "vertices of int64, which are floats"),
    ],
)
def test_what_is_no_mesh_is_refused(store: JobStore, change: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=f"the mesh has {says}"):
        made(store, **change)


@pytest.mark.parametrize("size", [0.0, -1.0, float("nan"), float("inf")])
def test_a_length_that_is_none_is_refused(store: JobStore, size: float) -> None:
    with pytest.raises(ValueError, match="m long, which is no length"):
        made(store, size=size)


def test_numbers_of_numpy_are_told_as_what_they_are(store: JobStore) -> None:
    report = made(store)
    report.metric("size", np.float32(0.5))
    report.metric("row", np.arange(2))
    report.file("text", "a.txt", width=np.int64(3))
    assert report.metrics["size"] == 0.5 and type(report.metrics["size"]) is float and report.metrics["row"] == [0, 1]
    assert type(report._files["text"][1]["width"]) is int
