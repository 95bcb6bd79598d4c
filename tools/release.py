# SPDX-License-Identifier: GPL-3.0-or-later
"""Make dist/release: a zip a platform, SHA256SUMS, and index.json, by which Blender subscribes to the folder.

Put the folder on any web server, or on a disk that all see, and give Blender the address of its index.json:
*Preferences > Get Extensions > Repositories > Add Remote Repository*. Blender's own tool writes the listing.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from galatea.backend.protocol.whole import read_json
from galatea.tools.build import BuildError, blender_ext, build, listed
from galatea.tools.wheels import PLATFORMS, ROOT


def release(zips: Sequence[Path], out: Path) -> list[Path]:
    """A folder with these zips, their sums and their listing, in place of what was there."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".release-") as temporary:
        folder = Path(temporary) / "whole"
        folder.mkdir()
        files = [Path(shutil.copy2(path, folder)) for path in zips]
        blender_ext("server-generate", "--repo-dir", str(folder))
        listed = {entry["archive_url"].removeprefix("./") for entry in read_json(folder / "index.json")["data"]}
        if left := [path.name for path in files if path.name not in listed]:
            raise BuildError(f"Blender does not list {', '.join(left)}: no whole extension. Build it again.")
        sums = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(files))
        (folder / "SHA256SUMS").write_text(sums, encoding="utf-8")
        shutil.rmtree(out, ignore_errors=True)
        folder.rename(out)
    return sorted(out.iterdir())


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("zip", nargs="*", type=Path, help="zips that are built already; else one for each platform is")
    parser.add_argument("--out", type=Path, default=ROOT / "dist" / "release")
    options = parser.parse_args(argv)
    return listed(lambda: release(options.zip or build(list(PLATFORMS), ROOT / "dist"), options.out))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
