# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigid bodies through the whole way: a scene's document, built, simulated, and read from its keyframes."""

from __future__ import annotations

import numpy as np

from galatea.backend.protocol import materials, scene

from ._physics_stand import Array, Found, G, film

MOON = 1.62


def fall(engine: str, gravity: float = G) -> Found:
    seconds = 20 / 24
    done = film(engine, [{"name": "ball", "position": [0, 0, 5]}], 1.0, environment={"gravity": [0, 0, -gravity]})
    z = done.track([done.things("ball")[0].main])[:, 0, 2, 3]
    return Found(
        f"free fall, g {gravity}", engine, "g t² / 2", gravity * seconds**2 / 2, float(z[0] - z[20]), "m", 0.01
    )


def throw(engine: str, speed: tuple[float, float] = (3.0, 4.0)) -> Found:
    """Where it is as high as it was thrown from."""
    x, z = speed
    ball = {"name": "ball", "position": [0, 0, 1], "initial_velocity": [x, 0, z]}
    done = film(engine, [ball], 2.2 * z / G)
    way = done.track([done.things("ball")[0].main])[:, 0, :3, 3]
    way = way - way[0]
    k = int(np.flatnonzero((way[1:, 2] < 0) & (way[:-1, 2] >= 0))[-1])
    frame = 1 / 24
    # between two frames of keys it is a parabola of which both ends are known
    rise, drop = way[k, 2], way[k + 1, 2]
    up = (drop - rise) / frame + G * frame / 2
    after = (up + np.sqrt(up * up + 2 * G * rise)) / G
    got = float(way[k, 0] + (way[k + 1, 0] - way[k, 0]) * after / frame)
    return Found(f"range of a throw at {x:g}, {z:g} m/s", engine, "2 vₓ v_z / g", 2 * x * z / G, got, "m", 0.01)


def bounce(engine: str, substance: str = "rubber", height: float = 1.0, name: str = "ball") -> Found:
    floor = "steel"
    share = materials.restitution_on(materials.substance(substance), materials.substance(floor))
    seconds = (1 + 1.6 * share) * np.sqrt(2 * height / G) + 0.1
    thing = {"name": name, "position": [0, 0, height], "material": {"name": substance}, "dimensions": [0.2, 0.2, 0.2]}
    done = film(engine, [thing], float(seconds), slow=10.0, environment={"floor_material": floor})
    z = done.track([done.things(name)[0].main])[:, 0, 2, 3]
    z = z - z[0] + height
    low = int(np.argmax(np.diff(z) > 1e-5))
    got = float(z[low : low + int(2400 * share * np.sqrt(2 * height / G) / 10) + 8].max())
    what = f"bounce of a {name} of {substance} from {height:g} m"
    return Found(what, engine, "e² h", share**2 * height, got, "m", 0.05)


def slide(engine: str, friction: float = 0.4, speed: float = 3.0) -> Found:
    own = scene.Material(friction=friction)
    both = materials.friction_between(materials.resolved(own, "pine"), materials.substance("concrete"))
    crate = {"name": "crate", "position": [0, 0, 0], "dimensions": [0.4, 0.4, 0.2], "initial_velocity": [speed, 0, 0],
             "material": {"name": "pine", "friction": friction}}  # fmt: skip
    done = film(engine, [crate], speed / (both * G) + 0.4, environment={"floor_material": "concrete"})
    x = done.track([done.things("crate")[0].main])[:, 0, 0, 3]
    wanted = speed**2 / (2 * both * G)
    what = f"slide of a crate at {speed:g} m/s, friction {both:.2f}"
    return Found(what, engine, "v² / 2 μ g", wanted, float(x[-1] - x[0]), "m", 0.05)


def stack(engine: str, count: int = 10, seconds: float = 5.0) -> Found:
    crate = {"name": "crate", "count": count, "arrangement": "stack", "dimensions": [0.5, 0.5, 0.5]}
    done = film(engine, [crate], seconds)
    way = done.track([each.main for each in done.things("crate")])[:, :, :3, 3]
    moved = float(np.abs(way[-1] - way[0]).max())
    return Found(f"stack of {count} stands for {seconds:g} s", engine, "does not move", 0.0, moved, "m", 0.02)


def dominoes(engine: str, count: int = 12) -> Found:
    """How many fall out of turn or not at all."""
    row = {"name": "domino", "count": count, "arrangement": "row"}
    push = {"kind": "push", "target": "domino", "index": 0, "strength": 0.4, "direction": [1, 0, 0], "time": 0.1}
    done = film(engine, [row], 0.6 + 0.12 * count, slow=5.0, events=[push])
    up: Array = done.track([each.main for each in done.things("domino")])[:, :, 2, 2]
    up = up / up[0]
    down = up < 0.8
    fell = np.where(down.any(axis=0), down.argmax(axis=0), 10**6)
    wrong = int((fell == 10**6).sum() + (np.diff(fell) < 0).sum())
    return Found(f"{count} dominoes fall in turn", engine, "none out of turn", 0.0, wrong, "dominoes", 0.0)
