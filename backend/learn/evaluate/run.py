# SPDX-License-Identifier: GPL-3.0-or-later
"""`galatea eval`: pictures of the hold-out or real photos, everybody's meshes of them, scores, tables and sheets."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...protocol.catalog import catalog
from ...protocol.errors import UserError
from ...protocol.job import sha256
from . import baselines, holdout, lpips, metrics, own, pairs, photos, report, table
from .baselines import NAMES, Predictor
from .pairs import Record
from .sheet import Row

Tell = Callable[[str, float], None]
OBJECTS = ("sphere", "relief", "retrieval", "lift", "oracle")
PHOTOS = ("sphere", "relief", "lift")
DEBIAN = "debian"


@dataclass(frozen=True)
class Evaluation:
    """What is asked: `data` as `galatea data build` made it, `out` for all that comes, `names` of predictors.

    A name may be a file of weights of Lift. `encoder`: the weights of DINOv2. `limit`: the first so many by hash.
    """

    data: Path
    out: Path
    names: Sequence[str]
    encoder: Path
    limit: int | None = None
    workers: int = 1

    @classmethod
    def of(cls, folder: Path, out: Path, *, up: str, tell: Tell, **rest: Any) -> Evaluation:
        """On `folder` as `galatea data build` made it, or on the meshes in it; those become objects in OUT/data."""
        if any((folder / "things" / "holdout").glob("*.npz")):
            return cls(folder, out, **rest)
        own.build(folder, out / "data", up, tell)
        return cls(out / "data", out, **rest)

    @property
    def cache(self) -> Path:
        return self.data / "cache"

    def holdout(self, tell: Tell) -> str:
        """Score on the hold-out; returns the table as Markdown. What is there already, pictures and scores, is kept."""
        everything = [path.stem for path in (self.data / "things" / "holdout").glob("*.npz")]
        taught = (self.data / "samples" / "train").is_dir()
        names = self._names(self.names or [name for name in OBJECTS if taught or name != "retrieval"], tell)
        keys = table.first(everything, self.limit or len(everything))
        made = holdout.render(
            self.data,
            only=keys,
            threads=self.workers,
            progress=lambda key, n, of: tell(f"Rendering {key}", 0.3 * n / of),
        )
        ready = sorted(set(keys) - made.failed.keys())
        scorer = pairs.Holdout(self.data, self._make(), self.out, self._lpips(tell))
        records = self._run(scorer, names, ready, tell, 0.3)

        def line(name: str, key: str, record: Record) -> Row:
            done = record["state"] == "done"
            words = "  ".join(f"{m} {record['values'][m]:.3f}" for m in table.CLASSES) if done else ""
            strips = [self.out / "strips" / where / f"{key}.png" for where in (name, "_truth")]
            return f"{key}   {words}", scorer.picture(key), [strips[0] if done else None, strips[1]]

        return report.write(records, "Hold-out", metrics.PROTOCOL, self.out, line, made.failed)

    def photos(self, source: str, tell: Tell) -> str:
        """Score on real photos, of the package (`DEBIAN`) or a folder; everything goes below OUT/photos."""
        names = self._names(self.names or PHOTOS, tell)
        if cheats := {"truth", "oracle"} & set(names):
            raise UserError(
                f"Photos have no true shape, so there is no {' and no '.join(sorted(cheats))}.", kind="usage"
            )
        tell("Looking for the photos", 0)
        if source == DEBIAN:
            try:
                pictures = photos.stamps(self.cache, self.limit or photos.COUNT)
            except (OSError, ValueError) as error:
                raise UserError(f"The photos cannot be fetched: {error}. Give a folder of cut-outs.") from None
        else:
            pictures = photos.cutouts(Path(source), self.limit)
        scorer = photos.Photos(pictures, self._make(), self.out / "photos", self._lpips(tell))
        records = self._run(scorer, names, list(pictures), tell, 0)

        def line(name: str, key: str, record: Record) -> Row:
            done = record["state"] == "done"
            words = "  ".join(f"{metric} {number:.3f}" for metric, number in record["values"].items()) if done else ""
            return f"{key}   {words}", scorer.picture(key), [scorer.strip(name, key) if done else None]

        return report.write(records, "Real photos", photos.PROTOCOL, scorer.out, line)

    def _run(self, scorer: pairs.Scorer, names: Sequence[str], keys: Sequence[str], tell: Tell, start: float) -> Any:
        def progress(name: str, key: str, done: int, total: int) -> None:
            tell(f"Scoring {name} on {key}", start + (1 - start) * done / total)

        return pairs.run(scorer, names, keys, workers=self.workers, progress=progress)

    def _lpips(self, tell: Tell) -> Path | None:
        """The weights of LPIPS; without them the tables leave it out."""
        tell("Fetching LPIPS", 0)
        try:
            return lpips.weights(self.cache)
        except (OSError, ValueError) as error:
            tell(f"LPIPS is left out: {error}", 0)
            return None

    def _make(self) -> pairs.Make:
        return partial(predictor, data=self.data, encoder=self.encoder, out=self.out)

    def _names(self, names: Sequence[str], tell: Tell) -> list[str]:
        """The names under which records are kept: those of files of weights say what is in them.

        Raises `UserError` for a name that is neither one of `NAMES` nor a step that makes meshes nor a file.
        """
        makers = [spec.id for spec in catalog().values() if spec.task == "image-to-mesh"]
        found = []
        for name in names:
            if name.endswith(".safetensors"):
                tell(f"Exporting {name}", 0)
                found.append(candidate(Path(name), self.encoder, self.out))
            elif name in (*NAMES, *makers):
                found.append(name)
            else:
                known = ", ".join((*NAMES, *makers))
                raise UserError(
                    f"There is no predictor {name}. There are {known}, and files of Lift's weights (.safetensors).",
                    kind="usage",
                )
        return found


def candidate(weights: Path, encoder: Path, out: Path) -> str:
    """Put a file of weights beside graph and encoder below OUT/weights; returns its name, with a hash of the file."""
    from ..release import ENCODER, release

    try:
        digest = sha256(weights)
    except OSError as error:
        raise UserError(f"Cannot read {weights}: {error}.") from None
    name = f"{weights.stem}-{digest[:8]}"
    folder = out / "weights" / name
    if not folder.is_dir():
        part = folder.with_name(f"{name}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        shutil.copyfile(encoder, part / ENCODER)
        release(weights, part)
        os.replace(part, folder)
    return name


def predictor(name: str, data: Path, encoder: Path, out: Path) -> Predictor:
    """One of `NAMES`, a `candidate`, or a step."""
    if (folder := out / "weights" / name).is_dir():
        return baselines.lift(folder)
    if name == "sphere":
        return baselines.sphere()
    if name == "oracle":
        return baselines.oracle(data)
    if name == "truth":
        return baselines.truth(data)
    if name == "retrieval":
        return retrieval(data, encoder)
    return baselines.backend(name)


def retrieval(data: Path, encoder: Path) -> Predictor:
    """The training object one of whose views has the class token nearest to the picture's."""
    from PIL import Image

    from ...images import framed
    from ..model.encoder import WIDTH
    from ..training.samples import Samples
    from ..training.tokens import encode, load_encoder

    samples = Samples([data], "train")
    if not len(samples):
        raise UserError(f"There are no training views in {data} to retrieve from. Run `galatea data build` first.")
    features = np.stack([samples[i]["tokens"][0, -WIDTH:] for i in range(len(samples))]).astype(np.float32)
    model = load_encoder(encoder)

    def embed(picture: Path) -> NDArray[Any]:
        view = np.array(Image.fromarray(framed(str(picture), 224)).resize((224, 224)))
        return np.asarray(encode(model, view[None])[0, 0, -WIDTH:].numpy())

    return baselines.nearest(embed, features, samples.keys, baselines.stored(data, "train"))
