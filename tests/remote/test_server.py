# SPDX-License-Identifier: GPL-3.0-or-later
"""Where something is sent to, and where not."""

from __future__ import annotations

from typing import Any

import pytest

from galatea.backend import remote
from galatea.backend.protocol.errors import UserError

from .conftest import Hunyuan, Run

STEP = "hunyuan3d_server"


class Told:
    def __init__(self) -> None:
        self.logs: list[str] = []
        self.warnings: list[str] = []

    def log(self, text: str) -> None:
        self.logs.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def server(url: str, told: Told | None = None) -> remote.Server:
    params = {"url": url, "connect_s": 60.0, "stall_s": 60.0}
    return remote.Server(STEP, "Start it", params, told or Told())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "url",
    ["", "127.0.0.1:8081", "ftp://host", "file:///etc/passwd", "http://", "http://host:99999", "http://host:x",
     "http://host/?a=1", "http://host/#a", "http://ho st/", "http://host/a b", "http://[::1", "javascript:alert(1)"],
)  # fmt: skip
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(UserError, match=r"Set hunyuan3d_server.url to an address") as caught:
        server(url)
    assert caught.value.kind == "usage"


def test_a_password_in_the_address_would_be_written_into_the_job() -> None:
    with pytest.raises(UserError, match=r'no name and password.*GALATEA_REMOTE_KEY="host=YOUR KEY"'):
        server("https://me:secret@host/")


@pytest.mark.parametrize(
    ("url", "here"),
    [("http://localhost:1", True), ("http://127.9.9.9", True), ("http://[::1]:80", True),
     ("https://gpu.example", False), ("http://127.0.0.1.evil.example", False), ("http://192.168.0.4", False)],
)  # fmt: skip
def test_offline_nothing_leaves_this_machine(monkeypatch: pytest.MonkeyPatch, url: str, here: bool) -> None:
    monkeypatch.setenv("GALATEA_OFFLINE", "1")
    if here:
        server(url)
        return
    with pytest.raises(UserError, match=r"is not this machine, and this is offline. Allow online access") as refused:
        server(url)
    assert refused.value.kind == "policy", "what the policy forbids, and so the exit code of that"
    monkeypatch.setenv("GALATEA_OFFLINE", "0")
    told = Told()
    server(url, told)
    assert "leaves this machine" in told.logs[0]


def test_the_worker_of_an_offline_program_refuses_too(hunyuan: Hunyuan, warm: Any, run: Run) -> None:
    warm.close()
    warm.environment["GALATEA_OFFLINE"] = "1"
    try:
        assert "this is offline" in run(STEP, url="http://gpu.example:8081").says
        assert not run(STEP, url=hunyuan.url, paint=False).result.failure
    finally:
        warm.close()
        warm.environment.clear()


def test_a_key_goes_to_its_own_host_and_is_not_sent_readable_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GALATEA_REMOTE_KEY", "gpu.example=one broken other.example=t=wo bad.example=a\tb")
    told = Told()
    assert server("http://GPU.example/x/", told)._key == "one" and "readable over http" in told.warnings[0]
    told = Told()
    assert server("https://other.example", told)._key == "t=wo" and not told.warnings
    assert server("https://gpu.example.evil.example")._key == ""


def test_a_proxy_is_not_used(hunyuan: Hunyuan, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert server(hunyuan.url + "/").get_json("/status/3f2c-77", lambda: None) == {"status": "processing"}


def test_an_answer_without_an_end_is_refused_at_its_bound(hunyuan: Hunyuan) -> None:
    hunyuan.faults = [(200, bytes(5000))]
    with pytest.raises(UserError, match="too large"):
        server(hunyuan.url).get("/x", lambda: None, most=4000)


def test_https_to_a_plain_server_says_so(hunyuan: Hunyuan) -> None:
    with pytest.raises(UserError, match="does not speak https"):
        server(hunyuan.url.replace("http:", "https:")).get("/x", lambda: None)


def test_no_such_host() -> None:
    with pytest.raises(UserError, match=r"There is no host nowhere.invalid"):
        server("http://nowhere.invalid").get("/x", lambda: None)
