# SPDX-License-Identifier: GPL-3.0-or-later
"""One step and a server that is wrong, slow, busy, forgetful or damaged: what is asked, taken, refused and told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from galatea.backend.protocol.catalog import spec_of
from galatea.backend.protocol.event import Event, Log, Progress
from galatea.backend.protocol.job import JobState, Request, Result
from galatea.backend.protocol.store import JobStore
from galatea.backend.runners.http import HttpRunner

from .conftest import PATIENCE, fake, finish, hei, runner_of

ID = "s" + "0" * 20
ASSETS = f"/v1/jobs/{ID}/assets"
KEY = "give the token in Preferences > Add-ons > Galatea, or set the environment variable GALATEA_REMOTE_KEY="


def told(state: str, **more: Any) -> bytes:
    return json.dumps({"id": ID, "state": state, **more}).encode()


@pytest.fixture
def open_runner(wrong: Any, store: JobStore) -> Iterator[Callable[..., HttpRunner]]:
    made: list[HttpRunner] = []

    def go(answers: dict[str, Any], **more: Any) -> HttpRunner:
        wrong.answers = answers
        made.append(runner_of(store, f"http://127.0.0.1:{wrong.server_port}", **more))
        return made[-1]

    yield go
    for runner in made:
        runner.close()


def do(runner: HttpRunner, store: JobStore, request: Request) -> tuple[Result, list[Event]]:
    events: list[Event] = []
    runner.submit(request)
    return finish(runner, store, request.id, events.append), events


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"/v1/steps": b"<html>a router</html>"}, "where JSON was expected"),
        ({"/v1/steps": b"[1]"}, "JSON of another kind"),
        ({"/v1/steps": b'{"id": "../../etc", "state": "done"}'}, "a job without a number"),
        ({"/v1/steps": hei(name="../evil")}, "cannot be one"),
        ({"/v1/steps": hei(role="../evil")}, "cannot be one"),
        ({"/v1/steps": hei(size=1 << 50)}, "cannot be one"),
        ({"/v1/steps": hei(role="other"), "/v1/jobs": b"hei"}, "a result without its text"),
        ({"/v1/steps": hei(), "/v1/jobs": b"no!"}, "never with the hash"),
        ({"/v1/steps": hei(), "/v1/jobs": b"hei and much more"}, "too large"),
        ({"/v1/steps": (401, b'{"error": {"message": "a token is wanted"}}')}, KEY),
        ({"/v1/steps": (409, b'{"error": {"message": "its version differs"}}')}, "its version differs"),
        ({"/v1/steps": (409, b'{"error": {"message": "gone", "missing": ["sha256:00"]}}')}, "gone"),
        ({"/v1/steps": "hang"}, "was silent for"),
        ({"/v1/steps": (503, b"{}")}, "is busy or not ready"),
        ({"/v1/steps": told("running"), "/v1/jobs": (403, b"{}")}, KEY),
        ({"/v1/steps": told("cancelled")}, "somebody cancelled it there"),
        (
            {"/v1/steps": told("done", assets=json.loads(hei())["assets"] * 65), "/v1/jobs": b"hei"},
            "without its text",
        ),
    ],
    ids=lambda each: each[:20] if isinstance(each, str) else "",
)
def test_wrong_answers_end_in_words(
    open_runner: Callable[..., HttpRunner], store: JobStore, answers: dict[str, Any], said: str
) -> None:
    stall = 1.0 if "hang" in answers.values() else PATIENCE
    result, _ = do(open_runner(answers, stall=stall, away=1.0), store, fake())
    assert result.state is JobState.FAILED and result.failure and said in result.failure.message, result.failure
    assert (result.failure.kind == "usage") == (said == KEY), "a key is the user's to give"
    assert not list(store.root.parent.glob("**/evil*"))


def test_the_server_is_told_what_is_wanted_and_by_whom(
    open_runner: Callable[..., HttpRunner], wrong: Any, store: JobStore
) -> None:
    request = Request.of(spec_of("fake"), params={"text": "x"}, seed=7)
    runner = open_runner({"/v1/steps": hei(), "/v1/jobs": b"hei"}, key="secret", offline=True)  # this machine is here
    assert do(runner, store, request)[0].state is JobState.DONE
    _, headers, body = wrong.heard[0]
    asked = {"id": request.id, "step": "fake", "inputs": {}, "params": request.params, "seed": 7}
    assert json.loads(body) == asked and headers["Authorization"] == "Bearer secret"


def test_a_file_that_came_damaged_is_fetched_once_more(open_runner: Callable[..., HttpRunner], store: JobStore) -> None:
    result, _ = do(open_runner({"/v1/steps": hei(), "/v1/jobs": [b"no!", b"hei"]}), store, fake())
    assert store.file(result, "text").read_bytes() == b"hei"


def test_what_is_told_of_a_step_comes_along(open_runner: Callable[..., HttpRunner], store: JobStore) -> None:
    good = {"stages": [{"device": "cuda", "metrics": {"faces": 7}}], "warnings": ["Mind the gap."]}
    first = json.dumps({**json.loads(hei()), **good}).encode()
    bad = [told("failed", error={"kind": kind}) for kind in ("device", "environment")]
    found = [
        do(open_runner({"/v1/steps": answer, "/v1/jobs": b"hei"}), store, fake(text=f"{number}"))[0]
        for number, answer in enumerate((first, *bad))
    ]
    assert found[0].metrics["faces"] == 7 and found[0].warnings == ("Mind the gap.",)
    assert found[0].device.startswith("cuda of ")
    assert [each.failure and each.failure.kind for each in found] == [None, "device", "backend"]


def test_what_is_told_while_it_goes_on_is_told_once(open_runner: Callable[..., HttpRunner], store: JobStore) -> None:
    words = ["Mind the gap.", "Mind the dog."]
    running = [told("running", progress=share, warnings=words[:count]) for share, count in ((0.5, 1), (7, 2))]
    looks = [running[1], hei()]
    runner = open_runner({"/v1/steps": running[0], ASSETS: b"hei", "/v1/jobs": looks})
    _, events = do(runner, store, fake())
    assert [event.text for event in events if isinstance(event, Log)] == words
    shares = {e.fraction for e in events if isinstance(e, Progress) and e.phase != "Fetching from the server"}
    assert shares == {0.0, 0.5}, "7 is no share"


def test_a_busy_server_is_asked_again(open_runner: Callable[..., HttpRunner], store: JobStore) -> None:
    busy = [(503, b"{}"), (429, b"{}", ("Retry-After", "0"))]
    runner = open_runner({"/v1/steps": [*busy, told("running")], ASSETS: b"hei", "/v1/jobs": hei()})
    result, events = do(runner, store, fake())
    phases = [event.phase for event in events if isinstance(event, Progress)]
    assert result.state is JobState.DONE and "The server is busy" in phases
    assert phases[-1] != "The server is busy"


def test_a_server_that_forgot_the_job_is_asked_again(open_runner: Callable[..., HttpRunner], store: JobStore) -> None:
    running = told("running", phase="On it", progress=0.5)
    runner = open_runner({"/v1/steps": [running, hei()], ASSETS: b"hei", "/v1/jobs": (404, b"{}")})
    assert do(runner, store, fake())[0].state is JobState.DONE


def test_a_cancel_does_not_wait_for_a_server_that_does_not_hear(
    open_runner: Callable[..., HttpRunner], store: JobStore
) -> None:
    runner, request, events = open_runner({"/v1/steps": hei(), "/v1/jobs": "hang"}), fake(), list[Event]()

    def stop(event: Event) -> None:
        events.append(event)
        if isinstance(event, Progress) and event.phase == "Fetching from the server":
            runner.cancel(request.id)

    runner.submit(request)
    assert finish(runner, store, request.id, stop).state is JobState.CANCELLED
    assert Log(request.id, "The server did not hear that it may stop.") in events


@pytest.mark.parametrize(("status", "sent"), [(409, 1), (500, 0)])
def test_what_is_lacking_is_sent_once_and_where_it_is_asked_for(
    open_runner: Callable[..., HttpRunner], wrong: Any, store: JobStore, tmp_path: Path, status: int, sent: int
) -> None:
    (tmp_path / "a.png").write_bytes(b"a picture")
    cut = Request.of(spec_of("cutout"), {"image": tmp_path / "a.png"})
    answer = {"error": {"message": "it was lost", "missing": [f"sha256:{cut.hashes['image']}"]}}
    result, _ = do(open_runner({"/v1/steps": (status, json.dumps(answer).encode())}), store, cut)
    assert result.failure and "it was lost" in result.failure.message
    uploads = [(path, body) for path, _, body in wrong.heard if path.startswith("/v1/uploads")]
    assert uploads == [(f"/v1/uploads?sha256={cut.hashes['image']}", b"a picture")] * sent


def test_an_input_that_cannot_be_read_is_said(
    open_runner: Callable[..., HttpRunner], store: JobStore, tmp_path: Path
) -> None:
    path = tmp_path / "a.png"
    path.touch()
    cut = Request.of(spec_of("cutout"), {"image": path})
    path.unlink()
    path.mkdir()
    answer = {"error": {"missing": [f"sha256:{cut.hashes['image']}"]}}
    result, _ = do(open_runner({"/v1/steps": (409, json.dumps(answer).encode())}), store, cut)
    assert result.failure and result.failure.message.startswith(f"Cannot read {path}"), result.failure
