# SPDX-License-Identifier: GPL-3.0-or-later
"""The set: light that shows the body at any size, a floor under it, and looks that leave no trace in the body."""

from __future__ import annotations

import hashlib
import json
import shutil
import struct

import bpy
import numpy as np
import pytest
from mathutils import Matrix

from galatea.addon.scene.lib.motion import animation
from galatea.addon.scene.lib.render import engines, pictures, presets, skies
from galatea.addon.scene.stage import SPEC
from galatea.backend.protocol import recipe
from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.scene import LIGHTS

WIDE, HIGH = 64, 48


@pytest.fixture
def panorama(tmp_path):
    """A bright red side and a dim blue one, as an HDR of any unit."""

    def make(unit: float = 1.0):
        image = bpy.data.images.new("panorama", 64, 32, float_buffer=True)
        pixels = np.ones((32, 64, 4), np.float32)
        pixels[:, :32, :3], pixels[:, 32:, :3] = [2.0 * unit, 0.2 * unit, 0.1 * unit], [0.1 * unit, 0.1 * unit, unit]
        image.pixels.foreach_set(pixels.ravel())
        image.filepath_raw, image.file_format = str(tmp_path / f"{unit:g}.hdr"), "HDR"
        image.save()
        bpy.data.images.remove(image)
        return tmp_path / f"{unit:g}.hdr"

    return make


@pytest.fixture
def render(tmp_path, body, make_work):
    """The picture (H, W, 4) of the scene's camera, the top row first, and where the body is in it (H, W)."""

    def go(engine: str = "cycles", samples: int = 8):
        scene, path = bpy.context.scene, tmp_path / "render.png"
        engines.prepare(make_work()[0].report, scene, engine, samples)
        image = scene.render.image_settings
        if hasattr(image, "media_type"):
            image.media_type = "IMAGE"
        image.file_format, image.color_mode, scene.render.filepath = "PNG", "RGBA", str(path)
        bpy.ops.render.render(write_still=True)
        return pictures.read(path, 4)[::-1]

    return go


def covered() -> np.ndarray:
    """(H, W) where the body is in the picture, roughly: pixels that its vertices fall on."""
    from .pictured import projected

    obj = next(obj for obj in bpy.context.scene.objects if obj.get("galatea_role") == "body")
    places = projected(animation.points_at(obj, bpy.context.evaluated_depsgraph_get()))
    out = np.zeros((HIGH, WIDE), bool)
    out[((1 - places[:, 1]) * HIGH).astype(int), (places[:, 0] * WIDE).astype(int)] = True
    return out


def shoot(run) -> None:
    run("camera", path="static", seconds=0.1, width=WIDE, height=HIGH)
    bpy.context.scene.frame_set(1)


def luma(picture: np.ndarray) -> np.ndarray:
    return picture[..., :3] @ np.array([0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("light", LIGHTS)
def test_each_light_shows_the_body(run, body, render, light):
    run("stage", light=light)
    shoot(run)
    seen = luma(render())[covered()]
    assert 0.10 < seen.mean() < 0.85, "too dark or too bright"
    assert (seen > 0.98).mean() < 0.05, "burnt out"
    assert np.percentile(seen, 95) - np.percentile(seen, 5) > 0.08, "dull"


@pytest.mark.parametrize(("light", "scale"), [("studio", 0.001), ("studio", 100.0), ("sky", 100.0)])
def test_the_light_is_the_same_on_a_coin_and_on_a_house(run, body, render, light, scale):
    run("stage", light=light)
    shoot(run)
    small = render()
    body().data.transform(Matrix.Scale(scale, 4))
    run("stage", light=light)
    shoot(run)
    assert np.abs(render()[..., :3].mean(axis=(0, 1)) - small[..., :3].mean(axis=(0, 1))).max() < 0.02


@pytest.mark.parametrize("light", [*LIGHTS, "hdri"])
def test_a_set_is_made_once(run, body, panorama, light):
    given = {"hdri": str(panorama())} if light == "hdri" else {}
    counts = []
    for _ in range(2):
        run("stage", light=light, **given)
        done = run("camera")
        counts.append([len(kind) for kind in (bpy.data.objects, bpy.data.materials, bpy.data.worlds, bpy.data.lights,
                                              bpy.data.cameras, bpy.data.actions, bpy.data.images)])  # fmt: skip
    assert counts[0] == counts[1]
    roles = [obj.get("galatea_role") for obj in bpy.context.scene.objects]
    assert roles.count("floor") == roles.count("camera") == roles.count("light_rig") == 1
    assert bpy.context.scene.world and bpy.context.scene.camera == done.work.object("camera")


def test_the_presets_and_the_choices_are_the_same():
    for name, kind in (("light", "lights"), ("look", "looks")):
        param = next(param for param in SPEC.params if param.name == name)
        choices = [each for each in param.choices if each != "auto"]
        assert sorted(choices) == recipe.names(kind)
        assert all(recipe.read_toml(recipe.find(kind, each))["help"] in param.help for each in choices)
    assert {"auto", "hdri", *LIGHTS} == set(SPEC.params[0].choices), "documents too"


LAMP = "[[lamp]]\nname = 'a'\nplace = [0, 0, 1]\nwidth = 1\npower = 9\ncolor = [1, 1, 1]\n"
LIGHT = "version = 1\nhelp = 'Dusk'\nfloor = 'cove'\ntone = 'suits'\n[world]\ncolor = [1, 1, 1]\nstrength = 1\n" + LAMP
LOOK = "version = 1\nhelp = 'Gold'\nkind = 'clay'\ncolor = [0.8, 0.6, 0.2]\nroughness = 0.3\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version = 1\ntone = [1.0, 1.0, 1.0]\n", r"lacks help, floor, world\."),
        (LIGHT.replace("floor = 'cove'", "floor = 'pit'"), "floor is one of cove, ground, catcher, none, not 'pit'"),
        (
            LIGHT.replace("'suits'", "[1, 1]"),
            r"tone is three numbers from 0 to 1 in \[\], or \"suits\", not '\[1, 1\]'",
        ),
        (
            LIGHT.replace("[1, 1, 1]", "[255, 200, 99]", 1),
            r"world\.color is three numbers from 0 to 1 in \[\], not '\[255",
        ),
        (LIGHT.replace("strength", "strenght"), r"lacks world\.strength"),
        (LIGHT.replace("strength", "glow = 1\nstrength"), r"world\.glow is no field"),
        (LIGHT.replace("power = 9", "watts = 9"), "lacks lamp 1: power"),
        (LIGHT.replace("power = 9", "power = 'x'"), "lamp 1: power is a number from 0 on, not 'x'"),
        (LIGHT.replace("[[lamp]]", "[lamp]"), r"lamp is tables such as \[\[lamp\]\]"),
        (LIGHT.replace("tone", "glwo = 1\ntone"), "glwo is no field. Did you mean 'glow'"),
        (LIGHT.replace("power = 9", "power = nan"), "lamp 1: power is a number from 0 on, not 'nan'"),
        (LIGHT.replace("width = 1", "width = -1"), "lamp 1: width is a number from 0 on, not '-1'"),
        (LIGHT.replace("[0, 0, 1]", "[0, 0, inf]"), r"lamp 1: place is three numbers in \[\], not '\[0, 0, inf"),
        (LIGHT.replace("[1, 1, 1]", "[nan, 1, 1]", 1), r"world\.color is three numbers from 0 to 1"),
        (LOOK.replace("0.3", "nan"), "roughness is a number from 0 to 1, not 'nan'"),
        (LOOK.replace("clay", "metal"), "kind is one of realistic, clay, toon, wireframe, xray, not 'metal'"),
        (LOOK.replace("roughness", "rougness"), "lacks roughness"),
        (LOOK.replace("[0.8, 0.6, 0.2]", "'gold'"), r"color is three numbers from 0 to 1 in \[\], not 'gold'"),
        (LOOK.replace("0.8", "80"), r"color is three numbers from 0 to 1 in \[\], not '\[80"),
    ],
)
def test_a_preset_that_is_wrong_is_told_with_its_file_and_field(text, said, tmp_path, monkeypatch):
    shutil.copytree(recipe.PRESETS, tmp_path / "presets", ignore=shutil.ignore_patterns("examples"))
    monkeypatch.setattr(recipe, "PRESETS", tmp_path / "presets")
    read, name = (presets.look, "looks/toon") if "kind" in text else (presets.light, "lights/rim")
    (tmp_path / f"presets/{name}.toml").write_text(text)
    with pytest.raises(UserError, match=rf"{name}\.toml.*{said}"):
        read(name.partition("/")[2])
    (tmp_path / f"presets/{name}.toml").write_text(LOOK if "kind" in text else LIGHT)
    assert read(name.partition("/")[2])["help"] in ("Gold", "Dusk")


def test_the_sun_goes_from_left_to_right_and_down(run, body):
    sides, heights, red = [], [], []
    for hour in (7.0, 12.0, 17.0):
        done = run("stage", light="sky", hour=hour)
        bpy.context.view_layer.update()
        lamp = done.work.object("light_sun")
        toward = np.array(lamp.matrix_world)[:3, 2]
        sides.append(toward[0])
        heights.append(toward[2])
        red.append(lamp.data.color[0] - lamp.data.color[2])
    assert sides[0] < -0.5 and sides[2] > 0.5 and abs(sides[1]) < 0.01
    assert heights[1] > 2 * heights[0] and red[0] > 2 * red[1]


def test_every_hour_can_be_seen(run, body, render):
    bright = {}
    for hour in (0.0, 6.3, 12.0):
        run("stage", light="sky", hour=hour)
        shoot(run)
        bright[hour] = float(luma(render())[covered()].mean())
    assert min(bright.values()) > 0.06, bright
    assert bright[12.0] > 1.5 * bright[0.0], "night is as bright as day"


def test_the_hours_have_no_jump():
    hours = [skies.at(hour) for hour in np.arange(5.7, 18.3, 0.005)]
    light = np.array([[*each.haze, *each.zenith, *each.light, each.lamp, each.sky] for each in hours])
    assert np.abs(np.diff(light, axis=0)).max() < 0.05


def test_a_panorama_lights_in_its_colours_whatever_its_unit(run, body, render, panorama):
    found = []
    for unit in (1.0, 1000.0):
        run("stage", light="hdri", hdri=str(panorama(unit)))
        shoot(run)
        found.append(render()[..., :3])
    assert np.abs(found[0].mean(axis=(0, 1)) - found[1].mean(axis=(0, 1))).max() < 0.03
    assert 0.1 < luma(found[0])[covered()].mean() < 0.85
    turned = []
    for turn in (0.0, 180.0):
        run("stage", light="hdri", hdri=str(panorama()), turn=turn)
        shoot(run)
        turned.append(render()[covered()][:, 0].mean())
    assert abs(turned[0] - turned[1]) > 0.05, "the panorama does not turn"


def test_a_panorama_that_is_none_is_refused(run, body, tmp_path):
    (tmp_path / "no.hdr").write_bytes(b"#?RADIANCE\nnonsense")
    for given, says in (({}, "Choose a file"), ({"hdri": str(tmp_path / "no.hdr")}, "no.hdr")):
        with pytest.raises(UserError, match=says):
            run("stage", light="hdri", **given)


def test_a_panorama_is_taken_as_meant_or_it_is_said(run, body, panorama):
    assert not run("stage", hdri=str(panorama())).report.warnings
    assert bpy.context.scene.world.node_tree.nodes.get("Environment Texture")
    [told] = run("stage", light="studio", hdri=str(panorama())).report.warnings
    assert told == "The panorama is not used: the light is studio. Choose the light hdri for it."


@pytest.mark.parametrize("light", ["studio", "sky"])
def test_transparent_shows_the_body_and_its_shadow_alone(run, body, render, light):
    run("stage", light=light, background="transparent")
    shoot(run)
    alpha = render(samples=16)[..., 3]
    there = covered()
    assert alpha[there].mean() > 0.9
    assert alpha[:3].max() < 0.05, "something is behind the body"
    beside = alpha[~there]
    assert ((beside > 0.1) & (beside < 0.9)).sum() > 20, "there is no shadow"


@pytest.mark.parametrize("light", ["studio", "rim", "night", "cyclorama"])
def test_a_catcher_in_eevee_is_clear_but_for_the_shadow(run, body, render, light):
    run("stage", light=light, background="transparent")
    shoot(run)
    try:
        alpha = render("eevee", 4)[..., 3]
    except RuntimeError:
        pytest.skip("no OpenGL here")
    assert alpha[:3].max() < 0.1 and alpha[covered()].mean() > 0.9
    beside = alpha[~covered()]
    assert np.percentile(beside, 97) > 0.1 and np.median(beside) < 0.03


def test_no_floor_and_no_set(run, body, render):
    run("stage", floor="none", background="transparent")
    shoot(run)
    assert not any(obj.get("galatea_role") == "floor" for obj in bpy.context.scene.objects)
    alpha = render()[..., 3]
    assert alpha[-4:].max() < 0.05


def test_the_photo_stands_behind(run, body, render, tmp_path):
    from PIL import Image

    photo = np.zeros((48, 64, 3), np.uint8)
    photo[:, :32], photo[:, 32:] = (200, 40, 40), (40, 160, 60)
    Image.fromarray(photo).save(tmp_path / "photo.png")
    run("stage", {"image": tmp_path / "photo.png"}, background="photo")
    shoot(run)
    seen = render()
    assert np.abs(seen[2:8, 2:8, :3].mean(axis=(0, 1)) * 255 - (200, 40, 40)).max() < 30
    assert np.abs(seen[2:8, -8:-2, :3].mean(axis=(0, 1)) * 255 - (40, 160, 60)).max() < 30
    with pytest.raises(UserError, match="photo"):
        run("stage", background="photo")


LOOKS = ["clay", "wireframe", "toon", "xray"]


@pytest.mark.parametrize("look", LOOKS)
def test_a_look_changes_the_body_in_the_picture_and_not_the_backdrop(run, body, render, look):
    run("stage")
    shoot(run)
    plain = render()
    run("stage", look=look)
    shoot(run)
    drawn, there = render(), covered()
    assert np.abs(drawn - plain)[there][:, :3].mean() > 0.04
    colour = [float(np.ptp(each[there][:, :3], axis=1).mean()) for each in (plain, drawn)]
    if look in ("clay", "wireframe"):
        assert colour[1] < 0.5 * colour[0], "the colours are still there"
    if look == "toon":
        assert colour[1] > 0.6 * colour[0], "the colours are gone"
    if look != "xray":  # it wants the dark
        assert np.abs(drawn - plain)[:6, :, :3].mean() < 0.06, "the backdrop has changed"
    assert bpy.context.scene["galatea_look"] == look


@pytest.mark.parametrize("look", LOOKS)
def test_no_look_is_in_an_export_made_after(run, body, look):
    def exported() -> tuple[list, str]:
        data = run("export", format="glb").path("model").read_bytes()
        (length,) = struct.unpack_from("<I", data, 12)
        found = json.loads(data[20 : 20 + length])
        return found["materials"], hashlib.sha256(data[20 + length :]).hexdigest()

    before = exported()
    materials = [slot.material.name for slot in body().material_slots]
    run("stage", look=look)
    run("camera")
    assert exported() == before
    assert [slot.material.name for slot in body().material_slots] == materials
    assert not body().hide_render
    run("stage")
    assert bpy.context.view_layer.material_override is None and not bpy.context.scene.render.use_freestyle
    assert not [material for material in bpy.data.materials if material.get("galatea_role") == "look"]


@pytest.mark.parametrize("look", ["wireframe", "xray"])
def test_looks_with_wires_have_a_pass_of_them(run, body, look):
    run("stage", look=look)
    assert [aov.name for aov in bpy.context.view_layer.aovs] == ["wire"]
    run("stage", look=look)
    assert [aov.name for aov in bpy.context.view_layer.aovs] == ["wire"]
    run("stage")
    assert not len(bpy.context.view_layer.aovs)


def test_toon_knows_the_colours_of_several_materials(run, body, render):
    mesh = body().data
    for name, color in (("a", (0.9, 0.02, 0.02, 1)), ("b", (0.02, 0.02, 0.9, 1))):
        material = bpy.data.materials.new(name)
        if not material.node_tree:
            material.use_nodes = True
        shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
        shader.inputs["Base Color"].default_value = color
        if name == "a":
            mesh.materials[0] = material
        else:
            mesh.materials.append(material)
    heights = np.array([polygon.center.z for polygon in mesh.polygons])
    mesh.polygons.foreach_set("material_index", (heights > np.median(heights)).astype(np.int32))
    run("stage", look="toon")
    shoot(run)
    seen, there = render(), covered()
    rows = np.flatnonzero(there.any(axis=1))
    middle = (rows[0] + rows[-1]) // 2
    above, below = np.zeros_like(there), np.zeros_like(there)
    above[: middle - 6], below[middle + 6 :] = there[: middle - 6], there[middle + 6 :]
    assert seen[above][:, 2].mean() > 1.5 * seen[above][:, 0].mean(), "blue above"
    assert seen[below][:, 0].mean() > 1.5 * seen[below][:, 2].mean(), "red below"


def test_the_default_floor_is_under_the_body(run, body):
    done = run("stage")
    bpy.context.view_layer.update()
    floor = animation.rest_points(done.work.object("floor"))
    assert floor[:, 2].min() == pytest.approx(0.0, abs=1e-4)
    assert np.linalg.norm(floor[:, :2], axis=1).max() > 2.0
