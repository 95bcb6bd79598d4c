# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of scenes in words: simulate, and schema, which tells what a scene's document may hold."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

from ..protocol import order, scene
from ..protocol.catalog import catalog, spec_of
from ..protocol.errors import UserError
from ..protocol.job import sha256
from ..protocol.props import named
from . import flags, run

TASK = "words-to-scene"
DOCUMENTS = {"scene": scene.schema, "order": order.schema}
_MADE = ("rigid_body", "soft_body", "passive", "animated")
"""Types of objects that a model can make the mesh of."""


def add_verbs(verbs: Any) -> None:
    simulate = verbs.add_parser(
        "simulate",
        help="words to a simulated scene and its film",
        description="Read a scene in words, build it, let physics move it, and film it.",
    )
    simulate.add_argument("prompt", nargs="?", metavar="WORDS", help="what is there and what happens")
    simulate.add_argument("--spec", type=Path, metavar="FILE", help="a scene.json in place of words")
    simulate.add_argument("--parser", choices=parsers(), help="what reads the words; grammar needs nothing (default)")
    simulate.add_argument("--spec-only", action="store_true", help="only write DIR/scene.json")
    simulate.add_argument(
        "--things", metavar="ID", help="a model of words, such as shap_e_text, for things that the library lacks"
    )
    flags.shared(simulate)
    simulate.set_defaults(call=_simulate)

    schema = verbs.add_parser(
        "schema", help="print the JSON Schema of a document", description="Print the JSON Schema of a document of ours."
    )
    schema.add_argument("document", choices=DOCUMENTS, help="scene.json, or an order, which is what a job file holds")
    schema.set_defaults(call=_schema)


def parsers() -> list[str]:
    """Short names of the steps that read a scene in words."""
    return sorted(spec.id.removeprefix("scene_") for spec in catalog().values() if spec.task == TASK)


def _schema(options: argparse.Namespace, blender: str) -> int:
    sys.stdout.write(json.dumps(DOCUMENTS[options.document](), indent=1, ensure_ascii=False) + "\n")
    return 0


def _simulate(options: argparse.Namespace, blender: str) -> int:
    if bool((options.prompt or "").strip()) == (options.spec is not None):
        example = 'galatea simulate "three rubber balls fall onto a staircase" --out DIR'
        raise UserError(f"Give words or --spec FILE: {example}.", kind="usage")
    if options.spec and options.parser:
        raise UserError("--parser reads words, and --spec has none. Leave one of them out.", kind="usage")
    if options.spec:
        scene.read(options.spec)
        if options.spec_only:
            raise UserError("--spec-only writes the document that --spec gives. Leave one of them out.", kind="usage")
    options.backend = f"scene_{options.parser or 'grammar'}" if options.prompt is not None else None
    if options.spec_only or (options.things and not options.dry_run):
        code = _read(options, blender)
        if code or options.spec_only:
            return code
        options = _furnished(options, blender)
    return run.perform(options, blender, "spec_to_film" if options.spec else "words_to_film")


def _read(options: argparse.Namespace, blender: str) -> int:
    """Only the document, as DIR/scene.json."""
    if options.spec:
        return 0
    return run.perform(
        flags.but(options, spec=None, until=options.backend, settings=_of(options, options.backend)),
        blender,
        "words_to_film",
    )


def _furnished(options: argparse.Namespace, blender: str) -> argparse.Namespace:
    """Let a model make what the library lacks; options for the document that names those meshes."""
    if spec_of(options.things).task != "text-to-mesh":
        raise UserError(f"{options.things} makes no mesh of words. See `galatea backends`.", kind="usage")
    spec = scene.read(options.spec or options.out / "scene.json")
    items = []
    for item in spec.objects:
        if item.type in _MADE and not item.mesh.file and item.name not in named():
            out = options.out / "things" / item.id
            words = f"{item.look} {item.name}".strip() if item.name not in item.look else item.look
            wish = flags.but(
                options, spec=None, prompt=words, out=out, backend=options.things, settings=_of(options, options.things)
            )
            code = run.perform(wish, blender, "words_to_shape")
            if code:
                raise UserError(f"{options.things} did not make {item.name!r}. See {out / 'result.json'}.")
            [path] = [path for path in out.iterdir() if path.suffix == ".glb"]
            item = dataclasses.replace(item, mesh=scene.Mesh(str(path.absolute()), sha256(path)))
        items.append(item)
    path = options.out / "furnished.json"
    path.write_text(dataclasses.replace(spec, objects=tuple(items)).dumps(), encoding="utf-8")
    return flags.but(options, prompt=None, backend=None, spec=path, overwrite=True)


def _of(options: argparse.Namespace, step: str) -> list[str]:
    """The settings of one step."""
    return [each for each in options.settings if each.startswith(f"{step}.")]
