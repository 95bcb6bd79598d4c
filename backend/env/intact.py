# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a package is there to the last byte, by the RECORD that pip leaves: a half install never looks whole."""

from __future__ import annotations

import base64
import csv
import hashlib
import re
import shutil
from pathlib import Path

from .lock import Package


def site_packages(venv: Path) -> Path | None:
    """Where this environment keeps its packages."""
    for folder in (venv / "Lib" / "site-packages", *sorted(venv.glob("lib/python3.*/site-packages"))):
        if folder.is_dir():
            return folder
    return None


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def installed(site: Path) -> dict[str, list[Path]]:
    """The dist-info folders by package; two of one package say that an update broke off."""
    found: dict[str, list[Path]] = {}
    for folder in sorted(site.glob("*.dist-info")):
        found.setdefault(normal(folder.name.removesuffix(".dist-info").rpartition("-")[0]), []).append(folder)
    return found


def intact(site: Path, package: Package) -> bool:
    """True if this version, and no other, is installed and every file has the hash that was recorded."""
    folders = installed(site).get(normal(package.name), [])
    versions = [folder.name.removesuffix(".dist-info").rpartition("-")[2] for folder in folders]
    return versions == [package.version] and _files_intact(site, folders[0])


def whole(site: Path, name: str) -> bool:
    """The same for whatever version is there; False where none is."""
    folders = installed(site).get(normal(name), [])
    return len(folders) == 1 and _files_intact(site, folders[0])


def forget(site: Path, package: Package) -> None:
    """Make pip believe that the package is not there, so that it writes every file again."""
    for folder in installed(site).get(normal(package.name), []):
        shutil.rmtree(folder, ignore_errors=True)


def _files_intact(site: Path, info: Path) -> bool:
    try:
        with (info / "RECORD").open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.reader(file) if row]
        for name, digest, *_ in rows:
            algorithm, _, expected = digest.partition("=")
            if not expected:
                continue  # RECORD itself, and byte code
            with (site / name).open("rb") as file:
                actual = hashlib.file_digest(file, algorithm).digest()
            if base64.urlsafe_b64encode(actual).rstrip(b"=").decode() != expected:
                return False
    except (OSError, ValueError):
        return False
    return bool(rows)
