# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker keeps one model at a time, and lets go of it when Blender is to render on the same card."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from galatea.backend.protocol import own
from galatea.backend.protocol.catalog import catalog, spec_of
from galatea.backend.protocol.event import Done
from galatea.backend.protocol.job import Request
from galatea.backend.protocol.spec import BackendSpec
from galatea.backend.protocol.store import JobStore
from galatea.backend.runners.runtimes import Dispatch, Runtimes

BACKEND = """
import weakref
from ..protocol.spec import BackendSpec, Param


class Model:
    pass


def say(word):
    open({log!r}, "a").write(f"{{word}} {name}\\n")


class Backend:
    spec = BackendSpec(id={name!r}, label="", task="check", help="", runtime="full", outputs=("text",),
                       params=(Param("text", "str", "", ""),))

    def __init__(self):
        self.model = Model()
        say("made")
        weakref.finalize(self.model, say, "gone")

    def run(self, request, params, report):
        report.file("text", "text.txt").write_text("x")
"""


def test_one_model_at_a_time_and_none_while_blender_works(home: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    for name in ("one", "two"):
        path = own.folder() / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(BACKEND.format(log=str(log), name=name))
        script = own.find(name)
        assert script
        own.trust(script, BackendSpec(name, "", "check", "", runtime="full", outputs=("text",), params=_params()))
    catalog.cache_clear()
    python = Runtimes.here().bundled
    store = JobStore(home / "jobs")
    dispatch = Dispatch(store, Runtimes(python, python, python))
    try:
        for step, text in (("one", "a"), ("one", "b"), ("two", "a"), ("one", "c")):
            _finish(dispatch, Request.of(spec_of(step), {}, {"text": text}))
        assert log.read_text().splitlines() == ["made one", "gone one", "made two", "gone two", "made one"]
        scene = tmp_path / "scene.blend"
        scene.write_bytes(b"x")
        _finish(dispatch, Request.of(spec_of("export"), {"scene": scene}))  # fails: it is no Blender; it was asked
        end = time.monotonic() + 300
        while log.read_text().splitlines()[5:] != ["gone one"]:
            assert time.monotonic() < end
            time.sleep(0.02)
        _finish(dispatch, Request.of(spec_of("one"), {}, {"text": "d"}))
        assert log.read_text().splitlines()[6:] == ["made one"]
        waits, blender = Request.of(spec_of("one"), {}, {"text": "e"}), tmp_path / "other.blend"
        blender.write_bytes(b"y")
        dispatch.submit(waits)
        dispatch.submit(Request.of(spec_of("export"), {"scene": blender}))
        _finish(dispatch, waits)
        _finish(dispatch, Request.of(spec_of("one"), {}, {"text": "f"}))
        assert log.read_text().splitlines()[7:] == [], "what is wanted at once is not let go"
    finally:
        dispatch.close()


def _params() -> tuple[Any, ...]:
    from galatea.backend.protocol.spec import Param

    return (Param("text", "str", "", ""),)


def _finish(dispatch: Dispatch, request: Request) -> None:
    dispatch.submit(request)
    end = time.monotonic() + 300
    while not any(isinstance(event, Done) and event.job == request.id for event in dispatch.poll()):
        assert time.monotonic() < end
        time.sleep(0.01)
