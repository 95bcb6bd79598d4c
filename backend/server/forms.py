# SPDX-License-Identifier: GPL-3.0-or-later
"""What the API takes and answers, as the OpenAPI document says it."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from ..protocol.order import MOST_SEED
from .jobs import Job
from .uploads import ID

State = Literal["queued", "running", "done", "failed", "cancelled"]
UPLOAD = f"^{ID.pattern}$"


class Trouble(BaseModel):
    """Why it was refused, and what to do next."""

    model_config = ConfigDict(extra="allow")
    kind: str
    message: str
    hint: str = ""


class Refused(BaseModel):
    error: Trouble


class UploadForm(BaseModel):
    id: str = Field(pattern=UPLOAD)
    kind: str
    size: int


class AssetForm(BaseModel):
    name: str
    role: str
    size: int
    sha256: str
    url: str
    meta: dict[str, Any]


class JobForm(BaseModel):
    """`progress` is the share of its steps that are done, the running one by its own measure."""

    id: str
    kind: Literal["job", "step"]
    task: str
    state: State
    priority: Literal["high", "normal", "low"]
    created: float
    ended: float | None
    place: int | None = Field(description="Its place in the queue, from 1; null where it does not wait")
    step: str
    steps_done: int
    steps: int
    phase: str
    progress: float = Field(ge=0, le=1)
    order: dict[str, Any]
    assets: list[AssetForm]
    stages: list[dict[str, Any]]
    warnings: list[str]
    error: Trouble | None


class JobList(BaseModel):
    jobs: list[JobForm]
    more: bool = Field(description="There are older ones: ask with before=<the last id>")


class StepOrder(BaseModel):
    """One step, as a runner asks for it. `id` is the step's fingerprint, where the asker knows it."""

    model_config = ConfigDict(extra="forbid", strict=True)
    step: str = Field(max_length=100)
    id: str = Field("", max_length=120)
    inputs: dict[str, str] = Field(default_factory=dict, max_length=32)
    params: dict[str, Any] = Field(default_factory=dict, max_length=64)
    seed: int = Field(0, ge=0, le=MOST_SEED)


class Offer(BaseModel):
    recipe: str
    inputs: list[str]
    prompt: bool
    ready: bool
    why: str


class TaskForm(BaseModel):
    name: str
    help: str
    recipes: list[Offer]


class About(BaseModel):
    """What this server does, and how much it takes."""

    version: str
    user: str
    tasks: list[TaskForm]
    recipes: list[str]
    qualities: list[str]
    steps: list[str] = Field(description="Steps that /v1/steps does")
    upload_bytes: int
    pixels: int


class Health(BaseModel):
    status: Literal["ok", "draining", "stuck", "full"]


def form(job: Job, place: int | None, priorities: tuple[str, ...]) -> JobForm:
    result = job.result or {}
    error = result.get("error")
    return JobForm(
        id=job.id,
        kind="step" if job.kind == "step" else "job",
        task=job.task,
        state=job.state,  # type: ignore[arg-type]
        priority=priorities[job.priority],  # type: ignore[arg-type]
        created=job.created,
        ended=result.get("ended"),
        place=place,
        step=job.step,
        steps_done=job.index if not job.ended else len(result.get("stages", ())),
        steps=job.total,
        phase=job.phase if job.state == "running" else "",
        progress=round(job.progress, 4),
        order=job.document,
        assets=[
            AssetForm(
                name=asset.name, role=asset.role, size=asset.size, sha256=asset.sha256, meta=asset.meta,
                url=f"/v1/jobs/{job.id}/assets/{quote(asset.name)}",
            )
            for asset in job.assets
        ],
        stages=result.get("stages", []),
        warnings=result.get("warnings", []),
        error=Trouble(**error) if error else None,
    )  # fmt: skip
