# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a job is, its events as they happen, its files, and its end before its time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import FastAPI, Header, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from . import checks, forms
from .house import House, Who
from .jobs import ID, Asset, Job
from .limits import Refusal
from .routes_orders import REFUSED, shown
from .storage import span
from .tokens import User

Id = Annotated[str, Path(pattern=f"^{ID.pattern}$")]
NONE: dict[int | str, dict[str, Any]] = {404: {"model": forms.Refused, "description": "You have no such job"}}
HEARTBEAT = 15.0
"""s between two signs of life in an event stream."""
_MORE = {"html": "text/html", "txt": "text/plain", "zip": "application/zip", **checks.MEDIA}


def add(app: FastAPI, house: House) -> None:
    _look(app, house)
    _events(app, house)
    _assets(app, house)


def _mine(house: House, user: User, id: str) -> Job:
    """Those of others are as if they were not there."""
    job = house.ledger.get(id)
    if job is None or job.user != user.name:
        raise Refusal(404, "missing", "You have no such job.")
    return job


def _look(app: FastAPI, house: House) -> None:
    @app.get("/v1/jobs", response_model=forms.JobList, responses={**REFUSED, **NONE}, tags=["jobs"])
    def list_jobs(
        user: Who,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        state: Annotated[forms.State | None, Query()] = None,
        before: Annotated[str, Query(pattern=f"^({ID.pattern})?$", description="Only those older than this")] = "",
    ) -> Any:
        """Your jobs, the newest first."""
        jobs = sorted(house.ledger.of(user.name), key=lambda job: (-job.created, job.id))
        if before:
            last = _mine(house, user, before)
            jobs = [job for job in jobs if (-job.created, job.id) > (-last.created, last.id)]
        jobs = [job for job in jobs if state in (None, job.state)]
        return forms.JobList(jobs=[shown(house, job) for job in jobs[:limit]], more=len(jobs) > limit)

    @app.get("/v1/jobs/{id}", response_model=forms.JobForm, responses={**REFUSED, **NONE}, tags=["jobs"])
    def look(id: Id, user: Who) -> Any:
        """How far it is, and what it made."""
        return shown(house, _mine(house, user, id))

    @app.delete("/v1/jobs/{id}", response_model=forms.JobForm, responses={**REFUSED, **NONE}, tags=["jobs"])
    def cancel(id: Id, user: Who) -> Any:
        """Stop it. One that has ended stays as it is; asking twice changes nothing."""
        job = _mine(house, user, id)
        if not job.ended:
            house.engine.cancel(job)
        return shown(house, job)


def _events(app: FastAPI, house: House) -> None:
    stream = {"text/event-stream": {"schema": {"type": "string"}}}

    @app.get(
        "/v1/jobs/{id}/events",
        response_class=Response,
        responses={**REFUSED, **NONE, 200: {"content": stream, "description": "Server-sent events"}},
        tags=["jobs"],
    )
    async def events(
        id: Id,
        user: Who,
        last: Annotated[
            str, Header(alias="Last-Event-ID", pattern="^[0-9]{0,9}$", description="Go on after this event")
        ] = "",
    ) -> Any:
        """All that was said of the job and all that will be: `queued`, `running`, `progress`, `stage`, `log`, `end`.
        The stream ends with the job."""
        job = _mine(house, user, id)
        if house.streams[user.name] >= house.limits.streams:
            house.metrics.refused.labels("streams").inc()
            raise Refusal(429, "usage", f"You have {house.limits.streams} open event streams. Close some.", later=5)
        house.streams[user.name] += 1
        told = _told(house, user, job.id, int(last or 0))
        return StreamingResponse(told, 200, {"X-Accel-Buffering": "no"}, "text/event-stream")


async def _told(house: House, user: User, id: str, last: int) -> AsyncIterator[str]:
    """To the end of the job, which is said even where a full disk has swallowed its line."""
    woken = house.bell.wait_for(id)
    try:
        yield "retry: 1000\n\n"
        while True:
            woken.clear()
            job = house.ledger.get(id)
            ended = job is None or (job.ended and not job.running)
            said = (job.events or await run_in_threadpool(job.past)) if job else []
            for event in said[last:]:
                last = event["id"]
                yield _block(event)
            if ended and job and job.result and not (said and said[-1]["event"] == "end"):
                yield _block({"id": last, "event": "end", "state": job.state, "error": job.result.get("error")})
            if ended or house.engine.done.is_set():
                return
            try:
                await asyncio.wait_for(woken.wait(), HEARTBEAT)
            except TimeoutError:
                yield ": still here\n\n"
    finally:
        house.bell.leave(id, woken)
        house.streams[user.name] -= 1


def _block(event: dict[str, Any]) -> str:
    return f"id: {event['id']}\nevent: {event['event']}\ndata: {json.dumps(event)}\n\n"


def _assets(app: FastAPI, house: House) -> None:
    raw = {"schema": {"type": "string", "format": "binary"}}
    binary = dict.fromkeys(("application/octet-stream", *_MORE.values()), raw)
    answers: dict[int | str, dict[str, Any]] = {
        **REFUSED,
        **NONE,
        200: {"content": binary, "description": "The whole file"},
        206: {"content": binary, "description": "The part that was asked for"},
        304: {"description": "You have it"},
        416: {"model": forms.Refused, "description": "Nothing of the file lies in that range"},
    }

    def send(
        request: Request,
        id: Id,
        name: Annotated[str, Path(pattern=r"^[^/\\]{1,200}$")],
        user: Who,
        range: Annotated[str, Header(description="bytes=0-1023")] = "",
        if_none_match: Annotated[str, Header()] = "",
        if_range: Annotated[str, Header()] = "",
    ) -> Any:
        """A file that the job made. Its ETag is its SHA-256."""
        asset = next((each for each in _mine(house, user, id).assets if each.name == name), None)
        if asset is None:
            raise Refusal(404, "missing", "The job made no such file.")
        return _sent(house, asset, request.method, range, if_none_match, if_range)

    for method in ("GET", "HEAD"):
        app.add_api_route(
            "/v1/jobs/{id}/assets/{name}", send, methods=[method], response_class=Response, responses=answers,
            operation_id=f"{method.lower()}_asset", tags=["jobs"],
        )  # fmt: skip


def _sent(house: House, asset: Asset, method: str, range: str, if_none_match: str, if_range: str) -> Response:
    tag = f'"{asset.sha256}"'
    ending = asset.name.rpartition(".")[2].lower()
    headers = {
        "ETag": tag,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, max-age=0, must-revalidate",
        "Content-Disposition": f"attachment; filename*=utf-8''{quote(asset.name)}",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    if tag in [each.strip().removeprefix("W/") for each in if_none_match.split(",")] or if_none_match.strip() == "*":
        return Response(status_code=304, headers=headers)
    status, start, end = 200, 0, asset.size
    if range and if_range in ("", tag):
        try:
            part = span(range, asset.size)
        except ValueError:
            refused = forms.Refused(error=forms.Trouble(kind="usage", message="Nothing of the file lies there."))
            headers["Content-Range"] = f"bytes */{asset.size}"
            return Response(refused.model_dump_json(), 416, headers, "application/json")
        if part:
            status, (start, end) = 206, part
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{asset.size}"
    headers["Content-Length"] = str(end - start)
    media = _MORE.get(ending, "application/octet-stream")
    if method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=media)
    if not house.storage.there(asset.key, asset.size):
        raise Refusal(404, "missing", "The file is kept no more. Give the order again.")
    return StreamingResponse(house.storage.read(asset.key, start, end), status, headers, media)
