# SPDX-License-Identifier: GPL-3.0-or-later
"""Orders as a job template of Open Job Description, jobtemplate-2023-09 (openjd-specifications on GitHub).

Parameters that are paths: Bundle, with the orders and what they name; Home, the data folder that all machines of the
job see, or that the farm carries from step to step; Out, for what is delivered. JSON is YAML, so the template is one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .phases import Phase

TEMPLATE = "template.json"
Files = dict[str, bytes]
"""What a farm reads, by its name in the bundle; the first is the one to submit."""
NOTICE_SECONDS = 30
"""Between SIGTERM, at which a task writes what it has, and SIGKILL."""


def template(name: str, found: list[Phase], count: int, parts: int) -> dict[str, Any]:
    """Of `count` orders with these phases; a film is shared by `parts` tasks."""
    return {
        "specificationVersion": "jobtemplate-2023-09",
        "name": name,
        "parameterDefinitions": [
            _path("Bundle", ".", "IN", "The orders and the files that they name"),
            _path("Home", "home", "INOUT", "The data folder; all machines see it, or the farm carries it along"),
            _path("Out", "out", "OUT", "What is delivered, a folder for each order"),
            {
                "name": "Galatea",
                "type": "STRING",
                "default": "galatea",
                "description": "The program on the machines of the farm",
                "userInterface": {"control": "LINE_EDIT", "label": "Program"},
            },
        ],
        "jobEnvironments": [{"name": "Galatea", "variables": {"GALATEA_HOME": "{{Param.Home}}", "PYTHONUTF8": "1"}}],
        "steps": [_step(k, found, count, parts) for k in range(len(found))],
    }


def files(name: str, found: list[Phase], count: int, parts: int, out: Path) -> Files:
    """The template."""
    return {TEMPLATE: told(template(name, found, count, parts))}


def told(data: dict[str, Any]) -> bytes:
    return json.dumps(data, indent=1).encode()


def _path(name: str, default: str, flow: str, description: str) -> dict[str, Any]:
    return {
        "name": name,
        "type": "PATH",
        "objectType": "DIRECTORY",
        "dataFlow": flow,
        "default": default,
        "description": description,
        "userInterface": {"control": "CHOOSE_DIRECTORY", "label": name},
    }


def _step(index: int, found: list[Phase], count: int, parts: int) -> dict[str, Any]:
    phase = found[index]
    space: dict[str, Any] = {
        "taskParameterDefinitions": [{"name": "Order", "type": "INT", "range": f"1-{count}" if count > 1 else [1]}]
    }
    if phase.shared:
        numbers: Any = f"1-{parts}" if parts > 1 else [1]
        space["taskParameterDefinitions"].append({"name": "Part", "type": "INT", "range": numbers})
        space["combination"] = "Order * Part"
    made: dict[str, Any] = {
        "name": phase.name.capitalize(),
        "parameterSpace": space,
        "script": {"actions": {"onRun": _run(phase, parts)}},
    }
    if index:
        made["dependencies"] = [{"dependsOn": found[index - 1].name.capitalize()}]
    if phase.gpu_mb:
        made["hostRequirements"] = {
            "amounts": [
                {"name": "amount.worker.gpu", "min": 1},
                {"name": "amount.worker.gpu.memory", "min": phase.gpu_mb},
            ]
        }
    return made


def _run(phase: Phase, parts: int) -> dict[str, Any]:
    words = ["farm", "task", "{{Param.Bundle}}/orders/{{Task.Param.Order}}.json", "--until", phase.until]
    if phase.shared:
        words += ["--part", f"{{{{Task.Param.Part}}}}/{parts}"]
    elif phase.name == "encode":
        words += ["--parts", str(parts)]
    if phase.last:
        words += ["--out", "{{Param.Out}}/{{Task.Param.Order}}", "--overwrite"]
    return {
        "command": "{{Param.Galatea}}",
        "args": [*words, "--progress", "openjd"],
        "cancelation": {"mode": "NOTIFY_THEN_TERMINATE", "notifyPeriodInSeconds": NOTICE_SECONDS},
    }
