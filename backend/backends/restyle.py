# SPDX-License-Identifier: GPL-3.0-or-later
"""A rendered film painted anew by words: a video model follows the film, or its depth, normals or edges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..hub.device import Warm
from ..hub.params import COMPILE, LEARNED
from ..protocol.errors import UserError
from ..protocol.job import Request
from ..protocol.spec import BackendSpec, Param

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..hub.device import Plan
    from ..networks.restyler import Restyler, Wish
    from ..reel import Reel
    from ..worker.report import Report

    Pixels = NDArray[np.uint8]

REPOSITORIES = {
    "wan": "Wan-AI/Wan2.1-VACE-1.3B-diffusers",
    "ltx": "Lightricks/LTX-Video-0.9.5",
    "cogvideox": "THUDM/CogVideoX-2b",
    "svd": "stabilityai/stable-video-diffusion-img2vid-xt",
}
STEERS = ("depth", "normal", "edge")
SPARE = 6.0
"""GB that 81 frames of 832 by 480 px take beside the weights."""
GROUND = 127


class Backend:
    spec = BackendSpec(
        id="restyle",
        label="Restyled film",
        task="video-diffusion",
        help="Paints the rendered film anew by words, frame for frame as long. Wan 2.1 VACE (Apache-2.0) follows the "
        "film's depth, normals or edges: render with film.passes. LTX-Video and CogVideoX begin with the film itself. "
        "Stable Video Diffusion moves its first picture, without words. Wan 1.3B wants 22 GB of a card, 18 GB with "
        "parts kept outside; LTX-Video and CogVideoX 2B somewhat more.",
        runtime="full",
        license="of the weights: Wan 2.1 and CogVideoX-2b Apache-2.0; LTX-Video and CogVideoX-5b have terms of their "
        "own; Stable Video Diffusion is the Stability AI Community License, free below 1 million USD of revenue a year",
        inputs=("film",),
        optional=STEERS,
        outputs=("film",),
        params=(
            Param("prompt", "str", "", "What the film is to look like, in English words: a horse of clay in a studio"),
            Param("negative", "str", "blurry, flicker, distorted, text, watermark", "What it is not to look like"),
            Param(
                "family",
                "choice",
                "auto",
                "The kind of model; auto is what the weights are",
                choices=("auto", *REPOSITORIES),
            ),
            Param(
                "follow",
                "choice",
                "auto",
                "What keeps the shape, where the model can be steered; auto is depth, else normals, edges, the film",
                choices=("auto", *STEERS, "film"),
            ),
            Param(
                "strength",
                "float",
                0.7,
                "How much of the film is changed; of a model that is steered, how closely it follows",
                low=0.05,
                high=2.0,
            ),
            Param("steps", "int", 0, "Steps of denoising; 0 is the model's own number", low=0, high=200),
            Param("guidance", "float", -1.0, "How closely it keeps to the words; -1 is its own", low=-1.0, high=30.0),
            Param("side", "int", 0, "Longer side of the new film; 0 is the model's own", low=0, high=2048, unit="px"),
            Param("chunk", "int", 0, "Frames painted at once; 0 is the model's own number", low=0, high=512),
            Param("overlap", "int", 9, "Frames that a piece shares with the one before", low=0, high=64),
            COMPILE,
            *(replace(p, default=REPOSITORIES["wan"]) if p.name == "weights" else p for p in LEARNED),
        ),
        memory=(("bf16", 22.0), ("bf16+offload", 18.0), ("fp16", 22.0), ("fp32", 38.0)),
    )

    def __init__(self) -> None:
        self._warm: Warm[Restyler] = Warm()

    def run(self, request: Request, params: dict[str, Any], report: Report) -> None:
        from .. import hub, reel
        from ..hub.device import choose, run_within

        report.progress("Reading the film", 0.0)
        film = reel.read(request.inputs["film"])
        steers = {role: reel.read(request.inputs[role]) for role in STEERS if role in request.inputs}
        given = params["weights"] or REPOSITORIES["wan" if params["family"] == "auto" else params["family"]]
        source = hub.source(self.spec, {"weights": given}, report)
        plan = choose(_fitted(self.spec, source), params, report)
        kept = report.keep("frames")

        def work(plan: Plan) -> None:
            restyler = self._model(plan, source, params, report)
            _check(restyler, params)
            steer = _steer(restyler, params["follow"], film, steers)
            size = _size(film, params["side"] or restyler.family.side, restyler.family.grid)
            told = {"fps": float(film.rate), "frames": film.count, "width": size[0], "height": size[1]}
            path = report.file("film", f"film{film.suffix}", **told)
            made = _Made(film, steer, size, restyler, kept, request.seed, params, report)
            reel.write(path, made.frames(), film, film.rate)

        run_within(plan, work, report)
        report.metric("frames", film.count)
        report.progress("Done", 1.0)

    def _model(self, plan: Plan, source: Path | int, params: dict[str, Any], report: Report) -> Restyler:
        from ..networks import restyler
        from ..networks.compiled import compile_pipeline

        family = "wan" if params["family"] == "auto" else params["family"]
        key = (source, plan.device, plan.precision, plan.steps, family, params["compile"])

        def load() -> Restyler:
            report.progress("Loading the model", 0.0)
            made = restyler.load(source, family, plan.dtype)
            restyler.place(made, plan.device, plan.steps)
            if params["compile"]:
                compile_pipeline(made.pipeline, plan.device, report)
            return made

        return self._warm.get(key, load)


def _fitted(spec: BackendSpec, source: Path | int) -> BackendSpec:
    from importlib.util import find_spec

    from ..footprint import measured

    if isinstance(source, int):
        return replace(spec, memory=tuple((way, 0.6) for way, _ in spec.memory))
    return measured(spec, source, SPARE, offload=find_spec("accelerate") is not None)


def _check(restyler: Restyler, params: dict[str, Any]) -> None:
    family = restyler.family
    if params["family"] not in ("auto", family.name):
        wanted = REPOSITORIES[params["family"]]
        text = f"The weights are of {family.name}, not of {params['family']}. Set restyle.weights={wanted}."
        raise UserError(text, kind="usage")
    if family.reads and not params["prompt"].strip():
        text = "Say what the film is to look like: --set 'restyle.prompt=a horse of clay in a studio'."
        raise UserError(text, kind="usage")
    if family.begins and params["strength"] > 1:
        raise UserError("restyle.strength is at most 1 for a model that begins with the film.", kind="usage")


def _steer(restyler: Restyler, follow: str, film: Reel, steers: dict[str, Reel]) -> Reel | None:
    """What the model follows; None is the film itself."""
    if follow == "film" or not restyler.family.steered:
        if follow in STEERS:
            name = type(restyler.pipeline).__name__
            raise UserError(f"{name} cannot follow {follow}. Set restyle.follow=auto, or take Wan VACE.", kind="usage")
        return None
    chosen = next(iter(steers.values()), None) if follow == "auto" else steers.get(follow)
    if follow != "auto" and chosen is None:
        text = f"There is no {follow} of this film. Render it with film.passes=true, or set restyle.follow=film."
        raise UserError(text, kind="usage")
    if chosen and chosen.count != film.count:
        text = f"{chosen.path.name} has {chosen.count} frames, the film {film.count}. Render both in one go."
        raise UserError(text, kind="input")
    return chosen


def _size(film: Reel, side: int, grid: int) -> tuple[int, int]:
    """The film's shape, as near as sides that are multiples of `grid` come to it."""
    scale = side / max(film.size)
    width, height = (max(grid, round(each * scale / grid) * grid) for each in film.size)
    return width, height


class _Made:
    """The new film, piece by piece. Where two pieces share frames, one passes into the other."""

    def __init__(
        self, film: Reel, steer: Reel | None, size: tuple[int, int], restyler: Restyler, kept: Path, seed: int,
        params: dict[str, Any], report: Report,
    ) -> None:  # fmt: skip
        from ..networks.restyler import Wish

        self._film, self._steer, self._size, self._restyler, self._kept = film, steer, size, restyler, kept
        self._seed, self._report = seed, report
        self._wish: Wish = Wish(
            params["prompt"], params["negative"], params["strength"], params["steps"], params["guidance"],
            float(film.rate),
        )  # fmt: skip
        self._length = max(2, params["chunk"] or restyler.family.frames)
        self._shared = min(params["overlap"], self._length - 1)
        self._pieces = 1 + max(0, -(-(film.count - self._length) // (self._length - self._shared)))

    def frames(self) -> Iterator[Pixels]:
        import numpy as np

        film, steer = self._film.frames(), self._steer.frames() if self._steer else None
        seen: list[Pixels] = []
        guide: list[Pixels] = []
        before: list[Pixels] = []
        for piece in range(self._pieces):
            fresh = self._length - len(seen)
            seen += islice(film, fresh)
            guide += islice(steer, fresh) if steer else ()
            made = self._piece(piece, seen, guide, before)
            for number, old in enumerate(before):
                share = (number + 1) / (len(before) + 1)
                made[number] = np.round(old * (1 - share) + made[number] * share).astype(np.uint8)
            stay = len(seen) if piece == self._pieces - 1 else len(seen) - self._shared
            for number in range(stay):
                yield self._with_alpha(made[number], seen[number])
            seen, guide, before = seen[stay:], guide[stay:], made[stay:]

    def _piece(self, piece: int, seen: list[Pixels], guide: list[Pixels], before: list[Pixels]) -> list[Pixels]:
        """Painted, or as an interrupted attempt left it."""
        from .. import reel

        paths = [self._kept / f"{piece:04d}-{number:04d}.png" for number in range(len(seen))]
        there = [reel.kept(path) for path in paths]
        found = [each for each in there if each is not None]
        if len(found) == len(paths):
            return found

        def beat(part: float) -> None:
            text = f"Painting piece {piece + 1} of {self._pieces}"
            self._report.progress(text, 0.99 * (piece + part) / self._pieces)

        beat(0.0)
        known = before if self._restyler.family.joins else []
        shown, followed = ([self._fitting(each) for each in some] for some in (seen, guide))
        made = self._restyler.restyle(shown, followed, known, self._wish, self._seed, beat)
        return [reel.keep(path, frame) for path, frame in zip(paths, made, strict=True)]

    def _fitting(self, frame: Pixels) -> Pixels:
        """(H, W, 3) in the working size; what is transparent stands on grey."""
        import numpy as np

        from ..images import resize

        if frame.shape[2] == 4:
            alpha = frame[..., 3:].astype(np.float32) / 255
            frame = np.round(frame[..., :3] * alpha + GROUND * (1 - alpha)).astype(np.uint8)
        return resize(frame, self._size)

    def _with_alpha(self, made: Pixels, seen: Pixels) -> Pixels:
        import numpy as np

        from ..images import resize

        return np.dstack([made, resize(seen[..., 3], self._size)]) if seen.shape[2] == 4 else made
