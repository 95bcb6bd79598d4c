# SPDX-License-Identifier: GPL-3.0-or-later
"""`galatea eval`: pictures of the hold-out, everybody's meshes of them, scores, tables and sheets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...protocol.catalog import catalog
from ...protocol.errors import UserError
from . import baselines, holdout, table
from .baselines import Predictor

Tell = Callable[[str, float], None]
OURS = ("sphere", "oracle", "truth", "retrieval")


def evaluate(data: Path, out: Path, names: Sequence[str], tell: Tell, encoder: Path, limit: int | None = None) -> str:
    """Score `names` on the hold-out of DATA, or on its first `limit` objects by hash; returns the table as Markdown.

    What is there already, pictures and scores, is kept. Raises `UserError` where there is no hold-out.
    """
    everything = [path.stem for path in (data / "things" / "holdout").glob("*.npz")]
    if not everything:
        raise UserError(f"There is no hold-out in {data}. Run `galatea data build` first.")
    keys = table.first(everything, limit or len(everything))
    made = holdout.render(data, only=keys, progress=lambda key, n, of: tell(f"Rendering {key}", 0.3 * n / of))
    ready = sorted(set(keys) - made.failed.keys())
    records = table.run(
        {name: predictor(name, data, encoder) for name in names},
        data,
        out,
        only=ready,
        progress=lambda name, key, n, of: tell(f"Scoring {name} on {key}", 0.3 + 0.7 * n / of),
    )
    table.write(records, data, out)
    return (out / "table.md").read_text(encoding="utf-8")


def predictor(name: str, data: Path, encoder: Path) -> Predictor:
    """Raises `UserError` for a name that is neither one of `OURS` nor a step that makes meshes."""
    if name == "sphere":
        return baselines.sphere()
    if name == "oracle":
        return baselines.oracle(data)
    if name == "truth":
        return baselines.truth(data)
    if name == "retrieval":
        return retrieval(data, encoder)
    makers = [spec.id for spec in catalog().values() if spec.task == "image-to-mesh"]
    if name not in makers:
        raise UserError(f"There is no predictor {name}. There are {', '.join((*OURS, *makers))}.", kind="usage")
    return baselines.backend(name)


def retrieval(data: Path, encoder: Path) -> Predictor:
    """The training object one of whose views has the class token nearest to the picture's."""
    from PIL import Image

    from ...backends.lift import framed
    from ..model.encoder import WIDTH
    from ..training.samples import Samples
    from ..training.tokens import encode, load_encoder

    samples = Samples([data], "train")
    features = np.stack([samples[i]["tokens"][0, -WIDTH:] for i in range(len(samples))]).astype(np.float32)
    model = load_encoder(encoder)

    def embed(picture: Path) -> NDArray[Any]:
        view = np.array(Image.fromarray(framed(str(picture), 224)).resize((224, 224)))
        return np.asarray(encode(model, view[None])[0, 0, -WIDTH:].numpy())

    return baselines.nearest(embed, features, samples.keys, baselines.stored(data, "train"))
