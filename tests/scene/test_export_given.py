# SPDX-License-Identifier: GPL-3.0-or-later
"""Materials that come along with a user's mesh: packed pictures and factors stay so in formats that know neither."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest
import trimesh
from PIL import Image
from trimesh.visual.material import PBRMaterial

from galatea.addon.scene import load
from galatea.addon.scene.lib.files import reckoning
from galatea.addon.scene.lib.material import shading
from galatea.addon.scene.lib.render import pictures

from . import ell

SIDE = 8
FACTOR = np.array([0.5, 1.0, 0.25])
ROUGH, METAL, CUT, OPACITY = 0.5, 0.75, 0.3, 0.5
GLOW = np.array([0.5, 0.25, 0.1])


def noise(seed: int, channels: int) -> np.ndarray:
    """(S, S, C) bytes, the bottom row first."""
    return np.random.default_rng(seed).integers(20, 236, (SIDE, SIDE, channels)).astype(np.uint8)


BASE, PACKED, EMITTED = noise(1, 4), noise(2, 3), noise(3, 3)


def linear(values: Any) -> np.ndarray:
    """Of sRGB bytes; IEC 61966-2-1."""
    share = np.asarray(values) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def glb(path: Path, *, factors: bool = False, alpha: str = "OPAQUE") -> Path:
    def picture(values: np.ndarray) -> Image.Image:
        return Image.fromarray(values[::-1])

    material = PBRMaterial(
        name="Given", baseColorTexture=picture(BASE), metallicRoughnessTexture=picture(PACKED),
        occlusionTexture=picture(PACKED), emissiveTexture=picture(EMITTED), alphaMode=alpha, alphaCutoff=CUT,
        baseColorFactor=[*FACTOR, OPACITY] if factors else None, roughnessFactor=ROUGH if factors else 1.0,
        metallicFactor=METAL if factors else 1.0, emissiveFactor=GLOW if factors else np.ones(3),
    )  # fmt: skip
    points = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0.2], [0, 1, 0]], float)
    visual = trimesh.visual.TextureVisuals(uv=points[:, :2], material=material)
    trimesh.Trimesh(points, [[0, 1, 2], [0, 2, 3]], visual=visual, process=False).export(path)
    return path


def exported(run: Any, path: Path, format: str) -> Any:
    if format.startswith("usd") and not bpy.app.build_options.usd:
        pytest.skip("this Blender was built without usd")
    run("load", {"model": path})
    return run("export", format=format)


def shader(path: Path) -> bpy.types.ShaderNode:
    """Of the file's only material, as Blender reads it."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    kind = {"usdz": "usd"}.get(path.suffix[1:], path.suffix[1:])
    if kind == "fbx" and "fbx_import" not in dir(bpy.ops.wm):
        bpy.ops.import_scene.fbx(filepath=str(path))
    else:
        options = {"import_textures_mode": "IMPORT_PACK"} if kind == "usd" else {}
        getattr(bpy.ops.wm, f"{kind}_import")(filepath=str(path), **options)
    (material,) = bpy.data.materials
    return next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")


def shown(socket: bpy.types.NodeSocket) -> np.ndarray:
    """(S, S, 3) linear light of a colour, (S, S) of a number: the picture that alone feeds it, or a channel of it."""
    source = socket.links[0].from_socket
    channel = {"Red": 0, "Green": 1, "Blue": 2, "Alpha": 3}.get(source.name, 0)
    node = source.node
    if node.type == "SEPARATE_COLOR":
        node = node.inputs[0].links[0].from_node
    assert node.type == "TEX_IMAGE"
    pixels = pictures.pixels_of(node.image)
    return linear(pixels[..., :3] * 255) if socket.type == "RGBA" else pixels[..., channel]


@pytest.mark.parametrize("factors", [False, True], ids=["plain", "factors"])
@pytest.mark.parametrize("format", ["obj", "fbx", "usdz"])
def test_what_a_file_of_gltf_says_is_read_back_from_other_formats(
    run: Any, tmp_path: Path, format: str, factors: bool
) -> None:
    done = exported(run, glb(tmp_path / "given.glb", factors=factors), format)
    assert not done.report.warnings
    read = shader(done.path("model")).inputs
    factor, glow = (FACTOR, GLOW) if factors else (1.0, 1.0)
    rough, metal = (ROUGH, METAL) if factors else (1.0, 1.0)
    assert np.allclose(shown(read["Base Color"]), linear(BASE[..., :3]) * factor, atol=0.01)
    assert np.allclose(shown(read["Emission Color"]), linear(EMITTED) * glow, atol=0.01)
    assert np.allclose(shown(read["Roughness"]), PACKED[..., 1] / 255 * rough, atol=0.003)
    assert np.allclose(shown(read["Metallic"]), PACKED[..., 2] / 255 * metal, atol=0.003)
    assert not read["Alpha"].is_linked and read["Alpha"].default_value == 1, "the picture's fourth channel is not meant"


ALPHAS = [("obj", "MASK"), ("fbx", "MASK"), ("obj", "BLEND"), ("fbx", "BLEND"), ("usdz", "BLEND")]


@pytest.mark.parametrize(("format", "alpha"), ALPHAS)
def test_alpha_is_read_back_as_it_was_meant(run: Any, tmp_path: Path, format: str, alpha: str) -> None:
    done = exported(run, glb(tmp_path / "given.glb", factors=True, alpha=alpha), format)
    want = BASE[..., 3] / 255 * OPACITY
    assert np.allclose(
        shown(shader(done.path("model")).inputs["Alpha"]), want >= CUT if alpha == "MASK" else want, atol=0.003
    )


def test_alpha_stays_what_it_was_on_its_way_through_an_fbx(run: Any, tmp_path: Path) -> None:
    first = exported(run, glb(tmp_path / "given.glb", factors=True, alpha="BLEND"), "fbx").path("model")
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    mesh = next(iter(trimesh.load_scene(exported(run, first, "glb").path("model"), process=False).geometry.values()))
    found = np.asarray(mesh.visual.material.baseColorTexture)[::-1, :, 3] / 255
    assert np.allclose(found, BASE[..., 3] / 255 * OPACITY, atol=0.01)


def test_each_file_beside_an_obj_is_named_by_it_or_is_the_occlusion(run: Any, tmp_path: Path) -> None:
    done = exported(run, glb(tmp_path / "given.glb"), "obj")
    folder = done.path("model").parent
    said = (folder / "mesh.mtl").read_text()
    beside = {path.name for path in folder.glob("*.png")}
    assert {name for name in beside if name not in said} == {"mesh_occlusion.png"}
    assert np.allclose(pictures.read(folder / "mesh_occlusion.png")[..., 0], PACKED[..., 0] / 255, atol=0.003)


def test_what_export_wrote_keeps_its_names_when_it_is_exported_again(run: Any) -> None:
    ell.make()
    run("material")
    first = run("export", format="gltf").path("model")
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    done = exported(run, first, "gltf")
    names = {item.name for item in done.path("model").parent.glob("*.png")}
    assert names == {"mesh_base_color.png", "mesh_normal.png", "mesh_orm.png"}


def test_nodes_that_no_picture_can_stand_for_are_told(run: Any, tmp_path: Path) -> None:
    run("load", {"model": glb(tmp_path / "given.glb")})
    tree = bpy.data.materials[0].node_tree
    bsdf = next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED")
    tree.links.new(tree.nodes.new("ShaderNodeTexNoise").outputs[0], bsdf.inputs["Roughness"])
    (told,) = run("export", format="fbx").report.warnings
    assert "Roughness" in told and "bake" in told
    assert not run("export", format="stl").report.warnings, "which has no materials"


@pytest.mark.parametrize("format", ["obj", "fbx", "usdz"])
def test_a_strength_of_normals_is_in_their_picture(run: Any, tmp_path: Path, format: str) -> None:
    """The glTF's `scale` of 0.5, as a strength of Blender's node; half of the way from the plain normal."""
    asked = np.array([0.6, 0.0, 0.8]) / 2 + 0.5
    Image.fromarray(np.full((SIDE, SIDE, 3), np.round(asked * 255), np.uint8)).save(tmp_path / "bumps.png")
    if format.startswith("usd") and not bpy.app.build_options.usd:
        pytest.skip("this Blender was built without usd")
    run("load", {"model": glb(tmp_path / "given.glb")})
    tree = bpy.data.materials[0].node_tree
    picture, bumps = tree.nodes.new("ShaderNodeTexImage"), tree.nodes.new("ShaderNodeNormalMap")
    picture.image = bpy.data.images.load(str(tmp_path / "bumps.png"))
    picture.image.colorspace_settings.name = "Non-Color"
    bumps.inputs["Strength"].default_value = 0.5
    tree.links.new(picture.outputs["Color"], bumps.inputs["Color"])
    bsdf = next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED")
    tree.links.new(bumps.outputs["Normal"], bsdf.inputs["Normal"])

    done = run("export", format=format)
    assert not done.report.warnings and bumps.inputs["Strength"].default_value == 0.5, "the scene keeps its own"
    node = shader(done.path("model")).inputs["Normal"].links[0].from_node
    assert node.type == "NORMAL_MAP" and node.inputs["Strength"].default_value == 1
    found = pictures.pixels_of(node.inputs["Color"].links[0].from_node.image)[0, 0, :3] * 2 - 1
    assert np.allclose(found, np.array([0.3, 0, 0.9]) / np.hypot(0.3, 0.9), atol=0.015)


def test_colours_of_points_stand_beside_them_in_an_obj(run: Any, tmp_path: Path) -> None:
    box = painted(tmp_path / "given.ply")
    text = exported(run, tmp_path / "given.ply", "obj").path("model").read_text()
    lines = [line.split()[4:] for line in text.splitlines() if line.startswith("v ")]
    said = {tuple(round(float(part) * 255) for part in line) for line in lines}
    assert said == {tuple(map(int, colour)) for colour in box.visual.vertex_colors[:, :3]}


def painted(path: Path) -> trimesh.Trimesh:
    box = trimesh.creation.box()
    box.visual.vertex_colors = np.random.default_rng(4).integers(0, 256, (8, 4)).astype(np.uint8) | [0, 0, 0, 255]
    box.export(path)
    return box


def test_colours_of_points_come_back_from_an_fbx(run: Any, tmp_path: Path) -> None:
    box = painted(tmp_path / "given.ply")
    first = exported(run, tmp_path / "given.ply", "fbx").path("model")
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    read = trimesh.load(exported(run, first, "ply").path("model"), process=False)
    for point, colour in zip(read.vertices, read.visual.vertex_colors[:, :3].astype(int), strict=True):
        near = np.linalg.norm(box.vertices - point + (0, 0, 0.5), axis=1).argmin()
        assert np.abs(colour - box.visual.vertex_colors[near, :3].astype(int)).max() <= 3


def test_points_of_a_ply_have_the_colours_of_their_own_materials(run: Any, tmp_path: Path) -> None:
    scene = trimesh.Scene()
    for name, at, colour in (("Red", 0, [1.0, 0.0, 0.0, 1.0]), ("Blue", 2, [0.0, 0.0, 1.0, 1.0])):
        box = trimesh.creation.box()
        box.apply_translation((at, 0, 0))
        material = PBRMaterial(name=name, baseColorFactor=colour)
        if name == "Blue":
            material = PBRMaterial(name=name, baseColorTexture=Image.new("RGB", (4, 4), (0, 0, 255)))
        box.visual = trimesh.visual.TextureVisuals(uv=np.full((8, 2), 0.5), material=material)
        scene.add_geometry(box)
    scene.export(tmp_path / "two.glb")
    read = trimesh.load(exported(run, tmp_path / "two.glb", "ply").path("model"), process=False)
    left = read.vertices[:, 0] < 0
    assert left.sum() == (~left).sum() > 0
    raw = read.metadata["_ply_raw"]["vertex"]["data"]
    colours = np.stack([raw[name] for name in ("red", "green", "blue")], axis=1)
    assert np.abs(colours[left].astype(int) - (255, 0, 0)).max() <= 2
    assert np.abs(colours[~left].astype(int) - (0, 0, 255)).max() <= 2


def test_a_glow_that_is_reckoned_from_no_picture_is_dimmed_once(tmp_path: Path) -> None:
    _, tree = shading.new_material("Glow")
    bsdf = shading.principled(tree)
    glow = tree.nodes.new("ShaderNodeRGB").outputs[0]
    glow.default_value = (0.8, 0.4, 0.2, 1)
    tree.links.new(glow, bsdf.inputs["Emission Color"])
    bsdf.inputs["Emission Strength"].default_value = 0.5
    assert reckoning.reckon(tree, tmp_path, {}, 1, channels=False) == ([], [])
    assert tuple(bsdf.inputs["Emission Color"].default_value[:3]) == pytest.approx((0.4, 0.2, 0.1))
    assert bsdf.inputs["Emission Strength"].default_value == 1


def test_colours_of_points_take_nothing_else_from_a_material(run: Any, tmp_path: Path) -> None:
    """White metal with colours of points, as glTF multiplies them."""
    painted(tmp_path / "given.ply")
    run("load", {"model": tmp_path / "given.ply"})
    mesh = bpy.context.scene.objects[0].data
    material, tree = shading.new_material("Metal")
    bsdf = shading.principled(tree)
    bsdf.inputs["Base Color"].default_value = (1, 1, 1, 1)
    bsdf.inputs["Metallic"].default_value, bsdf.inputs["Roughness"].default_value = 0.25, 0.125
    mesh.materials.clear()
    mesh.materials.append(material)
    load._show_colours(mesh)
    assert mesh.materials[0] == material and bsdf.inputs["Base Color"].links[0].from_node.type == "ATTRIBUTE"
    assert (bsdf.inputs["Metallic"].default_value, bsdf.inputs["Roughness"].default_value) == (0.25, 0.125)


SUMS = {
    "ADD": lambda a, b: a + b,
    "SUBTRACT": lambda a, b: a - b,
    "MULTIPLY": lambda a, b: a * b,
    "POWER": lambda a, b: a**b,
    "MINIMUM": np.minimum,
    "MAXIMUM": np.maximum,
    "LESS_THAN": lambda a, b: a < b,
    "GREATER_THAN": lambda a, b: a > b,
}


@pytest.mark.parametrize("operation", sorted(SUMS))
def test_a_number_is_reckoned_as_blender_does(tmp_path: Path, operation: str) -> None:
    _, tree = shading.new_material("Sum")
    bsdf = shading.principled(tree)
    node = tree.nodes.new("ShaderNodeMath")
    node.operation = operation
    node.inputs[0].default_value, node.inputs[1].default_value = 0.25, 0.5
    tree.links.new(node.outputs[0], bsdf.inputs["Roughness"])
    assert reckoning.reckon(tree, tmp_path, {}, 1, channels=False) == ([], [])
    assert not bsdf.inputs["Roughness"].is_linked
    assert bsdf.inputs["Roughness"].default_value == pytest.approx(float(SUMS[operation](0.25, 0.5)))
