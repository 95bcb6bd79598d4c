# SPDX-License-Identifier: GPL-3.0-or-later
"""All that is checked before a merge, here and in CI: each check by name, or all. Ends with 1 if one fails."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent


def run(*command: str, **environment: str) -> bool:
    return (
        subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, stdin=subprocess.DEVNULL).returncode == 0
    )


def lint() -> bool:
    """ruff's rules and its format."""
    rules = run(str(BIN / "ruff"), "check", "--quiet")
    return run(str(BIN / "ruff"), "format", "--check", "--quiet") and rules


def types() -> bool:
    """mypy, strict. The repository is the package `galatea` whatever its folder is called, hence the link."""
    link = ROOT / ".cache" / "mypy" / "galatea"
    if not link.is_symlink():
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to("../..", target_is_directory=True)
    packages = [text for name in ("backend", "addon", "tools") for text in ("-p", f"galatea.{name}")]
    paths = os.pathsep.join((str(link.parent), str(ROOT / "tools")))
    return run(sys.executable, "-m", "mypy", "--no-error-summary", *packages, MYPYPATH=paths)


def catalogue() -> bool:
    """The committed catalogue says what the code says."""
    return run(sys.executable, "-P", "backend", "describe", "--check")


def site() -> bool:
    """docs/ builds as a site in which every link leads somewhere."""
    return run(sys.executable, "tools/website.py")


def extension() -> bool:
    """The zip of this platform builds and Blender's validator takes it."""
    return run(sys.executable, "tools/build.py", "--here", "--out", ".cache/check-build")


def tests() -> bool:
    """All tests that need no window."""
    return run(sys.executable, "-m", "pytest", "-q", "-m", "not window")


CHECKS: dict[str, Callable[[], bool]] = {
    check.__name__: check for check in (lint, types, catalogue, site, extension, tests)
}


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("check", nargs="*", metavar="check", help=f"of {', '.join(CHECKS)}; default: all")
    parser.add_argument("--skip", action="append", default=[], choices=tuple(CHECKS))
    options = parser.parse_args(argv)
    unknown = set(options.check) - set(CHECKS)
    if unknown:
        parser.error(f"no such check: {', '.join(sorted(unknown))}; there are {', '.join(CHECKS)}")
    failed = []
    for name in options.check or CHECKS:
        if name in options.skip:
            continue
        started = time.monotonic()
        good = CHECKS[name]()
        print(f"{'ok  ' if good else 'FAIL'} {name} ({time.monotonic() - started:.1f} s)", flush=True)
        if not good:
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}. One alone: make check ARGS={failed[0]}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
