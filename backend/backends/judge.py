# SPDX-License-Identifier: GPL-3.0-or-later
"""How well a mesh agrees with the photo that it was made from, and whether it is sound. No truth is needed for that.

Only the side that the photo shows can be judged; of the others there are the pictures of `views`.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import images
from ..protocol import bundled
from ..protocol.errors import UserError
from ..protocol.job import Request
from ..protocol.spec import BackendSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..geometry.likeness import Figure
    from ..geometry.perceptual import Lpips
    from ..geometry.pose import Pose
    from ..worker.report import Report

    Floats = NDArray[np.floating[Any]]
    Arrays = dict[str, NDArray[Any]]

WEIGHTS = Path(__file__).resolve().parents[1] / "weights" / "lpips.safetensors"
WEIGHTS_SHA256 = "f474c6c04da76896b09a12cbe79797325e40661f325e4c82d4d63e1cd73d1d24"
SHOWN = 384
"""px, a side of each of the two pictures in `seen`."""
OFTEN = 0.1
"""Seconds between two words of progress."""


class Backend:
    spec = BackendSpec(
        id="judge",
        label="Judge",
        task="mesh-to-scores",
        seeded="never",
        help="Compares a mesh with its photo from where that was taken: the outlines' overlap (IoU), colours (PSNR), "
        "likeness to the eye (LPIPS, less is better); and says whether the mesh is closed. score is IoU - LPIPS",
        license="GPL-3.0-or-later; LPIPS, BSD-2-Clause, on AlexNet, BSD-3-Clause",
        inputs=("cutout", "mesh"),
        optional=("albedo",),
        outputs=("scores", "seen"),
    )

    def __init__(self) -> None:
        self._lpips: Lpips | None = None

    def run(self, request: Request, params: dict[str, Any], report: Report) -> None:
        import numpy as np

        from ..geometry import likeness, pose, soundness

        report.progress("Reading the mesh", 0.0)
        photo = _photo(request.inputs["cutout"], pose.SIDE)
        arrays = read(Path(request.inputs["mesh"]))
        report.progress("Looking for holes", 0.05)
        facts = soundness.report(arrays["vertices"], arrays["faces"])
        figure = _figure(arrays, request.inputs.get("albedo"))
        camera = _camera(figure, photo[..., 3] > 0.5, report)

        report.progress("Comparing", 0.9)
        iou, psnr, wanted, made = likeness.compare(*figure.render(camera), photo)
        lpips = self._distance().mean(wanted[None], made[None])
        found = {"iou": iou, "psnr": psnr, "lpips": lpips, "score": iou - lpips}
        found = {name: round(value, 4) for name, value in found.items()}
        place = {name: round(value, 3) for name, value in camera._asdict().items()}
        text = json.dumps({**found, "mesh": facts, "camera": place}, indent=1)
        report.file("scores", "scores.json").write_text(text, encoding="utf-8")
        report.progress("Drawing", 0.95)
        pictures = [_photo(request.inputs["cutout"], SHOWN), _seen(figure, camera)]
        sheet = np.clip(np.concatenate(pictures, axis=1) * 255 + 0.5, 0, 255).astype(np.uint8)
        images.save(report.file("seen", "seen.png"), sheet)
        for name, value in (found | facts).items():
            report.metric(name, value)
        report.progress("Done", 1.0)

    def _distance(self) -> Lpips:
        from ..geometry.perceptual import Lpips, read

        if self._lpips is None:
            self._lpips = Lpips(read(bundled.read(WEIGHTS, WEIGHTS_SHA256, "The weights of LPIPS")))
        return self._lpips


def _photo(path: str, side: int) -> Floats:
    """The object of a cut-out as models are shown it: (side, side, 4), 0..1, straight alpha."""
    import numpy as np
    from PIL import Image

    photo = Image.fromarray(images.framed(path, side)).convert("RGBa").resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(photo.convert("RGBA"), np.float64) / 255


def read(path: Path) -> Arrays:
    """`vertices`, `faces` and, where they fit them, `uv` and `colors`; `UserError` for what is no mesh."""
    import numpy as np

    keys = ("vertices", "faces", "uv", "colors")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
            arrays = {key: data[key] for key in keys if key in data}
        vertices, faces = arrays["vertices"].astype(np.float32), arrays["faces"].astype(np.int32)
        sound = vertices.shape[1:] == (3,) == faces.shape[1:] and len(faces) and np.isfinite(vertices).all()
        if not (sound and faces.min() >= 0 and faces.max() < len(vertices) and np.ptp(vertices, axis=0).max() > 1e-6):
            raise ValueError("it has no surface")
    except Exception as error:  # damaged archives raise a dozen kinds
        raise UserError(f"Cannot judge the mesh {path.name}: {error}. Make it again.") from None
    fits: dict[str, list[tuple[int, ...]]] = {"uv": [(len(faces), 3, 2)]}
    fits["colors"] = [(len(vertices), wide) for wide in (3, 4)]
    extra = {
        name: arrays[name].astype(np.float32)
        for name, shapes in fits.items()
        if name in arrays and arrays[name].shape in shapes and np.isfinite(arrays[name]).all()
    }
    return {"vertices": vertices, "faces": faces, **extra}


def _figure(arrays: Arrays, albedo: str | None) -> Figure:
    import numpy as np

    from ..geometry.likeness import Figure

    picture = images.load(albedo).pixels[..., :3].astype(np.float32) / 255 if albedo else None
    colors = arrays["colors"].clip(0, 1) if "colors" in arrays else None
    return Figure.of(arrays["vertices"], arrays["faces"], arrays.get("uv"), picture, colors)


def _camera(figure: Figure, mask: NDArray[np.bool_], report: Report) -> Pose:
    from ..geometry import pose

    state = {"said": 0.0, "part": 0.0}

    def tell(part: float) -> None:
        state["part"] = part

    def seen(where: Pose, side: int) -> NDArray[np.bool_]:
        if time.monotonic() - state["said"] > OFTEN:
            state["said"] = time.monotonic()
            report.progress("Looking for the camera", 0.1 + 0.8 * state["part"])
        return figure.seen(where, side)

    return pose.find(seen, mask, tell)


def _seen(figure: Figure, camera: Pose) -> Floats:
    """The mesh's picture, straight alpha (SHOWN, SHOWN, 4)."""
    import numpy as np

    from ..geometry.pose import GREY

    colors, cover = figure.render(camera, SHOWN)
    part = cover[..., None]
    own = (colors - GREY * (1 - part)) / np.maximum(part, 1e-6)
    return np.concatenate([np.where(part > 0, own, 0), part], axis=2)
