# SPDX-License-Identifier: GPL-3.0-or-later
"""The field's scores of a predicted mesh against the true one.

Protocol, to be printed beside every number: the truth's bounding box is centred and its longest side is 1; the
prediction is aligned to it by a similarity (rotation, shift and scale: see `align`); 10,000 samples of each surface
with fixed seeds. Two samplings of one and the same surface do not score perfectly: `truth` in the tables is that floor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from ..views.tracer import Tracer
from . import views
from .align import IDENTITY, Similarity, align
from .shape import Cloud, Floats, Shape, sample

SAMPLES = 10_000
ALIGN_SAMPLES = 5000
TAUS = (0.02, 0.05, 0.1)
PROTOCOL = (
    f"longest side of the truth 1, similarity alignment (624 rotations, then ICP with scale), {SAMPLES} samples, "
    f"Chamfer = mean of the two mean nearest distances (L1: not squared), F at {', '.join(f'{t:g}' for t in TAUS)}"
)
OUTER = ("cd", "f0.02", "f0.05", "nc")
"""Scores that are also taken between the outer surfaces alone: a picture says nothing of what is inside a drawer."""
HIGHER = {
    "cd": False,
    **{f"f{tau:g}": True for tau in TAUS},
    "nc": True,
    **{f"{name}_outer": name != "cd" for name in OUTER},
    "iou": True,
    "watertight": True,
    "psnr": True,
    "ssim": True,
    "lpips": False,
}
"""Every score and whether more is better."""
FAILED = {name: 0.0 if better else 0.5 for name, better in HIGHER.items() if name not in ("psnr", "ssim", "lpips")}
"""What a prediction that did not come counts as."""
Perceptual = Callable[[Floats, Floats], float]
"""The learned distance of pictures (N, H, W, 3), 0..1: `lpips.Lpips.mean`."""


@dataclass(frozen=True)
class Score:
    """`values` by the names of `HIGHER`, without what could not be measured; the prediction in the truth's frame."""

    values: dict[str, float]
    move: Similarity
    prediction: views.Views
    truth: views.Views


@dataclass(frozen=True)
class Truth:
    """The true shape, centred and scaled, with what every comparison needs of it: made once an object."""

    shape: Shape
    cloud: Cloud
    outer: Cloud
    eye: Tracer
    radius: float
    views: views.Views

    @classmethod
    def of(cls, shape: Shape) -> Truth:
        shape = shape.moved(normalised(shape.vertices))
        cloud, eye = sample(shape, 2 * SAMPLES, seed=1), views.tracer(shape)
        radius = 1.05 * float(np.linalg.norm(shape.vertices, axis=1).max())
        return cls(shape, cloud, _outer(cloud, eye), eye, radius, views.look(shape, eye, radius=radius))


def score(
    prediction: Shape, truth: Shape | Truth, *, aligned: bool = False, perceptual: Perceptual | None = None
) -> Score:
    """Compare two shapes; `aligned` says that the prediction already lies in the truth's frame."""
    truth = Truth.of(truth) if isinstance(truth, Shape) else truth
    ours = sample(prediction, 2 * SAMPLES, seed=2)
    move = IDENTITY if aligned else align(ours.points[:ALIGN_SAMPLES], truth.cloud.points[:ALIGN_SAMPLES])
    placed = prediction.moved(move(prediction.vertices))
    ours = Cloud(move(ours.points), ours.normals @ move.rotation.T)
    eye = views.tracer(placed)
    values = compare(ours.part(slice(SAMPLES)), truth.cloud.part(slice(SAMPLES)))
    outer = compare(_outer(ours, eye), truth.outer)
    values |= {f"{name}_outer": outer[name] for name in OUTER}

    seen, wanted = views.look(placed, eye, radius=truth.radius), truth.views
    reach = 1.05 * float(np.linalg.norm(placed.vertices, axis=1).max())
    if reach > truth.radius:  # a window that the prediction leaves would forgive it
        pairs = ((placed, eye), (truth.shape, truth.eye))
        values["iou"] = views.overlap(*(views.look(*pair, radius=reach, paint=False) for pair in pairs))
    else:
        values["iou"] = views.overlap(seen, wanted)
    values["watertight"] = float(watertight(prediction))
    if prediction.paint and truth.shape.paint:
        values["psnr"] = views.psnr(seen.albedo, wanted.albedo)
        values["ssim"] = views.ssim(seen.albedo, wanted.albedo)
        if perceptual:
            values["lpips"] = perceptual(seen.albedo, wanted.albedo)
    return Score(values, move, seen, wanted)


def _outer(cloud: Cloud, eye: Tracer) -> Cloud:
    """Up to SAMPLES of the samples that can be seen from outside; all, where none can."""
    seen = np.flatnonzero(views.exposed(eye, cloud.points))[:SAMPLES]
    return cloud.part(seen if len(seen) else slice(SAMPLES))


def normalised(vertices: Floats) -> Floats:
    """The bounding box centred on the origin, its longest side 1."""
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    return np.asarray((vertices - (low + high) / 2) / (high - low).max())


def compare(a: Cloud, b: Cloud) -> dict[str, float]:
    """Chamfer, F-scores and normal consistency of two clouds as they lie; the same either way round."""
    there, forth = cKDTree(b.points).query(a.points)
    back, home = cKDTree(a.points).query(b.points)
    values = {"cd": float(there.mean() + back.mean()) / 2}
    values |= {f"f{tau:g}": f_score(there, back, tau) for tau in TAUS}
    agree = np.abs((a.normals * b.normals[forth]).sum(axis=1)).mean()
    agree_back = np.abs((b.normals * a.normals[home]).sum(axis=1)).mean()
    values["nc"] = float(agree + agree_back) / 2
    return values


def f_score(there: Floats, back: Floats, tau: float) -> float:
    """Harmonic mean of the parts of either cloud that lie nearer than `tau` to the other; from the distances."""
    precision, recall = float((there < tau).mean()), float((back < tau).mean())
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def watertight(shape: Shape) -> bool:
    """Whether every edge has exactly two faces, once vertices in the same place are one."""
    import trimesh

    mesh: Any = trimesh.Trimesh(shape.vertices, shape.faces, process=True)
    return bool(mesh.is_watertight)
