# SPDX-License-Identifier: GPL-3.0-or-later
"""Make docs/pictures anew, all of it or what is named: `python tools/pictures.py [chain.jpg …]`.

Each is a command of its own; what the store has is not made again. A picture that needs data which is not in the
repository is left as it is where the environment does not name the folder.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from fnmatch import fnmatch
from pathlib import Path

from PIL import Image

from galatea.tools.sheets import PICTURES, ROOT, save

MADE: dict[str, tuple[str, ...]] = {
    "chain.jpg": ("tools/chain.py",),
    "film.jpg": ("tools/chain.py", "--film"),
    "photos.jpg": ("tools/photos.py",),
    "finished.jpg": ("tools/finished.py",),
    "looks.jpg": ("tools/looks.py", "--only", "looks"),
    "cameras.jpg": ("tools/looks.py", "--only", "cameras"),
    "props.jpg": ("tools/props.py",),
    "substances.jpg": ("tools/substances.py",),
    "scenes.jpg": ("tools/scenes.py", "docs/pictures/scenes.jpg"),
    "panel*.png": ("tools/shots.py", "pictures"),
    "walk-*.png": ("tools/shots.py", "walk"),
    "hundred.jpg": ("tools/batch.py", "$BATCH"),
    "moves.jpg": ("tools/moves.py", "$MESHES"),
    "holdout.jpg": ("$EVALUATED/first-lift.png",),
    "real-photos.jpg": ("$EVALUATED_PHOTOS/first-lift.png",),
    "training-sheet.jpg": ("$RUN/sheet.png",),
}
"""Each picture, or several by a pattern, and the tool that makes it with its words, or the file that it is a copy of.

`$BATCH` is what `galatea batch` left, `$MESHES` a folder of .glb files, `$EVALUATED` and `$EVALUATED_PHOTOS` are what
`galatea eval` left, `$RUN` has a sheet of `galatea train`."""
LIMIT = 500_000
"""Bytes of a copy."""


def make(name: str) -> str:
    """What became of it: `made`, `failed`, or which variable it wants."""
    words = [os.path.expandvars(word) for word in MADE[name]]
    missing = [word.partition("/")[0] for word in words if word.startswith("$")]
    if missing:
        return f"left as it is: name its folder with {missing[0].removeprefix('$')}=FOLDER"
    if words[0].endswith(".py"):
        done = subprocess.run([sys.executable, *words], cwd=ROOT, stdin=subprocess.DEVNULL).returncode == 0
        return "made" if done else "failed"
    with Image.open(Path(words[0])) as sheet:
        save(sheet.convert("RGB"), PICTURES / name, LIMIT)
    return "made"


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("picture", nargs="*", help=f"of {', '.join(MADE)}; default: all")
    wanted = parser.parse_args(argv).picture or list(MADE)
    names = [name for name in MADE if any(fnmatch(each, name) or each == name for each in wanted)]
    unknown = [each for each in wanted if not any(fnmatch(each, name) or each == name for name in MADE)]
    if unknown:
        parser.error(f"nothing makes {', '.join(unknown)}; there are {', '.join(MADE)}")
    ends = {}
    for name in names:
        began = time.monotonic()
        ends[name] = make(name)
        print(f"{name}: {ends[name]} ({time.monotonic() - began:.0f} s)", flush=True)
    return int("failed" in ends.values())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
