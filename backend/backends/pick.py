# SPDX-License-Identifier: GPL-3.0-or-later
"""One picture of a gallery: the one that is easiest to make a body of, or the one that the user names.

Choosing again costs nothing: the gallery is another step's, and stays as it is.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .. import images, matting
from ..protocol.errors import UserError
from ..protocol.job import Request
from ..protocol.spec import BackendSpec, Param

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..worker.report import Report

    Floats = NDArray[np.float32]
    Bools = NDArray[np.bool_]

MOST = 16
ROLES = tuple(f"candidate_{number:02d}" for number in range(MOST))
SIDE = 192
"""px, the longest side at which pictures are judged."""
POOR = 0.2
"""A score below this is that of a picture without one whole object."""


class Backend:
    spec = BackendSpec(
        id="pick",
        label="Pick a picture",
        task="images-to-image",
        seeded="never",
        help="Takes one picture of a gallery: the one with one whole object in the middle of a plain ground, or yours.",
        inputs=("gallery",),
        optional=ROLES,
        outputs=("image", "scores"),
        params=(
            Param(
                "choose",
                "choice",
                "auto",
                "The best by its score, or the number of a candidate",
                choices=("auto", *(str(number) for number in range(MOST))),
            ),
        ),
    )

    def run(self, request: Request, params: dict[str, Any], report: Report) -> None:
        there = [role for role in ROLES if role in request.inputs]
        if not there:
            raise UserError("The gallery is empty. Run the step that fills it, such as imagine, again.")
        scores = {}
        for number, role in enumerate(there):
            report.progress(f"Looking at {number + 1} of {len(there)}", 0.9 * number / len(there))
            scores[role] = judge(images.load(request.inputs[role]))
        role = max(there, key=lambda each: scores[each]["score"])
        if params["choose"] != "auto":
            role = f"candidate_{int(params['choose']):02d}"
            if role not in there:
                raise UserError(
                    f"There is no candidate {params['choose']}; there are 0 to {len(there) - 1}. Choose one of these.",
                    kind="usage",
                )
        elif scores[role]["score"] < POOR:
            report.warn(
                "No picture shows one whole object on a plain ground; the best of them goes on. Look at the gallery, "
                "choose another with pick.choose, or imagine again with another seed."
            )
        report.metric("chosen", int(role[-2:]))
        report.metric("score", scores[role]["score"])
        report.file("scores", "scores.json").write_text(json.dumps(scores, indent=1), encoding="utf-8")
        images.save(report.file("image", "image.png", candidate=role), images.load(request.inputs[role]).pixels)
        report.progress("Done", 1.0)


def judge(picture: images.Picture) -> dict[str, float]:
    """How good a cut-out this picture will give, 0 to 1, and why: a product, so that each fault tells.

    plain: the border is one calm colour. one: the largest thing is all there is. whole: it does not touch the border.
    centred, and large enough.
    """
    import numpy as np

    from ..geometry import regions

    rgb = picture.pixels[..., :3].astype(np.float32) / 255
    scale = SIDE / max(rgb.shape[:2])
    rgb = matting.scaled(rgb, (max(8, round(rgb.shape[1] * scale)), max(8, round(rgb.shape[0] * scale))))
    away, plain = _from_ground(rgb)
    threshold = max(0.1, 0.35 * float(np.percentile(away, 99)))
    solid = matting.box(away, 1) > threshold
    labels, _ = regions.label(solid)
    sizes = regions.sizes(labels).tolist()
    parts = {"plain": plain, "one": 0.0, "whole": 0.0, "centred": 0.0, "large": 0.0}
    if len(sizes) > 1:
        largest = 1 + int(np.argmax(sizes[1:]))
        thing = labels == largest
        parts |= _place(thing)
        parts["one"] = sizes[largest] / max(sum(sizes[1:]), 1)
    score = float(np.prod(list(parts.values())))
    return {"score": round(score, 4), **{name: round(float(value), 4) for name, value in parts.items()}}


def _from_ground(rgb: Floats) -> tuple[Floats, float]:
    """How far each pixel's colour is from the ground's (H, W), and how plain that is, 0 to 1.

    The ground is a slow course of colour through the picture's border, of which a third may be something else.
    """
    import numpy as np

    rows, columns = rgb.shape[:2]
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j].astype(np.float32)
    course = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=-1)
    wide = max(2, round(0.04 * max(rows, columns)))
    border = np.ones((rows, columns), bool)
    border[wide:-wide, wide:-wide] = False
    known, colour = course[border], rgb[border]
    calm = np.linalg.norm(colour - np.median(colour, axis=0), axis=1)
    good = calm <= np.quantile(calm, 0.67)
    for _ in range(3):
        fit = np.linalg.lstsq(known[good], colour[good], rcond=None)[0]
        off = np.linalg.norm(colour - known @ fit, axis=1)
        good = off <= max(0.06, float(np.quantile(off, 0.5)))
    away = np.linalg.norm(rgb - course @ fit, axis=-1).astype(np.float32)
    return away, float((off < 0.1).mean())


def _place(thing: Bools) -> dict[str, float]:
    import numpy as np

    rows, columns = thing.shape
    edge = np.concatenate([thing[0], thing[-1], thing[:, 0], thing[:, -1]])
    y, x = (np.flatnonzero(thing.any(axis=axis)) for axis in (1, 0))
    middle = np.array([(y[0] + y[-1] + 1) / 2 / rows, (x[0] + x[-1] + 1) / 2 / columns])
    longest = max((y[-1] + 1 - y[0]) / rows, (x[-1] + 1 - x[0]) / columns)
    return {
        "whole": max(0.0, 1 - 8 * float(edge.mean())),
        "centred": max(0.0, 1 - 2 * float(np.abs(middle - 0.5).max())),
        "large": float(np.clip(longest / 0.5, 0, 1)) * float(np.clip(thing.mean() / 0.03, 0, 1)),
    }
