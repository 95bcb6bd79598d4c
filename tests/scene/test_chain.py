# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps one after another as jobs, each from the saved scene of the one before."""

from __future__ import annotations

from pathlib import Path

import bpy
import pytest
import trimesh

from galatea.addon.scene import host
from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.job import JobState, Request
from galatea.backend.worker.execute import execute

STEPS = (
    ("bring", {"name": "Owl"}),
    ("clean", {"faces": 1000}),
    ("unwrap", {"size": 256, "method": "smart"}),
    ("bake", {"size": 256}),
    ("material", {}),
    ("export", {"format": "glb"}),
)


def _walk(store, files, *, forget):
    """Run the steps; with `forget` each opens its file as a fresh Blender would."""
    results = []
    for step, params in STEPS:
        spec = host.load(step).spec
        given = {role: files[role] for role in spec.inputs + spec.optional if role in files}
        request = Request.of(spec, given, params)
        store.add(request)
        if forget:
            bpy.ops.wm.read_factory_settings(use_empty=True)
            host._open = ""
        result = execute(store, request.id, host.load, lambda event: None)
        assert result.state is JobState.DONE, result.failure
        files.update(store.files(result))
        results.append(result)
    return results


def test_every_step_goes_on_from_the_saved_file(store, figure):
    files = {"mesh": figure.mesh, "albedo": figure.albedo}
    *_, material, export = _walk(store, files, forget=True)
    assert len(material.metrics["textures"]) == 3
    mesh = next(iter(trimesh.load_scene(files["model"], process=False).geometry.values()))
    assert len(mesh.faces) == 1000
    assert mesh.visual.material.name == "Owl"
    assert export.metrics["bytes"] == files["model"].stat().st_size
    assert {"base_color", "normal", "roughness", "scene", "model"} <= set(files)


def test_no_picture_of_another_scene_goes_into_the_file_or_the_home_folder(store, figure, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    bpy.context.preferences.filepaths.file_preview_type = "AUTO"
    _walk(store, {"mesh": figure.mesh, "albedo": figure.albedo}, forget=False)
    assert bpy.context.preferences.filepaths.file_preview_type == "NONE"
    assert not list((tmp_path / "cache").rglob("*.png")), "Blender 5.2 puts one there for each file"


def test_a_warm_process_makes_the_same_thing(store, figure):
    files = {"mesh": figure.mesh, "albedo": figure.albedo}
    _walk(store, files, forget=False)
    mesh = next(iter(trimesh.load_scene(files["model"], process=False).geometry.values()))
    assert len(mesh.faces) == 1000
    assert mesh.visual.material.baseColorTexture.size == (256, 256)


def test_a_step_that_was_given_no_scene_says_so(make_work):
    """As one of the user's own is that forgot to name it in its inputs."""
    with pytest.raises(UserError, match="no body: this step was given no scene"):
        make_work()[0].object("body")
    with pytest.raises(UserError, match="The scene has no body"):
        make_work({"scene": Path("scene.blend")})[0].object("body")
