# SPDX-License-Identifier: GPL-3.0-or-later
"""From what is predicted along each ray to the closed surface of a body in space."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import balls, bulge, certain, filters, frustum, mesh, parts, rays, visible
from . import symmetry as symmetry_of
from .frustum import Floats
from .marching import isosurface
from .mesh import Faces

BACKS = ("predicted", "mirror", "flat")
"""What closes a body behind what the photo shows."""
_ROUND = 0.9
"""How sure the far side of a ball is."""


class View(NamedTuple):
    """What is predicted of a photo, and its camera."""

    front: Floats
    """(H, W) the depth of each ray's first hit."""
    profile: Floats
    """(D, H, W) logits of how likely it is to be inside, at places behind it."""
    meets: NDArray[np.bool_]
    """(H, W) which rays meet the object."""
    mask: Floats
    """(G, G) 0..1, the photo's outline at the grid that is asked for."""
    focal: float
    elevation: float


class Body(NamedTuple):
    space: Floats
    """(V, 3) in the camera frame around 0: x right, y down, z forward."""
    faces: Faces
    """(F, 3) counter-clockwise from outside."""
    uvd: Floats
    """(V, 3) in the frustum."""
    seen: Floats
    """(V,) 0..1, how squarely the photo sees it."""
    sure: Floats
    """(V,) 0..1: 1 where the photo sees it squarely, else how likely the guess is."""

    def back_confidence(self) -> float:
        """The mean of `sure` over what the photo does not show, by area."""
        area = np.linalg.norm(mesh.face_normals(self.space, self.faces), axis=1)
        weight = np.bincount(self.faces.reshape(-1), np.repeat(area, 3), len(self.space)) * (1 - self.seen)
        return float((self.sure * weight).sum() / max(float(weight.sum()), 1e-12))


class Nothing(Exception):
    """The view shows no body."""


def build(
    view: View,
    *,
    solid: float,
    back: str,
    symmetry: bool,
    smooth: int,
    crumbs: float,
    progress: Callable[[str, float], None],
    soft: float = 0.6,
) -> Body:
    """The surface of what the view shows, where it is inside from the probability `solid` on.

    `progress` runs from 0 to 1. Raises `Nothing` where no part of the mask is left.
    """
    phase = "Refining"
    progress(phase, 0.0)
    grid = view.mask.shape[0]
    view = view._replace(profile=view.profile + bulge.behind(view.front, view.meets, len(view.profile)))
    coarse, profile = filled(view)
    level = profile - np.float32(np.log(solid / (1 - solid)))
    front = filters.gaussian(frustum.finer(coarse[None], grid, grid)[0], soft * grid / coarse.shape[1])
    ball = balls.find(view.mask, view.focal) if symmetry and back == "predicted" else None
    if ball:
        front, leave = ball.hits(grid, grid, view.focal)
        behind = balls.behind(leave)
    elif back == "flat":
        behind = rays.flat(front, view.mask, view.focal)
    elif back == "mirror":
        behind = rays.mirrored(front, view.mask, view.focal, view.elevation, _middle(view, coarse, level))
    else:
        behind = rays.predicted(frustum.finer(level, grid, grid))
        change = _symmetrical(view, coarse, level) if symmetry else None
        if change is not None:
            behind = rays.shifted(behind, frustum.finer(change, grid, grid))
    volume = rays.volume(front, view.mask, round(frustum.DEEP * grid), behind, partial(progress, phase, 0.1))
    del behind
    phase = "Making the surface"
    progress(phase, 0.35)
    points, faces = isosurface(volume, beat=partial(progress, phase, 0.5))
    depths, rows, columns = volume.shape
    del volume
    if not len(faces):
        raise Nothing
    points, faces = parts.without_crumbs(points, faces, crumbs)
    phase = "Smoothing"
    progress(phase, 0.7)
    points = mesh.smooth(points, faces, smooth, partial(progress, phase, 0.7))
    space = frustum.to_space(points, (depths, rows, columns), view.focal)
    faces = np.ascontiguousarray(faces[:, ::-1])  # (depth, row, column) is a mirrored frame
    progress("Weighing the back", 0.9)
    uvd = frustum.from_space(space, view.focal)
    seen = visible.seen(space, faces, uvd, view.focal)
    guess = np.float32(_ROUND) if ball else certain.guess(coarse, profile, uvd)
    return Body(space, faces, uvd, seen, seen + (1 - seen) * guess)


def filled(view: View) -> tuple[Floats, Floats]:
    """First hits (H, W) and calmed profiles (D, H, W), carried on over rays that miss the object."""
    planes = np.concatenate([view.front[None], rays.calm(view.profile)]).transpose(1, 2, 0)
    planes = filters.fill(np.ascontiguousarray(planes), view.meets.astype(np.float32)).transpose(2, 0, 1)
    return planes[0], planes[1:]


def _middle(view: View, front: Floats, level: Floats) -> float:
    """How deep the middle of the predicted body lies, on the floor's plane: y of `frustum.upright`."""
    solid = _volume(view, front, level) > 0
    nodes = np.argwhere(solid).astype(np.float32)
    if not len(nodes):
        return 0.0
    place = frustum.to_space(nodes, (solid.shape[0], solid.shape[1], solid.shape[2]), view.focal)
    low, high = np.percentile(frustum.upright(place, view.elevation)[:, 1], (1, 99))
    return float(low + high) / 2


def _symmetrical(view: View, front: Floats, level: Floats) -> Floats | None:
    """What to add to the logits (D, H, W) so that the body mirrors itself; None where it is not seen to do so."""
    volume = _volume(view, front, level)
    points, faces = isosurface(volume)
    if not len(faces):
        return None
    space = frustum.to_space(points, (volume.shape[0], volume.shape[1], volume.shape[2]), view.focal)
    outward = np.ascontiguousarray(faces[:, ::-1])
    seen = visible.seen(space, outward, frustum.from_space(space, view.focal), view.focal)
    scene = symmetry_of.Scene(front, view.meets.astype(np.float32), view.focal, view.elevation)
    plane = symmetry_of.find(scene, space, seen)
    return symmetry_of.change(scene, plane, volume) if plane and plane.cost < symmetry_of.SURE else None


def _volume(view: View, front: Floats, level: Floats) -> Floats:
    """The predicted volume, no finer than the rays."""
    mask, depths = view.meets.astype(np.float32), round(frustum.DEEP * front.shape[1])
    return rays.volume(front, mask, depths, rays.predicted(level), lambda: None)
