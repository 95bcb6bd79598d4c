# SPDX-License-Identifier: GPL-3.0-or-later
"""The OpenAPI document is true: Schemathesis asks a real server what it says, and what it says nothing of."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from galatea.backend.server.tasks import TASKS
from galatea.backend.server.tokens import Tokens

from .conftest import Serving

CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
    "response_headers_conformance", "negative_data_rejection", "unsupported_method",
)  # fmt: skip
EXAMPLES = 6
# without `ignored_auth`: so many wrong tokens are soon answered by 429; test_serve.py looks at tokens


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Serving, str]]:
    home = tmp_path_factory.mktemp("home")
    token = Tokens(home / "server/tokens.json").add("tester")
    nobody = {"GALATEA_BLENDER": "/bin/false"}  # orders are taken, and their scenes end at once
    serving = Serving(home, "--rate", "100000", "--most-jobs", "100000", **nobody).start()
    yield serving, token
    serving.close()


def test_every_task_and_every_refusal_is_told(asked: tuple[Serving, str]) -> None:
    serving, _ = asked
    told = serving.json("GET", "/openapi.json")
    assert {f"/v1/{task.name}" for task in TASKS} <= set(told["paths"])
    for path, ways in told["paths"].items():
        for method, operation in ways.items():
            if path.startswith("/v1"):
                assert {"401", "429"} <= set(operation["responses"]), f"{method} {path}"
                assert operation["security"], f"{method} {path}"
    order = told["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert order["additionalProperties"] is False and "out" not in order["properties"]


def test_schemathesis_finds_nothing(asked: tuple[Serving, str], tmp_path: Path) -> None:
    pytest.importorskip("schemathesis")
    serving, token = asked
    program = Path(sys.executable).with_name("schemathesis")
    done = subprocess.run(
        [
            program, "run", f"{serving.url}/openapi.json", "-H", f"Authorization: Bearer {token}", "--checks",
            ",".join(CHECKS), "--max-examples", str(EXAMPLES), "--phases", "examples,coverage,fuzzing", "--seed", "7",
            "--exclude-path-regex", "/events$", "--request-timeout", "300", "--no-color",
            "--generation-database", "none",
        ],
        capture_output=True, text=True, cwd=tmp_path, timeout=3000,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-1000:]


def test_what_lacks_its_weights_is_not_ready_and_an_order_of_it_is_refused_at_once(asked: tuple[Serving, str]) -> None:
    serving, token = asked
    offers = {
        each["recipe"]: each for task in serving.json("GET", "/v1", token=token)["tasks"] for each in task["recipes"]
    }
    assert offers["words_to_film"]["ready"] and not offers["words_to_mesh"]["ready"]
    assert "galatea models pull imagine" in offers["words_to_mesh"]["why"]
    refused = serving.json("POST", "/v1/text-to-3d", {"prompt": "a chair"}, token=token, expect=422)
    assert refused["error"]["kind"] == "weights"
