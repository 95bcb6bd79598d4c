# SPDX-License-Identifier: GPL-3.0-or-later
"""What the extension costs at each start of Blender: import and register, in fresh processes.

Budget: 50 ms. Beside it, in the same process, what Blender's own glTF add-on costs to import and register.
"""

from __future__ import annotations

import statistics
import subprocess
import sys

CODE = """
import sys, time, bpy
import addon_utils
bpy.ops.wm.read_factory_settings(use_empty=True)
addon_utils.disable("io_scene_gltf2")
for name in [n for n in sys.modules if n.startswith("io_scene_gltf2")]:
    del sys.modules[name]
clock = time.perf_counter()
import galatea
galatea.register()
ours = time.perf_counter() - clock
clock = time.perf_counter()
galatea.unregister()
back = time.perf_counter() - clock
clock = time.perf_counter()
addon_utils.enable("io_scene_gltf2")
theirs = time.perf_counter() - clock
print("FIGURES", ours * 1000, back * 1000, theirs * 1000)
"""


def main(runs: int = 7) -> None:
    rows = []
    for _ in range(runs):
        out = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True).stdout
        rows.append([float(word) for word in out.split("FIGURES")[1].split()])
    print(f"{'':24} {'min':>8} {'median':>8} {'max':>8}  ms, {runs} processes")
    for name, values in zip(("register", "unregister", "glTF add-on, enable"), zip(*rows, strict=True), strict=True):
        print(f"{name:24} {min(values):8.1f} {statistics.median(values):8.1f} {max(values):8.1f}")
    print(f"{'register / glTF add-on':24} {statistics.median(row[0] / row[2] for row in rows):8.2f}")


if __name__ == "__main__":
    main()
