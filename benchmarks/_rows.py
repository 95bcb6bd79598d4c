# SPDX-License-Identifier: GPL-3.0-or-later
"""What every benchmark ends in: rows of ours beside a baseline of the same run; and the page that keeps them."""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

KEPT = "GALATEA_BENCHMARK_ROWS"
"""Environment: the file that a benchmark's rows go to, for `python -m benchmarks`."""
HEAD = ("| Benchmark | Measured | Ours | Baseline | Baseline is | Ratio | When |", "|---|---|---:|---:|---|---:|---|")


@dataclass(frozen=True)
class Row:
    """One figure of ours and, where there is one, of what it is held against, measured in the same run."""

    what: str
    ours: float
    baseline: float | None = None
    unit: str = ""
    against: str = ""

    @property
    def ratio(self) -> str:
        """Ours by the baseline: of seconds less is better, of rates more."""
        return f"{self.ours / self.baseline:.2f}" if self.baseline else ""

    def line(self, name: str, when: str) -> str:
        told = ["" if value is None else f"{value:.4g} {self.unit}".strip() for value in (self.ours, self.baseline)]
        return f"| {' | '.join([name, self.what, *told, self.against, self.ratio, when])} |"


def tell(measure: Callable[[], Iterable[Row]]) -> int:
    """Run a benchmark: its rows as a table on stdout, and kept where KEPT says so, also where it fails in the end."""
    name, rows, code = Path(sys.argv[0]).stem, list[Row](), 0
    try:
        for row in measure():
            rows.append(row)
    except SystemExit as end:
        print(end.code if isinstance(end.code, str) else "", file=sys.stderr)
        code = end.code if isinstance(end.code, int) else 1
    if rows:
        print("\n".join(["", *HEAD, *(row.line(name, "now") for row in rows)]), flush=True)
        if KEPT in os.environ:
            Path(os.environ[KEPT]).write_text(json.dumps([asdict(row) for row in rows]), encoding="utf-8")
    return code


def child(code: str, *words: str) -> dict[str, Any]:
    """The JSON that a program says last, in a process of its own: loading counts, and memory is what a user needs."""
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def read(path: Path) -> list[Row]:
    return [Row(**row) for row in json.loads(path.read_text(encoding="utf-8"))] if path.is_file() else []


def machine() -> str:
    """This machine and what it runs, for the foot of the page."""
    packages = ("bpy", "numpy", "onnxruntime", "torch", "mujoco", "ray")
    versions = ", ".join(f"{name} {found}" for name in packages if (found := _version(name)))
    load = f", load {os.getloadavg()[0]:.0f} at the end" if hasattr(os, "getloadavg") else ""
    here = f"{os.cpu_count()} cores, {_processor()}, {platform.system()}, Python {platform.python_version()}"
    return f"{here}, {versions}{load}"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    named = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return named or platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def merged(page: str, name: str, rows: Sequence[Row], today: datetime.date, told: str) -> str:
    """The page with a benchmark's rows in place of those that it had, and a line on the machine of this day."""
    head, mark, rest = page.partition(f"{HEAD[1]}\n")
    lines = rest.splitlines()
    end = next(number for number, line in enumerate(lines) if not line.startswith("|"))
    table = [line for line in lines[:end] if not line.startswith(f"| {name} |")]
    table += [row.line(name, today.isoformat()) for row in rows]
    table.sort(key=lambda line: line.split("|")[1])
    foot = [line for line in lines[end:] if not line.startswith(f"- {today.isoformat()}: ")]
    return head + mark + "\n".join([*table, *foot, f"- {today.isoformat()}: {told}"]).rstrip() + "\n"
