# SPDX-License-Identifier: GPL-3.0-or-later
"""The viewer page: the GLB in it to the byte, nothing that a file says becomes markup, and what cannot be shown."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from galatea.backend.backends import viewer
from galatea.backend.geometry.facts import facts
from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.job import Request

from ..golden import glb
from .test_relief import Notes

ROOT = Path(__file__).resolve().parents[2]
EVIL = "</script><script>alert(1)</script><!--<script>\"'&lt; onload=x \u202e\u2028\ud800\0${title}$title"


class Read(HTMLParser):
    """Elements with their attributes, and the text of scripts and of all else."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.style = self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "script":
            self.scripts[-1] += data
        elif self.cdata_elem == "style":
            self.style += data
        else:
            self.text += data


def made(model: Path, folder: Path, **params: Any) -> tuple[Notes, str]:
    notes = Notes(folder)
    spec = viewer.Backend.spec
    viewer.Backend().run(Request.of(spec, {"model": model}), spec.fill(params), notes)  # type: ignore[arg-type]
    page = folder / "viewer.html"
    return notes, page.read_bytes().decode() if page.is_file() else ""


def test_the_page_holds_the_file_to_the_byte_and_nothing_of_elsewhere(tmp_path: Path) -> None:
    model = glb.write(tmp_path / "model.glb")
    with model.open("ab") as file:  # more than one portion, and no multiple of three
        file.write(os.urandom(viewer.PORTION + 1))
    notes, page = made(model, tmp_path / "out", credit="Ann, CC0")
    read = Read(page)
    data, text = next(s for (t, a), s in zip(scripts(read), read.scripts, strict=True) if a.get("id") == "model"), ""
    assert base64.b64decode(data, validate=True) == model.read_bytes()
    for tag, attributes in read.tags:
        text += " ".join(f"{tag} {name}" for name in attributes if name in ("src", "href", "style") or name[:2] == "on")
    assert text == "", "nothing is fetched, nothing is said where the policy does not look"
    assert "Ann, CC0" in read.text and "colour 16\u00a0×\u00a08" in read.text
    assert notes.metrics == {"faces": 108, "vertices": 216, "clips": 1}
    assert [phase for phase, _ in notes.phases].count("Writing the page") >= 2


def scripts(read: Read) -> list[tuple[str, dict[str, str | None]]]:
    return [each for each in read.tags if each[0] == "script"]


def test_the_policy_lets_run_what_is_in_the_page_and_nothing_else(tmp_path: Path) -> None:
    read = Read(made(glb.write(tmp_path / "model.glb"), tmp_path / "out")[1])
    (policy,) = [a["content"] or "" for t, a in read.tags if t == "meta" and a.get("http-equiv")]
    said = {name: values for name, *values in (part.split() for part in policy.split(";"))}

    def hashed(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    code = [s for (_, a), s in zip(scripts(read), read.scripts, strict=True) if "type" not in a]
    assert said["default-src"] == ["'none'"] and said["script-src"] == [hashed(each) for each in code]
    assert said["style-src"] == [hashed(read.style)] and len(code) == 4
    assert said["connect-src"] == said["img-src"] == ["blob:", "data:"] or set(said["img-src"]) == {"blob:", "data:"}
    assert "unsafe" not in policy and "http" not in policy


def test_what_a_hostile_file_says_is_text(tmp_path: Path) -> None:
    ours = {
        "producer": EVIL,
        "version": EVIL,
        "backend": EVIL,
        "license": EVIL,
        "inputs": [{"role": EVIL, "sha256": EVIL}],
    }
    plain = Read(made(glb.write(tmp_path / "plain.glb"), tmp_path / "plain")[1])
    model = glb.write(
        tmp_path / "model.glb",
        lambda tree: tree["asset"].update(copyright=EVIL),
        name=EVIL,
        clip=EVIL,
        extras={"galatea": ours},
    )
    _, page = made(model, tmp_path / "out", title=EVIL.replace("\ud800", ""), credit=EVIL.replace("\ud800", ""))
    read = Read(page)
    assert len(read.scripts) == len(plain.scripts)
    assert {tag for tag, _ in read.tags} == {tag for tag, _ in plain.tags}
    assert read.text.count("<script>alert(1)</script>") >= 6, "it is to be read, as what it is"
    assert "\u202e" not in page and "\0" not in page and "$title" in read.text
    settings = next(s for (_, a), s in zip(scripts(read), read.scripts, strict=True) if a.get("id") == "settings")
    assert json.loads(settings) == {"turn": True, "hidden": []}


def test_coarser_levels_and_hulls_are_no_part_of_the_picture(tmp_path: Path) -> None:
    def change(tree: Any) -> None:
        tree["nodes"] += [{"mesh": 0, "name": "Thing_LOD1"}, {"mesh": 0, "name": "UCX_Thing_00"}]
        tree["scenes"][0]["nodes"] += [4, 5]

    found = facts(glb.write(tmp_path / "model.glb", change).read_bytes())
    assert sorted(found.hidden) == [4, 5] and found.faces == 108 and found.name == "Thing"


BAD: dict[str, tuple[Any, str]] = {
    "draco": (lambda t: t.update(extensionsRequired=["KHR_draco_mesh_compression"]), "compress"),
    "unknown": (lambda t: t.update(extensionsRequired=["KHR_texture_basisu"]), "does not know"),
    "elsewhere": (lambda t: t["images"].append({"uri": "https://example.org/spy.png"}), "needs another file"),
    "beside": (lambda t: t["buffers"].append({"uri": "mesh.bin", "byteLength": 4}), "needs another file"),
    "empty": (lambda t: t["scenes"][0].update(nodes=[]), "no faces"),
    "ring": (lambda t: t["nodes"][3].update(children=[2]), "hangs on itself"),
    "number": (lambda t: t["scenes"][0].update(nodes=[-1]), "a number in it is -1"),
    "count": (
        lambda t: t["accessors"][t["meshes"][0]["primitives"][0]["indices"]].update(count=10**30),
        "a number in it is 1000",
    ),
    "types": (lambda t: t.update(meshes=7), "cannot be shown"),
    "list": (lambda t: t.update(images={"a": 1}), "cannot be shown"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_shown_is_said_with_what_to_do(what: str, tmp_path: Path) -> None:
    change, words = BAD[what]
    model = glb.write(tmp_path / "model.glb", change)
    with pytest.raises(UserError, match=words) as caught:
        made(model, tmp_path / "out")
    assert "Export it again" in str(caught.value)
    assert not (tmp_path / "out" / "viewer.html").exists()


@pytest.mark.parametrize("keep", [0, 3, 12, 19, 400, -5])
def test_a_file_that_is_cut_off(keep: int, tmp_path: Path) -> None:
    model = glb.write(tmp_path / "model.glb")
    model.write_bytes(model.read_bytes()[:keep])
    with pytest.raises(UserError, match="Export it again"):
        made(model, tmp_path / "out")


def test_what_is_too_large_or_of_another_kind(tmp_path: Path) -> None:
    large = tmp_path / "large.glb"
    with large.open("wb") as file:
        file.truncate(200 * 10**6)
    with pytest.raises(UserError, match=r"200 MB.*100 MB at most.*bake\.size"):
        made(large, tmp_path / "out")
    other = tmp_path / "model.fbx"
    other.write_bytes(b"Kaydara")
    with pytest.raises(UserError, match=r"export\.format=glb"):
        made(other, tmp_path / "out")
    notes, page = made(other, tmp_path / "out", needed=False)
    assert page == "" and len(notes.warnings) == 1 and "export.format=glb" in notes.warnings[0]


def test_a_cancel_takes_effect_while_it_is_written(tmp_path: Path) -> None:
    model = glb.write(tmp_path / "model.glb")
    with model.open("ab") as file:
        file.truncate(4 * viewer.PORTION)
    notes = Notes(tmp_path / "out")
    notes.stop_after = 2
    with pytest.raises(InterruptedError):
        viewer.Backend().run(
            Request.of(viewer.Backend.spec, {"model": model}),
            viewer.Backend.spec.fill({}),
            notes,  # type: ignore[arg-type]
        )


def test_a_damaged_bundle_is_not_put_into_a_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    copy = tmp_path / "viewer"
    shutil.copytree(viewer.PARTS, copy)
    (copy / "three.bundle.js").write_text((copy / "three.bundle.js").read_text("utf-8") + "evil()", "utf-8")
    monkeypatch.setattr(viewer, "PARTS", copy)
    with pytest.raises(UserError, match="Install the extension again"):
        made(glb.write(tmp_path / "model.glb"), tmp_path / "out")


def test_the_bundle_is_the_one_that_is_named_and_ends_no_script() -> None:
    data = (viewer.PARTS / "three.bundle.js").read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    assert digest == viewer.BUNDLE_SHA256
    assert digest in (ROOT / "THIRD_PARTY.md").read_text("utf-8")
    for name in viewer.SCRIPTS:
        text = (viewer.PARTS / name).read_text("utf-8")
        assert not re.search(r"</script|<!--|\r|\0", text, re.IGNORECASE), name
    version = re.search(r"three\.js (\S+), MIT", data[:200].decode())
    assert version and version[1] == tool().PACKAGES["three"][0]


def tool() -> Any:
    spec = importlib.util.spec_from_file_location("galatea_viewer_tool", ROOT / "tools" / "viewer.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_packages_give_the_bundle_again() -> None:
    if not (shutil.which("npm") and shutil.which("node")):
        pytest.skip("npm and Node are not installed")
    probe = ["npm", "view", "three", "version", "--fetch-retries=0", "--fetch-timeout=10000"]
    if subprocess.run(probe, capture_output=True, stdin=subprocess.DEVNULL).returncode:
        pytest.skip("npm has no registry here")
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "viewer.py"), "check"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_runs_in_a_recipe(tmp_path: Path) -> None:
    recipe = tmp_path / "page.toml"
    recipe.write_text('version = 1\nname = "Page"\ninputs = ["model"]\n[[step]]\ndo = "viewer"\n')
    model = glb.write(tmp_path / "model.glb")
    command = [sys.executable, "-P", str(ROOT / "backend"), "run", str(recipe), "--mesh", str(model)]
    env = {**os.environ, "GALATEA_HOME": str(tmp_path / "home")}
    done = subprocess.run([*command, "--out", str(tmp_path / "out")], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "out" / "viewer.html").read_text("utf-8")
    assert base64.b64encode(model.read_bytes()).decode() in page
    assert "Thing" in unescape(page)
