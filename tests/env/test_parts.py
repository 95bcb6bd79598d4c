# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import shutil
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from galatea.backend.env import base, lock
from galatea.backend.env.install import Installer
from galatea.backend.env.lock import Lock, Package
from galatea.backend.env.pip import explain
from galatea.backend.env.place import Place
from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.event import Event

LOCKS = sorted(lock.FOLDER.glob("*.txt"))


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_committed_locks_are_complete_and_agree(path: Path) -> None:
    read = Lock.read(path)
    versions = {package.name: package.version for package in read.packages}
    assert len(versions) == len(read.packages), "a package stands twice"
    assert read.packages[0].name == "pip", "first the pip that tells how much it has fetched"
    assert versions["torch"].partition("+")[0] == "2.13.0"
    assert {"numpy", "pillow", "safetensors", "huggingface-hub", "diffusers", "transformers", "onnxruntime"} <= set(
        versions
    )
    assert ("nvidia-cublas" in versions) == (path.stem == "linux-cuda")
    assert "://" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("line", ["torch", "torch>=2", "-r other.txt", "torch==1 --hash x", "https://x/y.whl"])
def test_a_lock_takes_nothing_but_exact_versions(tmp_path: Path, line: str) -> None:
    (tmp_path / "bad.txt").write_text(line)
    with pytest.raises(UserError, match="name==version"):
        Lock.read(tmp_path / "bad.txt")


@pytest.mark.parametrize(
    ("system", "nvidia", "accelerator", "expected"),
    [
        ("linux", False, "auto", ["linux-cpu", "linux-cuda"]),
        ("linux", True, "auto", ["linux-cuda"]),
        ("linux", True, "cpu", ["linux-cpu"]),
        ("win32", False, "auto", ["windows-cpu"]),
        ("win32", True, "auto", ["windows-cuda", "windows-cpu"]),
        ("darwin", False, "auto", ["macos"]),
        ("darwin", False, "cpu", ["macos"]),
    ],
)
def test_the_lock_is_the_system_s(
    monkeypatch: pytest.MonkeyPatch, system: str, nvidia: bool, accelerator: str, expected: list[str]
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(lock, "has_nvidia", lambda: nvidia)
    paths = lock.choices(accelerator)
    assert [path.stem for path in paths] == expected
    assert all(path.is_file() for path in paths)


def test_without_the_cpu_build_the_other_one_is_taken_and_it_says_so(tmp_path: Path) -> None:
    class Source:
        def knows(self, name: str, version: str) -> bool:
            return (name, version) == ("torch", "1+here")

    events: list[Event] = []
    installer = Installer(Place(tmp_path), events.append)
    wanted, other = Lock("cpu", (Package("torch", "1+cpu"),), ""), Lock("cuda", (Package("torch", "1", 500),), "")
    assert installer._settle([wanted, other], Source()) is other  # type: ignore[arg-type]
    assert "torch==1+cpu" in str(events[-1])
    here = Lock("cpu", (Package("torch", "1+here"),), "")
    assert installer._settle([here, other], Source()) is here  # type: ignore[arg-type]


def test_a_full_disk_is_noticed_before_anything_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**12, 10**12, 10**8))
    installer = Installer(Place(tmp_path), lambda event: None)
    with pytest.raises(UserError, match="MB free") as caught:
        installer._check_disk([Package("torch", "1", 2000)], Lock("big", (), ""))
    assert caught.value.kind == "output"


def test_a_python_that_will_not_do_is_named_with_the_reason() -> None:
    with pytest.raises(UserError, match="does not start"):
        base.find("/no/such/python")
    answer = base.ask(sys.executable)
    assert answer
    assert answer.version == sys.version_info[:2]


def test_no_python_at_all_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "_candidates", lambda: iter(()))
    with pytest.raises(UserError, match="Install Python"):
        base.find()


@pytest.mark.parametrize(
    ("output", "kind", "word"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "output", "disk"),
        ("NewConnectionError: Temporary failure in name resolution", "environment", "network"),
        ("ERROR: No matching distribution found for x==1", "environment", "--index"),
        ("a surprise", "environment", "hint"),
    ],
)
def test_pip_s_trouble_becomes_advice(output: str, kind: str, word: str) -> None:
    error = explain("x==1", output)
    assert error.kind == kind
    assert word in str(error)
    assert error.hint == output
