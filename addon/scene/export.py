# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the body, and its armature where it has one, as a file that other programs read."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bpy

from ...backend.protocol import gltf, provenance, sealed
from ...backend.protocol.errors import UserError
from ...backend.protocol.spec import BackendSpec, Param
from .lib.files import bones as bones_of
from .lib.files import exporters, mapping, naming, placing, sizes, targets, usd
from .lib.files.texturing import colour_points, textured
from .lib.mesh.selection import alone
from .work import ROLE, Work

SPEC = BackendSpec(
    id="export",
    label="Export",
    task="scene-to-model",
    seeded="never",
    help="Write the finished object for other programs.",
    runtime="blender",
    version=12,
    inputs=("scene",),
    outputs=("model", "provenance"),
    axes="Y up and Z forward in glb, gltf, obj, fbx, abc and usd; Z up and -Y forward in stl and ply; metres",
    params=(
        Param("format", "choice", "glb", "Kind of the file", choices=tuple(exporters.FORMATS)),
        Param("target", "choice", "none", "The program that reads it: its axes and unit", choices=targets.TARGETS),
        Param("size", "float", 0.0, "Real size; 0 keeps what it has", low=0, high=100000, unit="m"),
        Param("like", "str", "", "What it is, such as chair or horse: without a size it gets the usual one of that"),
        Param("measure", "choice", "longest", "Which side the size is of", choices=placing.MEASURES),
        Param("pivot", "choice", "base", "Where its origin is: keep leaves it at the scene's", choices=placing.PIVOTS),
        Param("up", "choice", "auto", "Axis of the file that is up; auto by target", choices=("auto", "Y", "Z")),
        Param(
            "forward",
            "choice",
            "auto",
            "Axis of the file that the front looks along; auto by target",
            choices=("auto", *targets.AXES),
        ),
        Param(
            "levels",
            "bool",
            True,
            "Write the levels of detail that the scene has: as variants in usd, by their names for unity, unreal and "
            "godot, else as MSFT_lod in glb and gltf",
        ),
        Param(
            "bones",
            "choice",
            "plain",
            "Names of a biped's bones: ours, or those of Mixamo, Unity's humanoid, Unreal's mannequin or VRM, and then "
            "only the bones that move skin; glb and gltf also tell VRM which bone is which",
            choices=bones_of.CONVENTIONS,
        ),
        Param("draco", "bool", False, "Compress the geometry of glb and gltf; not every program reads that"),
        Param("prompt", "bool", False, "Write the words that it was made from into the file"),
    ),
)

_ENGINES = ("unity", "unreal", "godot")
"""Targets that know levels of detail and collision hulls by their names; elsewhere all would show at once."""
_GLTF = ("glb", "gltf")
"""They can tell levels of one object, but Blender's reader takes no notice and shows all."""
_ORM = (*_GLTF, *targets.USD)
"""Formats whose materials take occlusion, roughness and metal from one picture: red, green, blue."""

_PICTURED = ("obj", "fbx", *targets.USD)
"""Formats whose materials take a picture or a number for each input, and nothing reckoned from them."""


def run(
    work: Work, *, format: str, target: str, size: float, like: str, measure: str, pivot: str, up: str, forward: str,
    levels: bool, bones: str, draco: bool, prompt: bool,
) -> None:  # fmt: skip
    body = work.object("body")
    if like.strip() and not size:
        size, measure = sizes.usual(like)
    if bones != "plain" and body.find_armature() is None:
        raise UserError("The body has no skeleton to be named. Run the steps skeleton and bind, or choose bones plain.")
    with bones_of.uncontrolled(body) as controlled:
        _write(
            work, body, controlled=controlled, format=format, target=target, size=size, measure=measure, pivot=pivot,
            up=up, forward=forward, levels=levels, bones=bones, draco=draco, prompt=prompt,
        )  # fmt: skip


def _write(
    work: Work, body: bpy.types.Object, *, format: str, target: str, size: float, measure: str, pivot: str, up: str,
    forward: str, levels: bool, bones: str, draco: bool, prompt: bool, controlled: bool,
) -> None:  # fmt: skip
    frame = targets.frame(format, target, up, forward)
    if not _built_with(format):
        raise UserError(f"This Blender was built without {format}. Choose the format glb.", kind="environment")
    work.progress(f"Writing {format}", 0.1)
    document = provenance.document(work.steps, work.report.texts(work.steps) if prompt else None)
    path = work.file("model", f"mesh.{format}", format=format, unit_m=frame.unit, up=frame.up, front=frame.front)
    animated = placing.animated(placing.carriers(body))
    name = naming.base(body.name) if naming.LEVEL in body and format in targets.USD else body.name
    change = placing.matrix(body, frame, size=size, measure=measure, pivot=pivot)
    with (
        _scratch(path, beside=format in exporters.BESIDE and format != "gltf") as folder,
        placing.placed(body, change, _along(format, target, levels=levels)) as objects,
        naming.named(objects, "none" if format in targets.USD else target),
        bones_of.called(objects, bones),
        textured(
            [obj for obj in objects if obj.type == "MESH"],
            folder,
            orm=format in _ORM,
            nodes=format in _GLTF,
            grey=format == "fbx",
        ) as left,
        mapping.laid([obj for obj in objects if obj.type == "MESH"], format) as astray,
        alone(*objects),
        _scene(frame.unit, objects, animated=animated),
    ):
        order = exporters.Order(
            frame,
            name,
            _short(document),
            rigged=body.find_armature() is not None,
            deforming=bones != "plain",
            single=controlled,
            animated=animated,
            draco=draco and format in _GLTF,
            levels=_levels(objects) if format in targets.USD or target not in _ENGINES else (),
        )
        if format == "ply":
            colour_points(objects[0].data)
        exporters.FORMATS[format](path, order)
        if (left or astray) and format in _PICTURED:
            lost = ", ".join(dict.fromkeys([*left, *astray]))
            work.report.warn(f"{format} has no word for the nodes behind {lost}. Run the step bake first.")
        extent = [round(x * frame.unit, 5) for x in objects[0].dimensions]
    if format in targets.USD and levels and usd.library() is None and work.has("lod"):
        work.report.warn("Levels of detail were left out: this Blender has no USD library. Use 4.4 or newer.")
    if bones == "vrm" and format in _GLTF and not bones_of.humanoid(path):
        work.report.warn("The skeleton lacks bones that VRM needs, so that only the names are VRM's.")
    work.progress("Writing where it comes from", 0.9)
    beside = _register(work, path)
    work.file("provenance", sealed.seal(path, document, beside).name)
    if draco and not _compressed(path):
        work.report.warn("Nothing was compressed: this needs glb or gltf, and a Blender that has Draco.")
    work.report.metric("format", format)
    work.report.metric("bytes", path.stat().st_size)
    work.report.metric("size_m", extent)


def _along(format: str, target: str, *, levels: bool) -> list[bpy.types.Object]:
    """What goes with the body: where a reader of the file would show all of it at once, nothing."""
    if format in targets.USD:
        told = levels and usd.library() is not None
    else:
        told = levels and (target in _ENGINES or (format in _GLTF and target != "blender"))
    roles = (*(("lod",) if told else ()), *(("collision",) if target in _ENGINES else ()))
    return placing.companions(*roles)


def _levels(objects: list[bpy.types.Object]) -> tuple[tuple[str, int], ...]:
    """Names and triangles of the levels among the objects; nothing where there is but the body."""
    coarse = sorted((obj for obj in objects if obj.get(ROLE) == "lod"), key=lambda obj: int(obj[naming.LEVEL]))
    for obj in (objects[0], *coarse):
        obj.data.calc_loop_triangles()
    found = tuple((obj.name, len(obj.data.loop_triangles)) for obj in (objects[0], *coarse))
    return found if coarse else ()


def _built_with(format: str) -> bool:
    options = bpy.app.build_options
    return bool(options.usd if format in targets.USD else options.alembic if format == "abc" else True)


@contextmanager
def _scratch(path: Path, *, beside: bool) -> Iterator[Path]:
    """Where textures are for an exporter to find: beside the model to stay, else in a folder that goes away."""
    if beside:
        yield path.parent
        return
    folder = path.parent / "textures.part"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def _scene(unit: float, objects: list[bpy.types.Object], *, animated: bool) -> Iterator[None]:
    """The scene counts in this unit, and runs as long as the motion does, while an exporter looks."""
    scene = bpy.context.scene
    before = scene.unit_settings.scale_length, scene.frame_start, scene.frame_end
    scene.unit_settings.scale_length = unit
    ranges = [obj.animation_data.action.frame_range for obj in objects if placing.animated([obj])]
    if animated and ranges:
        scene.frame_start = int(min(low for low, _ in ranges))
        scene.frame_end = max(scene.frame_start, int(max(high for _, high in ranges)))
    try:
        yield
    finally:
        scene.unit_settings.scale_length, scene.frame_start, scene.frame_end = before


def _register(work: Work, path: Path) -> list[Path]:
    """Files beside the model become assets of their own, names kept: a copier puts them next to it again."""
    beside = sorted(p for p in path.parent.iterdir() if p.is_file() and p != path)
    for each in beside:
        role = each.stem.removeprefix("mesh").strip("_") or each.suffix[1:]
        work.file(f"model_{role}", each.name)
    return beside


def _short(document: dict[str, Any]) -> dict[str, Any]:
    """Of a document, what a format can keep whose metadata are texts and numbers; the whole as one text."""
    plain = {key: value for key, value in document.items() if isinstance(value, str | int)}
    return {**plain, "provenance": json.dumps(document)}


def _compressed(path: Path) -> bool:
    return path.suffix in gltf.SUFFIXES and "KHR_draco_mesh_compression" in gltf.read(path).get("extensionsUsed", [])
