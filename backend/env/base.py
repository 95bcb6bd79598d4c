# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python to make the environment from: one that is here already, never one that is fetched."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from ..protocol.errors import UserError
from ..runners.local import child_environment

VERSIONS = ((3, 12), (3, 11), (3, 13))
"""In the order of preference; every package of the locks has wheels for these."""

_ASK = """
import importlib.util, json, struct, sys
missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
print(json.dumps([list(sys.version_info[:2]), struct.calcsize("P") * 8, missing]))
"""


@dataclass(frozen=True)
class Answer:
    program: str
    version: tuple[int, int]
    trouble: str


def ask(program: str) -> Answer | None:
    """What this Python is; None where it is none, or does not start."""
    try:
        run = subprocess.run(
            [program, "-I", "-c", _ASK],
            capture_output=True,
            text=True,
            timeout=30,
            stdin=subprocess.DEVNULL,
            env=child_environment(),
        )
        version, bits, missing = json.loads(run.stdout)
    except (OSError, ValueError, TypeError, subprocess.TimeoutExpired):
        return None
    found = (int(version[0]), int(version[1]))
    if found not in VERSIONS:
        trouble = f"is {found[0]}.{found[1]}, not one of {_names()}"
    elif bits != 64:
        trouble = "has 32 bits"
    elif missing:
        trouble = f"lacks {' and '.join(missing)}"  # Debian keeps them in python3-venv
    else:
        trouble = ""
    return Answer(program, found, trouble)


def find(wanted: str = "") -> str:
    """A Python that can make environments; `wanted` is the user's own choice. Raises `UserError`."""
    if wanted:
        answer = ask(wanted)
        if answer is None or answer.trouble:
            why = answer.trouble if answer else "does not start"
            raise UserError(f"{wanted} {why}. Name another with --python.", kind="environment")
        return wanted
    seen = []
    for program in _candidates():
        answer = ask(program)
        if answer and not answer.trouble:
            return program
        if answer:
            seen.append(f"{program} {answer.trouble}")
    raise UserError(
        f"No Python {_names()} that can make an environment was found. Install Python 3.12 (on Debian and Ubuntu with "
        "python3-venv), or name one with --python.",
        kind="environment",
        hint="Looked at: " + ("; ".join(seen) or "none is on the path"),
    )


def _names() -> str:
    ordered = sorted(VERSIONS)
    return f"{ordered[0][0]}.{ordered[0][1]} to {ordered[-1][0]}.{ordered[-1][1]}"


def _candidates() -> Iterator[str]:
    names = [f"python{major}.{minor}" for major, minor in VERSIONS] + ["python3", "python"]
    folders = [None, "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"] if sys.platform != "win32" else [None]
    found = [shutil.which(name, path=folder) for name in names for folder in folders]
    if sys.platform == "win32":
        found += [_from_launcher(version) for version in VERSIONS]
    found.append(sys.executable)  # Blender's own Python last: it goes when Blender is updated
    yield from dict.fromkeys(program for program in found if program)


def _from_launcher(version: tuple[int, int]) -> str | None:
    """What the Windows launcher `py` knows; the path is not set up by Python's own installer there."""
    launcher = shutil.which("py")
    if not launcher:
        return None
    command = [launcher, f"-{version[0]}.{version[1]}", "-c", "import sys; print(sys.executable)"]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return run.stdout.strip() if run.returncode == 0 else None
