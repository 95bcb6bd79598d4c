# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server says of itself: to people, to those who watch over it, to a load balancer."""

from __future__ import annotations

import time
from typing import Any

from fastapi import FastAPI, Response

from ..protocol.recipe import names
from ..version import VERSION
from . import forms
from .house import House, Who
from .routes_orders import REFUSED


def add(app: FastAPI, house: House) -> None:
    not_now: dict[int | str, dict[str, Any]] = {503: {"model": forms.Health, "description": "Not now"}}

    @app.get("/health", response_model=forms.Health, responses=not_now, tags=["server"])
    def health(response: Response) -> Any:
        """It lives: its engine looks around. Asked without a token."""
        if not house.engine.well:
            response.status_code = 503
            return forms.Health(status="stuck")
        return forms.Health(status="ok")

    @app.get("/ready", response_model=forms.Health, responses=not_now, tags=["server"])
    def ready(response: Response) -> Any:
        """It takes orders: not while it is about to stop, nor with a full disk. Asked without a token."""
        status = "draining" if house.engine.draining else "full" if house.limits.full(house.folder) else "ok"
        if status == "ok" and not house.engine.well:
            status = "stuck"
        if status != "ok":
            response.status_code = 503
        return forms.Health(status=status)  # type: ignore[arg-type]

    @app.get(
        "/metrics",
        response_class=Response,
        responses={**REFUSED, 200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
        tags=["server"],
    )
    def metrics(user: Who) -> Any:
        """For Prometheus."""
        text = house.metrics.text(house.ledger.open(), time.time())
        return Response(text, media_type="text/plain; version=0.0.4")

    @app.get("/v1", response_model=forms.About, responses=REFUSED, tags=["server"])
    def about(user: Who) -> Any:
        """What can be asked for here, and how much is taken."""
        return forms.About(
            version=VERSION,
            user=user.name,
            tasks=[forms.TaskForm(**each) for each in house.desk.offers()],
            recipes=list(house.desk.recipes),
            qualities=names("quality"),
            steps=house.desk.steps,
            upload_bytes=house.limits.upload,
            pixels=house.limits.pixels,
        )
