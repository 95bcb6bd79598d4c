# SPDX-License-Identifier: GPL-3.0-or-later
"""What an environment consists of, to the last package: one lock file a system and accelerator."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ..protocol.errors import UserError

FOLDER = Path(__file__).resolve().parent / "locks"
ACCELERATORS = ("auto", "cpu", "cuda")
_LINE = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;#]+)\s*(?:#\s*(?P<mb>\d+) MB)?")


@dataclass(frozen=True)
class Package:
    """`mb` is what has to be fetched, in megabytes; it weighs the progress."""

    name: str
    version: str
    mb: int = 1

    def __str__(self) -> str:
        return f"{self.name}=={self.version}"


@dataclass(frozen=True)
class Lock:
    name: str
    packages: tuple[Package, ...]
    sha256: str

    @classmethod
    def read(cls, path: Path) -> Lock:
        """Every line is `name==version`, with `# 12 MB` behind it where it is big; nothing else is taken."""
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise UserError(f"Cannot read the lock file {path}: {error}.", kind="usage") from None
        packages = []
        for line in text.splitlines():
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            match = _LINE.fullmatch(line)
            if not match:
                raise UserError(f"{path}: {line!r} is not of the form name==version.", kind="usage")
            packages.append(Package(match["name"], match["version"], int(match["mb"] or 1)))
        if not packages:
            raise UserError(f"{path} names no package.", kind="usage")
        return cls(path.stem, tuple(packages), hashlib.sha256(text.encode()).hexdigest())

    @property
    def mb(self) -> int:
        return sum(package.mb for package in self.packages)

    @property
    def disk_mb(self) -> int:
        """Unpacked, with what pip keeps meanwhile; measured on Linux and rounded up."""
        return 500 + 4 * self.mb if self.mb > 50 else 60


def choices(accelerator: str) -> list[Path]:
    """The locks for this system, the best first; with `auto` also what to take where the best cannot be had.

    On PyPI torch is built for CUDA on Linux and for the processor on Windows; the others need another source.
    """
    if sys.platform == "darwin":
        return [FOLDER / "macos.txt"]
    system = "windows" if sys.platform == "win32" else "linux"
    best = accelerator if accelerator != "auto" else "cuda" if has_nvidia() else "cpu"
    everywhere = "cpu" if system == "windows" else "cuda"
    names = [best] if accelerator != "auto" else list(dict.fromkeys((best, everywhere)))
    return [FOLDER / f"{system}-{name}.txt" for name in names]


def has_nvidia() -> bool:
    program = shutil.which("nvidia-smi")
    if not program:
        return False
    try:
        listing = subprocess.run([program, "-L"], capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return listing.returncode == 0 and "GPU 0" in listing.stdout
