# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the object an asset: with a preview, a catalogue, tags and an author, saved into an asset library on request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy

from ...backend.protocol import provenance, sealed
from ...backend.protocol.errors import UserError
from ...backend.protocol.spec import BackendSpec, Param
from .lib.files import library as shelf
from .lib.files import naming
from .lib.render import preview
from .work import ROLE, Work

SPEC = BackendSpec(
    id="asset",
    label="Asset",
    task="scene-to-scene",
    seeded="never",
    help="Mark the object for Blender's Asset Browser, with a rendered preview; save it into a library on request.",
    runtime="blender",
    version=3,
    inputs=("scene",),
    outputs=("scene", "asset", "preview", "asset_provenance"),
    params=(
        Param("catalogue", "str", "Galatea", "Where the Asset Browser lists it, such as Props/Animals"),
        Param("tags", "str", "galatea", "Words to find it by, with commas between them"),
        Param("author", "str", "", "Who made it"),
        Param("license", "str", "", "On what terms others may use it, such as CC0-1.0"),
        Param("description", "str", "", "What it is; empty says what was measured"),
        Param("library", "str", "", "Folder of an asset library to save it into as well; nothing there is replaced"),
        Param("size", "int", 256, "Side of the preview", low=64, high=512, unit="px"),
        Param("samples", "int", 16, "Samples a pixel of the preview", low=1, high=256),
    ),
)
_APART = ("source", "floor", "camera", "camera_rig", "camera_target")
"""Roles, and all lights, that are no part of the asset."""
_LONGEST = 900
"""Characters of a text; Blender shows them in one line."""


def run(
    work: Work, *, catalogue: str, tags: str, author: str, license: str, description: str, library: str, size: int,
    samples: int,
) -> None:  # fmt: skip
    body = work.object("body")
    path = shelf.catalogue(catalogue)
    root = shelf.folder(library.strip()) if library.strip() else None
    work.progress("Rendering the preview", 0.05)
    picture = work.file("preview", "preview.png", size=size)
    preview.render(work, body, picture, size=size, samples=samples)
    work.progress("Marking", 0.7)
    thing = _thing(work, body)
    _unmark(work)
    thing.name = naming.base(thing.name)
    if thing is work.collection:
        thing.instance_offset = body.matrix_world.translation  # it comes to where it is dropped, wherever it stood
    thing.asset_mark()
    about = thing.asset_data
    about.author, about.license = _text(author), _text(license)
    about.description = _text(description) or _measured(work, body)
    for tag in _words(tags):
        about.tags.new(tag, skip_if_exists=True)
    if path:
        about.catalog_id = shelf.enter(root, path) if root else shelf.known(path)
    preview.attach(thing, picture)
    work.progress("Writing the asset", 0.8)
    work.tell()
    file = work.file("asset", "asset.blend", asset=thing.name, kind=thing.id_type.lower())
    with _without(work):
        bpy.data.libraries.write(str(file), {thing}, path_remap="ABSOLUTE", fake_user=True, compress=True)
    _prove(file, thing)
    work.file("asset_provenance", sealed.seal(file, provenance.document(work.steps)).name)
    if root:
        work.progress("Saving into the library", 0.95)
        place = shelf.add(root, file, naming.base(thing.name))
        work.report.metric("library", str(place))
    work.report.metric("catalogue", path)
    work.report.metric("tags", [tag.name for tag in about.tags])
    work.report.metric("description", about.description)


def _thing(work: Work, body: bpy.types.Object) -> bpy.types.ID:
    """What is the asset: the body where it stands alone, else the collection with all that belongs to it."""
    belong = [obj for obj in work.collection.all_objects if not _apart(obj)]
    return body if belong in ([body], []) else work.collection


def _apart(obj: bpy.types.Object) -> bool:
    role = obj.get(ROLE, "")
    return role in _APART or role.startswith("light_")


def _unmark(work: Work) -> None:
    """There is one asset: what an earlier run marked is none any more, nor are its words kept."""
    for each in (work.collection, *work.objects("body")):
        if each.asset_data:
            each.asset_clear()


def _measured(work: Work, body: bpy.types.Object) -> str:
    body.data.calc_loop_triangles()
    words = [f"{len(body.data.loop_triangles)} triangles"]
    for role, name in (("lod", "coarser levels"), ("collision", "collision hulls")):
        count = sum(1 for _ in work.objects(role))
        words += [f"{count} {name}"] if count else []
    return ", ".join([*words, f"{max(body.dimensions):.3g} m"])


def _words(text: str) -> list[str]:
    return list(dict.fromkeys(_text(word)[:60] for word in text.split(",") if word.strip()))


def _text(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:_LONGEST]


@contextmanager
def _without(work: Work) -> Iterator[None]:
    """What is no part of the asset is out of its collection for a while."""
    collection = work.collection
    away = [obj for obj in collection.objects if _apart(obj)]
    for obj in away:
        collection.objects.unlink(obj)
    try:
        yield
    finally:
        for obj in away:
            collection.objects.link(obj)


def _prove(file: Path, thing: bpy.types.ID) -> None:
    """Blender says that it wrote even where the disk was full: look for the asset in the file."""
    try:
        with bpy.data.libraries.load(str(file), assets_only=True) as (found, _):
            whole = thing.name in [*found.objects, *found.collections]
    except OSError:
        whole = False
    if not whole:
        message = f"The asset could not be written whole to {file.parent}. Free some disk space and run again."
        raise UserError(message, kind="output")
