# SPDX-License-Identifier: GPL-3.0-or-later
"""Slivers out of a triangle mesh, the surface kept: a needle loses its short edge, a cap gives its long edge away.

After the usual two cases of mesh repair (Botsch and Kobbelt, "A Robust Procedure to Eliminate Degenerate Faces from
Triangle Meshes", 2001).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .condition import SLIVER, smallest_angles
from .mending import Surface
from .topology import Array, Beat, no_beat

_TURN = 0.5
"""Cosine: a face may not turn further than 60 degrees, or the surface would fold."""
_ROUNDS = 6


def mended(surface: Surface, beat: Beat = no_beat, *, below: float = SLIVER) -> tuple[Surface, int]:
    """The surface with fewer slivers, and how many faces were changed; of a split surface, which stays as closed.

    `below` is the smallest angle in degrees that is left alone.
    """
    changed = 0
    for _ in range(_ROUNDS):
        beat()
        bad = np.flatnonzero(smallest_angles(surface.points, surface.faces) < below)
        if not len(bad):
            break
        work = _Work(surface)
        for number, face in enumerate(bad.tolist()):
            if number % 256 == 0:
                beat()
            work.mend(face)
        if not work.done:
            break
        changed += work.done
        surface = replace(surface, faces=work.faces, corner=work.corner).only(work.alive)
    return surface, changed


class _Work:
    """One round: each change touches faces that no other change of the round has touched."""

    def __init__(self, surface: Surface) -> None:
        self.points, self.faces, self.corner = surface.points, surface.faces.copy(), surface.corner.copy()
        self.alive = np.ones(len(self.faces), bool)
        self.done = 0
        flat = self.faces.reshape(-1)
        self._order = np.argsort(flat, kind="stable")
        self._first = np.searchsorted(flat[self._order], np.arange(len(self.points) + 1))
        self._busy = np.zeros(len(self.points), bool)

    def _around(self, vertex: int) -> list[int]:
        """The faces of a vertex, as they were when the round began."""
        return [int(h) // 3 for h in self._order[self._first[vertex] : self._first[vertex + 1]]]

    def mend(self, face: int) -> None:
        corners = self.faces[face]
        if self._busy[corners].any():
            return
        place = self.points[corners]
        side = np.linalg.norm(place - place[[1, 2, 0]], axis=1)
        short, long = int(side.argmin()), int(side.argmax())
        if side[short] < 0.2 * side[long] and self._collapse(int(corners[short]), int(corners[(short + 1) % 3])):
            return
        if not self._swap(face, int(corners[long]), int(corners[(long + 1) % 3])) and side[short] < 0.5 * side[long]:
            self._collapse(int(corners[short]), int(corners[(short + 1) % 3]))

    def _collapse(self, a: int, b: int) -> bool:
        return self._into(a, b) or self._into(b, a)

    def _into(self, gone: int, stays: int) -> bool:
        """Move one end of an edge to the other, where the surface stays whole and unfolded."""
        mine, other = self._around(gone), self._around(stays)
        ring, rest = set(self.faces[mine].reshape(-1).tolist()), set(self.faces[other].reshape(-1).tolist())
        shared = [f for f in mine if stays in self.faces[f]]
        # closed around the vertex, and the two ends have no neighbours in common but the tips of their two faces
        if len(shared) != 2 or len(ring) - 1 != len(mine) or len((ring & rest) - {gone, stays}) != 2:
            return False
        if self._busy[list(ring)].any() or (len(mine) < 4 and len(other) < 4):
            return False
        moved = [f for f in mine if f not in shared]
        before, after = self.faces[moved], self.faces[moved]
        after = np.where(after == gone, stays, after)
        if not self._sound(before, after):
            return False
        self.faces[moved] = after
        self.alive[shared] = False
        self._busy[list(ring | {stays})] = True
        self.done += 2
        return True

    def _swap(self, face: int, a: int, b: int) -> bool:
        """Give the edge a - b of a cap to the two points across it; at a rim the cap just goes."""
        shared = [f for f in self._around(a) if b in self.faces[f]]
        if shared == [face]:
            self.alive[face] = False
            self._busy[self.faces[face]] = True
            self.done += 1
            return True
        if len(shared) != 2:
            return False
        other = shared[0] if shared[1] == face else shared[1]
        mine, his = self.faces[face].tolist(), self.faces[other].tolist()
        tip = next(v for v in mine if v not in (a, b))
        far = next((v for v in his if v not in (a, b)), tip)
        if tip == far or self._busy[far] or any(far in self.faces[f] for f in self._around(tip)):
            return False
        # a, b, tip is the cap's own winding: its edge a - b becomes far - tip
        before = np.array([[a, b, tip], [a, b, tip]])
        after = np.array([[far, tip, a], [tip, far, b]])
        if mine.index(b) != (mine.index(a) + 1) % 3 or not self._better(before, after, other):
            return False
        of = {**dict(zip(his, self.corner[other].tolist(), strict=True)),
              **dict(zip(mine, self.corner[face].tolist(), strict=True))}  # fmt: skip
        for at, new in zip((face, other), after.tolist(), strict=True):
            self.faces[at], self.corner[at] = new, [of[v] for v in new]
        self._busy[[a, b, tip, far]] = True
        self.done += 2
        return True

    def _normals(self, faces: Array) -> tuple[Array, Array]:
        corner = self.points[faces]
        normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
        length = np.linalg.norm(normal, axis=1)
        return normal / np.maximum(length, 1e-300)[:, None], length

    def _sound(self, before: Array, after: Array) -> bool:
        """No face folds over or becomes worse than a sliver that it was not before."""
        old, size = self._normals(before)
        new, _ = self._normals(after)
        was, now = smallest_angles(self.points, before), smallest_angles(self.points, after)
        straight = ((old * new).sum(axis=1) > _TURN) | (was < SLIVER) | (size < 1e-14)
        return bool((straight & ((now >= SLIVER) | (now >= was))).all())

    def _better(self, before: Array, after: Array, other: int) -> bool:
        """The smallest angle of the two faces grows, and none turns away from the good one of them."""
        pair = np.stack([before[0], self.faces[other]])
        if smallest_angles(self.points, after).min() <= smallest_angles(self.points, pair).min():
            return False
        good, _ = self._normals(self.faces[[other]])
        new, _ = self._normals(after)
        return bool((new @ good[0] > _TURN).all())
