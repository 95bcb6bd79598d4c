# SPDX-License-Identifier: GPL-3.0-or-later
"""How much memory is free, for us, now. In GB; None where a system does not tell."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

GB = 1e9


def processor() -> float | None:
    """Main memory that can be had without swapping, within what a container allows. What we hold already counts."""
    if sys.platform == "win32":
        return _windows()
    if sys.platform == "darwin":
        return _macos()
    return _linux()


def device(name: str) -> float | None:
    """Memory of a device as torch names it: `cpu`, `cuda:0`, `mps`, `xpu:0`. What our process keeps there counts:
    a worker has one model at a time, and lets go of it before the next."""
    import torch

    kind, _, number = name.partition(":")
    index = int(number or 0)
    if kind == "cuda":
        return (torch.cuda.mem_get_info(index)[0] + torch.cuda.memory_reserved(index)) / GB
    if kind == "xpu":
        return (torch.xpu.mem_get_info(index)[0] + torch.xpu.memory_reserved(index)) / GB
    if kind == "mps":  # shared with the processor
        most = torch.mps.recommended_max_memory() / GB
        free = processor()
        return most if free is None else min(most, free + torch.mps.driver_allocated_memory() / GB)
    return processor()


def _field(path: Path, name: str) -> float | None:
    """Of a file of the kind `Name:   123 kB`."""
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB", path.read_text(), re.M)
    except OSError:
        return None
    return int(found[1]) * 1024 / GB if found else None


def _linux(proc: Path = Path("/proc"), groups: Path = Path("/sys/fs/cgroup")) -> float | None:
    free = _field(proc / "meminfo", "MemAvailable")
    if free is None:
        return None
    mine = _field(proc / "self" / "status", "RssAnon") or 0.0
    left = _group(proc, groups)
    return (free if left is None else min(free, left)) + mine


def _group(proc: Path, groups: Path) -> float | None:
    """What the control groups that we are in leave of their limit (kernel.org: cgroup-v2.rst, cgroup-v1/memory.rst)."""
    try:
        lines = (proc / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return None
    left: list[float] = []
    for line in lines:
        number, controllers, place = line.split(":", 2)
        if number == "0":
            root, limit, used = groups, "memory.max", "memory.current"
        elif "memory" in controllers.split(","):
            root, limit, used = groups / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
        else:
            continue
        folder = root / place.lstrip("/")
        for each in (folder, *folder.parents):
            left += _left(each / limit, each / used, each / "memory.stat")
            if each == root:
                break
    return min(left, default=None)


def _left(limit: Path, used: Path, stat: Path) -> list[float]:
    try:
        most, now = limit.read_text().strip(), int(used.read_text())
        cached = re.search(r"^inactive_file (\d+)", stat.read_text(), re.M)
    except (OSError, ValueError):
        return []
    if not most.isdigit() or int(most) > 1 << 60:
        return []
    return [max(0.0, int(most) - now + (int(cached[1]) if cached else 0)) / GB]


def _macos() -> float | None:
    """Pages that are free or can be had at once, as `vm_stat` counts them."""
    try:
        text = subprocess.run(["/usr/bin/vm_stat"], capture_output=True, text=True, timeout=10).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return _pages(text)


def _pages(text: str) -> float | None:
    size = re.search(r"page size of (\d+) bytes", text)
    names = ("free", "inactive", "speculative", "purgeable")
    counts = [re.search(rf"^Pages {name}:\s+(\d+)\.", text, re.M) for name in names]
    if not size or not counts[0]:
        return None
    return sum(int(count[1]) for count in counts if count) * int(size[1]) / GB


def _windows() -> float | None:
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *((name, ctypes.c_ulonglong) for name in ("total", "free", "a", "b", "c", "d", "e")),
        )

    status = Status()
    status.length = ctypes.sizeof(status)
    found = ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))  # type: ignore[attr-defined,unused-ignore]
    return float(status.free) / GB if found else None
