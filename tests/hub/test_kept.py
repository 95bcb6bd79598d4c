# SPDX-License-Identifier: GPL-3.0-or-later
"""What counts as here, what a job is told where it is not, and what of weights is in a job's id."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from galatea.backend.hub import Kept, fetch, locate, source
from galatea.backend.hub.params import LEARNED
from galatea.backend.protocol.catalog import catalog
from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.job import Request
from galatea.backend.protocol.spec import BackendSpec, File, Weights

from .conftest import Report

Make = Callable[..., Weights]


def spec(*weights: Weights) -> BackendSpec:
    return BackendSpec("demo", "Demo", "check", "", params=LEARNED, weights=weights)


def fetched(weights: Weights) -> Kept:
    fetch.fetch([weights], lambda phase, fraction: None)
    return Kept(weights)


def test_a_job_is_given_the_folder_and_hashes_nothing_again(here: Any, weights: Make) -> None:
    kept, report = fetched(weights()), Report()
    assert locate(weights(), report) == kept.root and not report.phases


def test_a_job_without_weights_says_how_to_get_them(home: Path, weights: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = spec(weights())
    monkeypatch.setattr("galatea.backend.hub.kept.catalog", lambda: {**catalog(), "demo": mine})
    with pytest.raises(UserError) as caught:
        source(mine, {"weights": ""}, Report())
    assert caught.value.kind == "weights"
    assert (
        str(caught.value)
        == "Demo needs 2 MB of weights (MIT). Run `galatea models pull demo`, or click Download in the panel."
    )


def test_sizes_that_only_the_hub_knows(here: Any, weights: Make) -> None:
    from galatea.backend.hub.remote import total

    one = weights()
    unknown = Weights(one.repository, one.revision, tuple(File(f.name, 0) for f in one.files), "MIT", "https://x.org")
    assert unknown.amount == "an amount that the hub will tell" and one.amount == "2 MB"
    with pytest.raises(UserError, match=r"^maker/model needs weights \(MIT\)\. Run "):
        locate(unknown, Report())
    assert total(unknown) == one.size and len(here.asked) == 2
    assert total(one) == one.size and len(here.asked) == 2
    assert fetched(unknown).whole


def test_a_copied_data_folder_is_proved_once_more(here: Any, weights: Make) -> None:
    kept, report = fetched(weights(pinned=False)), Report()
    os.utime(kept.root / "model.ckpt", (1, 1))
    assert not kept.whole
    assert locate(kept.weights, report) == kept.root
    assert kept.whole and report.phases[0].startswith("Checking model.ckpt")


@pytest.mark.parametrize("pinned", [True, False])
def test_a_changed_file_does_not_count(here: Any, weights: Make, pinned: bool) -> None:
    kept = fetched(weights(pinned=pinned))
    path = kept.root / "model.ckpt"
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match="galatea models pull"):
        locate(kept.weights, Report())
    assert fetched(kept.weights).whole


def test_a_bit_that_fell_over_is_found_by_verify_alone(here: Any, weights: Make) -> None:
    kept = fetched(weights())
    path, file = kept.root / "model.ckpt", kept.weights.files[0]
    before = path.stat()
    path.write_bytes(bytes(len(here.files["model.ckpt"])))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert kept.whole
    assert not kept.prove(file)
    kept.distrust(file)
    assert not kept.whole and fetched(kept.weights).whole


def test_a_damaged_record_costs_a_check_and_no_fetch(here: Any, weights: Make) -> None:
    kept = fetched(weights())
    (kept.root / "verified.json").write_text("{")
    sent = here.sent
    assert not kept.whole and fetched(kept.weights).whole and here.sent == sent


def test_a_new_pin_of_the_same_revision_is_not_met_by_the_old_file(here: Any, weights: Make) -> None:
    kept = fetched(weights(pinned=False))
    other = Weights(
        kept.weights.repository, kept.weights.revision, (File("model.ckpt", 0, "0" * 64),), "MIT", "https://example.org"
    )
    assert kept.whole and not Kept(other).whole


def test_removed_is_removed(here: Any, weights: Make, home: Path) -> None:
    fetched(weights()).remove()
    assert not Kept(weights()).whole and not list((home / "weights").rglob("*"))
    Kept(weights()).remove()


def test_two_of_one_repository(here: Any, weights: Make) -> None:
    one = weights()
    halves = [Weights(one.repository, one.revision, (file,), one.license, one.page) for file in one.files]
    fetch.fetch(halves, lambda phase, fraction: None)
    assert all(Kept(half).whole for half in halves) and Kept(one).whole
    Kept(halves[0]).remove()
    assert Kept(halves[1]).whole and [file.name for file in Kept(one).missing()] == ["model.ckpt"]


def test_what_the_parameter_means(here: Any, weights: Make, tmp_path: Path) -> None:
    kept, report, mine = fetched(weights()), Report(), tmp_path / "mine.safetensors"
    mine.write_bytes(b"x")
    asked = {"": kept.root, "random:7": 7, str(mine): mine, "maker/model": kept.root}
    asked["maker/model@5b52"] = kept.root
    for value, meant in asked.items():
        filled = spec(weights()).fill({"weights": value})
        assert source(spec(weights()), filled, report) == meant
    for value in ("other/model", str(tmp_path / "nothing.ckpt")):
        with pytest.raises(UserError, match=r"not here|no weights"):
            source(spec(), {"weights": value}, report)


def test_weights_are_a_part_of_a_jobs_id(here: Any, weights: Make, tmp_path: Path) -> None:
    def made(mine: BackendSpec, value: str = "") -> str:
        made: str = Request.of(mine, {}, {"weights": value}).id
        return made

    one, moved = weights(), weights(revision="0" * 40)
    file, folder = tmp_path / "mine.ckpt", tmp_path / "folder"
    file.write_bytes(b"x")
    (folder / "unet").mkdir(parents=True)
    (folder / "unet" / "a.safetensors").write_bytes(b"x")
    ids = [made(spec(one)), made(spec(moved)), made(spec(weights(pinned=False))), made(spec())]
    ids += [made(spec(one), value) for value in ("random:0", "random:1", str(file), str(folder))]
    os.utime(file, (1, 1))
    os.utime(folder / "unet" / "a.safetensors", (1, 1))
    ids += [made(spec(one), str(file)), made(spec(one), str(folder)), made(spec(one), "maker/model")]
    fetched(one)
    ids.append(made(spec(one), "maker/model"))
    assert len(set(ids)) == len(ids)
    assert made(spec(one)) == ids[0], "fetching changes nothing"


def test_a_path_means_the_same_to_every_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    assert spec().fill({"weights": "a/b"})["weights"] == str(tmp_path / "a" / "b")
    assert spec().fill({"weights": "maker/model"})["weights"] == "maker/model"


@pytest.mark.parametrize(
    ("value", "says", "kind"),
    [("random:x", "random:SEED", "usage"), ("/no/such/file", "There are no weights at /no/such/file", "weights")],
)
def test_wrong_values_are_refused_when_the_job_is_asked_for(home: Path, value: str, says: str, kind: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        Request.of(spec(), {}, {"weights": value})
    assert caught.value.kind == kind
