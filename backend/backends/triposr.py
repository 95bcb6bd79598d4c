# SPDX-License-Identifier: GPL-3.0-or-later
"""Photo to mesh by TripoSR: one pass, coloured, seconds on a graphics card and a third of a minute on a processor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..hub.device import Warm
from ..hub.params import LEARNED
from ..protocol.errors import UserError
from ..protocol.spec import BackendSpec, File, Param, Weights

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from ..hub.device import Plan
    from ..networks.triposr import Model
    from ..protocol.job import Request
    from ..worker.report import Report

    Beat = Callable[[str, float], None]
    Found = tuple[Path | int, Plan, Any]

OFFICIAL = Weights(
    repository="stabilityai/TripoSR",
    revision="5b521936b01fbe1890f6f9baed0254ab6351c04a",
    files=(File("model.ckpt", 1_677_246_742, "429e2c6b22a0923967459de24d67f05962b235f79cde6b032aa7ed2ffcd970ee"),),
    license="MIT",
    page="https://huggingface.co/stabilityai/TripoSR",
)
"""Revision, size and hash: several public sources agree on them."""
LOADED, LOOKED, FOUND = 0.1, 0.6, 0.95
"""Shares of the whole when the model is there, the picture is understood, the surface is found."""
EMPTY = "TripoSR found no surface in this picture. Choose a clearer one, lower threshold, or another backend."


class Backend:
    spec = BackendSpec(
        id="triposr",
        label="TripoSR",
        task="image-to-mesh",
        seeded="never",
        help="Makes a coloured mesh in one pass, without steps or chance. Soft, but robust.",
        runtime="full",
        batch=4,
        license="MIT",
        inputs=("cutout",),
        outputs=("mesh",),
        axes="metres, Z up, faces -Y, base centre at the origin",
        params=(
            Param("grid", "int", 256, "Points along a side at which the surface is looked for", low=32, high=1024),
            Param("threshold", "float", 25.0, "Density of the surface: lower is fatter", low=0.1, high=1000.0),
            Param(
                "margin",
                "float",
                0.0,
                "Looks also where the field comes so close to the surface: finds loose thin parts, takes longer",
                low=0.0,
                high=1.0,
            ),
            Param("dense", "bool", False, "Look everywhere, as the authors do: many times slower, for comparisons"),
            Param("crumbs", "float", 0.01, "Drop loose parts below this share of the largest", low=0.0, high=1.0),
            Param("size_m", "float", 1.0, "Longest side of the object", low=0.001, high=1000.0, unit="m"),
            *LEARNED,
        ),
        weights=(OFFICIAL,),
        memory=(("fp16", 2.2), ("bf16", 2.2), ("fp32", 2.4)),
    )

    def __init__(self) -> None:
        self._warm: Warm[Model] = Warm()

    def run(self, request: Request, params: dict[str, Any], report: Report) -> None:
        [found] = self.look([self.read(request, params, report)], params, report)
        self.make(found, params, report)

    def read(self, request: Request, params: dict[str, Any], report: Report) -> Any:
        """The framed object on grey (S, S, 3)."""
        from .. import images
        from ..networks import picture

        report.progress("Reading the cut-out", 0.0)
        return picture.on_grey(picture.framed(images.load(request.inputs["cutout"]).pixels))

    def look(self, pictures: Sequence[Any], params: dict[str, Any], report: Report) -> Iterator[Found]:
        """Of each picture its codes, and the weights and the plan by which they were made."""
        from .. import hub
        from ..hub.device import choose, run_within

        source = hub.source(self.spec, params, report)
        plan = choose(self.spec, params, report)
        for some, beat in _portions(plan, pictures, report):
            if len(some) > 1:
                codes = self._model(plan, source, report).codes(some, beat)
                report.metric("together", len(some))
            else:

                def looked(plan: Plan, some: Any = some, beat: Any = beat) -> tuple[Plan, Any]:
                    return plan, self._model(plan, source, report).codes(some, beat)

                plan, codes = run_within(plan, looked, report)
            for each in codes:
                yield source, plan, each

    def make(self, found: Found, params: dict[str, Any], report: Report) -> None:
        from .. import roles
        from ..hub.device import run_within

        source, plan, codes = found
        points, faces, colors = run_within(plan, lambda plan: self._body(plan, source, codes, params, report), report)
        roles.mesh(points, {"faces": faces, "colors": colors}, params["size_m"], report)

    def _body(self, plan: Plan, source: Path | int, codes: Any, params: dict[str, Any], report: Report) -> Any:
        from ..geometry import parts

        points, faces, colors = self._model(plan, source, report).mesh(
            codes,
            params["grid"],
            params["threshold"],
            _part(report, LOOKED, FOUND),
            margin=params["margin"],
            dense=params["dense"],
        )
        if not len(faces):
            raise UserError(EMPTY)
        keep = parts.large(points, faces, params["crumbs"])
        return points[keep], parts.only(keep, faces), colors[keep]

    def _model(self, plan: Plan, source: Path | int, report: Report) -> Model:
        from ..networks import triposr

        def load() -> Model:
            report.progress("Loading the model", 0.02)
            name = f"random:{source}" if isinstance(source, int) else source
            return triposr.load(name, plan.device, plan.dtype)

        return self._warm.get((source, plan.device, plan.precision), load)


def _portions(plan: Plan, pictures: Sequence[Any], report: Report) -> Iterator[tuple[Sequence[Any], Beat]]:
    """What is looked at in one forward, and how that is told: on a CPU, where it gains nothing, never several."""
    size = 1 if plan.device == "cpu" else len(pictures)
    each = (LOOKED - LOADED) / len(pictures)
    for done in range(0, len(pictures), size):
        yield pictures[done : done + size], _part(report, LOADED + each * done, LOADED + each * (done + size))


def _part(report: Report, low: float, high: float) -> Beat:
    return lambda phase, part: report.progress(phase, low + (high - low) * part)
