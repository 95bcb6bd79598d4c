# SPDX-License-Identifier: GPL-3.0-or-later
"""Poses of SMPL, SMPL-H and SMPL-X in the layout of AMASS: `poses` (T, 72, 156 or 165) axis-angle, `trans` (T, 3).

The models themselves are not here and are not needed: `betas` is passed over, and the skeleton is our own, of round
proportions of an adult of 1.7 m. Its joints are right to some centimetres, which retargeting levels out.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ......backend.protocol.errors import UserError
from ..take import Take, about, after, inverse, turned

Array = NDArray[Any]
MOST_FRAMES, _LARGEST = 500_000, 2 << 30
_RATES = ("mocap_framerate", "mocap_frame_rate", "fps", "framerate")
_WAY = """pelvis - 0 0 0
left_hip pelvis 6 -9 -1
right_hip pelvis -6 -9 -1
spine1 pelvis 0 12 -3
left_knee left_hip 4 -38 0
right_knee right_hip -4 -38 0
spine2 spine1 0 13 2
left_ankle left_knee -1 -42 -4
right_ankle right_knee 1 -42 -4
spine3 spine2 0 6 0
left_foot left_ankle 4 -6 12
right_foot right_ankle -4 -6 12
neck spine3 0 21 -3
left_collar spine3 8 12 -2
right_collar spine3 -8 12 -2
head neck 0 9 5
left_shoulder left_collar 11 4 -2
right_shoulder right_collar -11 4 -2
left_elbow left_shoulder 26 -1 -2
right_elbow right_shoulder -26 -1 -2
left_wrist left_elbow 25 0 0
right_wrist right_elbow -25 0 0"""
"""The body's tree: a joint, its parent, centimetres from it, to its left, up and forwards. The names are public."""
_FINGERS = {"index": (9.5, -0.5, 2.5), "middle": (10.0, 0.0, 0.3), "pinky": (8.0, -0.5, -4.0), "ring": (9.0, 0.0, -2.0),
            "thumb": (4.0, -1.5, 3.0)}  # fmt: skip


def read(path: Path, *, warn: Callable[[str], None]) -> Take:
    poses, trans, fps = _arrays(path, warn)
    names, parents, heads, tails = _skeleton(poses.shape[1] // 3)
    local = _quaternions(poses.reshape(len(poses), -1, 3))
    turns = np.empty((len(poses), len(names), 4))
    for joint, parent in enumerate(parents):
        turns[:, joint] = local[:, joint] if parent < 0 else after(turns[:, parent], local[:, joint])
    stand = _quarter(0, 1.0)  # from the model's axes, Y up and facing +Z, to ours
    up = turned(turns[:, 0], np.array([0.0, 1.0, 0.0])).mean(axis=0)
    world = _vertical(up)
    turns = after(world, after(turns, inverse(stand)))
    trans = turned(np.broadcast_to(world, (len(trans), 4)), trans)
    heads, tails = (turned(np.broadcast_to(stand, (len(p), 4)), p) for p in (heads, tails))
    return Take(names, parents, heads, tails, turns, trans, fps)


def _bad(path: Path, why: str) -> UserError:
    return UserError(
        f"{path.name} holds no poses in the layout of AMASS: {why}. It needs `poses` (T, 72, 156 or 165), "
        "`trans` (T, 3) and `mocap_framerate`."
    )


def _arrays(path: Path, warn: Callable[[str], None]) -> tuple[Array, Array, float]:
    try:
        with zipfile.ZipFile(path) as packed:
            if sum(item.file_size for item in packed.infolist()) > _LARGEST:
                raise UserError(f"{path.name} unpacks to more than 2 GB. Cut the motion to the part that you need.")
        with np.load(path, allow_pickle=False) as data:
            poses = _poses(path, data)
            trans = np.asarray(data["trans"], float) if "trans" in data else np.zeros((len(poses), 3))
            rate = next((np.asarray(data[key]) for key in _RATES if key in data), None)
            fps = float(rate.reshape(-1)[0]) if rate is not None and rate.size else 0.0
    except UserError:
        raise
    except (OSError, ValueError, KeyError, EOFError, TypeError, MemoryError, zipfile.BadZipFile) as error:
        raise _bad(path, str(error).splitlines()[0][:160] if str(error) else type(error).__name__) from None
    if trans.shape != (len(poses), 3):
        raise _bad(path, f"`trans` is {trans.shape} for {len(poses)} frames")
    if not np.isfinite(poses).all() or not np.isfinite(trans).all() or np.abs(trans).max(initial=0) > 1e5:
        raise _bad(path, "some of its values are not finite numbers")
    if not math.isfinite(fps) or not 0.5 <= fps <= 10_000:
        warn(f"{path.name} says no frame rate that can be; 30 frames a second were taken.")
        fps = 30.0
    return poses, trans, fps


def _poses(path: Path, data: Any) -> Array:
    if "poses" in data:
        poses = np.asarray(data["poses"], float)
    elif "root_orient" in data and "pose_body" in data:
        found = [np.asarray(data[key], float) for key in ("root_orient", "pose_body")]
        poses = np.concatenate([part.reshape(len(part), -1) for part in found], axis=1)
    else:
        raise _bad(path, f"it has {', '.join(list(data.files)[:8]) or 'nothing'}")
    poses = poses.reshape(len(poses), -1) if poses.ndim == 3 else poses
    if poses.ndim != 2 or poses.shape[1] not in (66, 72, 156, 165):
        raise _bad(path, f"`poses` is {poses.shape}")
    if not 1 <= len(poses) <= MOST_FRAMES:
        raise _bad(path, f"it has {len(poses)} frames")
    return poses


def _skeleton(joints: int) -> tuple[tuple[str, ...], Array, Array, Array]:
    """Names, parents, rest heads and tails (J, 3) in metres, of the model's axes: Y up, facing +Z."""
    rows = [line.split() for line in _WAY.splitlines()]
    names = [row[0] for row in rows]
    parents = [names.index(row[1]) if row[1] != "-" else -1 for row in rows]
    offsets = [np.array([float(each) for each in row[2:]]) / 100 for row in rows]
    if joints >= 55:
        names += ["jaw", "left_eye", "right_eye"]
        parents += [names.index("head")] * 3
        offsets += [np.array(place) / 100 for place in ((0.0, -1.0, 2.0), (3.0, 6.0, 8.0), (-3.0, 6.0, 8.0))]
    if joints in (52, 55):
        for side, sign in (("left", 1.0), ("right", -1.0)):
            for finger, place in _FINGERS.items():
                for part in range(3):
                    parents.append(names.index(f"{side}_wrist") if part == 0 else len(names) - 1)
                    names.append(f"{side}_{finger}{part + 1}")
                    step = np.array(place) if part == 0 else np.array([2.6, -0.2, 0.0])
                    offsets.append(step * [sign, 1.0, 1.0] / 100)
    elif joints == 24:
        for side, sign in (("left", 1.0), ("right", -1.0)):
            parents.append(names.index(f"{side}_wrist"))
            names.append(f"{side}_hand")
            offsets.append(np.array([8.0 * sign, -1.0, 0.0]) / 100)
    heads = np.zeros((len(names), 3))
    for joint, parent in enumerate(parents):
        heads[joint] = offsets[joint] + (heads[parent] if parent >= 0 else 0)
    tails = heads.copy()
    for joint in range(len(names)):
        children = [k for k, parent in enumerate(parents) if parent == joint]
        tails[joint] = np.mean(heads[children], axis=0) if children else heads[joint] + offsets[joint] * 0.6
    tails[names.index("head")] = heads[names.index("head")] + [0.0, 0.18, 0.02]
    for toe in ("left_foot", "right_foot"):
        tails[names.index(toe)] = heads[names.index(toe)] + [0.0, 0.0, 0.07]
    return tuple(names), np.array(parents), heads, tails


def _quaternions(vectors: Array) -> Array:
    """Turns (…, 4) of axis-angle vectors (…, 3)."""
    angle = np.linalg.norm(vectors, axis=-1, keepdims=True)
    factor = np.where(angle < 1e-8, 0.5, np.sin(angle / 2) / np.maximum(angle, 1e-8))
    return np.concatenate([np.cos(angle / 2), vectors * factor], axis=-1)


def _vertical(up: Array) -> Array:
    """The turn (4,) that brings the file's vertical, the axis nearest to the mean of its bodies', to Z."""
    axis = int(np.abs(up).argmax())
    if axis == 2:
        return np.array([1.0, 0.0, 0.0, 0.0]) if up[2] > 0 else np.array([0.0, 1.0, 0.0, 0.0])
    return _quarter(0, up[1]) if axis == 1 else _quarter(1, -up[0])


def _quarter(axis: int, sign: float) -> Array:
    """A quarter turn (4,) about one of the axes."""
    return about(np.eye(3)[axis], np.array(math.copysign(math.pi / 2, sign)))
