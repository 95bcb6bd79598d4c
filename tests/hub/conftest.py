# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub on this machine: what resolve, the API and the store of large files answer, and the faults that they have."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from galatea.backend.protocol.catalog import catalog
from galatea.backend.protocol.spec import File, Weights

COMMIT = "5b521936b01fbe1890f6f9baed0254ab6351c04a"
LARGE = bytes(range(256)) * 8192  # 2 MiB
SMALL = b"radius: 0.87\n"
Galatea = Callable[..., subprocess.CompletedProcess[str]]


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def git(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Report:
    """Listens."""

    def __init__(self) -> None:
        self.phases: list[str] = []

    def progress(self, phase: str, fraction: float) -> None:
        self.phases.append(phase)


@dataclass
class Hub:
    """`faults` are used up one a request of the store, the first first; `refusals` one a request of the hub itself."""

    files: dict[str, bytes] = field(default_factory=lambda: {"model.ckpt": LARGE, "config.yaml": SMALL})
    commit: str = COMMIT
    faults: list[str] = field(default_factory=list)
    refusals: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    """Server, method and path, headers of each request."""
    sent: int = 0
    """Bytes of content."""
    pace: float = 0.0
    """s between blocks of 64 KiB."""
    endpoint: str = ""
    store: str = ""
    info: dict[str, Any] = field(default_factory=dict)
    over: threading.Event = field(default_factory=threading.Event)
    """The test has ended: those that stall go home."""

    def ranges(self) -> list[str]:
        return [headers.get("range", "") for server, what, headers in self.asked if server == "store"]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub
    name: str

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        if self.path == "/api/agent-harnesses":  # the library asks this now and then; it is nobody's business
            self._say(404, {})
            return
        headers = {key.lower(): value for key, value in self.headers.items()}
        self.hub.asked.append((self.name, f"{self.command} {self.path}", headers))
        if self.name == "store":
            self._large()
        elif self.hub.refusals:
            self._say(*self.hub.refusals.pop(0))
        elif self.path.startswith("/api/models/"):
            self._say(200, {"Content-Type": "application/json"}, json.dumps(self.hub.info).encode())
        else:
            self._resolve()

    def _resolve(self) -> None:
        found = re.fullmatch(r"/([\w.-]+/[\w.-]+)/resolve/([\w.-]+)/(.+)", self.path)
        if not found or found[1] != "maker/model":
            self._say(401, {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Invalid username or password."})
        elif found[2] != self.hub.commit:
            self._say(404, {"X-Error-Code": "RevisionNotFound"})
        elif found[3] not in self.hub.files:
            self._say(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": self.hub.commit})
        elif len(content := self.hub.files[found[3]]) < 1000:
            self._say(200, {"X-Repo-Commit": self.hub.commit, "ETag": f'"{git(content)}"'}, content)
        else:
            headers = {
                "X-Repo-Commit": self.hub.commit,
                "X-Linked-Etag": f'"{sha256(content)}"',
                "X-Linked-Size": str(len(content)),
                "Location": f"{self.hub.store}/{found[3]}?Signature=x",
            }
            self._say(302, headers, b"Found. Redirecting")

    def _large(self) -> None:
        content = self.hub.files[self.path.partition("?")[0].lstrip("/")]
        fault = self.hub.faults.pop(0) if self.hub.faults else ""
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(wanted[1]) if wanted and fault != "whole" else 0
        if fault.isdigit():
            self._say(int(fault), {"Retry-After": "0"})
            return
        if fault == "slow down for an hour":
            self._say(429, {"Retry-After": "3600"})
            return
        if fault == "other":
            content = bytes(len(content))
        if fault == "longer":
            content += b"more"
        if fault == "html":
            content = b"<html>Please log in</html>"
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if fault == "short":  # without a length the end of the connection is the end of the answer
            self.send_header("Connection", "close")
            content = content[: len(content) // 2]
        else:
            self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        for at in range(start, len(content), 1 << 16):
            if fault == "cut" and at - start >= 1 << 19:
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            if fault == "stall" and at - start >= 1 << 19:
                self.hub.over.wait(300)
                return
            block = content[at : at + (1 << 16)]
            self.wfile.write(block)
            self.hub.sent += len(block)
            time.sleep(self.hub.pace)
        self.close_connection = True

    def _say(self, status: int, headers: dict[str, str], content: bytes = b"") -> None:
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # who asked has gone


@pytest.fixture
def hub() -> Iterator[Hub]:
    """The hub and its store of large files, two servers, as they are two hosts."""
    hub = Hub()
    servers = []
    for name in ("hub", "store"):
        handler = type("Handler", (_Handler,), {"hub": hub, "name": name})
        server = _Server(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
    hub.endpoint, hub.store = (f"http://127.0.0.1:{server.server_port}" for server in servers)
    try:
        yield hub
    finally:
        hub.over.set()
        for server in servers:
            server.shutdown()
            server.server_close()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder of the test's own; nothing of the user's login, proxies and switches counts."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("GALATEA_OFFLINE", "GALATEA_WEIGHTS", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GALATEA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    catalog.cache_clear()
    yield tmp_path / "home"
    catalog.cache_clear()


@pytest.fixture
def here(hub: Hub, home: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """The hub, asked from this very process, which soon tries again."""
    from huggingface_hub import constants

    from galatea.backend.hub import remote

    monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
    template = hub.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 60)
    monkeypatch.setattr(constants, "HF_HUB_ETAG_TIMEOUT", 60)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(home / "no token"))
    monkeypatch.setattr(remote, "WAITS", (0.01,) * 3)
    return hub


@pytest.fixture
def weights() -> Callable[..., Weights]:
    """The published weights, as a backend would pin them."""

    def make(*, pinned: bool = True, **more: Any) -> Weights:
        files = (
            File("model.ckpt", len(LARGE), sha256(LARGE) if pinned else ""),
            File("config.yaml", len(SMALL), sha256(SMALL) if pinned else ""),
        )
        given = {"license": "MIT", "page": "https://example.org/model", **more}
        return Weights(**{"repository": "maker/model", "revision": COMMIT, "files": files, **given})

    return make


@pytest.fixture
def environment(hub: Any, home: Path) -> dict[str, str]:
    return {**os.environ, "HF_ENDPOINT": hub.endpoint, "HF_HUB_DOWNLOAD_TIMEOUT": "60"}


@pytest.fixture
def galatea(environment: dict[str, str]) -> Galatea:
    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "galatea.backend", *map(str, arguments)]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=300, env=environment, stdin=subprocess.DEVNULL
        )

    return run


@pytest.fixture
def within(here: Any, capfd: pytest.CaptureFixture[str]) -> Iterator[Galatea]:
    """The same command line in this process: quicker, where processes are not the matter."""
    from galatea.backend.cli import main

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        catalog.cache_clear()
        capfd.readouterr()
        texts = [str(argument) for argument in arguments]
        code = main(texts)
        return subprocess.CompletedProcess(texts, code, *capfd.readouterr())

    before = signal.getsignal(signal.SIGTERM)
    yield run
    signal.signal(signal.SIGTERM, before)
