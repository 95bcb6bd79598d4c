# SPDX-License-Identifier: GPL-3.0-or-later
"""The physics against its formulas: tables in Markdown, as in docs/physics.md.

    python -m benchmarks physics
    python benchmarks/physics.py [--engines blender,mujoco] [--only rigid,bodies,soft] [--write docs/physics.md]

`rigid` are scenes through the steps build and simulate, `bodies` are given to an engine as they are, `soft` is cloth,
jelly and water. Each row is told as soon as it is measured; the tables come at the end, and `--write` puts them into a
page, between the comments that name them. An error over its bar is bold, and the exit status is then 1.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from galatea.benchmarks import _physics_bodies as bodies
from galatea.benchmarks import _physics_scenes as scenes
from galatea.benchmarks import _physics_soft as soft
from galatea.benchmarks._physics_stand import Found, both, single
from galatea.benchmarks._rows import Row, tell

Experiment = Callable[[], "Found | list[Found]"]


def rigid(name: str) -> Iterator[Experiment]:
    for gravity in (scenes.G, scenes.MOON):
        yield lambda g=gravity: scenes.fall(name, g)
    for speed in ((3.0, 4.0), (10.0, 3.0)):
        yield lambda v=speed: scenes.throw(name, v)
    drops = (("rubber", 0.3), ("rubber", 2.0), ("steel", 1.0), ("glass", 0.5), ("oak", 1.0))
    for substance, height in drops:
        yield lambda s=substance, h=height: scenes.bounce(name, s, h)
    for substance in ("rubber", "oak"):
        yield lambda s=substance: scenes.bounce(name, s, 1.0, "crate")
    for friction, speed in ((0.1, 2.0), (0.4, 3.0), (0.8, 5.0)):
        yield lambda f=friction, v=speed: scenes.slide(name, f, v)
    yield lambda: scenes.stack(name)
    yield lambda: scenes.dominoes(name, 30)


def low(name: str) -> Iterator[Experiment]:
    for friction in (0.2, 0.5, 0.9):
        yield lambda f=friction: bodies.holds(name, f)
        yield lambda f=friction: bodies.slips(name, f)
    yield lambda: bodies.glides(name)
    yield lambda: bodies.rolls(name)
    yield lambda: bodies.rolls(name, shape="cylinder")
    for kind, angle, radius in (("hinge", 0.1, 0.02), ("hinge", 0.8, 0.02), ("ball", 0.8, 0.02), ("ball", 1.5, 0.1)):
        yield lambda k=kind, a=angle, r=radius: bodies.pendulum(name, k, a, radius=r)
    yield lambda: bodies.rod(name)
    yield lambda: bodies.spring(name)
    yield lambda: bodies.tied(name)
    yield lambda: bodies.hung(name)
    yield lambda: bodies.cradle(name)
    for restitution in (1.0, 0.5, 0.0):
        yield lambda e=restitution: bodies.collide(name, e)
    for restitution in (1.0, 0.5):
        yield lambda e=restitution: bodies.blocks(name, e)


def flowing() -> Iterator[Experiment]:
    for substance in ("cotton", "silk"):
        yield lambda s=substance: soft.cloth_falls(s)
    yield soft.hang
    for over, substance in (("chair", "silk"), ("table", "canvas"), ("ball", "cotton")):
        yield lambda o=over, s=substance: soft.drape(o, s)
    yield soft.jelly
    yield soft.along
    yield soft.bends
    yield soft.block
    yield soft.poured


def main() -> Iterator[Row]:
    parser = argparse.ArgumentParser(description="The physics against its formulas.")
    parser.add_argument("--engines", default="blender,mujoco")
    parser.add_argument("--only", default="rigid,bodies,soft")
    parser.add_argument(
        "--write", type=Path, help="a page with <!-- rigid --> and <!-- soft -->, each closed by <!-- -->"
    )
    args = parser.parse_args()
    wanted = args.only.split(",")
    plans: dict[str, list[Experiment]] = {"rigid": [], "soft": list(flowing()) if "soft" in wanted else []}
    for name in args.engines.split(","):
        if name == "mujoco" and importlib.util.find_spec("mujoco") is None:
            print("MuJoCo is not here; its rows are left out.", file=sys.stderr)
            continue
        plans["rigid"] += rigid(name) if "rigid" in wanted else ()
        plans["rigid"] += low(name) if "bodies" in wanted else ()
    tables, every = {}, list[Found]()
    for kind, experiments in plans.items():
        rows: list[Found] = []
        for experiment in experiments:
            start = time.monotonic()
            found = experiment()
            new = found if isinstance(found, list) else [found]
            for row in new:
                print(f"{time.monotonic() - start:6.1f} s  {row.line()}", flush=True)
            rows += new
        every += rows
        tables[kind] = both(rows) if kind == "rigid" else single(rows)
        print(f"\n{tables[kind]}\n", flush=True)
    if args.write:
        _write(args.write, tables)
    for name in dict.fromkeys(row.engine for row in every):
        mine = [row for row in every if row.engine == name]
        yield Row(f"{name}: experiments within their bar", sum(row.holds for row in mine), len(mine), "", "all of them")
        worst = max((row for row in mine if row.wanted), key=lambda row: row.error)
        yield Row(f"{name}, the worst: {worst.what}", worst.got, worst.wanted, worst.unit, f"`{worst.formula}`")
    if not all(row.holds for row in every):
        raise SystemExit(1)


def _write(path: Path, tables: dict[str, str]) -> None:
    text = path.read_text()
    for kind, table in tables.items():
        before, mark, after = text.partition(f"<!-- {kind} -->\n")
        if mark and table:
            text = before + mark + table + "\n" + after[after.index("<!-- -->") :]
    path.write_text(text)


if __name__ == "__main__":
    sys.exit(tell(main))
