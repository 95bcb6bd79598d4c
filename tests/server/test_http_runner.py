# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps that a real server does for us, and servers that are dead, slow, wrong or started anew in the middle."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from galatea.backend.protocol.catalog import catalog, spec_of
from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.event import Done, Event, Progress
from galatea.backend.protocol.job import JobState, Request, Result
from galatea.backend.protocol.store import JobStore
from galatea.backend.runners.http import HttpRunner, make, served
from galatea.backend.runners.runtimes import Dispatch, Runtimes
from galatea.backend.worker import execute

from .conftest import PATIENCE, ROOT, Serving

TOAD = ROOT / "presets/examples/toad.jpg"


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


def test_models_of_pictures_go_and_scenes_stay() -> None:
    there = {spec.id for spec in catalog().values() if served(spec)}
    assert {"lift", "cutout", "triposr", "imagine", "shap_e_text", "interpolate", "scene_model", "fake"} <= there
    assert not there & {
        "bake",
        "film",
        "export",
        "comfyui",
        "hunyuan3d_server",
        "scene_server",
        "scene_grammar",
        "viewer",
        "restyle",
    }


def test_a_real_step_with_a_picture_that_is_sent_once(served: Serving, store: JobStore, tmp_path: Path) -> None:
    runner, said = runner_of(store, served.url), list[Event]()
    cut = Request.of(spec_of("cutout"), {"image": TOAD})
    try:
        runner.submit(cut)
        result = finish(runner, store, cut.id, said.append)
        assert result.state is JobState.DONE, result.failure
        assert result.device.endswith(f"of 127.0.0.1:{served.port}")
        assert {asset.role for asset in result.assets} == {"cutout", "mask"}
        for role, path in store.files(result).items():
            assert hashlib.sha256(path.read_bytes()).hexdigest() == result.asset(role).sha256
        shares = [event.fraction for event in said if isinstance(event, Progress)]
        assert shares == sorted(shares) and max(shares) > 0, "its own measure, from there"
        store.remove(cut.id)
        uploads = [line for line in served.lines() if line.get("path") == "/v1/uploads"]
        runner.submit(cut)
        assert finish(runner, store, cut.id).state is JobState.DONE
        again = [line for line in served.lines() if line.get("path") == "/v1/uploads"]
        assert len(uploads) == len(again) == 1, "the server had it"
    finally:
        runner.close()


def test_a_cancel_reaches_the_server(served: Serving, store: JobStore) -> None:
    runner, request = runner_of(store, served.url), fake(text="long", seconds=600.0)
    try:
        runner.submit(request)

        def stop(event: Event) -> None:
            if isinstance(event, Progress) and event.fraction > 0:
                runner.cancel(request.id)

        assert finish(runner, store, request.id, stop).state is JobState.CANCELLED
        [job] = [each for each in served.json("GET", "/v1/jobs")["jobs"] if each["order"].get("id") == request.id]
        assert served.until(job["id"])["state"] == "cancelled"
        runner.submit(request)  # asked again it is begun again, not found cancelled
        deadline = time.monotonic() + PATIENCE
        while served.json("GET", f"/v1/jobs/{job['id']}")["state"] != "running":
            runner.poll()
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        runner.close()
    assert served.until(job["id"])["state"] == "cancelled", "closing stops it too"


def test_a_failure_there_is_told_here(served: Serving, store: JobStore) -> None:
    runner, request = runner_of(store, served.url), fake(trouble="user")
    try:
        runner.submit(request)
        result = finish(runner, store, request.id)
        assert result.failure and "what a wrong input looks like" in result.failure.message
        assert result.failure.kind == "input"
    finally:
        runner.close()


def test_a_server_that_is_killed_and_started_again_in_mid_job(alone: Serving, store: JobStore) -> None:
    alone.start()
    runner, request = runner_of(store, alone.url), fake(text="again", seconds=2.0)
    killed = threading.Event()

    def kill(event: Event) -> None:
        if isinstance(event, Progress) and event.fraction > 0.1 and not killed.is_set():
            killed.set()
            alone.kill()
            threading.Timer(0.5, alone.start).start()

    try:
        runner.submit(request)
        result = finish(runner, store, request.id, kill)
        assert killed.is_set() and result.state is JobState.DONE, result.failure
        assert store.file(result, "text").read_text() == "again 0\n"
    finally:
        runner.close()


class Wrong(BaseHTTPRequestHandler):
    """`server.answers`: path beginnings and what is said to them, a list one after the other."""

    def do_GET(self) -> None:
        found = next((say for path, say in self.server.answers.items() if self.path.startswith(path)), b"{}")  # type: ignore[attr-defined]
        if isinstance(found, list):
            found = found.pop(0)
        if found == "hang":
            self.server.over.wait(PATIENCE)  # type: ignore[attr-defined]
            return
        status, data = found if isinstance(found, tuple) else (200, found)
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    do_DELETE = do_GET

    def log_message(self, *_said: Any) -> None:
        pass


@pytest.fixture
def wrong() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Wrong)
    server.daemon_threads = True
    server.answers, server.over = {}, threading.Event()  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.over.set()  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()


def done(**asset: Any) -> bytes:
    row = {"name": "text.txt", "role": "text", "size": 3, "sha256": hashlib.sha256(b"hei").hexdigest(), **asset}
    return json.dumps({"id": "s" + "0" * 20, "state": "done", "assets": [row]}).encode()


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"/v1/steps": b"<html>a router</html>"}, "where JSON was expected"),
        ({"/v1/steps": b"[1]"}, "JSON of another kind"),
        ({"/v1/steps": b'{"id": "../../etc", "state": "done"}'}, "a job without a number"),
        ({"/v1/steps": done(name="../evil")}, "cannot be one"),
        ({"/v1/steps": done(role="../evil")}, "cannot be one"),
        ({"/v1/steps": done(size=1 << 50)}, "cannot be one"),
        ({"/v1/steps": done(role="other"), "/v1/jobs": b"hei"}, "a result without its text"),
        ({"/v1/steps": done(), "/v1/jobs": b"no!"}, "never with the hash"),
        ({"/v1/steps": done(), "/v1/jobs": b"hei and much more"}, "too large"),
        ({"/v1/steps": (401, b'{"error": {"message": "a token is wanted"}}')}, "GALATEA_REMOTE_KEY"),
        ({"/v1/steps": (409, b'{"error": {"message": "its version differs"}}')}, "its version differs"),
        ({"/v1/steps": (409, b'{"error": {"message": "gone", "missing": ["sha256:00"]}}')}, "gone"),
        ({"/v1/steps": "hang"}, "was silent for"),
    ],
    ids=lambda each: each[:20] if isinstance(each, str) else "",
)
def test_wrong_answers_end_in_words(wrong: Any, store: JobStore, answers: dict[str, Any], said: str) -> None:
    wrong.answers = answers
    stall = 1.0 if "hang" in answers.values() else PATIENCE
    runner = runner_of(store, f"http://127.0.0.1:{wrong.server_port}", stall=stall, away=1.0)
    request = fake()
    try:
        runner.submit(request)
        result = finish(runner, store, request.id)
        assert result.state is JobState.FAILED and result.failure and said in result.failure.message, result.failure
        assert not list(store.root.parent.glob("**/evil*"))
    finally:
        runner.close()


def test_good_answers_of_the_same_stub_are_taken(wrong: Any, store: JobStore) -> None:
    wrong.answers = {"/v1/steps": done(), "/v1/jobs": b"hei"}
    runner, asked = runner_of(store, f"http://127.0.0.1:{wrong.server_port}"), [fake(text=f"{n}") for n in range(6)]
    try:
        for request in asked:  # more than go at once
            runner.submit(request)
            assert store.file(finish(runner, store, request.id), "text").read_bytes() == b"hei"
    finally:
        runner.close()


def test_a_file_that_came_damaged_is_fetched_once_more(wrong: Any, store: JobStore) -> None:
    wrong.answers = {"/v1/steps": done(), "/v1/jobs": [b"no!", b"hei"]}
    runner, request = runner_of(store, f"http://127.0.0.1:{wrong.server_port}"), fake()
    try:
        runner.submit(request)
        assert store.file(finish(runner, store, request.id), "text").read_bytes() == b"hei"
    finally:
        runner.close()


def test_a_result_that_cannot_be_written_is_told(wrong: Any, store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_words: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(execute, "execute", full)
    runner, request = runner_of(store, f"http://127.0.0.1:{wrong.server_port}"), fake()
    try:
        runner.submit(request)
        result = finish(runner, store, request.id)
        assert result.state is JobState.FAILED and result.failure and result.failure.kind == "output"
        monkeypatch.setattr(store, "publish", full)
        runner.submit(request)
        with pytest.raises(AssertionError):  # its end is said, and there is no result
            finish(runner, store, request.id)
    finally:
        runner.close()


def test_what_is_told_of_a_step_comes_along(wrong: Any, store: JobStore) -> None:
    stages = [{"device": "cuda", "metrics": {"faces": 7}}]
    good = {**json.loads(done()), "stages": stages, "warnings": ["Mind the gap."]}
    bad = [{"id": "s" + "0" * 20, "state": "failed", "error": {"kind": kind}} for kind in ("device", "environment")]
    runner, found = runner_of(store, f"http://127.0.0.1:{wrong.server_port}"), []
    try:
        for told in (good, *bad):
            wrong.answers = {"/v1/steps": json.dumps(told).encode(), "/v1/jobs": b"hei"}
            request = fake(text=f"{len(found)}")
            runner.submit(request)
            found.append(finish(runner, store, request.id))
    finally:
        runner.close()
    assert found[0].metrics["faces"] == 7 and found[0].warnings == ("Mind the gap.",)
    assert found[0].device.startswith("cuda of ")
    assert [each.failure and each.failure.kind for each in found] == [None, "device", "backend"]


def test_a_server_that_forgot_the_job_is_asked_again(wrong: Any, store: JobStore) -> None:
    running = json.dumps({"id": "s" + "0" * 20, "state": "running", "phase": "On it", "progress": 0.5}).encode()
    wrong.answers = {"/v1/steps": running, "/v1/jobs": (404, b"{}")}
    runner, request = runner_of(store, f"http://127.0.0.1:{wrong.server_port}"), fake()

    def remember(event: Event) -> None:
        if isinstance(event, Progress) and event.phase == "On it":
            wrong.answers = {"/v1/steps": done(), f"/v1/jobs/s{'0' * 20}/assets": b"hei", "/v1/jobs": (404, b"{}")}

    try:
        runner.submit(request)
        assert finish(runner, store, request.id, remember).state is JobState.DONE
    finally:
        runner.close()


def test_a_server_that_never_has_what_was_sent_ends_in_words(wrong: Any, store: JobStore) -> None:
    cut = Request.of(spec_of("cutout"), {"image": TOAD})
    told = {"error": {"message": "it was lost", "missing": [f"sha256:{cut.hashes['image']}"]}}
    wrong.answers = {"/v1/steps": (409, json.dumps(told).encode())}
    runner = runner_of(store, f"http://127.0.0.1:{wrong.server_port}")
    try:
        runner.submit(cut)
        result = finish(runner, store, cut.id)
        assert result.failure and "it was lost" in result.failure.message
    finally:
        runner.close()


def test_nobody_there_and_nobody_allowed(store: JobStore) -> None:
    for url, more, said in (
        ("http://127.0.0.1:9", {}, "Nothing listens at 127.0.0.1:9"),
        ("http://gpu.example.org", {"offline": True}, "this is offline"),
        ("ftp://gpu", {}, "takes an address such as"),
    ):
        runner, request = runner_of(store, url, **more), fake()
        try:
            runner.submit(request)
            result = finish(runner, store, request.id)
            assert result.failure and said in result.failure.message and "galatea serve" not in result.failure.trace
        finally:
            runner.close()


def test_four_go_at_once_the_lowest_turns_first_and_what_waits_is_cancelled_here(wrong: Any, store: JobStore) -> None:
    wrong.answers = {"/v1/steps": "hang"}
    runner = runner_of(store, f"http://127.0.0.1:{wrong.server_port}", stall=PATIENCE)
    asked = [fake(text=f"{number}") for number in range(6)]
    try:
        for number, turn in enumerate((1, 1, 0, 0, 0, 1)):
            runner.submit(asked[number], turn=turn)
        runner.poll()
        runner.submit(asked[0])  # once more
        runner.cancel(asked[5].id)
        assert finish(runner, store, asked[5].id).state is JobState.CANCELLED
        going = [asked[number] for number in (2, 3, 4, 0)]
        assert list(runner._going) == [request.id for request in going]
        assert list(runner._waiting) == [asked[1].id]
    finally:
        runner.close()
    assert all(store.state(request.id) is JobState.CANCELLED for request in going)
    runner.poll()
    assert not runner._going, "nothing begins any more"


def test_what_stays_here_is_done_and_cancelled_here(store: JobStore, tmp_path: Path) -> None:
    python = Runtimes.here().bundled
    runner = HttpRunner(store, Dispatch(store, Runtimes(python, python)), "http://127.0.0.1:9")
    scenes = []
    for name in "ab":
        (tmp_path / name).write_text(name)
        scenes.append(Request.of(spec_of("export"), {"scene": tmp_path / name}))  # fails: it is no Blender
        runner.submit(scenes[-1])
    try:
        runner.cancel(scenes[1].id)
        assert finish(runner, store, scenes[0].id).state is JobState.FAILED
        assert store.state(scenes[1].id) is JobState.CANCELLED
    finally:
        runner.close()
    assert not runner._local._runners


def test_the_address_is_given_or_in_the_environment(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GALATEA_SERVER", raising=False)
    with pytest.raises(UserError, match="set GALATEA_SERVER") as caught:
        make(store, runtimes=Runtimes.here())
    assert caught.value.kind == "usage"
    monkeypatch.setenv("GALATEA_SERVER", "http://there")
    urls = [make(store, address=address, runtimes=Runtimes.here())._params["url"] for address in ("", "http://here")]
    assert urls == ["http://there", "http://here"]
