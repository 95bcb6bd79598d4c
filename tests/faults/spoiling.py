# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are wrong, made by the hundred out of sound ones, and what a reader may say of them.

A reader takes a file or refuses it: by a `UserError` that says what is wrong and what to do, or, where a damaged file
simply does not count, by None. Anything else is a fault of the reader, and so is a file that costs much memory or time.
"""

from __future__ import annotations

import re
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

from galatea.backend.protocol.errors import UserError
from galatea.backend.worker.execute import peak_mb

ROOT = Path(__file__).resolve().parents[2]
MOST_MB, MOST_SECONDS = 900.0, 20.0
"""What one file may cost: the largest picture that is read has 100 megapixels. Seconds are the processor's."""
TOKEN = re.compile(rb'"[^"\n]*"|-?\d+(?:\.\d+)?|true|false|null')
HOSTILE = (
    b"NaN", b"-1", b"1e999", b"0", b"0x" + b"f" * 8000, b"99999999999999999999", b"4294967295", b'"\\u0000"',
    b'"../../../../etc/passwd"', b"[" * 3000, b"[]", b"{}", b"null", b"true", b'{"a": ' * 3000, b"[1, 2]", b'""',
    b'"' + b"x" * 20_000 + b'"', b'"\xff\xfe"', b"{a = 1}",
)  # fmt: skip
WORDS = (
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\0\0\0\0",
    b"\0\0\xc0\x7f",
    b"\0\0\xff\xff",
    b"\x01",
)

Change = tuple[int, int, int]
"""Which way, where and what, as numbers."""


@dataclass(frozen=True)
class Reader:
    """`file`: what the file is called in a folder. `wholes`: sound ones. `read` raises what it raises."""

    name: str
    file: str
    wholes: Callable[[], tuple[bytes, ...]]
    read: Callable[[Path], object]

    @property
    def bad(self) -> st.SearchStrategy[bytes]:
        """A sound file with some changes, or rubbish."""
        changes = st.lists(
            st.tuples(st.integers(0, 5), st.integers(0, 1 << 20), st.integers(0, 255)), min_size=1, max_size=4
        )
        whole = st.sampled_from(self.wholes())
        return st.builds(spoilt, whole, changes) | st.binary(max_size=200)


def spoilt(data: bytes, changes: list[Change]) -> bytes:
    for way, at, what in changes:
        at %= max(len(data), 1)
        if way == 0:
            data = data[:at]
        elif way == 1:
            data = data[:at] + bytes([what]) + data[at + 1 :]
        elif way == 2:  # a number, a text or a word becomes another, where the file is one of words
            found = list(TOKEN.finditer(data[:100_000]))
            if found:
                token = found[at % len(found)]
                data = data[: token.start()] + HOSTILE[what % len(HOSTILE)] + data[token.end() :]
        elif way == 3:
            at &= ~3
            data = data[:at] + WORDS[what % len(WORDS)] + data[at + 4 :]
        elif way == 4:
            data = data[:at] + data[at : at + 4 * what] + data[at:]
        else:
            data = bytes(min(len(data), what))
    return data


def refused(reader: Reader, data: bytes, folder: Path) -> str | None:
    """What the reader says against the file; None where it took it. Raises `AssertionError` on all else."""
    path = folder / reader.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    before = peak_mb()
    try:
        with _bounded():
            found = reader.read(path)
    except UserError as error:
        found, text = None, f"{error} {error.hint}".strip()
    except Exception as error:
        frames = [each for each in traceback.extract_tb(error.__traceback__) if each.filename.startswith(str(ROOT))]
        at = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}"
        told = f"{reader.name}: {type(error).__name__} at {at}\n  {str(error)[:200]}, of {data[:300]!r}"
        raise AssertionError(told) from error
    else:
        text = "it does not count."
    assert peak_mb() - before < MOST_MB, f"{reader.name}: memory\n  {peak_mb() - before:.0f} MB for {data[:300]!r}"
    if found is not None:
        return None
    clear = text.isprintable() and 15 < len(text) < 2000 and text[-1] in ".?)" and "Error:" not in text
    assert clear, f"{reader.name}: unclear\n  {text[:500]!r} is said of {data[:300]!r}"
    return text


@contextmanager
def _bounded() -> Iterator[None]:
    """By the time of the processor, so that a busy machine is none that hangs."""

    def late(*_: object) -> None:
        raise TimeoutError(f"more than {MOST_SECONDS:.0f} s")

    before = signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
