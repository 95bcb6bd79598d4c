# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine: libraries, memory, graphics card and its driver, torch, ports."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from ...env import python as environment_python
from ...hub import memory as free_memory
from ...protocol.place import data_folder
from ...runners.local import child_environment
from ...runners.runtimes import SCENE_LIBRARIES
from .. import flags
from .finding import Finding, finding

PORT = 8420
LEAST_GB = 4.0
WORKER = "GALATEA_WORKER_PYTHON"
"""The Python that the window's preferences name in place of the full environment."""
OTHER = "Choose another as Worker Python in the preferences, or clear that field: then the full environment is used."
TORCH = """
import json, torch
cards = [f"cuda: {torch.cuda.get_device_name(i)}" for i in range(torch.cuda.device_count())]
xpu = getattr(torch, "xpu", None)
cards += [f"xpu: {xpu.get_device_name(i)}" for i in range(xpu.device_count())] if xpu and xpu.is_available() else []
cards += ["mps: Apple"] if torch.backends.mps.is_available() else []
print(json.dumps({"torch": torch.__version__, "built": torch.version.cuda or torch.version.hip or "", "cards": cards}))
"""


def libraries() -> Iterator[Finding]:
    wanted = (("numpy", True), ("PIL", True), ("onnxruntime", True), *((name, False) for name in SCENE_LIBRARIES))
    for name, need in wanted:
        package = {"PIL": "pillow"}.get(name, name)
        if find_spec(name):
            yield finding("ok", package, _version(package))
        elif need:
            fix = "Install the extension zip made for this system and Blender again."
            yield finding("fail", package, "missing", fix)
        else:
            yield finding("warn", package, "missing", "Nothing to do: what Blender has takes its place.")


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "found"


def memory() -> Iterator[Finding]:
    free = free_memory.processor()
    if free is None:
        yield finding("ok", "Memory", "this system does not tell")
        return
    fix = "Close other programs, or give this machine or container more."
    yield finding("ok" if free >= LEAST_GB else "warn", "Memory", f"{free:.1f} GB free", fix)


def card() -> Iterator[Finding]:
    """The graphics card as its driver tells it."""
    told = _run(["nvidia-smi", "--query-gpu=name,driver_version,memory.total,memory.free", "--format=csv,noheader"])
    if told:
        for row in told.strip().splitlines():
            name, driver, total, free = (*(part.strip() for part in row.split(",")), "", "", "")[:4]
            yield finding("ok", "Graphics card", f"{name}, driver {driver}, {free} of {total} free")
        return
    if told is None and shutil.which("nvidia-smi"):
        fix = "Install the driver again and restart; in a container, start it with the card (--gpus all)."
        yield finding("fail", "Graphics card", "nvidia-smi cannot speak with the driver", fix)
    elif flags.no_card():
        fix = "Nothing to do, unless there is one: then install its driver, or hand it to the container."
        yield finding("warn", "Graphics card", "none is seen; the processor does it all", fix)
    else:
        yield finding("ok", "Graphics card", "not NVIDIA's: see what torch and Cycles find")


def full() -> Iterator[Finding]:
    """The Python that runs learned backends, and what torch finds from there."""
    chosen = os.environ.get(WORKER, "")
    if chosen and not Path(chosen).is_file():
        yield finding("fail", "Worker Python", f"there is no file {chosen}", OTHER)
        return
    own = Path(chosen) if chosen else environment_python(data_folder())
    program = own or (sys.executable if find_spec("torch") else None)
    if not program:
        fix = "Only torch backends need it: `galatea env install`, or the preferences."
        yield finding("warn", "Full environment", "not installed", fix)
        return
    where = str(own or "this Python has torch")
    told = _run([str(program), "-P", "-c", TORCH], seconds=120)
    if told is None and chosen:
        yield finding("fail", "Worker Python", f"{chosen} is no Python that has torch", OTHER)
        return
    if told is None:
        fix = "`galatea env install` mends it, or Repair in the preferences." if own else "Install torch again."
        yield finding("fail", "Full environment", f"{where}, but torch does not load", fix)
        return
    found = json.loads(told.strip().splitlines()[-1])
    what = f"{where}, torch {found['torch']}"
    if found["cards"]:
        yield finding("ok", "Full environment", f"{what}, {', '.join(found['cards'])}")
        return
    blind = bool(_run(["nvidia-smi", "-L"]))
    fix = "The card is not used: `galatea env install --accelerator cuda`, or a newer driver."
    yield finding("warn" if blind else "ok", "Full environment", f"{what}, on the processor", fix)


def ports() -> Iterator[Finding]:
    """Whether this machine may speak with itself, and whether the server's usual port is free."""
    with socket.socket() as mine:
        try:
            mine.bind(("127.0.0.1", 0))
        except OSError as error:
            fix = "`galatea serve` and tests need it. Let programs listen on 127.0.0.1."
            yield finding("warn", "Ports", f"nothing may listen here: {error.strerror}", fix)
            return
    with socket.socket() as mine:
        if os.name == "posix":
            mine.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            mine.bind(("127.0.0.1", PORT))
        except OSError:
            fix = "If that is no server of yours, choose another with `galatea serve --port`."
            yield finding("warn", "Ports", f"{PORT} is taken", fix)
            return
    yield finding("ok", "Ports", f"{PORT} is free for `galatea serve`")


def _run(command: Sequence[str], seconds: float = 20) -> str | None:
    """What a program says; None where it is not there, hangs or fails."""
    try:
        run = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds, env=child_environment(), stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return run.stdout if run.returncode == 0 else None
