# SPDX-License-Identifier: GPL-3.0-or-later
"""Common formats: what is read, where it is, how it looks, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from galatea.backend.learn.things import shape
from galatea.backend.learn.things.readers import gltf, obj, pmd
from galatea.backend.learn.things.readers.files import Folder
from galatea.backend.learn.things.readers.polygons import triangulate

from .made import color_at, flag, made, pmd_bytes, png

QUAD = """mtllib quad.mtl
v -1 0 0
v 1 0 0
v 1 2 0
v -1 2 0
vt 0 0
vt 1 0
vt 1 1
vt 0 1
usemtl  skin one
f 1/1 2/2 3/3 4/4
"""


class TestReaders:
    def test_obj_with_a_texture_shows_it_the_right_way_up(self, tmp_path: Path) -> None:
        (tmp_path / "quad.obj").write_text(QUAD)
        (tmp_path / "quad.mtl").write_text("newmtl skin one\nKd 0 0 0\nd 0.5\nmap_Kd C:\\art\\Flag.PNG\n")
        (tmp_path / "flag.png").write_bytes(png(flag()))
        one = made(obj.read(Folder(tmp_path), "quad.obj").turned(shape.Y_UP))
        front = one.faces[0]
        assert one.vertices[front[0]].tolist() == [-0.5, 0, -0.5]
        assert color_at(one, 0, (0.8, 0.1, 0.1)) == [0, 0, 255]
        assert color_at(one, 0, (0.1, 0.1, 0.8)) == [0, 255, 0]
        assert one.colors[0].tolist() == [1, 1, 1, 0.5]

    def test_obj_without_its_files_is_grey_or_has_its_colour(self, tmp_path: Path) -> None:
        (tmp_path / "quad.obj").write_text(QUAD)
        assert obj.read(Folder(tmp_path), "quad.obj").colors[-1].tolist() == pytest.approx(obj.GREY)
        (tmp_path / "quad.mtl").write_text("newmtl skin one\nKd 1 0.5 0\nmap_Kd missing.png\nd nonsense\n")
        read = obj.read(Folder(tmp_path), "quad.obj")
        assert read.textures[-1] is None
        assert read.colors[-1].tolist() == [1, 0.5, 0, 1]

    def test_obj_finds_its_textures_where_gazebo_keeps_them(self, tmp_path: Path) -> None:
        for name in ("thing/meshes", "thing/materials/textures", "other/materials/textures"):
            (tmp_path / name).mkdir(parents=True)
        (tmp_path / "thing/meshes/model.obj").write_text(QUAD)
        (tmp_path / "thing/meshes/quad.mtl").write_text("newmtl skin one\nmap_Kd texture.png\n")
        (tmp_path / "other/materials/textures/texture.png").write_bytes(png(flag()))
        assert obj.read(Folder(tmp_path), "thing/meshes/model.obj").textures[-1] is None, "it is another thing's"
        (tmp_path / "thing/materials/textures/texture.png").write_bytes(png(flag()))
        assert obj.read(Folder(tmp_path), "thing/meshes/model.obj").textures[-1] is not None

    @pytest.mark.parametrize("text", ["", "v 1 2 3\n", "v 0 0 0\nf 1 2 3\n", "v 0 0 0\nf 1 -9 1\n", "f a b c\n"])
    def test_broken_obj_is_refused(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "bad.obj").write_text(text)
        with pytest.raises(ValueError):
            obj.read(Folder(tmp_path), "bad.obj")

    def test_obj_cannot_reach_outside(self, tmp_path: Path) -> None:
        inner = tmp_path / "inner"
        inner.mkdir()
        (tmp_path / "quad.mtl").write_text("newmtl skin one\nKd 1 0 0\n")
        (inner / "quad.obj").write_text(QUAD.replace("quad.mtl", "../quad.mtl"))
        (inner / "link.mtl").symlink_to(tmp_path / "quad.mtl")
        files = Folder(inner)
        assert files.names == ("quad.obj",)
        assert obj.read(files, "quad.obj").colors[-1].tolist() == pytest.approx(obj.GREY)
        with pytest.raises(ValueError, match="outside"):
            files.read("../quad.mtl")

    def test_polygons_become_triangles_that_cover_them(self) -> None:
        dart = np.array([[0, 0, 0], [2, 1, 0], [0, 2, 0], [1, 1, 0]], float)
        letter = np.array([[0, 0], [3, 0], [3, 1], [1, 1], [1, 2], [3, 2], [3, 3], [0, 3]], float)
        upright = np.stack([letter[:, 0], np.zeros(8), letter[:, 1]], 1)
        corners = np.concatenate([dart, upright])
        triangles, owner = triangulate(corners, np.array([4, 8]))
        a, b, c = (corners[triangles[:, i]] for i in range(3))
        area = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
        assert owner.tolist() == [0] * 2 + [1] * 6
        assert area[:2].sum() == pytest.approx(1)
        assert area[2:].sum() == pytest.approx(7)

    def test_glb_bakes_transforms_and_keeps_colour_and_texture(self, tmp_path: Path) -> None:
        import trimesh

        base = trimesh.creation.box((1, 1, 1))
        red = trimesh.visual.material.PBRMaterial(baseColorFactor=[255, 55, 0, 100], alphaMode="OPAQUE")
        base.visual = trimesh.visual.TextureVisuals(uv=np.zeros((8, 2)), material=red)
        top = trimesh.Trimesh([[-1, 0, 0], [1, 0, 0], [1, 2, 0]], [[0, 1, 2]], process=False)
        image = trimesh.visual.material.PBRMaterial(baseColorTexture=Image.fromarray(flag()).resize((600, 300), 0))
        top.visual = trimesh.visual.TextureVisuals(uv=[[0, 0], [1, 0], [1, 1]], material=image)
        scene = trimesh.Scene()
        scene.add_geometry(base, transform=trimesh.transformations.translation_matrix([0, 0, 3]))
        scene.add_geometry(top)
        (tmp_path / "a.glb").write_bytes(scene.export(file_type="glb"))
        read = gltf.read(Folder(tmp_path), "a.glb").turned(shape.Y_UP)
        assert read.vertices[:, 1].min() == pytest.approx(-3.5)
        one = made(read)
        textured = next(i for i, picture in enumerate(one.textures) if picture is not None)
        assert one.textures[textured].shape == (128, 256, 4)
        assert one.colors[1 - textured].tolist() == pytest.approx([1, 0.5, 0, 1], abs=0.01)
        face = int(np.flatnonzero(one.slot == textured)[0])
        assert color_at(one, face, (0.8, 0.1, 0.1)) == [0, 0, 255]

    def test_gltf_reads_the_files_beside_it_and_no_others(self, tmp_path: Path) -> None:
        import trimesh

        box = trimesh.creation.box((1, 2, 3))
        image = trimesh.visual.material.PBRMaterial(baseColorTexture=Image.fromarray(flag()))
        box.visual = trimesh.visual.TextureVisuals(uv=np.zeros((8, 2)), material=image)
        for name, data in trimesh.Scene(box).export(file_type="gltf").items():
            (tmp_path / name).write_bytes(data)
        assert gltf.read(Folder(tmp_path), "model.gltf").textures[0].shape == (2, 2, 4)
        for path in [path for path in tmp_path.iterdir() if path.suffix == ".png"]:
            path.unlink()
        assert np.ptp(gltf.read(Folder(tmp_path), "model.gltf").vertices, axis=0) == pytest.approx([1, 2, 3])
        (tmp_path / "inner").mkdir()
        text = (tmp_path / "model.gltf").read_text()
        (tmp_path / "inner" / "model.gltf").write_text(text.replace('"gltf_buffer', '"../gltf_buffer'))
        with pytest.raises(ValueError, match="not there"):
            gltf.read(Folder(tmp_path / "inner"), "model.gltf")

    def test_broken_glb_is_refused(self, tmp_path: Path) -> None:
        for bad in (b"", b"glTF\x02\x00\x00\x00", b"nothing of it"):
            (tmp_path / "a.glb").write_bytes(bad)
            with pytest.raises(ValueError):
                gltf.read(Folder(tmp_path), "a.glb")

    def test_pmd_and_its_prop_points(self) -> None:
        whole = pmd_bytes()
        mesh = pmd.read(whole)
        assert mesh.vertices.tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 0]]
        assert mesh.faces.tolist() == [[2, 1, 0]]
        assert mesh.uv.tolist() == [[[0, 1], [1, 0], [0, 0]]]
        assert mesh.points["hand"][:3, 3] == pytest.approx([5, 1, 0])
        assert mesh.points["root"][:3, 3] == pytest.approx([0, 2, 0])
        for bad in (b"", b"nope" + whole[4:], whole[:40], whole[:-5]):
            with pytest.raises(ValueError):
                pmd.read(bad)

    def test_pictures_become_small_and_bad_ones_nothing(self) -> None:
        big = np.zeros((100, 1000, 3), np.uint8)
        read = shape.texture(png(big))
        assert read is not None and read.shape == (26, 256, 4)
        sixteen = shape.texture(png(np.full((4, 4), 65535, np.uint16)))
        assert sixteen is not None and sixteen.min() == 255
        assert shape.texture(b"") is None
        assert shape.texture(png(big)[:60]) is None
