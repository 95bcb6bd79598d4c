# SPDX-License-Identifier: GPL-3.0-or-later
"""The viewer page as people see it: in a headless Chromium, from a disk, by its pixels. `make test-window`."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from galatea.backend.backends import viewer
from galatea.backend.protocol.job import Request

from ..golden import glb
from .browser import Browser, program

pytestmark = pytest.mark.window
EVIL = "</script><img src=x onerror=\"document.title='evil'\"><script>document.title='evil'</script>"


class Folder:
    """Takes the place of the worker's report."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()

    def file(self, role: str, name: str) -> Path:
        return self.path / name

    def progress(self, *_said: Any) -> None:
        pass

    metric = progress


def made(folder: Path, change: Any = lambda tree: None, names: Any = (), **params: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    model = glb.write(folder / "model.glb", change, **dict(names))
    spec = viewer.Backend.spec
    request = Request.of(spec, {"model": model})
    viewer.Backend().run(request, spec.fill(params), Folder(folder / "out"))  # type: ignore[arg-type]
    return folder / "out" / "viewer.html"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("page"), title="Box and column")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if not program():
        pytest.skip("no Chromium is installed: run tools/setup.sh --window, or set GALATEA_BROWSER")
    with Browser(tmp_path_factory.mktemp("browser") / "profile") as found:
        yield found


def red(picture: np.ndarray) -> np.ndarray:
    r, g, b = (picture[..., channel].astype(int) for channel in range(3))
    return (r > 100) & (r > 2 * g) & (r > 2 * b)


def green(picture: np.ndarray) -> np.ndarray:
    r, g, b = (picture[..., channel].astype(int) for channel in range(3))
    return (g > 70) & (g > 2 * r) & (g > 2 * b)


def middle(mask: np.ndarray) -> np.ndarray:
    return np.argwhere(mask).mean(axis=0)


def settled(browser: Browser) -> np.ndarray:
    """The picture when two in a row are alike."""
    end, before = time.monotonic() + 60, None
    while time.monotonic() < end:
        browser.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))")
        now = browser.picture()
        if before is not None and np.array_equal(now, before):
            return now
        before = now
    raise TimeoutError("the picture does not come to rest")


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """Mean difference of two pictures, of 255."""
    return float(np.abs(one.astype(int) - other).mean())


def kept(picture: np.ndarray, name: str) -> None:
    """For people to look at, where GALATEA_SHOTS names a folder."""
    if os.environ.get("GALATEA_SHOTS"):
        Image.fromarray(picture).save(Path(os.environ["GALATEA_SHOTS"]) / f"{name}.png")


@pytest.mark.parametrize("size", [(1000, 700), (390, 780)], ids=["desk", "phone"])
def test_the_object_is_seen_whole_on_either_ground_without_a_network(
    browser: Browser, page: Path, size: tuple[int, int]
) -> None:
    wide, high = size
    grounds = []
    for dark in (False, True):
        assert browser.open(page, wide=wide, high=high, dark=dark) == "ready", browser.troubles()
        picture = settled(browser)
        kept(picture, f"{wide}-{'dark' if dark else 'light'}")
        assert picture.shape[:2] == (high, wide)
        for mask in (red(picture), green(picture)):
            assert mask.sum() > 0.015 * mask.size
            assert not (mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any()), "cut off"
        assert middle(red(picture))[1] < middle(green(picture))[1], "not mirrored"
        ground = picture[high // 3, [2, -3]].mean()
        if not dark:  # on a dark ground it is too faint to be told from the light in the middle
            column = int(middle(red(picture))[1])
            foot = np.flatnonzero(red(picture)[:, column]).max()
            near, far = (picture[foot + down, column].mean() for down in (4, 60))
            assert near < far - 10, "no shadow under the object"
        grounds.append(ground)
        assert browser.troubles() == []
        assert {address.split(":")[0] for address in browser.fetched()} <= {"file", "blob", "data"}
        assert len([address for address in browser.fetched() if address.startswith("file")]) == 1
        inside = (
            "[...document.querySelectorAll('button, select, input, summary')].filter(e => e.offsetParent).every(e => "
        )
        inside += "(r => r.left >= 0 && r.right <= innerWidth && r.bottom <= innerHeight)(e.getBoundingClientRect()))"
        assert browser.run(inside), "a button is outside of the window"
    assert grounds[0] > 150 > 90 > grounds[1]


def test_keys_and_hands_turn_move_zoom_and_reset(browser: Browser, page: Path) -> None:
    assert browser.open(page) == "ready"
    browser.run("document.getElementById('view').focus()")

    def after(*keys: str, shift: bool = False) -> np.ndarray:
        for key in keys:
            browser.press(key, shift=shift)
        return settled(browser)

    start = settled(browser)
    assert np.abs(middle(green(after("ArrowRight", "ArrowRight"))) - middle(green(start))).max() > 5, "turned"
    assert apart(after("r"), start) < 0.05
    moved = after("ArrowRight", shift=True)
    assert middle(green(moved))[1] < middle(green(start))[1] - 5, "the view went to the right"
    assert green(after("r", "+", "+")).sum() > 1.2 * green(start).sum()
    browser.press("r")
    browser.drag((360, 200), (500, 200))
    assert apart(settled(browser), start) > 1, "dragged"
    browser.run("document.getElementById('reset').click()")
    assert apart(settled(browser), start) < 0.05
    lines = after("w")
    kept(lines, "wireframe")
    assert browser.run("document.getElementById('wire').ariaPressed") == "true"
    assert apart(lines[red(start)], start[red(start)]) > 1
    assert apart(after("w"), start) < 0.05
    before = start[red(start)].mean()
    browser.run("(e => { e.value = -1.5; e.dispatchEvent(new Event('input')) })(document.getElementById('light'))")
    assert settled(browser)[red(start)].mean() < before - 15, "less light"
    assert browser.troubles() == []


def test_the_animation_plays_rests_and_goes_where_it_is_put(browser: Browser, page: Path) -> None:
    assert browser.open(page, still=True) == "ready"
    start = settled(browser)
    assert browser.run("document.getElementById('play').ariaPressed") == "false", "less motion is wanted"

    def put(share: float) -> np.ndarray:
        script = f"(e => {{ e.value = {share}; e.dispatchEvent(new Event('input')) }})(document.getElementById('time'))"
        browser.run(script)
        return settled(browser)

    bent = put(0.5)
    kept(bent, "bent")
    assert middle(green(bent))[1] < middle(green(start))[1] - 5, "it bends to the left"
    both = red(start) & red(bent)
    assert apart(bent[both], start[both]) < 3, "the box stands"
    assert apart(put(0), start) < 0.05
    browser.run("document.getElementById('play').click()")
    browser.until("Number(document.getElementById('time').value) > 0.1")
    browser.run("document.getElementById('play').click()")
    assert apart(settled(browser), start) > 0.2
    assert browser.open(page, wide=400, high=400, still=False) == "ready"
    assert browser.run("['play', 'turn'].map(id => document.getElementById(id).ariaPressed)") == ["true", "true"]
    one = browser.picture()
    browser.until("Number(document.getElementById('time').value) > 0.3")
    assert not np.array_equal(browser.picture(), one)
    assert browser.troubles() == []


def test_everything_has_a_name_and_can_be_reached_by_keys(browser: Browser, page: Path) -> None:
    assert browser.open(page) == "ready"
    nodes = browser.ask("Accessibility.getFullAXTree")["nodes"]
    named = {(n["role"]["value"], n["name"]["value"]) for n in nodes if not n["ignored"] and n.get("name")}
    assert ("application", "3D view of Box and column") in named and ("heading", "Box and column") in named
    for role, count in (("button", 5), ("slider", 2), ("combobox", 2)):
        found = [n for n in nodes if not n["ignored"] and n["role"]["value"] == role]
        assert len(found) >= count and all(n["name"]["value"] for n in found), role
    reached = []
    for _ in range(14):
        browser.press("Tab")
        reached.append(browser.run("document.activeElement.id || document.activeElement.tagName"))
    assert {"view", "play", "clip", "time", "speed", "turn", "reset", "wire", "ground", "light", "SUMMARY"} <= {
        *reached
    }


def test_a_hostile_file_runs_nothing_and_a_broken_one_says_so(browser: Browser, tmp_path: Path) -> None:
    evil = made(tmp_path / "evil", names={"name": EVIL, "clip": EVIL, "extras": {"galatea": {"producer": EVIL}}})
    assert browser.open(evil) == "ready"
    assert browser.run("document.title").startswith("</script>") and browser.run("document.images.length") == 0
    assert browser.troubles() == []

    def break_it(tree: Any) -> None:
        tree["accessors"][tree["meshes"][0]["primitives"][0]["attributes"]["POSITION"]]["bufferView"] = 999

    assert browser.open(made(tmp_path / "broken", break_it)) == "failed"
    assert "Make the page again" in browser.run("document.querySelector('[role=alert]').textContent")
    tried = "fetch('https://example.org/').then(() => 'sent', error => String(error))"
    assert "TypeError" in browser.run(tried), "the page's own policy forbids it"
    assert any("Content Security Policy" in trouble for trouble in browser.troubles())
