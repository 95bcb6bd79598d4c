# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking a server that the user runs: one request at a time, in a thread, so that a cancel never waits for a network.

Redirects and proxies are not followed: what is sent goes to the host that the user named and to no other. A key comes
from the environment alone, `GALATEA_REMOTE_KEY="host=key other.host=key"`, and goes to its own host.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import json
import os
import re
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .call import Call, link
from .protocol.errors import UserError
from .protocol.store import publish

if TYPE_CHECKING:
    from .worker.report import Report

KEYS = "GALATEA_REMOTE_KEY"
WANT_KEY = (401, 403, 407)
MOST_JSON, MOST_MESH = 32 << 20, 512 << 20
"""bytes, an answer above this is refused."""
LOOK = 0.1
"""s between two looks at the cancel flag."""
Beat = Callable[[], None]


class Refused(UserError):
    """The server's answer was an error; `status` is its code, `told` what the answer held, `later` s to wait. A key
    that it refuses is for the user to mend."""

    def __init__(self, message: str, status: int, told: Any, later: float = 0.0, *, kind: str = "backend") -> None:
        super().__init__(message, kind=kind)
        self.status, self.told, self.later = status, told, later


class Broke(UserError):
    """The connection ended in the middle; another try may work."""


class Server:
    """`step` is the backend that asks, for the advice in errors; `start` says how such a server is started.

    `params`: url, connect_s, stall_s. `sent` is what it is given. `setting` is what holds the address,
    where that is not the step's url; `key` comes before that of the environment.
    """

    def __init__(
        self,
        step: str,
        start: str,
        params: dict[str, Any],
        report: Report,
        *,
        sent: str = "cut-out picture",
        setting: str = "",
        key: str = "",
    ) -> None:
        self._step, self._start, self._sent = step, start, sent
        self._setting, self._own = setting or f"{step}.url", not setting
        self._connect, self._stall = params["connect_s"], params["stall_s"]
        self._tls, self.host, self._port, self._path = _parts(params["url"], self._setting)
        self.name = self.host if self._port in (80, 443) else f"{self.host}:{self._port}"
        here = loopback(self.host)
        if not here and os.environ.get("GALATEA_OFFLINE", "") not in ("", "0"):
            raise UserError(
                f"{self.name} is not this machine, and this is offline. Allow online access (in Blender: Preferences > "
                f"System; elsewhere unset GALATEA_OFFLINE), or set {self._setting} to a server on this machine.",
                kind="policy",
            )
        self._key = key or _key(self.host)
        if not here:
            report.log(f"The {sent} leaves this machine: it is sent to {self.name}.")
        if self._key and not here and not self._tls:
            report.warn(f"The key for {self.host} travels readable over http. Use https if the network is not yours.")

    def hurried(self, seconds: float) -> Server:
        """The same server, for when there is hardly any time left."""
        other = Server.__new__(Server)
        other.__dict__.update(self.__dict__, _connect=seconds, _stall=seconds)
        return other

    def get(self, path: str, beat: Beat, *, most: int = MOST_JSON) -> bytes:
        return self._ask("GET", path, b"", "", beat, self._stall, most)

    def post(self, path: str, body: bytes, kind: str, beat: Beat, *, wait: float = 0.0, most: int = MOST_JSON) -> bytes:
        """`wait` is how long the server may take until it begins to answer, where that is long."""
        return self._ask("POST", path, body, kind, beat, wait or self._stall, most)

    def get_json(self, path: str, beat: Beat, *, most: int = MOST_JSON) -> dict[str, Any]:
        return self._json(self.get(path, beat, most=most))

    def post_json(
        self, path: str, body: bytes, beat: Beat, *, wait: float = 0.0, most: int = MOST_JSON
    ) -> dict[str, Any]:
        """`body` is JSON; an empty answer is an empty object."""
        answer = self.post(path, body, "application/json", beat, wait=wait, most=most)
        return self._json(answer) if answer.strip() else {}

    def delete(self, path: str, beat: Beat) -> bytes:
        return self._ask("DELETE", path, b"", "", beat, self._stall, MOST_JSON)

    def post_form(self, path: str, body: bytes, boundary: str, beat: Beat) -> dict[str, Any]:
        return self._json(self.post(path, body, f"multipart/form-data; boundary={boundary}", beat))

    def masked(self, text: str) -> str:
        """Without the key, should the server have said it."""
        return text.replace(self._key, "***") if self._key else text

    def strange(self, what: str) -> UserError:
        """For an answer that no such server gives."""
        text = f"{self.name} answers with {what}. Is it another program? {self._start}, or set {self._setting}."
        return UserError(text, kind="backend")

    def _json(self, data: bytes) -> dict[str, Any]:
        try:
            found = json.loads(data)
        except (ValueError, RecursionError):
            raise self.strange(f"{_spoken(data) or 'nothing'!r} where JSON was expected") from None
        if not isinstance(found, dict):
            raise self.strange("JSON of another kind than expected")
        return found

    def _ask(self, method: str, path: str, body: bytes, kind: str, beat: Beat, wait: float, most: int) -> bytes:
        headers = {"Accept-Encoding": "identity", "Connection": "close", "User-Agent": "galatea"}
        if kind:
            headers |= {"Content-Type": kind, "Content-Length": str(len(body))}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        connection = link(self._tls, self.host, self._port, self._connect)
        call = Call(connection, method, self._path + path, body if kind else None, headers, most)
        call.start()
        try:
            while not call.ended.wait(LOOK):
                beat()
                silent = time.monotonic() - call.moved
                limit = {"connecting": self._connect, "waiting": wait}.get(call.state, self._stall)
                if silent > limit:
                    raise self._silence(call.state, limit)
        finally:
            call.stop()
        if call.error:
            raise self._explained(call.error, call.state)
        if call.status != 200:
            raise self._refused(call)
        return bytes(call.data)

    def _silence(self, state: str, limit: float) -> UserError:
        if state == "connecting":
            text = f"{self.name} did not answer within {limit:g} s. {self._start}, or set {self._setting}."
        elif state == "waiting":
            text = f"{self.name} took the order and was silent for {limit:g} s. Look at its window for what it does"
            text += f", or raise {self._step}.stall_s or wait_s." if self._own else "."
        else:
            text = f"{self.name} went silent for {limit:g} s in the middle of its answer. Try again"
            text += f", or raise {self._step}.stall_s." if self._own else "."
        return UserError(text, kind="timeout")

    def _explained(self, error: BaseException, state: str) -> UserError:
        """The error as a person can act upon it."""
        other = f"{self._start}, or set {self._setting} to where it listens."
        if isinstance(error, UserError):
            return error
        if isinstance(error, ConnectionRefusedError):
            text = f"Nothing listens at {self.name}. {other}"
        elif isinstance(error, socket.gaierror):
            text = f"There is no host {self.host} ({error.strerror}). Check the network and {self._setting}."
        elif isinstance(error, ssl.SSLCertVerificationError):
            text = f"{self.name} has no certificate that is trusted here ({error.verify_message}). Name its own with "
            text += "SSL_CERT_FILE if you know it."
        elif isinstance(error, ssl.SSLError):
            text = f"{self.name} does not speak https ({error.reason}). Try http:// in {self._setting}."
        elif isinstance(error, TimeoutError):
            return self._silence(state, self._connect)
        elif isinstance(error, http.client.IncompleteRead):
            text = f"{self.name} ended its answer in the middle. Try again; if it happens again, look at its window."
            return Broke(text, kind="backend")
        elif isinstance(error, http.client.RemoteDisconnected | ConnectionError):
            text = f"{self.name} broke the connection off ({type(error).__name__}). It may have crashed, or run out of "
            text += "memory: look at its window, then try again."
            return Broke(text, kind="backend")
        elif isinstance(error, http.client.HTTPException):
            text = f"{self.name} does not speak HTTP ({type(error).__name__}). {other}"
        else:
            text = f"{self.name} cannot be reached ({error}). {other}"
        return UserError(text, kind="backend")

    def _refused(self, call: Call) -> Refused:
        data = bytes(call.data)
        try:
            told = json.loads(data)
        except (ValueError, RecursionError):
            told = None
        words = self.masked(_spoken(data, told))
        said = f": {words.removesuffix('.')}" if words else ""
        code = call.status
        if code in WANT_KEY:
            there = "" if self._own else "give the token in Preferences > Add-ons > Galatea, or "
            asked = f"{self.name} refuses ({code}{said}). If it wants a key, {there}set the environment variable "
            asked += f'{KEYS}="{self.host}=YOUR KEY" and start again.'
            return Refused(asked, code, told, call.later, kind="usage")
        if 300 <= code < 400:
            text = f"{self.name} sends on to {call.location[:200]!r}, which is not followed. Set {self._setting} to it."
        elif code == 413:
            text = f"{self.name} takes no {self._sent} of this size (413). Raise its limit."
        elif code in (429, 502, 503, 504):
            text = f"{self.name} is busy or not ready ({code}{said}). Try again later."
        else:
            text = f"{self.name} answers {code}{said}. Look at its window for the cause."
        return Refused(text, code, told, call.later)


class Clock:
    """A beat that says what is being done and for how long already; nothing is known of how long it will take."""

    def __init__(self, report: Report, phase: str, fraction: float) -> None:
        self._report, self.phase, self.fraction = report, phase, fraction
        self._began = time.monotonic()

    def __call__(self) -> None:
        spent = time.monotonic() - self._began
        self._report.progress(f"{self.phase}, {spent:.0f} s" if spent >= 1 else self.phase, self.fraction)


def go_on() -> None:
    """The beat of what nobody can cancel."""


def rest(seconds: float, beat: Beat) -> None:
    """Until the next question."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        beat()
        time.sleep(min(LOOK, left))


class Receipt:
    """The server's number of an order, kept where an attempt that was interrupted is asked for it again."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "order.json"

    def number(self, wait_s: float) -> tuple[str, float]:
        """And when it was given; empty and 0 where there is none that can still be waited for."""
        try:
            held = json.loads(self._path.read_text(encoding="utf-8"))
            number, given = str(held["number"]), float(held["given"])
        except (OSError, ValueError, KeyError, TypeError):
            return "", 0.0
        return (number, given) if 0 <= time.time() - given < wait_s else ("", 0.0)

    def keep(self, number: object) -> float:
        """Returns when it was given; ValueError where it is no number that can stand in an address."""
        if not isinstance(number, str) or not re.fullmatch(r"[\w-]{1,100}", number):
            raise ValueError("no number for the order")
        given = time.time()
        publish(self._path, {"number": number, "given": given})
        return given

    def forget(self) -> None:
        self._path.unlink(missing_ok=True)


def _parts(url: str, setting: str) -> tuple[bool, str, int, str]:
    """Whether it is https, host, port, path without a slash at its end."""
    wrong = UserError(f"Set {setting} to an address of the form http://HOST:PORT, and run again.", kind="usage")
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
        host.encode("idna")
    except (ValueError, UnicodeError):
        raise wrong from None
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise wrong
    if not re.fullmatch(r"[\w.:%-]+", host) or not re.fullmatch(r"[!-~]*", parts.path):
        raise wrong
    if parts.username is not None or parts.password is not None:
        text = f"{setting} must hold no name and password, for it is written into the job."
        raise UserError(f'{text} Set {KEYS}="{host}=YOUR KEY" instead.', kind="usage")
    return parts.scheme == "https", host, port or (443 if parts.scheme == "https" else 80), parts.path.rstrip("/")


def loopback(host: str) -> bool:
    """It is this very machine."""
    if host.lower() == "localhost":
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


def _key(host: str) -> str:
    for pair in os.environ.get(KEYS, "").split():
        name, found, key = pair.partition("=")
        if found and name.lower() == host.lower() and re.fullmatch(r"[!-~]+", key):
            return key
    return ""


def _spoken(data: bytes, told: Any = None) -> str:
    """The server's own words, short and in one line."""
    for key in ("error", "text", "detail", "message"):
        if isinstance(told, dict) and told.get(key):
            told = told[key]
    text = told if isinstance(told, str) else json.dumps(told) if told else data.decode("utf-8", "replace")
    text = re.sub(r"<(style|script).*?</\1>|<[^>]*>", " ", text, flags=re.DOTALL | re.IGNORECASE)
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= 300 else text[:300] + " …"
