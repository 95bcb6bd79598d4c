# SPDX-License-Identifier: GPL-3.0-or-later
"""What a source's own material says is carried over; its light is taken out where asked; seams do not show."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from PIL import Image

from galatea.addon.scene.lib.bake import delight
from galatea.addon.scene.lib.material import texels
from galatea.addon.scene.lib.mesh import meshes
from galatea.addon.scene.lib.render import pictures
from galatea.addon.scene.work import ROLE

from .pictured import at

SIDE = 64


def _read(path, mode="RGB"):
    return np.asarray(Image.open(path).convert(mode))[::-1].astype(float) / 255


def _middles(mesh):
    uv = meshes.uv_of(mesh, "galatea").reshape(-1, 3, 2)
    return meshes.vertices_of(mesh)[meshes.triangles_of(mesh)].mean(axis=1), uv.mean(axis=1)


def _image(name, pixels, *, color):
    image = bpy.data.images.new(name, SIDE, SIDE, alpha=True)
    image.colorspace_settings.name = "sRGB" if color else "Non-Color"
    image.alpha_mode = "CHANNEL_PACKED"
    texels.set_pixels(image, pixels.astype(np.float32))
    image.pack()
    return image


@pytest.fixture
def given(figure):
    """A body of the user's: its map is not the first thing that unwrap sees, its material holds every map."""
    mesh = meshes.new_mesh("mine", figure.vertices, figure.faces)
    meshes.set_uv(mesh, "mine", figure.uv.reshape(-1, 2))
    u, v = np.meshgrid((np.arange(SIDE) + 0.5) / SIDE, (np.arange(SIDE) + 0.5) / SIDE)
    one = np.ones_like(u)
    pictures = {
        "Base Color": np.stack([0.2 + 0.6 * v, 0.3 * one, 0.8 - 0.6 * v, 0.5 + 0.5 * (v > 0.5)], axis=2),
        "Roughness": np.stack([0.2 + 0.5 * v] * 3 + [one], axis=2),
        "Metallic": np.stack([1.0 * (v > 0.5)] * 3 + [one], axis=2),
        "Normal": np.broadcast_to([0.8, 0.5, 0.9, 1.0], (SIDE, SIDE, 4)),
    }
    material = bpy.data.materials.new("mine")
    if not material.node_tree:
        material.use_nodes = True
    tree = material.node_tree
    shader = next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED")
    for name, pixels in pictures.items():
        node = tree.nodes.new("ShaderNodeTexImage")
        node.image = _image(name, pixels, color=name == "Base Color")
        socket = node.outputs["Color"]
        if name == "Base Color":
            tree.links.new(node.outputs["Alpha"], shader.inputs["Alpha"])
        if name == "Normal":
            bump = tree.nodes.new("ShaderNodeNormalMap")
            tree.links.new(socket, bump.inputs["Color"])
            socket = bump.outputs["Normal"]
        tree.links.new(socket, shader.inputs[name])
    mesh.materials.append(material)
    body = bpy.data.objects.new("mine", mesh)
    body[ROLE] = "body"
    bpy.context.scene.collection.objects.link(body)
    return body


def _height(figure, centres):
    """The v of the figure's own map at points: that of the nearest face's middle."""
    middle = figure.vertices[figure.faces].mean(axis=1)
    nearest = [np.linalg.norm(middle - c, axis=1).argmin() for c in centres]
    return figure.uv[nearest].mean(axis=1)[:, 1]


def test_the_sources_own_material_is_carried_over(run, given, figure):
    run("unwrap", method="smart", size=512)
    done = run("bake", size=512)
    centres, uv = _middles(given.data)
    some = slice(None, None, 7)
    v = _height(figure, centres[some])
    assert np.abs(at(_read(done.path("base_color")), uv[some])[:, 0] - (0.2 + 0.6 * v)).max() < 0.06
    assert np.abs(at(_read(done.path("roughness")), uv[some])[:, 0] - (0.2 + 0.5 * v)).max() < 0.06
    metal, clear = at(_read(done.path("metallic")), uv[some])[:, 0], np.abs(v - 0.5) > 0.05
    assert np.abs(metal - (v > 0.5))[clear].max() < 0.05
    tilt = at(_read(done.path("normal")), uv[some]) * 2 - 1
    assert np.median(tilt[:, 2]) == pytest.approx(0.8 / np.linalg.norm([0.6, 0.8]), abs=0.05), "its own bumps"
    assert [obj.name for obj in bpy.context.scene.objects] == ["mine"]
    assert np.asarray(Image.open(done.path("base_color")).convert("RGBA"))[..., 3].min() == 255, "opaque by default"
    body = run("material", preset="wood").work.object("body")
    shader = next(n for n in body.data.materials[0].node_tree.nodes if n.type == "BSDF_PRINCIPLED")
    assert shader.inputs["Metallic"].links[0].from_node.image[ROLE] == "metallic"
    rough = next(image for image in bpy.data.images if image.get(ROLE) == "roughness")
    assert np.abs(at(pictures.pixels_of(rough), uv[some])[:, 0] - (0.2 + 0.5 * v)).max() < 0.06, "no guess: it stays"


def test_what_is_clear_stays_clear_where_asked(run, given, figure, tmp_path):
    run("unwrap", method="smart", size=256)
    done = run("bake", size=256, alpha="keep")
    centres, uv = _middles(given.data)
    v = _height(figure, centres[::7])
    clear = np.abs(v - 0.5) > 0.05
    told = at(_read(done.path("base_color"), "RGBA"), uv[::7])[:, 3]
    assert np.abs(told - np.where(v > 0.5, 1, 0.5))[clear].max() < 0.03
    shader = next(
        n for n in run("material").work.object("body").data.materials[0].node_tree.nodes if n.type == "BSDF_PRINCIPLED"
    )
    assert shader.inputs["Alpha"].is_linked


def test_light_of_the_photo_goes_and_the_marks_stay(run, figure, tmp_path):
    """The figure's true colours, lit from a side, are what the photo shows: with delight they are nearer the truth."""
    normals = np.zeros_like(figure.vertices)
    corners = figure.vertices[figure.faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    for corner in range(3):
        np.add.at(normals, figure.faces[:, corner], across)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    # spots: marks that go by place, not by where the surface looks
    spots = 0.35 + 0.3 * (np.sin(25 * figure.vertices).prod(axis=1) > 0.1)
    albedo = np.stack([spots, 0.8 * spots, 0.5 * spots], axis=1)
    sun = np.array([0.8, -0.5, 0.33]) / np.linalg.norm([0.8, -0.5, 0.33])
    light = 0.25 + 0.9 * np.maximum(normals @ sun, 0)
    lit = texels.srgb((albedo * light[:, None]).astype(np.float32))
    np.savez(tmp_path / "mesh.npz", vertices=figure.vertices, faces=figure.faces, colors=lit)
    run("bring", {"mesh": tmp_path / "mesh.npz"}, level=0)
    run("clean", faces=3000, smooth=0)
    run("unwrap", method="smart", size=512)

    def error(amount):
        done = run("bake", size=512, delight=amount)
        centres, uv = _middles(done.work.object("body").data)
        nearest = [np.linalg.norm(figure.vertices - c, axis=1).argmin() for c in centres]
        have = texels.linear(at(_read(done.path("base_color")), uv).astype(np.float32))
        have, want = have / have.mean(), albedo[nearest] / albedo[nearest].mean()
        return np.abs(have - want).mean(), done.metrics

    (lit_error, plain), (half, _), (gone, metrics) = error(0), error(0.5), error(1)
    assert "light_explained" not in plain and metrics["light_explained"] > 0.5
    assert half < 0.75 * lit_error and gone < 0.45 * lit_error


def test_what_is_lit_evenly_is_left_alone():
    rng = np.random.default_rng(0)
    normals = rng.normal(size=(5000, 3)).astype(np.float32)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    colour = rng.uniform(0.2, 0.6, (5000, 3)).astype(np.float32)
    fit, explained = delight.shade(colour, normals)
    assert explained < 0.02
    assert np.abs(delight.delit(colour, normals, fit, 1.0) / colour - 1).mean() < 0.05


def _seen(body, angle, path, side=160):
    """The body's colours without light from an angle, (side, side, 4), through textures blurred as a GPU would."""
    scene = bpy.context.scene
    for obj in scene.objects:
        obj.hide_render = obj != body
    camera = bpy.data.objects.new("eye", bpy.data.cameras.new("eye"))
    camera.data.type, camera.data.ortho_scale = "ORTHO", 1.3
    camera.location = (3 * np.sin(angle), -3 * np.cos(angle), 1.5)
    camera.rotation_euler = (np.pi / 2 - 0.32, 0, angle)
    scene.collection.objects.link(camera)
    scene.camera = camera
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 8, False
    scene.render.resolution_x = scene.render.resolution_y = side
    scene.render.film_transparent, scene.view_settings.view_transform = True, "Standard"
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    bpy.data.objects.remove(camera)
    return np.asarray(Image.open(path)).astype(float) / 255


def _glow(body, socket_of):
    material = bpy.data.materials.new("glow")
    if not material.node_tree:
        material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    output = tree.nodes.new("ShaderNodeOutputMaterial")
    tree.links.new(socket_of(tree), output.inputs["Surface"])
    body.data.materials.clear()
    body.data.materials.append(material)


def _smaller(path, times):
    """A mip level: the picture averaged down, put in place of itself."""
    pixels = _read(path)[::-1]
    for _ in range(times):
        pixels = pixels.reshape(pixels.shape[0] // 2, 2, pixels.shape[1] // 2, 2, 3).mean(axis=(1, 3))
    image = bpy.data.images.new("mip", pixels.shape[1], pixels.shape[0])
    rgba = np.pad(pixels[::-1], ((0, 0), (0, 0), (0, 1)), constant_values=1)
    image.pixels.foreach_set(rgba.astype(np.float32).ravel())
    return image


@pytest.mark.parametrize("mip", [0, 2])
def test_no_seam_shows_in_a_render(run, figure, tmp_path, monkeypatch, mip):
    """A body of which the source has a single colour each side: between texels at a chart's border nothing else may mix
    in, at full size and two mip levels down. Unfilled textures fail this."""
    colours = np.where(figure.vertices[:, 2:] > 0.5, [[0.9, 0.75, 0.6]], [[0.85, 0.8, 0.7]]).astype(np.float32)
    np.savez(tmp_path / "mesh.npz", vertices=figure.vertices, faces=figure.faces, colors=colours)
    run("bring", {"mesh": tmp_path / "mesh.npz"})
    run("clean", faces=2000, smooth=0)
    run("unwrap", method="smart", size=256)

    def worst(filled):
        with monkeypatch.context() as patch:
            if not filled:
                patch.setattr(texels.Filler, "__call__", lambda self, channel: channel)
            done = run("bake", size=256)
        body = done.work.object("body")
        picture = _smaller(done.path("base_color"), mip)

        def texture(tree):
            node, uv = tree.nodes.new("ShaderNodeTexImage"), tree.nodes.new("ShaderNodeUVMap")
            node.image, uv.uv_map = picture, "galatea"
            tree.links.new(uv.outputs[0], node.inputs["Vector"])
            return node.outputs["Color"]

        def paint(tree):
            node = tree.nodes.new("ShaderNodeAttribute")
            node.attribute_name = "source_color"
            return node.outputs["Color"]

        apart = []
        for angle in (0.6, 2.7, 4.8):
            _glow(body, texture)
            have = _seen(body, angle, tmp_path / "have.png")
            _glow(body, paint)
            want = _seen(body, angle, tmp_path / "want.png")
            solid = (want[..., 3] > 0.99) & (have[..., 3] > 0.99)
            apart.append((want - have)[solid][:, :3].max(axis=1))
        return np.percentile(np.concatenate(apart), 99.9)

    good, bad = worst(True), worst(False)
    assert good < 0.08
    assert bad > 2 * good and bad > 0.15, "the test sees seams"
