# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of what nodes reckon from pictures, for formats that know a picture or a number for each input, no nodes.

Packed pictures, factors and limits of alpha come as such nodes with every glTF file: red, green and blue of one picture
go to occlusion, roughness and metal, and a factor is a multiplication.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np

from ..material import shading, texels
from ..mesh.meshes import Floats
from ..render import pictures
from ..uv import tiles

_SUMS: dict[str, Callable[..., Floats]] = {
    "ADD": lambda a, b, _: a + b,
    "SUBTRACT": lambda a, b, _: a - b,
    "MULTIPLY": lambda a, b, _: a * b,
    "MULTIPLY_ADD": lambda a, b, c: a * b + c,
    "POWER": lambda a, b, _: np.maximum(a, 0) ** b,
    "MINIMUM": lambda a, b, _: np.minimum(a, b),
    "MAXIMUM": lambda a, b, _: np.maximum(a, b),
    "LESS_THAN": lambda a, b, _: (a < b).astype(np.float32),
    "GREATER_THAN": lambda a, b, _: (a > b).astype(np.float32),
    "ROUND": lambda a, *_: np.floor(a + 0.5),
}
_BLENDS: dict[str, Callable[[Floats, Floats], Floats]] = {
    "MIX": lambda _, b: b,
    "MULTIPLY": lambda a, b: a * b,
    "ADD": lambda a, b: a + b,
    "SUBTRACT": lambda a, b: a - b,
}
_CUTS = ("ROUND", "LESS_THAN", "GREATER_THAN", "SUBTRACT")
"""What a limit of alpha is made of."""
_COLOURS = ("ATTRIBUTE", "VERTEX_COLOR")
_FEEDERS = ("TEX_IMAGE", "SEPARATE_COLOR", "MATH", "MIX", "INVERT", "RGB", "VALUE")
_CHANNELS = {"Red": 0, "Green": 1, "Blue": 2}
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


class _Unknown(Exception):
    """A node that is none of those that are reckoned here."""


def reckon(
    tree: bpy.types.NodeTree, folder: Path, files: dict[str, Path], count: int, *, channels: bool, grey: bool = False
) -> tuple[list[bpy.types.Image], list[str]]:
    """Give each input of the tree's shader that is reckoned from pictures a picture of its own, in the folder.

    `channels`: the format knows those of a picture, and where alpha ends. `grey`: its readers take alpha from the grey
    of a picture; else it is in the fourth channel too. `files` gets the paths; `count` is that of the map's tiles.
    Normals have green downwards as `texturing.textured` tells.
    Returns the new images, and the names of inputs that hang on other nodes than are reckoned here; colours of points
    are none of these. Nodes that feed nothing any more leave the tree, and so do the pictures that no input shows.
    """
    made: list[bpy.types.Image] = []
    left: list[str] = []
    for socket in _inputs(tree):
        source, dim = socket.links[0].from_socket, _dim(socket)
        painted = socket.name == "Base Color" and source.node.type in _COLOURS
        if painted or (dim == 1 and (_split(socket) if channels else _plain(socket))):
            continue
        try:
            found: list[bpy.types.ShaderNode] = []
            values = _dimmed(socket, _value(source, found), dim)
            if len({node.inputs["Vector"].links[0].from_socket for node in found if node.inputs["Vector"].links}) > 1:
                raise _Unknown
        except _Unknown:
            left.append(_called(socket))
            continue
        if dim != 1 and (strength := _strength(socket)):
            strength.default_value = 1.0
        if not found:
            _set(tree, socket, values)
            continue
        suffix = tiles.suffix(found[0].image.get(shading.TILE, 0), count)
        fourth = socket.name == "Alpha" and not grey
        if socket.node.type == "NORMAL_MAP" and not channels and found[0].image.get(shading.DIRECTX):
            values = values * np.array([1, -1, 1], np.float32) + np.array([0, 1, 0], np.float32)
        made.append(_image(socket, values, folder, files, suffix, fourth=fourth))
        node = tree.nodes.new("ShaderNodeTexImage")
        node.image, node.extension, node.interpolation = made[-1], found[0].extension, found[0].interpolation
        for link in found[0].inputs["Vector"].links:
            tree.links.new(link.from_socket, node.inputs["Vector"])
        tree.links.new(node.outputs["Alpha" if fourth else "Color"], socket)
    _pruned(tree)
    return made, left


def _called(socket: bpy.types.NodeSocket) -> str:
    return "Normal" if socket.node.type == "NORMAL_MAP" else str(socket.name)


def _strength(socket: bpy.types.NodeSocket) -> bpy.types.NodeSocket | None:
    """What says how strongly a glow shines or normals bend."""
    name = {"Emission Color": "Emission Strength", "Color": "Strength"}.get(socket.name)
    return socket.node.inputs.get(name) if name else None


def _dim(socket: bpy.types.NodeSocket) -> float:
    """What of its strength a picture is to hold, for formats that have none: the light of a glow that shines less than
    its colour, the bend of normals. 1 where there is nothing to do."""
    strength = _strength(socket)
    if strength is None or strength.is_linked:
        return 1.0
    value = float(strength.default_value)
    return value if socket.node.type == "NORMAL_MAP" or 0 < value < 1 else 1.0


def _dimmed(socket: bpy.types.NodeSocket, values: Floats, dim: float) -> Floats:
    """Normals are bent as Blender does: so much of the way from the plain one, or beyond it, then made long again."""
    if socket.node.type != "NORMAL_MAP":
        return values * np.float32(dim)
    plain = np.array([0, 0, 1], np.float32)
    bent = plain + (values * 2 - 1 - plain) * np.float32(dim)
    length = np.linalg.norm(bent, axis=2, keepdims=True)
    return np.asarray(bent / np.maximum(length, 1e-6) / 2 + 0.5, np.float32)


def _plain(socket: bpy.types.NodeSocket) -> bool:
    """Whether it hangs on a picture alone. Base colour and alpha share one, or alpha is in no picture of a colour: many
    readers take the fourth channel of a colour for alpha, said or not."""
    source = socket.links[0].from_socket
    if source.node.type != "TEX_IMAGE" or not source.node.image:
        return False
    if socket.name not in ("Base Color", "Alpha"):
        return True
    other = socket.node.inputs["Alpha" if socket.name == "Base Color" else "Base Color"]
    shared = other.links[0].from_node if other.is_linked else None
    if shared and shared.type == "TEX_IMAGE" and shared.image == source.node.image:
        return True
    if socket.name == "Alpha":
        return source.name == "Color"
    image = source.node.image
    return image.depth == 24 or bool(pictures.pixels_of(image)[..., 3].min() == 1)


def _split(socket: bpy.types.NodeSocket) -> bool:
    """Whether it hangs on a picture or one of its channels, or is alpha that is cut off somewhere."""
    node = socket.links[0].from_node
    while node.type == "SEPARATE_COLOR" or (socket.name == "Alpha" and node.type == "MATH" and node.operation in _CUTS):
        link = next((link for each in node.inputs for link in each.links), None)
        if link is None:
            return False
        node = link.from_node
    return node.type == "TEX_IMAGE"


def _inputs(tree: bpy.types.NodeTree) -> list[bpy.types.NodeSocket]:
    """What hangs on something: numbers and colours of the shader, the occlusion that glTF's group holds, and normals
    that are to be bent more or less."""
    nodes = [n for n in tree.nodes if n.type == "BSDF_PRINCIPLED" or (n.type == "GROUP" and "Occlusion" in n.inputs)]
    normals = [n.inputs["Color"] for n in tree.nodes if n.type == "NORMAL_MAP" and n.space == "TANGENT"]
    linked = [s for node in nodes for s in node.inputs if s.is_linked and s.type in ("VALUE", "RGBA")]
    return [*linked, *(s for s in normals if s.is_linked and _dim(s) != 1)]


def _value(source: bpy.types.NodeSocket, found: list[bpy.types.ShaderNode]) -> Floats:
    """(H, W, 3) in linear light, or (H, W, 1); one by one pixel where no picture is in it. Raises `_Unknown`."""
    node = source.node
    if node.type == "TEX_IMAGE" and node.image and min(node.image.size) > 0:
        found.append(node)
        pixels = pictures.pixels_of(node.image)
        if source.name == "Alpha":
            return pixels[..., 3:]
        coded = node.image.colorspace_settings.name == "sRGB" and not node.image.is_float
        return (texels.linear(pixels) if coded else pixels)[..., :3]
    if node.type == "RGB" or node.type == "VALUE":
        return _constant(source)
    if node.type == "SEPARATE_COLOR" and node.mode == "RGB":
        channel = _CHANNELS[source.name]
        return _of(node.inputs[0], found, 3)[..., channel : channel + 1]
    if node.type == "MATH" and node.operation in _SUMS:
        out = _SUMS[node.operation](*_alike(*(_of(socket, found, 1) for socket in node.inputs)))
        return out.clip(0, 1) if node.use_clamp else out
    if node.type == "INVERT":
        factor, colour = _alike(_of(node.inputs[0], found, 1), _of(node.inputs[1], found, 3))
        return colour + factor * (1 - 2 * colour)
    if node.type == "MIX" and node.data_type == "RGBA" and node.blend_type in _BLENDS:
        share = next(socket for socket in node.inputs if socket.type == "VALUE")
        colours = [socket for socket in node.inputs if socket.type == "RGBA"]
        factor, a, b = _alike(_of(share, found, 1).clip(0, 1), *(_of(socket, found, 3) for socket in colours))
        out = a + factor * (_BLENDS[node.blend_type](a, b) - a)
        return out.clip(0, 1) if node.clamp_result else out
    raise _Unknown


def _of(socket: bpy.types.NodeSocket, found: list[bpy.types.ShaderNode], channels: int) -> Floats:
    """What comes in there, as a colour or a number as Blender makes one of the other."""
    value = _value(socket.links[0].from_socket, found) if socket.is_linked else _constant(socket)
    if value.shape[2] == channels:
        return value
    return value @ _LUMA[:, None] if channels == 1 else np.repeat(value, channels, axis=2)


def _constant(socket: bpy.types.NodeSocket) -> Floats:
    value = socket.default_value
    return np.array([[[value] if isinstance(value, float) else list(value)[:3]]], np.float32)


def _alike(*values: Floats) -> list[Floats]:
    """All as fine as the finest, by repeating texels; what has no picture stays one pixel."""
    height, width = (max(value.shape[axis] for value in values) for axis in (0, 1))
    return [_grown(value, height, width) if value.shape[:2] != (1, 1) else value for value in values]


def _grown(value: Floats, height: int, width: int) -> Floats:
    y, x = ((np.arange(n) * value.shape[axis]) // n for axis, n in enumerate((height, width)))
    return value if value.shape[:2] == (height, width) else value[y[:, None], x]


def _set(tree: bpy.types.NodeTree, socket: bpy.types.NodeSocket, value: Floats) -> None:
    tree.links.remove(socket.links[0])
    numbers = value[0, 0].tolist()
    if socket.type == "RGBA":
        socket.default_value = [*(numbers if len(numbers) == 3 else numbers * 3), 1]
    else:
        socket.default_value = numbers[0] if len(numbers) == 1 else float(np.dot(numbers, _LUMA))


def _image(
    socket: bpy.types.NodeSocket, value: Floats, folder: Path, files: dict[str, Path], suffix: str, *, fourth: bool
) -> bpy.types.Image:
    """The value as a picture: sRGB for a colour, else plain numbers. The same pixels come from one file."""
    normal = socket.node.type == "NORMAL_MAP"
    colour = socket.type == "RGBA" and not normal
    if not colour and not normal and value.shape[2] == 3:
        value = value @ _LUMA[:, None]
    pixels = texels.srgb(value) if colour else value.clip(0, 1)
    pixels = np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels
    if fourth:
        pixels = np.concatenate([pixels, pixels[..., :1]], axis=2)
    role = _called(socket).lower().replace(" ", "_")
    key = f"{role} {hashlib.sha256(pixels.tobytes()).hexdigest()}"
    if key not in files:
        files[key] = free(folder, f"mesh_{role}{suffix}", "png", set(files.values()))
        pictures.write(files[key], pixels)
    image = bpy.data.images.load(str(files[key]), check_existing=True)
    image.name = files[key].stem
    image.colorspace_settings.name = "sRGB" if colour else "Non-Color"
    image.alpha_mode = "CHANNEL_PACKED"
    return image


def free(folder: Path, stem: str, suffix: str, taken: set[Path]) -> Path:
    """A name that no other picture of this export has."""
    path, number = folder / f"{stem}.{suffix}", 2
    while path in taken:
        path, number = folder / f"{stem}_{number}.{suffix}", number + 1
    return path


def _pruned(tree: bpy.types.NodeTree) -> None:
    """Without the nodes of those kinds that feed nothing."""
    while idle := [n for n in tree.nodes if n.type in _FEEDERS and not any(out.is_linked for out in n.outputs)]:
        for node in idle:
            tree.nodes.remove(node)
