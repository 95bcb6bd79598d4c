# SPDX-License-Identifier: GPL-3.0-or-later
"""What a step is and takes. The panel, the command line and the checks are all drawn from it."""

from __future__ import annotations

import keyword
import math
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .errors import UserError
from .place import gigabytes
from .weights import REPOSITORY, absolute

RUNTIMES = ("bundled", "full", "blender")
"""Where a step runs: Blender's own Python with the wheels of the zip, the torch environment, or a Blender."""

PRECISIONS = ("fp32", "bf16", "fp16", "int8")
SAVINGS = ("chunks", "offload", "resolution")
"""What a step can do to need less memory, the dearest last: smaller portions, parts kept outside the device, less."""
TENSORS = (".safetensors", ".ckpt", ".pt", ".pth", ".bin")
FILE_NAME = r"[\w-][\w. +-]*(/[\w-][\w. +-]*)*"
WHOLE = 2**31 - 1
"""The most that a whole number may be in Blender."""
FREE = ("mit", "apache-2.0", "bsd-2-clause", "bsd-3-clause", "isc", "cc0-1.0", "gpl-", "lgpl-", "agpl-")
"""Beginnings of the licences that let everybody use the weights for everything."""


def parted(paths: str) -> list[str]:
    """Several paths in one text, parted by the system's mark: : or, in Windows, ;."""
    return [each for each in paths.split(os.pathsep) if each.strip()]


def is_free(license: str) -> bool:
    """Everybody may use it for everything."""
    return license.lower().startswith(FREE)


_TYPES: dict[str, Any] = {
    "int": (int,),
    "float": (float, int),
    "bool": (bool,),
    "str": (str,),
    "choice": (str,),
    "file": (str,),
    "libraries": (str,),
    "weights": (str,),
}


@dataclass(frozen=True)
class Param:
    """One setting of a step; `unit` is shown, never converted.

    `kind` is int, float, bool, str, choice, file, libraries (folders and .blend files, parted as PATH is) or weights:
    empty for the official ones, a file, a folder, `owner/name` of a repository, or `random:SEED`. What stands in files,
    libraries and weights is a part of the job's id.
    """

    name: str
    kind: str
    default: Any
    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    unit: str = ""

    def prove(self, owner: str) -> None:
        """Raise `ValueError` where it is none: the panel has a property for each, and would not come up without it."""
        if not re.fullmatch("[a-z][a-z0-9_]{0,62}", str(self.name)) or keyword.iskeyword(self.name):
            raise ValueError(f"{owner}: {self.name!r} is no name for a parameter, such as size_m")
        if self.kind not in _TYPES:
            raise ValueError(f"{owner}.{self.name}: no kind {self.kind!r}, there are {', '.join(_TYPES)}")
        if not isinstance(self.choices, tuple | list) or not all(c and isinstance(c, str) for c in self.choices):
            raise ValueError(f'{owner}.{self.name}: choices is a row of texts, of one too: choices=("one",)')
        if isinstance(self.default, str) != (str in _TYPES[self.kind]) or (self.kind == "choice") != bool(self.choices):
            raise ValueError(f"{owner}.{self.name}: {self.default!r} and {self.choices} do not fit {self.kind}")
        _texts(f"{owner}.{self.name}", help=self.help, unit=self.unit)
        for bound in (self.low, self.high):
            if bound is not None and (isinstance(bound, bool) or not isinstance(bound, int | float)):
                raise ValueError(f"{owner}.{self.name}: low and high are numbers, and {bound!r} is none")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"{owner}.{self.name}: low is {self.low:g}, above high, which is {self.high:g}")
        try:
            self.check(self.default, owner)
        except UserError as error:
            raise ValueError(str(error)) from None
        if self.kind == "int" and any(abs(n) > WHOLE for n in (self.default, self.low or 0, self.high or 0)):
            raise ValueError(f"{owner}.{self.name}: a whole number is at most {WHOLE}, in Blender's panel too")

    def check(self, value: Any, owner: str) -> Any:
        """Return the value in its proper type, or raise `UserError` naming the parameter and what it takes."""
        if isinstance(value, str) and self.kind not in ("str", "choice", "file", "libraries", "weights"):
            value = self._parse(value, owner)
        if not isinstance(value, _TYPES[self.kind]) or (isinstance(value, bool) and self.kind != "bool"):
            raise self.wrong(value, owner, f"takes {self.kind}")
        if self.kind == "float":
            try:
                value = float(value)
            except OverflowError:  # a whole number of hundreds of digits
                value = math.inf
            if not math.isfinite(value):
                raise self.wrong(value, owner, "takes a finite number")
        if self.kind == "weights":
            value = absolute(value)
        if self.kind == "libraries":
            value = os.pathsep.join(str(Path(each.strip()).expanduser().absolute()) for each in parted(value))
        if self.kind == "file" and value:
            value = str(Path(value).expanduser().absolute())
        if self.choices and value not in self.choices:
            raise self.wrong(value, owner, f"takes one of {', '.join(self.choices)}")
        if (self.low is not None and value < self.low) or (self.high is not None and value > self.high):
            raise self.wrong(value, owner, f"takes {self.span}")
        return value

    @property
    def span(self) -> str:
        """The range in words, empty where there is none."""
        low, high = (None if each is None else f"{each:.10g}" for each in (self.low, self.high))
        if low and high:
            return f"{low} to {high}"
        return f"{low} or more" if low else f"at most {high}" if high else ""

    def _parse(self, text: str, owner: str) -> Any:
        try:
            if self.kind == "bool":
                return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[text.lower()]
            return int(text) if self.kind == "int" else float(text)
        except (KeyError, ValueError):
            raise self.wrong(text, owner, f"takes {self.kind}") from None

    def wrong(self, value: Any, owner: str, takes: str) -> UserError:
        return UserError(f"{owner}.{self.name} {takes}, not {value!r}. Change it and run again.", kind="usage")


def _words(text: str) -> bool:
    """Not bytes that are none, as the name of a file may hold."""
    return text == text.encode("utf-8", "ignore").decode()


def _texts(owner: str, **fields: Any) -> None:
    for name, text in fields.items():
        if not isinstance(text, str):
            raise ValueError(f"{owner}: {name} is a text, and {text!r} is none")


@dataclass(frozen=True)
class File:
    """One file of published weights, `size` in bytes. What is not known (0, "") is asked of the hub and kept."""

    name: str
    size: int
    sha256: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(FILE_NAME, self.name):
            raise ValueError(f"{self.name!r} is no path below a folder")
        if self.sha256 and not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise ValueError(f"{self.name}: {self.sha256!r} is no sha256")


@dataclass(frozen=True)
class Weights:
    """Published weights: files of one commit of a repository on the hub. `page` is where people read about them.

    `gated`: its owner wants a licence accepted there, by a user who is logged in.
    """

    repository: str
    revision: str
    files: tuple[File, ...]
    license: str
    page: str
    gated: bool = False

    def __post_init__(self) -> None:
        if not re.fullmatch(REPOSITORY, self.repository) or not re.fullmatch(r"\w[\w.-]*", self.revision):
            raise ValueError(f"{self.repository}@{self.revision} is no repository and revision")

    @property
    def size(self) -> int:
        """Bytes of all files, as far as they are known."""
        return sum(file.size for file in self.files)

    @property
    def sized(self) -> bool:
        """How large it is is known before the hub is asked."""
        return all(file.size for file in self.files if file.name.endswith(TENSORS))

    @property
    def amount(self) -> str:
        """The size for people."""
        return gigabytes(self.size) if self.sized else "an amount that the hub will tell"

    @property
    def free(self) -> bool:
        """False where the licence has terms that a user should have read."""
        return is_free(self.license) and not self.gated

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Weights:
        return cls(**{**data, "files": tuple(File(**file) for file in data["files"])})


def _shelved(place: Path) -> list[Any]:
    files = [place] if place.is_file() else sorted(place.rglob("*.blend"))
    told = [(path.relative_to(place).as_posix(), path.stat()) for path in files]
    return [[name, stat.st_size, stat.st_mtime_ns] for name, stat in told]


@dataclass(frozen=True)
class BackendSpec:
    """One step of a recipe: a model, a change of pictures or of the Blender scene.

    `inputs`, `optional` and `outputs` name the roles of the files that go in and come out. `version` is part of
    every job id: raise it whenever the same request would give another result.

    `memory` is what a learned model needs beside what is there already, in GB, the best way first and each further one
    with less: `("fp16", 8.0), ("int8", 5.5), ("int8+offload", 3.0)`; a precision, then the savings in effect.

    `batch` is how many jobs with the same parameters it can be handed at once; see `worker.together.Batched`.

    `seeded` is when the seed matters: "always", "never", or where a choice is so, such as "topology=quads".
    """

    id: str
    label: str
    task: str
    help: str
    runtime: str = "bundled"
    version: int = 1
    license: str = "GPL-3.0-or-later"
    territory: str = "worldwide"
    inputs: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    axes: str = ""
    params: tuple[Param, ...] = ()
    weights: tuple[Weights, ...] = ()
    memory: tuple[tuple[str, float], ...] = ()
    batch: int = 1
    seeded: str = "always"

    def __post_init__(self) -> None:
        if not re.fullmatch("[a-z][a-z0-9_]{0,46}", str(self.id)):  # its group in Blender takes no longer name
            raise ValueError(f"{self.id!r} is no id such as my_model")
        if self.runtime not in RUNTIMES:
            raise ValueError(f"{self.id}: no runtime {self.runtime!r}, there are {RUNTIMES}")
        for name, count in (("batch", self.batch), ("version", self.version)):
            if not isinstance(count, int) or count < 1:
                raise ValueError(f"{self.id}: {name} is a whole number from 1 on, and {count!r} is none")
        _texts(self.id, label=self.label, task=self.task, help=self.help, license=self.license, axes=self.axes)
        _texts(self.id, territory=self.territory)
        for field in ("inputs", "optional", "outputs", "params", "weights", "memory"):
            if not isinstance(getattr(self, field), tuple | list):
                raise ValueError(f"{self.id}: {field} is a row, of one too: {field}=(one,)")
        for field, kind in (("params", Param), ("weights", Weights)):
            if not all(isinstance(each, kind) for each in getattr(self, field)):
                raise ValueError(f"{self.id}: {field} is a row of {kind.__name__}: {field}=({kind.__name__}(...),)")
        for field in ("inputs", "optional", "outputs"):
            if not all(isinstance(each, str) for each in getattr(self, field)):
                raise ValueError(f'{self.id}: {field} is a row of names: {field}=("mesh",)')
        if not all(
            isinstance(each, tuple | list)
            and len(each) == 2
            and isinstance(each[0], str)
            and isinstance(each[1], int | float)
            and each[1] > 0
            for each in self.memory
        ):
            raise ValueError(f'{self.id}: memory is a row of pairs: memory=(("fp16", 2.2),)')
        for param in self.params:
            param.prove(self.id)
        names = [param.name for param in self.params]
        if len(set(names)) < len(names):
            raise ValueError(f"{self.id} has two parameters of one name among {', '.join(names)}")
        chances = ("always", "never", *(f"{param.name}={each}" for param in self.params for each in param.choices))
        if self.seeded not in chances:
            raise ValueError(f"{self.id}: seeded is one of {chances}, not {self.seeded!r}")
        for way, _ in self.memory:
            precision, *savings = way.split("+")
            if precision not in PRECISIONS or not set(savings) <= set(SAVINGS):
                raise ValueError(f"{self.id}: {way!r} is not one of {PRECISIONS} and some of {SAVINGS}")

    @property
    def free(self) -> bool:
        """Anybody may use its weights, anywhere and for everything."""
        return self.territory == "worldwide" and all(weights.free for weights in self.weights)

    @property
    def remote(self) -> bool:
        """It asks a server of the user's."""
        return any(param.name == "url" for param in self.params)

    @property
    def takes_words(self) -> bool:
        """It can be told in words what to make."""
        return any(param.name == "prompt" and param.kind == "str" for param in self.params)

    def heeds(self, filled: Mapping[str, Any]) -> bool:
        """Another seed may give another result."""
        name, _, value = self.seeded.partition("=")
        return filled[name] == value if value else name == "always"

    def fill(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Check the given parameters, add the defaults; refuse the ones that it does not know."""
        known = {param.name: param for param in self.params}
        for name in given:
            if name not in known:
                has = ", ".join(known) or "none"
                raise UserError(f"{self.id} has no parameter {name!r}. It has: {has}.", kind="usage")
        filled = {name: param.check(given.get(name, param.default), self.id) for name, param in known.items()}
        for name, value in filled.items():
            if known[name].kind == "str" and not os.path.isabs(value) and not _words(value):
                raise known[name].wrong(value, self.id, "takes text in UTF-8")
        return filled

    def files(self, filled: Mapping[str, Any]) -> list[str]:
        """Names of the parameters that are files; raises `UserError` where one is not there."""
        named = [param.name for param in self.params if param.kind == "file" and filled[param.name]]
        for name in named:
            if not Path(filled[name]).is_file():
                raise UserError(f"{self.id}.{name}: there is no file {filled[name]}. Choose another.", kind="usage")
        return named

    def libraries(self, filled: Mapping[str, Any]) -> dict[str, list[list[Any]]]:
        """Names, sizes and times of all .blend files in the parameters that are libraries, by parameter."""
        named = [param.name for param in self.params if param.kind == "libraries" and filled[param.name]]
        return {name: [_shelved(Path(each)) for each in parted(filled[name])] for name in named}

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> BackendSpec:
        fields = dict(data)
        fields["params"] = tuple(Param(**{**p, "choices": tuple(p["choices"])}) for p in fields["params"])
        fields["weights"] = tuple(Weights.from_json(weights) for weights in fields["weights"])
        fields["memory"] = tuple((way, gigabytes) for way, gigabytes in fields["memory"])
        for name in ("inputs", "optional", "outputs"):
            fields[name] = tuple(fields[name])
        return cls(**fields)
