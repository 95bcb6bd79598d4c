# SPDX-License-Identifier: GPL-3.0-or-later
"""Photo to mesh without any learned weights: the silhouette inflated, with detail from shading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import images, roles
from ..framing import Frame
from ..protocol.spec import BackendSpec, Param

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from ..protocol.job import Request
    from ..worker.report import Report


class Backend:
    spec = BackendSpec(
        id="relief",
        label="Relief (inflated photo)",
        task="image-to-mesh",
        seeded="never",
        help="Inflates the silhouette of a cut-out photo to a closed, textured body. Needs no model and no download. "
        "The same request always gives the same bytes.",
        inputs=("cutout",),
        outputs=("mesh", "albedo"),
        axes="metres, Z up, faces -Y, base centre at the origin",
        params=(
            Param("grid", "int", 192, "Cells along the longest side: more keep finer parts", low=64, high=512),
            Param("thickness", "float", 0.9, "Depth of each part for its width: 1 is round", low=0.1, high=2.0),
            Param("max_depth", "float", 0.8, "Most depth of the whole, as a part of its size", low=0.05, high=1.5),
            Param("fullness", "float", 0.2, "0 is round like an egg, 1 is full like a box", low=0.0, high=1.0),
            Param("detail", "float", 0.4, "Relief on the front from light and dark", low=0.0, high=1.0),
            Param("smooth", "float", 0.4, "Rounds off a jagged outline and the surface", low=0.0, high=1.0),
            Param("back", "choice", "symmetric", "Shape of the back", choices=("symmetric", "shallow", "flat")),
            Param(
                "back_texture",
                "choice",
                "mirror",
                "Picture on the back: the front mirrored, or its colours without its features",
                choices=("mirror", "soft"),
            ),
            Param(
                "texture_size",
                "int",
                1024,
                "Longest side of the front's picture; never more than the photo has",
                low=256,
                high=4096,
                unit="px",
            ),
            Param("size_m", "float", 1.0, "Longest side of the object", low=0.001, high=1000.0, unit="m"),
        ),
    )

    def __init__(self) -> None:
        import numpy  # noqa: F401  what a run needs is loaded before its clock starts
        import PIL.Image  # noqa: F401

    def run(self, request: Request, params: dict[str, Any], report: Report) -> None:
        import numpy as np

        from ..geometry import poisson
        from ..geometry.inflate import inflate

        report.progress("Reading the cut-out", 0.0)
        photo = images.opened(request.inputs["cutout"])
        frame = Frame.around(photo, params["grid"])
        alpha = np.asarray(photo.getchannel("A"))
        if alpha.min() > int(alpha.max()) // 2:
            report.warn("The whole picture counts as the object, so it became a slab. Cut the object out first.")
        report.progress("Tracing the outline", 0.05)
        level = frame.outline(photo, 0.5 + params["smooth"])

        report.progress("Inflating", 0.15)
        u = poisson.solve(level, beat=lambda: report.progress("Inflating", 0.2))
        report.progress("Painting both sides", 0.3)
        albedo, luminance = _texture(photo, frame, params, report)
        images.save(report.file("albedo", "albedo.png"), albedo)

        report.progress("Reading the shading", 0.5)
        bumps = _bumps(luminance, frame, params)
        body = inflate(
            u,
            bumps,
            thickness=params["thickness"],
            deepest=params["max_depth"],
            fullness=params["fullness"],
            back=params["back"],
            cells=params["grid"],
        )
        vertices, faces, uv = _mesh(body, params, report)
        report.progress("Writing the mesh", 0.9)
        turned = np.stack([vertices[:, 0], -vertices[:, 2], vertices[:, 1]], axis=1)
        roles.mesh(turned, {"faces": faces, "uv": uv}, params["size_m"], report)


def _texture(
    photo: Image.Image, frame: Frame, params: dict[str, Any], report: Report
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return the atlas (rows, 2 columns, 3) and the front's brightness (rows, columns)."""
    import numpy as np

    from ..geometry import atlas

    longest = max(frame.nodes)
    pixels = min(float(params["texture_size"]), max(256.0, longest * frame.cell))
    both = np.asarray(frame.cut(photo, pixels), np.float32) / 255
    alpha = both[..., 3] / max(float(both[..., 3].max()), 1e-6)
    report.progress("Painting both sides", 0.35)
    rim = max(1, round(1.2 * pixels / (longest * frame.cell) + 0.001 * pixels))
    picture = atlas.front(both[..., :3], alpha, rim)
    report.progress("Painting both sides", 0.4)
    behind = atlas.soften(picture, alpha) if params["back_texture"] == "soft" else picture
    report.progress("Painting both sides", 0.45)
    luminance = np.asarray(picture @ np.array([0.2126, 0.7152, 0.0722], np.float32))
    pair = np.concatenate([picture, behind], axis=1)
    return (np.clip(pair, 0, 1) * 255 + 0.5).astype(np.uint8), luminance


def _bumps(luminance: NDArray[np.float32], frame: Frame, params: dict[str, Any]) -> NDArray[np.float64]:
    """Height (X, Y) in cells to add to the front."""
    import numpy as np
    from PIL import Image

    from ..geometry.inflate import shading

    small = Image.fromarray(luminance).resize(frame.nodes, Image.Resampling.BICUBIC)
    bumps = shading(np.asarray(small, np.float64), cells=params["grid"])
    return np.asarray(params["detail"] * 0.025 * params["grid"] * bumps[::-1].T)


def _mesh(
    body: Any, params: dict[str, Any], report: Report
) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.float32]]:
    """Return vertices in cells (X right, Y up, Z to the viewer), faces and uv."""
    from ..geometry import atlas, mesh
    from ..geometry.marching import isosurface

    report.progress("Making the surface", 0.55)
    field, plane = body.field()
    report.progress("Making the surface", 0.6)
    vertices, faces = isosurface(field, beat=lambda: report.progress("Making the surface", 0.65))
    del field
    report.progress("Making the surface", 0.75)
    vertices = body.refine(vertices, plane)
    rounds = 3 + round(12 * params["smooth"])
    vertices = mesh.smooth(vertices, faces, rounds, lambda: report.progress("Making the surface", 0.8))
    vertices[:, 2] -= plane
    report.progress("Making the surface", 0.85)
    forward = mesh.face_normals(vertices, faces)[:, 2] >= 0
    return vertices, faces, atlas.coordinates(vertices, faces, forward, body)
