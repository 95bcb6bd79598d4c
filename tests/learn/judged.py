# SPDX-License-Identifier: GPL-3.0-or-later
"""Shapes and a little hold-out for the tests of the evaluation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from PIL import Image
from scipy.spatial.transform import Rotation

from galatea.backend.learn.evaluate import holdout
from galatea.backend.learn.evaluate.shape import Shape
from galatea.backend.learn.things import thing as things

KEYS = ("test--box", "test--chair")


def shape(mesh: Any) -> Shape:
    return Shape.of(mesh.vertices, mesh.faces)


def chair() -> Any:
    """No rotation but none brings it onto itself."""
    parts = [
        trimesh.creation.box((0.5, 0.5, 0.06)),
        trimesh.creation.box((0.5, 0.06, 0.5)).apply_translation((0, 0.25, 0.25)),
    ]
    parts += [
        trimesh.creation.box((0.06, 0.06, 0.5)).apply_translation((x, y, -0.25))
        for x in (-0.2, 0.2)
        for y in (-0.2, 0.2)
    ]
    parts.append(trimesh.creation.box((0.06, 0.4, 0.2)).apply_translation((0.25, 0.0, 0.1)))
    return trimesh.util.concatenate(parts)


def posed(body: Shape, seed: int) -> Shape:
    dice = np.random.default_rng(seed)
    turn = Rotation.random(random_state=seed).as_matrix()
    return body.moved(body.vertices @ turn.T * dice.uniform(0.2, 5) + dice.normal(0, 2, 3))


def make(key: str, mesh: Any) -> things.Thing:
    faces = np.asarray(mesh.faces, np.int32)
    texture = np.full((4, 4, 4), 255, np.uint8)
    texture[:2, :, 1:3] = 0  # the upper half is red
    uv = np.tile(np.array([0.5, 0.9], np.float32), (len(faces), 3, 1))
    return things.Thing(
        key,
        things.normalise(mesh.vertices),
        faces,
        uv,
        np.zeros(len(faces), np.int16),
        np.ones((1, 4), np.float32),
        (texture,),
        {
            "name": key,
            "category": key.split("--")[1],
            "licence": "CC0-1.0",
            "author": "the tests",
            "source": "test 1",
            "split": "holdout",
        },
    )


def little_holdout(folder: Path) -> Path:
    """Two Things with pictures drawn without Blender."""
    for key, mesh in zip(KEYS, (trimesh.creation.box((1, 0.6, 0.4)), chair()), strict=True):
        path = folder / "things" / "holdout" / f"{key}.npz"
        things.save(path, make(key, mesh))
        (folder / "holdout").mkdir(exist_ok=True)
        (folder / "holdout" / f"{key}.json").write_text(json.dumps(holdout.describe(path)))
        picture = np.zeros((64, 64, 4), np.uint8)
        picture[10:50, 16:48] = (200, 120, 40, 255)
        Image.fromarray(picture).save(folder / "holdout" / f"{key}.png")
    return folder
