# SPDX-License-Identifier: GPL-3.0-or-later
"""compare: one photo, several models, one page. Real processes at small settings; the page's words by themselves."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from galatea.backend.cli import compare, main, page

from .processes import PATIENCE

pytest.importorskip("bpy")
PHOTO = Path(__file__).resolve().parents[2] / "presets" / "examples" / "earth.png"
SMALL = [
    *("lift.grid=48", "relief.grid=64", "clean.faces=1000", "unwrap.size=256", "bake.size=256"),
    *("views.size=48", "views.samples=1"),
]
BACKENDS = "lift,relief,triposr"


def command(out: Path, *more: str, backends: str = BACKENDS) -> list[str]:
    settings = [word for setting in SMALL for word in ("--set", setting)]
    words = ["compare", str(PHOTO), "--backends", backends, "--out", str(out), *settings, *more]
    return [sys.executable, "-m", "galatea.backend", *words]


def loaded(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(path.read_text())
    return data


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def data_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GALATEA_HOME", str(home))


@pytest.fixture(scope="module")
def done(home: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Two models that run here and one without its weights."""
    out = tmp_path_factory.mktemp("compared") / "é & 'two'"
    env = {**os.environ, "GALATEA_HOME": str(home), "GALATEA_OFFLINE": "1"}
    run = subprocess.run(command(out, "--keep", "--quiet"), env=env, capture_output=True, text=True, timeout=PATIENCE)
    return out, run


def test_what_fails_fails_alone_and_is_told(done: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    out, run = done
    assert run.returncode in (4, 8), run.stderr  # no weights; no torch where only the extension is installed
    data = loaded(out / "result.json")
    assert data["status"] == "failed" and data["exit_code"] == run.returncode
    states = {row["backend"]: row["state"] for row in data["backends"]}
    assert states == {"lift": "done", "relief": "done", "triposr": "failed"}
    assert data["backends"][-1]["backend"] == "triposr"
    assert data["error"]["message"] in run.stderr and "galatea: triposr: " in run.stderr
    assert {stage["step"] for stage in data["stages"]} >= {"lift", "relief", "views", "judge"}


def test_each_model_has_its_files_and_the_whole_its_page(done: tuple[Path, Any]) -> None:
    out, run = done
    data = loaded(out / "result.json")
    assert [item["path"] for item in data["outputs"]] == ["compare.html", "compare.json", "best.glb"]
    for item in data["outputs"]:
        assert (out / item["path"]).stat().st_size == item["size"] > 0
        assert str(out / item["path"]) in run.stdout
    for name in ("lift", "relief"):
        assert {"mesh.glb", "views.png", "view_7.png", "seen.png", "scores.json", "result.json"} <= {
            path.name for path in (out / name).iterdir()
        }
    assert {path.name for path in (out / "triposr").iterdir()} == {"job.json", "result.json"}, "not begun"


def test_the_best_is_first_and_kept(done: tuple[Path, Any]) -> None:
    out, _ = done
    table = loaded(out / "compare.json")
    rows = [row for row in table["backends"] if "score" in row]
    assert len(rows) == 2
    for row in rows:
        scores = loaded(out / row["folder"] / "scores.json")
        assert {name: row[name] for name in ("iou", "psnr", "lpips")} == {
            name: scores[name] for name in ("iou", "psnr", "lpips")
        }
        assert row["iou"] > 0.8 and row["watertight"] is True and row["faces"] == scores["mesh"]["faces"]
    assert rows[0]["iou"] - rows[0]["lpips"] >= rows[1]["iou"] - rows[1]["lpips"]
    assert table["best"] == rows[0]["backend"]
    assert (out / "best.glb").read_bytes() == (out / table["best"] / "mesh.glb").read_bytes()


def test_the_page_holds_its_pictures(done: tuple[Path, Any]) -> None:
    out, _ = done
    text = (out / "compare.html").read_text(encoding="utf-8")
    parsed = Page()
    parsed.feed(text)
    assert not parsed.open and len(parsed.images) == 4
    assert all(source.startswith("data:image/png;base64,") for source in parsed.images)
    assert not re.search(r"(src|href)=\"(?!data:)", text), "nothing beside it is needed"
    assert text.count("★ best") == 1 and text.index("★ best") < text.index("TripoSR")
    assert "prefers-color-scheme: dark" in text and compare.RULE.split(":")[0] in text


def test_the_second_time_all_comes_from_the_cache(done: tuple[Path, Any], tmp_path: Path) -> None:
    out = tmp_path / "again"
    run = subprocess.run(
        command(out, "--json", "--quiet", backends="relief,lift"), capture_output=True, text=True, timeout=PATIENCE
    )
    assert run.returncode == 0, run.stderr
    data = json.loads(run.stdout)
    assert data == loaded(out / "result.json") and data["status"] == "done"
    assert all(stage["cached"] for stage in data["stages"])
    assert not (out / "best.glb").exists()
    first = {row["backend"]: row["score"] for row in loaded(done[0] / "compare.json")["backends"] if "score" in row}
    assert {row["backend"]: row["score"] for row in data["backends"]} == first


def test_the_folder_of_another_comparison_is_not_touched(done: tuple[Path, Any], capsys: Any) -> None:
    out, _ = done
    before = (out / "result.json").read_bytes()
    assert main(["compare", str(PHOTO), "--backends", "relief", "--out", str(out)]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert (out / "result.json").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--backends", "lift,dance"], "There is no step 'dance'"),
        (["--backends", "lift,cutout"], "cutout makes no mesh of a photo. These do: "),
        (["--backends", " , "], "--backends takes the ids"),
        ([], "--backends"),
        (["--backends", "lift", "--set", "relief.grid=64"], "relief: it is not among --backends"),
        (["--backends", "lift", "--set", "lift.colour=1"], "no parameter 'colour'"),
        (["--backends", "lift", "--set", "film.samples=1"], "has no step 'film'"),
        (["--backends", "lift", "--seed", "-1"], "--seed takes"),
    ],
)
def test_wrong_usage_ends_with_2_and_makes_nothing(
    arguments: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", str(PHOTO), "--out", str(tmp_path / "x"), *arguments]) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_dry_run_tells_the_plan_of_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["compare", str(PHOTO), "--out", str(tmp_path / "x"), "--backends", "relief,lift", "--seed", "9"]
    assert main([*arguments, "--dry-run", "--json"]) == 0
    plans = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [plan["steps"][1]["step"] for plan in plans] == ["relief", "lift"]
    assert not (tmp_path / "x").exists()


def test_a_signal_ends_it_and_what_was_done_is_told(done: tuple[Path, Any], tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = command(out, "--set", "views.size=1024", "--set", "views.samples=256", backends="relief,lift")
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    while "Rendering view" not in (line := process.stderr.readline()):
        assert process.poll() is None, line
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 143
    data = loaded(out / "result.json")
    assert data["status"] == "cancelled" and data["exit_code"] == 143
    assert {row["state"] for row in data["backends"]} == {"cancelled"}
    assert "mesh.glb" in {path.name for path in (out / "relief").iterdir()}, "what was finished is delivered"
    assert "Cancelled" in (out / "compare.html").read_text()


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.images: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.images.append(dict(attrs)["src"] or "")
        elif tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_what_others_wrote_does_not_become_markup(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>\"'"
    error = {"kind": "backend", "message": evil, "hint": evil}
    failed = {"backend": "mine", "label": evil, "license": evil, "error": error, "folder": "mine", "files": {}}
    well = failed | {"error": None, "score": 0.5, "iou": 0.6, "watertight": False, "seconds": 1.0}
    text = page.of(evil, [well, failed], "rule", tmp_path)
    parsed = Page()
    parsed.feed(text)
    assert "<script" not in text and not parsed.open and "not closed" in text
