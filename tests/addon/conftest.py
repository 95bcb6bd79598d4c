# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

bpy = pytest.importorskip("bpy")
PATIENCE = 300.0
"""Seconds until what does not happen is said never to; the machine may be loaded."""


def tick_until(bridge: Any, true: Callable[[], Any]) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "it did not happen"
        bridge.tick()
        time.sleep(0.01)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of the test's own, in an empty file."""
    monkeypatch.setenv("GALATEA_HOME", str(tmp_path / "home"))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    return tmp_path / "home"


@pytest.fixture
def addon(home: Path) -> Iterator[Any]:
    """The add-on, registered; its processes are ended afterwards."""
    import galatea

    galatea.register()
    try:
        yield bpy.context.scene.galatea
    finally:
        galatea.unregister()


@pytest.fixture
def bridge(addon: Any) -> Any:
    from galatea.addon.bridge import bridge

    return bridge


@pytest.fixture
def fake() -> Callable[..., Any]:
    """A run of the fake step."""

    def make(*steps: dict[str, Any], **given: Any) -> Any:
        from galatea.addon.runs import Run

        rows = [{"do": "fake", "params": params} for params in steps or ({},)]
        return Run(title="Check", preset="check", steps=rows, inputs={}, **{"scene": False, **given})

    return make


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A red disc on white: the smallest subject that a cut-out finds."""
    Image = pytest.importorskip("PIL.Image")
    draw = pytest.importorskip("PIL.ImageDraw")
    picture = Image.new("RGB", (128, 128), (245, 245, 245))
    draw.Draw(picture).ellipse((30, 16, 98, 112), fill=(190, 40, 30))
    path = tmp_path / "red disc.png"
    picture.save(path)
    return path
