# SPDX-License-Identifier: GPL-3.0-or-later
"""Orders over HTTP against a real server: done, seen, cancelled, taken up again after a kill; strangers kept out."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import signal
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from galatea.backend.protocol.catalog import catalog
from galatea.backend.protocol.recipe import load_recipe
from galatea.backend.server.tasks import PLACES
from galatea.backend.server.tokens import Tokens

from ..golden import glb
from .conftest import BYTES, JSON, PATIENCE, ROOT, Serving
from .test_uploads import mp4

TOAD = ROOT / "presets/examples/toad.jpg"


def submit(serving: Serving, text: str = "hello", headers: dict[str, str] | None = None, **params: Any) -> Any:
    return serving.json("POST", "/v1/jobs", serving.fake(text, **params), 201, headers={**JSON, **(headers or {})})


def events(serving: Serving, id: str, last: str = "") -> list[tuple[str, dict[str, Any]]]:
    status, headers, data = serving.ask("GET", f"/v1/jobs/{id}/events", headers={"Last-Event-ID": last} if last else {})
    assert status == 200 and headers["content-type"].startswith("text/event-stream")
    found = []
    for block in data.decode().split("\n\n"):
        rows = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith(":"))
        if "id" in rows:
            found.append((rows["id"], json.loads(rows["data"])))
    return found


def test_an_order_is_done_and_its_files_are_handed_out(served: Serving) -> None:
    job = submit(served, "to and fro", seconds=0.5)
    assert job["state"] in ("queued", "running") and job["progress"] == 0
    told = events(served, job["id"])
    assert [number for number, _ in told] == [str(n + 1) for n in range(len(told))]
    assert (told[0][1]["event"], told[-1][1]["event"], told[-1][1]["state"]) == ("queued", "end", "done")
    shares = [event["progress"] for _, event in told if event["event"] == "progress"]
    assert shares == sorted(shares) and 0 < shares[-1] < 1 and len(set(shares)) >= 2
    assert events(served, job["id"], told[2][0]) == told[3:], "taken up where it broke"
    done = served.until(job["id"])
    [asset] = done["assets"]
    assert (done["progress"], asset["name"], asset["role"]) == (1.0, "text.txt", "text")
    status, headers, data = served.ask("GET", asset["url"])
    assert (status, data) == (200, b"to and fro 0\n")
    assert headers["etag"] == f'"{hashlib.sha256(data).hexdigest()}"' == f'"{asset["sha256"]}"'
    assert "sandbox" in headers["content-security-policy"]
    ranges = {"bytes=0-1": b"to", "bytes=3-": data[3:], "bytes=-2": data[-2:], "bytes=5-99999": data[5:]}
    for asked, part in ranges.items():
        status, headers, got = served.ask("GET", asset["url"], headers={"Range": asked})
        assert (status, got) == (206, part) and headers["content-range"].endswith(f"/{len(data)}")
    assert served.ask("GET", asset["url"], headers={"Range": "bytes=0-1", "If-Range": '"other"'})[::2] == (200, data)
    assert served.ask("GET", asset["url"], headers={"Range": "bytes=999-"})[0] == 416
    assert served.ask("GET", asset["url"], headers={"If-None-Match": f'"{asset["sha256"]}"'})[0] == 304
    status, headers, got = served.ask("HEAD", asset["url"])
    assert (status, got, headers["content-length"]) == (200, b"", str(len(data)))


def test_the_same_key_gives_the_same_job_and_no_other(served: Serving) -> None:
    key = {"Idempotency-Key": "once"}
    first = submit(served, "keyed", key)
    assert submit(served, "keyed", key)["id"] == first["id"] != submit(served, "keyed")["id"]
    served.json("POST", "/v1/jobs", served.fake("other"), 409, headers={**JSON, **key})


def test_what_runs_and_what_waits_is_cancelled_and_twin_orders_do_not_stop_each_other(served: Serving) -> None:
    long = submit(served, "long", seconds=600)
    twin = submit(served, "long", seconds=600)
    waiting = [submit(served, f"behind {n}", seconds=0.3) for n in range(5)]
    served.until(long["id"], "running")
    assert served.json("GET", f"/v1/jobs/{waiting[-1]['id']}")["place"] >= 1
    film = {"recipe": "words_to_film", "prompt": "a ball"}
    queued = served.json("POST", "/v1/jobs", film, 201, headers=JSON)
    assert queued["state"] == "queued" and queued["steps"] == len(load_recipe(film["recipe"]).steps) > 1
    served.json("DELETE", f"/v1/jobs/{queued['id']}")
    served.json("DELETE", f"/v1/jobs/{waiting[-1]['id']}")
    served.json("DELETE", f"/v1/jobs/{long['id']}")
    assert served.until(waiting[-1]["id"])["state"] == "cancelled"
    assert served.until(long["id"])["state"] == "cancelled"
    assert served.json("GET", f"/v1/jobs/{twin['id']}")["state"] == "running", "its step goes on for the other"
    served.json("DELETE", f"/v1/jobs/{twin['id']}")
    assert served.until(twin["id"])["error"]["kind"] == "cancelled"
    assert [served.until(each["id"])["state"] for each in waiting[:-1]] == ["done"] * 4
    served.json("DELETE", f"/v1/jobs/{waiting[0]['id']}")
    assert served.until(waiting[0]["id"])["state"] == "done", "what has ended stays"


def test_a_job_whose_next_step_waits_for_that_of_another_says_so(served: Serving) -> None:
    image = served.json("POST", "/v1/uploads", TOAD.read_bytes())["id"]
    cut = {"recipe": "photo_to_mesh", "inputs": {"image": image}, "backend": "relief", "until": "relief"}
    job = served.json("POST", "/v1/jobs", cut, 201, headers=JSON)
    long = submit(served, "in between", seconds=600)
    end = time.monotonic() + PATIENCE
    while (told := served.json("GET", f"/v1/jobs/{job['id']}"))["steps_done"] < 1 and time.monotonic() < end:
        time.sleep(0.05)
    assert (told["state"], told["step"], told["phase"]) == ("running", "", "Waiting for its turn")
    served.json("DELETE", f"/v1/jobs/{long['id']}")
    assert served.until(job["id"])["state"] == "done"


def test_a_step_that_fails_says_why(served: Serving) -> None:
    for trouble, kind in (("user", "input"), ("bug", "backend"), ("kill", "backend")):
        job = served.until(submit(served, "trouble", trouble=trouble)["id"])
        assert (job["state"], job["error"]["kind"]) == ("failed", kind), job
    text = served.ask("GET", "/metrics")[2].decode()
    assert 'galatea_jobs_ended_total{state="failed",task="job"} 3.0' in text and "galatea_request_seconds" in text


def test_uploads_are_named_by_content_and_looked_into(served: Serving, tmp_path: Path) -> None:
    data = TOAD.read_bytes()
    sent = served.json("POST", "/v1/uploads", data)
    assert sent == {"id": f"sha256:{hashlib.sha256(data).hexdigest()}", "kind": "jpg", "size": len(data)}
    assert served.json("POST", "/v1/uploads", data) == sent == served.json("GET", f"/v1/uploads/{sent['id']}")
    model = served.json("POST", "/v1/uploads", glb.write(tmp_path / "m.glb").read_bytes())
    assert model["kind"] == "glb"
    wrong = served.json("POST", "/v1/image-to-3d", {"inputs": {"image": model["id"]}}, 422)
    assert "takes png, jpg, webp" in wrong["error"]["message"]
    lacking = served.json("POST", "/v1/image-to-3d", {"inputs": {"image": f"sha256:{'0' * 64}"}}, 409)
    assert lacking["error"]["missing"] == [f"sha256:{'0' * 64}"]
    served.json("POST", f"/v1/uploads?sha256={'1' * 64}", b"another" + data, 422)
    film = served.json("POST", "/v1/uploads", mp4())
    assert film["kind"] == "mp4"
    told = served.json("POST", "/v1/film", {"inputs": {"film": film["id"]}}, 422)["error"]
    assert told["message"].startswith("More frames needs weights"), "film_to_film is what it means"
    served.json("POST", "/v1/jobs", {"recipe": "scene_to_film"}, 422)
    assert served.json("GET", "/v1/jobs/none", expect=422)["error"]["message"].startswith(
        "That is no id of this server."
    )


@pytest.mark.parametrize(
    "order",
    [
        {"recipe": "/etc/passwd.toml"},
        {"recipe": "../recipes/photo_to_mesh.toml"},
        {"recipe": "photo_to_mesh", "quality": "/etc/x.toml"},
        {"recipe": "photo_to_mesh", "inputs": {"image": "/etc/passwd"}},
        {"recipe": "photo_to_mesh", "inputs": {"image": "file:///etc/passwd"}},
        {"recipe": "mesh_to_film", "inputs": {"scene": f"sha256:{'0' * 64}"}},
        {"recipe": "words_to_film", "prompt": "a ball", "out": "/tmp/x"},
        {"recipe": "words_to_film", "prompt": "a ball", "settings": {"build": {"assets": "/etc"}}},
        {"recipe": "words_to_film", "prompt": "a ball", "settings": {"film": {"audio": "/etc/passwd"}}},
        {"recipe": "photo_to_mesh", "settings": {"bake": {"inpaint": "/etc/passwd"}}},
        {"recipe": "photo_to_mesh", "settings": {"hunyuan3d_server": {"url": "http://169.254.169.254"}}},
        {"recipe": "fake", "settings": {"fake": {"nothing": 1}}},
        {"recipe": "fake", "more": 1},
    ],
    ids=str,
)  # fmt: skip
def test_no_path_or_address_of_a_client_is_taken(served: Serving, order: dict[str, Any]) -> None:
    told = served.json("POST", "/v1/jobs", order, 422)["error"]
    assert told["message"] and "root:" not in json.dumps(told)


def test_a_misspelt_preset_is_told_the_nearest(served: Serving) -> None:
    for order in ({"recipe": "photo_to_flim"}, {"recipe": "photo_to_mesh", "quality": "ultr"}):
        told = served.json("POST", "/v1/jobs", order, 422)["error"]["message"]
        assert "Did you mean 'photo_to_film'?" in told or "Did you mean 'ultra'?" in told, told


def test_every_parameter_that_names_a_place_is_known() -> None:
    for spec in catalog().values():
        for param in spec.params:
            words = param.help.lower()
            if param.kind == "str" and any(each in words for each in ("folder", "listens", "path of", "address")):
                assert param.name in PLACES, f"{spec.id}.{param.name}: may a stranger say this?"


def test_pages_of_others_and_wrong_types_are_refused(served: Serving) -> None:
    assert served.ask("GET", "/v1", headers={"Origin": "https://evil.example"})[0] == 403
    assert served.ask("GET", "/v1", headers={"Host": "evil.example"})[0] == 403
    assert served.ask("GET", "/v1", headers={"Origin": served.url})[0] == 200
    assert served.ask("POST", "/v1/jobs", b"{}", {"Content-Type": "text/plain"})[0] == 415
    assert served.ask("POST", "/v1/uploads", b"x", {"Content-Type": "multipart/form-data"})[0] == 415
    status, headers, _ = served.ask("GET", "/")
    assert status == 200 and "default-src 'none'" in headers["content-security-policy"]
    assert "access-control-allow-origin" not in headers and headers["x-content-type-options"] == "nosniff"
    assert served.ask("POST", "/v1/jobs", b" " * (2 << 20), JSON)[0] == 413
    assert served.ask("GET", "/static/..%2Fpage.css")[0] == 404
    assert served.ask("GET", f"/v1/jobs/j{'0' * 20}/assets/..%2F..%2Ftokens.json")[0] in (404, 422)


@pytest.mark.parametrize(
    ("where", "order"),
    [
        ("/v1/jobs", {"recipe": "fake", "settings": {"fake": {"text": "half \ud800"}}}),
        ("/v1/jobs", {"recipe": "fake", "\ud800": 1}),
        ("/v1/steps", {"step": "fake", "params": {"text": "half \ud800"}}),
        ("/v1/steps", {"step": "fake", "params": {"seconds": 10**400}}),
        ("/v1/simulate", {"prompt": "\udfff"}),
    ],
    ids=str,
)
def test_what_no_answer_could_name_is_refused(served: Serving, where: str, order: dict[str, Any]) -> None:
    assert served.json("POST", where, order, 422)["error"]["message"]
    assert served.ask("GET", "/v1/jobs")[0] == 200


def test_words_of_strangers_are_no_measures_and_no_trouble(served: Serving) -> None:
    for number in range(5):
        assert served.ask(f"MADEUP{number}", "/v1")[0] == 405
    _, _, text = served.ask("GET", "/metrics")
    assert b'method="other"' in text and b"MADEUP" not in text
    assert served.ask("GET", "/v1", headers={"X-Forwarded-For": "203.0.113.7"})[0] == 403, "a proxy lets everybody in"
    for origin in ("http://[", "null", "https://"):
        assert served.ask("GET", "/v1", headers={"Origin": origin})[0] == 403


def test_a_disk_that_fails_and_a_sender_who_is_gone_are_said_in_our_words(alone: Serving) -> None:
    alone.start()
    with socket.create_connection(("127.0.0.1", alone.port)) as link:
        head = "POST /v1/uploads HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/octet-stream\r\n"
        link.sendall(f"{head}Content-Length: 1000\r\n\r\n".encode() + b"half")
    while not any(line.get("path") == "/v1/uploads" for line in alone.lines()):
        assert alone.ask("GET", "/health")[0] == 200
    assert not list((alone.home / "server/uploads/part").iterdir())
    (alone.home / "server/jobs").rmdir()
    refused = alone.json("POST", "/v1/jobs", alone.fake("nowhere"), 507)["error"]
    assert refused["kind"] == "output" and str(alone.home) not in refused["message"]
    assert "Traceback" not in alone.log.read_text()


def test_a_kill_in_mid_job_loses_nothing(alone: Serving) -> None:
    alone.start()
    jobs = [submit(alone, f"survivor {n}", seconds=1.0)["id"] for n in range(6)]
    while not alone.json("GET", f"/v1/jobs/{jobs[0]}")["progress"]:
        time.sleep(0.05)
    alone.kill()
    (alone.home / "server/jobs" / jobs[-1] / "events.jsonl").open("a").write('{"id": 99, "ev')
    alone.start()
    assert sorted(each["id"] for each in alone.json("GET", "/v1/jobs")["jobs"]) == sorted(jobs)
    for number, id in enumerate(jobs):
        job = alone.until(id)
        assert job["state"] == "done"
        assert alone.ask("GET", job["assets"][0]["url"])[2] == f"survivor {number} 0\n".encode()
    numbers = [int(number) for number, _ in events(alone, jobs[-1])]
    assert numbers == list(range(1, len(numbers) + 1))


def test_sigterm_lets_what_runs_end_and_leaves_the_rest_for_the_next_start(alone: Serving) -> None:
    alone.start()
    jobs = [submit(alone, f"drain {n}", seconds=s)["id"] for n, s in enumerate((6.0, *[0.5] * 7, 600.0))]
    alone.until(jobs[0], "running")
    assert alone.process
    alone.process.send_signal(signal.SIGTERM)
    end = time.monotonic() + PATIENCE
    while alone.ask("GET", "/ready")[0] != 503:
        assert time.monotonic() < end
    refused = alone.ask("POST", "/v1/jobs", alone.fake("late"), JSON)
    assert refused[0] == 503 and int(refused[1]["retry-after"]) > 0
    assert alone.process.wait(PATIENCE) == 0 or alone.process.returncode == -signal.SIGTERM
    alone.start()
    states = [alone.json("GET", f"/v1/jobs/{id}")["state"] for id in jobs]
    assert states[0] == "done" and states[-1] in ("queued", "running")
    assert {alone.until(id)["state"] for id in jobs[:-1]} == {"done"}
    alone.until(jobs[-1], "running")


def test_a_second_server_in_the_same_folder_is_refused(served: Serving) -> None:
    other = Serving(served.home)
    with pytest.raises(RuntimeError, match="Another server works in"):
        other.start()


def test_tokens(alone: Serving) -> None:
    path = alone.home / "server/tokens.json"
    ada, bob = Tokens(path).add("ada", high=True), Tokens(path).add("bob")
    kept = path.read_text()
    assert ada not in kept and bob not in kept and os.stat(path).st_mode & 0o077 == 0
    alone.start()
    for method, where in (("GET", "/v1"), ("POST", "/v1/jobs"), ("GET", "/metrics"), ("POST", "/v1/uploads")):
        status, headers, _ = alone.ask(method, where)
        assert (status, headers["www-authenticate"]) == (401, "Bearer"), where
    assert alone.ask("GET", "/health")[0] == 200
    job = alone.json("POST", "/v1/jobs?priority=high", alone.fake("hers"), 201, token=ada)
    alone.json("POST", "/v1/jobs?priority=high", alone.fake("his"), 403, token=bob)
    alone.json("GET", f"/v1/jobs/{job['id']}", expect=404, token=bob)
    assert alone.json("GET", "/v1/jobs", token=bob)["jobs"] == []
    assert alone.until(job["id"], token=ada)["state"] == "done"
    Tokens(path).remove("bob")
    gone = alone.json("GET", "/v1", expect=401, token=bob)["error"]["message"]
    assert gone.startswith("This token counts no more"), "at once"
    tries = [alone.ask("GET", "/v1", token=f"galatea_{n}") for n in range(15)]
    assert tries[-1][0] == 429 and int(tries[-1][1]["retry-after"]) >= 1
    assert alone.ask("GET", "/v1", token=ada)[0] == 200, "who has a token is not kept out by those who guess"
    text = alone.log.read_text()
    assert ada not in text and bob not in text and '"user": "ada"' in text


def test_when_the_last_token_is_gone_the_server_is_shut_and_not_open(alone: Serving) -> None:
    path = alone.home / "server/tokens.json"
    ada = Tokens(path).add("ada")
    alone.start()
    assert alone.ask("GET", "/v1", token=ada)[0] == 200
    Tokens(path).remove("ada")
    assert alone.ask("GET", "/v1")[0] == 401 and alone.ask("GET", "/v1", token=ada)[0] == 401
    path.write_text("{")
    assert alone.ask("GET", "/v1")[0] in (401, 422)
    path.unlink()
    assert alone.ask("GET", "/v1")[0] == 401
    bob = Tokens(path).add("bob")
    assert alone.ask("GET", "/v1", token=bob)[0] == 200


def test_a_public_address_wants_a_token(tmp_path: Path) -> None:
    open_to_all = Serving(tmp_path / "home", "--host", "0.0.0.0")
    with pytest.raises(RuntimeError, match="nobody has a token yet"):
        open_to_all.start()
    path = open_to_all.home / "server/tokens.json"
    Tokens(path).add("ada")
    Tokens(path).remove("ada")
    with pytest.raises(RuntimeError, match="nobody has a token yet"):
        open_to_all.start()


def test_no_time_at_all_is_no_time_limit(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="--timeout: takes a number above 0"):
        Serving(tmp_path / "home", "--timeout", "0").start()


def test_orders_at_the_same_moment_are_no_more_than_allowed(tmp_path: Path) -> None:
    serving = Serving(tmp_path / "home", "--most-jobs", "2")
    try:
        serving.start()
        gate, found = threading.Barrier(16), list[int]()

        def give(number: int) -> None:
            gate.wait()
            found.append(serving.ask("POST", "/v1/jobs", serving.fake(f"n {number}", seconds=600.0), JSON)[0])

        threads = [threading.Thread(target=give, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(found) == [201] * 2 + [429] * 14
    finally:
        serving.close()


def test_limits_of_one_user(tmp_path: Path) -> None:
    serving = Serving(tmp_path / "home", "--most-jobs", "2", "--rate", "2", "--upload-mb", "1", "--megapixels", "0.01")
    try:
        serving.start()
        jobs = [submit(serving, f"mine {n}", seconds=600.0)["id"] for n in range(2)]
        status, headers, _ = serving.ask("POST", "/v1/jobs", serving.fake("one more"), JSON)
        assert status == 429 and int(headers["retry-after"]) > 0
        assert serving.ask("POST", "/v1/uploads", TOAD.read_bytes(), BYTES)[0] == 422, "too many pixels"
        link = http.client.HTTPConnection("127.0.0.1", serving.port, timeout=PATIENCE)
        try:
            link.request("POST", "/v1/uploads", b"\0" * (2 << 20), BYTES)
            assert link.getresponse().status == 413
        except (BrokenPipeError, ConnectionResetError):
            pass  # it hung up before all was sent
        for id in jobs:
            serving.json("DELETE", f"/v1/jobs/{id}")
        answers = [serving.ask("GET", "/v1/jobs") for _ in range(60)]
        refused = [headers for status, headers, _ in answers if status == 429]
        assert refused and all(int(headers["retry-after"]) >= 1 for headers in refused)
    finally:
        serving.close()
