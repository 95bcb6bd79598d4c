# SPDX-License-Identifier: GPL-3.0-or-later
"""A motion file onto the rig: BVH, FBX, glTF or AMASS poses, whatever the two skeletons name and measure."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...backend.protocol.errors import UserError
from ...backend.protocol.spec import BackendSpec, Param
from .lib.motion import animation, contacts, editing, feet, parts, play, retargeting, rigged, sources
from .lib.motion.parts import Body
from .lib.motion.take import Take, turned
from .lib.rig import controls, skeleton
from .work import Work

SPEC = BackendSpec(
    id="retarget",
    label="Motion from a file",
    task="rig-to-motion",
    seeded="never",
    help="Put a motion file (BVH, FBX, glTF, AMASS poses) on the rig, whatever its size. Feet stay where they stand.",
    runtime="blender",
    version=2,
    inputs=("scene", "motion"),
    outputs=("scene",),
    params=(
        Param(
            "clip", "str", "", "Name or number of the clip, of a file that holds several; empty takes the one it shows"
        ),
        Param("names", "file", "", "TOML or JSON with tables [source] and [target]: which bones are meant by ours"),
        Param(
            "rest",
            "choice",
            "auto",
            "The pose in which the file's skeleton stands: the file's own, its first frame, or the first where the own "
            "does not stand",
            choices=("auto", "file", "first"),
        ),
        Param("from_s", "float", 0.0, "Where in the file the motion begins", low=0.0, high=36000.0, unit="s"),
        Param("to_s", "float", 0.0, "Where in the file it ends; 0 takes all", low=0.0, high=36000.0, unit="s"),
        Param("speed", "float", 1.0, "How much faster than in the file", low=0.05, high=20.0),
        Param("mirror", "bool", False, "Left becomes right"),
        Param("smooth", "float", 0.0, "Tremble shorter than this is taken away", low=0.0, high=24.0, unit="frames"),
        Param(
            "loop",
            "choice",
            "no",
            "Close it to a loop: the end is blended into the start, or first cut where it repeats best",
            choices=("no", "blend", "best"),
        ),
        Param("loop_blend", "int", 8, "Over how many frames the loop is closed", low=1, high=240, unit="frames"),
        Param("rounds", "int", 1, "How often a loop is played", low=1, high=200),
        Param(
            "travel",
            "choice",
            "hips",
            "Its way over the floor: in the hips, in the root bone as games want it, or none, on the spot",
            choices=("hips", "root", "none"),
        ),
        Param(
            "place",
            "choice",
            "rig",
            "Where it begins: where the rig is and looks by then, or where the file says",
            choices=("rig", "file"),
        ),
        Param("keep_feet", "bool", True, "Keep feet on their spots and above the floor"),
        Param("start", "int", 1, "Frame of the film at which it begins", low=1, high=1_000_000),
        Param(
            "strip", "bool", False, "As a strip of the NLA editor over the motion that is there, in place of all motion"
        ),
        Param("blend", "int", 0, "Over how many frames a strip fades in", low=0, high=1000, unit="frames"),
    ),
)
_MOST = 100_000
"""Frames that are keyed at most."""
_LIMBS = ("upper_arm", "forearm", "thigh", "shin", "front_")


def run(
    work: Work,
    *,
    clip: str,
    names: str,
    rest: str,
    from_s: float,
    to_s: float,
    speed: float,
    mirror: bool,
    smooth: float,
    loop: str,
    loop_blend: int,
    rounds: int,
    travel: str,
    place: str,
    keep_feet: bool,
    start: int,
    strip: bool,
    blend: int,
) -> None:
    path = work.files["motion"]
    armature = work.object("armature")
    own = parts.read_own(names)
    work.progress("Reading the motion", 0.02)
    take = sources.read(
        path, clip, warn=work.report.warn, tick=lambda done: work.progress("Reading the motion", 0.02 + 0.38 * done)
    )
    take = editing.trimmed(take, from_s, to_s)
    target, floor = rigged.target(work, armature, own.get("target", {}))
    source = _source(take, own.get("source", {}))
    take = retargeting.stood(take, source, rest)
    if mirror:
        take = editing.mirrored(take)
    take = retargeting.faced(take, _mirrored(_source(take, own.get("source", {})), mirror), target)
    take = editing.smoothed(editing.resampled(take, animation.FPS, speed), smooth)
    source = _mirrored(_source(take, own.get("source", {})), mirror)
    _check(work, path, source, target, _mistaken(armature, source, target))
    take, way = _loop(work, take, loop, loop_blend)
    if place == "rig":
        take, way = _begun(take, way, source, target, armature, start if strip else 0)
    work.progress("Fitting it to the rig", 0.45)
    moved, way = _fitted(work, take, way, source, target, floor, keep_feet)
    if way is not None and travel != "none":
        moved, way = editing.repeated(moved, way, rounds), way * rounds
    moved, path_of_root = _travelling(work, moved, way, travel, armature)
    if len(moved) > _MOST:
        raise UserError(f"That are {len(moved)} frames; {_MOST} are the most. Cut the motion or take fewer rounds.")
    _key(work, armature, moved, path.stem, start, strip, blend, path_of_root, way is not None and travel == "none")


def _source(take: Take, own: dict[str, list[str]]) -> Body:
    return parts.find(take.names, take.parents, take.heads, take.tails, own)


def _mirrored(body: Body, mirror: bool) -> Body:
    return retargeting.swapped(body) if mirror else body


def _mistaken(armature: bpy.types.Object, source: Body, target: Body) -> str:
    """What to do where the rig lacks limbs that the motion has, for it may have been made for another kind of body."""
    kind = str(armature.get(skeleton.KIND, ""))
    lost = [part for part in source.parts if part not in target.parts and part.startswith(_LIMBS)]
    if not lost or kind in ("", "biped"):
        return ""
    return f" Its skeleton is of the kind {kind}: where the body is another, choose that kind and make the rig anew."


def _check(work: Work, path: Path, source: Body, target: Body, hint: str) -> None:
    """Raise `UserError` where too little of the motion would arrive; say what does."""
    shared = [part for part in target.parts if part in source.parts]
    lacking = parts.missing(source, target)
    if lacking:
        raise UserError(
            f"The rig lacks what {path.name} moves: {', '.join(lacking)}. Take a motion for its kind, or say in the "
            "file `names` which of its bones are meant." + hint
        )
    if "hips" not in shared and len(shared) < 0.5 * len(source.names):
        some = ", ".join(source.names[:6])
        raise UserError(
            f"The bones of {path.name} ({some} …) are not those of the rig. Say in the file `names` which are meant."
        )
    left = [key for key in source.parts if key not in target.parts and not key.startswith(parts.LITERAL)]
    if left:
        work.report.warn(f"The rig has no {', '.join(sorted(left))}; their motion is left out.{hint}")
    work.report.metric("parts", len(shared))
    work.report.metric("scale", round(retargeting.scale_of(source, target), 4))


def _loop(work: Work, take: Take, loop: str, blend: int) -> tuple[Take, Any]:
    """The closed take and the way (3,) of one round; None where it is no loop."""
    if loop == "no":
        return take, None
    if len(take) < 4:
        raise UserError("The motion is too short for a loop. Choose a longer part of it.")
    if loop == "best":
        first, last = editing.best_loop(take, max(8, round(0.5 * animation.FPS)))
        take = editing.cut(take, first, last + 1)
        work.report.metric("loop_from_s", round(first / take.fps, 3))
    return editing.looped(take, blend)


def _begun(
    take: Take, way: Any, source: Body, target: Body, armature: bpy.types.Object, frame: int
) -> tuple[Take, Any]:
    """The take where the rig is and as it looks, at rest or by this frame; its way turned along."""
    if "hips" not in source.parts or "hips" not in target.parts:
        return take, way
    scale = retargeting.scale_of(source, target)
    before = float(editing.heading(take.turns[:1, 0])[0])  # the first joint of a take of ours is the hips
    place, angle = take.heads[0].copy(), 0.0
    if frame:
        away, angle = rigged.by_then(armature, target, frame)
        place += away / scale
    take = retargeting.begun(take, place, angle)
    if way is not None:
        way = turned(editing.yaw(angle - before), way)
    return take, way


def _fitted(work: Work, take: Take, way: Any, source: Body, target: Body, floor: float, keep: bool) -> tuple[Take, Any]:
    """On the rig's bones, feet kept; what it measures goes into the report. Of a loop three rounds are made, the middle
    one stays, so that feet are right where it closes too."""
    count = len(take)
    if way is not None:
        take = editing.repeated(take, way, 3)
        way = way * retargeting.scale_of(source, target)
    moved = retargeting.retargeted(take, source, target, floor)
    body = retargeting.reduced(target, moved)
    if contacts.sides(source) and contacts.sides(body):
        soles = min(retargeting.sole(source, side) for side in contacts.sides(source))
        stands = contacts.found(take, source, retargeting.floor_of(take, source), soles)
        work.progress("Keeping the feet", 0.6)
        skin = rigged.skin(work, body, floor)
        before = contacts.measured(moved, body, stands, floor, skin)
        if keep:
            moved = feet.kept(
                moved, body, stands, floor, skin, lambda done: work.progress("Keeping the feet", 0.6 + 0.14 * done)
            )
        after = contacts.measured(moved, body, stands, floor, skin)
        work.report.metric("contact_frames", stands.frames)
        for name, value in before.items():
            work.report.metric(f"{name}_before", value)
            work.report.metric(name, after[name])
    if way is not None:
        moved = editing.cut(moved, count, 2 * count)
        moved = editing.redirected(moved, retargeting.STILL, -way)
    return moved, way


def _travelling(
    work: Work, take: Take, way: Any, travel: str, armature: bpy.types.Object
) -> tuple[Take, tuple[Any, Any] | None]:
    """The take as the hips do it, and the root's own way where it has to carry it."""
    if travel == "hips":
        return take, None
    places, turns = retargeting.path_of(take, way)
    if travel == "none":
        return retargeting.on_spot(take, places), None
    above = armature.data.bones[controls.control_of(armature, take.names[0])].parent_recursive
    if not above:
        work.report.warn("The rig has no root bone below its hips; the hips carry the way.")
        return take, None
    rest = np.array(armature.matrix_world @ above[-1].head_local)
    offset = (rest - take.heads[0]) * [1.0, 1.0, 0.0]
    under = places + turned(turns, offset)
    under[:, 2] = rest[2]
    return take, (under, turns)


def _key(
    work: Work,
    armature: bpy.types.Object,
    take: Take,
    stem: str,
    start: int,
    strip: bool,
    blend: int,
    root: tuple[Any, Any] | None,
    cyclic: bool,
) -> None:
    """Write the keys; the film's frames reach to its end."""
    name = re.sub(r"[^\w .-]+", "_", stem)[:40] or "motion"
    work.progress("Setting the keys", 0.75)
    rigged.loosen(armature, take.names[0])
    if not strip:
        play.clear(armature)
    play.play(
        work, armature, take, name=name, start=start, root=root, strip=strip, blend_in=blend, cyclic=cyclic, begun=0.75
    )
    scene = bpy.context.scene
    last = start + len(take) - 1
    scene.render.fps, scene.render.fps_base = animation.FPS, 1.0
    scene.frame_start, scene.frame_end = 1, max(last, scene.frame_end) if strip else last
    work.report.metric("frames", len(take))
    work.report.metric("seconds", round(len(take) / animation.FPS, 3))
    work.report.metric("bones", len(take.names))
