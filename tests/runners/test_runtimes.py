# SPDX-License-Identifier: GPL-3.0-or-later
"""Which program runs which runtime, and in what environment."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

from galatea.backend.protocol.catalog import spec_of
from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.event import Done
from galatea.backend.protocol.job import Request
from galatea.backend.protocol.place import data_folder
from galatea.backend.protocol.store import JobStore
from galatea.backend.runners.runtimes import SCENE_LIBRARIES, SCENE_LOADER, Dispatch, Runtimes

PATIENCE = 300  # seconds; the machine may be loaded
TELL = "import json, os, sys; json.dump(dict(os.environ), open(sys.argv[1] + '/' + sys.argv[2], 'w'))"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "blender"
    path.write_text("#!/bin/sh\n")
    return path


def environments(store: JobStore, tmp_path: Path, **more: str) -> dict[str, dict[str, str]]:
    """What the processes of two runtimes find; they end without a job done."""
    bundled, blender = ([sys.executable, "-c", TELL, "{store}", name] for name in ("bundled", "blender"))
    (tmp_path / "a.obj").write_text("v 0 0 0\n")
    asked = Request.of(spec_of("fake")), Request.of(spec_of("load"), {"model": tmp_path / "a.obj"})
    runner, ends = Dispatch(store, Runtimes(bundled, blender), environment=more), set[str]()
    for request in asked:
        runner.submit(request)
    end = time.monotonic() + PATIENCE
    while len(ends) < 2:
        assert time.monotonic() < end
        ends |= {event.job for event in runner.poll() if isinstance(event, Done)}
        time.sleep(0.01)
    runner.cancel("fake-" + "0" * 20)  # of which it knows nothing
    runner.close()
    return {name: json.loads((store.root / name).read_text()) for name in ("bundled", "blender")}


def test_every_process_has_our_data_folder_and_blender_nothing_of_the_users(store: JobStore, tmp_path: Path) -> None:
    found = environments(store, tmp_path, GALATEA_OFFLINE="1")
    assert {env["GALATEA_HOME"] for env in found.values()} == {str(data_folder())}
    assert {env["GALATEA_OFFLINE"] for env in found.values()} == {"1"}
    assert found["blender"]["BLENDER_USER_RESOURCES"] == str(store.root / "blender")
    assert found["bundled"].get("BLENDER_USER_RESOURCES") != str(store.root / "blender")


def test_the_blender_that_we_run_in_has_our_libraries_and_another_has_its_own(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GALATEA_BLENDER", raising=False)
    ours = Runtimes.here(blender=str(program))
    monkeypatch.setenv("GALATEA_BLENDER", str(program))
    theirs = Runtimes.here()
    assert ours.blender[0] == theirs.blender[0] == str(program)
    assert theirs.blender[-1] == SCENE_LOADER and list(ours.blender[:-1]).index(SCENE_LOADER)
    assert not any(name in theirs.identity for name in SCENE_LIBRARIES)
    assert ours.identity.startswith(theirs.identity)
    program.write_text("#!/bin/sh\nexit\n")
    assert Runtimes.here().identity != theirs.identity, "another program under the same name"


def test_a_hand_is_a_process_of_the_same_program() -> None:
    runtimes = Runtimes(["python", "-P", "start", "worker", "{store}", "loader"], ())
    assert runtimes.hand("bundled", "a.module", "1") == ["python", "-P", "start", "hand", "a.module", "1"]


def test_a_runtime_that_is_not_installed_says_how_to_get_it() -> None:
    here = Runtimes.here()
    lacking = Runtimes(here.bundled, (), ())
    with pytest.raises(UserError, match="galatea env install") as caught:
        lacking.command("full")
    assert caught.value.kind == "environment"
    with pytest.raises(UserError, match="GALATEA_BLENDER"):
        lacking.command("blender")
    with pytest.raises(UserError, match="no program /no/blender"):
        Runtimes(here.bundled, ["/no/blender"]).command("blender")
