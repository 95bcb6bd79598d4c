# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/studio.md as blocks of commands, and a shell that runs them word for word."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from ..docs import pages

ROOT = pages.ROOT
PAGE = ROOT / "docs" / "studio.md"
VALUES, INSTALL, CONTAINERS = "What differs in your place", "Install, without a window", "In containers"
PATIENCE = 1800
"""Seconds; the machine may be loaded."""


def blocks() -> list[pages.Block]:
    return list(pages.blocks(PAGE))


def script(titles: tuple[str, ...], values: dict[str, str]) -> str:
    """The blocks of these sections behind the values, of which these are others; a value that is not there fails."""
    first = next(block.text for block in blocks() if block.title == VALUES)
    for name, value in values.items():
        first, count = re.subn(rf"^{name}=.*$", f"{name}={value}", first, flags=re.M)
        assert count == 1, name
    parts = [block.text for title in titles for block in blocks() if block.title == title]
    return "\n".join(["set -euo pipefail", first, *parts])


def programs(folder: Path) -> Path:
    """A folder with `galatea` of this very tree, `python` and what stands beside it."""
    folder.mkdir()
    (folder / "galatea").write_text(f'#!/bin/sh\nexec "{sys.executable}" -P "{ROOT / "backend/__main__.py"}" "$@"\n')
    (folder / "galatea").chmod(0o755)
    for name in ("ray", "openjd"):
        there = Path(sys.executable).with_name(name)
        if there.exists():
            (folder / name).symlink_to(there)
    (folder / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (folder / "python").chmod(0o755)
    return folder


def run(folder: Path, *titles: str, **values: str) -> str:
    """Run these sections in the folder; returns what they said. What they started is ended with them."""
    own = {"OMP_NUM_THREADS": "1", "PATH": f"{programs(folder / 'bin')}{os.pathsep}{os.environ['PATH']}"}
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("GALATEA_", "RAY_"))} | own
    (folder / "day.sh").write_text(script(titles, {key: values[key] for key in values if key != "ASSET"}))
    if "ASSET" in values:
        environment["ASSET"] = values["ASSET"]
    log = folder / "day.log"
    with log.open("wb") as out:
        shell = subprocess.Popen(
            ["bash", "day.sh"], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=out,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    try:
        code = shell.wait(PATIENCE)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGKILL)
    said = log.read_text(errors="replace")
    assert code == 0, f"{code}\n{said[-4000:]}"
    return said
