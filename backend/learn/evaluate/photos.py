# SPDX-License-Identifier: GPL-3.0-or-later
"""Real photos, which have no true shape: how well the mesh, seen as the photo saw it, agrees with the photo.

By default 60 cut-out photographs of the Debian package tuxpaint-stamps-default; else a folder of the user's own.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...geometry import likeness
from ...geometry.pose import GREY
from ...protocol.errors import UserError
from ..things.sources import Source, fetch
from . import metrics, pose, sheet, views
from .pairs import Make, Record, Scorer
from .shape import Shape
from .table import first

STAMPS = Source("tuxpaint-stamps", "debian", "tuxpaint-stamps-default", None)
COUNT = 60
LEAST = 128
"""px, the longest side of a stamp that is looked at."""
NOT_PHOTOS = ("cartoon", "easter", "newyears", "naturalforces", "solarsystem", "symbols", "clothes")
"""Folders of the package with drawings that look like photographs to `photographed`, or without an object."""
SMOOTH = 0.1
"""A photograph has noise: at most this part of its neighbouring pixels are the same."""
PROTOCOL = (
    "cut-out photographs; the camera is searched for (direction, field of view, place in the picture) by mask IoU; "
    "IoU of the masks; PSNR of the mesh's flat colours inside the photo's mask, LPIPS of the same over grey"
)


def photographed(rgba: NDArray[np.uint8]) -> bool:
    """Whether a cut-out (H, W, 4) is a photograph; drawings have areas of one colour."""
    solid = rgba[..., 3] > 200
    both = solid[:, 1:] & solid[:, :-1]
    if (rgba[..., 3] < 10).mean() < 0.02 or not both.any():
        return False
    same = (rgba[:, 1:, :3] == rgba[:, :-1, :3]).all(axis=2)
    return bool(same[both].mean() < SMOOTH)


class Photo(NamedTuple):
    path: Path
    category: str


def stamps(cache: Path, count: int = COUNT) -> dict[str, Photo]:
    """The first photographs of the package by the hash of their file names; OSError where it cannot be fetched."""
    root = fetch(STAMPS, cache).root / "usr/share/tuxpaint/stamps"
    named = {path.name: path for path in sorted(root.rglob("*.png")) if not set(NOT_PHOTOS) & set(path.parts)}
    found: dict[str, Photo] = {}
    for name in sorted(named, key=lambda name: hashlib.sha256(name.encode()).digest()):
        if len(found) == count:
            break
        if not re.search(r"_(mirror|flip)", name):
            with Image.open(named[name]) as file:
                big = max(file.size) >= LEAST
                if big and photographed(np.asarray(file.convert("RGBA"))):
                    parts = named[name].relative_to(root).with_suffix("").parts
                    found["-".join(parts)] = Photo(named[name], parts[0])
    return found


def cutouts(folder: Path, count: int | None = None) -> dict[str, Photo]:
    """The cut-out pictures below a folder, the first by hash. Raises `UserError` for one that has no transparency."""
    from ...images import opened

    kinds = (".png", ".webp", ".tif", ".tiff")
    paths = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in kinds]
    if not paths:
        raise UserError(f"There are no pictures in {folder}. Give a folder of cut-outs (PNG with transparency).")
    names = {re.sub(r"[^\w.+-]", "_", "-".join(path.relative_to(folder).parts)): path for path in paths}
    found = {name: names[name] for name in first(names, count or len(names))}
    for path in found.values():
        alpha = np.asarray(opened(path))[..., 3]
        if alpha.min() > 127 or alpha.max() < 8:
            way = f"galatea run photo_to_mesh --until cutout --image {path} --out FOLDER"
            raise UserError(f"{path} is not cut out. Run `{way}` first.")
    return {name: Photo(path, path.parent.name if path.parent != folder else "") for name, path in found.items()}


class Photos(Scorer):
    """Scores against the photo itself; the category is the photo's folder."""

    def __init__(self, photos: dict[str, Photo], make: Make, out: Path, lpips: Path | None = None) -> None:
        super().__init__(make, out, lpips)
        self.photos = photos

    def picture(self, key: str) -> Path:
        return self.photos[key].path

    def category(self, key: str) -> str:
        return self.photos[key].category

    def score(self, name: str, key: str, shape: Shape) -> Record:
        shape = shape.moved(metrics.normalised(shape.vertices))
        photo, subject = pose.framed(self.picture(key)), pose.Subject.of(shape)
        found = pose.find(subject, photo[..., 3] > 0.5)
        colors, cover = pose.render(subject, found)
        iou, psnr, wanted, made = likeness.compare(colors, cover, photo)
        values = {"iou": iou, "psnr": psnr}
        if perceptual := self.perceptual():
            values["lpips"] = perceptual(made[None], wanted[None])

        radius = 1.05 * float(np.linalg.norm(shape.vertices, axis=1).max())
        around = views.look(shape, subject.eye, radius=radius, side=sheet.TILE)
        on_white = colors + (1 - GREY) * (1 - cover[..., None])
        sheet.save(sheet.strip(around, first=on_white), self.strip(name, key))
        return {"values": values, "camera": found._asdict()}

    def strip(self, name: str, key: str) -> Path:
        return self.out / "strips" / name / f"{key}.png"
