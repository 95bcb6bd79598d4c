# SPDX-License-Identifier: GPL-3.0-or-later
"""What a step is and takes. The panel, the command line and the checks are all drawn from it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .errors import UserError

RUNTIMES = ("bundled", "full", "blender")
"""Where a step runs: Blender's own Python with the wheels of the zip, the torch environment, or a Blender."""

_TYPES: dict[str, Any] = {
    "int": (int,),
    "float": (float, int),
    "bool": (bool,),
    "str": (str,),
    "choice": (str,),
}


@dataclass(frozen=True)
class Param:
    """One setting of a step: `kind` is int, float, bool, str or choice; `unit` is shown, never converted."""

    name: str
    kind: str
    default: Any
    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    unit: str = ""

    def check(self, value: Any, owner: str) -> Any:
        """Return the value in its proper type, or raise `UserError` naming the parameter and what it takes."""
        if isinstance(value, str) and self.kind not in ("str", "choice"):
            value = self._parse(value, owner)
        if not isinstance(value, _TYPES[self.kind]) or (isinstance(value, bool) and self.kind != "bool"):
            raise self._wrong(value, owner, f"takes {self.kind}")
        if self.kind == "float":
            value = float(value)
            if not math.isfinite(value):
                raise self._wrong(value, owner, "takes a finite number")
        if self.choices and value not in self.choices:
            raise self._wrong(value, owner, f"takes one of {', '.join(self.choices)}")
        if (self.low is not None and value < self.low) or (self.high is not None and value > self.high):
            raise self._wrong(value, owner, f"takes {self.span}")
        return value

    @property
    def span(self) -> str:
        """The range in words, empty where there is none."""
        if self.low is not None and self.high is not None:
            return f"{self.low:g} to {self.high:g}"
        if self.low is not None:
            return f"{self.low:g} or more"
        return f"at most {self.high:g}" if self.high is not None else ""

    def _parse(self, text: str, owner: str) -> Any:
        try:
            if self.kind == "bool":
                return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[text.lower()]
            return int(text) if self.kind == "int" else float(text)
        except (KeyError, ValueError):
            raise self._wrong(text, owner, f"takes {self.kind}") from None

    def _wrong(self, value: Any, owner: str, takes: str) -> UserError:
        return UserError(f"{owner}.{self.name} {takes}, not {value!r}. Change it and run again.", kind="usage")


@dataclass(frozen=True)
class BackendSpec:
    """One step of a recipe: a model, an image operation or a change of the Blender scene.

    `inputs`, `optional` and `outputs` name the roles of the files that go in and come out. `version` is part of
    every job id: raise it whenever the same request would give another result.
    """

    id: str
    label: str
    task: str
    help: str
    runtime: str = "bundled"
    version: int = 1
    license: str = "GPL-3.0-or-later"
    territory: str = "worldwide"
    vram_gb: float = 0.0
    inputs: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    axes: str = ""
    params: tuple[Param, ...] = ()

    def __post_init__(self) -> None:
        if self.runtime not in RUNTIMES:
            raise ValueError(f"{self.id}: no runtime {self.runtime!r}, there are {RUNTIMES}")

    def fill(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Check the given parameters, add the defaults; refuse the ones that it does not know."""
        known = {param.name: param for param in self.params}
        for name in given:
            if name not in known:
                has = ", ".join(known) or "none"
                raise UserError(f"{self.id} has no parameter {name!r}. It has: {has}.", kind="usage")
        return {name: param.check(given.get(name, param.default), self.id) for name, param in known.items()}

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> BackendSpec:
        fields = dict(data)
        fields["params"] = tuple(Param(**{**p, "choices": tuple(p["choices"])}) for p in fields["params"])
        for name in ("inputs", "optional", "outputs"):
            fields[name] = tuple(fields[name])
        return cls(**fields)
