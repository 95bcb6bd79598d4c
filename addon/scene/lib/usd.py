# SPDX-License-Identifier: GPL-3.0-or-later
"""What a USD asset says of itself, which Blender's exporter leaves out: its kind, its name, where it comes from.

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


def write(path: Path, name: str, told: Mapping[str, Any], export: Callable[[Path, str], None]) -> None:
    """`export(file, root prim)` writes by Blender; the root becomes a component of this name.

    `told` are texts and numbers for customLayerData, where they stand as `galatea`.

    A .usdz is put together afterwards, for what is inside of a package cannot be changed.
    """
    root = identifier(name)
    if library() is None or path.suffix != ".usdz":
        export(path, f"/{root}")
        if library() is not None:
            _component(path, name, told)
        return
    from pxr import Sdf, UsdUtils

    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        inner = Path(folder) / f"{path.stem}.usdc"
        export(inner, f"/{root}")
        _component(inner, name, told)
        if not UsdUtils.CreateNewUsdzPackage(Sdf.AssetPath(str(inner)), str(path)):
            raise RuntimeError(f"the package {path.name} could not be made")


def identifier(name: str) -> str:
    """A prim's name: letters, digits and underscores, no digit first."""
    plain = re.sub(r"\W", "_", name, flags=re.ASCII).strip("_") or "asset"
    return f"_{plain}" if plain[0].isdigit() else plain


def _component(path: Path, name: str, told: Mapping[str, Any]) -> None:
    from pxr import Kind, Usd

    stage = Usd.Stage.Open(str(path))
    root = Usd.ModelAPI(stage.GetDefaultPrim())
    root.SetKind(Kind.Tokens.component)
    root.SetAssetName(name)
    _shade(stage)
    layer = stage.GetRootLayer()
    layer.customLayerData = {**layer.customLayerData, "galatea": dict(told)}
    layer.Save()


def _shade(stage: Any) -> None:
    """Connect the occlusion of a packed texture (`texturing`), which Blender's exporter does not know."""
    from pxr import Sdf, UsdShade

    for prim in stage.Traverse():
        texture = UsdShade.Shader(prim)
        file = texture.GetInput("file") if texture else None
        if not file or not str(getattr(file.Get(), "path", "")).endswith(f"{ORM}.png"):
            continue
        red = texture.CreateOutput("r", Sdf.ValueTypeNames.Float)
        for other in prim.GetParent().GetChildren():
            shader = UsdShade.Shader(other)
            if shader and shader.GetIdAttr().Get() == "UsdPreviewSurface":
                shader.CreateInput("occlusion", Sdf.ValueTypeNames.Float).ConnectToSource(red)
