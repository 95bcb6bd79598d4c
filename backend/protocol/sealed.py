# SPDX-License-Identifier: GPL-3.0-or-later
"""The provenance of a file, written so that a change of the file shows: in a sidecar, and inside of a glTF.

The sidecar names the sha256 of the asset and of each file that it refers to. A glTF also carries its own: the hash of
the file in which that hash is 64 zeros. This is no signature: it shows accidents and edits, not forgers. Whoever needs
proof against those signs the sidecar, or the file by C2PA, after the export.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from . import gltf, whole
from .errors import UserError
from .job import hashed, sha256
from .store import publish

SIDECAR = ".galatea.json"
KEY = "galatea"
_ZEROS = "0" * 64
_LARGEST = 1 << 22
"""Bytes of a sidecar that are read."""


def seal(path: Path, document: Mapping[str, Any], beside: Iterable[Path] = ()) -> Path:
    """Write the document into a glTF, and for every asset into the sidecar, whose path is returned."""
    files = [{"file": each.name, "sha256": sha256(each)} for each in beside]
    told = {**document, **({"files": files} if files else {})}
    if path.suffix.lower() in gltf.SUFFIXES:
        data = gltf.read(path)
        extras = data["asset"].setdefault("extras", {})
        extras[KEY] = {**told, "content": f"sha256:{_ZEROS}"}
        gltf.write(path, data)
        digest = sha256(path)
        extras[KEY]["content"] = f"sha256:{digest}"
        gltf.write(path, data)
    sidecar = path.with_name(path.name + SIDECAR)
    asset = {"file": path.name, "size": path.stat().st_size, "sha256": sha256(path)}
    publish(sidecar, {"asset": asset, **told})
    return sidecar


def told(path: Path) -> dict[str, Any] | None:
    """What is said of the file, unchecked: by its sidecar, else inside. None where nothing is said."""
    sidecar = beside(path)
    return _json(sidecar) if sidecar else embedded(path)


def beside(path: Path) -> Path | None:
    """The sidecar of an asset: by its name, else the one in the folder that names its hash (it may be renamed)."""
    own = path.with_name(path.name + SIDECAR)
    if own.is_file():
        return own
    others = [p for p in path.parent.glob("*.json") if ".galatea" in p.name and p.is_file()][:100]
    if not others:
        return None
    digest = sha256(path)
    return next((p for p in others if _names(p, digest)), None)


def _names(sidecar: Path, digest: str) -> bool:
    try:
        asset = _json(sidecar).get("asset")
    except UserError:
        return False
    return isinstance(asset, dict) and asset.get("sha256") == digest


def embedded(path: Path) -> dict[str, Any] | None:
    """What stands in the extras of a glTF; None in other formats, or where nothing stands there."""
    if path.suffix.lower() not in gltf.SUFFIXES:
        return None
    extras = gltf.read(path)["asset"].get("extras")
    found = extras.get(KEY) if isinstance(extras, dict) else None
    return found if isinstance(found, dict) else None


def faults(path: Path, document: Mapping[str, Any]) -> list[str]:
    """What of the file and those beside it is not as the document says; empty where all is."""
    wrong = []
    asset = document.get("asset")
    if isinstance(asset, dict):
        if asset.get("sha256") != sha256(path):
            wrong.append(f"{path.name} was changed after Galatea wrote it: its hash is not the one in the sidecar")
    elif not _content_is(path, str(document.get("content", ""))):
        wrong.append(f"{path.name} was changed after Galatea wrote it: its hash is not the one that it carries")
    listed = document.get("files", [])
    for each in listed if isinstance(listed, list) else []:
        name, digest = (str(each.get(key, "")) for key in ("file", "sha256")) if isinstance(each, dict) else ("", "")
        file = path.parent / Path(name).name
        if not name or not file.is_file():
            wrong.append(f"{name or 'a file'} that belongs to {path.name} is missing")
        elif sha256(file) != digest:
            wrong.append(f"{name}, which belongs to {path.name}, was changed after Galatea wrote it")
    return wrong


def _content_is(path: Path, content: str) -> bool:
    digest = content.removeprefix("sha256:")
    data = path.read_bytes()
    if len(digest) != 64 or data.count(digest.encode()) != 1:
        return False
    return hashed(data.replace(digest.encode(), _ZEROS.encode())) == digest


def _json(path: Path) -> dict[str, Any]:
    try:
        data = whole.read_json(path, _LARGEST)
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror}. Choose another file.") from None
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise UserError(f"{path.name} is damaged. Export the asset again.")
    return data


def subject(path: Path) -> Path:
    """The asset that a path means: itself, or the one that a sidecar was written for."""
    if not path.name.endswith(SIDECAR):
        return path
    asset = _json(path).get("asset")
    name = str(asset.get("file", "")) if isinstance(asset, dict) else ""
    found = path.with_name(path.name.removesuffix(SIDECAR))
    if not found.is_file() and name and Path(name).name == name:
        found = path.with_name(name)
    if not found.is_file():
        raise UserError(f"The asset {found.name} of {path.name} is not beside it. Put them into one folder.")
    return found
