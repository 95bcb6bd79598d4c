# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Blender with a window, on an X server of its own, with the built extension installed. Used by the window
tests and by `tools/shots.py`.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent


def app() -> Path:
    """The Blender with a window: `GALATEA_APP`, else the one that `tools/blender_app.sh` made."""
    return Path(os.environ.get("GALATEA_APP") or ROOT / ".cache" / "blender-5.2" / "blender")


def missing() -> str:
    """Why window tests cannot run here; empty when they can."""
    if not os.access(app(), os.X_OK):
        return f"no Blender with a window at {app()}: run tools/blender_app.sh, or set GALATEA_APP"
    for program in ("Xvfb", "import"):
        if not shutil.which(program):
            return f"{program} is not installed"
    return ""


@contextlib.contextmanager
def display() -> Iterator[str]:
    """An X server of 1600 x 900 with a number that is free."""
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1600x900x24", "-nolisten", "tcp"],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    try:
        with os.fdopen(read) as pipe:
            yield ":" + pipe.readline().strip()
    finally:
        server.terminate()
        server.wait()


def environment(resources: Path, home: Path) -> dict[str, str]:
    drop = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "WAYLAND_DISPLAY")
    env = {name: value for name, value in os.environ.items() if name not in drop}
    # caches of its own: Mesa maps its shader cache into memory, and another process that cuts it kills this one
    own = {"XDG_CACHE_HOME": str(home / "cache"), "MESA_SHADER_CACHE_DISABLE": "true"}
    return {**env, **own, "BLENDER_USER_RESOURCES": str(resources), "GALATEA_HOME": str(home), "LC_ALL": "C.UTF-8"}


def install(resources: Path) -> None:
    """Build the zip of this platform and install it as a user would."""
    resources.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        build = [sys.executable, str(ROOT / "tools" / "build.py"), "--here", "--out", folder]
        subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(folder).glob("*.zip")
        command = ["--command", "extension", "install-file", "--repo", "user_default", "--enable", str(archive)]
        env = environment(resources, resources / "home")
        done = subprocess.run([str(app()), *command], env=env, capture_output=True, text=True, timeout=300)
        if done.returncode or not list(resources.glob("**/galatea/blender_manifest.toml")):
            raise RuntimeError(f"the extension was not installed:\n{done.stdout}{done.stderr}")


def play(scenario: Path, *, screen: str, resources: Path, home: Path, out: Path, seconds: float, **given: Any) -> dict:
    """Run a scenario inside the app; returns what it noted. Its pictures lie in `out`."""
    out.mkdir(parents=True, exist_ok=True)
    env = {
        **environment(resources, home),
        "DISPLAY": screen,
        "GALATEA_PLAY": json.dumps(given),
        "GALATEA_OUT": str(out),
    }
    size = given.get("size", "1600x900").split("x")
    command = [str(app()), "--enable-event-simulate", "--window-geometry", "0", "0", *size]
    command += ["--python-exit-code", "9", "--python", str(HERE / "player.py"), "--", str(scenario)]
    log = out / "blender.log"
    with log.open("wb") as file:
        process = subprocess.Popen(command, env=env, stdout=file, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            subprocess.run(["import", "-window", "root", str(out / "timeout.png")], env=env, timeout=30)
            process.kill()
            process.wait()
    report = out / "report.json"
    if not report.is_file():
        raise RuntimeError(
            f"the scenario did not end (exit code {process.returncode}):\n{log.read_text(errors='replace')[-3000:]}"
        )
    noted: dict = json.loads(report.read_text())
    noted["exit_code"] = process.returncode
    if noted.get("error"):
        raise RuntimeError(f"{noted['error']}\n{log.read_text(errors='replace')[-3000:]}")
    return noted
