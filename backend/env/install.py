# SPDX-License-Identifier: GPL-3.0-or-later
"""Make, complete or mend the full environment, package by package; the smoke test is the last step."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..protocol.errors import UserError
from ..protocol.event import Event, Log, Progress
from ..runners.local import child_environment
from . import base
from .intact import forget, installed, intact, site_packages, whole
from .lock import Lock, Package
from .pip import Pip
from .place import Place

JOB = "env"
"""The job that the events speak of."""

SMOKE = """
import json, sys
import torch, numpy, PIL, safetensors, huggingface_hub, onnxruntime
device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
a = torch.rand(256, 256, device=device)
product = (a @ torch.linalg.inv(a)).cpu()
error = float((product - torch.eye(256)).abs().max())
assert error < 0.1, f"{device} calculates wrongly, error {error}"
name = torch.cuda.get_device_name() if device == "cuda" else device
print(json.dumps({"device": device, "device_name": name, "torch": torch.__version__, "python": sys.version.split()[0]}))
"""
"""Run in the new environment; prints one JSON object. An exception means that the environment is not usable."""


class Installer:
    """Builds an environment aside, tries it, and puts it into its place whole."""

    def __init__(self, place: Place, emit: Callable[[Event], None], *, options: Sequence[str] = (), smoke: str = SMOKE):
        """`options` go to pip, such as the address of another source."""
        self._place, self._emit, self._options, self._smoke = place, emit, list(options), smoke

    def run(self, locks: Sequence[Lock], *, python: str = "", verify: bool = False) -> dict[str, Any]:
        """Install the first lock whose torch can be had; returns what was installed. Raises `UserError`.

        Where all is done already it returns at once, unless `verify` asks for every file's hash.
        """
        info = self._place.info()
        if self._place.python() and info and not verify and any(lock.sha256 == info.get("sha256") for lock in locks):
            self._say("Installed", 1.0)
            return info
        started = time.monotonic()
        self._place.claim()
        try:
            self._venv(python)
            site = self._site()
            pip = Pip(self._place.program, [*self._options, "--cache-dir", str(self._place.root / "cache")])
            lock = self._settle(locks, pip)
            self._packages(lock, site, pip)
            self._say("Testing", 0.98)
            found = self._test()
            if lock.name.endswith("cuda") and found.get("device") == "cpu":
                self._emit(Log(JOB, "torch finds no NVIDIA card here and will use the processor. Check the driver."))
            shutil.rmtree(self._place.root / "cache", ignore_errors=True)
            seconds = round(time.monotonic() - started, 1)
            info = {"lock": lock.name, "sha256": lock.sha256, "seconds": seconds, **found}
            self._place.finish(info)
        finally:
            self._place.release()
        self._say("Installed", 1.0)
        return info

    def _say(self, phase: str, fraction: float) -> None:
        self._emit(Progress(JOB, phase, round(fraction, 4)))

    def _venv(self, python: str) -> None:
        """Make the venv, unless there is one that starts and whose pip is whole."""
        place = self._place
        answer = base.ask(str(place.program)) if place.program.is_file() else None
        site = site_packages(place.venv)
        if answer and answer.version in base.VERSIONS and site and whole(site, "pip"):
            return
        self._say("Making the environment", 0.0)
        program = base.find(python)
        place.begin()
        shutil.rmtree(place.venv, ignore_errors=True)
        self._emit(Log(JOB, f"Making the environment with {program}"))
        run = subprocess.run(
            [program, "-I", "-m", "venv", str(place.venv)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            stdin=subprocess.DEVNULL,
            env=child_environment(),
        )
        if run.returncode or not place.program.is_file():
            message = f"{program} could not make an environment. Name another Python with --python."
            raise UserError(message, kind="environment", hint=run.stdout.strip()[-1000:])

    def _site(self) -> Path:
        site = site_packages(self._place.venv)
        if not site:
            raise UserError(f"{self._place.venv} is damaged. Run `galatea env remove`.", kind="environment")
        return site

    def _settle(self, locks: Sequence[Lock], pip: Pip) -> Lock:
        """The first lock whose special build (`+cpu`, `+cu130`) one of pip's sources has; else the last."""
        for lock in locks[:-1]:
            special = [package for package in lock.packages if "+" in package.version]
            self._say("Looking for packages", 0.0)
            if all(pip.knows(package.name, package.version) for package in special):
                return lock
            names = ", ".join(map(str, special))
            text = f"None of pip's sources has {names}: taking {locks[-1].name} ({locks[-1].mb} MB) for {lock.name}."
            self._emit(Log(JOB, text))
        return locks[-1]

    def _packages(self, lock: Lock, site: Path, pip: Pip) -> None:
        self._say("Checking what is there", 0.0)
        missing = [package for package in lock.packages if not intact(site, package)]
        self._check_disk(missing, lock)
        if missing:
            self._place.begin()
        done, total = lock.mb - sum(package.mb for package in missing), lock.mb
        for number, package in enumerate(missing, len(lock.packages) - len(missing) + 1):
            place = f"{package.name} ({number} of {len(lock.packages)})"

            def told(phase: str, part: float, package: Package = package, place: str = place, done: int = done) -> None:
                self._say(f"{phase} {place}", 0.97 * (done + part * package.mb) / total)

            pip.bytes_told = _tells_bytes(site)
            if not whole(site, package.name):
                forget(site, package)
            pip.install(str(package), told)
            if not intact(site, package):
                message = f"{package} was not written as it should be. Check the disk, then install again."
                raise UserError(message, kind="output")
            done += package.mb

    def _check_disk(self, missing: Sequence[Package], lock: Lock) -> None:
        needed = Lock(lock.name, tuple(missing), "").disk_mb if missing else 0
        free = shutil.disk_usage(self._place.root).free // 1_000_000
        if free < needed:
            message = f"{lock.name} needs {needed} MB of disk, {self._place.root} has {free} MB free."
            raise UserError(f"{message} Free some space or choose another data folder.", kind="output")

    def _test(self) -> dict[str, Any]:
        run = subprocess.run(
            [str(self._place.program), "-I", "-c", self._smoke],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            env=child_environment(),
        )
        try:
            if run.returncode:
                raise ValueError(f"exit code {run.returncode}")
            found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
            return found
        except (ValueError, IndexError) as error:
            message = f"All is installed but does not work ({error}). Run `galatea env remove` and install again."
            raise UserError(message, kind="environment", hint=run.stderr.strip()[-1500:]) from None


def _tells_bytes(site: Path) -> bool:
    folders = installed(site).get("pip", [])
    version = folders[-1].name.removesuffix(".dist-info").rpartition("-")[2].split(".") if folders else ["0", "0"]
    return tuple(int(part) for part in version[:2] if part.isdigit()) >= (24, 1)
