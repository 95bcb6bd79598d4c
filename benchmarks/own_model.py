# SPDX-License-Identifier: GPL-3.0-or-later
"""Lift beside relief on one machine in one run: seconds and memory from a cut-out to a mesh, at each quality.

Each measurement is a process of its own, so that loading counts and memory is what the user's machine needs.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PHOTO = ROOT / "presets" / "examples" / "otter.jpg"
ROUNDS = 3

CHILD = """
import json, resource, sys, time
from pathlib import Path
from galatea.backend.protocol.job import Request
from galatea.backend.protocol.recipe import load_quality
from galatea.backend.protocol.store import JobStore
from galatea.backend.runners.inline import InlineRunner
from galatea.backend.worker.find import load
step, quality, picture, folder = sys.argv[1:]
began = time.perf_counter()
spec = load(step).spec
backend = load(step)
params = load_quality(quality).get(step, {}) if quality else {}
times = []
for seed in range(2):
    start = time.perf_counter()
    store = JobStore(Path(folder) / f"{step}-{quality}-{seed}")
    runner = InlineRunner(store, lambda name: backend)
    request = Request.of(spec, {spec.inputs[0]: Path(picture)}, params)
    runner.submit(request)
    runner.poll()
    result = store.result(request.id)
    assert result.state == "done", result.failure
    times.append(time.perf_counter() - (start if seed else began))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
made = {a.role: str(store.folder(request.id) / a.path) for a in result.assets}
print(json.dumps({"first": times[0], "warm": times[1], "peak_gb": peak, "made": made}))
"""


def measure(step: str, quality: str, picture: str, folder: str) -> dict[str, object]:
    command = [sys.executable, "-c", CHILD, step, quality, picture, folder]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise SystemExit(done.stderr)
    answer: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return answer


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        cut = measure("cutout", "", str(PHOTO), folder)["made"]
        assert isinstance(cut, dict)
        print(f"{'':18}{'first s':>9}{'warm s':>9}{'peak GB':>9}{'to relief':>11}")
        for quality in ("draft", "medium", "high"):
            warm: dict[str, float] = {}
            for step in ("relief", "lift"):
                runs = [measure(step, quality, cut["cutout"], f"{folder}/{n}") for n in range(ROUNDS)]
                names = ("first", "warm", "peak_gb")
                first, again, peak = (statistics.median(float(str(r[name])) for r in runs) for name in names)
                warm[step] = again
                ratio = f"{again / warm['relief']:.2f}"
                print(f"{step + ' ' + quality:18}{first:9.2f}{again:9.2f}{peak:9.2f}{ratio:>11}")


if __name__ == "__main__":
    main()
