# SPDX-License-Identifier: GPL-3.0-or-later
"""Connected parts of a mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def label(mask: Mask, *, diagonal: bool = False) -> tuple[NDArray[np.int32], int]:
    """Number the connected parts of a mask from 1 in reading order; returns (labels, count), 0 is outside.

    Pixels are neighbours across their sides, with `diagonal` across corners too.
    """
    line, start, end = _runs(mask)
    parent = list(range(len(line)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    reach = 1 if diagonal else 0
    first = np.searchsorted(line, np.arange(mask.shape[0] + 1))
    for row in range(1, mask.shape[0]):
        above, here = int(first[row - 1]), int(first[row])
        stop_above, stop_here = here, int(first[row + 1])
        while above < stop_above and here < stop_here:
            if start[here] < end[above] + reach and start[above] < end[here] + reach:
                a, b = root(above), root(here)
                parent[max(a, b)] = min(a, b)
            if end[above] < end[here]:
                above += 1
            else:
                here += 1
    roots = np.array([root(i) for i in range(len(line))], np.intp)
    names, number = np.unique(roots, return_inverse=True)
    labels = np.zeros(mask.shape, np.int32)
    labels[mask] = np.repeat(number.reshape(-1) + 1, np.array(end, np.intp) - np.array(start, np.intp))
    return labels, len(names)


def _runs(mask: Mask) -> tuple[NDArray[np.intp], list[int], list[int]]:
    """Row, start and end (exclusive) of each run of set pixels, in reading order."""
    edges = np.diff(np.pad(mask, [(0, 0), (1, 1)]).astype(np.int8), axis=1)
    line, start = np.nonzero(edges == 1)
    end = np.nonzero(edges == -1)[1]
    return line, start.tolist(), end.tolist()


def sizes(labels: NDArray[np.int32]) -> NDArray[np.intp]:
    """Pixels of each label, that of the outside first."""
    return np.bincount(labels.reshape(-1))


def drop_small(mask: Mask, least: float, *, diagonal: bool = False) -> Mask:
    """Keep the parts with at least `least` pixels; the largest part always stays."""
    labels, count = label(mask, diagonal=diagonal)
    if not count:
        return mask.copy()
    large = sizes(labels)
    large[0] = 0
    keep = large >= min(least, int(large.max()))
    keep[0] = False
    return np.asarray(keep[labels])
