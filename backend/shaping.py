# SPDX-License-Identifier: GPL-3.0-or-later
"""What the two Shap-E backends share: from words or a picture to the meshes of several seeds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import hub, roles
from .footprint import measured
from .hub.device import Plan, Warm, choose, run_within
from .protocol import whole
from .protocol.errors import UserError
from .protocol.job import Request
from .protocol.spec import BackendSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .networks.shap_e import Model, Surface
    from .worker.report import Report

    Latent = NDArray[np.float32]

SPARE = 0.8
"""GB that the calculation takes beside the weights."""
DREAMING = 0.8
"""Share of the whole time that goes into the latents."""


class Maker:
    """Makes the files of a request; `words` says which of the two models."""

    def __init__(self, spec: BackendSpec, words: bool) -> None:
        self._spec, self._words = spec, words
        self._warm: Warm[Model] = Warm()

    def run(self, request: Request, params: dict[str, Any], given: Any, report: Report) -> None:
        """`given` is a text, or a picture of PIL."""
        report.progress("Looking for the model", 0.0)
        source = hub.source(self._spec, params, report)
        seeds = [request.seed + number for number in range(params["candidates"])]
        spec = self._spec if isinstance(source, int) else measured(self._spec, source, SPARE)
        plan = choose(spec, params, report)
        found = run_within(plan, lambda plan: self._all(plan, source, given, seeds, params, report), report)
        if not found:
            raise UserError(
                "The model made nothing solid of this. Try another seed, more candidates or more steps; "
                "it knows everyday things better than rare ones."
            )
        if len(found) < len(seeds):
            report.warn(f"{len(seeds) - len(found)} of {len(seeds)} seeds gave nothing solid.")
        _write(found, params, report)

    def _all(
        self, plan: Plan, source: Path | int, given: Any, seeds: list[int], params: dict[str, Any], report: Report
    ) -> dict[int, Surface]:
        """The surface of each seed that has one."""
        from .networks import shap_e

        model = self._model(plan, source, report)
        kept = report.keep("latents")
        found = {}
        for number, seed in enumerate(seeds):
            before, share = number / len(seeds), 1 / len(seeds)
            which = f" {number + 1} of {len(seeds)}" if len(seeds) > 1 else ""

            def dreaming(part: float, before: float = before, which: str = which, share: float = share) -> None:
                report.progress(f"Imagining{which}", 0.05 + 0.9 * (before + share * DREAMING * part))

            def solid(part: float, before: float = before, which: str = which, share: float = share) -> None:
                done = DREAMING + (1 - DREAMING) * part
                report.progress(f"Finding the surface{which}", 0.05 + 0.9 * (before + share * done))

            latent = _remembered(kept / f"{seed}.npy")
            if latent is None:
                latent = shap_e.dream(model, given, [seed], params["steps"], params["guidance"], dreaming)[0]
                _remember(kept / f"{seed}.npy", latent)
            surface = shap_e.surface(model, latent, params["grid"], solid)
            if surface:
                found[seed] = surface
        return found

    def _model(self, plan: Plan, source: Path | int, report: Report) -> Model:
        from .networks import shap_e

        def load() -> Model:
            report.progress("Loading the model", 0.01)
            if isinstance(source, int):
                return shap_e.invented(self._words, source, plan.device, plan.dtype)
            model = shap_e.load(source, plan.device, plan.dtype)
            if model.words != self._words:
                wanted, has = ("words", "a picture") if self._words else ("a picture", "words")
                text = f"These weights of Shap-E begin with {has}, not {wanted}. Choose the others,"
                raise UserError(f"{text} or the other backend.", kind="weights")
            return model

        return self._warm.get((source, plan.device, plan.precision), load)


def _remembered(path: Path) -> Latent | None:
    """A latent of an attempt at this same job that was cut short."""
    import numpy as np

    try:
        latent: Latent = np.load(path, allow_pickle=False)
        return latent if np.isfinite(latent).all() else None
    except (OSError, ValueError, EOFError):
        return None


def _remember(path: Path, latent: Latent) -> None:
    import numpy as np

    with whole.part(path) as part, part.open("wb") as file:
        np.save(file, latent)


def _write(found: dict[int, Surface], params: dict[str, Any], report: Report) -> None:
    """The first goes on; the others, and the cloud, lie beside it."""
    import numpy as np

    from .geometry import exchange, mesh

    for number, (seed, surface) in reversed(list(enumerate(found.items()))):
        # Things look towards +Y in the model's space, as upstream's own demo turns them; Z is up in both.
        turned = surface.vertices * np.array([-1, -1, 1], np.float32)
        arrays = {"faces": surface.faces, "colors": surface.colors}
        role = f"mesh_{number + 1:02d}" if number else "mesh"
        placed = roles.mesh(turned, arrays, params["size_m"], report, role=role, seed=seed)
    report.metric("seed", seed)
    if params["points"]:
        face, shares = exchange.on_surface(placed, surface.faces, params["points"], seed)
        corners = surface.faces[face]
        points, colors = (np.einsum("nk,nkc->nc", shares, v[corners]) for v in (placed, surface.colors))
        flat = mesh.face_normals(placed, surface.faces)[face].astype(np.float32)
        flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)
        exchange.write_ply(report.file("points", "points.ply", points=len(points)), points, colors, flat)
