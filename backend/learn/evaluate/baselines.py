# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is compared: from a picture and its key to a mesh. The key is for those that cheat, the oracle and the truth."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...geometry.marching import isosurface
from ...protocol.job import JobState, Request
from ...protocol.store import JobStore
from ..things import thing as things
from ..views.surface import Surface
from .shape import Floats, Paint, Shape, atlas_paint, thing_shape, vertex_paint

Predictor = Callable[[Path, str], "Shape | tuple[Any, Any, Any]"]
"""(RGBA picture, key) to a Shape, or to (vertices (V, 3), faces (F, 3), colours (V, 3) or None), in any frame."""
NAMES = ("sphere", "oracle", "truth", "retrieval")
"""What is here to measure models by."""


def sphere() -> Predictor:
    """Always a grey ball: what a model must beat to have seen the picture at all."""

    def predict(picture: Path, key: str) -> Shape:
        axis = np.arange(33) - 16.0
        vertices, faces = isosurface(13 - np.sqrt((np.stack(np.meshgrid(axis, axis, axis)) ** 2).sum(axis=0)))
        return Shape.of(vertices, faces, np.full((len(vertices), 3), 0.5))

    return predict


def backend(step: str, params: Mapping[str, Any] | None = None, make: Callable[[], Any] | None = None) -> Predictor:
    """Any step of the catalogue that makes a mesh of a cut-out or a picture, run in this process; kept warm.

    `make`: what makes the backend, in the place of the step's own.
    """
    from ...runners.inline import InlineRunner
    from ...worker import find

    loaded: dict[str, Any] = {}

    def load(name: str) -> Any:
        if name not in loaded:
            loaded[name] = make() if make else find.load(name)
        return loaded[name]

    def predict(picture: Path, key: str) -> Shape:
        spec = load(step).spec
        with tempfile.TemporaryDirectory() as folder:
            store = JobStore(Path(folder))
            request = Request.of(spec, dict.fromkeys(spec.inputs, picture), params)
            runner = InlineRunner(store, load)
            runner.submit(request)
            runner.poll()
            result = store.result(request.id)
            if not result or result.state is not JobState.DONE:
                raise RuntimeError(result.failure.message if result and result.failure else f"{step} made nothing")
            return _read({asset.role: store.folder(result.job) / asset.path for asset in result.assets})

    return predict


def lift(folder: Path) -> Predictor:
    """The backend of Lift with the weights that `release` put into `folder`, in the place of the extension's."""
    from ...backends.lift import Backend

    return backend("lift", make=lambda: Backend(folder))


def _read(files: Mapping[str, Path]) -> Shape:
    from PIL import Image

    with np.load(files["mesh"], allow_pickle=False) as arrays:
        shape = Shape.of(arrays["vertices"], arrays["faces"], arrays.get("colors"))
        if "albedo" in files and "uv" in arrays:
            with Image.open(files["albedo"]) as picture:
                albedo = np.asarray(picture.convert("RGB"))
            paint = atlas_paint(arrays["uv"], albedo)
            if "colors" in arrays and arrays["colors"].shape[1] == 4:  # the fourth: how much they cover the picture
                over = vertex_paint(shape.faces, arrays["colors"])
                paint = _covered(paint, over, shape.faces, arrays["colors"][:, 3])
            return Shape(shape.vertices, shape.faces, paint)
    return shape


def _covered(under: Paint, over: Paint, faces: NDArray[Any], cover: NDArray[Any]) -> Paint:
    def paint(face: NDArray[np.int64], weights: Floats) -> Floats:
        part = (cover[faces[face]] * weights).sum(axis=1)[:, None]
        return np.asarray(under(face, weights) * (1 - part) + over(face, weights) * part)

    return paint


def nearest(
    embed: Callable[[Path], NDArray[Any]],
    features: NDArray[Any],
    keys: Sequence[str],
    meshes: Callable[[str], Shape],
) -> Predictor:
    """The training mesh whose picture looks most alike: what memory without understanding scores.

    `embed` gives the feature (D,) of a picture, `features` (N, D) are those of training views and `keys` N their
    Things (a Thing may have several); `meshes` loads one, such as `stored(DATA, "train")`. Likeness is the cosine.
    """
    known = np.asarray(features, np.float32)
    known = known / np.maximum(np.linalg.norm(known, axis=1, keepdims=True), 1e-12)

    def predict(picture: Path, key: str) -> Shape:
        wanted = np.asarray(embed(picture), np.float32).reshape(-1)
        return meshes(keys[int(np.argmax(known @ wanted))])

    return predict


def stored(data: Path, split: str) -> Callable[[str], Shape]:
    """Things below a data root as shapes, by key."""

    def read(key: str) -> Shape:
        return thing_shape(things.load(data / "things" / split / f"{key}.npz"))

    return read


def truth(data: Path) -> Predictor:
    """The answer itself: what the samples and the alignment alone cost."""
    read = stored(data, "holdout")
    return lambda picture, key: read(key)


def oracle(data: Path) -> Predictor:
    """The answer's outer surface on a grid, closed: the best that a model which predicts solids can hope for.

    It has the colour of the nearest sample of the true surface.
    """
    from scipy.spatial import cKDTree

    def predict(picture: Path, key: str) -> Shape:
        surface = Surface(things.load(data / "things" / "holdout" / f"{key}.npz"))
        body = surface.solid
        vertices, faces = isosurface(-body.distance)
        vertices = vertices * np.float32(body.step) + body.origin
        near = cKDTree(body.samples.points).query(vertices)[1]
        colors = surface.paint.color(body.samples.face[near], body.samples.bary[near], surface.paint.colors)
        return Shape.of(vertices, faces, colors)

    return predict
