# SPDX-License-Identifier: GPL-3.0-or-later
"""A film with more frames: what lies between two of them is drawn by RIFE, but not across a cut."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..hub.device import Warm
from ..hub.params import LEARNED
from ..protocol.errors import UserError
from ..protocol.job import Request
from ..protocol.spec import BackendSpec, File, Param, Weights

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..hub.device import Plan
    from ..networks.rife import Model
    from ..reel import Reel
    from ..worker.report import Report

    Pixels = NDArray[np.uint8]

OFFICIAL = Weights(
    repository="imaginairy/rife-interpolation",
    revision="26442e52cc30b88c5cb490702647b8de9aaee8a7",
    files=(
        File("rife-flownet-4.13.2.safetensors", 0, "c5544dfda88abead0f713c3a79338a1eb0ac6a4573e1c5de76d21e2af3839555"),
    ),
    license="MIT",
    page="https://github.com/hzwer/Practical-RIFE",
)
"""Version 4.13.2 of the authors as a file of safetensors."""
SAME = 1.5
"""Of 255: what frames may differ by anywhere, on average over a 16th of the side, and be the same."""
LARGE = 1440
"""px of the shorter side from which motion is looked for at half the size, as the authors do."""


class Key(NamedTuple):
    """A frame of the film that stands for itself, at its number."""

    number: int
    frame: Pixels


class Backend:
    spec = BackendSpec(
        id="interpolate",
        label="More frames",
        task="film-to-film",
        seeded="never",
        help="Draws the frames in between, so that a film runs smoothly or slowly. RIFE follows each pixel from one "
        "frame to the next; a cut stays a cut.",
        runtime="full",
        license="MIT",
        inputs=("film",),
        outputs=("film",),
        params=(
            Param("factor", "float", 2.0, "So many times as many frames", low=1.0, high=16.0),
            Param("fps", "float", 0.0, "Frames a second wanted instead; 0 goes by the factor", low=0.0, high=480.0),
            Param("slow", "float", 1.0, "Plays so many times as long, without its sound", low=1.0, high=16.0),
            Param(
                "cut",
                "float",
                0.6,
                "Frames are not joined where motion leaves more than this share of their difference; 1 joins all",
                low=0.0,
                high=1.0,
            ),
            Param(
                "repeats",
                "int",
                1,
                "Up to so many equal frames in a row count as one, for films drawn on twos or threes",
                low=1,
                high=8,
            ),
            *LEARNED,
        ),
        weights=(OFFICIAL,),
        memory=(("fp16", 1.2), ("fp16+resolution", 0.8), ("fp32", 1.9), ("fp32+resolution", 1.3)),
    )

    def __init__(self) -> None:
        self._warm: Warm[Model] = Warm()

    def run(self, request: Request, params: dict[str, Any], report: Report) -> None:
        from .. import hub, reel
        from ..hub.device import choose, run_within

        report.progress("Reading the film", 0.0)
        film = reel.read(request.inputs["film"])
        factor = params["fps"] * params["slow"] / float(film.rate) if params["fps"] else params["factor"]
        if factor < 1:
            raise UserError(f"The film has {float(film.rate):g} frames a second. Set interpolate.fps higher.")
        rate = film.rate * Fraction(factor).limit_denominator(1001) / Fraction(params["slow"]).limit_denominator(1001)
        source = hub.source(self.spec, params, report)
        plan = choose(_fitted(self.spec, film.size), params, report)
        path = report.file("film", f"film{film.suffix}", fps=float(rate), width=film.size[0], height=film.size[1])
        made = _Made(film, factor, params, report)

        def work(plan: Plan) -> None:
            model = self._model(plan, source, report)
            silent = params["slow"] > 1
            reel.write(path, made.frames(model, plan), film, rate, sound=not silent)

        run_within(plan, work, report)
        report.metric("frames", made.total)
        report.metric("drawn", made.drawn)
        report.metric("cuts", made.cuts)
        report.progress("Done", 1.0)

    def _model(self, plan: Plan, source: Path | int, report: Report) -> Model:
        from ..networks import rife

        def load() -> Model:
            report.progress("Loading the model", 0.0)
            return rife.load(source, plan.device, plan.dtype)

        return self._warm.get((source, plan.device, plan.precision), load)


def _fitted(spec: BackendSpec, size: tuple[int, int]) -> BackendSpec:
    """Memory by the size of the film; what stands in the spec is that of 1920 by 1080."""
    from dataclasses import replace

    large = max(0.2, size[0] * size[1] / (1920 * 1080))
    return replace(spec, memory=tuple((way, 0.3 + (needed - 0.3) * large) for way, needed in spec.memory))


class _Made:
    """The frames of the new film one after the other, and what was done for them."""

    def __init__(self, film: Reel, factor: float, params: dict[str, Any], report: Report) -> None:
        self._film, self._factor, self._params, self._report = film, factor, params, report
        self._kept = report.keep("frames")
        self.total = max(1, round(film.count * factor))
        self.drawn = self.cuts = self._next = 0

    def frames(self, model: Model, plan: Plan) -> Iterator[Pixels]:
        """Each is kept as it is drawn, so a film that was interrupted goes on where it stopped."""
        self.drawn = self.cuts = self._next = 0
        before: Key | None = None
        for key in keys(self._film.frames(), self._params["repeats"]):
            if before is not None:
                yield from self._span(before, key, model, plan)
            before = key
        while before is not None and self._next < self.total:
            yield self._told(before.frame)

    def _span(self, first: Key, second: Key, model: Model, plan: Plan) -> Iterator[Pixels]:
        """All new frames from the first key on, before the second."""
        joined: bool | None = None
        while self._next < self.total and (place := self._next / self._factor) < second.number - 1e-6:
            moment = (place - first.number) / (second.number - first.number)
            if moment < 1e-3:
                yield self._told(first.frame)
                continue
            if joined is None:
                joined = not same(first.frame, second.frame)
            made = self._drawn(first.frame, second.frame, moment, model, plan) if joined else None
            if joined and made is None:
                joined = False
                self.cuts += 1
            yield self._told(first.frame if made is None and moment < 0.5 else second.frame if made is None else made)

    def _drawn(self, first: Pixels, second: Pixels, moment: float, model: Model, plan: Plan) -> Pixels | None:
        """The frame at that moment; None across a cut."""
        from .. import reel

        path = self._kept / f"{self._next:06d}.png"
        made = reel.kept(path)
        if made is None:
            coarse = 2.0 if min(first.shape[:2]) >= LARGE or "resolution" in plan.steps else 1.0
            made, unlike = model.between(first, second, moment, coarse=coarse, beat=self._beat)
            if unlike > self._params["cut"]:
                return None
            reel.keep(path, made)
        self.drawn += 1
        return made

    def _beat(self, part: float) -> None:
        self._report.progress(f"Frame {self._next + 1} of {self.total}", 0.99 * (self._next + part) / self.total)

    def _told(self, frame: Pixels) -> Pixels:
        self._beat(0.0)
        self._next += 1
        return frame


def keys(frames: Iterator[Pixels], repeats: int) -> Iterator[Key]:
    """The frames that motion goes between. Of up to `repeats` equal ones the first alone; of more the last too: there
    the film stands still."""
    first: Key | None = None
    last: Key | None = None
    for number, frame in enumerate(frames):
        if first is not None and last is not None and repeats > 1 and same(first.frame, frame):
            last = Key(number, frame)
            continue
        if first is not None and last is not None and last.number - first.number >= repeats:
            yield last
        first = last = Key(number, frame)
        yield first


def same(first: Pixels, second: Pixels) -> bool:
    """Nothing moves between them, however small; noise of rendering and packing aside."""
    import numpy as np

    side = max(4, min(first.shape[:2]) // 16)
    height, width = (size // side * side for size in first.shape[:2])
    apart = np.abs(first[:height, :width].astype(np.int16) - second[:height, :width])
    blocks = apart.reshape(height // side, side, width // side, side, -1).mean(axis=(1, 3))
    return bool(blocks.max() < SAME)
