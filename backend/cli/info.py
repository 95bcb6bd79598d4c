# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs env and describe."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from typing import Any

from ..env import command
from ..protocol.catalog import PATH
from ..protocol.errors import UserError


def add_verbs(verbs: Any) -> None:
    env = verbs.add_parser(
        "env",
        help="install or remove the full environment (torch), or tell its status",
        description="Install, check or remove the full environment: a Python of its own, with torch, for published "
        "models.",
    )
    command.add_flags(env)
    env.set_defaults(call=command.call)

    describe = verbs.add_parser(
        "describe",
        help="write the catalogue of steps from their files (for developers)",
        description="Write backend/catalog.json from the specs of all steps in the repository.",
    )
    describe.add_argument("--check", action="store_true", help="only say whether the committed one is true")
    describe.set_defaults(call=_describe)


def _describe(options: argparse.Namespace, blender: str) -> int:
    from ..worker.find import specs

    root = __package__.removesuffix(".backend.cli")
    try:  # by name: this side must not know Blender, and only developers call this
        scene = importlib.import_module(f"{root}.addon.scene.host").specs()
    except ModuleNotFoundError as error:
        raise UserError(f"describe needs {error.name}. Run it in the development environment.", kind="usage") from None
    steps = [spec.to_json() for spec in specs() + scene]
    text = json.dumps({"schema": 1, "steps": steps}, indent=1) + "\n"
    if PATH.is_file() and PATH.read_text(encoding="utf-8") == text:
        return 0
    if options.check:
        raise UserError(f"{PATH.name} is out of date. Run `galatea describe` and commit it.", kind="usage")
    PATH.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{PATH.name}: {len(steps)} steps\n")
    return 0
