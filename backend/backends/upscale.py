# SPDX-License-Identifier: GPL-3.0-or-later
"""A film or a picture at several times its size by Real-ESRGAN, frame by frame, in tiles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..hub.device import Warm
from ..hub.params import LEARNED
from ..protocol.errors import UserError
from ..protocol.job import Request
from ..protocol.spec import BackendSpec, File, Param, Weights

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..hub.device import Plan
    from ..networks.enlarging import Model
    from ..reel import Reel
    from ..worker.report import Report

    Pixels = NDArray[np.uint8]

FILM = Weights(
    repository="wsj1995/Upscaler",
    revision="991365556d2c046f9d0321c46c8635a084517866",
    files=(
        File(
            "147831/164916/realesrAnimevideo_v3.pt",
            2504012,
            "b8a8376811077954d82ca3fcf476f1ac3da3e8a68a4f4d71363008000a18b75d",
        ),
    ),
    license="BSD-3-Clause",
    page="https://github.com/xinntao/Real-ESRGAN",
)
PHOTO = Weights(
    repository="LykosAI/Upscalers",
    revision="28a279ec60b5c47c9f39381dcaa997b9402ac09d",
    files=(
        File(
            "RealESRGAN/RealESRGAN_x4plus.pth",
            67040989,
            "4fa0d38905f75ac06eb49a7951b426670021be3018265fd191d2125df9d682f1",
        ),
    ),
    license="BSD-3-Clause",
    page="https://github.com/xinntao/Real-ESRGAN",
)
"""Copies on the hub of what the authors released as realesr-animevideov3.pth and RealESRGAN_x4plus.pth: same hashes."""
TILES = {"": (512, 1536), "chunks": (256, 768), "cpu": (192, 768)}
"""px, the longest side of what is drawn and of what is looked at in one go: on a card, on one with little memory, on a
processor, which is to be stopped within seconds."""
LONGEST = 16384
"""px, of what is made."""


class Backend:
    spec = BackendSpec(
        id="upscale",
        label="Larger film",
        task="film-to-film",
        seeded="never",
        help="Makes the film larger and sharper. Film keeps flat and drawn things clean and is quick; photo invents "
        "finer surfaces, takes many times as long, and may flicker.",
        runtime="full",
        license="BSD-3-Clause",
        inputs=("film",),
        outputs=("film",),
        params=(
            Param("model", "choice", "film", "What the network was made for", choices=("film", "photo")),
            Param("factor", "float", 4.0, "So many times as wide and high; its own is 4", low=1.0, high=4.0),
            *LEARNED,
        ),
        weights=(FILM, PHOTO),
        memory=(("fp16", 3.5), ("fp16+chunks", 1.2), ("fp32", 7.0), ("fp32+chunks", 2.2)),
    )

    def __init__(self) -> None:
        self._warm: Warm[Model] = Warm()

    def run(self, request: Request, params: dict[str, Any], report: Report) -> None:
        from .. import hub, reel
        from ..hub.device import choose, run_within

        report.progress("Reading the film", 0.0)
        film = reel.read(request.inputs["film"])
        size = _size(film, params["factor"])
        photo = params["model"] == "photo" and not params["weights"]
        source = hub.locate(PHOTO, report) if photo else hub.source(self.spec, params, report)
        plan = choose(self.spec, params, report)
        path = report.file("film", f"film{film.suffix}", fps=float(film.rate), width=size[0], height=size[1])
        kept = report.keep("frames")

        def work(plan: Plan) -> None:
            model = self._model(plan, source, report)
            tile = TILES["cpu" if plan.device == "cpu" else "chunks" if "chunks" in plan.steps else ""]

            def beat(done: float) -> None:
                number = min(int(done), film.count - 1) + 1
                report.progress(f"Frame {number} of {film.count}", 0.99 * done / film.count)

            reel.write(path, _frames(film, kept, size, model, tile, beat), film, film.rate)

        run_within(plan, work, report)
        report.metric("frames", film.count)
        report.progress("Done", 1.0)

    def _model(self, plan: Plan, source: Path | int, report: Report) -> Model:
        from ..networks import enlarging

        def load() -> Model:
            report.progress("Loading the model", 0.0)
            return enlarging.load(source, plan.device, plan.dtype)

        return self._warm.get((source, plan.device, plan.precision), load)


def _size(film: Reel, factor: float) -> tuple[int, int]:
    """Of what is made: even sides, as H.264 wants them."""
    width, height = (max(2, round(side * factor / 2) * 2) for side in film.size)
    if max(width, height) > LONGEST:
        text = f"{width} by {height} px is more than films hold, {LONGEST}. Set upscale.factor lower."
        raise UserError(text, kind="usage")
    return width, height


def _frames(
    film: Reel, kept: Path, size: tuple[int, int], model: Model, tile: tuple[int, int], beat: Callable[[float], None]
) -> Iterator[Pixels]:
    """Each is kept as it is made; one that is equal to the one before is not made again."""
    import numpy as np

    from .. import reel

    before: tuple[Pixels, Pixels] | None = None
    for number, frame in enumerate(film.frames()):
        beat(float(number))
        path = kept / f"{number:06d}.png"
        made = before[1] if before and np.array_equal(before[0], frame) else reel.kept(path)
        if made is None:

            def part(done: float, number: int = number) -> None:
                beat(number + done)

            made = reel.keep(path, larger(frame, size, model, tile, part))
        before = (frame, made)
        yield made


def larger(
    picture: Pixels,
    size: tuple[int, int],
    model: Model,
    tile: tuple[int, int] = TILES[""],
    beat: Callable[[float], None] = lambda part: None,
) -> Pixels:
    """A picture (H, W, 3) or (H, W, 4) at another size (width, height), bytes. Of a transparent one the colours are
    carried on beyond the outline first, so that none is mixed with what is not seen."""
    import numpy as np

    from ..geometry import filters
    from ..images import resize

    colour = picture[..., :3]
    if picture.shape[2] == 4 and picture[..., 3].min() < 255:
        weight = picture[..., 3].astype(np.float32) / 255
        filled = filters.fill(colour.astype(np.float32), weight) if weight.any() else colour
        colour = np.clip(np.round(filled), 0, 255).astype(np.uint8)
    made = resize(model.enlarge(colour, *tile, beat), size)
    if picture.shape[2] == 3:
        return made
    return np.dstack([made, resize(picture[..., 3], size)])
