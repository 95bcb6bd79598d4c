# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="valid-type,misc"
"""How a parameter of the catalogue becomes a property of Blender, and what of the catalogue the panel lists."""

import os
import zlib
from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    StringProperty,
)

from ..backend.protocol.catalog import catalog
from ..backend.protocol.spec import WHOLE, BackendSpec, Param, parted

TASK, USUAL = "image-to-mesh", "lift"
"""What a model does, and the one that does it where none is chosen."""
READING = "words-to-scene"


def number(name: str) -> int:
    """A stable number for an enum's item: the .blend keeps the number, and lists grow.

    Of 24 bits, for the menus of 4.3 pass it through a float, which rounds a longer one to a number of no item."""
    return zlib.crc32(name.encode()) & 0xFFFFFF


_SPELT = {
    "Directx": "DirectX", "Fps": "FPS", "Fstop": "F-Stop", "Hdri": "HDRI", "License": "Licence", "Lora": "LoRA",
    "Opengl": "OpenGL", "Url": "URL", "Uv": "UV",
}  # fmt: skip

_SHORT = {
    "initial_velocity": "velocity", "angular_velocity": "turning", "bending_stiffness": "bending",
    "stretch_stiffness": "stretching", "octree_resolution": "octree", "num_inference_steps": "steps",
}  # fmt: skip
"""What would be cut off beside a field."""

LETTERS = 14
"""The most that a name beside a field has, in a panel of the usual width."""


def title(name: str) -> str:
    name = _SHORT.get(name, name)
    first, gap, rest = name.replace("_", " ").capitalize().partition(" ")
    return f"{_SPELT.get(first, first)}{gap}{rest}"


def named(param: Param) -> str:
    """Its name with its unit, said only once: `size_m` is "Size (m)", `seconds` stay "Seconds", px stand in fields.
    Where that would be cut off beside its field, the tooltip has the unit.
    """
    name = title(param.name.removesuffix(f"_{param.unit}"))
    whole = name if param.unit in ("", "px") or name == "Seconds" else f"{name} ({param.unit})"
    return whole if len(whole) <= LETTERS else name


def tip(param: Param) -> str:
    told = param.unit == "px" or param.unit in param.help or f"({param.unit})" in named(param)
    return param.help.rstrip(".") + ("" if told else f", in {param.unit}")


def of_param(param: Param) -> Any:
    """The property that is this parameter: same default, same range. The unit is shown in its name."""
    common = {"name": named(param), "description": tip(param), "options": set()}
    if param.kind == "bool":
        return BoolProperty(default=param.default, **common)
    if param.name == "library":
        return StringProperty(
            default=param.default,
            search=lambda self, context, text: libraries(context),
            search_options={"SUGGESTION"},
            update=_undoable,
            **common,
        )
    if param.kind in ("str", "libraries"):
        return StringProperty(default=param.default, **common)
    if param.kind in ("file", "weights"):
        return StringProperty(default=param.default, subtype="FILE_PATH", **common)
    if param.kind == "choice":
        call = str.upper if param.name == "format" else title  # GLB, EXR
        items = [(c, call(c), "", number(c)) for c in param.choices]
        return EnumProperty(items=items, default=param.default, **common)
    if param.kind not in ("int", "float"):
        raise ValueError(f"{param.name} is of the kind {param.kind!r}, for which there is no property")
    span: dict[str, Any] = {"subtype": "PIXEL"} if param.unit == "px" else {}
    if param.kind == "int":
        span["min"] = int(param.low) if param.low is not None else -WHOLE
        span["max"] = int(param.high) if param.high is not None else WHOLE
        return IntProperty(default=param.default, **span, **common)
    if param.low is not None:
        span["min"] = param.low
    if param.high is not None:
        span["max"] = param.high
    return FloatProperty(default=param.default, precision=3, step=10, **span, **common)


def _undoable(self: Any, context: Any) -> None:
    """A field with suggestions makes no undo step of its own: the next undo would take back what was chosen too."""
    if not bpy.app.background:
        bpy.ops.ed.undo_push(message="Library")


def libraries(context: Any) -> list[str]:
    """The asset libraries of Blender's preferences, to choose from."""
    return [each.path for each in context.preferences.filepaths.asset_libraries]


def step_group(spec: BackendSpec) -> type:
    annotations = {param.name: of_param(param) for param in spec.params}
    name = "GALATEA_PG_step_" + spec.id
    return type(name, (bpy.types.PropertyGroup,), {"__annotations__": annotations, "__doc__": spec.help})


def value_of(group: Any, param: Param) -> Any:
    """As Python means it: Blender keeps floats in 32 bits, and 0.1 must stay 0.1 for results to be found again."""
    value = getattr(group, param.name)
    if param.kind in ("file", "weights"):
        return bpy.path.abspath(value)
    if param.kind == "libraries":
        return os.pathsep.join(bpy.path.abspath(each) for each in parted(value))
    return float(f"{value:.7g}") if param.kind == "float" else value


def backends() -> list[BackendSpec]:
    return [spec for spec in catalog().values() if spec.task == TASK]


def parsers() -> list[BackendSpec]:
    """The steps that read a scene in words, the one that needs nothing first."""
    found = [spec for spec in catalog().values() if spec.task == READING]
    return sorted(found, key=lambda spec: (spec.runtime != "bundled" or spec.remote, spec.id))


def settings(context: bpy.types.Context) -> Any:
    return context.scene.galatea
