# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server is sent, and how its answer becomes the role `mesh`."""

from __future__ import annotations

import io
from functools import partial
from typing import TYPE_CHECKING, Any

from .protocol.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .geometry.gltf import Scene
    from .worker.report import Report

    Floats = NDArray[np.float32]
    Pixels = NDArray[np.uint8]

SENT = 1024
"""px, longest side of the picture that is sent."""
MOST_CELLS, MOST_SIDE = 64, 8192
"""Materials that one picture can hold, and the longest side of that picture in px."""
MOST_PIXELS = 100_000_000


def over(square: Pixels, ground: int) -> Pixels:
    """The colours of (S, S, 4) laid over a grey, for those who read them without their alpha, which stays."""
    import numpy as np

    share = square[..., 3:].astype(np.float32) / 255
    mixed = square[..., :3] * share + ground * (1 - share)
    return np.concatenate([mixed.round().astype(np.uint8), square[..., 3:]], axis=2)


def png(pixels: Pixels) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=6)
    return out.getvalue()


def write(data: bytes, ending: str, photo: Pixels, params: dict[str, Any], report: Report) -> None:
    """The role `mesh`, and `albedo` where there is one. `photo` (S, S, 4) paints a mesh that came without colours.

    `params`: size_m, paint, and where they differ from glTF's: up (y, z) and turn in degrees.
    """
    import numpy as np

    from . import roles
    from .geometry import exchange, formats, viewed

    report.progress("Reading the mesh", 0.9)
    try:
        scene = formats.read(data, ending)
        points, faces, first = _welded(scene)
        report.progress("Reading the mesh", 0.92)
        arrays = _colored(scene, first, report)
    except ValueError as error:
        text = f"The mesh that the server sent cannot be used: {error}. Change its settings or its output format."
        raise UserError(text, kind="backend") from None
    keep = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    faces = faces[keep].astype(np.int32)
    points = exchange.grounded(_turned(points, params), params["size_m"])
    if "uv" in arrays:
        arrays["uv"] = arrays["uv"][keep]
    elif "colors" not in arrays and params["paint"]:
        beat = partial(report.progress, "Painting it with the photo", 0.94)
        beat()
        albedo, arrays["uv"], arrays["colors"], view = viewed.paint(points, faces, photo, beat)
        _save(albedo, report)
        report.metric("outline_overlap", round(view.overlap, 3))
        if view.overlap < viewed.LIKE:
            report.warn("No view of this body has the photo's outline, so it got one colour alone.")
    roles.mesh(points, {"faces": faces, **arrays}, params["size_m"], report)


def _turned(points: Floats, params: dict[str, Any]) -> Floats:
    """To Z up, facing -Y."""
    import numpy as np

    if params.get("up", "y") == "y":
        points = np.stack([points[:, 0], -points[:, 2], points[:, 1]], axis=1)
    angle = np.radians(params.get("turn", 0.0))
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    return np.asarray(points.astype(np.float64) @ turn.T, np.float32)


def _welded(scene: Scene) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    """Places that are equal as one: (V, 3), faces (F, 3), and which of all the file's vertices each was first.

    A mesh file has a vertex several times along the seams of its picture; ours keeps the picture's places by corner.
    """
    import numpy as np

    starts = np.cumsum([0, *(len(surface.vertices) for surface in scene.surfaces)])
    points = np.concatenate([surface.vertices for surface in scene.surfaces])
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    close = np.asarray(points - middle, np.float32) + np.float32(0)
    if not np.ptp(close, axis=0).max() > 1e-30:
        raise ValueError("it has no extent")
    rows = np.ascontiguousarray(close).view([("", np.float32)] * 3).reshape(-1)
    _, first, same = np.unique(rows, return_index=True, return_inverse=True)
    faces = np.concatenate([surface.faces + start for surface, start in zip(scene.surfaces, starts, strict=False)])
    return close[first], same.reshape(-1)[faces], first


def _colored(scene: Scene, first: NDArray[np.int64], report: Report) -> dict[str, Any]:
    """`uv` with the picture written, or `colors` (V, 3) sRGB, or nothing where the file says nothing of colour."""
    import numpy as np

    from .geometry.formats import srgb

    if any(s.picture is not None and s.uv is not None and scene.pictures[s.picture] for s in scene.surfaces):
        return {"uv": _pictured(scene, report)}
    plain = {tuple(np.round(surface.factor[:3], 2)) for surface in scene.surfaces}
    grey = len(plain) == 1 and np.ptp(next(iter(plain))) == 0
    if grey and all(surface.colors is None for surface in scene.surfaces):
        return {}
    from_srgb = "trimesh" in scene.maker  # it writes the sRGB values as they are, where linear light is asked for
    parts = []
    for surface in scene.surfaces:
        own = np.ones((len(surface.vertices), 3)) if surface.colors is None else surface.colors[:, :3]
        parts.append(own * srgb(surface.factor[:3]) if from_srgb else srgb(own * surface.factor[:3]))
    return {"colors": np.concatenate(parts)[first].astype(np.float32)}


def _pictured(scene: Scene, report: Report) -> Floats:
    """Writes the role `albedo`: the file's one picture, or all its materials side by side. uv (F, 3, 2), v up."""
    import numpy as np

    from . import images

    kinds: dict[tuple[Any, ...], int] = {}
    for surface in scene.surfaces:
        kinds.setdefault(_kind(surface), len(kinds))
    if len(kinds) > MOST_CELLS:
        raise ValueError(f"it has {len(kinds)} materials, more than {MOST_CELLS}")
    pictures = [_picture(scene, picture, factor) for picture, factor in kinds]
    uv = [np.zeros((*s.faces.shape, 2)) if s.uv is None else s.uv[s.faces] for s in scene.surfaces]
    if len(pictures) == 1:
        _save(pictures[0], report)
        return np.concatenate(uv).astype(np.float32)
    side = min(max(max(each.shape[:2]) for each in pictures), MOST_SIDE // len(pictures))
    _save(np.concatenate([images.resize(each, (side, side)) for each in pictures], axis=1), report)
    for i, surface in enumerate(scene.surfaces):
        cell = kinds[_kind(surface)]
        inner = (uv[i] - np.floor(uv[i].min(axis=1, keepdims=True) + 1e-6)).clip(0.5 / side, 1 - 0.5 / side)
        uv[i] = np.stack([(cell + inner[..., 0]) / len(pictures), inner[..., 1]], axis=2)
    return np.concatenate(uv).astype(np.float32)


def _kind(surface: Any) -> tuple[Any, ...]:
    return (surface.picture if surface.uv is not None else None), tuple(surface.factor[:3].tolist())


def _picture(scene: Scene, index: int | None, factor: tuple[float, ...]) -> Pixels:
    """(H, W, 3) sRGB; ValueError where it cannot be read."""
    import numpy as np
    from PIL import Image

    from .geometry.formats import linear, srgb

    pixels = np.full((8, 8, 3), 255, np.uint8)
    if index is not None and scene.pictures[index]:
        try:
            with Image.open(io.BytesIO(scene.pictures[index]), formats=("PNG", "JPEG", "WEBP")) as image:
                if image.width * image.height > MOST_PIXELS or max(image.size) > 4 * MOST_SIDE:
                    raise ValueError(f"its picture has {image.width} x {image.height} px")
                if max(image.size) > MOST_SIDE:
                    image.thumbnail((MOST_SIDE, MOST_SIDE))
                pixels = np.array(image.convert("RGB"), np.uint8)
        except (OSError, SyntaxError, Image.DecompressionBombError) as error:
            raise ValueError(f"its picture is broken ({str(error)[:80]})") from error
    if min(factor) < 1:
        table = srgb(linear(np.arange(256) / 255)[:, None] * np.array(factor))  # (256, 3)
        values = (table * 255).round().astype(np.uint8)
        pixels = np.stack([values[pixels[..., i], i] for i in range(3)], axis=2)
    return pixels


def _save(pixels: Pixels, report: Report) -> None:
    from . import images

    images.save(report.file("albedo", "albedo.png"), pixels)
