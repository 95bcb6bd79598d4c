# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of the server by themselves: who waits and who is made to wait, what is kept and for how long, limits."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest

from galatea.backend.flow import Stage
from galatea.backend.protocol import claims
from galatea.backend.protocol.catalog import spec_of
from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.job import Asset as Made
from galatea.backend.protocol.job import JobState, Request, Result
from galatea.backend.protocol.store import JobStore
from galatea.backend.runners.runtimes import Runtimes
from galatea.backend.server.app import create
from galatea.backend.server.delivery import deliver
from galatea.backend.server.forms import form
from galatea.backend.server.house import House
from galatea.backend.server.jobs import Asset, Job, Ledger
from galatea.backend.server.limits import PRIORITIES, Buckets, Limits
from galatea.backend.server.main import Settings, _listener, _server
from galatea.backend.server.storage import Folder, span
from galatea.backend.server.tokens import LOCAL

from .conftest import FAKE, PATIENCE
from .test_uploads import GOOD, take


def test_what_was_said_of_jobs_that_ended_stays_on_the_disk_alone(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    job = ledger.add("ada", "job", {})
    for number in range(5):
        job.move("fake", f"phase {number}", 0.1)
    job.end({"state": "done"})
    ledger.close(job)
    assert not job.events
    assert [each["event"] for each in job.past()] == ["queued", *["progress"] * 5, "end"]


def house_of(folder: Path, **given: Any) -> House:
    return House(folder / "server", Limits(**given), Runtimes([], []))


def asked(house: House, path: str) -> list[dict[str, Any]]:
    """What the application sends to one who hangs up as soon as the question is put."""
    sent: list[dict[str, Any]] = []
    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": "GET",
        "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
        "headers": [(b"host", b"127.0.0.1")], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2),
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(create(house)(scope, receive, send))
    return sent


def test_the_server_can_be_asked_before_it_says_that_it_has_started(tmp_path: Path) -> None:
    with _listener(Settings(tmp_path, port=0)) as listener, socket.create_connection(listener.getsockname()):
        pass


def test_whoever_hangs_up_at_once_leaves_no_open_stream(tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    house = house_of(tmp_path, streams=1)
    job = house.ledger.add("local", "job", {})
    for _ in range(3):
        asked(house, f"/v1/jobs/{job.id}/events")
    assert house.streams["local"] == 0


def test_a_file_of_any_name_is_handed_out(tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    house = house_of(tmp_path)
    job, name = house.ledger.add("local", "job", {}), "蛙 (1) #2.glb"
    (job.folder / "assets").mkdir()
    (job.folder / "assets" / name).write_bytes(b"frog")
    asset = Asset(name, "model", 4, "0" * 64, f"{job.id}/{name}")
    job.end({"state": "done", "error": None, "assets": [vars(asset)]})
    [row] = form(job, None, PRIORITIES).assets
    assert row.url.isascii() and " " not in row.url and "#" not in row.url
    start, *_ = asked(house, unquote(row.url))
    assert start["status"] == 200 and dict(start["headers"])[b"content-disposition"].endswith(quote(name).encode())


def test_the_end_is_said_even_where_its_line_was_lost(tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    job = Ledger(tmp_path / "server/jobs").add("local", "job", {})
    job.end({"state": "failed", "error": {"kind": "output", "message": "The disk is full."}})
    lines = (job.folder / "events.jsonl").read_text().splitlines(keepends=True)
    (job.folder / "events.jsonl").write_text(lines[0])
    house = house_of(tmp_path)

    async def told() -> list[str]:
        from galatea.backend.server.routes_jobs import _told

        return [block async for block in _told(house, LOCAL, job.id, 0)]

    blocks = asyncio.run(told())
    assert [block.splitlines()[1] for block in blocks[1:]] == ["event: queued", "event: end"]
    assert "The disk is full." in blocks[-1]


def test_who_keeps_the_server_waiting_is_cut_off_and_who_listens_is_not(tmp_path: Path) -> None:
    """A connection that says nothing, one that trickles its head, one its body, one that does not take its answer."""
    (tmp_path / "server").mkdir()
    house = house_of(tmp_path, stall=2.0, streams=1, free=0)
    job = house.ledger.add("local", "job", {})
    large = job.folder / "assets" / "large.bin"
    large.parent.mkdir()
    with large.open("wb") as file:
        file.truncate(32 << 20)
    asset = Asset(large.name, "model", 32 << 20, "0" * 64, f"{job.id}/{large.name}")
    job.end({"state": "done", "error": None, "assets": [vars(asset)]})
    waiting = house.ledger.add("local", "job", {}, priority=1)
    house.engine._begin = lambda: None  # nobody begins it, so that its stream stays open
    settings, up = Settings(tmp_path, port=0), threading.Event()
    with _listener(settings) as listener, contextlib.ExitStack() as stack:
        server = _server(house, settings, up.set)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        assert up.wait(PATIENCE)

        def said(text: str) -> socket.socket:
            link = stack.enter_context(socket.create_connection(listener.getsockname(), timeout=PATIENCE))
            link.sendall(text.encode())
            return link

        silent, head = said(""), said("GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-")
        body = said("POST /v1/uploads HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9999\r\n"
                    "Content-Type: application/octet-stream\r\n\r\n")  # fmt: skip
        greedy = said(f"GET /v1/jobs/{job.id}/assets/{large.name} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        stream = said(f"GET /v1/jobs/{waiting.id}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        try:
            left, end = {silent, head, body}, time.monotonic() + PATIENCE
            while left or b'why="stalled"} 4.0' not in house.metrics.text([], 0.0):  # the fourth is who takes nothing
                assert time.monotonic() < end, left
                for link in [*left]:
                    link.settimeout(0.05)
                    try:
                        if link is not silent:
                            link.send(b"x")
                        if not link.recv(1000):
                            left.remove(link)
                    except TimeoutError:
                        continue
                    except OSError:
                        left.remove(link)
            told = b""
            while b"event: queued" not in told:
                part = stream.recv(10_000)
                assert part, told
                told += part
            stream.settimeout(0.05)
            with pytest.raises(TimeoutError):
                while stream.recv(1000):
                    pass
            assert greedy.fileno() >= 0 and not list((tmp_path / "server/uploads/part").iterdir())
        finally:
            stream.close()
            server.should_exit = True
            thread.join(PATIENCE)


def test_what_nobody_has_used_for_long_leaves_the_disk(tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    house = house_of(tmp_path, keep_days=1.0, free=0)
    store, long_ago = house.store, time.time() - 2 * 86400

    def made(text: str, old: bool = True, **inputs: Path) -> Result:
        request = replace(
            Request.of(spec_of("fake"), params={"text": text}), inputs={k: str(v) for k, v in inputs.items()}
        )
        store.add(request)
        path = store.attempt(request.id) / "text.txt"
        path.write_bytes(b"x" * 100_000)
        kept = f"{path.parent.name}/{path.name}"
        result = Result(request.id, JobState.DONE, assets=(Made("text", kept, 100_000, "0" * 64),))
        store.publish(result)
        if old:
            os.utime(store.folder(request.id) / "request.json", (long_ago, long_ago))
        return result

    def delivered(result: Result, ended: float) -> Job:
        job = house.ledger.add("local", "job", {})
        told = deliver(job, [Stage("fake", result, False)], None, store, house.storage)
        job.end({**told, "ended": ended})
        return job

    gone, led, running, claimed, shown = (made(each) for each in ("gone", "led", "running", "claimed", "shown"))
    fresh = made("fresh", old=False, image=store.file(led, "text"))
    old, new = delivered(gone, long_ago), delivered(shown, time.time())
    house.engine._stages["j"] = [Stage("fake", running, True)]
    someone = {"pid": os.getppid(), "host": socket.gethostname(), "born": claims._born(os.getppid())}
    (store.folder(claimed.job) / "claim").write_text(json.dumps(someone))
    [(_, unused), (asked, used)] = (take(house.uploads, GOOD[kind]) for kind in ("png", "obj"))
    for path in (unused, used):
        os.utime(path, (long_ago, long_ago))
    assert house.uploads.path(asked) == used
    assert (old.folder / "assets/text.txt").samefile(store.file(gone, "text")), "one file, which both must let go"
    house.sweep()
    assert not store.folder(gone.job).exists() and not old.folder.exists() and house.ledger.get(old.id) is None
    assert {*store.jobs()} == {each.job for each in (led, running, claimed, shown, fresh)}
    assert (new.folder / "assets/text.txt").is_file() and used.is_file() and not unused.exists()


def test_what_is_there_for_tests_is_done_for_nobody_unless_a_recipe_has_it(tmp_path: Path) -> None:
    desk = house_of(tmp_path).desk
    assert {"lift", "interpolate"} <= {*desk.steps} and "fake" not in desk.steps
    with pytest.raises(UserError, match="not done for others"):
        desk.request({"step": "fake", "params": {}, "inputs": {}, "seed": 0})
    assert "film_to_film" in desk.recipes and "scene_to_film" not in desk.recipes, "nobody may send a .blend"
    (tmp_path / "mine.toml").write_text(FAKE)
    assert "fake" in House(tmp_path / "other", Limits(), Runtimes([], []), recipes=tmp_path).desk.steps


def test_an_engine_that_cannot_end_well_ends(tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    house = house_of(tmp_path)

    def close() -> None:
        raise OSError("the pipe is gone")

    house.engine._runner.close = close
    house.engine.start()
    house.engine.drain(0.0)
    assert house.engine.done.wait(PATIENCE)


def test_what_rules_hold_against_an_asset_is_said_and_it_is_delivered(tmp_path: Path) -> None:
    finding = {"rule": "naming", "state": "fail", "fix": "Name it SM_Toad."}
    result = Result("validate-" + "0" * 20, JobState.DONE, metrics={"findings": [finding]})
    order = {"user": "ada", "kind": "job", "document": {}, "priority": 1, "created": 0.0}
    job = Job(tmp_path, order)
    told = deliver(job, [Stage("validate", result, False)], None, JobStore(tmp_path), Folder(tmp_path))
    assert (told["state"], told["error"]["kind"], told["error"]["hint"]) == ("done", "studio", "Name it SM_Toad.")


def test_ranges() -> None:
    assert [span(text, 100) for text in ("bytes=0-9", "bytes=90-", "bytes=-5", "bytes=0-999")] == [
        (0, 10), (90, 100), (95, 100), (0, 100),
    ]  # fmt: skip
    assert [span(text, 100) for text in ("", "bytes=", "bytes=9-1", "bytes=0-1,3-4", "lines=1-2")] == [None] * 5
    for text in ("bytes=100-", "bytes=-0"):
        with pytest.raises(ValueError, match="range"):
            span(text, 100)


def test_buckets_fill_again() -> None:
    now = [0.0]
    buckets = Buckets(2.0, 4.0, lambda: now[0])
    assert [buckets.wait("ada") for _ in range(5)] == [0, 0, 0, 0, 0.5]
    assert buckets.wait("bob") == 0
    now[0] = 0.5
    assert buckets.wait("ada") == 0 and buckets.wait("ada") > 0
