# SPDX-License-Identifier: GPL-3.0-or-later
"""Words to a scene by a language model behind an OpenAI-compatible endpoint: Ollama, llama.cpp, vLLM, a cloud.

POST /chat/completions with the scene's schema as structured output; a server that knows no schema is asked for any
JSON, then for plain text, and what it says is proved in the same way. GET /models where no model is named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..protocol.errors import UserError
from ..protocol.spec import BackendSpec, Param

if TYPE_CHECKING:
    from ..protocol.job import Request
    from ..remote import Clock, Server
    from ..worker.report import Report

START = "Start one (`ollama serve`, `llama-server -m MODEL`, `vllm serve MODEL`)"
ASKED, MENDED = 0.1, 0.6
"""Shares of the whole when the model is asked, and asked again."""
MOST_ANSWER = 4 << 20
"""bytes"""
BUSY = (408, 425, 429, 500, 502, 503, 504)
UNKNOWN = (400, 415, 422, 501)
"""Statuses of servers that do not know a field of the order."""
LONGEST_REST = 30.0
"""s between two tries."""
WAYS = ("schema", "json", "text", "bare")
"""How the form of the answer is asked for, the surest first; bare is model and messages alone."""


class Backend:
    spec = BackendSpec(
        id="scene_server",
        label="Language model (server)",
        task="words-to-scene",
        help="Reads the words by a language model on a server that you run or pay: any OpenAI-compatible endpoint. "
        "The words leave this machine when the server is on another one.",
        license="unknown: as the model's publisher and the server's owner say",
        outputs=("spec",),
        params=(
            Param("prompt", "str", "", "What the scene is: three rubber balls fall onto a wooden staircase"),
            Param("url", "str", "http://127.0.0.1:11434/v1", "Where the server listens, up to /v1"),
            Param("model", "str", "", "Its name there. Empty: the only one that the server has"),
            Param("retries", "int", 2, "Tries more where the server is busy or breaks off", low=0, high=10),
            Param("max_tokens", "int", 4096, "Longest answer", low=64, high=65536),
            Param("connect_s", "float", 10.0, "Give up when nobody answers for so long", low=0.1, high=600, unit="s"),
            Param("stall_s", "float", 60.0, "Give up when it is silent in its answer", low=0.1, high=3600, unit="s"),
            Param("wait_s", "float", 300.0, "Give up when no answer begins for so long", low=0.1, high=3600, unit="s"),
        ),
    )

    def run(self, request: Request, params: dict[str, Any], report: Report) -> None:
        from .. import asking
        from ..remote import Clock, Server

        words = asking.asked(params["prompt"])
        report.progress("Reading the words", 0.0)
        server = Server(self.spec.id, START, params, report, sent="prompt")
        clock = Clock(report, f"{server.name} reads the words", ASKED)
        model = params["model"].strip() or _only(server, clock)
        talk = _Talk(server, model, request.seed, params, clock, report)
        spec, mended = asking.ask(words, talk, step=self.spec.id, who=f"{self.spec.id}: {model}", seed=request.seed)
        asking.hand_on(spec, mended, report)
        report.metric("model", model)
        report.metric("way", talk.way)


class _Talk:
    """A conversation's next words, asked in the surest way that this server knows."""

    def __init__(
        self, server: Server, model: str, seed: int, params: dict[str, Any], clock: Clock, report: Report
    ) -> None:
        self._server, self._model, self._seed, self._params = server, model, seed, params
        self._clock, self._report, self._ways = clock, report, list(WAYS)

    @property
    def way(self) -> str:
        return self._ways[0]

    def __call__(self, messages: list[dict[str, str]]) -> str:
        from ..remote import Refused

        while True:
            try:
                answer = self._patiently(messages)
            except Refused as refused:
                if refused.status not in UNKNOWN or len(self._ways) == 1:
                    raise
                self._report.log(f"{self._server.name} does not know the way {self.way!r} ({refused}).")
                del self._ways[0]
                continue
            self._clock.fraction = MENDED
            return _said(self._server, answer)

    def _patiently(self, messages: list[dict[str, str]]) -> dict[str, Any]:
        import json

        from ..remote import Broke, Refused, rest

        body = json.dumps(self._order(messages)).encode()
        tries = self._params["retries"]
        for number in range(tries + 1):
            try:
                wait = self._params["wait_s"]
                return self._server.post_json("/chat/completions", body, self._clock, wait=wait, most=MOST_ANSWER)
            except (Broke, Refused) as error:
                busy = isinstance(error, Broke) or error.status in BUSY
                if number == tries or not busy:
                    raise
                later = getattr(error, "later", 0.0) or 2.0**number / 2
                self._report.log(f"{error} Trying again.")
                rest(min(later, LONGEST_REST), self._clock)
        raise AssertionError("unreachable")

    def _order(self, messages: list[dict[str, str]]) -> dict[str, Any]:
        from .. import asking

        order: dict[str, Any] = {"model": self._model, "messages": messages}
        if self.way == "bare":
            return order
        order |= {"temperature": 0, "seed": self._seed % 2**31, "max_tokens": self._params["max_tokens"]}
        if self.way == "schema":
            form = {"name": "scene", "strict": False, "schema": asking.form()}
            order["response_format"] = {"type": "json_schema", "json_schema": form}
        elif self.way == "json":
            order["response_format"] = {"type": "json_object"}
        return order


def _said(server: Server, answer: dict[str, Any]) -> str:
    """The text of the first choice."""
    try:
        choice = answer["choices"][0]
        said = choice["message"].get("content")
        if isinstance(said, list):
            said = "".join(str(part.get("text", "")) for part in said)
        refusal = choice["message"].get("refusal")
    except (KeyError, IndexError, TypeError, AttributeError):
        told = server.masked(str(answer.get("error") or "it does not say why"))[:200]
        raise server.strange(f"no choices ({told})") from None
    if refusal:
        text = f"The model at {server.name} declines: {server.masked(str(refusal))[:300]!r}. Say it in other words."
        raise UserError(text, kind="backend")
    return server.masked(said) if isinstance(said, str) else ""


def _only(server: Server, clock: Clock) -> str:
    """The name of the one model that the server has."""
    rows = server.get_json("/models", clock, most=MOST_ANSWER).get("data")
    names = [str(row.get("id", ""))[:100] for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    if len(names) == 1:
        return names[0]
    has = f"It has {', '.join(names[:12])}{' …' if len(names) > 12 else ''}." if names else "It has none yet."
    raise UserError(f"Name the model that {server.name} shall use: scene_server.model. {has}", kind="usage")
