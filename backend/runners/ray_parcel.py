# SPDX-License-Identifier: GPL-3.0-or-later
"""What travels with a job to a machine that does not see our disk: its inputs, and where they come from.

Files of the store keep their path below it, so that the other machine knows which job made them; others are named by
their content. Of the jobs that led to this one the request and the result go along, which is what provenance reads.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ..protocol import parts
from ..protocol.job import REFERRED, REFERRING, Request, Result, sha256
from ..protocol.spec import BackendSpec
from ..protocol.store import JobStore
from .ray_place import HERE

PIECE = 8 << 20
"""Bytes that travel in one go."""


@dataclass(frozen=True)
class File:
    """`name` is its path over there, below the folder of jobs; its content is on our disk, or here."""

    name: str
    source: Path | bytes
    sha256: str = ""

    @property
    def size(self) -> int:
        return len(self.source) if isinstance(self.source, bytes) else self.source.stat().st_size

    def pieces(self) -> Iterator[bytes]:
        if isinstance(self.source, bytes):
            yield self.source
            return
        with self.source.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece


def maker(store: JobStore, path: Path) -> str:
    """The job whose folder a file lies in; empty for a file of the user's."""
    try:
        return path.resolve().relative_to(store.root.resolve()).parts[0]
    except (ValueError, IndexError):
        return ""


def pack(store: JobStore, spec: BackendSpec, request: Request) -> tuple[Request, list[File]]:
    """The request as it stands over there, with paths below its folder of jobs, and all files that it needs."""
    files: dict[str, File] = {}
    inputs = {}
    for role, text in request.inputs.items():
        inputs[role] = _add(store, Path(text), request.hashes.get(role, ""), files)
    params = dict(request.params)
    for name in spec.files(params):
        params[name] = HERE + _add(store, Path(params[name]), "", files)
    for job in led(store, [request]):
        for file in _record(store, job):
            files.setdefault(file.name, file)
    keep = store.folder(request.id) / "keep"
    for folder in parts.KEPT if parts.divisible(spec, request) else ():
        for path in sorted((keep / folder).glob("*.[pe][nx][gr]")):
            files[f"{request.id}/keep/{folder}/{path.name}"] = File(f"{request.id}/keep/{folder}/{path.name}", path)
    return replace(request, inputs=inputs, params=params), list(files.values())


def _add(store: JobStore, path: Path, known: str, files: dict[str, File]) -> str:
    if maker(store, path):
        name = path.resolve().relative_to(store.root.resolve()).as_posix()
        files[name] = File(name, path, known)
        return name
    known = known or sha256(path)
    files[f"in/{known}/{path.name}"] = File(f"in/{known}/{path.name}", path, known)
    if path.suffix.lower() in REFERRING:
        for near in (*path.parent.glob("*"), *path.parent.glob("*/*")):
            if near.is_file() and near.suffix.lower() in REFERRED and near != path:
                name = f"in/{known}/{near.relative_to(path.parent).as_posix()}"
                files[name] = File(name, near)
    return f"in/{known}/{path.name}"


def led(store: JobStore, requests: Iterable[Request]) -> list[str]:
    """The jobs that led to these."""
    found: dict[str, None] = {}
    todo = [*requests]
    while todo:
        for path in todo.pop().inputs.values():
            job = maker(store, Path(path))
            if job and job not in found and (store.root / job / "request.json").is_file():
                found[job] = None
                todo.append(store.request(job))
    return list(found)


def _record(store: JobStore, job: str) -> Iterator[File]:
    """What is told of a job; its files are not over there, so the result names none."""
    request = store.request(job)
    root = store.root.resolve()
    inputs = {
        role: HERE + Path(path).resolve().relative_to(root).as_posix() if maker(store, Path(path)) else Path(path).name
        for role, path in request.inputs.items()
    }
    yield File(f"{job}/request.json", json.dumps(replace(request, inputs=inputs).to_json()).encode())
    result = store.result(job)
    if result:
        yield File(f"{job}/result.json", json.dumps(replace(result, assets=()).to_json()).encode())


def deliver(store: JobStore, result: Result, files: dict[str, Path]) -> None:
    """Publish what came back; `files` are where each lies by its path over there, below the job's folder."""
    folder = store.attempt(result.job)
    assets = []
    for asset in result.assets:
        target = folder / Path(asset.path).name
        files[asset.path].replace(target)
        assets.append(replace(asset, path=target.relative_to(store.folder(result.job)).as_posix()))
    for name, path in files.items():
        if name.startswith("keep/"):
            target = store.folder(result.job) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
    store.publish(replace(result, assets=tuple(assets)))
