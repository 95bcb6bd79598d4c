# SPDX-License-Identifier: GPL-3.0-or-later
"""What the extension costs at each start of Blender: import and register, in fresh processes.

Budget: 50 ms of CPU. Beside it, in the same process, what Blender's own glTF add-on costs to import and register. One
process before those that count writes the compiled files.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator

from galatea.benchmarks._rows import Row, tell

CODE = """
import sys, time, bpy
import addon_utils
bpy.ops.wm.read_factory_settings(use_empty=True)
addon_utils.disable("io_scene_gltf2")
for name in [n for n in sys.modules if n.startswith("io_scene_gltf2")]:
    del sys.modules[name]
clock = time.process_time()
import galatea
galatea.register()
ours = time.process_time() - clock
clock = time.process_time()
galatea.unregister()
back = time.process_time() - clock
clock = time.process_time()
addon_utils.enable("io_scene_gltf2")
theirs = time.process_time() - clock
print("FIGURES", ours * 1000, back * 1000, theirs * 1000)
"""


def main(runs: int = 7) -> Iterator[Row]:
    rows = []
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for _ in range(1 + runs):
        out = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True, env=env).stdout
        rows.append([float(word) for word in out.split("FIGURES")[1].split()])
    ours, back, theirs = map(statistics.median, zip(*rows[1:], strict=True))
    yield Row(f"import and register, median of {runs}", ours, theirs, "ms CPU", "Blender's glTF add-on")
    yield Row(f"unregister, median of {runs}", back, None, "ms CPU")


if __name__ == "__main__":
    sys.exit(tell(main))
