# SPDX-License-Identifier: GPL-3.0-or-later
"""UV layers: the one that came with a mesh, whether it is still as it came, and its name in the finished asset."""

from __future__ import annotations

import hashlib

import bpy
import numpy as np

from .....backend.protocol.errors import UserError
from ..material import shading
from ..mesh import meshes

CAME = "galatea_uv"
"""Custom property of an object: the digest of the UV map that its file had."""


def shown(mesh: bpy.types.Mesh) -> str:
    """The name of the layer that renders show; raises `UserError` where the mesh has none."""
    found = next((layer.name for layer in mesh.uv_layers if layer.active_render), "")
    if not found:
        raise UserError("The mesh came without a UV map, so there is none to keep. Choose another unwrap.method.")
    return found


def digest(mesh: bpy.types.Mesh) -> str:
    """Of the places in the layer that is shown, whatever corners have them: cutting quads in two changes nothing."""
    if not any(layer.active_render for layer in mesh.uv_layers):
        return ""
    places = np.unique(meshes.uv_of(mesh, shown(mesh)).view(np.uint32), axis=0)
    return hashlib.sha256(np.ascontiguousarray(places, "<u4").tobytes()).hexdigest()


def rename(obj: bpy.types.Object, name: str) -> None:
    """Give the body's UV map another name, in its mesh and in the nodes of its materials."""
    layer = obj.data.uv_layers.get(shading.BODY_UV)
    if layer is None or name == layer.name:
        return
    if not name.strip() or name.startswith(".") or name in obj.data.attributes:
        raise UserError(f"A UV map cannot be called {name!r} here. Choose another material.uv.", kind="usage")
    layer.name = name
    if obj.data.uv_layers.get(name) is None:
        raise UserError(f"Blender cannot call a UV map {name!r}. Choose a shorter material.uv.", kind="usage")
    for material in obj.data.materials:
        for node in material.node_tree.nodes if material and material.node_tree else ():
            if getattr(node, "uv_map", "") == shading.BODY_UV:
                node.uv_map = name
