# SPDX-License-Identifier: GPL-3.0-or-later
"""onnxruntime on what is there: a GPU that does not start or fails in the middle is told and leaves the CPU to it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from galatea.backend import sessions
from galatea.backend.backends import cutout

onnxruntime = pytest.importorskip("onnxruntime")

CUDA = "CUDAExecutionProvider"


def picture() -> dict[str, np.ndarray]:
    return {"input.1": np.random.default_rng(0).normal(size=(1, 3, 320, 320)).astype(np.float32)}


@pytest.fixture(scope="module")
def plain() -> np.ndarray:
    told: list[str] = []
    session = sessions.Session(cutout.weights(), told.append)
    assert session.device == "cpu" and not told and session.inputs == ["input.1"]
    return session.run(session.outputs[:1], picture())[0]


def test_nothing_is_kept_or_reported_by_the_library(tmp_path: Path) -> None:
    """Its wheels keep an id of the machine and what they will send in the user's cache."""
    code = "from galatea.backend import sessions; from galatea.backend.backends import cutout\n"
    code += "sessions.Session(cutout.weights(), print)"
    env = {name: value for name, value in os.environ.items() if name not in ("XDG_CACHE_HOME", "ORT_DISABLE_TELEMETRY")}
    env["HOME"] = str(tmp_path)
    subprocess.run([sys.executable, "-B", "-c", code], env=env, check=True)
    assert not list(tmp_path.rglob("*"))


def test_a_gpu_that_does_not_start_is_told_and_the_cpu_gives_the_same_bits(
    plain: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wheel here has no CUDA: it leaves the provider out without an error, as it does without its libraries."""
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA, sessions.CPU])
    told: list[str] = []
    with pytest.warns(UserWarning, match=CUDA):
        session = sessions.Session(cutout.weights(), told.append)
    assert session.device == "cpu" and len(told) == 1 and "cuda does not work here" in told[0]
    assert np.array_equal(session.run(session.outputs[:1], picture())[0], plain)


def test_a_gpu_that_fails_in_the_middle_leaves_its_work_to_the_cpu(
    plain: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, opened = onnxruntime.InferenceSession, list[list[str]]()

    class Driver:
        """A provider that starts and then runs out of memory."""

        def __init__(self, model: Any, options: Any, providers: list[str], **more: Any) -> None:
            opened.append(providers)
            self.fails = providers[0] == CUDA
            self.providers, self.real = providers, real(model, options, providers=[sessions.CPU])
            self.get_inputs, self.get_outputs = self.real.get_inputs, self.real.get_outputs

        def get_providers(self) -> list[str]:
            return self.providers

        def run(self, *given: Any) -> Any:
            if self.fails:
                raise RuntimeError("CUDA out of memory\nat node 7")
            return self.real.run(*given)

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA, sessions.CPU])
    monkeypatch.setattr(onnxruntime, "InferenceSession", Driver)
    told: list[str] = []
    session = sessions.Session(cutout.weights(), told.append)
    assert session.device == "cuda" and not told
    assert np.array_equal(session.run(session.outputs[:1], picture())[0], plain)
    assert session.device == "cpu" and opened == [[CUDA, sessions.CPU], [sessions.CPU]]
    assert told == ["cuda does not work here (CUDA out of memory); the CPU takes over."]


def test_what_the_cpu_cannot_do_is_raised() -> None:
    session = sessions.Session(cutout.weights(), lambda text: None)
    with pytest.raises(Exception, match="INVALID_ARGUMENT"):
        session.run(session.outputs[:1], {"input.1": np.zeros((1, 3, 8, 8), np.float64)})


def test_the_number_of_threads_changes_no_bit(plain: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    for count in (1, 3):
        monkeypatch.setattr(sessions, "threads", lambda count=count: count)
        session = sessions.Session(cutout.weights(), lambda text: None)
        assert np.array_equal(session.run(session.outputs[:1], picture())[0], plain)


def test_no_more_threads_than_the_process_may_use() -> None:
    assert 1 <= sessions.threads() <= (os.cpu_count() or 1)
