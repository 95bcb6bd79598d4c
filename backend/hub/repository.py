# SPDX-License-Identifier: GPL-3.0-or-later
"""Any repository of the hub, such as a text-to-image model that the user names: what of it is to be fetched."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

from ..protocol.errors import UserError
from ..protocol.spec import FILE_NAME, File, Weights
from ..protocol.weights import named
from .remote import Tries
from .troubles import can_fetch

UNWANTED = (
    *(".onnx", ".onnx_data", ".pb", ".msgpack", ".h5", ".ot", ".gguf", ".md", ".png", ".jpg", ".jpeg", ".webp"),
    *(".py", ".pyc", ".sh", ".bat", ".exe", ".dll", ".so", ".dylib", ".pkl", ".pickle", ".npy", ".zip"),
)
"""Other programs' formats, pictures, and programs, which nobody here would run."""
PICKLED = (".bin", ".ckpt", ".pt", ".pth")
RECORDS = ("verified.json", "lock")
DEVICES = ("con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10)))
"""What Windows takes for a device, whatever its ending."""
VARIANTS = (".fp16", ".bf16", ".fp32", ".non_ema", ".ema_only")


def look_up(name: str) -> Weights:
    """Its commit of today, or the one after the @, its licence and the files that our libraries load."""
    can_fetch()
    from huggingface_hub import HfApi, constants

    found = named(name)
    if found is None:
        raise UserError(f"{name!r} is no backend and not of the form owner/name.", kind="usage")
    repository, revision = found
    page = f"{constants.ENDPOINT}/{repository}"
    asked = Weights(repository, revision or "main", (), "unknown", page)
    tries = Tries(asked, File("model_index.json", 0), lambda: False)
    while True:
        try:
            timeout = constants.HF_HUB_ETAG_TIMEOUT
            info = HfApi().model_info(repository, revision=asked.revision, files_metadata=True, timeout=timeout)
            break
        except Exception as error:  # of many libraries; `again` knows which pass and tells the others
            tries.again(error)
    files = select([_file(sibling) for sibling in info.siblings or () if not odd(sibling.rfilename)])
    if not files or not info.sha:
        raise UserError(f"{repository} holds no weights that can be loaded here. Look at {page}.", kind="weights")
    return Weights(repository, info.sha, files, _license(info), page, gated=bool(info.gated))


def _file(sibling: Any) -> File:
    digest = sibling.lfs.sha256 if sibling.lfs else ""
    return File(sibling.rfilename, sibling.size or 0, digest)


def _license(info: Any) -> str:
    named = [tag.removeprefix("license:") for tag in info.tags or () if tag.startswith("license:")]
    return named[0] if named else "unknown"


def select(files: Iterable[File]) -> tuple[File, ...]:
    """Of each model one format and one variant: what a repository holds several times is several times as large."""
    wanted = [file for file in files if not file.name.lower().endswith(UNWANTED)]
    names = {file.name for file in wanted}
    pipeline = "model_index.json" in names
    safe = {PurePosixPath(name).parent for name in names if name.endswith(".safetensors")}

    def needed(file: File) -> bool:
        path = PurePosixPath(file.name)
        if path.suffix in PICKLED and path.parent in safe:
            return False
        if pipeline and len(path.parts) == 1 and path.suffix in (*PICKLED, ".safetensors"):
            return False  # the whole pipeline once more, in one file
        plain = path.name
        for variant in VARIANTS:
            plain = plain.replace(variant, "")
        return plain == path.name or str(path.with_name(plain)) not in names

    return tuple(sorted((file for file in wanted if needed(file)), key=lambda file: file.name))


def odd(name: str) -> bool:
    """Hidden, of a name that not every system can have, or of one that we keep records under."""
    if not re.fullmatch(FILE_NAME, name) or name.lower().endswith(".part") or name.lower() in RECORDS:
        return True
    parts = name.lower().split("/")
    return any(part.endswith((".", " ")) or part.partition(".")[0].strip() in DEVICES for part in parts)
