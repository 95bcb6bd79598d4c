# SPDX-License-Identifier: GPL-3.0-or-later
"""What an asset says of its origin is true, complete and private; `galatea verify` sees when the file is another."""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest

from galatea.backend.backends import cutout, lift
from galatea.backend.cli import main
from galatea.backend.protocol import gltf, sealed
from galatea.backend.protocol.job import sha256
from galatea.backend.version import VERSION

from .processes import galatea

pytest.importorskip("bpy")
ROOT = Path(__file__).resolve().parents[2]
PHOTO = ROOT / "presets" / "examples" / "toad.jpg"
SMALL = ("lift.grid=64", "clean.faces=1500", "unwrap.size=256", "unwrap.method=smart", "bake.size=256")


def run(home: Path, *words: object) -> subprocess.CompletedProcess[str]:
    return galatea(*words, env={**os.environ, "GALATEA_HOME": str(home)})


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def made(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a real run from a photo whose name is nobody's business."""
    out = tmp_path_factory.mktemp("out")
    photo = tmp_path_factory.mktemp("private") / "my secret friend.jpg"
    shutil.copy(PHOTO, photo)
    settings = [word for setting in SMALL for word in ("--set", setting)]
    done = run(home, "run", "photo_to_mesh", "--image", photo, "--out", out, "--seed", 7, *settings)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    for name in ("mesh.glb", "mesh.glb.galatea.json"):
        shutil.copy(made / name, tmp_path)
    return tmp_path


def told(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data


def test_the_sidecar_tells_the_whole_way(made: Path) -> None:
    data = told(made / "mesh.glb.galatea.json")
    assert (data["producer"], data["version"], data["backend"], data["seed"]) == ("Galatea", VERSION, "lift", 0)
    assert {step["seed"] for step in data["recipe"]} == {0}, "no step here heeds the 7 that was given"
    assert data["digitalSourceType"] == "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    steps = [step["step"] for step in data["recipe"]]
    assert steps == ["cutout", "lift", "bring", "clean", "unwrap", "bake", "material", "export"]
    by = {step["step"]: step for step in data["recipe"]}
    assert by["clean"]["params"]["faces"] == 1500 and by["lift"]["params"]["grid"] == 64
    assert by["export"]["params"]["format"] == "glb" and by["bring"]["versions"]["bpy"]
    weights = {each["step"]: each for each in data["weights"]}
    assert weights["cutout"]["files"] == {"u2netp.onnx": cutout.WEIGHTS_SHA256}
    assert weights["lift"]["files"] == lift.hashes() and "GPL-3.0" in weights["lift"]["license"]
    assert data["inputs"] == [{"role": "image", "sha256": sha256(PHOTO)}]
    assert by["bring"]["inputs"]["mesh"]["job"] == by["lift"]["job"], "who made what stands there too"
    assert data["asset"]["sha256"] == sha256(made / "mesh.glb")


def test_the_file_itself_tells_the_same(made: Path) -> None:
    inside = gltf.read(made / "mesh.glb")["asset"]["extras"]["galatea"]
    outside = told(made / "mesh.glb.galatea.json")
    del inside["content"], outside["asset"]
    assert inside == outside


def test_nothing_private_is_in_it(made: Path, home: Path) -> None:
    for path in (made / "mesh.glb.galatea.json", made / "mesh.glb"):
        data = path.read_bytes() if path.suffix == ".json" else json.dumps(gltf.read(path)["asset"]).encode()
        for word in (b"secret", b"friend", str(home).encode(), str(ROOT).encode(), b"/tmp/"):
            assert word not in data, word


def test_words_come_in_where_the_user_agrees(made: Path, home: Path, tmp_path: Path) -> None:
    settings = [word for setting in (*SMALL, "export.prompt=true") for word in ("--set", setting)]
    photo = next(Path(json.loads(p.read_text())["inputs"]["image"]) for p in home.glob("jobs/cutout-*/request.json"))
    done = run(home, "run", "photo_to_mesh", "--image", photo, "--out", tmp_path, "--seed", 7, *settings)
    assert done.returncode == 0, done.stderr
    assert told(tmp_path / "mesh.glb.galatea.json")["prompt"] == {"bring.name": "my secret friend"}
    cached = [stage["cached"] for stage in told(tmp_path / "result.json")["stages"]]
    assert cached == [True] * 7 + [False], "asking for more in the file makes no step run again but the last"


def test_the_blend_carries_it_into_another_file_and_out_again(made: Path, tmp_path: Path) -> None:
    """As the window does: the object is appended to the artist's file, saved from there, and exported elsewhere."""
    import bpy

    with bpy.data.libraries.load(str(made / "scene.blend")) as (source, target):
        target.objects = [name for name in source.objects if "source" not in name]
    body = next(obj for obj in target.objects if obj.get("galatea_role") == "body")
    scene = bpy.data.scenes.new("Mine")
    scene.collection.objects.link(body)
    bpy.data.libraries.write(str(tmp_path / "mine.blend"), {scene}, compress=True)
    (tmp_path / "r.toml").write_text('version = 1\nname = "E"\ninputs = ["scene"]\n[[step]]\ndo = "export"\n')
    words = ("--scene", tmp_path / "mine.blend", "--out", tmp_path / "out", "--set", "export.format=stl")
    done = run(tmp_path / "another home", "run", tmp_path / "r.toml", *words)
    assert done.returncode == 0, done.stderr
    data = told(tmp_path / "out" / "mesh.stl.galatea.json")
    assert [step["step"] for step in data["recipe"]][:2] == ["cutout", "lift"] and data["backend"] == "lift"
    assert {"role": "scene", "sha256": sha256(tmp_path / "mine.blend")} in data["inputs"]
    assert run(tmp_path, "verify", tmp_path / "out" / "mesh.stl").returncode == 0


def test_an_asset_that_comes_back_keeps_its_past(made: Path, home: Path, tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text(
        'version = 1\nname = "E"\ninputs = ["model"]\n[[step]]\ndo = "load"\n[[step]]\ndo = "export"\nformat = "obj"\n'
    )
    done = run(home, "run", tmp_path / "r.toml", "--mesh", made / "mesh.glb", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    data = told(tmp_path / "out" / "mesh.obj.galatea.json")
    steps = [step["step"] for step in data["recipe"]]
    assert steps[:2] == ["cutout", "lift"] and steps[-2:] == ["load", "export"]
    assert data["digitalSourceType"].endswith("/trainedAlgorithmicMedia")
    assert run(home, "verify", tmp_path / "out" / "mesh.obj").returncode == 0
    (tmp_path / "out" / "mesh.mtl").write_text("newmtl other\n")
    done = run(home, "verify", tmp_path / "out" / "mesh.obj")
    assert done.returncode == 3 and "mesh.mtl, which belongs to mesh.obj, was changed" in done.stderr
    (tmp_path / "out" / "mesh.mtl").unlink()
    assert "mesh.mtl that belongs to mesh.obj is missing" in run(home, "verify", tmp_path / "out" / "mesh.obj").stderr


KEYS = (
    "producer",
    "version",
    "digitalSourceType",
    "backend",
    "license",
    "seed",
    "weights",
    "inputs",
    "recipe",
    "prompt",
)
FORMATS = ("glb", "gltf", "fbx", "obj", "usdz", "usdc", "abc", "stl", "ply")


@pytest.fixture(scope="module")
def exported(made: Path, home: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The asset in every format, with its words, and as an entry of the Asset Browser."""
    folder = tmp_path_factory.mktemp("formats")
    steps = "".join(f'[[step]]\ndo = "export"\nformat = "{each}"\nprompt = true\n' for each in FORMATS)
    recipe = f'version = 1\nname = "E"\ninputs = ["scene"]\n{steps}[[step]]\ndo = "asset"\nsamples = 1\nsize = 64\n'
    (folder / "r.toml").write_text(recipe)
    scene = next(p for p in home.glob("jobs/material-*/out-*/scene.blend"))
    done = run(home, "run", folder / "r.toml", "--scene", scene, "--out", folder / "out")
    assert done.returncode == 0, done.stderr
    sidecars = [
        p for p in home.glob("jobs/export-*/out-*/mesh.*.galatea.json") if "prompt" in json.loads(p.read_text())
    ]
    found = {p.suffixes[0][1:]: p.with_name(p.name.removesuffix(".galatea.json")) for p in sidecars}
    return {**found, "blend": folder / "out" / "asset.blend"}


@pytest.mark.parametrize("format", [*FORMATS, "blend"])
def test_every_format_tells_all_of_it(
    exported: dict[str, Path], format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = exported[format]
    assert main(["verify", str(path)]) == 0
    said = capsys.readouterr().out
    data = sealed.told(path)
    assert data is not None
    for key in KEYS[: 9 if format == "blend" else 10]:
        assert data[key] or (key, data[key]) == ("seed", 0), key
    assert all(len(digest) == 64 for each in data["weights"] for digest in each["files"].values())
    assert all(each["license"] for each in data["weights"]) and len(data["weights"]) == 2
    for word in (VERSION, "trainedAlgorithmicMedia", "lift", sha256(PHOTO), "seed 0", *lift.hashes().values()):
        assert word in said
    path.write_bytes(path.read_bytes() + b"\0")
    assert main(["verify", str(path)]) == 3, "and sees a change"


def test_usd_and_blend_say_it_inside_too(exported: dict[str, Path]) -> None:
    import bpy

    from galatea.addon.scene.lib.files import usd

    with bpy.data.libraries.load(str(exported["blend"]), assets_only=False) as (source, target):
        target.objects = source.objects
    body = next(obj for obj in target.objects if obj.get("galatea_role") == "body")
    found = [json.loads(body["galatea_provenance"])]
    if usd.library() is not None:
        from pxr import Usd

        for format in ("usdc", "usdz"):
            stage = Usd.Stage.Open(str(exported[format]))
            custom = stage.GetDefaultPrim().GetCustomDataByKey("galatea")
            assert custom["producer"] == "Galatea" and custom["seed"] == 0 and custom["backend"] == "lift"
            found.append(json.loads(custom["provenance"]))
    for data in found:
        assert all(data[key] or (key, data[key]) == ("seed", 0) for key in KEYS[:9])


def test_somebody_elses_mesh_is_not_called_generated(home: Path, tmp_path: Path) -> None:
    (tmp_path / "a.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 3 2\nf 1 2 4\nf 2 3 4\nf 1 4 3\n")
    (tmp_path / "r.toml").write_text(
        'version = 1\nname = "E"\ninputs = ["model"]\n[[step]]\ndo = "load"\n[[step]]\ndo = "export"\n'
    )
    done = run(home, "run", tmp_path / "r.toml", "--mesh", tmp_path / "a.obj", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    data = told(tmp_path / "out" / "mesh.glb.galatea.json")
    assert data["digitalSourceType"] == "" and data["backend"] == "" and data["weights"] == []
    assert "Galatea worked on a mesh that it was given" in run(home, "verify", tmp_path / "out" / "mesh.glb").stdout


@pytest.mark.parametrize("left", ["both", "sidecar", "embedded"])
def test_verify_takes_what_is_genuine(folder: Path, left: str, capsys: pytest.CaptureFixture[str]) -> None:
    asset = folder / "mesh.glb"
    if left == "embedded":
        (folder / "mesh.glb.galatea.json").unlink()
    if left == "sidecar":
        asset = folder / "mesh.glb.galatea.json"
    assert main(["verify", str(asset)]) == 0
    text = capsys.readouterr().out
    for word in ("as Galatea wrote it", "trainedAlgorithmicMedia", "lift", cutout.WEIGHTS_SHA256, sha256(PHOTO)):
        assert word in text


@pytest.mark.parametrize("left", ["both", "embedded"])
def test_one_changed_byte_is_seen(folder: Path, left: str, capsys: pytest.CaptureFixture[str]) -> None:
    asset = folder / "mesh.glb"
    if left == "embedded":
        (folder / "mesh.glb.galatea.json").unlink()
    data = bytearray(asset.read_bytes())
    data[-100] ^= 1
    asset.write_bytes(data)
    assert main(["verify", str(asset)]) == 3
    error = capsys.readouterr().err
    assert "mesh.glb was changed after Galatea wrote it" in error and "Export it again" in error


def test_a_changed_claim_inside_is_seen(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "mesh.glb.galatea.json").unlink()
    data = gltf.read(folder / "mesh.glb")
    data["asset"]["extras"]["galatea"]["digitalSourceType"] = "digitalCreation"
    gltf.write(folder / "mesh.glb", data)
    assert main(["verify", str(folder / "mesh.glb")]) == 3
    del data["asset"]["extras"]
    gltf.write(folder / "mesh.glb", data)
    assert main(["verify", str(folder / "mesh.glb")]) == 3
    assert "says nothing of where it comes from" in capsys.readouterr().err


def test_a_renamed_asset_finds_its_sidecar(folder: Path) -> None:
    (folder / "mesh.glb").rename(folder / "Toad.GLB")
    assert main(["verify", str(folder / "Toad.GLB")]) == 0
    (folder / "mesh.glb.galatea.json").rename(folder / "mesh.glb.galatea-2.json")
    assert main(["verify", str(folder / "Toad.GLB")]) == 0


def test_json_for_scripts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(folder / "mesh.glb"), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["genuine"] is True and data["faults"] == [] and data["backend"] == "lift"


HUGE = b"glTF" + struct.pack("<II", 2, 4000) + struct.pack("<I", 0xFFFFFFF0) + b"JSON{}"
HOSTILE = [
    ("a.glb", HUGE),
    ("a.glb", b"glTF\x02"),
    ("a.glb", b""),
    ("a.gltf", b"[" * 100000),
    ("a.gltf", b'{"asset": []}'),
    ("a.gltf", b'{"asset": {"extras": {"galatea": {"content": "sha256:", "recipe": [3], "weights": "x"}}}}'),
    ("a.stl", b"solid"),
    ("a.blend", b"BLENDER"),
]


@pytest.mark.parametrize(("name", "content"), HOSTILE)
def test_what_is_no_asset_of_ours_is_said(
    tmp_path: Path, name: str, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_bytes(content)
    assert main(["verify", str(tmp_path / name)]) == 3
    error = capsys.readouterr().err
    assert re.search("Choose another|Put its|custom property|Export it again", error) and "Traceback" not in error


@pytest.mark.parametrize(
    "sidecar",
    [b"{", b"[]", b'{"asset": {"sha256": 3}, "files": [{"file": "../../etc/passwd", "sha256": "x"}, 7]}', b'"' * 70000],
)
def test_a_hostile_sidecar_is_said(tmp_path: Path, sidecar: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.stl").write_bytes(b"solid")
    (tmp_path / "a.stl.galatea.json").write_bytes(sidecar)
    assert main(["verify", str(tmp_path / "a.stl")]) == 3
    assert main(["verify", str(tmp_path / "a.stl.galatea.json")]) == 3
    assert "Traceback" not in capsys.readouterr().err


def test_a_strangers_text_moves_no_cursor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.stl").write_bytes(b"solid")
    sealed.seal(tmp_path / "a.stl", {"producer": "x\x1b[2J\n", "recipe": [{"step": "a\x1b", "job": "b", "seed": 0}]})
    assert main(["verify", str(tmp_path / "a.stl")]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_no_file_and_a_lonely_sidecar(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(tmp_path / "none.glb")]) == 3
    (tmp_path / "gone.glb.galatea.json").write_text('{"asset": {"file": "../gone.glb"}}')
    assert main(["verify", str(tmp_path / "gone.glb.galatea.json")]) == 3
    assert "is not beside it" in capsys.readouterr().err


def test_a_folder_is_said_to_be_one(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(tmp_path)]) == 3
    assert f"{tmp_path} is a folder. Choose a file." in capsys.readouterr().err
