# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTP request in a thread of its own, which the one who waits can break off at any moment."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator

from .protocol.errors import UserError
from .protocol.place import gigabytes

BLOCK = 1 << 16


class Call(threading.Thread):
    """One request. `state`: connecting, sending, waiting, reading; `moved`: when it last went on."""

    def __init__(
        self,
        link: http.client.HTTPConnection,
        method: str,
        path: str,
        body: bytes | None,
        headers: dict[str, str],
        most: int,
    ) -> None:
        super().__init__(daemon=True)
        self._link, self._method, self._path, self._body = link, method, path, body
        self._headers, self._most = headers, most
        self.ended = threading.Event()
        self.state, self.moved = "connecting", time.monotonic()
        self.status, self.location, self.later = 0, "", 0.0
        self.data = bytearray()
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self._run()
        except Exception as error:  # whatever it is, who asked explains it
            self.error = error
        finally:
            self.ended.set()

    def _run(self) -> None:
        self._link.connect()
        self._link.sock.settimeout(None)  # the one who waits counts the time and breaks off
        self._move("sending")
        self._link.request(self._method, self._path, self._blocks() if self._body is not None else None, self._headers)
        self._move("waiting")
        answer = self._link.getresponse()
        self._move("reading")
        self.status, self.location = answer.status, answer.headers.get("Location", "")
        with contextlib.suppress(ValueError):  # a date is not read
            self.later = max(0.0, float(answer.headers.get("Retry-After", "")))
        most = self._most if self.status == 200 else BLOCK
        length = answer.length
        while block := answer.read1(BLOCK):
            self._move("reading")
            self.data += block
            if len(self.data) > most or (self.status == 200 and (length or 0) > most):
                if self.status == 200:
                    raise too_large(max(length or 0, len(self.data)), most)
                return
        if length is not None and len(self.data) < length:
            raise http.client.IncompleteRead(b"", length - len(self.data))

    def _blocks(self) -> Iterator[bytes]:
        body = self._body or b""
        for at in range(0, len(body), BLOCK):
            self._move("sending")
            yield body[at : at + BLOCK]

    def _move(self, state: str) -> None:
        self.state, self.moved = state, time.monotonic()

    def stop(self) -> None:
        """Break off, whatever the thread waits for."""
        with contextlib.suppress(OSError, AttributeError):
            self._link.sock.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            self._link.close()


def too_large(size: int, most: int) -> UserError:
    text = f"The server's answer is too large ({gigabytes(size)} or more, {gigabytes(most)} is the most)."
    return UserError(f"{text} Ask it for less.", kind="backend")


def link(tls: bool, host: str, port: int, timeout: float) -> http.client.HTTPConnection:
    if not tls:
        return http.client.HTTPConnection(host, port, timeout=timeout)
    context = ssl.create_default_context()
    with contextlib.suppress(ImportError, OSError):  # Blender brings it, and not every system has its own list
        import certifi

        context.load_verify_locations(certifi.where())
    return http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
