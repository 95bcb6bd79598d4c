# SPDX-License-Identifier: GPL-3.0-or-later
"""A cut-out under a grid of nodes, for the backends that build on its outline."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from . import images
from .protocol.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

MARGIN = 4
"""Nodes around the object: room for the outline's blur and for colours beyond it."""


class Frame(NamedTuple):
    """The part of the cut-out that the nodes cover: `box` in pixels, `nodes` right and up, `cell` pixels a node."""

    box: tuple[float, float, float, float]
    nodes: tuple[int, int]
    cell: float

    @classmethod
    def around(cls, photo: Image, grid: int) -> Frame:
        """Of the object, whose longest side is `grid` cells; raises `UserError` where there is none."""
        import numpy as np

        left, top, right, bottom = images.extent(photo)
        cell = max(right - left, bottom - top) / grid
        wide, high = (int(np.ceil(side / cell)) + 2 * MARGIN for side in (right - left, bottom - top))
        x, y = (left + right - wide * cell) / 2, (top + bottom - high * cell) / 2
        return cls((x, y, x + wide * cell, y + high * cell), (wide, high), cell)

    def sized(self, longest: float) -> tuple[int, int]:
        """The frame's shape in pixels."""
        wide, high = (max(8, round(longest * count / max(self.nodes))) for count in self.nodes)
        return wide, high

    def crop(self, picture: Image, size: tuple[int, int]) -> Image:
        """This part of the picture at another size; what lies beyond the picture is empty."""
        from PIL import Image as Pillow

        left, top = int(self.box[0]) - 2, int(self.box[1]) - 2
        part = picture.crop((left, top, int(self.box[2]) + 3, int(self.box[3]) + 3))  # fills with zeros
        inner = (self.box[0] - left, self.box[1] - top, self.box[2] - left, self.box[3] - top)
        return part.resize(size, Pillow.Resampling.BICUBIC, box=inner)

    def cut(self, photo: Image, longest: float) -> Image:
        """This part of the photo, its longest side so many pixels, in RGBA. Colours are counted by their alpha, or the
        hidden background would shine through the resampled rim."""
        return self.crop(photo.convert("RGBa"), self.sized(longest)).convert("RGBA")

    def outline(self, photo: Image, blur: float) -> NDArray[np.float64]:
        """The object's level (X, Y) on the nodes, as `silhouette.outline` has it; `UserError` where nothing is left."""
        import numpy as np

        from .geometry import silhouette

        fine = int(np.clip(np.ceil(self.cell), 4, 6))
        size = (self.nodes[0] * fine, self.nodes[1] * fine)
        alpha = np.asarray(self.crop(photo.getchannel("A"), size), np.float32) / 255
        level = silhouette.outline(alpha / max(float(alpha.max()), 1e-6), fine, blur=blur)
        if not (level > 0).any():
            raise UserError("The object is too thin to build at this grid. Choose a finer grid.")
        return level
