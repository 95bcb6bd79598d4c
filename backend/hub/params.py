# SPDX-License-Identifier: GPL-3.0-or-later
"""What every learned backend can be told: which weights, how exactly to calculate, and on what; and remote ones."""

from __future__ import annotations

from ..protocol.spec import PRECISIONS, Param

DEVICES = ("auto", "cpu", "gpu", "cuda", "mps", "xpu")

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
        "What it runs on: gpu is any card, cuda NVIDIA and AMD, mps Apple, xpu Intel. Auto takes the first that fits",
        choices=DEVICES,
    ),
)

COMPILE = Param(
    "compile", "bool", False, "Compile the network first: a minute at the first use, then each step is quicker"
)

REMOTE = (
    Param("connect_s", "float", 10.0, "Give up when nobody answers for so long", low=0.1, high=600.0, unit="s"),
    Param(
        "stall_s",
        "float",
        60.0,
        "Give up when the server is silent for so long, other than while it makes the mesh",
        low=0.1,
        high=3600.0,
        unit="s",
    ),
    Param(
        "wait_s", "float", 1800.0, "Give up when the mesh is not there after so long", low=1.0, high=86400.0, unit="s"
    ),
    Param("paint", "bool", True, "Paint a mesh that comes without colours with the photo"),
    Param("size_m", "float", 1.0, "Longest side of the object", low=0.001, high=1000.0, unit="m"),
)
