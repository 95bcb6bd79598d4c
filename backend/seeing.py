# SPDX-License-Identifier: GPL-3.0-or-later
"""What the backends for depth share: the models kept warm, a look at a picture, and heights from what was seen."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from . import hub
from .footprint import measured
from .hub.device import Plan, Warm, choose, run_within
from .protocol.errors import UserError
from .protocol.spec import BackendSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .networks.depth import Estimator, Normals, Seen
    from .worker.report import Report

    Floats = NDArray[np.float32]

SPARE = 1.0
"""GB that the calculation takes beside the weights."""
USUAL = 0.3
"""Depth of a relief as a share of its longest side, where nobody knows it."""
DEEPEST = 1.5


class Look(NamedTuple):
    seen: Seen
    normals: Floats | None
    """(H, W, 3) x right, y up, z to the viewer, where a model for them was named."""

    def upright(self) -> Seen:
        """What was seen, (X, Y) with Y up."""
        metres = self.seen.metres
        return self.seen._replace(near=upright(self.seen.near), metres=None if metres is None else upright(metres))


class Eyes:
    """The models of one backend, made once for the same weights and device."""

    def __init__(self, spec: BackendSpec) -> None:
        self.spec = spec
        self._depth: Warm[Estimator] = Warm()
        self._normals: Warm[Normals] = Warm()

    def look(self, picture: NDArray[np.uint8], params: dict[str, Any], seed: int, report: Report, until: float) -> Look:
        """At a picture (H, W, 3) sRGB; progress runs to `until`."""
        report.progress("Looking for the model", 0.0)
        source = hub.source(self.spec, params, report)
        spec = self.spec if isinstance(source, int) else measured(self.spec, source, SPARE)
        share = 0.4 if params["normals"] else 0.9

        def deep(plan: Plan) -> Seen:
            model = self._estimator(plan, source, report)
            return model(picture, lambda part: report.progress("Judging the depth", until * (0.1 + share * part)))

        seen = run_within(choose(spec, params, report), deep, report)
        if not params["normals"]:
            return Look(seen, None)
        return Look(seen, self._turned(picture, params, seed, report, until))

    def _turned(
        self, picture: NDArray[np.uint8], params: dict[str, Any], seed: int, report: Report, until: float
    ) -> Floats:
        from dataclasses import replace

        folder = hub.source(self.spec, {"weights": params["normals"]}, report)
        if not isinstance(folder, Path) or not folder.is_dir():
            text = f"{self.spec.id}.normals takes a folder of Marigold, or owner/name on the hub."
            raise UserError(f"{text} Change it, or leave it empty.", kind="usage")
        spec = replace(self.spec, memory=(("fp16", 3.5), ("fp32", 6.0)))  # torch's processor resizes no bf16
        asked = {**params, "precision": params["precision"] if params["precision"] in ("fp16", "fp32") else "auto"}

        def turn(plan: Plan) -> Floats:
            model = self._normal_model(plan, folder, report)
            beat = lambda part: report.progress("Judging the slopes", until * (0.55 + 0.45 * part))  # noqa: E731
            return model(picture, params["normal_steps"], seed, beat)

        return run_within(choose(measured(spec, folder, SPARE), asked, report), turn, report)

    def _estimator(self, plan: Plan, source: Path | int, report: Report) -> Estimator:
        from .networks import depth

        def make() -> Estimator:
            report.progress("Loading the model", 0.01)
            if isinstance(source, int):
                return depth.invented(source, plan.device, plan.dtype)
            return depth.load(source, plan.device, plan.dtype)

        return self._depth.get((source, plan.device, plan.precision), make)

    def _normal_model(self, plan: Plan, folder: Path, report: Report) -> Normals:
        from .networks import depth

        def make() -> Normals:
            report.progress("Loading the model for normals", 0.0)
            return depth.load_normals(folder, plan.device, plan.dtype)

        return self._normals.get((folder, plan.device, plan.precision), make)


def upright(plane: NDArray[Any]) -> NDArray[Any]:
    """(rows, columns, ...) of a picture -> (X, Y, ...), Y up."""
    return plane[::-1].swapaxes(0, 1)


def as_picture(plane: NDArray[Any]) -> NDArray[Any]:
    """The way back from `upright`."""
    return plane.swapaxes(0, 1)[::-1]


def heights(
    seen: Seen, mask: NDArray[np.bool_], slope: NDArray[np.float64] | None, strength: float
) -> tuple[NDArray[np.float64], float, str]:
    """How far each place stands out, in cells, 0 for the farthest of the mask; the depth of the whole as a share of its
    longest side; and how that is known: given, measured, by the normals, usual.

    All (X, Y), what was seen too; `slope` (2, X, Y). As from far away: a picture's perspective is not undone.
    """
    import numpy as np

    from .geometry import heights as solid

    nearness = seen.near if seen.metres is None else -seen.metres
    low, high = np.percentile(nearness[mask], (1, 99))
    unit = np.clip((nearness - low) / max(float(high - low), 1e-9), -0.25, 1.25).astype(np.float64)
    x, y = np.nonzero(mask)
    longest = float(max(np.ptp(x), np.ptp(y)) + 1)
    how, share = "usual", USUAL
    if strength > 0:
        how, share = "given", strength
    elif seen.metres is not None and seen.fov is not None:
        cell = 2 * math.tan(math.radians(seen.fov) / 2) / mask.shape[0] * float(np.median(seen.metres[mask]))
        how, share = "measured", float(high - low) / (cell * longest)
    elif slope is not None:
        how, share = "by the normals", solid.scale(unit, slope, mask.astype(np.float64)) / longest
    share = float(np.clip(share, 0.0, DEEPEST))
    tall = unit * share * longest
    return tall - float(tall[mask].min()), share, how
