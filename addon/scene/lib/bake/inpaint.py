# SPDX-License-Identifier: GPL-3.0-or-later
"""Holes of a texture painted by a network that the user has: MI-GAN (Sargsyan et al. 2023) as an ONNX pipeline."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .....backend.protocol.errors import UserError
from ..mesh.meshes import Array, Floats

_CORE, _AROUND = 256, 128
"""Texels that one look paints, and what it sees of the surroundings on each side: the network works on 512."""


class Painter:
    """A model that takes `image` (1, 3, H, W) and `mask` (1, 1, H, W), uint8, 0 where to paint, and gives the image."""

    def __init__(self, path: Path, log: Callable[[str], None]) -> None:
        from .....backend.sessions import Session

        try:
            self._session = Session(str(path), log)
        except ImportError:
            message = "bake.inpaint needs onnxruntime, which this Blender's Python lacks. Leave it empty."
            raise UserError(message, kind="environment") from None
        except Exception as error:  # of a protobuf parser's own kinds
            raise UserError(
                f"{path.name} is no ONNX model that can be read. Choose another for bake.inpaint."
            ) from error
        if set(self._session.inputs) != {"image", "mask"}:
            raise UserError(f"{path.name} is no inpainting pipeline with `image` and `mask`. Choose MI-GAN's.")

    def __call__(self, pixels: Floats, holes: Array, beat: Callable[[], None]) -> Floats:
        """`pixels` (H, W, 3), 0 to 1, filled somehow; the same with other colours where there are `holes` (H, W)."""
        out = pixels.copy()
        for core, seen in _windows(holes):
            beat()
            picture = np.rint(pixels[seen].clip(0, 1) * 255).astype(np.uint8).transpose(2, 0, 1)[None]
            mask = np.where(holes[seen], 0, 255).astype(np.uint8)[None, None]
            made = self._painted(picture, mask)
            inside = tuple(slice(c.start - s.start, c.stop - s.start) for c, s in zip(core, seen, strict=True))
            where = holes[core]
            out[core][where] = made[inside][where]
        return out

    def _painted(self, picture: Array, mask: Array) -> Floats:
        (made,) = self._session.run(self._session.outputs[:1], {"image": picture, "mask": mask})
        if np.shape(made) != picture.shape:
            raise UserError("The model of bake.inpaint gave a picture of another size. Choose MI-GAN's.")
        out: Floats = np.asarray(made[0], np.float32).transpose(1, 2, 0) / 255
        return out


def _windows(holes: Array) -> Iterator[tuple[Any, Any]]:
    """Squares with holes in them, and the larger ones around these, as slices."""
    height, width = holes.shape
    for top in range(0, height, _CORE):
        for left in range(0, width, _CORE):
            core = slice(top, min(top + _CORE, height)), slice(left, min(left + _CORE, width))
            if holes[core].any():
                yield core, tuple(slice(max(0, s.start - _AROUND), s.stop + _AROUND) for s in core)
