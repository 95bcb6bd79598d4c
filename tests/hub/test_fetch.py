# SPDX-License-Identifier: GPL-3.0-or-later
"""Weights come whole and proved, or an error says what to do; what was fetched is not fetched again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from galatea.backend.hub import Kept, fetch
from galatea.backend.protocol.errors import JobCancelled, UserError
from galatea.backend.protocol.spec import Weights

Make = Callable[..., Weights]


def pull(weights: Weights, **more: Any) -> list[tuple[str, float]]:
    told: list[tuple[str, float]] = []
    fetch.fetch([weights], lambda phase, fraction: told.append((phase, fraction)), **more)
    return told


@pytest.mark.parametrize("pinned", [True, False])
def test_files_arrive_whole_and_proved(here: Any, weights: Make, pinned: bool) -> None:
    kept = Kept(weights(pinned=pinned))
    assert not kept.whole
    told = pull(kept.weights)
    assert kept.whole and {p.name for p in kept.root.iterdir()} >= {"model.ckpt", "config.yaml", "verified.json"}
    for file in kept.weights.files:
        assert kept.path(file).read_bytes() == here.files[file.name] and not kept.part(file).exists()
    fractions = [fraction for _, fraction in told]
    assert fractions == sorted(fractions) and told[-1] == ("Installed", 1.0)
    count = len(here.asked)
    pull(kept.weights)
    assert len(here.asked) == count, "what is here is not asked for again"


def test_the_token_goes_to_the_hub_and_no_further(here: Any, weights: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    pull(weights())
    told = {server: headers.get("authorization") for server, _, headers in here.asked}
    assert told == {"hub": "Bearer hf_secret", "store": None}


@pytest.mark.parametrize("fault", ["cut", "short", "stall", "503", "429", "408", "500"])
def test_what_passes_is_tried_again_from_where_it_stopped(
    here: Any, weights: Make, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 1 if fault == "stall" else 60)
    here.faults = [fault, fault]
    pull(weights())
    assert Kept(weights()).whole
    assert here.sent <= len(here.files["model.ckpt"]) + (1 << 18), "the beginning was sent once"


def test_a_server_that_knows_no_ranges_sends_the_whole_again(here: Any, weights: Make) -> None:
    here.faults = ["cut", "whole"]
    pull(weights())
    assert Kept(weights()).whole and here.ranges()[1].startswith("bytes=")


@pytest.mark.parametrize(
    ("faults", "says"),
    [
        (["other"], "another hash than it should have"),
        (["longer"], "sends more"),
        (["503"] * 9, "trouble of its own (503)"),
        (["slow down for an hour"], "for 3600 s"),
        (["html"] * 9, "ended its answer"),
        (["403"], "refuses maker/model"),
    ],
)
def test_what_stays_wrong_is_told_and_never_counts(here: Any, weights: Make, faults: list[str], says: str) -> None:
    here.faults = list(faults)
    with pytest.raises(UserError) as caught:
        pull(weights())
    assert says in str(caught.value) and caught.value.kind == "weights"
    assert not Kept(weights()).whole and not (Kept(weights()).root / "model.ckpt").exists()
    here.faults = []
    pull(weights())
    assert Kept(weights()).whole


GATED = (401, {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access to model is restricted."})


@pytest.mark.parametrize(
    ("refusal", "gated", "says"),
    [
        (GATED, False, "Open https://example.org/model, accept it"),
        ((403, {"X-Error-Code": "GatedRepo"}), True, "hf auth login"),
        ((403, {}), True, "is gated"),
        ((403, {}), False, "refuses maker/model"),
        (
            (401, {"X-Error-Message": "Invalid credentials in Authorization header"}),
            False,
            "does not accept your token",
        ),
        ((404, {"X-Error-Code": "EntryNotFound"}), False, "has no file model.ckpt"),
        ((404, {"X-Error-Code": "RevisionNotFound"}), False, "no longer has maker/model"),
        ((404, {"X-Error-Code": "RepoNotFound"}), False, "has no maker/model, or it is private"),
        ((410, {}), False, "answered 410"),
        ((200, {}), False, "not the hub: a login page"),
        ((200, {"X-Repo-Commit": "f" * 40, "ETag": '"x"'}), False, "not the one that is known here"),
    ],
)
def test_what_the_hub_refuses_says_what_to_do(
    here: Any, weights: Make, refusal: tuple[int, dict[str, str]], gated: bool, says: str
) -> None:
    here.refusals = [refusal]
    with pytest.raises(UserError) as caught:
        pull(weights(gated=gated))
    assert says in str(caught.value) and caught.value.kind == "weights"
    assert here.sent == 0


def test_a_busy_hub_is_asked_again(here: Any, weights: Make) -> None:
    here.refusals = [(503, {}), (429, {"Retry-After": "0"})]
    pull(weights())
    assert Kept(weights()).whole


def test_another_file_than_the_pinned_one_is_not_fetched(here: Any, weights: Make) -> None:
    here.files["model.ckpt"] = here.files["model.ckpt"][::-1]
    with pytest.raises(UserError, match="not the one that is known here"):
        pull(weights())
    assert here.sent == 0


def test_a_name_without_a_hash_is_not_trusted(here: Any, weights: Make) -> None:
    here.refusals = [(200, {"X-Repo-Commit": here.commit, "ETag": '"some-mirror-1"', "X-Linked-Size": str(1 << 21)})]
    with pytest.raises(UserError, match="does not say size and hash"):
        pull(weights(pinned=False))


def test_nobody_there_is_told(here: Any, weights: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", "http://127.0.0.1:9/{repo_id}/resolve/{revision}/{filename}"
    )
    with pytest.raises(UserError, match=r"cannot be reached.*Check the network"):
        pull(weights())


@pytest.mark.parametrize("switch", ["GALATEA_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_nothing_is_asked(here: Any, weights: Make, monkeypatch: pytest.MonkeyPatch, switch: str) -> None:
    from huggingface_hub import constants

    if switch == "HF_HUB_OFFLINE":
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    else:
        monkeypatch.setenv(switch, "1")
    with pytest.raises(UserError, match=r"this is offline\. Allow online access"):
        pull(weights())
    assert not here.asked
    root = Kept(weights()).root
    for name, content in here.files.items():  # brought on a stick
        (root / name).write_bytes(content)
    pull(weights())
    assert Kept(weights()).whole and not here.asked


def test_a_beginning_of_another_time_is_thrown_away(here: Any, weights: Make) -> None:
    kept = Kept(weights())
    kept.root.mkdir(parents=True)
    (kept.root / "model.ckpt.part").write_bytes(b"not the beginning" * 1000)
    pull(kept.weights)
    assert kept.whole and here.ranges() == ["bytes=17000-", ""]


def test_a_beginning_that_is_too_long_is_thrown_away(here: Any, weights: Make) -> None:
    kept = Kept(weights())
    kept.root.mkdir(parents=True)
    (kept.root / "model.ckpt.part").write_bytes(bytes(3 << 20))
    pull(kept.weights)
    assert kept.whole and here.ranges() == [""]


def test_a_cancel_takes_effect_and_the_beginning_stays(here: Any, weights: Make) -> None:
    here.pace = 0.01
    kept = Kept(weights())
    part = kept.part(kept.weights.files[0])
    with pytest.raises(JobCancelled):
        pull(kept.weights, cancel=lambda: part.is_file() and part.stat().st_size > 1 << 19)
    begun = part.stat().st_size
    assert 1 << 19 < begun < 2 << 20 and not kept.whole
    here.pace = 0
    pull(kept.weights)
    assert kept.whole and here.ranges()[1] == f"bytes={begun}-"


def test_too_small_a_disk_is_told_before_the_first_byte(
    here: Any, weights: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda folder: _Usage())
    with pytest.raises(UserError, match=r"need 2 MB of disk, .* has 1 MB free") as caught:
        pull(weights())
    assert caught.value.kind == "output" and here.sent == 0


class _Usage:
    free = 1_000_000


def test_a_full_disk_in_the_middle_is_told(here: Any, weights: Make, tmp_path: Path) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no /dev/full")
    kept = Kept(weights())
    kept.root.mkdir(parents=True)
    kept.part(kept.weights.files[0]).symlink_to("/dev/full")
    with pytest.raises(UserError, match="No space left") as caught:
        pull(kept.weights)
    assert caught.value.kind == "output" and not kept.whole


def test_one_at_a_time(here: Any, weights: Make) -> None:
    from galatea.backend.hub.lock import alone

    with alone(Kept(weights()).root), pytest.raises(UserError, match="Another process"):
        pull(weights())
    pull(weights())
    assert Kept(weights()).whole


def test_the_client_of_the_hub_reports_nothing() -> None:
    code = "import galatea.backend.hub; from huggingface_hub import constants as c; print(c.HF_HUB_DISABLE_TELEMETRY)"
    env = {
        name: value for name, value in os.environ.items() if name not in ("HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK")
    }
    done = subprocess.run([sys.executable, "-c", code], env=env, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "True"
