# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the extension's zips into dist/: one a platform with its wheels, by Blender's own builder.

The manifest in git names no wheels, because no binary is in git: they are filled in on a copy. The same sources give
the same bytes.
"""

from __future__ import annotations

import argparse
import importlib.util
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from galatea.backend.protocol.place import gigabytes
from galatea.tools.wheels import PLATFORMS, ROOT, WheelError, fetch

PARTS = ("__init__.py", "addon", "backend", "presets", "LICENSE", "README.md", "THIRD_PARTY.md")
"""All that runs, and what the law and the reader need."""

EPOCH = (1980, 1, 1, 0, 0, 0)


class BuildError(Exception):
    """Blender's builder refused, or a part is missing."""


def here() -> str:
    """Blender's name of this machine's platform."""
    system = {"Linux": "linux", "Windows": "windows", "Darwin": "macos"}.get(
        platform.system(), platform.system().lower()
    )
    machine = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64"}.get(
        platform.machine().lower(), platform.machine().lower()
    )
    return f"{system}-{machine}"


def build(platforms: Sequence[str], out: Path) -> list[Path]:
    """Build and validate one zip a platform; no platform at all gives the one zip without wheels."""
    out.mkdir(parents=True, exist_ok=True)
    wheels = fetch(platforms)
    with tempfile.TemporaryDirectory(prefix="galatea-build-") as temporary:
        stage, made = Path(temporary) / "stage", Path(temporary) / "made"
        made.mkdir()
        _stage(stage, wheels, platforms)
        split = ["--split-platforms"] if platforms else []
        blender_ext("build", "--source-dir", str(stage), "--output-dir", str(made), *split)
        zips = []
        for path in sorted(made.glob("*.zip")):
            blender_ext("validate", str(path))
            part = out / f"{path.name}.part"
            _repack(path, part)
            zips.append(part.replace(out / path.name))
    if len(zips) != max(1, len(platforms)):
        raise BuildError(f"Blender's builder made {len(zips)} zips for {len(platforms)} platforms.")
    return zips


def _stage(stage: Path, wheels: Sequence[Path], platforms: Sequence[str]) -> None:
    ignore = shutil.ignore_patterns("__pycache__", "*.part", ".*")
    stage.mkdir()
    for name in PARTS:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, stage / name, ignore=ignore)
        elif source.is_file():
            shutil.copy2(source, stage / name)
        else:
            raise BuildError(f"{name} is missing; a zip without it is not complete.")
    manifest = (ROOT / "blender_manifest.toml").read_text(encoding="utf-8")
    if platforms:
        (stage / "wheels").mkdir()
        for wheel in wheels:
            shutil.copy2(wheel, stage / "wheels" / wheel.name)
        lines = [
            f"platforms = {_toml(platforms)}",
            f"wheels = {_toml([f'./wheels/{wheel.name}' for wheel in wheels])}",
        ]
        head, table, rest = manifest.partition("\n[")  # top-level keys stand before the first table
        manifest = head.rstrip("\n") + "\n" + "\n".join(lines) + "\n" + table + rest
    (stage / "blender_manifest.toml").write_text(manifest, encoding="utf-8")


def _toml(texts: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{text}"' for text in texts) + "]"


def _repack(source: Path, target: Path) -> None:
    """The same zip in a fixed order, with fixed times and modes: same sources, same bytes."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for item in sorted(old.infolist(), key=lambda item: item.filename):
            entry = zipfile.ZipInfo(item.filename, EPOCH)
            entry.compress_type, entry.external_attr = item.compress_type, 0o644 << 16
            new.writestr(entry, old.read(item), compresslevel=9)


def blender_ext(*arguments: str) -> None:
    """Blender's own `blender_ext.py` from the bpy wheel; needs no window and does not load Blender."""
    spec = importlib.util.find_spec("bpy")
    if not spec or not spec.origin:
        raise BuildError("The bpy wheel is missing. Run this with .venv/bin/python (`make setup`).")
    program = next(Path(spec.origin).parent.glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py"))
    run = subprocess.run(
        [sys.executable, str(program), *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    if run.returncode or "FATAL" in run.stdout + run.stderr:
        raise BuildError(f"blender_ext {arguments[0]} failed:\n{run.stdout}{run.stderr}")


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--platform", choices=tuple(PLATFORMS), action="append", help="only this one; default: all")
    parser.add_argument("--here", action="store_true", help="only this machine's")
    parser.add_argument(
        "--no-wheels", action="store_true", help="one small zip for every platform, without the engines"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    options = parser.parse_args(argv)
    platforms = options.platform or ([here()] if options.here else list(PLATFORMS))
    return listed(lambda: build([] if options.no_wheels else platforms, options.out))


def listed(make: Callable[[], Iterable[Path]]) -> int:
    """Say what was made, or why nothing was; the exit code."""
    try:
        for path in make():
            print(f"{path}  {gigabytes(path.stat().st_size)}")
    except (BuildError, WheelError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
