# SPDX-License-Identifier: GPL-3.0-or-later
"""A request and its result: both frozen, both JSON, both a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from .errors import UserError
from .spec import BackendSpec
from .weights import identity as weights_identity

SCHEMA = 1
REFERRING = (".gltf", ".obj", ".fbx", ".usd", ".usda", ".usdc")
REFERRED = (".bin", ".mtl", ".png", ".jpg", ".jpeg", ".webp", ".tga", ".tif", ".tiff", ".exr", ".hdr", *REFERRING[3:])


class JobState(StrEnum):
    """Derived from the files of a job, never stored beside them."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ORPHAN = "orphan"  # somebody began it and is gone


def hashed(data: bytes) -> str:
    """SHA-256 in hexadecimal digits."""
    import hashlib  # registering in Blender loads nothing that can wait

    return hashlib.sha256(data).hexdigest()


def sha256(path: Path) -> str:
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def beside(path: Path) -> list[list[Any]]:
    """What a mesh file that names other files draws from its folder: their names, sizes and times, and its own name."""
    if path.suffix.lower() not in REFERRING:
        return []
    near = (p for p in (*path.parent.glob("*"), *path.parent.glob("*/*")) if p.suffix.lower() in REFERRED)
    found = [[p.relative_to(path.parent).as_posix(), p.stat().st_size, p.stat().st_mtime_ns] for p in near]
    return [[path.name], *sorted(found)]


def prove_file(path: Path) -> None:
    """Raise `UserError` where it is none."""
    if path.is_dir():
        raise UserError(f"{path} is a folder. Choose a file.")
    if not path.is_file():
        raise UserError(f"There is no file {path}. Choose another.")


@dataclass(frozen=True)
class Request:
    """One order for one step. The id is a fingerprint of all the rest, the content of the inputs included."""

    id: str
    backend: str
    inputs: dict[str, str]
    params: dict[str, Any]
    seed: int
    schema: int = SCHEMA
    hashes: dict[str, str] = field(default_factory=dict)
    """The sha256 of each input when it was ordered, by role."""

    @classmethod
    def of(
        cls,
        spec: BackendSpec,
        inputs: Mapping[str, Path] | None = None,
        params: Mapping[str, Any] | None = None,
        *,
        seed: int = 0,
        program: str = "",
    ) -> Request:
        """Make a request with the spec's defaults filled in; raises `UserError` on what the spec does not take.

        `program` says what runs it where results differ by that, such as the version of Blender.
        """
        paths = {role: Path(path) for role, path in sorted((inputs or {}).items())}
        for role in spec.inputs:
            if role not in paths:
                raise UserError(f"{spec.id} needs an input {role!r}. Give it one.", kind="usage")
        for role, path in paths.items():
            if role not in spec.inputs + spec.optional:
                raise UserError(f"{spec.id} takes no input {role!r}.", kind="usage")
            prove_file(path)
        filled = spec.fill(params or {})
        try:
            content = {role: [sha256(path), *beside(path)] for role, path in paths.items()}
            meant = {**filled, **{name: sha256(Path(filled[name])) for name in spec.files(filled)}}
            meant |= spec.libraries(filled)
            weights = weights_identity(spec, filled)
        except OSError as error:
            raise UserError(f"Cannot read {error.filename}: {error.strerror}. Check its permissions.") from None
        seed = seed if spec.heeds(filled) else 0  # so that another one finds the same result
        identity = [SCHEMA, spec.id, spec.version, content, meant, seed, program, *weights]
        number = hashed(json.dumps(identity, sort_keys=True).encode())[:20]
        absolute = {role: str(path.resolve()) for role, path in paths.items()}
        hashes = {role: str(found[0]) for role, found in content.items()}
        return cls(f"{spec.id}-{number}", spec.id, absolute, filled, seed, hashes=hashes)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Request:
        if data.get("schema") != SCHEMA:
            raise UserError(f"This job was written by another version (schema {data.get('schema')}). Run it again.")
        made = cls(**data)
        if not all(isinstance(each, dict) for each in (made.inputs, made.params, made.hashes)):
            raise TypeError("its inputs and parameters are no groups")
        return made


@dataclass(frozen=True)
class Asset:
    """A file that a job made; `path` is relative to the job's folder."""

    role: str
    path: str
    size: int
    sha256: str
    meta: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if Path(self.path).is_absolute() or ".." in Path(self.path).parts:
            raise ValueError(f"{self.path!r} is no path below a job's folder")


@dataclass(frozen=True)
class Failure:
    """Why a job failed: `message` and `hint` for people, `trace` for us, `kind` for the exit code."""

    message: str
    kind: str = "backend"
    hint: str = ""
    trace: str = ""


@dataclass(frozen=True)
class Result:
    """How a job ended. Its file *is* the end of the job."""

    job: str
    state: JobState
    assets: tuple[Asset, ...] = ()
    failure: Failure | None = None
    started: float = 0.0
    seconds: float = 0.0
    metrics: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    peak_mb: float = 0.0
    device: str = "cpu"

    def asset(self, role: str) -> Asset:
        for asset in self.assets:
            if asset.role == role:
                return asset
        raise KeyError(f"{self.job} made no {role!r}, it made {[a.role for a in self.assets]}")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Result:
        fields = dict(data)
        fields["state"] = JobState(fields["state"])
        fields["assets"] = tuple(Asset(**asset) for asset in fields["assets"])
        fields["failure"] = Failure(**fields["failure"]) if fields["failure"] else None
        fields["warnings"] = tuple(fields["warnings"])
        return cls(**fields)
