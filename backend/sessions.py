# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks run by onnxruntime: on a GPU where its wheel has a provider for one that starts, else on the CPU.

On the CPU the same model and inputs give the same bits. A GPU is quicker, and off by a little.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

GPUS = {"CUDAExecutionProvider": "cuda", "DmlExecutionProvider": "directml", "CoreMLExecutionProvider": "coreml"}
"""Providers in the order in which they are tried, and what each is called in a result."""
CPU = "CPUExecutionProvider"

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before onnxruntime is imported: its wheels report their use to Microsoft


class Session:
    """A model, given as a path or as bytes, ready to run. `log` is told where a GPU had to be given up."""

    def __init__(self, model: str | bytes, log: Callable[[str], None]) -> None:
        import onnxruntime

        self._model, self._log = model, log
        onnxruntime.set_default_logger_severity(4)
        there = onnxruntime.get_available_providers()
        provider = next((name for name in GPUS if name in there), CPU)
        if provider != CPU:
            try:
                self._open(provider)
                return
            except Exception as error:  # drivers fail in many ways, and none of them is the user's fault
                self._give_up(provider, error)
        self._open(CPU)

    def run(self, outputs: Sequence[str], feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """The named outputs; once more on the CPU where a GPU fails in the middle, unless it was given several at once:
        then whoever asks may ask for fewer, for the reason is most often its memory."""
        try:
            made = self._session.run(outputs, feeds)
        except Exception as error:
            if self.device == "cpu" or any(len(each) > 1 for each in feeds.values()):
                raise
            self._give_up(self._session.get_providers()[0], error)
            self._open(CPU)
            made = self._session.run(outputs, feeds)
        return list(made)

    def _open(self, provider: str) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.use_deterministic_compute = True
        options.intra_op_num_threads = threads()
        options.enable_mem_pattern = provider != "DmlExecutionProvider"  # which has none
        wanted = [provider] if provider == CPU else [provider, CPU]
        session = onnxruntime.InferenceSession(self._model, options, providers=wanted, enable_fallback=0)
        if session.get_providers()[0] != provider:  # it was left out without a word
            raise RuntimeError("it did not start")
        self._session = session
        self.device = GPUS.get(provider, "cpu")
        self.inputs = [one.name for one in session.get_inputs()]
        self.outputs = [one.name for one in session.get_outputs()]

    def _give_up(self, provider: str, error: Exception) -> None:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        self._log(f"{GPUS[provider]} does not work here ({reason[0][:200]}); the CPU takes over.")


def threads() -> int:
    """As many as the cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows
        return os.cpu_count() or 1
