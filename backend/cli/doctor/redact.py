# SPDX-License-Identifier: GPL-3.0-or-later
"""What nobody else should read is taken out of a text: secrets, names of people and machines, home folders.

Known ones by their value (the environment, the login of the hub, whoever is logged in here), others by their form.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import re
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

SECRET, USER, HOST = "<secret>", "<user>", "<host>"
_NAMES = re.compile(r"token|secret|passw|passphrase|credential|cookie|auth|private|(^|_)key|key$|(^|_)pat$", re.I)
"""Of variables of the environment."""
_WORD = r"(?:token|secret|passw(?:or)?d|passphrase|credential|api[_-]?key|access[_-]?key|authorization|signature)"
_OURS = r"(?:backends|jobs|recipes|server|weights)"
"""What a data folder holds; docs/studio.md calls it home."""
_FORMS = (
    (r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", SECRET, re.S),
    (r"\b(?:hf_|gh[a-z]_|github_pat_|glpat-|sk-|xox[a-z]-)[\w-]{8,}", SECRET, 0),
    (r"\bgalatea_[\w-]{32,}", SECRET, 0),
    (r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b", SECRET, 0),
    (r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?", SECRET, 0),
    (r"\b(Bearer|Basic|Digest)\s+[\w.~+/=-]{6,}", rf"\1 {SECRET}", re.I),
    (r"(://)[^\s/@]+@", rf"\1{SECRET}@", 0),
    (rf"""([\w.-]*{_WORD}[\w.-]*["']?\s*[:=]\s*["']?)[^\s"',;&)}}\]]{{3,}}""", rf"\1{SECRET}", re.I),
    (r"(?<![\w@])[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}\b", "<mail>", 0),
    (rf"(/home/(?!{_OURS}/)|/Users/|\b[A-Za-z]:[\\/]+Users[\\/]+)[^/\\\s:\"'<>]+", rf"\1{USER}", re.I),
)
_FORMS_READ = tuple((re.compile(pattern, flags), instead) for pattern, instead, flags in _FORMS)
NOBODY = ("root", "user", "admin", "nobody", "localhost", "ubuntu", "blender", "galatea", "render", "worker")
"""Names that say nothing of anybody."""


class Redact:
    """Takes them out of texts, and `files`; what is known of this machine and user is looked up once."""

    def __init__(self, files: Iterable[str] = ()) -> None:
        found = [(text, SECRET) for text in _secrets()]
        found += [(text, "~") for text in _homes()]
        found += [(text, f"<file>{Path(text).suffix}") for text in files]
        exact = sorted(set(found), key=lambda pair: -len(pair[0]))
        self._exact = [
            (re.compile(re.escape(text) + ("" if instead == SECRET else r"(?!\w)")), instead) for text, instead in exact
        ]
        self._names = [
            (re.compile(rf"(?<![A-Za-z0-9]){re.escape(text)}(?![A-Za-z0-9])", re.I), instead)
            for text, instead in sorted(set(_names()), key=lambda pair: -len(pair[0]))
        ]

    def __call__(self, text: str) -> str:
        for pattern, instead in (*self._exact, *_FORMS_READ, *self._names):
            text = pattern.sub(instead, text)
        return text

    def deep(self, value: Any) -> Any:
        """The same for all texts in what JSON can hold, names of fields too."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, dict):
            return {self(str(name)): SECRET if _NAMES.search(str(name)) and isinstance(each, str) and each
                    else self.deep(each) for name, each in value.items()}  # fmt: skip
        return [self.deep(each) for each in value] if isinstance(value, list | tuple) else value


def _secrets() -> Iterator[str]:
    for name, value in os.environ.items():
        if _NAMES.search(name) and len(value) >= 6:
            yield from (value, quote(value, safe=""), json.dumps(value)[1:-1])
    hub = Path(os.environ.get("HF_HOME", "~/.cache/huggingface")).expanduser()
    for path in (Path(os.environ.get("HF_TOKEN_PATH", hub / "token")).expanduser(), hub / "stored_tokens"):
        with contextlib.suppress(OSError, ValueError):
            yield from (word for word in path.read_text(encoding="utf-8").split() if len(word) >= 12)


def _homes() -> Iterator[str]:
    homes = [os.environ.get(name, "") for name in ("HOME", "USERPROFILE")]
    with contextlib.suppress(RuntimeError):
        homes.append(str(Path.home()))
    for home in filter(lambda text: len(text) > 3, homes):
        for path in {Path(home), Path(home).resolve()}:
            yield from (str(path), path.as_posix(), quote(path.as_posix()), json.dumps(str(path))[1:-1])


def _names() -> Iterator[tuple[str, str]]:
    people = [os.environ.get(name, "") for name in ("USER", "LOGNAME", "USERNAME", "SUDO_USER")]
    people += [Path(home).name for home in (os.environ.get("HOME", ""), os.environ.get("USERPROFILE", ""))]
    with contextlib.suppress(OSError, KeyError, ImportError):
        people.append(getpass.getuser())
    with contextlib.suppress(ImportError, KeyError, AttributeError):
        import pwd

        full = pwd.getpwuid(os.getuid()).pw_gecos.partition(",")[0]
        people += [full, *(part for part in full.split() if len(part) > 2)]
    yield from ((name, USER) for name in people if len(name) > 1 and name.lower() not in NOBODY)
    host = socket.gethostname()
    yield from ((name, HOST) for name in (host, host.partition(".")[0]) if len(name) > 2 and name not in NOBODY)
