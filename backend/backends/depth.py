# SPDX-License-Identifier: GPL-3.0-or-later
"""Photo to depth map, normal map and point cloud: for displacement, for compositing, and to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import images
from ..hub.depth import LICENCE, MEMORY, MODELS, OFFICIAL, STRENGTH
from ..protocol.errors import UserError
from ..protocol.job import Request
from ..protocol.spec import BackendSpec, Param

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..networks.depth import Seen
    from ..worker.report import Report

    Floats = NDArray[np.float32]


class Backend:
    spec = BackendSpec(
        id="depth",
        label="Depth of a photo",
        task="image-to-depth",
        help="How far away all that a photo shows is: a 16-bit picture, the same in floats, a normal map and a cloud "
        "of points. Depth Anything V2 Small knows near from far; Depth Pro measures in metres, but its licence is for "
        "research alone.",
        runtime="full",
        license=LICENCE,
        inputs=("image",),
        optional=("mask",),
        outputs=("depth", "depth_float", "normal", "points"),
        axes="points: metres, Z up, seen from -Y, base centre at the origin",
        params=(
            STRENGTH,
            Param("points", "int", 400_000, "Points of the cloud at most", low=100, high=10_000_000),
            Param("size_m", "float", 1.0, "Longest side of the cloud", low=0.001, high=1000.0, unit="m"),
            Param(
                "normals",
                "weights",
                "",
                "A model for normals: a folder of Marigold, or prs-eth/marigold-normals-v1-1; empty: from the depth",
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

        from .. import seeing
        from ..geometry import heights as solid

        picture = images.load(request.inputs["image"])
        rgb = np.ascontiguousarray(picture.pixels[..., :3])
        mask = picture.pixels[..., 3] > 127
        if "mask" in request.inputs:
            drawn, notes = images.load_mask(request.inputs["mask"], (rgb.shape[1], rgb.shape[0]))
            mask &= drawn > 127
            for note in notes:
                report.warn(note)
        if mask.sum() < 16:
            raise UserError("Nothing is left to look at: the mask or the picture is empty. Choose another.")
        look = self._eyes.look(rgb, params, request.seed, report, until=0.8)
        report.progress("Making the maps", 0.8)
        slope, turned = None, None
        if look.normals is not None:
            turned = look.normals
            slope = solid.slopes(seeing.upright(turned))
        tall, share, how = seeing.heights(look.upright(), seeing.upright(mask), slope, params["strength"])
        normal = turned if turned is not None else seeing.as_picture(solid.normals(tall))
        report.metric("depth_share", round(share, 4))
        report.metric("depth_known", how)
        _write_maps(look.seen, mask, normal, report)
        report.progress("Writing the points", 0.9)
        _write_points(rgb, mask, seeing.as_picture(tall), normal, params, request.seed, report)
        report.progress("Done", 1.0)


def _write_maps(seen: Seen, mask: NDArray[np.bool_], normal: Floats, report: Report) -> None:
    """White is near in the picture; the float file holds metres where they are known, else nearness from 0 to 1."""
    import numpy as np
    from PIL import Image

    from ..geometry import exchange

    nearness = seen.near if seen.metres is None else -np.minimum(seen.metres, np.percentile(seen.metres[mask], 99.5))
    low, high = float(nearness[mask].min()), float(nearness[mask].max())
    unit = np.clip((nearness - low) / max(high - low, 1e-9), 0, 1) * mask
    unit16 = np.round(unit * 65535).astype(np.uint16)
    Image.fromarray(unit16).save(report.file("depth", "depth.png", white="near"), "PNG", compress_level=4)
    holds = "nearness" if seen.metres is None else "metres"
    plane = (unit if seen.metres is None else seen.metres).astype(np.float32)
    exchange.write_exr(report.file("depth_float", "depth.exr", holds=holds), plane)
    images.save(report.file("normal", "normal.png"), np.round((normal * 0.5 + 0.5) * 255).astype(np.uint8))


def _write_points(
    rgb: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    tall: NDArray[np.float64],
    normal: Floats,
    params: dict[str, Any],
    seed: int,
    report: Report,
) -> None:
    import numpy as np

    from ..geometry import exchange

    rows, columns = np.nonzero(mask)
    if len(rows) > params["points"]:
        some = np.sort(np.random.default_rng(seed).choice(len(rows), params["points"], replace=False))
        rows, columns = rows[some], columns[some]
    points = np.stack([columns, -tall[rows, columns], -rows.astype(np.float64)], axis=1)
    x, y, z = normal[rows, columns].T
    path = report.file("points", "points.ply", points=len(points))
    colors = rgb[rows, columns].astype(np.float32) / 255
    exchange.write_ply(path, exchange.grounded(points, params["size_m"]), colors, np.stack([x, -z, y], axis=1))
