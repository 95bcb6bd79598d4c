# SPDX-License-Identifier: GPL-3.0-or-later
"""The asset: read back from its file as Blender's Asset Browser reads it, in a library that is never damaged."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import bpy
import numpy as np
import pytest
from PIL import Image

from galatea.addon.scene.lib.files import library
from galatea.backend.protocol.errors import UserError

QUICK = {"size": 64, "samples": 1}


@pytest.fixture
def body(run, make_figure):
    figure = make_figure(24, 32, texture=64)
    return run("bring", {"mesh": figure.mesh, "albedo": figure.albedo}, name="Owl").work


def linked(path):
    """What Blender finds in the file when it looks for assets only, linked into an empty one."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with bpy.data.libraries.load(str(path), link=True, assets_only=True) as (found, wanted):
        wanted.objects, wanted.collections = found.objects, found.collections
    return [*wanted.objects, *wanted.collections]


def test_a_single_object_is_read_back_with_all_that_was_said(run, body):
    words = {"author": "A. Person\n", "license": "CC0-1.0", "description": "An  owl.", "tags": "bird, owl ,bird,"}
    done = run("asset", catalogue=" Props / Animals/", **words, **QUICK)
    path, picture = done.path("asset"), np.asarray(Image.open(done.path("preview")))
    (found,) = linked(path)
    assert isinstance(found, bpy.types.Object) and found.name == "Owl" and found["galatea_role"] == "body"
    about = found.asset_data
    assert (about.author, about.license, about.description) == ("A. Person", "CC0-1.0", "An owl.")
    assert [tag.name for tag in about.tags] == ["bird", "owl"]
    assert about.catalog_id == library.known("Props/Animals")
    assert not any("source" in each.name for each in bpy.data.objects), "the full mesh stays at home"
    shown = found.preview
    assert tuple(shown.image_size) == (64, 64)
    pixels = np.array(shown.image_pixels_float).reshape(64, 64, 4)[::-1]
    assert np.allclose(pixels, picture / 255, atol=2 / 255)


def test_the_preview_shows_the_body_on_nothing(run, body):
    before = [len(data) for data in (bpy.data.scenes, bpy.data.cameras, bpy.data.lights, bpy.data.worlds)]
    picture = np.asarray(Image.open(run("asset", **QUICK).path("preview"))).astype(int)
    alpha = picture[..., 3] > 128
    assert 0.1 < alpha.mean() < 0.8
    rows, columns = np.flatnonzero(alpha.any(axis=1)), np.flatnonzero(alpha.any(axis=0))
    assert max(np.ptp(rows), np.ptp(columns)) > 50, "it fills the picture"
    assert min(rows.min(), columns.min()) > 0 and max(rows.max(), columns.max()) < 63, "and is whole"
    assert picture[alpha][:, :3].std(axis=0).max() > 10, "in its colours"
    assert [len(data) for data in (bpy.data.scenes, bpy.data.cameras, bpy.data.lights, bpy.data.worlds)] == before


def test_levels_and_hulls_come_as_one_collection(run, body):
    run("lod", levels=3)
    run("collide", hulls=2)
    run("stage")
    run("camera", seconds=0.25)
    body.collection.name, body.object("body").location.x = "Owl.001", 2.0
    done = run("asset", **QUICK)
    assert "2 coarser levels, 2 collision hulls" in done.metrics["description"]
    roles = sorted(obj["galatea_role"] for obj in done.work.collection.objects)
    assert "source" in roles and "camera" in roles, "the scene keeps what is no part of the asset"
    (found,) = linked(done.path("asset"))
    assert isinstance(found, bpy.types.Collection) and found.name == "Owl", "as it is called, not how often it was made"
    assert found.instance_offset[:] == (2, 0, 0), "it is dropped where the mouse is, not beside it"
    roles = [obj["galatea_role"] for obj in found.objects]
    assert sorted(roles) == ["body", "collision", "collision", "lod", "lod"]
    seen = [obj["galatea_role"] for obj in found.objects if not obj.hide_render and not obj.hide_viewport]
    assert seen == ["body"]


def test_once_more_says_only_the_new(run, body):
    run("asset", tags="old", author="Old", **QUICK)
    run("lod", levels=2)
    done = run("asset", tags="new", **QUICK)
    assert not done.work.object("body").asset_data
    about = done.work.collection.asset_data
    assert [tag.name for tag in about.tags] == ["new"] and about.author == ""


def test_a_library_gets_a_file_and_a_catalogue_and_loses_none(run, body, tmp_path):
    (tmp_path / "Owl.blend").write_bytes(b"the user's own owl")
    old = "# mine\nVERSION 1\n\n11111111-2222-3333-4444-555555555555:Rocks:Rocks\nnonsense"
    (tmp_path / library.CATALOGUES).write_bytes(old.encode() + b" \xff")
    first = run("asset", library=str(tmp_path), catalogue="Props/Animals", **QUICK)
    second = run("asset", library=str(tmp_path), catalogue="Props/Animals", **QUICK)
    assert first.metrics["library"] == str(tmp_path / "Owl 2.blend")
    assert second.metrics["library"] == str(tmp_path / "Owl 3.blend")
    assert (tmp_path / "Owl.blend").read_bytes() == b"the user's own owl"
    assert (tmp_path / "Owl 2.blend").read_bytes() == first.path("asset").read_bytes()
    text = (tmp_path / library.CATALOGUES).read_bytes()
    line = f"{library.known('Props/Animals')}:Props/Animals:Props-Animals\n".encode()
    assert text == old.encode() + b" \xff\n" + line, "one line more, once"
    assert not list(tmp_path.glob("*.part")) + list(tmp_path.glob(".*")), "nothing half is left"
    assert [found.name for found in linked(tmp_path / "Owl 2.blend")] == ["Owl"]


def test_the_catalogue_of_the_library_is_used(run, body, tmp_path):
    mine = "11111111-2222-3333-4444-555555555555"
    (tmp_path / library.CATALOGUES).write_text(f"VERSION 1\n{mine}:Galatea:G\n")
    done = run("asset", library=str(tmp_path), **QUICK)
    assert (tmp_path / library.CATALOGUES).read_text() == f"VERSION 1\n{mine}:Galatea:G\n"
    assert done.work.object("body").asset_data.catalog_id == mine


def test_a_catalogue_that_the_user_moved_is_followed(tmp_path):
    assert library.enter(tmp_path, "Galatea") == library.known("Galatea")
    file = tmp_path / library.CATALOGUES
    file.write_text(file.read_text().replace(":Galatea:Galatea", ":Mine/Generated:Generated"))
    assert library.enter(tmp_path, "Galatea") == library.known("Galatea")
    assert file.read_text().count(library.known("Galatea")) == 1


def test_many_writers_at_once_lose_nothing(tmp_path):
    blend = tmp_path / "from"
    blend.write_bytes(os.urandom(100000))
    root = tmp_path / "library"
    root.mkdir()

    def write(number: int) -> None:
        library.enter(root, f"Catalogue {number}")
        library.add(root, blend, "Owl")

    writers = [threading.Thread(target=write, args=(number,)) for number in range(12)]
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    assert {path.read_bytes() for path in root.glob("*.blend")} == {blend.read_bytes()}
    assert len(list(root.glob("*.blend"))) == 12 and len(list(root.iterdir())) == 13
    assert all(f":Catalogue {n}:" in (root / library.CATALOGUES).read_text() for n in range(12))


def test_what_a_dead_writer_left_is_taken_over(tmp_path, monkeypatch):
    monkeypatch.setattr(library, "_PATIENCE", 0.1)
    (tmp_path / f"{library.CATALOGUES}.part").write_text("half a li")
    library.enter(tmp_path, "Props")
    assert (tmp_path / library.CATALOGUES).read_text().startswith("# This is an Asset Catalog Definition file")
    assert [path.name for path in tmp_path.iterdir()] == [library.CATALOGUES]


@pytest.mark.parametrize("folder", ["/no/such/folder", "relative", "presets"])
def test_a_library_that_is_none_says_so(run, body, folder):
    with pytest.raises(UserError, match="no folder") as caught:
        run("asset", library=folder, **QUICK)
    assert caught.value.kind == "usage"


@pytest.mark.parametrize("path", ["a:b", "a\nb", "x" * 300])
def test_a_catalogue_that_is_none_says_so(run, body, path):
    with pytest.raises(UserError, match="colon") as caught:
        run("asset", catalogue=path, **QUICK)
    assert caught.value.kind == "usage"


def test_a_list_of_catalogues_that_is_none_is_left_alone(tmp_path):
    (tmp_path / library.CATALOGUES).write_bytes(b"\x89PNG\0\0")
    with pytest.raises(UserError, match="no list of catalogues"):
        library.enter(tmp_path, "Props")
    assert [path.name for path in tmp_path.iterdir()] == [library.CATALOGUES]
    assert (tmp_path / library.CATALOGUES).read_bytes() == b"\x89PNG\0\0"


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "etc_passwd"),
        ("con", "_con"),
        ("...", "Galatea"),
        ("Eule groß", "Eule groß"),
        ("a:b?", "a_b"),
    ],
)
def test_a_file_is_never_written_beside_the_library(tmp_path, name, safe):
    blend = tmp_path / "from"
    blend.write_bytes(b"data")
    root = tmp_path / "library"
    root.mkdir()
    assert library.add(root, blend, name) == root / f"{safe}.blend"
    assert len(list(root.iterdir())) == 1


def test_another_blender_sees_the_asset(run, body, tmp_path):
    """A process of its own reads the library's file."""
    done = run("asset", library=str(tmp_path), **QUICK)
    code = (
        "import bpy, sys\n"
        "with bpy.data.libraries.load(sys.argv[1], link=False, assets_only=True) as (a, b): b.objects = a.objects\n"
        "o = b.objects[0]; print('SEEN', o.name, o.asset_data.catalog_id, o.active_material.name)"
    )
    seen = subprocess.run(
        [sys.executable, "-c", code, done.metrics["library"]], capture_output=True, text=True, check=True
    ).stdout
    assert f"SEEN Owl {library.known('Galatea')} Owl" in seen
