# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender subscribes to a folder of `make release` over file://, syncs, installs and enables from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from galatea.tools.release import release

from .conftest import APPS, Host


@pytest.fixture
def fresh(tmp_path: Path) -> Host:
    """Blender 5.2 that knows no extension."""
    program = APPS["app-5.2"]
    if not program.is_file():
        pytest.skip("app-5.2 is not here: `make apps` gets it")
    return Host("fresh", tmp_path / "fresh", program)


def test_blender_installs_from_the_release_it_subscribed_to(fresh: Host, archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "release"
    release([archive], out)
    extension = ("--online-mode", "--command", "extension")  # Blender asks for that even where it is a folder
    fresh.call(*extension, "repo-add", "--url", (out / "index.json").as_uri(), "--name", "House", "house")
    fresh.call(*extension, "sync")
    assert "galatea" in fresh.call(*extension, "list").stdout
    fresh.call(*extension, "install", "--enable", "house.galatea")
    assert fresh.inside("result = 'bl_ext.house.galatea' in bpy.context.preferences.addons.keys()")
    assert fresh.inside("result = hasattr(bpy.ops.galatea, 'generate')")
