# SPDX-License-Identifier: GPL-3.0-or-later
"""Use that shows: ridges rubbed pale and rough, hollows dark with dirt. Made of baked maps, put into the textures."""

from __future__ import annotations

import numpy as np

from ..mesh.meshes import Floats

_RIDGE, _HOLLOW, _SHADE = (0.56, 0.78), (0.44, 0.22), (0.9, 0.4)
"""Curvature, and occlusion, where wear begins and where it is full."""
_PALE, _DARK, _DULL, _DIRT = 0.45, 0.65, 0.25, 0.3
"""How much of the way to white and to black, and what is added to the roughness, at full wear."""


def worn(colour: Floats, rough: Floats, bent: Floats, shade: Floats | None, amount: float) -> tuple[Floats, Floats]:
    """Linear colours (H, W, 3) and roughness (H, W) after wear of 0 to 1.

    `bent` (H, W) is the curvature, 0.5 for even places, `shade` the occlusion where there is one.
    """
    ridge, hollow = _ramp(bent, *_RIDGE), _ramp(bent, *_HOLLOW)
    if shade is not None:
        hollow = np.maximum(hollow, _ramp(shade, *_SHADE))
    ridge, hollow = (amount * mask for mask in (ridge * (1 - hollow), hollow))
    colour = colour + (ridge * _PALE)[..., None] * (1 - colour)
    colour = colour * (1 - hollow * _DARK)[..., None]
    rough = np.clip(rough + _DULL * ridge + _DIRT * hollow, 0.03, 1)
    return colour.astype(np.float32), rough.astype(np.float32)


def _ramp(values: Floats, start: float, end: float) -> Floats:
    share = np.clip((values - start) / (end - start), 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)
