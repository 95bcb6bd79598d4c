# SPDX-License-Identifier: GPL-3.0-or-later
"""What each map says, against what is known of the meshes: heights, curvature, tiles, parts, green up or down."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from PIL import Image

from galatea.addon.scene.lib.bake import baking
from galatea.addon.scene.lib.material import shading
from galatea.addon.scene.lib.mesh import meshes
from galatea.addon.scene.lib.render import pictures
from galatea.addon.scene.lib.uv import tiles
from galatea.backend.protocol.errors import UserError

from .pictured import at


@pytest.fixture
def unwrapped(run, figure, prepared):
    def make():
        run("bring", {"mesh": figure.mesh, "albedo": figure.albedo})
        run("clean", faces=2000, smooth=0)
        return run("unwrap", method="smart", size=512)

    return prepared(make)


def _read(path):
    return np.asarray(Image.open(path).convert("RGB"))[::-1].astype(float) / 255


def _middles(mesh):
    uv = meshes.uv_of(mesh, "galatea").reshape(-1, 3, 2)
    return meshes.vertices_of(mesh)[meshes.triangles_of(mesh)].mean(axis=1), uv.mean(axis=1)


def test_heights_are_metres_between_the_surfaces(run, unwrapped):
    done = run("bake", size=512, displacement=True)
    picture = Image.open(done.path("displacement"))
    assert picture.mode == "I;16"
    deep = np.asarray(picture)[::-1].astype(float) / 65535
    low, high = done.metrics["displacement_m"]
    body, source = done.work.object("body"), done.work.object("source")
    source.hide_viewport = False
    bpy.context.view_layer.update()
    centres, uv = _middles(body.data)
    told = low + at(deep, uv) * (high - low)
    places, want = np.array([source.closest_point_on_mesh(c.tolist())[1] for c in centres]), np.zeros(len(centres))
    normals = np.empty(len(body.data.polygons) * 3)
    body.data.polygons.foreach_get("normal", normals)
    want = ((places - centres) * normals.reshape(-1, 3)).sum(axis=1)
    assert np.ptp(want) > 1e-3, "the meshes are apart"
    assert np.corrcoef(told, want)[0, 1] > 0.98
    assert np.median(np.abs(told - want)) < 0.03 * np.ptp(want)
    image = shading.image_of("displacement")
    assert image.packed_file and image.colorspace_settings.name == "Non-Color"
    assert image["galatea_high_m"] == pytest.approx(high, abs=1e-6)


def test_curvature_tells_ridges_from_hollows(run, unwrapped):
    done = run("bake", size=512, curvature=True)
    centres, uv = _middles(done.work.object("body").data)
    told = at(_read(done.path("curvature"))[..., 0], uv)
    tip = centres[:, 0] > centres[:, 0].max() - 0.05
    assert told[tip].mean() > np.median(told) + 0.05, "the end of the arm is round"
    assert 0.48 < np.median(told) < 0.65, "most of it is even"
    assert told.min() < 0.45, "where the arm begins it is hollow"


def test_green_points_down_in_files_alone(run, unwrapped, tmp_path):
    up = _read(run("bake", size=256).path("normal"))
    done = run("bake", size=256, normals="directx")
    down = _read(done.path("normal"))
    assert np.ptp(up[..., 1]) > 0.1, "there is something to see"
    assert np.abs(down[..., 1] - (1 - up[..., 1])).max() < 1.5 / 255
    assert np.abs(down[..., [0, 2]] - up[..., [0, 2]]).max() < 1.5 / 255
    packed = pictures.pixels_of(shading.image_of("normal"))
    assert np.abs(packed[..., 1] - up[..., 1]).max() < 1.5 / 255, "Blender wants it up"
    run("material")
    for kind, want in (("obj", down), ("gltf", up)):
        folder = run("export", format=kind).path("model").parent
        assert np.abs(_read(folder / "mesh_normal.png") - want).max() < 2.5 / 255, kind
    run("material", normal=0.5)
    softer = _read(run("export", format="obj").path("model").parent / "mesh_normal.png")[..., 1] - 0.5
    bent = np.abs(down[..., 1] - 0.5) > 0.1
    assert (np.sign(softer) == np.sign(down[..., 1] - 0.5))[bent].all() and (np.abs(softer) < 0.45).all()


def _spread(body):
    """Put the right half of the faces into the second tile; their numbers."""
    uv, (centres, _) = meshes.uv_of(body.data, "galatea"), _middles(body.data)
    right = centres[:, 0] > 0
    uv[np.repeat(right, 3), 0] += 1
    meshes.set_uv(body.data, "galatea", uv)
    return right


def test_each_tile_has_its_textures_and_its_material(run, unwrapped):
    one = _read(run("bake", size=256).path("base_color"))
    right = _spread(unwrapped.work.object("body"))
    done = run("bake", size=256)
    roles = {asset.role for asset in done.assets}
    assert roles == {f"{role}{end}" for role in ("base_color", "normal", "roughness") for end in ("", ".1002")}
    assert done.path("base_color").name == "base_color.1001.png"
    assert done.metrics["tiles"] == [1001, 1002]
    body = run("material").work.object("body")
    _, uv = _middles(body.data)
    both = [_read(done.path(role)) for role in ("base_color", "base_color.1002")]
    for tile, image in enumerate(both):
        mine = right == bool(tile)
        assert np.abs(at(image, uv[mine] - [tile, 0]) - at(one, uv[mine] - [tile, 0])).mean() < 0.01
    slots = np.empty(len(body.data.polygons), int)
    body.data.polygons.foreach_get("material_index", slots)
    assert np.array_equal(slots == 1, right)
    pictures = [[n.image for n in m.node_tree.nodes if n.type == "TEX_IMAGE"] for m in body.data.materials]
    assert [{image[shading.TILE] for image in each} for each in pictures] == [{0}, {1}]


def test_tiles_go_out_as_two_materials(run, unwrapped):
    right = _spread(unwrapped.work.object("body"))
    run("bake", size=256, occlusion=True)
    run("material")
    path = run("export", format="gltf").path("model")
    # Blender 4.2 writes no dots
    files = {each.name.replace("_100", ".100"): each for each in path.parent.glob("*.png")}
    assert set(files) == {
        f"mesh_{role}.{tile}.png" for role in ("base_color", "normal", "orm") for tile in (1001, 1002)
    }
    assert not np.allclose(_read(files["mesh_orm.1001.png"]), _read(files["mesh_orm.1002.png"]))
    bpy.ops.import_scene.gltf(filepath=str(path))
    back = next(obj for obj in bpy.context.selected_objects if obj.type == "MESH")
    assert len(back.data.materials) == 2
    slots = np.empty(len(back.data.polygons), int)
    back.data.polygons.foreach_get("material_index", slots)
    assert sorted(np.bincount(slots)) == sorted([right.sum(), (~right).sum()])


def test_large_textures_are_baked_in_parts_that_fit(run, unwrapped, monkeypatch):
    whole = run("bake", size=512)
    want = {role: _read(whole.path(role)) for role in ("base_color", "normal")}
    monkeypatch.setattr(baking, "LARGEST", 200)
    parts = run("bake", size=512)
    assert abs(parts.metrics["reached"] - whole.metrics["reached"]) < 0.001
    _, uv = _middles(unwrapped.work.object("body").data)
    for role, image in want.items():
        apart = np.abs(at(_read(parts.path(role)), uv) - at(image, uv)).max(axis=1)
        assert np.mean(apart > 3 / 255) < 0.005, role


def test_a_distance_that_is_too_short_says_what_to_do(run, unwrapped):
    body = unwrapped.work.object("body")
    body.data.vertices.foreach_set("co", (meshes.vertices_of(body.data) * 1.3).ravel())
    body.data.update()
    with pytest.raises(UserError, match=r"bake\.distance"):
        run("bake", size=256, distance=1e-6)
    assert "gap_m" not in run("bake", size=256, distance=0.3).metrics


def test_the_far_side_of_a_thin_limb_is_not_taken(run, tmp_path):
    """A board thinner than the rays are long, its sides of two colours: no texel has that of the other side."""
    box = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.004, 0.004) for z in (0.0, 1.0)], np.float32)
    faces = np.array([[0, 4, 5], [0, 5, 1], [6, 2, 3], [6, 3, 7], [2, 0, 1], [2, 1, 3], [4, 6, 7], [4, 7, 5],
                      [1, 5, 7], [1, 7, 3], [2, 6, 4], [2, 4, 0]], np.int32)  # fmt: skip
    front = np.repeat([[0.9, 0.2, 0.2]], 12, axis=0)
    corners, index = box[faces].reshape(-1, 3), np.arange(36, dtype=np.int32).reshape(-1, 3)
    colours = np.where(corners[:, 1:2] < 0, front[:1], [[0.2, 0.2, 0.9]]).astype(np.float32)
    np.savez(tmp_path / "board.npz", vertices=corners, faces=index, colors=colours)
    done = run("bring", {"mesh": tmp_path / "board.npz"})
    body = done.work.object("body")
    meshes.replace_mesh(body, meshes.new_mesh("board", box * [0.98, 0.5, 1], faces))
    body.data.shade_flat()
    run("unwrap", method="smart", size=256)
    done = run("bake", size=256, distance=0.02)
    normal = np.empty(len(body.data.polygons) * 3)
    body.data.polygons.foreach_get("normal", normal)
    side = normal.reshape(-1, 3)[:, 1]
    _, uv = _middles(body.data)
    baked = at(_read(done.path("base_color")), uv)
    assert (baked[side < -0.9, 0] > 0.8).all() and (baked[side > 0.9, 2] > 0.8).all()


def test_tiles_of_the_map_are_counted_as_udim_does():
    assert [tiles.suffix(tile, 2) for tile in (0, 1, 10)] == [".1001", ".1002", ".1011"]
    assert tiles.suffix(0, 1) == ""
