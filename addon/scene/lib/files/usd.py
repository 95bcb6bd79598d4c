# SPDX-License-Identifier: GPL-3.0-or-later
"""What a USD asset says of itself, which Blender's exporter leaves out: kind, name, levels of detail, where it is from.

Through the USD library that Blender carries (`pxr`); a Blender without it writes the file all the same.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import bpy

from .texturing import ORM


def library() -> Any:
    """The module `pxr`, or None. The bpy wheel carries it beside Blender's own modules, not on the path."""
    try:
        import pxr
    except ImportError:
        pass
    else:
        return pxr
    inside = Path(bpy.utils.resource_path("LOCAL")) / "python"
    for folder in (*inside.glob("lib/python3*/site-packages"), *inside.glob("lib/site-packages")):
        if (folder / "pxr").is_dir():
            sys.path.append(str(folder))
            try:
                import pxr
            except ImportError:
                continue
            else:
                return pxr
            finally:
                sys.path.remove(str(folder))
    return None


LEVELS = "LOD"
"""Name of the variant set; its variants are lod0, lod1 …"""


def write(
    path: Path, name: str, told: Mapping[str, Any], export: Callable[[Path, str], None], *, levels: int = 0
) -> None:
    """`export(file, root prim)` writes by Blender; the root becomes a component of this name.

    `told` are texts and numbers for the root's customData, where they stand as `galatea`. `levels` is how many objects
    whose names end in _LOD0, _LOD1 … become variants.

    A .usdz is put together afterwards, for what is inside of a package cannot be changed.
    """
    root = identifier(name)
    if library() is None or path.suffix != ".usdz":
        export(path, f"/{root}")
        if library() is not None:
            _component(path, name, told, levels)
        return
    from pxr import Sdf, UsdUtils

    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        inner = Path(folder) / f"{path.stem}.usdc"
        export(inner, f"/{root}")
        _component(inner, name, told, levels)
        if not UsdUtils.CreateNewUsdzPackage(Sdf.AssetPath(str(inner)), str(path)):
            raise RuntimeError(f"the package {path.name} could not be made")


def identifier(name: str) -> str:
    """A prim's name: letters, digits and underscores, no digit first."""
    plain = re.sub(r"\W", "_", name, flags=re.ASCII).strip("_") or "asset"
    return f"_{plain}" if plain[0].isdigit() else plain


def _component(path: Path, name: str, told: Mapping[str, Any], levels: int) -> None:
    from pxr import Kind, Usd

    stage = Usd.Stage.Open(str(path))
    root = Usd.ModelAPI(stage.GetDefaultPrim())
    root.SetKind(Kind.Tokens.component)
    root.SetAssetName(name)
    root.GetPrim().SetCustomDataByKey("galatea", dict(told))
    _shade(stage)
    _guide(stage)
    if levels:
        _vary(stage, identifier(name), levels)
    stage.GetRootLayer().Save()


def _vary(stage: Any, name: str, levels: int) -> None:
    """Move what is below `…_LOD0`, `…_LOD1` … into variants of the root, under one name; the finest is chosen."""
    from pxr import Sdf

    root, layer = stage.GetDefaultPrim(), stage.GetRootLayer()
    found = {number: _level(stage, number) for number in range(levels)}
    variants = root.GetVariantSets().AddVariantSet(LEVELS)
    for number, path in found.items():
        variants.AddVariant(f"lod{number}")
        inside = root.GetPath().AppendVariantSelection(LEVELS, f"lod{number}")
        parent = inside.AppendPath(path.GetParentPath().MakeRelativePath(root.GetPath()))
        if parent != inside:
            Sdf.CreatePrimInLayer(layer, parent)
        taken = stage.GetPrimAtPath(path.GetParentPath().AppendChild(name))
        place = parent.AppendChild(path.name if taken else name)
        Sdf.CopySpec(layer, path, layer, place)
        for child in [each for each in layer.GetPrimAtPath(place).nameChildren if each.name == path.name]:
            child.name = name
    for path in found.values():
        del layer.GetPrimAtPath(path.GetParentPath()).nameChildren[path.name]
    variants.SetVariantSelection("lod0")


def _level(stage: Any, number: int) -> Any:
    """The path of the uppermost prim of a level."""
    return next(prim.GetPath() for prim in stage.Traverse() if prim.GetName().endswith(f"_LOD{number}"))


def _guide(stage: Any) -> None:
    """Collision hulls are there to be bumped into, not to be seen."""
    from pxr import UsdGeom

    for prim in stage.Traverse():
        if re.search(r"_COL_\d\d$", prim.GetName()) and prim.IsA(UsdGeom.Mesh):
            UsdGeom.Imageable(prim).CreatePurposeAttr(UsdGeom.Tokens.guide)


def _shade(stage: Any) -> None:
    """Connect the occlusion of a packed texture (`texturing`), which Blender's exporter does not know."""
    from pxr import Sdf, UsdShade

    for prim in stage.Traverse():
        texture = UsdShade.Shader(prim)
        file = texture.GetInput("file") if texture else None
        if not file or not Path(str(getattr(file.Get(), "path", ""))).name.startswith(f"{ORM}."):
            continue
        red = texture.CreateOutput("r", Sdf.ValueTypeNames.Float)
        for other in prim.GetParent().GetChildren():
            shader = UsdShade.Shader(other)
            if shader and shader.GetIdAttr().Get() == "UsdPreviewSurface":
                shader.CreateInput("occlusion", Sdf.ValueTypeNames.Float).ConnectToSource(red)
