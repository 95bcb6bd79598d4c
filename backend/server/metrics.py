# SPDX-License-Identifier: GPL-3.0-or-later
"""What Prometheus reads at /metrics. Users are counted by name, never their words or files."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from .jobs import Job


class Metrics:
    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        seconds = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
        self.requests = Histogram(
            "galatea_request_seconds", "Answers of the server", ("method", "route", "status"), registry=registry,
            buckets=seconds,
        )  # fmt: skip
        self.ended = Counter("galatea_jobs_ended", "Jobs that ended", ("task", "state"), registry=registry)
        self.job_seconds = Histogram(
            "galatea_job_seconds", "From the order to the end", ("task",), registry=registry,
            buckets=(1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 14400),
        )  # fmt: skip
        self.step_seconds = Histogram(
            "galatea_step_seconds", "Of steps that were not in the store", ("step",), registry=registry,
            buckets=(0.1, 0.5, 1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600),
        )  # fmt: skip
        self.uploaded = Counter("galatea_upload_bytes", "Bytes that were sent and kept", registry=registry)
        self.refused = Counter("galatea_refused", "Requests refused by a limit or for want of a token", ("why",),
                               registry=registry)  # fmt: skip
        self._jobs = Gauge("galatea_jobs", "Jobs that have not ended", ("state",), registry=registry)
        self._oldest = Gauge("galatea_oldest_waiting_seconds", "Age of the job that waits longest", registry=registry)

    def job(self, job: Job) -> None:
        """It has ended."""
        result = job.result or {}
        task = job.task or job.kind
        self.ended.labels(task, job.state).inc()
        self.job_seconds.labels(task).observe(result.get("seconds", 0.0))
        for stage in result.get("stages", ()):
            if not stage["cached"]:
                self.step_seconds.labels(stage["step"]).observe(stage["seconds"])

    def text(self, open: Iterable[Job], now: float) -> bytes:
        jobs = list(open)
        waiting = [job.created for job in jobs if not job.running]
        self._jobs.labels("queued").set(len(waiting))
        self._jobs.labels("running").set(len(jobs) - len(waiting))
        self._oldest.set(now - min(waiting, default=now))
        return generate_latest(self._registry)
