# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture to its subject on a transparent square: by the picture's own alpha, a drawn mask, or U2-Net-p."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import images, matting
from ..protocol import bundled
from ..protocol.errors import UserError
from ..protocol.job import Request
from ..protocol.spec import BackendSpec, Param

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..sessions import Session
    from ..worker.report import Report

    Pixels = NDArray[np.uint8]
    Floats = NDArray[np.float32]

WEIGHTS = Path(__file__).resolve().parents[1] / "weights" / "u2netp.onnx"
WEIGHTS_SHA256 = "309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8"
SIDE = 320
"""px, what the network was trained on."""
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
LEAST_SHARE, MOST_SHARE = 0.005, 0.97
"""Shares of the picture below which nothing was found, and above which there was no background."""

NOTHING = "Nothing stands out in this image. Choose one with a plain background, or draw a mask."


class Backend:
    spec = BackendSpec(
        id="cutout",
        label="Cut-out",
        task="image-to-cutout",
        seeded="never",
        help="Takes the subject out of its background. A transparent picture is used as it is; a mask decides over all",
        license="Apache-2.0 (U2-Net-p weights)",
        inputs=("image",),
        optional=("mask",),
        outputs=("cutout", "mask"),
        params=(
            Param("threshold", "float", 0.5, "Lower takes more of the picture into the subject", low=0.05, high=0.95),
            Param("keep", "choice", "largest", "The largest piece alone, or all of them", choices=("largest", "all")),
            Param("holes", "float", 0.01, "Fill holes up to this share of the subject", low=0, high=0.5),
            Param("feather", "float", 1.5, "Width of the soft edge", low=0, high=20, unit="px"),
            Param("margin", "float", 0.06, "Empty border, as a share of the subject's longest side", low=0, high=0.5),
            Param("resolution", "int", 1024, "Largest side of the square cut-out", low=64, high=2048, unit="px"),
        ),
    )

    def __init__(self) -> None:
        self._session: Session | None = None

    def run(self, request: Request, params: dict[str, Any], report: Report) -> None:
        import numpy as np

        report.progress("Reading the picture", 0.05)
        picture = images.load(request.inputs["image"])
        for note in picture.notes:
            report.warn(note)
        rgb = picture.pixels[..., :3].astype(np.float32) / 255
        alpha, source = self._alpha(picture, rgb, request.inputs.get("mask"), params, report)
        _check(alpha, source, report)
        report.progress("Cleaning the edges", 0.75)
        clear = _is_clear(picture)
        colours = _colours(rgb, alpha, clear)
        report.progress("Writing", 0.9)
        cutout, box = frame(colours, alpha, params["margin"], params["resolution"])
        height, width = alpha.shape
        images.save(report.file("cutout", "cutout.png", box=box, picture=[width, height], source=source), cutout)
        images.save(report.file("mask", "mask.png"), alpha)
        report.metric("source", source)
        report.metric("share", round(float(alpha.mean()) / 255, 4))
        report.metric("cutout_px", cutout.shape[0])

    def _alpha(
        self, picture: images.Picture, rgb: Floats, mask: str | None, params: dict[str, Any], report: Report
    ) -> tuple[Pixels, str]:
        """The matte (H, W) uint8 and where it is from: the mask as it was drawn, the picture's alpha, the model."""
        import numpy as np

        from ..sessions import Session

        height, width = rgb.shape[:2]
        clear = _is_clear(picture)
        if mask:
            drawn, notes = images.load_mask(mask, (width, height))
            for note in notes:
                report.warn(note)
            return (np.minimum(drawn, picture.pixels[..., 3]) if clear else drawn), "mask"
        if clear:
            return picture.pixels[..., 3].copy(), "alpha"
        report.progress("Loading the model", 0.1)
        if self._session is None:
            self._session = Session(weights(), report.log)
        report.progress("Finding the subject", 0.15)
        guess = _guess(rgb, self._session, params["threshold"], report)
        report.device = self._session.device
        report.metric("weights", {WEIGHTS.name: WEIGHTS_SHA256})
        report.progress("Refining the edges", 0.5)
        return refine(rgb, guess, params), "model"


def _guess(rgb: Floats, session: Session, threshold: float, report: Report) -> Floats:
    """Where the subject is, (H, W) 0 to 1: once on all of the picture, once closer on what was found."""
    import numpy as np

    height, width = rgb.shape[:2]
    guess = matting.scaled(_predict(rgb, session), (width, height))
    report.progress("Finding the subject", 0.3)
    found = _bounds(guess > min(threshold, 0.5))
    if not found:
        return guess
    x0, y0, x1, y1 = _grown(found, 0.15, width, height)
    if (x1 - x0) * (y1 - y0) > 0.75 * width * height or min(x1 - x0, y1 - y0) < images.MIN_SIDE:
        return guess
    closer = matting.scaled(_predict(rgb[y0:y1, x0:x1], session), (x1 - x0, y1 - y0))
    seen = np.zeros_like(guess)
    seen[y0:y1, x0:x1] = closer
    return (guess + seen) / 2


def _predict(rgb: Floats, session: Session) -> Floats:
    """The network's map for a picture (H, W, 3): (320, 320), 0 to 1; all 0 where it is sure of nothing."""
    import numpy as np

    small = images.resize(np.round(rgb * 255).astype(np.uint8), (SIDE, SIDE)).astype(np.float32)
    small = (small / max(float(small.max()), 1e-6) - np.array(MEAN)) / np.array(DEVIATION)
    feed = {session.inputs[0]: small.transpose(2, 0, 1)[None].astype(np.float32)}
    raw: Floats = session.run(session.outputs[:1], feed)[0][0, 0]
    low, high = float(raw.min()), float(raw.max())
    if high < 0.3:
        return np.zeros_like(raw)
    return (raw - low) / max(high - low, 1e-6)


def weights() -> bytes:
    """The network's file, proved by its hash before anything reads it."""
    return bundled.read(WEIGHTS, WEIGHTS_SHA256, "The cut-out's weights")


def refine(rgb: Floats, guess: Floats, params: dict[str, Any]) -> Pixels:
    """A guess (H, W) to a matte (H, W) uint8 that follows the picture's edges, without specks and small holes."""
    import numpy as np

    bent = matting.guided(rgb, guess, 0.02, 1e-4)
    colour, apart = matting.by_colour(rgb, guess, 0.01)
    trust = np.clip(apart * 2 - 0.2, 0, 0.6) * np.clip(1 - np.abs(guess - 0.5) * 2.2, 0, 1)
    matte = bent * (1 - trust) + colour * trust
    matte = np.where(guess > 0.97, np.maximum(matte, guess), np.where(guess < 0.03, np.minimum(matte, guess), matte))
    matte = clean(matte, params["threshold"], params["keep"], params["holes"])
    sharp = np.clip((matte - params["threshold"]) * 4 + 0.5, 0, 1).astype(np.float32)
    if params["feather"] > 0.5:
        sharp = matting.box(sharp, max(1, round(params["feather"] / 2)))
    result: Pixels = np.round(sharp * 255).astype(np.uint8)
    return result


def clean(matte: Floats, threshold: float, keep: str, fill: float) -> Floats:
    """Drop the pieces that are not wanted and fill holes up to the share `fill` of the subject; soft edges stay."""
    import numpy as np

    from ..geometry import regions

    height, width = matte.shape
    shrink = min(1.0, 512 / max(height, width))
    size = max(1, round(width * shrink)), max(1, round(height * shrink))
    small = matting.scaled(matte, size) > threshold
    labels, count = regions.label(small)
    if not count:
        return matte
    sizes = regions.sizes(labels).tolist()
    largest = max(sizes[1:])
    least = largest if keep == "largest" else 0.02 * largest
    wanted = [i for i in range(1, len(sizes)) if sizes[i] >= least]
    kept = np.isin(labels, wanted[:1] if keep == "largest" else wanted)
    full = width, height
    matte = matte * np.where(_widened(kept, 1, full), 1, 1 - _widened(small & ~kept, 3, full))
    gaps, _ = regions.label(~kept)
    areas = regions.sizes(gaps).tolist()
    outside = np.unique(np.concatenate([gaps[0], gaps[-1], gaps[:, 0], gaps[:, -1]]))
    filled = [i for i in range(1, len(areas)) if i not in outside and areas[i] <= fill * kept.sum()]
    return np.maximum(matte, _widened(np.isin(gaps, filled), 1, full)).astype(np.float32)


def _widened(mask: NDArray[np.bool_], by: int, size: tuple[int, int]) -> Floats:
    """The mask grown by `by` px and brought to `size` (width, height): 1 in it, 0 outside, soft at the border."""
    import numpy as np

    return matting.scaled((matting.box(mask.astype(np.float32), by) > 0).astype(np.float32), size)


def frame(colours: Pixels, alpha: Pixels, margin: float, resolution: int) -> tuple[Pixels, list[int]]:
    """The subject centred on a square (S, S, 4) uint8, at most `resolution` px; and the square in the picture.

    The square is the subject's longest side plus `margin` of it on either side; it may reach beyond the picture,
    where it is transparent. The box is left, top, right, bottom in px of the mask.
    """
    import numpy as np

    x0, y0, x1, y1 = _bounds(alpha > 8) or (0, 0, alpha.shape[1], alpha.shape[0])
    side = max(1, round(max(x1 - x0, y1 - y0) * (1 + 2 * margin)))
    left, top = round((x0 + x1 - side) / 2), round((y0 + y1 - side) / 2)
    across = np.arange(left, left + side)
    down = np.arange(top, top + side)
    columns, rows = np.clip(across, 0, alpha.shape[1] - 1), np.clip(down, 0, alpha.shape[0] - 1)
    shown = alpha[np.ix_(rows, columns)] * np.outer(rows == down, columns == across)
    size = (min(side, resolution),) * 2
    square = images.resize(np.ascontiguousarray(colours[np.ix_(rows, columns)]), size)
    result: Pixels = np.dstack([square, images.resize(shown.astype(np.uint8), size)])
    return result, [left, top, left + side, top + side]


def _is_clear(picture: images.Picture) -> bool:
    """Whether the picture is cut out already: more than the odd corner of it is transparent."""
    return picture.has_alpha and float((picture.pixels[..., 3] < 128).mean()) > LEAST_SHARE


def _colours(rgb: Floats, alpha: Pixels, clear: bool) -> Pixels:
    """The subject's colours (H, W, 3) uint8, bled outward; those of a picture with alpha are its own already."""
    import numpy as np

    matte = alpha.astype(np.float32) / 255
    if clear:
        own = np.clip(matte * 2, 0, 1)[..., None]
        made = rgb * own + matting.spread_colours(rgb, matte**4) * (1 - own)
    else:
        made = matting.foreground(rgb, matte)
    result: Pixels = np.round(made * 255).astype(np.uint8)
    return result


def _check(alpha: Pixels, source: str, report: Report) -> None:
    """Refuse an empty matte; warn about one without background, or with a subject that the picture cuts off."""
    import numpy as np

    share = float((alpha > 127).mean())
    if share < LEAST_SHARE:
        if source == "mask":
            raise UserError("The mask is empty. Paint the subject white on black, or leave the mask out.")
        raise UserError(NOTHING)
    if share > MOST_SHARE:
        report.warn("The subject fills the whole picture: no background was taken away.")
        return
    edges = {"top": alpha[0], "bottom": alpha[-1], "left": alpha[:, 0], "right": alpha[:, -1]}
    cut = [name for name, line in edges.items() if float(np.mean(line > 127)) > 0.05]
    if cut and source == "model":  # a picture with alpha is often cropped to its subject
        report.warn(f"The picture cuts the subject off ({', '.join(cut)}): its shape ends there in a flat face.")


def _bounds(mask: NDArray[np.bool_]) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom in px, the last two past the end; None where the mask is empty."""
    import numpy as np

    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _grown(box: tuple[int, int, int, int], by: float, width: int, height: int) -> tuple[int, int, int, int]:
    """The box with a border of `by` of its longest side, inside the picture."""
    x0, y0, x1, y1 = box
    border = round(by * max(x1 - x0, y1 - y0))
    return max(0, x0 - border), max(0, y0 - border), min(width, x1 + border), min(height, y1 + border)
