# SPDX-License-Identifier: GPL-3.0-or-later
"""What a spec says about weights and memory survives the catalogue, and nonsense does not get in."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from galatea.backend.protocol.catalog import bundled
from galatea.backend.protocol.spec import BackendSpec, File, Param, Weights

ROOT = Path(__file__).resolve().parents[2]
COMMIT = "5b521936b01fbe1890f6f9baed0254ab6351c04a"


def weights(**more: Any) -> Weights:
    files = (File("unet/model.safetensors", 5), File("config.yaml", 7, "0" * 64))
    given = {"repository": "maker/model", "revision": COMMIT, "files": files, "license": "MIT", "page": "https://x.org"}
    return Weights(**{**given, **more})


def test_a_spec_survives_json() -> None:
    spec = BackendSpec(
        "demo", "Demo", "check", "", params=(Param("weights", "weights", "", ""),), weights=(weights(), weights()),
        memory=(("fp16", 8.0), ("int8+chunks+offload", 2.5)), territory="not in the EU",
    )  # fmt: skip
    assert BackendSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
    assert spec.weights[0].size == 12


@pytest.mark.parametrize(
    ("param", "says"),
    [
        (Param("n", "whole", 1, ""), "demo.n: no kind 'whole', there are int, float"),
        (Param("how many", "int", 1, ""), "'how many' is no name"),
        (Param("n", "int", 1000, "", low=3, high=512), "demo.n takes 3 to 512, not 1000"),
        (Param("n", "int", "7", ""), "demo.n: '7'"),
        (Param("n", "str", 7, ""), "demo.n: 7"),
        (Param("n", "choice", "a", ""), "demo.n: 'a' and ()"),
        (Param("n", "choice", "c", "", choices=("a", "b")), "demo.n takes one of a, b, not 'c'"),
    ],
    ids=lambda each: each.kind if isinstance(each, Param) else "",
)
def test_a_parameter_that_no_panel_could_show_is_refused(param: Param, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        BackendSpec("demo", "Demo", "check", "", params=(param,))


@pytest.mark.parametrize("way", ["fp64", "fp16+magic", "chunks", "fp16, chunks"])
def test_an_unknown_way_is_refused(way: str) -> None:
    with pytest.raises(ValueError, match="is not one of"):
        BackendSpec("demo", "Demo", "check", "", memory=((way, 1.0),))


def test_the_seed_matters_to_a_choice_that_there_is() -> None:
    with pytest.raises(ValueError, match="seeded is one of"):
        BackendSpec("demo", "Demo", "check", "", seeded="mode=b")


@pytest.mark.parametrize("step", sorted(bundled()))
def test_a_step_reads_the_seed_exactly_where_its_spec_says_so(step: str) -> None:
    folder = "addon/scene" if bundled()[step].runtime == "blender" else "backend/backends"
    text = (ROOT / folder / f"{step}.py").read_text(encoding="utf-8")
    shared = [ROOT / "backend" / f"{name}.py" for name in re.findall(r"from \.\.(\w+) import", text)]
    texts = [text, *(path.read_text(encoding="utf-8") for path in shared if path.is_file())]
    reads = any(re.search(r"\b(request|work)\.seed\b", each) for each in texts)
    assert reads == (bundled()[step].seeded != "never")


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../b", "", "a\\b", ".hidden", "a//b", "C:x", "a\n"])
def test_a_file_stays_in_its_folder(name: str) -> None:
    with pytest.raises(ValueError, match="is no path below a folder"):
        File(name, 1)


@pytest.mark.parametrize(
    "wrong", [{"repository": "model"}, {"repository": "../model"}, {"repository": "a/b/c"}, {"revision": "../x"}]
)
def test_a_repository_is_owner_and_name(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="is no repository"):
        weights(**wrong)


def test_a_hash_is_a_hash() -> None:
    with pytest.raises(ValueError, match="is no sha256"):
        File("a", 1, "deadbeef")


@pytest.mark.parametrize(
    ("license", "gated", "free"),
    [
        ("MIT", False, True), ("apache-2.0", False, True), ("GPL-3.0-or-later", False, True), ("MIT", True, False),
        ("Stability AI Community", False, False), ("CC-BY-NC-4.0", False, False), ("openrail++", False, False),
        ("unknown", False, False), ("", False, False),
    ],
)  # fmt: skip
def test_what_is_free(license: str, gated: bool, free: bool) -> None:
    made = weights(license=license, gated=gated)
    assert made.free is free
    assert BackendSpec("demo", "Demo", "check", "", weights=(made,)).free is free
    assert not BackendSpec("demo", "Demo", "check", "", weights=(made,), territory="not in the EU").free
