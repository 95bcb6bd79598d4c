# SPDX-License-Identifier: GPL-3.0-or-later
"""Where delivered files lie: beside their job, or in an object store that fsspec knows (`s3://bucket/prefix`)."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from ..protocol.errors import UserError

BLOCK = 1 << 18
FAR = 4 << 20
"""Bytes that are asked of an object store at once."""


class Storage(Protocol):
    """`key` is `<job id>/<name>`. All of it may block: it is called from threads."""

    def put(self, source: Path, key: str) -> None:
        """Whole or not at all; the source stays as it is."""

    def there(self, key: str, size: int) -> bool:
        """A file of this size lies there."""

    def read(self, key: str, start: int, end: int) -> Iterator[bytes]:
        """Bytes from start up to, and without, end."""

    def remove(self, job: str) -> None:
        """All files of a job."""


class Folder:
    """The usual one: `<root>/<job id>/assets/<name>`. Where it can be, a file is one with that of the step's job."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def _path(self, key: str) -> Path:
        job, _, name = key.partition("/")
        return self._root / job / "assets" / name

    def put(self, source: Path, key: str) -> None:
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        part.unlink(missing_ok=True)
        try:
            os.link(source, part)
        except OSError:  # another disk, or a file system without links
            shutil.copyfile(source, part)
        os.replace(part, path)

    def there(self, key: str, size: int) -> bool:
        path = self._path(key)
        return path.is_file() and path.stat().st_size == size

    def read(self, key: str, start: int, end: int) -> Iterator[bytes]:
        with self._path(key).open("rb") as file:
            file.seek(start)
            while start < end and (block := file.read(min(BLOCK, end - start))):
                start += len(block)
                yield block

    def remove(self, job: str) -> None:
        shutil.rmtree(self._root / job / "assets", ignore_errors=True)


class Remote:
    """Any file system of fsspec's. Keys and addresses come from the environment, as its library reads them."""

    def __init__(self, url: str) -> None:
        try:
            from fsspec.core import url_to_fs

            self._files, self._root = url_to_fs(url)
        except (ImportError, ValueError) as error:
            text = f"--storage {url} needs a library that is not installed here ({error}). "
            raise UserError(f"{text}Run: pip install s3fs", kind="environment") from None

    def prove(self) -> None:
        """Raise `UserError` where nothing can be written there."""
        try:
            self._files.pipe_file(f"{self._root}/galatea-probe", b"probe")
            self._files.rm_file(f"{self._root}/galatea-probe")
        except Exception as error:  # each file system has its own kinds
            text = f"Nothing can be written to the storage: {type(error).__name__}: {str(error)[:200]}. Check "
            raise UserError(f"{text}--storage, and the keys in the environment.", kind="output") from None

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}"

    def put(self, source: Path, key: str) -> None:
        self._files.put_file(str(source), self._path(key))

    def there(self, key: str, size: int) -> bool:
        try:
            self._files.invalidate_cache()
            found: dict[str, Any] = self._files.info(self._path(key))
        except FileNotFoundError:
            return False
        return found.get("size") == size

    def read(self, key: str, start: int, end: int) -> Iterator[bytes]:
        while start < end:
            block: bytes = self._files.cat_file(self._path(key), start=start, end=min(start + FAR, end))
            if not block:
                return
            start += len(block)
            yield block

    def remove(self, job: str) -> None:
        try:
            self._files.rm(self._path(job), recursive=True)
        except FileNotFoundError:
            return


def storage(url: str, root: Path) -> Storage:
    """Of `--storage`: empty for the job's own folder."""
    if not url:
        return Folder(root)
    if not re.match(r"[a-z0-9]+://\S", url):
        raise UserError(f"--storage takes an address such as s3://bucket/prefix, not {url!r}.", kind="usage")
    remote = Remote(url)
    remote.prove()
    return remote


def span(header: str, size: int) -> tuple[int, int] | None:
    """First byte and the one after the last of `Range: bytes=…`; None where the whole is to be sent.

    Raises ValueError where nothing of the file lies in it. Several ranges are answered by the whole, as HTTP allows.
    """
    found = re.fullmatch(r"\s*bytes\s*=\s*(\d{0,18})-(\d{0,18})\s*", header)
    if not found or found[1] == found[2] == "":
        return None
    if not found[1]:
        start, end = max(size - int(found[2]), 0), size
        if not int(found[2]):
            raise ValueError("an empty range")
    else:
        start, end = int(found[1]), min(int(found[2]) + 1 if found[2] else size, size)
        if found[2] and int(found[2]) < start:
            return None
    if start >= size:
        raise ValueError("a range beyond the file")
    return start, end
