# SPDX-License-Identifier: GPL-3.0-or-later
"""Registering starts nothing and leaves nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import bpy
import pytest

import galatea
from galatea.addon import props
from galatea.addon.props import of_param
from galatea.backend.protocol.catalog import catalog

from .conftest import tick_until

FRESH = """
import json, sys, threading
import bpy
for name in [name for name in sys.modules if name.partition(".")[0] == "numpy"]:
    del sys.modules[name]  # some builds of Blender load it by themselves
before = set(sys.modules)
import galatea
threads = threading.active_count()
galatea.register()
galatea.unregister()
galatea.register()
new = sorted(set(sys.modules) - before)
threads = threading.active_count() - threads
print("TOLD", json.dumps({"new": new, "threads": threads}), flush=True)
import os
os._exit(0)  # the bpy wheels of 4.2 and 4.5 crash in their own exit once a class was registered
"""


def ours() -> dict[str, Any]:
    """Everything of ours that Blender holds."""
    classes = [name for name in dir(bpy.types) if name.startswith("GALATEA_")]
    return {
        "classes": classes,
        "groups": [c.__name__ for c in bpy.types.PropertyGroup.__subclasses__() if getattr(c, "is_registered", False)],
        "operators": list(dir(bpy.ops.galatea)),
        "scene": hasattr(bpy.types.Scene, "galatea"),
        "manager": hasattr(bpy.types.WindowManager, "galatea"),
        "handlers": [h for h in bpy.app.handlers.load_post if "galatea" in h.__module__],
    }


def test_enabled_twice_leaves_nothing_behind(home: Path) -> None:
    before = ours()
    for _ in range(2):
        galatea.register()
        during = ours()
        assert during["operators"] and during["scene"] and during["manager"] and len(during["handlers"]) == 1
        galatea.unregister()
        assert ours() == before
    from galatea.addon import timer

    assert not bpy.app.timers.is_registered(timer._pump)
    assert not home.exists(), "registering wrote to the disk"


def test_a_failed_register_undoes_itself(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from galatea.addon import ui

    def broken() -> None:
        raise RuntimeError("broken")

    before = ours()
    monkeypatch.setattr(ui, "register", broken)
    with pytest.raises(RuntimeError, match="broken"):
        galatea.register()
    assert ours() == before


def test_a_failed_unregister_undoes_the_rest(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from galatea.addon import environment

    def broken() -> None:
        raise RuntimeError("broken")

    before = ours()
    galatea.register()
    monkeypatch.setattr(environment, "unregister", broken)
    with pytest.raises(RuntimeError, match="broken"):
        galatea.unregister()
    assert ours() == before
    galatea.register()
    monkeypatch.undo()
    galatea.unregister()
    assert ours() == before


@pytest.mark.parametrize("disk", ["there", "gone"])
def test_disabled_while_it_works_nothing_runs_on(home: Path, fake: Any, disk: str) -> None:
    before = ours()
    galatea.register()
    from galatea.addon import timer
    from galatea.addon.bridge import bridge

    working, waiting = fake({"seconds": 600.0}), fake({"text": "later"})
    for run in (working, waiting):
        bridge.start(run, bpy.context)
    tick_until(bridge, lambda: bridge.live.phase == "Waiting")
    pid, records = bridge.engine.runner._runners["bundled"].pid, bridge.folder / "runs"
    if disk == "gone":
        records.rename(home / "elsewhere")
        records.write_text("a file is in the way")
    galatea.unregister()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert ours() == before and not bpy.app.timers.is_registered(timer._pump)
    assert bridge.idle and not bridge.runs
    if disk == "gone":
        records.unlink()
        (home / "elsewhere").rename(records)
    galatea.register()
    try:
        bridge.history()
        found = {run.id: run.state for run in bridge.runs}
        assert set(found) == {working.id, waiting.id}
        assert set(found.values()) == {"paused" if disk == "there" else "interrupted"}
        assert bridge.idle, "nothing goes on by itself"
    finally:
        galatea.unregister()
    assert ours() == before


def test_registering_loads_nothing_heavy_and_starts_nothing(tmp_path: Path) -> None:
    env = {**os.environ, "GALATEA_HOME": str(tmp_path / "home"), "BLENDER_USER_RESOURCES": str(tmp_path / "blender")}
    run = subprocess.run(
        [sys.executable, "-c", FRESH], env=env, capture_output=True, text=True, cwd=tmp_path, check=True
    )
    told = json.loads(next(line for line in run.stdout.splitlines() if line.startswith("TOLD"))[5:])
    roots = {name.partition(".")[0] for name in told["new"]}  # how long it takes: benchmarks/register.py
    assert not roots & {"torch", "numpy", "PIL", "onnxruntime", "xatlas", "scipy", "ray", "multiprocessing", "shutil"}
    assert not [name for name in told["new"] if ".backends." in name or name.endswith((".worker", ".runners.local"))]
    assert told["threads"] == 0
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("step", sorted(catalog()))
def test_properties_are_the_catalogue(addon: Any, step: str) -> None:
    group = getattr(addon.steps, step)
    mine = {p.identifier: p for p in group.bl_rna.properties if p.identifier != "rna_type"}
    spec = catalog()[step]
    assert set(mine) - {"name"} == {param.name for param in spec.params} - {"name"}
    for param in spec.params:
        prop = mine[param.name]
        if param.kind == "float":
            assert prop.default == pytest.approx(param.default, rel=1e-6)
        else:
            assert prop.default == param.default
        if param.kind in ("int", "float"):
            if param.low is not None:
                assert prop.hard_min == pytest.approx(param.low)
            if param.high is not None:
                assert prop.hard_max == pytest.approx(param.high)
        if param.choices:
            assert tuple(prop.enum_items.keys()) == param.choices
        assert prop.description == props.tip(param) and prop.description.startswith(param.help.rstrip("."))


def test_values_read_back_are_the_ones_that_the_command_line_would_use(addon: Any) -> None:
    from galatea.addon.props import value_of

    for step, spec in catalog().items():
        for param in spec.params:
            value = value_of(getattr(addon.steps, step), param)
            assert (value == param.default and type(value) is type(param.default)) or param.kind == "float"
            assert param.check(value, step) == param.check(param.default, step)


def test_no_name_is_cut_off_beside_its_field_and_every_unit_is_told() -> None:
    for spec in catalog().values():
        for param in spec.params:
            said = f"{props.named(param)} {props.tip(param)}"
            assert param.kind == "bool" or len(props.named(param)) <= props.LETTERS, f"{spec.id}.{param.name}"
            assert param.unit == "px" or param.unit in said, f"{spec.id}.{param.name}"


def test_an_unknown_kind_is_refused() -> None:
    from galatea.backend.protocol.spec import Param

    with pytest.raises(ValueError, match="colour"):
        of_param(Param("x", "colour", "red", "A colour"))


def test_backends_are_the_ones_that_make_meshes_and_ours_is_chosen(addon: Any) -> None:
    items = addon.bl_rna.properties["backend"].enum_items.keys()
    assert items == [spec.id for spec in catalog().values() if spec.task == "image-to-mesh"]
    assert addon.backend == "lift"


def test_every_operator_says_what_it_does(addon: Any) -> None:
    for name in dir(bpy.ops.galatea):
        rna = getattr(bpy.ops.galatea, name).get_rna_type()
        assert len(rna.description) > 10 and rna.name, name
