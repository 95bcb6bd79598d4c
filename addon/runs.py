# SPDX-License-Identifier: GPL-3.0-or-later
"""A run: one recipe with everything that it was asked with, and how it went. One JSON file each, so that it outlives
Blender. Plain data, no bpy.
"""

from __future__ import annotations

import itertools
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ..backend.flow import Stage
from ..backend.protocol import whole
from ..backend.protocol.catalog import catalog
from ..backend.protocol.claims import machine, process_alive
from ..backend.protocol.errors import UserError
from ..backend.protocol.job import Failure, JobState
from ..backend.protocol.order import Order
from ..backend.protocol.recipe import Recipe, Step, parse_settings
from ..backend.protocol.store import JobStore, publish

ACTIVE = ("queued", "running")
SCORES = ("iou", "psnr", "lpips", "score", "faces", "watertight")
"""What a comparison measures, in the step that finds `iou`."""
TOLD = ("back_confidence", "gate", "short", "catalogue", "library")
"""What steps measure that the panel tells."""
PICTURES = (".png", ".jpg", ".jpeg", ".webp")
CANDIDATE = "candidate_"
"""What the roles of painted pictures begin with; behind it stands the number, from 00."""


@dataclass(eq=False)
class Run:
    """`preset` is the recipe's name on the command line; `steps` holds it with all settings, as it was run."""

    title: str
    preset: str
    steps: list[dict[str, Any]]
    inputs: dict[str, str]
    backend: str = ""
    quality: str = ""
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    seed: int = 0
    scene: bool = True
    """Ends in an object to be brought into the file; a film does not."""
    at: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    replaces: list[str] = field(default_factory=list)
    """Names of the objects to hide when the new ones are in."""
    gallery: str = ""
    """The gallery that its results go to, in place of the file; runs of one gallery are looked at together."""
    film: dict[str, Any] = field(default_factory=dict)
    """Steps and settings of the film that the recipe goes on to."""
    redone: str = ""
    """The step from which on nothing is taken from the store."""
    gate: str = ""
    """The gate's name on the command line, where the recipe ends with a report that it did not have."""
    folder: str = ""
    """The folder that its files are copied to when it is done."""
    saved: str = ""
    """Where they were copied to: that folder, or a new one in it."""
    id: str = field(default_factory=lambda: time.strftime("%Y%m%d-%H%M%S-") + os.urandom(3).hex())
    created: float = field(default_factory=time.time)
    stages: list[dict[str, Any]] = field(default_factory=list)
    ended: str = ""
    """done, failed, cancelled or interrupted; empty while it has not ended."""
    took: float = 0.0
    """Seconds from when it began to run to its end: those of its steps, and of the processes that had to start."""
    failure: dict[str, str] = field(default_factory=dict)
    paused: bool = False
    """Stopped by the user, or by the end of Blender, to go on later where it stood."""
    priority: int = 0
    """Of those that wait the highest goes first, and of equal ones the lowest rank."""
    rank: float = field(default_factory=time.time)
    owner: list[Any] = field(default_factory=lambda: [machine(), os.getpid()])

    @property
    def recipe(self) -> Recipe:
        steps = tuple(Step(step["do"], dict(step["params"])) for step in self.steps)
        return Recipe(self.title, steps, tuple(self.inputs))

    @property
    def state(self) -> str:
        """Derived: a run that its owner cannot end any more was interrupted."""
        if self.ended or self.paused:
            return self.ended or "paused"
        host, pid = self.owner
        if host == machine() and pid != os.getpid() and not process_alive(int(pid)):
            return "interrupted"
        return "running" if self.stages else "queued"

    def add(self, stage: Stage) -> None:
        """Note a step that has ended."""
        result = stage.result
        row = {"step": stage.step, "job": result.job, "state": str(result.state), "seconds": result.seconds}
        wanted = (*TOLD, *SCORES) if "iou" in result.metrics or stage.step == "report" else TOLD
        told = {name: result.metrics[name] for name in wanted if name in result.metrics}
        self.stages.append({**row, "cached": stage.cached, "warnings": list(result.warnings), **told})

    @property
    def back_confidence(self) -> float | None:
        """How sure the model was, 0 to 1, of what the photo does not show; None where it did not say."""
        return next((stage["back_confidence"] for stage in self.stages if "back_confidence" in stage), None)

    @property
    def shelved(self) -> str:
        """Where an asset browser lists what it made, in words; empty where it marked none."""
        shelf: dict[str, Any] = next((stage for stage in reversed(self.stages) if "catalogue" in stage), {})
        where = f"Saved in {shelf['library']}" if shelf.get("library") else "In the Asset Browser, under Current File"
        return f"{where}, catalogue {shelf['catalogue'] or 'Unassigned'}" if shelf else ""

    @property
    def warnings(self) -> list[str]:
        """What its steps warn of, three things of each at most."""
        return list(dict.fromkeys(text for stage in self.stages for text in stage.get("warnings", ())[:3]))

    @property
    def scores(self) -> dict[str, Any]:
        """What was measured of the result, where the recipe ends with a judge."""
        judged: dict[str, Any] = next((stage for stage in reversed(self.stages) if "iou" in stage), {})
        return {name: judged[name] for name in SCORES if name in judged}

    @property
    def filmed(self) -> bool:
        """It ends in a film."""
        return any(step["do"] == "film" for step in self.steps)

    @property
    def reads(self) -> bool:
        """It ends in a document of a scene in words, for the panel."""
        return "spec" in catalog()[self.steps[-1]["do"]].outputs if self.steps[-1]["do"] in catalog() else False

    @property
    def short(self) -> list[dict[str, Any]] | None:
        """Rows of the report that fall short of its gate; None where it was held against none."""
        return next((stage.get("short", []) for stage in reversed(self.stages) if stage.get("gate")), None)

    def fail(self, failure: Failure | None, state: str = "failed") -> None:
        self.ended = state
        self.failure = asdict(failure) if failure and state == "failed" else {}

    @property
    def turn(self) -> tuple[int, float]:
        """What the queue is sorted by."""
        return -self.priority, self.rank

    def resume(self) -> None:
        """The same run once more, by this process: what is done answers from the store, frames are kept."""
        self.ended, self.failure, self.stages, self.paused = "", {}, [], False
        self.owner = [machine(), os.getpid()]

    def disown(self) -> None:
        """Read from the disk: what a process of our number left unended was another one's, which is dead."""
        if not (self.ended or self.paused) and list(self.owner) == [machine(), os.getpid()]:
            self.ended = "interrupted"

    def again(self, redone: str = "") -> Run:
        """The same order as a new run; steps that are done answer from the store, but for those from `redone` on."""
        kept = {f.name: getattr(self, f.name) for f in fields(self)}
        for name in ("id", "created", "stages", "ended", "took", "failure", "owner", "paused", "rank"):
            kept.pop(name)
        return Run(**{**kept, "redone": redone})

    def takes(self, fix: str) -> bool:
        """A fix of a report is made of flags, and all of them are for steps of this run."""
        flags = fixes(fix)
        mine = {step["do"] for step in self.steps}
        return bool(flags) and all(flag.partition(".")[0] in mine for flag in flags)

    def fixed(self, fix: str) -> Run:
        """The same order with the flags of a fix as a new run."""
        new, changes = self.again(), parse_settings(fixes(fix))
        new.steps = [{**step, "params": {**step["params"], **changes.get(step["do"], {})}} for step in self.steps]
        new.settings = {
            do: {**self.settings.get(do, {}), **changes.get(do, {})} for do in dict.fromkeys((*self.settings, *changes))
        }
        return new

    def files(self, store: JobStore) -> dict[str, Path]:
        """The files by role, the last maker's; those of a job whose folder was deleted are left out."""
        found: dict[str, Path] = {}
        for stage in self.stages:
            result = store.result(stage["job"])
            if result and result.state is JobState.DONE:
                found.update(store.files(result))
        return found

    def picture(self, store: JobStore) -> Path | None:
        """What shows best how it went: a still, else any picture that it made, else the one that it was given."""
        files = self.files(store)
        wanted = [files.get(role) for role in ("still", "preview", "views", "cutout", "image", f"{CANDIDATE}00")]
        given = [] if self.state == "failed" else [Path(path) for path in self.inputs.values()]  # it may be no picture
        for path in [*wanted, *given]:
            if path and path.suffix.lower() in PICTURES and path.is_file():
                return path
        return None

    def order(self, out: Path) -> Order:
        """What this run was asked for, as a job file says it."""
        steps = [step["do"] for step in self.steps if not (self.gate and step["do"] == "report")]
        settings = {step: dict(params) for step, params in self.settings.items()}
        prompt = settings.get(self.recipe.reader, {}).pop("prompt", "")
        told = {"recipe": self.preset, "until": steps[-1], "inputs": self.inputs, "out": str(out), "prompt": prompt}
        told |= {"backend": self.backend, "gate": self.gate, "seed": self.seed, "settings": settings}
        return Order.of({**told, "quality": self.quality or "medium"}, base=Path.cwd(), name="galatea")

    def command(self, out: Path, program: Sequence[str] = ("galatea",)) -> str:
        """The command line that gives the same order, ready to be pasted into a shell."""
        import shlex
        import subprocess

        words = [*program, *self.order(out).words(*(["--from", self.redone] if self.redone else []))]
        return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        publish(folder / f"{self.id}.json", asdict(self))


def copy(files: Mapping[str, Path], folder: Path) -> Path:
    """The files in a folder of the user's. Where one is there already, all go to a new folder in it: they name each
    other, so that none of them may be renamed.
    """
    import shutil

    names = {path.name: path for path in files.values()}
    if any((folder / name).exists() for name in names):
        folder = next(
            each for n in itertools.count(2) if not (each := folder / f"{Path(min(names)).stem}-{n}").exists()
        )
    try:
        folder.mkdir(exist_ok=True)
        for name, path in names.items():
            with whole.part(folder / name) as begun:
                shutil.copyfile(path, begun)
    except OSError as error:
        words = f"Cannot write to {folder}: {error.strerror}. Free some space there, or choose another folder."
        raise UserError(words, kind="output") from None
    return folder


def fixes(text: str) -> list[str]:
    """`step.param=value` of each flag in a report's fix; empty where it is advice in words."""
    found = re.findall(r"--set ([a-z]\w*\.\w+=\S+)", text)
    return found if text.startswith("--set ") else []


def load(folder: Path, *, limit: int = 50) -> Iterator[Run]:
    """The newest runs, newest first; a file that cannot be read is passed over."""
    import json

    known = {f.name for f in fields(Run)}
    for path in sorted(folder.glob("*.json"), reverse=True)[:limit]:
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            yield Run(**{name: value for name, value in data.items() if name in known})
        except (OSError, ValueError, TypeError, AttributeError):
            continue


def remove(folder: Path, run: Run) -> None:
    """Forget the run; the results of its steps stay in the store."""
    (folder / f"{run.id}.json").unlink(missing_ok=True)


def usual_seconds(runs: Iterator[Run] | list[Run]) -> dict[str, float]:
    """How long each step took the last time that it was really done."""
    seconds: dict[str, float] = {}
    for run in runs:
        for stage in run.stages:
            if stage["state"] == "done" and not stage["cached"]:
                seconds.setdefault(stage["step"], stage["seconds"])
    return seconds


def label(step: str) -> str:
    spec = catalog().get(step)
    return spec.label if spec else step
