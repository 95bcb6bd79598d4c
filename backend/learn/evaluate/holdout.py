# SPDX-License-Identifier: GPL-3.0-or-later
"""The public hold-out: one picture of each Thing that no training sees, taken by Cycles.

DATA/things/holdout/<key>.npz becomes DATA/holdout/<key>.png and <key>.json. Camera and light follow from the key
alone, so that the pictures are the same set on every machine, up to Cycles' own tolerance.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ...geometry import camera as cameras
from ...protocol.store import publish
from ..things import thing as things

SIDE = 256
"""px"""
SAMPLES = 16
AZIMUTH, ELEVATION, FOV = (-60.0, 60.0), (0.0, 35.0), (25.0, 50.0)
"""Degrees that a hold-out camera is drawn from."""

Tell = Callable[[str, int, int], None]
"""(key, how many are ready, of how many)"""


@dataclass
class Rendered:
    """What `render` did: keys that are ready, and why others are not."""

    ready: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def draw(key: str) -> dict[str, Any]:
    """Azimuth, elevation and field of view in degrees and the seed of the light: a function of the key."""
    digest = hashlib.sha256(f"galatea hold-out 1:{key}".encode()).digest()
    dice = np.random.default_rng(int.from_bytes(digest[:8], "little"))
    azimuth, elevation, fov = (round(float(dice.uniform(*span)), 3) for span in (AZIMUTH, ELEVATION, FOV))
    return {"azimuth": azimuth, "elevation": elevation, "fov": fov, "light": int.from_bytes(digest[8:12], "little")}


def describe(path: Path) -> dict[str, Any]:
    """What <key>.json holds: key, name, category, licence and the camera as drawn and as aimed."""
    thing = things.load(path)
    view = draw(thing.key)
    camera, frame = cameras.aim(
        thing.vertices, np.radians(view["azimuth"]), np.radians(view["elevation"]), np.radians(view["fov"])
    )
    return {
        "key": thing.key,
        "name": thing.meta.get("name", thing.key),
        "category": thing.meta.get("category", ""),
        "licence": thing.meta.get("licence", ""),
        "light": view["light"],
        "camera": {
            "azimuth": view["azimuth"],
            "elevation": view["elevation"],
            "fov": view["fov"],
            "f": camera.f,
            "rotation": camera.rotation.tolist(),
            "position": camera.position.tolist(),
            "zc": frame.zc,
        },
    }


def keys(data: Path) -> list[str]:
    """The hold-out objects that are there and whose picture is ready, in order of their names."""
    things_there = (path.name[: -len(".npz")] for path in (data / "things" / "holdout").glob("*.npz"))
    folder = data / "holdout"
    return sorted(
        key for key in things_there if (folder / f"{key}.json").is_file() and (folder / f"{key}.png").is_file()
    )


def render(
    data: Path,
    *,
    only: Iterable[str] | None = None,
    side: int = SIDE,
    samples: int = SAMPLES,
    threads: int = 1,
    progress: Tell | None = None,
) -> Rendered:
    """Take the pictures that are missing, all in one Blender; where it dies, that object is left out and said."""
    sources = {path.name[: -len(".npz")]: path for path in sorted((data / "things" / "holdout").glob("*.npz"))}
    if only is not None:
        wanted = set(only)
        sources = {key: path for key, path in sources.items() if key in wanted}
    folder = data / "holdout"
    folder.mkdir(parents=True, exist_ok=True)
    ready = set(keys(data))
    done = Rendered([key for key in sources if key in ready])
    waiting: dict[str, dict[str, Any]] = {}
    for key, path in sources.items():
        if key in ready:
            continue
        try:
            waiting[key] = describe(path)
        except (OSError, ValueError) as error:
            done.failed[key] = str(error)
    while waiting:
        objects = [
            {
                "key": key,
                "thing": str(sources[key]),
                "png": str(folder / f"{key}.png"),
                "camera": card["camera"],
                "light": card["light"],
            }
            for key, card in waiting.items()
        ]
        job = {"side": side, "samples": samples, "threads": threads, "objects": objects}
        _blender(job, waiting, folder, done, progress, len(sources))
    return done


def _blender(
    job: dict[str, Any],
    waiting: dict[str, dict[str, Any]],
    folder: Path,
    done: Rendered,
    progress: Tell | None,
    total: int,
) -> None:
    """One child from its first line to its last; takes what it ended, well or not, out of `waiting`."""
    with tempfile.TemporaryDirectory() as scratch:
        order, log = Path(scratch) / "job.json", Path(scratch) / "log"
        order.write_text(json.dumps(job), encoding="utf-8")
        begun = ""
        command = [sys.executable, "-m", f"{__package__}.studio", str(order)]
        threads = {"OMP_NUM_THREADS": str(job["threads"])}
        with (
            log.open("wb") as noise,
            subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=noise, text=True, env={**os.environ, **threads}
            ) as child,
        ):
            assert child.stdout
            try:
                for line in child.stdout:
                    said = json.loads(line)
                    begun = said["key"]
                    if said["state"] == "begun":
                        continue
                    card = waiting.pop(begun)
                    if said["state"] == "done":
                        publish(folder / f"{begun}.json", card)
                        done.ready.append(begun)
                    else:
                        done.failed[begun] = said["reason"]
                    if progress:
                        progress(begun, len(done.ready), total)
            except BaseException:
                child.kill()
                raise
        if waiting:
            tail = log.read_text(encoding="utf-8", errors="replace")[-400:]
            if not begun:
                raise RuntimeError(f"Blender did not start: {tail}")
            waiting.pop(begun, None)
            done.failed[begun] = f"Blender ended with code {child.returncode}: {tail}"
            with contextlib.suppress(OSError):
                (folder / f"{begun}.part.png").unlink()
