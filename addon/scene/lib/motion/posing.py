# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls over time become turns of bones: what a clip says of hips, chest, head, arms and feet, as a take.

Controls are arrays (T, 3), all in the body's own axes (X its left, -Y forward, Z up), angles as rotation vectors in
radians against the rest pose, so that clips can be added and faded into each other:

`hips.shift` metres; `hips` `chest` `head` turns, each against the body's heading and not against its parent;
`arm.L` `fore.L` directions of upper arm and forearm in the chest's axes, X outwards for both sides; `hand.L` turn;
`foot.L` metres that a foot moves from where it stands, `sole.L` its turn; `tail` turn of its root, bones follow later;
`root` turn of the whole about `pivot`; `stretch` the whole's scale minus 1; any other name is a bone, turned against
its parent, and with a leading `=` against the heading.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .anatomy import Body, Leg
from .limbs import Array, X, between, heading, hung, laid, reach, rotation, smooth, unit
from .stepping import Feet
from .take import Take, after, inverse, turned
from .ways import Way

Controls = Mapping[str, Array]
HANGING = np.array([0.16, -0.04, -1.0])
_TAIL_LAG = 2
"""Frames by which each bone of a tail is later than the one before."""


def pose(body: Body, controls: Controls, way: Way, feet: Feet | None, fps: float) -> tuple[Take, tuple[Array, Array]]:
    """The take without its root bone, and the way of the root bone: places (T, 3) and turns (T, 4)."""
    return _Poser(body, controls, way, feet).take(fps)


class _Poser:
    def __init__(self, body: Body, controls: Controls, way: Way, feet: Feet | None) -> None:
        self.body, self.controls, self.way, self.feet = body, controls, way, feet
        self.count = len(way.places)
        self.bones = {bone.name: bone for bone in body.skeleton.bones}
        self.names = [bone.name for bone in body.skeleton.bones]
        self.turns: dict[str, Array] = {}
        self.heads: dict[str, Array] = {}

    def control(self, name: str, default: Array | float = 0.0) -> Array:
        return np.asarray(self.controls.get(name, np.broadcast_to(default, (self.count, 3))), float)

    def take(self, fps: float) -> tuple[Take, tuple[Array, Array]]:
        base = self._root()
        trunk = self._trunk_turns()
        legs = {leg.upper: leg for leg in self.body.legs.values()} if self.feet else {}
        keys = {leg.upper: key for key, leg in self.body.legs.items()}
        arms = {arm[0]: side for side, arm in self.body.arms.items()}
        for name in self.names:
            if name in self.turns:
                continue
            self._place(name)
            if name in legs:
                self._leg(keys[name], legs[name])
            elif name in arms and f"arm.{arms[name]}" in self.controls:
                self._arm(arms[name])
            else:
                self._plain(name, trunk)
        if not self.body.walks and any(name.startswith("=") for name in self.controls):
            self._balanced()
        return self._packed(fps, base)

    def _balanced(self) -> None:
        """What winds in the air or on the floor turns about its middle, not about its first joint."""
        inner = [bone.name for bone in self.body.skeleton.bones if bone.deform]
        rest = np.mean([(self.bones[name].head + self.bones[name].tail) / 2 for name in inner], axis=0)
        halves = [(self.bones[name].tail - self.bones[name].head) / 2 for name in inner]
        now = [self.heads[n] + turned(self.turns[n], half) for n, half in zip(inner, halves, strict=True)]
        first = self.names[0]
        wanted = self.heads[first] + turned(self.turns[first], rest - self.bones[first].head)
        off = (np.mean(now, axis=0) - wanted) * [1.0, 1.0, 0.0]
        for name in self.names[1:]:
            self.heads[name] = self.heads[name] - off

    def _root(self) -> tuple[Array, Array]:
        """The root bone's way; the body turned about a pivot as well, which leaves the root on its way."""
        first = self.body.skeleton.bones[0]
        turn = after(heading(self.way.headings), rotation(self.control("root")))
        pivot = self.control("pivot", self._centre())
        place = self.way.world(pivot - self.way.home + self.control("hips.shift") * (not self.body.walks))
        place = place + turned(turn, first.head - pivot)
        self.turns[first.name], self.heads[first.name] = turn, place
        return place, turn

    def _centre(self) -> Array:
        return np.array([*self.body.skeleton.bones[0].head[:2], (self.body.low[2] + self.body.high[2]) / 2])

    def _trunk_turns(self) -> dict[str, Array]:
        """World turns of the bones from the hips to the head."""
        hips, chest, head = (self.control(name) for name in ("hips", "chest", "head"))
        if not any(name in self.controls for name in ("hips", "chest", "head")):
            return {}
        names, at = self.body.trunk, max(self.body.chest, 1)
        out, last = {}, max(len(names) - 1 - at, 1)
        for number, name in enumerate(names):
            share = min(number / at, 1.0) if len(names) > 1 else 0.5
            turn = hips * (1 - share) + chest * share
            if number > self.body.chest and len(names) > 1:
                share = (number - self.body.chest) / last
                turn = chest * (1 - share) + head * share
            out[name] = after(self.turns[self.names[0]], rotation(turn))
        return out

    def _place(self, name: str) -> None:
        bone = self.bones[name]
        offset = bone.head - self.bones[bone.parent].head
        self.heads[name] = self.heads[bone.parent] + turned(self.turns[bone.parent], offset)
        if name == self.body.trunk[0] and self.body.walks:
            self.heads[name] = self.heads[name] + turned(heading(self.way.headings), self.control("hips.shift"))

    def _plain(self, name: str, trunk: Mapping[str, Array]) -> None:
        parent = self.turns[self.bones[name].parent]
        if name in trunk:
            turn = trunk[name]
        elif f"={name}" in self.controls:
            turn = after(self.turns[self.names[0]], rotation(self.control(f"={name}")))
        elif name in self.body.tail and "tail" in self.controls:
            late = self.body.tail.index(name) * _TAIL_LAG
            swing = self.control("tail")
            turn = after(parent, rotation(np.concatenate([np.repeat(swing[:1], late, 0), swing])[: self.count]))
        else:
            turn = parent
        if name in self.controls and name not in ("hips", "chest", "head", "tail", "root"):
            turn = after(turn, rotation(self.control(name)))
        self.turns[name] = turn

    def _chain(self, name: str, turn: Array) -> None:
        self._place(name)
        self.turns[name] = turn

    def _leg(self, key: str, leg: Leg) -> None:
        assert self.feet is not None
        bones, facing = self.bones, heading(self.feet.yaws[key])
        tilt = self.feet.pitches[key] + self._followed(leg, facing, self.feet.balls[key])
        sole = after(facing, rotation(tilt[:, None] * X + self.control(f"sole.{key}")))
        ball = self.feet.balls[key] + turned(facing, self.control(f"foot.{key}"))
        ankle = ball + turned(sole, bones[leg.lower].tail - leg.ball) if leg.foot else ball
        start = self.heads[leg.upper]
        rest_hip, rest_knee, rest_end = bones[leg.upper].head, bones[leg.lower].head, bones[leg.lower].tail
        line = turned(facing, unit(rest_end - rest_hip))
        pole = turned(after(between(line, unit(ankle - start)), facing), leg.pole)
        knee, end = reach(start, ankle, leg.lengths, pole)
        normal0, normal = np.cross(rest_end - rest_hip, leg.pole), np.cross(end - start, pole)
        self.turns[leg.upper] = laid((rest_knee - rest_hip, normal0), (knee - start, normal))
        self._chain(leg.lower, laid((rest_end - rest_knee, normal0), (end - knee, normal)))
        if leg.foot:
            self._chain(leg.foot, sole)
        if leg.toe:
            toe = after(facing, rotation(self.feet.toes[key][:, None] * X + self.control(f"sole.{key}")))
            self._chain(leg.toe, toe)

    def _followed(self, leg: Leg, facing: Array, ball: Array) -> Array:
        """By how much (T,) a foot that stands on its toes leans with its leg: all of it where it is as steep as one."""
        if not leg.foot:
            return np.zeros(self.count)
        bones = self.bones
        foot, rest = bones[leg.foot], bones[leg.upper].head - leg.ball
        steep = smooth((foot.head[2] - foot.tail[2]) / max(foot.length, 1e-9) * 2 - 0.8)
        line = turned(inverse(facing), self.heads[leg.upper] - ball)
        lean = np.arctan2(-line[:, 1], np.maximum(line[:, 2], 0.2 * rest[2])) - np.arctan2(-rest[1], rest[2])
        return np.asarray(0.9 * steep * np.clip(lean, -1.0, 1.0))

    def _arm(self, side: str) -> None:
        names, sign = self.body.arms[side], np.array([1.0 if side == "L" else -1.0, 1.0, 1.0])
        chest = self.turns[self.bones[names[0]].parent]
        upper = next(n for n in names if n.startswith("upper_arm"))
        wanted = unit(self.control(f"arm.{side}", HANGING) * sign)
        lift = hung(unit(self.bones[upper].tail - self.bones[upper].head), wanted)
        for name in names:
            bone = self.bones[name]
            rest = unit(bone.tail - bone.head)
            parent = self.turns[bone.parent]
            self._place(name)
            if name.startswith("shoulder"):
                self.turns[name] = after(chest, rotation(self.control(f"shoulder.{side}") * _mirror(side)))
            elif name == upper:
                self.turns[name] = after(chest, lift)
            elif name.startswith("forearm") and f"fore.{side}" in self.controls:
                aim = turned(chest, unit(self.control(f"fore.{side}") * sign))
                self.turns[name] = after(between(turned(parent, rest), aim), parent)
            else:
                self.turns[name] = after(parent, rotation(self.control(f"hand.{side}") * _mirror(side)))

    def _packed(self, fps: float, base: tuple[Array, Array]) -> tuple[Take, tuple[Array, Array]]:
        """All but the root where the hips are the only bone on it; with it where several bones stand on the root."""
        first = self.names[0]
        on_it = [name for name in self.names if self.bones[name].parent == first]
        alone = len(on_it) == 1 and len(self.names) > 1 and "stretch" not in self.controls
        names = self.names[1:] if alone else self.names
        index = {name: number for number, name in enumerate(names)}
        bones = [self.bones[name] for name in names]
        stretch = None
        if "stretch" in self.controls:
            stretch = np.ones((self.count, len(names), 3))
            stretch[:, 0] += self.control("stretch")
        contacts = {}
        if self.feet:
            legs = self.body.legs
            contacts = {(legs[key].foot or legs[key].lower): on for key, on in self.feet.contacts.items()}
        take = Take(
            tuple(names),
            np.array([index.get(bone.parent, -1) for bone in bones]),
            np.array([bone.head for bone in bones]),
            np.array([bone.tail for bone in bones]),
            np.stack([self.turns[name] for name in names], axis=1),
            self.heads[names[0]],
            fps,
            stretch=stretch,
            contacts=contacts,
        )
        return take, base


def _mirror(side: str) -> Array:
    """Rotation vectors of the left side are mirrored for the right: turns about X stay, the others change sign."""
    return np.array([1.0, 1.0, 1.0] if side == "L" else [1.0, -1.0, -1.0])
