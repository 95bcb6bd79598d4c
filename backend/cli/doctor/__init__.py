# SPDX-License-Identifier: GPL-3.0-or-later
"""`galatea doctor`: is everything there that Galatea needs? One finding a line, each that is not well with its fix.

What it tells, and what it packs into a zip for whoever helps, goes through `redact` first.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...version import VERSION
from .. import flags
from . import blender as blenders
from . import data, machine, report
from .finding import Finding, finding
from .redact import Redact


def add_verbs(verbs: Any) -> None:
    doctor = verbs.add_parser(
        "doctor",
        help="check this installation; each finding comes with its fix",
        description="Check whether everything is there that Galatea needs. Blender and its films are tried, not looked "
        "up, which takes some seconds. Secrets, names of people and home folders are left out of all that it tells.",
    )
    doctor.add_argument(
        "--bundle", type=Path, metavar="FILE", help="a zip of findings, failures and logs for whoever helps"
    )
    doctor.add_argument("--json", action="store_true", help="the findings as one JSON list")
    doctor.set_defaults(call=_doctor)


def examine(blender: str) -> Iterator[Finding]:
    """The findings, as they are found."""
    redact = Redact()
    for found in _all(blender):
        yield {name: redact(text) for name, text in found.items()}


def _all(blender: str) -> Iterator[Finding]:
    yield finding("ok", "Galatea", VERSION)
    yield finding("ok", "System", f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors")
    yield finding("ok", "Python", f"{platform.python_version()} ({sys.executable})")
    yield from machine.libraries()
    yield from machine.memory()
    yield from machine.card()
    yield from machine.full()
    yield from blenders.tried(blender)
    yield from machine.ports()
    yield from data.folders()
    yield from data.allowed()
    yield from data.weights()
    yield from data.failures(flags.store())


def _doctor(options: argparse.Namespace, blender: str) -> int:
    path = options.bundle.expanduser().absolute() if options.bundle else None
    if path:
        report.check(path)
    findings = []
    for found in examine(blender):
        findings.append(found)
        if not options.json:
            sys.stdout.write(line(found))
            sys.stdout.flush()
    if options.json:
        sys.stdout.write(json.dumps(findings) + "\n")
    if path:
        report.write(path, findings, "".join(map(line, findings)), flags.store())
        sys.stderr.write(f"{path}\nLook into it before you send it: words of yours may stand in a log.\n")
    return 1 if any(found["state"] == "fail" for found in findings) else 0


def line(found: Finding) -> str:
    fix = f"\n{'':6} {found['fix']}" if found["fix"] else ""
    return f"{found['state']:5} {found['what']}: {found['found']}{fix}\n"
