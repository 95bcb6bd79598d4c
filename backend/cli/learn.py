# SPDX-License-Identifier: GPL-3.0-or-later
"""The laboratory's verbs: data, eval, release; train.py has the others. They need what requirements-dev.txt lists."""

from __future__ import annotations

import argparse
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..protocol.errors import UserError
from .entries import Teller

ENCODER = Path(__file__).resolve().parents[1] / "weights" / "dinov2_vits14.safetensors"
LIBRARIES = ("torch", "safetensors", "scipy", "trimesh", "embreex")


def add_verbs(verbs: Any) -> None:
    data = verbs.add_parser(
        "data",
        help="build the training data, from packages of free meshes or from your own",
        description="Build what `galatea train` learns from: views of free meshes, or of your own (docs/training.md).",
    )
    data.add_argument(
        "action", choices=("build", "card"), help="build goes on where it stopped; card prints whose meshes it holds"
    )
    data.add_argument("folder", type=Path, metavar="DIR", help="receives the data")
    data.add_argument(
        "--source", action="append", default=[], metavar="NAME", help="this package alone; may be given again"
    )
    data.add_argument(
        "--meshes", type=Path, metavar="DIR", help="your own: a folder of .glb, .gltf, .obj, .ply, .stl or .off files"
    )
    data.add_argument("--up", choices=("auto", "y", "z"), default="auto", help="the axis that is upwards in --meshes")
    data.add_argument("--views", type=int, default=3, metavar="N", help="pictures of each object (3)")
    data.add_argument("--seed", type=int, default=0, metavar="N", help="another one takes other views (0)")
    data.add_argument("--limit", type=int, metavar="N", help="so many objects of each package at most")
    data.add_argument(
        "--workers", type=int, default=os.cpu_count() or 1, metavar="N", help="processes at once (one a processor)"
    )
    data.set_defaults(call=_data)
    _add_eval(verbs)
    _add_release(verbs)


def _add_eval(verbs: Any) -> None:
    evaluate = verbs.add_parser(
        "eval",
        help="score backends on the hold-out, on your own meshes, or on photos",
        description="Score how near what backends make is to the objects that they were shown (docs/evaluation.md).",
    )
    evaluate.add_argument(
        "folder", type=Path, metavar="DIR", help="what `galatea data build` made, or a folder of meshes"
    )
    evaluate.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="receives scores, table and contact sheets"
    )
    evaluate.add_argument(
        "--predictor",
        metavar="NAME",
        action="append",
        default=[],
        help="sphere, oracle, retrieval, a backend, or weights of Lift (.safetensors); may be given again",
    )
    evaluate.add_argument(
        "--photos", metavar="DIR", help="real photos instead: a folder of cut-outs, or debian for 60 of a package"
    )
    evaluate.add_argument(
        "--up", choices=("auto", "y", "z"), default="auto", help="the axis upwards in your own meshes"
    )
    evaluate.add_argument("--limit", type=int, metavar="N", help="the first so many objects by hash")
    evaluate.add_argument(
        "--workers", type=int, default=1, metavar="N", help="processes that score; the scores are the same"
    )
    evaluate.set_defaults(call=_eval)


def _add_release(verbs: Any) -> None:
    release = verbs.add_parser(
        "release",
        help="put trained weights into the extension, with their graph and hashes",
        description="Pack trained weights into backend/weights, where Lift takes them from, and print their hashes.",
    )
    release.add_argument("weights", type=Path, metavar="FILE", help="lift.safetensors in the --out of a training run")
    release.set_defaults(call=_release)


def need() -> None:
    missing = [name for name in LIBRARIES if find_spec(name) is None]
    if missing:
        raise UserError(
            f"This needs {', '.join(missing)}. Install requirements-dev.txt (`make setup-dev`).",
            kind="environment",
        )


def _data(options: argparse.Namespace, blender: str) -> int:
    need()
    from ..learn.things import build as things
    from ..learn.things.sources import SOURCES

    tell = Teller(json=False)
    if options.action == "card" and not (options.folder / "records").is_dir():
        raise UserError(f"There is no data in {options.folder}. Run `galatea data build` first.", kind="usage")
    if options.action == "build":
        from ..learn.training import tokens
        from ..learn.views import shards

        unknown = set(options.source) - set(SOURCES)
        if unknown:
            raise UserError(
                f"There is no source {', '.join(sorted(unknown))}. There are {', '.join(SOURCES)}.", kind="usage"
            )
        if options.meshes:
            things.own(options.folder, options.meshes, tell, options.up)
        if options.source or not options.meshes:
            things.build(options.folder, options.source or list(SOURCES), tell, options.limit)
        for split in ("train", "val"):
            shards.build(options.folder, split, options.views, options.seed, tell, options.workers, None)
            tokens.build(options.folder, split, ENCODER, tell)
    sys.stdout.write(things.card(options.folder))
    return 0


def _eval(options: argparse.Namespace, blender: str) -> int:
    need()
    from ..learn.evaluate.run import Evaluation

    tell = Teller(json=False)
    asked = {
        "names": options.predictor,
        "encoder": ENCODER,
        "limit": options.limit,
        "workers": options.workers,
    }
    if options.photos:
        text = Evaluation(options.folder, options.out, **asked).photos(options.photos, tell)
    else:
        text = Evaluation.of(options.folder, options.out, up=options.up, tell=tell, **asked).holdout(tell)
    sys.stdout.write(text)
    return 0


def _release(options: argparse.Namespace, blender: str) -> int:
    need()
    from ..learn.release import release

    for name, digest in release(options.weights, ENCODER.parent).items():
        sys.stdout.write(f"{digest}  {name}\n")
    return 0
