# SPDX-License-Identifier: GPL-3.0-or-later
"""All frames of a film onto the disk: by this Blender, or by several that it starts and watches."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import bpy

from ...work import Work
from . import controls, engines, shoot
from .frames import Frames
from .hands import Hands

_SHARE = 0.9
"""Of the step's progress."""
_ALONE = 12
"""Fewer frames than this are not worth the start of another Blender."""


@dataclass(frozen=True)
class Order:
    """`numbers` of the frames, of this size (width, height) px. `layers` are EXR, `controls` the passes for models."""

    numbers: tuple[int, ...]
    size: tuple[int, int]
    device: str = "auto"
    processes: int = 0
    layers: bool = False
    controls: bool = False


def render(work: Work, scene: bpy.types.Scene, order: Order) -> tuple[Frames, Frames | None]:
    """The frames, and those of the passes where they are wanted; all are there and whole."""
    layers = shoot.add_layers(scene) if order.layers else []
    shown = Frames(work.report.keep("frames"), order.numbers, order.size, shoot.BOTH if order.layers else shoot.PNG)
    plain = Frames(work.report.keep("controls"), order.numbers, order.size, shoot.RAW) if order.controls else None
    sets = [shown, plain] if plain else [shown]
    todo = _missing(work, sets)
    left = sum(map(len, todo))
    kept = len(sets) * len(order.numbers) - left
    if kept:
        work.report.log(f"{kept} of {kept + left} frames are there already.")
    processes, clock = _processes(order, scene, left), time.monotonic()
    beat = _beat(work, kept + left)
    if left and processes > 1:
        _together(work, order, sets, todo, processes, beat)
    elif left:
        _alone(work, scene, order, sets, todo, beat)
    work.report.metric("frames", len(order.numbers))
    work.report.metric("frames_kept", kept)
    work.report.metric("processes", processes if left else 0)
    if layers:
        work.report.metric("layers", layers)
    if left:
        work.report.metric("seconds_per_frame", round((time.monotonic() - clock) / left, 3))
    return shown, plain


def _missing(work: Work, sets: list[Frames]) -> list[list[int]]:
    for frames in sets:
        frames.sweep()
    known = any(entry.is_file() for frames in sets for entry in os.scandir(frames.folder))
    said = work.beat("Looking at the frames that are there", 0.0)
    return [frames.missing(lambda done: said()) if known else list(frames.numbers) for frames in sets]


def _beat(work: Work, whole: int) -> Callable[[int], None]:
    def beat(done: int) -> None:
        work.progress(f"Rendering frame {min(done + 1, whole)}/{whole}", _SHARE * done / whole)

    return beat


def _processes(order: Order, scene: bpy.types.Scene, left: int) -> int:
    """As wanted; by itself one for two cores, four at most, for each holds the scene; one for a graphics card.

    Workbench gets one for each core: on two it draws 1.26 times as many frames (`benchmarks/film.py`).
    """
    if order.processes:
        return min(order.processes, max(left, 1))
    if scene.render.engine == "CYCLES" and order.device != "cpu" and engines.find_gpu()[0]:
        return 1
    share = 1 if scene.render.engine == "BLENDER_WORKBENCH" else 2
    return max(1, min(_cores() // share, 4, left // _ALONE))


def _cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _alone(
    work: Work, scene: bpy.types.Scene, order: Order, sets: list[Frames], todo: list[list[int]],
    beat: Callable[[int], None],
) -> None:  # fmt: skip
    done = len(sets) * len(order.numbers) - sum(map(len, todo))

    def stop() -> bool:
        beat(done)
        return False

    def all_of(camera: shoot.Camera, numbers: list[int]) -> None:
        nonlocal done
        for number in camera.frames.take(numbers, stop):
            camera.take(number)
            done += 1

    camera = shoot.Camera(scene, sets[0], order.device, work.report.warn)
    all_of(camera, todo[0])
    _tell(work, camera.device or engines.drawn_by())
    if len(sets) > 1:
        with controls.scene_of(scene) as plain:
            all_of(shoot.Camera(plain, sets[1], "cpu", work.report.warn), todo[1])


def _together(
    work: Work, order: Order, sets: list[Frames], todo: list[list[int]], processes: int,
    beat: Callable[[int], None],
) -> None:  # fmt: skip
    folder = work.report.keep("hands")
    blend, note = folder / "film.blend", folder / "order.json"
    work.progress("Handing out the scene", 0.0)
    bpy.ops.wm.save_as_mainfile(filepath=str(blend), copy=True, compress=False)
    threads = max(1, round(_cores() / processes))
    paper: dict[str, Any] = {
        "blend": str(blend),
        "folder": str(sets[0].folder),
        "numbers": order.numbers,
        "size": order.size,
        "device": order.device,
        "layers": order.layers,
        "controls": str(sets[1].folder) if len(sets) > 1 else "",
        "todo": todo[0],
        "todo_controls": todo[1] if len(sets) > 1 else [],
        "threads": threads,
    }
    note.write_text(json.dumps(paper), encoding="utf-8")
    told: set[str] = set()

    def tell(**said: Any) -> None:
        if "device" in said:
            _tell(work, said["device"])
        if "warning" in said and said["warning"] not in told:
            told.add(said["warning"])
            work.report.warn(said["warning"])

    def there() -> int:
        return sum(frames.there() for frames in sets)

    try:
        Hands(note, processes, threads, there, tell).work(len(sets) * len(order.numbers), beat)
    finally:
        blend.unlink(missing_ok=True)
        note.unlink(missing_ok=True)
    for frames in sets:
        if frames.missing():
            raise RuntimeError("a frame that was finished is not whole any more")


def _tell(work: Work, device: str) -> None:
    work.report.device = "cpu" if device == "CPU" or "llvmpipe" in device else device
    work.report.metric("device", device)
