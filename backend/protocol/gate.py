# SPDX-License-Identifier: GPL-3.0-or-later
"""A gate: what a studio asks of a finished mesh, as limits on measured figures, in TOML as recipes are.

[uv_overlap]
most = 0.01
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .catalog import spec_of
from .errors import UserError
from .recipe import Recipe, Step, are_numbers, find, read_toml

LIMITS = ("is", "least", "most")


@dataclass(frozen=True)
class Figure:
    """Something that is measured; `fix` are the flags that mend it, the limit in braces, and `advice` where none can.

    Of several fixes the first counts whose steps all had a part in the mesh and that says something new to them.
    """

    label: str
    fix: tuple[str, ...] = ()
    advice: str = "Add the step clean before it."
    optional: bool = False
    """Where it could not be measured it is held to nothing: a mesh of the user's has no raw one beside it."""


_UNWRAP = ("unwrap.method=smart", "unwrap.method=xatlas", "clean.smooth=0.6")
_MERGE = ("clean.smooth=0.6", "unwrap.method=merged")
_ADD_UV = "Add the steps unwrap, bake and material before it."
FIGURES: dict[str, Figure] = {
    "faces": Figure("Faces", ("clean.faces={limit}",)),
    "watertight": Figure("Watertight", ("clean.watertight=true",)),
    "nonmanifold": Figure("Edges and vertices where sheets meet", ("clean.remesh=true",)),
    "shells": Figure("Separate parts", ("clean.floaters=1",)),
    "inner_shells": Figure("Parts inside others", ("clean.inner=true",)),
    "holes": Figure("Holes", ("clean.watertight=true",)),
    "self_intersections": Figure("Share of faces that cut others", ("clean.remesh=true",)),
    "flipped": Figure("Edges between faces wound against each other", ("clean.watertight=true",)),
    "inside_out": Figure("Parts inside out", ("clean.inner=true",)),
    "slivers": Figure("Share of slivers", ("clean.remesh=true",)),
    "degenerate": Figure("Faces without an area", ("clean.remesh=true",)),
    "loose": Figure("Loose vertices"),
    "uv_overlap": Figure("Share of the UV map that overlaps", _UNWRAP, _ADD_UV),
    "uv_outside": Figure("Share of faces' corners outside their UV tile", _UNWRAP, _ADD_UV),
    "uv_used": Figure("Share of the UV map that is used", _UNWRAP, _ADD_UV),
    "uv_tiles": Figure("UV tiles", ("unwrap.tiles={limit}",), _ADD_UV),
    "uv_stretch": Figure("UV stretch, 1 is none", _UNWRAP, _ADD_UV),
    "uv_collapsed": Figure("Share of the surface with hardly a texel", _UNWRAP, _ADD_UV),
    "charts": Figure("UV charts", _MERGE, _ADD_UV),
    "thin_charts": Figure("Share of the surface in charts thinner than 4 texels", _MERGE, _ADD_UV),
    "texture_px": Figure("Smallest side of a texture", ("unwrap.size={limit} bake.size={limit}",), _ADD_UV),
    "texel_density": Figure("Texels a metre", ("unwrap.size=4096 bake.size=4096",), _ADD_UV),
    "texel_spread": Figure("Densest texels to thinnest", _UNWRAP, _ADD_UV),
    "silhouette_iou": Figure(
        "Outline shared with the raw mesh", ("clean.smooth=0", "clean.faces=100000"), optional=True
    ),
    "colour_error": Figure(
        "Colour error against the raw mesh, ΔE", ("bake.delight=0", "unwrap.size=4096 bake.size=4096"), optional=True
    ),
    "size_m": Figure("Longest side, m", ("load.size_m={limit}",), "Scale the object, or export it with export.size."),
}


@dataclass(frozen=True)
class Gate:
    """`limits`: of a figure's name, some of LIMITS."""

    name: str
    limits: Mapping[str, Mapping[str, Any]]

    @classmethod
    def load(cls, path: Path) -> Gate:
        """Read and check a gate's file; raises `UserError` on anything that is none."""
        data = read_toml(path)
        name = data.pop("name", path.stem)
        for key, limit in data.items():
            if key not in FIGURES:
                known = ", ".join(FIGURES)
                raise UserError(f"{path}: nothing called {key!r} is measured. There are: {known}.", kind="usage")
            if not isinstance(limit, dict) or not limit or not all(_fits(*each) for each in limit.items()):
                text = f"{path}: [{key}] takes `least` and `most`, each a number from 0 on, or `is`, true or false."
                raise UserError(text, kind="usage")
        return cls(str(name), data)

    def rows(self, values: Mapping[str, Any], steps: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
        """A row for each figure: its value, the limit, `state` ok, short or free, and the flags that mend it.

        What could not be measured has the value None and falls short of any limit, unless it is optional. `steps` made
        the mesh, with these parameters.
        """
        return [self._row(key, values.get(key), steps) for key in FIGURES]

    def _row(self, key: str, value: Any, steps: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        limit = {} if value is None and FIGURES[key].optional else dict(self.limits.get(key, {}))
        good = value is not None and all(_meets(value, kind, bound) for kind, bound in limit.items())
        state = "free" if not limit else "ok" if good else "short"
        row = {"name": key, "label": FIGURES[key].label, "value": value, "limit": limit, "state": state}
        return {**row, "fix": _fix(FIGURES[key], value, limit, steps)} if state == "short" else row


def _fits(kind: str, bound: Any) -> bool:
    if kind == "is":
        return isinstance(bound, bool)
    return kind in LIMITS and are_numbers(bound)


def _meets(value: Any, kind: str, bound: Any) -> bool:
    return bool(value == bound if kind == "is" else value >= bound if kind == "least" else value <= bound)


def _fix(figure: Figure, value: Any, limit: Mapping[str, Any], steps: Mapping[str, Mapping[str, Any]]) -> str:
    bound = next((bound for kind, bound in limit.items() if value is None or not _meets(value, kind, bound)), "")
    able = [fix.format(limit=bound).split() for fix in figure.fix]
    able = [flags for flags in able if all(flag.partition(".")[0] in steps for flag in flags)]
    for flags in able:
        if not all(_set(flag, steps) for flag in flags):
            return " ".join(f"--set {flag}" for flag in flags)
    return "This is mended as far as it can be. Make the mesh anew, or ask for less." if able else figure.advice


def _set(flag: str, steps: Mapping[str, Mapping[str, Any]]) -> bool:
    """Its step has this value already."""
    target, _, value = flag.partition("=")
    step, _, name = target.partition(".")
    has = steps[step].get(name)
    return has is not None and str(has).lower() in (value, f"{value}.0")


def gated(recipe: Recipe, name: str) -> Recipe:
    """The recipe with a report at its end that holds the mesh against a gate, by name or a .toml file."""
    path = find("gates", name).expanduser().absolute()
    Gate.load(path)
    if "scene" not in {*recipe.inputs, *(role for step in recipe.steps for role in spec_of(step.do).outputs)}:
        raise UserError(f"--gate is for a mesh, and {recipe.name} makes none. Leave it out.", kind="usage")
    steps = tuple(step for step in recipe.steps if step.do != "report")
    return replace(recipe, steps=(*steps, Step("report", {"gate": str(path)})))


def short(rows: Collection[Mapping[str, Any]]) -> str:
    """The rows that fall short, as a sentence for people."""
    told = []
    for row in rows:
        limit = ", ".join(f"{kind} {_said(bound)}" for kind, bound in row["limit"].items())
        told.append(f"{row['name']} {_said(row['value'])} ({limit})")
    return "; ".join(told)


def _said(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "not known"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)
