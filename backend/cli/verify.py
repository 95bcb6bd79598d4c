# SPDX-License-Identifier: GPL-3.0-or-later
"""The verb that proves where an asset comes from: verify."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..protocol import provenance, sealed
from ..protocol.errors import UserError
from ..protocol.job import prove_file


def add_verbs(verbs: Any) -> None:
    verify = verbs.add_parser(
        "verify",
        help="prove that an asset is as Galatea wrote it, and tell where it comes from",
        description="Check an asset against the hash in its sidecar, or in the glTF itself; ends with 3 if it differs.",
    )
    verify.add_argument("asset", type=Path, metavar="ASSET", help="a mesh file that was exported, or its .galatea.json")
    verify.add_argument("--json", action="store_true", help="print all that is said of it")
    verify.set_defaults(call=_verify)


def _verify(options: Any, blender: str) -> int:
    path = sealed.subject(options.asset.expanduser())
    prove_file(path)
    told = sealed.told(path)
    if told is None:
        raise UserError(_nothing(path))
    faults = sealed.faults(path, told)
    if options.json:
        sys.stdout.write(json.dumps({"file": str(path), "genuine": not faults, "faults": faults, **told}) + "\n")
    else:
        sys.stdout.write("\n".join(_printable(line) for line in _lines(path, told, genuine=not faults)) + "\n")
    if faults:
        hint = "What it says of its origin was true of the file before. Export it again, or find the original."
        raise UserError("; ".join(map(_printable, faults)) + ".", hint=hint)
    return 0


def _nothing(path: Path) -> str:
    if path.suffix.lower() == ".blend":
        more = f"In Blender its body has the custom property {provenance.PROPERTY}"
    else:
        more = f"Put its {path.name}{sealed.SIDECAR} beside it, if it has one"
    return f"{path.name} says nothing of where it comes from. {more}."


def _lines(path: Path, told: Mapping[str, Any], *, genuine: bool) -> Iterator[str]:
    yield f"{path.name}: {'as Galatea wrote it' if genuine else 'CHANGED since Galatea wrote it'}"
    yield f"producer   {told.get('producer', '?')} {told.get('version', '')}"
    kind = str(told.get("digitalSourceType", "")).rpartition("/")[2]
    yield f"made by    {kind or 'not told: Galatea worked on a mesh that it was given'}"
    if told.get("backend"):
        yield f"model      {told['backend']} ({told.get('license', '')}), seed {told.get('seed', 0)}"
    for each in _dicts(told.get("weights")):
        yield f"weights    {each.get('name', '?')} {each.get('revision', '')} ({each.get('license', '?')})"
        files = each.get("files", {})
        for name, digest in files.items() if isinstance(files, dict) else ():
            yield f"           {digest or 'hash not known':64} {name}"
    for each in _dicts(told.get("inputs")):
        yield f"input      {each.get('sha256', '')} {each.get('role', '')}"
    prompt = told.get("prompt")
    for name, words in prompt.items() if isinstance(prompt, dict) else ():
        yield f"words      {name}: {words}"
    for step in provenance.steps_of(told.get("recipe")):
        params = " ".join(f"{key}={value}" for key, value in _params(step).items())
        yield f"step       {step['step']} {params}"


def _params(step: Mapping[str, Any]) -> dict[str, Any]:
    params = step.get("params")
    return params if isinstance(params, dict) else {}


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _printable(text: str) -> str:
    """Files of strangers may hold what moves a terminal's cursor."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:2000]
