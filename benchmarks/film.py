# SPDX-License-Identifier: GPL-3.0-or-later
"""A film of 120 frames, 640 by 360, of a body of 20,000 faces: ours against plain `blender -b FILE -a` on the same
file, one Blender on one core against as many as there are cores, and memory at frame 100 and 2,000.

    python benchmarks/film.py [--frames 120] [--engines workbench cycles] [--long 2000] [--blender PROGRAM]

For Linux. All in one run, each way in processes of its own; frames a second of wall time, and CPU seconds a frame
beside them, for those hardly feel what else the machine does. Plain is the same bpy that ours runs in, or PROGRAM for
both. Plain writes PNG frames; ours keeps PNG frames and proves them. What ours does beyond (the film, still and sheet)
is not in the rate but in the column "all".
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from galatea.benchmarks._rows import Row, tell

SIZE, FPS = (640, 360), 24
SAMPLES = 4


def scene(path: Path, engine: str, frames: int, size: tuple[int, int]) -> None:
    """The file that all render: a lumpy ball on a floor that turns once."""
    import bpy
    import numpy as np

    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.mesh.primitive_uv_sphere_add(segments=160, ring_count=126)
    ball, scene = bpy.context.object, bpy.context.scene
    points = np.empty(3 * len(ball.data.vertices), np.float32)
    ball.data.vertices.foreach_get("co", points)
    points = points.reshape(-1, 3)
    points *= (
        1 + 0.15 * np.sin(5 * points[:, :1]) * np.sin(6 * points[:, 1:2] + 2) * np.cos(4 * points[:, 2:])
    ).astype("f4")
    ball.data.vertices.foreach_set("co", points.ravel())
    bpy.ops.mesh.primitive_plane_add(size=20, location=(0, 0, -1.1))
    bpy.ops.object.light_add(type="SUN", rotation=(0.7, 0.2, 0.4))
    bpy.ops.object.camera_add(location=(0, -5, 1), rotation=(1.37, 0, 0))
    scene.camera = bpy.context.object
    for frame, turn in ((1, 0.0), (frames + 1, 6.283)):
        ball.rotation_euler[2] = turn
        ball.keyframe_insert("rotation_euler", frame=frame)
    render = scene.render
    scene.frame_start, scene.frame_end, render.fps = 1, frames, FPS
    render.resolution_x, render.resolution_y, render.resolution_percentage = *size, 100
    render.engine = {"workbench": "BLENDER_WORKBENCH", "cycles": "CYCLES", "eevee": _eevee(bpy)}[engine]
    scene.cycles.samples, scene.cycles.use_denoising, scene.cycles.device = SAMPLES, False, "CPU"
    render.use_persistent_data = True
    render.image_settings.file_format, render.image_settings.color_mode = "PNG", "RGB"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))


def _eevee(bpy: Any) -> str:
    return "BLENDER_EEVEE" if bpy.app.version >= (5, 0) else "BLENDER_EEVEE_NEXT"


PLAIN = """
import sys, time
import bpy
if not bpy.app.binary_path:
    bpy.ops.wm.open_mainfile(filepath=sys.argv[1])
bpy.context.scene.render.filepath = sys.argv[-1] + "/"
began = time.perf_counter()
bpy.ops.render.render(animation=True)
sys.stderr.write(f"SECONDS {time.perf_counter() - began}\\n")
"""


def timed(command: list[str], env: dict[str, str], cores: set[int]) -> tuple[float, float, str]:
    """Wall and CPU seconds of a command on these cores, and what it said."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        command, env=env, capture_output=True, text=True, preexec_fn=lambda: os.sched_setaffinity(0, cores)
    )
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stderr


def plain(blend: Path, folder: Path, program: str, cores: set[int]) -> tuple[float, float, float]:
    """Seconds of the rendering itself, CPU seconds, wall seconds of all."""
    out, script = folder / "plain", folder / "plain.py"
    script.write_text(PLAIN)
    command = [sys.executable, str(script), str(blend), str(out)]
    if program:
        command = [program, "--background", "--factory-startup", str(blend), "--python", str(script), "--", str(out)]
    wall, cpu, said = timed(command, _environment(len(cores)), cores)
    return float(said.rpartition("SECONDS ")[2].split()[0]), cpu, wall


def ours(blend: Path, folder: Path, program: str, cores: set[int], processes: int) -> tuple[float, float, float]:
    """As `plain`, by the command line, as a user would."""
    with tempfile.TemporaryDirectory(dir=folder) as home:
        command = [sys.executable, "-m", "galatea.backend", "run", "scene_to_film", "--scene", str(blend), "--quiet"]
        command += ["--out", f"{home}/out", "--set", f"film.processes={processes}"]
        own = {"GALATEA_HOME": home, **({"GALATEA_BLENDER": program} if program else {})}
        wall, cpu, _ = timed(command, {**_environment(len(cores)), **own}, cores)
        (result,) = Path(home).glob("jobs/film-*/result.json")
        metrics = json.loads(result.read_text())["metrics"]
    return metrics["seconds_per_frame"] * metrics["frames"], cpu, wall


def _environment(threads: int) -> dict[str, str]:
    """Mesa's processor in the place of a card keeps to its cores only where it is told so."""
    return {**os.environ, "LP_NUM_THREADS": str(threads), "PYTHONPATH": ""}


def rates(engine: str, frames: int, folder: Path, program: str) -> Iterator[Row]:
    blend = folder / f"{engine}.blend"
    _apart("scene", str(blend), engine, str(frames), *map(str, SIZE))
    cores = sorted(os.sched_getaffinity(0))
    every, one = set(cores), {cores[0]}
    many = len(cores)
    ways = {
        "plain, all cores": lambda: plain(blend, folder, program, every),
        "ours, all cores": lambda: ours(blend, folder, program, every, 1),
        "ours, one process, one core": lambda: ours(blend, folder, program, one, 1),
        f"ours, {many} processes, {many} cores": lambda: ours(blend, folder, program, every, many),
    }
    print(f"\n{engine}, {frames} frames\n{'':34}{'frames/s':>9}{'CPU s/frame':>12}{'all, s':>8}")
    seconds, work = [], []
    for name, way in ways.items():
        took, cpu, wall = way()
        print(f"{name:34}{frames / took:9.2f}{cpu / frames:12.3f}{wall:8.1f}", flush=True)
        seconds.append(took)
        work.append(cpu)
    speed = [frames / took for took in seconds]
    yield Row(f"{engine}, one process", speed[1], speed[0], "frames/s", "plain `blender -b -a`")
    yield Row(f"{engine}, CPU with the start of all", work[1] / frames, work[0] / frames, "s/frame", "plain")
    yield Row(f"{engine}, {many} processes, {many} cores", speed[3], speed[2], "frames/s", "one process, one core")


def memory(frames: int, folder: Path) -> Iterator[Row]:
    """Resident MB of the Blender that renders tiny Workbench frames."""
    blend = folder / "long.blend"
    _apart("scene", str(blend), "workbench", str(frames), "64", "36")
    said = _apart("long", str(blend), str(folder / "home"))
    print(f"\nmemory, Workbench, {frames} frames of 64 by 36\n{said.strip()}")
    early, *_, last = (float(line.split()[-2]) for line in said.strip().splitlines()[1:])
    yield Row(f"memory at frame {frames}", last, early, "MB", "at frame 100")


def _long(blend: str, home: str) -> None:
    """One film in this process; MB at some frames."""
    import bpy

    from galatea.addon.scene import film
    from galatea.addon.scene.lib.render import shoot
    from galatea.addon.scene.work import Work
    from galatea.backend.protocol.store import JobStore
    from galatea.backend.worker.report import Report

    bpy.ops.wm.open_mainfile(filepath=blend)
    take, last = shoot.Camera.take, bpy.context.scene.frame_end

    def told(self: Any, number: int) -> None:
        take(self, number)
        if number in (20, 100, 500, 1000, last):
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            sys.stderr.write(f"frame {number:5}: {pages * os.sysconf('SC_PAGE_SIZE') / 1e6:.0f} MB\n")

    shoot.Camera.take = told
    report = Report(JobStore(Path(home)), "film-" + 20 * "0", lambda event: None)
    film.run(Work(report, {}), **film.SPEC.fill({"engine": "scene", "processes": 1}))


def _apart(*words: str) -> str:
    done = subprocess.run([sys.executable, __file__, "--child", *words], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return "\n".join(line for line in done.stderr.splitlines() if line.startswith("frame"))


def main() -> Iterator[Row]:
    parser = argparse.ArgumentParser()
    parser.add_argument("--frames", type=int, default=120)
    parser.add_argument("--engines", nargs="*", default=["workbench", "cycles"])
    parser.add_argument("--long", type=int, default=2000, help="frames of the film for memory; 0 for none")
    parser.add_argument("--blender", default="")
    parser.add_argument("--child", nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child and options.child[0] == "scene":
        path, engine, *numbers = options.child[1:]
        frames, *size = map(int, numbers)
        scene(Path(path), engine, frames, (size[0], size[1]))
    elif options.child:
        _long(*options.child[1:])
    else:
        with tempfile.TemporaryDirectory() as folder:
            for engine in options.engines:
                yield from rates(engine, options.frames, Path(folder), options.blender)
            if options.long:
                yield from memory(options.long, Path(folder))


if __name__ == "__main__":
    sys.exit(tell(main))
