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
        (Param("n", "int", None, ""), "demo.n takes int, not None"),
        (Param("n", "str", 7, ""), "demo.n: 7"),
        (Param("n", "choice", "a", ""), "demo.n: 'a' and ()"),
        (Param("n", "choice", "c", "", choices=("a", "b")), "demo.n takes one of a, b, not 'c'"),
        (Param("_n", "int", 1, ""), "'_n' is no name"),
        (Param("größe", "int", 1, ""), "'größe' is no name"),
        (Param("class", "int", 1, ""), "'class' is no name"),
        (Param("n" * 64, "int", 1, ""), "is no name"),
        (Param("n", "int", 1, None), "demo.n: help is a text, and None is none"),  # type: ignore[arg-type]
        (Param("n", "float", 1.0, "", unit=5), "demo.n: unit is a text, and 5 is none"),  # type: ignore[arg-type]
        (Param("n", "int", 2**31, ""), "demo.n: a whole number is at most 2147483647"),
        (Param("n", "int", 1, "", low=-(2**40)), "demo.n: a whole number is at most 2147483647"),
        (Param("n", "int", 5, "", low="3"), "demo.n: low and high are numbers, and '3' is none"),  # type: ignore[arg-type]
        (Param("n", "int", 5, "", low=9, high=3), "demo.n: low is 9, above high, which is 3"),
        (Param("n", "choice", "a", "", choices=("abc")), 'choices=("one",)'),  # type: ignore[arg-type]
        (Param("n", "choice", "", "", choices=("", "a")), 'choices=("one",)'),
    ],
    ids=lambda each: each.kind if isinstance(each, Param) else "",
)
def test_a_parameter_that_no_panel_could_show_is_refused(param: Param, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        BackendSpec("demo", "Demo", "check", "", params=(param,))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"id": "My model"}, "'My model' is no id"),
        ({"id": "m" * 48}, "is no id"),
        ({"label": None}, "demo: label is a text"),
        ({"inputs": "cutout"}, "demo: inputs is a row, of one too: inputs=(one,)"),
        ({"params": Param("n", "int", 1, "")}, "demo: params is a row"),
        ({"params": ({"name": "n"},)}, "demo: params is a row of Param: params=(Param(...),)"),
        ({"weights": ("maker/model",)}, "demo: weights is a row of Weights: weights=(Weights(...),)"),
        ({"memory": 4.0}, "demo: memory is a row"),
        ({"memory": ("fp16", 2.0)}, 'demo: memory is a row of pairs: memory=(("fp16", 2.2),)'),
        ({"memory": (("fp16", "two"),)}, "demo: memory is a row of pairs"),
        ({"memory": (("fp16", -1.0),)}, "demo: memory is a row of pairs"),
        ({"inputs": (1,)}, 'demo: inputs is a row of names: inputs=("mesh",)'),
        ({"outputs": ("mesh", 2)}, "demo: outputs is a row of names"),
        ({"optional": (None,)}, "demo: optional is a row of names"),
        ({"territory": 5}, "demo: territory is a text"),
        ({"version": "2"}, "demo: version is a whole number from 1 on, and '2' is none"),
        ({"batch": 0}, "demo: batch is a whole number from 1 on, and 0 is none"),
        ({"params": (Param("n", "int", 1, ""), Param("n", "int", 2, ""))}, "demo has two parameters of one name"),
    ],
    ids=lambda each: "-".join(each) if isinstance(each, dict) else "",
)
def test_a_spec_that_no_panel_could_show_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        BackendSpec(**{"id": "demo", "label": "Demo", "task": "check", "help": "", **given})


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
