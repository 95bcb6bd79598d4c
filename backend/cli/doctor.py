# SPDX-License-Identifier: GPL-3.0-or-later
"""Is everything there that Galatea needs? One finding a line, each that is not well with its fix."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from importlib import metadata
from importlib.util import find_spec

from ..env import python as environment_python
from ..protocol.errors import UserError
from ..runners.local import child_environment
from ..runners.runtimes import SCENE_LIBRARIES, Runtimes, data_folder
from ..version import VERSION

Finding = dict[str, str]


def _finding(state: str, what: str, found: str, fix: str = "") -> Finding:
    return {"state": state, "what": what, "found": found, "fix": fix if state != "ok" else ""}


def examine(blender: str) -> list[Finding]:
    """The findings, `state` ok, warn or fail."""
    found = [
        _finding("ok", "Galatea", VERSION),
        _finding("ok", "System", f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors"),
        _finding("ok", "Python", f"{platform.python_version()} ({sys.executable})"),
    ]
    found += [
        _library(name, need)
        for name, need in (
            *(("numpy", True), ("PIL", True), ("onnxruntime", True)),
            *((name, False) for name in SCENE_LIBRARIES),
        )
    ]
    return [*found, _blender(blender), _weights(), _folder(), _full()]


def _library(name: str, need: bool) -> Finding:
    spec = find_spec(name)
    package = {"PIL": "pillow"}.get(name, name)
    if spec:
        try:
            return _finding("ok", package, metadata.version(package))
        except metadata.PackageNotFoundError:
            return _finding("ok", package, "found")
    if need:
        return _finding("fail", package, "missing", "Install the extension zip made for this system and Blender again.")
    return _finding("warn", package, "missing", "Nothing to do: what Blender has takes its place.")


def _blender(blender: str) -> Finding:
    try:
        command = list(Runtimes.here(blender=blender).command("blender"))
    except UserError as error:
        return _finding("fail", "Blender", "not found", str(error))
    if find_spec("bpy") and not blender:
        try:
            return _finding("ok", "Blender", f"bpy {metadata.version('bpy')}")
        except metadata.PackageNotFoundError:
            return _finding("ok", "Blender", "the one that runs this")
    try:
        output = subprocess.run(
            [command[0], "--version"], capture_output=True, text=True, timeout=60, env=child_environment(), check=True
        ).stdout
        return _finding("ok", "Blender", output.splitlines()[0])
    except (OSError, subprocess.SubprocessError, IndexError) as error:
        return _finding("fail", "Blender", f"{command[0]} does not answer ({error})", "Check GALATEA_BLENDER.")


def _weights() -> Finding:
    from ..backends import cutout, lift

    try:
        cutout.weights()
        lift.weights()
        return _finding("ok", "Weights", "U2-Net-p, DINOv2 and Lift are whole")
    except UserError as error:
        return _finding("fail", "Weights", "damaged or missing", str(error))


def _folder() -> Finding:
    folder = data_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free / 1e9
    except OSError as error:
        fix = "Choose another with GALATEA_HOME or in the preferences."
        return _finding("fail", "Data folder", f"{folder}: {error.strerror}", fix)
    if not os.access(folder, os.W_OK):
        return _finding("fail", "Data folder", f"{folder} cannot be written", "Choose another with GALATEA_HOME.")
    return _finding("ok" if free > 2 else "warn", "Data folder", f"{folder}, {free:.1f} GB free", "Free some space.")


def _full() -> Finding:
    python = environment_python(data_folder())
    if python or find_spec("torch"):
        return _finding("ok", "Full environment", str(python or "this Python has torch"))
    fix = "Only torch backends need it: `galatea env install`, or the preferences."
    return _finding("warn", "Full environment", "not installed", fix)
