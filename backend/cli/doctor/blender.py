# SPDX-License-Identifier: GPL-3.0-or-later
"""The Blender that runs scene steps, asked by a process of its own: versions, cards, films, drawing."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from ctypes.util import find_library
from typing import Any

from ...protocol.errors import UserError
from ...protocol.place import data_folder
from ...runners.local import child_environment
from ...runners.runtimes import Runtimes
from .finding import Finding, finding

HAND = "addon.scene.lib.render.able"
OLDEST = [4, 2]
SECONDS = 180.0
NO_DRIVER = "Install a driver: Mesa's will do (Debian: apt install libegl1 libgl1-mesa-dri; in a container too)."


def tried(blender: str) -> Iterator[Finding]:
    try:
        told, end = _ask(blender)
    except UserError as error:
        yield finding("fail", "Blender", "not found", str(error))
        return
    if "blender" not in told:
        yield finding(
            "fail", "Blender", f"does not answer: {end or blender}", "Check GALATEA_BLENDER, or start it by hand."
        )
        return
    old = told["version"][:2] < OLDEST
    what = f"{told['blender']} with Python {told['python']}"
    yield finding("fail" if old else "ok", "Blender", what, "It is too old. Take Blender 4.2 or a newer one.")
    yield from _renders(told)
    yield from _films(told, end)
    yield from _draws(told, end)


def _ask(blender: str) -> tuple[dict[str, Any], str]:
    """What it told, and how it ended: empty where that was well. Raises `UserError` where there is none."""
    command = Runtimes.here(blender=blender).hand("blender", HAND)
    own = {"GALATEA_HOME": str(data_folder()), "BLENDER_USER_RESOURCES": str(data_folder() / "jobs" / "blender")}
    told: dict[str, Any] = {}
    try:
        run = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=SECONDS, stdin=subprocess.DEVNULL,
            env={**child_environment(), **own},
        )  # fmt: skip
        out, last = run.stdout, run.stderr.strip().splitlines()[-1:]
        end = " ".join([f"it ended with {run.returncode}", *last]) if run.returncode else ""
    except subprocess.TimeoutExpired as error:
        out = error.stdout.decode(errors="replace") if isinstance(error.stdout, bytes) else error.stdout or ""
        end = f"nothing more was heard in {SECONDS:.0f} s"
    except OSError as error:
        return {}, f"{command[0]}: {error.strerror}"
    for text in out.splitlines():
        if text.startswith("{"):
            try:
                told.update(json.loads(text))
            except ValueError:
                continue
    return told, end


def _renders(told: dict[str, Any]) -> Iterator[Finding]:
    if not told.get("cycles"):
        fix = "Nothing to do, unless there is one: then install its driver."
        yield finding("warn", "Cycles", "renders on the processor", fix)
    else:
        yield finding("ok", "Cycles", f"{told['cycles']}: {', '.join(told['cards'])}")
    if not told.get("denoiser"):
        yield finding("warn", "Denoiser", "this Blender has none", "Take a Blender from blender.org, or more samples.")


def _films(told: dict[str, Any], end: str) -> Iterator[Finding]:
    films = told.get("films")
    if films is None:
        yield finding("fail", "Films", f"could not be tried: {end}", "Start this Blender by hand and render a film.")
        return
    good = ", ".join(name for name, able in films.items() if able) or "none"
    bad = ", ".join(name for name, able in films.items() if not able)
    text = f"FFmpeg packs {good}{f', not {bad}' if bad else ''}"
    fix = "Set film.format to one that it packs, or take a Blender from blender.org."
    yield finding("fail" if not films.get("mp4") else "warn" if bad else "ok", "Films", text, fix)


def _draws(told: dict[str, Any], end: str) -> Iterator[Finding]:
    """EEVEE and Workbench want OpenGL or Vulkan; Cycles does without."""
    libraries = [name for name in ("EGL", "GL", "vulkan") if find_library(name)] if os.name == "posix" else []
    has = f" (libraries: {', '.join(libraries)})" if libraries else ""
    drawn = told.get("draws")
    if drawn:
        soft = "llvmpipe" in drawn.lower() or "softpipe" in drawn.lower() or "swiftshader" in drawn.lower()
        fix = "That is the processor, and slow. Nothing to do for Cycles; EEVEE is quicker with a card."
        yield finding("warn" if soft else "ok", "Drawing", f"{drawn}{has}", fix)
        return
    why = f"Blender ends when it draws ({end})" if told.get("drawing") and drawn is None else "nothing draws"
    yield finding("warn", "Drawing", f"{why}{has}: no EEVEE and no Workbench", f"{NO_DRIVER} Cycles does without.")
