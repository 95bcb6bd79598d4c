# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps that a real server does for us, one that is started anew in the middle among them, and those that stay here."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from galatea.backend.protocol.catalog import catalog, spec_of
from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.event import Event, Progress
from galatea.backend.protocol.job import JobState, Request, Result
from galatea.backend.protocol.store import JobStore
from galatea.backend.runners.http import HttpRunner, make, served
from galatea.backend.runners.runtimes import Dispatch, Runtimes
from galatea.backend.worker import execute

from .conftest import PATIENCE, ROOT, Serving, fake, finish, hei, runner_of

TOAD = ROOT / "presets/examples/toad.jpg"


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


def test_good_answers_of_the_same_stub_are_taken(wrong: Any, store: JobStore) -> None:
    wrong.answers = {"/v1/steps": hei(), "/v1/jobs": b"hei"}
    runner, asked = runner_of(store, f"http://127.0.0.1:{wrong.server_port}"), [fake(text=f"{n}") for n in range(6)]
    try:
        for request in asked:  # more than go at once
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


def test_nobody_there_and_nobody_allowed(store: JobStore) -> None:
    for url, more, said in (
        ("http://127.0.0.1:9", {}, "Nothing listens at 127.0.0.1:9"),
        ("http://gpu.example.org", {"offline": True}, "this is offline"),
        ("ftp://gpu", {}, "to an address of the form http://HOST:PORT"),
    ):
        runner, request = runner_of(store, url, **more), fake()
        try:
            runner.submit(request)
            result = finish(runner, store, request.id)
            assert result.failure and said in result.failure.message and "galatea serve" not in result.failure.trace
            assert (result.failure.kind == "policy") == ("offline" in more)
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


def test_a_cancel_leaves_a_result_that_is_there(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_paths: object) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    runner, request = runner_of(store, "http://127.0.0.1:9"), fake()
    runner.submit(request)
    store.publish(Result(request.id, JobState.DONE))
    monkeypatch.setattr(os, "link", no_links)  # a disk that has none, where the last who publishes would win
    runner.cancel(request.id)
    assert finish(runner, store, request.id).state is JobState.DONE


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
