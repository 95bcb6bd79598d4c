# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets, wear and the photo's colours: they are in the textures and sockets that exporters carry."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest
from PIL import Image

from galatea.addon.scene.lib.material import match, presets, shading, texels, wear
from galatea.addon.scene.lib.render import pictures
from galatea.backend.protocol import gltf
from galatea.backend.protocol.errors import UserError


@pytest.fixture
def unwrapped(run, make_figure):
    figure = make_figure(24, 32, texture=64)
    run("bring", {"mesh": figure.mesh, "albedo": figure.albedo}, name="Old vases")
    run("clean", faces=800)
    return run("unwrap", method="smart", size=256)


def _shader(body):
    return next(node for node in body.data.materials[0].node_tree.nodes if node.type == "BSDF_PRINCIPLED")


def _grey(role):
    return pictures.pixels_of(shading.image_of(role))[..., 0]


def test_a_preset_is_in_texture_and_sockets(run, unwrapped):
    run("bake", size=256)
    done = run("material", preset="auto")
    assert done.metrics["preset"] == "ceramic", "by its name"
    shader = _shader(done.work.object("body"))
    assert shader.inputs["Coat Weight"].default_value == pytest.approx(0.5)
    low, high = presets.PRESETS["ceramic"].roughness
    assert low - 0.01 <= _grey("roughness").min() and _grey("roughness").max() <= high + 0.01
    material = gltf.read(run("export", format="glb").path("model"))["materials"][0]
    assert material["extensions"]["KHR_materials_clearcoat"]["clearcoatFactor"] == pytest.approx(0.5)


@pytest.mark.parametrize("kind", presets.PRESETS)
def test_every_preset_names_sockets_that_there_are(run, kind, figure):
    run("bring", {"mesh": figure.mesh, "albedo": figure.albedo})
    shader = _shader(run("material", preset=kind).work.object("body"))
    for name, value in presets.PRESETS[kind].sockets.items():
        assert np.allclose(shader.inputs[name].default_value, value), name


def test_nothing_goes_by_the_name_unless_asked(run, unwrapped):
    run("bake", size=256)
    before = _grey("roughness")
    done = run("material")
    assert done.metrics["preset"] == "plain", "though it is called a vase"
    assert np.array_equal(_grey("roughness"), before)
    shader = _shader(done.work.object("body"))
    assert {shader.inputs[name].default_value for name in ("Metallic", "Coat Weight", "Sheen Weight")} == {0}
    for kind in ("recipes", "quality"):
        for path in (Path(__file__).parents[2] / "presets" / kind).glob("*.toml"):
            assert "preset" not in path.read_text(encoding="utf-8"), path.name


def test_auto_says_nothing_where_the_name_says_nothing():
    assert presets.chosen("auto", "Galatea") == "plain"
    assert presets.chosen("auto", "Wooden chair.001") == "wood"
    assert presets.chosen("auto", "scarf of a mousetrap") == "plain", "whole words"
    assert presets.chosen("skin", "Wooden chair") == "skin"


def test_wear_rubs_ridges_and_dirties_hollows():
    colour, rough = np.full((4, 5, 3), 0.4, np.float32), np.full((4, 5), 0.5, np.float32)
    bent = np.tile(np.array([0.1, 0.5, 0.9, 0.9, 0.5], np.float32), (4, 1))
    shade = np.tile(np.array([1, 1, 1, 0.3, 0.3], np.float32), (4, 1))
    after, dull = wear.worn(colour, rough, bent, shade, 1.0)
    hollow, even, ridge, covered, dark = after[0, :, 0]
    assert ridge > 0.6 and even == pytest.approx(0.4)
    assert max(hollow, covered, dark) < 0.2, "dirt lies where nothing rubs, on ridges too"
    assert (dull[0, [0, 2, 3, 4]] > 0.7).all() and dull[0, 1] == pytest.approx(0.5)
    half = wear.worn(colour, rough, bent, None, 0.5)[0][0, :, 0]
    assert 0.4 < half[2] < ridge and half[4] == pytest.approx(0.4), "without occlusion by curvature alone"


def test_wear_is_put_into_the_textures_once(run, unwrapped):
    run("bake", size=256, curvature=True, occlusion=True)
    bent, before = _grey("curvature").copy(), pictures.pixels_of(shading.image_of("base_color"))[..., :3].mean(axis=2)
    done = run("material", wear=1.0)
    after = pictures.pixels_of(shading.image_of("base_color"))[..., :3].mean(axis=2)
    shade = _grey("occlusion")
    ridge, even = (bent > 0.75) & (shade > 0.95), (np.abs(bent - 0.5) < 0.04) & (shade > 0.95)
    assert ridge.sum() > 50 and even.sum() > 500
    assert (after - before)[ridge].mean() > 0.05 and np.abs(after - before)[even].max() < 0.02
    written = np.asarray(Image.open(done.path("base_color")).convert("RGB"))[::-1].mean(axis=2) / 255
    assert np.abs(written - after).max() < 1 / 255, "the file is the worn one"
    again = run("material", wear=1.0)
    assert again.report.warnings
    assert np.array_equal(pictures.pixels_of(shading.image_of("base_color"))[..., :3].mean(axis=2), after), "not twice"


def test_wear_without_curvature_says_what_to_do(run, unwrapped):
    run("bake", size=256)
    with pytest.raises(UserError, match=r"bake\.curvature"):
        run("material", wear=0.5)


def test_no_wear_changes_nothing():
    rng = np.random.default_rng(0)
    colour, rough, bent = rng.random((9, 9, 3)), rng.random((9, 9)), rng.random((9, 9))
    same, dull = wear.worn(*(a.astype(np.float32) for a in (colour, rough, bent)), None, 0.0)
    assert np.allclose(same, colour, atol=1e-6) and np.allclose(dull, rough.clip(0.03, 1), atol=1e-6)


def test_the_render_comes_near_the_photo(run, unwrapped, tmp_path):
    """The photo is a render of the thing itself, warmer and brighter: what was taken from it is found again."""
    run("bake", size=256)
    body = run("material").work.object("body")
    counts = {kind: len(getattr(bpy.data, kind)) for kind in ("scenes", "worlds", "lights", "cameras", "objects")}
    seen = match.render(body, tmp_path / "seen.png")
    assert (seen[..., 3] > 0.9).mean() > 0.1, "the body is in the picture"
    photo = seen.copy()
    photo[..., :3] = texels.srgb(texels.linear(seen)[..., :3] * [1.3, 1.1, 0.7])
    Image.fromarray((photo[::-1] * 255).round().astype(np.uint8)).save(tmp_path / "cutout.png")
    before = texels.linear(pictures.pixels_of(shading.image_of("base_color")))[..., :3].mean(axis=(0, 1))
    done = run("material", {"cutout": tmp_path / "cutout.png"}, match=True)
    found = done.metrics["match"]
    assert found["after"] < 0.35 * found["before"]
    after = texels.linear(pictures.pixels_of(shading.image_of("base_color")))[..., :3].mean(axis=(0, 1))
    assert np.allclose(after / before, [1.3, 1.1, 0.7], atol=0.08)
    assert {kind: len(getattr(bpy.data, kind)) for kind in counts} == counts, "nothing is left behind"
    assert not done.report.warnings


def test_without_a_photo_there_is_nothing_to_match(run, unwrapped):
    with pytest.raises(UserError, match="photo"):
        run("material", match=True)


def test_the_map_can_have_another_name(run, unwrapped):
    run("bake", size=256)
    for _ in range(2):
        body = run("material", uv="map1").work.object("body")
        assert [layer.name for layer in body.data.uv_layers] == ["map1"]
        nodes = body.data.materials[0].node_tree.nodes
        assert {node.uv_map for node in nodes if node.type in ("UVMAP", "NORMAL_MAP")} == {"map1"}
        assert sum(node.type == "TEX_IMAGE" for node in nodes) == 3
