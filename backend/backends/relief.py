# SPDX-License-Identifier: GPL-3.0-or-later
"""Photo to mesh without any learned weights: the silhouette inflated, with detail from shading."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..protocol.errors import UserError
from ..protocol.spec import BackendSpec, Param

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from ..protocol.job import Request
    from ..worker.report import Report

MARGIN = 4  # nodes around the object: room for the outline's blur and for colours beyond it


@dataclass(frozen=True)
class Frame:
    """The part of the photo that the node grid covers: `box` in pixels, `nodes` right and up, `cell` pixels a node."""

    box: tuple[float, float, float, float]
    nodes: tuple[int, int]
    cell: float
    grid: int


class Backend:
    spec = BackendSpec(
        id="relief",
        label="Relief (inflated photo)",
        task="image-to-mesh",
        help="Inflates the silhouette of a cut-out photo to a closed, textured body. Needs no model and no download. "
        "The same request always gives the same bytes; the seed has no effect.",
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
        from PIL import Image

        from ..geometry import mesh, poisson
        from ..geometry.inflate import inflate
        from ..geometry.silhouette import outline

        report.progress("Reading the cut-out", 0.0)
        photo = _open(request.inputs["cutout"])
        frame = _frame(photo, params["grid"], report)
        report.progress("Tracing the outline", 0.05)
        fine = int(np.clip(np.ceil(frame.cell), 4, 6))
        size = (frame.nodes[0] * fine, frame.nodes[1] * fine)
        alpha = np.asarray(_crop(photo.getchannel("A"), frame, size), np.float32) / 255
        level = outline(alpha / max(float(alpha.max()), 1e-6), fine, blur=0.5 + params["smooth"])
        if not (level > 0).any():
            raise UserError("The object is too thin to build at this grid. Choose a finer grid.")

        report.progress("Inflating", 0.15)
        u = poisson.solve(level, beat=lambda: report.progress("Inflating", 0.2))
        report.progress("Painting both sides", 0.3)
        albedo, luminance = _texture(photo, frame, params, report)
        Image.fromarray(albedo).save(report.file("albedo", "albedo.png"), compress_level=3)

        report.progress("Reading the shading", 0.5)
        bumps = _bumps(luminance, frame, params["detail"])
        body = inflate(
            u,
            bumps,
            thickness=params["thickness"],
            deepest=params["max_depth"],
            fullness=params["fullness"],
            back=params["back"],
            cells=frame.grid,
        )
        vertices, faces, uv = _mesh(body, params, report)
        report.progress("Writing the mesh", 0.9)
        placed = _place(vertices, params["size_m"])
        path = report.file("mesh", "mesh.npz", vertices=len(placed), faces=len(faces), size_m=params["size_m"])
        arrays = {"vertices": placed, "faces": faces, "uv": uv}
        mesh.save(path, arrays, lambda: report.progress("Writing the mesh", 0.9))
        report.metric("vertices", len(placed))
        report.metric("faces", len(faces))
        report.progress("Writing the mesh", 1.0)


def _open(path: str) -> Image.Image:
    from PIL import Image

    try:
        with Image.open(path) as file:
            return file.convert("RGBA")
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error}. Choose another picture.") from None


def _frame(photo: Image.Image, grid: int, report: Report) -> Frame:
    """Find the object and lay the node grid over it; refuse a photo without one."""
    import numpy as np

    alpha = np.asarray(photo.getchannel("A"))
    most = int(alpha.max(initial=0))
    solid = alpha > most // 2
    if most < 8 or solid.sum() < 4:
        raise UserError("Nothing stands out in this image. Choose one with a plain background, or draw a mask.")
    if solid.all():
        report.warn("The whole picture counts as the object, so it became a slab. Cut the object out first.")
    rows, columns = np.flatnonzero(solid.any(axis=1)), np.flatnonzero(solid.any(axis=0))
    left, right = float(columns[0]), float(columns[-1] + 1)
    top, bottom = float(rows[0]), float(rows[-1] + 1)
    cell = max(right - left, bottom - top) / grid
    nodes = (
        int(np.ceil((right - left) / cell)) + 2 * MARGIN,
        int(np.ceil((bottom - top) / cell)) + 2 * MARGIN,
    )
    x, y = (left + right - nodes[0] * cell) / 2, (top + bottom - nodes[1] * cell) / 2
    return Frame((x, y, x + nodes[0] * cell, y + nodes[1] * cell), nodes, cell, grid)


def _crop(picture: Image.Image, frame: Frame, size: tuple[int, int]) -> Image.Image:
    """The frame's part of the picture at another size; what lies beyond the picture is empty."""
    from PIL import Image

    left, top = int(frame.box[0]) - 2, int(frame.box[1]) - 2
    right, bottom = int(frame.box[2]) + 3, int(frame.box[3]) + 3
    part = picture.crop((left, top, right, bottom))  # fills with zeros
    inner = (frame.box[0] - left, frame.box[1] - top, frame.box[2] - left, frame.box[3] - top)
    return part.resize(size, Image.Resampling.BICUBIC, box=inner)


def _texture(
    photo: Image.Image, frame: Frame, params: dict[str, Any], report: Report
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return the atlas (rows, 2 columns, 3) and the front's brightness (rows, columns)."""
    import numpy as np

    from ..geometry import atlas

    longest = max(frame.nodes)
    pixels = min(float(params["texture_size"]), max(256.0, longest * frame.cell))
    size = (max(8, round(pixels * frame.nodes[0] / longest)), max(8, round(pixels * frame.nodes[1] / longest)))
    # Colours counted by their alpha, or the hidden background would shine through the resampled rim.
    cut = _crop(photo.convert("RGBa"), frame, size).convert("RGBA")
    both = np.asarray(cut, np.float32) / 255
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


def _bumps(luminance: NDArray[np.float32], frame: Frame, detail: float) -> NDArray[np.float64]:
    """Height (X, Y) in cells to add to the front."""
    import numpy as np
    from PIL import Image

    from ..geometry.inflate import shading

    small = Image.fromarray(luminance).resize(frame.nodes, Image.Resampling.BICUBIC)
    bumps = shading(np.asarray(small, np.float64), cells=frame.grid)
    return detail * 0.025 * frame.grid * bumps[::-1].T


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


def _place(vertices: NDArray[np.float32], size_m: float) -> NDArray[np.float32]:
    """From cells to metres: Z up, facing -Y, the longest side `size_m`, the base centre at the origin."""
    import numpy as np

    turned = np.stack([vertices[:, 0], -vertices[:, 2], vertices[:, 1]], axis=1).astype(np.float64)
    low, high = turned.min(axis=0), turned.max(axis=0)
    origin = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])
    return np.asarray((turned - origin) * (size_m / (high - low).max()), np.float32)
