# SPDX-License-Identifier: GPL-3.0-or-later
"""Around every answer: who may come in from where, the headers that browsers obey, a line of log, a measure."""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from fastapi.responses import JSONResponse

from ..remote import loopback
from .log import say
from .metrics import Metrics

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src blob:; "
    "connect-src 'self' blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
QUIET = ("/health", "/ready", "/metrics")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
"""All others are measured as one: a stranger may make up as many as there are letters."""


class Guard:
    """ASGI. Another site's page may ask nothing (`Origin`). A server without tokens answers to this machine alone, by
    its own names (`Host`), for a name of somebody else's may point here, and a proxy may let everybody in."""

    def __init__(self, app: Any, metrics: Metrics, closed: Callable[[], bool]) -> None:
        self._app, self._metrics, self._closed = app, metrics, closed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, number, status = time.perf_counter(), secrets.token_hex(6), 500
        scope.setdefault("state", {})["request"] = number

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                has = {name.lower() for name, _ in message.setdefault("headers", [])}
                more = {**HEADERS, "x-request-id": number, "cache-control": "no-store"}
                message["headers"] += [(k.encode(), v.encode()) for k, v in more.items() if k.encode() not in has]
            await send(message)

        try:
            why = self._stranger(scope)
            if why:
                self._metrics.refused.labels("origin").inc()
                await answer(403, "usage", why)(scope, receive, told)
            else:
                await self._app(scope, receive, told)
        finally:
            spent = time.perf_counter() - began
            route = getattr(scope.get("route"), "path", "other")
            method = scope["method"] if scope["method"] in METHODS else "other"
            self._metrics.requests.labels(method, route, str(status)).observe(spent)
            if scope["path"] not in QUIET:
                say(
                    "request", id=number, method=method, path=scope["path"][:200], status=status,
                    ms=round(spent * 1000, 1), user=scope["state"].get("user", ""),
                    client=(scope.get("client") or [""])[0],
                )  # fmt: skip

    def _stranger(self, scope: Scope) -> str:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get(b"host", "")
        client = (scope.get("client") or [""])[0]
        if not self._closed() and not (_here(host) and loopback(client)):
            text = "Without tokens this server answers to its own machine alone. Ask for it as 127.0.0.1 there, or "
            return f"{text}give out a token: galatea serve token add NAME."
        origin = headers.get(b"origin", "")
        if origin and origin.lower().rpartition("://")[2] != host.lower():
            return "A page of another site may not ask this server."
        return ""


def _here(host: str) -> bool:
    try:
        return loopback(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False


def answer(status: int, kind: str, message: str, *, hint: str = "", later: float = 0.0, **more: Any) -> JSONResponse:
    headers = {"Retry-After": str(max(1, round(later + 0.5)))} if later else {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse({"error": {"kind": kind, "message": message, "hint": hint, **more}}, status, headers)
