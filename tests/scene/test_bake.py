# SPDX-License-Identifier: GPL-3.0-or-later
"""The baked textures hold the source's colours and normals, with nothing black and nothing left behind."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from PIL import Image

from galatea.addon.scene.lib.bake import baking, roughness
from galatea.addon.scene.lib.material import texels
from galatea.addon.scene.lib.mesh import meshes
from galatea.backend.protocol.errors import JobCancelled, UserError

from .pictured import at


@pytest.fixture
def unwrapped(run, figure, prepared):
    def make():
        run("bring", {"mesh": figure.mesh, "albedo": figure.albedo})
        run("clean", faces=2000)
        return run("unwrap", method="smart", size=512)

    return prepared(make)


def _read(path):
    """Texels (H, W, 3), 0 to 1, row 0 at the bottom like uv."""
    return np.asarray(Image.open(path).convert("RGB"))[::-1].astype(float) / 255


def _middles(mesh):
    """Centres (F, 3) and their uv (F, 2) of the faces that are larger than a texel."""
    uv = meshes.uv_of(mesh, "galatea").reshape(-1, 3, 2)
    return meshes.vertices_of(mesh)[meshes.triangles_of(mesh)].mean(axis=1), uv.mean(axis=1)


def test_base_colour_is_the_sources_own_without_light(run, unwrapped, figure):
    done = run("bake", size=512)
    body, source = done.work.object("body"), done.work.object("source")
    albedo = _read(figure.albedo)
    baked = _read(done.path("base_color"))
    centres, uv = _middles(body.data)
    source.hide_viewport = False
    bpy.context.view_layer.update()
    want = []
    source_uv = meshes.uv_of(source.data, "source").reshape(-1, 3, 2)
    corners = meshes.vertices_of(source.data)[meshes.triangles_of(source.data)]
    for centre in centres:
        _, place, _, face = source.closest_point_on_mesh(centre.tolist())
        weight = np.linalg.lstsq(np.vstack([corners[face].T, [1, 1, 1]]), [*place, 1], rcond=None)[0]
        want.append(weight @ source_uv[face])
    apart = np.abs(at(baked, uv) - at(albedo, np.array(want))).max(axis=1)
    assert np.median(apart) < 0.02
    assert np.percentile(apart, 97) < 0.08


def test_no_texel_is_black_or_unbaked(run, unwrapped):
    done = run("bake", size=512)
    assert done.metrics["reached"] > 0.97
    assert not done.report.warnings
    for role in ("base_color", "roughness"):
        assert _read(done.path(role)).max(axis=2).min() > 0.15, role
    normal = _read(done.path("normal")) * 2 - 1
    assert np.abs(np.linalg.norm(normal, axis=2) - 1).max() < 0.03
    assert Image.open(done.path("base_color")).size == (512, 512)


def test_normals_turn_the_coarse_surface_into_the_fine_one(run, make_figure):
    """World normals of the body with its map against those of the source: better than without the map."""
    figure = make_figure(160, 200)
    run("bring", {"mesh": figure.mesh, "albedo": figure.albedo})
    run("clean", faces=1200, smooth=0)
    run("unwrap", method="smart", size=1024)
    done = run("bake", size=1024)
    body, source = done.work.object("body"), done.work.object("source")
    source.hide_viewport = False
    bpy.context.view_layer.update()
    normal = _read(done.path("normal")) * 2 - 1
    centres, uv = _middles(body.data)
    body.data.calc_tangents(uvmap="galatea")
    count = len(body.data.loops)
    tangent, up, sign = np.empty(count * 3), np.empty(count * 3), np.empty(count)
    body.data.loops.foreach_get("tangent", tangent)
    body.data.loops.foreach_get("normal", up)
    body.data.loops.foreach_get("bitangent_sign", sign)
    t, n = (a.reshape(-1, 3, 3).mean(axis=1) for a in (tangent, up))
    b = np.cross(n, t) * sign.reshape(-1, 3)[:, :1]
    mapped = at(normal, uv)
    fine = mapped[:, :1] * t + mapped[:, 1:2] * b + mapped[:, 2:] * n
    want = np.array([source.closest_point_on_mesh(c.tolist())[2] for c in centres])

    def agreement(vectors):
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True) * want).sum(axis=1)

    assert np.median(agreement(fine)) > 0.995
    assert np.mean(1 - agreement(fine)) < 0.5 * np.mean(1 - agreement(n))


def test_a_render_of_the_result_shows_no_black_seam(run, unwrapped):
    run("bake", size=512)
    run("material")
    scene, body = bpy.context.scene, unwrapped.work.object("body")
    tree = body.data.materials[0].node_tree
    output = next(node for node in tree.nodes if node.type == "OUTPUT_MATERIAL")
    texture = next(n for n in tree.nodes if n.type == "TEX_IMAGE" and n.image["galatea_role"] == "base_color")
    tree.links.new(texture.outputs["Color"], output.inputs["Surface"])
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    camera.data.type, camera.data.ortho_scale = "ORTHO", 1.3
    scene.collection.objects.link(camera)
    scene.camera = camera
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 4, False
    scene.render.resolution_x = scene.render.resolution_y = 200
    scene.render.film_transparent = True
    scene.view_settings.view_transform = "Standard"
    for angle in (0, np.pi / 2, np.pi, 1.5 * np.pi):
        camera.location = (3 * np.sin(angle), -3 * np.cos(angle), 0.5)
        camera.rotation_euler = (np.pi / 2, 0, angle)
        path = unwrapped.work.file("view", "view.png")
        scene.render.filepath = str(path)
        bpy.ops.render.render(write_still=True)
        seen = np.asarray(Image.open(path)).astype(float)
        solid = seen[..., 3] > 250
        assert solid.sum() > 3000
        assert seen[solid][:, :3].max(axis=1).min() > 70, "no channel-wise dark pixel: the figure has none"


def test_colour_spaces_packing_and_what_is_left_behind(run, unwrapped):
    scene = bpy.context.scene
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.cycles.samples = 77
    before = {kind: len(getattr(bpy.data, kind)) for kind in ("materials", "meshes", "objects", "node_groups")}
    names = [m.name for m in unwrapped.work.object("body").data.materials]
    run("bake", size=256)
    run("bake", size=256)
    assert (scene.render.engine, scene.cycles.samples) == ("BLENDER_WORKBENCH", 77)
    assert {kind: len(getattr(bpy.data, kind)) for kind in before} == before
    assert [m.name for m in unwrapped.work.object("body").data.materials] == names
    assert unwrapped.work.object("source").hide_viewport
    images = {image["galatea_role"]: image for image in bpy.data.images if "galatea_role" in image}
    assert len(images) == len(bpy.data.images) == 4
    assert all(image.packed_file for image in images.values())
    spaces = {role: image.colorspace_settings.name for role, image in images.items()}
    assert spaces == {"albedo": "sRGB", "base_color": "sRGB", "normal": "Non-Color", "roughness": "Non-Color"}


def test_vertex_colours_bake_like_pictures(run, figure, tmp_path):
    np.savez(tmp_path / "mesh.npz", vertices=figure.vertices, faces=figure.faces, colors=figure.colors)
    run("bring", {"mesh": tmp_path / "mesh.npz"})
    run("clean", faces=2000)
    run("unwrap", method="smart", size=512)
    done = run("bake", size=512)
    centres, uv = _middles(done.work.object("body").data)
    nearest = np.array([np.linalg.norm(figure.vertices - c, axis=1).argmin() for c in centres])
    apart = np.abs(at(_read(done.path("base_color")), uv) - figure.colors[nearest]).max(axis=1)
    assert np.median(apart) < 0.05


def test_occlusion_is_baked_on_demand(run, unwrapped):
    shade = _read(run("bake", size=256, occlusion=True).path("occlusion"))
    assert shade.max() > 0.95, "open places are white"
    assert shade.min() < 0.9, "the folds at the arm and the nose are not"
    run("material")
    groups = [n for n in bpy.data.materials["Galatea"].node_tree.nodes if n.type == "GROUP"]
    assert groups[0].inputs["Occlusion"].is_linked


def test_the_gap_is_measured(run, figure):
    run("bring", {"mesh": figure.mesh})
    done = run("clean", faces=50000, smooth=0)
    body, source = done.work.object("body"), done.work.object("source")
    assert baking.measured_gap(source, body) < 1e-5
    body.data.vertices.foreach_set("co", (meshes.vertices_of(body.data) * 1.02).ravel())
    body.data.update()
    assert 0.004 < baking.measured_gap(source, body) < 0.025


def test_without_a_map_it_says_what_to_do(run, figure):
    run("bring", {"mesh": figure.mesh})
    with pytest.raises(UserError, match="unwrap"):
        run("bake")


def test_a_cancel_takes_effect_between_the_maps(run, unwrapped, store, monkeypatch):
    """Cancelled while the rays are shot, the step ends before the next map, and leaves the file usable."""
    real = baking.Baker._bake
    baked = []

    def bake_and_cancel(self, kind, edge, samples):
        for folder in store.root.glob("bake-*"):
            store.cancel(folder.name)
        baked.append(kind)
        return real(self, kind, edge, samples)

    monkeypatch.setattr(baking.Baker, "_bake", bake_and_cancel)
    with pytest.raises(JobCancelled):
        run("bake", size=256, occlusion=True)
    assert baked == ["EMIT"]
    assert len(unwrapped.work.object("body").data.materials) == 1
    assert {obj["galatea_role"] for obj in bpy.context.scene.objects} == {"body", "source"}


def test_filling_reaches_everything_and_changes_nothing_known():
    rng = np.random.default_rng(0)
    pixels = rng.uniform(0.4, 0.6, (37, 50)).astype(np.float32)
    known = rng.uniform(size=(37, 50)) > 0.9
    out = texels.Filler(known, 1)(np.where(known, pixels, 0))
    assert np.array_equal(out[known], pixels[known])
    assert out.min() >= 0.4 - 1e-4 and out.max() <= 0.6 + 1e-4
    line = np.zeros((8, 8), np.float32)
    line[:, :2] = 1
    filler = texels.Filler(line > 0, 3)
    assert filler.known.sum(axis=1).tolist() == [5] * 8, "the image does not wrap around"
    assert (filler(line) == 1).all()


def test_roughness_rises_where_the_colour_is_busy():
    color = np.full((128, 128), 0.5, np.float32)
    color[:, 64:] += 0.2 * (np.indices((128, 64)).sum(axis=0) % 2)
    known = np.ones((128, 128), bool)
    rough = roughness.guessed(color, known, 0.6)
    assert np.allclose(rough[:, :50], 0.6, atol=1e-3)
    assert rough[:, 80:].min() > 0.85
    halves = np.full((128, 128), 0.1, np.float32)
    halves[:, 64:] = 0.9
    assert roughness.guessed(halves, known, 0.6).max() < 0.61, "a border is not busy"
    large = roughness.guessed(color.repeat(16, axis=0).repeat(16, axis=1), np.ones((2048, 2048), bool), 0.6)
    assert large.shape == (2048, 2048) and np.allclose(large[:, :900], 0.6, atol=1e-3)
