# SPDX-License-Identifier: GPL-3.0-or-later
"""What more workers gain: jobs a minute with `--runner local` and with Ray at 1, 2 and 4 workers, in one run.

`wait` is a job that sleeps (a GPU, or a server, does the work), `work` one that keeps a processor busy, `photo` a small
photo to a mesh with the relief, eight steps, six of them in Blender. `python -m benchmarks.scale [KIND …]` measures,
`python -m benchmarks.scale paper` computes the table of docs/scaling.md from what was measured.
"""

from __future__ import annotations

import math
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from galatea.backend.flow import Drive, Drives, Walk, walk
from galatea.backend.protocol.catalog import spec_of
from galatea.backend.protocol.job import JobState, Request
from galatea.backend.protocol.recipe import Recipe, Step, load_recipe
from galatea.backend.protocol.store import JobStore
from galatea.backend.runners import Runner, ray
from galatea.backend.runners.runtimes import Dispatch, Runtimes
from galatea.benchmarks._rows import Row, tell

JOBS = {"wait": 24, "work": 24, "photo": 4, "none": 200}
SECONDS = 1.0
"""Of one job that waits or works."""


def main(kinds: list[str]) -> Iterator[Row]:
    """The first job, which starts processes, counts too."""
    for kind in kinds:
        rates = {name: _measured(kind, name) for name in ("local", "1", "2", "4")}
        yield Row(f"{kind}: Ray, 1 worker", rates["1"], rates["local"], "jobs/min", "`--runner local`")
        for name in ("2", "4"):
            yield Row(f"{kind}: Ray, {name} workers", rates[name], rates["1"], "jobs/min", "1 worker")


def _measured(kind: str, name: str) -> float:
    with tempfile.TemporaryDirectory() as folder, _runner(name, Path(folder)) as (store, runner):
        here = Runtimes.here()
        _warm(store, runner, int(name) if name != "local" else 1)
        drives = [Drive(each, store, runner, turn=k) for k, each in enumerate(_walks(kind, store, here, folder))]
        began, many = time.perf_counter(), Drives(drives, runner, ahead=len(drives))
        while not many.ended:
            for _, error in many.tick():
                if error:
                    raise error
            time.sleep(0.01)
        took = time.perf_counter() - began
    print(f"{kind} {name}: {JOBS[kind]} in {took:.1f} s", flush=True)
    return 60 * JOBS[kind] / took


def _warm(store: JobStore, runner: Runner, count: int) -> None:
    """Ray and its places are up: what is measured is work, not the start of a cluster."""
    spec = spec_of("fake")
    asked = [Request.of(spec, params={"text": f"warm {n}", "seconds": 1.5}) for n in range(count)]
    for request in asked:
        runner.submit(request)
    while any(store.state(request.id) is not JobState.DONE for request in asked):
        runner.poll()
        time.sleep(0.02)


def _walks(kind: str, store: JobStore, here: Runtimes, folder: str) -> Iterator[Walk]:
    if kind == "photo":
        small = {"cutout": {"resolution": 256}, "relief": {"grid": 96, "texture_size": 256}, "clean": {"faces": 2000}}
        recipe = load_recipe("photo_to_mesh").with_backend("relief").merged(small)
        for number in range(JOBS[kind]):
            photo, mask = Path(folder) / f"{number}.png", Path(folder) / f"mask-{number}.png"
            _draw(photo, mask, number)
            yield walk(recipe, {"image": photo, "mask": mask}, store, blender=here.identity)
        return
    for number in range(JOBS[kind]):
        params = {"seconds": 0.0 if kind == "none" else SECONDS, "text": f"{kind} {number}", "work": kind == "work"}
        yield walk(Recipe(kind, (Step("fake", params),), ()), {}, store, seed=number)


def _draw(photo: Path, mask: Path, number: int) -> None:
    from PIL import Image, ImageDraw

    box = (40 - number, 30, 210 + number, 220)
    for path, mode, colours in ((photo, "RGB", ("white", "brown")), (mask, "L", ("black", "white"))):
        picture = Image.new(mode, (256, 256), colours[0])
        ImageDraw.Draw(picture).ellipse(box, fill=colours[1])
        picture.save(path)


@contextmanager
def _runner(name: str, folder: Path) -> Iterator[tuple[JobStore, Runner]]:
    store = JobStore(folder / "jobs")
    if name == "local":
        runner: Runner = Dispatch(store, Runtimes.here())
    else:
        runner = ray.make(store, Runtimes.here(), workers=int(name))
    try:
        yield store, runner
    finally:
        runner.close()


@dataclass(frozen=True)
class Measured:
    """Of one asset: `photo_to_film` at medium, 60 frames, by two cores and no card; read from the job folders."""

    seconds: float = 131.0
    """Of a machine for one asset, all steps."""
    steps: int = 13
    writes: int = 265
    """Files made in the store: 106 that stay, and the claims and parts that do not."""
    kept: float = 75.0
    """MB that stay in the store."""
    read: float = 75.0
    """MB that steps read of what others made: each reads about what it leaves."""
    handled: float = 43.0
    """Steps that one asker hands out in a second, at the least: `python -m benchmarks.scale none` with 4 workers."""
    weights: float = 2.0
    """GB of a model that every machine needs once; assumed."""
    card_seconds: float = 15.0
    """Of a graphics card for a large model; assumed, for none was at hand."""


MACHINE_HOUR, CARD_HOUR, GB_MONTH, PER_MILLION = 0.10, 1.00, 0.023, 5.0
"""Dollars, assumed: two cores an hour, a graphics card an hour, a GB a month, a million writes to an object store."""
LINK = 1.25
"""GB a second that one server of weights, or one machine, sends: 10 Gbit/s."""


def paper() -> None:
    """From 1 to 10,000 machines, each with one place of work."""
    heads = ("Machines", "Assets an hour", "Steps a second", "Askers", "Writes a second", "TB a day", "Disk, MB/s",
             "Weights by one server, s", "by copies, s", "Dollars for 1,000")  # fmt: skip
    print("| " + " | ".join(heads) + " |\n|" + "---:|" * len(heads))
    for machines in (1, 10, 100, 1_000, 10_000):
        print(
            "| " + " | ".join(f"{value:,.3g}" if value < 10 else f"{value:,.0f}" for value in scaled(machines)) + " |"
        )


def scaled(machines: int, of: Measured = Measured()) -> tuple[float, ...]:
    """A row of the table; the formulas stand in docs/scaling.md."""
    assets = machines / of.seconds
    askers = math.ceil(assets * of.steps / of.handled)
    once = of.weights / LINK
    work = of.seconds / 3600 * MACHINE_HOUR + of.card_seconds / 3600 * CARD_HOUR
    dollars = 1000 * (work + of.writes / 1e6 * PER_MILLION + of.kept / 1000 * GB_MONTH)
    return (
        machines, assets * 3600, assets * of.steps, askers, assets * of.writes, assets * 86400 * of.kept / 1e6,
        assets * (of.kept + of.read), machines * once, once * math.ceil(math.log2(machines + 1)), dollars,
    )  # fmt: skip


if __name__ == "__main__":
    paper() if sys.argv[1:] == ["paper"] else sys.exit(tell(lambda: main(sys.argv[1:] or list(JOBS))))
