# SPDX-License-Identifier: GPL-3.0-or-later
"""Photo to relief by a depth model: the visible side as it was seen, closed by a plane or a round back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import images, matting, roles
from ..framing import Frame
from ..hub.depth import LICENCE, MEMORY, MODELS, OFFICIAL, STRENGTH
from ..protocol.job import Request
from ..protocol.spec import BackendSpec, Param

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from ..seeing import Look
    from ..worker.report import Report

    Array = NDArray[np.float64]

LOOKED_AT = 1024
"""px, the longest side of what the model is shown; it makes it smaller itself."""
GREY = 127
"""The ground that the object is shown on: farther than it, whatever the model thinks of it."""


class Backend:
    spec = BackendSpec(
        id="depth_relief",
        label="Depth relief",
        task="image-to-mesh",
        help="The visible side as a depth model sees it, closed behind: for signs, coins, faces, land from above.",
        runtime="full",
        license=LICENCE,
        inputs=("cutout",),
        outputs=("mesh", "albedo"),
        axes="metres, Z up, faces -Y (lying: faces up), base centre at the origin",
        params=(
            Param("grid", "int", 256, "Cells along the longest side: more keep finer parts", low=32, high=1024),
            STRENGTH,
            Param("smooth", "float", 0.2, "Evens out the surface", low=0.0, high=1.0),
            Param("back", "choice", "plane", "What closes it behind", choices=("plane", "round")),
            Param("base", "float", 0.03, "Thickness behind the lowest place, as a share", low=0.0, high=1.0),
            Param("pose", "choice", "stand", "Upright, or on its back as coins and land do", choices=("stand", "lie")),
            Param("texture_size", "int", 1024, "Longest side of the photo's picture", low=256, high=4096, unit="px"),
            Param("size_m", "float", 1.0, "Longest side of the object", low=0.001, high=1000.0, unit="m"),
            Param(
                "normals",
                "weights",
                "",
                "A model for fine slopes: a folder of Marigold, or prs-eth/marigold-normals-v1-1; empty for none",
            ),
            *MODELS,
        ),
        weights=(OFFICIAL,),
        memory=MEMORY,
    )

    def __init__(self) -> None:
        from ..seeing import Eyes

        self._eyes = Eyes(self.spec)

    def run(self, request: Request, params: dict[str, Any], report: Report) -> None:
        import numpy as np

        from ..geometry import heights

        photo = images.opened(request.inputs["cutout"])
        frame = Frame.around(photo, params["grid"])
        look = self._eyes.look(_shown(photo, frame), params, request.seed, report, until=0.6)
        report.progress("Tracing the outline", 0.6)
        level = frame.outline(photo, 0.7)
        report.progress("Raising the surface", 0.65)
        front, share, how = _front(look, level, params, report)
        back = _back(level, params, report)
        report.metric("depth_share", round(share, 4))
        report.metric("depth_known", how)

        report.progress("Making the surface", 0.8)
        vertices, faces = heights.solid(level, front, back)
        place = (vertices[:, :2] + 0.5) / np.array(frame.nodes, np.float32)
        uv = np.ascontiguousarray(place[faces], dtype=np.float32)
        report.progress("Painting", 0.85)
        _paint(photo, frame, params["texture_size"], report)
        x, y, z = vertices.T
        turned = np.stack([x, -z, y] if params["pose"] == "stand" else [x, y, z], axis=1)
        report.progress("Writing the mesh", 0.9)
        roles.mesh(turned, {"faces": faces, "uv": uv}, params["size_m"], report)


def _shown(photo: Image.Image, frame: Frame) -> NDArray[np.uint8]:
    """What the model looks at: the object on grey, (H, W, 3)."""
    import numpy as np
    from PIL import Image

    cut = frame.cut(photo, min(LOOKED_AT, max(224.0, max(frame.nodes) * frame.cell)))
    ground = Image.new("RGBA", cut.size, (GREY, GREY, GREY, 255))
    ground.alpha_composite(cut)
    return np.array(ground.convert("RGB"), np.uint8)


def _front(look: Look, level: Array, params: dict[str, Any], report: Report) -> tuple[Array, float, str]:
    """Heights (X, Y) in cells on and beyond the object, the depth of the whole as a share, and how it is known."""
    import numpy as np

    from .. import seeing
    from ..geometry import filters, heights

    inside = level > 0
    # What is at the rim is mixed with the ground: it goes by what lies farther in.
    sure = filters.shrink(inside, max(1, round(0.006 * max(level.shape))))
    sure = sure if sure.any() else inside
    weight = sure.astype(np.float32)

    def gridded(plane: Any) -> Any:
        values = seeing.upright(matting.scaled(plane, (level.shape[0], level.shape[1])))
        return filters.fill(np.ascontiguousarray(values.reshape(*level.shape, -1)), weight)

    seen = look.seen._replace(
        near=gridded(look.seen.near)[..., 0],
        metres=None if look.seen.metres is None else gridded(look.seen.metres)[..., 0],
    )
    slope = None if look.normals is None else heights.slopes(gridded(look.normals))
    tall, share, how = seeing.heights(seen, sure, slope, params["strength"])
    longest = max(level.shape)
    if slope is not None:
        if how != "by the normals":
            known = heights.scale(tall, slope, weight.astype(np.float64))
            slope = slope / max(known, 0.1)
        tall = heights.joined(
            tall, slope, weight.astype(np.float64), 0.05 * longest, lambda: report.progress("Raising the surface", 0.7)
        )
    tall = filters.weighted(tall, weight.astype(np.float64) + 1e-6, 0.01 * longest * params["smooth"])
    return tall - float(tall[inside].min()), share, how


def _back(level: Array, params: dict[str, Any], report: Report) -> Array:
    """How far it reaches behind the lowest place of the front (X, Y), in cells."""
    import numpy as np

    base = params["base"] * max(level.shape)
    if params["back"] == "plane":
        return np.full_like(level, base)
    from ..geometry import poisson
    from ..geometry.inflate import inflate

    u = poisson.solve(level, beat=lambda: report.progress("Closing the back", 0.75))
    body = inflate(
        u, np.zeros_like(u), thickness=0.8, deepest=0.8, fullness=0.2, back="symmetric", cells=float(max(level.shape))
    )
    return np.asarray(base + body.back * body.rise())


def _paint(photo: Image.Image, frame: Frame, longest: int, report: Report) -> None:
    """The photo with the object's colours carried on beyond its outline."""
    import numpy as np

    from ..geometry import atlas

    cut = frame.cut(photo, min(float(longest), max(256.0, max(frame.nodes) * frame.cell)))
    both = np.asarray(cut, np.float32) / 255
    alpha = both[..., 3] / max(float(both[..., 3].max()), 1e-6)
    picture = atlas.front(np.ascontiguousarray(both[..., :3]), alpha, max(1, round(0.003 * max(cut.size))))
    pixels = (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)
    images.save(report.file("albedo", "albedo.png"), pixels)
