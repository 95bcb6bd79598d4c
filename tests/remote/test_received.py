# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever colours a server's mesh has, they are where they were; and its seams are closed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from PIL import Image

from galatea.backend import received
from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.store import JobStore
from galatea.backend.worker.report import Report

from .conftest import glb

PARAMS: dict[str, Any] = {"size_m": 2.0, "paint": True}


@pytest.fixture
def report(tmp_path: Path) -> Report:
    return Report(JobStore(tmp_path), "hunyuan3d_server-" + "0" * 20, lambda event: None)


def written(report: Report, data: bytes, ending: str = ".glb") -> tuple[dict[str, Any], Any]:
    photo = np.full((64, 64, 4), 200, np.uint8)
    received.write(data, ending, photo, PARAMS, report)
    files = {asset.role: asset for asset in report.assets(("mesh",))}
    root = next(report._folder.parent.glob("out-*"))
    with np.load(root / "mesh.npz") as mesh:
        picture = np.asarray(Image.open(root / "albedo.png")) if "albedo" in files else None
        return dict(mesh), picture


def test_vertex_colours_stay_as_the_maker_meant_them(report: Report) -> None:
    mesh, picture = written(report, glb(colors=True))
    assert picture is None and set(mesh) == {"vertices", "faces", "colors"}
    right = mesh["vertices"][:, 0] == mesh["vertices"][:, 0].max()
    assert np.round(mesh["colors"][right] * 255).tolist() == [[20, 60, 210]] * 4, "trimesh writes sRGB values"


def test_linear_vertex_colours_become_srgb(report: Report) -> None:
    mesh, _ = written(report, glb(colors=True).replace(b"github.com/mikedh/trimesh", b"example.org/some/exporter"))
    right = mesh["vertices"][:, 0] == mesh["vertices"][:, 0].max()
    assert mesh["colors"][right][0] == pytest.approx([0.31, 0.52, 0.92], abs=0.01)


def test_several_materials_become_one_picture(report: Report) -> None:
    scene = trimesh.Scene()
    looks = {
        "picture": {
            "baseColorTexture": Image.fromarray(np.uint8([[[250, 0, 0], [0, 250, 0]]]).repeat(8, 0).repeat(8, 1))
        },
        "blue": {"baseColorFactor": [0, 0, 255, 255]},
        "half": {"baseColorFactor": [255, 0, 55, 255]},
    }
    for i, look in enumerate(looks.values()):
        box = trimesh.creation.box((1, 1, 1), trimesh.transformations.translation_matrix((3 * i, 0, 0)))
        uv = np.where(box.vertices[:, :1] < 0, (3.25, -0.5), (3.75, -0.5))  # on another tile of the same picture
        box.visual = trimesh.visual.TextureVisuals(uv=uv, material=trimesh.visual.material.PBRMaterial(**look))
        scene.add_geometry(box)
    mesh, picture = written(report, scene.export(file_type="glb"))
    height, width = picture.shape[:2]
    middle = mesh["vertices"][mesh["faces"]][..., 0].mean(axis=1)
    uv = mesh["uv"]
    assert uv.min() >= 0 and uv.max() <= 1
    seen = picture[((1 - uv[..., 1]) * height).astype(int), (uv[..., 0] * width).astype(int)]
    left, right = middle < middle.min() + 1e-4, middle > middle.max() - 1e-4
    assert (seen[left] == (250, 0, 0)).all() and (seen[right] == (255, 0, 128)).all()
    between = np.abs(middle - middle.mean()) < 0.1
    assert (seen[between] == (0, 0, 255)).all()


def test_seams_are_closed_and_flat_faces_dropped(report: Report) -> None:
    ball = trimesh.creation.icosphere(2)
    ball.unmerge_vertices()
    ball.faces = np.concatenate([ball.faces, [[0, 0, 1]]])
    mesh, _ = written(report, ball.export(file_type="glb"))
    made = trimesh.Trimesh(mesh["vertices"], mesh["faces"], process=False)
    assert made.is_watertight and made.volume > 0 and len(mesh["faces"]) == 320 == len(mesh["uv"])
    assert np.ptp(mesh["vertices"], axis=0) == pytest.approx([2, 2, 2], abs=0.1)


@pytest.mark.parametrize("bad", ["flat", "far", "picture"])
def test_what_cannot_be_used_says_so(report: Report, bad: str) -> None:
    box = trimesh.creation.box()
    data = glb(picture=True)
    if bad == "flat":
        box.vertices[:] = 1
        data = box.export(file_type="glb")
    if bad == "far":
        box.vertices *= 1e38
        data = box.export(file_type="glb")
    if bad == "picture":
        at = data.index(b"IDAT")
        data = data[:at] + bytes(60) + data[at + 60 :]
    with pytest.raises(UserError, match="cannot be used: "):
        written(report, data)
