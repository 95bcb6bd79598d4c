# SPDX-License-Identifier: GPL-3.0-or-later
"""What no ray reached is painted by a network of the user's: only there, and only by a network that can."""

from __future__ import annotations

import bmesh
import numpy as np
import pytest
from PIL import Image

from galatea.addon.scene.lib.bake.inpaint import Painter
from galatea.backend.protocol.errors import UserError

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
RED = np.array([255, 0, 0])


def model(path, *, cut=False, names=("image", "mask")):
    """A pipeline with MI-GAN's inputs that paints red: image · known + red · (1 - known)."""
    from onnx import TensorProto, helper, numpy_helper

    image, mask = names
    sizes = [1, 3, "h", "w"], [1, 1, "h", "w"]
    nodes = [
        helper.make_node("Cast", [image], ["i"], to=TensorProto.FLOAT),
        helper.make_node("Cast", [mask], ["m"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["m", "full"], ["known"]),
        helper.make_node("Sub", ["i", "red"], ["apart"]),
        helper.make_node("Mul", ["apart", "known"], ["some"]),
        helper.make_node("Add", ["some", "red"], ["made"]),
        helper.make_node("Cast", ["made"], ["result"], to=TensorProto.UINT8),
    ]
    if cut:
        nodes[-1].output[0] = "whole"
        nodes.append(helper.make_node("Slice", ["whole", "from", "to"], ["result"]))
    values = {"full": np.float32(255), "red": RED.astype(np.float32).reshape(1, 3, 1, 1)}
    values |= {"from": np.zeros(4, np.int64), "to": np.array([1, 3, 8, 8])}
    graph = helper.make_graph(
        nodes,
        "paint",
        [helper.make_tensor_value_info(n, TensorProto.UINT8, s) for n, s in zip(names, sizes, strict=True)],
        [helper.make_tensor_value_info("result", TensorProto.UINT8, None)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in values.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(made.SerializeToString())
    return path


def test_only_holes_are_painted_window_by_window(tmp_path):
    paint = Painter(model(tmp_path / "red.onnx"), print)
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (600, 700, 3)).astype(np.float32) / 255
    holes = np.zeros((600, 700), bool)
    for y, x in ((0, 0), (250, 250), (590, 690), (255, 511)):
        holes[y : y + 9, x : x + 9] = True
    looks = []
    out = paint(pixels, holes, lambda: looks.append(1))
    assert np.array_equal(out[~holes], pixels[~holes])
    assert np.allclose(out[holes], RED / 255)
    assert 4 <= len(looks) <= 9, "nothing is looked at but what has holes"


@pytest.fixture
def torn(run, figure):
    """A body whose full mesh has lost a part."""
    run("bring", {"mesh": figure.mesh, "albedo": figure.albedo})
    run("clean", faces=2000)
    work = run("unwrap", method="smart", size=256).work
    mesh = work.object("source").data
    shape = bmesh.new()
    shape.from_mesh(mesh)
    top = max(face.calc_center_median().z for face in shape.faces)
    bmesh.ops.delete(shape, geom=[f for f in shape.faces if f.calc_center_median().z > 0.6 * top], context="FACES")
    shape.to_mesh(mesh)
    shape.free()
    return work


def test_the_baked_colour_is_painted_where_the_mesh_is_torn(run, torn, tmp_path):
    plain = np.asarray(Image.open(run("bake", size=256).path("base_color")).convert("RGB"))
    done = run("bake", size=256, inpaint=str(model(tmp_path / "red.onnx")))
    painted = np.asarray(Image.open(done.path("base_color")).convert("RGB"))
    red = (painted == RED).all(axis=2)
    assert done.metrics["reached"] < 0.95 and red.mean() > 0.02
    assert np.array_equal(painted[~red], plain[~red])


@pytest.mark.parametrize("what", ["text", "names", "size"])
def test_what_is_no_such_network_is_said(tmp_path, what):
    path = tmp_path / "a.onnx"
    if what == "text":
        path.write_text("no model")
    else:
        model(path, cut=what == "size", names=("a", "b") if what == "names" else ("image", "mask"))
    with pytest.raises(UserError, match=r"bake\.inpaint|MI-GAN"):
        Painter(path, print)(np.zeros((32, 32, 3), np.float32), np.ones((32, 32), bool), lambda: None)
