# SPDX-License-Identifier: GPL-3.0-or-later
"""Screenshots of the panel in a real Blender, for the README: `python tools/shots.py`, into docs/pictures/."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "window"))
import harness  # noqa: E402

EXAMPLES = ("toad.jpg", "osprey.jpg")


def main(arguments: list[str]) -> int:
    reason = harness.missing()
    if reason:
        print(f"no pictures: {reason}", file=sys.stderr)
        return 1
    folder = Path(arguments[0]) if arguments else ROOT / "docs" / "pictures"
    examples = ROOT / "presets" / "examples"
    images = [str(examples / name) for name in EXAMPLES if (examples / name).is_file()]
    images = images or [str(path) for path in sorted(examples.glob("*.jpg"))[:2]]
    with tempfile.TemporaryDirectory(prefix="galatea-shots-") as temporary, harness.display() as screen:
        resources, out = Path(temporary) / "resources", Path(temporary) / "out"
        harness.install(resources)
        harness.play(
            harness.HERE / "scenarios" / "pictures.py",
            screen=screen, resources=resources, home=Path(temporary) / "data", out=out, seconds=1500,
            images=json.dumps(images),
        )  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)
        for picture in sorted(out.glob("panel*.png")):
            shutil.copyfile(picture, folder / picture.name)
            print(folder / picture.name)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
