# SPDX-License-Identifier: GPL-3.0-or-later
"""Photo to mesh by our own model: DINOv2's features lifted to a volume, made a surface, painted with the photo."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import images, roles
from ..images import framed
from ..protocol import bundled
from ..protocol.errors import UserError
from ..protocol.job import Request
from ..protocol.spec import BackendSpec, Param

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ..geometry.body import Body, View
    from ..sessions import Session
    from ..worker.report import Report

    Floats = NDArray[np.float32]

WEIGHTS = Path(__file__).resolve().parents[1] / "weights"
SIDE = 224
"""px, what the encoder sees."""
SMALL = 128
"""px, what the decoder sees of the picture itself."""
GREY = 0.5


class Backend:
    spec = BackendSpec(
        id="lift",
        label="Lift (own model)",
        task="image-to-mesh",
        seeded="never",
        version=8,
        batch=4,
        help="Our own network, trained on free meshes: it knows the backs of many things. Nothing to download.",
        license="GPL-3.0-or-later; encoder DINOv2, Apache-2.0",
        inputs=("cutout",),
        outputs=("mesh", "albedo"),
        axes="metres, Z up, faces -Y, base centre at the origin",
        params=(
            Param("grid", "int", 160, "Cells across the picture: more keep finer parts", low=48, high=384),
            Param("solid", "float", 0.25, "How sure the model must be: lower is fatter", low=0.05, high=0.95),
            Param(
                "back",
                "choice",
                "predicted",
                "Shape of what the photo does not show: what the model expects, the front mirrored, or a plane, "
                "as for signs and reliefs",
                choices=("predicted", "mirror", "flat"),
            ),
            Param(
                "symmetry",
                "choice",
                "auto",
                "Where a left and a right are found, what the photo hides of one follows it; what is round is a ball",
                choices=("auto", "off"),
            ),
            Param("smooth", "int", 10, "Rounds of smoothing", low=0, high=50),
            Param("crumbs", "float", 0.01, "Drop loose parts below this share of the largest", low=0.0, high=1.0),
            Param(
                "back_texture",
                "choice",
                "predicted",
                "Colours of what the photo does not show: what the model expects, or the front mirrored",
                choices=("predicted", "mirror"),
            ),
            Param("texture_size", "int", 1024, "Longest side of the photo's picture", low=256, high=4096, unit="px"),
            Param("size_m", "float", 1.0, "Longest side of the object", low=0.001, high=1000.0, unit="m"),
        ),
    )

    def __init__(self, folder: Path = WEIGHTS) -> None:
        self._folder = folder
        self._session: Session | None = None
        self._hashes: dict[str, str] = {}

    def run(self, request: Request, params: dict[str, Any], report: Report) -> None:
        [found] = self.look([self.read(request, params, report)], params, report)
        self.make(found, params, report)

    def read(self, request: Request, params: dict[str, Any], report: Report) -> NDArray[np.uint8]:
        """The object in a square, straight alpha (S, S, 4)."""
        report.progress("Reading the cut-out", 0.0)
        return framed(request.inputs["cutout"], params["texture_size"])

    def look(
        self, pictures: Sequence[NDArray[np.uint8]], params: dict[str, Any], report: Report
    ) -> Iterator[tuple[NDArray[np.uint8], Guess]]:
        """Each picture and what the network says of it."""
        import numpy as np

        from ..sessions import Session

        report.progress("Loading the model", 0.05)
        if self._session is None or self._hashes != hashes(self._folder):  # others were released since
            self._session = Session(str(weights(self._folder)), report.log)
            self._hashes = hashes(self._folder)
        names = ["front", "profile", "colour", "camera"]
        left = list(pictures)
        while left:
            report.progress("Lifting", 0.15)
            some = left[: 1 if self._session.device == "cpu" else len(left)]  # there several at once are no quicker
            big, small = (np.stack(each) for each in zip(*map(feeds, some), strict=True))
            made = self._session.run(names, {"picture": big, "rgba": small})
            report.device = self._session.device
            if len(some) > 1:
                report.metric("together", len(some))
            for picture, front, profile, colour, camera in zip(some, *made, strict=True):
                yield picture, Guess(picture[..., 3], front[0], profile, colour, camera)
            del left[: len(some)]

    def make(self, found: tuple[NDArray[np.uint8], Guess], params: dict[str, Any], report: Report) -> None:
        import numpy as np

        from ..geometry import body, frustum

        picture, guess = found
        report.metric("weights", hashes(self._folder))
        report.metric("elevation_degrees", round(float(np.degrees(guess.elevation)), 1))
        report.metric("fov_degrees", round(float(2 * np.degrees(np.arctan(1 / guess.focal))), 1))

        def building(phase: str, part: float) -> None:
            report.progress(phase, 0.45 + 0.4 * part)

        options = {name: params[name] for name in ("solid", "back", "smooth", "crumbs")}
        options["symmetry"] = params["symmetry"] == "auto"
        try:
            made = body.build(guess.view(params["grid"]), progress=building, **options)
        except body.Nothing:
            raise UserError(images.NOTHING) from None
        if params["back"] == "predicted":
            report.metric("back_confidence", round(made.back_confidence(), 3))

        report.progress("Painting", 0.85)
        painted, colors, uv = _paint(picture, made, guess.colour, params["back_texture"])
        images.save(report.file("albedo", "albedo.png"), painted)
        report.progress("Writing the mesh", 0.95)
        upright = frustum.upright(made.space, guess.elevation)
        arrays = {"faces": made.faces, "uv": uv, "colors": colors, "confidence": made.sure}
        roles.mesh(upright, arrays, params["size_m"], report)


class Guess(NamedTuple):
    """What the network says of a picture."""

    alpha: NDArray[np.uint8]
    """(S, S) of that picture."""
    front: Floats
    """(H, W) depth of the first hits."""
    profile: Floats
    """(D, H, W) logits behind them, positive inside."""
    colour: Floats
    """(3, P, H, W) sRGB 0..1."""
    camera: Floats
    """(3,) sine and cosine of the elevation, logarithm of the focal length."""

    @property
    def focal(self) -> float:
        """In half image widths."""
        return min(max(math.exp(float(self.camera[2])), 1.2), 8.0)

    @property
    def elevation(self) -> float:
        """Radians by which the camera looks down."""
        found = math.atan2(float(self.camera[0]), float(self.camera[1]))
        return min(max(found, math.radians(-20)), math.radians(70))

    def view(self, grid: int) -> View:
        """What the surface is made of, `grid` cells wide."""
        import numpy as np

        from ..geometry.body import View

        meets = images.resize(self.alpha, (self.front.shape[1], self.front.shape[0])) > 127
        mask = _ridged(images.resize(self.alpha, (grid, grid)) / np.float32(255))
        return View(self.front, self.profile, meets, mask, self.focal, self.elevation)


def weights(folder: Path = WEIGHTS) -> Path:
    """The graph, after it and the files that it refers to were proved by their hashes."""
    try:
        known = hashes(folder)
    except (OSError, KeyError, ValueError):
        raise UserError("Lift's weights are missing. Install the extension again.", kind="weights") from None
    for name, digest in known.items():
        bundled.read(folder / name, digest, "Lift's weights")
    return folder / "lift.onnx"


def hashes(folder: Path = WEIGHTS) -> dict[str, str]:
    """The sha256 of each file, as the build wrote them down."""
    known: dict[str, str] = json.loads((folder / "lift.json").read_text(encoding="utf-8"))["sha256"]
    return known


def feeds(view: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """A square picture (S, S, 4), straight alpha -> what the network takes: (3, 224, 224) on grey, (4, 128, 128)."""
    import numpy as np
    from PIL import Image

    spread = Image.fromarray(view).convert("RGBa").resize((SIDE, SIDE), Image.Resampling.BICUBIC, reducing_gap=3.0)
    blended = np.asarray(spread, np.float32) / 255
    alpha = blended[..., 3:]
    onto = blended[..., :3] + GREY * (1 - alpha)
    planes = np.concatenate([onto, alpha], axis=2).transpose(2, 0, 1)
    small = np.stack(
        [np.asarray(Image.fromarray(plane).resize((SMALL, SMALL), Image.Resampling.BILINEAR)) for plane in planes]
    )
    return np.ascontiguousarray(planes[:3]), np.ascontiguousarray(small)


def _ridged(mask: Floats) -> Floats:
    """Lift what is thinner than a cell of the mask (H, W) to 1 along its middle, so that it is not lost."""
    import numpy as np

    rows, columns = mask.shape
    padded = np.pad(mask, 1)
    most = np.max([padded[i : i + rows, j : j + columns] for i in range(3) for j in range(3)], axis=0)
    return np.where(mask > 0.1, mask / np.maximum(most, 1e-6), mask).astype(np.float32)


def _paint(view: NDArray[np.uint8], made: Body, colour: Floats, back: str) -> tuple[NDArray[np.uint8], Floats, Floats]:
    """The photo carried on beyond its outline, colours (V, 4), the fourth for how much they cover it, uv (F, 3, 2)."""
    import numpy as np

    from ..geometry import atlas, frustum, parts

    rgba = view.astype(np.float32) / 255
    rim = max(1, round(0.006 * len(view)))
    picture = atlas.front(np.ascontiguousarray(rgba[..., :3]), np.ascontiguousarray(rgba[..., 3]), rim)
    photo = frustum.sample(picture.transpose(2, 0, 1)[:, None], made.uvd)
    if back == "mirror":
        covered = np.zeros(len(photo), np.float32)
        colors = photo
    else:
        guess = frustum.sample(colour, made.uvd)
        missed = parts.spread(photo - guess, made.seen**2, made.faces, 60)
        colors, covered = guess + missed, 1 - made.seen
    place = made.uvd[:, :2]
    uv = np.stack([(place[:, 0] + 1) / 2, (1 - place[:, 1]) / 2], axis=1)[made.faces]
    painted = np.concatenate([np.clip(colors, 0, 1), covered[:, None]], axis=1).astype(np.float32)
    return (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8), painted, uv.astype(np.float32)
