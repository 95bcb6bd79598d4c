# SPDX-License-Identifier: GPL-3.0-or-later
"""A depth map on a plane: what is white comes towards the viewer, and the slider stays."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from PIL import Image

from galatea.addon.scene.lib.mesh import meshes
from galatea.backend.protocol.errors import UserError


@pytest.fixture
def maps(tmp_path):
    """64 x 32 px: white in the upper right quarter, black elsewhere; a photo that is red on the left."""
    depth = np.zeros((32, 64), np.uint16)
    depth[:16, 32:] = 65535
    Image.fromarray(depth).save(tmp_path / "depth.png")
    photo = np.zeros((32, 64, 3), np.uint8)
    photo[:, :32, 0] = 255
    Image.fromarray(photo).save(tmp_path / "photo.png")
    return {"depth": tmp_path / "depth.png", "image": tmp_path / "photo.png"}


def shown(body: bpy.types.Object) -> np.ndarray:
    """Vertices as the modifiers leave them."""
    return meshes.vertices_of(body.evaluated_get(bpy.context.evaluated_depsgraph_get()).data)


def test_white_stands_out_where_the_picture_is_white(run, maps):
    body = run("displace", maps, cells=32, strength=0.25, size_m=2.0).work.object("body")
    flat, points = meshes.vertices_of(body.data), shown(body)
    assert np.ptp(flat, axis=0) == pytest.approx([2.0, 0.0, 1.0]) and flat[:, 2].min() == 0
    out = flat[:, 1] - points[:, 1]  # towards -Y
    quarter = (flat[:, 0] > 0.1) & (flat[:, 2] > 0.6)
    rest = (flat[:, 0] < -0.1) | (flat[:, 2] < 0.4)
    assert out[quarter] == pytest.approx(0.5, abs=0.01) and out[rest] == pytest.approx(0, abs=0.01)
    body.modifiers["Depth"].strength = 1.0
    bpy.context.view_layer.update()
    assert (flat - shown(body))[quarter, 1] == pytest.approx(1.0, abs=0.02), "a slider still"
    assert all(image.packed_file for image in bpy.data.images if image.get("galatea_role"))


def test_lying_it_rises(run, maps):
    body = run("displace", {"depth": maps["depth"]}, cells=16, pose="lie").work.object("body")
    points = shown(body)
    assert points[:, 2].max() == pytest.approx(0.3, abs=0.01) and points[:, 2].min() == pytest.approx(0, abs=0.001)
    high = points[points[:, 2] > 0.2]
    assert high[:, 0].min() > -0.1 and high[:, 1].min() > -0.1, "right and farther off, as in the picture"


def test_a_file_that_is_no_picture_is_refused(run, tmp_path):
    (tmp_path / "depth.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"depth\.png"):
        run("displace", {"depth": tmp_path / "depth.png"})
