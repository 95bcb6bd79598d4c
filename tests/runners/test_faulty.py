# SPDX-License-Identifier: GPL-3.0-or-later
"""A step of the user's own that fails says where to mend it, with the line where there is one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from galatea.backend.protocol import own
from galatea.backend.protocol.job import Request
from galatea.backend.protocol.spec import BackendSpec
from galatea.backend.protocol.store import JobStore
from galatea.backend.runners.inline import InlineRunner
from galatea.backend.worker.find import load

FAULTY = """from ..protocol.spec import BackendSpec
class Backend:
    spec = BackendSpec("faulty", "Faulty", "check", "", outputs=("text",))
    def run(self, request, params, report):
        {}
"""


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("[][3]", "IndexError: list index out of range", "line 5: [][3]"),
        ("pass", "RuntimeError: the step ended without its text: it asked report.file for none", "faulty.py."),
        (
            "report.file('mesh', 'a.npz')",
            "RuntimeError: the step ended without its text: it asked report.file for mesh",
            "faulty.py.",
        ),
    ],
)
def test_a_fault_of_a_step_of_the_users_own_is_told_with_its_line(
    store: JobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, message: str, hint: str
) -> None:
    monkeypatch.setenv("GALATEA_HOME", str(tmp_path / "home"))
    path = own.folder() / "faulty.py"
    path.parent.mkdir(parents=True)
    path.write_text(FAULTY.format(line))
    script = own.find("faulty")
    assert script
    own.trust(script, None)
    request = Request.of(BackendSpec("faulty", "Faulty", "check", "", outputs=("text",)))
    runner = InlineRunner(store, load)
    runner.submit(request)
    runner.poll()
    sys.modules.pop("galatea.backend.backends.faulty")
    failure = store.result(request.id).failure  # type: ignore[union-attr]
    assert failure and failure.message == message and hint in failure.hint
    assert str(path) in failure.hint
