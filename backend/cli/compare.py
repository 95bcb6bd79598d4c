# SPDX-License-Identifier: GPL-3.0-or-later
"""The verb compare: one photo, several models, one page; each is an order of the same recipe, and what fails, fails
alone.

DIR/<backend>/ is as `run` leaves it. DIR holds compare.html, compare.json and the result.json of the whole.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..protocol.catalog import catalog, spec_of
from ..protocol.errors import EXIT_CODES, UserError
from ..protocol.job import Failure
from ..protocol.recipe import parse_settings
from ..worker.execute import explain
from . import dry, flags, outcome, page, run
from .errand import Errand

RECIPE, TASK = "photo_to_views", "image-to-mesh"
RULE = (
    "Best first: how far the outlines of photo and mesh overlap (IoU) minus how different the two look (LPIPS), "
    "both from where the photo was taken. What the photo does not show has no score: look at the views."
)
SCORES = ("score", "iou", "psnr", "lpips")
MESH = ("faces", "vertices", "watertight", "shells", "boundary_edges", "nonmanifold_edges", "hole")
SCHEMA = 1


def add_verbs(verbs: Any) -> None:
    compare = verbs.add_parser(
        "compare",
        help="one photo, several models, one page with pictures and scores",
        description="Make a mesh of a photo with several models and compare them: pictures from all around, scores "
        f"against the photo, a report on each mesh. {RULE}",
    )
    compare.add_argument("image", type=Path, metavar="IMAGE", help="the photo")
    compare.add_argument(
        "--backends", required=True, metavar="A,B,…", help="models that make the mesh (see `galatea backends`)"
    )
    compare.add_argument(
        "--mask", type=Path, metavar="FILE", help="white where the object is; replaces the automatic cut-out"
    )
    compare.add_argument("--keep", action="store_true", help="copy the best mesh to DIR as best.glb")
    flags.shared(compare)
    compare.set_defaults(call=_compare)


def _compare(options: argparse.Namespace, blender: str) -> int:
    options.out = run.needed(options.out)
    if options.job_file:
        raise UserError("A job file is one order, and compare gives several. Leave --job-file out.", kind="usage")
    errands = [run.errand(flags.order_of(one, RECIPE), one, one.backend) for one in _each(options)]
    if options.dry_run:
        return dry.run(errands, options, blender)
    started, inputs = time.time(), errands[0].inputs
    identity = hashlib.sha256(json.dumps([errand.run for errand in errands]).encode()).hexdigest()[:20]
    outcome.prepare(options.out, identity, inputs, overwrite=options.overwrite)
    for errand in errands:
        errand.prepare()
    run.worker(options, blender, len(errands))(errands)

    rows = ranked(errands)
    failed = [errand for errand in errands if errand.code]
    stopped = [errand for errand in failed if errand.data["status"] == "cancelled"]
    worst = next(iter(stopped or failed), None)
    failure = Failure(**worst.data["error"], trace=worst.data["trace"]) if worst else None
    code = worst.code or 0 if worst else 0
    outputs: list[dict[str, Any]] = []
    try:
        outputs = _deliver(identity, rows, errands, options)
    except Exception as error:  # a full disk, or a file of somebody else
        trouble = explain(error)
        failure, code = failure or trouble, code or EXIT_CODES[trouble.kind]
    data = outcome.document(
        run=identity, recipe=errands[0].recipe.name, seed=errands[0].seed, inputs=inputs,
        stages=[stage for errand in errands for stage in errand.stages], outputs=outputs, failure=failure,
        started=started,
    )  # fmt: skip
    data |= {"exit_code": code, "rule": RULE, "backends": rows}
    try:
        outcome.write(options.out, data)
    except UserError as error:
        sys.stderr.write(f"galatea: {error}\n")
        code = code or EXIT_CODES[error.kind]
    _tell(data, options)
    return code


def _each(options: argparse.Namespace) -> list[argparse.Namespace]:
    """The options of each model: its own folder, and of the settings those for steps that it has."""
    names = list(dict.fromkeys(name.strip() for name in options.backends.split(",") if name.strip()))
    if not names:
        raise UserError("--backends takes the ids of models: --backends lift,relief.", kind="usage")
    for name in names:
        if spec_of(name).task != TASK:
            able = ", ".join(spec.id for spec in catalog().values() if spec.task == TASK)
            raise UserError(f"{name} makes no mesh of a photo. These do: {able}.", kind="usage")
    other = {do for do in parse_settings(options.settings) if spec_of(do).task == TASK}
    if other - set(names):
        raise UserError(f"--set {min(other - set(names))}: it is not among --backends. Add it there.", kind="usage")
    return [
        flags.but(options, backend=name, out=options.out / name, settings=mine)
        for name in names
        for mine in [[text for text in options.settings if text.partition(".")[0] not in other - {name}]]
    ]


def ranked(errands: Sequence[Errand]) -> list[dict[str, Any]]:
    """A row for each model, the best first by RULE; those that failed at the end, in the order asked."""
    rows = [_row(errand) for errand in errands]
    return sorted(rows, key=lambda row: -row.get("score", -10))


def _row(errand: Errand) -> dict[str, Any]:
    spec = spec_of(errand.name)
    metrics = {stage.step: stage.result.metrics for stage in errand.stages if str(stage.result.state) == "done"}
    judged = metrics.get("judge", {}) if errand.code == 0 else {}
    made = next((stage.result for stage in errand.stages if stage.step == errand.name), None)
    files = {item["role"]: item["path"] for item in errand.data["outputs"]}
    return {
        "backend": errand.name,
        "label": spec.label,
        "license": spec.license,
        "state": errand.data["status"],
        "exit_code": errand.code,
        "error": errand.data["error"],
        "seconds": made.seconds if made else 0.0,
        "device": made.device if made else "",
        "folder": errand.out.name,
        "files": {role: files[role] for role in ("model", "views", "seen", "scores") if role in files},
        **{name: judged[name] for name in (*SCORES, *MESH) if name in judged},
    }


def _deliver(
    identity: str, rows: list[dict[str, Any]], errands: Sequence[Errand], options: argparse.Namespace
) -> list[dict[str, Any]]:
    """The page, its numbers and, if wanted, the best mesh."""
    best = next((row for row in rows if "score" in row), None)
    table = {
        "schema": SCHEMA,
        "image": str(options.image),
        "seed": errands[0].seed,
        "quality": options.quality,
        "rule": RULE,
        "best": best["backend"] if best else None,
        "backends": rows,
    }
    with tempfile.TemporaryDirectory(prefix="galatea-") as temporary:
        made = {role: Path(temporary) / f"compare.{suffix}" for role, suffix in (("page", "html"), ("table", "json"))}
        made["page"].write_text(page.of(options.image.name, rows, RULE, options.out), encoding="utf-8")
        made["table"].write_text(json.dumps(table, indent=1), encoding="utf-8")
        if options.keep and best and "model" in best["files"]:
            source = options.out / best["folder"] / best["files"]["model"]
            made["best"] = Path(temporary) / f"best{source.suffix}"
            shutil.copyfile(source, made["best"])
        return outcome.deliver(identity, made, errands[0].inputs, options.out, overwrite=options.overwrite)


def _tell(data: dict[str, Any], options: argparse.Namespace) -> None:
    for row in data["backends"]:
        if row["error"]:
            hint = f" {row['error']['hint']}" if row["error"]["hint"] else ""
            sys.stderr.write(f"galatea: {row['backend']}: {row['error']['message']}{hint}\n")
    if options.json:
        sys.stdout.write(json.dumps(data) + "\n")
    else:
        for row in data["backends"]:
            if "score" in row:
                scores = "  ".join(f"{name} {row[name]:.3f}" for name in SCORES)
                sys.stdout.write(f"{row['backend']:16} {scores}\n")
        names = [*(item["path"] for item in data["outputs"]), outcome.RESULT]
        sys.stdout.writelines(f"{options.out / name}\n" for name in names)
    sys.stdout.flush()
