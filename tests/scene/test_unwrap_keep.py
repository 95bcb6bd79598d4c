# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's own UV map stays to the byte from the file to the finished mesh, or it is said that it did not."""

from __future__ import annotations

import numpy as np
import pytest

from galatea.addon.scene.lib.mesh import meshes
from galatea.addon.scene.lib.uv import layers
from galatea.backend.protocol.errors import UserError


@pytest.fixture
def write(figure, tmp_path):
    """A factory: the figure as an OBJ file with a UV map of its own, moved by `shift`."""

    def go(shift=(0.0, 0.0), *, mapped=True):
        uv = figure.uv.reshape(-1, 2) * np.float32(0.731) + np.float32([0.0917, 0.123]) + np.float32(shift)
        lines = [f"v {x!r} {y!r} {z!r}" for x, y, z in (figure.vertices[:, [0, 2, 1]] * [1, 1, -1]).tolist()]
        lines += [f"vt {u!r} {v!r}" for u, v in uv.tolist()] if mapped else []
        for number, face in enumerate((figure.faces + 1).tolist()):
            own = [f"/{3 * number + corner + 1}" if mapped else "" for corner in range(3)]
            lines.append("f " + " ".join(f"{vertex}{text}" for vertex, text in zip(face, own, strict=True)))
        path = tmp_path / "own.obj"
        path.write_text("\n".join(lines) + "\n")
        return path, uv.astype(np.float32)

    return go


def faces_of(mesh, layer):
    """Each face as bytes: its corners' places in the mesh and in the map, begun with the least."""
    points = meshes.vertices_of(mesh)[meshes.triangles_of(mesh)]
    rows = np.concatenate([points, meshes.uv_of(mesh, layer).reshape(-1, 3, 2)], axis=2)
    return sorted(min(np.roll(row, -turn, axis=0).tobytes() for turn in range(3)) for row in rows)


def test_it_stays_to_the_byte(run, write):
    path, uv = write()
    loaded = run("load", {"model": path}).work.object("body").data
    name = layers.shown(loaded)
    assert np.array_equal(meshes.uv_of(loaded, name).view(np.uint32), uv.view(np.uint32))
    before = faces_of(loaded, name)
    run("clean", smooth=0, faces=50000)
    done = run("unwrap", method="keep")
    mesh = done.work.object("body").data
    assert faces_of(mesh, "galatea") == before
    assert done.metrics["kept"] is True
    assert done.metrics["method"] == "keep"
    assert not any("byte" in getattr(event, "text", "") for event in done.events)
    assert faces_of(done.work.object("source").data, name) == before, "kept to bake from, as it came"


def test_the_finished_mesh_has_it_under_the_name_that_was_asked_for(run, write):
    path, _ = write()
    loaded = run("load", {"model": path}).work.object("body").data
    before = faces_of(loaded, layers.shown(loaded))
    run("unwrap", method="keep")
    run("bake", size=256)
    body = run("material", uv="map1").work.object("body")
    assert [layer.name for layer in body.data.uv_layers] == ["map1"]
    assert faces_of(body.data, "map1") == before
    nodes = [node for node in body.data.materials[0].node_tree.nodes if node.type in ("UVMAP", "NORMAL_MAP")]
    assert {node.uv_map for node in nodes} == {"map1"}
    model = run("export", format="glb").path("model")
    import bpy

    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.import_scene.gltf(filepath=str(model))
    obj = next(obj for obj in bpy.data.objects if obj.type == "MESH")
    assert len(obj.data.uv_layers) == 1 and obj.data.materials[0]


def test_it_is_said_where_cleaning_changed_it(run, write):
    path, _ = write()
    run("load", {"model": path})
    run("clean", faces=1500)
    done = run("unwrap", method="keep")
    assert done.metrics["kept"] is False
    assert any("clean.faces" in getattr(event, "text", "") for event in done.events)


def test_tiles_that_a_map_has_are_its_own(run, write):
    path, _ = write((1.0, 0.0))
    run("load", {"model": path})
    done = run("unwrap", method="keep")
    assert (done.metrics["tiles"], done.metrics["outside"]) == (1, 0)
    with pytest.raises(UserError, match=r"unwrap\.tiles"):
        run("unwrap", method="keep", tiles=4)


def test_a_map_outside_of_all_tiles_is_told(run, write):
    path, _ = write((-0.5, 0.0))
    run("load", {"model": path})
    done = run("unwrap", method="keep")
    assert done.metrics["outside"] > 0.3
    assert any("outside" in getattr(event, "text", "") for event in done.events)


def test_without_a_map_there_is_none_to_keep(run, write):
    path, _ = write(mapped=False)
    run("load", {"model": path})
    with pytest.raises(UserError, match="without a UV map"):
        run("unwrap", method="keep")


def test_the_map_of_a_generated_mesh_is_kept_too(run, figure):
    run("bring", {"mesh": figure.mesh, "albedo": figure.albedo})
    done = run("unwrap", method="keep")
    uv = meshes.uv_of(done.work.object("body").data, "galatea")
    assert np.array_equal(uv.view(np.uint32), figure.uv.reshape(-1, 2).view(np.uint32))
    assert done.metrics["kept"] is True
    again = run("unwrap", method="keep")
    assert again.metrics["kept"] is True


def test_the_map_of_quads_is_kept(run, make_work):
    import bpy

    bpy.ops.mesh.primitive_cube_add()
    work, _ = make_work()
    body = work.add("body", bpy.context.active_object)
    before = meshes.uv_of(body.data, "UVMap").copy()
    done = run("unwrap", method="keep")
    assert np.array_equal(meshes.uv_of(body.data, "galatea"), before)
    assert done.metrics["charts"] == 1 and done.metrics["overlap"] == 0
    with pytest.raises(UserError, match=r"material\.uv"):
        layers.rename(body, "position")
