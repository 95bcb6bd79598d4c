# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from galatea.backend import env
from galatea.backend.env.intact import intact, site_packages
from galatea.backend.env.lock import Package
from galatea.backend.env.place import Place
from galatea.backend.protocol.event import Done, Progress, decode

from .conftest import PACKAGES, ROOT, Start

PATIENCE = 600
"""Seconds until what does not end is said to hang; the machine may be loaded."""
posix = pytest.mark.skipif(os.name == "nt", reason="signals are not Windows'")


def until(process: subprocess.Popen[str], phase: str) -> None:
    """Read events up to the first whose phase begins so."""
    assert process.stdout
    for line in process.stdout:
        event = decode(line)
        if isinstance(event, Progress) and event.phase.startswith(phase):
            return
    raise AssertionError(f"never came to {phase!r}: {process.stderr.read() if process.stderr else ''}")


def whole(home: Path) -> bool:
    site = site_packages(Place(home).venv)
    return site is not None and all(intact(site, Package(name, "1.0")) for name in PACKAGES)


def test_an_installation_ends_with_a_python_that_has_the_packages(start: Start, home: Path) -> None:
    assert env.python(home) is None
    out, err = (process := start("install", "--json")).communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    events = [decode(line) for line in out.splitlines()]
    fractions = [event.fraction for event in events if isinstance(event, Progress)]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert isinstance(events[-1], Done)
    python = env.python(home)
    assert python
    answer = subprocess.run(
        [python, "-c", "import galatea_tiny_b; print(galatea_tiny_b.NAME)"], capture_output=True, text=True
    )
    assert answer.stdout.strip() == "galatea_tiny_b"
    assert not (home / "env" / "cache").exists()
    assert not (home / "env" / "claim").exists()

    again = start("install", "--json")
    out, _ = again.communicate(timeout=PATIENCE)
    assert again.returncode == 0
    assert "Fetching" not in out, "what is installed is not installed again"

    data = python.parents[1].glob("lib/python3.*/site-packages/galatea_tiny_a/data.txt")
    next(data).write_text("y" * 1000)  # the same length: only the hash can tell
    assert not whole(home)
    mended = start("install", "--verify")
    mended.communicate(timeout=PATIENCE)
    assert mended.returncode == 0
    assert whole(home)

    status, _ = start("status", "--json").communicate(timeout=PATIENCE)
    assert json.loads(status)["state"] == "installed"
    start("remove").communicate(timeout=PATIENCE)
    assert not (home / "env").exists()
    assert env.python(home) is None
    assert list(home.iterdir()) == []


@posix
def test_killed_in_the_middle_it_does_not_count_and_the_next_run_completes_it(start: Start, begun: Path) -> None:
    process = start("install", "--json")
    until(process, f"Fetching {PACKAGES[1].replace('_', '-')}")
    process.kill()
    process.wait()
    assert env.python(begun) is None
    assert Place(begun).state() == "incomplete"
    assert _quiet(begun), f"pip outlived the installer: {_processes_in(begun)}"

    site = site_packages(Place(begun).venv)
    assert site
    first = site / PACKAGES[0]
    (first / "data.txt").write_bytes(b"")  # as if the power had gone before the disk had it
    record = site / f"{PACKAGES[2]}-1.0.dist-info"
    record.mkdir(exist_ok=True)  # as if pip had died before it wrote what it wrote
    (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {PACKAGES[2]}\nVersion: 1.0\n")

    again = start("install")
    _, err = again.communicate(timeout=PATIENCE)
    assert again.returncode == 0, err
    assert "Making the environment" not in err, "the venv was whole and is used again"
    assert whole(begun)
    assert env.python(begun)


def _quiet(home: Path, seconds: float = 1.0, patience: float = PATIENCE) -> bool:
    """True once none has been seen for so long: a process that was being started is seen only when it runs."""
    began = seen = time.monotonic()
    while (now := time.monotonic()) - seen < seconds and now - began < patience:
        if _processes_in(home):
            seen = now
        time.sleep(0.02)
    return now - seen >= seconds


def _processes_in(home: Path) -> list[str]:
    """Of the environment's Python, by their command lines."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if line.startswith(str(home / "env")):
            found.append(line)
    return found


@posix
def test_sigterm_cancels(start: Start, begun: Path) -> None:
    process = start("install", "--json")
    until(process, "Fetching")
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "Cancelled" in err
    assert env.python(begun) is None
    assert not (begun / "env" / "claim").exists()


def test_what_fails_its_closing_test_does_not_count(start: Start, begun: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("raise RuntimeError('no such driver')")
    process = start("install", "--smoke", str(bad))
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 8
    assert "no such driver" in err
    assert env.python(begun) is None
    assert Place(begun).state() == "incomplete"


def test_offline_is_refused(home: Path) -> None:
    command = [sys.executable, "-P", str(ROOT / "backend"), "env", "install"]
    environment = {**os.environ, "GALATEA_HOME": str(home), "GALATEA_OFFLINE": "1"}
    run = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert run.returncode == 10
    assert "offline" in run.stderr
    assert not home.exists()


def test_a_missing_package_says_which_and_what_to_do(start: Start, shelf: Path, begun: Path, tmp_path: Path) -> None:
    lock = tmp_path / "more.txt"
    lock.write_text("galatea-tiny-none==1.0\n" + (shelf / "tiny.txt").read_text())
    process = start("install", lock=lock)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 8
    assert "galatea-tiny-none==1.0" in err
    assert env.python(begun) is None


def test_two_at_once_are_refused(start: Start, home: Path) -> None:
    (home / "env").mkdir(parents=True)
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    try:
        (home / "env" / "claim").write_text(str(sleeper.pid))
        process = start("install")
        _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 8
        assert str(sleeper.pid) in err
        sleeper.kill()
        while Place(home).installer():  # killed and not yet waited for, it is a zombie: it installs nothing more
            time.sleep(0.05)
    finally:
        sleeper.kill()
        sleeper.wait()
