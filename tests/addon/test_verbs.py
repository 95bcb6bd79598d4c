# SPDX-License-Identifier: GPL-3.0-or-later
"""Every verb is found in the menu, and the file is as it was after it, or after one undo. What jobs bring into the file
is undone in the window: tests/window/scenarios/walk.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import pytest

from galatea.addon import bridge as bridges
from galatea.addon import cast, ops, props
from galatea.addon.ops import menu
from galatea.backend.protocol import scene
from galatea.backend.protocol.recipe import PRESETS

SETUP = {cls.bl_idname for cls in (*menu.environment.CLASSES, *menu.models.CLASSES)}
"""They change this installation, no file."""
VERBS = sorted(
    {cls.bl_idname for cls in ops.CLASSES if issubclass(cls, bpy.types.Operator) and "INTERNAL" not in cls.bl_options}
    - SETUP
)
INSIDE = ["galatea.choose_backend", "galatea.scene_edit"]
"""Verbs of panels alone that change the file."""

WANTING = (
    "imagine", "show", "open_film", "open_folder", "resume", "save_files", "again", "forget",
    "enlarge_film", "restyle_film",
)  # fmt: skip
"""They want another job, another recipe or a fuller environment than there is here."""

FOUND = ("doctor", "save_doctor", "backends_renew", "confidence", "preferences")
"""What is drawn elsewhere than in the tab, and yet is looked for by its name."""

BUTTON = ("env_install", "env_stop", "models_pull", "models_stop", "accept_terms")
"""What the main button may say."""


@pytest.fixture
def drawn_menus(addon: Any) -> list[str]:
    found: list[str] = []

    class Layout:
        def operator(self, name: str) -> None:
            found.append(name)

        def menu(self, name: str) -> None:
            getattr(bpy.types, name).draw(self_, bpy.context)

    self_ = type("Menu", (), {"layout": Layout()})()
    menu.GALATEA_MT_main.draw(self_, bpy.context)
    return found


def test_every_verb_is_in_the_menu_where_f3_looks(drawn_menus: list[str]) -> None:
    assert set(VERBS) | {f"galatea.{name}" for name in FOUND + BUTTON} <= set(drawn_menus) <= {*VERBS, *SETUP}
    assert menu.entry in bpy.types.VIEW3D_MT_object.draw._draw_funcs
    assert len(drawn_menus) == len(set(drawn_menus))


@pytest.mark.parametrize(("verb", "words"), [("texture", "texture bake unwrap"), ("render_scene", "render scene")])
def test_a_verb_is_found_by_what_is_typed(addon: Any, verb: str, words: str) -> None:
    """F3 searches names alone."""
    label = getattr(bpy.types, f"GALATEA_OT_{verb}").bl_label.lower()
    assert all(word in label for word in words.split())


def facts() -> dict[str, Any]:
    """What undo has to give back."""
    settings = props.settings(bpy.context)
    kinds = ("objects", "collections", "meshes", "images", "scenes", "texts", "actions", "armatures", "materials")
    names = {kind: sorted(getattr(bpy.data, kind).keys()) for kind in kinds}
    said = [getattr(settings, name) for name in ("recipe", "quality", "seed", "prompt", "backend", "parser")]
    chosen = [each and each.name for each in (settings.image, settings.mask)]
    maps = {mesh.name: sorted(mesh.attributes.keys()) for mesh in bpy.data.meshes}
    hidden = sorted(obj.name for obj in bpy.data.objects if obj.hide_get() or obj.hide_render)
    return {
        **names,
        "said": said,
        "chosen": chosen,
        "cast": cast.document(settings.cast),
        "maps": maps,
        "hidden": hidden,
    }


@pytest.fixture
def file(addon: Any, bridge: Any, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A file in which every verb can be called; orders are made and not waited for."""
    from galatea.addon import plan

    from .test_confidence import body

    addon.image, addon.prompt = bpy.data.images.load(str(photo)), "a ball"
    addon.mask = bpy.data.images.new("mask", 8, 8)
    addon.compare.relief = True
    cast.load(addon.cast, scene.validate({"objects": [{"name": "cup"}]}))
    bpy.ops.object.camera_add()
    bpy.context.scene.camera = bpy.context.object
    obj = body("one")
    bpy.ops.object.armature_add()
    rig = bpy.context.object
    obj.select_set(True)
    rig["galatea_role"] = "armature"
    obj.users_collection[0].objects.link(rig)
    bpy.context.view_layer.objects.active = obj
    monkeypatch.setattr(bridges.Bridge, "finish", bridges.Bridge.start)
    run = plan.generate(bpy.context)
    bridge.start(run, bpy.context)
    (tmp_path / "mine").mkdir()
    saved = str(tmp_path / "mine" / "scene.json")
    cast.write(addon.cast, Path(saved))
    walk = str(Path(__file__).parents[1] / "scene" / "fixtures" / "anny_walk.bvh")
    film = tmp_path / "film.mp4"
    film.write_bytes(b"film")
    example = str(next((PRESETS / "examples").glob("*.jpg")))
    return {
        "choose_image": {"filepath": example}, "choose_mask": {"filepath": example}, "example": {"filepath": example},
        "retarget": {"filepath": walk}, "enlarge_film": {"filepath": str(film)},
        "restyle_film": {"filepath": str(film)},
        "export_object": {"directory": str(tmp_path / "mine")}, "page": {"directory": str(tmp_path / "mine")},
        "scene_open": {"filepath": saved}, "scene_save": {"filepath": saved},
        "save_job_file": {"filepath": str(tmp_path / "job.json")}, "save_files": {"directory": str(tmp_path / "mine")},
        "choose_backend": {"backend": "relief"}, "confidence": {"run": "one"}, "scene_edit": {"verb": "add"},
    }  # fmt: skip


@pytest.mark.parametrize("verb", [*VERBS, *INSIDE])
def test_the_file_is_as_it_was_after_a_verb_or_its_undo(file: dict[str, Any], verb: str) -> None:
    name = verb.partition(".")[2]
    operator = getattr(bpy.ops.galatea, name)
    if not operator.poll():
        assert name in WANTING
        return
    bpy.ops.ed.undo_push(message="before")
    before = facts()
    undoes = "UNDO" in getattr(bpy.types, f"GALATEA_OT_{name}").bl_options
    assert operator("EXEC_DEFAULT", True, **file.get(name, {})) == {"FINISHED"}
    if undoes:
        assert facts() != before or name in ("edit_mask", "scene_open"), "there is something to undo"
        bpy.ops.ed.undo()
    assert facts() == before


def test_what_is_opened_outside_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blender is silent where the system has nothing that opens it."""
    from types import SimpleNamespace

    from galatea.addon.ops import base

    said: list[str] = []
    wm = SimpleNamespace(path_open=lambda filepath: said.append(filepath))
    monkeypatch.setattr(base, "bpy", SimpleNamespace(ops=SimpleNamespace(wm=wm)))
    operator: Any = SimpleNamespace(report=lambda kind, text: said.append(text))
    base.open_outside(operator, Path("/films/toad.mp4"))
    assert said == ["Opening /films/toad.mp4", "/films/toad.mp4"]
