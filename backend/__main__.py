# SPDX-License-Identifier: GPL-3.0-or-later
"""Start of every process of ours: `python backend worker …`, also under `blender --python`, or the command line.

Whatever name the package has elsewhere (in Blender it is `bl_ext.<repository>.galatea`), here it is `galatea`.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path


def bootstrap() -> None:
    """Make the repository, or the installed extension, importable as the package `galatea`."""
    if "galatea" in sys.modules:
        return
    root = Path(__file__).resolve().parents[1]
    spec = importlib.util.spec_from_file_location(
        "galatea", root / "__init__.py", submodule_search_locations=[str(root)]
    )
    assert spec and spec.loader
    sys.modules["galatea"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["galatea"])


def main(argv: list[str]) -> int:
    here = str(Path(__file__).resolve().parent)
    sys.path[:] = [entry for entry in sys.path if entry not in ("", here)]
    bootstrap()
    if argv[:1] == ["worker"]:
        from galatea.backend.worker import serve  # type: ignore[import-not-found,unused-ignore]

        return int(serve.main(argv[1:]))
    if argv[:1] == ["hand"]:  # MODULE …: a process that helps a step
        return int(importlib.import_module(f"galatea.{argv[1]}").main(argv[2:]))
    from galatea.backend.cli import main as command_line

    return int(command_line(argv))


if __name__ == "__main__":
    # under Blender's own `--python`, ours is what stands behind `--`
    inside = "bpy" in sys.modules and "--" in sys.argv
    sys.exit(main(sys.argv[sys.argv.index("--") + 1 :] if inside else sys.argv[1:]))
