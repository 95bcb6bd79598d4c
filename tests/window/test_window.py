# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel in a real Blender with a window, by simulated clicks. `make test-window`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from galatea.backend.runners.local import CANCEL_GRACE_SECONDS

pytestmark = pytest.mark.window
MESH = ["cutout", "lift", "bring", "clean", "unwrap", "bake", "material"]


def colours(path: Path) -> int:
    Image = pytest.importorskip("PIL.Image")
    found = Image.open(path).convert("RGB").getcolors(1 << 24)
    return len(found or [])


def test_an_artists_first_hour(play: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"this is no picture")
    library = tmp_path / "library"
    library.mkdir()
    noted = play("walk", broken=str(tmp_path / "broken.png"), library=str(library), size="1280x720")
    assert {state for state, _ in noted["states"].values()} == {"done"}, noted["states"]
    assert set(noted["undo"]) >= {"generate", "rig", "drop", "asset", "show"} and not any(noted["undo"].values())
    assert noted["steps"] == MESH and noted["seen"] >= 5, "progress was seen while it ran"
    assert noted["name"] == "Subject" == noted["yesterday"].partition(".")[0] and noted["faces"] > 100
    assert noted["eye"][1] < -0.5, "what is shown is seen from its front"
    whole, cut = noted["tall"]
    assert cut < 0.95 * whole, "what was painted out of the mask is not in the mesh"
    assert noted["beside"] == noted["both"] and noted["whole"] == [True, True], "photo and mask side by side"
    assert noted["windows"] == 2, "no second window of one mask"
    assert noted["bones"] > 1 and noted["falls"][0] != noted["falls"][1], "another seed, another fall"
    before, during = noted["places"]
    assert before == during, "a job that starts moves nothing below the button"
    assert noted["cancelled"] == "cancelled"
    assert noted["cancel_seconds"] < CANCEL_GRACE_SECONDS + 30  # a hang, not a timing
    assert noted["trouble"].rstrip().endswith(".") and "Choose the image again" in noted["gone"]
    assert list(library.rglob("*.blend")), "it is in the asset library"
    assert not noted["timer"], "the timer rests when there is nothing to do"
    assert not noted["heavy"]
    slow = [seconds for at, seconds in noted.get("slow", []) if noted["click"] < at]
    assert max(slow, default=0.0) < 30, "the window froze"
    for name in ("running", "mesh", "mask", "rig", "drop", "film", "error", "yesterday", "asset"):
        assert colours(tmp_path / "out" / f"walk-{name}.png") > 100, "the picture is not empty"


def test_work_goes_on_while_a_job_runs(play: Callable[..., dict[str, Any]]) -> None:
    noted = play("meanwhile")
    assert noted["states"] == ["done", "done"]
    assert noted["held"], "the result waits for the end of edit mode"
    assert noted["came"] == ["Subject"]
    assert noted["other_file"] == [], "nothing goes into a file that it was not asked for in"
    assert noted["list_after_load"] == 2


def test_the_own_scene_is_rendered_paused_and_gone_on_with(play: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    noted = play("queue")
    assert noted["states"] == ["paused", "paused"] and 4 <= noted["paused"] < 30
    assert noted["state"] == "done" and noted["frames"] == 30, noted["failure"]
    assert noted["again"] == [], "no frame was rendered twice"
    assert noted["watched"] and noted["waiting"] == "paused"
    for name in ("rendering", "paused", "rendered"):
        assert colours(tmp_path / "out" / f"{name}.png") > 100, "the picture is not empty"


def test_pictures_are_painted_chosen_and_models_compared(
    play: Callable[..., dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This Python is the full environment; a tiny pipeline of the real classes paints."""
    pytest.importorskip("diffusers")
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[1] / "backends"))
    import tiny

    tiny.draughtsman().save_pretrained(tmp_path / "painter")
    noted = play("gallery", weights=str(tmp_path / "painter"), python=sys.executable)
    assert noted["painted"] == "done", noted["failure"]
    assert noted["pictures"] == noted["icons"] == 4 and noted["before"] == [], "pictures are no objects"
    assert noted["used"] == "done" and noted["again"], "nothing was painted again"
    assert noted["after"] == ["a red armchair"]
    assert noted["compared"] == ["done", "done"], noted["compare_failures"]
    assert noted["untouched"], "a comparison brings nothing into the file by itself"
    assert noted["kept"] == ["Subject", "a red armchair"] and noted["undone"], "one undo step"
    for name in ("gallery", "compared", "scores"):
        assert colours(tmp_path / "out" / f"{name}.png") > 100, "the picture is not empty"


def test_joints_are_refined_by_hand_and_then_bound(play: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    noted = play("refine")
    assert [noted[step][0] for step in ("skeleton", "bind")] == ["done", "done"], noted
    assert noted["joint"] == pytest.approx(noted["kept"], abs=1e-3), "the edit is in the result, and still in the file"
    assert noted["groups"] == 2 and noted["shown"] and not any(noted["hidden"])
    assert noted["undone"], "one undo step takes the bound copy away"
    for name in ("skeleton", "refined", "bound"):
        assert colours(tmp_path / "out" / f"{name}.png") > 100


def test_a_stroke_on_the_mask_outlives_the_undo_of_what_came_after(play: Callable[..., dict[str, Any]]) -> None:
    noted = play("stroke")
    before, drawn, undone, again, dropped, after = noted["shares"]
    assert drawn < before - 0.001 and undone == before, "a black stroke, and taken back"
    assert again == dropped == after == drawn and noted["packed"] and noted["state"] == "done", noted


def test_a_library_chosen_from_its_list_outlives_the_undo_of_what_came_after(
    play: Callable[..., dict[str, Any]],
) -> None:
    noted = play("library")
    assert noted["chosen"] and noted["kept"] == noted["chosen"]
