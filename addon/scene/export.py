# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the body, and its armature where it has one, as a file that other programs read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import bpy

from ...backend.protocol.errors import UserError
from ...backend.protocol.spec import BackendSpec, Param
from .lib import exporters
from .lib.selection import alone
from .work import ROLE, Work

SPEC = BackendSpec(
    id="export",
    label="Export",
    task="scene-to-model",
    help="Write the finished object for other programs.",
    runtime="blender",
    inputs=("scene",),
    outputs=("model",),
    axes="Y up and -Z forward in glb, obj, fbx and usdz; Z up in stl and ply; metres",
    params=(Param("format", "choice", "glb", "Kind of the file", choices=tuple(exporters.FORMATS)),),
)

_BESIDE = ("obj",)
"""Formats that keep textures in files of their own, next to the model."""
_NEEDS_FILES = ("obj", "fbx")
"""Formats whose exporters read textures from disk and do not see packed ones."""


def run(work: Work, *, format: str) -> None:
    body = work.object("body")
    work.progress(f"Writing {format}", 0.1)
    rig = body.find_armature()
    objects = [body, *([rig] if rig else [])]
    animated = bool(rig and rig.animation_data and rig.animation_data.action)
    path = work.file("model", f"mesh.{format}", format=format)
    if not _built_with(format):
        raise UserError(f"This Blender was built without {format}. Choose the format glb.", kind="environment")
    with alone(*objects), _textures(body, path.parent, when=format in _NEEDS_FILES) as names:
        exporters.FORMATS[format](path, animated=animated)
        _register(work, path, names, keep=format in _BESIDE)
    work.report.metric("format", format)
    work.report.metric("bytes", path.stat().st_size)


def _built_with(format: str) -> bool:
    options = bpy.app.build_options
    return bool({"usdz": options.usd, "abc": options.alembic}.get(format, True))


def _register(work: Work, path: Path, names: list[str], *, keep: bool) -> None:
    """Files beside the model become assets of their own, names kept: a copier puts them next to it again."""
    library = path.with_suffix(".mtl")
    if library.is_file():
        work.file("model_mtl", library.name)
    for name in names:
        if keep:
            work.file(f"model_{Path(name).stem.removeprefix('mesh_')}", name)
        else:
            (path.parent / name).unlink()


@contextmanager
def _textures(body: bpy.types.Object, folder: Path, *, when: bool) -> Iterator[list[str]]:
    """The body's images as files `mesh_<role>.png` in the folder, for as long as an exporter needs to find them."""
    old, names = [], []
    for image in _images(body) if when else []:
        packed = image.packed_file
        if not packed:
            continue
        kind = "jpg" if packed.data[:2] == b"\xff\xd8" else "png"
        name = f"mesh_{image.get(ROLE, 'texture')}.{kind}"
        (folder / name).write_bytes(packed.data)
        old.append((image, image.filepath_raw))
        names.append(name)
        image.filepath_raw = str(folder / name)
    try:
        yield names
    finally:
        for image, before in old:
            with suppress(ReferenceError):
                image.filepath_raw = before


def _images(body: bpy.types.Object) -> list[bpy.types.Image]:
    trees = [material.node_tree for material in body.data.materials if material]
    return list(dict.fromkeys(n.image for tree in trees for n in tree.nodes if n.type == "TEX_IMAGE" and n.image))
