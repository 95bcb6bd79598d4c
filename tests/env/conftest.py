# SPDX-License-Identifier: GPL-3.0-or-later
"""Real processes and a real pip, on packages of a few bytes that are made here: no network."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("galatea_tiny_a", "galatea_tiny_b", "galatea_tiny_c")
SMOKE = "import json, galatea_tiny_a, galatea_tiny_b, galatea_tiny_c; print(json.dumps({'device': 'cpu'}))"

Start = Callable[..., "subprocess.Popen[str]"]


def make_wheel(folder: Path, name: str, version: str = "1.0") -> Path:
    files = {
        f"{name}/__init__.py": f"NAME = {name!r}\n",
        f"{name}/data.txt": "x" * 1000,
        f"{name}-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{name}-{version}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(text)}\n"
    files[f"{name}-{version}.dist-info/RECORD"] = record + f"{name}-{version}.dist-info/RECORD,,\n"
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return wheel


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheels, a lock that names them, and a closing test that imports them."""
    folder = tmp_path_factory.mktemp("shelf")
    for name in PACKAGES:
        make_wheel(folder, name)
    (folder / "tiny.txt").write_text("# tiny\n" + "".join(f"{name.replace('_', '-')}==1.0\n" for name in PACKAGES))
    (folder / "smoke.py").write_text(SMOKE)
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture(scope="session")
def empty_venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    venv = tmp_path_factory.mktemp("empty") / "venv"
    subprocess.run([sys.executable, "-I", "-m", "venv", str(venv)], check=True, capture_output=True)
    return venv


@pytest.fixture
def begun(home: Path, empty_venv: Path) -> Path:
    """A data folder whose installation has come as far as the venv: tests of what follows need not wait for it."""
    shutil.copytree(empty_venv, home / "env" / "venv", symlinks=True)
    (home / "env" / "incomplete").touch()
    return home


@pytest.fixture
def start(shelf: Path, home: Path) -> Start:
    """Start `galatea env …`; an installation takes its packages from the shelf."""

    def begin(verb: str, *arguments: str, lock: Path = shelf / "tiny.txt") -> subprocess.Popen[str]:
        command = [sys.executable, "-P", str(ROOT / "backend"), "env", verb, *arguments]
        if verb == "install":
            command += ["--wheels", str(shelf), "--lock", str(lock), "--python", sys.executable]
            if "--smoke" not in arguments:
                command += ["--smoke", str(shelf / "smoke.py")]
        env = {**os.environ, "GALATEA_HOME": str(home)}
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)

    return begin
