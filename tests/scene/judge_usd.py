# SPDX-License-Identifier: GPL-3.0-or-later
"""Run by a Python of its own: what OpenUSD's own rules say of files. Prints a list of texts a file, as JSON.

usage: judge_usd.py FOLDER FILE …     FOLDER holds the module `pxr`; empty where it is on the path
"""

from __future__ import annotations

import json
import sys

if sys.argv[1]:
    sys.path.append(sys.argv[1])
from pxr import Kind, Usd, UsdGeom, UsdShade, UsdUtils


def complaints(path: str) -> list[str]:
    if hasattr(UsdUtils, "ComplianceChecker"):  # until 25; `usdchecker` was this
        checker = UsdUtils.ComplianceChecker(arkit=path.endswith(".usdz"))
        checker.CheckCompliance(path)
        return [*checker.GetErrors(), *checker.GetFailedChecks(), *checker.GetWarnings()]
    from pxr import UsdValidation

    context = UsdValidation.ValidationContext(UsdValidation.ValidationRegistry().GetOrLoadAllValidators())
    return [f"{error.GetName()}: {error.GetMessage()}" for error in context.Validate(Usd.Stage.Open(path))]


def facts(path: str) -> dict[str, object]:
    stage = Usd.Stage.Open(path)
    root = stage.GetDefaultPrim()
    (mesh,) = [prim for prim in stage.Traverse() if prim.IsA(UsdGeom.Mesh)]
    (shader,) = [
        UsdShade.Shader(prim)
        for prim in stage.Traverse()
        if prim.IsA(UsdShade.Shader) and UsdShade.Shader(prim).GetIdAttr().Get() == "UsdPreviewSurface"
    ]
    box = UsdGeom.BBoxCache(Usd.TimeCode.Default(), ["default"]).ComputeWorldBound(root).ComputeAlignedRange()
    return {
        "root": str(root.GetPath()),
        "roots": len(stage.GetPseudoRoot().GetChildren()),
        "kind": Usd.ModelAPI(root).GetKind(),
        "component": Usd.ModelAPI(root).GetKind() == Kind.Tokens.component,
        "name": Usd.ModelAPI(root).GetAssetName(),
        "up": UsdGeom.GetStageUpAxis(stage),
        "metres": UsdGeom.GetStageMetersPerUnit(stage),
        "bound": str(UsdShade.MaterialBindingAPI(mesh).ComputeBoundMaterial()[0].GetPath()),
        "fed": sorted(each.GetBaseName() for each in shader.GetInputs() if each.HasConnectedSource()),
        "custom": json.loads(json.dumps(stage.GetRootLayer().customLayerData.get("galatea", {}), default=str)),
        "box": [list(box.GetMin()), list(box.GetMax())],
    }


sys.stdout.write(json.dumps([{"complaints": complaints(path), **facts(path)} for path in sys.argv[2:]]))
