# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may ask: one bearer token a user, of which only the hash is kept.

A token is 256 random bits, so that a plain SHA-256 of it cannot be guessed back: it needs no slow hash.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from ..protocol.errors import UserError
from ..protocol.store import publish

PREFIX = "galatea_"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")


@dataclass(frozen=True)
class User:
    """`high`: may put jobs before those of others."""

    name: str
    hash: str = ""
    created: float = 0.0
    high: bool = False


LOCAL = User("local", high=True)
"""Whoever sits at this machine, where no token was ever given out."""


class Tokens:
    """The file of all users; read again when it has changed, so that a removed token counts no more at once.

    `wanted`: some were given out, so nobody comes in without. It never becomes false again while the file is there, nor
    in a process that has seen it: a server whose last token was taken away is shut, not open to all.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen = False
        self._stamp = (-1, -1)
        self._users: dict[str, User] = {}

    def users(self) -> list[User]:
        self._read()
        return sorted(self._users.values(), key=lambda user: user.name)

    def add(self, name: str, *, high: bool = False) -> str:
        """The token, which is said once and kept nowhere; raises `UserError` for a name that is taken."""
        if not _NAME.fullmatch(name) or name == LOCAL.name:
            raise UserError(
                f"{name[:60]!r} is no name for a user. Take letters a-z, digits, dots, _ and -.", kind="usage"
            )
        if any(user.name == name for user in self.users()):
            raise UserError(f"{name} has a token. Remove it first: galatea serve token remove {name}.", kind="usage")
        token = PREFIX + secrets.token_urlsafe(32)
        self._write([*self.users(), User(name, _hashed(token), time.time(), high)])
        return token

    def remove(self, name: str) -> None:
        left = [user for user in self.users() if user.name != name]
        if len(left) == len(self._users):
            raise UserError(f"There is no token of {name[:60]!r}. See galatea serve token list.", kind="usage")
        self._write(left)

    def who(self, token: str) -> User | None:
        """Looked up by its hash: how long that takes tells nothing of the tokens that there are."""
        self._read()
        return self._users.get(_hashed(token)) if token.startswith(PREFIX) and len(token) < 200 else None

    @property
    def wanted(self) -> bool:
        self._seen = self._seen or self.path.exists()
        return self._seen

    def _read(self) -> None:
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            self._stamp, self._users = (-1, -1), {}
            return
        stamp = (stat.st_mtime_ns, stat.st_size)
        if stamp == self._stamp:
            return
        try:
            found = [User(**each) for each in json.loads(self.path.read_text(encoding="utf-8"))["users"]]
        except (OSError, ValueError, KeyError, TypeError):
            text = f"{self.path} is damaged. Delete it and give out the tokens again."
            raise UserError(text, kind="environment") from None
        self._stamp, self._users = stamp, {user.hash: user for user in found}

    def _write(self, users: list[User]) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            publish(self.path, {"schema": 1, "users": [asdict(user) for user in users]})
            os.chmod(self.path, 0o600)
        except OSError as error:
            raise UserError(f"Cannot write {self.path}: {error.strerror}.", kind="output") from None


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
