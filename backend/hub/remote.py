# SPDX-License-Identifier: GPL-3.0-or-later
"""The hub, asked through huggingface_hub: which endpoint, which token, which proxy and whether offline is its matter.

Its own download begins anew after a process was killed, so the bytes are copied here: 1.7 GB should not be fetched
twice for a closed lid.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..protocol.errors import JobCancelled, UserError
from ..protocol.spec import File, Weights
from .kept import Told, digest
from .troubles import can_fetch, explain, passing, seconds_to_wait

WAITS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""s, before each further attempt; as many as these may fail one after the other."""
PATIENCE = 60.0
"""s, the longest wait that a server may ask for."""
Cancel = Callable[[], bool]


@dataclass(frozen=True)
class Remote:
    """What the hub says about one file: bytes, and the hash of its content or of its git object."""

    size: int
    sha256: str
    git: str


class Tries:
    """Attempts at one thing. `again` waits before the next, or raises what to tell."""

    def __init__(self, weights: Weights, file: File, cancel: Cancel, most: int = 3) -> None:
        self._weights, self._file, self._cancel, self._waits = weights, file, cancel, WAITS[:most]
        self._failed = self._furthest = 0

    def reached(self, have: int) -> None:
        """Further than ever: the failures until now do not count."""
        if have > self._furthest:
            self._furthest, self._failed = have, 0

    def again(self, error: BaseException) -> None:
        asked = seconds_to_wait(error)
        if not passing(error) or self._failed >= len(self._waits) or asked > PATIENCE:
            raise explain(error, self._weights, self._file.name) from None
        end = time.monotonic() + max(self._waits[self._failed], asked)
        self._failed += 1
        while time.monotonic() < end:
            if self._cancel():
                raise JobCancelled
            time.sleep(min(0.1, max(0.0, end - time.monotonic())))


def ask(weights: Weights, file: File, cancel: Cancel) -> Remote:
    """What the hub has under this name; raises `UserError` where it is not what was pinned."""
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url

    url = hf_hub_url(weights.repository, file.name, revision=weights.revision)
    tries = Tries(weights, file, cancel)
    while True:
        try:
            found = get_hf_file_metadata(url, timeout=constants.HF_HUB_ETAG_TIMEOUT)
            break
        except Exception as error:  # of many libraries; `again` knows which pass and tells the others
            tries.again(error)
    etag = found.etag or ""
    if not found.commit_hash or not etag:
        text = f"{url} is answered by something that is not the hub: a login page, a proxy? Check the network."
        raise UserError(f"{text} Check HF_ENDPOINT too.", kind="weights")
    sha256 = etag if re.fullmatch("[0-9a-f]{64}", etag) else ""
    git = etag if re.fullmatch("[0-9a-f]{40}", etag) else ""
    pinned = re.fullmatch("[0-9a-f]{40}", weights.revision)
    wrong = (
        (pinned and found.commit_hash != weights.revision)
        or (file.size and found.size not in (None, file.size))
        or (file.sha256 and sha256 and sha256 != file.sha256)
    )
    if wrong:
        text = f"The hub's {file.name} of {weights.repository} is not the one that is known here. It was not fetched."
        raise UserError(f"{text} Update Galatea, or name your own file with --weights.", kind="weights")
    size = file.size or found.size
    if not size or not (file.sha256 or sha256 or git):
        text = f"The hub does not say size and hash of {file.name}, so it could not be proved and was not fetched."
        raise UserError(f"{text} Fetch it yourself and name it with --weights.", kind="weights")
    return Remote(size, file.sha256 or sha256, git)


class _Broken(Exception):
    """An answer ended with its cause. Errors of the disk are not wrapped in it: they are another matter."""


def total(weights: Weights) -> int:
    """Bytes of all files; the hub is asked for those that are not known."""
    if not all(file.size for file in weights.files):
        can_fetch()
    return sum(file.size or ask(weights, file, lambda: False).size for file in weights.files)


def copy(weights: Weights, file: File, remote: Remote, part: Path, told: Told, cancel: Cancel) -> None:
    """Fetch what `part` lacks of the file; `told` hears of each block. Raises `UserError`, with what came kept."""
    part.parent.mkdir(parents=True, exist_ok=True)
    with part.open("ab") as out:
        if out.tell() > remote.size:
            out.seek(out.truncate(0))
        told(out.tell())
        tries = Tries(weights, file, cancel, len(WAITS))
        while (have := out.tell()) < remote.size:
            try:
                for start, block in _blocks(weights, file, have):
                    if start != out.tell():  # it sends the whole, not the rest
                        told(start - out.tell())
                        out.seek(out.truncate(start))
                    if start + len(block) > remote.size:
                        raise _longer(weights, file)
                    out.write(block)
                    told(len(block))
                    tries.reached(out.tell())
                if out.tell() < remote.size:
                    tries.again(EOFError("the answer ended early"))
            except _Broken as broken:
                out.flush()
                assert broken.__cause__
                tries.again(broken.__cause__)


def _blocks(weights: Weights, file: File, have: int) -> Iterator[tuple[int, bytes]]:
    """Where in the file, and what. From the first byte where the server does not know how to go on."""
    from huggingface_hub import constants, hf_hub_url
    from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status  # type: ignore[attr-defined]

    headers = {**build_hf_headers(), "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    url = hf_hub_url(weights.repository, file.name, revision=weights.revision)
    try:
        with get_session().stream("GET", url, headers=headers, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT) as answer:
            hf_raise_for_status(answer)
            place = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
            start = int(place[1]) if place and answer.status_code == 206 else 0
            if start > have:
                raise EOFError("the server leaves a part out")
            for block in answer.iter_raw():
                yield start, block
                start += len(block)
    except Exception as error:  # of many libraries; who asked decides by their kind
        raise _Broken from error


def _longer(weights: Weights, file: File) -> UserError:
    text = f"The server sends more of {file.name} than {weights.repository} has. Something between changes it."
    return UserError(f"{text} Check the proxy and HF_ENDPOINT.", kind="weights")


def proved(path: Path, remote: Remote, told: Told) -> str:
    """The sha256 of a file that is what the hub said; empty where it is not."""
    if path.stat().st_size != remote.size:
        return ""
    if remote.sha256:
        found = digest(path, told)
        return found if found == remote.sha256 else ""
    git = hashlib.sha1(b"blob %d\0" % remote.size, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            git.update(block)
    return digest(path, told) if git.hexdigest() == remote.git else ""
