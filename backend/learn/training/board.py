# SPDX-License-Identifier: GPL-3.0-or-later
"""What TensorBoard shows of a run: OUT/tensorboard, one point a step and series, also after kills and restarts."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Board(Protocol):
    def row(self, row: Mapping[str, Any]) -> None:
        """A row of the log."""

    def sheet(self, step: int, picture: NDArray[np.uint8]) -> None:
        """A picture (h, w, 3)."""

    def flush(self) -> None:
        """Before each checkpoint: what was told before it is not told again after a kill."""


def board(folder: Path, step: int, wanted: bool = True) -> Board:
    """`step`: where the run goes on; what is there of it and later steps, TensorBoard forgets."""
    return _Events(folder, step) if wanted and find_spec("tensorboard") else _Nothing()


class _Events:
    def __init__(self, folder: Path, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer: Any = SummaryWriter(str(folder), purge_step=step)

    def row(self, row: Mapping[str, Any]) -> None:
        for name, value in row.items():
            if name != "step":
                group = "val" if name.startswith("val_") else "run" if name in RUN else "train"
                self._writer.add_scalar(f"{group}/{name.removeprefix('val_')}", value, row["step"])

    def sheet(self, step: int, picture: NDArray[np.uint8]) -> None:
        self._writer.add_image("sheet", picture, step, dataformats="HWC")

    def flush(self) -> None:
        self._writer.flush()


class _Nothing:
    def row(self, row: Mapping[str, Any]) -> None: ...

    def sheet(self, step: int, picture: NDArray[np.uint8]) -> None: ...

    def flush(self) -> None: ...


RUN = ("rate", "norm", "seconds", "skipped")
