# SPDX-License-Identifier: GPL-3.0-or-later
"""Flamenco's job type under node, the bundle of Deadline Cloud, the outline of OpenCue."""

from __future__ import annotations

import ast
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from galatea.backend.cli import main

HARNESS = """
const fs = require("fs"), vm = require("vm");
const [script, file] = process.argv.slice(1);
const made = [];
const author = {
  Task: (name, type) => ({ name, type, commands: [], needs: [],
    addCommand(c) { this.commands.push(c); }, addDependency(t) { this.needs.push(t.name); } }),
  Command: (name, parameters) => ({ name, parameters }),
};
const box = vm.createContext({ author });
vm.runInContext(fs.readFileSync(script, "utf8") + "\\n;this.type = JOB_TYPE; this.compile = compileJob;", box);
const job = JSON.parse(fs.readFileSync(file, "utf8"));
box.compile({ ...job, addTask: (task) => made.push(task) });
console.log(JSON.stringify({ type: box.type, made }));
"""


@pytest.fixture
def orders(tmp_path: Path, small_film: tuple[Path, Path]) -> list[str]:
    paths = [tmp_path / f"{n}.json" for n in (1, 2)]
    for n, path in enumerate(paths):
        path.write_text(json.dumps({"recipe": "film.toml", "inputs": {"model": "cube.obj"}, "seed": n}))
    return [str(path) for path in paths]


def load(path: Path) -> Any:
    return json.loads(path.read_text())


@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
def test_flamenco_compiles_each_order_into_its_own_chain(tmp_path: Path, orders: list[str]) -> None:
    out = tmp_path / "farm"
    assert main(["farm", "flamenco", *orders, "--out", str(out), "--parts", "3"]) == 0
    said = subprocess.run(
        ["node", "-e", HARNESS, str(out / "galatea.js"), str(out / "job.json")], capture_output=True, text=True
    )
    assert said.returncode == 0, said.stderr
    data = json.loads(said.stdout)
    keys = {setting["key"] for setting in data["type"]["settings"]}
    assert keys == set(load(out / "job.json")["settings"]), "the job fills the settings that the type has"
    tasks = {task["name"]: task for task in data["made"]}
    assert len(tasks) == 2 * (1 + 1 + 3 + 1)
    assert tasks["2 frames 3/3"]["needs"] == ["2 rig"]
    assert tasks["2 encode"]["needs"] == [f"2 frames {k}/3" for k in (1, 2, 3)], "of its own order alone"
    [command] = tasks["2 frames 3/3"]["commands"]
    assert command["name"] == "exec" and command["parameters"]["exe"] == "galatea"
    assert command["parameters"]["args"][-2:] == ["--part", "3/3"]
    assert f"{out}/out/2" in tasks["2 encode"]["commands"][0]["parameters"]["args"]


@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
def test_flamenco_refuses_settings_that_make_no_job(tmp_path: Path, orders: list[str]) -> None:
    out = tmp_path / "farm"
    main(["farm", "flamenco", *orders, "--out", str(out)])
    job = load(out / "job.json")
    job["settings"]["orders"] = 0
    (out / "job.json").write_text(json.dumps(job))
    said = subprocess.run(
        ["node", "-e", HARNESS, str(out / "galatea.js"), str(out / "job.json")], capture_output=True, text=True
    )
    assert said.returncode != 0 and "galatea farm flamenco" in said.stderr


def test_deadline_has_its_three_files_and_a_good_template(tmp_path: Path, orders: list[str]) -> None:
    out = tmp_path / "farm"
    assert main(["farm", "deadline", *orders, "--out", str(out)]) == 0
    carried = load(out / "asset_references.json")["assetReferences"]["inputs"]["directories"]
    assert all((out / folder).is_dir() for folder in carried)
    values = {each["name"] for each in load(out / "parameter_values.json")["parameterValues"]}
    known = {each["name"] for each in load(out / "template.json")["parameterDefinitions"]}
    assert {name for name in values if not name.startswith("deadline:")} <= known
    openjd = Path(sys.executable).with_name("openjd")
    if openjd.exists():
        said = subprocess.run([openjd, "check", out / "template.json"], capture_output=True, text=True)
        assert said.returncode == 0, said.stdout


PYOUTLINE = {
    "__init__.py": """
import json, types
class Outline:
    def __init__(self, name):
        self.layers = []
    def add_layer(self, layer):
        self.layers.append(layer)
def launch(made, use_pycuerun):
    print(json.dumps([(layer.name, layer.more["commands"], layer.needs) for layer in made.layers]))
cuerun = types.SimpleNamespace(launch=launch)
""",
    "modules/__init__.py": "",
    "modules/shell.py": """
class ShellSequence:
    def __init__(self, name, **more):
        self.name, self.more, self.needs = name, more, []
    def depend_all(self, other):
        self.needs.append(other.name)
""",
}
"""What stands in for pyoutline, under the name by which its users import it."""


def test_the_outline_names_every_task(tmp_path: Path, orders: list[str]) -> None:
    """Run as docs/farms.md says, from its folder: no file of ours hides the module that it imports."""
    out, library = tmp_path / "farm", tmp_path / "site" / "outline"
    for name, text in PYOUTLINE.items():
        (library / name).parent.mkdir(parents=True, exist_ok=True)
        (library / name).write_text(text)
    assert main(["farm", "opencue", *orders, "--out", str(out), "--parts", "3"]) == 0
    said = subprocess.run(
        [sys.executable, str(out / "galatea_cue.py")], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(library.parent)},
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    made = json.loads(said.stdout)
    assert [(name, len(commands), needs) for name, commands, needs in made] == [
        ("finish", 2, []), ("rig", 2, ["finish"]), ("frames", 6, ["rig"]), ("encode", 2, ["frames"]),
    ]  # fmt: skip
    assert made[2][1][-1][-2:] == ["--part", "3/3"]


def test_names_come_through_as_they_are(tmp_path: Path, orders: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    name, out = 'a true "story" 🎬', tmp_path / "farm"
    assert main(["farm", "opencue", *orders, "--out", str(out), "--name", name]) == 0
    head = (out / "galatea_cue.py").read_text(encoding="utf-8").partition("PLAN = ")[2].partition("\n\n\n")[0]
    plan = ast.literal_eval(head)
    assert plan["name"] == name and plan["phases"][2]["shared"] is True
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    assert main(["farm", "flamenco", *orders, "--out", str(out), "--name", name]) == 0
    job = load(out / "job.json")
    assert (job["name"], job["submitter_platform"]) == (name, "darwin")


def test_a_bundle_gives_way_to_no_other_orders_unasked(
    tmp_path: Path, orders: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A farm may be at them; the same orders for another farm may share the folder."""
    out = tmp_path / "farm"
    assert main(["farm", "openjd", *orders, "--out", str(out)]) == 0
    assert main(["farm", "deadline", *orders, "--out", str(out)]) == 0
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    other = load(Path(orders[0]))
    ((role, given),) = other["inputs"].items()
    mesh = tmp_path / f"other{Path(given).suffix}"
    mesh.write_bytes((Path(orders[0]).parent / given).read_bytes() + b"\n")
    (tmp_path / "another.json").write_text(json.dumps({**other, "inputs": {role: str(mesh)}}))
    for given in (orders[:1], orders[::-1], [str(tmp_path / "another.json")], [*orders, "--parts", "3"]):
        assert main(["farm", "openjd", *given, "--out", str(out)]) == 2
        assert "holds another job of a farm" in capsys.readouterr().err
        assert before == {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert main(["farm", "openjd", orders[1], "--out", str(out), "--overwrite"]) == 0
    assert [path.name for path in (out / "orders").iterdir()] == ["1.json"]
    assert load(out / "orders" / "1.json")["seed"] == 1


def test_the_older_bundle_goes_whole_and_nothing_else(
    tmp_path: Path, orders: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Of another farm, and what only its orders named; what was put there by others stays."""
    out = tmp_path / "farm"

    def names() -> set[str]:
        return {path.name for path in out.rglob("*") if path.is_file()}

    other = load(Path(orders[0]))
    mesh = tmp_path / "other.obj"
    mesh.write_bytes((tmp_path / "cube.obj").read_bytes() + b"\n")
    (tmp_path / "another.json").write_text(json.dumps({**other, "inputs": {"model": "other.obj"}}))
    for farm in ("deadline", "opencue", "flamenco"):
        assert main(["farm", farm, orders[0], str(tmp_path / "another.json"), "--out", str(out)]) == 0
    assert {"galatea_cue.py", "job.json", "template.json", "other.obj"} <= names()
    theirs = tmp_path / "theirs.txt"
    for path in (out / "notes.txt", out / "orders" / "notes.json", theirs):
        path.write_text("mine")
    record = out / "bundle.json"
    record.write_text(json.dumps([*load(record), "../theirs.txt", "gone.json"]))
    shutil.rmtree(out / "orders")
    assert main(["farm", "openjd", orders[0], "--out", str(out)]) == 2
    assert "holds another job of a farm" in capsys.readouterr().err and "galatea_cue.py" in names()
    (out / "orders").mkdir()
    (out / "orders" / "notes.json").write_text("mine")
    assert main(["farm", "openjd", orders[0], "--out", str(out), "--overwrite"]) == 0
    assert names() == {"template.json", "1.json", "cube.obj", "film.toml", "bundle.json", "notes.txt", "notes.json"}
    assert theirs.exists() and len(list((out / "inputs").iterdir())) == 2
    assert main(["farm", "opencue", orders[0], "--out", str(out), "--overwrite"]) == 0
    assert {"template.json", "galatea_cue.py"} <= names(), "the same orders, for two farms"
    inside = str(out / "orders" / "1.json")
    assert main(["farm", "flamenco", inside, "--out", str(out), "--overwrite"]) == 0, "which names its own inputs"
