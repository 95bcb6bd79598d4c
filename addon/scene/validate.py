# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at an asset as the validators of studios and engines do, and say which rules it breaks. Nothing is changed."""

from __future__ import annotations

import json

from ...backend.protocol.spec import BackendSpec, Param
from .lib.files import rules
from .lib.files.opening import open_scene
from .load import read
from .work import Work

SPEC = BackendSpec(
    id="validate",
    label="Validate",
    task="model-to-findings",
    seeded="never",
    help="Check an asset against the rules of a studio or an engine; nothing is changed.",
    runtime="blender",
    inputs=("model",),
    outputs=("findings",),
    params=(
        Param(
            "profile",
            "choice",
            "ayon",
            "Whose rules: those of pipelines such as AYON, or of an engine",
            choices=rules.PROFILES,
        ),
    ),
)


def run(work: Work, *, profile: str) -> None:
    path = work.files["model"]
    work.progress("Reading the asset", 0.1)
    if path.suffix.lower() == ".blend":
        open_scene(path)
    else:
        read(path)
    work.progress("Checking", 0.6)
    findings = [finding.told() for finding in rules.check(path, profile)]
    file = work.file("findings", "findings.json")
    told = {"asset": path.name, "profile": profile, "findings": findings}
    file.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    work.report.metric("findings", findings)
    work.report.metric("broken", sum(each["state"] == "fail" for each in findings))
