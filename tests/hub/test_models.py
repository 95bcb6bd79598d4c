# SPDX-License-Identifier: GPL-3.0-or-later
"""`galatea models` and backends of the user's own, as a script sees them: real processes, a hub on this machine."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from galatea.backend.protocol.recipe import PRESETS

RECIPE = 'version = 1\nname = "Mine"\ninputs = []\n\n[[step]]\ndo = "mine"\n'
BACKEND = """
from ..hub import source
from ..hub.params import LEARNED
from ..protocol.spec import BackendSpec, File, Weights

open({marker!r}, "a").write("loaded\\n")


class Backend:
    spec = BackendSpec(
        id="mine", label="Mine", task="check", help="One of the user's own", outputs=("text",), params=LEARNED,
        license="MIT", territory={territory!r}, memory=(("fp32", 2.0), ("bf16", 1.0)), axes="none",
        weights=(Weights("maker/model", {commit!r}, (File("model.ckpt", {size}, {sha256!r}),), {license!r},
                         "https://example.org/model"),),
    )

    def run(self, request, params, report):
        found = source(self.spec, params, report)
        text = f"seed {{found}}" if isinstance(found, int) else f"{{(found / 'model.ckpt').stat().st_size}} bytes"
        report.file("text", "text.txt").write_text(text)
"""
Galatea = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def mine(hub: Any, home: Path, tmp_path: Path) -> Callable[..., Path]:
    """A backend of the user's own in its folder; loading it leaves a mark."""

    def write(*, license: str = "MIT", territory: str = "worldwide") -> Path:
        content = hub.files["model.ckpt"]
        path = home / "backends" / "mine.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            BACKEND.format(
                marker=str(tmp_path / "loaded"), commit=hub.commit, size=len(content), license=license,
                sha256=hashlib.sha256(content).hexdigest(), territory=territory,
            )
        )  # fmt: skip
        return path

    return write


def listed(galatea: Galatea) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in json.loads(galatea("models", "list", "--json").stdout)}


def test_from_a_file_in_a_folder_to_a_result(
    galatea: Galatea, mine: Callable[..., Path], home: Path, tmp_path: Path
) -> None:
    path, recipe, loaded = mine(), tmp_path / "mine.toml", tmp_path / "loaded"
    recipe.write_text(RECIPE)
    assert f"mine       {path}: not trusted yet. `galatea backends trust mine`" in galatea("backends").stdout
    run = galatea("run", recipe, "--out", tmp_path / "a")
    assert run.returncode == 2 and "galatea backends trust mine" in run.stderr
    refused = galatea("backends", "trust", path)
    assert refused.returncode == 2 and "with all your rights" in refused.stderr and "--yes" in refused.stderr
    assert not loaded.exists(), "nothing of it has run"

    trusted = galatea("backends", "trust", path, "--yes")
    assert trusted.returncode == 0, trusted.stderr
    assert "weights maker/model: 2 MB, MIT, not fetched. https://example.org/model" in trusted.stdout
    assert "memory fp32 2 GB, bf16 1 GB" in trusted.stdout and "axes none" in trusted.stdout
    count = len(loaded.read_text().splitlines())
    assert "Mine: One of the user's own" in galatea("backends").stdout
    assert len(loaded.read_text().splitlines()) == count, "listing loads nothing"

    missing = galatea("run", recipe, "--out", tmp_path / "b")
    assert missing.returncode == 4
    assert (
        "Mine needs 2 MB of weights (MIT). Run `galatea models pull mine`, or click Download in the panel."
        in missing.stderr
    )
    seeded = galatea("run", recipe, "--out", tmp_path / "c", "--set", "mine.weights=random:7")
    assert seeded.returncode == 0 and (tmp_path / "c" / "text.txt").read_text() == "seed 7"
    pulled = galatea("models", "pull", "mine")
    assert pulled.returncode == 0, pulled.stderr
    assert "Mine: 2 MB from maker/model at 5b521936b01f." in pulled.stderr and "Memory: fp32 2 GB" in pulled.stderr
    assert listed(galatea)["mine"]["state"] == "installed"
    done = galatea("run", recipe, "--out", tmp_path / "d")
    assert done.returncode == 0 and (tmp_path / "d" / "text.txt").read_text() == "2097152 bytes"

    path.write_text(path.read_text() + "# changed\n")
    assert "changed since you trusted it" in galatea("backends").stdout
    count = len(loaded.read_text().splitlines())
    changed = galatea("run", recipe, "--out", tmp_path / "e")
    assert changed.returncode == 2 and "has changed since you trusted it" in changed.stderr
    assert len(loaded.read_text().splitlines()) == count
    assert galatea("backends", "trust", "mine", "--yes").returncode == 0
    again = galatea("run", recipe, "--out", tmp_path / "f")
    assert again.returncode == 0
    assert json.loads((tmp_path / "f" / "result.json").read_text())["stages"][0]["cached"] is False


def test_what_runs_is_what_was_hashed(mine: Callable[..., Path], home: Path, tmp_path: Path) -> None:
    from galatea.backend.protocol import own
    from galatea.backend.protocol.errors import UserError

    path = mine()
    script = own.find("mine")
    assert script and script.state == "new"
    own.trust(script, None)
    assert own.module("mine", "galatea.backend.backends").Backend.spec.id == "mine"
    sys.modules.pop("galatea.backend.backends.mine")
    path.write_text(path.read_text() + "\n")
    with pytest.raises(UserError, match="has changed"):
        own.module("mine", "galatea.backend.backends")
    assert "galatea.backend.backends.mine" not in sys.modules


STEP = """from ...backend.protocol.spec import BackendSpec, Param
SPEC = BackendSpec("{}", "", "", "", "blender", params=[{}])
def run(work{}): pass
"""


PLAIN = """from ..protocol.spec import BackendSpec
class Backend:
    spec = BackendSpec("{}", "", "", "", outputs=("text",), batch={})
    def run(self, {}): pass
"""


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("lift", "x = 1\n", "There is a backend lift of ours"),
        ("work", "SPEC = 1\n", "There is a part work of addon/scene of ours"),
        ("props", "SPEC = 1\n", "There is a part props of addon/scene of ours"),
        ("broken", "class Backend\n", "is no step (SyntaxError"),
        ("empty", "x = 1\n", "is no step (it has neither Backend nor SPEC)"),
        ("needy", "import nothing_of_the_kind\nBackend = 1\n", 'needy.py", line 1, in <module>'),
        ("quiet", "raise SystemExit(0)\nclass Backend: pass\n", "it ended before it said its spec"),
        ("named", STEP.format("name", "", ""), "its id is name, and its file is named.py"),
        ("where", STEP.format("where", "", "").replace("SPEC", "Backend"), "no attribute 'spec'"),
        ("bundled", STEP.format("bundled", "", "").replace('"blender"', '"bundled"'), "its runtime is bundled"),
        (
            "deaf",
            STEP.format("deaf", 'Param("size", "int", 1, "")', ""),
            "run() of deaf and its params: got an unexpected",
        ),
        ("greedy", STEP.format("greedy", "", ", *, size"), "missing a required argument: 'size'"),
        ("idle", PLAIN.format("idle", 1, "").replace("run", "go"), "is no step (TypeError: Backend has no run)"),
        (
            "short",
            PLAIN.format("short", 1, "request"),
            "run(self, request, params, report) is what is called: too many",
        ),
        ("alone", PLAIN.format("alone", 4, "*all"), "Backend has no read (batch is above 1)"),
        ("Big-Name", "x = 1\n", "no id such as my_model"),
        ("blank", "", "is empty or has a name"),
        ("lost", STEP.format("lost", "", ""), "it has no outputs, so that nothing of it would be kept"),
    ],
)
def test_what_is_no_backend_is_not_trusted(within: Galatea, home: Path, name: str, text: str, says: str) -> None:
    folder = home / "backends"
    folder.mkdir(parents=True)
    (folder / f"{name}.py").write_text(text)
    done = within("backends", "trust", name, "--yes")
    assert done.returncode == 2 and says in done.stderr
    assert name == "lift" or f"{folder / name}.py: no" in within("backends").stdout, "it is listed, with why it is none"
    trusted = folder / "trusted.json"
    assert not trusted.exists() or json.loads(trusted.read_text()) == {}


def test_a_file_elsewhere_is_not_trusted(within: Galatea, tmp_path: Path, home: Path) -> None:
    (tmp_path / "mine.py").write_text("x = 1\n")
    done = within("backends", "trust", tmp_path / "mine.py", "--yes")
    assert done.returncode == 2 and f"to {home / 'backends'} first" in done.stderr


@pytest.mark.parametrize(("license", "territory"), [("Community License", "worldwide"), ("MIT", "not in the EU")])
def test_terms_are_shown_and_want_a_yes_before_the_first_byte(
    within: Galatea, mine: Callable[..., Path], hub: Any, license: str, territory: str
) -> None:
    mine(license=license, territory=territory)
    within("backends", "trust", "mine", "--yes")
    done = within("models", "pull", "mine")
    assert done.returncode == 2 and hub.sent == 0
    assert f"Licence: {license}, {territory}. https://example.org/model" in done.stderr
    assert "Read them, then pull with --yes" in done.stderr
    assert within("models", "pull", "mine", "--yes").returncode == 0 and hub.sent > 0


def siblings(hub: Any) -> dict[str, Any]:
    files = [{"rfilename": "model.ckpt", "size": len(hub.files["model.ckpt"]), "blobId": "0" * 40}]
    return {
        "id": "maker/model", "sha": hub.commit, "gated": False, "private": False, "siblings": files,
        "tags": ["license:mit"], "downloads": 1, "likes": 1,
    }  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_pull_goes_on_where_it_stopped(
    galatea: Galatea, hub: Any, home: Path, environment: dict[str, str], number: int
) -> None:
    hub.info, hub.pace = siblings(hub), 0.1
    process = subprocess.Popen(
        [sys.executable, "-m", "galatea.backend", "models", "pull", "maker/model", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    part = home / "weights" / "maker--model" / hub.commit / "model.ckpt.part"
    end = time.monotonic() + 300
    while not part.is_file() or part.stat().st_size < 1 << 19:
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.02)
    process.send_signal(number)
    out, _ = process.communicate(timeout=300)
    begun = part.stat().st_size
    assert begun >= 1 << 19 and not part.with_suffix("").exists()
    fractions = [e["fraction"] for e in map(json.loads, out.splitlines()) if e["event"] == "progress"]
    assert len(fractions) > 3 and fractions == sorted(fractions)
    if number == signal.SIGTERM:
        assert process.returncode == 130 and "goes on where it stopped" in out
    rows = listed(galatea)
    assert not rows or all(row["state"] != "installed" for row in rows.values())
    hub.pace = 0.0
    done = galatea("models", "pull", "maker/model", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["event"] == "done"
    assert hub.ranges()[-1] == f"bytes={begun}-"
    assert part.with_suffix("").read_bytes() == hub.files["model.ckpt"] and not part.exists()


def test_verify_finds_and_remove_removes(within: Galatea, hub: Any, home: Path) -> None:
    hub.info = siblings(hub)
    assert within("models", "pull", "maker/model").returncode == 0
    assert within("models", "verify").returncode == 0
    (name,) = [name for name, row in listed(within).items() if not row["used"]]
    path = home / "weights" / "maker--model" / hub.commit / "model.ckpt"
    content = bytearray(path.read_bytes())
    content[5] ^= 255
    stat = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    found = within("models", "verify")
    assert found.returncode == 4 and "wrong or damaged" in found.stderr and "galatea models pull" in found.stderr
    assert listed(within)[name]["state"] == "partial"
    assert within("models", "pull", "maker/model").returncode == 0 and path.read_bytes() == hub.files["model.ckpt"]
    assert "no backend needs it" in within("models", "list").stdout
    assert [row["name"] for row in json.loads(within("models", "list", "triposr", "--json").stdout)] == ["triposr"]
    assert within("models", "remove", "--unused").returncode == 0
    assert not path.exists() and name not in listed(within)
    none = within("models", "remove", "triposr")
    assert none.returncode == 0 and "Nothing of stabilityai/TripoSR lies here." in none.stdout + none.stderr
    none = within("models", "verify")
    assert none.returncode == 0 and "Nothing to prove: no weights lie here." in none.stdout + none.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["pull"], "Name a backend"),
        (["pull", "nothing"], "no weights 'nothing'"),
        (["remove"], "Name what to remove"),
        (["verify", "nothing"], "no weights 'nothing'"),
        (["verify", "/"], "/ is a folder. Name a backend or owner/name"),
        (["list", "nothing"], "no weights 'nothing'"),
    ],
)
def test_wrong_usage(within: Galatea, arguments: list[str], says: str) -> None:
    done = within("models", *arguments)
    assert done.returncode == 2 and says in done.stderr


def test_trouble_has_its_exit_code_and_is_an_event_too(within: Galatea, hub: Any) -> None:
    hub.info, hub.files = siblings(hub), {}
    done = within("models", "pull", "maker/model", "--json")
    assert done.returncode == 4 and "has no file model.ckpt" in done.stderr
    last = json.loads(done.stdout.splitlines()[-1])
    assert last["event"] == "log" and "has no file model.ckpt" in last["text"]


def test_offline_is_what_the_environment_says(galatea: Galatea, hub: Any, environment: dict[str, str]) -> None:
    environment["HF_HUB_OFFLINE"] = "1"
    done = galatea("models", "pull", "maker/model")
    assert done.returncode == 10 and "this is offline" in done.stderr and not hub.asked


def test_offline_is_what_the_flag_says_too(galatea: Galatea, hub: Any) -> None:
    done = galatea("models", "pull", "maker/model", "--offline")
    assert done.returncode == 10 and "this is offline" in done.stderr and not hub.asked
    assert "leave out --offline" in done.stderr


def test_weights_that_lack_are_told_before_any_step_is_done(
    galatea: Galatea, mine: Callable[..., Path], tmp_path: Path
) -> None:
    mine()
    recipe, out, photo = tmp_path / "both.toml", tmp_path / "out", PRESETS / "examples" / "earth.png"
    recipe.write_text(RECIPE.replace("inputs = []", 'inputs = ["image"]\n\n[[step]]\ndo = "cutout"'))
    assert galatea("backends", "trust", "mine", "--yes").returncode == 0
    refused = galatea("run", recipe, "--image", photo, "--out", out)
    assert refused.returncode == 4 and "Run `galatea models pull mine`" in refused.stderr
    assert [stage["step"] for stage in json.loads((out / "result.json").read_text())["stages"]] == []
    seeded = galatea("run", recipe, "--image", photo, "--out", out, "--set", "mine.weights=random:7", "--overwrite")
    assert seeded.returncode == 0, seeded.stderr
    again = galatea("run", recipe, "--image", photo, "--out", tmp_path / "again")
    stages = json.loads((tmp_path / "again" / "result.json").read_text())["stages"]
    assert again.returncode == 4 and [(stage["step"], stage["cached"]) for stage in stages] == [("cutout", True)]
    assert (tmp_path / "again" / "cutout.png").is_file(), "what was done is delivered"


def test_what_is_to_be_fetched_is_told_before_the_run(
    within: Galatea, mine: Callable[..., Path], hub: Any, tmp_path: Path
) -> None:
    path, recipe = mine(), tmp_path / "mine.toml"
    path.write_text(path.read_text().replace('example.org/model"),)', 'example.org/model", gated=True),)'))
    recipe.write_text(RECIPE)
    assert within("backends", "trust", "mine", "--yes").returncode == 0
    plan = ("run", recipe, "--out", tmp_path / "out", "--dry-run")
    told = within(*plan)
    gate = "after you have accepted its licence on https://example.org/model"
    assert f"to fetch  maker/model, 2 MB: galatea models pull mine, {gate}" in told.stdout
    assert "(gated: accept it on https://example.org/model)" in within("models", "list").stdout
    assert "to fetch" not in within(*plan, "--set", "mine.weights=random:1").stdout
    run = within("run", recipe, "--out", tmp_path / "out")
    assert run.returncode == 4 and "Accept the licence on https://example.org/model first." in run.stderr
    hub.refusals = [(401, {"X-Error-Code": "GatedRepo"})]
    refused = within("models", "pull", "mine", "--yes")
    assert refused.returncode == 4 and "Open https://example.org/model, accept it" in refused.stderr and not hub.sent
    assert within("models", "pull", "mine", "--yes").returncode == 0
    assert "to fetch" not in within(*plan).stdout


def test_a_python_without_the_library_hands_over_to_the_one_that_has_it(
    hub: Any, home: Path, environment: dict[str, str], mine: Callable[..., Path], galatea: Galatea, tmp_path: Path
) -> None:
    """As Blender's Python does. The full environment is made up of this very Python, by a link."""
    mine()
    assert galatea("backends", "trust", "mine", "--yes").returncode == 0
    code = (
        "import sys, importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'huggingface_hub' else find(name, *a)\n"
        "from galatea.backend.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "models", "pull", "mine", "--json"]
    run = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert run.returncode == 8 and "galatea env install" in run.stderr and hub.sent == 0
    place = home / "env"
    program = place / "venv" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    program.chmod(0o755)
    (place / "installed.json").write_text("{}")
    run = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert run.returncode == 0, run.stdout + run.stderr
    assert json.loads(run.stdout.splitlines()[-1])["event"] == "done"
    assert listed(galatea)["mine"]["state"] == "installed"
