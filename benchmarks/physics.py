# SPDX-License-Identifier: GPL-3.0-or-later
"""The physics against its formulas: a table in Markdown, as in docs/physics.md.

    python -m benchmarks physics
    python benchmarks/physics.py [--engines blender,mujoco] [--only rigid,bodies,soft]

`rigid` are scenes through the steps build and simulate, `bodies` are given to an engine as they are, `soft` is cloth,
jelly and water. A row that does not hold is in bold, and the exit status is then 1.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Callable, Iterator

from galatea.benchmarks import _physics_bodies as bodies
from galatea.benchmarks import _physics_scenes as scenes
from galatea.benchmarks import _physics_soft as soft
from galatea.benchmarks._physics_stand import HEAD, Row

Experiment = Callable[[], "Row | list[Row]"]


def rigid(name: str) -> Iterator[Experiment]:
    for gravity in (scenes.G, scenes.MOON):
        yield lambda g=gravity: scenes.fall(name, g)
    for speed in ((3.0, 4.0), (10.0, 3.0)):
        yield lambda v=speed: scenes.throw(name, v)
    drops = (("rubber", 0.3), ("rubber", 1.0), ("rubber", 2.0), ("steel", 1.0), ("glass", 0.5), ("oak", 1.0))
    for substance, height in drops:
        yield lambda s=substance, h=height: scenes.bounce(name, s, h)
    for substance in ("rubber", "oak"):
        yield lambda s=substance: scenes.bounce(name, s, 1.0, "crate")
    for friction, speed in ((0.1, 2.0), (0.4, 3.0), (0.8, 5.0)):
        yield lambda f=friction, v=speed: scenes.slide(name, f, v)
    yield lambda: scenes.stack(name)
    yield lambda: scenes.dominoes(name, 12)
    yield lambda: scenes.dominoes(name, 30)


def low(name: str) -> Iterator[Experiment]:
    for friction in (0.2, 0.5, 0.9):
        yield lambda f=friction: bodies.holds(name, f)
        yield lambda f=friction: bodies.slips(name, f)
    yield lambda: bodies.glides(name)
    yield lambda: bodies.rolls(name)
    yield lambda: bodies.rolls(name, shape="cylinder")
    for kind, angle, radius in (("hinge", 0.1, 0.02), ("hinge", 0.8, 0.02), ("ball", 0.8, 0.1), ("ball", 0.8, 0.02)):
        yield lambda k=kind, a=angle, r=radius: bodies.pendulum(name, k, a, radius=r)
    yield lambda: bodies.rod(name)
    yield lambda: bodies.spring(name)
    yield lambda: bodies.cradle(name)
    for restitution in (1.0, 0.5, 0.0):
        yield lambda e=restitution: bodies.collide(name, e)
    for restitution in (1.0, 0.5):
        yield lambda e=restitution: bodies.blocks(name, e)


def flowing() -> Iterator[Experiment]:
    for substance in ("cotton", "silk"):
        yield lambda s=substance: soft.cloth_falls(s)
    yield soft.hang
    for over, substance in (("chair", "cotton"), ("table", "canvas"), ("ball", "cotton")):
        yield lambda o=over, s=substance: soft.drape(o, s)
    yield soft.jelly
    yield soft.block
    yield soft.poured


def main() -> int:
    parser = argparse.ArgumentParser(description="The physics against its formulas.")
    parser.add_argument("--engines", default="blender,mujoco")
    parser.add_argument("--only", default="rigid,bodies,soft")
    args = parser.parse_args()
    wanted = args.only.split(",")
    all_of_them: list[Experiment] = []
    for name in args.engines.split(","):
        if name == "mujoco" and importlib.util.find_spec("mujoco") is None:
            print("MuJoCo is not here; its rows are left out.", file=sys.stderr)
            continue
        all_of_them += rigid(name) if "rigid" in wanted else ()
        all_of_them += low(name) if "bodies" in wanted else ()
    all_of_them += flowing() if "soft" in wanted else ()
    print(HEAD)
    wrong = 0
    for experiment in all_of_them:
        found = experiment()
        for row in found if isinstance(found, list) else [found]:
            print(row.line(), flush=True)
            wrong += not row.holds
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
