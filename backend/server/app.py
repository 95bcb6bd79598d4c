# SPDX-License-Identifier: GPL-3.0-or-later
"""The server put together: its routes, its refusals, its beginning and its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from ..protocol.errors import UserError
from ..version import VERSION
from . import page, routes_jobs, routes_orders, routes_server
from .guard import Guard, answer
from .house import House
from .limits import Refusal

_STATUS = {"policy": 403, "output": 507}
_log = logging.getLogger("galatea.server")


def _handlers(app: FastAPI) -> None:
    """Every refusal has one shape."""

    @app.exception_handler(Refusal)
    async def refusal(_: Request, error: Refusal) -> Response:
        return answer(error.status, error.kind, error.message, later=error.later, **error.more)

    @app.exception_handler(UserError)
    async def user_error(_: Request, error: UserError) -> Response:
        return answer(_STATUS.get(error.kind, 422), error.kind, str(error), hint=error.hint)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(each) for each in first["loc"])
        if where == "path.id":
            return answer(
                422, "usage", "That is no id of this server. Take the one that an order or upload was answered with."
            )
        return answer(422, "usage", f"{where[:200]}: {first['msg'][:300]}. Change it and ask again.")

    @app.exception_handler(OSError)
    async def disk(_: Request, error: OSError) -> Response:
        _log.error("the disk, or the storage: %s", error)
        return answer(507, "output", "The server cannot use its disk or storage. Ask whoever runs it to read its log.")

    @app.exception_handler(ClientDisconnect)
    async def gone(_: Request, error: ClientDisconnect) -> Response:
        return answer(400, "usage", "The connection ended before all was sent. Send it again.")

    @app.exception_handler(HTTPException)
    async def plain(_: Request, error: HTTPException) -> Response:
        found = answer(error.status_code, "usage", f"{error.detail}.")
        found.headers.update(error.headers or {})
        return found


def create(house: House, *, on_start: Callable[[], None] = lambda: None) -> Any:
    """The ASGI application; its engine starts with it."""

    @asynccontextmanager
    async def life(app: FastAPI) -> Any:
        house.bell.hang()
        house.engine.start()
        on_start()
        yield
        if not house.engine.draining:
            house.engine.drain(0.0)
        await asyncio.to_thread(house.engine.done.wait, 30)

    app = FastAPI(
        title="Galatea",
        version=VERSION,
        description="Pictures and words to meshes, rigs and films. Inputs are sent to /v1/uploads and named by their "
        "hash; an order is the same document as a job file's. Errors all have the shape of `Refused`.",
        license_info={"name": "GPL-3.0-or-later"},
        docs_url=None,
        redoc_url=None,
        lifespan=life,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
        max_body_size=house.limits.document,
        redirect_slashes=False,
    )
    app.state.house = house
    _handlers(app)
    for part in (routes_server, routes_orders, routes_jobs, page):
        part.add(app, house)
    return Guard(app, house.metrics, lambda: house.tokens.wanted)
