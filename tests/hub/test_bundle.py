# SPDX-License-Identifier: GPL-3.0-or-later
"""Weights travel in a zip to machines without a network; a bundle that lies or is hostile writes nothing."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import zipfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from galatea.backend.hub import Kept, bundle, fetch
from galatea.backend.protocol.catalog import catalog
from galatea.backend.protocol.errors import JobCancelled, UserError
from galatea.backend.protocol.spec import BackendSpec, File, Weights

Make = Callable[..., Weights]
Entries = dict[str, bytes]
FOLDER = "maker--model/5b521936b01fbe1890f6f9baed0254ab6351c04a"


def quiet(phase: str, fraction: float) -> None:
    pass


@pytest.fixture
def made(here: Any, weights: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundle of the published weights; from here on another machine that nothing reaches."""
    fetch.fetch([weights(pinned=False)], quiet)
    out = tmp_path / "b.zip"
    told: list[float] = []
    digest = bundle.export([Kept(weights())], out, lambda phase, fraction: told.append(fraction))
    assert digest == hashlib.sha256(out.read_bytes()).hexdigest() and told == sorted(told) and told[-1] == 1.0
    monkeypatch.setenv("GALATEA_HOME", str(tmp_path / "closed"))
    monkeypatch.setenv("GALATEA_OFFLINE", "1")
    here.asked.clear()
    return out


def opened(path: Path) -> Entries:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def listed(entries: Entries) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(entries[bundle.LIST])
    return data


def closed(path: Path, entries: Entries) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def arrived(home: Path) -> list[str]:
    """All files below a data folder but the locks."""
    return sorted(p.relative_to(home).as_posix() for p in home.rglob("*") if p.is_file() and p.name != "lock")


def test_from_an_open_machine_to_a_closed_one(made: Path, within: Any, hub: Any, tmp_path: Path) -> None:
    done = within("models", "import", made)
    assert done.returncode == 0, done.stderr
    folder = Path(done.stdout.strip())
    assert folder == tmp_path / "closed" / "weights" / FOLDER
    assert {name: (folder / name).read_bytes() for name in hub.files} == hub.files and not hub.asked
    (row,) = [row for row in json.loads(within("models", "list", "--json").stdout) if not row["used"]]
    assert row["state"] == "installed" and row["license"] == "MIT"
    again = tmp_path / "again.zip"
    export = within("models", "export", "maker/model", "--out", again)
    assert export.returncode == 0 and export.stdout == f"{again}\n", export.stderr
    assert again.read_bytes() == made.read_bytes(), "the same weights make the same bundle"
    refused = within("models", "export", "maker/model", "--out", again)
    assert refused.returncode == 7 and "is there already" in refused.stderr


def _stranger(entries: Entries) -> None:
    entries["../../evil"] = b"x"


def _moved(entries: Entries, name: str) -> None:
    data = listed(entries)
    content = entries.pop(f"{FOLDER}/model.ckpt")
    entries[f"{FOLDER}/{name}"] = content
    for file in data["weights"][0]["files"]:
        file["name"] = name if file["name"] == "model.ckpt" else file["name"]
    entries[bundle.LIST] = json.dumps(data).encode()


def _told(entries: Entries, **changes: Any) -> None:
    data = listed(entries)
    data["weights"][0].update(changes)
    entries[bundle.LIST] = json.dumps(data).encode()


def _flipped(entries: Entries) -> None:
    content = bytearray(entries[f"{FOLDER}/model.ckpt"])
    content[7] ^= 1
    entries[f"{FOLDER}/model.ckpt"] = bytes(content)


HOSTILE: dict[str, tuple[Callable[[Entries], Any], str]] = {
    "an entry beside": (_stranger, "'../../evil' is not on its list"),
    "out of the folder": (lambda e: _moved(e, "../../../evil"), "no path below a folder"),
    "absolute": (lambda e: _moved(e, "/tmp/evil.ckpt"), "no path below a folder"),
    "our record": (lambda e: _moved(e, "verified.json"), "is no name for a file"),
    "a device": (lambda e: _moved(e, "nul.safetensors"), "is no name for a file"),
    "a program": (lambda e: _moved(e, "model.py"), "nothing that is loaded here"),
    "another repository's folder": (lambda e: _told(e, revision="../../x"), "no repository and revision"),
    "words for a terminal": (lambda e: _told(e, license="MIT\x1b[2J"), "not for reading"),
    "a page that is none": (lambda e: _told(e, page="file:///etc/passwd"), "its page is none"),
    "no hashes": (lambda e: _told(e, files=[{"name": "model.ckpt", "size": 1 << 21}]), "no sha256"),
    "a changed byte": (_flipped, "another hash than its list says"),
    "a longer file": (lambda e: e.update({f"{FOLDER}/model.ckpt": bytes(1 << 24)}), "not as its list says"),
    "a file that lacks": (lambda e: e.pop(f"{FOLDER}/config.yaml"), "it lacks"),
    "no list": (lambda e: e.pop(bundle.LIST), "has no bundle.json"),
    "a deep list": (lambda e: e.update({bundle.LIST: b"[" * 200_000}), "cannot be understood"),
    "a list of something else": (lambda e: e.update({bundle.LIST: b"[1, 2]"}), "cannot be understood"),
    "another schema": (lambda e: e.update({bundle.LIST: b'{"schema": 9}'}), "update Galatea"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_bundle_writes_nothing(made: Path, within: Any, tmp_path: Path, name: str) -> None:
    change, says = HOSTILE[name]
    entries = dict(reversed(opened(made).items()))  # the large file first, so that a wrong one stops the rest
    change(entries)
    done = within("models", "import", closed(tmp_path / "hostile.zip", entries))
    assert done.returncode == 4 and says in done.stderr, done.stderr
    assert "Traceback" not in done.stderr and not [n for n in arrived(tmp_path / "closed") if "model.ckpt" in n]
    assert not list(tmp_path.rglob("*evil*"))


def test_what_is_no_bundle_is_said_to_be_none(made: Path, within: Any, tmp_path: Path) -> None:
    half = tmp_path / "half.zip"
    half.write_bytes(made.read_bytes()[:-100_000])
    text = tmp_path / "text.zip"
    text.write_text("Please log in")
    for path, code, says in ((half, 4, "or damaged"), (text, 4, "is no bundle"), (tmp_path / "no", 3, "no file")):
        done = within("models", "import", path)
        assert done.returncode == code and says in done.stderr, done.stderr
    assert not arrived(tmp_path / "closed")


def test_an_entry_that_is_a_link_becomes_a_file(made: Path, tmp_path: Path) -> None:
    entries = opened(made)
    target = b"/etc/passwd"
    data = listed(entries)
    file = next(file for file in data["weights"][0]["files"] if file["name"] == "config.yaml")
    file.update(size=len(target), sha256=hashlib.sha256(target).hexdigest())
    entries[bundle.LIST] = json.dumps(data).encode()
    path = tmp_path / "link.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            info = zipfile.ZipInfo(name)
            if name.endswith("config.yaml"):
                info.external_attr, content = (stat.S_IFLNK | 0o777) << 16, target
            archive.writestr(info, content)
    several = bundle.look(path)
    bundle.bring(path, several, quiet)
    there = Kept(several[0]).root / "config.yaml"
    assert there.read_bytes() == target and not there.is_symlink()


def demo(weights: Weights) -> BackendSpec:
    return BackendSpec("demo", "Demo", "check", "", weights=(weights,), license=weights.license)


def test_what_is_pinned_here_decides(made: Path, weights: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def knowing(mine: Weights) -> None:
        known = {**catalog(), "demo": demo(mine)}
        monkeypatch.setattr("galatea.backend.hub.bundle.catalog", lambda: known)

    knowing(weights(license="Community License", gated=True))
    (found,) = bundle.look(made)
    assert found.license == "Community License" and found.gated, "whatever the bundle says"
    other = weights()
    knowing(replace(other, files=(File("model.ckpt", 0, "0" * 64),)))
    with pytest.raises(UserError, match="not the one that is known here") as caught:
        bundle.look(made)
    assert caught.value.kind == "weights"


def test_terms_want_a_yes_before_the_first_byte(made: Path, within: Any, tmp_path: Path) -> None:
    entries = opened(made)
    _told(entries, license="Community License")
    path = closed(tmp_path / "strict.zip", entries)
    done = within("models", "import", path)
    assert done.returncode == 2 and "Read them, then import with --yes" in done.stderr
    assert not arrived(tmp_path / "closed")
    assert within("models", "import", path, "--yes").returncode == 0


def test_a_broken_off_import_goes_on(made: Path, monkeypatch: pytest.MonkeyPatch, weights: Make) -> None:
    several = [replace(each, files=each.files[::-1]) for each in bundle.look(made)]
    kept = Kept(several[0])
    small = kept.path(kept.weights.files[0])
    with pytest.raises(JobCancelled):
        bundle.bring(made, several, quiet, cancel=small.is_file)
    before = small.stat()
    assert not kept.whole and len(kept.missing()) == 1
    assert not list(kept.root.glob("*.part"))
    bundle.bring(made, several, quiet)
    assert kept.whole and small.stat().st_mtime_ns == before.st_mtime_ns, "what is proved is not written again"


def test_a_damaged_file_is_not_exported(here: Any, weights: Make, tmp_path: Path) -> None:
    fetch.fetch([weights()], quiet)
    path = Kept(weights()).root / "model.ckpt"
    before = path.stat()
    path.write_bytes(bytes(before.st_size))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(UserError, match="no longer what it was"):
        bundle.export([Kept(weights())], tmp_path / "b.zip", quiet)
    assert not list(tmp_path.glob("b.zip*"))


def test_too_small_a_disk_is_told_before_the_first_byte(
    made: Path, weights: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 1_000_000

    several = bundle.look(made)
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda folder: Usage())
    with pytest.raises(UserError, match="need 2 MB of disk"):
        bundle.bring(made, several, quiet)
    assert not arrived(tmp_path / "closed")
    monkeypatch.setenv("GALATEA_HOME", str(tmp_path / "home"))
    with pytest.raises(UserError, match="need 2 MB of disk"):
        bundle.export([Kept(weights())], tmp_path / "c.zip", quiet)
    assert not list(tmp_path.glob("c.zip*"))


def test_two_backends_of_one_revision_share_an_entry(here: Any, weights: Make, tmp_path: Path) -> None:
    one = weights()
    halves = [replace(one, files=(file,)) for file in one.files]
    fetch.fetch(halves, quiet)
    bundle.export([Kept(half) for half in halves], tmp_path / "b.zip", quiet)
    (found,) = bundle.look(tmp_path / "b.zip")
    assert asdict(found) == asdict(one)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["export"], 2, "Name what and whereto"),
        (["export", "maker/model"], 2, "Name what and whereto"),
        (["export", "triposr", "--out", "x.zip"], 4, "is not whole here"),
        (["import"], 2, "Name one bundle"),
        (["list", "--out", "x.zip"], 2, "--out is for `galatea models export`"),
        (["import", "x", "--unused"], 2, "--unused is for `galatea models remove`"),
    ],
)
def test_wrong_usage(within: Any, arguments: list[str], code: int, says: str) -> None:
    done = within("models", *arguments)
    assert done.returncode == code and says in done.stderr
