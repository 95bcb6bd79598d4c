# SPDX-License-Identifier: GPL-3.0-or-later
"""Screenshots of the panel in a real Blender: `python tools/shots.py [pictures] [walk]`, into docs/pictures/.

`pictures` is what the README shows, `walk` the quick start, played by the window test's own scenario.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "window"))
import harness  # noqa: E402

FOLDER = ROOT / "docs" / "pictures"
EXAMPLES = [str(ROOT / "presets" / "examples" / name) for name in ("toad.jpg", "osprey.jpg")]
SHOWN = {
    "pictures": ("panel*.png",),
    "walk": tuple(f"walk-{name}.png" for name in ("empty", "mesh", "mask", "film", "error", "yesterday")),
}


def played(scenario: str, resources: Path, screen: str) -> None:
    home = resources.parent / scenario
    (home / "library").mkdir(parents=True)
    (home / "broken.png").write_bytes(b"this is no picture")
    given = {"image": EXAMPLES[0], "images": json.dumps(EXAMPLES), "library": str(home / "library")}
    if scenario == "walk":
        given |= {"broken": str(home / "broken.png"), "size": "1280x720"}
    harness.play(
        harness.HERE / "scenarios" / f"{scenario}.py",
        screen=screen, resources=resources, home=home / "data", out=home / "out", seconds=1500, **given,
    )  # fmt: skip
    for pattern in SHOWN[scenario]:
        for picture in sorted((home / "out").glob(pattern)):
            path = FOLDER / picture.name
            few = Image.open(picture).convert("RGB").quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
            few.save(path, optimize=True)  # a quarter of the bytes, and the eye sees no difference
            print(path)


def main(scenarios: list[str]) -> int:
    reason = harness.missing()
    if reason:
        print(f"no pictures: {reason}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="galatea-shots-") as temporary, harness.display() as screen:
        harness.install(Path(temporary) / "resources")
        for scenario in scenarios or SHOWN:
            played(scenario, Path(temporary) / "resources", screen)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
