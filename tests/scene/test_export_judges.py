# SPDX-License-Identifier: GPL-3.0-or-later
"""What others' validators say of the files: Khronos' of glTF, OpenUSD's of USD (see judges.py)."""

from __future__ import annotations

import pytest

from . import ell


@pytest.fixture
def thing(run):
    ell.make()
    return run("material").work.object("body")


def test_the_judge_finds_faults(gltf_judge, tmp_path):
    (tmp_path / "a.gltf").write_text('{"asset": {"version": "2.0"}, "scene": 3, "meshes": []}')
    (issues,) = gltf_judge(tmp_path / "a.gltf")
    assert issues["numErrors"] >= 2


def test_khronos_finds_no_error(run, thing, gltf_judge):
    paths = [run("export", **options).path("model") for options in (
        {"format": "glb"}, {"format": "gltf"}, {"format": "glb", "target": "unreal", "size": 0.3, "pivot": "mass"},
    )]  # fmt: skip
    for path, issues in zip(paths, gltf_judge(*paths), strict=True):
        assert issues["numErrors"] == 0, (path, issues["messages"])
        # tangents are left to MikkTSpace, which the bake used: written ones are errors where a triangle has no area
        warned = {message["code"] for message in issues["messages"] if message["severity"] == 1}
        assert warned <= {"MESH_PRIMITIVE_GENERATED_TANGENT_SPACE"}, (path, issues["messages"])


def test_khronos_finds_no_error_in_what_moves(run, thing, gltf_judge):
    run("skeleton", kind="soft", bones=3)
    run("bind")
    run("move", seconds=0.5)
    path = run("export", format="glb", size=2.0, target="unreal").path("model")
    assert b'"skins"' in path.read_bytes() and b'"animations"' in path.read_bytes()
    (issues,) = gltf_judge(path)
    assert issues["numErrors"] == 0, issues["messages"]


def test_openusd_finds_nothing_to_complain_of(run, thing, usd_judge):
    paths = [run("export", format=format).path("model") for format in ("usda", "usdc", "usd", "usdz")]
    for path, told in zip(paths, usd_judge(*paths), strict=True):
        assert told["complaints"] == [], path
        assert (told["root"], told["roots"], told["component"], told["name"]) == ("/Ell", 1, True, "Ell")
        assert (told["up"], told["metres"]) == ("Y", 1.0)
        assert told["bound"].endswith("/Ell")
        assert told["fed"] == ["diffuseColor", "metallic", "normal", "occlusion", "roughness"]
        assert told["custom"]["producer"] == "Galatea"
        low, high = told["box"]
        assert low == pytest.approx([-0.6, 0, -0.35], abs=1e-5) and high == pytest.approx([0.6, 1, 0.35], abs=1e-5)


def test_that_judge_finds_faults_too(run, thing, usd_judge):
    path = run("export", format="usdc").path("model")
    path.with_name("mesh_normal.png").unlink()
    (told,) = usd_judge(path)
    assert any("mesh_normal.png" in text for text in told["complaints"])


@pytest.mark.parametrize(("target", "up"), [("unreal", "Z"), ("blender", "Z"), ("unity", "Y")])
def test_usd_says_which_way_is_up(run, thing, usd_judge, target, up):
    (told,) = usd_judge(run("export", format="usdc", target=target).path("model"))
    assert told["complaints"] == [] and told["up"] == up and told["metres"] == 1.0
    low, high = told["box"]
    assert high["XYZ".index(up)] == pytest.approx(1.0, abs=1e-5) and low["XYZ".index(up)] == pytest.approx(0, abs=1e-6)


def test_a_name_that_is_no_identifier_makes_a_root_all_the_same(run, thing, usd_judge):
    thing.name = "7 rote Äpfel: neu"
    (told,) = usd_judge(run("export", format="usdz").path("model"))
    assert told["complaints"] == [] and told["root"].isascii() and told["name"] == "7 rote Äpfel: neu"
