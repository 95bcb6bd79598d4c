# SPDX-License-Identifier: GPL-3.0-or-later
"""The verb validate: does an asset keep the rules that a studio or an engine checks? Ends with 12 where it does not."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..protocol.catalog import catalog
from . import flags, run

RECIPE, STEP = "asset_to_findings", "validate"


def add_verbs(verbs: Any) -> None:
    profile = next(param for param in catalog()[STEP].params if param.name == "profile")
    verb = verbs.add_parser(
        "validate",
        help="check an asset against the rules of a studio or an engine",
        description="Check an asset as validators of studios do: UVs and their name, scale, names, paths, frame range, "
        "textures, and the root of a USD. Nothing is changed. Ends with 12 where a rule is broken.",
    )
    verb.add_argument("asset", type=Path, metavar="ASSET", help="a glb, gltf, obj, fbx, usd, stl, ply, abc or .blend")
    verb.add_argument(
        "--profile",
        choices=profile.choices,
        default=profile.default,
        help=f"{profile.help[0].lower()}{profile.help[1:]}; else {profile.default}",
    )
    flags.shared(verb)
    verb.set_defaults(call=_validate)


def _validate(options: argparse.Namespace, blender: str) -> int:
    settings = [*options.settings, f"{STEP}.profile={options.profile}"]
    with tempfile.TemporaryDirectory(prefix="galatea-") as folder:
        out = options.out or Path(folder)
        one = flags.but(options, settings=settings, mesh=options.asset, out=out)
        order = flags.order_of(one, RECIPE)
        if options.job_file or options.dry_run:
            return run.work(one, blender, [order])
        errand = run.errand(order, one)
        errand.prepare()
        run.worker(one, blender, 1)([errand])
        findings: list[dict[str, str]] = next((stage.result.metrics.get("findings", []) for stage in errand.stages), [])
        if options.json:
            told = {"asset": str(options.asset), "profile": options.profile, "findings": findings}
            sys.stdout.write(json.dumps({**told, "exit_code": errand.code, "error": errand.data["error"]}) + "\n")
        else:
            sys.stdout.writelines(f"{line}\n" for each in findings for line in _lines(each))
        error = errand.data["error"]
        flags.tellers(one).ended("", errand.row(), {**error, "hint": ""} if error and findings else error)
        sys.stdout.flush()
        return errand.code or 0


def _lines(finding: dict[str, str]) -> Iterator[str]:
    where = f" ({finding['where']})" if finding["where"] else ""
    yield f"{finding['state']:5} {finding['rule']}: {finding['found']}{where}"
    if finding["state"] != "ok" and finding["fix"]:
        yield f"{'':6}{finding['fix']}"
