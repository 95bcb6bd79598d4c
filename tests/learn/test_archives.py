# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives that lie, are cut off, or reach out of their folder."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from galatea.backend.learn.things import sources
from galatea.backend.learn.things.readers.files import Zip

from .made import chair, library


class TestHostileArchives:
    @pytest.mark.parametrize("name", ["../evil.obj", "/etc/evil", "a/../../evil", "C:\\evil", "..\\evil"])
    def test_a_name_that_leaves_its_zip_is_refused(self, tmp_path: Path, name: str) -> None:
        path = tmp_path / "a.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, "x")
        with pytest.raises(ValueError, match="outside"):
            Zip(path)
        with pytest.raises(ValueError, match="outside"):
            sources.unpack(path, tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_cut_off_archives_are_refused(self, tmp_path: Path) -> None:
        path = library(tmp_path / "a.sh3f", {"chair": chair()})
        path.write_bytes(path.read_bytes()[:-30])
        with pytest.raises(ValueError, match="whole zip"):
            Zip(path)
        bad = tmp_path / "a.tgz"
        bad.write_bytes(b"\x1f\x8b no")
        with pytest.raises(ValueError, match="unpacked"):
            sources.unpack(bad, tmp_path / "out")

    def test_a_tar_that_leaves_its_folder_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "a.tgz"
        with tarfile.open(path, "w:gz") as archive:
            entry = tarfile.TarInfo("../evil")
            archive.addfile(entry, io.BytesIO(b""))
        with pytest.raises(ValueError, match="unpacked"):
            sources.unpack(path, tmp_path / "out")
        assert not (tmp_path / "evil").exists()

    def test_a_file_with_damaged_content_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "a.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a", "hello hello hello")
        path.write_bytes(path.read_bytes().replace(b"hello hello", b"jello hello"))
        with pytest.raises(ValueError, match="cannot be read"):
            Zip(path).read("a")

    def test_a_bomb_is_refused_by_its_header(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from galatea.backend.learn.things.readers import files

        monkeypatch.setattr(files, "MAX_FILE", 1000)
        path = tmp_path / "a.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a", b"\0" * 100_000)
        with pytest.raises(ValueError, match="MiB"):
            Zip(path).read("a")
