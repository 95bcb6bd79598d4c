# SPDX-License-Identifier: GPL-3.0-or-later
"""A language model in a GGUF file, run by llama.cpp through the package xllamacpp (MIT) where it is installed.

llama.cpp keeps to the schema by a grammar that it makes of it. It runs in a thread, so that no cancel waits for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..protocol.errors import UserError

LOOK = 0.1
"""s between two signs of life."""
ROOM = 4096
"""Tokens that rules, examples and words may take."""


class Llama:
    """`say` answers messages with JSON of a schema, as `speaker.Speaker` does."""

    def __init__(self, path: Path, most: int, gpu: bool) -> None:
        try:
            import xllamacpp
        except ImportError:
            text = "A GGUF file needs the package xllamacpp (MIT, 34 MB), which is not installed here"
            raise UserError(
                f"{text}. Serve the file with `llama-server -m {path.name}` and take the parser server, choose a "
                "folder of transformers, or install xllamacpp into the full environment.",
                kind="weights",
            ) from None
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_ctx, params.n_parallel = ROOM + most, 1
        params.n_gpu_layers = -1 if gpu else 0
        params.verbosity, params.warmup = 0, False
        try:
            self._server = xllamacpp.Server(params)
        except Exception as error:  # whatever llama.cpp has against the file
            told = f"llama.cpp cannot load {path.name} ({str(error)[:200]})"
            raise UserError(f"{told}. Choose another file.", kind="weights") from None

    def say(
        self, messages: list[dict[str, str]], schema: Mapping[str, Any], most: int, beat: Callable[[str, float], None]
    ) -> str:
        said: list[str] = []
        wrong: list[str] = []
        stop, ended = threading.Event(), threading.Event()

        def heard(part: Any) -> bool:
            try:
                said.append(part["choices"][0]["delta"].get("content") or "")
            except (KeyError, IndexError, TypeError, AttributeError):
                wrong.append(str(part)[:300])
            return stop.is_set()

        def work() -> None:
            form = {"type": "json_schema", "json_schema": {"name": "scene", "schema": dict(schema)}}
            order = {"messages": messages, "max_tokens": most, "temperature": 0, "stream": True}
            try:
                self._server.handle_chat_completions({**order, "response_format": form}, heard)
            except Exception as error:  # it has no kinds of its own
                wrong.append(str(error)[:300])
            finally:
                ended.set()

        threading.Thread(target=work, daemon=True).start()
        try:
            while not ended.wait(LOOK):
                beat("Writing the scene" if any(said) else "Reading the words", min(len(said) / most, 1.0))
        finally:
            stop.set()
        if not any(said):
            text = f"llama.cpp gave no answer ({wrong[0] if wrong else 'it does not say why'})"
            raise UserError(f"{text}. Choose another model.", kind="backend")
        return "".join(said)
