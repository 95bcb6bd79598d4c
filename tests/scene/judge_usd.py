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


def body(stage: Usd.Stage) -> Usd.Prim:
    """The one mesh that is to be seen."""
    meshes = [prim for prim in stage.Traverse() if prim.IsA(UsdGeom.Mesh)]
    (mesh,) = [prim for prim in meshes if UsdGeom.Imageable(prim).ComputePurpose() == "default"]
    return mesh


def bounds(prim: Usd.Prim) -> list[list[float]]:
    box = UsdGeom.BBoxCache(Usd.TimeCode.Default(), ["default"]).ComputeWorldBound(prim).ComputeAlignedRange()
    return [list(box.GetMin()), list(box.GetMax())]


def levels(path: str) -> dict[str, object]:
    """What each variant of the set LOD shows, and what is said against it."""
    found = {}
    whole = Usd.Stage.Open(path)
    for name in whole.GetDefaultPrim().GetVariantSets().GetVariantSet("LOD").GetVariantNames():
        stage = Usd.Stage.Open(path)
        stage.SetEditTarget(stage.GetSessionLayer())
        root = stage.GetDefaultPrim()
        root.GetVariantSets().SetSelection("LOD", name)
        mesh = body(stage)
        found[name] = {
            "path": str(mesh.GetPath()),
            "faces": len(UsdGeom.Mesh(mesh).GetFaceVertexCountsAttr().Get()),
            "bound": str(UsdShade.MaterialBindingAPI(mesh).ComputeBoundMaterial()[0].GetPath()),
            "box": bounds(root),
            "skinned": mesh.HasRelationship("skel:skeleton") and mesh.HasAttribute("primvars:skel:jointIndices"),
            "complaints": composed(stage),
        }
    return found


def composed(stage: Usd.Stage) -> list[str]:
    """Targets of relations and connections that are not there in this variant."""
    wrong = []
    for prim in stage.Traverse():
        for relation in prim.GetRelationships():
            wrong += [str(target) for target in relation.GetTargets() if not stage.GetObjectAtPath(target)]
    return wrong


def facts(path: str) -> dict[str, object]:
    stage = Usd.Stage.Open(path)
    root = stage.GetDefaultPrim()
    mesh = body(stage)
    (shader,) = [
        UsdShade.Shader(prim)
        for prim in stage.Traverse()
        if prim.IsA(UsdShade.Shader) and UsdShade.Shader(prim).GetIdAttr().Get() == "UsdPreviewSurface"
    ]
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
        "custom": json.loads(json.dumps(root.GetCustomDataByKey("galatea") or {}, default=str)),
        "box": bounds(root),
        "levels": levels(path),
        "chosen": root.GetVariantSets().GetVariantSelection("LOD"),
        "guides": sorted(
            prim.GetName()
            for prim in stage.Traverse()
            if UsdGeom.Imageable(prim) and UsdGeom.Imageable(prim).GetPurposeAttr().Get() == "guide"
        ),
    }


sys.stdout.write(json.dumps([{"complaints": complaints(path), **facts(path)} for path in sys.argv[2:]]))
