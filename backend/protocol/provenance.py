# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an asset comes from: every step that led to it, told in the asset, in a file beside it, and proved by a hash.

Nobody passes this along. A job's inputs lie in the folders of the jobs that made them, so the chain is read backwards
from the requests in the store, and no fingerprint changes. Where a scene leaves the store (into the artist's file and
out again) its body carries the document in the custom property PROPERTY, as JSON.

What a user typed and where files lie on this machine is left out; texts come in only where the user agrees.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from . import sealed, whole
from .catalog import catalog
from .errors import UserError
from .job import Request, Result, sha256
from .spec import BackendSpec, Weights
from .store import JobStore
from .weights import folder_of, latest, named

PROPERTY = "galatea_provenance"
SCHEMA = 1
IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_LARGEST = 1 << 22
"""Characters of a property that are read."""

Step = dict[str, Any]


def chain(store: JobStore, job: str, told: Iterable[Step] = ()) -> list[Step]:
    """All steps that led to the job, it included, each after those that it needs; `told` is what its scene says."""
    steps = {step["job"]: step for step in told}
    _walk(store, job, steps, set())
    return list(steps.values())


def _walk(store: JobStore, job: str, steps: dict[str, Step], seen: set[str]) -> None:
    if job in steps or job in seen:
        return
    seen.add(job)
    try:
        request = store.request(job)
    except UserError:  # its folder is gone: what came of it stays true
        return
    for path in map(Path, request.inputs.values()):
        maker = _maker(store, path)
        if maker:
            _walk(store, maker, steps, seen)
        else:
            for step in _told_by(path):
                steps.setdefault(step["job"], step)
    steps[job] = _step(store, request)


def makers(store: JobStore, request: Request) -> list[str]:
    """The steps that its files came from, each after those that it needed itself, as far as the store knows."""
    found: list[str] = []
    for job in filter(None, (_maker(store, Path(path)) for path in request.inputs.values())):
        with contextlib.suppress(UserError):  # what it says is damaged
            before = store.request(job)
            found += [*makers(store, before), before.backend]
    return list(dict.fromkeys(found))


def _maker(store: JobStore, path: Path) -> str:
    """The job in whose folder a file lies; empty for a file of the user's."""
    try:
        job = path.relative_to(store.root.resolve()).parts[0]
    except (ValueError, IndexError):
        return ""
    return job if (store.root / job / "request.json").is_file() else ""


def _told_by(path: Path) -> list[Step]:
    """What a mesh file of ours that a user gives back says of itself."""
    try:
        found = sealed.told(path)
    except UserError:
        return []
    return steps_of(found.get("recipe")) if found else []


def _step(store: JobStore, request: Request) -> Step:
    spec = catalog().get(request.backend)
    result = store.result(request.id)
    inputs = {}
    for role, path in request.inputs.items():
        known = request.hashes.get(role) or (sha256(Path(path)) if Path(path).is_file() else "")
        made = _maker(store, Path(path))
        inputs[role] = {"sha256": known, **({"job": made} if made else {})}
    step: Step = {"step": request.backend, "job": request.id}
    if spec:
        step |= {"version": spec.version, "license": spec.license}
    step |= {"seed": request.seed, "params": _public(request.params, spec), "inputs": inputs}
    weights = _weights(spec, request.params, result) if spec else []
    if weights:
        step["weights"] = weights
    if result and result.versions:
        step["versions"] = result.versions
    return step


def _public(params: Mapping[str, Any], spec: BackendSpec | None) -> dict[str, Any]:
    """Parameters without texts of the user's and without paths."""
    kinds = {param.name: param.kind for param in spec.params} if spec else {}
    out = {}
    for name, value in params.items():
        kind = kinds.get(name, "str" if isinstance(value, str) else "int")
        if kind == "weights":
            out[name] = Path(value).name if value and not named(value) else value
        elif kind != "str":
            out[name] = value
    return out


def texts(store: JobStore, steps: Iterable[Step]) -> dict[str, str]:
    """What the user typed, as `step.parameter`, as far as the store still knows."""
    found = {}
    for step in steps:
        spec = catalog().get(step["step"])
        try:
            params = store.request(step["job"]).params
        except UserError:
            continue
        for param in spec.params if spec else ():
            if param.kind == "str" and params.get(param.name) not in (None, "", param.default):
                found[f"{step['step']}.{param.name}"] = str(params[param.name])
    return found


def _weights(spec: BackendSpec, params: Mapping[str, Any], result: Result | None) -> list[dict[str, Any]]:
    """Learned weights of a step: name, licence and the sha256 of each file, as far as they are known."""
    bundled = (result.metrics if result else {}).get("weights")
    if isinstance(bundled, dict):
        return [{"name": spec.label, "license": spec.license, "files": bundled}]
    found: list[dict[str, Any]] = []
    for param in spec.params:
        if param.kind == "weights":
            value = str(params.get(param.name, ""))
            if value:
                found.append(_chosen(value))
            elif param.name == "weights":
                found += [_published(weights) for weights in spec.weights]
    return found


def licences(spec: BackendSpec, params: Mapping[str, Any]) -> list[str]:
    """Of a step and its weights. Weights of the user's own are the user's business."""
    value = str(params.get("weights", "")) if any(param.kind == "weights" for param in spec.params) else ""
    if named(value):
        return [str(_record(latest(*(named(value) or ("", "")))).get("weights", {}).get("license") or "unknown")]
    return [] if value else [spec.license, *(weights.license for weights in spec.weights)]


def _published(weights: Weights) -> dict[str, Any]:
    proved = _proved(folder_of(weights.repository, weights.revision))
    files = {file.name: file.sha256 or proved.get(file.name, "") for file in weights.files}
    return {"name": weights.repository, "revision": weights.revision, "license": weights.license, "files": files}


def _chosen(value: str) -> dict[str, Any]:
    """Weights that the user chose: a repository's are in its record, a file's are hashed."""
    repository = named(value)
    if repository:
        folder = latest(*repository)
        licence = str(_record(folder).get("weights", {}).get("license") or "unknown")
        return {"name": repository[0], "revision": folder.name, "license": licence, "files": _proved(folder)}
    path = Path(value)
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else []
    return {"name": path.name, "license": "unknown (the user's own)", "files": {p.name: sha256(p) for p in files}}


def _record(folder: Path) -> dict[str, Any]:
    try:
        data = whole.read_json(folder / "verified.json")
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _proved(folder: Path) -> dict[str, str]:
    files = _record(folder).get("files", {})
    return {name: str(proof.get("sha256", "")) for name, proof in files.items()}


def document(steps: list[Step], prompt: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What an asset says of itself, but for the hash of its file."""
    from ..version import VERSION

    maker = next((step for step in reversed(steps) if _makes_a_mesh(step)), None)
    weights = [{"step": step["step"], **each} for step in steps for each in step.get("weights", ())]
    return {
        "schema": SCHEMA,
        "producer": "Galatea",
        "version": VERSION,
        "digitalSourceType": _source_type(steps, maker),
        "backend": maker["step"] if maker else "",
        "license": maker.get("license", "") if maker else "",
        "seed": maker["seed"] if maker else steps[-1]["seed"] if steps else 0,
        "weights": weights,
        "inputs": _originals(steps),
        **({"prompt": dict(prompt)} if prompt else {}),
        "recipe": steps,
    }


def _makes_a_mesh(step: Step) -> bool:
    spec = catalog().get(step["step"])
    return bool(spec and "mesh" in spec.outputs and spec.runtime != "blender")


def _source_type(steps: list[Step], maker: Step | None) -> str:
    """IPTC's word for how it was made. Empty where Galatea only worked on a mesh of which it knows nothing."""
    if any(step.get("weights") for step in steps):
        return f"{IPTC}trainedAlgorithmicMedia"
    return f"{IPTC}algorithmicMedia" if maker else ""


def _originals(steps: list[Step]) -> list[dict[str, str]]:
    """Files that came from the user, not from a step."""
    found: dict[str, dict[str, str]] = {}
    for step in steps:
        for role, given in step.get("inputs", {}).items():
            if not given.get("job"):
                found.setdefault(given["sha256"], {"role": role, "sha256": given["sha256"]})
    return list(found.values())


def steps_of(data: Any) -> list[Step]:
    """The steps of a document, a list or their JSON that somebody else may have written; what is none is left out."""
    if isinstance(data, str):
        try:
            data = json.loads(data) if len(data) <= _LARGEST else []
        except (ValueError, RecursionError):
            return []
    if isinstance(data, dict):
        data = data.get("recipe")
    return [step for step in data if _is_step(step)] if isinstance(data, list) else []


def _is_step(step: Any) -> bool:
    if not isinstance(step, dict) or not isinstance(step.get("seed"), int):
        return False
    inputs, weights = step.get("inputs", {}), step.get("weights", [])
    return (
        all(isinstance(step.get(key), str) and re.fullmatch(r"[\w-]{1,80}", step[key]) for key in ("step", "job"))
        and isinstance(inputs, dict)
        and all(isinstance(given, dict) and isinstance(given.get("sha256"), str) for given in inputs.values())
        and isinstance(weights, list)
        and all(isinstance(each, dict) for each in weights)
    )
