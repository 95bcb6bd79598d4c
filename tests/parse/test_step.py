# SPDX-License-Identifier: GPL-3.0-or-later
"""The step that reads words, as a worker runs it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from galatea.backend.backends.scene_grammar import Backend
from galatea.backend.protocol import scene
from galatea.backend.protocol.catalog import spec_of
from galatea.backend.protocol.job import Request, Result
from galatea.backend.protocol.store import JobStore
from galatea.backend.worker.execute import execute


def run(store: JobStore, seed: int = 0, **params: Any) -> Result:
    request = Request.of(Backend.spec, {}, params, seed=seed)
    store.add(request)
    return execute(store, request.id, lambda step: Backend(), lambda event: None)


def test_the_catalogue_knows_it() -> None:
    assert spec_of("scene_grammar") == Backend.spec


def test_words_become_a_document_that_is_valid(store: JobStore) -> None:
    result = run(store, 5, prompt="Three frobnicated balls fall onto a table.")
    spec = scene.read(store.file(result, "spec"))
    assert [each.name for each in spec.objects] == ["ball", "table"]
    assert (spec.seed, spec.parser) == (5, "scene_grammar")
    assert json.loads(spec.dumps())["objects"][0]["count"] == 3
    assert any("frobnicated" in told for told in result.warnings), "what it could not place is told"
    assert any("m up" in told for told in result.warnings) and len(set(result.warnings)) == len(result.warnings)


@pytest.mark.parametrize("words", ("", "   ", "Drei Kugeln fallen auf den Tisch"))
def test_bad_words_fail_with_what_to_do(store: JobStore, words: str) -> None:
    result = run(store, prompt=words)
    assert result.failure is not None
    assert result.failure.kind == "usage"
