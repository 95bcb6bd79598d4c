# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be used here: said in a file, the environment or by flags, and held before anything is asked or fetched."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from galatea.backend.protocol import policy
from galatea.backend.protocol.catalog import catalog, spec_of
from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.policy import Policy

from . import processes


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("COMMERCIAL", "TERRITORY", "OFFLINE"):
        monkeypatch.delenv(f"GALATEA_{name}", raising=False)
    monkeypatch.setenv("GALATEA_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def galatea(*words: object, **env: str) -> subprocess.CompletedProcess[str]:
    return processes.galatea(*words, env={**os.environ, **env})


@pytest.fixture
def order(home: Path, tmp_path: Path) -> list[Any]:
    """A run that needs a server of Tencent's model; nothing listens there."""
    photo = tmp_path / "photo.png"
    photo.write_bytes(b"not even a picture: it is refused before anybody looks")
    words = ["run", "photo_to_mesh", "--image", photo, "--backend", "hunyuan3d_server", "--out", tmp_path / "out"]
    return [*words, "--set", "hunyuan3d_server.url=http://127.0.0.1:9"]


def test_without_a_policy_everything_of_ours_fits(home: Path) -> None:
    asked = {spec.id for spec in catalog().values() if policy.current().verdict(spec)}
    assert asked == {"comfyui", "scene_server"}, "only where nobody knows the model's licence somebody is asked"


def test_a_country_that_a_licence_leaves_out_is_refused_before_anything_is_done(order: list[Any], home: Path) -> None:
    done = galatea(*order, "--territory", "de")
    assert done.returncode == 10, done.stderr
    assert (
        "Hunyuan3D server may not be used in DE. Its licence, Tencent Hunyuan 3D Community, says: not in" in done.stderr
    )
    assert not (home / "jobs").exists() and not (home.parent / "out").exists()
    assert galatea(*order, GALATEA_TERRITORY="UK").returncode == 10
    (home / policy.NAME).write_text('version = 1\nterritory = "KR"\n')
    assert galatea(*order).returncode == 10
    assert galatea(*order, "--dry-run").returncode == 10
    assert galatea(*order, "--accept", "hunyuan3d_server").returncode == 10, "no yes lifts what is forbidden"
    (home / policy.NAME).write_text('version = 1\nterritory = "US"\n')
    assert galatea(*order).returncode == 3, "now the photo is looked at"


def test_the_window_is_held_to_it_too(home: Path, tmp_path: Path) -> None:
    from galatea.backend.flow import walk
    from galatea.backend.protocol.recipe import load_recipe
    from galatea.backend.protocol.store import JobStore

    Policy(territory="DE").save()
    recipe = load_recipe("photo_to_mesh").with_backend("hunyuan3d_server")
    with pytest.raises(UserError, match="may not be used in DE") as caught:
        next(walk(recipe, {"image": tmp_path / "none.png"}, JobStore(tmp_path / "jobs")))
    assert caught.value.kind == "policy"


def test_offline_refuses_servers_elsewhere_and_not_here(home: Path) -> None:
    spec, closed = spec_of("hunyuan3d_server"), Policy(offline=True)
    assert not closed.verdict(spec), "its default is this machine"
    for here in ("http://localhost:1", "http://127.0.0.7", "http://[::1]:8081"):
        assert not closed.verdict(spec, {"url": here})
    for away in ("http://192.168.1.4:8081", "https://gpu.example.org", "http://localhost.evil.example"):
        found = closed.verdict(spec, {"url": away})
        assert "nothing may leave this machine" in found.clause and not found.ask


def test_commercial_use_wants_licences_that_allow_it(home: Path) -> None:
    sold = Policy(commercial=True)
    free = {spec.id for spec in catalog().values() if not sold.verdict(spec)}
    assert {"lift", "relief", "triposr", "triposg", "bake", "cutout", "judge"} <= free
    for backend in ("imagine", "hunyuan3d_server", "comfyui"):
        assert sold.verdict(spec_of(backend)).ask
        assert not Policy(commercial=True, accept=(backend,)).verdict(spec_of(backend))


@pytest.mark.parametrize(
    "license", ["CC-BY-NC-4.0", "NonCommercial terms of X", "Non-Commercial Research", "unknown: research only"]
)
def test_what_may_not_be_sold_is_forbidden_whoever_says_yes(home: Path, license: str) -> None:
    from dataclasses import replace

    spec = replace(spec_of("relief"), license=license)
    found = Policy(commercial=True, accept=("relief",)).verdict(spec)
    assert "may not be used commercially" in found.clause and license in found.clause and not found.ask
    assert not Policy().verdict(spec)


def test_weights_of_a_repository_are_judged_by_their_own_licence(home: Path, tmp_path: Path) -> None:
    spec, sold = spec_of("imagine"), Policy(commercial=True)
    folder = home / "weights" / "some--model" / "abc"
    folder.mkdir(parents=True)
    (folder / "verified.json").write_text(json.dumps({"weights": {"license": "cc-by-nc-4.0"}, "files": {}}))
    assert "cc-by-nc-4.0" in sold.verdict(spec, {"weights": "some/model"}).clause
    (folder / "verified.json").write_text(json.dumps({"weights": {"license": "apache-2.0"}, "files": {}}))
    assert not sold.verdict(spec, {"weights": "some/model"})
    assert "not known here" in sold.verdict(spec, {"weights": "other/model"}).clause
    assert not sold.verdict(spec, {"weights": str(tmp_path / "mine.safetensors")}), "the user's own are the user's"


def test_a_server_of_unknown_models_is_asked_only_after_a_yes(home: Path, tmp_path: Path) -> None:
    (tmp_path / "workflow.json").write_text("{}")
    (tmp_path / "photo.png").write_bytes(b"no picture")
    words = [
        "run",
        "photo_to_mesh",
        "--image",
        tmp_path / "photo.png",
        "--backend",
        "comfyui",
        "--out",
        tmp_path / "out",
    ]
    words += ["--set", f"comfyui.workflow={tmp_path / 'workflow.json'}"]
    done = galatea(*words)
    assert (
        done.returncode == 10
        and "--accept comfyui" in done.stderr
        and "as the models in the workflow say" in done.stderr
    )
    assert galatea(*words, "--accept", "comfyui").returncode == 3
    Policy(accept=("comfyui",)).save()
    assert galatea(*words, "--overwrite").returncode == 3, "a studio says it once"
    assert galatea(*words, "--overwrite", "--territory", "DE").returncode == 3


def test_nothing_is_fetched_of_what_may_not_be_used(home: Path) -> None:
    done = galatea("models", "pull", "imagine", "--commercial")
    assert done.returncode == 10 and "CreativeML-OpenRAIL-M" in done.stderr
    assert not (home / "weights").exists()
    assert galatea("models", "pull", "imagine", "--commercial", "--yes", "--offline").returncode == 10


def test_the_list_of_backends_says_which_clause_forbids(home: Path) -> None:
    done = galatea("backends", GALATEA_TERRITORY="FR")
    assert "NOT ALLOWED HERE: it may not be used in FR" in done.stdout


BIG = f"offline = 0x{'f' * 8000}"


@pytest.mark.parametrize(
    "text", ["commercial = true", "commercial = 'yes'", "territory = 'Germany'", "x = 1", "[[", BIG]
)
def test_a_damaged_policy_stops_everything(home: Path, text: str) -> None:
    (home / policy.NAME).write_text(text if text == "commercial = true" else f"version = 1\n{text}")
    with pytest.raises(UserError) as caught:
        policy.current()
    assert caught.value.kind == "usage" and policy.NAME in str(caught.value)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('offline = "yes"', "offline is true or false, not 'yes'. Mend the file."),
        ("territory = 49", "territory is a text such as \"DE\", not '49'"),
        ("accept = [1]", "accept is texts such as [\"comfyui\"], not '[1]'"),
        ("ofline = true", "ofline is no field. Did you mean 'offline'?"),
    ],
)
def test_a_policy_says_what_a_value_must_be(home: Path, line: str, says: str) -> None:
    (home / policy.NAME).write_text(f"version = 1\n{line}\n")
    with pytest.raises(UserError) as caught:
        policy.current()
    assert says in str(caught.value)


def test_a_damaged_policy_is_named(home: Path) -> None:
    (home / policy.NAME).write_text("nonsense")
    done = galatea("backends")
    assert done.returncode == 2 and "policy.toml" in done.stderr


def test_what_is_saved_is_read_again(home: Path) -> None:
    mine = Policy(True, "DE", True, ("comfyui", "imagine"))
    mine.save()
    assert policy.stored() == mine and not list(home.glob("*.part"))
    assert policy.stored().also(Policy(territory="US")).territory == "US"
