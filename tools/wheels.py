# SPDX-License-Identifier: GPL-3.0-or-later
"""The wheels that a built zip carries: `fetch` them as locked, or `lock` what there is.

pip does the fetching, from wherever this machine's pip looks; the sha256 of the lock decides whether it is the file.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "wheels" / "lock.toml"
CACHE = ROOT / ".cache" / "wheels"

PACKAGES = {
    "coacd": "1.0.14",
    "fast-simplification": "0.2.0",
    "onnxruntime": "1.31.1",
    "pillow": "13.0.0",
    "xatlas": "0.0.11",
}
PYTHONS = ("3.11", "3.13", "3.14")
PLATFORMS = {
    "linux-x64": ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"),
    "windows-x64": ("win_amd64",),
    "macos-arm64": ("macosx_14_0_arm64", "macosx_11_0_arm64"),
}
"""Blender's name of a platform, and the tags that run there (Blender itself asks for glibc 2.28)."""


class WheelError(Exception):
    """A wheel that cannot be had, or is another than the locked one."""


@dataclass(frozen=True)
class Wheel:
    package: str
    version: str
    python: str
    platform: str
    file: str
    sha256: str


def locked(platforms: Iterable[str] = PLATFORMS) -> list[Wheel]:
    """The wheels of these platforms, as the lock names them."""
    wanted = set(platforms)
    wheels = [Wheel(**item) for item in tomllib.loads(LOCK.read_text(encoding="utf-8"))["wheel"]]
    return [wheel for wheel in wheels if wheel.platform in wanted]


def fetch(platforms: Iterable[str] = PLATFORMS, folder: Path = CACHE) -> list[Path]:
    """The files of the locked wheels, fetched where they are not there yet; raises `WheelError`."""
    paths = []
    for wheel in locked(platforms):
        path = folder / wheel.file
        if not path.is_file() or _sha256(path) != wheel.sha256:
            path.unlink(missing_ok=True)
            _download(wheel.package, wheel.version, wheel.python, wheel.platform, folder)
        if not path.is_file():
            raise WheelError(
                f"pip found another wheel than {wheel.file}. Run `tools/wheels.py lock` and look at the change."
            )
        if _sha256(path) != wheel.sha256:
            raise WheelError(f"{path} is not the locked file: its sha256 differs. Delete it, and find out why.")
        paths.append(path)
    return list(dict.fromkeys(paths))  # one file may be for every Python


def lock(folder: Path = CACHE) -> list[str]:
    """Write the lock of all that exists; returns what does not."""
    found, missing = [], []
    for package, version in PACKAGES.items():
        for platform in PLATFORMS:
            for python in PYTHONS:
                try:
                    path = _download(package, version, python, platform, folder)
                except WheelError:
                    missing.append(f"{package} {version} for Python {python} on {platform}")
                else:
                    found.append(Wheel(package, version, python, platform, path.name, _sha256(path)))
    lines = ["# Written by `tools/wheels.py lock`; what a built zip carries. See README.md.", "version = 1", ""]
    for wheel in found:
        lines += ["[[wheel]]", *(f'{name} = "{value}"' for name, value in asdict(wheel).items()), ""]
    LOCK.write_text("\n".join(lines), encoding="utf-8")
    return missing


def _download(package: str, version: str, python: str, platform: str, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    tags = [text for tag in PLATFORMS[platform] for text in ("--platform", tag)]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary", ":all:", "--implementation", "cp", "--python-version", python, *tags]
    with tempfile.TemporaryDirectory(".part", dir=folder) as part:  # one's own: two may fetch the same at once
        run = subprocess.run(
            [*command, "--dest", part, f"{package}=={version}"],
            capture_output=True, text=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        files = list(Path(part).glob("*.whl"))
        if run.returncode or len(files) != 1:
            raise WheelError(f"No wheel of {package} {version}, Python {python}, {platform}:\n{run.stderr.strip()}")
        return files[0].replace(folder / files[0].name)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("verb", choices=("fetch", "lock"))
    parser.add_argument("--platform", choices=tuple(PLATFORMS), action="append", help="only this one (fetch)")
    options = parser.parse_args(argv)
    try:
        if options.verb == "lock":
            for line in lock():
                print("does not exist:", line)
        else:
            for path in fetch(options.platform or PLATFORMS):
                print(path)
    except WheelError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
