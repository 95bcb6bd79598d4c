# SPDX-License-Identifier: GPL-3.0-or-later
"""The page at / as people see it, in a headless Chromium against a real server. `make test-window`."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from galatea.backend.server.jobs import Asset, Ledger
from galatea.backend.server.tokens import Tokens

from ..golden import glb
from ..window.browser import Browser, program
from .conftest import Serving

pytestmark = pytest.mark.window
EVIL = "</script><img src=x onerror=\"document.title='evil'\">"


class Address:
    def __init__(self, url: str) -> None:
        self._url = url

    def as_uri(self) -> str:
        return self._url


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if not program():
        pytest.skip("no Chromium is installed: run tools/setup.sh --window, or set GALATEA_BROWSER")
    with Browser(tmp_path_factory.mktemp("browser") / "profile") as found:
        yield found


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """With one job of earlier days that made a mesh, and one whose words want to be markup."""
    serving = Serving(tmp_path_factory.mktemp("home"), "--rate", "500")
    ledger = Ledger(serving.home / "server" / "jobs")
    model = glb.write(serving.home / "model.glb")
    job = ledger.add("local", "job", {"recipe": "photo_to_mesh", "settings": {"bring": {"name": "Box and column"}}},
                     task="image-to-3d")  # fmt: skip
    (job.folder / "assets").mkdir()
    shutil.copy(model, job.folder / "assets" / "mesh.glb")
    asset = Asset("mesh.glb", "model", model.stat().st_size, "0" * 64, f"{job.id}/mesh.glb")
    job.end({"schema": 1, "state": "done", "error": None, "assets": [vars(asset)], "stages": [], "ended": time.time()})
    evil = ledger.add("local", "job", {"recipe": "words_to_film", "prompt": EVIL}, task="simulate")
    failure = {"kind": "input", "message": EVIL, "hint": ""}
    evil.end({"schema": 1, "state": "failed", "error": failure, "assets": [], "stages": [], "ended": time.time()})
    yield serving.start()
    serving.close()


def opened(browser: Browser, serving: Serving, state: str = "ready", **how: Any) -> None:
    browser.open(Address(f"{serving.url}/"), **how)  # type: ignore[arg-type]
    browser.until(f"document.documentElement.dataset.state === '{state}'")


def kept(picture: np.ndarray, name: str) -> None:
    if os.environ.get("GALATEA_SHOTS"):
        Image.fromarray(picture).save(Path(os.environ["GALATEA_SHOTS"]) / f"server-{name}.png")


def choose(browser: Browser, path: Path) -> None:
    root = browser.ask("DOM.getDocument")["root"]["nodeId"]
    node = browser.ask("DOM.querySelector", nodeId=root, selector="#file")["nodeId"]
    browser.ask("DOM.setFileInputFiles", files=[str(path)], nodeId=node)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [(1240, 860), (390, 1500)], ids=["desk", "phone"])
def test_an_earlier_job_is_shown_in_three_dimensions(
    browser: Browser, page: Serving, size: tuple[int, int], dark: bool
) -> None:
    opened(browser, page, wide=size[0], high=size[1], dark=dark)
    browser.run("[...document.querySelectorAll('#jobs button')].find(e => e.textContent.startsWith('Box')).click()")
    browser.until("document.getElementById('stage').dataset.shown === 'mesh.glb'")
    time.sleep(0.3)
    picture = browser.picture()
    kept(picture, f"{size[0]}-{'dark' if dark else 'light'}")
    box = browser.run(
        "(r => [r.left, r.top, r.right, r.bottom])(document.getElementById('view').getBoundingClientRect())"
    )
    left, top, right, bottom = (int(each) for each in box)
    shown = picture[max(top, 0) : min(bottom, size[1]), left:right].astype(int)
    red = (shown[..., 0] > 100) & (shown[..., 0] > 2 * shown[..., 1])
    assert red.mean() > 0.01, "the box is seen"
    assert (picture[4:10, 4:10].mean() < 60) == dark
    assert browser.run("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out"
    assert browser.troubles() == []
    assert all(address.startswith((page.url, "blob:", "data:")) for address in browser.fetched())


def test_words_become_a_job_that_is_followed_and_cancelled(browser: Browser, page: Serving) -> None:
    opened(browser, page, wide=1240, high=860)
    assert browser.run("[...document.getElementById('task').options].map(e => e.value)") == [
        "text-to-3d",
        "film",
        "simulate",
    ]
    browser.run("document.getElementById('go').click()")
    browser.until("document.getElementById('order-said').textContent.includes('Choose a file')")
    browser.run("document.getElementById('words').value = 'a ball falls on a table'")
    browser.run("document.getElementById('task').value = 'simulate'")
    browser.run("document.getElementById('quality').value = 'draft'")
    browser.run("document.getElementById('go').click()")
    browser.until("['queued', 'running'].includes(document.getElementById('stage').dataset.job)")
    browser.until("document.getElementById('step').textContent !== ''")
    kept(browser.picture(), "going")
    browser.run("document.getElementById('stop').click()")
    browser.until("document.getElementById('stage').dataset.job === 'cancelled'")
    browser.until("document.getElementById('said').textContent === 'It is cancelled.'")
    [job] = [each for each in page.json("GET", "/v1/jobs")["jobs"] if each["task"] == "simulate" and "ball" in
             each["order"]["prompt"]]  # fmt: skip
    assert job["state"] == "cancelled"


def test_a_picture_is_sent_and_what_fits_it_is_offered(browser: Browser, page: Serving, tmp_path: Path) -> None:
    opened(browser, page, wide=1240, high=860)
    Image.fromarray(np.full((80, 120, 3), (200, 60, 50), np.uint8)).save(tmp_path / "red.png")
    choose(browser, tmp_path / "red.png")
    browser.until("!document.getElementById('preview').hidden && document.getElementById('preview').complete")
    assert browser.run("[...document.getElementById('task').options].map(e => e.value)") == ["image-to-3d", "film"]
    kept(browser.picture(), "picture")
    (tmp_path / "program.png").write_bytes(b"#!/bin/sh\necho no picture\n")
    choose(browser, tmp_path / "program.png")
    browser.until("document.getElementById('order-said').textContent.includes('no file that the server takes')")
    assert browser.run("document.getElementById('preview').hidden")


def test_words_of_others_are_text_and_everything_has_a_name(browser: Browser, page: Serving) -> None:
    opened(browser, page, wide=1240, high=860)
    browser.run("[...document.querySelectorAll('#jobs button')].find(e => e.textContent.startsWith('<')).click()")
    browser.until("document.getElementById('trouble').textContent.includes('img src')")
    assert (
        browser.run("document.title") == "Galatea"
        and browser.run("document.querySelectorAll('img[src=x]').length") == 0
    )
    tried = "fetch('https://example.org/').then(() => 'sent', error => String(error))"
    assert "TypeError" in browser.run(tried), "the page's own policy forbids it"
    nodes = browser.ask("Accessibility.getFullAXTree")["nodes"]
    for role in ("button", "combobox", "textbox"):
        found = [n for n in nodes if not n["ignored"] and n["role"]["value"] == role]
        assert found and all(n.get("name", {}).get("value") for n in found), role
    reached = []
    browser.run("document.body.focus()")
    for _ in range(9):
        browser.press("Tab")
        reached.append(browser.run("document.activeElement.id || document.activeElement.className"))
    assert {"skip", "file", "words", "task", "quality", "go"} <= {*reached}, reached


def test_the_door_wants_a_token(browser: Browser, alone: Serving) -> None:
    token = Tokens(alone.home / "server" / "tokens.json").add("ada")
    alone.start()
    opened(browser, alone, "door", wide=800, high=600)
    kept(browser.picture(), "door")
    for word, state in (("galatea_wrong", "door"), (token, "ready")):
        browser.run(f"document.getElementById('token').value = {json.dumps(word)}")
        browser.run("document.querySelector('#door button').click()")
        browser.until(f"document.documentElement.dataset.state === '{state}'")
        if state == "door":
            browser.until("document.getElementById('door-said').textContent !== ''")
    assert "You are ada" in browser.run("document.getElementById('about').textContent")
    assert token not in browser.run("document.cookie + location.href")
    assert token not in alone.log.read_text()
