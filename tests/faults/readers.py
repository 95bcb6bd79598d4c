# SPDX-License-Identifier: GPL-3.0-or-later
"""Every reader that a stranger's file can reach, each with sound files of its kind."""

from __future__ import annotations

import io
import json
import os
import struct
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from galatea.backend import images
from galatea.backend.cli import lines, parser
from galatea.backend.geometry import formats, headers
from galatea.backend.protocol import claims, gltf, own, place, policy, provenance, recipe, scene, sealed, weights
from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.gate import Gate
from galatea.backend.protocol.job import Asset, Failure, JobState, Request, Result
from galatea.backend.protocol.order import Order
from galatea.backend.protocol.store import JobStore
from galatea.backend.worker.report import Report

from .spoiling import MOST_MB, MOST_SECONDS, Reader

PRESETS = recipe.PRESETS
JOB = "fake-" + "0" * 20


@cache
def _pictures() -> tuple[bytes, ...]:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 48, 4), np.uint8))
    found = []
    for kind in ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP"):
        out = io.BytesIO()
        noise.convert("RGB" if kind in ("JPEG", "BMP", "GIF") else "RGBA").save(out, kind)
        found.append(out.getvalue())
    half = struct.pack("<I", 20000630) + b"\2\0\0\0channels\0chlist\0\x12\0\0\0" + bytes(60)
    return (*found, half, b"\x97JB2\r\n\x1a\n", b"<svg xmlns='http://www.w3.org/2000/svg'/>")


@cache
def _meshes(kind: str) -> tuple[bytes, ...]:
    import trimesh

    made = trimesh.creation.box().export(file_type=kind)
    return (made if isinstance(made, bytes) else made.encode(),)


@cache
def _npz() -> tuple[bytes, ...]:
    out = io.BytesIO()
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    np.savez(out, vertices=points, faces=np.array([[0, 1, 2], [0, 3, 1]], np.int32), colors=points)
    return (out.getvalue(),)


def _presets(kind: str, *names: str) -> Callable[[], tuple[bytes, ...]]:
    return lambda: tuple((PRESETS / kind / f"{name}.toml").read_bytes() for name in names)


def _json(*documents: Any) -> Callable[[], tuple[bytes, ...]]:
    return lambda: tuple(json.dumps(each).encode() for each in documents)


_ORDER = {"recipe": "photo_to_mesh", "inputs": {"image": "a.jpg"}, "seed": 3, "settings": {"clean": {"faces": 500}}}
_SCENE = {
    "objects": [{"name": "ball", "count": 2, "position": [0, 0, 1]}, {"name": "table", "relation": {"kind": "none"}}],
    "events": [{"kind": "push", "target": "ball", "time": 1.5}],
    "constraints": [{"a": "ball", "anchor": [0, 0, 1]}],
    "simulation": {"duration": 2.0},
    "seed": 4,
}
_REQUEST = Request(JOB, "fake", {"image": "/a/b.png"}, {"seconds": 0.0, "text": "x"}, 3, hashes={"image": "0" * 64})
_DONE = Result(JOB, JobState.DONE, (Asset("text", "out-1/text.txt", 5, "0" * 64),), metrics={"a": 1}, warnings=("w",))
_FAILED = Result(JOB, JobState.FAILED, failure=Failure("no", "input", "h", "t"), versions={"python": "3"})
_SAID = {"schema": 1, "recipe": [{"step": "relief", "job": JOB, "seed": 1, "inputs": {"image": {"sha256": "0"}}}]}
_TRUSTED = {"mine": {"sha256": "0" * 64, "spec": None}}
_PROVED = {"files": {"a.bin": {"sha256": "0" * 64}}, "weights": {"license": "MIT"}}
_JSONL = b'{"recipe": "fake.toml", "seed": 1}\n{"inputs": {"image": "a.png"}, "settings": {"clean": {"faces": 9}}}\n'
_CSV = b"image,seed,clean.faces,out\na.png,1,500,one\nb.png,2,600,two\n"


_parser = cache(parser)


def _lines(path: Path) -> object:
    """Every line of a batch is an order, or has the error that is shown of it."""
    found = lines.read(_parser().parse_args(["batch", str(path), "--out", "out"]), path.parent)
    wrong = [line.error for line in found if line.error]
    if wrong:
        raise wrong[0]
    return found


def _named(load: Callable[[str], object]) -> Callable[[Path], object]:
    return lambda path: load(str(path))


def _order(path: Path) -> Order:
    order = Order.read(path)
    assert Order.of(json.loads(order.text())) == order, "an order has one text"
    return order


def _scene(path: Path) -> object:
    found = scene.read(path)
    assert scene.validate(json.loads(found.dumps())) == found, "a document is read as it was written"
    return found


def _home(read: Callable[[], object]) -> Callable[[Path], object]:
    """Of what lies in the data folder."""

    def go(path: Path) -> object:
        place.choose(next(p for p in path.parents if (p / "home").is_dir()) / "home")
        try:
            return read()
        finally:
            place.choose(None)

    return go


def _own() -> object:
    (own.folder() / "mine.py").write_text("x = 1\n")
    script = own.find("mine")
    return script if script and script.state == "trusted" else None


def _weights() -> object:
    record = provenance._record(weights.own_folder("a/b", "r1"))
    return (provenance._proved(weights.own_folder("a/b", "r1")), record) if record else None


def _stored(read: Callable[[JobStore], object]) -> Callable[[Path], object]:
    return lambda path: read(JobStore(path.parents[1]))


def _sealed(path: Path) -> object:
    asset = path.with_name("a.obj")
    asset.write_bytes(b"v 0 0 0\n")
    told = sealed.told(asset)
    assert told is not None
    sealed.subject(path), sealed.faults(asset, told), provenance.document(provenance.steps_of(told))
    return told


def _mesh(path: Path) -> object:
    try:
        found = formats.read(path.read_bytes(), path.suffix)
        assert all(each.faces.min() >= 0 and each.faces.max() < len(each.vertices) for each in found.surfaces)
        return found
    except ValueError as error:  # its callers begin and end the sentence
        raise UserError(f"The mesh cannot be used: {' '.join(str(error).split())}. Choose another.") from None


def _header(path: Path) -> object:
    try:
        headers.look(path)
    except ValueError as error:
        raise UserError(f"{path.name} cannot be read: {' '.join(str(error).split())}. Choose another file.") from None
    return path


def _in_blender(path: Path) -> object:
    """By the step `load`, in a process of its own: what ends it is no answer, nor is what costs too much."""
    import resource

    import bpy

    from galatea.addon.scene import load
    from galatea.addon.scene.work import Work

    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        code = 2
        try:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            os.dup2(null, 2)
            now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (now + int(MOST_MB * 2**20),) * 2)
            resource.setrlimit(resource.RLIMIT_CPU, (int(MOST_SECONDS),) * 2)
            bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
            report = Report(JobStore(path.parent / "jobs"), JOB, lambda event: None)
            load.run(Work(report, {"model": path}), **load.SPEC.fill({}))
            code = 0
        except UserError as error:
            os.write(theirs, str(error).encode()[:4000])
            code = 1
        finally:
            os._exit(code)
    os.close(theirs)
    with os.fdopen(ours, "rb") as told:
        said = told.read().decode()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code == 1:
        raise UserError(said)
    assert code == 0, f"the process ended with {code}"
    return path


def _npz_read(path: Path) -> object:
    from galatea.addon.scene import bring

    return bring.read(path)


READERS = (
    Reader("picture", "a.png", _pictures, images.load),
    Reader("mask", "a.png", _pictures, lambda path: images.load_mask(path, (64, 48))),
    *(Reader(f"mesh {kind}", f"a.{kind}", partial(_meshes, kind), _mesh) for kind in ("glb", "obj", "ply", "stl")),
    *(Reader(f"header {kind}", f"a.{kind}", partial(_meshes, kind), _header) for kind in ("glb", "ply", "stl")),
    Reader("mesh gltf", "a.gltf", _json({"asset": {"version": "2.0"}, "nodes": [{"mesh": 0}], "meshes": []}), _mesh),
    Reader("mesh npz", "a.npz", _npz, _npz_read),
    Reader("glTF document", "a.glb", lambda: _meshes("glb"), gltf.read),
    Reader("sidecar", "a.obj.galatea.json", _json({"asset": {"file": "a.obj", "sha256": "0" * 64}, **_SAID}), _sealed),
    Reader("job file", "job.json", _json(_ORDER), _order),
    Reader("scene document", "scene.json", _json(_SCENE), _scene),
    Reader("recipe", "r.toml", _presets("recipes", "photo_to_mesh", "words_to_film"), _named(recipe.load_recipe)),
    Reader("quality", "q.toml", _presets("quality", "draft"), _named(recipe.load_quality)),
    Reader("gate", "g.toml", _presets("gates", "game"), Gate.load),
    Reader(
        "policy", "home/policy.toml",
        lambda: (b'version = 1\ncommercial = true\nterritory = "DE"\noffline = false\naccept = ["comfyui"]\n',),
        _home(policy.stored),
    ),
    Reader("batch jsonl", "jobs.jsonl", lambda: (_JSONL,), _lines),
    Reader("batch csv", "jobs.csv", lambda: (_CSV,), _lines),
    Reader("request", f"jobs/{JOB}/request.json", _json(_REQUEST.to_json()), _stored(lambda s: s.request(JOB))),
    Reader("result", f"jobs/{JOB}/result.json", _json(_DONE.to_json(), _FAILED.to_json()),
           _stored(lambda s: (s.state(JOB), s.result(JOB))[1])),
    Reader("claim", f"jobs/{JOB}/claim", lambda: (claims._mine().encode(),), _stored(lambda s: s.claimant(JOB))),
    Reader("own backends", "home/backends/trusted.json", _json(_TRUSTED), _home(_own)),
    Reader("proofs of weights", "home/weights/a--b/r1/verified.json", _json(_PROVED), _home(_weights)),
    Reader("shared weights", "home/weights.toml", lambda: (b'shared = "/nowhere"\n',),
           _home(lambda: weights.shared_told() or None)),
)  # fmt: skip
BLENDER = tuple(
    Reader(f"Blender {kind}", f"a.{kind}", partial(_meshes, kind), _in_blender) for kind in ("glb", "obj", "ply", "stl")
)
"""Those that a file of the user's goes through. Too slow for the suite: each file is a process."""
