# SPDX-License-Identifier: GPL-3.0-or-later
"""A gate as a script sees it: the report beside the mesh, exit code 9, and flags that mend what fell short."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import trimesh

from galatea.backend.protocol import gate
from galatea.backend.protocol.catalog import spec_of
from galatea.backend.protocol.errors import EXIT_CODES, UserError
from galatea.backend.protocol.recipe import PRESETS, Recipe, Step, load_recipe, names, parse_settings

from ..golden import zoo
from .processes import galatea

RECIPE = """
version = 1
name = "Mend"
inputs = ["model"]

[[step]]
do = "load"

[[step]]
do = "clean"
smooth = 0.0

[[step]]
do = "export"
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GALATEA_HOME", str(tmp_path / "home"))


@pytest.fixture
def bowl(tmp_path: Path) -> list[object]:
    """The arguments that mend an open mesh."""
    pytest.importorskip("bpy")
    (tmp_path / "mend.toml").write_text(RECIPE)
    trimesh.Trimesh(*zoo.bowl(), process=True).export(tmp_path / "bowl.ply")
    return ["run", tmp_path / "mend.toml", "--mesh", tmp_path / "bowl.ply", "--overwrite"]


def outcome(out: Path, name: str = "result.json") -> dict[str, Any]:
    data: dict[str, Any] = json.loads((out / name).read_text())
    return data


def test_a_mesh_that_falls_short_is_delivered_and_the_flags_mend_it(bowl: list[object], tmp_path: Path) -> None:
    own, out = tmp_path / "closed.toml", tmp_path / "out"
    own.write_text("version = 1\nname = 'Closed'\n[watertight]\nis = true\n[holes]\nmost = 0\n[faces]\nmost = 900\n")
    done = galatea(*bowl, "--out", out, "--gate", own)
    assert done.returncode == EXIT_CODES["gate"] == 9, done.stderr
    data = outcome(out)
    assert data["exit_code"] == 9 and data["error"]["kind"] == "gate" and data["status"] == "failed"
    assert "Closed" in data["error"]["message"] and "holes 1 (most 0)" in data["error"]["message"]
    assert data["error"]["message"] in done.stderr and data["error"]["hint"] in done.stderr
    assert {item["role"] for item in data["outputs"]} >= {"model", "report"}
    report = outcome(out, "mesh_report.json")
    assert report["gate"] == "Closed" and report["passed"] is False
    states = {row["name"]: row["state"] for row in report["rows"]}
    assert states["watertight"] == states["holes"] == "short" and states["faces"] == "ok"
    assert states["slivers"] == "free"
    short = data["stages"][-1]["metrics"]["short"]
    assert [row["name"] for row in short] == ["watertight", "holes"]

    flags = data["error"]["hint"].split()
    assert flags == ["--set", "clean.watertight=true"]
    done = galatea(*bowl, "--out", out, "--gate", own, *flags)
    assert done.returncode == 0, done.stderr
    assert outcome(out)["status"] == "done" and outcome(out, "mesh_report.json")["passed"] is True

    own.write_text(own.read_text().replace("900", "100"))
    done = galatea(*bowl, "--out", out, "--gate", own, *flags)
    assert done.returncode == 9, "another limit is another report"
    assert outcome(out)["error"]["hint"] == "--set clean.faces=100"
    assert [stage["cached"] for stage in outcome(out)["stages"]] == [True, True, True, False]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("version = 1\n[beauty]\nmost = 1\n", "nothing called 'beauty' is measured"),
        ("version = 1\n[faces]\nat_most = 1\n", "[faces] takes `least` and `most`"),
        ("version = 1\n[faces]\nmost = 'many'\n", "[faces] takes `least` and `most`"),
        ("version = 1\n[faces]\nmost = true\n", "[faces] takes `least` and `most`"),
        ("version = 1\n[watertight]\nis = 1\n", "[watertight] takes `least` and `most`"),
        ("version = 1\n[faces]\nmost = nan\n", "[faces] takes `least` and `most`"),
        ("version = 1\n[faces]\nleast = -1\n", "each a number from 0 on"),
        ("version = 1\n[faces]\n", "[faces] takes `least` and `most`"),
        ("version = 1\nfaces = 3\n", "[faces] takes `least` and `most`"),
        ("[faces]\nmost = 1\n", "has no `version = 1`"),
        ("no toml [", "Cannot read"),
    ],
)
def test_a_wrong_gate_is_refused_before_anything_runs(tmp_path: Path, text: str, says: str) -> None:
    own = tmp_path / "own.toml"
    own.write_text(text)
    photo = PRESETS / "examples" / "tree.png"
    done = galatea("generate", photo, "--out", tmp_path / "out", "--gate", own)
    assert done.returncode == 2 and says in done.stderr, done.stderr
    assert not (tmp_path / "out").exists()


def test_a_gate_that_is_not_there_and_a_recipe_without_a_mesh(tmp_path: Path) -> None:
    photo = PRESETS / "examples" / "tree.png"
    done = galatea("generate", photo, "--out", tmp_path / "out", "--gate", "museum")
    assert done.returncode == 2 and "There is no gate 'museum'" in done.stderr and "studio" in done.stderr
    done = galatea("generate", photo, "--out", tmp_path / "out", "--gate", tmp_path / "none.toml")
    assert done.returncode == 2 and "There is no file" in done.stderr
    (tmp_path / "fake.toml").write_text("version = 1\nname = 'x'\ninputs = []\n[[step]]\ndo = 'fake'\n")
    done = galatea("run", tmp_path / "fake.toml", "--out", tmp_path / "out", "--gate", "game")
    assert done.returncode == 2 and "--gate is for a mesh" in done.stderr


def test_the_presets_are_sound_and_their_fixes_are_flags_that_there_are() -> None:
    assert {"studio", "game", "print"} <= set(names("gates"))
    steps: dict[str, dict[str, Any]] = {step: {} for step in ("load", "clean", "unwrap", "bake")}
    for name in names("gates"):
        wanted = gate.Gate.load(PRESETS / "gates" / f"{name}.toml")
        rows = wanted.rows({}, steps)
        assert all(row["state"] == ("short" if row["limit"] else "free") for row in rows), "what is not known is short"
        for row in rows:
            if row["limit"] and row["name"] != "loose":
                flags = row["fix"].replace("--set ", "").split()
                parse_settings(flags)  # refuses unknown steps, parameters and values
                assert all(spec_of(flag.partition(".")[0]).runtime == "blender" for flag in flags)
    assert (
        "Scale the object" in gate.Gate("x", {"size_m": {"least": 1}}).rows({"size_m": 0.1}, {"bring": {}})[-1]["fix"]
    )


def test_rows_keep_to_the_limits() -> None:
    wanted = gate.Gate("x", {"size_m": {"least": 1, "most": 2}, "watertight": {"is": True}})

    def states(**values: Any) -> dict[str, str]:
        return {row["name"]: row["state"] for row in wanted.rows(values, {}) if row["limit"]}

    assert states(size_m=1, watertight=True) == {"size_m": "ok", "watertight": "ok"}
    assert states(size_m=2.1, watertight=False) == {"size_m": "short", "watertight": "short"}
    row = wanted.rows({"size_m": 2.1}, {"load": {"size_m": 0.0}})[-1]
    assert row["fix"] == "--set load.size_m=2", "the limit that is not met is the one to set"
    assert gate.short([row]) == "size_m 2.1 (least 1, most 2)"


def test_a_limit_itself_is_within_and_what_cannot_be_measured_counts_where_it_must(tmp_path: Path) -> None:
    (tmp_path / "house.toml").write_text("version = 1\n[faces]\nmost = 10\n[colour_error]\nmost = 0.5\n")
    wanted = gate.Gate.load(tmp_path / "house.toml")
    assert wanted.name == "house"

    def states(**values: Any) -> dict[str, str]:
        return {row["name"]: row["state"] for row in wanted.rows(values, {}) if row["name"] in wanted.limits}

    assert states(faces=10, colour_error=0.5) == {"faces": "ok", "colour_error": "ok"}
    assert states(colour_error=0.6) == {"faces": "short", "colour_error": "short"}
    assert states() == {"faces": "short", "colour_error": "free"}, "a mesh of the user's has no raw one beside it"
    rows = gate.Gate("x", {"watertight": {"is": True}, "slivers": {"most": 0.1 + 0.2}}).rows(
        {"watertight": False, "slivers": 0.1 + 0.7}, {}
    )
    said = gate.short([row for row in rows if row["state"] == "short"])
    assert said == "watertight false (is true); slivers 0.8 (most 0.3)"


def test_a_fix_of_several_flags_is_said_until_all_are_set() -> None:
    wanted = gate.Gate("x", {"texture_px": {"least": 2048}, "watertight": {"is": True}, "size_m": {"least": 2}})

    def fix(name: str, **steps: dict[str, Any]) -> str:
        [row] = [row for row in wanted.rows({"size_m": 1.0}, steps) if row["name"] == name]
        return str(row["fix"])

    both = "--set unwrap.size=2048 --set bake.size=2048"
    assert fix("texture_px", unwrap={"size": 2048}, bake={"size": 1024}) == both
    assert "as far as it can be" in fix("texture_px", unwrap={"size": 2048}, bake={"size": 2048})
    assert fix("texture_px", unwrap={}) == "Add the steps unwrap, bake and material before it."
    assert "as far as it can be" in fix("watertight", clean={"watertight": True})
    assert "as far as it can be" in fix("size_m", load={"size_m": 2.0})


def test_a_fix_is_not_what_was_done_already() -> None:
    wanted = gate.Gate("x", {"uv_overlap": {"most": 0.1}, "faces": {"most": 100}})

    def fixes(**steps: dict[str, Any]) -> list[str]:
        return [row["fix"] for row in wanted.rows({"uv_overlap": 0.2, "faces": 200}, steps) if row["limit"]]

    assert fixes(clean={"faces": 200}, unwrap={"method": "auto"}) == [
        "--set clean.faces=100",
        "--set unwrap.method=smart",
    ]
    assert fixes(clean={"faces": 100}, unwrap={"method": "smart"})[1] == "--set unwrap.method=xatlas"
    assert "as far as it can be" in fixes(clean={"faces": 100}, unwrap={})[0]
    assert fixes() == ["Add the step clean before it.", "Add the steps unwrap, bake and material before it."]


def test_a_recipe_reports_once() -> None:
    recipe = gate.gated(gate.gated(load_recipe("photo_to_mesh"), "game"), "studio")
    reports = [step for step in recipe.steps if step.do == "report"]
    assert recipe.steps[-1] == reports[0] and len(reports) == 1
    assert reports[0].params["gate"].endswith("studio.toml")
    with pytest.raises(UserError, match="There is no gate"):
        gate.gated(Recipe("x", (Step("load"),), ("model",)), "x")
