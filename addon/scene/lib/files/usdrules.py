# SPDX-License-Identifier: GPL-3.0-or-later
"""What pipelines ask of a USD asset's layer: one root prim that is the default, its kind, unit and upward axis."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from . import usd

Found = tuple[str, str, str, str, str]
"""Rule, state, what was found, where, what mends it."""
_EXPORT = "Export it again: galatea export."


def check(path: Path) -> Iterator[Found]:
    if usd.library() is None:
        yield "usd", "warn", "not looked into: this Blender has no USD library", "", "Use Blender 4.4 or newer."
        return
    from pxr import Kind, Usd, UsdGeom

    stage = Usd.Stage.Open(str(path))
    roots = [prim.GetName() for prim in stage.GetPseudoRoot().GetChildren()]
    root = stage.GetDefaultPrim()
    if not root:
        yield "usd_root", "fail", "no default prim", ", ".join(roots[:5]), _EXPORT
    elif len(roots) > 1:
        yield "usd_root", "warn", f"{len(roots)} root prims", ", ".join(roots[:5]), "Put all below one."
    else:
        yield "usd_root", "ok", f"one root prim, {root.GetName()}", "", ""
    kind = str(Usd.ModelAPI(root).GetKind()) if root else ""
    good = kind in (Kind.Tokens.component, Kind.Tokens.assembly, Kind.Tokens.group)
    yield (
        "usd_kind",
        "ok" if good else "fail",
        f"kind {kind}" if kind else "the root has no kind",
        "",
        ("" if good else "Set it to component."),
    )
    unit = stage.HasAuthoredMetadata(UsdGeom.Tokens.metersPerUnit)
    said = f"metersPerUnit {UsdGeom.GetStageMetersPerUnit(stage):g}" if unit else "metersPerUnit is not written"
    yield "usd_unit", "ok" if unit else "fail", said, "", "" if unit else f"{_EXPORT} Readers take centimetres else."
    up = stage.HasAuthoredMetadata(UsdGeom.Tokens.upAxis)
    said = f"upAxis {UsdGeom.GetStageUpAxis(stage)}" if up else "upAxis is not written"
    yield "usd_up", "ok" if up else "fail", said, "", "" if up else _EXPORT
