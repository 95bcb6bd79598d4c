# SPDX-License-Identifier: GPL-3.0-or-later
"""The body's skin is tied to the bones of its armature, as `skeleton` built or somebody edited it."""

from __future__ import annotations

import hashlib

import numpy as np

from ...backend.protocol.errors import UserError
from ...backend.protocol.spec import BackendSpec, Param
from .lib.rig import bending, controls, heat, rigid, skeleton, skin, weights
from .work import Work

METHODS = ("auto", "heat", "voxel", "nearest")
SPEC = BackendSpec(
    id="bind",
    label="Bind",
    task="rig-to-skin",
    seeded="never",
    help="Tie the skin to the bones, so that it follows them. No point is left behind.",
    runtime="blender",
    inputs=("scene",),
    outputs=("scene",),
    params=(
        Param(
            "method",
            "choice",
            "auto",
            "How: heat flows through the skin from each bone; voxel does so on a closed copy, for skins of many parts; "
            "nearest takes the bones that are near within the body; auto the first of these that has an answer",
            choices=METHODS,
        ),
        Param("smooth", "int", 2, "Rounds of smoothing of the weights, against creases", low=0, high=50),
        Param("influences", "int", weights.INFLUENCES, "Bones that move one point at most", low=1, high=8),
        Param(
            "rigid",
            "choice",
            "auto",
            "Each separate part follows one bone and does not bend; auto for vehicles and furniture",
            choices=("auto", "on", "off"),
        ),
        Param("keep", "bool", True, "Keep weights that somebody else gave the skin, and only mend them"),
    ),
)
BOUND = "galatea_bound"
"""Custom property of the body: a digest of the weights that this step gave it. Others are somebody's work."""
_FEW = 0.002
"""Of all points: so few that heat left out go to the nearest bones without a voxel proxy."""
Table = weights.Array


def run(work: Work, *, method: str, smooth: int, influences: int, rigid: str, keep: bool) -> None:
    body, armature = work.object("body"), work.object("armature")
    groups = skeleton.deforming(armature)
    if not groups:
        raise UserError("No bone of the armature moves skin. Switch on Deform of its bones, or run the step skeleton.")
    if not len(body.data.vertices):
        raise UserError("The body has no points to bind. Choose another mesh.")
    work.progress("Reading the skin", 0.02)
    shape, bones, names = skin.Skin.of(body), skeleton.read(armature), [controls.plain(name) for name in groups]
    if not np.isfinite(shape.points).all():
        raise UserError("The body has points that are no numbers. Run the step clean first.")
    old, most = skin.read(body, groups)
    work.progress("Reading the skin", 0.08)
    kept = keep and bool((~weights.bare(old)).mean() > 0.5) and body.get(BOUND) != _digest(old)
    if kept:
        table, how = _mended(work, old, shape, names, bones), "kept"
        table = weights.limited(table, influences)
        work.report.log("The weights that the skin had are kept. Set keep to false to bind it anew.")
    else:
        table, how = _bound(work, shape, names, bones, method, rigid)
        rounds = 0 if how == "rigid" else smooth
        table = weights.limited(weights.smoothed(table, shape.edges, rounds), influences)[shape.place]
    work.progress("Writing the weights", 0.8)
    skin.write(body, groups, table)
    skin.attach(body, armature)
    written, most_now = skin.read(body, groups)
    body[BOUND] = "" if kept else _digest(written)
    work.progress("Bending the joints", 0.9)
    report = work.report
    report.metric("method", how)
    report.metric("bones", len(names))
    report.metric("unweighted", float(weights.bare(written).mean()))
    report.metric("unweighted_before", float(weights.bare(old).mean()) if old.any() else 1.0)
    report.metric("influences", int(most_now.max()))
    report.metric("influences_before", int(most.max()))
    first = np.unique(shape.place, return_index=True)[1]
    for key, value in bending.measured(shape.points, shape.edges, shape.faces, written[first], names, bones).items():
        report.metric(key, value)


def _bound(
    work: Work, shape: skin.Skin, names: list[str], bones: skeleton.Skeleton, method: str, how_rigid: str
) -> tuple[Table, str]:
    """(W, B) weights of the welded points before they are limited, and what was done."""
    if how_rigid == "on" or (how_rigid == "auto" and (bones.kind in rigid.KINDS or len(names) == 1)):
        table, count = rigid.bound(shape.points, shape.faces, names, bones)
        work.report.metric("parts", count)
        still = [
            name
            for name in bones.marks.get(rigid.WHEELS, ())
            if name in names and not table[:, names.index(name)].any()
        ]
        if still:
            work.report.warn(
                f"{len(still)} wheels are one piece with the body, so that they cannot turn by themselves."
            )
        return table, "rigid"
    heads, tails = (np.array([getattr(bones[name], end) for name in names]) for end in ("head", "tail"))
    table = np.zeros((len(shape.points), len(names)))
    done: list[str] = []
    tries = {"heat": heat.skin, "voxel": heat.voxel}
    for number, way in enumerate(("heat", "voxel") if method == "auto" else (method,)):
        bare = weights.bare(table)
        if way not in tries or not bare.any() or not len(shape.faces) or (number and bare.mean() < _FEW):
            continue
        beat = work.beat(f"Binding by {way}", 0.1 + 0.25 * number)
        table[bare] = tries[way](shape.points, shape.faces, heads, tails, beat)[bare]
        done += [way] if not weights.bare(table[bare]).all() else []
    bare = weights.bare(table)
    if bare.any():
        table[bare] = heat.nearest(
            shape.points, shape.faces, heads, tails, work.beat("Binding to the nearest bones", 0.6), bare
        )
        done.append("nearest")
        work.report.metric("bound_by_nearest", round(float(bare.mean()), 4))
    return table, "+".join(done)


def _mended(work: Work, old: Table, shape: skin.Skin, names: list[str], bones: skeleton.Skeleton) -> Table:
    """(V, B) the same weights, and those of the nearest bones where a vertex has none."""
    bare = weights.bare(old)
    table = np.where(bare[:, None], 0.0, old)
    if bare.any():
        heads, tails = (np.array([getattr(bones[name], end) for name in names]) for end in ("head", "tail"))
        wanted = np.zeros(len(shape.points), bool)
        wanted[shape.place[bare]] = True
        found = np.zeros((len(shape.points), len(names)))
        beat = work.beat("Mending the weights", 0.3)
        found[wanted] = heat.nearest(shape.points, shape.faces, heads, tails, beat, wanted)
        table[bare] = found[shape.place[bare]]
    return table


def _digest(table: Table) -> str:
    return hashlib.sha256(np.round(np.nan_to_num(table) * 1000).astype(np.uint16).tobytes()).hexdigest()[:16]
