# SPDX-License-Identifier: GPL-3.0-or-later
"""Words to a scene by the grammar and lexicon of `backend/parse`: offline, the same every time, in milliseconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import roles
from ..protocol.errors import UserError
from ..protocol.spec import BackendSpec, Param

if TYPE_CHECKING:
    from ..protocol.job import Request
    from ..worker.report import Report


class Backend:
    spec = BackendSpec(
        id="scene_grammar",
        label="Grammar (offline)",
        task="words-to-scene",
        help="Reads what happens in a few English sentences, offline and in milliseconds. It tells what it could not "
        "place and what it assumed",
        version=4,
        outputs=("spec",),
        params=(
            Param("prompt", "str", "", "What happens, in English: three rubber balls fall onto a wooden staircase"),
        ),
    )

    def run(self, request: Request, params: dict[str, Any], report: Report) -> None:
        from ..parse.grammar import parse

        if not params["prompt"].strip():
            raise UserError("Say what happens: --set 'scene_grammar.prompt=a ball falls onto a table'.", kind="usage")
        report.progress("Reading", 0.0)
        roles.spec(parse(params["prompt"], seed=request.seed), report)
