# SPDX-License-Identifier: GPL-3.0-or-later
"""The built zip, installed as a user installs it: in the bpy wheel and in real Blenders, each with an empty profile."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULE = "bl_ext.user_default.galatea"
APPS = {"app-4.3": ROOT / ".cache/blender-4.3/blender", "app-5.2": ROOT / ".cache/blender-5.2/blender"}
if os.environ.get("GALATEA_TEST_BLENDER"):
    APPS["app-own"] = Path(os.environ["GALATEA_TEST_BLENDER"])
TIMEOUT_SECONDS = 600


@dataclass
class Host:
    """A Blender with a profile of its own. `program` is empty for the bpy wheel."""

    name: str
    folder: Path
    program: Path | None = None
    wrap: list[str] = field(default_factory=list)

    @property
    def profile(self) -> Path:
        return self.folder / "profile"

    @property
    def site_packages(self) -> list[Path]:
        """Where this Blender unpacked the wheels; Windows has no folder a Python there."""
        local = self.profile / "extensions" / ".local"
        return [*local.glob("lib/python3.*/site-packages"), *local.glob("Lib/site-packages")]

    def call(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the program; the bpy wheel takes a script only."""
        assert self.program
        return self._run([*self.wrap, str(self.program), *arguments], check)

    def inside(self, script: str, *, enable: bool = True) -> Any:
        """Run in a new process with Blender's data as `bpy`; what the script puts into `result` comes back."""
        path = self.folder / "inside.py"
        if enable and not self.program:  # the bpy wheel always begins with factory settings
            script = f"import addon_utils\naddon_utils.enable({MODULE!r}, default_set=True)\n{script}"
        path.write_text(f"import json\nimport bpy\nresult = None\n{script}\nprint('RESULT', json.dumps(result))\n")
        if self.program:
            run = self.call("--background", "--python-exit-code", "1", "--python", str(path))
        else:
            run = self._run([sys.executable, str(path)], True)
        lines = [line for line in run.stdout.splitlines() if line.startswith("RESULT ")]
        assert lines, run.stdout + run.stderr
        return json.loads(lines[-1].removeprefix("RESULT "))

    def install(self, archive: Path) -> None:
        """Install and enable."""
        if self.program:
            self.call("--command", "extension", "install-file", "--repo", "user_default", "--enable", str(archive))
        else:
            install = f"filepath={str(archive)!r}, repo='user_default', enable_on_install=True"
            self.inside(f"bpy.ops.extensions.package_install_files({install})", enable=False)

    def _run(self, command: list[str], check: bool) -> subprocess.CompletedProcess[str]:
        self.profile.mkdir(parents=True, exist_ok=True)
        own = {
            "BLENDER_USER_RESOURCES": str(self.profile),
            "GALATEA_HOME": str(self.folder / "home"),
            "PYTHONNOUSERSITE": "1",
        }
        unwanted = ("GALATEA_BLENDER", "GALATEA_PYTHON", "PYTHONPATH", "PYTHONHOME")
        env = {name: value for name, value in os.environ.items() if name not in unwanted}
        run = subprocess.run(
            command,
            capture_output=True,
            text=True,
            env={**env, **own},
            timeout=TIMEOUT_SECONDS,
            stdin=subprocess.DEVNULL,
        )
        assert not check or run.returncode == 0, f"exit code {run.returncode}\n{run.stdout}\n{run.stderr}"
        return run


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip for this machine."""
    out = tmp_path_factory.mktemp("dist")
    run = subprocess.run(
        [sys.executable, str(ROOT / "tools/build.py"), "--here", "--out", str(out)], capture_output=True, text=True
    )
    if run.returncode and "No wheel of" in run.stderr:
        pytest.skip(f"the wheels cannot be fetched here: {run.stderr[:300]}")
    assert run.returncode == 0, run.stderr
    return next(out.glob("*.zip"))


@pytest.fixture(scope="session", params=["wheel", *APPS])
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, archive: Path) -> Host:
    """A Blender in which the extension was installed."""
    name: str = request.param
    program = APPS.get(name)
    if program and not program.is_file():
        pytest.skip(f"{name} is not here: `make apps` gets it")
    host = Host(name, tmp_path_factory.mktemp(name), program)
    host.install(archive)
    return host


@pytest.fixture(scope="session")
def app(host: Host) -> Host:
    if host.program is None:
        pytest.skip("the bpy wheel has no command line")
    return host


@pytest.fixture
def without_network(app: Host) -> Iterator[Host]:
    """The same with no network at all, where this user may take it away; else with Blender's own word for it."""
    unshare = shutil.which("unshare")
    if unshare and subprocess.run([unshare, "-n", "true"], capture_output=True).returncode == 0:
        app.wrap = [unshare, "-n"]
    yield app
    app.wrap = []
