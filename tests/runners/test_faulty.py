# SPDX-License-Identifier: GPL-3.0-or-later
"""A step of the user's own that fails says where to mend it, with the line where there is one."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from galatea.backend.protocol import own
from galatea.backend.protocol.catalog import catalog, spec_of
from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.job import Failure, Request
from galatea.backend.protocol.spec import BackendSpec
from galatea.backend.protocol.store import JobStore
from galatea.backend.runners.inline import InlineRunner
from galatea.backend.runners.local import LocalRunner
from galatea.backend.runners.runtimes import Runtimes
from galatea.backend.worker import execute
from galatea.backend.worker.find import load

FAULTY = """from ..protocol.spec import BackendSpec
class Backend:
    spec = BackendSpec("faulty", "Faulty", "check", "", outputs=("text",))
    def run(self, request, params, report):
        {}
"""
SPEC = BackendSpec("faulty", "Faulty", "check", "", outputs=("text",))


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Of the step, in a data folder of its own."""
    monkeypatch.setenv("GALATEA_HOME", str(tmp_path / "home"))
    own.folder().mkdir(parents=True)
    yield own.folder() / "faulty.py"
    catalog.cache_clear()


def failure(runner: LocalRunner | InlineRunner, store: JobStore, path: Path, line: str) -> Failure:
    """Of a step whose `run` is this line."""
    path.write_text(FAULTY.format(line))
    script = own.find("faulty")
    assert script
    own.trust(script, SPEC)
    catalog.cache_clear()
    request = Request.of(SPEC)
    runner.submit(request)
    end = time.monotonic() + 300
    while not (result := store.result(request.id)):
        assert time.monotonic() < end
        runner.poll()
    runner.close()
    assert result.failure
    return result.failure


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("[][3]", "IndexError: list index out of range", "line 5: [][3]"),
        ("raise SystemExit('no more')", "SystemExit: no more", "line 5: raise SystemExit"),
        ("report.metric('a', {1})", "TypeError: Object of type set is not JSON serializable", "line 5: report.metric"),
        ("pass", "RuntimeError: the step ended without its text: it asked report.file for none", "faulty.py."),
        (
            "report.file('mesh', 'a.npz')",
            "RuntimeError: the step ended without its text: it asked report.file for mesh",
            "faulty.py.",
        ),
    ],
)
def test_a_fault_of_a_step_of_the_users_own_is_told_with_its_line(
    store: JobStore, path: Path, line: str, message: str, hint: str
) -> None:
    found = failure(InlineRunner(store, load), store, path, line)
    sys.modules.pop("galatea.backend.backends.faulty")
    assert found.message == message and hint in found.hint and str(path) in found.hint


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        (
            "from galatea.backend.protocol import recipe; recipe.find('lights', 'rym')",
            "There is no light 'rym'.",
            "line 5:",
        ),
        ("from galatea.backend.protocol.errors import UserError; raise UserError('A crack.')", "A crack.", ""),
    ],
)
def test_what_ours_refuses_is_told_with_the_line_that_asked_and_what_the_step_refuses_with_none(
    store: JobStore, path: Path, line: str, message: str, hint: str
) -> None:
    found = failure(InlineRunner(store, load), store, path, line)
    sys.modules.pop("galatea.backend.backends.faulty")
    assert found.message.startswith(message) and hint in found.hint and bool(hint) == bool(found.hint)


def test_what_ours_does_not_like_is_told_with_the_step_of_the_users_own_that_it_came_through(
    store: JobStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = BackendSpec("faulty", "Faulty", "check", "", outputs=("cutout",))
    path.write_text(FAULTY.replace("text", "cutout").format("report.file('cutout', 'a.png').write_text('no picture')"))
    script = own.find("faulty")
    assert script
    own.trust(script, spec)
    catalog.cache_clear()
    runner, first = InlineRunner(store, load), Request.of(spec)
    runner.submit(first)
    runner.poll()
    made = store.result(first.id)
    assert made and not made.failure
    sys.modules.pop("galatea.backend.backends.faulty")

    def hint() -> str:
        request = Request.of(catalog()["relief"], {"cutout": store.folder(first.id) / made.assets[0].path})
        runner.submit(request)
        runner.poll()
        refused = store.result(request.id)
        assert refused and refused.failure and refused.failure.kind == "input"
        return refused.failure.hint

    assert hint() == f"What it was given came through {path}: look there first."
    (store.folder(first.id) / "request.json").write_text("{")
    assert hint() == "", "where that job is damaged nobody knows, and the failure is told all the same"
    monkeypatch.setattr(execute, "makers", lambda *_: ["faulty", "bring"])
    assert hint() == "", "ours took it and made something of it since"


def test_a_step_of_the_users_own_that_takes_its_process_along_is_named(store: JobStore, path: Path) -> None:
    runner = LocalRunner(store, Runtimes.here().bundled, name="bundled")
    found = failure(runner, store, path, "import os; os.abort()")
    assert "exit code -6" in found.message and f"The step is yours: {path}." in found.hint


def test_a_step_of_the_users_own_that_asks_the_keyboard_finds_nobody_there(store: JobStore, path: Path) -> None:
    found = failure(LocalRunner(store, Runtimes.here().bundled, name="bundled"), store, path, "input('go on?')")
    assert found.message == "EOFError: EOF when reading a line" and "line 5: input(" in found.hint


def test_what_was_trusted_while_a_program_runs_wants_it_started_anew(path: Path) -> None:
    assert "faulty" not in catalog()
    path.write_text(FAULTY.format("pass"))
    script = own.find("faulty")
    assert script
    own.trust(script, SPEC)
    with pytest.raises(UserError, match=r"faulty.py was trusted after this began\. Start it anew"):
        spec_of("faulty")


def test_a_metric_that_is_no_number_is_none_in_the_result(store: JobStore, path: Path) -> None:
    line = "report.metric('a', [1.0, float('nan')]); report.metric('b', float('inf')); 1 / 0"
    assert failure(InlineRunner(store, load), store, path, line).message.startswith("ZeroDivisionError")
    sys.modules.pop("galatea.backend.backends.faulty")
    [folder] = [each for each in store.root.iterdir() if each.name.startswith("faulty-")]
    text = (folder / "result.json").read_text()
    assert json.loads(text)["metrics"] == {"a": [1.0, None], "b": None} and "NaN" not in text
