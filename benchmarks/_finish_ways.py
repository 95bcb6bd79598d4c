# SPDX-License-Identifier: GPL-3.0-or-later
"""Three ways from a raw coloured mesh to a GLB of FACES triangles with maps of SIZE px; one of them in this process.

    python benchmarks/_finish_ways.py galatea|libraries|blender RAW.npz FOLDER FACES SIZE

Each prints a line `STAGE name wall cpu` after each of its stages; `finish.py` runs and judges them.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Clock = tuple[float, float]


def _clock() -> Clock:
    return time.perf_counter(), time.process_time()


def _stage(name: str, since: Clock) -> Clock:
    now = _clock()
    print(f"STAGE {name} {now[0] - since[0]:.3f} {now[1] - since[1]:.3f}", flush=True)
    return now


def galatea(raw: Path, folder: Path, faces: int, size: int) -> None:
    """The steps as jobs, one after the other in one Blender, as `galatea run` has them."""
    at = _clock()
    from galatea.addon.scene import host
    from galatea.backend.protocol.job import JobState, Request
    from galatea.backend.protocol.store import JobStore
    from galatea.backend.worker.execute import execute

    at = _stage("start", at)
    store, files = JobStore(folder / "jobs"), {"mesh": raw}
    orders: dict[str, dict[str, Any]] = {
        "bring": {"level": 0.0},
        "clean": {"faces": faces},
        "unwrap": {"size": size},
        "bake": {"size": size},
        "material": {},
        "export": {"format": "glb", "pivot": "keep"},
    }
    for step, params in orders.items():
        spec = host.load(step).spec
        given = {role: files[role] for role in spec.inputs + spec.optional if role in files}
        request = Request.of(spec, given, params)
        store.add(request)
        result = execute(store, request.id, host.load, lambda event: None)
        if result.state is not JobState.DONE:
            raise SystemExit(f"{step}: {result.failure}")
        files.update(store.files(result))
        at = _stage(step, at)
    (folder / "made.glb").write_bytes(files["model"].read_bytes())


def libraries(raw: Path, folder: Path, faces: int, size: int) -> None:
    """MeshLab's repairs, edge collapse and colour transfer, xatlas' charts, trimesh's GLB; no tangent normals."""
    at = _clock()
    import pymeshlab
    import trimesh.visual
    import xatlas
    from PIL import Image

    look: Any = trimesh.visual  # without types
    at = _stage("start", at)
    with np.load(raw) as data:
        vertices, triangles, colors = (data[key] for key in ("vertices", "faces", "colors"))
    meshes = pymeshlab.MeshSet(verbose=False)
    full = pymeshlab.Mesh(
        vertices.astype(np.float64),
        triangles.astype(np.int32),
        v_color_matrix=np.pad(colors, ((0, 0), (0, 1)), constant_values=1.0).astype(float),
    )
    meshes.add_mesh(full, "raw")
    meshes.add_mesh(full, "body")
    at = _stage("read", at)
    for repair in ("duplicate_vertices", "duplicate_faces", "null_faces", "folded_faces"):
        meshes.apply_filter(f"meshing_remove_{repair}")
    meshes.apply_filter("meshing_repair_non_manifold_edges")
    meshes.apply_filter("meshing_decimation_quadric_edge_collapse", targetfacenum=faces, preservenormal=True)
    at = _stage("clean", at)
    body = meshes.current_mesh()
    vertices, triangles = body.vertex_matrix().astype(np.float32), body.face_matrix()
    atlas = xatlas.Atlas()
    atlas.add_mesh(vertices, triangles.astype(np.uint32))
    pack = xatlas.PackOptions()
    pack.resolution, pack.padding, pack.bilinear = size, 4, True
    atlas.generate(xatlas.ChartOptions(), pack)
    at_vertex, corners, uv = atlas[0]
    at = _stage("unwrap", at)
    meshes.add_mesh(
        pymeshlab.Mesh(
            vertices[at_vertex].astype(float), corners.astype(np.int32),
            w_tex_coords_matrix=uv[corners.reshape(-1)].astype(float),
        ), "mapped",
    )  # fmt: skip
    meshes.apply_filter(
        "transfer_attributes_to_texture_per_vertex", sourcemesh=0, targetmesh=2, attributeenum="Vertex Color",
        textname="made.png", textw=size, texth=size,
    )  # fmt: skip
    meshes.save_current_mesh(str(folder / "made.obj"))
    picture = Image.open(folder / "made.png").convert("RGB")
    at = _stage("bake", at)
    material = look.material.PBRMaterial(baseColorTexture=picture, roughnessFactor=0.6, metallicFactor=0.0)
    upright = vertices[at_vertex][:, [0, 2, 1]] * np.array([1, 1, -1], np.float32)
    visual = look.TextureVisuals(uv=uv, material=material)
    made: Any = trimesh.Trimesh(upright, corners, process=False, visual=visual)
    made.export(folder / "made.glb")
    _stage("export", at)


def blender(raw: Path, folder: Path, faces: int, size: int) -> None:
    """Blender's operators with their defaults, but for one sample instead of 4096, and rays that begin outside."""
    at = _clock()
    import bpy

    from galatea.addon.scene.lib.mesh import meshes, selection

    at = _stage("start", at)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with np.load(raw) as data:
        mesh = meshes.new_mesh("raw", data["vertices"], data["faces"])
        layer = mesh.color_attributes.new("Color", "BYTE_COLOR", "POINT")
        layer.data.foreach_set(
            "color_srgb", np.pad(data["colors"], ((0, 0), (0, 1)), constant_values=1.0).astype(np.float32).ravel()
        )
    full, body = bpy.data.objects.new("raw", mesh), bpy.data.objects.new("body", mesh.copy())
    for obj in (full, body):
        bpy.context.scene.collection.objects.link(obj)
    at = _stage("read", at)
    with selection.alone(body):
        modifier = body.modifiers.new("Decimate", "DECIMATE")
        modifier.ratio = faces / len(mesh.polygons)
        bpy.ops.object.modifier_apply(modifier=modifier.name)
    at = _stage("clean", at)
    with selection.alone(body), selection.editing(body):
        bpy.ops.mesh.select_all(action="SELECT")
        bpy.ops.uv.smart_project()
    at = _stage("unwrap", at)
    _bake(full, body, size)
    at = _stage("bake", at)
    with selection.alone(body):
        bpy.ops.export_scene.gltf(filepath=str(folder / "made.glb"), use_selection=True)
    _stage("export", at)


def _bake(full: Any, body: Any, size: int) -> None:
    import bpy

    from galatea.addon.scene.lib.material import shading
    from galatea.addon.scene.lib.mesh import selection

    shown, tree = shading.new_material("raw")
    colour = tree.nodes.new("ShaderNodeAttribute")
    colour.attribute_name = "Color"
    shader = shading.principled(tree)
    tree.links.new(colour.outputs["Color"], shader.inputs["Base Color"])
    full.data.materials.append(shown)
    made, tree = shading.new_material("made")
    shader, bumps = shading.principled(tree), tree.nodes.new("ShaderNodeNormalMap")
    body.data.materials.append(made)
    scene = bpy.context.scene
    scene.render.engine, scene.cycles.samples, scene.cycles.device = "CYCLES", 1, "CPU"
    scene.render.bake.use_pass_direct = scene.render.bake.use_pass_indirect = False
    for kind in ("DIFFUSE", "NORMAL"):
        node = tree.nodes.new("ShaderNodeTexImage")
        node.image = bpy.data.images.new(kind, size, size)
        node.image.colorspace_settings.name = "sRGB" if kind == "DIFFUSE" else "Non-Color"
        tree.nodes.active = node
        with selection.alone(body, full):
            reach = 0.02 * max(body.dimensions)
            bpy.ops.object.bake(type=kind, use_selected_to_active=True, cage_extrusion=reach)
        node.image.pack()
        if kind == "DIFFUSE":
            tree.links.new(node.outputs["Color"], shader.inputs["Base Color"])
        else:
            tree.links.new(node.outputs["Color"], bumps.inputs["Color"])
            tree.links.new(bumps.outputs["Normal"], shader.inputs["Normal"])


WAYS: dict[str, Callable[[Path, Path, int, int], None]] = {
    each.__name__: each for each in (galatea, libraries, blender)
}

if __name__ == "__main__":
    way, raw, folder, faces, size = sys.argv[1:]
    WAYS[way](Path(raw), Path(folder), int(faces), int(size))
