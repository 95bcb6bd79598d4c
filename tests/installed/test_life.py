# SPDX-License-Identifier: GPL-3.0-or-later
"""Install, enable, disable, install again: nothing heavy is loaded, nothing stays behind. A photo becomes a mesh with
nothing but what the zip brought: no network, no torch, Blender's own Python."""

from __future__ import annotations

import json
from pathlib import Path

from .conftest import MODULE, ROOT, Host

PHOTO = ROOT / "presets" / "examples" / "toad.jpg"
LOOK = f"""
import sys, threading
def ours():
    module = lambda name: getattr(getattr(bpy.types, name), "__module__", "")
    return sorted(name for name in dir(bpy.types) if module(name).startswith("{MODULE}"))
def state():
    handlers = {{
        name: [str(item) for item in getattr(bpy.app.handlers, name) if "galatea" in getattr(item, "__module__", "")]
        for name in dir(bpy.app.handlers) if isinstance(getattr(bpy.app.handlers, name), list)
    }}
    return {{
        "classes": ours(),
        "properties": {{
            name: sorted(getattr(bpy.types, name).bl_rna.properties.keys())
            for name in ("Scene", "WindowManager", "Object", "Collection", "Material", "World")
        }},
        "handlers": {{name: items for name, items in handlers.items() if items}},
        "menus": sorted(
            f"{{name}}: {{draw}}" for name in dir(bpy.types) for draw in
            getattr(getattr(getattr(bpy.types, name), "draw", None), "_draw_funcs", ())
            if "galatea" in getattr(draw, "__module__", "")
        ),
        "threads": [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()],
        "timers": sum(bpy.app.timers.is_registered(call) for call in timers),
    }}
timers = []
register_timer = bpy.app.timers.register
def remember(call, *args, **options):
    timers.append(call)
    return register_timer(call, *args, **options)
bpy.app.timers.register = remember
"""


def test_it_is_enabled_and_loaded_nothing_heavy(host: Host) -> None:
    found = host.inside(
        LOOK
        + f"""
heavy = [name for name in ("torch", "onnxruntime", "PIL", "xatlas", "transformers") if name in sys.modules]
result = {{
    "enabled": "{MODULE}" in bpy.context.preferences.addons.keys(), "heavy": heavy, "classes": ours(),
    "threads": state()["threads"],
}}
"""
    )
    assert found["enabled"]
    assert found["heavy"] == []
    assert any("_OT_" in name for name in found["classes"])
    assert any("_PT_" in name for name in found["classes"])
    assert found["threads"] == []


def test_the_wheels_are_there_and_load(host: Host) -> None:
    wanted = ["onnxruntime", "PIL"]
    found = host.inside(
        f"""
import importlib, sys
import numpy
places = {{name: importlib.import_module(name).__file__ for name in {wanted!r}}}
import onnxruntime
providers = onnxruntime.get_available_providers()
result = {{"places": places, "providers": providers, "python": list(sys.version_info[:2])}}
"""
    )
    assert "CPUExecutionProvider" in found["providers"]
    assert host.site_packages
    if host.program:  # the bpy wheel shares its Python with ours, which has them too
        for place in found["places"].values():
            assert str(host.profile) in place
        names = [path.name for site in host.site_packages for path in site.iterdir()]
        assert any(name.startswith("xatlas") for name in names) == (found["python"] != [3, 14])


def test_disabled_it_leaves_nothing_and_it_can_be_enabled_again(host: Host) -> None:
    found = host.inside(
        LOOK
        + f"""
import addon_utils
addon_utils.disable("{MODULE}")
clean = state()
addon_utils.enable("{MODULE}")
first = state()
addon_utils.disable("{MODULE}")
after = state()
addon_utils.enable("{MODULE}")
second = state()
addon_utils.disable("{MODULE}")
result = {{"clean": clean, "first": first, "after": after, "second": second, "end": state()}}
"""
    )
    assert found["clean"]["classes"] == []
    assert found["clean"]["handlers"] == {}
    assert found["clean"]["menus"] == []
    assert found["first"]["classes"]
    assert found["after"] == found["clean"]
    assert found["second"] == found["first"]
    assert found["end"] == found["clean"]
    assert found["end"]["timers"] == 0


def test_installed_over_itself_it_is_there_once(host: Host, archive: Path) -> None:
    host.install(archive)
    found = host.inside(
        LOOK
        + """
result = {"names": [name for name in bpy.context.preferences.addons.keys() if "galatea" in name], "classes": ours()}
"""
    )
    assert found["names"] == [MODULE]
    assert found["classes"]
    assert host.site_packages
    assert any(path.name == "onnxruntime" for site in host.site_packages for path in site.iterdir())


def test_a_photo_becomes_a_mesh_without_a_network(without_network: Host, tmp_path: Path) -> None:
    host = without_network
    before = sorted(path.name for site in host.site_packages for path in site.iterdir())
    arguments = ["generate", str(PHOTO), "--out", str(tmp_path / "out"), "--quality", "draft"]
    run = host.call("--background", "--python-exit-code", "1", "--command", "galatea", *arguments)
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert result["status"] == "done", run.stderr
    assert {stage["state"] for stage in result["stages"]} == {"done"}
    assert result["versions"]["onnxruntime"], "the cut-out came from the network in the zip"
    assert "torch" not in result["versions"]

    unwrap = next(stage for stage in result["stages"] if stage["step"] == "unwrap")
    assert unwrap["metrics"]["method"] == "merged", "Smart UV cuts where there is no xatlas"

    import trimesh

    scene = trimesh.load(tmp_path / "out" / "mesh.glb")
    mesh = max(scene.geometry.values(), key=lambda item: len(item.faces))
    assert len(mesh.faces) > 500
    assert mesh.visual.uv is not None
    assert mesh.visual.material.baseColorTexture.size[0] >= 256

    after = sorted(path.name for site in host.site_packages for path in site.iterdir())
    assert after == before, "a child Blender took the user's wheels away"
    assert host.inside("result = list(bpy.context.preferences.addons.keys())").count(MODULE) == 1


def test_a_file_that_is_no_picture_ends_with_the_exit_code_of_bad_input(app: Host, tmp_path: Path) -> None:
    (tmp_path / "no.png").write_text("this is no picture")
    arguments = ["generate", str(tmp_path / "no.png"), "--out", str(tmp_path / "out"), "--quality", "draft"]
    run = app.call("--background", "--command", "galatea", *arguments, check=False)
    assert run.returncode == 3, run.stderr
