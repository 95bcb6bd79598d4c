# SPDX-License-Identifier: GPL-3.0-or-later
"""The same bundle for other farms: Flamenco, AWS Deadline Cloud, OpenCue. Files, which the farm's own tools send."""

from __future__ import annotations

import json
import platform
import pprint
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import openjd
from .openjd import Files, told
from .phases import Phase

JOB_TYPE = Path(__file__).with_name("flamenco.js")


def flamenco(name: str, found: list[Phase], count: int, parts: int, out: Path) -> Files:
    """job.json, what `POST /api/v3/jobs` takes, and galatea.js, the job type."""
    root = out.resolve()
    settings = {
        "bundle": root.as_posix(),
        "home": (root / "home").as_posix(),
        "out": (root / "out").as_posix(),
        "program": "galatea",
        "orders": count,
        "parts": parts,
        "phases": json.dumps([asdict(phase) for phase in found]),
    }
    job = {"name": name, "type": "galatea", "priority": 50, "settings": settings}
    job["submitter_platform"] = platform.system().lower()  # linux, windows, darwin
    return {"job.json": told(job), "galatea.js": JOB_TYPE.read_bytes()}


def deadline(name: str, found: list[Phase], count: int, parts: int, out: Path) -> Files:
    """A job bundle: the template, what is carried along, and the values of the parameters."""
    template = openjd.files(name, found, count, parts, out)
    carried = {"inputs": {"filenames": [], "directories": ["orders", "inputs"]}, "outputs": {"directories": ["out"]}}
    references: dict[str, Any] = {"assetReferences": {**carried, "referencedPaths": []}}
    values: dict[str, Any] = {"deadline:priority": 50, "deadline:maxFailedTasksCount": 20, "Galatea": "galatea"}
    values["deadline:maxRetriesPerTask"] = 3
    listed = [{"name": key, "value": value} for key, value in values.items()]
    more = {"asset_references.json": references, "parameter_values.json": {"parameterValues": listed}}
    return {**template, **{name: told(data) for name, data in more.items()}}


def opencue(name: str, found: list[Phase], count: int, parts: int, out: Path) -> Files:
    """An outline as a Python file, for `python galatea_cue.py` where pyoutline is installed: that module is `outline`,
    which a file of the same name would hide."""
    plan = {"name": name, "phases": [asdict(phase) for phase in found], "orders": count, "parts": parts}
    text = _OUTLINE.replace("@PLAN@", pprint.pformat(plan, sort_dicts=False))
    return {"galatea_cue.py": text.encode()}


KINDS = {"openjd": openjd.files, "deadline": deadline, "flamenco": flamenco, "opencue": opencue}

_OUTLINE = '''# SPDX-License-Identifier: GPL-3.0-or-later
"""Orders of Galatea as an OpenCue job: a layer a phase, a frame an order; of a film a frame a part."""

from pathlib import Path

from outline import Outline, cuerun
from outline.modules.shell import ShellSequence

HERE = Path(__file__).resolve().parent
PROGRAM = "galatea"
PLAN = @PLAN@


def words(phase, order, part):
    """What a frame runs."""
    found = [PROGRAM, "farm", "task", f"{HERE}/orders/{order}.json", "--until", phase["until"]]
    found += ["--home", f"{HERE}/home"]
    if phase["shared"]:
        found += ["--part", f"{part}/{PLAN['parts']}"]
    elif phase["name"] == "encode":
        found += ["--parts", str(PLAN["parts"])]
    if phase["last"]:
        found += ["--out", f"{HERE}/out/{order}", "--overwrite"]
    return found


def outline():
    """Each layer waits for the one before."""
    made, before = Outline(PLAN["name"]), None
    for phase in PLAN["phases"]:
        numbers = range(1, PLAN["parts"] + 1) if phase["shared"] else [0]
        tasks = [words(phase, order, part) for order in range(1, PLAN["orders"] + 1) for part in numbers]
        more = {"tags": ["gpu"]} if phase["gpu_mb"] else {}
        layer = ShellSequence(phase["name"], commands=tasks, chunk=1, **more)
        if before:
            layer.depend_all(before)
        made.add_layer(layer)
        before = layer
    return made


if __name__ == "__main__":
    cuerun.launch(outline(), use_pycuerun=False)
'''
