# SPDX-License-Identifier: GPL-3.0-or-later
"""Every substance becomes a material that Workbench, Cycles and glTF understand; words change what they say they do."""

from __future__ import annotations

import json
import struct

import bpy
import numpy as np
import pytest

from galatea.addon.scene.lib.material.patterns import PATTERNS
from galatea.addon.scene.lib.material.said import COLORS, heard
from galatea.addon.scene.lib.material.substance import material
from galatea.addon.scene.lib.render import pictures, tone
from galatea.addon.scene.props.prop import Kit
from galatea.addon.scene.props.skins import skinned
from galatea.backend.protocol import materials
from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.materials import Surface

SIDE = 48


def shader(made):
    return next(node for node in made.node_tree.nodes if node.type == "BSDF_PRINCIPLED")


def ball(made, size=0.2):
    bpy.ops.mesh.primitive_uv_sphere_add(radius=size / 2, segments=48, ring_count=24)
    obj = bpy.context.object
    obj.data.materials.append(made)
    return obj


def seen(path, engine="CYCLES", samples=4):
    """The ball in even light, sRGB (SIDE, SIDE, 3), row 0 at the bottom."""
    scene = bpy.context.scene
    scene.world = bpy.data.worlds.new("even")
    if not scene.world.node_tree:
        scene.world.use_nodes = True
    background = next(node for node in scene.world.node_tree.nodes if node.type == "BACKGROUND")
    background.inputs["Color"].default_value = (1, 1, 1, 1)
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    camera.data.type, camera.data.ortho_scale = "ORTHO", 0.21
    camera.location, camera.rotation_euler = (0, -2, 0), (np.pi / 2, 0, 0)
    scene.collection.objects.link(camera)
    scene.camera, scene.render.engine = camera, engine
    scene.cycles.device, scene.cycles.samples, scene.cycles.use_denoising = "CPU", samples, False
    scene.render.resolution_x = scene.render.resolution_y = SIDE
    scene.view_settings.view_transform, scene.render.image_settings.file_format = "Standard", "PNG"
    scene.render.filepath = str(path / "seen.png")
    bpy.ops.render.render(write_still=True)
    return pictures.read(path / "seen.png", 3)


def test_every_row_becomes_a_material():
    for name, row in materials.substances().items():
        made = material(name)
        output = next(node for node in made.node_tree.nodes if node.type == "OUTPUT_MATERIAL")
        assert output.inputs["Surface"].is_linked and row.surface.pattern in PATTERNS, name
        sockets = shader(made).inputs
        flame = row.kind == "gas" and row.surface.emission > 0
        lit = (0.0, 0.0, 0.0) if flame else tone.linear(row.surface.color)
        assert np.allclose(sockets["Base Color"].default_value[:3], lit, atol=1e-5), name
        if row.surface.pattern != "lava":
            assert np.allclose(made.diffuse_color[:3], tone.linear(row.surface.color), atol=1e-5), name
        assert made.diffuse_color[3] == pytest.approx(1.0) or row.surface.transmission or row.kind == "gas", name
        assert all(link.is_valid for link in made.node_tree.links), name
        varied = ("Base Color", "Roughness", "Emission Strength", "Alpha")
        assert "plain" in row.surface.pattern or any(sockets[each].is_linked for each in varied), name


def test_what_is_grained_has_no_dunes():
    tree = material("concrete").node_tree
    bump = next(node for node in tree.nodes if node.type == "BUMP")
    above, fed = [bump.inputs["Height"]], []
    while above:
        for link in above.pop().links:
            fed.append(link.from_node)
            above += [socket for socket in link.from_node.inputs if socket.is_linked]
    scales = [node.inputs["Scale"].default_value for node in fed if node.type in ("TEX_NOISE", "TEX_VORONOI")]
    assert scales and min(scales) >= 100 and bump.inputs["Distance"].default_value < 0.001, "grains a metre; metres"


def test_fire_is_lit_by_nothing_but_itself(tmp_path):
    sockets = shader(material("fire")).inputs
    assert max(sockets["Base Color"].default_value[:3]) == 0 and sockets["Emission Strength"].default_value > 1
    red, green, blue, _ = sockets["Emission Color"].default_value
    assert red > 2 * green > 4 * blue, "orange"
    made = material("fire")
    made.node_tree.links.remove(shader(made).inputs["Alpha"].links[0])
    ball(made)
    middle = seen(tmp_path)[20:28, 20:28].mean(axis=(0, 1))
    assert middle[0] > 0.9 > middle[1] > middle[2] + 0.2, "and not pale before a white sky"


def test_who_asks_again_shares_it_and_who_asks_for_another_does_not():
    first = material("wood", look="striped red")
    assert material("oak", look="red striped") is first
    others = [material("oak"), material("oak", seed=1), material("oak", color=(1, 0, 0)), material("oak", look="rusty")]
    assert len({first, *others}) == 5 and material("oak", look="") is others[0]
    with pytest.raises(UserError, match="Did you mean 'steel'"):
        material("stell")


def test_a_copy_in_another_colour_is_not_what_is_shared():
    kit = Kit((1.0, 1.0, 1.0), np.random.default_rng(0), material)
    orange = skinned(kit, "rubber", (0.8, 0.3, 0.1))
    orange.name = "a"  # comes before the first when Blender is asked for all
    assert material("rubber") is not orange and skinned(kit, "rubber") is material("rubber")


def test_workbench_shows_its_colour(tmp_path):
    ball(material("rubber", color=(0.9, 0.1, 0.1)))
    bpy.context.scene.display.shading.color_type = "MATERIAL"
    red, green, blue = seen(tmp_path, "BLENDER_WORKBENCH")[SIDE // 2, SIDE // 2]
    assert red > 2 * max(green, blue)


@pytest.mark.parametrize(("name", "color"), [("granite", None), ("brick", None), ("oak", (0.1, 0.2, 0.8))])
def test_a_pattern_varies_about_its_colour(tmp_path, name, color):
    ball(material(name, color=color))
    inner = seen(tmp_path)[14:34, 14:34]
    wanted = np.array(color or materials.substances()[name].surface.color)
    mean, spread = inner.mean(axis=(0, 1)), inner.std(axis=(0, 1)).max()
    assert spread > 0.012 and np.abs(mean - wanted).max() < 0.22
    assert np.argmax(mean) == np.argmax(wanted)


@pytest.mark.parametrize("words", ["striped", "polka dots", "checkered"])
def test_a_motif_has_two_colours(tmp_path, words):
    ball(material("plastic", color=(0.8, 0.1, 0.1), look=f"{words} white", size=0.2))
    inner = seen(tmp_path)[10:38, 10:38]
    white = (inner.min(axis=2) > 0.5).mean()
    red = ((inner[..., 0] > 0.4) & (inner[..., 1] < 0.35)).mean()
    assert white > 0.1 and red > 0.2


def test_one_colour_beside_a_motif_is_its_second():
    assert heard("white polka dots", Surface((0.8, 0.1, 0.1), 0.5), None).surface.color == (0.8, 0.1, 0.1)
    two = heard("red and white striped", Surface((0.1, 0.8, 0.1), 0.5), None)
    assert (two.surface.color, two.second, two.motif) == (COLORS["red"], COLORS["white"], "stripes")


def test_rust_is_brown_and_no_metal(tmp_path):
    made = material("steel", look="rusty")
    ball(made)
    clean, rusty = shader(material("steel")).inputs["Metallic"], shader(made).inputs["Metallic"]
    assert not clean.is_linked and rusty.is_linked
    inner = seen(tmp_path)[14:34, 14:34]
    assert ((inner[..., 0] - inner[..., 2]) > 0.15).mean() > 0.3


def test_words_set_what_they_say():
    def value(look, socket, name="plastic"):
        return shader(material(name, look=look)).inputs[socket].default_value

    assert value("shiny", "Roughness") < value("", "Roughness") < value("matt", "Roughness")
    assert value("glowing", "Emission Strength") > 1 > value("", "Emission Strength")
    assert value("transparent", "Transmission Weight") == 1.0 and value("", "Transmission Weight") == 0.0
    assert material("glass").diffuse_color[3] < 0.5 < material("glass", look="opaque").diffuse_color[3]
    assert not shader(material("oak", look="painted")).inputs["Base Color"].is_linked


def test_gltf_has_the_colour_that_no_pattern_can_carry(tmp_path):
    for place, name in enumerate(("oak", "marble", "steel", "glass", "wool")):
        ball(material(name)).location.x = place
    ball(material("car_paint", color=(0.1, 0.3, 0.9), look="striped"))
    path = tmp_path / "out.glb"
    bpy.ops.export_scene.gltf(filepath=str(path), export_format="GLB", use_selection=False)
    data = path.read_bytes()
    (size,) = struct.unpack("<I", data[12:16])
    found = {each["name"]: each["pbrMetallicRoughness"] for each in json.loads(data[20 : 20 + size])["materials"]}
    for name in ("oak", "marble", "steel", "wool"):
        row = materials.substances()[name].surface
        assert np.allclose(found[name].get("baseColorFactor", [1, 1, 1])[:3], tone.linear(row.color), atol=1e-3)
        assert found[name].get("roughnessFactor", 1.0) == pytest.approx(row.roughness, abs=1e-3)
        assert found[name].get("metallicFactor", 1.0) == pytest.approx(row.metallic)
    assert np.allclose(found["car_paint"]["baseColorFactor"][:3], tone.linear((0.1, 0.3, 0.9)), atol=1e-3)
    assert "KHR_materials_transmission" in json.loads(data[20 : 20 + size])["extensionsUsed"]
