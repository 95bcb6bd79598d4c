# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of studios and engines, each broken on purpose once, and what we write ourselves kept to all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy
import pytest

from galatea.addon.scene.lib.files import rules, usd
from galatea.backend.protocol.errors import UserError


@pytest.fixture
def box(tmp_path: Path) -> Any:
    """A textured box that breaks no rule."""
    bpy.ops.mesh.primitive_cube_add()
    obj = bpy.context.object
    obj.name = obj.data.name = "box"
    obj.data.uv_layers[0].name = "map1"
    paint = bpy.data.materials.new("paint")
    paint.use_nodes = True
    image = bpy.data.images.new("colour", 64, 64)
    image.filepath_raw, image.file_format = str(tmp_path / "colour.png"), "PNG"
    image.save()
    node = paint.node_tree.nodes.new("ShaderNodeTexImage")
    node.image = image
    paint.node_tree.links.new(node.outputs[0], paint.node_tree.nodes["Principled BSDF"].inputs[0])
    obj.data.materials.append(paint)
    return obj


def saved(tmp_path: Path, kind: str) -> Path:
    path = tmp_path / f"asset.{kind}"
    if kind == "blend":
        bpy.ops.wm.save_as_mainfile(filepath=str(path), relative_remap=False)
    elif kind == "glb":
        bpy.ops.export_scene.gltf(filepath=str(path))
    elif kind == "obj":
        bpy.ops.wm.obj_export(filepath=str(path), path_mode="ABSOLUTE")
    else:
        bpy.ops.wm.usd_export(filepath=str(path))
    return path


def broken(run: Any, path: Path, profile: str) -> dict[str, str]:
    """Rules that are not kept, and their state."""
    findings = run("validate", {"model": path}, profile=profile).metrics["findings"]
    assert all(each["fix"] for each in findings if each["state"] == "fail"), "each carries its fix"
    return {each["rule"]: each["state"] for each in findings if each["state"] != "ok"}


@pytest.mark.parametrize("profile", rules.PROFILES)
def test_a_good_asset_passes(run: Any, box: Any, tmp_path: Path, profile: str) -> None:
    bpy.data.images["colour"].filepath = "//colour.png"
    assert broken(run, saved(tmp_path, "blend"), profile) == {}
    assert broken(run, saved(tmp_path, "glb"), profile) == {}


def _rename(box: Any) -> None:
    box.name = "namespace:box"


def _mirror(box: Any) -> None:
    box.scale.x = -1


def _unwrapped(box: Any) -> None:
    box.data.uv_layers.remove(box.data.uv_layers[0])


def _uv_name(box: Any) -> None:
    box.data.uv_layers[0].name = "UVMap"


def _spaced(box: Any) -> None:
    box.data.materials[0].name = "red paint"


def _moving(box: Any) -> None:
    bpy.context.scene.frame_end = 100
    for frame in (1, 500):
        box.location.x = frame
        box.keyframe_insert("location", frame=frame)


def _large(box: Any) -> None:
    box.scale = (2000, 2000, 2000)


def _odd(box: Any) -> None:
    bpy.data.images["colour"].scale(60, 50)
    bpy.data.images["colour"].save()


def _lost(box: Any) -> None:
    Path(bpy.path.abspath(bpy.data.images["colour"].filepath)).unlink()


@pytest.mark.parametrize(
    ("breaks", "profile", "rule", "state"),
    [
        (_rename, "ayon", "colons", "fail"),
        (_mirror, "unity", "negative_scale", "fail"),
        (_unwrapped, "godot", "uv", "fail"),
        (_uv_name, "ayon", "uv_name", "fail"),
        (_spaced, "unreal", "names", "fail"),
        (_spaced, "ayon", "names", "warn"),
        (_moving, "ayon", "frames", "fail"),
        (_large, "ayon", "size", "warn"),
        (_odd, "unreal", "power_of_two", "fail"),
        (_odd, "godot", "power_of_two", "warn"),
        (_lost, "unity", "missing_textures", "fail"),
    ],
)
def test_each_rule_is_seen_broken(
    run: Any, box: Any, tmp_path: Path, breaks: Callable[[Any], None], profile: str, rule: str, state: str
) -> None:
    breaks(box)
    found = broken(run, saved(tmp_path, "blend"), profile)
    assert found.get(rule) == state, found


def test_a_map_of_another_name_comes_with_the_flag_that_names_it(run: Any, box: Any, tmp_path: Path) -> None:
    _uv_name(box)
    findings = run("validate", {"model": saved(tmp_path, "blend")}, profile="ayon").metrics["findings"]
    assert [each["fix"] for each in findings if each["rule"] == "uv_name"] == [
        "Name the first UV map map1: --set material.uv=map1."
    ]


def test_absolute_paths_are_seen_in_every_format(run: Any, box: Any, tmp_path: Path) -> None:
    assert broken(run, saved(tmp_path, "blend"), "ayon")["absolute_paths"] == "fail"
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "asset.blend"))
    assert broken(run, saved(tmp_path, "obj"), "unity")["absolute_paths"] == "fail"
    text = '{"asset": {"version": "2.0"}, "images": [{"uri": "/etc/passwd"}, {"uri": "ok.png"}]}'
    (tmp_path / "a.gltf").write_text(text)
    from galatea.addon.scene.lib.files.paths import absolute

    assert absolute(tmp_path / "a.gltf") == ["/etc/passwd"]
    (tmp_path / "cut.gltf").write_text(text[:40])
    assert absolute(tmp_path / "cut.gltf") == []


def test_the_root_of_a_usd(run: Any, box: Any, tmp_path: Path) -> None:
    if usd.library() is None:
        pytest.skip("this Blender has no USD library")
    path = saved(tmp_path, "usda")
    assert broken(run, path, "ayon")["usd_kind"] == "fail"
    told = ("metersPerUnit", "upAxis", "defaultPrim")
    bare = [line for line in path.read_text().splitlines() if not line.strip().startswith(told)]
    path.write_text("\n".join(bare))
    found = broken(run, path, "ayon")
    assert {"usd_root", "usd_unit", "usd_up"} <= {rule for rule, state in found.items() if state == "fail"}


def test_what_we_export_has_a_root_that_pipelines_take(run: Any, box: Any, tmp_path: Path) -> None:
    if usd.library() is None:
        pytest.skip("this Blender has no USD library")
    run("load", {"model": saved(tmp_path, "glb")})
    path = run("export", format="usdc").path("model")
    found = broken(run, path, "ayon")
    assert not [rule for rule in found if rule.startswith("usd")], found


def test_what_we_export_for_unreal_has_names_that_it_takes(run: Any, box: Any, tmp_path: Path) -> None:
    """A photo's name may have blanks, and the body has the photo's."""
    bpy.data.images["colour"].filepath = "//colour.png"
    _spaced(box)
    run("load", {"model": saved(tmp_path, "glb")})
    (body,) = (obj for obj in bpy.data.objects if obj.type == "MESH")
    body.name = body.data.name = "my owl (2) ö"
    names = sorted(obj.name for obj in bpy.data.objects)
    paths = {target: run("export", format="glb", target=target).path("model") for target in ("none", "unreal")}
    assert names == sorted(obj.name for obj in bpy.data.objects), "for a while"
    for each in (bpy.data.objects, bpy.data.materials):
        bpy.data.batch_remove(list(each))
    assert "names" not in broken(run, paths["unreal"], "unreal") and "names" in broken(run, paths["none"], "unreal")


def test_what_is_no_asset_is_told(run: Any, tmp_path: Path) -> None:
    for name, data in (("a.blend", b"no blend"), ("a.glb", b"glTF"), ("a.txt", b"")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UserError):
            run("validate", {"model": tmp_path / name}, profile="ayon")
