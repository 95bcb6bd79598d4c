# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules that validators of studios and import settings of engines hold assets to, checked on the open file.

What they ask was learned from the validators of AYON and OpenPype (UV set map1, no negative scale, no colons, no
absolute paths, frame range, root of a USD) and from the manuals of Unreal, Unity and Godot.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import bpy

from . import naming, usdrules
from .paths import absolute

PROFILES = ("ayon", "unreal", "unity", "godot")
USD = (".usd", ".usda", ".usdc", ".usdz")
_NAMED_UV = (".blend", ".fbx", ".abc")
"""Formats that keep the names of UV maps."""
_LEAST, _MOST = 0.001, 1000.0
"""m, a longest side beyond which a unit was probably mistaken."""
_INFLUENCES = {"unity": 4, "godot": 8, "unreal": 8}
"""Bones that move one vertex: what the engine's usual settings keep."""
_PIXELS = 8192


@dataclass(frozen=True)
class Finding:
    """One rule: `state` ok, warn or fail; what was `found`, `where` (names), and what mends it."""

    rule: str
    state: str
    found: str
    where: str = ""
    fix: str = ""

    def told(self) -> dict[str, str]:
        return asdict(self)


def check(path: Path, profile: str) -> Iterator[Finding]:
    """A finding for each rule that means something for this asset and profile."""
    meshes = [obj for obj in bpy.context.scene.objects if obj.type == "MESH" and len(obj.data.polygons)]
    drawn = [obj for obj in meshes if not naming.beside(obj.name)]
    if not meshes:
        yield Finding("mesh", "fail", "there is no mesh with faces", "", "Choose another file.")
    rules: tuple[Callable[..., Iterable[Finding]], ...] = (_uv, _scale, _names, _materials, _size, _textures, _frames)
    for rule in rules:
        yield from rule(path, profile, drawn or meshes)
    yield from _paths(path)
    yield from _weights(profile, meshes)
    if path.suffix.lower() in USD:
        yield from (Finding(*each) for each in usdrules.check(path))


def _of(rule: str, bad: Iterable[str], good: str, trouble: str, fix: str, *, state: str = "fail") -> Finding:
    """ok, or what is wrong with the names."""
    found = list(dict.fromkeys(bad))
    if not found:
        return Finding(rule, "ok", good)
    more = f" and {len(found) - 5} more" if len(found) > 5 else ""
    return Finding(rule, state, trouble, ", ".join(found[:5]) + more, fix)


def _uv(path: Path, profile: str, meshes: list[bpy.types.Object]) -> Iterator[Finding]:
    without = [obj.name for obj in meshes if not obj.data.uv_layers]
    yield _of("uv", without, "every mesh has a UV map", "no UV map", "Unwrap it: galatea finish.")
    wanted = "map1" if profile == "ayon" and path.suffix.lower() in _NAMED_UV else ""
    if wanted:
        other = [f"{obj.name}: {obj.data.uv_layers[0].name}" for obj in meshes if obj.data.uv_layers]
        other = [each for each in other if not each.endswith(f": {wanted}")]
        fix = f"Name the first UV map {wanted}: --set material.uv={wanted}."
        yield _of("uv_name", other, f"the UV map is {wanted}", f"the first UV map is not {wanted}", fix)


def _scale(path: Path, profile: str, meshes: list[bpy.types.Object]) -> Iterator[Finding]:
    objects = list(bpy.context.scene.objects)
    negative = [obj.name for obj in objects if min(obj.scale) < 0 or obj.matrix_world.determinant() < 0]
    yield _of("negative_scale", negative, "no negative scale", "negative scale turns normals inside out",
              "Apply the scale (Ctrl-A) and recalculate normals.")  # fmt: skip
    if profile != "ayon" and path.suffix.lower() == ".blend":
        uneven = [obj.name for obj in meshes if max(abs(each - 1.0) for each in obj.scale) > 1e-4]
        yield _of(
            "applied_scale", uneven, "scale is applied", "scale is not applied", "Apply it (Ctrl-A).", state="warn"
        )


def _names(path: Path, profile: str, meshes: list[bpy.types.Object]) -> Iterator[Finding]:
    named = [*bpy.context.scene.objects, *(obj.data for obj in meshes), *_used_materials(meshes)]
    named += [bone for obj in bpy.context.scene.objects if obj.type == "ARMATURE" for bone in obj.data.bones]
    names = [each.name for each in named]
    yield _of("colons", [name for name in names if ":" in name], "no colons in names", "colons in names",
              "Rename: a colon is a namespace to other programs.")  # fmt: skip
    if profile in ("unreal", "ayon"):
        odd = [name for name in names if re.search(r"[^A-Za-z0-9_.:\-]", name)]
        yield _of("names", odd, "names are plain", "letters that other programs replace",
                  "Use letters, digits and underscores, as an export for the target unreal does.",
                  state="fail" if profile == "unreal" else "warn")  # fmt: skip


def _used_materials(meshes: list[bpy.types.Object]) -> list[Any]:
    return list({slot.material for obj in meshes for slot in obj.material_slots if slot.material})


def _materials(path: Path, profile: str, meshes: list[bpy.types.Object]) -> Iterator[Finding]:
    bare = [obj.name for obj in meshes if not any(slot.material for slot in obj.material_slots)]
    yield _of("materials", bare, "every mesh has a material", "no material", "Give it one.", state="warn")


def _size(path: Path, profile: str, meshes: list[bpy.types.Object]) -> Iterator[Finding]:
    corners = [obj.matrix_world @ corner for obj in meshes for corner in map(_vector, obj.bound_box)]
    if not corners:
        return
    side = max(max(c[axis] for c in corners) - min(c[axis] for c in corners) for axis in range(3))
    wrong = [] if _LEAST <= side <= _MOST else [f"{side:.4g} m"]
    yield _of("size", wrong, f"longest side {side:.3g} m", "the longest side is hardly in metres",
              "Scale it, or export it with export.size.", state="warn")  # fmt: skip


def _vector(values: Any) -> Any:
    from mathutils import Vector

    return Vector(values)


def _textures(path: Path, profile: str, meshes: list[bpy.types.Object]) -> Iterator[Finding]:
    images = [image for image in bpy.data.images if image.type not in ("RENDER_RESULT", "COMPOSITING") and image.users]
    lost = [image.name for image in images if image.source == "FILE" and not image.has_data and not image.size[0]]
    yield _of("missing_textures", lost, "all textures are there", "textures that cannot be read", "Bring them along.")
    sized = [(image.name, tuple(image.size)) for image in images if image.size[0]]
    uneven = [f"{name} {w}x{h}" for name, (w, h) in sized if w & (w - 1) or h & (h - 1)]
    state = "fail" if profile in ("unreal", "unity") else "warn"
    yield _of("power_of_two", uneven, "sides of textures are powers of two", "sides that are no powers of two",
              "Bake to 1024, 2048 or 4096: --set bake.size=2048.", state=state)  # fmt: skip
    large = [f"{name} {w}x{h}" for name, (w, h) in sized if max(w, h) > _PIXELS]
    yield _of(
        "texture_size", large, f"no texture above {_PIXELS}", "very large textures", "Bake smaller.", state="warn"
    )


def _frames(path: Path, profile: str, meshes: list[bpy.types.Object]) -> Iterator[Finding]:
    ranges = [tuple(action.frame_range) for action in bpy.data.actions if action.users]
    if not ranges:
        return
    first, last = min(each[0] for each in ranges), max(each[1] for each in ranges)
    scene = bpy.context.scene
    if last - first < 1:
        yield Finding("frames", "warn", f"a motion of less than a frame ({first:g} to {last:g})", "", "Leave it out.")
    elif path.suffix.lower() == ".blend" and (scene.frame_start > first + 1 or scene.frame_end < last - 1):
        told = f"the scene goes from {scene.frame_start} to {scene.frame_end}, motions from {first:g} to {last:g}"
        yield Finding("frames", "fail", told, "", "Set the frame range of the scene.")
    else:
        yield Finding("frames", "ok", f"motions from frame {first:g} to {last:g}")


def _paths(path: Path) -> Iterator[Finding]:
    yield _of("absolute_paths", absolute(path), "no absolute paths", "absolute paths, which break elsewhere",
              "Make them relative (File > External Data), or pack them.")  # fmt: skip


def _weights(profile: str, meshes: list[bpy.types.Object]) -> Iterator[Finding]:
    skinned = [obj for obj in meshes if obj.find_armature()]
    if not skinned:
        return
    most = _INFLUENCES.get(profile, 8)
    over, bare = [], []
    for obj in skinned:
        counts = [sum(group.weight > 1e-4 for group in vertex.groups) for vertex in obj.data.vertices]
        over += [f"{obj.name}: {max(counts)}"] if max(counts) > most else []
        bare += [f"{obj.name}: {counts.count(0)} vertices"] if 0 in counts else []
    yield _of("influences", over, f"at most {most} bones move a vertex", f"more than {most} bones move a vertex",
              f"Limit the weights to {most}.", state="warn")  # fmt: skip
    yield _of("weights", bare, "every vertex has a bone", "vertices that no bone moves", "Bind it again: galatea rig.")
