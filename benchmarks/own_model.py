# SPDX-License-Identifier: GPL-3.0-or-later
"""Lift beside relief on one machine in one run: seconds and memory from a cut-out to a mesh, at each quality.

Each measurement is a process of its own, so that loading counts and memory is what the user's machine needs.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from galatea.benchmarks._rows import Row, child, tell

ROOT = Path(__file__).resolve().parents[1]
PHOTO = ROOT / "presets" / "examples" / "otter.jpg"
ROUNDS = 3
FIGURES = {"first": "s", "warm": "s", "peak": "GB"}

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
print(json.dumps({"first": times[0], "warm": times[1], "peak": peak, "made": made}))
"""


def main() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        cut = child(CHILD, "cutout", "", str(PHOTO), folder)["made"]
        for quality in ("draft", "medium", "high"):
            found = {}
            for step in ("lift", "relief"):
                runs = [child(CHILD, step, quality, cut["cutout"], f"{folder}/{n}") for n in range(ROUNDS)]
                found[step] = [statistics.median(float(run[name]) for run in runs) for name in FIGURES]
            for (name, unit), ours, relief in zip(FIGURES.items(), found["lift"], found["relief"], strict=True):
                yield Row(f"{quality}, {name}", ours, relief, unit, "relief")


if __name__ == "__main__":
    sys.exit(tell(main))
