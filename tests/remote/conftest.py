# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers on this machine that answer as Hunyuan3D's and ComfyUI's do, with the faults that they have."""

from __future__ import annotations

import base64
import io
import json
import socket
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from PIL import Image

from galatea.backend.protocol.catalog import spec_of
from galatea.backend.protocol.event import Done, Event, Progress
from galatea.backend.protocol.job import Request, Result
from galatea.backend.protocol.store import JobStore
from galatea.backend.runners.local import LocalRunner
from galatea.backend.runners.runtimes import Runtimes

PATIENCE = 300


def glb(*, picture: bool = False, colors: bool = False) -> bytes:
    """In glTF's axes, Y up, facing +Z: a body 1 wide, 2 high, 1 deep with an arm at +X and a nose at +Z, floating."""
    boxes = [((1, 2, 1), (0, 5, 0)), ((1, 0.4, 0.4), (0.9, 5, 0)), ((0.3, 0.3, 0.8), (0, 5.6, 0.8))]
    parts = [trimesh.creation.box(size, trimesh.transformations.translation_matrix(at)) for size, at in boxes]
    body = trimesh.util.concatenate(parts)
    if picture:
        body.unmerge_vertices()  # as along the seams of a texture
        left = body.vertices[:, :1] < 0
        uv = np.where(left, 0.25, 0.75) * np.ones((1, 2))
        uv[:, 1] = 0.5
        sheet = np.zeros((8, 16, 3), np.uint8)
        sheet[:, :8], sheet[:, 8:] = (200, 30, 40), (20, 60, 210)
        material = trimesh.visual.material.PBRMaterial(baseColorTexture=Image.fromarray(sheet))
        body.visual = trimesh.visual.TextureVisuals(uv=uv, material=material)
    if colors:
        body.visual.vertex_colors = np.where(body.vertices[:, :1] < 0, (200, 30, 40, 255), (20, 60, 210, 255))
    data: bytes = trimesh.Scene(body).export(file_type="glb")
    return data


@dataclass
class Remote:
    """`faults` are used up one a request, the first first: a status code with words, or a name of `_Handler._fault`."""

    url: str = ""
    faults: list[Any] = field(default_factory=list)
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    """Method, path, headers and body of each request."""
    over: threading.Event = field(default_factory=threading.Event)
    """The test has ended: those that hang go home."""

    def bodies(self, path: str) -> list[Any]:
        return [json.loads(body) for _, where, _, body in self.asked if where == path]

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes) -> tuple[int, Any]:
        raise NotImplementedError


@dataclass
class Hunyuan(Remote):
    mesh: bytes = field(default_factory=glb)
    version: str = "2.0"
    looks: int = 2
    """So often /status says that it is not there yet."""
    partial: int = 0
    """So often it then hands out the file while it is being written."""
    slow: bool = False
    """/generate answers when the test is over."""

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes) -> tuple[int, Any]:
        if (method, path) == ("POST", "/generate"):
            if self.slow:
                self.over.wait(PATIENCE)
            return 200, self.mesh
        if (method, path) == ("POST", "/send"):
            return 200, {"uid": "3f2c-77"}
        if path == "/status/3f2c-77":
            self.looks -= 1
            if self.looks >= 0:
                return 200, {"status": "processing"}
            if self.version == "2.1" and not self.bodies("/send")[0]["texture"]:
                return 200, {"status": "texturing"}
            self.partial -= 1
            part = self.mesh[: len(self.mesh) // 2] if self.partial >= 0 else self.mesh
            return 200, {"status": "completed", "model_base64": base64.b64encode(part).decode()}
        return 404, {"detail": "Not Found"}


@dataclass
class Comfy(Remote):
    """`waits`: looks at the queue until the order runs; `works`: looks until it is done, -1 for ever."""

    mesh: bytes = field(default_factory=glb)
    name: str = "3d/ComfyUI_00001_.glb"
    waits: int = 0
    works: int = 1
    outputs: dict[str, Any] = field(default_factory=dict)
    error: list[Any] = field(default_factory=list)
    """Messages of the history that make it a failure."""
    orders: dict[str, Any] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    interrupted: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=lambda: ["another"])
    """Orders of other people that come first."""
    given: int = 0
    lost: bool = False
    """It was started anew."""

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes) -> tuple[int, Any]:
        told = json.loads(body) if body[:1] == b"{" else {}
        number = path.removeprefix("/history/")
        if (method, path) == ("POST", "/upload/image"):
            name = body.partition(b'filename="')[2].partition(b'"')[0].decode()
            return 200, {"name": name, "subfolder": "", "type": "input"}
        if (method, path) == ("POST", "/prompt"):
            number, self.given = f"0000-{self.given}", self.given + 1
            self.orders[number] = told["prompt"]
            return 200, {"prompt_id": number, "number": 7, "node_errors": {}}
        if (method, path) == ("POST", "/queue"):
            self.deleted += told["delete"] if self.waits else []
            return 200, b""
        if (method, path) == ("POST", "/interrupt"):
            self.interrupted.append(told["prompt_id"])
            return 200, b""
        if path == "/queue":
            return 200, self._queue()
        if path.startswith("/history/"):
            return 200, self._history(number)
        if path == "/view":
            folder = f"{query['subfolder']}/" if query.get("subfolder") else ""
            return (200, self.mesh) if folder + query["filename"] == self.name else (404, b"")
        return 404, b"404: Not Found"

    def _queue(self) -> dict[str, Any]:
        mine = next((number for number in reversed(self.orders) if number not in self.deleted), "")
        rows = [[i, other, {}, {}, []] for i, other in enumerate(self.others)]
        if self.lost or not mine or mine in self.interrupted:
            return {"queue_running": rows[:1], "queue_pending": rows[1:]}
        if self.waits > 0:
            self.waits -= 1
            return {"queue_running": rows[:1], "queue_pending": [[7, mine, {}, {}, []], *rows[1:]]}
        self.works -= self.works > 0
        return {"queue_running": [[7, mine, {}, {}, []]], "queue_pending": []}

    def _history(self, number: str) -> dict[str, Any]:
        if number not in self.orders or self.waits or self.works:
            return {}
        folder, _, name = self.name.rpartition("/")
        usual = {"9": {"3d": [{"filename": name, "subfolder": folder, "type": "output"}]}}
        status = {"status_str": "error" if self.error else "success", "completed": not self.error}
        return {number: {"outputs": self.outputs or usual, "status": {**status, "messages": self.error}}}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    remote: Remote

    def do_GET(self) -> None:
        self._do()

    def do_POST(self) -> None:
        self._do()

    def _do(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = urllib.parse.urlsplit(self.path)
        headers = {key.lower(): value for key, value in self.headers.items()}
        self.remote.asked.append((self.command, parts.path, headers, body))
        fault = self.remote.faults.pop(0) if self.remote.faults else None
        if fault is not None and self._fault(fault):
            return
        self._say(*self.remote.answer(self.command, parts.path, dict(urllib.parse.parse_qsl(parts.query)), body))

    def _fault(self, fault: Any) -> bool:
        if isinstance(fault, tuple):
            self._say(*fault)
        elif fault == "silent":
            self.remote.over.wait(PATIENCE)
        elif fault == "gone":
            self.connection.shutdown(socket.SHUT_RDWR)
        elif fault in ("cut", "stall"):
            self._head(200, 100_000)
            self.wfile.write(b"glTF" + bytes(500))
            self.wfile.flush()
            if fault == "stall":
                self.remote.over.wait(PATIENCE)
            self.connection.shutdown(socket.SHUT_RDWR)
        elif fault == "huge":
            self._head(200, 1 << 40)
            self.wfile.write(bytes(1000))
        elif fault == "elsewhere":
            self._head(302, 0, Location="http://127.0.0.1:9/thief")
        elif fault == "babble":
            self.wfile.write(b"SSH-2.0-OpenSSH_9.9\r\n" + bytes(100))
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            return False
        self.close_connection = True
        return True

    def _head(self, status: int, length: int, **headers: str) -> None:
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(length)}.items():
            self.send_header(key, value)
        self.end_headers()

    def _say(self, status: int, content: Any) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self._head(status, len(data))
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # who asked has gone


def _serve(remote: Any) -> Iterator[Any]:
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"remote": remote}))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    remote.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield remote
    finally:
        remote.over.set()
        server.shutdown()
        server.server_close()


@pytest.fixture
def hunyuan() -> Iterator[Hunyuan]:
    yield from _serve(Hunyuan())


@pytest.fixture
def comfy() -> Iterator[Comfy]:
    yield from _serve(Comfy())


@pytest.fixture(scope="module")
def cutout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A disc with something behind it that nobody else should see: it is hidden by alpha only."""
    y, x = np.mgrid[:96, :128]
    disc = (x - 60) ** 2 + (y - 48) ** 2 < 40**2
    pixels = np.full((96, 128, 4), (1, 250, 3, 0), np.uint8)
    pixels[disc] = (190, 40, 30, 255)
    path = tmp_path_factory.mktemp("picture") / "cutout.png"
    Image.fromarray(pixels).save(path)
    return path


class Workers:
    """The real worker process; `environment` counts for the ones that start from then on."""

    def __init__(self, store: JobStore) -> None:
        self.store, self.environment = store, {}
        self._runner: LocalRunner | None = None

    @property
    def runner(self) -> LocalRunner:
        if not self._runner:
            command = Runtimes.here().bundled
            self._runner = LocalRunner(self.store, command, name="bundled", environment=self.environment)
        return self._runner

    def close(self) -> None:
        if self._runner:
            self._runner.close()
        self._runner = None


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    made = Workers(JobStore(tmp_path_factory.mktemp("jobs")))
    yield made
    made.close()


@dataclass
class Outcome:
    result: Result
    events: list[Event]
    store: JobStore

    @property
    def says(self) -> str:
        assert self.result.failure, "it worked"
        return self.result.failure.message

    @property
    def kind(self) -> str:
        assert self.result.failure, "it worked"
        return self.result.failure.kind

    @property
    def phases(self) -> list[str]:
        return [event.phase for event in self.events if isinstance(event, Progress)]

    def mesh(self) -> dict[str, Any]:
        assert not self.result.failure, self.result.failure
        with np.load(self.store.file(self.result, "mesh"), allow_pickle=False) as data:
            return dict(data)

    def albedo(self) -> Any:
        return np.asarray(Image.open(self.store.file(self.result, "albedo")))


Run = Callable[..., Outcome]


@pytest.fixture
def run(warm: Workers, cutout: Path) -> Run:
    """A step through the real worker to its result. `until`: its phase at which `then` is called with runner and id."""

    def make(
        step: str,
        *,
        until: str = "",
        then: Callable[[LocalRunner, str], None] | None = None,
        seed: int = 0,
        again: bool = False,
        **params: Any,
    ) -> Outcome:
        spec = spec_of(step)
        request = Request.of(spec, {"cutout": cutout} if "cutout" in spec.inputs else {}, params, seed=seed)
        if not again:
            warm.store.forget(request.id)
        warm.runner.submit(request)
        events: list[Event] = []
        end = time.monotonic() + PATIENCE
        while not any(isinstance(event, Done) and event.job == request.id for event in events):
            assert time.monotonic() < end, events[-3:]
            events += warm.runner.poll()
            if then and any(isinstance(event, Progress) and until in event.phase for event in events):
                then(warm.runner, request.id)
                then = None
            time.sleep(0.01)
        result = warm.store.result(request.id)
        assert result
        return Outcome(result, events, warm.store)

    return make


def picture_of(data: bytes) -> Any:
    return np.asarray(Image.open(io.BytesIO(data)))
