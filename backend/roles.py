# SPDX-License-Identifier: GPL-3.0-or-later
"""What several backends hand on, each written in one way: the roles `mesh` and `spec`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .protocol.scene import SceneSpec
    from .worker.report import Report

    Floats = NDArray[np.float32]


def mesh(
    vertices: Floats, arrays: dict[str, Any], size_m: float, report: Report, *, role: str = "mesh", **told: Any
) -> Floats:
    """Vertices (V, 3), Z up, facing -Y, put on the ground with the longest side `size_m`, and `faces` and all else in
    `arrays`. Returns the vertices as they were written."""
    from .geometry import exchange
    from .geometry.mesh import READ, prove, save

    if unread := sorted(set(arrays) - set(READ)):
        raise ValueError(f"the mesh has {unread[0]}, which nobody reads: there are {', '.join(READ)}")
    if not 0 < (size_m := float(size_m)) < float("inf"):
        raise ValueError(f"the mesh is to be {size_m:g} m long, which is no length")
    try:
        prove({"vertices": vertices, **arrays})
    except ValueError as error:
        raise ValueError(f"the mesh {error}") from None
    placed = exchange.grounded(vertices, size_m)
    counts = {"vertices": len(placed), "faces": len(arrays["faces"])}
    path = report.file(role, f"{role}.npz", **counts, size_m=size_m, **told)
    save(path, {"vertices": placed, **arrays}, partial(report.progress, "Writing the mesh", 0.98))
    if role == "mesh":
        for name, value in counts.items():
            report.metric(name, value)
        report.progress("Writing the mesh", 1.0)
    return placed


def spec(made: SceneSpec, report: Report) -> None:
    """A scene's document, and what of the words has no place in it."""
    report.file("spec", "scene.json").write_text(made.dumps(), encoding="utf-8")
    report.metric("things", sum(each.count for each in made.objects))
    report.metric("unplaced", len(made.unplaced))
    for note in made.notes:
        report.warn(note)
    if made.unplaced:
        report.warn(f"These words have no place in the scene: {', '.join(made.unplaced)}.")
