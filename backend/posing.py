# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the joints of a person are in a picture: RTMPose-s (Jiang et al. 2023) with the 26 points of Halpe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .protocol import bundled

WEIGHTS = Path(__file__).resolve().parent / "weights" / "rtmpose_s.onnx"
WEIGHTS_SHA256 = "214b1eed652577c834a8c3d0d7802209ae19aa54ac8c7d5201b66547f63990d4"
HEIGHT, WIDTH = 256, 192
MARGIN = 1.25
"""A person's box is made so much larger before it is looked at: so the network was trained."""
POINTS = (
    "nose", "eye.L", "eye.R", "ear.L", "ear.R", "shoulder.L", "shoulder.R", "elbow.L", "elbow.R", "wrist.L", "wrist.R",
    "hip.L", "hip.R", "knee.L", "knee.R", "ankle.L", "ankle.R", "crown", "neck", "pelvis", "toe.L", "toe.R",
    "small_toe.L", "small_toe.R", "heel.L", "heel.R",
)  # fmt: skip
_MEAN, _SPREAD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
_FINE = 2
"""Bins of the network's answer to a pixel."""


class Poser:
    """The network. Raises `ImportError` where onnxruntime is not to be had."""

    def __init__(self) -> None:
        from .sessions import Session

        self._session = Session(weights(), lambda text: None)

    def __call__(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Of an RGB picture (HEIGHT, WIDTH, 3): places in pixels, to the right and down, and how sure it is of each
        point, 0 to about 1, as (26, 3)."""
        given = (picture.astype(np.float32) - np.array(_MEAN, np.float32)) / np.array(_SPREAD, np.float32)
        across, down = self._session.run(["simcc_x", "simcc_y"], {"input": given.transpose(2, 0, 1)[None]})
        sure = np.minimum(across[0].max(axis=1), down[0].max(axis=1))
        found = np.stack([across[0].argmax(axis=1) / _FINE, down[0].argmax(axis=1) / _FINE, sure], axis=1)
        return np.asarray(found, np.float32)


def weights() -> bytes:
    """The network's file, proved by its hash before anything reads it."""
    return bundled.read(WEIGHTS, WEIGHTS_SHA256, "The pose network's weights")


def poser() -> Any:
    """The network, made once a process; None where this Python has no onnxruntime."""
    if not _made:
        try:
            _made.append(Poser())
        except ImportError:
            _made.append(None)
    return _made[0]


_made: list[Any] = []
