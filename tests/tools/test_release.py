# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of a release: zips, sums and the listing, together or not at all."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("bpy")
from galatea.tools.build import BuildError, listed
from galatea.tools.release import release

MANIFEST = """schema_version = "1.0.0"
id = "thing"
version = "{version}"
name = "Thing"
tagline = "A thing for a test"
maintainer = "Nobody"
type = "add-on"
blender_version_min = "4.2.0"
license = ["SPDX:GPL-3.0-or-later"]
platforms = ["{platform}"]
"""


def extension(folder: Path, platform: str, version: str = "0.1.0") -> Path:
    path = folder / f"thing-{version}-{platform.replace('-', '_')}.zip"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("__init__.py", "def register(): ...\ndef unregister(): ...\n")
        made.writestr("blender_manifest.toml", MANIFEST.format(version=version, platform=platform))
    return path


def test_a_release_lists_each_platform_with_its_size_and_sum(tmp_path: Path) -> None:
    zips = [extension(tmp_path, platform) for platform in ("linux-x64", "windows-x64")]
    out = tmp_path / "dist" / "release"
    assert {path.name for path in release(zips, out)} == {"SHA256SUMS", "index.json", *(path.name for path in zips)}
    listing = json.loads((out / "index.json").read_text())
    assert listing["version"] == "v1"
    assert {entry["platforms"][0] for entry in listing["data"]} == {"linux-x64", "windows-x64"}
    for entry in listing["data"]:
        path = out / entry["archive_url"]
        assert entry["archive_size"] == path.stat().st_size
        assert entry["archive_hash"] == f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    sums = dict(reversed(line.split("  ")) for line in (out / "SHA256SUMS").read_text().splitlines())
    assert sums == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in zips}


def test_what_is_small_is_told_in_kilobytes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "small.zip"
    path.write_bytes(bytes(23_400))
    assert listed(lambda: [path]) == 0 and capsys.readouterr().out == f"{path}  23 kB\n"


def test_the_one_before_stays_whole_where_a_zip_is_none(tmp_path: Path) -> None:
    out = tmp_path / "release"
    release([extension(tmp_path, "linux-x64")], out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    (tmp_path / "broken.zip").write_bytes(b"this is no zip")
    with pytest.raises(BuildError):
        release([tmp_path / "broken.zip"], out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    release([extension(tmp_path, "linux-x64", "0.2.0")], out)
    assert not (out / "thing-0.1.0-linux_x64.zip").exists(), "what is old is not listed again"
