# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs that tell: doctor, describe, env."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from typing import Any

from ..protocol.catalog import PATH
from ..protocol.errors import UserError


def add_verbs(verbs: Any) -> None:
    doctor = verbs.add_parser("doctor", help="check this installation; each finding comes with its fix")
    doctor.add_argument("--json", action="store_true")
    doctor.set_defaults(call=_doctor)

    env = verbs.add_parser("env", help="install, check or remove the full environment (torch)", add_help=False)
    env.add_argument("rest", nargs=argparse.REMAINDER)
    env.set_defaults(call=_env)

    describe = verbs.add_parser("describe", help="write the catalogue of steps from their files (for developers)")
    describe.add_argument("--check", action="store_true", help="only say whether the committed one is true")
    describe.set_defaults(call=_describe)


def _doctor(options: argparse.Namespace, blender: str) -> int:
    from .doctor import examine

    findings = examine(blender)
    if options.json:
        sys.stdout.write(json.dumps(findings) + "\n")
    else:
        for finding in findings:
            fix = f"\n{'':6} {finding['fix']}" if finding["fix"] else ""
            sys.stdout.write(f"{finding['state']:5} {finding['what']}: {finding['found']}{fix}\n")
    return 1 if any(finding["state"] == "fail" for finding in findings) else 0


def _env(options: argparse.Namespace, blender: str) -> int:
    from ..env import main

    return int(main(options.rest))


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
