# SPDX-License-Identifier: GPL-3.0-or-later
"""One step that a server does for us: asked for by its fingerprint, its files fetched and proved by their hashes."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..protocol.errors import JobCancelled, UserError
from ..protocol.job import Request
from ..protocol.spec import BackendSpec

if TYPE_CHECKING:
    from ..remote import Server
    from ..worker.report import Report

START = "Start it with `galatea serve`"
SETTING = "the server's address (--address, GALATEA_SERVER, or Preferences > Add-ons > Galatea)"
LOOK = 0.25
"""s between two looks at how far it is."""
MOST_ASSETS, MOST_BYTES = 64, 1 << 30
BUSY = (429, 502, 503, 504)
"""Answers that mean: later."""
_T = TypeVar("_T")


class HttpStep:
    """Takes the place of a step's backend in `worker.execute`."""

    def __init__(self, spec: BackendSpec, params: Mapping[str, Any], *, key: str = "", offline: bool = False) -> None:
        self.spec, self._params, self._key, self._offline = spec, dict(params), key, offline

    def run(self, request: Request, params: dict[str, Any], report: Report) -> None:
        from ..remote import Server

        self._report, self._request = report, request
        self._phase, self._fraction, self._met = "Asking the server", 0.0, False
        self._refuse_offline()
        server = Server(
            self.spec.id, START, self._params, report, sent="input of the step", setting=SETTING, key=self._key
        )
        try:
            job = self._order(server)
            self._fetch(server, self._wait(server, job))
        except JobCancelled:
            self._call_off(server)
            raise

    def _refuse_offline(self) -> None:
        from ..remote import _parts, loopback

        host = _parts(self._params["url"], SETTING)[1]
        if self._offline and not loopback(host):
            text = f"{host} is not this machine, and this is offline. Allow online access, or clear {SETTING}."
            raise UserError(text, kind="policy")

    def _beat(self) -> None:
        self._report.progress(self._phase, self._fraction)

    def _order(self, server: Server) -> dict[str, Any]:
        """Ask for the step; what the server lacks of its inputs is sent first."""
        from ..remote import Refused

        request = self._request
        files = {f"sha256:{request.hashes[role]}": Path(path) for role, path in request.inputs.items()}
        document = {
            "id": request.id,
            "step": request.backend,
            "inputs": {role: f"sha256:{digest}" for role, digest in request.hashes.items()},
            "params": request.params,
            "seed": request.seed,
        }
        body = json.dumps(document).encode()
        sent: set[str] = set()
        while True:
            try:
                return self._patient(server, lambda: server.post_json("/v1/steps", body, self._beat))
            except Refused as refused:
                missing = [id for id in _missing(refused.told) if id in files and id not in sent]
                if refused.status != 409 or not missing:
                    raise
            for id in missing:
                self._send(server, id, files[id])
                sent.add(id)

    def _send(self, server: Server, id: str, path: Path) -> None:
        self._phase = "Sending to the server"
        try:
            data = path.read_bytes()
        except OSError as error:
            raise UserError(f"Cannot read {path}: {error.strerror}. Check its permissions.") from None
        where = f"/v1/uploads?sha256={id.removeprefix('sha256:')}"
        self._patient(server, lambda: server.post(where, data, "application/octet-stream", self._beat))

    def _wait(self, server: Server, job: dict[str, Any]) -> dict[str, Any]:
        """Until it has ended. A server that is started again goes on with it; one that forgot it is asked again."""
        from ..remote import Refused, rest

        said = 0
        while True:
            id, state = job.get("id"), job.get("state")
            if not isinstance(id, str) or not re.fullmatch(r"s[0-9a-f]{20}", id) or not isinstance(state, str):
                raise server.strange("a job without a number and a state")
            self._id = id
            if state in ("done", "failed", "cancelled"):
                return job
            self._phase, self._fraction = _told(job, self._phase)
            for text in _texts(job.get("warnings"))[said:]:
                said += 1
                self._report.log(text)
            rest(LOOK, self._beat)
            try:
                job = self._patient(server, lambda: server.get_json(f"/v1/jobs/{self._id}", self._beat))
            except Refused as error:
                if error.status != 404:
                    raise
                job = self._order(server)

    def _fetch(self, server: Server, job: dict[str, Any]) -> None:
        if job["state"] != "done":
            error = job.get("error")
            told = error if isinstance(error, dict) else {}
            said = server.masked(" ".join(str(told.get("message") or "it ended without a reason").split())[:500])
            if job["state"] == "cancelled":
                said = "somebody cancelled it there"
            kind = str(told.get("kind"))
            kind = kind if kind in ("input", "device", "weights", "usage", "policy", "timeout") else "backend"
            raise UserError(f"{server.name}: {said}", kind=kind, hint=str(told.get("hint", ""))[:500])
        self._phase, self._fraction = "Fetching from the server", 1.0
        assets = job.get("assets")
        rows = assets if isinstance(assets, list) and len(assets) <= MOST_ASSETS else []
        roles = set()
        for row in rows:
            roles.add(self._file(server, row))
        missing = sorted(set(self.spec.outputs) - roles)
        if missing:
            raise server.strange(f"a result without its {', '.join(missing)}")
        stages = job.get("stages")
        last = stages[-1] if isinstance(stages, list) and stages and isinstance(stages[-1], dict) else {}
        self._report.device = f"{str(last.get('device', 'cpu'))[:40]} of {server.name}"
        metrics = last.get("metrics")
        for name, value in (metrics if isinstance(metrics, dict) else {}).items():
            self._report.metric(str(name)[:60], value)
        self._report.warnings += _texts(job.get("warnings"))

    def _file(self, server: Server, row: Any) -> str:
        """One asset, whole and with the hash that was promised; returns its role."""
        try:
            role, name, size, digest = str(row["role"]), str(row["name"]), row["size"], str(row["sha256"])
            meta = row.get("meta") if isinstance(row.get("meta"), dict) else {}
        except (TypeError, KeyError, AttributeError):
            raise server.strange("an asset without a name, a size and a hash") from None
        good = re.fullmatch(r"[a-z0-9_]{1,40}", role) and re.fullmatch(r"[\w-][\w.-]{0,99}", name)
        if not good or type(size) is not int or not 0 < size <= MOST_BYTES or not re.fullmatch("[0-9a-f]{64}", digest):
            raise server.strange(f"an asset {name[:40]!r} that cannot be one")
        where = f"/v1/jobs/{self._id}/assets/{name}"
        for attempt in (1, 2):
            data = self._patient(server, lambda: server.get(where, self._beat, most=size))
            if hashlib.sha256(data).hexdigest() == digest:
                self._report.file(role, name, **meta).write_bytes(data)
                return role
            self._report.log(f"{name} came damaged (try {attempt}).")
        text = f"{server.name} sent {name} twice, and never with the hash that it names. Look at its network and disk."
        raise UserError(text, kind="backend")

    def _patient(self, server: Server, ask: Callable[[], _T]) -> _T:
        """Ask again while the server is busy, or gone for a while after it was there once."""
        from ..remote import Broke, Refused, rest

        began = time.monotonic()
        phase = self._phase
        while True:
            try:
                found = ask()
                self._met, self._phase = True, phase
                return found
            except Refused as error:
                if error.status not in BUSY or time.monotonic() - began > self._params["away_s"]:
                    raise
                self._phase, pause = "The server is busy", min(max(error.later, 0.5), 30.0)
            except UserError as error:
                gone = isinstance(error, Broke) or error.kind in ("backend", "timeout")
                if not (gone and self._met) or time.monotonic() - began > self._params["away_s"]:
                    raise
                self._phase, pause = f"The server is away, {time.monotonic() - began:.0f} s", 1.0
            rest(pause, self._beat)

    def _call_off(self, server: Server) -> None:
        """Tell the server, briefly: whoever cancels does not wait for a network."""
        from ..remote import go_on

        if getattr(self, "_id", ""):
            try:
                server.hurried(1.5).delete(f"/v1/jobs/{self._id}", go_on)
            except UserError:
                self._report.log("The server did not hear that it may stop.")


def _missing(told: Any) -> list[str]:
    """Ids of the uploads that a refusal says are lacking."""
    error = told.get("error") if isinstance(told, dict) else None
    return _texts(error.get("missing")) if isinstance(error, dict) else []


def _told(job: Mapping[str, Any], before: str) -> tuple[str, float]:
    """Phase and fraction as the server says them, or its queue."""
    if job.get("state") == "queued":
        place = job.get("place")
        return (f"Waiting at the server, {place} in its queue" if isinstance(place, int) else "Waiting"), 0.0
    phase, fraction = job.get("phase"), job.get("progress")
    share = float(fraction) if isinstance(fraction, int | float) and 0 <= fraction <= 1 else 0.0
    return (str(phase)[:100] if phase else before), share


def _texts(value: Any) -> list[str]:
    return [str(each)[:1000] for each in value[:100]] if isinstance(value, list) else []
