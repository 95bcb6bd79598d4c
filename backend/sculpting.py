# SPDX-License-Identifier: GPL-3.0-or-later
"""What the two TripoSG backends share: from what the model is told to the files of a request."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import hub
from .hub.device import Plan, Warm, choose, run_within
from .protocol import whole
from .protocol.errors import UserError
from .protocol.job import Request
from .protocol.spec import BackendSpec
from .protocol.weights import folder_of

if TYPE_CHECKING:
    from .networks.triposg.dit import Config, Told
    from .networks.triposg.model import Model, Surface
    from .worker.report import Report

LOADED, SHAPED, FOUND = 0.05, 0.8, 0.95
"""Shares of the whole when the model is loaded, the latents are made, the surface is found."""
EMPTY = "The model made nothing solid of this. Try another seed, more steps, or a clearer picture."

Tell = Callable[["Model", Callable[[float], None]], "list[Told]"]
"""What the model is told, made by its own encoders."""


class Maker:
    """Makes the surface of a request. The model stays for the next one where weights, device and precision agree."""

    def __init__(self, spec: BackendSpec, sizes: Callable[[], Config]) -> None:
        self._spec, self._sizes = spec, sizes
        self._warm: Warm[Model] = Warm()

    def surface(self, request: Request, params: dict[str, Any], tell: Tell, report: Report) -> Surface:
        """Z up, facing -Y, in the model's units: it lies within -1..1. Raises `UserError` where there is none."""
        report.progress("Looking for the model", 0.0)
        source = hub.source(self._spec, params, report)
        plan = choose(self._spec, params, report)
        found = run_within(plan, lambda plan: self._made(plan, source, request, params, tell, report), report)
        report.metric("places_asked", found.asked)
        if not len(found.faces):
            raise UserError(EMPTY)
        return found

    def _made(
        self, plan: Plan, source: Path | int, request: Request, params: dict[str, Any], tell: Tell, report: Report
    ) -> Surface:
        model = self._model(plan, source, params, report)
        latents = self._latents(model, plan, request, params, tell, report)
        pace = Pace("Feeling for the surface", report, SHAPED, FOUND)
        as_published = params.get("extraction") == "published"
        return model.surface(latents, params["depth"], as_published=as_published, beat=pace)

    def _latents(
        self, model: Model, plan: Plan, request: Request, params: dict[str, Any], tell: Tell, report: Report
    ) -> Any:
        """Those of an earlier attempt at this job, as far as it came, carried on to the end."""
        from .networks.triposg import flow

        steps, kept = params["steps"], report.keep("latents") / "begun.npz"
        done, begun = _remembered(kept, (1, params["tokens"], model.source.shape().in_channels))
        if done < steps:
            told = tell(model, lambda part: report.progress("Looking at the picture", 0.2 * LOADED * part))
            model.load(lambda part: report.progress("Loading the model", LOADED * (0.2 + 0.8 * part)))
        else:
            told = []
        if begun is None:
            done, begun = 0, flow.noise(1, params["tokens"], model.source.shape().in_channels, request.seed)
        pace = Pace("Shaping", report, LOADED, SHAPED, steps=steps, done=done, where=str(plan))
        return model.flow(
            told,
            begun,
            steps=steps,
            guidance=params.get("guidance", 0.0),
            done=done,
            beat=pace,
            after=lambda number, latents: _remember(kept, number, latents),
        )

    def _model(self, plan: Plan, source: Path | int, params: dict[str, Any], report: Report) -> Model:
        import torch

        from .networks.compiled import compile_blocks
        from .networks.triposg.load import Source
        from .networks.triposg.model import Model

        lean = "offload" in plan.steps
        key = (source, plan.device, plan.precision, plan.steps, params["compile"])

        def make() -> Model:
            if lean and params["compile"]:
                report.warn("compile has no effect where the layers come to the device one by one.")
            official = self._spec.weights[0]
            sizes = folder_of(official.repository, official.revision) if isinstance(source, int) else source
            return Model(
                Source(source, sizes, self._sizes()),
                torch.device(plan.device),
                plan.dtype,
                int8=plan.precision == "int8",
                lean=lean,
                quicker=partial(compile_blocks, device=plan.device, report=report) if params["compile"] else None,
            )

        return self._warm.get(key, make)


class Pace:
    """Progress that says how long it will still take, by how long it took so far."""

    def __init__(
        self, phase: str, report: Report, low: float, high: float, *, steps: int = 0, done: int = 0, where: str = ""
    ) -> None:
        self._phase, self._report, self._low, self._high = phase, report, low, high
        self._steps, self._first, self._where = steps, done / steps if steps else 0.0, where
        self._began, self._told = time.monotonic(), False

    def __call__(self, part: float) -> None:
        whole = self._steps or 20
        text = self._phase
        if self._steps:
            text += f", step {min(int(part * self._steps) + 1, self._steps)} of {self._steps}"
        if (part - self._first) * whole > 0.999:
            spent = time.monotonic() - self._began
            left = spent / (part - self._first) * (1 - part)
            text += f", {spoken(left)} left"
            if self._steps and not self._told:
                self._told = True
                each = spent / ((part - self._first) * self._steps)
                self._report.metric("seconds_a_step", round(each, 2))
                self._report.log(f"{each:.1f} s a step with {self._where}: {spoken(left)} for the other steps.")
        self._report.progress(text, self._low + (self._high - self._low) * part)


def spoken(seconds: float) -> str:
    """A length of time as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _remembered(path: Path, shape: tuple[int, ...]) -> tuple[int, Any]:
    """Steps done and the latents after them; 0 and None where there is nothing to go on from."""
    import numpy as np
    import torch

    try:
        with np.load(path, allow_pickle=False) as held:
            done, latents = int(held["done"]), held["latents"]
    except Exception:  # whatever a file that was cut short makes the reader raise: then it begins anew
        return 0, None
    good = latents.shape == shape and latents.dtype == np.float32 and np.isfinite(latents).all()
    return (done, torch.from_numpy(latents)) if good else (0, None)


def _remember(path: Path, done: int, latents: Any) -> None:
    import numpy as np

    with whole.part(path) as part, part.open("wb") as file:
        np.savez(file, done=done, latents=latents.cpu().numpy())
