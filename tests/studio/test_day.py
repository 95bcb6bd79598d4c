# SPDX-License-Identifier: GPL-3.0-or-later
"""The day of docs/studio.md at a small size: its own commands, real processes, a machine and a server that die."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from galatea.backend.cli import parser
from galatea.backend.cli.completion import verbs_of

from . import days

COUNT = 8
RECIPE = 'version = 1\nname = "Day"\ninputs = ["image"]\n\n[[step]]\ndo = "cutout"\nresolution = 64\n'
WORK = "\n[[step]]\ndo = 'fake'\nseconds = %s\n"

LOOK, ORDERS, CLUSTER = "Look before you run", "A hundred orders", "A cluster of three, and one of them is lost"
READ, CODES, POLICY = "Read the results", "Exit codes", "What may be used here"
OWN, LOGS, AGAIN, CLEAN = "Settings of a studio", "Logs", "Again", "Clean up"
FARM = "The same orders on a farm"
SERVER, RULES = "A server, and a kill under load", "Do the assets keep the rules"
SESSIONS = {
    "cluster": (LOOK, ORDERS, CLUSTER, READ, CODES, POLICY, OWN, LOGS, AGAIN, CLEAN),
    "farm": (ORDERS, FARM),
    "server": (SERVER,),
    "rules": (RULES,),
}


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def free_port() -> int:
    """Below those that systems hand out by themselves, so that nobody is given it before the day's program has it."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("", port))
            return port


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with photos, each of its own colour and without a background, and a recipe."""
    from PIL import Image, ImageDraw

    (tmp_path / "photos").mkdir()
    for number in range(COUNT):
        picture = Image.new("RGBA", (80, 80))
        ImageDraw.Draw(picture).ellipse((12, 8 + number, 66, 70), fill=(30 * number, 90, 200, 255))
        picture.save(tmp_path / "photos" / f"thing{number}.png")
    (tmp_path / "recipes").mkdir()
    return tmp_path


def begin(place: Path, session: str, seconds: float, **more: str) -> str:
    (place / "recipes" / "day.toml").write_text(RECIPE + WORK % seconds)
    return days.run(place, *SESSIONS[session], RECIPE="recipes/day.toml", OFFER="day", **more)


def test_every_block_of_the_page_is_run_or_read() -> None:
    run = {title for titles in SESSIONS.values() for title in titles}
    blocks = days.blocks()
    assert {block.kind for block in blocks} == {"sh"}
    assert {block.title for block in blocks} == {days.VALUES, days.INSTALL, days.CONTAINERS, *run}
    for block in blocks:
        checked = subprocess.run(["bash", "-n"], input=block.text, text=True, capture_output=True)
        assert checked.returncode == 0, (block.title, checked.stderr)


def test_what_the_installation_names_is_there() -> None:
    [block] = [block for block in days.blocks() if block.title == days.INSTALL]
    assert "tools/setup.sh\n" in block.text and os.access(days.ROOT / "tools/setup.sh", os.X_OK)
    assert "-r requirements-studio.txt\n" in block.text and (days.ROOT / "requirements-studio.txt").is_file()
    known = {verb.name for verb in verbs_of(parser())}
    for line in days.PAGE.read_text().splitlines():
        for words in line.split("galatea ")[1:]:
            verb = words.split()[0].strip("`…,.)") if words.split() else ""
            assert verb in known or not verb.isalpha() or "docker" in line, line


@pytest.mark.skipif(not find_spec("ray"), reason="ray is not installed")
def test_a_batch_outlives_a_machine_of_its_cluster(place: Path) -> None:
    import ray

    head = ray.util.get_node_ip_address()
    said = begin(place, "cluster", 1.5, HEAD=head, PORT=str(free_port()))
    table = read(place / "assets" / "batch.json")
    assert (table["status"], table["done"], table["failed"]) == ("done", COUNT, 0)
    texts = {(place / "assets" / f"thing{n}" / "text.txt").read_text() for n in range(COUNT)}
    assert texts == {f"hello {n + 1}\n" for n in range(COUNT)}, "each from its own order"
    assert (place / "assets" / "report.html").is_file()
    assert f"done: {COUNT} done, 0 failed, 0 cancelled\n" in said, "as the page reads batch.json"
    first = (place / "batch.txt").read_text()
    assert f"{COUNT} done" in first and "kept" not in first
    assert sum("  kept" in line for line in said.splitlines()) == COUNT, "given again nothing was done anew"
    ended = (place / "batch.txt").stat().st_mtime
    logs = [path for path in (place / "home/jobs/logs").glob("bundled-*.log") if path.stat().st_mtime <= ended]
    assert len(logs) >= 2, "several places worked, each with a log of its own"
    jobs = [path.parent.name for path in (place / "home/jobs").glob("*/result.json")]
    assert sum(name.startswith("fake-") for name in jobs) == COUNT
    assert not alive(int((place / "node3.pid").read_text()))
    assert said.count(" done 0 ") == COUNT, "the ten lines read every result"


@pytest.mark.skipif(not Path(sys.executable).with_name("openjd").exists(), reason="openjd-cli is not installed")
def test_the_same_orders_as_a_job_of_a_farm(place: Path) -> None:
    begin(place, "farm", 0.1)
    results = [read(place / "farm/out" / f"{n + 1}" / "result.json") for n in range(COUNT)]
    assert [told["status"] for told in results] == ["done"] * COUNT
    assert [told["seed"] for told in results] == list(range(1, COUNT + 1))
    assert "openjd_progress: 100.0" in (place / "farm.log").read_text()


@pytest.mark.skipif(not (find_spec("fastapi") and find_spec("uvicorn")), reason="fastapi or uvicorn is not installed")
def test_a_server_that_is_killed_under_load_loses_nothing(place: Path) -> None:
    begin(place, "server", 0.7, SERVER=f"http://127.0.0.1:{free_port()}")
    rows = [line.split(" ", 3) for line in (place / "asked.txt").read_text().splitlines()]
    assert [row[0] for row in rows] == [f"thing{n}.png" for n in range(COUNT)]
    assert {row[2] for row in rows} == {"done"} and all("text.txt" in row[3] for row in rows)
    jobs = {path.parent.name for path in (place / "home/server/jobs").glob("j*/order.json")}
    assert jobs == {row[1] for row in rows} and len(jobs) == COUNT, "one job an order, the second tries too"
    assert (place / "server.log").read_text().count('"started"') == 2


@pytest.mark.skipif(not find_spec("bpy"), reason="bpy is not installed")
def test_the_validator_says_what_is_wrong(place: Path, small_film: tuple[Path, Path]) -> None:
    said = begin(place, "rules", 0.0, ASSET=small_film[1].name)
    assert any(line.startswith(("fail", "warn")) for line in said.splitlines()), said


def test_the_page_names_every_variable_that_is_read() -> None:
    read_by = {
        name
        for path in (days.ROOT / "backend").rglob("*.py")
        for name in re.findall(r"\bGALATEA_[A-Z]+\b", path.read_text(encoding="utf-8"))
    }
    [table] = [part for part in days.PAGE.read_text().split("\n## ") if part.startswith(OWN)]
    assert {"GALATEA_HOME", "GALATEA_WEIGHTS"} < read_by == set(re.findall(r"\bGALATEA_[A-Z]+\b", table))
