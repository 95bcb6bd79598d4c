# SPDX-License-Identifier: GPL-3.0-or-later
"""One material, wired as exporters expect, and the source out of sight."""

from __future__ import annotations

import bpy
import pytest


@pytest.fixture
def baked(run, make_figure, prepared):
    def make():
        figure = make_figure(24, 32, texture=64)
        run("bring", {"mesh": figure.mesh, "albedo": figure.albedo}, name="Owl")
        run("clean", faces=800)
        run("unwrap", method="smart", size=256)
        return run("bake", size=256)

    return prepared(make)


def _feeds(socket):
    """Types of the nodes from this socket back, and the role of the image at the end."""
    chain = []
    while socket.is_linked:
        node = socket.links[0].from_node
        chain.append(node.image["galatea_role"] if node.type == "TEX_IMAGE" else node.type)
        if not node.inputs:
            break
        socket = node.inputs["Color"] if "Color" in node.inputs else node.inputs[0]
    return chain


def _shader(material):
    return next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")


def test_every_map_reaches_its_socket(run, baked):
    body = run("material", metallic=0.25, normal=0.5).work.object("body")
    assert [m.name for m in body.data.materials] == ["Owl"]
    shader = _shader(body.data.materials[0])
    assert _feeds(shader.inputs["Base Color"]) == ["base_color", "UVMAP"]
    assert _feeds(shader.inputs["Roughness"]) == ["roughness", "UVMAP"]
    assert _feeds(shader.inputs["Normal"]) == ["NORMAL_MAP", "normal", "UVMAP"]
    assert shader.inputs["Metallic"].default_value == pytest.approx(0.25)
    assert shader.inputs["IOR"].default_value == pytest.approx(1.5)
    nodes = body.data.materials[0].node_tree.nodes
    assert {n.uv_map for n in nodes if n.type in ("UVMAP", "NORMAL_MAP")} == {"galatea"}
    assert [layer.name for layer in body.data.uv_layers] == ["galatea"]


def test_the_roughness_factor_is_a_node_that_gltf_knows(run, baked):
    body = run("material", roughness=0.5).work.object("body")
    assert _feeds(_shader(body.data.materials[0]).inputs["Roughness"])[0] == "MATH"


def test_the_source_is_hidden_and_keeps_its_picture(run, baked):
    source = run("material").work.object("source")
    assert source.hide_render and source.hide_viewport
    assert [m.name for m in source.data.materials] == ["Owl source"]
    assert "source" in source.data.uv_layers


def test_twice_is_as_good_as_once(run, baked):
    run("material")
    body = run("material").work.object("body")
    assert [m.name for m in body.data.materials] == ["Owl"]
    assert sorted(m.name for m in bpy.data.materials) == ["Owl", "Owl source"]


def test_without_baked_maps_the_picture_itself_is_shown(run, figure):
    run("bring", {"mesh": figure.mesh, "albedo": figure.albedo})
    body = run("material").work.object("body")
    assert _feeds(_shader(body.data.materials[0]).inputs["Base Color"]) == ["albedo", "UVMAP"]
    assert "source" in body.data.uv_layers


def test_everything_is_in_the_saved_file(run, baked, tmp_path):
    run("material")
    path = tmp_path / "scene.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True)
    for folder in tmp_path.glob("jobs/*"):
        for picture in folder.rglob("*.png"):
            picture.unlink()
    bpy.ops.wm.open_mainfile(filepath=str(path), load_ui=False)
    body = next(obj for obj in bpy.data.objects if obj.get("galatea_role") == "body")
    images = [n.image for n in body.data.materials[0].node_tree.nodes if n.type == "TEX_IMAGE"]
    assert len(images) == 3
    for image in images:
        assert tuple(image.size) == (256, 256)
        assert image.pixels[0] > 0
