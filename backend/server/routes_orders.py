# SPDX-License-Identifier: GPL-3.0-or-later
"""Where orders come in: uploads, jobs, one route a task, single steps."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Mapping
from typing import Annotated, Any

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, Header, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from ..protocol.errors import UserError
from ..protocol.order import Order, parse
from . import forms, tasks
from .house import House, Who, named
from .jobs import Job
from .limits import PRIORITIES, Refusal
from .uploads import LOOKS

REFUSED: dict[int | str, dict[str, Any]] = {
    code: {"model": forms.Refused, "description": text}
    for code, text in {
        400: "The body cannot be read",
        401: "A token is wanted",
        403: "Not allowed to you, or by the server's policy",
        422: "It is wrong; the message says what to change",
        429: "Too much, or too often: wait as Retry-After says",
    }.items()
}
LATER: dict[int | str, dict[str, Any]] = {
    409: {"model": forms.Refused, "description": "An upload is missing (`missing` names it), or it is something else"},
    413: {"model": forms.Refused, "description": "Too large"},
    415: {"model": forms.Refused, "description": "Not of the type that is taken"},
    503: {"model": forms.Refused, "description": "The server is about to stop"},
    507: {"model": forms.Refused, "description": "The server's disk is full"},
}
Priority = Annotated[str, Query(pattern="^(high|normal|low)$", description="`high` needs a token that may")]
Key = Annotated[
    str, Header(alias="Idempotency-Key", max_length=200, description="The same key gives the same job, never a second")
]


def shown(house: House, job: Job) -> forms.JobForm:
    return forms.form(job, house.place(job), PRIORITIES)


def add(app: FastAPI, house: House) -> None:
    _uploads(app, house)
    _jobs(app, house)
    for task in tasks.TASKS:
        _task(app, house, task)
    _steps(app, house)


def _uploads(app: FastAPI, house: House) -> None:
    binary = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    looks = CapacityLimiter(LOOKS)

    @app.post(
        "/v1/uploads",
        response_model=forms.UploadForm,
        responses={**REFUSED, **LATER},
        openapi_extra={"requestBody": {"required": True, "content": binary}},
        max_body_size=house.limits.upload,
        tags=["uploads"],
    )
    async def send(
        request: Request,
        user: Who,
        sha256: Annotated[str, Query(pattern="^([0-9a-f]{64})?$", description="What its hash must be")] = "",
    ) -> Any:
        """Send a file as the body: a PNG, JPEG or WebP picture, a GLB, STL, PLY or OBJ mesh, a BVH motion, a
        scene.json, or an MP4 or WebM film. What it is is read from it; its name is not asked."""
        _proved(request, "application/octet-stream", "Send the file as it is")
        id = f"sha256:{sha256}" if sha256 else ""
        there = house.uploads.path(id)
        if not there:
            part = await run_in_threadpool(house.uploads.begin)
            try:
                async for block in request.stream():
                    await run_in_threadpool(part.write, block)
                id, there = await to_thread.run_sync(house.uploads.take, part, id, limiter=looks)
            finally:
                await run_in_threadpool(part.drop)
            house.metrics.uploaded.inc(part.size)
        assert there
        return _sent(id, there)

    @app.get("/v1/uploads/{id}", response_model=forms.UploadForm, responses={**REFUSED, **_none()}, tags=["uploads"])
    def look(id: Annotated[str, Path(pattern=forms.UPLOAD)], user: Who) -> Any:
        """Whether a file was sent already: then it need not be sent again."""
        path = house.uploads.path(id)
        if path is None:
            raise Refusal(404, "missing", "No such file was sent.", missing=[id])
        return _sent(id, path)


def _sent(id: str, path: pathlib.Path) -> forms.UploadForm:
    return forms.UploadForm(id=id, kind=path.suffix[1:], size=path.stat().st_size)


def _none() -> dict[int | str, dict[str, Any]]:
    return {404: {"model": forms.Refused, "description": "There is none"}}


def _created(house: House, job: Job) -> JSONResponse:
    body = shown(house, job).model_dump(mode="json")
    return JSONResponse(body, 201, {"Location": f"/v1/jobs/{job.id}"})


def _give(house: House, user: Any, order: Order, key: str, priority: str, task: str) -> Job:
    """Plan it, so that what is wrong is said now; then write it down."""
    if priority == "high" and not user.high:
        raise Refusal(403, "usage", "Your token may not put jobs before those of others. Leave priority out.")
    document = order.document()
    id = named(user, key) if key else ""
    before = house.ledger.get(id) if id else None
    if before is None:
        house.room(user)
        recipe, _ = house.desk.plan(order)
        with house.door:
            house.room(user)
            before = house.ledger.add(
                user.name, "job", document, id=id, task=task, priority=PRIORITIES.index(priority),
                steps=len(recipe.steps),
            )  # fmt: skip
        house.engine.wake()
    if before.document != document:
        raise Refusal(409, "usage", "This Idempotency-Key was used for another order. Take a new one.")
    return before


def _body(house: House, *, task: bool) -> dict[str, Any]:
    schema = tasks.order_schema(list(house.desk.recipes), task=task)
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


async def _json(request: Request) -> bytes:
    _proved(request, "application/json", "Send the order as JSON")
    return await request.body()


def _proved(request: Request, kind: str, do: str) -> None:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != kind:
        raise Refusal(415, "usage", f"{do}, with Content-Type: {kind}.")


def _jobs(app: FastAPI, house: House) -> None:
    @app.post(
        "/v1/jobs",
        status_code=201,
        response_model=forms.JobForm,
        responses={**REFUSED, **LATER},
        openapi_extra=_body(house, task=False),
        tags=["orders"],
    )
    async def give(request: Request, user: Who, priority: Priority = "normal", key: Key = "") -> Any:
        """Give an order: the document of a job file, with ids of uploads in place of paths."""
        data = await _json(request)

        def work() -> JSONResponse:
            order = house.desk.order(_object(data))
            return _created(house, _give(house, user, order, key, priority, ""))

        return await run_in_threadpool(work)


def _task(app: FastAPI, house: House, task: tasks.Task) -> None:
    @app.post(
        f"/v1/{task.name}",
        status_code=201,
        response_model=forms.JobForm,
        responses={**REFUSED, **LATER},
        openapi_extra=_body(house, task=True),
        operation_id=task.name,
        summary=task.help,
        description=f"As /v1/jobs; the recipe follows from what is given: {', '.join(task.recipes)}.",
        tags=["orders"],
    )
    async def give(request: Request, user: Who, priority: Priority = "normal", key: Key = "") -> Any:
        data = await _json(request)

        def work() -> JSONResponse:
            given = _object(data)
            if "recipe" in given:
                raise UserError(f"/v1/{task.name} chooses the recipe. Leave it out, or use /v1/jobs.", kind="usage")
            order = house.desk.order({**given, "recipe": house.desk.recipe_of(task, given)})
            return _created(house, _give(house, user, order, key, priority, task.name))

        return await run_in_threadpool(work)


def _object(data: bytes) -> Mapping[str, Any]:
    found = parse(data, "the order")
    if not isinstance(found, dict):
        raise UserError("The body is no JSON object in {}. Send one.", kind="usage")
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # it could be kept, and no answer that names it could be sent
        raise UserError("The order holds half of a letter (a lone surrogate). Take it out.", kind="usage") from None
    return found


def _steps(app: FastAPI, house: House) -> None:
    schema = forms.StepOrder.model_json_schema()

    @app.post(
        "/v1/steps",
        response_model=forms.JobForm,
        responses={**REFUSED, **LATER},
        openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}},
        tags=["orders"],
    )
    async def ask(request: Request, user: Who) -> Any:
        """One step, for runners: asked twice it is done once, for its id is the fingerprint of all that it is given.
        Its files stand at the job's assets."""
        data = await _json(request)

        def work() -> forms.JobForm:
            try:
                order = forms.StepOrder.model_validate(_object(data))
            except ValidationError as error:
                first = error.errors()[0]
                where = ".".join(str(each) for each in first["loc"])
                raise UserError(f"{where[:200]}: {first['msg'][:200]}. Change it.", kind="usage") from None
            return shown(house, _step(house, user, order))

        return await run_in_threadpool(work)


def _step(house: House, user: Any, order: forms.StepOrder) -> Job:
    document = order.model_dump()
    request = house.desk.request(document)
    if order.id and order.id != request.id:
        text = f"The server makes another {order.step} of this: its version, file or weights differ from yours."
        raise Refusal(409, "usage", f"{text} Bring both to the same.")
    id = named(user, request.id, "s")
    job = house.ledger.get(id)
    if job and not job.ended:
        return job
    if job and job.state == "done" and all(house.storage.there(each.key, each.size) for each in job.assets):
        return job
    with house.door:
        found = house.ledger.get(id)
        if found is None or found is job:  # else another request has just done this
            house.room(user)
            document["id"] = request.id
            found = house.ledger.renew(found) if found else house.ledger.add(user.name, "step", document, id=id)
    house.engine.wake()
    return found
