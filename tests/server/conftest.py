# SPDX-License-Identifier: GPL-3.0-or-later
"""A real server in a process of its own, as `galatea serve` starts it, with a recipe of the fake backend; and one that
answers what it is told to."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from galatea.backend.protocol.catalog import spec_of
from galatea.backend.protocol.event import Done, Event
from galatea.backend.protocol.job import Request, Result
from galatea.backend.protocol.store import JobStore
from galatea.backend.runners.http import HttpRunner
from galatea.backend.runners.runtimes import Dispatch, Runtimes

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytest.importorskip("prometheus_client")

ROOT = Path(__file__).resolve().parents[2]
FAKE = 'version = 1\nname = "Fake"\ninputs = []\n\n[[step]]\ndo = "fake"\n'
PATIENCE = 300.0
"""Seconds until what does not end is said to hang; the machine may be loaded."""
JSON = {"Content-Type": "application/json"}
BYTES = {"Content-Type": "application/octet-stream"}
ENDED = ("done", "failed", "cancelled")


class Serving:
    """One server; `restart` keeps folder and port."""

    def __init__(self, home: Path, *flags: str, **environment: str) -> None:
        self.home, self._flags, self.port = home, flags, 0
        self._environment = {**os.environ, "GALATEA_HOME": str(home), "OMP_NUM_THREADS": "1", **environment}
        recipes = home / "recipes"
        recipes.mkdir(parents=True, exist_ok=True)
        (recipes / "fake.toml").write_text(FAKE)
        self._recipes = recipes
        self.log = home / "server.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Serving:
        command = [sys.executable, "-P", str(ROOT / "backend/__main__.py"), "serve", "--port", str(self.port)]
        with self.log.open("ab") as log:
            at = log.tell()
            self.process = subprocess.Popen(
                [*command, "--recipes", str(self._recipes), *self._flags],
                env=self._environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            for line in self.log.read_bytes()[at:].decode().splitlines():
                if '"started"' in line:
                    self.port = urlsplit(json.loads(line)["url"]).port or 0
                    return self
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError(self.log.read_text()[-2000:])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def kill(self) -> None:
        assert self.process
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()
            time.sleep(0.3)  # of two signals at once the system hands over one
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, token: str = ""
    ) -> tuple[int, dict[str, str], bytes]:
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        more = dict(headers or (BYTES if isinstance(body, bytes) else JSON if body is not None else {}))
        if token:
            more["Authorization"] = f"Bearer {token}"
        try:
            link.request(method, path, data, more)
            answer = link.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            link.close()

    def json(self, method: str, path: str, body: Any = None, expect: int = 200, **more: Any) -> Any:
        status, _, data = self.ask(method, path, body, **more)
        assert status == expect, (status, data[:500])
        return json.loads(data)

    def fake(self, text: str = "hello", **params: Any) -> dict[str, Any]:
        return {"recipe": "fake", "settings": {"fake": {"text": text, **params}}}

    def until(self, id: str, *states: str, **more: Any) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            job: dict[str, Any] = self.json("GET", f"/v1/jobs/{id}", **more)
            if job["state"] in (states or ENDED):
                return job
            time.sleep(0.05)
        raise TimeoutError(f"{id}: {job}")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One for all tests of a file that do not end it."""
    serving = Serving(tmp_path_factory.mktemp("home"), "--rate", "500").start()
    yield serving
    serving.close()


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Serving]:
    """Not started; for tests that end it."""
    serving = Serving(tmp_path / "home", "--rate", "500", "--drain", "20")
    yield serving
    serving.close()


def runner_of(store: JobStore, url: str, **more: Any) -> HttpRunner:
    return HttpRunner(store, Dispatch(store, Runtimes.here()), url, **more)


def finish(runner: HttpRunner, store: JobStore, job: str, each: Callable[[Event], None] = lambda _: None) -> Result:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        for event in runner.poll():
            each(event)
            if isinstance(event, Done) and event.job == job:
                result = store.result(job)
                assert result
                return result
        time.sleep(0.02)
    raise TimeoutError(job)


def fake(**params: Any) -> Request:
    return Request.of(spec_of("fake"), params=params)


class Wrong(BaseHTTPRequestHandler):
    """`server.answers`: path beginnings and what is said to them, a list one after the other; `server.heard`: paths,
    headers and bodies."""

    def do_GET(self, body: bytes = b"") -> None:
        self.server.heard.append((self.path, self.headers, body))  # type: ignore[attr-defined]
        found = next((say for path, say in self.server.answers.items() if self.path.startswith(path)), b"{}")  # type: ignore[attr-defined]
        if isinstance(found, list):
            found = found.pop(0)
        if found == "hang":
            self.server.over.wait(PATIENCE)  # type: ignore[attr-defined]
            return
        status, data, *more = found if isinstance(found, tuple) else (200, found)
        self.send_response(status)
        for name, value in more:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self) -> None:
        self.do_GET(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    do_DELETE = do_GET

    def log_message(self, *_said: Any) -> None:
        pass


@pytest.fixture
def wrong() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Wrong)
    server.daemon_threads = True
    server.answers, server.heard, server.over = {}, [], threading.Event()  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.over.set()  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()


def hei(**asset: Any) -> bytes:
    """The answer to a step that is done: its file holds hei."""
    row = {"name": "text.txt", "role": "text", "size": 3, "sha256": hashlib.sha256(b"hei").hexdigest(), **asset}
    return json.dumps({"id": "s" + "0" * 20, "state": "done", "assets": [row]}).encode()
