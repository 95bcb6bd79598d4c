# SPDX-License-Identifier: GPL-3.0-or-later
"""What every learned backend can be told: which weights, how exactly to calculate, and on what."""

from __future__ import annotations

from ..protocol.spec import PRECISIONS, Param

DEVICES = ("auto", "cpu", "cuda", "mps", "xpu")

LEARNED = (
    Param("weights", "weights", "", "Empty for the official ones; a file, a folder, owner/name, or random:SEED"),
    Param(
        "precision",
        "choice",
        "auto",
        "How exactly it calculates: less takes less memory. Auto takes the best that fits",
        choices=("auto", *PRECISIONS),
    ),
    Param(
        "device",
        "choice",
        "auto",
        "What it runs on: cuda is NVIDIA and AMD, mps is Apple, xpu is Intel. Auto takes the first that fits",
        choices=DEVICES,
    ),
)
